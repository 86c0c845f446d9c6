// SPDX-License-Identifier: GPL-2.0
/*
 * Bad frees: each kind in a child of its own, whose report and counters are looked at,
 * and which must go on with nothing corrupted.
 *
 * Each case is valid in all but one thing.  A child first makes its mistake, then
 * proves that every object of the size is still handed out once, and that the audit
 * finds nothing.  The parent of it reads what it wrote to stderr.
 */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include "kunit/lib/hak_pattern.h"
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#define REPORT		"hakmem: bad free of"
#define FEW_IN_A_SLAB	1024		/* above, a slab has few objects */
#define LARGEST_CLASS	32768		/* above, each has pages of its own */
#define BLOCK		(2UL << 20)	/* memory comes in naturally aligned blocks of this size */

static const size_t sizes[] = { 8, 16, 32, 48, 64, 100, 128, 200, 320, 500, 640, 1000, 1024,
	1025, 2048, 5000, 8192, 16384, 32768, 32769, 100000 };

struct mistake {
	void (*make)(size_t size);
	size_t size;
	const char *counter;	/* which must rise by @times */
	unsigned int times;
	const char *second;	/* or this one, when not NULL */
};

/* No object may be handed out twice after what was done. */
static void all_distinct(size_t size)
{
	static void *p[3000], *sorted[COUNT(p)];
	size_t i, n = size > LARGEST_CLASS ? 10 : size > 1024 ? 100 : COUNT(p);

	for (i = 0; i < n; i++) {
		sorted[i] = p[i] = malloc(size);
		hak_pattern_fill(p[i], size, i);
	}
	expect(distinct(sorted, n), "an object of %zu bytes was handed out twice", size);
	for (i = 0; i < n; i++) {
		expect(hak_pattern_holds(p[i], size, i), "two objects of %zu bytes overlap", size);
		free(p[i]);
	}
}

static uint64_t counted(const struct mistake *m)
{
	return stat_of(m->counter) + (m->second ? stat_of(m->second) : 0);
}

static void child_of_mistake(void *arg)
{
	const struct mistake *m = arg;
	uint64_t all = stat_bad_frees(), own = counted(m);

	m->make(m->size);
	malloc_trim(0);
	expect(counted(m) - own == m->times, "%s rose by %llu, not %u (size %zu)", m->counter,
	       (unsigned long long)(counted(m) - own), m->times, m->size);
	expect(stat_bad_frees() - all == m->times, "%llu bad frees in all, not %u (size %zu)",
	       (unsigned long long)(stat_bad_frees() - all), m->times, m->size);
	all_distinct(m->size);
	expect(!audit(-1), "the audit has findings after it (size %zu)", m->size);
	expect(stat_bad_frees() - all == m->times, "good frees are counted as bad (size %zu)",
	       m->size);
}

/* One line for each mistake, none for anything else; none at all where none is made. */
static void expect_report(const struct outcome *o, const struct mistake *m)
{
	unsigned int lines = count_text(o->err, REPORT);

	expect(ended_well(o), "status %x after it (size %zu): %.200s", o->status, m->size, o->err);
	expect(!m->times == !lines && lines <= m->times, "%u reports of %u (size %zu): %.200s",
	       lines, m->times, m->size, o->err);
	expect(!lines || !strncmp(o->err, REPORT, strlen(REPORT)), "the report is: %.200s", o->err);
}

/* The same at each size above @above up to @most. */
static void at_sizes(size_t above, size_t most, void (*make)(size_t size), const char *counter,
		     unsigned int times, const char *second)
{
	struct mistake m = { make, 0, counter, times, second };
	struct outcome o;
	size_t i;

	for (i = 0; i < COUNT(sizes) && !check_failed(); i++) {
		if (sizes[i] <= above || sizes[i] > most)
			continue;
		m.size = sizes[i];
		run_child(child_of_mistake, &m, &o);
		expect_report(&o, &m);
	}
}

