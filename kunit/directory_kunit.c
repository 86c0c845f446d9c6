// SPDX-License-Identifier: GPL-2.0
/* Suite hakmem_directory: whose address is this? Any value may be asked about, none may fault. */
#include "kunit/hak_kunit.h"

static void expect_foreign(struct kunit *test, const char *name, const void *p)
{
	KUNIT_EXPECT_FALSE_MSG(test, hak_owns(p), "%s (%px)", name, p);
	preempt_disable();
	p = hak_slab_of(p);
	preempt_enable();
	KUNIT_EXPECT_NULL_MSG(test, p, "%s", name);
}

/* Nor is it memory of the kernel's allocators. */
static void expect_nothing(struct kunit *test, const char *name, const void *p)
{
	KUNIT_EXPECT_EQ_MSG(test, hak_usable_size(p), 0, "%s (%px)", name, p);
	expect_foreign(test, name, p);
}

static void hak_owns_foreign_pointer_is_false(struct kunit *test)
{
	/* So that the directory is not empty. */
	void *ours = hak_alloc(64, GFP_KERNEL);
	const struct hak_pointer *fp;
	unsigned int n, i;
	void *k = kmalloc(64, GFP_KERNEL);

	fp = hak_kunit_foreign(test, ours, &n);
	for (i = 0; i < n; i++)
		expect_nothing(test, fp[i].name, fp[i].p);
	expect_nothing(test, "NULL", NULL);
	expect_nothing(test, "ZERO_SIZE_PTR", ZERO_SIZE_PTR);
	expect_foreign(test, "kmalloc", k);
	expect_foreign(test, "inside kmalloc", k + 13);
	KUNIT_EXPECT_EQ(test, hak_usable_size(k), ksize(k));
	expect_nothing(test, "start of the direct map, less one", (void *)PAGE_OFFSET - 1);
	expect_nothing(test, "end of memory", high_memory);
	kfree(k);
	hak_free(ours);
}

/* Any bit pattern: whatever the answer, no fault, and a slab only where memory is ours. */
static void hak_slab_of_any_value_agrees_with_owner(struct kunit *test)
{
	void *ours = hak_alloc(64, GFP_KERNEL);
	unsigned int bit, k;

	for (bit = 0; bit < 64; bit++) {
		for (k = 0; k < 6; k++) {
			unsigned long v = k & 1 ? 1UL << bit : ~(1UL << bit);

			v = k < 2 ? v : k < 4 ? (unsigned long)ours ^ v : v - 1;
			preempt_disable();
			KUNIT_EXPECT_FALSE_MSG(test, hak_slab_of((void *)v) && !hak_owns((void *)v),
					       "%lx", v);
			preempt_enable();
		}
	}
	hak_free(ours);
}

/* @p is ours and of @size bytes, from its first byte to its last. */
static void expect_ours(struct kunit *test, void *p, unsigned int size)
{
	const struct hak_slab *slab = hak_slab_of(p);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, slab);
	KUNIT_EXPECT_TRUE(test, hak_owns(p));
	KUNIT_EXPECT_TRUE(test, hak_owns(p + 1));
	KUNIT_EXPECT_TRUE(test, hak_owns(p + size - 1));
	KUNIT_EXPECT_PTR_EQ(test, hak_slab_of(p + size - 1), slab);
	KUNIT_EXPECT_EQ(test, hak_usable_size(p), size);
	KUNIT_EXPECT_TRUE(test, slab_starts(slab, slab->pool, p, &i));
	KUNIT_EXPECT_FALSE(test, slab_starts(slab, slab->pool, p + 1, &i));
	KUNIT_EXPECT_FALSE(test, slab_starts(slab, slab->pool, p + size - 1, &i));
}

static void expect_ours_all_sizes(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-8192", 8192, NULL, 0);
	struct hak_cache *odd = hak_kunit_cache(test, "kunit-6001", 6001, NULL, 0);
	void *a = hak_alloc(8, GFP_KERNEL), *b = hak_alloc(1024, GFP_KERNEL);
	void *d = hak_cache_alloc(c, GFP_KERNEL), *e = hak_cache_alloc(odd, GFP_KERNEL);

	expect_ours(test, a, 8);
	expect_ours(test, b, 1024);
	expect_ours(test, d, 8192);
	expect_ours(test, e, 6001);
	hak_free(a);
	hak_free(b);
	hak_cache_free(c, d);
	hak_cache_free(odd, e);
}

static void hak_owns_object_is_true_to_its_last_byte(struct kunit *test)
{
	expect_ours_all_sizes(test);
}

static void hak_owns_object_of_small_block_is_true(struct kunit *test)
{
	hak_kunit_small_blocks(test);
	expect_ours_all_sizes(test);
	KUNIT_EXPECT_GE(test, hak_kunit_stat(HAK_STAT_small_blocks_held), 1);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_superslabs_held), 0);
}

