// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_rcu: frees after a grace period.
 *
 * "Free" is asked of the slab's own map, so each case first empties what lies between.
 */
#include "kunit/hak_kunit.h"
#include "kunit/lib/hak_where.h"
#include "tiny/tiny_rcu.h"
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>

struct item {
	unsigned long value;
	struct rcu_head rcu;
	unsigned long tail;
};

static bool is_free(struct hak_cache *c, const void *p)
{
	hak_cache_shrink(c);
	return !hak_owns(p) || hak_pool_object_free(&cache_core(c)->pool, p);
}

/* Two, so that the slab of the second stays where it can be asked. */
static struct hak_cache *new_cache(struct kunit *test, struct item **p, struct item **other)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-free-rcu", sizeof(struct item), NULL, 0);

	*p = hak_cache_alloc(c, GFP_KERNEL);
	*other = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, *p);
	KUNIT_ASSERT_NOT_NULL(test, *other);
	return c;
}

struct reader {
	struct completion inside;
	atomic_t leave;
};

static int read_side(void *arg)
{
	struct reader *r = arg;

	rcu_read_lock();
	complete(&r->inside);
	/* Not sleeping: a grace period may not begin and end in here. */
	while (!atomic_read(&r->leave))
		cpu_relax();
	rcu_read_unlock();
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/* With one CPU the reader would keep everybody off it, unless it can be preempted. */
static void waits_for_readers(struct kunit *test)
{
	struct reader r = { .leave = ATOMIC_INIT(0) };
	struct task_struct *task;
	struct item *p, *other;
	struct hak_cache *c;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	c = new_cache(test, &p, &other);
	init_completion(&r.inside);
	task = kthread_create(read_side, &r, "hak-reader");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	migrate_disable();
	kthread_bind(task, cpumask_any_but(cpu_online_mask, raw_smp_processor_id()));
	wake_up_process(task);
	wait_for_completion(&r.inside);
	p->value = 0x1234;
	hak_free_rcu(p, rcu);
	msleep(60);
	KUNIT_EXPECT_EQ(test, p->value, 0x1234);
	KUNIT_EXPECT_EQ(test, hak_core_live(cache_core(c)), 2);
	migrate_enable();
	atomic_set(&r.leave, 1);
	hak_rcu_barrier();
	kthread_stop(task);
	KUNIT_EXPECT_TRUE(test, is_free(c, p));
	KUNIT_EXPECT_FALSE(test, is_free(c, other));
	hak_cache_free(c, other);
}

/* An ordinary one, as call_rcu() waits for: synchronize_rcu() may be told to hurry. */
static void wait_for_grace_period(void)
{
	unsigned long gp = start_poll_synchronize_rcu();

	while (!poll_state_synchronize_rcu(gp))
		schedule_timeout_uninterruptible(1);
}

/* As hak_free_rcu(), but to any list; returns whether that was empty. */
static bool push(struct kunit *test, struct hak_rcu_list *l, struct item *p)
{
	KUNIT_EXPECT_TRUE(test, hak_rcu_may_wait(&p->rcu, p, 0));
	return hak_rcu_link(l, &p->rcu, p);
}

/* Whoever asks for a turn, and when: the batch's own grace period decides. */
static void each_batch_waits_itself(struct kunit *test)
{
	struct hak_rcu_list list = {};
	struct item *p, *other;
	struct hak_cache *c = new_cache(test, &p, &other);

	KUNIT_EXPECT_TRUE(test, push(test, &list, p));
	KUNIT_EXPECT_TRUE(test, hak_rcu_turn(&list));
	KUNIT_EXPECT_TRUE(test, push(test, &list, other));
	wait_for_grace_period();
	/* The first is free, the second has only now been taken. */
	KUNIT_EXPECT_TRUE(test, hak_rcu_turn(&list));
	KUNIT_EXPECT_EQ(test, hak_core_live(cache_core(c)), 1);
	rcu_read_lock();
	KUNIT_EXPECT_TRUE(test, hak_rcu_turn(&list));
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, hak_core_live(cache_core(c)), 1);
	wait_for_grace_period();
	KUNIT_EXPECT_FALSE(test, hak_rcu_turn(&list));
	KUNIT_EXPECT_EQ(test, hak_core_live(cache_core(c)), 0);
}

