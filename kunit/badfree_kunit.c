// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_badfree: each kind of bad free, through each call, at several sizes.
 *
 * Each is valid in all but one thing and is counted once under its own name.  It leaves the
 * allocator able to hand out every object once.
 */
#include "kunit/hak_kunit.h"

enum how { TYPED, ANY, SIZED, TYPED_BULK, ANY_BULK };

static const char *const how_name[] = { "typed", "any", "sized", "typed bulk", "any bulk" };

/* One way to free objects of one kind. */
struct variant {
	u16 size;
	u8 how;
	bool typed;	/* objects of a typed cache, not of a class */
	bool ctor;
	bool small;	/* in small blocks */
};

#define SIZES(...) { 8, __VA_ARGS__ }, { 64, __VA_ARGS__ }, { 1024, __VA_ARGS__ }

static const struct variant variants[] = {
	SIZES(TYPED, true), SIZES(ANY, false), SIZES(SIZED, false), SIZES(ANY, true),
	SIZES(TYPED_BULK, true), SIZES(ANY_BULK, false), SIZES(ANY_BULK, true),
	SIZES(TYPED, true, true), SIZES(ANY, true, true), SIZES(TYPED_BULK, true, true),
	SIZES(TYPED, true, false, true), SIZES(ANY, false, false, true),
	SIZES(SIZED, false, false, true), SIZES(TYPED, true, true, true),
};

static void variant_desc(const struct variant *v, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s free, %u bytes%s%s%s", how_name[v->how],
		 v->size, v->typed ? ", typed" : "", v->ctor ? ", ctor" : "",
		 v->small ? ", small blocks" : "");
}

KUNIT_ARRAY_PARAM(variant, variants, variant_desc);

static void nothing_ctor(void *p)
{
}

struct bad_test {
	const struct variant *v;
	struct hak_cache *c;		/* what serves the objects */
	struct hak_kunit_bad bad;
};

static void begin(struct kunit *test, struct bad_test *t)
{
	struct hak_cache_args args = { };

	t->v = test->param_value;
	args.ctor = t->v->ctor ? nothing_ctor : NULL;
	if (t->v->small)
		hak_kunit_small_blocks(test);
	if (t->v->typed)
		t->c = hak_kunit_cache(test, "kunit-bad", t->v->size, &args, 0);
	else
		t->c = hak_class[hak_size_class(t->v->size)];
}

static void *get(struct kunit *test, struct bad_test *t)
{
	void *p = t->v->typed ? hak_cache_alloc(t->c, GFP_KERNEL)
			      : hak_alloc(t->v->size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0xc3, t->v->size);
	return p;
}

static void put(struct bad_test *t, const void *p)
{
	void *array[1] = { (void *)p };

	switch (t->v->how) {
	case TYPED:
		hak_cache_free(t->c, (void *)p);
		break;
	case ANY:
		hak_free(p);
		break;
	case SIZED:
		hak_free_sized(p, t->v->size);
		break;
	case TYPED_BULK:
		hak_cache_free_bulk(t->c, 1, array);
		break;
	case ANY_BULK:
		hak_free_bulk(1, array);
		break;
	}
}

/* No object may be handed out twice after what was done. */
static void all_distinct(struct kunit *test, struct bad_test *t)
{
	void *p[150];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = get(test, t);
	KUNIT_EXPECT_TRUE(test, hak_kunit_distinct(p, ARRAY_SIZE(p)));
	for (i = 0; i < ARRAY_SIZE(p); i++)
		hak_free(p[i]);
}

static void free_misaligned_is_found_at_once(struct kunit *test)
{
	struct bad_test t;
	unsigned int off;
	void *p;

	begin(test, &t);
	p = get(test, &t);
	for (off = 1; off < t.v->size; off += off < 8 ? 1 : 61) {
		if (!(off & 7))
			continue;
		hak_kunit_bad_begin(&t.bad);
		put(&t, p + off);
		hak_kunit_settle();
		hak_kunit_bad_end(test, &t.bad, HAK_STAT_bad_free_interior, 1, "misaligned");
		KUNIT_EXPECT_NULL_MSG(test, memchr_inv(p, 0xc3, t.v->size), "nothing was written");
	}
	KUNIT_EXPECT_EQ(test, hak_audit(1), 0);
	hak_kunit_bad_begin(&t.bad);
	put(&t, p);
	hak_kunit_bad_end(test, &t.bad, HAK_NR_STATS, 0, "the good free");
	all_distinct(test, &t);
}

/* Found at the latest when the magazine it went into is flushed. */
static void free_interior_is_found_at_flush(struct kunit *test)
{
	struct bad_test t;
	void *p, *q;

	begin(test, &t);
	p = get(test, &t);
	q = get(test, &t);
	hak_kunit_bad_begin(&t.bad);
	put(&t, p + t.v->size / 2 + (t.v->size == 8 ? 1 : 0));
	hak_shrink_all();
	hak_kunit_bad_end(test, &t.bad, HAK_STAT_bad_free_interior, 1, "interior");
	KUNIT_EXPECT_EQ(test, hak_audit(2), 0);
	hak_kunit_bad_begin(&t.bad);
	put(&t, p);
	put(&t, q);
	hak_kunit_bad_end(test, &t.bad, HAK_NR_STATS, 0, "the good frees");
	all_distinct(test, &t);
}

static void free_twice_in_a_row_is_found(struct kunit *test)
{
	struct bad_test t;
	void *a;

	begin(test, &t);
	a = get(test, &t);
	hak_kunit_bad_begin(&t.bad);
	put(&t, a);
	put(&t, a);
	hak_kunit_settle();
	hak_kunit_bad_end(test, &t.bad, HAK_STAT_bad_free_double, 1, "a, a");
	all_distinct(test, &t);
}

