// SPDX-License-Identifier: GPL-2.0
/* Suite hakmem_misuse: objects of one cache given to another, or to a cache that is gone. */
#include "kunit/hak_kunit.h"

/* Two caches of equal size, with or without a constructor. */
struct pair {
	unsigned int size;
	bool ctor, other_ctor;
};

static const struct pair pairs[] = {
	{ 8 }, { 64 }, { 512 }, { 1024 }, { 64, true, true },
	{ 8, false, true }, { 64, false, true }, { 512, false, true },
	{ 8, true, false }, { 64, true, false }, { 512, true, false },
};

static void pair_desc(const struct pair *p, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u bytes%s%s", p->size, p->ctor ? ", ctor" : "",
		 p->other_ctor ? ", the other with ctor" : "");
}

KUNIT_ARRAY_PARAM(pair, pairs, pair_desc);

static struct hak_cache *cache_with(struct kunit *test, const char *name, bool ctor)
{
	const struct pair *pair = test->param_value;
	struct hak_cache_args args = { .ctor = ctor ? hak_empty_ctor : NULL };

	return hak_kunit_cache(test, name, pair->size, &args, 0);
}

static struct hak_cache *one_cache(struct kunit *test)
{
	return cache_with(test, "kunit-a", ((const struct pair *)test->param_value)->ctor);
}

static struct hak_cache *other_cache(struct kunit *test)
{
	return cache_with(test, "kunit-b", ((const struct pair *)test->param_value)->other_ctor);
}

/* @p was freed badly as one of another cache; it is live, and its own cache takes it. */
static void still_live(struct kunit *test, struct hak_counts *bad, void *p)
{
	hak_kunit_settle();
	hak_kunit_bad_end(test, bad, HAK_STAT_bad_free_cache, 1, "object of another cache");
	KUNIT_EXPECT_EQ(test, hak_audit(1), 0);
	hak_counts_begin(bad);
	hak_free(p);
	hak_kunit_bad_end(test, bad, HAK_NR_STATS, 0, "its own free");
}

static void hak_cache_free_into_another_typed_is_found(struct kunit *test)
{
	struct hak_cache *a = one_cache(test), *b = other_cache(test);
	void *p = hak_cache_alloc(a, GFP_KERNEL);
	struct hak_counts bad;

	hak_counts_begin(&bad);
	hak_cache_free(b, p);
	still_live(test, &bad, p);
}

static void hak_cache_free_bulk_into_another_typed_is_found(struct kunit *test)
{
	struct hak_cache *a = one_cache(test), *b = other_cache(test);
	struct hak_counts bad;
	void *p[3] = { hak_cache_alloc(b, GFP_KERNEL), hak_cache_alloc(a, GFP_KERNEL),
		       hak_cache_alloc(b, GFP_KERNEL) };
	void *other = p[1];

	hak_counts_begin(&bad);
	hak_cache_free_bulk(b, 3, p);
	still_live(test, &bad, other);
}

static void hak_cache_free_of_untyped_is_found(struct kunit *test)
{
	const struct pair *pair = test->param_value;
	struct hak_cache *a = one_cache(test);
	void *p = hak_alloc(pair->size, GFP_KERNEL);
	struct hak_counts bad;

	hak_counts_begin(&bad);
	hak_cache_free(a, p);
	still_live(test, &bad, p);
}

static void hak_cache_free_bulk_of_untyped_is_found(struct kunit *test)
{
	const struct pair *pair = test->param_value;
	struct hak_cache *a = one_cache(test);
	void *p = hak_alloc(pair->size, GFP_KERNEL), *array[1] = { p };
	struct hak_counts bad;

	hak_counts_begin(&bad);
	hak_cache_free_bulk(a, 1, array);
	still_live(test, &bad, p);
}

