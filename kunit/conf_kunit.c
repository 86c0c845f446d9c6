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

/* Its own settings hold for it alone, whatever changes for all, until they are taken back. */
static void cache_has_settings_of_its_own(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-own", 64, NULL, 0);
	struct hak_cache *other = hak_kunit_cache(test, "kunit-other", 64, NULL, 0);
	struct hak_depot *d = &cache_core(c)->depot[hak_home_nid()];
	unsigned int was, full = d->max_full;

	conf_keep(test);
	migrate_disable();
	use_much(test, other);
	was = task_set(other)->slots;
	KUNIT_ASSERT_GT(test, was, 8);
	KUNIT_EXPECT_EQ(test, hak_conf_cache("kunit-own", "cache_bytes_max", "65536"), 0);
	KUNIT_EXPECT_LT(test, d->max_full, full);
	KUNIT_EXPECT_EQ(test, hak_conf_cache("kunit-own", "mag_size", "4"), 0);
	hak_reap_here(false);
	use_much(test, c);
	use_much(test, other);
	KUNIT_EXPECT_EQ(test, task_set(c)->slots, 4);
	KUNIT_EXPECT_LE(test, d->nr_full, d->max_full);
	KUNIT_EXPECT_EQ(test, task_set(other)->slots, was);
	hak_conf_change(8, hak_config_get()->cache_bytes_max);
	KUNIT_EXPECT_EQ(test, cache_core(c)->mag_max, 4);
	KUNIT_EXPECT_EQ(test, cache_core(other)->mag_max, 8);
	KUNIT_EXPECT_EQ(test, hak_conf_cache("kunit-own", "mag_size", "-"), 0);
	KUNIT_EXPECT_EQ(test, cache_core(c)->mag_max, 8);
	migrate_enable();
	KUNIT_EXPECT_EQ(test, hak_audit(0), 0);
}

/* The reaper passes by what is never to be looked at; who wants memory does not. */
static void cache_that_is_never_reaped_keeps_what_it_has(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-never", 64, NULL, 0);

	migrate_disable();
	use_much(test, c);
	KUNIT_EXPECT_EQ(test, hak_conf_cache("kunit-never", "reap_ms", "0"), 0);
	hak_reap_here(false);
	hak_reap_here(false);
	KUNIT_EXPECT_GT(test, task_set(c)->n, 0);
	hak_reap_here(true);
	KUNIT_EXPECT_EQ(test, task_set(c)->n, 0);
	migrate_enable();
}

static void setting_that_is_none_is_refused(struct kunit *test)
{
	static const char *const bad[][3] = {
		{ "kunit-nobody", "mag_size", "4" }, { "kunit-some", "mag_siz", "4" },
		{ "kunit-some", "mag_size", "0" }, { "kunit-some", "mag_size", "255" },
		{ "kunit-some", "mag_size", "" }, { "kunit-some", "mag_size", "4x" },
		{ "kunit-some", "cache_bytes_max", "1" },
		{ "kunit-some", "cache_bytes_max", "99999999999" },
		{ "kunit-some", "reap_ms", "3600001" }, { "kunit-some", "reap_ms", "-1" },
	};
	struct hak_cache *c = hak_kunit_cache(test, "kunit-some", 64, NULL, 0);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, hak_conf_cache(bad[i][0], bad[i][1], bad[i][2]),
				    i ? -EINVAL : -ENOENT, "%s %s %s", bad[i][0], bad[i][1],
				    bad[i][2]);
	KUNIT_EXPECT_EQ(test, cache_core(c)->own.mag_size, 0);
	KUNIT_EXPECT_EQ(test, cache_core(c)->own.cache_bytes_max, 0);
	KUNIT_EXPECT_EQ(test, cache_core(c)->own.reap_ms, 0);
}

static struct kunit_case conf_cases[] = {
	KUNIT_CASE(cache_has_settings_of_its_own),
	KUNIT_CASE(cache_that_is_never_reaped_keeps_what_it_has),
	KUNIT_CASE(setting_that_is_none_is_refused),
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
