// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_sample: sampled objects.  Each has a record while it is live and no longer,
 * whichever way it is freed.  To begin or to cease to sample loses nothing.
 */
#include "kunit/hak_kunit.h"
#include "kunit/hak_kunit_log.h"
#include "kunit/lib/hak_where.h"
#include "tiny/tiny_sample.h"
#include <linux/kthread.h>

#define OBJECTS 40
#define MANY 40000U
#define NAME "kunit-sample"

struct item {
	unsigned long word[6];
	struct rcu_head rcu;
};

static void item_ctor(void *p)
{
	((struct item *)p)->word[1] = 1;
}

static struct hak_cache_args ctor_args = { .ctor = item_ctor };

/* The kinds of cache that take different paths. */
static const struct kind {
	const char *name;
	unsigned int size;
	struct hak_cache_args *args;
	slab_flags_t flags;
} kinds[] = {
	{ "plain", sizeof(struct item) },
	{ "constructed", sizeof(struct item), &ctor_args },
	{ "RCU", sizeof(struct item), NULL, SLAB_TYPESAFE_BY_RCU },
	{ "large", 4000 },
};

static void sampling_ends(void *unused)
{
	hak_gate_off(NULL);
}

/* A cache, sampled until the case ends. */
static struct hak_cache *sampled_cache(struct kunit *test, const struct kind *k,
				       unsigned long every)
{
	struct hak_cache *c = hak_kunit_cache(test, NAME, k->size, k->args, k->flags);

	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, sampling_ends, NULL), 0);
	KUNIT_ASSERT_EQ(test, hak_gate_on(NAME, every), 0);
	return c;
}

/* What the records say. */
static struct hak_site_live live_of(struct hak_cache *c)
{
	struct hak_site_live *live = kvcalloc(HAK_SITES, sizeof(*live), GFP_KERNEL);
	struct hak_site_live sum = { };
	unsigned int i;

	if (!live)
		return sum;
	mutex_lock(&hak_caches_lock);
	hak_sampler_live(live, cache_core(c)->pool.serial);
	for (i = 0; i < HAK_SITES; i++) {
		sum.samples += live[i].samples;
		sum.bytes += live[i].bytes;
	}
	mutex_unlock(&hak_caches_lock);
	kvfree(live);
	return sum;
}

static unsigned long stale(void)
{
	return atomic_long_read(&hak_sampler->stale);
}

static unsigned long freed(struct hak_cache *c)
{
	return atomic_long_read(&cache_core(c)->flow->samples);
}

struct batch {
	struct hak_cache *c;
	void *p[OBJECTS];
	int way;
	unsigned int got;
};

/* The ways out and the ways back; some want a context that may sleep. */
enum { FREE_TYPED, FREE_ANY, BULK_TYPED, BULK_ANY, FREE_RCU, RESERVE, ON_NODE, ZEROED, WAYS };
#define WAYS_ATOMIC FREE_RCU

static void take_all(void *arg)
{
	struct batch *b = arg;
	unsigned int i;

	if (b->way == BULK_TYPED || b->way == BULK_ANY) {
		b->got = hak_cache_alloc_bulk(b->c, GFP_ATOMIC, OBJECTS, b->p);
		return;
	}
	for (i = 0, b->got = 0; i < OBJECTS; i++) {
		if (b->way == ON_NODE)
			b->p[i] = hak_cache_alloc_node(b->c, GFP_KERNEL | __GFP_THISNODE,
						       first_online_node);
		else if (b->way == ZEROED)
			b->p[i] = hak_cache_zalloc(b->c, GFP_ATOMIC);
		else
			b->p[i] = hak_cache_alloc(b->c, GFP_ATOMIC);
		b->got += !!b->p[i];
	}
}

static void give_all(void *arg)
{
	struct batch *b = arg;
	unsigned int i;

	if (b->way == BULK_TYPED)
		hak_cache_free_bulk(b->c, OBJECTS, b->p);
	if (b->way == BULK_ANY)
		hak_free_bulk(OBJECTS, b->p);
	if (b->way == BULK_TYPED || b->way == BULK_ANY)
		return;
	for (i = 0; i < OBJECTS; i++) {
		if (b->way == FREE_ANY)
			hak_free(b->p[i]);
		else if (b->way == FREE_RCU)
			hak_free_rcu((struct item *)b->p[i], rcu);
		else
			hak_cache_free(b->c, b->p[i]);
	}
}

