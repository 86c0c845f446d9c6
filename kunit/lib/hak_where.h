/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Running a function in each context a client may call from, on this CPU or another.
 *
 * NMIs are in selftest/selftest_nmi.c: they want a kernel with kprobes.  A test whose interrupts
 * keep coming while a task works times them in its own way.
 */
#ifndef _HAK_WHERE_H
#define _HAK_WHERE_H

#include "port/kernel/hak_timer.h"
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/workqueue.h>

enum hak_where {
	HAK_IN_TASK, HAK_IN_BH_OFF, HAK_IN_IRQ_OFF, HAK_IN_SOFTIRQ, HAK_IN_HARDIRQ, HAK_IN_HRTIMER,
	HAK_WHERES,
	/* Only where preemption is on may a caller sleep; to the allocator it is a task. */
	HAK_IN_PREEMPT_OFF = HAK_WHERES
};

static const char *const hak_where_name[] __maybe_unused = {
	"task", "bottom halves off", "interrupts off", "softirq", "hardirq", "hrtimer",
	"preemption off",
};

/* May memory be made there? On PREEMPT_RT softirqs are tasks, and the kernel's locks sleep. */
static inline bool hak_may_grow_in(enum hak_where where)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT) || where == HAK_IN_TASK || where == HAK_IN_BH_OFF ||
	       where == HAK_IN_SOFTIRQ;
}

struct hak_errand {
	void (*fn)(void *arg);
	void *arg;
	enum hak_where where;
	bool right;		/* was the context what it should be? */
	struct tasklet_struct tasklet;
	struct irq_work work;
	struct hrtimer timer;
	struct completion fired;
};

static inline void hak_errand_softirq(struct tasklet_struct *tasklet)
{
	struct hak_errand *e = container_of(tasklet, struct hak_errand, tasklet);

	e->right = in_serving_softirq() && !in_hardirq();
	e->fn(e->arg);
}

static inline void hak_errand_hardirq(struct irq_work *work)
{
	struct hak_errand *e = container_of(work, struct hak_errand, work);

	e->right = in_hardirq() && irqs_disabled();
	e->fn(e->arg);
}

static inline enum hrtimer_restart hak_errand_hrtimer(struct hrtimer *timer)
{
	struct hak_errand *e = container_of(timer, struct hak_errand, timer);

	e->right = in_hardirq() && irqs_disabled();
	e->fn(e->arg);
	complete(&e->fired);
	return HRTIMER_NORESTART;
}

static inline void hak_errand_run_hrtimer(struct hak_errand *e)
{
	init_completion(&e->fired);
	hak_hrtimer_setup(&e->timer, hak_errand_hrtimer);
	hrtimer_start(&e->timer, ns_to_ktime(1000), HAK_HRTIMER_MODE);
	wait_for_completion(&e->fired);
	/* It completes before its handler returns. */
	hrtimer_cancel(&e->timer);
	destroy_hrtimer_on_stack(&e->timer);
}

static inline void hak_errand_run_closed(struct hak_errand *e)
{
	unsigned long flags = 0;

	if (e->where == HAK_IN_BH_OFF)
		local_bh_disable();
	else if (e->where == HAK_IN_IRQ_OFF)
		local_irq_save(flags);
	else if (e->where == HAK_IN_PREEMPT_OFF)
		preempt_disable();
	e->fn(e->arg);
	if (e->where == HAK_IN_BH_OFF)
		local_bh_enable();
	else if (e->where == HAK_IN_IRQ_OFF)
		local_irq_restore(flags);
	else if (e->where == HAK_IN_PREEMPT_OFF)
		preempt_enable();
	e->right = true;
}

static inline long hak_errand_run(void *arg)
{
	struct hak_errand *e = arg;

	switch (e->where) {
	case HAK_IN_SOFTIRQ:
		tasklet_setup(&e->tasklet, hak_errand_softirq);
		/* It runs when bottom halves are on again, or at the latest in ksoftirqd. */
		local_bh_disable();
		tasklet_schedule(&e->tasklet);
		local_bh_enable();
		tasklet_kill(&e->tasklet);
		break;
	case HAK_IN_HARDIRQ:
		e->work = HAK_IRQ_WORK(hak_errand_hardirq);
		irq_work_queue(&e->work);
		irq_work_sync(&e->work);
		break;
	case HAK_IN_HRTIMER:
		hak_errand_run_hrtimer(e);
		break;
	default:
		hak_errand_run_closed(e);
	}
	return 0;
}

/* Run @fn there, on this CPU; returns false if the context was not what it should be. */
static inline bool hak_run_in(enum hak_where where, void (*fn)(void *arg), void *arg)
{
	struct hak_errand e = { .fn = fn, .arg = arg, .where = where };

	migrate_disable();
	hak_errand_run(&e);
	migrate_enable();
	return e.right;
}

/* The same on @cpu. */
static inline bool hak_run_on(int cpu, enum hak_where where, void (*fn)(void *arg), void *arg)
{
	struct hak_errand e = { .fn = fn, .arg = arg, .where = where };

	work_on_cpu(cpu, hak_errand_run, &e);
	return e.right;
}

/* A CPU that is not this one, or -1. Racy unless pinned. */
static inline int hak_other_cpu(void)
{
	int cpu = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());

	return cpu < nr_cpu_ids ? cpu : -1;
}

#endif /* _HAK_WHERE_H */
