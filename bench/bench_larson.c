// SPDX-License-Identifier: GPL-2.0
/*
 * What the rounds of pattern larson share: the caches, and the arrays that change hands.
 *
 * Each thread has an array of slots, each with a live object.  It replaces random ones: it frees
 * the object, which another thread may have allocated, and allocates one of a random size.  At the
 * end of a round every array goes to a fresh thread on the next CPU.  Sizes are 16 to 128 bytes,
 * each in a cache of its own; a single size would give back the object just freed.
 *
 *   quick    few objects, which the magazines of a CPU hold many times over
 *   steady   some, each replaced four times before the next thread has it
 *   churn    many, 64 of them freed in a row, and as many of one size allocated in their place
 *
 * An array brings the same choices in each round.  So what a round does depends on none before it,
 * and its cost repeats.  Lanes have arrays of their own, and all make the same choices.  Making
 * threads is no part of the figure.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "bench_alloc.h"
#include "bench_team.h"

#define LARSON_SEED 0x6c6172736f6eULL

const struct bench_profile_info bench_profiles[BENCH_NR_PROFILES] = {
	[BENCH_QUICK] = { "quick", 128, 1, 2048 },
	[BENCH_STEADY] = { "steady", 1024, 1, 4096 },
	[BENCH_CHURN] = { "churn", 4096, 64, 4096 },
};

static const u16 larson_sizes[] = { 16, 32, 48, 64, 80, 96, 112, 128 };

/* One thread's slots, and of which kind the object in each is. */
struct larson_array {
	void **slot;
	u16 *kind;
};

struct bench_larson {
	const struct bench_row *row;
	unsigned int turn[BENCH_MAX_LANES];	/* rounds a lane had */
	struct larson_array array[BENCH_MAX_LANES][BENCH_MAX_CPUS];
	u16 *sizes;
	void **hc, **kc;			/* a cache of either side for each kind */
};

static void *const *larson_caches(const struct bench_larson *l, enum bench_alloc a)
{
	return a == BENCH_KMEM_CACHE ? l->kc : l->hc;
}

static int larson_make_caches(struct bench_larson *l)
{
	unsigned int i, n = l->row->kinds;
	char name[24];

	l->sizes = kvcalloc(n, sizeof(*l->sizes), GFP_KERNEL);
	l->hc = kvcalloc(n, sizeof(*l->hc), GFP_KERNEL);
	l->kc = kvcalloc(n, sizeof(*l->kc), GFP_KERNEL);
	if (!l->sizes || !l->hc || !l->kc)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		l->sizes[i] = larson_sizes[i % ARRAY_SIZE(larson_sizes)];
		scnprintf(name, sizeof(name), "hak_larson%u", i);
		l->hc[i] = hak_cache_create(name, l->sizes[i], NULL, 0);
		l->kc[i] = kmem_cache_create(name, l->sizes[i], 0, SLAB_NO_MERGE, NULL);
		if (!l->hc[i] || !l->kc[i])
			return -ENOMEM;
		cond_resched();
	}
	return 0;
}

/* An object in each slot; which array it is, not whose, decides of which kind. */
static int larson_fill(struct bench_larson *l, enum bench_alloc a, struct larson_array *array,
		       unsigned int nr)
{
	void *const *caches = larson_caches(l, a);
	u64 s = LARSON_SEED + nr;
	unsigned int i, k;

	array->slot = kvcalloc(l->row->batch, sizeof(void *), GFP_KERNEL);
	array->kind = kvcalloc(l->row->batch, sizeof(u16), GFP_KERNEL);
	if (!array->slot || !array->kind)
		return -ENOMEM;
	for (i = 0; i < l->row->batch; i++) {
		s = s * 6364136223846793005ULL + 1442695040888963407ULL;
		k = (s >> 32) * l->row->kinds >> 32;
		array->kind[i] = k;
		array->slot[i] = bench_get(a, caches[k], l->sizes[k], GFP_KERNEL);
		if (bench_failed(a, array->slot[i]))
			return -ENOMEM;
		if (i % 1024 == 0)
			cond_resched();
	}
	return 0;
}

static void larson_empty(struct bench_larson *l, enum bench_alloc a, struct larson_array *array)
{
	void *const *caches = larson_caches(l, a);
	unsigned int i;

	for (i = 0; a != BENCH_NONE && array->kind && i < l->row->batch; i++) {
		if (array->slot[i])
			bench_put(a, caches[array->kind[i]], array->slot[i]);
		if (i % 1024 == 0)
			cond_resched();
	}
	kvfree(array->slot);
	kvfree(array->kind);
}

struct bench_larson *bench_larson_start(const struct bench_row *row)
{
	struct bench_larson *l = kvzalloc(sizeof(*l), GFP_KERNEL);
	unsigned int i, cpu;
	int err;

	if (!l)
		return NULL;
	l->row = row;
	err = larson_make_caches(l);
	for (i = 0; i < row->nr; i++)
		for (cpu = 0; !err && cpu < row->lane[i].cpus; cpu++)
			err = larson_fill(l, row->lane[i].alloc, &l->array[i][cpu], cpu);
	if (!err)
		return l;
	bench_larson_stop(l);
	return NULL;
}

void bench_larson_stop(struct bench_larson *l)
{
	unsigned int i, cpu;

	for (i = 0; i < l->row->nr; i++)
		for (cpu = 0; cpu < BENCH_MAX_CPUS; cpu++)
			larson_empty(l, l->row->lane[i].alloc, &l->array[i][cpu]);
	for (i = 0; l->hc && l->kc && i < l->row->kinds; i++) {
		hak_cache_destroy(l->hc[i]);
		kmem_cache_destroy(l->kc[i]);
		cond_resched();
	}
	kvfree(l->hc);
	kvfree(l->kc);
	kvfree(l->sizes);
	kvfree(l);
}

int bench_larson_turn(struct bench_larson *l, unsigned int lane, struct bench_team *team)
{
	const struct bench_lane *bl = &l->row->lane[lane];
	unsigned int i, nr;

	for (i = 0; i < bl->cpus; i++) {
		struct bench_env *e = &team->member[i].env;

		nr = (i + l->turn[lane]) % bl->cpus;
		e->slot = l->array[lane][nr].slot;
		e->kind = l->array[lane][nr].kind;
		e->seed = LARSON_SEED * (nr + 2);
		e->kinds = larson_caches(l, bl->alloc);
		e->sizes = l->sizes;
		e->nr_kinds = l->row->kinds;
		e->burst = l->row->burst;
	}
	l->turn[lane]++;
	return bench_team_renew(team, bl->cpus);
}