static void give_reserve(struct hak_cache *c)
{
	struct hak_reserve *r = hak_reserve_get(c, GFP_KERNEL, OBJECTS);
	unsigned int i;

	for (i = 0; r && i < OBJECTS / 2; i++)
		hak_free(hak_reserve_alloc(r));
	hak_reserve_put(r);
}

/* OBJECTS went out one way and came back: so many frees were seen, and nothing is left. */
static void way_is_seen(struct kunit *test, struct batch *b, enum hak_where where,
			const char *kind)
{
	unsigned long was = freed(b->c);

	if (b->way == RESERVE) {
		give_reserve(b->c);
	} else {
		KUNIT_ASSERT_TRUE(test, hak_run_in(where, take_all, b));
		KUNIT_ASSERT_EQ_MSG(test, b->got, OBJECTS, "%s, way %d", kind, b->way);
		KUNIT_EXPECT_EQ_MSG(test, live_of(b->c).samples, OBJECTS, "%s, way %d in %s", kind,
				    b->way, hak_where_name[where]);
		KUNIT_EXPECT_TRUE(test, hak_run_in(where, give_all, b));
		hak_rcu_barrier();
	}
	KUNIT_EXPECT_EQ_MSG(test, live_of(b->c).samples, 0, "%s, way %d in %s", kind, b->way,
			    hak_where_name[where]);
	KUNIT_EXPECT_EQ_MSG(test, freed(b->c) - was, OBJECTS, "%s, way %d in %s", kind, b->way,
			    hak_where_name[where]);
	KUNIT_EXPECT_EQ(test, stale(), 0);
}

static void each_way_to_free_is_seen(struct kunit *test)
{
	struct batch *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, b);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		b->c = hak_cache_create(NAME, kinds[i].size, kinds[i].args, kinds[i].flags);
		KUNIT_ASSERT_NOT_NULL(test, b->c);
		KUNIT_EXPECT_EQ(test, hak_gate_on(NAME, 1), 0);
		for (b->way = 0; b->way < WAYS; b->way++)
			way_is_seen(test, b, HAK_IN_TASK, kinds[i].name);
		hak_gate_off(NULL);
		hak_cache_destroy(b->c);
	}
}

static void each_context_is_seen(struct kunit *test)
{
	struct batch *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	enum hak_where where;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, b);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		b->c = hak_cache_create(NAME, kinds[i].size, kinds[i].args, kinds[i].flags);
		KUNIT_ASSERT_NOT_NULL(test, b->c);
		KUNIT_EXPECT_EQ(test, hak_gate_on(NAME, 1), 0);
		for (where = 0; where < HAK_WHERES; where++)
			for (b->way = 0; hak_may_grow_in(where) && b->way < WAYS_ATOMIC; b->way++)
				way_is_seen(test, b, where, kinds[i].name);
		hak_gate_off(NULL);
		hak_cache_destroy(b->c);
	}
}

static void small_block_is_seen(struct kunit *test)
{
	struct batch *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	hak_kunit_small_blocks(test);
	b->c = sampled_cache(test, &kinds[0], 1);
	for (b->way = 0; b->way < FREE_RCU; b->way++)
		way_is_seen(test, b, HAK_IN_TASK, "small block");
}

/* As it was before, to the last bit of its mode, and inlined again. */
static void cache_is_as_before(struct kunit *test, struct hak_cache *c, const char *mode)
{
	const struct hak_core *core = cache_core(c);
	const struct hak_set *s;
	int cpu, lvl;

	KUNIT_EXPECT_PTR_EQ(test, core->mode.name, mode);
	KUNIT_EXPECT_FALSE(test, core->sampled || core->gate || core->flow);
	KUNIT_EXPECT_EQ(test, core->mode.gated, core->sets != core->handle);
	for_each_set(s, core->sets, cpu, lvl)
		if (set_is_open(s))
			KUNIT_EXPECT_EQ(test, s->cap, core->mode.frees_out ? 0 : s->slots);
}

