// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_thin: pages without live objects leave slabs that still have some.
 *
 * One of many objects stays.  What lies in a page that left is handed out by nobody, and a second
 * free of it is reported.  All memory comes back with the last object.
 */
#include "kunit/hak_kunit.h"
#include "kunit/lib/hak_pattern.h"
#include "superslab/ss_block.h"
#include "superslab/ss_dir.h"
#include "superslab/ss_hole.h"
#include "superslab/ss_lock.h"

#define KEEP 40			/* slabs' worth of objects, of which each has one live at most */

struct thin_test {
	struct hak_cache *c;
	unsigned int size, n;
	void **p;		/* live ones */
	void **gone;		/* and where the freed ones were */
};

static struct hak_pool *thin_pool(const struct thin_test *t)
{
	return &cache_core(t->c)->pool;
}

static bool left(const void *p)
{
	return !hak_owns(p);
}

static void fill(struct kunit *test, struct thin_test *t, unsigned int i)
{
	t->p[i] = hak_cache_alloc(t->c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->p[i]);
	hak_pattern_fill(t->p[i], t->size, (unsigned long)t->p[i]);
}

static void give_up(struct thin_test *t, unsigned int i)
{
	hak_cache_free(t->c, t->p[i]);
	t->gone[i] = t->p[i];
	t->p[i] = NULL;
}

/* Slabs of a new cache, full of live objects. */
static void thin_fill(struct kunit *test, struct thin_test *t, unsigned int size,
		      struct hak_cache_args *args)
{
	unsigned int i;

	t->size = size;
	t->n = KEEP * HAK_SPAGE_SIZE / size;
	t->p = kunit_kcalloc(test, t->n, sizeof(*t->p), GFP_KERNEL);
	t->gone = kunit_kcalloc(test, t->n, sizeof(*t->gone), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, t->p && t->gone);
	hak_shrink_all();
	t->c = hak_kunit_cache(test, "kunit-thin", size, args, 0);
	for (i = 0; i < t->n; i++)
		fill(test, t, i);
}

/* Of those one object in each 16 KiB stays. */
static void thin_begin(struct kunit *test, struct thin_test *t, unsigned int size,
		       struct hak_cache_args *args)
{
	unsigned int i, keep = HAK_SPAGE_SIZE / size;

	thin_fill(test, t, size, args);
	for (i = 0; i < t->n; i++)
		if (i % keep != keep / 3)
			give_up(t, i);
}

static void live_are_as_they_were(struct kunit *test, const struct thin_test *t)
{
	unsigned int i;

	for (i = 0; i < t->n; i++) {
		if (!t->p[i])
			continue;
		KUNIT_ASSERT_FALSE(test, left(t->p[i]));
		KUNIT_ASSERT_EQ(test, hak_pattern_wrong(t->p[i], t->size, (unsigned long)t->p[i]),
				(size_t)t->size);
	}
}

static void thin_end(struct kunit *test, struct thin_test *t)
{
	unsigned int i;

	live_are_as_they_were(test, t);
	for (i = 0; i < t->n; i++)
		if (t->p[i])
			hak_cache_free(t->c, t->p[i]);
	hak_cache_shrink(t->c);
	KUNIT_EXPECT_EQ(test, hak_pool_trim_all(thin_pool(t)), 0);
	KUNIT_EXPECT_EQ(test, hak_shrink_all(), hak_config_get()->fixed_pages);
}

static void no_ctor(void *p)
{
}

static void pages_without_live_objects_leave(struct kunit *test)
{
	static const unsigned int sizes[] = { 16, 64, 256, 1000, 1024, 2048 };
	struct hak_cache_args ctor = { .ctor = no_ctor };
	struct thin_test t;
	unsigned int k;
	u64 before, after;

	for (k = 0; k < 2 * ARRAY_SIZE(sizes); k++) {
		thin_begin(test, &t, sizes[k / 2], k % 2 ? &ctor : NULL);
		hak_drain_core(cache_core(t.c));
		hak_pool_trim_all(thin_pool(&t));
		hak_block_shrink();
		before = hak_kunit_stat(HAK_STAT_pages_held);
		KUNIT_EXPECT_EQ(test, hak_cache_shrink(t.c), 1);
		after = hak_kunit_stat(HAK_STAT_pages_held);
		/* Half at least; more stay of the header and of a slab that was just begun. */
		KUNIT_EXPECT_LE_MSG(test, after, before / 2 + 8, "size %u", t.size);
		KUNIT_EXPECT_GE_MSG(test, after, KEEP, "size %u", t.size);
		KUNIT_EXPECT_EQ(test, hak_pool_verify(thin_pool(&t)), 0);
		KUNIT_EXPECT_EQ(test, hak_audit(-1), 0);
		thin_end(test, &t);
	}
}

