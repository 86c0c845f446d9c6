// SPDX-License-Identifier: GPL-2.0
/*
 * The suites on a kernel without KUnit: loading hakmem_suites.ko runs them, and succeeds only
 * if all cases pass.  Each case is a thread, which an assertion that fails ends.
 *
 *   insmod hakmem_suites.ko test=hakmem_badfree,hakmem_cache.hak_cache_zalloc_is_zero
 */
#include "kunit/hak_kunit.h"
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/random.h>

static char *test = "";
module_param(test, charp, 0444);
MODULE_PARM_DESC(test, "suites or cases to run, separated by commas (default: all)");

bool kunit_wanted(const char *name)
{
	const char *s = test;
	size_t n;

	for (; *s; s += n + !!s[n]) {
		n = strcspn(s, ",");
		if (kunit_matches(name, s, n))
			return true;
	}
	return !*test;
}

struct part {
	struct kunit *test;
	void (*fn)(struct kunit *test);
	struct mm_struct *mm;
};

void kunit_stop(struct kunit *test)
{
	kthread_unuse_mm(current->mm);
	/* Always so.  But objtool wants to be told of functions of which it knows the contrary. */
	if (READ_ONCE(test->end))
		kthread_complete_and_exit(test->end, 0);
}

static int run_part(void *arg)
{
	struct part *part = arg;

	/* With the memory of whoever loads the module: some bad pointers lead there. */
	kthread_use_mm(part->mm);
	part->fn(part->test);
	kunit_stop(part->test);
	return 0;
}

void kunit_call(struct kunit *test, void (*fn)(struct kunit *test))
{
	struct part part = { test, fn, current->mm };
	DECLARE_COMPLETION_ONSTACK(end);

	test->end = &end;
	if (IS_ERR(kthread_run(run_part, &part, "hakmem-suites"))) {
		kunit_say("# no thread to be had\n");
		test->failed = true;
		return;
	}
	wait_for_completion(&end);
}

static int __init suites_init(void)
{
	unsigned int i;

	if (!hak_kunit_seed)
		hak_kunit_seed = get_random_long() >> 16 | 1;
	kunit_say("# seed=%lu ops=%u\n", hak_kunit_seed, hak_kunit_ops);
	for (i = 0; i < kunit_nr_suites; i++)
		kunit_run_suite(kunit_suites[i]);
	kunit_say("%u passed, %u failed\n", kunit_passed, kunit_not_passed);
	return kunit_passed && !kunit_not_passed ? 0 : -EIO;
}

static void __exit suites_exit(void)
{
}

module_init(suites_init);
module_exit(suites_exit);
