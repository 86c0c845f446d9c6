// SPDX-License-Identifier: GPL-2.0
/* Group api: what the public calls promise to a client that keeps to the rules. */
#include "selftest/selftest.h"
#include <linux/log2.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/topology.h>

static const unsigned short sizes[] = {
	1, 7, 8, 9, 16, 24, 33, 64, 65, 96, 100, 128, 192, 256, 500, 512, 1000, 1024, 1025,
	2048, 8192,
};

/* Objects of one size in one context, and which of the calls gets them. */
struct zeroes {
	unsigned int size;
	void *(*get)(unsigned int size, gfp_t gfp, int k);
	unsigned int failed, dirty, n;
	void *p[400];
};

/* Wants what @z->get gives to be 0, and frees it full of ones. */
static void zeroes_round(void *arg)
{
	gfp_t gfp = in_task() ? GFP_KERNEL : GFP_ATOMIC | __GFP_NOWARN;
	struct zeroes *z = arg;
	int k;

	for (k = 0; k < z->n; k++) {
		z->p[k] = z->get(z->size, gfp, k);
		z->failed += !z->p[k];
		if (!z->p[k])
			continue;
		z->dirty += !!memchr_inv(z->p[k], 0, z->size);
		memset(z->p[k], 0xff, z->size);
	}
	for (k = 0; k < z->n; k++)
		hak_free(z->p[k]);
}

/*
 * Where the kernel's locks sleep there is nothing to be had but what is held already, and
 * nothing large. So it is laid in: a task's magazine and spare keep 128 of 400 objects.
 */
static unsigned int zeroes_lay_in(struct zeroes *z)
{
	z->n = 400;
	zeroes_round(z);
	z->n = 200;
	return z->size > HAK_MAX_SIZE ? z->n : 0;
}

/*
 * Memory that was somebody's before comes back as 0: out of the magazine, the spare and
 * the depot in the second round, in the third out of slabs, which one object keeps from
 * being given back with the rest of their block.
 */
static void expect_zeroes(struct st *t, void *(*get)(unsigned int size, gfp_t gfp, int k))
{
	struct zeroes *z = kvzalloc(sizeof(*z), GFP_KERNEL);
	void *keep = hak_alloc(8, GFP_KERNEL);
	unsigned int none;
	int i, round;

	for (i = 0; st_expect(t, z && keep, "no memory") && i < ARRAY_SIZE(sizes); i++) {
		z->size = sizes[i];
		z->get = get;
		for (round = 0; round < 3; round++) {
			if (round == 2)
				hak_shrink_all();
			z->n = 200;
			z->failed = 0;
			none = st_may_grow(t->arg) ? 0 : zeroes_lay_in(z);
			st_expect(t, st_run_in(t->arg, zeroes_round, z), "not in %s",
				  st_where_name[t->arg]);
			st_expect(t, !z->dirty, "%u bytes, round %d: %u objects are not 0",
				  sizes[i], round, z->dirty);
			st_expect(t, z->failed == none, "%u bytes: %u failed", sizes[i],
				  z->failed);
		}
	}
	hak_free(keep);
	kvfree(z);
}

static void *get_zeroed(unsigned int size, gfp_t gfp, int k)
{
	return k % 2 ? hak_zalloc(size, gfp) : hak_alloc(size, gfp | __GFP_ZERO);
}

static void zalloc_is_zero(struct st *t)
{
	expect_zeroes(t, get_zeroed);
}

/* Inlined with a constant size, called, and in bulk. */
static void *get_plain(unsigned int size, gfp_t gfp, int k)
{
	void *p;

	if (k % 3 == 0 && size == 64)
		return hak_alloc(64, gfp);
	if (k % 3 == 1)
		return hak_alloc_bulk(size, gfp, 1, &p) ? p : NULL;
	return hak_alloc(size, gfp);
}

/* Debian's default; the kernels of the instruction counts are booted without. */
static void init_on_alloc_zeroes(struct st *t)
{
	if (hak_config_get()->init_on_alloc)
		expect_zeroes(t, get_plain);
	else
		pr_info("hakmem_selftest: the kernel runs with init_on_alloc=0\n");
}

/* What has to be made anew, with the large memory of the kernel's own. */
struct growth {
	struct hak_cache *c;
	void *p[4];
};

static void grow(void *arg)
{
	const gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN;
	struct growth *g = arg;
	int node = numa_node_id();

	g->p[0] = hak_cache_alloc_node(g->c, gfp | __GFP_THISNODE, node);
	g->p[1] = hak_cache_alloc(g->c, gfp);
	g->p[2] = hak_alloc(2048, gfp);
	g->p[3] = hak_alloc_node(2048, gfp, node);
}

