// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_client: what a client in the kernel gets in each context, by itself.
 *
 * Objects are allocated in one context and freed in another, on this CPU and on another.
 * Memory is made where locks may be taken.  What should be 0 is.
 */
#include "kunit/hak_kunit.h"
#include "kunit/lib/hak_pattern.h"
#include "kunit/lib/hak_where.h"
#include <linux/mempool.h>

#define N 200

/* Objects on their way from one context to another. */
struct parcel {
	struct hak_kind kind;
	unsigned int failed, spoilt;
	int preempt;		/* by how much the preempt count changed */
	u64 key;		/* of its first object */
	void *p[N];
};

static void *parcel_get(const struct hak_kind *k, unsigned int i)
{
	void *p;

	if (i % 16)
		return hak_kind_alloc(k, GFP_ATOMIC | __GFP_NOWARN);
	if (!k->c)
		return hak_zalloc(k->size, GFP_ATOMIC);
	return hak_cache_alloc_bulk(k->c, GFP_ATOMIC, 1, &p) ? p : NULL;
}

static void parcel_fill(void *arg)
{
	struct parcel *pa = arg;
	int before = preempt_count();
	unsigned int i;

	for (i = 0; i < N; i++) {
		pa->p[i] = parcel_get(&pa->kind, i);
		pa->failed += !pa->p[i];
		if (pa->p[i])
			hak_fill(pa->p[i], pa->kind.size, pa->key + i);
	}
	pa->preempt |= preempt_count() - before;
}

static void parcel_empty(void *arg)
{
	struct parcel *pa = arg;
	int before = preempt_count();
	unsigned int i;

	for (i = 0; i < N; i++)
		pa->spoilt += pa->p[i] && !hak_intact(pa->p[i], pa->kind.size, pa->key + i);
	for (i = 0; i < N; i++) {
		enum hak_how how = i % HAK_HOWS;

		/* No size says which typed cache it is. */
		if (pa->kind.c && how == HAK_BY_SIZE)
			how = HAK_BY_CACHE;
		if (pa->p[i])
			hak_kind_free(&pa->kind, how, pa->p[i]);
	}
	pa->key += N;
	pa->preempt |= preempt_count() - before;
}

/* Kinds of objects; another CPU frees them where @elsewhere says so. */
static const struct way {
	const char *name;
	u16 size;
	bool typed, ctor, elsewhere;
	slab_flags_t flags;
} ways[] = {
	{ "64 bytes", 64 },
	{ "1024 bytes", 1024 },
	{ "typed, 48 bytes", 48, true },
	{ "typed, 8 bytes", 8, true },
	{ "constructor", 64, true, true },
	{ "TYPESAFE_BY_RCU", 64, true, .flags = SLAB_TYPESAFE_BY_RCU },
	{ "64 bytes, freed on another CPU", 64, .elsewhere = true },
	{ "1024 bytes, freed on another CPU", 1024, .elsewhere = true },
	{ "typed, 48 bytes, freed on another CPU", 48, true, .elsewhere = true },
	{ "typed, 8 bytes, freed on another CPU", 8, true, .elsewhere = true },
	{ "constructor, freed on another CPU", 64, true, true, true },
	{ "TYPESAFE_BY_RCU, freed on another CPU", 64, true, false, true, SLAB_TYPESAFE_BY_RCU },
};

