// SPDX-License-Identifier: GPL-2.0
/* Suite hakmem_depot: full and empty magazines, on a depot and a pool of the test's own. */
#include "kunit/hak_kunit.h"

#define MAX_FULL 3

static struct hak_depot *new_depot(struct kunit *test)
{
	struct hak_depot *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, d);
	hak_depot_init(d, MAX_FULL);
	return d;
}

/* An empty magazine out of the pool of magazines, which has a slab first. */
static struct hak_mag *new_mag(struct kunit *test)
{
	int nid = hak_home_nid();
	struct hak_mag *m = hak_depot_new_empty();

	if (!m) {
		KUNIT_ASSERT_NE(test, hak_pool_grow(&hak_mag_pool, &nid, GFP_KERNEL),
				HAK_GROWN_NOT);
		m = hak_depot_new_empty();
	}
	KUNIT_ASSERT_NOT_NULL(test, m);
	KUNIT_ASSERT_EQ(test, m->n, 0);
	return m;
}

static unsigned long mags_out(void)
{
	struct hak_pool_info info;

	hak_pool_info(&hak_mag_pool, &info);
	return info.objects - info.free;
}

static void get_full_from_empty_depot_is_null(struct kunit *test)
{
	struct hak_depot *d = new_depot(test);
	struct hak_mag *e = new_mag(test);

	KUNIT_EXPECT_NULL(test, hak_depot_get_full(d, NULL));
	KUNIT_EXPECT_NULL(test, hak_depot_get_full(d, e));
	KUNIT_EXPECT_EQ_MSG(test, d->nr_empty, 0, "the empty one stays the caller's");
	hak_mag_put_empty(e);
}

static void put_full_then_get_full_gives_it_back(struct kunit *test)
{
	struct hak_depot *d = new_depot(test);
	struct hak_mag *a = new_mag(test), *b = new_mag(test), *e = a;

	KUNIT_EXPECT_TRUE(test, hak_depot_put_full(d, a, &e));
	KUNIT_EXPECT_NULL_MSG(test, e, "the depot has no empty one to give");
	KUNIT_EXPECT_TRUE(test, hak_depot_put_full(d, b, &e));
	KUNIT_EXPECT_EQ(test, d->nr_full, 2);
	KUNIT_EXPECT_PTR_EQ_MSG(test, hak_depot_get_full(d, NULL), b, "the warm one first");
	KUNIT_EXPECT_PTR_EQ(test, hak_depot_get_full(d, NULL), a);
	KUNIT_EXPECT_NULL(test, hak_depot_get_full(d, NULL));
	KUNIT_EXPECT_EQ(test, d->nr_full, 0);
	hak_mag_put_empty(a);
	hak_mag_put_empty(b);
}

static void put_full_beyond_limit_refuses(struct kunit *test)
{
	struct hak_depot *d = new_depot(test);
	struct hak_mag *m[MAX_FULL + 1], *e;
	unsigned int i;

	for (i = 0; i <= MAX_FULL; i++)
		m[i] = new_mag(test);
	for (i = 0; i < MAX_FULL; i++)
		KUNIT_EXPECT_TRUE(test, hak_depot_put_full(d, m[i], &e));
	KUNIT_EXPECT_FALSE(test, hak_depot_put_full(d, m[MAX_FULL], &e));
	KUNIT_EXPECT_EQ(test, d->nr_full, MAX_FULL);
	for (i = 0; i < MAX_FULL; i++)
		KUNIT_EXPECT_PTR_NE(test, hak_depot_get_full(d, NULL), m[MAX_FULL]);
	for (i = 0; i <= MAX_FULL; i++)
		hak_mag_put_empty(m[i]);
}

static void exchange_of_full_and_empty_keeps_both(struct kunit *test)
{
	struct hak_depot *d = new_depot(test);
	struct hak_mag *full = new_mag(test), *empty = new_mag(test), *e;

	full->slot[full->n++] = full;
	hak_depot_put_full(d, full, &e);
	KUNIT_EXPECT_PTR_EQ(test, hak_depot_get_full(d, empty), full);
	KUNIT_EXPECT_EQ(test, full->n, 1);
	KUNIT_EXPECT_EQ(test, d->nr_empty, 1);
	KUNIT_EXPECT_TRUE(test, hak_depot_put_full(d, full, &e));
	KUNIT_EXPECT_PTR_EQ_MSG(test, e, empty, "an empty one for the full one");
	KUNIT_EXPECT_EQ(test, d->nr_empty, 0);
	KUNIT_EXPECT_EQ(test, d->nr_full, 1);
	KUNIT_EXPECT_PTR_EQ(test, hak_depot_get_full(d, NULL), full);
	hak_mag_put_empty(full);
	hak_mag_put_empty(empty);
}

