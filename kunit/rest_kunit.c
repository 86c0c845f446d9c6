// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_rest: what a slab leaves behind keeps its marks for a grace period, and is nobody
 * else's before.
 *
 * A case holds up grace periods as a free does: it has preemption off.  What it finds meanwhile is
 * told afterwards, because telling may sleep.
 */
#include "kunit/hak_kunit.h"
#include "superslab/ss_block.h"
#include "superslab/ss_dir.h"
#include "superslab/ss_rest.h"

#define SLABS 130		/* more than a SuperSlab has */
#define OBJECTS 256		/* of 64 bytes in a slab page */

struct rest_test {
	struct hak_pool *pool, *other;
	void *p;			/* an object of the first */
	void *anchor;			/* another, of another slab: its SuperSlab does not end */
};

/* No grace period ends between the two. */
static void gp_hold(void)
{
	preempt_disable();
#ifndef __KERNEL__
	WRITE_ONCE(shim_readers, 1);
#endif
}

static void gp_go_on(void)
{
#ifndef __KERNEL__
	WRITE_ONCE(shim_readers, 0);
#endif
	preempt_enable();
}

static void *take_one(struct hak_pool *pool, gfp_t gfp)
{
	int nid = hak_home_nid();
	void *p;

	if (hak_pool_take(pool, nid, 1, &p))
		return p;
	if (hak_pool_grow(pool, &nid, gfp) == HAK_GROWN_NOT)
		return NULL;
	return hak_pool_take(pool, nid, 1, &p) ? p : NULL;
}

static void put_one(struct hak_pool *pool, void *p)
{
	hak_pool_return(pool, 1, &p);
}

static struct hak_pool *pool_of(struct kunit *test, const char *name, unsigned int size)
{
	return &cache_core(hak_kunit_cache(test, name, size, NULL, 0))->pool;
}

static void rest_begin(struct kunit *test, struct rest_test *t, unsigned int size)
{
	t->pool = pool_of(test, "kunit-rest-one", size);
	t->other = pool_of(test, "kunit-rest-other", 192);
	t->p = NULL;
	t->anchor = take_one(t->pool, GFP_KERNEL);
	do {
		int nid = hak_home_nid();

		if (t->p)
			put_one(t->pool, t->p);
		KUNIT_ASSERT_NOT_NULL(test, t->anchor);
		swap(t->p, t->anchor);
		KUNIT_ASSERT_NE(test, hak_pool_grow(t->pool, &nid, GFP_KERNEL), HAK_GROWN_NOT);
		KUNIT_ASSERT_TRUE(test, hak_pool_take(t->pool, nid, 1, &t->anchor));
	} while (hak_superslab_enabled && ss_base(t->p) != ss_base(t->anchor));
}

static void rest_end(struct rest_test *t)
{
	put_one(t->pool, t->anchor);
	hak_pool_trim_all(t->pool);
	hak_pool_trim_all(t->other);
}

/* Where nothing has marks nothing rests. */
static bool has_rest(void)
{
	return hak_kunit_hardened() && hak_superslab_enabled;
}

/* Its slab page serves nobody. */
static void give_up(struct rest_test *t)
{
	put_one(t->pool, t->p);
	hak_pool_trim_all(t->pool);
}

/* Whom the slab page of @p serves; NULL: nobody. */
static struct hak_pool *serves(const void *p)
{
	struct hak_pool *pool;

	preempt_disable();
	hak_slab_find(p, &pool);
	preempt_enable();
	return pool;
}

static bool has_mark(const struct rest_test *t)
{
	return hak_arch_peek(t->p + t->pool->mark_off) == hak_mark(t->p);
}

/* Does @pool come to the slab page of @p, if it takes all there are? */
static bool reaches(struct hak_pool *pool, const void *p, gfp_t gfp)
{
	int i, nid;

	for (i = 0; i < SLABS && serves(p) != pool; i++) {
		nid = page_to_nid(virt_to_page(p));
		hak_pool_grow(pool, &nid, gfp);
	}
	return serves(p) == pool;
}

/* Marks of the first pool in the slab page of @t->p that stand where none of @pool's belongs. */
static unsigned int stale_marks(const struct rest_test *t, const struct hak_pool *pool)
{
	struct hak_slab *slab = hak_slab_of(t->p);
	unsigned int n = 0, i;
	void *at = slab->mem;

	for (; at < slab->mem + HAK_SPAGE_SIZE - HAK_SS_END; at += sizeof(long))
		n += hak_arch_peek(at) == hak_mark(at) && !slab_starts(slab, pool, at, &i);
	return n;
}

/* Then what is given up is anybody's at once. */
static void nothing_rests(struct kunit *test)
{
	struct rest_test t;
	bool rests = false;

	rest_begin(test, &t, 256);
	gp_hold();
	give_up(&t);
	if (hak_superslab_enabled)
		rests = hak_rests(ss_header(ss_base(t.p)), ss_spage_index(t.p), 1);
	gp_go_on();
	KUNIT_EXPECT_FALSE(test, rests);
	KUNIT_EXPECT_NULL(test, serves(t.p));
	rest_end(&t);
}

