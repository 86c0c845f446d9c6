// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_kasan: the kernel's KASAN sees what happens to hakmem's objects.
 *
 * Each case plants one access and wants KASAN to report it, or not to.  KASAN reports
 * more than the first only with kasan_multi_shot on the kernel's command line.
 */
#include "kunit/hak_kunit.h"
#include "kunit/hak_kunit_log.h"
#include <linux/workqueue.h>

struct kasan_test {
	struct kunit *test;
	const struct access *access;
	struct work_struct work;
};

struct access {
	const char *name;
	void (*fn)(struct kunit *test);
	unsigned int reports;
};

static void touch(void *p, size_t at)
{
	u8 *byte = p;

	/* Or gcc knows where p comes from, and says so.  Not a write, which might hit the mark. */
	OPTIMIZER_HIDE_VAR(byte);
	READ_ONCE(byte[at]);
}

static void freed(struct kunit *test)
{
	void *p = hak_alloc(100, GFP_KERNEL);

	hak_free(p);
	touch(p, 50);
}

static void freed_sized(struct kunit *test)
{
	void *p = hak_alloc(8, GFP_KERNEL);

	hak_free_sized(p, 8);
	touch(p, 7);
}

static void freed_typed(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-kasan", 72, NULL, 0);
	void *p = hak_cache_alloc(c, GFP_KERNEL);

	hak_cache_free(c, p);
	touch(p, 64);
}

static void freed_in_bulk(struct kunit *test)
{
	void *p[40], *last;

	if (!hak_alloc_bulk(48, GFP_KERNEL, ARRAY_SIZE(p), p))
		return;
	last = p[39];
	hak_free_bulk(ARRAY_SIZE(p), p);
	touch(last, 0);
}

static void freed_with_interrupts_off(struct kunit *test)
{
	void *p = hak_alloc(100, GFP_KERNEL);

	local_irq_disable();
	hak_free(p);
	local_irq_enable();
	touch(p, 0);
}

struct rcu_item {
	struct rcu_head rcu;
	u8 byte;
};

static void waits_for_a_grace_period(struct kunit *test)
{
	struct rcu_item *p = hak_alloc(sizeof(*p), GFP_KERNEL);

	rcu_read_lock();
	hak_free_rcu(p, rcu);
	touch(&p->byte, 0);
	rcu_read_unlock();
	hak_rcu_barrier();
}

static void after_a_grace_period(struct kunit *test)
{
	struct rcu_item *p = hak_alloc(sizeof(*p), GFP_KERNEL);

	hak_free_rcu(p, rcu);
	hak_rcu_barrier();
	touch(&p->byte, 0);
}

static void behind_what_was_asked(struct kunit *test)
{
	void *p = hak_alloc(61, GFP_KERNEL);

	touch(p, 60);
	touch(p, 61);
	hak_free(p);
}

static void behind_a_whole_class(struct kunit *test)
{
	void *p = hak_alloc(64, GFP_KERNEL);

	touch(p, 63);
	touch(p, 64);
	hak_free(p);
}

static void behind_zeroed(struct kunit *test)
{
	void *p = hak_zalloc(1001, GFP_KERNEL);

	touch(p, 1000);
	touch(p, 1001);
	hak_free(p);
}

static void behind_of_bulk(struct kunit *test)
{
	void *p[3];

	if (!hak_alloc_bulk(20, GFP_KERNEL, ARRAY_SIZE(p), p))
		return;
	touch(p[1], 19);
	touch(p[1], 20);
	hak_free_bulk(ARRAY_SIZE(p), p);
}

static void behind_of_node(struct kunit *test)
{
	void *p = hak_alloc_node(33, GFP_KERNEL | __GFP_THISNODE, first_memory_node);

	touch(p, 32);
	touch(p, 33);
	hak_free(p);
}

static void behind_typed(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-kasan", 104, NULL, 0);
	void *p = hak_cache_alloc(c, GFP_KERNEL);

	touch(p, 103);
	touch(p, 104);
	hak_cache_free(c, p);
}

static void construct(void *p)
{
	touch(p, 0);
	touch(p, 63);
}

static void constructed(struct kunit *test)
{
	struct hak_cache_args args = { .ctor = construct, .dtor = construct };
	struct hak_cache *c = hak_kunit_cache(test, "kunit-kasan", 64, &args, 0);
	void *p;

	p = hak_cache_alloc(c, GFP_KERNEL);
	touch(p, 63);
	hak_cache_free(c, p);
	hak_cache_shrink(c);
}

