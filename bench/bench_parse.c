// SPDX-License-Identifier: GPL-2.0
/*
 * One line of words to a command.
 *
 *   set=budget|cross|nodes|patterns|time|memory|latency|larson [rounds=N] [force=1]
 *   pattern=P [alloc=A[,A...]] [size=N] [batch=N] [cpus=N] [ctx=C] [rounds=N] [ops=N]
 *             [ctor=1] [force=1]
 *   pattern=larson [profile=quick|steady|churn] [caches=N] and the same, where batch is the
 *             number of slots a CPU has, a power of two
 *
 * Everything is checked before anything runs.  A wrong line leaves one message in the log,
 * -EINVAL with the writer, and the last result as it was.
 */
#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/string.h>

#include "bench.h"

enum { KEY_SET, KEY_PATTERN, KEY_ALLOC, KEY_CTX, KEY_SIZE, KEY_BATCH, KEY_CPUS, KEY_ROUNDS,
	KEY_OPS, KEY_CTOR, KEY_FORCE, KEY_PROFILE, KEY_CACHES, NR_KEYS };

static const char *const parse_keys[NR_KEYS] = {
	"set", "pattern", "alloc", "ctx", "size", "batch", "cpus", "rounds", "ops", "ctor",
	"force", "profile", "caches",
};

static const char *const parse_sets[BENCH_NR_SETS] = {
	[BENCH_SINGLE] = "", "budget", "cross", "nodes", "patterns", "time",
	"memory", "latency", "larson",
};

#define PARSE_SET_KEYS (BIT(KEY_SET) | BIT(KEY_ROUNDS) | BIT(KEY_FORCE))
#define PARSE_IRQ_OPS 10000		/* operations an interrupt may be kept busy with */

static int parse_bad(const char *what, const char *word)
{
	pr_err("hakmem_bench: %s: \"%.40s\"\n", what, word);
	return -EINVAL;
}

static int parse_name(const char *const *names, unsigned int n, const char *word)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!strcmp(names[i], word))
			return *word ? i : -EINVAL;
	return -EINVAL;
}

static int parse_pattern(const char *word)
{
	unsigned int i;

	for (i = 0; i < BENCH_NR_PATTERNS; i++)
		if (!strcmp(bench_patterns[i].name, word))
			return i;
	return -EINVAL;
}

static int parse_profile(const char *word)
{
	unsigned int i;

	for (i = 0; i < BENCH_NR_PROFILES; i++)
		if (!strcmp(bench_profiles[i].name, word))
			return i;
	return -EINVAL;
}

static int parse_number(unsigned int *to, const char *word, unsigned int least, unsigned int most)
{
	unsigned int v;

	if (kstrtouint(word, 10, &v) || v < least || v > most)
		return -EINVAL;
	*to = v;
	return 0;
}

static int parse_allocs(struct bench_cmd *cmd, char *list)
{
	char *word;
	int a;

	while ((word = strsep(&list, ","))) {
		a = parse_name(bench_alloc_names, BENCH_NR_ALLOCS, word);
		if (a <= BENCH_NONE || cmd->nr_allocs == ARRAY_SIZE(cmd->alloc))
			return -EINVAL;
		cmd->alloc[cmd->nr_allocs++] = a;
	}
	return 0;
}

static int parse_value(struct bench_cmd *cmd, int key, char *value)
{
	unsigned int flag = 0;
	int v = 0;

	switch (key) {
	case KEY_SET:
		v = parse_name(parse_sets, BENCH_NR_SETS, value);
		cmd->set = v;
		break;
	case KEY_PATTERN:
		v = parse_pattern(value);
		cmd->pattern = v;
		break;
	case KEY_CTX:
		v = parse_name(bench_ctx_names, BENCH_NR_CTXS, value);
		cmd->ctx = v;
		break;
	case KEY_ALLOC:
		return parse_allocs(cmd, value);
	case KEY_SIZE:
		return parse_number(&cmd->size, value, 1, HAK_CACHE_MAX_SIZE);
	case KEY_BATCH:
		return parse_number(&cmd->batch, value, 1, BENCH_MAX_SLOTS);
	case KEY_CPUS:
		return parse_number(&cmd->cpus, value, 1,
				    min_t(unsigned int, num_online_cpus(), BENCH_MAX_CPUS));
	case KEY_ROUNDS:
		return parse_number(&cmd->rounds, value, 9, BENCH_MAX_ROUNDS);
	case KEY_OPS:
		return parse_number(&cmd->ops, value, 64, 1000000);
	case KEY_CACHES:
		return parse_number(&cmd->kinds, value, 1, BENCH_MAX_KINDS);
	case KEY_PROFILE:
		v = parse_profile(value);
		cmd->profile = v;
		break;
	case KEY_CTOR:
		v = parse_number(&flag, value, 0, 1);
		cmd->ctor = flag;
		break;
	case KEY_FORCE:
		v = parse_number(&flag, value, 0, 1);
		cmd->force = flag;
	}
	return v < 0 ? -EINVAL : 0;
}