static void free_twice_with_another_between_is_found(struct kunit *test)
{
	struct bad_test t;
	void *a, *b;

	begin(test, &t);
	a = get(test, &t);
	b = get(test, &t);
	hak_kunit_bad_begin(&t.bad);
	put(&t, a);
	put(&t, b);
	put(&t, a);
	hak_kunit_settle();
	hak_kunit_bad_end(test, &t.bad, HAK_STAT_bad_free_double, 1, "a, b, a");
	all_distinct(test, &t);
}

/* Two objects of one slab, so that one keeps it while the other goes back to it. */
static void two_of_a_slab(struct kunit *test, struct bad_test *t, void **a, void **b)
{
	void *p[8];
	int i;

	for (i = 0; i < 8; i++)
		p[i] = get(test, t);
	for (i = 2; i < 8 && hak_slab_of(p[0]) != hak_slab_of(p[1]); i++)
		swap(p[1], p[i]);
	KUNIT_ASSERT_PTR_EQ(test, hak_slab_of(p[0]), hak_slab_of(p[1]));
	*a = p[0];
	*b = p[1];
	for (i = 2; i < 8; i++)
		hak_free(p[i]);
}

static void free_again_after_flush_is_found(struct kunit *test)
{
	struct bad_test t;
	void *a, *b;

	begin(test, &t);
	two_of_a_slab(test, &t, &a, &b);
	put(&t, a);
	hak_cache_shrink(t.c);
	KUNIT_EXPECT_PTR_EQ_MSG(test, hak_slab_of(a), hak_slab_of(b), "b keeps the slab");
	KUNIT_EXPECT_TRUE(test, hak_pool_object_free(hak_slab_of(a)->pool, a));
	hak_kunit_bad_begin(&t.bad);
	put(&t, a);
	hak_kunit_settle();
	hak_kunit_bad_end(test, &t.bad, HAK_STAT_bad_free_double, 1, "a, flush, a");
	KUNIT_EXPECT_EQ(test, hak_audit(1), 0);
	put(&t, b);
	all_distinct(test, &t);
}

static void free_foreign_pointer_is_counted(struct kunit *test)
{
	struct hak_kunit_pointer fp[HAK_KUNIT_FOREIGN_MAX];
	struct bad_test t;
	unsigned int n, i;
	void *keep;

	begin(test, &t);
	n = hak_kunit_foreign(test, fp);
	keep = get(test, &t);
	for (i = 0; i < n; i++) {
		hak_kunit_bad_begin(&t.bad);
		put(&t, fp[i].p);
		hak_kunit_settle();
		hak_kunit_bad_end(test, &t.bad, HAK_STAT_bad_free_foreign, 1, fp[i].name);
	}
	KUNIT_EXPECT_EQ(test, hak_audit(1), 0);
	put(&t, keep);
	all_distinct(test, &t);
}

static void free_bulk_with_bad_ones_frees_the_good(struct kunit *test)
{
	void *p[100], *keep;
	struct bad_test t;
	unsigned int i;

	begin(test, &t);
	keep = get(test, &t);
	for (i = 0; i < 100; i++)
		p[i] = get(test, &t);
	hak_free(p[0]);
	p[0] = p[50];		/* double, and the first is good */
	hak_free(p[70]);
	p[70] = keep + 1;	/* interior */
	hak_free(p[99]);
	p[99] = p;		/* foreign */
	hak_kunit_bad_begin(&t.bad);
	if (t.v->typed && t.v->how != ANY)
		hak_cache_free_bulk(t.c, 100, p);
	else
		hak_free_bulk(100, p);
	hak_kunit_settle();
	for (i = HAK_STAT_bad_free_foreign; i <= HAK_STAT_bad_free_interior; i++)
		KUNIT_EXPECT_EQ_MSG(test, hak_kunit_stat(i) - t.bad.v[i],
				    i == HAK_STAT_bad_free_cache ? 0 : 1, "%s",
				    hak_stat_name[i]);
	KUNIT_EXPECT_EQ(test, hak_audit(1), 0);
	put(&t, keep);
	all_distinct(test, &t);
}

/* Where each free is looked up exactly it is also found that nobody was ever given the object. */
static void free_of_what_was_never_handed_out_is_found(struct kunit *test)
{
	struct hak_kunit_bad bad;
	struct hak_slab *slab;
	void *p;

	hak_kunit_small_blocks(test);
	p = hak_alloc(64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	slab = hak_slab_of(p);
	KUNIT_ASSERT_GT(test, slab->free, 0);
	hak_kunit_bad_begin(&bad);
	hak_free(slab_object(slab, slab->objects - 1));
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_double, 1, "never handed out");
	KUNIT_EXPECT_EQ(test, hak_audit(1), 0);
	hak_free(p);
}

static struct kunit_case badfree_cases[] = {
	KUNIT_CASE_PARAM(free_misaligned_is_found_at_once, variant_gen_params),
	KUNIT_CASE_PARAM(free_interior_is_found_at_flush, variant_gen_params),
	KUNIT_CASE_PARAM(free_twice_in_a_row_is_found, variant_gen_params),
	KUNIT_CASE_PARAM(free_twice_with_another_between_is_found, variant_gen_params),
	KUNIT_CASE_PARAM(free_again_after_flush_is_found, variant_gen_params),
	KUNIT_CASE_PARAM(free_foreign_pointer_is_counted, variant_gen_params),
	KUNIT_CASE_PARAM(free_bulk_with_bad_ones_frees_the_good, variant_gen_params),
	KUNIT_CASE(free_of_what_was_never_handed_out_is_found),
	{}
};

struct kunit_suite hak_badfree_suite = {
	.name = "hakmem_badfree",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = badfree_cases,
};
