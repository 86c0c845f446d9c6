// SPDX-License-Identifier: GPL-2.0
/*
 * Runs suites without KUnit, in a stock kernel and in user space.
 *
 * One line a case, "ok - suite.case" or "not ok - suite.case", with the parameter of cases
 * that have one.  Whatever else is said begins with "# ".
 */
#include "kunit/hak_kunit.h"

struct kunit_action {
	struct kunit_action *next;
	void (*fn)(void *arg);
	void *arg;
};

unsigned int kunit_passed, kunit_not_passed;

int kunit_add_action_or_reset(struct kunit *test, void (*fn)(void *), void *arg)
{
	struct kunit_action *a = kunit_calloc(1, sizeof(*a));

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
	kunit_free(a);
}

void kunit_release_action(struct kunit *test, void (*fn)(void *), void *arg)
{
	struct kunit_action **link = &test->actions;

	while (*link && ((*link)->fn != fn || (*link)->arg != arg))
		link = &(*link)->next;
	if (*link)
		run_action(link);
}

static void free_it(void *p)
{
	kunit_free(p);
}

void *kunit_kcalloc(struct kunit *test, size_t n, size_t size, gfp_t gfp)
{
	void *p = kunit_calloc(n, size);

	return p && !kunit_add_action_or_reset(test, free_it, p) ? p : NULL;
}

void kunit_info(struct kunit *test, const char *fmt, ...)
{
	char text[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	text[strcspn(text, "\n")] = 0;
	kunit_say("# %s\n", text);
}

void kunit_failed(struct kunit *test, bool stop, const struct kunit_check *check,
		  const char *fmt, ...)
{
	char text[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	kunit_say("# %s:%d: expected %s, which is %lld and %lld%s\n", check->file, check->line,
		  check->what, check->left, check->right, text);
	test->failed = true;
	if (stop)
		kunit_stop(test);
}

static void first_part(struct kunit *test)
{
	if (test->suite->init && test->suite->init(test)) {
		test->failed = true;
		return;
	}
	test->checks = 0;
	test->run(test);
}

static void last_part(struct kunit *test)
{
	while (test->actions)
		run_action(&test->actions);
	if (test->suite->exit)
		test->suite->exit(test);
}

static void not_passed(const char *name, const char *why)
{
	kunit_not_passed++;
	kunit_say("not ok - %s%s\n", name, why);
}

static void run_case(const struct kunit_suite *suite, const struct kunit_case *c,
		     const void *param, const char *name)
{
	struct kunit test = { .param_value = param, .suite = suite, .run = c->run };
	unsigned long checks;

	kunit_call(&test, first_part);
	checks = test.checks;
	kunit_call(&test, last_part);
	if (test.failed) {
		not_passed(name, "");
	} else if (test.skipped) {
		kunit_say("# skipped - %s: %s\n", name, test.skipped);
	} else if (!checks) {
		not_passed(name, ": it checks nothing");
	} else {
		kunit_passed++;
		kunit_say("ok - %s\n", name);
	}
}

/* Once for each parameter; at least one there must be. */
static void run_params(const struct kunit_suite *suite, const struct kunit_case *c, char *name)
{
	char *desc = name + strlen(name);
	const void *param = c->params(NULL, desc + 2);

	if (!param)
		not_passed(name, ": it has no parameter");
	for (; param; param = c->params(param, desc + 2)) {
		memcpy(desc, ": ", 2);
		if (kunit_wanted(name))
			run_case(suite, c, param, name);
	}
}

void kunit_run_suite(const struct kunit_suite *suite)
{
	unsigned int before = kunit_passed + kunit_not_passed;
	const struct kunit_case *c;
	char name[128 + 2 + KUNIT_PARAM_DESC_SIZE];

	for (c = suite->test_cases; c->name; c++) {
		snprintf(name, 128, "%s.%s", suite->name, c->name);
		if (!kunit_wanted(name))
			continue;
		if (c->params)
			run_params(suite, c, name);
		else
			run_case(suite, c, NULL, name);
	}
	if (before == kunit_passed + kunit_not_passed && kunit_wanted(suite->name))
		not_passed(suite->name, ": no case was run");
}
