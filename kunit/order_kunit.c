// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_order: in which order a new slab hands its objects out, and takes them back.
 *
 * Who knows one object is not to know the next.  Chance alone makes some objects neighbours, and
 * two caches agree here and there.  So bounds are far from what is expected and from what order is.
 */
#include "kunit/hak_kunit.h"

#define OBJECTS 64
#define STRIDE	64

static void pool_end(void *pool)
{
	hak_pool_exit(pool);
	kfree(pool);
}

static unsigned int ctors;

static void count_ctor(void *p)
{
	ctors++;
}

static struct hak_pool *new_pool_of(struct kunit *test, u32 stride, bool shuffled,
				    void (*ctor)(void *p))
{
	struct hak_pool *pool = kzalloc(sizeof(*pool), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pool);
	pool->tag = hak_tag_none;
	pool->shuffled = shuffled;
	pool->ctor = ctor;
	ctors = 0;
	KUNIT_ASSERT_EQ(test, hak_pool_init(pool, stride, 0), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pool_end, pool), 0);
	return pool;
}

static struct hak_pool *new_pool(struct kunit *test, bool shuffled, void (*ctor)(void *p))
{
	return new_pool_of(test, STRIDE, shuffled, ctor);
}

/* What was taken one after the other, and where each lies in its slab page. */
static struct taken {
	void *p[OBJECTS];
	u32 at[OBJECTS];
} one, other;

static void note(struct taken *t, unsigned int i, void *p)
{
	t->p[i] = p;
	t->at[i] = (u32)((unsigned long)p % HAK_SPAGE_SIZE);
}

/* @n objects of @pool, which has none, from new slabs. */
static void take(struct kunit *test, struct hak_pool *pool, unsigned int n, void **p)
{
	unsigned int got = 0, now;
	int nid = hak_home_nid();

	while (got < n) {
		now = hak_pool_take(pool, nid, min_t(unsigned int, n - got, HAK_BATCH), p + got);
		got += now;
		if (!now)
			KUNIT_ASSERT_NE(test, hak_pool_grow(pool, &nid, GFP_KERNEL),
					HAK_GROWN_NOT);
	}
}

static void take_noted(struct kunit *test, struct hak_pool *pool, struct taken *t)
{
	unsigned int i;

	take(test, pool, OBJECTS, t->p);
	for (i = 0; i < OBJECTS; i++)
		note(t, i, t->p[i]);
}

static void put_all(struct kunit *test, struct hak_pool *pool, unsigned int n, void **p)
{
	hak_pool_return(pool, n, p);
	KUNIT_EXPECT_EQ(test, hak_pool_verify(pool), 0);
	KUNIT_EXPECT_EQ(test, hak_pool_trim_all(pool), 0);
	hak_release_wait();
}

/* How many lie right behind, or before, the one that came before them. */
static unsigned int neighbours(const struct taken *t, u32 stride)
{
	unsigned int i, found = 0;

	for (i = 1; i < OBJECTS; i++)
		found += t->at[i] - t->at[i - 1] == stride || t->at[i - 1] - t->at[i] == stride;
	return found;
}

static unsigned int same(const struct taken *a, const struct taken *b)
{
	unsigned int i, found = 0;

	for (i = 0; i < OBJECTS; i++)
		found += a->at[i] == b->at[i];
	return found;
}

/* test->param_value: with a constructor, only those that are taken together are shuffled. */
static const bool constructed[] = { false, true };

static void constructed_desc(const bool *ctor, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", *ctor ? "constructed" : "plain");
}

KUNIT_ARRAY_PARAM(constructed, constructed, constructed_desc);

static void new_slab_is_handed_out_in_random_order(struct kunit *test)
{
	bool ctor = *(const bool *)test->param_value;
	struct hak_pool *pool = new_pool(test, true, ctor ? count_ctor : NULL);

	take_noted(test, pool, &one);
	KUNIT_EXPECT_LT(test, neighbours(&one, STRIDE), OBJECTS / 3);
	KUNIT_EXPECT_EQ(test, ctors, ctor ? OBJECTS : 0);
	put_all(test, pool, OBJECTS, one.p);
	take_noted(test, pool, &other);
	KUNIT_EXPECT_LT_MSG(test, same(&one, &other), OBJECTS / 3, "as in the slab before");
	put_all(test, pool, OBJECTS, other.p);
}

