// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_mark: the mark is no value that a correct program can hold.
 *
 * A program holds pointers into its objects and one past the end of each.  So every stride is cut
 * into every place of a SuperSlab where a slab may begin, in each size of a slab.
 */
#include "kunit/hak_kunit.h"
#include "superslab/ss_block.h"
#include "superslab/ss_dir.h"

static void pool_end(void *pool)
{
	hak_pool_exit(pool);
	kfree(pool);
}

static struct hak_pool *new_pool(struct kunit *test, u32 stride)
{
	struct hak_pool *pool = kzalloc(sizeof(*pool), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pool);
	pool->tag = hak_tag_none;
	KUNIT_ASSERT_EQ(test, hak_pool_init(pool, stride, 0), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pool_end, pool), 0);
	return pool;
}

/* Does @slab end before the word whose address is the mark, and not right before it? */
static bool keeps_off_the_mark(const struct hak_slab *slab)
{
	unsigned long begin = (unsigned long)slab->mem, mark = slab_mark(slab, slab->mem);
	unsigned long end = begin + (unsigned long)slab->objects * slab->pool->stride;
	unsigned long map = (unsigned long)(slab->bits + BITS_TO_LONGS(slab->objects));

	if (slab->bits != slab->inline_bits && map > mark)
		return false;
	return slab->objects && end < mark;
}

/* The slab that @pool got last. */
static struct hak_slab *slab_got(struct hak_pool *pool, int nid)
{
	struct hak_pool_node *pn = pool->node[nid];

	return list_first_entry(list_empty(&pn->partial) ? &pn->small : &pn->partial,
				struct hak_slab, list);
}

/* Cut slabs of @spages each until the last slab page of a SuperSlab is in one; were all right? */
static bool cut_to_the_end(struct hak_pool *pool, unsigned int spages)
{
	unsigned int n = 2 * HAK_SS_SPAGES / spages;
	const struct hak_slab *slab;
	int nid = hak_home_nid();
	bool good, end;

	pool->slab_spages = spages;
	do {
		if (hak_pool_grow(pool, &nid, GFP_KERNEL) == HAK_GROWN_NOT)
			return false;
		slab = slab_got(pool, nid);
		good = keeps_off_the_mark(slab);
		/* A small block is the end of its own. */
		end = !slab->spages || slab->first + slab->spages == HAK_SS_SPAGES;
	} while (good && !end && --n);
	hak_pool_trim_all(pool);
	return good && end;
}

static void mark_is_nobodys_in_any_slab(struct kunit *test)
{
	struct hak_pool *pool;
	unsigned int spages;
	bool good = true;
	u32 stride;

	for (stride = 8; good && stride <= HAK_CACHE_MAX_SIZE + HAK_REDZONE + 8; stride += 8) {
		pool = new_pool(test, stride);
		for (spages = 1; good && spages <= HAK_SLAB_SPAGES_MAX; spages *= 2) {
			good = cut_to_the_end(pool, spages);
			KUNIT_EXPECT_TRUE_MSG(test, good, "stride %u, %u slab pages", stride,
					      spages);
		}
		kunit_release_action(test, pool_end, pool);
	}
}

/* Objects of these sizes fill a slab to its last word, but for the mark's. */
static const unsigned int sizes[] = { 184, 712, 4680, 6552 };

static void size_desc(const unsigned int *size, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u bytes", *size);
}

KUNIT_ARRAY_PARAM(size, sizes, size_desc);

/* An object that begins with the pointer to its own end is live like any other. */
static void object_may_hold_its_own_end(struct kunit *test)
{
	unsigned int size = *(const unsigned int *)test->param_value, i;
	unsigned int n = 2 * HAK_SS_SIZE / size;
	struct hak_cache *c = hak_kunit_cache(test, "kunit-end", size, NULL, 0);
	void ***p = kvmalloc_array(n, sizeof(*p), GFP_KERNEL);
	struct hak_counts bad;

	KUNIT_ASSERT_NOT_NULL(test, p);
	hak_counts_begin(&bad);
	for (i = 0; i < n; i++) {
		p[i] = hak_cache_alloc(c, GFP_KERNEL);
		if (p[i])
			p[i][0] = (void *)p[i] + size;
	}
	for (i = 0; i < n; i++)
		hak_free(p[i]);
	kvfree(p);
	hak_shrink_all();
	hak_kunit_bad_end(test, &bad, HAK_NR_STATS, 0, "good frees");
}

