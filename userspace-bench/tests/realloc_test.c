// SPDX-License-Identifier: GPL-2.0
/*
 * realloc() and reallocarray(): content over every kind of move, both ways across the border to
 * the next allocator, and the old block on failure.
 */
#define _GNU_SOURCE
#include "check.h"
#include "kunit/lib/hak_pattern.h"
#include "kunit/lib/hak_random.h"
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define ODD_ERRNO	12345

static const size_t sizes[] = { 1, 2, 7, 8, 9, 15, 16, 17, 24, 25, 32, 33, 40, 48, 63, 64, 65, 80,
	100, 128, 200, 255, 256, 257, 320, 500, 512, 513, 640, 700, 896, 897, 1000, 1022, 1023,
	1024, 1025, 1026, 1040, 1500, 2047, 2048, 4096, 9000, 65536, 200000, 1 << 20, 3 << 20 };

static void expect_moved(void *p, size_t from, size_t to, uint64_t key)
{
	expect(p, "realloc from %zu to %zu is NULL", from, to);
	expect(!((uintptr_t)p & 15), "realloc from %zu to %zu: %p", from, to, p);
	expect(malloc_usable_size(p) >= to, "realloc from %zu to %zu: %zu usable", from, to,
	       malloc_usable_size(p));
	expect(hak_pattern_holds(p, from < to ? from : to, key),
	       "realloc from %zu to %zu: content", from, to);
}

/* Each pair of sizes, with live neighbours of both sizes that must not change. */
static void one_pair(size_t from, size_t to)
{
	void *before = malloc(from), *p = malloc(from), *after = malloc(to);

	hak_pattern_fill(before, from, 1);
	hak_pattern_fill(p, from, 2);
	hak_pattern_fill(after, to, 3);
	p = realloc(p, to);
	expect_moved(p, from, to, 2);
	hak_pattern_fill(p, malloc_usable_size(p), 4);
	expect(hak_pattern_holds(before, from, 1) && hak_pattern_holds(after, to, 3),
	       "realloc from %zu to %zu: a neighbour has changed", from, to);
	free(before);
	free(p);
	free(after);
}

static void every_pair_keeps_content(void)
{
	size_t i, k;

	for (i = 0; i < COUNT(sizes); i++)
		for (k = 0; k < COUNT(sizes) && !check_failed(); k++)
			one_pair(sizes[i], sizes[k]);
	expect_audit_clean();
}

/* Byte by byte up and down across all classes and the border, always the same content. */
static void every_step_keeps_content(void)
{
	size_t size = 1;
	char *p = malloc(size);

	p[0] = 'a';
	for (; size < 3000 && !check_failed(); size++) {
		p = realloc(p, size + 1);
		expect(p && hak_all_bytes(p, size, 'a'), "growing from %zu", size);
		p[size] = 'a';
	}
	for (; size > 1 && !check_failed(); size--) {
		p = realloc(p, size - 1);
		expect(p && hak_all_bytes(p, size - 1, 'a'), "shrinking from %zu", size);
	}
	free(p);
	expect_audit_clean();
}

static void random_steps_keep_content(void)
{
	unsigned long long state = check_seed;
	size_t size = 100, to, i;
	void *p = malloc(size);

	hak_pattern_fill(p, size, 9);
	for (i = 0; i < check_ops && !check_failed(); i++) {
		to = 1 + hak_below(&state, i % 16 ? 2100 : 300000);
		p = realloc(p, to);
		expect_moved(p, size, to, 9);
		size = to;
		hak_pattern_fill(p, size, 9);
	}
	free(p);
	expect_audit_clean();
}

static void realloc_null_allocates(void)
{
	void *p[3] = { realloc(NULL, 0), realloc(NULL, 100), realloc(NULL, 5000) };

	expect(p[0] && p[1] && p[2], "%p %p %p", p[0], p[1], p[2]);
	memset(p[1], 1, 100);
	memset(p[2], 1, 5000);
	free(p[0]);
	free(p[1]);
	free(p[2]);
	p[0] = reallocarray(NULL, 10, 10);
	expect(p[0], "reallocarray(NULL, 10, 10) is NULL");
	free(p[0]);
}