static void hak_free_sized_of_typed_is_found(struct kunit *test)
{
	const struct pair *pair = test->param_value;
	struct hak_cache *a = one_cache(test);
	void *p = hak_cache_alloc(a, GFP_KERNEL);
	struct hak_counts bad;

	hak_counts_begin(&bad);
	hak_free_sized(p, pair->size);
	still_live(test, &bad, p);
}

static void hak_free_sized_of_another_class_is_found(struct kunit *test)
{
	const struct pair *pair = test->param_value;
	void *p = hak_alloc(pair->size, GFP_KERNEL);
	struct hak_counts bad;

	hak_counts_begin(&bad);
	hak_free_sized(p, pair->size == 8 ? 9 : pair->size / 2);
	still_live(test, &bad, p);
}

static void hak_free_sized_within_the_class_is_fine(struct kunit *test)
{
	void *p = hak_alloc(100, GFP_KERNEL);
	struct hak_counts bad;

	hak_counts_begin(&bad);
	hak_free_sized(p, 112);
	hak_shrink_all();
	hak_kunit_bad_end(test, &bad, HAK_NR_STATS, 0, "97 to 112 are one class");
}

/*
 * A deferred free leaves a link in the object (tiny_flush.c).  Where that has a word of its
 * own, a live object that looks like it, copied from what was there before, is still live.
 */
static void hak_cache_free_of_what_looks_deferred_is_fine(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-linked", 64, NULL, 0);
	unsigned long *p, link[2], i, k;
	struct hak_counts bad;

	/* Small blocks, because there each free is looked up exactly. */
	hak_kunit_small_blocks(test);
	hak_counts_begin(&bad);
	for (i = 0; i < ARRAY_SIZE(link); i++) {
		p = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		link[0] = hak_mark(p) ^ 1UL << 62;
		link[1] = (unsigned long)p ^ 1UL << 62;
		for (k = 0; k < 64 / sizeof(*p); k++)
			p[k] = link[i];
		hak_cache_free(c, p);
	}
	hak_shrink_all();
	hak_kunit_bad_end(test, &bad, HAK_NR_STATS, 0, "a link in a live object");
}

/* A call that names a cache refuses it, the others leave it to kfree(). */
static void free_of_kmalloc_memory_is_found_or_forwarded(struct kunit *test)
{
	struct hak_kind kind = { one_cache(test), 64 };
	struct hak_counts bad;
	enum hak_how how;
	void *k;

	for (how = 0; how < HAK_HOWS; how++) {
		k = kmalloc(64, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, k);
		hak_counts_begin(&bad);
		hak_kind_free(&kind, how, k);
		hak_kunit_settle();
		hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_foreign, hak_how_trusts(how),
				  hak_how_name[how]);
		KUNIT_EXPECT_EQ_MSG(test, hak_counted(&bad, HAK_STAT_free_large),
				    !hak_how_trusts(how), "%s", hak_how_name[how]);
		if (hak_how_trusts(how))
			kfree(k);
	}
}

/* Inside a block, but no object: a SuperSlab's header, or a small block's descriptor. */
static void hak_free_of_block_header_is_found(struct kunit *test)
{
	struct hak_counts bad;
	void *p = hak_alloc(64, GFP_KERNEL);
	struct hak_slab *slab = hak_slab_of(p);

	hak_counts_begin(&bad);
	hak_free(slab->spages ? ss_base(p) : (void *)slab);
	hak_kunit_bad_end(test, &bad, slab->spages ? HAK_STAT_bad_free_foreign
			  : HAK_STAT_bad_free_interior, 1, "header");
	hak_free(p);
}