static void at_each_size(void (*make)(size_t size), const char *counter, unsigned int times,
			 const char *second)
{
	at_sizes(0, ~0UL, make, counter, times, second);
}

static void make_none(size_t size)
{
	void *p[200];
	size_t i;

	for (i = 0; i < COUNT(p); i++)
		p[i] = malloc(size);
	for (i = 0; i < COUNT(p); i++)
		free(p[i * 77 % COUNT(p)]);
}

static void make_twice(size_t size)
{
	void *p = malloc(size);
	uint64_t before = stat_of("bad_free_double");

	memset(p, 0xc3, size);
	free(p);
	free(hide(p));
	expect(stat_of("bad_free_double") == before + 1, "not found at the call (size %zu)", size);
}

static void make_aba(size_t size)
{
	void *a = malloc(size), *b = malloc(size);

	free(a);
	free(b);
	free(hide(a));
}

static void make_three_times(size_t size)
{
	void *p = malloc(size);

	free(p);
	free(hide(p));
	free(hide(p));
}

/* The first free is long ago: the object lies in a slab by now, with live neighbours. */
static void make_late(size_t size)
{
	static void *p[2000];
	size_t i;

	for (i = 0; i < COUNT(p); i++)
		p[i] = malloc(size);
	for (i = 0; i < COUNT(p); i++)
		if (i % 8)
			free(p[i]);
	malloc_trim(0);
	free(hide(p[501]));
	for (i = 0; i < COUNT(p); i += 8)
		free(p[i]);
}

/* Handed out again between the two frees: the second is a good one, the third is not. */
static void make_reused(size_t size)
{
	void *p = malloc(size), *again;

	free(p);
	again = malloc(size);
	expect(again == p, "the object freed last is not handed out next (size %zu)", size);
	free(hide(p));
	free(again);
}

static void *free_it(void *p)
{
	free(p);
	return NULL;
}

static void *allocate_and_free(void *size)
{
	void *p = malloc((size_t)size);

	free(p);
	return hide(p);
}

static void *allocate_it(void *size)
{
	return malloc((size_t)size);
}

static void *on_thread(void *(*body)(void *), void *arg)
{
	pthread_t thread;
	void *result = NULL;

	if (!pthread_create(&thread, NULL, body, arg))
		pthread_join(thread, &result);
	return result;
}

static void make_after_thread(size_t size)
{
	void *p = malloc(size);

	on_thread(free_it, p);
	free(hide(p));
}

static sem_t told;

static void *free_when_told(void *p)
{
	sem_wait(&told);
	free(*(void **)p);
	return NULL;
}

/* The thread is there before the first free: to make one takes memory, maybe that very object. */
static void make_on_thread(size_t size)
{
	pthread_t thread;
	void *p;

	sem_init(&told, 0, 0);
	require(!pthread_create(&thread, NULL, free_when_told, &p), "pthread_create");
	p = malloc(size);
	free(p);
	hide(&p);
	sem_post(&told);
	pthread_join(thread, NULL);
}

static void make_of_dead_thread(size_t size)
{
	void *p = on_thread(allocate_and_free, (void *)size);

	free(p);
	p = on_thread(allocate_it, (void *)size);
	free(p);
}

/* An object of the size, with room behind any place inside it; freed at the end. */
static void make_inside(size_t size, size_t offset)
{
	char *p = malloc(size);

	memset(p, 0xc3, size);
	free(hide(p + offset));
	malloc_trim(0);
	free(p);
}

static void make_interior(size_t size)
{
	make_inside(size, size < 16 ? 8 : size / 2 & ~7UL);
}

static void make_interior_of_16(size_t size)
{
	make_inside(size, size < 32 ? 8 : 16);
}

static void make_misaligned(size_t size)
{
	uint64_t before = stat_bad_frees();
	char *p = malloc(size);
	size_t i;

	for (i = 1; i < 8; i++)
		free(hide(p + i));
	expect(stat_bad_frees() == before + 7, "not found at the call (size %zu)", size);
	free(p);
}

