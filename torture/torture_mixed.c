// SPDX-License-Identifier: GPL-2.0
/*
 * Random use: all sizes, and typed caches of several shapes; bulk calls; reserves.
 *
 * The typed caches are shared by all scenarios, so that threads, softirqs and hardirqs
 * of both CPUs meet in the same magazines, depots and slabs.
 */
#include "torture/torture.h"

/* Sizes whose slabs are of one, two and four pages, with the map inside and outside. */
static const struct {
	unsigned int size, align;
	bool ctor;
	slab_flags_t flags;
	enum hak_hardening hardened;
} shapes[] = {
	{ 8 }, { 24 }, { 64 }, { 72, .flags = SLAB_HWCACHE_ALIGN }, { 192, .ctor = true },
	{ 40, .hardened = HAK_HARDENED_OFF }, { 320, .align = 256 }, { 1000, .ctor = true },
	{ 1800 }, { 4096 }, { 6000, .flags = SLAB_RECLAIM_ACCOUNT }, { 8192 },
};

#define NR_SHAPES ARRAY_SIZE(shapes)

static struct tt_kind kinds[NR_SHAPES];

void tt_kinds_exit(void)
{
	int i;

	for (i = 0; i < NR_SHAPES; i++)
		hak_cache_destroy(kinds[i].c);
}

int tt_kinds_init(void)
{
	struct hak_cache_args args = {};
	char name[24];
	int i;

	for (i = 0; i < NR_SHAPES; i++) {
		args.align = shapes[i].align;
		args.ctor = shapes[i].ctor ? tt_ctor : NULL;
		args.hardened = shapes[i].hardened;
		scnprintf(name, sizeof(name), "torture-%u", shapes[i].size);
		kinds[i].c = hak_cache_create(name, shapes[i].size, &args, shapes[i].flags);
		kinds[i].size = shapes[i].size;
		kinds[i].ctor = shapes[i].ctor;
		kinds[i].skip = shapes[i].ctor ? 8 : 0;
		if (!kinds[i].c) {
			tt_kinds_exit();
			return -ENOMEM;
		}
	}
	return 0;
}

struct tt_kind tt_typed_kind(struct tt_user *u, unsigned int max)
{
	unsigned int i = NR_SHAPES;

	do {
		i = tt_below(u, i);
	} while (kinds[i].size > max);
	return kinds[i];
}

/* As many small as large ones, and now and then one that is the kernel's. */
static struct tt_kind sized_kind(struct tt_user *u, unsigned int max)
{
	struct tt_kind k = { .size = 1 + tt_below(u, 1 << tt_below(u, 11)) };

	if (max > HAK_MAX_SIZE && !tt_below(u, 64))
		k.size = HAK_MAX_SIZE + 1 + tt_below(u, 4000);
	k.size = min(k.size, max);
	return k;
}

struct tt_kind tt_any_kind(struct tt_user *u, unsigned int max)
{
	return tt_below(u, 2) ? tt_typed_kind(u, max) : sized_kind(u, max);
}

static void work_once(struct tt_user *u, struct tt_kind k, gfp_t gfp)
{
	unsigned int i = u->n ? tt_below(u, u->n) : 0;

	if (!u->n || (u->n < TT_HELD && tt_below(u, 2))) {
		u->n += tt_get(u, &k, gfp, &u->held[u->n]);
		return;
	}
	tt_put(u, &u->held[i]);
	u->held[i] = u->held[--u->n];
}

void tt_work(struct tt_user *u, unsigned int n, unsigned int max, gfp_t gfp)
{
	while (n-- && !tt_failed())
		work_once(u, tt_any_kind(u, max), gfp);
}

void tt_work_on(struct tt_user *u, unsigned int n, const struct tt_kind *k, gfp_t gfp)
{
	while (n-- && !tt_failed())
		work_once(u, *k, gfp);
}

void tt_drop_all(struct tt_user *u)
{
	while (u->n && !tt_failed())
		tt_put(u, &u->held[--u->n]);
	u->n = 0;
}