static void holes_are_handed_out_to_nobody(struct kunit *test)
{
	struct thin_test t;
	unsigned int i, holes = 0;

	thin_begin(test, &t, 256, NULL);
	hak_cache_shrink(t.c);
	for (i = 0; i < t.n; i++)
		holes += t.gone[i] && left(t.gone[i]);
	KUNIT_EXPECT_GE(test, holes, t.n / 2);
	for (i = 0; i < t.n; i++)
		if (!t.p[i])
			fill(test, &t, i);
	thin_end(test, &t);
}

/* Where the page stayed, beside a live object, the bit is seen. */
static void second_free_is_reported(struct kunit *test)
{
	struct hak_counts bad;
	struct thin_test t;
	unsigned int i;

	thin_begin(test, &t, 256, NULL);
	hak_cache_shrink(t.c);
	for (i = 0; i < t.n && (!t.gone[i] || left(t.gone[i])); i++)
		;
	KUNIT_ASSERT_LT(test, i, t.n);
	hak_counts_begin(&bad);
	hak_cache_free(t.c, t.gone[i]);
	hak_kunit_settle();
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_double, 1, "beside a live object");
	thin_end(test, &t);
}

/* A page that has left, and that nobody has taken by now, as far as a look at it tells. */
static bool lies_idle(const void *p)
{
	return p && left(p) && !hak_hole_taken(p);
}

/* Frees @off bytes into an object whose page has left.  Others may take the page meanwhile. */
static void free_in_a_hole(struct kunit *test, struct thin_test *t, enum hak_how how,
			   unsigned int off, enum hak_stat expected)
{
	struct hak_kind kind = { .c = t->c, .size = t->size };
	struct hak_counts bad;
	bool idle = false;
	unsigned int i;
	void *p;

	for (i = 0; i < t->n && !idle; i++) {
		p = t->gone[i];
		hak_counts_begin(&bad);
		preempt_disable();
		idle = lies_idle(p);
		if (idle)
			hak_kind_free(&kind, how, p + off);
		preempt_enable();
		if (!idle)
			continue;
		idle = lies_idle(p);
		if (idle)
			hak_kunit_bad_end(test, &bad, expected, 1, hak_how_name[how]);
		else
			KUNIT_EXPECT_EQ(test, hak_counted_bad(&bad), 1);
	}
	KUNIT_EXPECT_TRUE_MSG(test, idle, "all holes were taken");
}

/* All that lay in such a page was free: a second free is called one, though nobody is there. */
static void holes_free(struct kunit *test, bool small)
{
	static const enum hak_how hows[] = { HAK_BY_CACHE, HAK_BY_ANY, HAK_BY_CACHE_BULK,
					     HAK_BY_ANY_BULK };
	struct thin_test t;
	unsigned int k;

	if (small)
		hak_kunit_small_blocks(test);
	thin_begin(test, &t, 256, NULL);
	hak_cache_shrink(t.c);
	for (k = 0; hak_kunit_hardened() && k < ARRAY_SIZE(hows); k++) {
		free_in_a_hole(test, &t, hows[k], 0, HAK_STAT_bad_free_double);
		free_in_a_hole(test, &t, hows[k], 40, HAK_STAT_bad_free_interior);
	}
	KUNIT_EXPECT_EQ(test, hak_pool_verify(thin_pool(&t)), 0);
	KUNIT_EXPECT_EQ(test, hak_audit(-1), 0);
	thin_end(test, &t);
}

static void second_free_in_a_hole_is_one(struct kunit *test)
{
	holes_free(test, false);
}

static void second_free_where_a_small_block_was(struct kunit *test)
{
	holes_free(test, true);
}

#ifdef __KERNEL__
#define KMALLOC_SIZE 64

/*
 * Allocates of kmalloc() until something lies where a page of a thin slab was, or an eighth of
 * memory is taken.  The others come to @list, linked by their first words.
 */
static void *kmalloc_into_a_hole(void **list)
{
	unsigned long left = totalram_pages() / 8 * (PAGE_SIZE / KMALLOC_SIZE);
	struct hak_pool *pool;
	void **p;

	while (left--) {
		p = kmalloc(KMALLOC_SIZE, GFP_KERNEL);
		if (!p)
			return NULL;
		preempt_disable();
		hak_hole_slab(p, &pool);
		preempt_enable();
		if (pool)
			return p;
		*p = *list;
		*list = p;
		cond_resched();
	}
	return NULL;
}

static void kfree_list(void *list)
{
	void **p;

	while (list) {
		p = list;
		list = *p;
		kfree(p);
	}
}

