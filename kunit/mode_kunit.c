// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_mode: the table of modes against what each path relies on, for every combination
 * of what decides.  The rules are stated here a second time, one path at a time; the table
 * states them mode by mode.
 */
#include "kunit/hak_kunit.h"

/* Everything that decides, each a bit or two of a number that counts through all of it. */
struct mode_case {
	struct hak_core core;
	struct hak_config conf;
	bool one_page;
};

#define MODE_CASES (3U << 7)

static void mode_case_init(struct mode_case *k, unsigned int nr)
{
	memset(k, 0, sizeof(*k));
	k->core.pristine = nr & 1;
	k->core.hardened = nr & 2;
	k->conf.stats = nr & 4;
	k->conf.init_on_alloc = nr & 8;
	k->conf.init_on_free = nr & 16;
	k->conf.multi_node = nr & 32;
	k->one_page = nr & 64;
	k->conf.hardened = nr >> 7;
	k->core.pool.stride = 192;
	k->core.pool.slab_spages = k->one_page ? 1 : 2;
}

/* The inlined paths would do what they must not, or would hide what somebody wants to see. */
static bool must_be_gated(const struct mode_case *k)
{
	if (HAK_WATCHED || k->conf.stats || k->conf.init_on_free)
		return true;
	if (k->core.pristine && (k->conf.hardened || k->conf.init_on_alloc))
		return true;
	/* hardened=2 looks at each pointer; with 0 the inlined free checks nothing. */
	return k->core.hardened && k->conf.hardened != 1;
}

/* The inlined check says too little of a free of this cache. */
static bool must_be_looked_up(const struct mode_case *k)
{
	return HAK_WATCHED || (k->core.hardened && (k->core.pristine || k->conf.hardened != 1));
}

/* The mark of a live object proves it. */
static bool may_be_quick(const struct mode_case *k)
{
	return k->core.pristine && k->core.hardened && k->conf.hardened == 1 &&
	       !k->conf.multi_node && !k->conf.stats;
}

static void mode_follows_the_rules(struct kunit *test)
{
	struct mode_case now, *k = &now;
	const struct hak_mode *m;
	unsigned int nr;

	for (nr = 0; nr < MODE_CASES; nr++) {
		mode_case_init(k, nr);
		m = hak_mode_of(&k->core, &k->conf);
		KUNIT_ASSERT_NOT_NULL(test, m->name);
		KUNIT_EXPECT_EQ_MSG(test, m->gated, must_be_gated(k), "%u %s", nr, m->name);
		KUNIT_EXPECT_EQ_MSG(test, m->exact, must_be_looked_up(k), "%u %s", nr, m->name);
		KUNIT_EXPECT_EQ_MSG(test, m->frees_out, must_be_gated(k) || k->conf.multi_node,
				    "%u %s", nr, m->name);
		/* Who looks at a range of addresses only makes no look-up, and counts nothing. */
		KUNIT_EXPECT_EQ_MSG(test, m->near, m->frees_out && !m->gated, "%u %s", nr, m->name);
		/* Arithmetic stands in for a look-up, which has to be wanted first. */
		if (m->arithmetic)
			KUNIT_EXPECT_TRUE_MSG(test, m->exact && k->one_page && k->conf.hardened,
					      "%u %s", nr, m->name);
		/* A quick free looks at no node and at nothing that waits, and counts nothing. */
		if (m->quick)
			KUNIT_EXPECT_TRUE_MSG(test, may_be_quick(k), "%u %s", nr, m->name);
	}
}

/* The fast ways are taken where they may be. */
static void mode_is_the_fastest_that_may_be(struct kunit *test)
{
	struct mode_case now, *k = &now;
	unsigned int seen = 0, quick = 0, nr;
	const struct hak_mode *m;

	for (nr = 0; nr < MODE_CASES; nr++) {
		mode_case_init(k, nr);
		m = hak_mode_of(&k->core, &k->conf);
		if (!must_be_looked_up(k) || HAK_WATCHED)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, m->quick, may_be_quick(k), "%u", nr);
		quick += m->quick;
		if (m->quick || !k->one_page || !k->conf.hardened)
			continue;
		seen++;
		KUNIT_EXPECT_TRUE_MSG(test, m->arithmetic, "%u", nr);
	}
	/* hardened=1 and pristine, without multi_node and stats: init twice, pages. */
	KUNIT_EXPECT_EQ(test, quick, HAK_WATCHED ? 0U : 8U);
	/* The rest with one page, and of hardened=2 either. */
	KUNIT_EXPECT_EQ(test, seen, HAK_WATCHED ? 0U : 44U);
}

/* What is in force is what the table says. */
static void mode_of_a_cache(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-mode", 64, NULL, 0);
	const struct hak_core *core = cache_core(c);
	u8 cap;

	preempt_disable();
	cap = this_set(c, HAK_TASK)->cap;
	preempt_enable();
	KUNIT_EXPECT_PTR_EQ(test, core->mode.name, hak_mode_of(core, hak_config_get())->name);
	KUNIT_EXPECT_EQ(test, core->mode.gated, core->sets != core->handle);
	KUNIT_EXPECT_EQ(test, core->mode.frees_out, !cap);
}

static struct kunit_case mode_cases[] = {
	KUNIT_CASE(mode_follows_the_rules),
	KUNIT_CASE(mode_is_the_fastest_that_may_be),
	KUNIT_CASE(mode_of_a_cache),
	{}
};

struct kunit_suite hak_mode_suite = {
	.name = "hakmem_mode",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = mode_cases,
};