/* The books of the block the object lies in: nobody was ever given that. */
static void make_header(size_t size)
{
	char *p = malloc(size);
	char *block = (char *)((uintptr_t)p & ~(BLOCK - 1));

	free(hide(block));
	free(hide(block + 4096));
	free(hide(block + BLOCK - 8));
	free(p);
}

/* The last page of a block that has only just been begun serves nothing yet. */
static void make_unused_page(size_t size)
{
	char *p = malloc(size);

	free(hide((char *)((uintptr_t)p & ~(BLOCK - 1)) + BLOCK - 8192));
	free(p);
}

/* Far behind all that is in use, within what the library has reserved. */
static void make_far(size_t size)
{
	char *p = malloc(size);

	free(hide((char *)((uintptr_t)p & ~(BLOCK - 1)) + (1UL << 30) + 4096));
	free(p);
}

static void make_realloc(size_t size)
{
	void *p = malloc(size), *q;

	free(p);
	q = realloc(hide(p), 2000);
	free(q);
}

static void no_mistake_no_report(void)
{
	at_each_size(make_none, "bad_free_double", 0, NULL);
}

static void double_free_is_found(void)
{
	at_each_size(make_twice, "bad_free_double", 1, NULL);
}

static void aba_is_found(void)
{
	at_each_size(make_aba, "bad_free_double", 1, NULL);
}

static void every_further_free_is_found(void)
{
	at_each_size(make_three_times, "bad_free_double", 2, NULL);
}

static void late_double_free_is_found(void)
{
	at_sizes(0, FEW_IN_A_SLAB, make_late, "bad_free_double", 1, NULL);
	/* All of its slab may be free by then, and the slab gone. */
	at_sizes(FEW_IN_A_SLAB, LARGEST_CLASS, make_late, "bad_free_double", 1, "bad_free_foreign");
	at_sizes(LARGEST_CLASS, ~0UL, make_late, "bad_free_double", 1, NULL);
}

static void free_of_reused_is_found(void)
{
	at_each_size(make_reused, "bad_free_double", 1, NULL);
}

static void double_free_across_threads_is_found(void)
{
	at_each_size(make_after_thread, "bad_free_double", 1, NULL);
	at_each_size(make_on_thread, "bad_free_double", 1, NULL);
	/* With its only object gone, the slab may be gone too. */
	at_each_size(make_of_dead_thread, "bad_free_double", 1, "bad_free_foreign");
}

static void interior_is_found(void)
{
	at_each_size(make_interior, "bad_free_interior", 1, NULL);
	at_each_size(make_interior_of_16, "bad_free_interior", 1, NULL);
}

static void misaligned_is_found_at_once(void)
{
	at_each_size(make_misaligned, "bad_free_interior", 7, NULL);
}

static void never_an_object_is_found(void)
{
	at_sizes(0, LARGEST_CLASS, make_header, "bad_free_foreign", 3, "bad_free_interior");
	at_sizes(0, LARGEST_CLASS, make_unused_page, "bad_free_foreign", 1, "bad_free_interior");
	at_each_size(make_far, "bad_free_foreign", 1, NULL);
}

static void realloc_of_freed_is_found(void)
{
	at_each_size(make_realloc, "bad_free_double", 1, NULL);
}

static void near_null_is_found(void)
{
	uint64_t before = stat_of("bad_free_foreign");
	uintptr_t p;

	for (p = 1; p <= 16; p++)
		free(hide((void *)p));
	expect(stat_of("bad_free_foreign") == before + 16, "%llu of 16 are found",
	       (unsigned long long)(stat_of("bad_free_foreign") - before));
}

static void child_frees_twice(void *arg)
{
	void *p = malloc(64);

	(void)arg;
	free(p);
	free(hide(p));
}

