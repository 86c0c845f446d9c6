// SPDX-License-Identifier: GPL-2.0
/* Suite hakmem_audit: it passes on what is right, and fails on each thing it is to find. */
#include "kunit/hak_kunit.h"

/* A hardened cache, whatever the module's parameter says. */
static struct hak_cache *hardened_cache(struct kunit *test, const char *name)
{
	struct hak_cache_args args = { .hardened = HAK_HARDENED_ON };

	return hak_kunit_cache(test, name, 64, &args, 0);
}

static struct hak_set *set_of(struct hak_cache *c, int cpu, enum hak_level lvl)
{
	return cpu_set(cache_core(c)->sets, cpu, lvl);
}

/* The set of any CPU whose magazine holds @p, and the index there. */
static struct hak_set *set_with(struct hak_cache *c, void *p, int *slot)
{
	struct hak_set *s;
	int cpu, lvl, i;

	for_each_possible_cpu(cpu) {
		for (lvl = 0; lvl < HAK_NR_LEVELS; lvl++) {
			s = set_of(c, cpu, lvl);
			for (i = 0; i < s->n; i++) {
				if (s->slot[i] != p)
					continue;
				*slot = i;
				return s;
			}
		}
	}
	return NULL;
}

static void hak_audit_exact_count_passes(struct kunit *test)
{
	struct hak_cache *c = hardened_cache(test, "kunit-exact");
	void *p[100];
	int i;

	KUNIT_EXPECT_EQ(test, hak_audit(0), 0);
	for (i = 0; i < 100; i++)
		p[i] = i & 1 ? hak_alloc(1 + i * 10, GFP_KERNEL) : hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, hak_audit(100), 0);
	for (i = 0; i < 50; i++)
		hak_free(p[i]);
	KUNIT_EXPECT_EQ(test, hak_audit(50), 0);
	KUNIT_EXPECT_EQ(test, hak_audit(-1), 0);
	for (; i < 100; i++)
		hak_free(p[i]);
}

static void hak_audit_wrong_count_is_found(struct kunit *test)
{
	void *p = hak_alloc(64, GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, hak_audit(0), 1);
	KUNIT_EXPECT_EQ(test, hak_audit(2), 1);
	KUNIT_EXPECT_EQ(test, hak_audit(1), 0);
	hak_free(p);
	KUNIT_EXPECT_EQ(test, hak_audit(1), 1);
}

static void hak_audit_write_into_free_object_is_found(struct kunit *test)
{
	struct hak_cache *c = hardened_cache(test, "kunit-uaf");
	unsigned long *p = hak_cache_alloc(c, GFP_KERNEL), was;

	hak_cache_free(c, p);
	/* By way of what KASAN does not look at: it is not to find this first. */
	was = hak_arch_peek(p);
	hak_arch_poke(p, 0x4141414141414141);
	KUNIT_EXPECT_EQ(test, hak_audit(0), 1);
	hak_arch_poke(p, was);
	KUNIT_EXPECT_EQ(test, hak_audit(0), 0);
}

static void hak_audit_object_cached_twice_is_found(struct kunit *test)
{
	struct hak_cache *c = hardened_cache(test, "kunit-twice");
	void *a = hak_cache_alloc(c, GFP_KERNEL), *b = hak_cache_alloc(c, GFP_KERNEL);
	struct hak_set *s;
	int i;

	hak_cache_free(c, a);
	s = set_with(c, a, &i);
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_LT(test, s->n, s->slots);
	/* In place of b, so that the sum is right. */
	s->slot[s->n++] = a;
	KUNIT_EXPECT_EQ(test, hak_audit(0), 1);
	s->n--;
	KUNIT_EXPECT_EQ(test, hak_audit(1), 0);
	hak_cache_free(c, b);
	KUNIT_EXPECT_EQ(test, hak_audit(0), 0);
}

static void hak_audit_foreign_object_in_magazine_is_found(struct kunit *test)
{
	struct hak_cache *c = hardened_cache(test, "kunit-foreign");
	void *a = hak_cache_alloc(c, GFP_KERNEL), *other = hak_alloc(64, GFP_KERNEL);
	struct hak_set *s;
	int i;

	hak_cache_free(c, a);
	s = set_with(c, a, &i);
	KUNIT_ASSERT_NOT_NULL(test, s);
	s->slot[i] = other;
	KUNIT_EXPECT_GE_MSG(test, hak_audit(1), 1, "object of another cache");
	s->slot[i] = a + 8;
	KUNIT_EXPECT_GE_MSG(test, hak_audit(1), 1, "interior pointer");
	s->slot[i] = test;
	KUNIT_EXPECT_GE_MSG(test, hak_audit(1), 1, "not ours at all");
	s->slot[i] = a;
	KUNIT_EXPECT_EQ(test, hak_audit(1), 0);
	hak_free(other);
}