static void expect_gone_after_shrink(struct kunit *test)
{
	void *p = hak_alloc(64, GFP_KERNEL);

	KUNIT_EXPECT_TRUE(test, hak_owns(p));
	hak_free(p);
	KUNIT_EXPECT_TRUE_MSG(test, hak_owns(p), "free memory in use is still ours");
	hak_shrink_all();
	KUNIT_EXPECT_FALSE(test, hak_owns(p));
	expect_foreign(test, "object of a block given back", p);
}

static void *region(unsigned long n)
{
	unsigned long start = (unsigned long)__va(PFN_PHYS(hak_first_pfn()));

	return (void *)round_down(start, HAK_SS_SIZE) + (n << HAK_SS_SHIFT);
}

/* What is plugged in below the first region is refused, and costs nothing. */
static void hak_dir_reach_below_the_start_is_refused(struct kunit *test)
{
	unsigned long pages = hak_dir_pages();

	KUNIT_EXPECT_TRUE(test, hak_dir_covers(region(0)));
	KUNIT_EXPECT_FALSE(test, hak_dir_covers(region(-1UL)));
	KUNIT_EXPECT_FALSE(test, hak_dir_reach(PFN_DOWN(__pa(region(0)))));
	KUNIT_EXPECT_EQ(test, hak_dir_pages(), pages);
	KUNIT_EXPECT_FALSE(test, hak_owns(region(-1UL)));
	KUNIT_EXPECT_NULL(test, hak_slab_of(region(-1UL)));
}

/* Memory is plugged in: what was ours stays so, what comes can be. */
static void hak_dir_reach_keeps_what_is_there(struct kunit *test)
{
	void *p = hak_alloc(64, GFP_KERNEL), *q;
	unsigned long n = 1, pages = hak_dir_pages();
	unsigned long end = PFN_DOWN(__pa(p)) + 1;

	KUNIT_EXPECT_TRUE(test, hak_dir_reach(end));
	KUNIT_EXPECT_EQ_MSG(test, hak_dir_pages(), pages, "what is covered costs nothing");
	while (hak_dir_covers(region(n)))
		n *= 2;
	KUNIT_EXPECT_TRUE(test, hak_dir_reach(PFN_DOWN(__pa(region(n))) + 1));
	KUNIT_EXPECT_TRUE(test, hak_dir_covers(region(n)));
	KUNIT_EXPECT_GT(test, hak_dir_pages(), pages);
	expect_foreign(test, "covered, but nobody's", region(n));
	expect_ours(test, p, 64);
	q = hak_alloc(64, GFP_KERNEL);
	expect_ours(test, q, 64);
	hak_free(q);
	hak_free(p);
	expect_gone_after_shrink(test);
	hak_kunit_small_blocks(test);
	expect_ours_all_sizes(test);
}

static void hak_slab_of_header_and_tail_is_null(struct kunit *test)
{
	void *p, *base;

	if (!hak_config_get()->superslab)
		kunit_skip(test, "no SuperSlabs");
	p = hak_alloc(64, GFP_KERNEL);
	base = ss_base(p);
	KUNIT_EXPECT_TRUE(test, hak_owns(base));
	KUNIT_EXPECT_TRUE(test, hak_owns(base + HAK_SS_SIZE - 1));
	KUNIT_EXPECT_NULL(test, hak_slab_of(base));
	KUNIT_EXPECT_NULL(test, hak_slab_of(base + HAK_SPAGE_SIZE - 1));
	KUNIT_EXPECT_EQ(test, hak_usable_size(base), 0);
	KUNIT_EXPECT_NULL_MSG(test, hak_slab_of(base + HAK_SS_SIZE - HAK_SPAGE_SIZE),
			      "a page that serves no slab yet");
	hak_free(p);
}

static void hak_usable_size_of_own_magazine_is_zero(struct kunit *test)
{
	int nid = hak_home_nid();
	void *m[HAK_BATCH];

	KUNIT_ASSERT_NE(test, hak_pool_grow(&hak_mag_pool, &nid, GFP_KERNEL), HAK_GROWN_NOT);
	KUNIT_ASSERT_EQ(test, hak_pool_take(&hak_mag_pool, nid, 1, m), 1);
	KUNIT_EXPECT_TRUE(test, hak_owns(m[0]));
	KUNIT_EXPECT_EQ(test, hak_usable_size(m[0]), 0);
	hak_pool_return(&hak_mag_pool, 1, m);
}

static void hak_owns_block_given_back_is_false(struct kunit *test)
{
	expect_gone_after_shrink(test);
}

static void hak_owns_small_block_given_back_is_false(struct kunit *test)
{
	hak_kunit_small_blocks(test);
	expect_gone_after_shrink(test);
}

