// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_atomic: who may block where nobody may is told so, as by the kernel's own
 * allocator, whether or not the call would have slept.  For kernels that look
 * (CONFIG_DEBUG_ATOMIC_SLEEP).
 */
#include "kunit/hak_kunit.h"
#include "kunit/hak_kunit_log.h"
#include "kunit/lib/hak_where.h"
#include <linux/delay.h>

struct atomic_test {
	struct hak_cache *c;
	gfp_t gfp;
	const struct atomic_call *call;
	enum hak_where where;
	bool right;		/* was it called there? */
};

struct atomic_call {
	const char *name;
	void (*fn)(struct atomic_test *t);
};

static void alloc(struct atomic_test *t)
{
	hak_free(hak_cache_alloc(t->c, t->gfp));
}

static void alloc_class(struct atomic_test *t)
{
	hak_free(hak_alloc(64, t->gfp));
}

static void alloc_node(struct atomic_test *t)
{
	hak_free(hak_cache_alloc_node(t->c, t->gfp | __GFP_THISNODE, first_memory_node));
}

static void alloc_bulk(struct atomic_test *t)
{
	void *p[2] = { };

	hak_free_bulk(hak_cache_alloc_bulk(t->c, t->gfp, 2, p), p);
}

static void reserve_get(struct atomic_test *t)
{
	hak_reserve_put(hak_reserve_get(t->c, t->gfp, 2));
}

static const struct atomic_call atomic_calls[] = {
	{ "hak_cache_alloc", alloc },
	{ "hak_alloc", alloc_class },
	{ "hak_cache_alloc_node", alloc_node },
	{ "hak_cache_alloc_bulk", alloc_bulk },
	{ "hak_reserve_get", reserve_get },
};

static void call_desc(const struct atomic_call *call, char *desc)
{
	strscpy(desc, call->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(call, atomic_calls, call_desc);

static void call_it(void *arg)
{
	struct atomic_test *t = arg;

	t->call->fn(t);
}

static void run_call(void *arg)
{
	struct atomic_test *t = arg;

	t->right = hak_run_in(t->where, call_it, t);
}

static unsigned int said_of(struct atomic_test *t, enum hak_where where, gfp_t gfp)
{
	t->gfp = gfp;
	t->where = where;
	return hak_kunit_said("sleeping function called from invalid context", run_call, t);
}

/* The complaints of lockdep, which would end its work, are left out: __GFP_NOLOCKDEP. */
static void blocking_call_where_nobody_may_sleep_is_told(struct kunit *test)
{
	static const enum hak_where where[] = {
		HAK_IN_PREEMPT_OFF, HAK_IN_IRQ_OFF, HAK_IN_HARDIRQ,
	};
	struct atomic_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->c = hak_kunit_cache(test, "kunit-atomic", 64, NULL, 0);
	t->call = test->param_value;
	for (i = 0; i < ARRAY_SIZE(where); i++) {
		const char *name = hak_where_name[where[i]];

		/* The kernel says it once a second; with a slow console a call lasts longer. */
		msleep(1100);
		KUNIT_EXPECT_EQ_MSG(test, said_of(t, where[i], GFP_ATOMIC), 0, "GFP_ATOMIC, %s",
				    name);
		KUNIT_EXPECT_TRUE_MSG(test, t->right, "not in %s", name);
		KUNIT_EXPECT_GE_MSG(test, said_of(t, where[i], GFP_KERNEL | __GFP_NOLOCKDEP), 1,
				    "GFP_KERNEL, %s", name);
		KUNIT_EXPECT_TRUE_MSG(test, t->right, "not in %s", name);
	}
}

static struct kunit_case atomic_cases[] = {
	KUNIT_CASE_PARAM_ATTR(blocking_call_where_nobody_may_sleep_is_told, call_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite hak_atomic_suite = {
	.name = "hakmem_atomic",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = atomic_cases,
};

kunit_test_suites(&hak_atomic_suite);
