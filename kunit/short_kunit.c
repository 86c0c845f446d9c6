// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_short: memory is short.  The shrinker counts what could come back, and takes what
 * it is asked for.  The grace period hurries.  The OOM killer's question is answered in time.
 *
 * The background reaper is paused (hak_kunit_init()), unless a case lets it go on.
 */
#include "kunit/hak_kunit.h"
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>

#define OBJECTS 2000
#define WANT 16			/* pages */

/* Allocate and free @n objects on this CPU. */
static void use(struct kunit *test, struct hak_cache *c, unsigned int n)
{
	void **p = kunit_kcalloc(test, n, sizeof(*p), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < n; i++) {
		p[i] = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	while (n--)
		hak_cache_free(c, p[n]);
}

/* What is counted but for what serves no slab, or waits. */
static unsigned long count_of_caches(void)
{
	return hak_shrinker_count() - hak_block_empty_pages() - hak_release_pages();
}

static unsigned long pages_of(struct hak_cache *c)
{
	struct hak_pool_info info;

	hak_pool_info(&cache_core(c)->pool, &info);
	return info.objects * cache_core(c)->pool.stride / PAGE_SIZE;
}

/* One object in a magazine keeps a slab. */
static void shrinker_counts_what_magazines_pin(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-pin", 1024, NULL, 0);

	hak_shrink_all();
	KUNIT_ASSERT_EQ(test, hak_shrinker_count(), 0);
	use(test, c, 1);
	KUNIT_EXPECT_GE(test, count_of_caches(), pages_of(c));
	hak_shrink_all();
	KUNIT_EXPECT_EQ(test, hak_shrinker_count(), 0);
}

/* Objects from all over: a few of them keep most slabs, and all of these are counted. */
static void shrinker_counts_slabs_that_few_objects_pin(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-few", 1024, NULL, 0);
	void **p = kunit_kcalloc(test, OBJECTS, sizeof(*p), GFP_KERNEL);
	unsigned int i, k;

	KUNIT_ASSERT_NOT_NULL(test, p);
	hak_shrink_all();
	for (i = 0; i < OBJECTS; i++) {
		p[i] = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	/* Each slab has 16 of them: the last to go is one of each. */
	for (k = 0; k < 16; k++)
		for (i = k; i < OBJECTS; i += 16)
			hak_cache_free(c, p[i]);
	KUNIT_ASSERT_GT(test, pages_of(c), OBJECTS * 1024 / PAGE_SIZE / 2);
	KUNIT_EXPECT_GE(test, count_of_caches(), pages_of(c) - pages_of(c) / 8);
}

static void shrinker_counts_what_waits_for_a_grace_period(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-wait", 1024, NULL,
					      SLAB_TYPESAFE_BY_RCU);
	unsigned long pages;

	hak_shrink_all();
	use(test, c, OBJECTS);
	hak_drain_core(cache_core(c));
	hak_release_wait();
	pages = pages_of(c);
	KUNIT_ASSERT_GT(test, pages, 0);
	rcu_read_lock();
	hak_pool_trim(&cache_core(c)->pool, true);
	KUNIT_EXPECT_EQ(test, pages_of(c), 0);
	KUNIT_EXPECT_GE(test, hak_release_pages(), pages);
	KUNIT_EXPECT_GE(test, hak_shrinker_count(), hak_block_empty_pages() + pages);
	rcu_read_unlock();
	/* Slabs that waited may have been a SuperSlab's last: then its header waits in its turn. */
	hak_release_wait();
	hak_release_wait();
	KUNIT_EXPECT_EQ(test, hak_release_pages(), 0);
}

static void shrinker_takes_what_it_is_asked_for(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-some", 1024, NULL, 0);
	struct hak_depot *d = &cache_core(c)->depot[hak_home_nid()];
	unsigned long got, full, rounds;

	hak_shrink_all();
	use(test, c, OBJECTS);
	hak_drain_here(cache_core(c), false);
	hak_pool_trim(&cache_core(c)->pool, true);
	hak_block_trim(ULONG_MAX, 0);
	hak_release_wait();
	hak_release_wait();
	full = d->nr_full;
	KUNIT_ASSERT_GT(test, full, 16);
	got = hak_shrinker_scan(WANT);
	KUNIT_EXPECT_GE(test, got, WANT);
	KUNIT_EXPECT_LT(test, got, 8 * WANT);
	KUNIT_EXPECT_LT(test, d->nr_full, full);
	KUNIT_EXPECT_GT_MSG(test, d->nr_full, full / 4, "it took much more than it was asked for");
	for (rounds = 0; rounds < OBJECTS && hak_shrinker_scan(WANT); rounds++)
		;
	KUNIT_EXPECT_GT(test, rounds, 1);
	KUNIT_EXPECT_EQ(test, d->nr_full, 0);
	/* What comes to rest last waits for more grace periods, and can be asked for then. */
	for (rounds = 0; rounds < 100 && hak_shrinker_count(); rounds++) {
		hak_release_wait();
		hak_shrinker_scan(WANT);
	}
	KUNIT_EXPECT_EQ(test, hak_shrinker_count(), 0);
}

/* Until nothing waits any more; who waits by hak_release_wait() hurries by that. */
static void wait_unhurried(void)
{
	unsigned int i;

	for (i = 0; i < 3000 && hak_release_pages(); i++)
		msleep(20);
}

static long hurried(void)
{
	return atomic_long_read(&hak_mem_stat[HAK_MEM_HURRIED]);
}

/* Slabs of @c wait for a grace period; @asked: memory is short.  How many were hurried? */
static long hurried_while(struct kunit *test, struct hak_cache *c, bool asked)
{
	long before;

	/* Not those that were asked for before. */
	hak_release_wait();
	before = hurried();
	use(test, c, OBJECTS);
	hak_drain_core(cache_core(c));
	hak_pool_trim(&cache_core(c)->pool, true);
	if (asked)
		hak_shrinker_scan(1);
	wait_unhurried();
	KUNIT_EXPECT_EQ(test, hak_release_pages(), 0);
	return hurried() - before;
}

static void shrinker_hurries_the_grace_period(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-hurry", 1024, NULL,
					      SLAB_TYPESAFE_BY_RCU);
	unsigned int i;

	hak_shrink_all();
	/* The kernel itself may want memory just then. */
	for (i = 0; i < 10 && hurried_while(test, c, false); i++)
		;
	KUNIT_EXPECT_LT_MSG(test, i, 10, "nobody asked");
	/* One may just be over by itself. */
	for (i = 0; i < 10 && !hurried_while(test, c, true); i++)
		;
	KUNIT_EXPECT_LT(test, i, 10);
}

