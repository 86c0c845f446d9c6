// SPDX-License-Identifier: GPL-2.0
/* Suite hakmem_slab: slabs and their books, on a pool of the test's own. */
#include "kunit/hak_kunit.h"
#include "superslab/ss_block.h"

struct slab_test {
	struct hak_pool pool;
	int nid;
	unsigned int n;		/* objects in p */
	unsigned int max;
	void **p;
	unsigned int ctors, dtors;
};

/* Constructors get nothing but the object. */
static struct slab_test *current_test;

static void count_ctor(void *p)
{
	current_test->ctors++;
}

static void count_dtor(void *p)
{
	current_test->dtors++;
}

static void test_free(void *arg)
{
	struct slab_test *t = arg;

	kvfree(t->p);
	hak_pool_exit(&t->pool);
	kfree(t);
}

static struct slab_test *new_pool(struct kunit *test, u32 stride, u32 keep, unsigned int max)
{
	struct slab_test *t = kzalloc(sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->nid = hak_home_nid();
	t->max = max;
	t->pool.tag = hak_tag_none;
	t->p = kvcalloc(max, sizeof(*t->p), GFP_KERNEL);
	KUNIT_ASSERT_EQ(test, hak_pool_init(&t->pool, stride, keep), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, test_free, t), 0);
	KUNIT_ASSERT_NOT_NULL(test, t->p);
	current_test = t;
	return t;
}

static void grow(struct kunit *test, struct slab_test *t, unsigned int slabs)
{
	while (slabs--)
		KUNIT_ASSERT_NE(test, hak_pool_grow(&t->pool, &t->nid, GFP_KERNEL),
				HAK_GROWN_NOT);
}

static void take_all(struct kunit *test, struct slab_test *t)
{
	unsigned int got;

	do {
		KUNIT_ASSERT_LE(test, t->n + HAK_BATCH, t->max);
		got = hak_pool_take(&t->pool, t->nid, HAK_BATCH, t->p + t->n);
		t->n += got;
	} while (got);
}

static void return_all(struct slab_test *t)
{
	unsigned int now;

	while (t->n) {
		now = min_t(unsigned int, t->n, HAK_MAG_MAX);
		t->n -= now;
		hak_pool_return(&t->pool, now, t->p + t->n);
	}
}

static struct hak_pool_info info_of(struct slab_test *t)
{
	struct hak_pool_info info;

	hak_pool_info(&t->pool, &info);
	return info;
}

static void nothing_left(struct kunit *test, struct slab_test *t)
{
	KUNIT_EXPECT_EQ(test, hak_pool_verify(&t->pool), 0);
	KUNIT_EXPECT_EQ(test, hak_pool_trim_all(&t->pool), 0);
	hak_release_wait();
	KUNIT_EXPECT_EQ(test, info_of(t).objects, 0);
	KUNIT_EXPECT_EQ(test, info_of(t).slabs, 0);
}

static const u32 strides[] = { 8, 16, 64, 1024, 1032, 6144, 7000, 8192 };

static void stride_desc(const u32 *stride, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u bytes", *stride);
}

KUNIT_ARRAY_PARAM(stride, strides, stride_desc);

/* Every byte of every object is written: an overlap, or a map inside an object, would show. */
static void take_all_then_return_all_restores(struct kunit *test)
{
	u32 stride = *(const u32 *)test->param_value;
	struct slab_test *t = new_pool(test, stride, 16, 16384);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, hak_pool_take(&t->pool, t->nid, 1, t->p), 0);
	grow(test, t, 3);
	take_all(test, t);
	KUNIT_EXPECT_EQ(test, t->n, info_of(t).objects);
	KUNIT_EXPECT_EQ(test, info_of(t).free, 0);
	for (i = 0; i < t->n; i++)
		memset(t->p[i], i, stride);
	for (i = 0; i < t->n; i++)
		KUNIT_ASSERT_NULL_MSG(test, memchr_inv(t->p[i], i & 0xff, stride),
				      "object %u overlaps another", i);
	KUNIT_EXPECT_EQ(test, hak_pool_verify(&t->pool), 0);
	KUNIT_EXPECT_TRUE(test, hak_distinct(t->p, t->n));
	return_all(t);
	KUNIT_EXPECT_EQ(test, info_of(t).free, info_of(t).objects);
	nothing_left(test, t);
}