static void hak_audit_lost_object_is_found(struct kunit *test)
{
	struct hak_cache *c = hardened_cache(test, "kunit-lost");
	void *a = hak_cache_alloc(c, GFP_KERNEL);
	struct hak_set *s;
	int i;

	hak_cache_free(c, a);
	s = set_with(c, a, &i);
	KUNIT_ASSERT_NOT_NULL(test, s);
	s->n--;
	KUNIT_EXPECT_EQ(test, hak_audit(0), 1);
	s->n++;
	KUNIT_EXPECT_EQ(test, hak_audit(0), 0);
}

static void hak_audit_wrong_slab_count_is_found(struct kunit *test)
{
	struct hak_cache *c = hardened_cache(test, "kunit-count");
	void *a = hak_cache_alloc(c, GFP_KERNEL);
	struct hak_slab *slab = hak_slab_of(a);

	slab->free++;
	KUNIT_EXPECT_GE(test, hak_audit(1), 1);
	slab->free--;
	KUNIT_EXPECT_EQ(test, hak_audit(1), 0);
	hak_cache_free(c, a);
}

static void hak_audit_wrong_bitmap_is_found(struct kunit *test)
{
	struct hak_cache *c = hardened_cache(test, "kunit-map");
	void *a = hak_cache_alloc(c, GFP_KERNEL);
	struct hak_slab *slab = hak_slab_of(a);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, slab_starts(slab, slab->pool, a, &i));
	hak_cache_free(c, a);
	__set_bit(i, slab->bits);
	KUNIT_EXPECT_GE_MSG(test, hak_audit(0), 2, "both free and cached, and the sum is wrong");
	__clear_bit(i, slab->bits);
	KUNIT_EXPECT_EQ(test, hak_audit(0), 0);
}

static void hak_audit_wrong_node_sum_is_found(struct kunit *test)
{
	struct hak_cache *c = hardened_cache(test, "kunit-sum");
	void *a = hak_cache_alloc(c, GFP_KERNEL);
	struct hak_slab *slab = hak_slab_of(a);
	struct hak_pool_node *pn = slab->pool->node[slab_nid(slab)];

	pn->nr_slabs++;
	KUNIT_EXPECT_EQ(test, hak_audit(1), 1);
	pn->nr_slabs--;
	pn->nr_empty++;
	KUNIT_EXPECT_EQ(test, hak_audit(1), 1);
	pn->nr_empty--;
	KUNIT_EXPECT_EQ(test, hak_audit(1), 0);
	hak_cache_free(c, a);
}

/* What kfree() of an object did before it learnt to refuse: it dropped a page reference. */
static void expect_dropped_reference_found(struct kunit *test)
{
	void *p = hak_alloc(64, GFP_KERNEL);
	u64 before = hak_kunit_stat(HAK_STAT_bad_free_by_kernel);
	struct page *page = virt_to_page(p);

	KUNIT_EXPECT_EQ(test, page_ref_count(page), 0);
	page_ref_dec(page);
	KUNIT_EXPECT_EQ(test, hak_audit(1), 1);
	KUNIT_EXPECT_EQ_MSG(test, hak_audit(1), 0, "it is put right");
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 0);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_bad_free_by_kernel) - before, 1);
	page_ref_inc(page);
	KUNIT_EXPECT_EQ_MSG(test, hak_audit(1), 0, "a passing reference is no finding");
	page_ref_dec(page);
	hak_free(p);
}

static void hak_audit_reference_dropped_by_kernel_is_found(struct kunit *test)
{
	expect_dropped_reference_found(test);
}

static void hak_audit_reference_dropped_of_small_block_is_found(struct kunit *test)
{
	hak_kunit_small_blocks(test);
	expect_dropped_reference_found(test);
}

static void block_with_dropped_references_is_counted_and_freed(struct kunit *test)
{
	struct hak_counts bad;
	void *p;

	hak_shrink_all();
	hak_counts_begin(&bad);
	p = hak_alloc(64, GFP_KERNEL);
	page_ref_sub(virt_to_page(p), 2);
	hak_free(p);
	KUNIT_EXPECT_EQ(test, hak_shrink_all(), hak_config_get()->fixed_pages);
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_by_kernel, 2, "dropped references");
}

static struct kunit_case audit_cases[] = {
	KUNIT_CASE(hak_audit_exact_count_passes),
	KUNIT_CASE(hak_audit_wrong_count_is_found),
	KUNIT_CASE(hak_audit_write_into_free_object_is_found),
	KUNIT_CASE(hak_audit_object_cached_twice_is_found),
	KUNIT_CASE(hak_audit_foreign_object_in_magazine_is_found),
	KUNIT_CASE(hak_audit_lost_object_is_found),
	KUNIT_CASE(hak_audit_wrong_slab_count_is_found),
	KUNIT_CASE(hak_audit_wrong_bitmap_is_found),
	KUNIT_CASE(hak_audit_wrong_node_sum_is_found),
	KUNIT_CASE(hak_audit_reference_dropped_by_kernel_is_found),
	KUNIT_CASE(hak_audit_reference_dropped_of_small_block_is_found),
	KUNIT_CASE(block_with_dropped_references_is_counted_and_freed),
	{}
};

struct kunit_suite hak_audit_suite = {
	.name = "hakmem_audit",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = audit_cases,
};