/* What the kernel gave to somebody there is his, and no second free of ours. */
static void memory_of_the_kernel_in_a_hole_is_its_own(struct kunit *test)
{
	struct hak_counts bad;
	void *list = NULL, *p;
	struct thin_test t;

	thin_begin(test, &t, 256, NULL);
	/* Pages go to a list of this CPU, and come from there. */
	migrate_disable();
	hak_cache_shrink(t.c);
	p = kmalloc_into_a_hole(&list);
	migrate_enable();
	kfree_list(list);
	KUNIT_ASSERT_NOT_NULL_MSG(test, p, "nothing of the kernel's came to lie in a hole");
	hak_counts_begin(&bad);
	if (hak_kunit_hardened()) {
		hak_cache_free(t.c, p);
		hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_foreign, 1, "by name");
	}
	hak_counts_begin(&bad);
	hak_free(p);
	KUNIT_EXPECT_EQ(test, hak_counted(&bad, HAK_STAT_free_large), 1);
	hak_kunit_bad_end(test, &bad, HAK_NR_STATS, 0, "to kfree()");
	thin_end(test, &t);
}
#endif

/* The next shrink takes the pages of what was freed since. */
static void more_pages_leave_later(struct kunit *test)
{
	unsigned int i, second = 0;
	struct thin_test t;
	unsigned long at;
	u64 before;

	thin_fill(test, &t, 1024, NULL);
	/* Of each slab page the first objects of the first and of the third page stay. */
	for (i = 0; i < t.n; i++) {
		at = (unsigned long)t.p[i] % HAK_SPAGE_SIZE;
		if (at & PAGE_SIZE || at % PAGE_SIZE >= thin_pool(&t)->stride)
			give_up(&t, i);
	}
	hak_cache_shrink(t.c);
	hak_release_wait();
	before = hak_kunit_stat(HAK_STAT_pages_held);
	for (i = 0; i < t.n; i++) {
		if (!t.p[i] || (unsigned long)t.p[i] % HAK_SPAGE_SIZE >= PAGE_SIZE)
			continue;
		give_up(&t, i);
		second++;
	}
	hak_cache_shrink(t.c);
	/* In random order the last slab may have had no other: a thin one waits when it ends. */
	hak_release_wait();
	KUNIT_EXPECT_GE(test, second, KEEP / 2);
	KUNIT_EXPECT_LE(test, hak_kunit_stat(HAK_STAT_pages_held), before - second);
	thin_end(test, &t);
}

static struct hak_pool_node *of_pool(struct thin_test *t, const struct hak_slab *slab)
{
	return thin_pool(t)->node[slab_nid(slab)];
}

/* @slab, whose objects are all live, comes to the books of its pool (1) or leaves them (-1). */
static void slab_books(struct thin_test *t, struct hak_slab *slab, int sign)
{
	struct hak_pool_node *pn = of_pool(t, slab);
	unsigned long flags = hak_lock(&pn->lock);

	pn->nr_slabs += sign;
	pn->nr_objects += sign * slab->objects;
	pn->nr_free += sign * slab->free;
	if (sign > 0)
		list_add(&slab->list, &pn->full);
	else
		list_del(&slab->list);
	hak_unlock(&pn->lock, flags);
}

/* A small block of the same cache may come to lie in a hole: its objects go home to it. */
static void small_block_in_a_hole_is_told_apart(struct kunit *test)
{
	struct hak_small *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	struct hak_counts bad;
	struct thin_test t;
	void *p = NULL;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, b);
	thin_begin(test, &t, 256, NULL);
	hak_cache_shrink(t.c);
	for (i = 0; i < t.n && !p; i++)
		if (t.gone[i] && left(t.gone[i]) && !((unsigned long)t.gone[i] % PAGE_SIZE))
			p = t.gone[i];
	KUNIT_ASSERT_NOT_NULL(test, p);
	b->base = p;
	b->slab.mem = p;
	b->slab.pool = thin_pool(&t);
	b->slab.bits = b->slab.inline_bits;
	b->slab.objects = 2;
	slab_books(&t, &b->slab, 1);
	KUNIT_ASSERT_TRUE(test, hak_dir_set_small(b, GFP_KERNEL));
	hak_counts_begin(&bad);
	hak_pool_return(thin_pool(&t), 1, (void *[]){ p });
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_double, 0, "an object of a small block");
	KUNIT_EXPECT_EQ(test, b->slab.free, 1);
	hak_pool_return(thin_pool(&t), 1, (void *[]){ p });
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_double, 1, "the same once more");
	KUNIT_EXPECT_EQ(test, b->slab.free, 1);
	slab_books(&t, &b->slab, -1);
	hak_dir_clear_small(b);
	hak_release_wait();
	thin_end(test, &t);
}