static void every_object_byte_leads_to_its_slab(struct kunit *test)
{
	u32 stride = *(const u32 *)test->param_value;
	struct slab_test *t = new_pool(test, stride, 16, 16384);
	const struct hak_slab *slab;
	unsigned int i, k;
	void *end;

	grow(test, t, 1);
	take_all(test, t);
	for (i = 0; i < t->n; i++) {
		slab = hak_slab_of(t->p[i]);
		KUNIT_ASSERT_NOT_NULL(test, slab);
		KUNIT_ASSERT_PTR_EQ(test, slab->pool, &t->pool);
		KUNIT_ASSERT_PTR_EQ(test, hak_slab_of(t->p[i] + stride - 1), slab);
		KUNIT_ASSERT_TRUE(test, slab_starts(slab, slab->pool, t->p[i], &k));
		KUNIT_ASSERT_EQ(test, k, i);
		KUNIT_ASSERT_FALSE(test, slab_starts(slab, slab->pool, t->p[i] + 1, &k));
		KUNIT_ASSERT_FALSE(test, slab_starts(slab, slab->pool, t->p[i] + stride - 1, &k));
	}
	end = t->p[t->n - 1] + stride;
	KUNIT_EXPECT_FALSE(test, slab_starts(slab, slab->pool, end, &k));
	KUNIT_EXPECT_FALSE(test, slab_starts(slab, slab->pool, t->p[0] - 1, &k));
	KUNIT_EXPECT_FALSE(test, slab_starts(slab, slab->pool, t->p[0] - stride, &k));
	KUNIT_EXPECT_FALSE(test, slab_starts(slab, slab->pool, NULL, &k));
	return_all(t);
	nothing_left(test, t);
}

static void take_from_fresh_slab_ascends(struct kunit *test)
{
	struct slab_test *t = new_pool(test, 64, 16, 1024);
	unsigned int i;

	grow(test, t, 1);
	take_all(test, t);
	for (i = 1; i < t->n; i++)
		KUNIT_ASSERT_PTR_EQ(test, t->p[i], t->p[i - 1] + 64);
	return_all(t);
	nothing_left(test, t);
}

/* Of the second slab on: the first of a pool is one page, whatever it wastes. */
static void waste_of_a_slab_is_at_most_an_eighth(struct kunit *test)
{
	bool superslab = hak_config_get()->superslab, good = true;
	struct slab_test *t;
	u32 stride, first;

	for (stride = 8; stride <= HAK_CACHE_MAX_SIZE && good; stride += 8) {
		t = new_pool(test, stride, 2, 64);
		grow(test, t, 1);
		first = info_of(t).objects;
		grow(test, t, 1);
		good = !superslab || (first * stride <= HAK_SPAGE_SIZE &&
				      (info_of(t).objects - first + 1) * stride >=
				      t->pool.slab_spages * HAK_SPAGE_SIZE * 7 / 8);
		KUNIT_EXPECT_TRUE_MSG(test, good, "stride %u", stride);
		KUNIT_ASSERT_EQ(test, hak_pool_trim_all(&t->pool), 0);
		kunit_release_action(test, test_free, t);
	}
}

