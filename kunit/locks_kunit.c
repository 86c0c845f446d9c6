// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_locks: a lock inside a lock, and a step of a pipeline without its protection, are
 * told at once.  For kernels with lockdep (CONFIG_PROVE_LOCKING).
 *
 * Each assertion speaks once, and these stand in this file: none of the core's is used up.
 */
#include "kunit/hak_kunit.h"
#include "kunit/hak_kunit_log.h"
#include "superslab/ss_lock.h"
#include "tiny/tiny_flush.h"

static DEFINE_RAW_SPINLOCK(outer);
static DEFINE_RAW_SPINLOCK(inner);

static void lock_one_after_the_other(void *unused)
{
	unsigned long flags = hak_lock(&outer);

	hak_unlock(&outer, flags);
	flags = hak_lock(&inner);
	hak_unlock(&inner, flags);
}

static void lock_one_inside_the_other(void *unused)
{
	unsigned long flags = hak_lock(&outer), nested = hak_lock(&inner);

	hak_unlock(&inner, nested);
	hak_unlock(&outer, flags);
}

static void lock_inside_a_lock_is_told(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, hak_kunit_said("WARNING", lock_one_after_the_other, NULL), 0);
	KUNIT_EXPECT_GE(test, hak_kunit_said("WARNING", lock_one_inside_the_other, NULL), 1);
}

struct push {
	struct hak_core *core;
	void *p;
	bool pushed;
};

/* An object that is ready to be put into a set. */
static void push_init(struct kunit *test, struct push *push, struct hak_cache *c)
{
	int nid = hak_home_nid();
	unsigned long flags;
	bool open;

	push->core = cache_core(c);
	push->p = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, push->p);
	if (push->core->hardened)
		object_set_mark(push->core, push->p, free_mark(push->p));
	/* A level has no set before its first use, and that is a magazine of those there are. */
	KUNIT_ASSERT_NE(test, hak_pool_grow(&hak_mag_pool, &nid, GFP_KERNEL), HAK_GROWN_NOT);
	flags = set_enter(HAK_HARDIRQ);
	open = set_open(push->core, HAK_HARDIRQ);
	set_leave(HAK_HARDIRQ, flags);
	KUNIT_ASSERT_TRUE(test, open);
}

static void push_protected(void *arg)
{
	struct push *push = arg;
	unsigned long flags = set_enter(HAK_HARDIRQ);

	push->pushed = flush_near(push->core, push->p, HAK_HARDIRQ);
	set_leave(HAK_HARDIRQ, flags);
}

/* That of the wrong level: an interrupt may come. */
static void push_unprotected(void *arg)
{
	struct push *push = arg;
	unsigned long flags = set_enter(HAK_TASK);

	push->pushed = flush_near(push->core, push->p, HAK_HARDIRQ);
	set_leave(HAK_TASK, flags);
}

static void set_without_its_protection_is_told(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-locks", 64, NULL, 0);
	struct push push;

	push_init(test, &push, c);
	KUNIT_EXPECT_EQ(test, hak_kunit_said("WARNING", push_protected, &push), 0);
	KUNIT_EXPECT_TRUE(test, push.pushed);
	push_init(test, &push, c);
	KUNIT_EXPECT_GE(test, hak_kunit_said("WARNING", push_unprotected, &push), 1);
	KUNIT_EXPECT_TRUE(test, push.pushed);
}

static struct kunit_case locks_cases[] = {
	KUNIT_CASE(lock_inside_a_lock_is_told),
	KUNIT_CASE(set_without_its_protection_is_told),
	{}
};

static struct kunit_suite hak_locks_suite = {
	.name = "hakmem_locks",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = locks_cases,
};

kunit_test_suites(&hak_locks_suite);
