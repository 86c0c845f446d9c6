// SPDX-License-Identifier: GPL-2.0
/*
 * Random operations of the malloc family against a shadow.
 *
 * The shadow knows of each object how long it is and what is written in all of its usable bytes.
 * A pattern of the object's own is written when it is had and compared before it goes.  Objects
 * that overlap, or one handed out twice, spoil a pattern.  From time to time all objects are
 * compared and sorted by address, and the audit must find nothing.  seed= repeats a run, ops= is
 * its length.
 */
#define _GNU_SOURCE
#include "check.h"
#include "kunit/lib/hak_pattern.h"
#include "kunit/lib/hak_random.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOTS		6000
#define MAX_BASE	20000	/* objects the C library may have of its own */
#define SWEEPS		10

struct slot {
	void *p;
	size_t size, usable;
	uint64_t key;
};

struct model {
	struct slot slot[SLOTS];
	unsigned long long rand;
	uint64_t serial, done;
};

struct extent {
	uintptr_t at;
	size_t usable;
};

static struct extent sorted[SLOTS + 1];

static struct model model;
static long base_live = -1;

static unsigned int pick(unsigned int n)
{
	return hak_below(&model.rand, n);
}

/* Mostly small; every border; now and then large. */
static size_t random_size(void)
{
	static const size_t borders[] = { 0, 1, 8, 16, 17, 64, 65, 128, 256, 1008, 1023, 1024,
		1025, 1040, 2048, 4096 };

	uint64_t kind = pick(16);

	if (kind == 0)
		return borders[pick(COUNT(borders))];
	if (kind == 1)
		return pick(5000);
	if (kind == 2)
		return pick(64) ? pick(1100) : pick(300000);
	return pick(kind < 6 ? 1025 : kind < 8 ? 256 : 100);
}

static void enter(struct slot *s, void *p, size_t size, size_t align)
{
	require(p, "operation %llu: NULL for %zu bytes at %zu", (unsigned long long)model.done,
		size, align);
	expect(!((uintptr_t)p & ((align < 16 ? 16 : align) - 1)), "operation %llu: %p for %zu "
	       "bytes is not aligned to %zu", (unsigned long long)model.done, p, size, align);
	*s = (struct slot){ p, size, malloc_usable_size(p), ++model.serial };
	expect(s->usable >= size, "operation %llu: usable size %zu of %zu",
	       (unsigned long long)model.done, s->usable, size);
	hak_pattern_fill(p, s->usable, s->key);
}

static void compare(const struct slot *s, size_t n)
{
	expect(hak_pattern_holds(s->p, n, s->key), "operation %llu: content of %p, %zu bytes",
	       (unsigned long long)model.done, s->p, s->size);
	expect(malloc_usable_size(s->p) == s->usable, "operation %llu: usable size of %p changed",
	       (unsigned long long)model.done, s->p);
}

static void leave(struct slot *s)
{
	compare(s, s->usable);
	free(s->p);
	s->p = NULL;
}

static void get_zeroed(struct slot *s)
{
	size_t size = random_size(), n = 1 + pick(8);
	void *p = calloc(n, size / n);

	size = size / n * n;
	expect(p && hak_all_bytes(p, size, 0), "operation %llu: calloc of %zu is not zeroed",
	       (unsigned long long)model.done, size);
	enter(s, p, size, 16);
}

static void get_aligned(struct slot *s)
{
	size_t align = 8UL << pick(pick(8) ? 5 : 14), size = random_size();
	void *p = NULL;

	uint64_t how = pick(3);

	if (how == 0)
		p = memalign(align, size);
	else if (how == 1)
		p = aligned_alloc(align, size);
	else
		expect(!posix_memalign(&p, align, size), "posix_memalign(%zu, %zu)", align, size);
	enter(s, p, size, align);
}

static void get(struct slot *s)
{
	uint64_t how = pick(8);
	size_t size;

	if (how == 0) {
		get_zeroed(s);
	} else if (how == 1) {
		get_aligned(s);
	} else {
		size = random_size();
		enter(s, malloc(size), size, 16);
	}
}

static void resize(struct slot *s)
{
	size_t size = 1 + random_size();
	bool array = pick(2);
	struct slot old = *s;
	void *p;

	compare(s, s->usable);
	p = array ? reallocarray(s->p, size, 1) : realloc(s->p, size);
	require(p, "operation %llu: realloc to %zu", (unsigned long long)model.done, size);
	s->p = p;
	s->usable = malloc_usable_size(p);
	expect(hak_pattern_holds(p, old.size < size ? old.size : size, old.key),
	       "operation %llu: realloc from %zu to %zu", (unsigned long long)model.done, old.size,
	       size);
	enter(s, p, size, 16);
}

