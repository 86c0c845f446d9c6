// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_reap: what idles comes back, what is in use stays, and the shrinker
 * waits for nobody.
 *
 * The background reaper is paused (hak_kunit_init()); each case looks by itself, on
 * the CPU it holds on to.
 */
#include "kunit/hak_kunit.h"
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched/mm.h>

#define OBJECTS 2000
#define DESTROYS 500	/* caches that are destroyed while they are reaped */

static struct hak_set *task_set(struct hak_cache *c)
{
	return this_set(cache_core(c)->sets, HAK_TASK);
}

static void alloc_n(struct kunit *test, struct hak_cache *c, void **p, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		p[i] = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
}

/* Leaves the magazine of this CPU, its spare and the depot full. */
static void use_much(struct kunit *test, struct hak_cache *c)
{
	void **p = kunit_kcalloc(test, OBJECTS, sizeof(*p), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	alloc_n(test, c, p, OBJECTS);
	for (i = 0; i < OBJECTS; i++)
		hak_cache_free(c, p[i]);
}

static void idle_set_is_emptied(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-idle", 64, NULL, 0);

	migrate_disable();
	use_much(test, c);
	KUNIT_EXPECT_GT(test, task_set(c)->n, 0);
	KUNIT_EXPECT_NOT_NULL(test, task_set(c)->spare);
	hak_reap_here(false);
	KUNIT_EXPECT_GT_MSG(test, task_set(c)->n, 0, "used since the last look");
	hak_reap_here(false);
	KUNIT_EXPECT_EQ(test, task_set(c)->n, 0);
	KUNIT_EXPECT_NULL(test, task_set(c)->spare);
	migrate_enable();
}

static void moving_set_is_left_alone(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-moving", 64, NULL, 0);
	void *p[4];
	int i;

	migrate_disable();
	use_much(test, c);
	for (i = 0; i < 4; i++) {
		hak_reap_here(false);
		alloc_n(test, c, p + i, 1);
		KUNIT_EXPECT_NOT_NULL(test, task_set(c)->spare);
	}
	for (i = 0; i < 4; i++)
		hak_cache_free(c, p[i]);
	migrate_enable();
}

static void gated_set_is_emptied_too(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-gidle", 64, NULL, SLAB_TYPESAFE_BY_RCU);

	migrate_disable();
	use_much(test, c);
	hak_reap_here(false);
	hak_reap_here(false);
	KUNIT_EXPECT_EQ(test, task_set(c)->n, 0);
	KUNIT_EXPECT_NULL(test, task_set(c)->spare);
	migrate_enable();
}

static void capacity_follows_use(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-room", 64, NULL, 0);
	struct hak_set *s;

	migrate_disable();
	s = task_set(c);
	KUNIT_EXPECT_EQ(test, s->slots, min_t(unsigned int, HAK_MAG_FIRST, s->slots_max));
	use_much(test, c);
	KUNIT_EXPECT_EQ(test, s->slots, s->slots_max);
	hak_reap_here(true);
	KUNIT_EXPECT_EQ(test, s->slots, min_t(unsigned int, HAK_MAG_FIRST, s->slots_max));
	migrate_enable();
}

static void depot_keeps_what_was_wanted(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-depot", 64, NULL, 0);
	struct hak_depot *d = &cache_core(c)->depot[hak_home_nid()];
	unsigned int full, keep = 3;

	use_much(test, c);
	full = d->nr_full;
	KUNIT_ASSERT_GT(test, full, keep);
	hak_depot_trim(d, &cache_core(c)->pool, false);
	/* Of what is there now, @keep are taken and given back before the next look. */
	full = d->nr_full;
	for (unsigned int i = 0; i < keep; i++) {
		struct hak_mag *m = hak_depot_get_full(d, NULL), *empty;

		KUNIT_ASSERT_NOT_NULL(test, m);
		KUNIT_ASSERT_EQ(test, d->nr_full, full - 1);
		KUNIT_ASSERT_TRUE(test, hak_depot_put_full(d, m, &empty));
		if (empty)
			hak_mag_put_empty(empty);
	}
	KUNIT_EXPECT_EQ(test, d->low_full, full - 1);
	hak_depot_trim(d, &cache_core(c)->pool, false);
	KUNIT_EXPECT_EQ_MSG(test, d->nr_full, 1, "one was in use at a time");
	hak_depot_trim(d, &cache_core(c)->pool, false);
	KUNIT_EXPECT_EQ(test, d->nr_full, 0);
}

static void empty_slabs_nobody_wanted_go(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-empty", 1024, NULL, 0);
	struct hak_pool *pool = &cache_core(c)->pool;
	struct hak_pool_info info;

	use_much(test, c);
	hak_drain_core(cache_core(c));
	hak_pool_info(pool, &info);
	KUNIT_EXPECT_GT(test, info.empty, 0);
	hak_pool_trim(pool, false);
	hak_pool_trim(pool, false);
	hak_pool_info(pool, &info);
	KUNIT_EXPECT_EQ(test, info.empty, 0);
}

static void empty_slab_that_was_wanted_stays(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-wanted", 1024, NULL, 0);
	struct hak_pool *pool = &cache_core(c)->pool;
	struct hak_pool_info info;
	int nid = hak_home_nid();
	void *p;

	use_much(test, c);
	hak_drain_core(cache_core(c));
	hak_pool_trim(pool, false);
	KUNIT_ASSERT_EQ(test, hak_pool_take(pool, nid, 1, &p), 1);
	hak_pool_return(pool, 1, &p);
	hak_pool_trim(pool, false);
	hak_pool_info(pool, &info);
	KUNIT_EXPECT_EQ(test, info.empty, 1);
}

static void shrinker_gives_pages_back(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-shrink", 1024, NULL, 0);
	unsigned int i;
	u64 held;

	hak_shrink_all();
	KUNIT_EXPECT_EQ_MSG(test, hak_shrinker_count(), 0, "nothing to have");
	/* What another CPU's magazine has stays in it, and so does its slab. */
	migrate_disable();
	use_much(test, c);
	held = hak_kunit_stat(HAK_STAT_pages_held);
	KUNIT_EXPECT_GT(test, hak_shrinker_count(), 0);
	hak_reap_here(true);
	/* It only tries the mutex, which another CPU's reaper may have. */
	for (i = 0; i < 100 && task_set(c)->n; i++) {
		msleep(20);
		hak_reap_here(true);
	}
	KUNIT_EXPECT_EQ(test, task_set(c)->n, 0);
	migrate_enable();
	KUNIT_EXPECT_GT(test, hak_shrinker_scan(1024), 0);
	hak_release_wait();
	KUNIT_EXPECT_LT(test, hak_kunit_stat(HAK_STAT_pages_held), held);
}

/* Its own trimming empties SuperSlabs, of which a node otherwise keeps one. */
static void shrinker_leaves_no_empty_superslab(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-shrink-ss", 4096, NULL, 0);

	hak_shrink_all();
	use_much(test, c);
	/* The reaper is paused, and would empty this CPU's set. */
	hak_drain_core(cache_core(c));
	KUNIT_EXPECT_GT(test, hak_shrinker_count(), 0);
	KUNIT_EXPECT_GT(test, hak_shrinker_scan(ULONG_MAX / 2), 0);
	/* Headers wait for a grace period, and are counted until it is over. */
	hak_release_wait();
	KUNIT_EXPECT_EQ(test, hak_shrinker_count(), 0);
}

static void shrinker_does_not_wait_for_the_mutex(struct kunit *test)
{
	unsigned long scanned;

	mutex_lock(&hak_caches_lock);
	/* What serves no slab is nobody's: that goes with the mutex taken, too. */
	hak_shrinker_scan(ULONG_MAX);
	scanned = hak_shrinker_scan(1024);
	hak_shrinker_count();
	mutex_unlock(&hak_caches_lock);
	KUNIT_EXPECT_EQ(test, scanned, SHRINK_STOP);
}

/* As page reclaim calls it: lockdep knows that this thread may not wait for memory. */
static void shrinker_runs_inside_reclaim(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-reclaim", 512, NULL, 0);
	unsigned int nofs;

	use_much(test, c);
	fs_reclaim_acquire(GFP_KERNEL);
	hak_shrinker_count();
	hak_shrinker_scan(1024);
	fs_reclaim_release(GFP_KERNEL);
	use_much(test, c);
	nofs = memalloc_nofs_save();
	hak_shrinker_scan(1024);
	memalloc_nofs_restore(nofs);
}

/* A kick that did nothing, as when its CPU goes away at once, does not eat the next one. */
static void kick_after_a_lost_one_is_heard(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-kick", 64, NULL, 0);
	int i;

	migrate_disable();
	use_much(test, c);
	hak_shrinker_scan(ULONG_MAX);
	flush_workqueue(hak_wq);
	KUNIT_EXPECT_GT_MSG(test, task_set(c)->n, 0, "the reaper is paused");
	hak_reap_pause(false);
	hak_shrinker_scan(ULONG_MAX);
	flush_workqueue(hak_wq);
	/* One that found the mutex taken, by another CPU's reaper, comes again in a moment. */
	for (i = 0; i < 100 && task_set(c)->n; i++) {
		msleep(20);
		flush_workqueue(hak_wq);
	}
	KUNIT_EXPECT_EQ(test, task_set(c)->n, 0);
	KUNIT_EXPECT_NULL(test, task_set(c)->spare);
	migrate_enable();
}

/* What the kicked reapers empty after the shrinker looked goes back to the kernel as well. */
static void kick_leaves_no_empty_superslab(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-kick-ss", 4096, NULL, 0);
	u64 held;
	void *p;
	int i;

	hak_shrink_all();
	hak_release_wait();
	held = hak_kunit_stat(HAK_STAT_pages_held);
	/* One object, in the magazine of this CPU: the shrinker itself finds nothing. */
	p = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	hak_cache_free(c, p);
	KUNIT_EXPECT_GT(test, hak_kunit_stat(HAK_STAT_pages_held), held);
	hak_reap_pause(false);
	hak_shrinker_scan(1024);
	for (i = 0; i < 100 && hak_kunit_stat(HAK_STAT_pages_held) > held; i++) {
		msleep(20);
		flush_workqueue(hak_wq);
		hak_release_wait();
	}
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_pages_held), held);
}