/* Where no SuperSlab is to be had, pages leave small blocks, and these end as a whole. */
static void small_blocks_lose_pages_too(struct kunit *test)
{
	unsigned int i, holes = 0;
	struct thin_test t;
	u64 before;

	hak_kunit_small_blocks(test);
	thin_begin(test, &t, 256, NULL);
	KUNIT_ASSERT_EQ(test, hak_slab_of(t.p[HAK_SPAGE_SIZE / 256 / 3])->spages, 0);
	hak_drain_core(cache_core(t.c));
	hak_pool_trim_all(thin_pool(&t));
	before = hak_kunit_stat(HAK_STAT_pages_held);
	hak_cache_shrink(t.c);
	/* Of eight pages two hold an object, and one more the descriptor. */
	KUNIT_EXPECT_LE(test, hak_kunit_stat(HAK_STAT_pages_held), before / 2 + 8);
	for (i = 0; i < t.n; i++) {
		if (!t.gone[i] || !left(t.gone[i]))
			continue;
		KUNIT_EXPECT_NULL(test, hak_slab_of(t.gone[i]));
		holes++;
	}
	KUNIT_EXPECT_GE(test, holes, t.n / 2);
	KUNIT_EXPECT_EQ(test, hak_pool_verify(thin_pool(&t)), 0);
	KUNIT_EXPECT_EQ(test, hak_audit(-1), 0);
	for (i = 0; i < t.n; i++)
		if (!t.p[i])
			fill(test, &t, i);
	thin_end(test, &t);
}

static void rest(const struct thin_test *t, unsigned int looks)
{
	while (looks--)
		if (hak_pool_rest(thin_pool(t))) {
			synchronize_rcu_expedited();
			hak_thin_end(thin_pool(t));
		}
}

/* A cache that nobody uses keeps of its one slab what its live objects need; a second one stays. */
static void one_slab_of_an_idle_cache_loses_pages(struct kunit *test)
{
	struct thin_test t = { .size = 64, .n = 2 };
	unsigned int had;
	void *p[2];

	t.p = p;
	t.c = hak_kunit_cache(test, "kunit-rest", t.size, NULL, 0);
	fill(test, &t, 0);
	p[1] = NULL;
	hak_drain_core(cache_core(t.c));
	had = hak_kunit_stat(HAK_STAT_pages_held);
	rest(&t, HAK_REST_LOOKS - 1);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_pages_held), had);
	rest(&t, 1);
	KUNIT_EXPECT_LE(test, hak_kunit_stat(HAK_STAT_pages_held), had - HAK_SPAGE_PAGES / 2);
	KUNIT_EXPECT_EQ(test, hak_pool_verify(thin_pool(&t)), 0);
	live_are_as_they_were(test, &t);
	fill(test, &t, 1);
	hak_drain_core(cache_core(t.c));
	had = hak_kunit_stat(HAK_STAT_pages_held);
	rest(&t, 3 * HAK_REST_LOOKS);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_pages_held), had);
	KUNIT_EXPECT_EQ(test, hak_audit(-1), 0);
	thin_end(test, &t);
}

/* Each look finds that an object came or went. */
static void one_slab_of_a_cache_in_use_stays_whole(struct kunit *test)
{
	struct thin_test t = { .size = 64, .n = 2 * HAK_REST_LOOKS };
	void *p[2 * HAK_REST_LOOKS] = {};
	unsigned int had, i;

	t.p = p;
	t.c = hak_kunit_cache(test, "kunit-use", t.size, NULL, 0);
	fill(test, &t, 0);
	had = hak_kunit_stat(HAK_STAT_pages_held);
	for (i = 1; i < t.n; i++) {
		fill(test, &t, i);
		hak_drain_core(cache_core(t.c));
		rest(&t, 1);
	}
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_pages_held), had);
	thin_end(test, &t);
}

static struct kunit_case thin_cases[] = {
	KUNIT_CASE(pages_without_live_objects_leave),
	KUNIT_CASE(holes_are_handed_out_to_nobody),
	KUNIT_CASE(second_free_is_reported),
	KUNIT_CASE(second_free_in_a_hole_is_one),
	KUNIT_CASE(second_free_where_a_small_block_was),
#ifdef __KERNEL__
	KUNIT_CASE(memory_of_the_kernel_in_a_hole_is_its_own),
#endif
	KUNIT_CASE(more_pages_leave_later),
	KUNIT_CASE(small_block_in_a_hole_is_told_apart),
	KUNIT_CASE(small_blocks_lose_pages_too),
	KUNIT_CASE(one_slab_of_an_idle_cache_loses_pages),
	KUNIT_CASE(one_slab_of_a_cache_in_use_stays_whole),
	{}
};

struct kunit_suite hak_thin_suite = {
	.name = "hakmem_thin",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = thin_cases,
};
