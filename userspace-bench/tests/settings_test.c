// SPDX-License-Identifier: GPL-2.0
/*
 * What the environment asks of hakmem: HAKMEM_STATS, HAKMEM_STATS_FILE, HAKMEM_ABORT,
 * HAKMEM_HARDENED.  A case runs this program again in that environment, with only=
 * naming a worker below, and looks at what it wrote and how it ended.
 */
#define _GNU_SOURCE
#include "check.h"
#include "kunit/lib/hak_pattern.h"
#include "kunit/lib/hak_random.h"
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPORT		"hakmem: bad free of"
#define MANY		3000
#define LARGE		((1 << 20) + 1)	/* the least that the next allocator serves */

/* The very names of include/linux/hakmem_stats.h, in its order. */
static const char *const names[] = { "alloc_magazine", "alloc_spare", "alloc_depot", "alloc_slab",
	"alloc_superslab", "alloc_small_block", "alloc_large", "alloc_fail", "free_magazine",
	"free_spare", "free_depot", "free_slab_local", "free_slab_remote", "free_superslab",
	"free_small_block", "free_large", "free_exact", "free_nmi", "bad_free_foreign",
	"bad_free_double", "bad_free_cache", "bad_free_interior", "bad_free_by_kernel",
	"write_after_free", "leaked_objects", "isolated_wakeups", "pages_held", "superslabs_held",
	"small_blocks_held", "alloc_run", "free_run" };

static void *kept[MANY];

static void worker_nothing(void)
{
	free(malloc(64));
	printf("# pid %d\n", getpid());
}

static void worker_double(void)
{
	uint64_t before = stat_bad_frees();
	void *p = malloc(64);

	free(p);
	free(hide(p));
	expect(stat_bad_frees() == before + 1, "not counted");
}

static void worker_interior(void)
{
	static const size_t sizes[] = { 8, 16, 32, 48, 64, 100, 128, 200, 320, 640, 1024 };
	uint64_t before = stat_of("bad_free_interior");
	size_t i, off;
	char *p;

	for (i = 0; i < COUNT(sizes); i++) {
		p = malloc(sizes[i]);
		memset(p, 0xc3, sizes[i]);
		for (off = 8; off < sizes[i]; off += 8) {
			free(hide(p + off));
			before++;
			expect(stat_of("bad_free_interior") == before, "%zu in %zu: not at once",
			       off, sizes[i]);
		}
		expect(hak_all_bytes(p, sizes[i], 0xc3), "content of %zu bytes", sizes[i]);
		free(p);
	}
	expect_audit_clean();
}

static void expect_rise(const char *name, uint64_t before, uint64_t now, uint64_t by)
{
	expect(now - before == by, "%s rose by %llu, not %llu", name,
	       (unsigned long long)(now - before), (unsigned long long)by);
}

/* Every operation on what hakmem serves is counted once, and nothing is counted as large. */
static void worker_exact_small(void)
{
	uint64_t served = stat_served(), large = stat_of("alloc_large");
	uint64_t free_large = stat_of("free_large");
	size_t i;

	for (i = 0; i < MANY; i++)
		kept[i] = i % 3 ? malloc(i * 8 % 9000) : calloc(1, i * 8 % 9000);
	expect_rise("served", served, stat_served(), MANY);
	expect_rise("alloc_large", large, stat_of("alloc_large"), 0);
	for (i = 0; i < MANY; i++)
		free(kept[i]);
	expect_rise("served", served, stat_served(), MANY);
	expect_rise("free_large", free_large, stat_of("free_large"), 0);
}

static uint64_t freed_near(void)
{
	return stat_of("free_magazine") + stat_of("free_spare") + stat_of("free_depot");
}

static void worker_exact_pairs(void)
{
	uint64_t served, freed;
	size_t i;

	free(malloc(64));
	served = stat_served();
	freed = freed_near();
	for (i = 0; i < MANY; i++)
		free(malloc(64));
	expect_rise("served", served, stat_served(), MANY);
	expect_rise("free_*", freed, freed_near(), MANY);
}

static void *count_on_thread(void *arg)
{
	size_t i;

	for (i = 0; i < MANY; i++)
		free(malloc(i % 1025));
	return arg;
}