/* Who, which process, and a place in a file that addr2line looks up. */
static void report_says_where(void)
{
	struct outcome o;
	const char *at;
	unsigned long offset;
	char want[64], file[256];

	run_child(child_frees_twice, NULL, &o);
	require(ended_well(&o), "status %x", o.status);
	snprintf(want, sizeof(want), "; %s, process ", program_invocation_short_name);
	at = strstr(o.err, want);
	require(at, "it says: %.300s", o.err);
	expect(sscanf(at + strlen(want), "%*d, %255[^+]+0x%lx", file, &offset) == 2 &&
	       strstr(file, program_invocation_short_name) && offset < 1 << 20,
	       "it says: %.300s", o.err);
}

static void child_frees_stack(void *arg)
{
	char local[64];

	(void)arg;
	free(hide(local + (16 - ((uintptr_t)local & 15))));
}

static void child_frees_static(void *arg)
{
	static char place[64] __attribute__((aligned(64)));

	(void)arg;
	free(hide(place + 16));
}

/* What is not hakmem's goes to the next allocator, whose way of saying so is to abort. */
static void stack_and_static_are_not_ours(void)
{
	struct outcome o;

	run_child(child_frees_stack, NULL, &o);
	expect(!ended_well(&o) || strstr(o.err, REPORT), "a free of the stack is silent");
	run_child(child_frees_static, NULL, &o);
	expect(!ended_well(&o) || strstr(o.err, REPORT), "a free of static memory is silent");
}

/*
 * A program may copy memory it never wrote, from one object into another's first
 * word.  What hakmem left in it must not make the free of that object a bad one.
 */
static void copied_leftovers_are_harmless(void)
{
	static char *from[100000];
	uint64_t before = stat_bad_frees();
	size_t i, off;
	char *p;

	for (i = 0; i < COUNT(from); i++)
		from[i] = malloc(16);
	/* A live one now and then keeps the block, whose other slabs are cut anew. */
	for (i = 0; i < COUNT(from); i++)
		if (i % 5000)
			free(from[i]);
	malloc_trim(0);
	for (i = 1; i < 1000; i++)
		from[i] = malloc(512);
	p = malloc(512);
	for (i = 1; i < 1000; i++) {
		for (off = 8; off < 512; off += 8) {
			memcpy(p, hide(from[i] + off), 8);
			free(p);
			p = malloc(512);
		}
	}
	expect(stat_bad_frees() == before, "%llu good frees were taken for bad ones",
	       (unsigned long long)(stat_bad_frees() - before));
}

static const struct check_case cases[] = {
	{ "no_mistake_no_report", no_mistake_no_report, NEEDS_HAKMEM },
	{ "double_free_is_found", double_free_is_found, NEEDS_HAKMEM },
	{ "aba_is_found", aba_is_found, NEEDS_HAKMEM },
	{ "every_further_free_is_found", every_further_free_is_found, NEEDS_HAKMEM },
	{ "late_double_free_is_found", late_double_free_is_found, NEEDS_HAKMEM },
	{ "free_of_reused_is_found", free_of_reused_is_found, NEEDS_HAKMEM },
	{ "double_free_across_threads", double_free_across_threads_is_found, NEEDS_HAKMEM },
	{ "interior_is_found", interior_is_found, NEEDS_HAKMEM },
	{ "misaligned_is_found_at_once", misaligned_is_found_at_once, NEEDS_HAKMEM },
	{ "never_an_object_is_found", never_an_object_is_found, NEEDS_HAKMEM },
	{ "near_null_is_found", near_null_is_found, NEEDS_HAKMEM },
	{ "report_says_where", report_says_where, NEEDS_HAKMEM },
	{ "realloc_of_freed_is_found", realloc_of_freed_is_found, NEEDS_HAKMEM },
	{ "stack_and_static_are_not_ours", stack_and_static_are_not_ours, 0 },
	{ "copied_leftovers_are_harmless", copied_leftovers_are_harmless, NEEDS_HAKMEM },
	{ NULL, NULL, 0 },
};

int main(int argc, char **argv)
{
	return check_main(argc, argv, cases, 1, 0);
}
