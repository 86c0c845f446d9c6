// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_leave: slab pages that serve no slab leave their SuperSlab, and nobody is led to
 * them any more.
 */
#include "kunit/hak_kunit.h"
#include "superslab/ss_block.h"
#include "superslab/ss_dir.h"
#include "superslab/ss_hole.h"
#include "superslab/ss_node.h"

#define OBJECTS 4000		/* of 1000 bytes: two SuperSlabs and more */

struct leave_test {
	struct hak_cache *c;
	void **p;
};

static void leave_begin(struct kunit *test, struct leave_test *t)
{
	unsigned int i;

	t->p = kunit_kcalloc(test, OBJECTS, sizeof(*t->p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->p);
	hak_shrink_all();
	t->c = hak_kunit_cache(test, "kunit-leave", 1000, NULL, 0);
	for (i = 0; i < OBJECTS; i++) {
		t->p[i] = hak_cache_alloc(t->c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, t->p[i]);
	}
}

/* All objects but each @keep-th go, and what they leave behind. */
static void leave_thin(struct leave_test *t, unsigned int keep)
{
	unsigned int i;

	for (i = 0; i < OBJECTS; i++) {
		if (keep && i % keep == 0)
			continue;
		hak_cache_free(t->c, t->p[i]);
		t->p[i] = NULL;
	}
	hak_shrink_all();
}

static void leave_end(struct leave_test *t)
{
	unsigned int i;

	for (i = 0; i < OBJECTS; i++)
		if (t->p[i])
			hak_cache_free(t->c, t->p[i]);
}

/* Has the slab page at @at left, with the slab that was there? Of a thin one, pages may be left. */
static bool ended_and_left(void *at)
{
	struct hak_pool *pool;

	preempt_disable();
	hak_hole_slab(at, &pool);
	preempt_enable();
	return !pool && ss_left(ss_header(ss_base(at)), (at - ss_base(at)) >> PAGE_SHIFT);
}

/* The first byte of a slab page that has left the SuperSlab of @p, or NULL. */
static void *page_that_left(const void *p)
{
	unsigned int i;

	for (i = 1; i < HAK_SS_SPAGES; i++)
		if (ended_and_left(ss_base(p) + i * HAK_SPAGE_SIZE))
			return ss_base(p) + i * HAK_SPAGE_SIZE;
	return NULL;
}

static void pages_of_ours_have_no_reference(struct kunit *test)
{
	void *p = hak_alloc(64, GFP_KERNEL);

	/* Who asks whether such a page may be sent is told no. */
	KUNIT_EXPECT_EQ(test, page_ref_count(virt_to_page(p)), 0);
	hak_free(p);
}

static void few_live_objects_hold_few_pages(struct kunit *test)
{
	struct leave_test t;
	u64 held;

	leave_begin(test, &t);
	held = hak_kunit_stat(HAK_STAT_pages_held);
	KUNIT_EXPECT_GE(test, held, OBJECTS / 4);
	leave_thin(&t, 1000);
	/* Four objects: a slab each, and the headers of up to three SuperSlabs. */
	KUNIT_EXPECT_LE(test, hak_kunit_stat(HAK_STAT_pages_held), 4 * 16 + 3 * 4);
	KUNIT_EXPECT_EQ(test, hak_audit(4), 0);
	leave_end(&t);
	KUNIT_EXPECT_EQ(test, hak_shrink_all(), hak_config_get()->fixed_pages);
}

static void pages_that_left_serve_nobody(struct kunit *test)
{
	struct leave_test t;
	void *gone;
	u64 before;
	unsigned int i;

	leave_begin(test, &t);
	leave_thin(&t, 1000);
	gone = page_that_left(t.p[0]);
	KUNIT_ASSERT_NOT_NULL(test, gone);
	KUNIT_EXPECT_FALSE(test, hak_owns(gone));
	KUNIT_EXPECT_TRUE(test, hak_owns(t.p[0]));
	KUNIT_EXPECT_NULL(test, hak_slab_of(gone));
	/* A stale pointer into it is nobody's object, and is not written to. */
	if (hak_kunit_hardened()) {
		before = hak_kunit_stat(HAK_STAT_bad_free_foreign);
		hak_cache_free(t.c, gone);
		KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_bad_free_foreign) - before, 1);
	}
	for (i = 1; i < OBJECTS; i++) {
		if (t.p[i])
			continue;
		t.p[i] = hak_cache_alloc(t.c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, t.p[i]);
		if (hak_kunit_hardened() && ss_base(t.p[i]) == ss_base(gone))
			KUNIT_EXPECT_NE(test, ss_spage_index(t.p[i]), ss_spage_index(gone));
	}
	leave_end(&t);
}

