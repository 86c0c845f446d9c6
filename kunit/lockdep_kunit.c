// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_lockdep: what cannot hang here and now, but may some day, is told at once.  For
 * kernels with lockdep (CONFIG_PROVE_LOCKING).
 *
 * It runs last of all: lockdep reports one thing, and then is silent until the next boot.
 */
#include "kunit/hak_kunit.h"
#include "kunit/hak_kunit_log.h"
#include <linux/debug_locks.h>

static DEFINE_MUTEX(of_client);

static void locking_dtor(void *unused)
{
	mutex_lock(&of_client);
	mutex_unlock(&of_client);
}

/* A client's lock that its destructor takes, and under which it waits for nothing as yet. */
static void wait_with_lock_of_dtor(void *unused)
{
	mutex_lock(&of_client);
	hak_rcu_barrier();
	mutex_unlock(&of_client);
}

static void lock_of_a_destructor_is_told(struct kunit *test)
{
	struct hak_cache_args args = { .dtor = locking_dtor };
	struct hak_cache *c = hak_kunit_cache(test, "kunit-lockdep", 64, &args, 0);
	void *p = hak_cache_alloc(c, GFP_KERNEL);

	KUNIT_ASSERT_TRUE_MSG(test, debug_locks, "lockdep has been silent for some time");
	KUNIT_ASSERT_NOT_NULL(test, p);
	hak_cache_free(c, p);
	hak_cache_shrink(c);
	KUNIT_ASSERT_TRUE_MSG(test, debug_locks, "the destructor alone is no finding");
	KUNIT_EXPECT_EQ(test, hak_kunit_said("possible circular locking dependency",
					     wait_with_lock_of_dtor, NULL), 1);
}

static struct kunit_case lockdep_cases[] = {
	KUNIT_CASE(lock_of_a_destructor_is_told),
	{}
};

static struct kunit_suite hak_lockdep_suite = {
	.name = "hakmem_lockdep",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = lockdep_cases,
};

kunit_test_suites(&hak_lockdep_suite);
