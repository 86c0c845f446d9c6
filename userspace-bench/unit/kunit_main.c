// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the suites of kunit/ and unit/ in user space: unit [seed=N] [ops=N] [suite[.case]]...
 *
 * One line a case, "ok - suite.case" or "not ok - suite.case", with the parameter of
 * cases that have one; last "N passed, N failed".  Cases that mean nothing here are
 * named with their reason, and are not counted.
 */
#include "kunit/hak_kunit.h"
#include "unit/unit.h"

struct kunit_action {
	struct kunit_action *next;
	void (*fn)(void *arg);
	void *arg;
};

unsigned long hak_kunit_seed;
unsigned int hak_kunit_ops = 200000;

static struct kunit_suite *suites[32];
static unsigned int nr_suites, passed, failed;
static char *const *filters;
static const char *program;

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

int kunit_add_action_or_reset(struct kunit *test, void (*fn)(void *), void *arg)
{
	struct kunit_action *a = malloc(sizeof(*a));

	if (!a) {
		fn(arg);
		return -ENOMEM;
	}
	*a = (struct kunit_action){ test->actions, fn, arg };
	test->actions = a;
	return 0;
}

static void run_action(struct kunit_action **link)
{
	struct kunit_action *a = *link;

	*link = a->next;
	a->fn(a->arg);
	free(a);
}

void kunit_release_action(struct kunit *test, void (*fn)(void *), void *arg)
{
	struct kunit_action **link = &test->actions;

	while (*link && ((*link)->fn != fn || (*link)->arg != arg))
		link = &(*link)->next;
	if (*link)
		run_action(link);
}

void *kunit_kcalloc(struct kunit *test, size_t n, size_t size, gfp_t gfp)
{
	void *p = calloc(n, size);

	return p && !kunit_add_action_or_reset(test, free, p) ? p : NULL;
}

void kunit_info(struct kunit *test, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("# ", stdout);
	vprintf(fmt, args);
	if (!strchr(fmt, '\n'))
		putchar('\n');
	va_end(args);
}

void kunit_failed(struct kunit *test, bool stop, const struct kunit_check *check,
		  const char *fmt, ...)
{
	va_list args;

	printf("# %s:%d: expected %s, which is %lld and %lld ", check->file, check->line,
	       check->what, check->left, check->right);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	test->failed = true;
	if (stop)
		longjmp(test->end, 1);
}

static void run_case(struct kunit_suite *suite, struct kunit_case *c, const void *param,
		     const char *name)
{
	struct kunit test = { .param_value = param };

	if (!setjmp(test.end) && !suite->init(&test))
		c->run(&test);
	if (!setjmp(test.end)) {
		while (test.actions)
			run_action(&test.actions);
		suite->exit(&test);
	}
	if (test.skipped && !test.failed) {
		printf("# skipped - %s: %s\n", name, test.skipped);
		return;
	}
	failed += test.failed;
	passed += !test.failed;
	printf("%s - %s\n", test.failed ? "not ok" : "ok", name);
	if (test.failed)
		printf("# to repeat: %s seed=%lu ops=%u %s.%s\n", program, hak_kunit_seed,
		       hak_kunit_ops, suite->name, c->name);
}

static bool wanted(const char *name)
{
	char *const *f;
	size_t n;

	for (f = filters; *f; f++) {
		n = strlen(*f);
		if (!strncmp(name, *f, n) && (!name[n] || name[n] == '.'))
			return true;
	}
	return !*filters;
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

static void run_suite(struct kunit_suite *suite)
{
	char name[256], *desc;
	const void *param;
	struct kunit_case *c;

	for (c = suite->test_cases; c->name; c++) {
		desc = name + snprintf(name, 128, "%s.%s", suite->name, c->name);
		if (!wanted(name) || is_left_out(name))
			continue;
		if (!c->params)
			run_case(suite, c, NULL, name);
		strcpy(desc, ": ");
		for (param = NULL; c->params && (param = c->params(param, desc + 2)); )
			if (!is_left_out(name))
				run_case(suite, c, param, name);
	}
}

int main(int argc, char **argv)
{
	unsigned int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	program = *argv++;
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
		run_suite(suites[i]);
	if (!*filters)
		is_left_out("hakmem_context");
	unit_migrate_tell();
	printf("%u passed, %u failed\n", passed, failed);
	return failed || !passed;
}

kunit_test_suites(&hak_class_suite, &hak_magazine_suite, &hak_depot_suite, &hak_slab_suite,
		  &hak_directory_suite, &hak_badfree_suite, &hak_misuse_suite,
		  &hak_cache_suite, &hak_mode_suite, &hak_lifecycle_suite, &hak_model_suite,
		  &hak_smp_suite,
		  &hak_audit_suite, &hak_reclaim_suite, &hak_reap_suite, &hak_flow_suite,
		  &hak_reserve_suite, &hak_threads_suite);