static void growth_respects_context(struct st *t)
{
	struct growth g = { };
	enum st_where where;
	int i;

	for (where = 0; where < ST_WHERES; where++) {
		g.c = hak_cache_create("selftest-growth", 48, NULL, 0);
		if (!st_expect(t, g.c, "no memory"))
			return;
		st_expect(t, st_run_in(where, grow, &g), "not in %s", st_where_name[where]);
		for (i = 0; i < ARRAY_SIZE(g.p); i++) {
			st_expect(t, !g.p[i] == !st_may_grow(where), "%s: allocation %d %s",
				  st_where_name[where], i, g.p[i] ? "was served" : "failed");
			hak_free(g.p[i]);
		}
		hak_cache_destroy(g.c);
	}
}

static void alignment_divides_size(struct st *t)
{
	unsigned long align;
	void *p[20];
	int i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		align = max(sizes[i] & -sizes[i], 8);
		for (k = 0; k < ARRAY_SIZE(p); k++) {
			p[k] = hak_alloc(sizes[i], GFP_KERNEL);
			st_expect(t, !((unsigned long)p[k] & (align - 1)), "%u bytes at %px",
				  sizes[i], p[k]);
		}
		for (k = 0; k < ARRAY_SIZE(p); k++)
			hak_free(p[k]);
	}
}

/* Thousands at a time, of every size, each with words of its own. */
static void live_objects_are_distinct(struct st *t)
{
	struct st_objects o[ARRAY_SIZE(sizes)];
	struct st_kind kind = { };
	int i;

	memset(o, 0, sizeof(o));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		kind.size = sizes[i];
		if (!st_objects_init(t, &o[i], kind, sizes[i] > 2048 ? 40 : 600))
			break;
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		st_objects_check(t, &o[i], "among all sizes");
		st_objects_exit(t, &o[i]);
	}
}

static void small_objects_are_distinct(struct st *t)
{
	const unsigned int n = 4000;
	void **p = kvmalloc_array(n, sizeof(*p), GFP_KERNEL);
	unsigned int i;

	if (!st_expect(t, p, "no memory"))
		return;
	for (i = 0; i < n; i++)
		p[i] = hak_alloc(1 + i % 8, GFP_KERNEL);
	st_expect(t, st_distinct(p, n), "one was handed out twice");
	for (i = 0; i < n; i++)
		hak_free(p[i]);
	kvfree(p);
}

static void odd_sizes(struct st *t)
{
	void *p;

	p = hak_alloc(0, GFP_KERNEL);
	st_expect(t, p == ZERO_SIZE_PTR, "0 bytes gave %px", p);
	hak_free(p);
	hak_free(NULL);
	hak_free_sized(NULL, 64);
	st_expect(t, !hak_usable_size(NULL) && !hak_usable_size(ZERO_SIZE_PTR), "NULL has a size");
	p = hak_alloc(1024, GFP_KERNEL);
	st_expect(t, hak_owns(p) && hak_usable_size(p) == 1024, "1024 bytes");
	hak_free_sized(p, 1024);
	p = hak_alloc(1025, GFP_KERNEL);
	st_expect(t, p && !hak_owns(p) && !hak_usable_size(p), "1025 bytes");
	hak_free(p);
	p = hak_alloc(8192, GFP_KERNEL);
	st_expect(t, p && !hak_owns(p), "8192 bytes");
	hak_free_sized(p, 8192);
	p = hak_alloc(KMALLOC_MAX_SIZE + 1UL, GFP_KERNEL | __GFP_NOWARN);
	st_expect(t, !p, "a size nobody has");
}

static void usable_size_covers_request(struct st *t)
{
	unsigned int size;
	size_t usable;
	void *p;

	for (size = 1; size <= HAK_MAX_SIZE; size += size < 130 ? 1 : 37) {
		p = hak_alloc(size, GFP_KERNEL);
		usable = hak_usable_size(p);
		st_expect(t, usable >= size && usable <= size + size / 4 + 8,
			  "%u bytes, usable %zu", size, usable);
		st_expect(t, hak_owns(p) && hak_owns(p + size - 1), "%u bytes not owned", size);
		hak_free(p);
	}
}