static void mixed_step(struct tt_thread *t)
{
	struct tt_user *u = &t->user;
	unsigned int i;

	if (hak_alloc(0, GFP_KERNEL) != ZERO_SIZE_PTR)
		tt_fail(u, "an allocation of no bytes is not ZERO_SIZE_PTR");
	hak_free(NULL);
	for (i = 0; i < 200 && !tt_failed(); i++)
		work_once(u, sized_kind(u, UINT_MAX), tt_gfp(u));
}

struct tt_scenario tt_mixed = { .name = "mixed", .per_cpu = 2, .step = mixed_step };

/* Bursts of one cache drive it through spare, depot and slabs. */
static void typed_step(struct tt_thread *t)
{
	struct tt_user *u = &t->user;
	struct tt_kind k = tt_typed_kind(u, UINT_MAX);
	unsigned int i;

	for (i = 0; i < 200 && !tt_failed(); i++) {
		if (!(i % 50))
			k = tt_typed_kind(u, UINT_MAX);
		work_once(u, k, tt_gfp(u));
	}
}

struct tt_scenario tt_typed = { .name = "typed", .per_cpu = 1, .step = typed_step };

static unsigned int take_bulk(struct tt_user *u, const struct tt_kind *k, unsigned int n,
			      struct tt_obj *o)
{
	void *p[TT_HELD];
	gfp_t gfp = (tt_gfp(u) & ~__GFP_THISNODE) | tt_zero(u, k);
	unsigned int i, got;

	got = k->c ? hak_cache_alloc_bulk(k->c, gfp, n, p) : hak_alloc_bulk(k->size, gfp, n, p);
	if (got != n) {
		u->refused++;
		if (got)
			tt_fail(u, "a bulk call of %u gave %u", n, got);
		return 0;
	}
	tt_count(u, n, 0);
	for (i = 0; i < n; i++)
		tt_adopt(u, k, gfp, p[i], &o[i]);
	return n;
}

/* All held objects are of one kind here, so that they can go back in bulk. */
static void bulk_step(struct tt_thread *t)
{
	struct tt_user *u = &t->user;
	unsigned int rounds = 20, n;
	struct tt_kind k;

	while (rounds-- && !tt_failed()) {
		k = tt_below(u, 2) ? tt_typed_kind(u, UINT_MAX) : sized_kind(u, HAK_MAX_SIZE);
		while (u->n < TT_HELD / 2) {
			n = take_bulk(u, &k, 1 + tt_below(u, TT_HELD - u->n), &u->held[u->n]);
			u->n += n;
			if (!n)
				break;
		}
		while (u->n && tt_below(u, 4)) {
			n = 1 + tt_below(u, u->n);
			u->n -= n;
			tt_put_bulk(u, &u->held[u->n], n);
		}
		tt_drop_all(u);
	}
}

struct tt_scenario tt_bulk = { .name = "bulk", .per_cpu = 1, .step = bulk_step };

static void reserve_once(struct tt_user *u, const struct tt_kind *k, unsigned int n)
{
	gfp_t gfp = tt_gfp(u) | tt_zero(u, k);
	struct hak_reserve *r = hak_reserve_get(k->c, gfp, n);
	unsigned int take = tt_below(u, min_t(unsigned int, n, TT_HELD) + 1);
	void *p;

	if (!r) {
		u->refused++;
		return;
	}
	tt_count(u, n, 0);
	while (u->n < take && !tt_failed()) {
		p = hak_reserve_alloc(r);
		if (!p) {
			tt_fail(u, "a reserve of %u gave only %u", n, u->n);
			return;
		}
		tt_adopt(u, k, gfp, p, &u->held[u->n++]);
	}
	if (tt_failed())
		return;
	tt_count(u, 0, n - take);
	hak_reserve_put(r);
	tt_drop_all(u);
}

static void reserve_step(struct tt_thread *t)
{
	struct tt_kind k = tt_typed_kind(&t->user, UINT_MAX);
	unsigned int n = 1 + tt_below(&t->user, 1 << tt_below(&t->user, 10));

	reserve_once(&t->user, &k, n);
}

struct tt_scenario tt_reserve = { .name = "reserve", .threads = 1, .step = reserve_step };