static void return_of_what_is_no_object_is_dropped(struct kunit *test)
{
	struct slab_test *t = new_pool(test, 64, 16, 1024);
	struct slab_test *other = new_pool(test, 64, 16, 1024);
	struct hak_counts bad;
	void *a, *p[2];

	grow(test, t, 1);
	grow(test, other, 1);
	take_all(test, t);
	KUNIT_ASSERT_EQ(test, hak_pool_take(&other->pool, other->nid, 1, other->p), 1);
	a = t->p[3];

	hak_counts_begin(&bad);
	p[0] = a + 8;
	hak_pool_return(&t->pool, 1, p);
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_interior, 1, "interior");
	hak_counts_begin(&bad);
	p[0] = other->p[0];
	hak_pool_return(&t->pool, 1, p);
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_cache, 1, "other pool");

	hak_counts_begin(&bad);
	p[0] = p;
	hak_pool_return(&t->pool, 1, p);
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_foreign, 1, "stack");
	KUNIT_EXPECT_EQ_MSG(test, info_of(t).free, 0, "nothing was put back");

	hak_counts_begin(&bad);
	p[0] = a;
	p[1] = a;
	hak_pool_return(&t->pool, 2, p);
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_double, 1, "double");
	KUNIT_EXPECT_EQ(test, info_of(t).free, 1);
	KUNIT_EXPECT_TRUE(test, hak_pool_object_free(&t->pool, a));
	KUNIT_EXPECT_FALSE(test, hak_pool_object_free(&t->pool, t->p[4]));
	KUNIT_EXPECT_EQ(test, hak_pool_verify(&t->pool), 0);

	KUNIT_EXPECT_EQ(test, hak_pool_take(&t->pool, t->nid, 1, &t->p[3]), 1);
	return_all(t);
	hak_pool_return(&other->pool, 1, other->p);
	nothing_left(test, other);
	nothing_left(test, t);
}

/* Objects @first to @first + @n - 1 of @t, whose objects were all taken, in @p, or backwards. */
static void pick(struct slab_test *t, void **p, unsigned int first, unsigned int n, bool back)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		p[i] = t->p[first + (back ? n - 1 - i : i)];
}

/* Just those are free; they are taken again. */
static void just_these(struct kunit *test, struct slab_test *t, unsigned int first, unsigned int n)
{
	unsigned int i, wrong = 0;

	KUNIT_ASSERT_EQ(test, info_of(t).free, n);
	for (i = 0; i < t->n; i++)
		wrong += hak_pool_object_free(&t->pool, t->p[i]) != (i >= first && i < first + n);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_EQ(test, hak_pool_verify(&t->pool), 0);
	for (i = 0; i < n; )
		i += hak_pool_take(&t->pool, t->nid, min_t(unsigned int, n - i, HAK_BATCH),
				   t->p + first + i);
}

/* Neighbours are put back together, wherever in the map they begin and end. */
static void return_of_neighbours_frees_just_these(struct kunit *test)
{
	static const u8 many[] = { 1, 2, 3, 31, 32, 33, 63, 64 };
	struct slab_test *t = new_pool(test, 64, 16, 1024);
	unsigned int first, i;
	void *p[64];

	grow(test, t, 1);
	take_all(test, t);
	KUNIT_ASSERT_GT(test, t->n, 130 + ARRAY_SIZE(p));
	for (first = 0; first < 130; first++)
		for (i = 0; i < ARRAY_SIZE(many); i++) {
			pick(t, p, first, many[i], first & 1);
			hak_pool_return(&t->pool, many[i], p);
			just_these(test, t, first, many[i]);
		}
	return_all(t);
	nothing_left(test, t);
}

/* One that is free already, or that is none of these, harms no neighbour. */
static void return_of_neighbours_finds_the_bad_one(struct kunit *test)
{
	struct slab_test *t = new_pool(test, 64, 16, 1024);
	void *p[40], *one;
	struct hak_counts bad;
	unsigned int i;

	grow(test, t, 1);
	take_all(test, t);
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		one = t->p[50 + i];
		hak_pool_return(&t->pool, 1, &one);
		pick(t, p, 50, ARRAY_SIZE(p), i & 1);
		hak_counts_begin(&bad);
		hak_pool_return(&t->pool, ARRAY_SIZE(p), p);
		hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_double, 1, "one of a run");
		just_these(test, t, 50, ARRAY_SIZE(p));

		pick(t, p, 50, ARRAY_SIZE(p), i & 1);
		one = p[i];
		p[i] = p;
		hak_counts_begin(&bad);
		hak_pool_return(&t->pool, ARRAY_SIZE(p), p);
		hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_foreign, 1, "stack");
		hak_pool_return(&t->pool, 1, &one);
		just_these(test, t, 50, ARRAY_SIZE(p));
	}
	pick(t, p, 50, ARRAY_SIZE(p), true);
	hak_pool_return(&t->pool, ARRAY_SIZE(p), p);
	pick(t, p, 50, ARRAY_SIZE(p), true);
	hak_counts_begin(&bad);
	hak_pool_return(&t->pool, ARRAY_SIZE(p), p);
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_double, ARRAY_SIZE(p), "all of a run");
	just_these(test, t, 50, ARRAY_SIZE(p));
	return_all(t);
	nothing_left(test, t);
}

