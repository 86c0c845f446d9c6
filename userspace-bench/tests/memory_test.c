// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of freed memory: it is used again.  What a burst left is given back by itself but
 * for a budget, and malloc_trim() gives that back too.  Threads that end leave nothing behind.
 */
#define _GNU_SOURCE
#include "check.h"
#include "kunit/lib/hak_pattern.h"
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MIB		(1UL << 20)
#define CLASS_BUDGET	MIB		/* what one class may retain */
#define BLOCK		(2 * MIB)	/* memory is taken and given back in these */
#define RUNS_BUDGET	(16 * MIB)	/* what is larger may retain so much in all */
#define LARGEST_CLASS	32768
#define SPARE		(4 * BLOCK)	/* what is kept is scattered over a few of them */
#define CROWD		300
#define EACH		300
#define ROUNDS		8
#define CROWD_SIZE	1024

static void *live[400000];

/* Bytes of this process that are in memory; 0 if nobody tells. */
static uint64_t resident(void)
{
	unsigned long all, pages = 0;
	char text[128] = { };
	FILE *statm = fopen("/proc/self/statm", "r");

	if (!statm)
		return 0;
	if (!fgets(text, sizeof(text), statm) || sscanf(text, "%lu %lu", &all, &pages) != 2)
		pages = 0;
	fclose(statm);
	return pages * sysconf(_SC_PAGESIZE);
}

static void expect_held(const char *when, uint64_t most)
{
	uint64_t held = held_bytes();

	expect(!under_hakmem() || held <= most, "%s %llu bytes are held, not %llu", when,
	       (unsigned long long)held, (unsigned long long)most);
}

static void take(size_t n, size_t size)
{
	size_t i;

	for (i = 0; i < n; i++)
		live[i] = memset(malloc(size), 1, size);
}

static void give(size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		free(live[i]);
}

/* 200 MiB pass through 1 MiB of live objects. */
static void small_memory_is_reused(void)
{
	uint64_t held;
	size_t i, k;

	take(4096, 256);
	held = held_bytes();
	for (i = 0; i < 800000; i++) {
		k = i * 2654435761u % 4096;
		free(live[k]);
		live[k] = malloc(256);
	}
	expect_held("after 200 MiB", held + BLOCK);
	give(4096);
	expect_audit_clean();
}

/* Leaked, this would be 2 GB. */
static void large_memory_is_reused(void)
{
	uint64_t before = resident();
	size_t i;
	void *p;

	for (i = 0; i < 40000 && !check_failed(); i++) {
		p = malloc(2000 + i % 50 * 2000);
		memset(p, 1, malloc_usable_size(p));
		p = realloc(p, 1500 + i % 70 * 1000);
		free(p);
		if (i % 1000 == 0)
			expect(resident() < before + 100 * MIB, "%llu MiB resident after %zu",
			       (unsigned long long)(resident() / MIB), i);
	}
}

/* Full of objects of one size, memory is lost to headers and to the distance of classes only. */
static void little_is_lost_in_each_size(void)
{
	const uint64_t bytes = 8 * MIB;
	uint64_t before, taken;
	size_t size, n;

	memset(live, 1, bytes / 64 * sizeof(live[0]));
	for (size = 64; size <= 1024; size += 16) {
		n = bytes / size;
		malloc_trim(0);
		before = resident();
		take(n, size);
		taken = resident() - before;
		give(n);
		expect(taken <= n * size + n * size * 75 / 1000,
		       "%zu objects of %zu bytes take %llu bytes: %llu in a thousand are lost", n,
		       size, (unsigned long long)taken,
		       (unsigned long long)(taken * 1000 / (n * size) - 1000));
	}
	expect_audit_clean();
}