static void hak_owns_neighbours_of_small_block_is_false(struct kunit *test)
{
	struct hak_slab *slab;
	unsigned long size;
	void *p, *base;

	hak_kunit_small_blocks(test);
	p = hak_alloc(64, GFP_KERNEL);
	slab = hak_slab_of(p);
	base = slab->mem;
	size = PAGE_SIZE << container_of(slab, struct hak_small, slab)->order;
	KUNIT_EXPECT_TRUE(test, hak_owns(base));
	KUNIT_EXPECT_TRUE(test, hak_owns(base + size - 1));
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_pages_held), size / PAGE_SIZE);
	KUNIT_EXPECT_FALSE(test, hak_owns(base - 1));
	KUNIT_EXPECT_FALSE(test, hak_owns(base + size));
	hak_free(p);
}

/* What hak_dir_for_each() has shown. */
struct visits {
	u64 superslabs, small, pages;
	unsigned int wrong;
};

/* Of one that begins with a part, pages may be a small block before the directory names it. */
static void small_block_is_found_where_a_superslab_begins_later(struct kunit *test)
{
	struct page *page = alloc_pages_node(hak_home_nid(), GFP_KERNEL, HAK_SS_ORDER);
	struct hak_pool pool = {}, *found;
	const struct hak_slab *slab;
	struct hak_small *b;
	void *base;

	KUNIT_ASSERT_NOT_NULL(test, page);
	base = page_address(page);
	memset(base, 0, HAK_SPAGE_SIZE);
	b = base + HAK_SPAGE_SIZE + PAGE_SIZE - ALIGN(sizeof(*b), 64);
	memset(b, 0, sizeof(*b));
	b->base = base + HAK_SPAGE_SIZE;
	b->slab.mem = b->base;
	b->slab.pool = &pool;
	KUNIT_EXPECT_TRUE(test, hak_dir_set_small(b, GFP_KERNEL));
	hak_dir_set_ss(base);
	preempt_disable();
	slab = hak_slab_find(b->base, &found);
	preempt_enable();
	KUNIT_EXPECT_PTR_EQ(test, slab, &b->slab);
	if (slab)
		hak_dir_clear_small(b);
	hak_dir_clear_ss(base);
	/* Nobody reads the header any more. */
	synchronize_rcu_expedited();
	hak_release_wait();
	__free_pages(page, HAK_SS_ORDER);
}

static void visit(void *base, unsigned int order, struct hak_ss *ss, void *arg)
{
	struct visits *v = arg;

	v->superslabs += !!ss;
	v->small += !ss;
	v->pages += 1UL << order;
	v->wrong += !hak_owns(base) || (ss && ss->base != base);
}

static void hak_dir_visits_each_block_once(struct kunit *test)
{
	struct visits v = { };
	void *a, *p[200];
	unsigned int i;

	hak_kunit_small_blocks(test);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = hak_cache_alloc(hak_class[HAK_NR_CLASSES - 1 - i % 8], GFP_KERNEL);
	/* A slab of another class is wanted, and may be of a SuperSlab. */
	hak_superslab_enabled = hak_config_get()->superslab;
	a = hak_alloc(8, GFP_KERNEL);
	hak_dir_for_each(visit, &v);
	KUNIT_EXPECT_GE(test, v.small, 8);
	KUNIT_EXPECT_GE(test, v.superslabs, hak_config_get()->superslab);
	KUNIT_EXPECT_EQ(test, v.superslabs, hak_kunit_stat(HAK_STAT_superslabs_held));
	KUNIT_EXPECT_EQ(test, v.small, hak_kunit_stat(HAK_STAT_small_blocks_held));
	KUNIT_EXPECT_EQ(test, v.pages, hak_kunit_stat(HAK_STAT_pages_held));
	KUNIT_EXPECT_EQ(test, v.wrong, 0);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		hak_free(p[i]);
	hak_free(a);
}

static struct kunit_case directory_cases[] = {
	KUNIT_CASE(hak_owns_foreign_pointer_is_false),
	KUNIT_CASE(hak_slab_of_any_value_agrees_with_owner),
	KUNIT_CASE(hak_owns_object_is_true_to_its_last_byte),
	KUNIT_CASE(hak_owns_object_of_small_block_is_true),
	KUNIT_CASE(hak_dir_reach_below_the_start_is_refused),
	KUNIT_CASE(hak_dir_reach_keeps_what_is_there),
	KUNIT_CASE(hak_slab_of_header_and_tail_is_null),
	KUNIT_CASE(hak_usable_size_of_own_magazine_is_zero),
	KUNIT_CASE(hak_owns_block_given_back_is_false),
	KUNIT_CASE(hak_owns_small_block_given_back_is_false),
	KUNIT_CASE(hak_owns_neighbours_of_small_block_is_false),
	KUNIT_CASE(small_block_is_found_where_a_superslab_begins_later),
	KUNIT_CASE(hak_dir_visits_each_block_once),
	{}
};

struct kunit_suite hak_directory_suite = {
	.name = "hakmem_directory",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = directory_cases,
};
