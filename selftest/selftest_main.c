// SPDX-License-Identifier: GPL-2.0
/*
 * The module: loading it runs the tests, and succeeds only if all of them pass.
 *
 *   insmod hakmem_selftest.ko test=nmi,storm
 *
 * leak=, keep_cache= and rcu_late= instead leave something behind on purpose, for a test of what
 * hakmem makes of it.  hold= and pin= hold memory for as long as the module is there.  race= is
 * for a test of what the kernel makes of it.
 */
#include "selftest/selftest.h"

static char *test = "";
module_param(test, charp, 0444);
MODULE_PARM_DESC(test, "groups to run, separated by commas (default: all but pressure)");

static unsigned int leak;
module_param(leak, uint, 0444);
MODULE_PARM_DESC(leak, "allocate so many untyped objects and forget them; no test is run");

static bool keep_cache;
module_param(keep_cache, bool, 0444);
MODULE_PARM_DESC(keep_cache, "create a typed cache and never destroy it; no test is run");

static unsigned long kept;
module_param(kept, ulong, 0444);
MODULE_PARM_DESC(kept, "use the cache that keep_cache= left, and destroy it; no test is run");

static bool panic_cache;
module_param(panic_cache, bool, 0444);
MODULE_PARM_DESC(panic_cache, "ask for an impossible cache with SLAB_PANIC; no test is run");

static unsigned int rcu_late;
module_param(rcu_late, uint, 0444);
MODULE_PARM_DESC(rcu_late, "give hak_free_rcu() so many objects at unloading; no test is run");

static unsigned int hold;
module_param(hold, uint, 0444);
MODULE_PARM_DESC(hold, "allocate so many MiB of objects until unloading; no test is run");

static bool hold_freed;
module_param(hold_freed, bool, 0444);
MODULE_PARM_DESC(hold_freed, "free those of hold= at once, in a random order");

static unsigned int pin;
module_param(pin, uint, 0444);
MODULE_PARM_DESC(pin, "create so many caches with one object, which is free; no test is run");

static unsigned int race;
module_param(race, uint, 0444);
MODULE_PARM_DESC(race, "let two CPUs race for so many milliseconds; no test is run");

/* A group may have more than one table. */
static const struct {
	const char *name;
	const struct st_test *tests;
	void (*end)(void);
	bool asked;		/* runs only when test= names it */
} groups[] = {
	{ "context", st_matrix_tests },
#if ST_HAS_PROBES
	{ "nmi", st_nmi_tests },
	{ "nmi", st_matrix_nmi_tests },
	{ "nmi", st_nmi_bad_tests },
	{ "nmi", st_nmi_real_tests },
	{ "reentry", st_reentry_tests, st_reentry_end },
	{ "offset", st_offset_tests },
#endif
	{ "storm", st_storm_tests },
	{ "nodes", st_nodes_tests },
	{ "pressure", st_pressure_tests, .asked = true },
};

static unsigned int passed, failed;

/* Is @name one of the words of test=? */
static bool wanted(const char *name)
{
	const char *s = test;
	size_t n = strlen(name);

	if (!*s)
		return true;
	for (; s; s = strchr(s, ',')) {
		s += *s == ',';
		if (!strncmp(s, name, n) && (!s[n] || s[n] == ','))
			return true;
	}
	return false;
}

/* False: what it left behind would fail every test after it. */
static bool run_test(const char *group, const struct st_test *test)
{
	struct st t = { .group = group, .name = test->name, .arg = test->arg };
	bool clean = !hak_audit(0);

	if (st_expect(&t, clean, "not clean before the test")) {
		test->fn(&t);
		clean = !hak_audit(0);
		st_expect(&t, clean, "the audit afterwards has findings");
	}
	if (t.failed) {
		failed++;
		pr_err("hakmem_selftest: not ok - %s: %s: %s\n", group, test->name, t.why);
	} else {
		passed++;
		pr_info("hakmem_selftest: ok - %s: %s\n", group, test->name);
	}
	cond_resched();
	return clean;
}

static bool run_group(const char *name, const struct st_test *test)
{
	for (; test->name; test++)
		if (!run_test(name, test))
			return false;
	return true;
}

static int __init st_init(void)
{
	bool clean = true;
	int i;

	if (leak)
		return st_leak(leak);
	if (keep_cache)
		return st_keep_cache();
	if (kept)
		return st_use_kept(kept);
	if (hold)
		return st_hold(hold, hold_freed);
	if (pin)
		return st_pin(pin);
	if (race)
		return st_race(race);
	if (panic_cache)
		hak_cache_create("selftest-panic", HAK_CACHE_MAX_SIZE + 1, NULL, SLAB_PANIC);
	if (rcu_late || panic_cache)
		return 0;
	for (i = 0; clean && i < ARRAY_SIZE(groups); i++) {
		if (wanted(groups[i].name) && (*test || !groups[i].asked))
			clean = run_group(groups[i].name, groups[i].tests);
		if (groups[i].end)
			groups[i].end();
	}
	if (!clean)
		pr_err("hakmem_selftest: the rest is not run: hakmem is not clean any more\n");
	pr_info("hakmem_selftest: %u passed, %u failed\n", passed, failed);
	return passed && !failed ? 0 : -EIO;
}

static void __exit st_exit(void)
{
	st_keep_end();
	st_hold_end();
	st_rcu_late(rcu_late);
}

module_init(st_init);
module_exit(st_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Self-test of hakmem: what its suites cannot do");
HAK_IMPORT;
