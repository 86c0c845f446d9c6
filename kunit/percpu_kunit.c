// SPDX-License-Identifier: GPL-2.0
/* Suite hakmem_percpu: what a cache costs on each CPU, and that it comes back. */
#include "kunit/hak_kunit.h"

#define OBJECTS 1000

static u64 handle_bytes(unsigned int slots)
{
	size_t bytes = sizeof(struct hak_head) + offsetof(struct hak_set, slot) +
		       slots * sizeof(void *);

	/* Without slots nothing is counted there. */
	return (slots ? bytes : bytes - offsetof(struct hak_head, core)) * hak_nr_cpus();
}

/* What a cache made so must cost, its handle included if that is not what its sets are. */
static void expect_cost(struct kunit *test, unsigned int size, slab_flags_t flags)
{
	u64 before = hak_kunit_stat(HAK_STAT_percpu_bytes), want;
	long beyond = atomic_long_read(&hak_slots_beyond);
	struct hak_cache *c = hak_cache_create("kunit-cost", size, NULL, flags);
	struct hak_core *core;

	KUNIT_ASSERT_NOT_NULL(test, c);
	core = cache_core(c);
	want = handle_bytes(core->task_slots) + (core->mode.gated ? handle_bytes(0) : 0);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_percpu_bytes) - before, want);
	KUNIT_EXPECT_EQ(test, core->task_slots, core->mag_max);
	hak_cache_free(c, hak_cache_alloc(c, GFP_KERNEL));
	hak_cache_destroy(c);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_percpu_bytes), before);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&hak_slots_beyond), beyond);
}

static void cache_costs_what_stats_counts_until_it_goes(struct kunit *test)
{
	expect_cost(test, 8, 0);
	expect_cost(test, 64, 0);
	expect_cost(test, 1000, 0);
	expect_cost(test, 8192, 0);
	expect_cost(test, 64, SLAB_TYPESAFE_BY_RCU);
}

static void leaked_objects_keep_no_percpu_memory(struct kunit *test)
{
	u64 before = hak_kunit_stat(HAK_STAT_percpu_bytes);
	struct hak_cache *c = hak_cache_create("kunit-cost", 64, NULL, 0);
	void *p = hak_cache_alloc(c, GFP_KERNEL);

	hak_cache_destroy(c);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_percpu_bytes), before);
	hak_kunit_bury(test, &p, 1);
}

static void less_room_back(void *bytes)
{
	atomic_long_add(-(long)bytes, &hak_slots_beyond);
}

/* As if there were caches that have @bytes on each CPU, until the case ends. */
static void less_room(struct kunit *test, long bytes)
{
	atomic_long_add(bytes, &hak_slots_beyond);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, less_room_back, (void *)bytes), 0);
}

static struct hak_core *core_of(struct kunit *test, unsigned int size)
{
	return cache_core(hak_kunit_cache(test, "kunit-slots", size, NULL, 0));
}

static void many_caches_get_few_slots(struct kunit *test)
{
	struct hak_core *core = core_of(test, 64);
	unsigned int most = core->mag_max, least = min(most, HAK_MAG_FIRST);

	KUNIT_EXPECT_EQ_MSG(test, core->task_slots, most, "few caches");
	/* An eighth of what is left is for one: eight slots beyond the first. */
	less_room(test, hak_slots_room() - 8 * 8 * (long)sizeof(void *));
	KUNIT_EXPECT_EQ(test, core_of(test, 64)->task_slots, min(most, HAK_MAG_FIRST + 8));
	less_room(test, hak_slots_room());
	KUNIT_EXPECT_EQ_MSG(test, core_of(test, 64)->task_slots, least, "no room");
	less_room(test, 1 << 20);
	KUNIT_EXPECT_EQ_MSG(test, core_of(test, 64)->task_slots, least, "less than none");
	core = core_of(test, 8192);
	KUNIT_EXPECT_EQ_MSG(test, core->task_slots,
			    min_t(unsigned int, core->mag_max, HAK_MAG_FIRST), "what it may hold");
}

/* With few slots objects still travel by whole magazines. */
static void few_slots_fill_magazines(struct kunit *test)
{
	void **p = kunit_kcalloc(test, OBJECTS, sizeof(*p), GFP_KERNEL);
	struct hak_cache *c;
	struct hak_core *core;
	unsigned int i, round;
	struct hak_set *s;

	KUNIT_ASSERT_NOT_NULL(test, p);
	less_room(test, hak_slots_room());
	c = hak_kunit_cache(test, "kunit-few", 64, NULL, 0);
	core = cache_core(c);
	migrate_disable();
	for (round = 0; round < 2; round++) {
		for (i = 0; i < OBJECTS; i++)
			p[i] = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_EXPECT_EQ(test, hak_audit(OBJECTS), 0);
		for (i = 0; i < OBJECTS; i++)
			hak_cache_free(c, p[i]);
		KUNIT_EXPECT_EQ(test, hak_audit(0), 0);
	}
	s = this_set(core->sets, HAK_TASK);
	KUNIT_EXPECT_EQ(test, s->slots_max, min_t(unsigned int, core->mag_max, HAK_MAG_FIRST));
	KUNIT_ASSERT_NOT_NULL(test, s->spare);
	if (core->mag_max > HAK_MAG_FIRST && hak_peek(core->depot[hak_home_nid()].full))
		KUNIT_EXPECT_GT(test, hak_peek(core->depot[hak_home_nid()].full)->n,
				core->mag_max - HAK_MAG_FIRST);
	migrate_enable();
}