static void way_desc(const struct way *way, char *desc)
{
	strscpy(desc, way->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(way, ways, way_desc);

static void one_way(struct kunit *test, struct parcel *pa, enum hak_where from, enum hak_where to)
{
	const char *a = hak_where_name[from], *b = hak_where_name[to];
	const struct way *way = test->param_value;
	int cpu = way->elsewhere ? hak_other_cpu() : -1;
	bool right = hak_run_in(from, parcel_fill, pa);

	right &= cpu < 0 ? hak_run_in(to, parcel_empty, pa)
			 : hak_run_on(cpu, to, parcel_empty, pa);
	KUNIT_EXPECT_TRUE_MSG(test, right, "%s to %s: not run there", a, b);
	KUNIT_EXPECT_EQ_MSG(test, pa->spoilt, 0, "%s to %s: overwritten", a, b);
	KUNIT_EXPECT_EQ_MSG(test, pa->preempt, 0, "%s to %s: preempt count", a, b);
	/*
	 * Atomic requests may fail, but not as a habit.  On PREEMPT_RT a context that cannot make
	 * memory has what is in slabs, and the other CPU's sets hold 128 of these.
	 */
	KUNIT_EXPECT_LE_MSG(test, pa->failed, hak_may_grow_in(from) ? N / 10 : N - 1,
			    "%s to %s: no memory", a, b);
	pa->failed = 0;
}

static void objects_go_from_each_context_to_each(struct kunit *test)
{
	const struct way *way = test->param_value;
	struct hak_cache_args args = { .ctor = way->ctor ? hak_empty_ctor : NULL };
	struct parcel *pa = kunit_kzalloc(test, sizeof(*pa), GFP_KERNEL);
	enum hak_where from, to;
	struct hak_counts bad;

	KUNIT_ASSERT_NOT_NULL(test, pa);
	hak_counts_begin(&bad);
	pa->kind.size = way->size;
	if (way->typed)
		pa->kind.c = hak_kunit_cache(test, "kunit-ways", way->size, &args, way->flags);
	for (from = 0; from < HAK_WHERES; from++)
		for (to = 0; to < HAK_WHERES; to++)
			one_way(test, pa, from, to);
	KUNIT_EXPECT_EQ(test, hak_audit(0), 0);
	hak_kunit_bad_end(test, &bad, HAK_NR_STATS, 0, "good frees");
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
	/* This CPU's own node may have no memory, and no other will do. */
	int node = hak_home_nid();

	g->p[0] = hak_cache_alloc_node(g->c, gfp | __GFP_THISNODE, node);
	g->p[1] = hak_cache_alloc(g->c, gfp);
	g->p[2] = hak_alloc(2048, gfp);
	g->p[3] = hak_alloc_node(2048, gfp, node);
}

static void memory_is_made_where_locks_may_be_taken(struct kunit *test)
{
	struct growth g = { };
	enum hak_where where;
	int i;

	for (where = 0; where < HAK_WHERES; where++) {
		g.c = hak_cache_create("kunit-growth", 48, NULL, 0);
		KUNIT_ASSERT_NOT_NULL(test, g.c);
		KUNIT_EXPECT_TRUE_MSG(test, hak_run_in(where, grow, &g), "not in %s",
				      hak_where_name[where]);
		for (i = 0; i < ARRAY_SIZE(g.p); i++) {
			KUNIT_EXPECT_EQ_MSG(test, !!g.p[i], hak_may_grow_in(where),
					    "%s: allocation %d", hak_where_name[where], i);
			hak_free(g.p[i]);
		}
		hak_cache_destroy(g.c);
	}
}

/* Objects of one size in one context, and which of the calls gets them. */
struct zeroes {
	unsigned int size;
	void *(*get)(unsigned int size, gfp_t gfp, unsigned int k);
	unsigned int failed, dirty, n;
	void *p[400];
};

static void *get_zeroed(unsigned int size, gfp_t gfp, unsigned int k)
{
	return k % 2 ? hak_zalloc(size, gfp) : hak_alloc(size, gfp | __GFP_ZERO);
}

/* Inlined with a constant size, called, and in bulk. */
static void *get_plain(unsigned int size, gfp_t gfp, unsigned int k)
{
	void *p;

	if (k % 3 == 0 && size == 64)
		return hak_alloc(64, gfp);
	if (k % 3 == 1)
		return hak_alloc_bulk(size, gfp, 1, &p) ? p : NULL;
	return hak_alloc(size, gfp);
}

static const struct zero {
	const char *name;
	void *(*get)(unsigned int size, gfp_t gfp, unsigned int k);
	enum hak_where where;
} zeros[] = {
	{ "zeroed, task", get_zeroed, HAK_IN_TASK },
	{ "zeroed, softirq", get_zeroed, HAK_IN_SOFTIRQ },
	{ "zeroed, hardirq", get_zeroed, HAK_IN_HARDIRQ },
	{ "init_on_alloc, task", get_plain, HAK_IN_TASK },
	{ "init_on_alloc, softirq", get_plain, HAK_IN_SOFTIRQ },
	{ "init_on_alloc, hardirq", get_plain, HAK_IN_HARDIRQ },
};

static void zero_desc(const struct zero *zero, char *desc)
{
	strscpy(desc, zero->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(zero, zeros, zero_desc);

/* Wants what @z->get gives to be 0, and frees it full of ones. */
static void zeroes_round(void *arg)
{
	gfp_t gfp = in_task() ? GFP_KERNEL : GFP_ATOMIC | __GFP_NOWARN;
	struct zeroes *z = arg;
	unsigned int k;

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
 * Memory that was somebody's before comes back as 0.  In the second round it comes out of the
 * magazine, the spare and the depot, in the third out of slabs.  One object keeps their block
 * from being given back.
 */
static void memory_is_zero(struct kunit *test)
{
	static const u16 sizes[] = {
		1, 7, 8, 9, 16, 24, 33, 64, 65, 96, 100, 128, 192, 256, 500, 512, 1000, 1024, 1025,
		2048, 8192,
	};
	const struct zero *zero = test->param_value;
	struct zeroes *z = kunit_kzalloc(test, sizeof(*z), GFP_KERNEL);
	void *keep = hak_alloc(8, GFP_KERNEL);
	unsigned int i, round, none;

	KUNIT_ASSERT_NOT_NULL(test, z);
	z->get = zero->get;
	for (i = 0; i < ARRAY_SIZE(sizes) * 3; i++) {
		z->size = sizes[i / 3];
		round = i % 3;
		if (round == 2)
			hak_shrink_all();
		z->n = 200;
		z->failed = 0;
		none = hak_may_grow_in(zero->where) ? 0 : zeroes_lay_in(z);
		KUNIT_EXPECT_TRUE(test, hak_run_in(zero->where, zeroes_round, z));
		if (zero->get == get_zeroed || hak_config_get()->init_on_alloc)
			KUNIT_EXPECT_EQ_MSG(test, z->dirty, 0, "%u bytes, round %u", z->size,
					    round);
		KUNIT_EXPECT_EQ_MSG(test, z->failed, none, "%u bytes, round %u", z->size, round);
	}
	hak_free(keep);
}

static void free_it(void *p)
{
	hak_free(p);
}

/* The sets of the interrupt levels are found by the same tag, and must not be there. */
static void page_that_serves_no_slab_is_foreign_at_each_level(struct kunit *test)
{
	static const enum hak_where levels[] = { HAK_IN_TASK, HAK_IN_SOFTIRQ, HAK_IN_HARDIRQ };
	void *p = hak_alloc(64, GFP_KERNEL);
	struct hak_counts bad;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; hak_slab_of(p)->spages && i < ARRAY_SIZE(levels); i++) {
		const char *name = hak_where_name[levels[i]];

		hak_counts_begin(&bad);
		KUNIT_EXPECT_TRUE(test, hak_run_in(levels[i], free_it, ss_base(p) + HAK_SS_SIZE -
						   3 * HAK_SPAGE_SIZE));
		hak_kunit_settle();
		hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_foreign, 1, name);
	}
	KUNIT_EXPECT_EQ(test, hak_audit(1), 0);
	hak_free(p);
}

/* Pointers that are freed one after the other. */
struct frees {
	struct hak_kind kind;
	enum hak_how how;
	unsigned int n;
	void *p[2];
};

static void free_all(void *arg)
{
	struct frees *f = arg;
	unsigned int i;

	for (i = 0; i < f->n; i++)
		hak_kind_free(&f->kind, f->how, f->p[i]);
}

static void found_in(struct kunit *test, struct frees *f, enum hak_where where, enum hak_stat which)
{
	struct hak_counts bad;

	hak_counts_begin(&bad);
	KUNIT_EXPECT_TRUE_MSG(test, hak_run_in(where, free_all, f), "not in %s",
			      hak_where_name[where]);
	hak_kunit_settle();
	hak_kunit_bad_end(test, &bad, which, 1, hak_where_name[where]);
}

/* Each call looks at its level first, so that each check is made on the way of each level. */
static void bad_free_is_found_at_each_level(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-level", 64, NULL, 0);
	void *keep[] = { hak_cache_alloc(c, GFP_KERNEL), hak_alloc(64, GFP_KERNEL) };
	struct frees f = { };
	int where, how;

	KUNIT_ASSERT_TRUE(test, keep[0] && keep[1]);
	for (where = 0; where < HAK_WHERES; where++)
		for (how = 0; how < HAK_HOWS; how++) {
			f.kind = (struct hak_kind){ how == HAK_BY_SIZE ? NULL : c, 64 };
			f.how = how;
			f.p[0] = hak_kind_alloc(&f.kind, GFP_KERNEL);
			f.p[1] = f.p[0];
			KUNIT_ASSERT_NOT_NULL(test, f.p[0]);
			f.n = 2;
			found_in(test, &f, where, HAK_STAT_bad_free_double);
			f.n = 1;
			f.p[0] = keep[how == HAK_BY_SIZE] + 1;
			found_in(test, &f, where, HAK_STAT_bad_free_interior);
		}
	KUNIT_EXPECT_EQ(test, hak_audit(2), 0);
	hak_free(keep[0]);
	hak_free(keep[1]);
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
static void mempool_over_a_cache(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-mempool", 64, NULL, 0);
	mempool_t *pool = mempool_create(8, pool_alloc, pool_free, c);
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, pool);
	p = mempool_alloc(pool, GFP_NOIO);
	KUNIT_EXPECT_EQ(test, hak_usable_size(p), 64);
	KUNIT_EXPECT_EQ_MSG(test, hak_audit(9), 0, "it keeps 8 objects");
	mempool_free(p, pool);
	mempool_destroy(pool);
	KUNIT_EXPECT_EQ_MSG(test, hak_audit(0), 0, "it leaves objects behind");
}

static void size_that_nobody_has_is_null(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, hak_alloc(KMALLOC_MAX_SIZE + 1UL, GFP_KERNEL | __GFP_NOWARN));
}

static struct kunit_case client_cases[] = {
	KUNIT_CASE_PARAM(objects_go_from_each_context_to_each, way_gen_params),
	KUNIT_CASE(memory_is_made_where_locks_may_be_taken),
	KUNIT_CASE_PARAM(memory_is_zero, zero_gen_params),
	KUNIT_CASE(page_that_serves_no_slab_is_foreign_at_each_level),
	KUNIT_CASE(bad_free_is_found_at_each_level),
	KUNIT_CASE(mempool_over_a_cache),
	KUNIT_CASE(size_that_nobody_has_is_null),
	{}
};

struct kunit_suite hak_client_suite = {
	.name = "hakmem_client",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = client_cases,
};
