// SPDX-License-Identifier: GPL-2.0
/*
 * Which rows a command stands for, and running them.
 *
 *   budget    the rows of the instruction budget: 64 bytes, one CPU
 *   cross     the rows of the budget that take two CPUs
 *   nodes     the rows of the budget with multi_node=1
 *   patterns  every pattern, four sizes
 *   time      few rows of long rounds, for kernels that run at native speed
 *   memory    no rows at all; see bench_memory.c
 *   latency   no rows either; see bench_latency.c
 *   larson    each profile of it on 1 to 4 CPUs
 *   a single  what the words of the command say
 */
#include <linux/errno.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "bench.h"
#include "bench_clock.h"

/* Short enough that some rounds meet no timer tick and no neighbour on the host. */
#define SET_TIME_ROUND_NS NSEC_PER_MSEC

static struct bench_row *set_row(struct bench_result *res, const char *name,
				 enum bench_pattern pattern, unsigned int size)
{
	struct bench_row *row = &res->row[res->nr_rows];

	if (WARN_ON_ONCE(res->nr_rows == BENCH_MAX_ROWS))
		row--;
	else
		res->nr_rows++;
	strscpy(row->name, name, sizeof(row->name));
	row->pattern = pattern;
	row->size = size;
	row->batch = bench_patterns[pattern].batch;
	row->cpus = bench_patterns[pattern].two_cpus ? 2 : 1;
	row->ops = res->cmd.ops;
	row->kinds = res->cmd.kinds;
	row->rounds = res->cmd.rounds;
	row->lane[0].alloc = BENCH_NONE;
	row->lane[0].cpus = row->cpus;
	row->nr = 1;
	return row;
}

static void set_lane(struct bench_row *row, enum bench_alloc a, unsigned int cpus)
{
	row->lane[row->nr].alloc = a;
	row->lane[row->nr].cpus = cpus;
	row->nr++;
}

static struct bench_row *set_pair(struct bench_result *res, const char *name,
				  enum bench_pattern pattern, enum bench_alloc ours,
				  enum bench_alloc theirs)
{
	struct bench_row *row = set_row(res, name, pattern, 64);

	set_lane(row, ours, row->cpus);
	set_lane(row, theirs, row->cpus);
	return row;
}

/* Caches with a constructor; slabs of the largest take several slab pages. */
static void set_ctor(struct bench_result *res)
{
	static const struct {
		const char *name;
		enum bench_pattern p;
		unsigned int size;
		enum bench_ctx ctx;
	} list[] = {
		{ "ctor_pair", BENCH_LIFO, 64, BENCH_TASK },
		{ "ctor_pair16", BENCH_LIFO, 16, BENCH_TASK },
		{ "ctor_pair4000", BENCH_LIFO, 4000, BENCH_TASK },
		{ "ctor_bulk64", BENCH_BULK, 64, BENCH_TASK },
		{ "ctor_softirq", BENCH_LIFO, 64, BENCH_SOFTIRQ },
		{ "ctor_hardirq", BENCH_LIFO, 64, BENCH_HARDIRQ },
	};
	struct bench_row *row;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		row = set_pair(res, list[i].name, list[i].p, BENCH_HAKMEM, BENCH_KMEM_CACHE);
		row->ctor = true;
		row->size = list[i].size;
		row->ctx = list[i].ctx;
	}
}