static int parse_word(struct bench_cmd *cmd, char *word, unsigned long *seen)
{
	char *value = strchr(word, '=');
	int key;

	if (!value)
		return parse_bad("not key=value", word);
	*value++ = '\0';
	key = parse_name(parse_keys, NR_KEYS, word);
	if (key < 0)
		return parse_bad("unknown key", word);
	if (__test_and_set_bit(key, seen))
		return parse_bad("key given twice", word);
	if (parse_value(cmd, key, value))
		return parse_bad("bad value for a key", word);
	return 0;
}

/* An allocator that has no loop for this pattern, size or context. */
static bool parse_no_loop(const struct bench_cmd *cmd)
{
	const struct bench_pattern_info *pi = &bench_patterns[cmd->pattern];
	unsigned int i;

	for (i = 0; i < cmd->nr_allocs; i++)
		if (!bench_loop(cmd->alloc[i], pi->shape, cmd->size, cmd->ctx != BENCH_TASK))
			return true;
	return false;
}

/* What only larson takes, and what it does not. */
static int parse_larson(struct bench_cmd *cmd, unsigned long seen)
{
	if (cmd->pattern != BENCH_LARSON) {
		if (seen & (BIT(KEY_PROFILE) | BIT(KEY_CACHES)))
			return parse_bad("profile= and caches= are for larson", cmd->text);
		if (cmd->batch > BENCH_MAX_BATCH)
			return parse_bad("bad value for a key", cmd->text);
		return 0;
	}
	if (seen & (BIT(KEY_SIZE) | BIT(KEY_CTOR)))
		return parse_bad("larson has sizes of its own", cmd->text);
	cmd->size = BENCH_LARSON_SIZE;
	if (!cmd->batch)
		cmd->batch = bench_profiles[cmd->profile].slots;
	if (!is_power_of_2(cmd->batch) || cmd->batch < bench_profiles[cmd->profile].burst)
		return parse_bad("larson wants a power of two as batch", cmd->text);
	return 0;
}

static int parse_single(struct bench_cmd *cmd)
{
	const struct bench_pattern_info *pi = &bench_patterns[cmd->pattern];
	const char *text = cmd->text;

	if (!cmd->size)
		cmd->size = 64;
	if (!cmd->nr_allocs) {
		bool mixed = cmd->pattern == BENCH_FREE_BULK, rcu = cmd->pattern == BENCH_FREE_RCU;

		cmd->alloc[0] = mixed ? BENCH_HAKMEM_VAR : BENCH_HAKMEM;
		cmd->alloc[1] = mixed || rcu ? BENCH_KMALLOC_VAR : BENCH_KMEM_CACHE;
		cmd->nr_allocs = 2;
	}
	if (cmd->ctx != BENCH_TASK && !pi->any_ctx)
		return parse_bad("this pattern runs in ctx=task only", text);
	if (cmd->ctx != BENCH_TASK && cmd->ops > PARSE_IRQ_OPS)
		return parse_bad("too many ops for this ctx", text);
	if (pi->two_cpus && cmd->cpus && cmd->cpus != 2)
		return parse_bad("this pattern takes cpus=2", text);
	if (parse_no_loop(cmd))
		return parse_bad("no loop of this alloc for this size, pattern and ctx", text);
	return 0;
}

static int parse_whole(struct bench_cmd *cmd, unsigned long seen)
{
	if (!(seen & (BIT(KEY_SET) | BIT(KEY_PATTERN))))
		return parse_bad("neither set= nor pattern=", cmd->text);
	if (!cmd->kinds)
		cmd->kinds = 8;
	if (!cmd->rounds)
		cmd->rounds = cmd->set == BENCH_TIME ? 199 : cmd->set == BENCH_PATTERNS ? 9 : 15;
	if (!cmd->ops)
		cmd->ops = !(seen & BIT(KEY_SET)) && cmd->pattern == BENCH_LARSON ?
			   bench_profiles[cmd->profile].ops : 2000;
	if (!(seen & BIT(KEY_SET)))
		return parse_larson(cmd, seen) ?: parse_single(cmd);
	if (seen & ~PARSE_SET_KEYS)
		return parse_bad("a set takes rounds= and force= only", cmd->text);
	return 0;
}

/* @line ends in NUL and is written to. */
int bench_parse(struct bench_cmd *cmd, char *line)
{
	unsigned long seen = 0;
	const char *c;
	char *word;
	int err;

	memset(cmd, 0, sizeof(*cmd));
	line = strim(line);
	for (c = line; *c; c++)
		if (!isascii(*c) || !isprint(*c)) {
			pr_err("hakmem_bench: not one line of words\n");
			return -EINVAL;
		}
	strscpy(cmd->text, line, sizeof(cmd->text));
	while ((word = strsep(&line, " "))) {
		if (!*word)
			continue;
		err = parse_word(cmd, word, &seen);
		if (err)
			return err;
	}
	return parse_whole(cmd, seen);
}