/* Pages that left may come back as a small block of ours, beside the SuperSlab they are from. */
static void region_of_both_kinds_is_told_apart(struct kunit *test)
{
	struct hak_small *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	struct hak_pool *found, other = {};
	struct leave_test t;
	unsigned long image;
	void *gone;

	KUNIT_ASSERT_NOT_NULL(test, b);
	leave_begin(test, &t);
	leave_thin(&t, 1000);
	gone = page_that_left(t.p[0]);
	KUNIT_ASSERT_NOT_NULL(test, gone);
	b->base = gone;
	b->slab.pool = &other;
	KUNIT_ASSERT_TRUE(test, hak_dir_set_small(b, GFP_KERNEL));
	preempt_disable();
	KUNIT_EXPECT_PTR_EQ(test, hak_slab_find(gone, &found), &b->slab);
	KUNIT_EXPECT_PTR_EQ(test, found, &other);
	KUNIT_EXPECT_NULL(test, hak_slab_find(gone + PAGE_SIZE, &found));
	KUNIT_EXPECT_NOT_NULL(test, hak_slab_find(t.p[0], &found));
	KUNIT_EXPECT_PTR_EQ(test, found, &cache_core(t.c)->pool);
	/* The same where another SuperSlab has taken this one's place in the image. */
	image = *hak_dir_fast(t.p[0]);
	*hak_dir_fast(t.p[0]) = 0;
	KUNIT_EXPECT_PTR_EQ(test, hak_slab_find(gone, &found), &b->slab);
	KUNIT_EXPECT_NOT_NULL(test, hak_slab_find(t.p[0], &found));
	*hak_dir_fast(t.p[0]) = image;
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, hak_owns(gone));
	KUNIT_EXPECT_FALSE(test, hak_owns(gone + PAGE_SIZE));
	hak_dir_clear_small(b);
	KUNIT_EXPECT_FALSE(test, hak_owns(gone));
	KUNIT_EXPECT_TRUE(test, hak_owns(t.p[0]));
	leave_end(&t);
}