/* Each once, though chance leads to some again. */
static void every_object_comes_once(struct kunit *test)
{
	struct hak_pool *pool = new_pool(test, true, NULL);
	unsigned int n = HAK_SPAGE_SIZE / STRIDE - 1, i;
	void **p = kvcalloc(n, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	take(test, pool, n, p);
	sort(p, n, sizeof(*p), hak_by_address, NULL);
	for (i = 1; i < n; i++)
		KUNIT_EXPECT_TRUE(test, p[i - 1] < p[i]);
	put_all(test, pool, n, p);
	kvfree(p);
}

static void order_is_kept_where_none_is_wanted(struct kunit *test)
{
	struct hak_pool *pool = new_pool(test, false, NULL);

	take_noted(test, pool, &one);
	KUNIT_EXPECT_GT(test, neighbours(&one, STRIDE), OBJECTS * 2 / 3);
	put_all(test, pool, OBJECTS, one.p);
}

static void alloc_noted(struct kunit *test, struct hak_cache *c, struct taken *t)
{
	unsigned int i;

	for (i = 0; i < OBJECTS; i++) {
		note(t, i, hak_cache_alloc(c, GFP_KERNEL));
		KUNIT_ASSERT_NOT_NULL(test, t->p[i]);
	}
}

/* What a client sees of it. */
static void two_new_caches_have_orders_of_their_own(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-order-a", STRIDE, NULL, 0);
	struct hak_cache *d = hak_kunit_cache(test, "kunit-order-b", STRIDE, NULL, 0);
	u32 stride = cache_core(c)->pool.stride;
	bool wanted = hak_config_get()->random_order;

	migrate_disable();
	alloc_noted(test, c, &one);
	alloc_noted(test, d, &other);
	migrate_enable();
	KUNIT_EXPECT_EQ(test, neighbours(&one, stride) < OBJECTS / 3, wanted);
	KUNIT_EXPECT_EQ(test, neighbours(&other, stride) < OBJECTS / 3, wanted);
	KUNIT_EXPECT_EQ(test, same(&one, &other) < OBJECTS / 3, wanted);
	hak_cache_free_bulk(c, OBJECTS, one.p);
	hak_cache_free_bulk(d, OBJECTS, other.p);
}

static const u32 strides[] = { 8, 24, 64, 1032, 7000 };

static void stride_desc(const u32 *stride, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u bytes", *stride);
}

KUNIT_ARRAY_PARAM(stride, strides, stride_desc);

/* The same order each time. */
static void shuffle(unsigned int n, void **p, u32 seed)
{
	for (; n > 1; n--) {
		seed = seed * 1664525 + 1013904223;
		swap(p[n - 1], p[(seed >> 8) % n]);
	}
}

/* Put back by magazines; the array stays as it is. */
static void put_some(struct hak_pool *pool, unsigned int n, void **p)
{
	void *batch[HAK_MAG_MAX];
	unsigned int now;

	for (; n; n -= now, p += now) {
		now = min_t(unsigned int, n, HAK_MAG_MAX);
		memcpy(batch, p, now * sizeof(*p));
		hak_pool_return(pool, now, batch);
	}
}

/* Of @n objects at @p the first @are_free are free, and no other. */
static void first_are_free(struct kunit *test, struct hak_pool *pool, unsigned int n, void **p,
			   unsigned int are_free)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < n; i++)
		wrong += hak_pool_object_free(pool, p[i]) != (i < are_free);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_EQ(test, hak_pool_verify(pool), 0);
}