static void bulk_is_all_or_nothing(struct st *t)
{
	static const unsigned int counts[] = { 1, 8, 63, 64, 65, 300, 4000 };
	void **p = kvcalloc(HAK_BULK_MAX + 1, sizeof(*p), GFP_KERNEL);
	unsigned int i, n, k;

	if (!st_expect(t, p, "no memory"))
		return;
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		n = hak_alloc_bulk(96, GFP_KERNEL, counts[i], p);
		st_expect(t, n == counts[i], "%u of %u", n, counts[i]);
		for (k = 0; k < n; k++)
			hak_fill(p[k], 96, k);
		for (k = 0; k < n; k++)
			st_expect(t, hak_intact(p[k], 96, k), "doubled among %u", n);
		if (n > 2) {
			hak_free(p[n / 2]);
			p[n / 2] = NULL;
		}
		hak_free_bulk(n, p);
	}
	st_expect(t, !hak_alloc_bulk(96, GFP_KERNEL, 0, p), "0 objects");
	st_expect(t, !hak_alloc_bulk(96, GFP_KERNEL, HAK_BULK_MAX + 1, p), "too many objects");
	n = hak_alloc_bulk(2000, GFP_KERNEL, 20, p);
	st_expect(t, n == 20, "large ones");
	hak_free_bulk(n, p);
	kvfree(p);
}

static void typed_sizes(struct st *t)
{
	static const unsigned short typed[] = { 1, 8, 9, 100, 1024, 1025, 4096, 8192 };
	struct st_objects o;
	struct hak_cache *c;
	int i;

	for (i = 0; i < ARRAY_SIZE(typed); i++) {
		c = hak_cache_create("selftest-size", typed[i], NULL, 0);
		if (!st_expect(t, c, "%u bytes refused", typed[i]))
			continue;
		st_objects_init(t, &o, (struct st_kind){ c, typed[i] }, typed[i] < 8 ? 1 : 300);
		st_expect(t, hak_usable_size(o.p[0]) == typed[i], "usable size of %u", typed[i]);
		st_objects_exit(t, &o);
		st_expect(t, !hak_cache_shrink(c), "slabs of %u bytes stay", typed[i]);
		hak_cache_destroy(c);
	}
	st_expect(t, !hak_cache_create("selftest-none", 0, NULL, 0), "size 0");
	st_expect(t, !hak_cache_create("selftest-big", 8193, NULL, 0), "size 8193");
	/* A kernel without memory cgroups defines the flag as 0. */
	st_expect(t, !SLAB_ACCOUNT || !hak_cache_create("selftest-acct", 64, NULL, SLAB_ACCOUNT),
		  "SLAB_ACCOUNT");
	hak_cache_destroy(NULL);
}

static void typed_alignment(struct st *t)
{
	static const unsigned short aligns[] = { 8, 16, 64, 256, 1024, 4096 };
	struct hak_cache *c;
	void *p[40];
	int i, k;

	for (i = 0; i < ARRAY_SIZE(aligns); i++) {
		struct hak_cache_args args = { .align = aligns[i] };

		c = hak_cache_create("selftest-align", 40, &args, 0);
		if (!st_expect(t, c, "alignment %u refused", aligns[i]))
			continue;
		for (k = 0; k < ARRAY_SIZE(p); k++) {
			p[k] = k % 2 ? hak_cache_alloc(c, GFP_KERNEL)
				     : hak_cache_zalloc(c, GFP_KERNEL);
			st_expect(t, !((unsigned long)p[k] % aligns[i]), "%px is not aligned to %u",
				  p[k], aligns[i]);
		}
		hak_cache_free_bulk(c, ARRAY_SIZE(p), p);
		hak_cache_destroy(c);
	}
}

#define CONSTRUCTED 0x600dc0deUL

static atomic_t constructed;

static void count_ctor(void *p)
{
	*(unsigned long *)p = CONSTRUCTED;
	((unsigned long *)p)[7] = ~CONSTRUCTED;
	atomic_inc(&constructed);
}

static void count_dtor(void *p)
{
	atomic_dec(&constructed);
}