static void put_full_that_is_refused_gives_no_empty(struct kunit *test)
{
	struct hak_depot *d = new_depot(test);
	struct hak_mag *a = new_mag(test), *b = new_mag(test), *c = new_mag(test), *e = NULL;

	hak_depot_put_full(d, a, &e);
	KUNIT_EXPECT_PTR_EQ(test, hak_depot_get_full(d, b), a);
	d->max_full = 0;
	KUNIT_EXPECT_FALSE(test, hak_depot_put_full(d, c, &e));
	KUNIT_EXPECT_NULL(test, e);
	KUNIT_EXPECT_EQ(test, d->nr_empty, 1);
	hak_depot_trim(d, &hak_mag_pool, true);
	hak_mag_put_empty(a);
	hak_mag_put_empty(c);
}

static void new_empty_counts_until_freed(struct kunit *test)
{
	struct hak_mag *m = new_mag(test);
	unsigned long out = mags_out();

	hak_mag_put_empty(m);
	KUNIT_EXPECT_EQ(test, mags_out(), out - 1);
	m = hak_depot_new_empty();
	KUNIT_ASSERT_NOT_NULL(test, m);
	KUNIT_EXPECT_EQ(test, mags_out(), out);
	KUNIT_EXPECT_EQ(test, m->n, 0);
	hak_mag_put_empty(m);
}

/* Five slabs of magazines are in use, and all of them freed: the pool keeps two for the next. */
static void freed_magazines_leave_two_slabs(struct kunit *test)
{
	struct hak_mag *m, *list = NULL;
	struct hak_pool_info info;
	int nid = hak_home_nid(), i;

	hak_shrink_all();
	for (i = 0; i < 5; i++)
		KUNIT_ASSERT_NE(test, hak_pool_grow(&hak_mag_pool, &nid, GFP_KERNEL),
				HAK_GROWN_NOT);
	while ((m = hak_depot_new_empty())) {
		m->next = list;
		list = m;
	}
	hak_pool_info(&hak_mag_pool, &info);
	KUNIT_EXPECT_GE(test, info.slabs, 5);
	KUNIT_EXPECT_EQ(test, info.empty, 0);
	while ((m = list)) {
		list = m->next;
		hak_mag_put_empty(m);
	}
	hak_pool_info(&hak_mag_pool, &info);
	KUNIT_EXPECT_EQ(test, info.empty, 2);
	KUNIT_EXPECT_EQ(test, info.slabs, 2);
}

/* A depot with two full magazines of 20 objects of @pool and one empty one. */
static void stock(struct kunit *test, struct hak_depot *d, struct hak_pool *pool)
{
	struct hak_mag *m[3] = { new_mag(test), new_mag(test), new_mag(test) }, *e;
	int nid = hak_home_nid(), i;

	KUNIT_ASSERT_NE(test, hak_pool_grow(pool, &nid, GFP_KERNEL), HAK_GROWN_NOT);
	for (i = 0; i < 2; i++) {
		m[i]->n = hak_pool_take(pool, nid, 20, m[i]->slot);
		KUNIT_ASSERT_EQ(test, m[i]->n, 20);
		KUNIT_ASSERT_TRUE(test, hak_depot_put_full(d, m[i], &e));
	}
	/* An empty one comes in against a full one; that goes back by hand. */
	KUNIT_ASSERT_PTR_EQ(test, hak_depot_get_full(d, m[2]), m[1]);
	m[1]->next = d->full;
	d->full = m[1];
	d->nr_full++;
}

static void drain_returns_every_object_and_magazine(struct kunit *test)
{
	struct hak_pool *pool = kunit_kzalloc(test, sizeof(*pool), GFP_KERNEL);
	struct hak_depot *d = new_depot(test);
	unsigned long out = mags_out();
	struct hak_pool_info info;

	KUNIT_ASSERT_NOT_NULL(test, pool);
	pool->tag = hak_tag_none;
	KUNIT_ASSERT_EQ(test, hak_pool_init(pool, 64, 4), 0);
	stock(test, d, pool);
	hak_pool_info(pool, &info);
	KUNIT_EXPECT_EQ(test, info.objects - info.free, 40);
	KUNIT_EXPECT_EQ(test, mags_out(), out + 3);
	hak_depot_trim(d, pool, true);
	hak_pool_info(pool, &info);
	KUNIT_EXPECT_EQ(test, info.objects, info.free);
	KUNIT_EXPECT_EQ(test, mags_out(), out);
	KUNIT_EXPECT_EQ(test, d->nr_full, 0);
	KUNIT_EXPECT_EQ(test, d->nr_empty, 0);
	KUNIT_EXPECT_EQ(test, hak_pool_trim_all(pool), 0);
	hak_pool_exit(pool);
}

static struct kunit_case depot_cases[] = {
	KUNIT_CASE(get_full_from_empty_depot_is_null),
	KUNIT_CASE(put_full_then_get_full_gives_it_back),
	KUNIT_CASE(put_full_beyond_limit_refuses),
	KUNIT_CASE(exchange_of_full_and_empty_keeps_both),
	KUNIT_CASE(put_full_that_is_refused_gives_no_empty),
	KUNIT_CASE(new_empty_counts_until_freed),
	KUNIT_CASE(freed_magazines_leave_two_slabs),
	KUNIT_CASE(drain_returns_every_object_and_magazine),
	{}
};

struct kunit_suite hak_depot_suite = {
	.name = "hakmem_depot",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = depot_cases,
};