/* The objects of four slabs, one slab after the other or all of them mixed. */
static void return_in_any_order_frees_just_these(struct kunit *test)
{
	u32 stride = *(const u32 *)test->param_value;
	struct hak_pool *pool = new_pool_of(test, stride, true, NULL);
	unsigned int n = 3 * HAK_SPAGE_SIZE / stride, round, some;
	void **p = kvcalloc(n, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	/* What is free is asked of slabs that stay. */
	pool->keep_empty = n;
	for (round = 0; round < 4; round++) {
		take(test, pool, n, p);
		if (round & 1)
			shuffle(n, p, round);
		some = n * (round + 1) / 5;
		put_some(pool, some, p);
		first_are_free(test, pool, n, p, some);
		put_some(pool, n - some, p + some);
		KUNIT_EXPECT_EQ(test, hak_pool_verify(pool), 0);
	}
	KUNIT_EXPECT_EQ(test, hak_pool_trim_all(pool), 0);
	hak_release_wait();
	kvfree(p);
}

/* No byte but the first of an object is one, whatever is gathered before it. */
static void return_in_any_order_takes_only_starts(struct kunit *test)
{
	u32 stride = *(const u32 *)test->param_value;
	struct hak_pool *pool = new_pool_of(test, stride, false, NULL);
	unsigned int n = min_t(unsigned int, HAK_SPAGE_SIZE / stride, OBJECTS), i, k;
	const u32 inside[] = { 1, stride / 2, stride - 1 };
	struct hak_counts bad;
	void *batch[3];

	take(test, pool, n, one.p);
	hak_counts_begin(&bad);
	for (i = 0; i < n; i++)
		for (k = 0; k < ARRAY_SIZE(inside); k++) {
			batch[0] = one.p[n - 1];
			batch[1] = one.p[i] + inside[k];
			hak_pool_return(pool, 2, batch);
			first_are_free(test, pool, n - 1, one.p, 0);
			take(test, pool, 1, &one.p[n - 1]);
		}
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_interior, 3 * n, "interior");
	put_all(test, pool, n, one.p);
}

enum { SOME = 40 };

/* The first of @p are free; they are taken again, in an order of their own. */
static void take_again(struct kunit *test, struct hak_pool *pool, void **p, u32 seed)
{
	first_are_free(test, pool, OBJECTS, p, SOME);
	take(test, pool, SOME, p);
	shuffle(SOME, p, seed);
}

/* Put @pool's first of @p back, but @other for number @i: one bad free, and the rest are free. */
static void put_with(struct kunit *test, struct hak_pool *pool, void **p, unsigned int i,
		     void *other, enum hak_stat kind)
{
	struct hak_counts bad;
	void *was = p[i];

	p[i] = other;
	hak_counts_begin(&bad);
	put_some(pool, SOME, p);
	hak_kunit_bad_end(test, &bad, kind, 1, "one of those gathered");
	p[i] = was;
	KUNIT_EXPECT_FALSE(test, hak_pool_object_free(pool, was));
	put_some(pool, 1, &was);
	take_again(test, pool, p, i);
}

static void return_in_any_order_finds_the_bad_one(struct kunit *test)
{
	struct hak_pool *pool = new_pool(test, false, NULL);
	void **p = one.p;
	struct hak_counts bad;
	unsigned int i;

	take(test, pool, OBJECTS, p);
	shuffle(SOME, p, 1);
	for (i = 0; i < SOME; i++) {
		put_with(test, pool, p, i, p[(i + 7) % SOME], HAK_STAT_bad_free_double);
		put_with(test, pool, p, i, p[i] + 8, HAK_STAT_bad_free_interior);
		put_with(test, pool, p, i, &bad, HAK_STAT_bad_free_foreign);

		put_some(pool, 1, &p[i]);
		hak_counts_begin(&bad);
		put_some(pool, SOME, p);
		hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_double, 1, "one was free");
		take_again(test, pool, p, i);
	}
	put_some(pool, SOME, p);
	hak_counts_begin(&bad);
	put_some(pool, SOME, p);
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_double, SOME, "all were free");
	take_again(test, pool, p, 1);
	put_all(test, pool, OBJECTS, p);
}

static struct kunit_case order_cases[] = {
	KUNIT_CASE_PARAM(new_slab_is_handed_out_in_random_order, constructed_gen_params),
	KUNIT_CASE(every_object_comes_once),
	KUNIT_CASE(order_is_kept_where_none_is_wanted),
	KUNIT_CASE(two_new_caches_have_orders_of_their_own),
	KUNIT_CASE_PARAM(return_in_any_order_frees_just_these, stride_gen_params),
	KUNIT_CASE_PARAM(return_in_any_order_takes_only_starts, stride_gen_params),
	KUNIT_CASE(return_in_any_order_finds_the_bad_one),
	{}
};

struct kunit_suite hak_order_suite = {
	.name = "hakmem_order",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = order_cases,
};