static void constructed_state_is_kept(struct st *t)
{
	struct hak_cache_args args = { .ctor = count_ctor, .dtor = count_dtor };
	struct hak_cache *c = hak_cache_create("selftest-ctor", 64, &args, 0);
	unsigned long *p[150];
	int i, round;

	if (!st_expect(t, c, "no memory"))
		return;
	atomic_set(&constructed, 0);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			p[i] = hak_cache_alloc(c, GFP_KERNEL);
			st_expect(t, p[i][0] == CONSTRUCTED && p[i][7] == ~CONSTRUCTED,
				  "an object is not as constructed, round %d", round);
			p[i][3] = i;
		}
		for (i = 0; i < ARRAY_SIZE(p); i++)
			st_expect(t, p[i][3] == i, "an object was handed out twice");
		hak_cache_free_bulk(c, ARRAY_SIZE(p), (void **)p);
	}
	st_expect(t, atomic_read(&constructed) >= ARRAY_SIZE(p), "constructor not run");
	hak_cache_destroy(c);
	st_expect(t, !atomic_read(&constructed), "%d objects not destructed",
		  atomic_read(&constructed));
}

/* A reader under RCU may look at a free object: it is still one, and as it was left. */
static void typesafe_objects_are_not_written(struct st *t)
{
	struct hak_cache *c = hak_cache_create("selftest-rcu", 64, NULL, SLAB_TYPESAFE_BY_RCU);
	struct st_objects o;
	unsigned int i;

	if (!st_expect(t, c, "no memory"))
		return;
	if (st_objects_init(t, &o, (struct st_kind){ c, 64 }, 300)) {
		rcu_read_lock();
		for (i = 0; i < o.n; i++)
			hak_cache_free(c, o.p[i]);
		for (i = 0; i < o.n; i++)
			st_expect(t, hak_intact(o.p[i], 64, o.key + i),
				  "a free object was written");
		rcu_read_unlock();
		o.n = 0;
	}
	st_objects_exit(t, &o);
	hak_cache_destroy(c);
}

static void *pool_alloc(gfp_t gfp, void *c)
{
	return hak_cache_alloc(c, gfp);
}

static void pool_free(void *p, void *c)
{
	hak_cache_free(c, p);
}

/* A mempool's elements are objects of the cache, as many as it keeps. */
static void mempool_over_a_cache(struct st *t)
{
	struct hak_cache *c = hak_cache_create("selftest-mempool", 64, NULL, 0);
	mempool_t *pool = c ? mempool_create(8, pool_alloc, pool_free, c) : NULL;
	void *p;

	if (st_expect(t, pool, "no memory")) {
		p = mempool_alloc(pool, GFP_NOIO);
		st_expect(t, hak_usable_size(p) == 64, "no object of the cache");
		st_expect(t, !hak_audit(9), "it does not keep 8 objects");
		mempool_free(p, pool);
	}
	mempool_destroy(pool);
	st_expect(t, !hak_audit(0), "it leaves objects behind");
	hak_cache_destroy(c);
}

static void everything_is_given_back(struct st *t)
{
	struct st_kind kind = { .size = 512 };
	struct st_objects o;

	if (st_objects_init(t, &o, kind, 5000))
		st_expect(t, !hak_audit(5000), "audit of 5000 live objects");
	st_objects_exit(t, &o);
	st_expect(t, hak_shrink_all() == hak_config_get()->fixed_pages, "pages are still held");
}

const struct st_test st_api_tests[] = {
	{ "memory is made where locks may be taken", growth_respects_context },
	{ "zeroed memory is 0", zalloc_is_zero, ST_TASK },
	{ "zeroed memory is 0, in softirq", zalloc_is_zero, ST_SOFTIRQ },
	{ "zeroed memory is 0, in hardirq", zalloc_is_zero, ST_HARDIRQ },
	{ "with init_on_alloc all memory is 0", init_on_alloc_zeroes, ST_TASK },
	{ "with init_on_alloc all memory is 0, in softirq", init_on_alloc_zeroes, ST_SOFTIRQ },
	{ "with init_on_alloc all memory is 0, in hardirq", init_on_alloc_zeroes, ST_HARDIRQ },
	{ "alignment is what divides the size", alignment_divides_size },
	{ "live objects of all sizes are distinct", live_objects_are_distinct },
	{ "4000 objects of up to 8 bytes are distinct", small_objects_are_distinct },
	{ "sizes 0, 1024, 1025, 8192, too large", odd_sizes },
	{ "usable size covers the request", usable_size_covers_request },
	{ "bulk calls give all or nothing", bulk_is_all_or_nothing },
	{ "typed caches of 1 to 8192 bytes", typed_sizes },
	{ "typed caches keep their alignment", typed_alignment },
	{ "constructed state is kept, destructors run", constructed_state_is_kept },
	{ "free objects of TYPESAFE_BY_RCU are not written", typesafe_objects_are_not_written },
	{ "a mempool over a typed cache", mempool_over_a_cache },
	{ "everything is given back", everything_is_given_back },
	{ }
};