/* Objects from before, from meanwhile and from after; some are freed in each. */
static void switch_keeps_what_lives(struct kunit *test, const struct kind *k)
{
	struct hak_cache *c = hak_cache_create(NAME, k->size, k->args, k->flags);
	static void *before[MANY / 100], *meanwhile[MANY / 100];
	unsigned int i, n = ARRAY_SIZE(before), half = n / 2;
	const char *mode;

	KUNIT_ASSERT_NOT_NULL(test, c);
	mode = cache_core(c)->mode.name;
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, n, before), n);
	KUNIT_EXPECT_EQ(test, hak_gate_on(NAME, 1), 0);
	KUNIT_EXPECT_TRUE(test, cache_core(c)->mode.sampled);
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, n, meanwhile), n);
	for (i = 0; i < half; i++) {
		hak_cache_free(c, before[i]);
		hak_free(meanwhile[i]);
	}
	KUNIT_EXPECT_EQ_MSG(test, live_of(c).samples, n - half, "%s", k->name);
	KUNIT_EXPECT_EQ(test, hak_audit(2 * (n - half)), 0);
	KUNIT_EXPECT_EQ(test, hak_gate_off(NAME), 0);
	cache_is_as_before(test, c, mode);
	KUNIT_EXPECT_EQ(test, hak_audit(2 * (n - half)), 0);
	hak_cache_free_bulk(c, n - half, before + half);
	hak_free_bulk(n - half, meanwhile + half);
	KUNIT_EXPECT_EQ(test, hak_audit(0), 0);
	KUNIT_EXPECT_NULL(test, hak_sampler);
	hak_cache_destroy(c);
}

static void switching_loses_nothing(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		switch_keeps_what_lives(test, &kinds[i]);
}

/* So many operations before as after: those of the time in between are counted, too. */
static void counters_do_not_go_back(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, NAME, 64, NULL, 0);
	u64 was[HAK_NR_SET_EVENTS] = { }, now[HAK_NR_SET_EVENTS] = { };
	static void *p[1000];
	unsigned int i;

	for (i = 0; i < 6; i++) {
		KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 1000, p), 1000);
		hak_cache_free_bulk(c, 1000, p);
		memcpy(was, now, sizeof(was));
		memset(now, 0, sizeof(now));
		mutex_lock(&hak_caches_lock);
		hak_core_events(cache_core(c), now);
		mutex_unlock(&hak_caches_lock);
		KUNIT_EXPECT_GE_MSG(test, now[HAK_ALLOC_SLAB], was[HAK_ALLOC_SLAB], "%u", i);
		KUNIT_EXPECT_GE_MSG(test, now[HAK_FREE_SPARE], was[HAK_FREE_SPARE], "%u", i);
		KUNIT_EXPECT_GT(test, now[HAK_ALLOC_SLAB] + now[HAK_ALLOC_DEPOT],
				was[HAK_ALLOC_SLAB] + was[HAK_ALLOC_DEPOT]);
		KUNIT_EXPECT_EQ(test, i % 2 ? hak_gate_off(NAME) : hak_gate_on(NAME, 4096), 0);
	}
}

/* One in 4096 bytes: 64 objects.  Of 500 samples on average one in 500 lies 15% off. */
static void estimates_are_near(struct kunit *test)
{
	static void *p[MANY];
	struct hak_cache *c = sampled_cache(test, &kinds[0], 4096);
	unsigned long bytes = MANY * kinds[0].size;
	struct hak_site_live live;

	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, MANY, p), MANY);
	live = live_of(c);
	KUNIT_EXPECT_GT(test, live.samples, bytes / 4096 * 85 / 100);
	KUNIT_EXPECT_LT(test, live.samples, bytes / 4096 * 115 / 100);
	KUNIT_EXPECT_EQ(test, live.bytes, live.samples * 4096);
	hak_cache_free_bulk(c, MANY, p);
	KUNIT_EXPECT_EQ(test, live_of(c).samples, 0);
	KUNIT_EXPECT_EQ(test, freed(c), live.samples);
}

/* What finds no room is counted, and freed like any other. */
static void full_table_is_said(struct kunit *test)
{
	static void *p[MANY];
	struct hak_cache *c = sampled_cache(test, &kinds[0], 1);
	unsigned long samples, lost;

	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, MANY, p), MANY);
	samples = live_of(c).samples;
	lost = atomic_long_read(&hak_sampler->lost);
	KUNIT_EXPECT_GT(test, lost, 0);
	KUNIT_EXPECT_GT(test, samples, HAK_SAMPLE_RECORDS / 2);
	KUNIT_EXPECT_EQ(test, samples + lost, MANY);
	hak_cache_free_bulk(c, MANY, p);
	KUNIT_EXPECT_EQ(test, live_of(c).samples, 0);
	KUNIT_EXPECT_EQ(test, freed(c), samples);
}