/* Header, a page that serves no slab, and the last word, whose address is the mark. */
static void free_of_what_is_no_slab_of_a_superslab_is_found(struct kunit *test)
{
	struct hak_kind kind = { hak_kunit_cache(test, "kunit-parts", 64, NULL, 0), 64 };
	void *p = hak_kind_alloc(&kind, GFP_KERNEL), *base = ss_base(p);
	const struct hak_pointer parts[] = {
		{ "header", base }, { "header's second line", base + 64 },
		{ "last object of the header", base + HAK_SPAGE_SIZE - 64 },
		{ "a page that serves no slab", base + HAK_SS_SIZE - 3 * HAK_SPAGE_SIZE },
		{ "last page", base + HAK_SS_SIZE - HAK_SPAGE_SIZE },
		{ "last line", base + HAK_SS_SIZE - 64 },
		{ "the mark's own address", base + HAK_SS_SIZE - 8 },
	};
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, !!hak_slab_of(p)->spages, hak_superslab_enabled);
	for (i = 0; hak_superslab_enabled && i < ARRAY_SIZE(parts) * HAK_HOWS; i++) {
		const struct hak_pointer *part = &parts[i / HAK_HOWS];
		struct hak_counts bad;

		hak_counts_begin(&bad);
		hak_kind_free(&kind, i % HAK_HOWS, (void *)part->p);
		hak_kunit_settle();
		hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_foreign, 1, part->name);
	}
	KUNIT_EXPECT_EQ(test, hak_audit(1), 0);
	hak_free(p);
}

/*
 * A block that was given back: what lies there now may be anything, so that only calls that name
 * a cache are sure to refuse.
 */
static void free_into_a_block_given_back_is_found(struct kunit *test)
{
	struct hak_kind kind = { .size = 64 };
	struct hak_counts bad;
	enum hak_how how;
	void *p[100];

	KUNIT_ASSERT_EQ(test, hak_alloc_bulk(64, GFP_KERNEL, 100, p), 100);
	hak_free_bulk(100, p);
	KUNIT_ASSERT_EQ(test, hak_shrink_all(), hak_config_get()->fixed_pages);
	KUNIT_ASSERT_FALSE(test, hak_owns(p[50]));
	for (how = 0; how < HAK_HOWS; how++) {
		if (!hak_how_trusts(how))
			continue;
		hak_counts_begin(&bad);
		hak_kind_free(&kind, how, p[50]);
		hak_kunit_settle();
		hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_foreign, 1, hak_how_name[how]);
	}
}

/* A magazine is memory of ours, but never anybody's object. */
static void hak_free_of_own_magazine_is_found(struct kunit *test)
{
	int nid = hak_home_nid();
	void *m[HAK_BATCH];
	struct hak_counts bad;

	KUNIT_ASSERT_NE(test, hak_pool_grow(&hak_mag_pool, &nid, GFP_KERNEL), HAK_GROWN_NOT);
	KUNIT_ASSERT_EQ(test, hak_pool_take(&hak_mag_pool, nid, 1, m), 1);
	hak_counts_begin(&bad);
	hak_free(m[0]);
	hak_free(m[0] + 1);
	hak_free_sized(m[0], 64);
	hak_kunit_settle();
	KUNIT_EXPECT_EQ(test, hak_counted_bad(&bad), 3);
	hak_pool_return(&hak_mag_pool, 1, m);
	KUNIT_EXPECT_EQ(test, hak_pool_verify(&hak_mag_pool), 0);
}

static void hak_cache_destroy_with_live_objects_counts_them(struct kunit *test)
{
	struct hak_cache *c = hak_cache_create("kunit-leak", 64, NULL, 0);
	u64 leaked = hak_kunit_stat(HAK_STAT_leaked_objects);
	void *p[3];
	int i;

	KUNIT_ASSERT_NOT_NULL(test, c);
	for (i = 0; i < 3; i++)
		p[i] = hak_cache_alloc(c, GFP_KERNEL);
	memset(p[0], 0x77, 64);
	hak_cache_destroy(c);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_leaked_objects) - leaked, 3);
	KUNIT_EXPECT_GT(test, hak_shrink_all(), hak_config_get()->fixed_pages);
	KUNIT_EXPECT_NULL_MSG(test, memchr_inv(p[0], 0x77, 64), "the memory stays allocated");
	KUNIT_EXPECT_TRUE(test, hak_owns(p[0]));
	KUNIT_EXPECT_EQ_MSG(test, hak_audit(0), 0, "they are nobody's any more");
	hak_kunit_bury(test, p, 3);
	KUNIT_EXPECT_EQ(test, hak_shrink_all(), hak_config_get()->fixed_pages);
}

