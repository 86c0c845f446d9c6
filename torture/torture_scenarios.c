// SPDX-License-Identifier: GPL-2.0
/* All scenarios: which of them are wanted, which run in a round, and what they came to. */
#include "torture/torture.h"

static struct tt_scenario *const all[] = {
	&tt_mixed, &tt_typed, &tt_bulk, &tt_reserve, &tt_rings, &tt_rcu, &tt_typesafe, &tt_irq,
	&tt_drain, &tt_preempt, &tt_caches, &tt_shrink, &tt_thin, &tt_holes, &tt_pressure,
#ifdef CONFIG_HOTPLUG_CPU
	&tt_hotplug,
#endif
#ifdef CONFIG_MEMORY_HOTPLUG
	&tt_unplug,
#endif
	NULL
};

/* Does the list @names have the word @prefix@name? */
static bool listed(const char *names, const char *prefix, const char *name)
{
	size_t p = strlen(prefix), n = strlen(name);
	const char *s;

	for (s = names; s; s = strchr(s, ',')) {
		s += *s == ',';
		if (!strncmp(s, prefix, p) && !strncmp(s + p, name, n) &&
		    (!s[p + n] || s[p + n] == ','))
			return true;
	}
	return false;
}

static bool wanted(const struct tt_scenario *sc)
{
	return !listed(tt_scenarios, "-", sc->name) &&
	       (listed(tt_scenarios, "", "all") || listed(tt_scenarios, "", sc->name));
}

bool tt_scenarios_excuse_nodes(void)
{
	struct tt_scenario *const *sc;

	for (sc = all; *sc; sc++)
		if ((*sc)->any_node && wanted(*sc))
			return true;
	return false;
}

/* What threads share is there before any of them runs, whether its scenario is wanted or not. */
int tt_scenarios_init(void)
{
	struct tt_scenario *const *sc;
	int err = 0;

	for (sc = all; *sc && !err; sc++)
		if ((*sc)->init)
			err = (*sc)->init();
	for (sc = all; *sc && !err; sc++)
		if (wanted(*sc))
			err = tt_threads_create(*sc);
	if (err)
		return err;
	return tt_threads_start() ? 0 : -EINVAL;
}

void tt_scenarios_exit(void)
{
	struct tt_scenario *const *sc;

	for (sc = all; *sc; sc++)
		if ((*sc)->exit)
			(*sc)->exit();
}

void tt_scenarios_look(void)
{
	struct tt_scenario *const *sc;

	for (sc = all; *sc; sc++)
		if ((*sc)->look)
			(*sc)->look();
}

/* Those of all scenarios, or of one in so many: alone some see what is too rare among all. */
void tt_scenarios_unpark(void)
{
	struct tt_scenario *const *sc;
	static u64 rand;
	unsigned int one_in;

	if (!rand)
		rand = hak_random_begin(tt_seed, 0);
	one_in = 1 << hak_below(&rand, 4);
	for (sc = all; *sc; sc++)
		(*sc)->chosen = !hak_below(&rand, one_in);
	tt_threads_unpark(&rand);
}

#define OPERATIONS "%llu allocations, %llu frees, %llu refused"

u64 tt_scenarios_report(unsigned int *passed, unsigned int *failed)
{
	const struct tt_scenario *sc;
	u64 ops = 0;
	int i, bad;

	for (i = 0; all[i]; i++) {
		sc = all[i];
		if (!sc->created)
			continue;
		/* A scenario that did nothing has shown nothing. */
		bad = atomic_read(&sc->failed) + (tt_complete() && !sc->ops);
		*passed += !bad;
		*failed += !!bad;
		ops += sc->allocs + sc->frees;
		tt_report_line("%s - %s: %u threads, %llu steps, " OPERATIONS ", %d failed",
			       bad ? "not ok" : "ok", sc->name, sc->created, sc->ops, sc->allocs,
			       sc->frees, sc->refused, bad);
	}
	return ops;
}
