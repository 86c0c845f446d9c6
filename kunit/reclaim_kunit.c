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

/* Objects of 16 bytes for all of a SuperSlab's pages, free again. */
static void use_small(struct kunit *test, struct hak_cache *c)
{
	static void *p[500];
	unsigned int i;

	if (!c) {
		unchain(chain(test, 20000, 16));
		return;
	}
	for (i = 0; i < 40 * ARRAY_SIZE(p); i += ARRAY_SIZE(p))
		if (hak_cache_alloc_bulk(c, GFP_KERNEL, ARRAY_SIZE(p), p))
			hak_cache_free_bulk(c, ARRAY_SIZE(p), p);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = hak_cache_alloc(c, GFP_KERNEL);
	while (i--)
		hak_cache_free(c, p[i]);
}

/*
 * Small objects, and larger ones on the same pages before and after: no word of those
 * looks free.  Before, because bad frees of other cases left marks anywhere.
 */
static void expect_no_mark(struct kunit *test, struct hak_cache *c)
{
	void *keep = hak_alloc(8, GFP_KERNEL), **p, **next;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, keep);
	p = chain(test, 400, 1024);
	for (next = p; next; next = *next)
		memset(next + 1, 0, 1024 - sizeof(*next));
	unchain(p);
	KUNIT_ASSERT_GT(test, hak_shrink_all(), 0);
	use_small(test, c);
	KUNIT_ASSERT_GT(test, hak_shrink_all(), 0);
	p = chain(test, 300, 1024);
	for (; p; p = next) {
		for (i = 1; i < 1024 / sizeof(long); i++)
			if ((unsigned long)p[i] == hak_mark(p))
				break;
		KUNIT_EXPECT_EQ(test, i, 1024 / sizeof(long));
		next = *p;
		hak_free(p);
	}
	hak_free(keep);
}

static void page_cut_anew_carries_no_mark(struct kunit *test)
{
	expect_no_mark(test, NULL);
}

/* The inlined free writes a mark where hardened=1, whatever a cache asked for. */
static void nor_one_of_a_cache_that_is_not_hardened(struct kunit *test)
{
	struct hak_cache_args args = { .hardened = HAK_HARDENED_OFF };

	expect_no_mark(test, hak_kunit_cache(test, "kunit-plain", 16, &args, 0));
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

/* Pages that SuperSlabs hold beside their slabs: the header and the page of the mark. */
#define SS_OWN_PAGES (HAK_SPAGE_PAGES + 1)

/*
 * Pages that wait for a grace period when a SuperSlab ends: 64 KiB at each end.  All of them wait
 * where the last object comes back with preemption off and PREEMPT_RT forbids to give any.
 */
#define SS_WAIT_PAGES (IS_ENABLED(CONFIG_PREEMPT_RT) ? HAK_SS_PAGES : 2U << 16 >> PAGE_SHIFT)

/* Pages and blocks that are held. */
struct held {
	u64 pages, supers, small;
};

static struct held held_now(void)
{
	return (struct held) {
		.pages = hak_kunit_stat(HAK_STAT_pages_held),
		.supers = hak_kunit_stat(HAK_STAT_superslabs_held),
		.small = hak_kunit_stat(HAK_STAT_small_blocks_held),
	};
}

/* At most what the magazines' slabs take, the SuperSlabs that are there, and @waits. */
static void expect_only_magazines(struct kunit *test, u64 before, u64 waits)
{
	struct held now = held_now();
	struct hak_pool_info info;

	hak_pool_info(&hak_mag_pool, &info);
	KUNIT_EXPECT_LE(test, now.pages - before, waits + now.supers * SS_OWN_PAGES +
			info.slabs * hak_mag_pool.slab_spages * HAK_SPAGE_PAGES +
			(now.small << HAK_SMALL_ORDER_MAX));
	if (waits)
		return;
	/* No block without a slab of theirs. */
	KUNIT_EXPECT_LE(test, now.supers + now.small, info.slabs);
}

static void hak_cache_shrink_after_use_gives_pages_back(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-shrink", 1000, NULL, 0);
	void **p = kunit_kcalloc(test, 8000, sizeof(*p), GFP_KERNEL);
	struct hak_pool_info info;
	struct held peak;
	u64 before, waits;

	KUNIT_ASSERT_NOT_NULL(test, p);
	hak_shrink_all();
	before = hak_kunit_stat(HAK_STAT_pages_held);
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 8000, p), 8000);
	peak = held_now();
	KUNIT_EXPECT_GE(test, peak.pages - before, 8000 * 1000 / PAGE_SIZE);
	KUNIT_EXPECT_EQ_MSG(test, hak_cache_shrink(c), 1, "slabs in use remain");
	hak_pool_info(&cache_core(c)->pool, &info);
	hak_cache_free_bulk(c, 8000, p);
	/* The magazines may have needed a block of their own. */
	peak.supers = max(peak.supers, held_now().supers);
	peak.small = max(peak.small, held_now().small);
	KUNIT_EXPECT_EQ(test, hak_cache_shrink(c), 0);
	/* What waits of SuperSlabs, all of small blocks, and slabs thinned by the first shrink. */
	waits = hak_release_pages();
	KUNIT_EXPECT_LE(test, waits, peak.supers * SS_WAIT_PAGES +
			(peak.small << HAK_SMALL_ORDER_MAX) +
			info.thin * HAK_SLAB_SPAGES_MAX * HAK_SPAGE_PAGES);
	expect_only_magazines(test, before, waits);
	/* A thin slab may be the last of a SuperSlab, whose header then waits in its turn. */
	hak_release_wait();
	hak_release_wait();
	expect_only_magazines(test, before, 0);
	hak_pool_trim_all(&hak_mag_pool);
	KUNIT_EXPECT_EQ(test, hak_cache_shrink(c), 0);
	hak_release_wait();
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_pages_held), before);
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
	KUNIT_EXPECT_LE(test, slab->spages * HAK_SPAGE_SIZE, 20 << 10);
	hak_cache_free(c, p);
}