static void set_budget(struct bench_result *res)
{
	struct bench_row *row;

	set_pair(res, "typed_pair", BENCH_LIFO, BENCH_HAKMEM, BENCH_KMEM_CACHE);
	set_ctor(res);
	set_pair(res, "const_pair", BENCH_LIFO, BENCH_HAKMEM_CONST, BENCH_KMALLOC);
	set_pair(res, "called_pair", BENCH_LIFO, BENCH_HAKMEM_VAR, BENCH_KMALLOC_VAR);
	set_pair(res, "typed_batch256", BENCH_BATCH, BENCH_HAKMEM, BENCH_KMEM_CACHE)->batch = 256;
	set_pair(res, "typed_bulk64", BENCH_BULK, BENCH_HAKMEM, BENCH_KMEM_CACHE);
	row = set_pair(res, "free_bulk_mixed", BENCH_FREE_BULK, BENCH_HAKMEM_VAR,
		       BENCH_KMALLOC_VAR);
	/* What a free of the kernel's costs depends on its slabs: the mean of more of them. */
	row->ops *= 4;
	row = set_pair(res, "free_bulk_grouped", BENCH_FREE_BULK, BENCH_HAKMEM_VAR,
		       BENCH_KMALLOC_VAR);
	row->ops *= 4;
	row->grouped = true;
	set_pair(res, "typed_softirq", BENCH_LIFO, BENCH_HAKMEM, BENCH_KMEM_CACHE)->ctx =
		BENCH_SOFTIRQ;
	set_pair(res, "typed_hardirq", BENCH_LIFO, BENCH_HAKMEM, BENCH_KMEM_CACHE)->ctx =
		BENCH_HARDIRQ;
	row = set_pair(res, "free_rcu_call", BENCH_FREE_RCU, BENCH_HAKMEM, BENCH_KMALLOC_VAR);
	/* Cheap calls: one tick of the timer in 2000 of them is 1 %. */
	row->ops *= 4;
}

static void set_cross(struct bench_result *res)
{
	set_pair(res, "remote64", BENCH_REMOTE, BENCH_HAKMEM, BENCH_KMEM_CACHE);
}

static void set_nodes(struct bench_result *res)
{
	set_pair(res, "node_pair", BENCH_LIFO, BENCH_HAKMEM, BENCH_KMEM_CACHE);
	set_pair(res, "node_const", BENCH_LIFO, BENCH_HAKMEM_CONST, BENCH_KMALLOC);
	set_pair(res, "node_bulk64", BENCH_BULK, BENCH_HAKMEM, BENCH_KMEM_CACHE);
	set_pair(res, "node_softirq", BENCH_LIFO, BENCH_HAKMEM, BENCH_KMEM_CACHE)->ctx =
		BENCH_SOFTIRQ;
	set_pair(res, "node_hardirq", BENCH_LIFO, BENCH_HAKMEM, BENCH_KMEM_CACHE)->ctx =
		BENCH_HARDIRQ;
}

static void set_pattern(struct bench_result *res, enum bench_pattern p, unsigned int batch,
			unsigned int size)
{
	struct bench_row *row = set_row(res, "", p, size);

	if (batch)
		row->batch = batch;
	scnprintf(row->name, sizeof(row->name), batch ? "%s%u" : "%s", bench_patterns[p].name,
		  batch);
	if (p == BENCH_FREE_BULK) {
		set_lane(row, BENCH_HAKMEM_VAR, row->cpus);
		set_lane(row, BENCH_KMALLOC_VAR, row->cpus);
		return;
	}
	set_lane(row, BENCH_HAKMEM, row->cpus);
	set_lane(row, BENCH_KMEM_CACHE, row->cpus);
	set_lane(row, BENCH_KMALLOC, row->cpus);
}

static void set_patterns(struct bench_result *res)
{
	static const struct { enum bench_pattern p; unsigned int batch; } list[] = {
		{ BENCH_LIFO }, { BENCH_FIFO }, { BENCH_RANDOM }, { BENCH_INTERLEAVED },
		{ BENCH_LONGLIVED }, { BENCH_BATCH, 16 }, { BENCH_BATCH, 64 },
		{ BENCH_BATCH, 256 }, { BENCH_BULK, 16 }, { BENCH_BULK, 64 },
		{ BENCH_PRODUCER_CONSUMER }, { BENCH_REMOTE, 64 },
	};
	static const unsigned int sizes[] = { 16, 64, 256, 1024 };
	unsigned int i, s;

	for (i = 0; i < ARRAY_SIZE(list); i++)
		for (s = 0; s < ARRAY_SIZE(sizes); s++)
			set_pattern(res, list[i].p, list[i].batch, sizes[s]);
	set_pattern(res, BENCH_FREE_BULK, 0, 64);
}