static void others_wait_for_a_grace_period(struct kunit *test)
{
	bool marked, reached, untagged, again;
	struct rest_test t;

	if (!has_rest()) {
		nothing_rests(test);
		return;
	}
	rest_begin(test, &t, 256);
	gp_hold();
	give_up(&t);
	untagged = hak_tag(hak_mark(t.p), t.p) == hak_tag_none;
	reached = reaches(t.other, t.p, GFP_ATOMIC | __GFP_NOWARN);
	marked = has_mark(&t);
	again = reaches(t.pool, t.p, GFP_ATOMIC | __GFP_NOWARN);
	gp_go_on();
	KUNIT_EXPECT_TRUE(test, untagged);
	KUNIT_EXPECT_FALSE(test, reached);
	KUNIT_EXPECT_TRUE(test, marked);
	KUNIT_EXPECT_TRUE_MSG(test, again, "the same cache need not wait");
	KUNIT_EXPECT_TRUE(test, has_mark(&t));

	hak_pool_trim_all(t.other);
	hak_pool_trim_all(t.pool);
	synchronize_rcu_expedited();
	KUNIT_EXPECT_TRUE(test, reaches(t.other, t.p, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, stale_marks(&t, t.other), 0);
	rest_end(&t);
}

static bool has_left(const void *p)
{
	return ss_left(ss_header(ss_base(p)), (p - ss_base(p)) >> PAGE_SHIFT);
}

static void the_kernel_waits_too(struct kunit *test)
{
	struct rest_test t;
	bool left, marked;

	if (!has_rest()) {
		nothing_rests(test);
		return;
	}
	rest_begin(test, &t, 256);
	gp_hold();
	give_up(&t);
	/* On PREEMPT_RT pages cannot be freed with preemption off. */
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		hak_block_trim(ULONG_MAX, 0);
	left = has_left(t.p);
	marked = has_mark(&t);
	gp_go_on();
	KUNIT_EXPECT_FALSE(test, left);
	KUNIT_EXPECT_TRUE(test, marked);
	if (!IS_ENABLED(CONFIG_PREEMPT_RT)) {
		KUNIT_EXPECT_GT_MSG(test, hak_release_pages(), 0, "what is wanted goes later");
		hak_release_wait();
		hak_release_wait();
		KUNIT_EXPECT_TRUE(test, has_left(t.p));
	}
	rest_end(&t);
}

static void pages_of_a_slab_wait_too(struct kunit *test)
{
	unsigned long chosen;
	struct rest_test t;
	bool marked;
	void *live;
	u64 held;

	if (!has_rest()) {
		nothing_rests(test);
		return;
	}
	rest_begin(test, &t, 64);
	held = hak_kunit_stat(HAK_STAT_pages_held);
	/* From now on it is a free one. */
	live = t.p;
	t.p = slab_object(hak_slab_of(t.p), t.p == hak_slab_of(t.p)->mem ? OBJECTS - 1 : 0);
	chosen = hak_thin_begin(t.pool, ULONG_MAX);
	marked = has_mark(&t);
	KUNIT_EXPECT_GE(test, hak_kunit_stat(HAK_STAT_pages_held), held);
#ifndef __KERNEL__
	/* In the kernel whoever gives pages may sleep, and so cannot hold up a grace period. */
	gp_hold();
	KUNIT_EXPECT_EQ(test, hak_thin_end(t.pool), 0);
	gp_go_on();
#endif
	KUNIT_EXPECT_GT(test, chosen, 0);
	KUNIT_EXPECT_TRUE(test, marked);
	synchronize_rcu_expedited();
	KUNIT_EXPECT_EQ(test, hak_thin_end(t.pool), chosen);
	KUNIT_EXPECT_EQ(test, hak_pool_verify(t.pool), 0);
	put_one(t.pool, live);
	rest_end(&t);
}

/* Where all there is rests, somebody else is served without it. */
static void nobody_starves(struct kunit *test)
{
	unsigned int i, got = 0;
	struct rest_test t;
	void **q;

	if (!has_rest()) {
		nothing_rests(test);
		return;
	}
	q = kunit_kcalloc(test, SLABS * 4, sizeof(*q), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	rest_begin(test, &t, 4096);
	t.other = pool_of(test, "kunit-rest-large", 4000);
	for (i = 0; i < SLABS; i++) {
		int nid = hak_home_nid();

		KUNIT_ASSERT_NE(test, hak_pool_grow(t.pool, &nid, GFP_KERNEL), HAK_GROWN_NOT);
	}
	gp_hold();
	give_up(&t);
	for (i = 0; i < SLABS * 4; i++) {
		q[i] = take_one(t.other, GFP_ATOMIC | __GFP_NOWARN);
		got += !!q[i];
	}
	gp_go_on();
	/* One may have looked when a SuperSlab had just come. */
	KUNIT_EXPECT_GE(test, got, SLABS * 4 - 2);
	for (i = 0; i < SLABS * 4; i++)
		if (q[i])
			put_one(t.other, q[i]);
	KUNIT_EXPECT_EQ(test, hak_pool_trim_all(t.other), 0);
	rest_end(&t);
}

static struct kunit_case rest_cases[] = {
	KUNIT_CASE(others_wait_for_a_grace_period),
	KUNIT_CASE(the_kernel_waits_too),
	KUNIT_CASE(pages_of_a_slab_wait_too),
	KUNIT_CASE(nobody_starves),
	{}
};

struct kunit_suite hak_rest_suite = {
	.name = "hakmem_rest",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = rest_cases,
};