static void resize_in_vain(struct slot *s)
{
	void *p = realloc(hide(s->p), hide_size(SIZE_MAX - pick(5000)));

	expect(!p && errno == ENOMEM, "operation %llu: an absurd realloc gives %p",
	       (unsigned long long)model.done, p);
	compare(s, s->usable);
}

static void one_operation(void)
{
	struct slot *s = &model.slot[pick(SLOTS)];

	if (!s->p) {
		get(s);
	} else if (pick(4) == 0) {
		resize(s);
	} else if (pick(100) == 0) {
		resize_in_vain(s);
	} else {
		leave(s);
	}
	if (pick(50000) == 0)
		malloc_trim(0);
}

/* Where in the first @n of the sorted addresses @at belongs. */
static size_t place_of(uintptr_t at, size_t n)
{
	size_t low = 0, middle;

	while (low < n) {
		middle = (low + n) / 2;
		if (sorted[middle].at < at)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

static void expect_apart(void)
{
	size_t i, place, n = 0;

	for (i = 0; i < SLOTS; i++) {
		if (!model.slot[i].p)
			continue;
		place = place_of((uintptr_t)model.slot[i].p, n);
		memmove(&sorted[place + 1], &sorted[place], (n - place) * sizeof(sorted[0]));
		sorted[place] = (struct extent){ (uintptr_t)model.slot[i].p, model.slot[i].usable };
		n++;
	}
	for (i = 1; i < n; i++)
		expect(sorted[i - 1].at + sorted[i - 1].usable <= sorted[i].at,
		       "operation %llu: %zx and %zx overlap", (unsigned long long)model.done,
		       sorted[i - 1].at, sorted[i].at);
}

static void sweep(void)
{
	size_t i;

	for (i = 0; i < SLOTS && !check_failed(); i++)
		if (model.slot[i].p)
			compare(&model.slot[i], model.slot[i].usable);
	expect_apart();
	expect_audit_clean();
	expect(!under_hakmem() || !stat_bad_frees(), "operation %llu: good frees count as bad",
	       (unsigned long long)model.done);
}

static void random_operations(void)
{
	size_t i;

	model.rand = check_seed;
	for (model.done = 0; model.done < check_ops && !check_failed(); model.done++) {
		one_operation();
		if (model.done % (check_ops / SWEEPS + 1) == 0)
			sweep();
	}
	sweep();
	for (i = 0; i < SLOTS && !check_failed(); i++)
		if (model.slot[i].p)
			leave(&model.slot[i]);
	sweep();
}

/* How many objects the C library itself holds; the audit names a wrong number a finding. */
static void find_base(void)
{
	int err = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY);
	long n;

	dup2(nowhere, STDERR_FILENO);
	for (n = 0; n < MAX_BASE && base_live < 0; n++)
		if (!audit(n))
			base_live = n;
	dup2(err, STDERR_FILENO);
	close(err);
	close(nowhere);
}

/* The audit counts: right with the number that is live, wrong with any other. */
static void audit_counts_live_objects(void)
{
	static void *p[5000];
	size_t i, n = sizeof(p) / sizeof(p[0]);

	find_base();
	require(base_live >= 0, "the audit finds no number of live objects right");
	for (i = 0; i < n; i++)
		p[i] = malloc(i % 1025);
	expect(audit(base_live + (long)n) == 0, "%zu objects more: findings", n);
	expect(audit(base_live + (long)n - 1) > 0, "one too few is not found");
	expect(audit(base_live + (long)n + 1) > 0, "one too many is not found");
	for (i = 0; i < n; i += 2)
		free(p[i]);
	expect(audit(base_live + (long)n / 2) == 0, "half of them freed: findings");
	for (i = 1; i < n; i += 2)
		free(p[i]);
	expect(audit(base_live) == 0, "all freed: findings");
}

static const struct check_case cases[] = {
	{ "random_operations", random_operations, 0 },
	{ "audit_counts_live_objects", audit_counts_live_objects, NEEDS_HAKMEM },
	{ NULL, NULL, 0 },
};

int main(int argc, char **argv)
{
	return check_main(argc, argv, cases, 1, 400000);
}
