// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_scale: the lock of a depot is taken at most once for each magazine.
 *
 * What CPUs share is the depot, so its lock is what may not scale.  Each CPU allocates, and the
 * next one frees all of it: first in turns, so that the count is known, then all at once.  The
 * suite runs on as many CPUs as there are.
 */
#include "kunit/hak_kunit.h"
#include "kunit/lib/hak_where.h"
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>

#define MAGS 32		/* magazines of objects that one CPU allocates and another frees */
#define GROWING 4	/* the count may be off by so much: a magazine grows in two misses */
#define ROUNDS 4

struct share {
	struct scale *t;
	void **p;
	unsigned int cpu, failed;
	struct share *next;	/* whose objects this CPU frees */
	struct completion done;
};

struct scale {
	struct hak_cache *c;
	unsigned int n, cpus;
	atomic_t arrived;	/* at the end of a phase, in all */
	struct share share[];
};

static unsigned int scale_slots(const struct scale *t)
{
	struct hak_core *core = cache_core(t->c);

	return min_t(unsigned int, core->mag_max,
		     max(HAK_MAG_FIRST, HAK_MAG_BYTES / core->pool.stride));
}

static u64 scale_locks(const struct scale *t)
{
	u64 n = 0;
	int nid;

	for_each_node(nid)
		n += cache_core(t->c)->depot[nid].locked;
	return n;
}

static struct scale *scale_create(struct kunit *test)
{
	unsigned int i = 0, cpus = num_online_cpus();
	struct scale *t = kunit_kzalloc(test, struct_size(t, share, cpus), GFP_KERNEL);
	int cpu;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->c = hak_kunit_cache(test, "kunit-scale", 64, NULL, 0);
	t->n = MAGS * scale_slots(t);
	t->cpus = cpus;
	for_each_online_cpu(cpu) {
		struct share *s = &t->share[i];

		if (i == cpus)
			break;
		i++;
		s->t = t;
		s->cpu = cpu;
		s->p = kunit_kcalloc(test, t->n, sizeof(void *), GFP_KERNEL);
		s->next = &t->share[i % cpus];
		init_completion(&s->done);
		KUNIT_ASSERT_NOT_NULL(test, s->p);
	}
	KUNIT_ASSERT_EQ(test, i, cpus);
	return t;
}

static void share_take(void *arg)
{
	struct share *s = arg;
	unsigned int i;

	for (i = 0; i < s->t->n; i++) {
		s->p[i] = hak_cache_alloc(s->t->c, GFP_KERNEL);
		s->failed += !s->p[i];
	}
}

static void share_give(void *arg)
{
	struct share *s = arg;
	unsigned int i;

	for (i = 0; i < s->t->n; i++)
		if (s->p[i])
			hak_cache_free(s->t->c, s->p[i]);
}

/* @fn on the CPU of @on for the objects of @s: how often the lock was taken. */
static u64 scale_count(struct scale *t, struct share *on, void (*fn)(void *arg), struct share *s)
{
	u64 locks = scale_locks(t);

	hak_run_on(on->cpu, HAK_IN_TASK, fn, s);
	return scale_locks(t) - locks;
}

static void cpus_in_turn_take_the_lock_once_a_magazine(struct kunit *test)
{
	struct scale *t = scale_create(test);
	bool kept = num_online_nodes() == 1 &&
		    hak_config_get()->cache_bytes_max >= 2ULL * t->n * 64;
	unsigned int i, round;
	u64 taken, given;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < t->cpus; i++) {
			struct share *s = &t->share[i];

			taken = scale_count(t, s, share_take, s);
			given = scale_count(t, s->next, share_give, s);
			KUNIT_EXPECT_EQ(test, s->failed, 0);
			KUNIT_EXPECT_LE_MSG(test, taken, MAGS + GROWING, "CPU %u", s->cpu);
			KUNIT_EXPECT_LE_MSG(test, given, MAGS + GROWING, "CPU %u", s->next->cpu);
			/* It is there that they go, and come from. */
			if (kept)
				KUNIT_EXPECT_GE(test, given, MAGS - GROWING);
			if (kept && round)
				KUNIT_EXPECT_GE(test, taken, MAGS - GROWING);
		}
	}
	KUNIT_EXPECT_EQ(test, hak_audit(0), 0);
}

/* All are at the end of the phase. */
static void share_meet(struct share *s, unsigned int phase)
{
	atomic_inc(&s->t->arrived);
	while (atomic_read(&s->t->arrived) < (phase + 1) * s->t->cpus)
		hak_kunit_wait();
}

static int share_thread(void *arg)
{
	struct share *s = arg;
	unsigned int round, phase = 0;

	for (round = 0; round < ROUNDS; round++) {
		share_take(s);
		share_meet(s, phase++);
		share_give(s->next);
		share_meet(s, phase++);
	}
	complete(&s->done);
	return 0;
}

static void cpus_at_once_take_the_lock_once_a_magazine(struct kunit *test)
{
	struct scale *t = scale_create(test);
	u64 locks = scale_locks(t), ops;
	struct task_struct *task;
	unsigned int i;

	for (i = 0; i < t->cpus; i++) {
		task = kthread_create(share_thread, &t->share[i], "hak-scale/%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
		kthread_bind(task, t->share[i].cpu);
		wake_up_process(task);
	}
	for (i = 0; i < t->cpus; i++)
		wait_for_completion(&t->share[i].done);
	for (i = 0; i < t->cpus; i++)
		KUNIT_EXPECT_EQ(test, t->share[i].failed, 0);
	/* Allocations and frees; each CPU's magazines grow once for either. */
	ops = 2ULL * ROUNDS * t->cpus * t->n;
	locks = scale_locks(t) - locks;
	KUNIT_EXPECT_LE(test, locks, ops / scale_slots(t) + 2 * GROWING * t->cpus);
	KUNIT_EXPECT_EQ(test, hak_audit(0), 0);
}

static struct kunit_case scale_cases[] = {
	KUNIT_CASE_SLOW(cpus_in_turn_take_the_lock_once_a_magazine),
	KUNIT_CASE_SLOW(cpus_at_once_take_the_lock_once_a_magazine),
	{}
};

struct kunit_suite hak_scale_suite = {
	.name = "hakmem_scale",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = scale_cases,
};