/* The same address again and again is one object at a time; also if a free was not seen. */
static void reused_address_is_not_confused(struct kunit *test)
{
	struct hak_cache *c = sampled_cache(test, &kinds[0], 1);
	struct hak_core *core = cache_core(c);
	void *p = NULL, *q;
	unsigned int i;

	migrate_disable();
	for (i = 0; i < 1000; i++) {
		q = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, q);
		if (p)
			KUNIT_EXPECT_PTR_EQ(test, p, q);
		p = q;
		if (i % 100 == 0)
			KUNIT_EXPECT_EQ(test, live_of(c).samples, 1);
		hak_cache_free(c, p);
	}
	KUNIT_EXPECT_EQ(test, freed(c), 1000);
	KUNIT_EXPECT_EQ(test, stale(), 0);
	/* Nobody looks at this free. */
	p = hak_cache_alloc(c, GFP_KERNEL);
	core->mode.sampled = false;
	hak_cache_free(c, p);
	core->mode.sampled = true;
	q = hak_cache_alloc(c, GFP_KERNEL);
	migrate_enable();
	KUNIT_EXPECT_PTR_EQ(test, p, q);
	KUNIT_EXPECT_EQ(test, stale(), 1);
	KUNIT_EXPECT_EQ(test, live_of(c).samples, 1);
	hak_cache_free(c, q);
	KUNIT_EXPECT_EQ(test, freed(c), 1001);
	KUNIT_EXPECT_EQ(test, live_of(c).samples, 0);
}

/* A record of another cache at this address is no object of this one. */
static void other_caches_record_is_not_counted(struct kunit *test)
{
	struct hak_cache *c = sampled_cache(test, &kinds[0], 1);
	struct hak_core *core = cache_core(c);
	u32 serial = core->pool.serial;
	void *p;

	p = hak_cache_alloc(c, GFP_KERNEL);
	core->pool.serial = ~serial;
	hak_cache_free(c, p);
	core->pool.serial = serial;
	KUNIT_EXPECT_EQ(test, stale(), 1);
	KUNIT_EXPECT_EQ(test, freed(c), 0);
	KUNIT_EXPECT_EQ(test, live_of(c).samples, 0);
}

static void flow_names_both_cpus(struct kunit *test)
{
	struct batch *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	int other, here;
	long away, same;

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->c = sampled_cache(test, &kinds[0], 1);
	here = cpumask_first(cpu_online_mask);
	other = cpumask_next(here, cpu_online_mask);
	if (other >= nr_cpu_ids)
		other = here;
	KUNIT_ASSERT_TRUE(test, hak_run_on(here, HAK_IN_TASK, take_all, b));
	KUNIT_ASSERT_TRUE(test, hak_run_on(other, HAK_IN_TASK, give_all, b));
	away = atomic_long_read(&cache_core(b->c)->flow->freed[here][other]);
	same = atomic_long_read(&cache_core(b->c)->flow->freed[here][here]);
	KUNIT_EXPECT_EQ(test, away, OBJECTS * kinds[0].size);
	KUNIT_EXPECT_EQ(test, same, here == other ? away : 0);
}

struct churn {
	struct hak_cache *c;
	unsigned long failed;
};

static int churn_fn(void *arg)
{
	struct churn *ch = arg;
	void *p[50];
	unsigned int i, n = 0;

	while (!kthread_should_stop()) {
		for (i = 0; i < 50; i++)
			p[i] = hak_cache_alloc(ch->c, GFP_KERNEL);
		while (i--) {
			ch->failed += !p[i];
			if (p[i] && i % 2)
				hak_cache_free(ch->c, p[i]);
			else
				hak_free(p[i]);
		}
		if (!(n++ % 16))
			cond_resched();
	}
	return 0;
}

