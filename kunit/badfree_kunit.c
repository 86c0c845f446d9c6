// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_badfree: each kind of bad free, through each call, at several sizes.
 *
 * Each is valid in all but one thing and is counted once under its own name.  It puts nothing
 * back: of hundreds of objects allocated afterwards none is a bad pointer or one that is live.
 * The bulk calls get it among good ones.
 */
#include "kunit/hak_kunit.h"

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
	SIZES(HAK_BY_CACHE, true), SIZES(HAK_BY_ANY, false), SIZES(HAK_BY_SIZE, false),
	SIZES(HAK_BY_ANY, true), SIZES(HAK_BY_CACHE_BULK, true), SIZES(HAK_BY_ANY_BULK, false),
	SIZES(HAK_BY_ANY_BULK, true), SIZES(HAK_BY_CACHE, true, true),
	SIZES(HAK_BY_ANY, true, true), SIZES(HAK_BY_CACHE_BULK, true, true),
	{ 64, HAK_BY_ANY_BULK, true, true }, SIZES(HAK_BY_CACHE, true, false, true),
	SIZES(HAK_BY_ANY, false, false, true), SIZES(HAK_BY_SIZE, false, false, true),
	SIZES(HAK_BY_CACHE, true, true, true),
};

static void variant_desc(const struct variant *v, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %u bytes%s%s%s", hak_how_name[v->how],
		 v->size, v->typed ? ", typed" : "", v->ctor ? ", ctor" : "",
		 v->small ? ", small blocks" : "");
}

KUNIT_ARRAY_PARAM(variant, variants, variant_desc);

#define KEEP 40		/* objects that are live meanwhile */
#define AFTER 400	/* objects allocated afterwards */
#define CONTENT 0xc3

struct bad_test {
	const struct variant *v;
	struct hak_kind kind;
	struct hak_cache *c;		/* what serves the objects */
	void *keep[KEEP];
	struct hak_counts bad;
};

static void *get(struct kunit *test, struct bad_test *t)
{
	void *p = hak_kind_alloc(&t->kind, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, CONTENT, t->v->size);
	return p;
}

static bool intact(const struct bad_test *t, const void *p)
{
	return !memchr_inv(p, CONTENT, t->v->size);
}

static void begin(struct kunit *test, struct bad_test *t)
{
	struct hak_cache_args args = { };
	unsigned int i;

	t->v = test->param_value;
	t->kind = (struct hak_kind){ .size = t->v->size };
	args.ctor = t->v->ctor ? hak_empty_ctor : NULL;
	if (t->v->small)
		hak_kunit_small_blocks(test);
	if (t->v->typed)
		t->kind.c = hak_kunit_cache(test, "kunit-bad", t->v->size, &args, 0);
	t->c = hak_kind_cache(&t->kind);
	/* Then those that are kept lie together in slabs of their own. */
	hak_shrink_all();
	for (i = 0; i < KEEP; i++)
		t->keep[i] = get(test, t);
}

static void put(struct bad_test *t, void *p)
{
	hak_kind_free(&t->kind, t->v->how, p);
}

/* Free @p badly: by itself, or among good ones of a bulk call. */
static void put_badly(struct kunit *test, struct bad_test *t, const void *p)
{
	void *array[17];
	unsigned int i;

	hak_counts_begin(&t->bad);
	if (t->v->how != HAK_BY_CACHE_BULK && t->v->how != HAK_BY_ANY_BULK)
		return put(t, (void *)p);
	for (i = 0; i < ARRAY_SIZE(array); i++)
		array[i] = i == 9 ? (void *)p : get(test, t);
	hak_kind_free_bulk(&t->kind, t->v->how, ARRAY_SIZE(array), array);
}