/*
 * Who makes a list not empty may be interrupted before asking for the work, and those who push
 * then ask for none: a barrier has to see what is there all the same.
 */
static void barrier_needs_no_request(struct kunit *test)
{
	struct item *p, *other;
	struct hak_cache *c = new_cache(test, &p, &other);

	hak_rcu_barrier();
	preempt_disable();
	push(test, hak_rcu_list_of(smp_processor_id()), p);
	hak_free_rcu(other, rcu);
	preempt_enable();
	hak_rcu_barrier();
	KUNIT_EXPECT_EQ(test, hak_core_live(cache_core(c)), 0);
}

static void destroy_waits(struct kunit *test)
{
	struct hak_cache *c = hak_cache_create("kunit-rcu-gone", sizeof(struct item), NULL, 0);
	u64 leaked = hak_kunit_stat(HAK_STAT_leaked_objects);
	struct item *p;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, c);
	for (i = 0; i < 500; i++) {
		p = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		hak_free_rcu(p, rcu);
	}
	hak_cache_destroy(c);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_leaked_objects), leaked);
}

static void nothing_of_null(struct kunit *test)
{
	u64 before = hak_kunit_stat(HAK_STAT_free_rcu);
	struct item *none = NULL;

	hak_free_rcu(none, rcu);
	hak_rcu_barrier();
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_free_rcu), before);
}

static void evaluates_once(struct kunit *test)
{
	struct item *p[2], **next = p;
	struct hak_cache *c = new_cache(test, &p[0], &p[1]);

	hak_free_rcu(*next++, rcu);
	KUNIT_EXPECT_PTR_EQ(test, next, &p[1]);
	hak_free_rcu(*next++, rcu);
	hak_rcu_barrier();
	KUNIT_EXPECT_EQ(test, hak_core_live(cache_core(c)), 0);
}

static void second_call_is_a_double_free(struct kunit *test)
{
	struct hak_counts bad;
	struct item *p, *other;
	struct hak_cache *c = new_cache(test, &p, &other);

	hak_counts_begin(&bad);
	/* A live object that leads to itself is none that waits. */
	p->rcu.func = (rcu_callback_t)p;
	hak_free_rcu(p, rcu);
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_double, 0, "first");
	/* The first may be free by now; so both must come before a grace period can end. */
	hak_rcu_barrier();
	rcu_read_lock();
	hak_free_rcu(other, rcu);
	hak_free_rcu(other, rcu);
	rcu_read_unlock();
	hak_rcu_barrier();
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_double, 1, "second");
	KUNIT_EXPECT_EQ(test, hak_core_live(cache_core(c)), 0);
	/* And is forgotten when the object is another one. */
	p = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	hak_free_rcu(p, rcu);
	hak_rcu_barrier();
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_double, 1, "third");
}

struct far {
	char head[3000];
	struct rcu_head rcu;
};

static void large_memory_and_any_offset(struct kunit *test)
{
	u64 large = hak_kunit_stat(HAK_STAT_free_large), all = hak_kunit_stat(HAK_STAT_free_rcu);
	struct rcu_head *first = hak_alloc(sizeof(*first), GFP_KERNEL);
	struct only {
		struct rcu_head rcu;
	} *only = (void *)first;
	struct far *far = hak_alloc(sizeof(*far), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, only);
	KUNIT_ASSERT_NOT_NULL(test, far);
	hak_free_rcu(only, rcu);
	hak_free_rcu(far, rcu);
	hak_rcu_barrier();
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_free_rcu), all + 2);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_free_large), large + 1);
}