static void kick_spares_cpus_that_hold_nothing(struct kunit *test)
{
	unsigned int i;
	bool busy = true;

	hak_reap_pause(false);
	/* A reaper may just have its turn. */
	for (i = 0; i < 5 && busy; i++) {
		hak_shrink_all();
		flush_workqueue(hak_wq);
		hak_shrinker_scan(ULONG_MAX);
		busy = hak_reap_busy();
	}
	KUNIT_EXPECT_FALSE(test, busy);
}

/* A thread on another CPU, or on this one if there is none, that uses a cache. */
struct short_user {
	struct hak_cache *c;
	unsigned int n, failed;
	int cpu;
	struct completion done;
};

static int user_fn(void *arg)
{
	struct short_user *u = arg;
	void *p[HAK_MAG_MAX];
	unsigned int i;

	for (i = 0; i < u->n; i++) {
		p[i] = hak_cache_alloc(u->c, GFP_KERNEL);
		u->failed += !p[i];
	}
	while (i--)
		hak_cache_free(u->c, p[i]);
	complete(&u->done);
	return 0;
}

static void use_elsewhere(struct kunit *test, struct short_user *u)
{
	struct task_struct *task = kthread_create(user_fn, u, "hak-user");

	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	init_completion(&u->done);
	u->cpu = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());
	if (u->cpu >= nr_cpu_ids)
		u->cpu = raw_smp_processor_id();
	kthread_bind(task, u->cpu);
	wake_up_process(task);
	wait_for_completion(&u->done);
	KUNIT_ASSERT_EQ(test, u->failed, 0);
}