/* What is handed out from now on is none of the @n bad ones, and nothing twice. */
static void nothing_was_put_back(struct kunit *test, struct bad_test *t,
				 const struct hak_pointer *bad, unsigned int n)
{
	void **p = kunit_kcalloc(test, AFTER + KEEP, sizeof(*p), GFP_KERNEL);
	unsigned int i, k;

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, hak_audit(KEEP), 0);
	for (i = 0; i < AFTER; i++)
		p[i] = get(test, t);
	for (i = 0; i < KEEP; i++)
		KUNIT_EXPECT_TRUE_MSG(test, intact(t, t->keep[i]), "a live object was written");
	memcpy(p + AFTER, t->keep, sizeof(t->keep));
	for (k = 0; k < n; k++)
		for (i = 0; i < AFTER; i++)
			KUNIT_EXPECT_PTR_NE_MSG(test, p[i], bad[k].p, "%s was handed out",
						bad[k].name);
	KUNIT_EXPECT_TRUE(test, hak_distinct(p, AFTER + KEEP));
	hak_counts_begin(&t->bad);
	for (i = 0; i < AFTER + KEEP; i++)
		hak_free(p[i]);
	hak_kunit_settle();
	hak_kunit_bad_end(test, &t->bad, HAK_NR_STATS, 0, "the good frees");
}

static void free_misaligned_is_found_at_once(struct kunit *test)
{
	struct hak_pointer fp[40];
	unsigned int off, n = 0;
	struct bad_test t;

	begin(test, &t);
	for (off = 1; off < t.v->size; off += off < 8 ? 1 : off < 17 ? 9 : 46) {
		if (!(off & 7))
			continue;
		fp[n] = (struct hak_pointer){ "misaligned", t.keep[5] + off };
		put_badly(test, &t, fp[n++].p);
		hak_kunit_settle();
		hak_kunit_bad_end(test, &t.bad, HAK_STAT_bad_free_interior, 1, "misaligned");
		KUNIT_EXPECT_TRUE_MSG(test, intact(&t, t.keep[5]), "something was written");
	}
	nothing_was_put_back(test, &t, fp, n);
}

/*
 * Found at the latest when the magazine it went into is flushed.  With hardened=1 an aligned one
 * gets that far, and the object it points into gets the mark.
 */
static void free_interior_is_found_at_flush(struct kunit *test)
{
	static const u16 offsets[] = { 5, 8, 16, 32, 56, 512 };
	struct hak_pointer fp[ARRAY_SIZE(offsets)];
	unsigned int i, n = 0;
	struct bad_test t;
	void *victim;

	begin(test, &t);
	victim = t.keep[KEEP - 1];
	for (i = 0; i < ARRAY_SIZE(offsets) && offsets[i] < t.v->size; i++) {
		fp[n++] = (struct hak_pointer){ "interior", victim + offsets[i] };
		put_badly(test, &t, fp[i].p);
		hak_shrink_all();
		hak_kunit_bad_end(test, &t.bad, HAK_STAT_bad_free_interior, 1, "interior");
		if (hak_config_get()->hardened != 1)
			KUNIT_EXPECT_TRUE_MSG(test, intact(&t, victim), "it was written to");
		memset(victim, CONTENT, t.v->size);
	}
	nothing_was_put_back(test, &t, fp, n);
}

static void free_twice_in_a_row_is_found(struct kunit *test)
{
	struct bad_test t;
	void *a;

	begin(test, &t);
	a = get(test, &t);
	put(&t, a);
	put_badly(test, &t, a);
	hak_kunit_settle();
	hak_kunit_bad_end(test, &t.bad, HAK_STAT_bad_free_double, 1, "a, a");
	nothing_was_put_back(test, &t, NULL, 0);
}

static void free_twice_with_another_between_is_found(struct kunit *test)
{
	struct bad_test t;
	void *a, *b;

	begin(test, &t);
	a = get(test, &t);
	b = get(test, &t);
	put(&t, a);
	put(&t, b);
	put_badly(test, &t, a);
	hak_kunit_settle();
	hak_kunit_bad_end(test, &t.bad, HAK_STAT_bad_free_double, 1, "a, b, a");
	nothing_was_put_back(test, &t, NULL, 0);
}