static void set_time(struct bench_result *res)
{
	struct bench_row *row;
	unsigned int i;

	set_pair(res, "pair", BENCH_LIFO, BENCH_HAKMEM, BENCH_KMEM_CACHE);
	set_pair(res, "const_pair", BENCH_LIFO, BENCH_HAKMEM_CONST, BENCH_KMALLOC);
	set_pair(res, "batch64", BENCH_BATCH, BENCH_HAKMEM, BENCH_KMEM_CACHE);
	set_pair(res, "batch256", BENCH_BATCH, BENCH_HAKMEM, BENCH_KMEM_CACHE)->batch = 256;
	set_pair(res, "bulk64", BENCH_BULK, BENCH_HAKMEM, BENCH_KMEM_CACHE);
	row = set_pair(res, "two_cpus_pair", BENCH_LIFO, BENCH_HAKMEM, BENCH_KMEM_CACHE);
	set_lane(row, BENCH_HAKMEM, 2);
	set_lane(row, BENCH_KMEM_CACHE, 2);
	set_pair(res, "ring", BENCH_PRODUCER_CONSUMER, BENCH_HAKMEM, BENCH_KMEM_CACHE);
	set_pair(res, "remote64", BENCH_REMOTE, BENCH_HAKMEM, BENCH_KMEM_CACHE);
	for (i = 0; i < res->nr_rows; i++)
		res->row[i].round_ns = SET_TIME_ROUND_NS;
}

#define SET_LARSON_CPUS 4

static void set_larson(struct bench_result *res)
{
	const struct bench_profile_info *p;
	struct bench_row *row;
	unsigned int i, cpus;

	for (i = 0; i < BENCH_NR_PROFILES; i++) {
		for (cpus = 1; cpus <= SET_LARSON_CPUS; cpus++) {
			p = &bench_profiles[i];
			row = set_row(res, "", BENCH_LARSON, BENCH_LARSON_SIZE);
			scnprintf(row->name, sizeof(row->name), "larson_%s%u", p->name, cpus);
			row->cpus = cpus;
			row->lane[0].cpus = cpus;
			row->batch = p->slots;
			row->burst = p->burst;
			row->ops = p->ops;
			set_lane(row, BENCH_HAKMEM, cpus);
			set_lane(row, BENCH_KMEM_CACHE, cpus);
		}
	}
}

static void set_single(struct bench_result *res)
{
	const struct bench_cmd *cmd = &res->cmd;
	struct bench_row *row;
	unsigned int i;

	row = set_row(res, bench_patterns[cmd->pattern].name, cmd->pattern, cmd->size);
	row->ctx = cmd->ctx;
	row->ctor = cmd->ctor;
	row->burst = bench_profiles[cmd->profile].burst;
	if (cmd->batch)
		row->batch = cmd->batch;
	if (cmd->cpus)
		row->cpus = cmd->cpus;
	row->lane[0].cpus = row->cpus;
	for (i = 0; i < cmd->nr_allocs; i++)
		set_lane(row, cmd->alloc[i], row->cpus);
}

int bench_run(struct bench_result *res)
{
	unsigned int i;
	int err = 0;

	res->exact = bench_clock.exact;
	res->cycles = bench_clock.cycles;
	bench_debug_names(res->debug, sizeof(res->debug));
	bench_fairness(res);
	switch (res->cmd.set) {
	case BENCH_BUDGET:
		set_budget(res);
		break;
	case BENCH_CROSS:
		set_cross(res);
		break;
	case BENCH_NODES:
		set_nodes(res);
		break;
	case BENCH_PATTERNS:
		set_patterns(res);
		break;
	case BENCH_TIME:
		set_time(res);
		break;
	case BENCH_LARSONS:
		set_larson(res);
		break;
	case BENCH_MEMORY:
		return bench_memory_run(res);
	case BENCH_LATENCY:
		return bench_latency_run(res);
	default:
		set_single(res);
	}
	for (i = 0; i < res->nr_rows && !err; i++)
		err = bench_row_run(&res->row[i], res);
	/* A kthread cannot be made for a caller that is being killed. */
	return err && signal_pending(current) ? -EINTR : err;
}