/* What memory hotplug asks: a slab page that is used, its neighbour that left, all of both. */
static void memory_that_goes_is_asked_for(struct kunit *test)
{
	struct leave_test t;
	unsigned long used, gone;

	leave_begin(test, &t);
	leave_thin(&t, 1000);
	KUNIT_ASSERT_NOT_NULL(test, page_that_left(t.p[0]));
	used = PFN_DOWN(__pa(t.p[0]));
	gone = PFN_DOWN(__pa(page_that_left(t.p[0])));
	KUNIT_EXPECT_TRUE(test, hak_block_within(used, 1));
	KUNIT_EXPECT_FALSE(test, hak_block_within(gone, HAK_SPAGE_SIZE / PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, hak_block_within(PFN_DOWN(__pa(ss_base(t.p[0]))),
						 1UL << HAK_SS_ORDER));
	leave_end(&t);
	hak_shrink_all();
	KUNIT_EXPECT_FALSE(test, hak_block_within(used, 1));
}

/* The fullest SuperSlab that has room serves, so that the emptier ones can end. */
static void fullest_superslab_serves_first(struct kunit *test)
{
	struct leave_test t;
	unsigned int i, fuller = 0;
	void *first, *more;

	leave_begin(test, &t);
	first = ss_base(t.p[0]);
	/* Of the first SuperSlab few objects stay, of all others all but a few slabs. */
	for (i = 0; i < OBJECTS; i++) {
		bool stays = ss_base(t.p[i]) == first ? i % 500 == 0 : i % 160 >= 32;

		if (stays) {
			fuller += ss_base(t.p[i]) != first;
			continue;
		}
		hak_cache_free(t.c, t.p[i]);
		t.p[i] = NULL;
	}
	KUNIT_ASSERT_GT(test, fuller, 0);
	hak_drain_core(cache_core(t.c));
	hak_pool_trim_all(&cache_core(t.c)->pool);
	more = hak_alloc(1024, GFP_KERNEL);
	KUNIT_EXPECT_PTR_NE(test, ss_base(more), first);
	hak_free(more);
	leave_end(&t);
}

#ifdef __KERNEL__
/* Is the SuperSlab that was at @base one free block of the kernel's, or within one? */
static bool in_one_piece(const void *base)
{
	unsigned long pfn = page_to_pfn(virt_to_page(base));
	unsigned int order;
	struct page *page;

	for (order = HAK_SS_ORDER; order <= HAK_SS_ORDER + 1; order++) {
		page = pfn_to_page(pfn & ~((1UL << order) - 1));
		if (PageBuddy(page) && page_private(page) >= order)
			return true;
	}
	return false;
}

/* Pieces of it in the lists of CPUs would keep the kernel from handing out 2 MiB there again. */
static void superslab_goes_in_one_piece(struct kunit *test)
{
	unsigned int i, n = 0, broken = 1, round;
	struct leave_test t;
	void *base[3];

	/* Somebody else may have taken a part of it already. */
	for (round = 0; round < 5 && broken; round++) {
		leave_begin(test, &t);
		for (i = 0, n = 0; i < OBJECTS && n < ARRAY_SIZE(base); i++) {
			if (!hak_slab_of(t.p[i])->spages || (n && base[n - 1] == ss_base(t.p[i])))
				continue;
			base[n++] = ss_base(t.p[i]);
		}
		leave_thin(&t, 0);
		for (i = 0, broken = 0; i < n; i++)
			broken += !in_one_piece(base[i]);
	}
	KUNIT_EXPECT_GT(test, n, 0);
	KUNIT_EXPECT_EQ(test, broken, 0);
}
#endif

#define STAY 16U		/* slab pages */

/* What stays serves the next slab, which would take 2 MiB otherwise. */
static void some_free_slab_pages_may_stay(struct kunit *test)
{
	struct leave_test t;
	unsigned int i;
	u64 had;
	void *p;

	if (!hak_superslab_enabled)
		return;
	leave_begin(test, &t);
	/* One in each SuperSlab or so stays. */
	for (i = 0; i < OBJECTS; i++) {
		if (i % (OBJECTS / 4) == 0)
			continue;
		hak_cache_free(t.c, t.p[i]);
		t.p[i] = NULL;
	}
	hak_drain_core(cache_core(t.c));
	hak_pool_trim_all(&cache_core(t.c)->pool);
	hak_block_trim(ULONG_MAX, STAY);
	/* They have come to rest. */
	hak_release_wait();
	hak_release_wait();
	KUNIT_EXPECT_EQ(test, hak_block_empty_pages(), STAY * HAK_SPAGE_PAGES);
	had = hak_kunit_stat(HAK_STAT_superslabs_held);
	p = hak_alloc(64, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_superslabs_held), had);
	KUNIT_EXPECT_LT(test, hak_block_empty_pages(), STAY * HAK_SPAGE_PAGES);
	hak_free(p);
	hak_block_trim(ULONG_MAX, 0);
	hak_release_wait();
	hak_release_wait();
	KUNIT_EXPECT_EQ(test, hak_block_empty_pages(), 0);
	KUNIT_EXPECT_EQ(test, hak_audit(-1), 0);
	leave_end(&t);
}

#define PART 32U	/* slab pages that a SuperSlab begins with */