/* Two objects of one page, so that one keeps it while the other goes back to its slab. */
static void two_of_a_page(struct kunit *test, struct bad_test *t, void **a, void **b)
{
	void *p[64];
	int i, j = 0;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = get(test, t);
	for (i = 1; i < ARRAY_SIZE(p) && !j; i++)
		for (j = i - 1; j && ((unsigned long)p[i] ^ (unsigned long)p[j]) >= PAGE_SIZE; j--)
			;
	swap(p[0], p[j]);
	swap(p[1], p[i - 1]);
	KUNIT_ASSERT_LT(test, (unsigned long)p[0] ^ (unsigned long)p[1], PAGE_SIZE);
	*a = p[0];
	*b = p[1];
	for (i = 2; i < ARRAY_SIZE(p); i++)
		hak_free(p[i]);
}

static void free_again_after_flush_is_found(struct kunit *test)
{
	struct bad_test t;
	void *a, *b;

	begin(test, &t);
	two_of_a_page(test, &t, &a, &b);
	put(&t, a);
	hak_cache_shrink(t.c);
	KUNIT_EXPECT_PTR_EQ_MSG(test, hak_slab_of(a), hak_slab_of(b), "b keeps the slab");
	KUNIT_EXPECT_TRUE(test, hak_pool_object_free(hak_slab_of(a)->pool, a));
	put_badly(test, &t, a);
	hak_kunit_settle();
	hak_kunit_bad_end(test, &t.bad, HAK_STAT_bad_free_double, 1, "a, flush, a");
	KUNIT_EXPECT_EQ(test, hak_audit(KEEP + 1), 0);
	put(&t, b);
	nothing_was_put_back(test, &t, NULL, 0);
}

static void free_foreign_pointer_is_counted(struct kunit *test)
{
	const struct hak_pointer *fp;
	struct bad_test t;
	unsigned int n, i;

	begin(test, &t);
	fp = hak_kunit_foreign(test, t.keep[0], &n);
	for (i = 0; i < n; i++) {
		put_badly(test, &t, fp[i].p);
		hak_kunit_settle();
		hak_kunit_bad_end(test, &t.bad, HAK_STAT_bad_free_foreign, 1, fp[i].name);
	}
	nothing_was_put_back(test, &t, fp, n);
}

static void free_bulk_with_bad_ones_frees_the_good(struct kunit *test)
{
	struct bad_test t;
	unsigned int i;
	void *p[100];

	begin(test, &t);
	for (i = 0; i < 100; i++)
		p[i] = get(test, &t);
	hak_free(p[0]);
	p[0] = p[50];		/* double, and the first is good */
	hak_free(p[70]);
	p[70] = t.keep[0] + 1;	/* interior */
	hak_free(p[99]);
	p[99] = p;		/* foreign */
	hak_counts_begin(&t.bad);
	hak_kind_free_bulk(&t.kind, t.v->typed && t.v->how != HAK_BY_ANY ? HAK_BY_CACHE_BULK
			   : HAK_BY_ANY_BULK, 100, p);
	hak_kunit_settle();
	for (i = HAK_STAT_bad_free_foreign; i <= HAK_STAT_bad_free_interior; i++)
		KUNIT_EXPECT_EQ_MSG(test, hak_kunit_stat(i) - t.bad.v[i],
				    i == HAK_STAT_bad_free_cache ? 0 : 1, "%s",
				    hak_stat_name[i]);
	nothing_was_put_back(test, &t, NULL, 0);
}

/* Where each free is looked up exactly it is also found that nobody was ever given the object. */
static void free_of_what_was_never_handed_out_is_found(struct kunit *test)
{
	struct hak_counts bad;
	struct hak_slab *slab;
	void *p;

	hak_kunit_small_blocks(test);
	p = hak_alloc(64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	slab = hak_slab_of(p);
	KUNIT_ASSERT_GT(test, slab->free, 0);
	hak_counts_begin(&bad);
	/* Any of them may be in a magazine, but those whose bit is set. */
	hak_free(slab_object(slab, find_next_bit(slab->bits, slab->objects, 0)));
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