/* Threads on all CPUs never stop while it is switched. */
static void switching_under_load(struct kunit *test)
{
	struct churn ch = { .c = hak_kunit_cache(test, NAME, 64, NULL, 0) };
	struct task_struct *task[4] = { };
	const char *mode = cache_core(ch.c)->mode.name;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(task); i++) {
		task[i] = kthread_run(churn_fn, &ch, "kunit-churn");
		if (IS_ERR(task[i]))
			task[i] = NULL;
	}
	for (i = 0; i < 20; i++) {
		KUNIT_EXPECT_EQ(test, hak_gate_on(NAME, i % 2 ? 1 : 1024), 0);
		schedule_timeout_interruptible(1);
		KUNIT_EXPECT_EQ(test, stale(), 0);
		KUNIT_EXPECT_EQ(test, hak_gate_off(NAME), 0);
		schedule_timeout_interruptible(1);
	}
	for (i = 0; i < ARRAY_SIZE(task); i++)
		if (task[i])
			kthread_stop(task[i]);
	KUNIT_EXPECT_EQ(test, ch.failed, 0);
	cache_is_as_before(test, ch.c, mode);
	KUNIT_EXPECT_EQ(test, hak_audit(0), 0);
}

static void destroy_one(void *c)
{
	hak_cache_destroy(c);
}

/* What a cache leaves behind has its callers in the log, and no record. */
static void leak_names_who_made_it(struct kunit *test)
{
	static void *p[OBJECTS];
	struct hak_cache *c = hak_cache_create(NAME, 64, NULL, 0);
	char line[HAK_KUNIT_LINE] = "";

	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_EXPECT_EQ(test, hak_gate_on(NULL, 1), 0);
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, OBJECTS, p), OBJECTS);
	KUNIT_EXPECT_EQ(test, hak_kunit_line(NAME ": about 40 objects allocated by", line,
					     destroy_one, c), 1);
	if (IS_ENABLED(CONFIG_STACKTRACE) && IS_ENABLED(CONFIG_X86_64) && !IS_ENABLED(CONFIG_UML))
		KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(line, "leak_names_who"), "%s", line);
	hak_gate_off(NULL);
	hak_kunit_bury(test, p, OBJECTS);
}

/* A cache that is made while all are sampled is, too; and one that goes takes nothing with it. */
static void new_cache_is_sampled(struct kunit *test)
{
	struct hak_cache *c;
	void *p;

	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, sampling_ends, NULL), 0);
	KUNIT_EXPECT_EQ(test, hak_gate_on(NULL, 1), 0);
	c = hak_cache_create(NAME, 64, NULL, 0);
	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_EXPECT_TRUE(test, cache_core(c)->mode.sampled);
	p = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, live_of(c).samples, 1);
	hak_cache_free(c, p);
	hak_cache_destroy(c);
	c = hak_cache_create(NAME, 64, NULL, 0);
	KUNIT_ASSERT_NOT_NULL(test, c);
	hak_gate_off(NULL);
	cache_is_as_before(test, c, hak_mode_of(cache_core(c), hak_config_get())->name);
	p = hak_cache_alloc(c, GFP_KERNEL);
	hak_cache_free(c, p);
	hak_cache_destroy(c);
}

static void what_is_none_is_refused(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, hak_gate_on("kunit-nobody", 1), -ENOENT);
	KUNIT_EXPECT_EQ(test, hak_gate_off("kunit-nobody"), -ENOENT);
	KUNIT_EXPECT_EQ(test, hak_gate_on(NULL, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, hak_gate_on(NULL, HAK_SAMPLE_EVERY_MAX + 1), -EINVAL);
	KUNIT_EXPECT_NULL(test, hak_sampler);
	KUNIT_EXPECT_EQ(test, hak_gate_off(NULL), 0);
}

static struct kunit_case sample_cases[] = {
	KUNIT_CASE(each_way_to_free_is_seen),
	KUNIT_CASE(each_context_is_seen),
	KUNIT_CASE(small_block_is_seen),
	KUNIT_CASE(switching_loses_nothing),
	KUNIT_CASE(counters_do_not_go_back),
	KUNIT_CASE(estimates_are_near),
	KUNIT_CASE(full_table_is_said),
	KUNIT_CASE(reused_address_is_not_confused),
	KUNIT_CASE(other_caches_record_is_not_counted),
	KUNIT_CASE(flow_names_both_cpus),
	KUNIT_CASE(switching_under_load),
	KUNIT_CASE(leak_names_who_made_it),
	KUNIT_CASE(new_cache_is_sampled),
	KUNIT_CASE(what_is_none_is_refused),
	{}
};

struct kunit_suite hak_sample_suite = {
	.name = "hakmem_sample",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = sample_cases,
};
