// SPDX-License-Identifier: GPL-2.0
/* Suite hakmem_reclaim: pages come back, and what is held is about what is used. */
#include "kunit/hak_kunit.h"

static void expect_only_fixed(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, hak_shrink_all(), hak_config_get()->fixed_pages);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_pages_held),
			hak_config_get()->fixed_pages);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_superslabs_held), 0);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_small_blocks_held), 0);
}

/* Chains @n objects of @size through their first words. */
static void *chain(struct kunit *test, unsigned int n, size_t size)
{
	void *head = NULL, *p;

	while (n--) {
		p = hak_alloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		*(void **)p = head;
		head = p;
		if (!(n % 4096))
			cond_resched();
	}
	return head;
}

static void unchain(void *p)
{
	void *next;

	for (; p; p = next) {
		next = *(void **)p;
		hak_free(p);
	}
}

static void hak_shrink_all_idle_leaves_fixed_pages(struct kunit *test)
{
	expect_only_fixed(test);
}

static void hak_shrink_all_after_use_leaves_fixed_pages(struct kunit *test)
{
	void *list[HAK_NR_CLASSES];
	unsigned int i;

	for (i = 0; i < HAK_NR_CLASSES; i++)
		list[i] = chain(test, 2000, 8 + i * 44);
	KUNIT_EXPECT_GT(test, hak_kunit_stat(HAK_STAT_pages_held),
			hak_config_get()->fixed_pages);
	for (i = 0; i < HAK_NR_CLASSES; i++)
		unchain(list[i]);
	expect_only_fixed(test);
}

static void hak_shrink_all_with_one_live_object_keeps_it(struct kunit *test)
{
	char *p = hak_alloc(64, GFP_KERNEL);
	u64 ss = hak_kunit_stat(HAK_STAT_superslabs_held);

	memset(p, 0x5a, 64);
	KUNIT_EXPECT_GT(test, hak_shrink_all(), hak_config_get()->fixed_pages);
	KUNIT_EXPECT_LE(test, hak_kunit_stat(HAK_STAT_superslabs_held), max(ss, 1ULL));
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0x5a, 64));
	KUNIT_EXPECT_EQ(test, hak_audit(1), 0);
	hak_free(p);
	expect_only_fixed(test);
}

static void hak_cache_shrink_after_use_gives_pages_back(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-shrink", 1000, NULL, 0);
	u64 before, peak;
	void **p = kunit_kcalloc(test, 8000, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	hak_shrink_all();
	before = hak_kunit_stat(HAK_STAT_pages_held);
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 8000, p), 8000);
	peak = hak_kunit_stat(HAK_STAT_pages_held);
	KUNIT_EXPECT_GE(test, peak - before, 8000 * 1000 / PAGE_SIZE);
	KUNIT_EXPECT_EQ_MSG(test, hak_cache_shrink(c), 1, "slabs in use remain");
	hak_cache_free_bulk(c, 8000, p);
	KUNIT_EXPECT_EQ(test, hak_cache_shrink(c), 0);
	/* All but the SuperSlab that magazines may have a slab in. */
	KUNIT_EXPECT_LE(test, hak_kunit_stat(HAK_STAT_pages_held), before + HAK_SS_SIZE / PAGE_SIZE);
	expect_only_fixed(test);
}

static void hak_cache_with_one_live_object_costs_one_small_slab(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-one", 40, NULL, 0);
	struct hak_pool_info info;
	struct hak_slab *slab;
	void *p;

	p = hak_cache_alloc(c, GFP_KERNEL);
	slab = hak_slab_of(p);
	hak_pool_info(slab->pool, &info);
	KUNIT_EXPECT_EQ(test, info.slabs, 1);
	KUNIT_EXPECT_LE(test, slab->pages * HAK_PAGE_SIZE, 20 << 10);
	hak_cache_free(c, p);
}

static void hak_alloc_million_objects_costs_three_percent(struct kunit *test)
{
	const unsigned long n = 1000000;
	void *list;
	u64 pages;

	hak_shrink_all();
	list = chain(test, n, 64);
	pages = hak_kunit_stat(HAK_STAT_pages_held) - hak_config_get()->fixed_pages;
	KUNIT_EXPECT_GE(test, pages * PAGE_SIZE, n * 64);
	if (hak_config_get()->superslab)
		KUNIT_EXPECT_LE(test, pages * PAGE_SIZE, n * 64 / 100 * 103);
	else
		KUNIT_EXPECT_LE(test, pages * PAGE_SIZE, n * 64 / 100 * 110);
	KUNIT_EXPECT_EQ(test, hak_audit(n), 0);
	unchain(list);
	expect_only_fixed(test);
}

/*
 * What stays is bounded in objects and empty slabs.  How many SuperSlabs those pin
 * depends on where they lie; a quarter of what was live is far above what is seen.
 */
static void hak_free_everything_retains_a_bounded_part(struct kunit *test)
{
	struct hak_core *core = cache_core(hak_class[hak_size_class(256)]);
	unsigned long objects = 200000, sets = num_possible_cpus() * HAK_NR_LEVELS;
	unsigned long budget = hak_config_get()->cache_bytes_max + 2 * sets * 8192;
	struct hak_pool_info info;

	hak_shrink_all();
	unchain(chain(test, objects, 256));
	hak_release_flush();	/* blocks wait for a grace period */
	hak_pool_info(&core->pool, &info);
	KUNIT_EXPECT_LE(test, hak_core_cached(core) * 256, budget);
	KUNIT_EXPECT_LE(test, info.empty, core->pool.keep_empty * num_online_nodes());
	KUNIT_EXPECT_LE(test, hak_kunit_stat(HAK_STAT_pages_held) * PAGE_SIZE, objects * 256 / 4);
	expect_only_fixed(test);
}

static void small_blocks_come_back(struct kunit *test)
{
	void *list;

	hak_kunit_small_blocks(test);
	list = chain(test, 5000, 200);
	KUNIT_EXPECT_GE(test, hak_kunit_stat(HAK_STAT_small_blocks_held), 5000 * 200 / 32768);
	unchain(list);
	expect_only_fixed(test);
}

static struct kunit_case reclaim_cases[] = {
	KUNIT_CASE(hak_shrink_all_idle_leaves_fixed_pages),
	KUNIT_CASE(hak_shrink_all_after_use_leaves_fixed_pages),
	KUNIT_CASE(hak_shrink_all_with_one_live_object_keeps_it),
	KUNIT_CASE(hak_cache_shrink_after_use_gives_pages_back),
	KUNIT_CASE(hak_cache_with_one_live_object_costs_one_small_slab),
	KUNIT_CASE_SLOW(hak_alloc_million_objects_costs_three_percent),
	KUNIT_CASE(hak_free_everything_retains_a_bounded_part),
	KUNIT_CASE(small_blocks_come_back),
	{}
};

struct kunit_suite hak_reclaim_suite = {
	.name = "hakmem_reclaim",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = reclaim_cases,
};