static void child_of_burst(void *arg)
{
	size_t size = *(size_t *)arg, n = 64 * MIB / size;
	uint64_t before = held_bytes();

	if (n > COUNT(live))
		n = COUNT(live);
	take(n, size);
	expect(!under_hakmem() || held_bytes() >= n * size, "%zu bytes are live, and held are "
	       "%llu", n * size, (unsigned long long)held_bytes());
	give(n);
	expect_held("after a burst", before + RUNS_BUDGET * (size > LARGEST_CLASS) +
		    CLASS_BUDGET * (size > LARGEST_CLASS / 4 ? 6 : 1) + SPARE);
	expect_audit_clean();
}

/* Each size in a process of its own: 64 MiB at once, and then nothing. */
static void burst_is_given_back(void)
{
	static size_t sizes[] = { 160, 256, 512, 1024, 1500, 4096, 8192, 20000, 32768, 40000,
		100000, 1 << 20 };
	struct outcome o;
	size_t i;

	for (i = 0; i < COUNT(sizes) && !check_failed(); i++) {
		run_child(child_of_burst, &sizes[i], &o);
		expect(ended_well(&o), "status %x with %zu bytes", o.status, sizes[i]);
	}
}

static long faults(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_minflt;
}

/* Page faults of the last of some rounds in which @n objects are built and dropped. */
static long swing(size_t n, size_t size, int rounds)
{
	long before = 0;

	while (rounds--) {
		before = faults();
		take(n, size);
		give(n);
	}
	return faults() - before;
}

/* As long as it takes, but no longer than a minute. */
static void until_held(uint64_t most)
{
	time_t end = time(NULL) + 60;

	while (held_bytes() > most && time(NULL) < end) {
		take(1000, 64);
		give(1000);
	}
}

/* What is built and dropped again and again stays, and goes when that has ended. */
static void what_is_wanted_again_stays(void)
{
	static const struct { size_t n, size; } of[] = { { 400000, 64 }, { 10000, 4096 },
		{ 1000, 40000 }, { 150, 300000 } };
	uint64_t before;
	size_t i;
	long n;

	malloc_trim(0);
	before = held_bytes();
	for (i = 0; i < COUNT(of); i++) {
		n = swing(of[i].n, of[i].size, 6);
		expect(n < (long)(of[i].n * of[i].size / 4096 / 4), "%ld page faults for %zu of "
		       "%zu bytes", n, of[i].n, of[i].size);
	}
	until_held(before + RUNS_BUDGET + SPARE);
	expect_held("a while later", before + RUNS_BUDGET + SPARE);
	malloc_trim(0);
	expect_held("after a trim", before + BLOCK);
	expect_audit_clean();
}

/* Pages that somebody wrote to are 0 for calloc(), and no two blocks share any. */
static void used_pages_are_cleared(void)
{
	static const size_t sizes[] = { 1025, 5000, 32768, 32769, 65536, 100000, 1 << 20 };
	size_t i, k, n = 16, size;
	unsigned char *p;

	for (i = 0; i < COUNT(sizes) && !check_failed(); i++) {
		size = sizes[i];
		for (k = 0; k < n; k++)
			live[k] = memset(malloc(size), 0xff, size);
		give(n);
		for (k = 0; k < n; k++) {
			p = live[k] = calloc(1, size);
			expect(hak_all_bytes(p, size, 0), "%zu bytes are not 0", size);
			memset(p, 0xff, size);
		}
		expect(distinct(live, n), "two blocks of %zu bytes are one", size);
		give(n);
	}
	expect_audit_clean();
}

static void trim_gives_the_rest_back(void)
{
	static const size_t sizes[] = { 16, 32, 48, 64, 96, 128, 192, 256, 320, 384, 512, 640,
		768, 1024 };
	uint64_t before, left;
	size_t i;

	malloc_trim(0);
	before = held_bytes();
	for (i = 0; i < COUNT(sizes); i++) {
		take(4 * MIB / sizes[i], sizes[i]);
		give(4 * MIB / sizes[i]);
	}
	left = held_bytes();
	expect(left > before + BLOCK, "nothing is left to trim: %llu bytes, %llu before",
	       (unsigned long long)left, (unsigned long long)before);
	malloc_trim(0);
	expect_held("after a trim", before + BLOCK);
	expect_audit_clean();
}