/* What threads counted stays counted when they are gone and their slots are used again. */
static void worker_exact_threads(void)
{
	uint64_t served = stat_served(), rise;
	pthread_t thread[4];
	size_t round, i;

	for (round = 0; round < 25; round++) {
		for (i = 0; i < COUNT(thread); i++)
			pthread_create(&thread[i], NULL, count_on_thread, NULL);
		for (i = 0; i < COUNT(thread); i++)
			pthread_join(thread[i], NULL);
	}
	rise = stat_served() - served;
	/* To make a thread takes an object or two of the C library's own. */
	expect(rise >= 100 * MANY && rise <= 100 * MANY + 300, "%llu were counted of %d",
	       (unsigned long long)rise, 100 * MANY);
}

static void worker_exact_large(void)
{
	uint64_t served = stat_served(), large = stat_of("alloc_large");
	uint64_t free_large = stat_of("free_large");
	size_t i;

	for (i = 0; i < MANY; i++)
		kept[i] = malloc(LARGE + i % 3000);
	expect_rise("alloc_large", large, stat_of("alloc_large"), MANY);
	for (i = 0; i < MANY; i++)
		free(kept[i]);
	expect_rise("free_large", free_large, stat_of("free_large"), MANY);
	expect_rise("served", served, stat_served(), 0);
}

static void worker_names(void)
{
	size_t i;

	for (i = 0; i < COUNT(names); i++)
		expect(stat_of(names[i]) != ~0ULL, "%s is not known", names[i]);
	expect(stat_of("no_such_name") == ~0ULL, "no_such_name has a value");
	expect(stat_of("") == ~0ULL, "the empty name has a value");
	expect(stat_of("alloc_") == ~0ULL, "half a name has a value");
}

static void worker_names_misses(void)
{
	expect(stat_of("alloc_magazine") == ~0ULL, "hits are kept");
	expect(stat_of("free_magazine") == ~0ULL, "hits are kept");
	expect(stat_of("alloc_slab") != ~0ULL, "misses are not kept");
}

/* The process ends while other threads are busy in the allocator. */
static void *allocate_for_ever(void *arg)
{
	unsigned long long state = (uintptr_t)arg;

	for (;;)
		free(malloc(hak_below(&state, 1500)));
	return NULL;
}

static void worker_busy_exit(void)
{
	pthread_t thread;
	uintptr_t i;

	for (i = 0; i < 4; i++)
		pthread_create(&thread, NULL, allocate_for_ever, (void *)i);
	usleep(20000);
}

static void again(const char *worker, const char *const *env, struct outcome *o)
{
	const char *args[] = { worker, "fork=0", NULL };

	run_self(args, env, o);
}

static void expect_worker(const char *worker, const char *const *env)
{
	struct outcome o;
	const char *why;

	again(worker, env, &o);
	why = strstr(o.err, "not ok");
	expect(ended_well(&o), "%s, status %x: %.300s", worker, o.status, why ? why : o.err);
}

/* Judges the lines "hakmem: NAME VALUE": each name once, in order; "-" where @unkept. */
static void expect_lines(const char *text, bool unkept)
{
	char want[64], value[32];
	const char *at;
	size_t i;

	for (i = 0; i < COUNT(names); i++) {
		snprintf(want, sizeof(want), "hakmem: %s ", names[i]);
		at = strstr(text, want);
		require(at, "no line \"%sVALUE\" in: %.100s", want, text);
		expect(!strstr(at + 1, want), "two lines \"%s\"", want);
		expect(at == text || at[-1] == '\n', "\"%s\" does not begin its line", want);
		require(sscanf(at + strlen(want), "%31s", value) == 1, "no value of %s", names[i]);
		if (unkept && strstr(names[i], "_magazine"))
			expect(!strcmp(value, "-"), "%s is %s, not -", names[i], value);
		else
			expect(strspn(value, "0123456789") == strlen(value), "%s is %s",
			       names[i], value);
		text = at;
	}
}

static const char *const stats_off[] = { "HAKMEM_STATS", "HAKMEM_STATS_FILE", NULL };
static const char *const stats_on[] = { "HAKMEM_STATS=1", "HAKMEM_STATS_FILE", NULL };
static const char *const stats_misses[] = { "HAKMEM_STATS=misses", "HAKMEM_STATS_FILE", NULL };

static void stats_are_silent_unasked(void)
{
	struct outcome o;

	again("only=worker_nothing", stats_off, &o);
	expect(ended_well(&o) && !strstr(o.err, "hakmem:"), "it says: %.300s", o.err);
}

