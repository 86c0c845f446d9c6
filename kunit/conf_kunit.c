// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_conf: parameters that change while hakmem runs.  What CPUs share follows at once,
 * and what is in a CPU's sets at its next look.
 */
#include "kunit/hak_kunit.h"

#define OBJECTS 3000

static void conf_back(void *old)
{
	const struct hak_config *conf = old;

	hak_conf_change(conf->mag_size, conf->cache_bytes_max);
}

/* Whatever the case sets is as it was when it ends. */
static void conf_keep(struct kunit *test)
{
	struct hak_config *old = kunit_kzalloc(test, sizeof(*old), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, old);
	*old = *hak_config_get();
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, conf_back, old), 0);
}

/* Leaves magazine, spare and depot full. */
static void use_much(struct kunit *test, struct hak_cache *c)
{
	static void *p[OBJECTS];
	unsigned int i;

	for (i = 0; i < OBJECTS; i++) {
		p[i] = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	while (i--)
		hak_cache_free(c, p[i]);
}

static struct hak_set *task_set(struct hak_cache *c)
{
	return this_set(cache_core(c)->sets, HAK_TASK);
}

static void magazines_follow_at_the_next_look(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-conf", 64, NULL, 0);
	unsigned int was;

	conf_keep(test);
	migrate_disable();
	use_much(test, c);
	was = task_set(c)->slots;
	KUNIT_ASSERT_GT(test, was, 8);
	hak_conf_change(8, hak_config_get()->cache_bytes_max);
	KUNIT_EXPECT_EQ_MSG(test, task_set(c)->slots, was, "nobody has looked");
	hak_reap_here(false);
	use_much(test, c);
	KUNIT_EXPECT_EQ(test, task_set(c)->slots, 8);
	KUNIT_EXPECT_LE(test, task_set(c)->n, 8);
	KUNIT_EXPECT_EQ(test, hak_audit(0), 0);
	hak_conf_change(was, hak_config_get()->cache_bytes_max);
	hak_reap_here(false);
	use_much(test, c);
	KUNIT_EXPECT_EQ(test, task_set(c)->slots, was);
	migrate_enable();
}

static void new_cache_has_what_is_in_force(struct kunit *test)
{
	struct hak_cache *c;

	conf_keep(test);
	hak_conf_change(4, 1UL << 16);
	c = hak_kunit_cache(test, "kunit-conf-new", 64, NULL, 0);
	migrate_disable();
	use_much(test, c);
	KUNIT_EXPECT_EQ(test, task_set(c)->slots, 4);
	migrate_enable();
}

static void budget_follows(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-conf-bytes", 128, NULL, 0);
	struct hak_depot *d = &cache_core(c)->depot[hak_home_nid()];
	unsigned int was, full;

	conf_keep(test);
	use_much(test, c);
	was = d->max_full;
	full = d->nr_full;
	hak_conf_change(hak_config_get()->mag_size, 1UL << 16);
	KUNIT_EXPECT_LT(test, d->max_full, was);
	KUNIT_EXPECT_GT(test, full, d->max_full);
	KUNIT_EXPECT_EQ_MSG(test, d->nr_full, full, "nobody has looked");
	hak_depot_trim(d, &cache_core(c)->pool, false);
	KUNIT_EXPECT_LE(test, d->nr_full, d->max_full);
	use_much(test, c);
	KUNIT_EXPECT_LE(test, d->nr_full, d->max_full);
}

static struct kunit_case conf_cases[] = {
	KUNIT_CASE(magazines_follow_at_the_next_look),
	KUNIT_CASE(new_cache_has_what_is_in_force),
	KUNIT_CASE(budget_follows),
	{}
};

struct kunit_suite hak_conf_suite = {
	.name = "hakmem_conf",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = conf_cases,
};
