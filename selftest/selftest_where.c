// SPDX-License-Identifier: GPL-2.0
/* Running a function in each context a client may call from, on this CPU or another. */
#include "port/kernel/hak_timer.h"
#include "selftest/selftest.h"
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/workqueue.h>

const char *const st_where_name[] = {
	"task", "bottom halves off", "interrupts off", "softirq", "hardirq",
	"hrtimer",
};

struct call {
	void (*fn)(void *arg);
	void *arg;
	enum st_where where;
	bool right;
	struct tasklet_struct tasklet;
	struct irq_work work;
	struct hrtimer timer;
	struct completion fired;
};

static void softirq_fn(struct tasklet_struct *tasklet)
{
	struct call *call = container_of(tasklet, struct call, tasklet);

	call->right = in_serving_softirq() && !in_hardirq();
	call->fn(call->arg);
}

static void hardirq_fn(struct irq_work *work)
{
	struct call *call = container_of(work, struct call, work);

	call->right = in_hardirq() && irqs_disabled();
	call->fn(call->arg);
}

static enum hrtimer_restart hrtimer_fn(struct hrtimer *timer)
{
	struct call *call = container_of(timer, struct call, timer);

	call->right = in_hardirq() && irqs_disabled();
	call->fn(call->arg);
	complete(&call->fired);
	return HRTIMER_NORESTART;
}

static void run_hrtimer(struct call *call)
{
	init_completion(&call->fired);
	hak_hrtimer_setup(&call->timer, hrtimer_fn);
	hrtimer_start(&call->timer, ns_to_ktime(1000), HAK_HRTIMER_MODE);
	wait_for_completion(&call->fired);
	/* It completes before its handler returns. */
	hrtimer_cancel(&call->timer);
	destroy_hrtimer_on_stack(&call->timer);
}

static void run_closed(struct call *call)
{
	unsigned long flags;

	if (call->where == ST_BH_OFF) {
		local_bh_disable();
		call->fn(call->arg);
		local_bh_enable();
	} else {
		local_irq_save(flags);
		call->fn(call->arg);
		local_irq_restore(flags);
	}
	call->right = true;
}

static void run_call(struct call *call)
{
	switch (call->where) {
	case ST_SOFTIRQ:
		tasklet_setup(&call->tasklet, softirq_fn);
		/* It runs when bottom halves are on again, or at the latest in ksoftirqd. */
		local_bh_disable();
		tasklet_schedule(&call->tasklet);
		local_bh_enable();
		tasklet_kill(&call->tasklet);
		break;
	case ST_HARDIRQ:
		call->work = HAK_IRQ_WORK(hardirq_fn);
		irq_work_queue(&call->work);
		irq_work_sync(&call->work);
		break;
	case ST_HRTIMER:
		run_hrtimer(call);
		break;
	case ST_TASK:
		call->right = true;
		call->fn(call->arg);
		break;
	default:
		run_closed(call);
	}
}

bool st_run_in(enum st_where where, void (*fn)(void *arg), void *arg)
{
	struct call call = { .fn = fn, .arg = arg, .where = where };

	migrate_disable();
	run_call(&call);
	migrate_enable();
	return call.right;
}

static long run_on(void *arg)
{
	run_call(arg);
	return 0;
}

bool st_run_on(int cpu, enum st_where where, void (*fn)(void *arg), void *arg)
{
	struct call call = { .fn = fn, .arg = arg, .where = where };

	work_on_cpu(cpu, run_on, &call);
	return call.right;
}

int st_other_cpu(void)
{
	int cpu = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());

	return cpu < nr_cpu_ids ? cpu : -1;
}