/* What the next allocator keeps is given back too: the last of many stays, so it keeps them all. */
static void trim_asks_the_next_one(void)
{
	const size_t n = 30, size = 2000000;
	uint64_t before = resident();

	take(n, size);
	live[n] = malloc(size);
	give(n);
	malloc_trim(0);
	expect(resident() < before + n * size / 4, "%llu KiB of %llu stay",
	       (unsigned long long)((resident() - before) >> 10),
	       (unsigned long long)(n * size >> 10));
	free(live[n]);
}

static pthread_barrier_t barrier;

/* Fills its magazines to the brim, together with all the others, and ends. */
static void *one_of_a_crowd(void *arg)
{
	void *own[EACH];
	size_t i, round;

	/* Magazines grow by being emptied and filled. */
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < EACH; i++)
			own[i] = malloc(CROWD_SIZE);
		pthread_barrier_wait(&barrier);
		for (i = 0; i < EACH; i++)
			free(own[i]);
	}
	pthread_barrier_wait(&barrier);
	return arg;
}

static void run_crowd(void)
{
	static pthread_t thread[CROWD];
	pthread_attr_t attr;
	size_t i;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	pthread_barrier_init(&barrier, NULL, CROWD);
	for (i = 0; i < CROWD; i++)
		if (pthread_create(&thread[i], &attr, one_of_a_crowd, NULL))
			_Exit(1);
	for (i = 0; i < CROWD; i++)
		pthread_join(thread[i], NULL);
}

/* What threads had when they ended serves the next one: it needs no more than they did. */
static void ended_threads_hold_nothing(void)
{
	const uint64_t taken = (uint64_t)CROWD * EACH * CROWD_SIZE;
	uint64_t before;

	malloc_trim(0);
	before = held_bytes();
	run_crowd();
	take(CROWD * EACH, CROWD_SIZE);
	expect_held("with as much live as all threads had", before + taken * 5 / 4 +
		    CLASS_BUDGET + SPARE);
	give(CROWD * EACH);
	malloc_trim(0);
	expect_held("with all threads ended and trimmed", before + 2 * SPARE);
	expect_audit_clean();
}

static void *short_life(void *arg)
{
	free(malloc(100));
	return arg;
}

/* What the library keeps for a thread serves the next one: kept 6000 times, it would show. */
static void threads_cost_nothing_when_gone(void)
{
	uint64_t before = 0;
	pthread_t thread;
	size_t i;

	for (i = 0; i < 6500 && !check_failed(); i++) {
		if (pthread_create(&thread, NULL, short_life, NULL))
			_Exit(1);
		pthread_join(thread, NULL);
		if (i == 500)
			before = resident();
	}
	expect(resident() <= before + 64 * MIB, "%llu KiB are resident, %llu were",
	       (unsigned long long)(resident() >> 10), (unsigned long long)(before >> 10));
}

static const struct check_case cases[] = {
	{ "small_memory_is_reused", small_memory_is_reused, 0 },
	{ "large_memory_is_reused", large_memory_is_reused, 0 },
	{ "little_is_lost_in_each_size", little_is_lost_in_each_size, NEEDS_HAKMEM },
	{ "burst_is_given_back", burst_is_given_back, 0 },
	{ "what_is_wanted_again_stays", what_is_wanted_again_stays, NEEDS_HAKMEM },
	{ "used_pages_are_cleared", used_pages_are_cleared, 0 },
	{ "trim_gives_the_rest_back", trim_gives_the_rest_back, NEEDS_HAKMEM },
	{ "trim_asks_the_next_one", trim_asks_the_next_one, 0 },
	{ "ended_threads_hold_nothing", ended_threads_hold_nothing, 0 },
	{ "threads_cost_nothing_when_gone", threads_cost_nothing_when_gone, 0 },
	{ NULL, NULL, 0 },
};

int main(int argc, char **argv)
{
	return check_main(argc, argv, cases, 1, 0);
}