/* Pages held for objects of @bytes in all, which may be @percent of them and @slack. */
static void expect_cost(struct kunit *test, u64 bytes, unsigned int percent, u64 slack)
{
	u64 pages = hak_kunit_stat(HAK_STAT_pages_held) - hak_config_get()->fixed_pages;

	KUNIT_EXPECT_GE(test, pages * PAGE_SIZE, bytes);
	KUNIT_EXPECT_LE(test, pages * PAGE_SIZE, bytes / 100 * percent + slack);
}

static void hak_alloc_million_objects_costs_three_percent(struct kunit *test)
{
	/* kmemleak and KASAN keep books of each: fewer of them, and the last SuperSlab counts. */
	const unsigned long n = HAK_WATCHED ? 100000 : 1000000;
	const u64 slack = HAK_WATCHED ? HAK_SS_SIZE : 0;
	u64 bytes = n * cache_core(hak_class[hak_size_class(64)])->pool.stride;
	unsigned int percent = hak_config_get()->superslab ? 103 : 110;
	struct hak_counts before;
	void *list;

	hak_shrink_all();
	hak_counts_begin(&before);
	list = chain(test, n, 64);
	/*
	 * Where the kernel had no 2 MiB at hand, small blocks took some of the objects.  Then the
	 * last SuperSlab may be all but empty.
	 */
	if (percent == 110 || !hak_counted(&before, HAK_STAT_alloc_small_block))
		expect_cost(test, bytes, percent, slack);
	/* What serves no slab is anybody's, and costs nothing any more. */
	hak_block_trim(ULONG_MAX, 0);
	expect_cost(test, bytes, percent, 0);
	KUNIT_EXPECT_EQ(test, hak_audit(n), 0);
	unchain(list);
	expect_only_fixed(test);
}

/*
 * What a cache may keep on a node: half of cache_bytes_max in full magazines, their own bytes
 * included, but two of them in any case.  The other half is in empty slabs, each counted as one
 * of the largest, but one in any case.  The only CPU has a magazine and a spare too.
 */
static void expect_cache_within_budget(struct kunit *test, struct hak_core *core)
{
	unsigned long half = hak_config_get()->cache_bytes_max / 2, full = 0;
	unsigned long mag = core->pool.stride * core->mag_max + sizeof(struct hak_mag);
	unsigned long slab = HAK_SLAB_SPAGES_MAX * HAK_SPAGE_SIZE;
	unsigned long mags_max = max(half, 2 * mag), slabs_max = max(half, slab);
	struct hak_pool_info info;
	int nid;

	for_each_online_node(nid) {
		KUNIT_EXPECT_LE(test, core->depot[nid].nr_full * mag, mags_max);
		full += core->depot[nid].nr_full;
	}
	KUNIT_EXPECT_GE(test, full, 2);
	KUNIT_EXPECT_LE(test, hak_core_cached(core), (full + 2) * core->mag_max);
	hak_pool_info(&core->pool, &info);
	KUNIT_EXPECT_GE(test, info.empty, 1);
	KUNIT_EXPECT_LE(test, info.empty * slab, slabs_max * num_online_nodes());
}