static void small_blocks_marks_are_nobodys(struct kunit *test)
{
	hak_kunit_small_blocks(test);
	mark_is_nobodys_in_any_slab(test);
}

/* What lies in the last word of a small block's region is not ours: who has it may point to it. */
static void object_may_point_to_the_end_of_its_region(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-region", 64, NULL, 0);
	struct hak_kind kind = { c, 64 };
	struct hak_counts bad;
	enum hak_how how;
	unsigned long *p;

	hak_kunit_small_blocks(test);
	hak_counts_begin(&bad);
	for (how = 0; how < HAK_HOWS; how++) {
		p = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		*p = hak_mark(p);
		if (how != HAK_BY_SIZE)
			hak_kind_free(&kind, how, p);
		else
			hak_free(p);
	}
	hak_shrink_all();
	hak_kunit_bad_end(test, &bad, HAK_NR_STATS, 0, "good frees");
}

/*
 * The inlined free may take a word of a client's memory for a tag.  Then it writes the mark of
 * SuperSlabs into an object of a small block.
 */
static void free_that_a_client_misled_is_no_write(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-misled", 64, NULL, 0);
	struct hak_core *core = cache_core(c);
	struct hak_counts counts;
	void *p, *keep;

	hak_kunit_small_blocks(test);
	p = hak_cache_alloc(c, GFP_KERNEL);
	keep = hak_cache_alloc(c, GFP_KERNEL);
	hak_counts_begin(&counts);
	hak_cache_free(c, p);
	if (core->pool.marked)
		hak_arch_poke(p + core->pool.mark_off, hak_mark(p));
	hak_drain_core(core);
	KUNIT_EXPECT_EQ(test, hak_counted(&counts, HAK_STAT_write_after_free), 0);
	KUNIT_EXPECT_TRUE(test, hak_pool_object_free(&core->pool, p));
	/* It has the mark of its block by now: a second free is seen. */
	hak_kunit_bad_end(test, &counts, HAK_NR_STATS, 0, "good frees");
	hak_cache_free(c, p);
	hak_kunit_settle();
	KUNIT_EXPECT_EQ(test, hak_counted(&counts, HAK_STAT_bad_free_double), 1);
	KUNIT_EXPECT_EQ(test, hak_counted(&counts, HAK_STAT_write_after_free), 0);
	hak_cache_free(c, keep);
}

struct held {
	unsigned long pages, thinned;
	bool all;
};

/* What blocks hold, and whether the last page of each SuperSlab is in it. */
static void count_held(void *base, unsigned int order, struct hak_ss *ss, void *arg)
{
	struct held *h = arg;
	unsigned int i;

	if (!ss) {
		h->pages += 1U << order;
		return;
	}
	for (i = 0; i < HAK_SS_PAGES; i++)
		h->pages += !ss_left(ss, i);
	h->thinned += ss_left(ss, HAK_SS_PAGES - 2);
	h->all &= !ss_left(ss, HAK_SS_PAGES - 1);
}

/* Or somebody else might own the word whose address is the mark. */
static void page_of_the_mark_stays(struct kunit *test)
{
	void *p = hak_alloc(64, GFP_KERNEL);
	struct held held = { .all = true };

	hak_shrink_all();
	hak_dir_for_each(count_held, &held);
	KUNIT_EXPECT_EQ(test, held.thinned > 0, hak_superslab_enabled);
	KUNIT_EXPECT_TRUE(test, held.all);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_pages_held), held.pages);
	hak_free(p);
	KUNIT_EXPECT_EQ(test, hak_shrink_all(), hak_config_get()->fixed_pages);
}

#define READ_OBJECTS 600
#define READ_WORDS 8

/* Words of the free object at @p that are not as its owner left them. */
static unsigned int words_changed(const unsigned long *p, unsigned long was)
{
	unsigned int i, n = 0;

	for (i = 0; i < READ_WORDS; i++)
		n += hak_arch_peek(p + i) != was;
	return n;
}

/* test->param_value: of a typed cache, or of a size. */
static const bool typed[] = { true, false };

static void typed_desc(const bool *t, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", *t ? "typed" : "of a size");
}

KUNIT_ARRAY_PARAM(typed, typed, typed_desc);