/*
 * When it returns, not some time later.  What is nearer at hand goes first, and the kernel asks
 * again each time that it got something.
 */
static void oom_takes_what_other_cpus_hold(struct kunit *test)
{
	struct short_user u = { .c = hak_kunit_cache(test, "kunit-oom", 1024, NULL, 0), .n = 8 };
	unsigned int asked;

	hak_shrink_all();
	hak_reap_pause(false);
	migrate_disable();
	use_elsewhere(test, &u);
	hak_block_trim(ULONG_MAX, 0);
	KUNIT_EXPECT_TRUE(test, hak_cpu_holds(cache_core(u.c), u.cpu));
	/* The kernel's shrinker may be faster. */
	for (asked = 0; asked < 3 && hak_cpu_holds(cache_core(u.c), u.cpu); asked++)
		KUNIT_EXPECT_TRUE(test, hak_oom_free() || !hak_cpu_holds(cache_core(u.c), u.cpu));
	KUNIT_EXPECT_FALSE(test, hak_cpu_holds(cache_core(u.c), u.cpu));
	migrate_enable();
	KUNIT_EXPECT_EQ(test, pages_of(u.c), 0);
}

/* Nothing but slabs of @c that wait is to be had.  Has it come when hak_oom_free() returns? */
static bool oom_frees_what_waits(struct kunit *test, struct hak_cache *c)
{
	hak_shrink_all();
	use(test, c, OBJECTS);
	hak_drain_core(cache_core(c));
	hak_release_wait();
	hak_pool_trim(&hak_mag_pool, true);
	hak_block_trim(ULONG_MAX, 0);
	hak_pool_trim(&cache_core(c)->pool, true);
	return hak_oom_free() && !hak_release_pages();
}

static void oom_waits_for_the_grace_period(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-oom-rcu", 1024, NULL,
					      SLAB_TYPESAFE_BY_RCU);
	unsigned int i;

	/* It waits for a fifth of a second, which may be too short where the machine is slow. */
	for (i = 0; i < 20 && !oom_frees_what_waits(test, c); i++)
		;
	KUNIT_EXPECT_LT(test, i, 20);
}

/* Whoever has the mutex may itself be waiting for memory. */
static void oom_waits_for_nobody_without_end(struct kunit *test)
{
	unsigned long begun = jiffies;

	hak_shrink_all();
	mutex_lock(&hak_caches_lock);
	KUNIT_EXPECT_EQ(test, hak_oom_free(), 0);
	mutex_unlock(&hak_caches_lock);
	KUNIT_EXPECT_TRUE(test, time_before(jiffies, begun + 20 * HZ));
}

static struct kunit_case short_cases[] = {
	KUNIT_CASE(shrinker_counts_what_magazines_pin),
	KUNIT_CASE(shrinker_counts_slabs_that_few_objects_pin),
	KUNIT_CASE(shrinker_counts_what_waits_for_a_grace_period),
	KUNIT_CASE(shrinker_takes_what_it_is_asked_for),
	KUNIT_CASE(shrinker_hurries_the_grace_period),
	KUNIT_CASE(kick_spares_cpus_that_hold_nothing),
	KUNIT_CASE(oom_takes_what_other_cpus_hold),
	KUNIT_CASE(oom_waits_for_the_grace_period),
	KUNIT_CASE(oom_waits_for_nobody_without_end),
	{}
};

struct kunit_suite hak_short_suite = {
	.name = "hakmem_short",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = short_cases,
};