/* What did not begin is a hole, and nobody's.  The first and the last of the rest are there. */
static void expect_part(struct kunit *test, void *base)
{
	const struct hak_ss *ss = ss_header(base);
	unsigned int i, left = 0;

	KUNIT_EXPECT_EQ(test, ss->begun, PART - 1);
	for (i = 0; i < HAK_SS_PAGES; i++)
		left += ss_left(ss, i);
	KUNIT_EXPECT_EQ(test, left, (HAK_SS_SPAGES - PART) * HAK_SPAGE_PAGES);
	KUNIT_EXPECT_FALSE(test, ss_left(ss, 0));
	KUNIT_EXPECT_FALSE(test, ss_left(ss, HAK_SS_PAGES - 1));
	KUNIT_EXPECT_FALSE(test, hak_owns(base + HAK_SS_SIZE / 2));
}

/* Two SuperSlabs that are parts, kept when they are empty, and gone when that is wanted. */
static void superslab_may_begin_with_a_part(struct kunit *test)
{
	struct leave_test t;
	unsigned int i;

	if (!hak_superslab_enabled)
		return;
	hak_grow_least = PART;
	hak_shrink_all();
	t.p = kunit_kcalloc(test, OBJECTS, sizeof(*t.p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t.p);
	t.c = hak_kunit_cache(test, "kunit-part", 1000, NULL, 0);
	for (i = 0; i < OBJECTS; i++) {
		t.p[i] = hak_cache_alloc(t.c, GFP_KERNEL);
		if (hak_kunit_stat(HAK_STAT_superslabs_held) == 2)
			break;
	}
	expect_part(test, ss_base(t.p[0]));
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_pages_held), 2 * PART * HAK_SPAGE_PAGES);
	/* 31 slab pages of 16 objects each, and a few that are in a magazine. */
	KUNIT_EXPECT_GE(test, i, 31 * 16 - HAK_MAG_MAX);
	leave_end(&t);
	hak_drain_core(cache_core(t.c));
	hak_pool_trim_all(&cache_core(t.c)->pool);
	hak_pool_trim_all(&hak_mag_pool);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_superslabs_held), 2);
	KUNIT_EXPECT_EQ(test, hak_block_empty_pages(), 2 * PART * HAK_SPAGE_PAGES);
	KUNIT_EXPECT_EQ(test, hak_shrink_all(), hak_config_get()->fixed_pages);
}

/* The more is held the larger are the steps, and where 2 MiB are scarce all of them are taken. */
static void parts_grow_with_what_is_held(struct kunit *test)
{
	struct hak_block_node *bn = &hak_block_node[hak_home_nid()];
	static const struct { unsigned int mib, spages; } want[] = {
		{ 0, 32 }, { 15, 32 }, { 17, 64 }, { 63, 64 }, { 65, 128 }, { 4000, 128 },
	};
	unsigned int i;

	hak_grow_least = PART;
	for (i = 0; i < ARRAY_SIZE(want); i++)
		KUNIT_EXPECT_EQ_MSG(test, hak_grow_spages(bn, want[i].mib << (20 - PAGE_SHIFT)),
				    want[i].spages, "%u MiB", want[i].mib);
	bn->scarce = true;
	KUNIT_EXPECT_EQ(test, hak_grow_spages(bn, 0), HAK_SS_SPAGES);
	bn->scarce = false;
}

static struct kunit_case leave_cases[] = {
	KUNIT_CASE(pages_of_ours_have_no_reference),
	KUNIT_CASE(few_live_objects_hold_few_pages),
	KUNIT_CASE(pages_that_left_serve_nobody),
	KUNIT_CASE(region_of_both_kinds_is_told_apart),
	KUNIT_CASE(memory_that_goes_is_asked_for),
	KUNIT_CASE(fullest_superslab_serves_first),
#ifdef __KERNEL__
	KUNIT_CASE(superslab_goes_in_one_piece),
#endif
	KUNIT_CASE(some_free_slab_pages_may_stay),
	KUNIT_CASE(superslab_may_begin_with_a_part),
	KUNIT_CASE(parts_grow_with_what_is_held),
	{}
};

struct kunit_suite hak_leave_suite = {
	.name = "hakmem_leave",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = leave_cases,
};
