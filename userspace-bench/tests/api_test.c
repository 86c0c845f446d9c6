// SPDX-License-Identifier: GPL-2.0
/*
 * What malloc(), calloc() and free() promise: sizes, alignment, errno, and the
 * circumstances a program may call them in.  All but the cases marked NEEDS_HAKMEM
 * hold for glibc too, and are calibrated by running without LD_PRELOAD.
 */
#define _GNU_SOURCE
#include "check.h"
#include "kunit/lib/hak_pattern.h"
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define EVERY_SIZE	2048
#define COPIES		5
#define MANY		1000000
#define ODD_ERRNO	12345	/* no call sets this by itself */

static const size_t absurd[] = { SIZE_MAX, SIZE_MAX - 7, SIZE_MAX - 15, SIZE_MAX - 16,
	SIZE_MAX - 4095, SIZE_MAX - 4096, SIZE_MAX / 2 + 2, (size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX };

static void *kept[(EVERY_SIZE + 1) * COPIES];

static void expect_object(void *p, size_t size)
{
	expect(p, "NULL for %zu bytes", size);
	expect(!((uintptr_t)p & 15), "%p for %zu bytes is not aligned to 16", p, size);
	expect(malloc_usable_size(p) >= size, "usable size %zu of %zu bytes",
	       malloc_usable_size(p), size);
}

/* Every byte of malloc_usable_size() belongs to its object and to no other. */
static void malloc_every_size(void)
{
	size_t i, usable;

	for (i = 0; i < COUNT(kept) && !check_failed(); i++) {
		kept[i] = malloc(i / COPIES);
		expect_object(kept[i], i / COPIES);
		hak_pattern_fill(kept[i], malloc_usable_size(kept[i]), i);
	}
	for (i = 0; i < COUNT(kept) && !check_failed(); i++) {
		usable = malloc_usable_size(kept[i]);
		expect(hak_pattern_holds(kept[i], usable, i), "content of an object of %zu bytes",
		       i / COPIES);
		free(kept[i]);
	}
	expect_audit_clean();
}

static void malloc_larger_sizes(void)
{
	size_t size;
	char *p;

	for (size = 2048; size < (8 << 20) && !check_failed(); size += size / 7 + 1) {
		p = malloc(size);
		expect_object(p, size);
		p[0] = p[size - 1] = 1;
		free(p);
	}
}

static void malloc_zero_is_unique(void)
{
	size_t i;

	for (i = 0; i < 300; i++) {
		kept[i] = i % 3 == 0 ? malloc(0) : i % 3 == 1 ? calloc(0, 7) : calloc(7, 0);
		expect_object(kept[i], 0);
	}
	expect(distinct(kept, 300), "two objects of no bytes are one");
	for (i = 0; i < 300; i++)
		free(kept[i]);
	expect_audit_clean();
}

/* Memory that was written before must come back zeroed, from each size. */
static void calloc_is_zeroed(void)
{
	size_t size, i, usable;

	for (size = 1; size <= EVERY_SIZE && !check_failed(); size += size < 64 ? 1 : 29) {
		for (i = 0; i < 100; i++) {
			kept[i] = malloc(size);
			memset(kept[i], 0xff, malloc_usable_size(kept[i]));
		}
		for (i = 0; i < 100; i++)
			free(kept[i]);
		for (i = 0; i < 100; i++) {
			kept[i] = i & 1 ? calloc(1, size) : calloc(size, 1);
			expect_object(kept[i], size);
			usable = malloc_usable_size(kept[i]);
			expect(hak_all_bytes(kept[i], size, 0), "calloc of %zu is not zeroed",
			       size);
			memset(kept[i], 0xee, usable);
		}
		for (i = 0; i < 100; i++)
			free(kept[i]);
	}
}

static void calloc_multiplies(void)
{
	static const size_t factor[][2] = { { 3, 5 }, { 16, 64 }, { 64, 16 }, { 5, 205 },
		{ 1025, 1 }, { 33, 32 }, { 1000, 1000 }, { 1, 1024 } };
	size_t i, size;
	void *p;

	for (i = 0; i < COUNT(factor); i++) {
		size = factor[i][0] * factor[i][1];
		p = calloc(factor[i][0], factor[i][1]);
		expect_object(p, size);
		expect(p && hak_all_bytes(p, size, 0), "calloc(%zu, %zu) is not zeroed",
		       factor[i][0], factor[i][1]);
		free(p);
	}
}

/* Products that do not fit, among them some that wrap to a small number. */
static void calloc_overflow_is_enomem(void)
{
	static const size_t factor[][2] = { { SIZE_MAX, 2 }, { 2, SIZE_MAX },
		{ SIZE_MAX, SIZE_MAX }, { SIZE_MAX / 2 + 1, 2 },
		{ 1UL << 32, 1UL << 32 }, { (1UL << 32) + 1, 1UL << 32 },
		{ SIZE_MAX / 16 + 2, 16 }, { 16, SIZE_MAX / 16 + 2 }, { SIZE_MAX / 8, 8 },
		{ PTRDIFF_MAX, 1 }, { 1, SIZE_MAX } };
	size_t i;
	void *p;

	for (i = 0; i < COUNT(factor); i++) {
		errno = 0;
		p = calloc(hide_size(factor[i][0]), hide_size(factor[i][1]));
		expect(!p, "calloc(%zu, %zu) is %p", factor[i][0], factor[i][1], p);
		expect(errno == ENOMEM, "calloc(%zu, %zu): errno %d", factor[i][0], factor[i][1],
		       errno);
	}
}

static void malloc_absurd_is_enomem(void)
{
	size_t i;
	void *p;

	for (i = 0; i < COUNT(absurd); i++) {
		errno = 0;
		p = malloc(hide_size(absurd[i]));
		expect(!p, "malloc(%zu) is %p", absurd[i], p);
		expect(errno == ENOMEM, "malloc(%zu): errno %d", absurd[i], errno);
	}
	p = malloc(40);
	expect_object(p, 40);
	free(p);
}

static void free_null_is_nothing(void)
{
	uint64_t bad = stat_bad_frees();

	errno = ODD_ERRNO;
	free(NULL);
	expect(errno == ODD_ERRNO, "errno is %d", errno);
	expect(malloc_usable_size(NULL) == 0, "NULL has a usable size");
	expect(stat_bad_frees() == bad, "free(NULL) is counted as a bad free");
}

/* Also where magazines are flushed and where memory goes back to the system. */
static void free_keeps_errno(void)
{
	static const size_t sizes[] = { 0, 16, 100, 1024, 1025, 5000, 200000, 40 << 20 };
	size_t i, s;

	for (s = 0; s < COUNT(sizes) && !check_failed(); s++) {
		size_t n = sizes[s] > 5000 ? 3 : 5000;

		for (i = 0; i < n; i++)
			kept[i] = malloc(sizes[s]);
		for (i = 0; i < n; i++) {
			errno = ODD_ERRNO;
			free(kept[i]);
			expect(errno == ODD_ERRNO, "free of %zu bytes: errno %d", sizes[s], errno);
		}
	}
}

static void usable_size_is_stable(void)
{
	size_t size, usable;
	void *p;

	for (size = 0; size <= EVERY_SIZE; size++) {
		p = malloc(size);
		usable = malloc_usable_size(p);
		memset(p, 0xa5, usable);
		expect(malloc_usable_size(p) == usable, "usable size of %zu changes", size);
		expect(size < 16 || size > 1024 || usable <= size + size / 4 + 16,
		       "%zu bytes take %zu", size, usable);
		free(p);
	}
}

/* Constructors run before main(), destructors after it. */
static void *early;

__attribute__((constructor(101))) static void allocate_early(void)
{
	early = malloc(48);
	if (early)
		hak_pattern_fill(early, 48, 7);
}

__attribute__((destructor(101))) static void free_late(void)
{
	free(early);
	free(malloc(100));
}

static void constructor_may_allocate(void)
{
	expect_object(early, 48);
	expect(hak_pattern_holds(early, 48, 7), "content of what the constructor allocated");
}

static void *thread_on_small_stack(void *arg)
{
	size_t i, n = 3000;
	void **p = arg;

	for (i = 0; i < n; i++)
		p[i] = malloc(i & 1023);
	for (i = 0; i < n; i++)
		free(p[i]);
	return NULL;
}

/* The smallest stack there may be has to do for every path, and for the thread's exit. */
static void small_stack_is_enough(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, sysconf(_SC_THREAD_STACK_MIN));
	error = pthread_create(&thread, &attr, thread_on_small_stack, kept);
	require(!error, "pthread_create: %s", strerror(error));
	pthread_join(thread, NULL);
	expect_audit_clean();
}

