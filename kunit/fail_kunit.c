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

/* More injections than any call here has allocations; kmemleak adds one for each object. */
#define FAIL_MOST (HAK_WATCHED ? 800 : 400)
/* Of a reserve: their pointers take more than one page. */
#define FAIL_RESERVE (HAK_WATCHED ? 520 : 1500)
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

static void free_all(struct fail_test *t)
{
	while (t->n)
		hak_free(t->p[--t->n]);
	if (t->c)
		hak_cache_destroy(t->c);
	t->c = NULL;
}

static bool alloc_class(struct fail_test *t)
{
	t->p[0] = hak_alloc(64, GFP_KERNEL);
	t->n = !!t->p[0];
	return t->n;
}

static bool alloc_zeroed(struct fail_test *t)
{
	t->p[0] = hak_zalloc(1000, GFP_ATOMIC);
	t->n = !!t->p[0];
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
	t->n = !!t->p[0];
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

/* Put back where nobody may sleep, wherever the reserve's own memory comes from. */
static bool reserve(struct fail_test *t)
{
	struct hak_reserve *r = hak_reserve_get(t->c, GFP_KERNEL, FAIL_RESERVE);

	preempt_disable();
	hak_reserve_put(r);
	preempt_enable();
	return r;
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

/* A call, and what is there before it. */
struct fail_call {
	const char *name;
	fail_fn fn;
	fail_fn prepare;	/* without injection, or NULL */
	bool may_fail;		/* when an allocation does; alone it never may */
	bool small;		/* there are no SuperSlabs */
};

static const struct fail_call fail_calls[] = {
	{ "hak_alloc", alloc_class, .may_fail = true },
	{ "hak_zalloc", alloc_zeroed, .may_fail = true },
	{ "hak_alloc_bulk", alloc_many, .may_fail = true },
	{ "hak_alloc, large", alloc_large, .may_fail = true },
	{ "hak_alloc_bulk, small blocks", alloc_many, .may_fail = true, .small = true },
	/* A free may want a magazine, that a slab, and that a block where no SuperSlab is. */
	{ "hak_free", free_singly, alloc_many, .small = true },
	{ "hak_free_bulk", free_many, alloc_many, .small = true },
	{ "hak_cache_create", create, .may_fail = true },
	{ "hak_cache_alloc_bulk", alloc_from_cache, create, .may_fail = true },
	{ "hak_reserve_get", reserve, create, .may_fail = true },
	{ "hak_audit", audit, create_and_fill, .may_fail = true },
};

static void call_desc(const struct fail_call *call, char *desc)
{
	strscpy(desc, call->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(call, fail_calls, call_desc);

static void call_loses_nothing_when_an_allocation_fails(struct kunit *test)
{
	const struct fail_call *call = test->param_value;
	struct fail_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int nth, failed = 0;
	bool injected, ok;

	KUNIT_ASSERT_NOT_NULL(test, t);
	if (call->small)
		hak_kunit_small_blocks(test);
	for (nth = 1; nth < FAIL_MOST; nth++) {
		hak_shrink_all();
		if (call->prepare)
			KUNIT_ASSERT_TRUE(test, call->prepare(t));
		ok = inject(call->fn, t, nth, &injected);
		if (!call->may_fail || !injected)
			KUNIT_EXPECT_TRUE_MSG(test, ok, "nth %u", nth);
		failed += !ok;
		free_all(t);
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
	KUNIT_CASE_PARAM(call_loses_nothing_when_an_allocation_fails, call_gen_params),
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