/* What is not freed here would be 2 GiB. */
static void realloc_to_zero_frees(void)
{
	static const size_t from[] = { 0, 16, 1024, 1025, 9000 };
	uint64_t held = held_bytes();
	size_t i;
	void *p;

	for (i = 0; i < 1000000 && !check_failed(); i++) {
		errno = ODD_ERRNO;
		p = realloc(malloc(from[i % COUNT(from)]), hide_size(0));
		expect(!p, "realloc(p, 0) is %p", p);
		expect(errno == ODD_ERRNO, "realloc(p, 0) sets errno %d", errno);
	}
	expect(!under_hakmem() || held_bytes() <= held + (16 << 20), "%llu bytes are held",
	       (unsigned long long)held_bytes());
	expect(!stat_bad_frees() || !under_hakmem(), "bad frees are counted");
	expect_audit_clean();
}

static void failure_keeps_the_block(void)
{
	static const size_t absurd[] = { SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 4096,
		(size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX };
	size_t i, k;
	void *p, *q;

	for (i = 0; i < COUNT(sizes); i++) {
		p = malloc(sizes[i]);
		hak_pattern_fill(p, sizes[i], i);
		for (k = 0; k < COUNT(absurd); k++) {
			errno = 0;
			q = realloc(hide(p), hide_size(absurd[k]));
			expect(!q && errno == ENOMEM, "realloc from %zu to %zu: %p, errno %d",
			       sizes[i], absurd[k], q, errno);
		}
		expect(hak_pattern_holds(p, sizes[i], i), "the block of %zu has changed", sizes[i]);
		expect(malloc_usable_size(p) >= sizes[i], "the block of %zu is gone", sizes[i]);
		free(p);
	}
	expect_audit_clean();
}

static void reallocarray_overflow_is_enomem(void)
{
	static const size_t factor[][2] = { { SIZE_MAX, 2 }, { SIZE_MAX / 2 + 1, 2 },
		{ 1UL << 32, 1UL << 32 }, { SIZE_MAX / 16 + 2, 16 }, { 16, SIZE_MAX / 16 + 2 },
		{ 2, SIZE_MAX } };
	size_t i, from;
	void *p, *q;

	for (from = 100; from < 10000; from *= 20) {
		p = malloc(from);
		hak_pattern_fill(p, from, 1);
		for (i = 0; i < COUNT(factor); i++) {
			errno = 0;
			q = reallocarray(hide(p), hide_size(factor[i][0]),
					 hide_size(factor[i][1]));
			expect(!q && errno == ENOMEM, "reallocarray(%zu, %zu): %p, errno %d",
			       factor[i][0], factor[i][1], q, errno);
			q = reallocarray(NULL, hide_size(factor[i][0]), hide_size(factor[i][1]));
			expect(!q, "reallocarray(NULL, %zu, %zu): %p", factor[i][0], factor[i][1],
			       q);
		}
		expect(hak_pattern_holds(p, from, 1), "the block of %zu has changed", from);
		p = reallocarray(p, 7, 300);
		expect(p && hak_pattern_holds(p, from < 2100 ? from : 2100, 1),
		       "reallocarray to 7 x 300");
		free(p);
	}
}

/* A size the object already has room for need not move it, and must not spoil it. */
static void realloc_within_usable(void)
{
	size_t size, usable;
	void *p, *q;

	for (size = 1; size <= 1100; size++) {
		p = malloc(size);
		usable = malloc_usable_size(p);
		hak_pattern_fill(p, usable, size);
		q = realloc(p, usable);
		expect(q && hak_pattern_holds(q, usable, size),
		       "realloc of %zu to its usable %zu", size, usable);
		free(q);
	}
	expect_audit_clean();
}

static const struct check_case cases[] = {
	{ "every_pair_keeps_content", every_pair_keeps_content, 0 },
	{ "every_step_keeps_content", every_step_keeps_content, 0 },
	{ "random_steps_keep_content", random_steps_keep_content, 0 },
	{ "realloc_null_allocates", realloc_null_allocates, 0 },
	{ "realloc_to_zero_frees", realloc_to_zero_frees, 0 },
	{ "failure_keeps_the_block", failure_keeps_the_block, 0 },
	{ "reallocarray_overflow_is_enomem", reallocarray_overflow_is_enomem, 0 },
	{ "realloc_within_usable", realloc_within_usable, 0 },
	{ NULL, NULL, 0 },
};

int main(int argc, char **argv)
{
	return check_main(argc, argv, cases, 1, 20000);
}
