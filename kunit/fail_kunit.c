// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_fail: each allocation inside each public call fails once.
 *
 * The kernel's fail-nth makes the n-th allocation of this task fail.  A case runs its
 * call with n = 1, 2, ... until one run needs fewer than n, and after each run nothing
 * may be lost.  tests/guest/kunit.sh tells failslab and fail_page_alloc to let no
 * allocation off; a call into which nothing could be injected fails its case.
 */
#include "kunit/hak_kunit.h"

#define FAIL_MOST 400		/* far more than any call here allocates */
#define FAIL_OBJECTS 300

struct fail_test {
	void *p[FAIL_OBJECTS];
	unsigned int n;
	struct hak_cache *c;
};

/* One run of a call under injection; whether it did what it is for. */
typedef bool (*fail_fn)(struct fail_test *t);

static bool inject(fail_fn fn, struct fail_test *t, unsigned int nth, bool *injected)
{
	bool ok;

	current->fail_nth = nth;
	ok = fn(t);
	*injected = !current->fail_nth;
	current->fail_nth = 0;
	return ok;
}

/* @may_fail: whether the call may fail when an allocation does; alone it never may. */
static void fail_each(struct kunit *test, fail_fn prepare, fail_fn fn, fail_fn undo, bool may_fail)
{
	struct fail_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int nth, failed = 0;
	bool injected, ok;

	KUNIT_ASSERT_NOT_NULL(test, t);
	for (nth = 1; nth < FAIL_MOST; nth++) {
		hak_shrink_all();
		if (prepare)
			KUNIT_ASSERT_TRUE(test, prepare(t));
		ok = inject(fn, t, nth, &injected);
		if (!may_fail || !injected)
			KUNIT_EXPECT_TRUE_MSG(test, ok, "nth %u", nth);
		failed += !ok;
		undo(t);
		KUNIT_ASSERT_EQ_MSG(test, hak_audit(0), 0, "nth %u", nth);
		KUNIT_ASSERT_EQ_MSG(test, hak_shrink_all(), hak_config_get()->fixed_pages,
				    "nth %u", nth);
		if (!injected)
			break;
	}
	KUNIT_EXPECT_GT_MSG(test, nth, 1, "nothing could be injected");
	KUNIT_EXPECT_LT(test, nth, FAIL_MOST);
	kunit_info(test, "%u injections, %u of them failed the call\n", nth - 1, failed);
}

static void free_all(struct fail_test *t)
{
	while (t->n)
		hak_free(t->p[--t->n]);
	if (t->c)
		hak_cache_destroy(t->c);
	t->c = NULL;
}

static bool undo_all(struct fail_test *t)
{
	free_all(t);
	return true;
}

static bool alloc_class(struct fail_test *t)
{
	t->p[0] = hak_alloc(64, GFP_KERNEL);
	t->n = t->p[0] != NULL;
	return t->n;
}

static bool alloc_zeroed(struct fail_test *t)
{
	t->p[0] = hak_zalloc(1000, GFP_ATOMIC);
	t->n = t->p[0] != NULL;
	return t->n;
}

static bool alloc_many(struct fail_test *t)
{
	t->n = hak_alloc_bulk(1024, GFP_KERNEL, FAIL_OBJECTS, t->p);
	return t->n == FAIL_OBJECTS;
}

static bool alloc_large(struct fail_test *t)
{
	t->p[0] = hak_alloc(5000, GFP_KERNEL);
	t->n = t->p[0] != NULL;
	return t->n;
}

static bool free_many(struct fail_test *t)
{
	hak_free_bulk(t->n, t->p);
	t->n = 0;
	return true;
}

static bool free_singly(struct fail_test *t)
{
	while (t->n)
		hak_free(t->p[--t->n]);
	return true;
}

static bool create(struct fail_test *t)
{
	t->c = hak_cache_create("kunit-fail", 100, NULL, SLAB_TYPESAFE_BY_RCU);
	return t->c;
}