#define CROWD_ITEMS 20000

struct crowd {
	struct hak_cache *c;
	struct completion done;		/* once for each member */
};

static int crowd_member(void *arg)
{
	struct crowd *crowd = arg;
	unsigned int i, failed = 0;

	for (i = 0; i < CROWD_ITEMS; i++) {
		struct item *p = hak_cache_alloc(crowd->c, GFP_KERNEL);

		if (p)
			hak_free_rcu(p, rcu);
		else
			failed++;
		if (i % 100 == 99)
			cond_resched();
	}
	complete(&crowd->done);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return failed;
}

static void every_cpu_at_once(struct kunit *test)
{
	struct crowd crowd = {
		.c = hak_kunit_cache(test, "kunit-crowd", sizeof(struct item), NULL, 0),
	};
	u64 before = hak_kunit_stat(HAK_STAT_free_rcu);
	struct task_struct *task[4];
	int i;

	init_completion(&crowd.done);
	for (i = 0; i < ARRAY_SIZE(task); i++) {
		task[i] = kthread_run(crowd_member, &crowd, "hak-rcu-%d", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(task[i]));
	}
	/* One that is stopped before it began does nothing, and says so. */
	for (i = 0; i < ARRAY_SIZE(task); i++)
		wait_for_completion(&crowd.done);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		KUNIT_EXPECT_EQ(test, kthread_stop(task[i]), 0);
	hak_rcu_barrier();
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_free_rcu) - before,
			ARRAY_SIZE(task) * CROWD_ITEMS);
	KUNIT_EXPECT_EQ(test, hak_core_live(cache_core(crowd.c)), 0);
}

struct atomic_caller {
	raw_spinlock_t lock;
	struct item *p;
};

static void free_under_raw_lock(void *arg)
{
	struct atomic_caller *a = arg;
	unsigned long flags;

	raw_spin_lock_irqsave(&a->lock, flags);
	hak_free_rcu(a->p, rcu);
	raw_spin_unlock_irqrestore(&a->lock, flags);
}

/*
 * Under a raw spinlock, as a task and in hardirq, and the first of its CPU each time, which
 * asks for the work.  Where there is lockdep it has the verdict.
 */
static void under_raw_lock_and_in_hardirq(struct kunit *test)
{
	u64 before = hak_kunit_stat(HAK_STAT_free_rcu);
	struct atomic_caller a;
	struct hak_cache *c;
	int i;

	c = hak_kunit_cache(test, "kunit-raw", sizeof(struct item), NULL, 0);
	raw_spin_lock_init(&a.lock);
	for (i = 0; i < 4; i++) {
		hak_rcu_barrier();
		a.p = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, a.p);
		KUNIT_EXPECT_TRUE(test, hak_run_in(i & 1 ? HAK_IN_HARDIRQ : HAK_IN_TASK,
						   free_under_raw_lock, &a));
	}
	hak_rcu_barrier();
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_free_rcu) - before, 4);
	KUNIT_EXPECT_EQ(test, hak_core_live(cache_core(c)), 0);
}

static struct kunit_case rcu_cases[] = {
	KUNIT_CASE(waits_for_readers),
	KUNIT_CASE(each_batch_waits_itself),
	KUNIT_CASE(barrier_needs_no_request),
	KUNIT_CASE(destroy_waits),
	KUNIT_CASE(nothing_of_null),
	KUNIT_CASE(evaluates_once),
	KUNIT_CASE(second_call_is_a_double_free),
	KUNIT_CASE(large_memory_and_any_offset),
	KUNIT_CASE(under_raw_lock_and_in_hardirq),
	KUNIT_CASE_SLOW(every_cpu_at_once),
	{}
};

struct kunit_suite hak_rcu_suite = {
	.name = "hakmem_rcu",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = rcu_cases,
};