static void *shrinking;		/* the task that does it */
static atomic_t destroyed, destroyed_here;

static void count_dtor(void *p)
{
	atomic_inc((void *)current == READ_ONCE(shrinking) ? &destroyed_here : &destroyed);
}

static void shrinker_leaves_destructors_to_the_worker(struct kunit *test)
{
	struct hak_cache_args args = { .dtor = count_dtor };
	struct hak_cache *c = hak_kunit_cache(test, "kunit-dtor", 256, &args, 0);
	int before;

	use_much(test, c);
	hak_drain_core(cache_core(c));
	hak_release_wait();
	before = atomic_read(&destroyed);
	atomic_set(&destroyed_here, 0);
	WRITE_ONCE(shrinking, current);
	hak_shrinker_scan(1024);
	hak_release_wait();
	WRITE_ONCE(shrinking, NULL);
	KUNIT_EXPECT_GT(test, atomic_read(&destroyed), before);
	KUNIT_EXPECT_EQ(test, atomic_read(&destroyed_here), 0);
}

/* A CPU that has used a cache, and whose reaper finds its set idle just when it is destroyed. */
struct reaped {
	struct hak_cache *c;	/* the main thread's to set, the other one's to clear */
	bool begun, stop;
	unsigned int failed;
	void *p[2 * HAK_MAG_MAX];
	struct completion done;
};