static void stats_print_every_name(void)
{
	struct outcome o;

	again("only=worker_nothing", stats_on, &o);
	expect(ended_well(&o), "status %x", o.status);
	expect_lines(o.err, false);
	again("only=worker_nothing", stats_misses, &o);
	expect(ended_well(&o), "status %x", o.status);
	expect_lines(o.err, true);
}

static void stats_are_read_by_name(void)
{
	expect_worker("only=worker_names", stats_on);
	expect_worker("only=worker_names_misses", stats_misses);
}

static void stats_count_exactly(void)
{
	expect_worker("only=worker_exact_small", stats_on);
	expect_worker("only=worker_exact_pairs", stats_on);
	expect_worker("only=worker_exact_threads", stats_on);
	expect_worker("only=worker_exact_large", stats_on);
	expect_worker("only=worker_exact_large", stats_off);
}

static void expect_lines_in(const char *path)
{
	static char text[8192];
	ssize_t n = -1;
	int fd;

	fd = open(path, O_RDONLY);
	require(fd >= 0, "no file %s", path);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	expect(n > 0, "%s is empty", path);
	expect_lines(text, false);
}

/* The file named by the pid has the lines, stderr has none. */
static void stats_go_to_a_file(void)
{
	char folder[] = "/tmp/hakmem-stats.XXXXXX", path[64], setting[96];
	const char *env[] = { "HAKMEM_STATS=1", setting, NULL };
	struct outcome o;
	const char *pid;

	require(mkdtemp(folder), "mkdtemp");
	snprintf(setting, sizeof(setting), "HAKMEM_STATS_FILE=%s/a-%%p", folder);
	again("only=worker_nothing", env, &o);
	expect(ended_well(&o) && !strstr(o.err, "hakmem: alloc"), "it says: %.300s", o.err);
	pid = strstr(o.err, "# pid ");
	require(pid, "the worker did not tell its pid");
	snprintf(path, sizeof(path), "%s/a-%d", folder, atoi(pid + 6));
	expect_lines_in(path);
	unlink(path);
	rmdir(folder);
}

/* A file that cannot be made is no reason to fail. */
static void stats_file_that_cannot_be(void)
{
	static const char *const env[] = { "HAKMEM_STATS=1",
		"HAKMEM_STATS_FILE=/nowhere/at/all", NULL };

	expect_worker("only=worker_nothing", env);
}

static void stats_0_is_none(void)
{
	static const char *const env[] = { "HAKMEM_STATS=0", "HAKMEM_STATS_FILE", NULL };
	struct outcome o;

	again("only=worker_nothing", env, &o);
	expect(ended_well(&o) && !strstr(o.err, "hakmem:"), "it says: %.300s", o.err);
}

/* As daemons do: whatever was open is closed, and files are opened in its place. */
static void worker_daemon(void)
{
	char name[] = "/tmp/hakmem-daemon.XXXXXX", text[64] = { };
	int fd = mkstemp(name), i;

	for (i = 0; i < 1024; i++)
		if (i != fd && i != STDOUT_FILENO)
			close(i);
	for (i = 0; i < 200; i++)
		dup(fd);
	free(malloc(64));
	printf("# file %s\n", name);
	dprintf(fd, "a record\n");
	expect(pread(fd, text, sizeof(text), 0) == 9, "the file has: %.60s", text);
}

static void stats_go_into_nobodys_file(void)
{
	char path[64], text[64] = { };
	struct outcome o;
	const char *at;
	int fd;

	again("only=worker_daemon", stats_on, &o);
	at = strstr(o.err, "# file ");
	require(ended_well(&o) && at && sscanf(at, "# file %63s", path) == 1, "%.300s", o.err);
	fd = open(path, O_RDONLY);
	expect(read(fd, text, sizeof(text) - 1) == 9, "the file has: %.60s", text);
	close(fd);
	unlink(path);
}

static void worker_moves_away(void)
{
	free(malloc(64));
	clearenv();
	printf("# moves %d\n", chdir("/"));
}

/* The environment is that of the start, and so is the folder. */
static void stats_are_those_asked_for_at_start(void)
{
	static const char *const env[] = { "HAKMEM_STATS=1", "HAKMEM_STATS_FILE=a-file", NULL };
	char folder[] = "/tmp/hakmem-stats.XXXXXX";
	struct outcome o;

	require(mkdtemp(folder) && !chdir(folder), "mkdtemp");
	again("only=worker_moves_away", env, &o);
	expect(ended_well(&o), "%.300s", o.err);
	expect_lines_in("a-file");
	unlink("a-file");
	rmdir(folder);
}