static bool create_and_fill(struct fail_test *t)
{
	return create(t) && hak_cache_alloc_bulk(t->c, GFP_KERNEL, FAIL_OBJECTS, t->p) &&
	       (hak_cache_free_bulk(t->c, FAIL_OBJECTS, t->p), true);
}

static bool alloc_from_cache(struct fail_test *t)
{
	t->n = hak_cache_alloc_bulk(t->c, GFP_KERNEL, FAIL_OBJECTS, t->p);
	return t->n == FAIL_OBJECTS;
}

static bool shrink_cache(struct fail_test *t)
{
	hak_cache_shrink(t->c);
	return true;
}

static bool destroy(struct fail_test *t)
{
	hak_cache_destroy(t->c);
	t->c = NULL;
	return true;
}

static bool scan(struct fail_test *t)
{
	hak_shrinker_scan(1024);
	return true;
}

static bool audit(struct fail_test *t)
{
	return hak_audit(0) == 0;
}

static void failing_hak_alloc(struct kunit *test)
{
	fail_each(test, NULL, alloc_class, undo_all, true);
}

static void failing_hak_zalloc(struct kunit *test)
{
	fail_each(test, NULL, alloc_zeroed, undo_all, true);
}

static void failing_hak_alloc_bulk(struct kunit *test)
{
	fail_each(test, NULL, alloc_many, undo_all, true);
}

static void failing_hak_alloc_large(struct kunit *test)
{
	fail_each(test, NULL, alloc_large, undo_all, true);
}

static void failing_small_blocks(struct kunit *test)
{
	hak_kunit_small_blocks(test);
	fail_each(test, NULL, alloc_many, undo_all, true);
}

/* A free may want a magazine, and that a slab; with no SuperSlab to take it from, a block. */
static void failing_hak_free(struct kunit *test)
{
	hak_kunit_small_blocks(test);
	fail_each(test, alloc_many, free_singly, undo_all, false);
}

static void failing_hak_free_bulk(struct kunit *test)
{
	hak_kunit_small_blocks(test);
	fail_each(test, alloc_many, free_many, undo_all, false);
}

static void failing_hak_cache_create(struct kunit *test)
{
	fail_each(test, NULL, create, undo_all, true);
}

static void failing_hak_cache_alloc(struct kunit *test)
{
	fail_each(test, create, alloc_from_cache, undo_all, true);
}

static void failing_hak_audit(struct kunit *test)
{
	fail_each(test, create_and_fill, audit, undo_all, true);
}

/* Calls that allocate nothing: once with everything failing is enough. */
static void calls_that_need_no_memory(struct kunit *test)
{
	struct fail_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	static const fail_fn fn[] = { shrink_cache, scan, destroy };
	bool injected;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_ASSERT_TRUE(test, create_and_fill(t));
	for (i = 0; i < ARRAY_SIZE(fn); i++) {
		KUNIT_EXPECT_TRUE(test, inject(fn[i], t, 1, &injected));
		KUNIT_EXPECT_FALSE_MSG(test, injected, "call %d allocates", i);
	}
}

static struct kunit_case fail_cases[] = {
	KUNIT_CASE(failing_hak_alloc),
	KUNIT_CASE(failing_hak_zalloc),
	KUNIT_CASE(failing_hak_alloc_bulk),
	KUNIT_CASE(failing_hak_alloc_large),
	KUNIT_CASE(failing_small_blocks),
	KUNIT_CASE(failing_hak_free),
	KUNIT_CASE(failing_hak_free_bulk),
	KUNIT_CASE(failing_hak_cache_create),
	KUNIT_CASE(failing_hak_cache_alloc),
	KUNIT_CASE(failing_hak_audit),
	KUNIT_CASE(calls_that_need_no_memory),
	{}
};

static struct kunit_suite hak_fail_suite = {
	.name = "hakmem_fail",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = fail_cases,
};
kunit_test_suites(&hak_fail_suite);