/* Leaves a full spare and up to HAK_BATCH objects in the set: one look takes all of them. */
static void use_and_reap(struct reaped *r)
{
	unsigned int n = 0;

	while (n < ARRAY_SIZE(r->p) && (n <= HAK_MAG_MAX || task_set(r->c)->n > 0)) {
		r->p[n] = hak_cache_alloc(r->c, GFP_KERNEL);
		r->failed += !r->p[n++];
	}
	while (n)
		hak_cache_free(r->c, r->p[--n]);
	hak_reap_here(false);
	WRITE_ONCE(r->begun, true);
	hak_reap_here(false);
}

static int reaped_fn(void *arg)
{
	struct reaped *r = arg;

	while (!READ_ONCE(r->stop)) {
		/* Pairs with destroy_while_reaped(): the cache is made before it is seen. */
		if (smp_load_acquire(&r->c)) {
			use_and_reap(r);
			/* Pairs with its wait: nothing of the cache is used any more. */
			smp_store_release(&r->c, NULL);
		}
		hak_kunit_wait();
	}
	complete(&r->done);
	return 0;
}

/*
 * Destroys a cache @delay turns after the other CPU has begun to look at it.  Who waits
 * yields: User-Mode Linux lets nobody else run on a CPU that spins.
 */
static void destroy_while_reaped(struct reaped *r, unsigned int delay)
{
	struct hak_cache *c = hak_cache_create("kunit-destroy", 64, NULL, 0);

	if (!c) {
		r->failed++;
		return;
	}
	r->begun = false;
	/* Pairs with reaped_fn(). */
	smp_store_release(&r->c, c);
	while (!READ_ONCE(r->begun))
		hak_kunit_wait();
	while (delay--)
		cpu_relax();
	hak_cache_destroy(c);
	/* Pairs with reaped_fn(). */
	while (smp_load_acquire(&r->c))
		hak_kunit_wait();
}