static void freed_constructed(struct kunit *test)
{
	struct hak_cache_args args = { .ctor = construct };
	struct hak_cache *c = hak_kunit_cache(test, "kunit-kasan", 64, &args, 0);
	void *p = hak_cache_alloc(c, GFP_KERNEL);

	hak_cache_free(c, p);
	touch(p, 8);
}

static void behind_constructed(struct kunit *test)
{
	struct hak_cache_args args = { .ctor = construct };
	struct hak_cache *c = hak_kunit_cache(test, "kunit-kasan", 64, &args, 0);
	void *p = hak_cache_alloc(c, GFP_KERNEL);

	touch(p, 64);
	hak_cache_free(c, p);
}

static void typesafe(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-kasan", 64, NULL, SLAB_TYPESAFE_BY_RCU);
	void *p = hak_cache_alloc(c, GFP_KERNEL);

	rcu_read_lock();
	hak_cache_free(c, p);
	touch(p, 8);
	rcu_read_unlock();
}

static void all_that_is_usable(struct kunit *test)
{
	char *p = hak_alloc(33, GFP_KERNEL);

	memset(p, 0, hak_usable_size(p));
	hak_free(p);
}

static void usable_size_of_freed(struct kunit *test)
{
	char *p = hak_alloc(33, GFP_KERNEL);

	hak_free(p);
	hak_usable_size(p);
	touch(p, 0);
}

static void reused(struct kunit *test)
{
	int round, i;
	void *p[20];

	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			p[i] = hak_alloc(120, GFP_KERNEL);
			memset(p[i], round, 120);
		}
		for (i = 0; i < ARRAY_SIZE(p); i++)
			hak_free(p[i]);
		hak_shrink_all();
	}
}

static void freed_twice(struct kunit *test)
{
	struct hak_counts bad;
	void *p = hak_alloc(100, GFP_KERNEL);

	hak_free(p);
	hak_counts_begin(&bad);
	hak_free(p);
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_double, 1, "class");
}

static const struct access accesses[] = {
	{ "freed", freed, 1 },
	{ "freed with its size", freed_sized, 1 },
	{ "freed, typed", freed_typed, 1 },
	{ "freed in bulk", freed_in_bulk, 1 },
	{ "freed with interrupts off", freed_with_interrupts_off, 1 },
	{ "freed, constructed", freed_constructed, 1 },
	{ "waiting for a grace period", waits_for_a_grace_period, 0 },
	{ "after a grace period", after_a_grace_period, 1 },
	{ "behind what was asked for", behind_what_was_asked, 1 },
	{ "behind a whole class", behind_a_whole_class, 1 },
	{ "behind zeroed memory", behind_zeroed, 1 },
	{ "behind an object of a bulk call", behind_of_bulk, 1 },
	{ "behind an object of a node", behind_of_node, 1 },
	{ "behind a typed object", behind_typed, 1 },
	{ "behind a constructed object", behind_constructed, 1 },
	{ "constructor and destructor", constructed, 0 },
	{ "SLAB_TYPESAFE_BY_RCU, freed", typesafe, 0 },
	{ "all that is usable", all_that_is_usable, 0 },
	{ "freed, then asked for its size", usable_size_of_freed, 1 },
	{ "memory that served before", reused, 0 },
	{ "freed twice", freed_twice, 0 },
};

static void access_desc(const struct access *access, char *desc)
{
	strscpy(desc, access->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(access, accesses, access_desc);

static void access_work(struct work_struct *work)
{
	struct kasan_test *t = container_of(work, struct kasan_test, work);

	t->access->fn(t->test);
}

/* By another task: the one that runs the case would fail it with the first report. */
static void run_access(void *arg)
{
	struct kasan_test *t = arg;

	INIT_WORK_ONSTACK(&t->work, access_work);
	schedule_work(&t->work);
	flush_work(&t->work);
	destroy_work_on_stack(&t->work);
}

static void access_is_reported_or_not(struct kunit *test)
{
	struct kasan_test t = { .test = test, .access = test->param_value };

	KUNIT_EXPECT_EQ_MSG(test, hak_kunit_said("BUG: KASAN", run_access, &t), t.access->reports,
			    "kasan_multi_shot given?");
}

static struct kunit_case kasan_cases[] = {
	KUNIT_CASE_PARAM(access_is_reported_or_not, access_gen_params),
	{}
};

static struct kunit_suite hak_kasan_suite = {
	.name = "hakmem_kasan",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = kasan_cases,
};

kunit_test_suites(&hak_kasan_suite);