static void hak_free_after_destroy_is_found(struct kunit *test)
{
	struct hak_cache *c = hak_cache_create("kunit-gone", 64, NULL, 0);
	void *p[2], *q[2];
	struct hak_counts bad;

	KUNIT_ASSERT_NOT_NULL(test, c);
	p[0] = hak_cache_alloc(c, GFP_KERNEL);
	p[1] = hak_cache_alloc(c, GFP_KERNEL);
	hak_cache_destroy(c);
	hak_counts_begin(&bad);
	hak_free(p[0]);
	q[0] = p[1];
	hak_free_bulk(1, q);
	hak_free_sized(p[1], 64);
	hak_free(p[1] + 1);
	hak_kunit_settle();
	KUNIT_EXPECT_EQ(test, hak_counted_bad(&bad), 4);
	hak_kunit_bury(test, p, 2);
}

/* Full slabs and partial ones, more of each than are untagged under one hold of the lock. */
static void hak_free_after_destroy_is_found_in_every_slab(struct kunit *test)
{
	struct hak_cache *c = hak_cache_create("kunit-gone-too", 1024, NULL, 0);
	const unsigned int n = 3200;
	void **p = kunit_kcalloc(test, n, sizeof(*p), GFP_KERNEL);
	unsigned int i, live = 0;
	struct hak_counts bad;

	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, n, p), n);
	for (i = 0; i < n; i++) {
		if (i % 64)
			p[live++] = p[i];
		else
			hak_cache_free(c, p[i]);
	}
	hak_cache_destroy(c);
	hak_counts_begin(&bad);
	for (i = 0; i < live; i++)
		hak_free(p[i]);
	hak_kunit_settle();
	KUNIT_EXPECT_EQ(test, hak_counted_bad(&bad), live);
	hak_kunit_bury(test, p, live);
}

static struct kunit_case misuse_cases[] = {
	KUNIT_CASE_PARAM(hak_cache_free_into_another_typed_is_found, pair_gen_params),
	KUNIT_CASE_PARAM(hak_cache_free_bulk_into_another_typed_is_found, pair_gen_params),
	KUNIT_CASE_PARAM(hak_cache_free_of_untyped_is_found, pair_gen_params),
	KUNIT_CASE_PARAM(hak_cache_free_bulk_of_untyped_is_found, pair_gen_params),
	KUNIT_CASE_PARAM(hak_free_sized_of_typed_is_found, pair_gen_params),
	KUNIT_CASE_PARAM(hak_free_sized_of_another_class_is_found, pair_gen_params),
	KUNIT_CASE(hak_free_sized_within_the_class_is_fine),
	KUNIT_CASE(hak_cache_free_of_what_looks_deferred_is_fine),
	KUNIT_CASE_PARAM(free_of_kmalloc_memory_is_found_or_forwarded, pair_gen_params),
	KUNIT_CASE(hak_free_of_block_header_is_found),
	KUNIT_CASE(free_of_what_is_no_slab_of_a_superslab_is_found),
	KUNIT_CASE(free_into_a_block_given_back_is_found),
	KUNIT_CASE(hak_free_of_own_magazine_is_found),
	KUNIT_CASE(hak_cache_destroy_with_live_objects_counts_them),
	KUNIT_CASE(hak_free_after_destroy_is_found),
	KUNIT_CASE(hak_free_after_destroy_is_found_in_every_slab),
	{}
};

struct kunit_suite hak_misuse_suite = {
	.name = "hakmem_misuse",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = misuse_cases,
};