static void shrink_keeps_slabs_in_use(struct kunit *test)
{
	struct slab_test *t = new_pool(test, 1024, 16, 1024);
	void *keep;

	grow(test, t, 4);
	take_all(test, t);
	keep = t->p[--t->n];
	return_all(t);
	KUNIT_EXPECT_EQ(test, hak_pool_trim_all(&t->pool), 1);
	KUNIT_EXPECT_EQ(test, info_of(t).slabs, 1);
	KUNIT_EXPECT_EQ(test, info_of(t).objects - info_of(t).free, 1);
	KUNIT_EXPECT_EQ(test, hak_pool_verify(&t->pool), 0);
	KUNIT_EXPECT_PTR_EQ(test, hak_slab_of(keep)->pool, &t->pool);
	hak_pool_return(&t->pool, 1, &keep);
	nothing_left(test, t);
}

static void return_keeps_no_more_empty_slabs_than_told(struct kunit *test)
{
	struct slab_test *t = new_pool(test, 1024, 2, 1024);

	grow(test, t, 5);
	take_all(test, t);
	KUNIT_EXPECT_EQ(test, info_of(t).empty, 0);
	return_all(t);
	KUNIT_EXPECT_EQ(test, info_of(t).empty, 2);
	KUNIT_EXPECT_EQ(test, info_of(t).slabs, 2);
	nothing_left(test, t);
}

static void ctor_and_dtor_run_once_per_object(struct kunit *test)
{
	struct slab_test *t = new_pool(test, 64, 16, 2048);
	unsigned int carved;

	t->pool.ctor = count_ctor;
	t->pool.dtor = count_dtor;
	grow(test, t, 2);
	t->n = hak_pool_take(&t->pool, t->nid, 10, t->p);
	KUNIT_EXPECT_EQ(test, t->n, 10);
	KUNIT_EXPECT_EQ_MSG(test, t->ctors, 10, "only what was handed out");
	return_all(t);
	take_all(test, t);
	carved = t->n;
	KUNIT_EXPECT_EQ(test, t->ctors, carved);
	return_all(t);
	take_all(test, t);
	KUNIT_EXPECT_EQ_MSG(test, t->ctors, carved, "not again");
	return_all(t);
	KUNIT_EXPECT_EQ_MSG(test, t->dtors, 0, "not before the slab goes");
	nothing_left(test, t);
	KUNIT_EXPECT_EQ(test, t->dtors, carved);
}

/* The address of the last 8 bytes of a SuperSlab is the mark: it must be nobody's. */
static void no_object_covers_the_mark(struct kunit *test)
{
	struct slab_test *t = new_pool(test, 1024, 4, 8192);
	bool last_page = false;
	unsigned int i;

	grow(test, t, 2 * HAK_SS_SPAGES);
	take_all(test, t);
	for (i = 0; i < t->n; i++) {
		unsigned long off = (unsigned long)t->p[i] & (HAK_SS_SIZE - 1);

		KUNIT_ASSERT_LE(test, off + 1024, HAK_MARK);
		last_page |= off > HAK_SS_SIZE - HAK_SPAGE_SIZE;
	}
	KUNIT_EXPECT_TRUE_MSG(test, last_page || !hak_config_get()->superslab,
			      "the last page of a SuperSlab was never in use");
	return_all(t);
	nothing_left(test, t);
}

