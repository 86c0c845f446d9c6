// SPDX-License-Identifier: GPL-2.0
/* Suite hakmem_reserve: objects taken beforehand. */
#include "kunit/hak_kunit.h"
#include <linux/string.h>

static struct hak_cache *new_cache(struct kunit *test)
{
	return hak_kunit_cache(test, "kunit-reserve", 72, NULL, 0);
}

static void holds_what_was_asked(struct kunit *test)
{
	struct hak_cache *c = new_cache(test);
	struct hak_reserve *r = hak_reserve_get(c, GFP_KERNEL, 100);
	static void *p[100];
	int i;

	KUNIT_ASSERT_NOT_NULL(test, r);
	KUNIT_EXPECT_EQ(test, hak_core_live(cache_core(c)), 100);
	for (i = 0; i < 100; i++) {
		p[i] = hak_reserve_alloc(r);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		memset(p[i], 0xa5, 72);
	}
	KUNIT_EXPECT_TRUE(test, hak_distinct(p, 100));
	hak_reserve_put(r);
	KUNIT_EXPECT_EQ(test, hak_core_live(cache_core(c)), 100);
	hak_cache_free_bulk(c, 100, p);
}

/* As many as one may ask for, more than fit in one piece. */
static void holds_the_most(struct kunit *test)
{
	struct hak_cache *c = new_cache(test);
	struct hak_reserve *r = hak_reserve_get(c, GFP_KERNEL, HAK_BULK_MAX);
	void **p = kvcalloc(HAK_BULK_MAX, sizeof(*p), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, r);
	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < HAK_BULK_MAX; i++)
		p[i] = hak_reserve_alloc(r);
	KUNIT_EXPECT_NOT_NULL(test, p[HAK_BULK_MAX - 1]);
	KUNIT_EXPECT_TRUE(test, hak_distinct(p, HAK_BULK_MAX));
	hak_reserve_put(r);
	KUNIT_EXPECT_EQ(test, hak_core_live(cache_core(c)), HAK_BULK_MAX);
	hak_cache_free_bulk(c, HAK_BULK_MAX, p);
	kvfree(p);
}

static void gives_the_rest_back(struct kunit *test)
{
	struct hak_cache *c = new_cache(test);
	struct hak_reserve *r = hak_reserve_get(c, GFP_KERNEL, 10);
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, r);
	p = hak_reserve_alloc(r);
	hak_reserve_put(r);
	KUNIT_EXPECT_EQ(test, hak_core_live(cache_core(c)), 1);
	hak_cache_free(c, p);
	hak_reserve_put(NULL);
}

static void zero_for_all(struct kunit *test)
{
	struct hak_cache *c = new_cache(test);
	struct hak_reserve *r;
	static void *p[50];
	int i;

	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 50, p), 50);
	for (i = 0; i < 50; i++)
		memset(p[i], 0xff, 72);
	hak_cache_free_bulk(c, 50, p);
	r = hak_reserve_get(c, GFP_KERNEL | __GFP_ZERO, 50);
	KUNIT_ASSERT_NOT_NULL(test, r);
	for (i = 0; i < 50; i++) {
		p[i] = hak_reserve_alloc(r);
		KUNIT_EXPECT_NULL(test, memchr_inv(p[i], 0, 72));
	}
	hak_cache_free_bulk(c, 50, p);
	hak_reserve_put(r);
}

static void refuses_none_and_too_many(struct kunit *test)
{
	struct hak_cache *c = new_cache(test);

	KUNIT_EXPECT_NULL(test, hak_reserve_get(c, GFP_KERNEL, 0));
	KUNIT_EXPECT_NULL(test, hak_reserve_get(c, GFP_KERNEL, HAK_BULK_MAX + 1));
	KUNIT_EXPECT_EQ(test, hak_core_live(cache_core(c)), 0);
}

/* Free by other means than the reserve's: its cache knows nothing of where it came from. */
static void objects_are_ordinary(struct kunit *test)
{
	struct hak_cache *c = new_cache(test);
	struct hak_reserve *r = hak_reserve_get(c, GFP_NOWAIT, 3);
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, r);
	hak_free(hak_reserve_alloc(r));
	hak_cache_free(c, hak_reserve_alloc(r));
	p = hak_reserve_alloc(r);
	KUNIT_EXPECT_EQ(test, hak_usable_size(p), 72);
	hak_reserve_put(r);
	KUNIT_EXPECT_EQ(test, hak_core_live(cache_core(c)), 1);
	hak_cache_free(c, p);
}

static struct kunit_case reserve_cases[] = {
	KUNIT_CASE(holds_what_was_asked),
	KUNIT_CASE(holds_the_most),
	KUNIT_CASE(gives_the_rest_back),
	KUNIT_CASE(zero_for_all),
	KUNIT_CASE(refuses_none_and_too_many),
	KUNIT_CASE(objects_are_ordinary),
	{}
};

struct kunit_suite hak_reserve_suite = {
	.name = "hakmem_reserve",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = reserve_cases,
};