static unsigned long *read_object[READ_OBJECTS];

/* One that stays live, so that its slab stays. */
static bool stays(unsigned int i)
{
	return i % 32 == 0;
}

/* Free objects with anything in them that is neither their owner's nor the mark. */
static unsigned int objects_tell(const struct hak_core *core, unsigned long was)
{
	unsigned int i, found = 0;
	unsigned long *p;

	for (i = 0; i < READ_OBJECTS; i++) {
		p = read_object[i];
		if (stays(i) || !hak_slab_of(p))
			continue;
		found += words_changed(p, was) != core->pool.marked ||
			 (core->pool.marked && object_mark(core, p) != free_mark(p));
	}
	return found;
}

/*
 * In magazine, spare, depot and slab.  The mark is an address, the same for all of a SuperSlab.
 * Nothing else in a free object is one, or anything of ours.
 */
static void free_object_tells_the_mark_only(struct kunit *test)
{
	bool own = *(const bool *)test->param_value;
	struct hak_cache *c = own ? hak_kunit_cache(test, "kunit-read", READ_WORDS * 8, NULL, 0)
				  : hak_class[hak_size_class(READ_WORDS * 8)];
	unsigned long was = hak_config_get()->init_on_free ? 0 : 0x5a5a5a5a5a5a5a5aUL;
	unsigned int i;

	for (i = 0; i < READ_OBJECTS; i++) {
		read_object[i] = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, read_object[i]);
		memset(read_object[i], 0x5a, READ_WORDS * 8);
	}
	for (i = 0; i < READ_OBJECTS; i++)
		if (!stays(i))
			hak_cache_free(c, read_object[i]);
	KUNIT_EXPECT_EQ(test, objects_tell(cache_core(c), was), 0);
	hak_drain_core(cache_core(c));
	KUNIT_EXPECT_EQ_MSG(test, objects_tell(cache_core(c), was), 0, "in their slabs");
	/* What the mark tells: the SuperSlab, and no more of the address. */
	if (hak_superslab_enabled)
		KUNIT_EXPECT_EQ(test, hak_mark(read_object[0]) % HAK_SS_SIZE, HAK_MARK);
	for (i = 0; i < READ_OBJECTS; i++)
		if (stays(i))
			hak_cache_free(c, read_object[i]);
}

/* A live constructed object proves itself by its mark; without it the look-up is asked. */
static void live_constructed_object_has_a_mark(struct kunit *test)
{
	static const unsigned int sizes[] = { 8, 64, 248, 4000 };
	struct hak_counts counts;
	struct hak_cache *c;
	struct hak_core *core;
	unsigned int i;
	void *p[2];

	hak_counts_begin(&counts);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		c = hak_kunit_cache(test, "kunit-live", sizes[i], NULL, SLAB_TYPESAFE_BY_RCU);
		core = cache_core(c);
		KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 2, p), 2);
		if (core->hardened) {
			KUNIT_EXPECT_EQ(test, object_mark(core, p[0]), live_mark(p[0]));
			KUNIT_EXPECT_EQ(test, object_mark(core, p[1]), live_mark(p[1]));
			object_set_mark(core, p[0], 0);
		}
		hak_cache_free_bulk(c, 2, p);
		KUNIT_EXPECT_TRUE(test, !core->hardened ||
				  (object_mark(core, p[0]) == free_mark(p[0]) &&
				   object_mark(core, p[1]) == free_mark(p[1])));
	}
	hak_kunit_bad_end(test, &counts, HAK_NR_STATS, 0, "good frees");
}

static struct kunit_case mark_cases[] = {
	KUNIT_CASE_PARAM(free_object_tells_the_mark_only, typed_gen_params),
	KUNIT_CASE_SLOW(mark_is_nobodys_in_any_slab),
	KUNIT_CASE_SLOW(small_blocks_marks_are_nobodys),
	KUNIT_CASE(object_may_point_to_the_end_of_its_region),
	KUNIT_CASE(free_that_a_client_misled_is_no_write),
	KUNIT_CASE(page_of_the_mark_stays),
	KUNIT_CASE(live_constructed_object_has_a_mark),
	KUNIT_CASE_PARAM(object_may_hold_its_own_end, size_gen_params),
	{}
};

struct kunit_suite hak_mark_suite = {
	.name = "hakmem_mark",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = mark_cases,
};