/* Slab pages of the slab of @p; 0: a small block, whose order is in *@order. */
static unsigned int slab_spages_of(const void *p, unsigned int *order)
{
	const struct hak_slab *slab;
	unsigned int n;

	preempt_disable();
	slab = hak_slab_of(p);
	n = slab->spages;
	*order = n ? 0 : container_of(slab, struct hak_small, slab)->order;
	preempt_enable();
	return n;
}

/* Take objects until one is of another slab than the first was; how many, or 0. */
static unsigned int take_beyond_first(struct hak_cache *c, void **p)
{
	unsigned int n, order;

	for (n = 0; n < OBJECTS; n++) {
		p[n] = hak_cache_alloc(c, GFP_KERNEL);
		if (slab_spages_of(p[n], &order))
			return n + 1;
	}
	return 0;
}

/* The first slab of a cache is a page, and it comes once. */
static void first_slab_is_a_page(struct kunit *test, struct hak_cache *c)
{
	u64 small = hak_kunit_stat(HAK_STAT_small_blocks_held);
	void **p = kunit_kcalloc(test, OBJECTS, sizeof(*p), GFP_KERNEL);
	unsigned int n, i, order = 9;
	bool full;

	KUNIT_ASSERT_NOT_NULL(test, p);
	migrate_disable();
	n = take_beyond_first(c, p);
	KUNIT_EXPECT_EQ_MSG(test, slab_spages_of(p[0], &order), 0, "of a small block");
	KUNIT_EXPECT_EQ_MSG(test, order, 0, "of one page");
	KUNIT_EXPECT_GE(test, n, 2);
	KUNIT_EXPECT_LE_MSG(test, n, HAK_BATCH + 1, "the next refill is of a SuperSlab");
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_small_blocks_held), small + 1);
	KUNIT_EXPECT_EQ(test, hak_audit(n), 0);
	for (i = 0; i < n; i++)
		hak_cache_free(c, p[i]);
	migrate_enable();
	hak_cache_shrink(c);
	hak_release_wait();
	KUNIT_EXPECT_EQ_MSG(test, hak_kunit_stat(HAK_STAT_small_blocks_held), small, "it went");
	p[0] = hak_cache_alloc(c, GFP_KERNEL);
	full = slab_spages_of(p[0], &order);
	hak_cache_free(c, p[0]);
	KUNIT_EXPECT_TRUE_MSG(test, full, "the second time it is a slab page");
}

static void one_of_many_caches_begins_with_a_page(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-first", 64, NULL, 0);

	KUNIT_EXPECT_FALSE(test, cache_core(c)->pool.thrifty);
	/* Elsewhere nothing but small blocks serves, or no cache does so. */
	if (!hak_config_get()->superslab || IS_ENABLED(CONFIG_PREEMPT_RT))
		return;
	cache_core(c)->pool.thrifty = true;
	/* No SuperSlab has room: the second refill makes one. */
	hak_shrink_all();
	first_slab_is_a_page(test, c);
}

static void fewer_caches(void *n)
{
	mutex_lock(&hak_caches_lock);
	hak_nr_typed -= (unsigned long)n;
	mutex_unlock(&hak_caches_lock);
}

/* As if there were @n more, until the case ends. */
static void more_caches(struct kunit *test, unsigned long n)
{
	mutex_lock(&hak_caches_lock);
	hak_nr_typed += n;
	mutex_unlock(&hak_caches_lock);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fewer_caches, (void *)n), 0);
}

static void many_caches_are_thrifty(struct kunit *test)
{
	bool thrifty = !IS_ENABLED(CONFIG_PREEMPT_RT);

	more_caches(test, 200);
	KUNIT_EXPECT_FALSE_MSG(test, core_of(test, 64)->pool.thrifty, "200 are not many");
	more_caches(test, 100);
	KUNIT_EXPECT_EQ_MSG(test, core_of(test, 64)->pool.thrifty, thrifty, "300 are");
	KUNIT_EXPECT_FALSE_MSG(test, core_of(test, 512)->pool.thrifty, "large objects");
}

static struct kunit_case percpu_cases[] = {
	KUNIT_CASE(cache_costs_what_stats_counts_until_it_goes),
	KUNIT_CASE(leaked_objects_keep_no_percpu_memory),
	KUNIT_CASE(many_caches_get_few_slots),
	KUNIT_CASE(few_slots_fill_magazines),
	KUNIT_CASE(one_of_many_caches_begins_with_a_page),
	KUNIT_CASE(many_caches_are_thrifty),
	{}
};

struct kunit_suite hak_percpu_suite = {
	.name = "hakmem_percpu",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = percpu_cases,
};