/*
 * SuperSlabs that this may pin, when objects are freed in the order of their addresses.  They are
 * those of what the budget covers, one neighbourhood that begins anywhere, and those of the
 * magazines.  One more is of the objects freed last, in magazine and spare, and one is empty.
 */
static unsigned long budget_superslabs(struct hak_core *core)
{
	unsigned long covered = hak_config_get()->cache_bytes_max;
	unsigned long mags = hak_core_cached(core) / core->mag_max * sizeof(struct hak_mag);
	unsigned long usable = HAK_SS_SIZE - HAK_SPAGE_SIZE;

	return DIV_ROUND_UP(covered, usable) + 1 + DIV_ROUND_UP(mags, usable) + 1 + 1;
}

static void hak_free_everything_retains_the_budget(struct kunit *test)
{
	struct hak_core *core = cache_core(hak_class[hak_size_class(256)]);

	hak_shrink_all();
	migrate_disable();
	unchain(chain(test, 200000, 256));
	migrate_enable();
	hak_release_wait();	/* blocks wait for a grace period */
	expect_cache_within_budget(test, core);
	KUNIT_EXPECT_LE(test, hak_kunit_stat(HAK_STAT_pages_held),
			budget_superslabs(core) * (HAK_SS_SIZE / PAGE_SIZE));
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

static void pairs_of(struct hak_cache *c, unsigned int n)
{
	void *p;

	while (n--) {
		p = hak_cache_alloc(c, GFP_KERNEL);
		if (p)
			hak_free(p);
	}
}

/*
 * Objects that were cut while memory was short are freed out of line.  Once a SuperSlab has room
 * each goes home when it is freed, and those that come instead are freed inline.
 */
static void objects_of_small_blocks_go_home(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-home", 200, NULL, 0);
	struct hak_cache *other = hak_kunit_cache(test, "kunit-room", 64, NULL, 0);
	bool room = hak_config_get()->superslab && !IS_ENABLED(CONFIG_PREEMPT_RT);
	static void *p[400];
	void *keep;
	unsigned int i;
	u64 exact;

	hak_kunit_small_blocks(test);
	migrate_disable();
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	KUNIT_EXPECT_GE(test, hak_kunit_stat(HAK_STAT_small_blocks_held), 400 * 200 / 32768);
	hak_superslab_enabled = hak_config_get()->superslab;
	keep = hak_cache_alloc(other, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, keep);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		hak_free(p[i]);
	/* What the magazine held all the time goes, too. */
	pairs_of(c, 2 * HAK_MAG_MAX);
	exact = hak_kunit_stat(HAK_STAT_free_exact);
	pairs_of(c, 1000);
	exact = hak_kunit_stat(HAK_STAT_free_exact) - exact;
	hak_release_wait();
	KUNIT_EXPECT_EQ_MSG(test, exact, room ? 0 : 1000, "pairs that are looked up");
	if (room)
		KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_small_blocks_held), 0);
	migrate_enable();
	KUNIT_EXPECT_EQ(test, hak_audit(1), 0);
	hak_cache_free(other, keep);
}

static struct kunit_case reclaim_cases[] = {
	KUNIT_CASE(page_cut_anew_carries_no_mark),
	KUNIT_CASE(nor_one_of_a_cache_that_is_not_hardened),
	KUNIT_CASE(hak_shrink_all_idle_leaves_fixed_pages),
	KUNIT_CASE(hak_shrink_all_after_use_leaves_fixed_pages),
	KUNIT_CASE(hak_shrink_all_with_one_live_object_keeps_it),
	KUNIT_CASE(hak_cache_shrink_after_use_gives_pages_back),
	KUNIT_CASE(hak_cache_with_one_live_object_costs_one_small_slab),
	KUNIT_CASE_SLOW(hak_alloc_million_objects_costs_three_percent),
	KUNIT_CASE(hak_free_everything_retains_the_budget),
	KUNIT_CASE(small_blocks_come_back),
	KUNIT_CASE(objects_of_small_blocks_go_home),
	{}
};

struct kunit_suite hak_reclaim_suite = {
	.name = "hakmem_reclaim",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = reclaim_cases,
};