static void small_block_serves_like_a_superslab(struct kunit *test)
{
	u32 stride = *(const u32 *)test->param_value;
	struct slab_test *t;

	hak_kunit_small_blocks(test);
	t = new_pool(test, stride, 16, 16384);
	KUNIT_ASSERT_EQ(test, hak_pool_grow(&t->pool, &t->nid, GFP_KERNEL), HAK_GROWN_SMALL);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_small_blocks_held), 1);
	take_all(test, t);
	KUNIT_EXPECT_GE(test, t->n, 1);
	while (t->n) {
		memset(t->p[--t->n], 0xff, stride);
		hak_pool_return(&t->pool, 1, &t->p[t->n]);
	}
	nothing_left(test, t);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_small_blocks_held), 0);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_pages_held),
			hak_config_get()->fixed_pages);
}

/* Only what the page allocator may be asked; what breaks things only at the last order. */
static void hak_block_gfp_passes_little_on(struct kunit *test)
{
	gfp_t never = __GFP_ACCOUNT | __GFP_ZERO | __GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM |
		      __GFP_MOVABLE | __GFP_RECLAIMABLE;
	gfp_t large = hak_block_gfp(GFP_KERNEL | never | __GFP_NOFAIL | __GFP_HIGH, false);
	gfp_t last = hak_block_gfp(GFP_KERNEL | never | __GFP_NOFAIL | __GFP_HIGH, true);

	KUNIT_EXPECT_EQ(test, large & never, 0);
	KUNIT_EXPECT_EQ(test, last & never, 0);
	KUNIT_EXPECT_EQ(test, large & (__GFP_NOFAIL | __GFP_DIRECT_RECLAIM | __GFP_HIGH), 0);
	KUNIT_EXPECT_TRUE(test, large & __GFP_NORETRY && large & __GFP_NOMEMALLOC);
	/* Nobody is woken for more than one object needs, but for those who cannot reclaim. */
	KUNIT_EXPECT_EQ(test, large & __GFP_RECLAIM, 0);
	KUNIT_EXPECT_EQ(test, hak_block_gfp(GFP_NOWAIT, false) & __GFP_RECLAIM,
			__GFP_KSWAPD_RECLAIM);
	KUNIT_EXPECT_TRUE(test, last & __GFP_NOFAIL && last & __GFP_DIRECT_RECLAIM);
	KUNIT_EXPECT_FALSE(test, large & __GFP_COMP || last & __GFP_COMP);
	KUNIT_EXPECT_TRUE(test, large & __GFP_NOWARN && last & __GFP_NOWARN);
	KUNIT_EXPECT_EQ(test, hak_block_gfp(GFP_NOWAIT, true) & __GFP_DIRECT_RECLAIM, 0);
	KUNIT_EXPECT_EQ(test, hak_block_gfp(GFP_NOIO, true) & (__GFP_IO | __GFP_FS), 0);
	KUNIT_EXPECT_EQ(test, hak_block_gfp(GFP_NOFS, true) & (__GFP_IO | __GFP_FS), __GFP_IO);
}

static struct kunit_case slab_cases[] = {
	KUNIT_CASE(hak_block_gfp_passes_little_on),
	KUNIT_CASE_PARAM(take_all_then_return_all_restores, stride_gen_params),
	KUNIT_CASE_PARAM(every_object_byte_leads_to_its_slab, stride_gen_params),
	KUNIT_CASE(take_from_fresh_slab_ascends),
	KUNIT_CASE(waste_of_a_slab_is_at_most_an_eighth),
	KUNIT_CASE(return_of_what_is_no_object_is_dropped),
	KUNIT_CASE(return_of_neighbours_frees_just_these),
	KUNIT_CASE(return_of_neighbours_finds_the_bad_one),
	KUNIT_CASE(shrink_keeps_slabs_in_use),
	KUNIT_CASE(return_keeps_no_more_empty_slabs_than_told),
	KUNIT_CASE(ctor_and_dtor_run_once_per_object),
	KUNIT_CASE(no_object_covers_the_mark),
	KUNIT_CASE_PARAM(small_block_serves_like_a_superslab, stride_gen_params),
	{}
};

struct kunit_suite hak_slab_suite = {
	.name = "hakmem_slab",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = slab_cases,
};
