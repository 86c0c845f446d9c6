// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the suites of kunit/ and unit/ in user space: unit [seed=N] [ops=N] [suite[.case]]...
 *
 * kunit/host/host_run.c prints a line for each case; last comes "N passed, N failed".
 * Cases that mean nothing here are named with their reason, and are not counted.
 */
#include <setjmp.h>

#include "kunit/hak_kunit.h"
#include "unit/unit.h"

unsigned long hak_kunit_seed;
unsigned int hak_kunit_ops = 200000;

static struct kunit_suite *suites[32];
static unsigned int nr_suites;
static char *const *filters;

#define MOVES "threads change CPUs, and the case wants all on one"

/* A suite, a case, or a case with one parameter; @moving: only where threads change CPUs. */
static const struct left_out {
	const char *name, *why;
	bool moving;
} left_out[] = {
	{ "hakmem_context", "there are no interrupt levels" },
	{ "hakmem_slab.hak_block_gfp_passes_little_on", "there are no gfp flags" },
	{ "hakmem_lifecycle.hak_cache_rcu_memory_stays_readable", "there are no grace periods" },
	{ "hakmem_reap.shrinker_runs_inside_reclaim", "there is no lockdep" },
	{ "hakmem_reap.kick_after_a_lost_one_is_heard", "no reaper runs by itself" },
	{ "hakmem_reap.kick_leaves_no_empty_superslab", "no reaper runs by itself" },
	{ "hakmem_reap.shrinker_leaves_destructors_to_the_worker",
	  "work is done by whoever queues it" },
	{ "hakmem_reap.destroy_while_reaped_loses_nothing",
	  "what another live thread's set holds is out of reach" },
	{ "hakmem_badfree.free_again_after_flush_is_found", MOVES, true },
	{ "hakmem_reap.shrinker_gives_pages_back", MOVES, true },
	{ "hakmem_fail.call_loses_nothing_when_an_allocation_fails: hak_free", MOVES, true },
	{ "hakmem_fail.call_loses_nothing_when_an_allocation_fails: hak_free_bulk", MOVES, true },
};

void kunit_add_suites(struct kunit_suite *const *suite, unsigned int n)
{
	while (n--)
		suites[nr_suites++] = *suite++;
}

void kunit_stop(struct kunit *test)
{
	longjmp(*(jmp_buf *)test->end, 1);
}

void kunit_call(struct kunit *test, void (*part)(struct kunit *test))
{
	jmp_buf end;

	test->end = &end;
	if (!setjmp(end))
		part(test);
}

static bool is_left_out(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(left_out); i++) {
		if ((left_out[i].moving && !SHIM_PREEMPT) || strcmp(left_out[i].name, name))
			continue;
		printf("# left out - %s: %s\n", name, left_out[i].why);
		return true;
	}
	return false;
}

bool kunit_wanted(const char *name)
{
	char *const *f = filters;

	while (*f && !kunit_matches(name, *f, strlen(*f)))
		f++;
	return (*f || !*filters) && !is_left_out(name);
}

int main(int argc, char **argv)
{
	const char *program = *argv++;
	unsigned int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	hak_kunit_seed = get_random_long() >> 16 | 1;
	for (; *argv; argv++)
		if (sscanf(*argv, "seed=%lu", &hak_kunit_seed) != 1 &&
		    sscanf(*argv, "ops=%u", &hak_kunit_ops) != 1)
			break;
	filters = argv;
	unit_watch_start();
	unit_migrate_start(hak_kunit_seed);
	/* What is left in parked slots can be had: cases are alone when they ask for it. */
	shim_quiesced = SHIM_PREEMPT;
	for (i = 0; i < nr_suites; i++)
		kunit_run_suite(suites[i]);
	if (!*filters)
		is_left_out("hakmem_context");
	unit_migrate_tell();
	if (kunit_not_passed)
		printf("# to repeat one: %s seed=%lu ops=%u SUITE.CASE\n", program, hak_kunit_seed,
		       hak_kunit_ops);
	printf("%u passed, %u failed\n", kunit_passed, kunit_not_passed);
	return kunit_not_passed || !kunit_passed;
}

kunit_test_suites(&hak_class_suite, &hak_magazine_suite, &hak_depot_suite, &hak_slab_suite,
		  &hak_directory_suite, &hak_mark_suite, &hak_order_suite, &hak_badfree_suite,
		  &hak_misuse_suite, &hak_cache_suite, &hak_mode_suite, &hak_percpu_suite,
		  &hak_leave_suite,
		  &hak_thin_suite, &hak_rest_suite, &hak_lifecycle_suite,
		  &hak_model_suite, &hak_smp_suite, &hak_audit_suite, &hak_reclaim_suite,
		  &hak_reap_suite, &hak_flow_suite, &hak_reserve_suite, &hak_conf_suite,
		  &hak_double_suite, &hak_links_suite, &hak_threads_suite);