/* What a reaper has in its hands comes back before the cache's slabs are counted. */
static void destroy_while_reaped_loses_nothing(struct kunit *test)
{
	struct reaped *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	u64 leaked = hak_kunit_stat(HAK_STAT_leaked_objects);
	struct task_struct *task;
	unsigned int cpu, i;

	KUNIT_ASSERT_NOT_NULL(test, r);
	init_completion(&r->done);
	task = kthread_create(reaped_fn, r, "hak-reaped");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	migrate_disable();
	cpu = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());
	kthread_bind(task, cpu < nr_cpu_ids ? cpu : raw_smp_processor_id());
	wake_up_process(task);
	for (i = 0; i < DESTROYS; i++)
		destroy_while_reaped(r, i);
	migrate_enable();
	WRITE_ONCE(r->stop, true);
	wait_for_completion(&r->done);
	KUNIT_EXPECT_EQ(test, r->failed, 0);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_leaked_objects), leaked);
	KUNIT_EXPECT_EQ(test, hak_shrink_all(), hak_config_get()->fixed_pages);
}

/* As an isolated CPU that was asked: where it may sleep, and only when it gets to the slabs. */
static void flagged_cpu_empties_its_sets_at_a_miss(struct kunit *test)
{
	struct hak_cache *held = hak_kunit_cache(test, "kunit-held", 64, NULL, 0);
	struct hak_cache *c = hak_kunit_cache(test, "kunit-comes-by", 64, NULL, 0);
	u64 drains = hak_kunit_stat(HAK_STAT_isolated_drains);
	void *p, *q = NULL;

	migrate_disable();
	use_much(test, held);
	WRITE_ONCE(*raw_cpu_ptr(&hak_reap_flag), true);
	if (!gfpflags_allow_blocking(GFP_ATOMIC)) {
		q = hak_cache_alloc(c, GFP_ATOMIC);
		KUNIT_EXPECT_GT(test, task_set(held)->n, 0);
		KUNIT_EXPECT_TRUE(test, raw_cpu_read(hak_reap_flag));
		hak_drain_here(cache_core(c), false);
	}
	p = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_FALSE(test, raw_cpu_read(hak_reap_flag));
	KUNIT_EXPECT_EQ(test, task_set(held)->n, 0);
	KUNIT_EXPECT_NULL(test, task_set(held)->spare);
	migrate_enable();
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_isolated_drains), drains + 1);
	hak_cache_free(c, p);
	if (q)
		hak_cache_free(c, q);
}

static struct kunit_case reap_cases[] = {
	KUNIT_CASE(flagged_cpu_empties_its_sets_at_a_miss),
	KUNIT_CASE(idle_set_is_emptied),
	KUNIT_CASE(moving_set_is_left_alone),
	KUNIT_CASE(gated_set_is_emptied_too),
	KUNIT_CASE(capacity_follows_use),
	KUNIT_CASE(depot_keeps_what_was_wanted),
	KUNIT_CASE(empty_slabs_nobody_wanted_go),
	KUNIT_CASE(empty_slab_that_was_wanted_stays),
	KUNIT_CASE(shrinker_gives_pages_back),
	KUNIT_CASE(shrinker_leaves_no_empty_superslab),
	KUNIT_CASE(shrinker_does_not_wait_for_the_mutex),
	KUNIT_CASE(shrinker_runs_inside_reclaim),
	KUNIT_CASE(kick_after_a_lost_one_is_heard),
	KUNIT_CASE(kick_leaves_no_empty_superslab),
	KUNIT_CASE(shrinker_leaves_destructors_to_the_worker),
	KUNIT_CASE(destroy_while_reaped_loses_nothing),
	{}
};

struct kunit_suite hak_reap_suite = {
	.name = "hakmem_reap",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = reap_cases,
};