/* A process that may have little address space, or little data, starts and runs all the same. */
static void program_runs_under(int resource, rlim_t bytes)
{
	static const char *const args[] = { "only=malloc_every_size", NULL };
	struct rlimit limit = { bytes, bytes };
	struct outcome o;

	require(!setrlimit(resource, &limit), "setrlimit: %s", strerror(errno));
	run_self(args, NULL, &o);
	expect(ended_well(&o) && strstr(o.err, "1 passed, 0 failed"), "status %x: %.300s",
	       o.status, o.err);
}

static void little_address_space(void)
{
	program_runs_under(RLIMIT_AS, 256UL << 20);
}

static void little_data(void)
{
	program_runs_under(RLIMIT_DATA, 64UL << 20);
}

/* When there is no more, malloc() says so, and what there was is whole. */
static void out_of_memory_is_enomem(void)
{
	struct rlimit limit = { 64UL << 20, 64UL << 20 };
	struct node { struct node *next; size_t n; } *list = NULL, *node;
	size_t n = 0;

	require(!setrlimit(RLIMIT_DATA, &limit), "setrlimit: %s", strerror(errno));
	errno = 0;
	while (n < MANY && (node = malloc(160))) {
		node->next = list;
		node->n = ++n;
		list = node;
	}
	expect(n > 100000, "only %zu objects of 160 bytes in 64 MiB", n);
	expect(n < MANY, "%zu objects were had with a limit of 64 MiB", n);
	expect(errno == ENOMEM, "errno is %d", errno);
	errno = 0;
	expect(!malloc(256UL << 20) && errno == ENOMEM, "256 MiB of 64: errno %d", errno);
	for (; list; list = node) {
		node = list->next;
		expect(list->n == n, "object %zu says it is %zu", n, list->n);
		n--;
		free(list);
	}
	free(malloc(160));
	expect_audit_clean();
}

static const struct check_case cases[] = {
	{ "malloc_every_size", malloc_every_size, 0 },
	{ "malloc_larger_sizes", malloc_larger_sizes, 0 },
	{ "malloc_zero_is_unique", malloc_zero_is_unique, 0 },
	{ "calloc_is_zeroed", calloc_is_zeroed, 0 },
	{ "calloc_multiplies", calloc_multiplies, 0 },
	{ "calloc_overflow_is_enomem", calloc_overflow_is_enomem, 0 },
	{ "malloc_absurd_is_enomem", malloc_absurd_is_enomem, 0 },
	{ "free_null_is_nothing", free_null_is_nothing, 0 },
	{ "free_keeps_errno", free_keeps_errno, 0 },
	{ "usable_size_is_stable", usable_size_is_stable, 0 },
	{ "constructor_may_allocate", constructor_may_allocate, 0 },
	{ "small_stack_is_enough", small_stack_is_enough, 0 },
	{ "little_address_space", little_address_space, 0 },
	{ "little_data", little_data, 0 },
	{ "out_of_memory_is_enomem", out_of_memory_is_enomem, 0 },
	{ NULL, NULL, 0 },
};

int main(int argc, char **argv)
{
	return check_main(argc, argv, cases, 1, 0);
}