static void exit_while_others_allocate(void)
{
	int i;

	for (i = 0; i < 20 && !check_failed(); i++)
		expect_worker("only=worker_busy_exit", i & 1 ? stats_on : stats_off);
}

static void abort_if_told(void)
{
	static const char *const env[] = { "HAKMEM_ABORT=1", NULL };
	static const char *const none[] = { "HAKMEM_ABORT", NULL };
	struct outcome o;

	again("only=worker_double", env, &o);
	expect(WIFSIGNALED(o.status) && WTERMSIG(o.status) == SIGABRT, "status %x", o.status);
	expect(strstr(o.err, REPORT), "it says: %.200s", o.err);
	expect_worker("only=worker_double", none);
}

static void hardened_2_finds_interior_at_once(void)
{
	static const char *const env[] = { "HAKMEM_HARDENED=2", "HAKMEM_ABORT", NULL };

	expect_worker("only=worker_interior", env);
	expect_worker("only=worker_double", env);
}

/* Settings that mean nothing must not break the program. */
static void odd_settings_are_survived(void)
{
	static const char *const odd[][4] = {
		{ "HAKMEM_STATS=", "HAKMEM_HARDENED=", "HAKMEM_ABORT=", NULL },
		{ "HAKMEM_STATS=banana", "HAKMEM_HARDENED=banana", "HAKMEM_ABORT=0", NULL },
		{ "HAKMEM_STATS=99999999999999999999", "HAKMEM_HARDENED=-7", NULL },
	};
	size_t i;

	for (i = 0; i < COUNT(odd); i++)
		expect_worker("only=worker_nothing", odd[i]);
}

static const struct check_case cases[] = {
	{ "stats_are_silent_unasked", stats_are_silent_unasked, NEEDS_HAKMEM },
	{ "stats_print_every_name", stats_print_every_name, NEEDS_HAKMEM },
	{ "stats_are_read_by_name", stats_are_read_by_name, NEEDS_HAKMEM },
	{ "stats_count_exactly", stats_count_exactly, NEEDS_HAKMEM },
	{ "stats_go_to_a_file", stats_go_to_a_file, NEEDS_HAKMEM },
	{ "stats_file_that_cannot_be", stats_file_that_cannot_be, NEEDS_HAKMEM },
	{ "stats_0_is_none", stats_0_is_none, NEEDS_HAKMEM },
	{ "stats_go_into_nobodys_file", stats_go_into_nobodys_file, NEEDS_HAKMEM },
	{ "stats_are_those_asked_for_at_start", stats_are_those_asked_for_at_start, NEEDS_HAKMEM },
	{ "exit_while_others_allocate", exit_while_others_allocate, 0 },
	{ "abort_if_told", abort_if_told, NEEDS_HAKMEM },
	{ "hardened_2_finds_interior_at_once", hardened_2_finds_interior_at_once, NEEDS_HAKMEM },
	{ "odd_settings_are_survived", odd_settings_are_survived, 0 },
	{ NULL, NULL, 0 },
};

/* What the cases run; alone, they are no tests. */
static const struct check_case workers[] = {
	{ "worker_nothing", worker_nothing, 0 },
	{ "worker_daemon", worker_daemon, 0 },
	{ "worker_moves_away", worker_moves_away, 0 },
	{ "worker_double", worker_double, NEEDS_HAKMEM },
	{ "worker_interior", worker_interior, NEEDS_HAKMEM },
	{ "worker_exact_small", worker_exact_small, NEEDS_HAKMEM },
	{ "worker_exact_pairs", worker_exact_pairs, NEEDS_HAKMEM },
	{ "worker_exact_threads", worker_exact_threads, NEEDS_HAKMEM },
	{ "worker_exact_large", worker_exact_large, NEEDS_HAKMEM },
	{ "worker_names", worker_names, NEEDS_HAKMEM },
	{ "worker_names_misses", worker_names_misses, NEEDS_HAKMEM },
	{ "worker_busy_exit", worker_busy_exit, 0 },
	{ NULL, NULL, 0 },
};

int main(int argc, char **argv)
{
	bool worker = argc > 1 && !strncmp(argv[1], "only=worker_", 12);

	return check_main(argc, argv, worker ? workers : cases, 1, 0);
}
