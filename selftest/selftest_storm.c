// SPDX-License-Identifier: GPL-2.0
/*
 * Group storm: on every CPU a task, a softirq and a hardirq use one cache at a time.
 *
 * The hardirq is the timer of a software performance event.  It fires some ten thousand times a
 * second at whatever instruction the CPU happens to be, and raises a tasklet.  Where there are no
 * such events the task raises the interrupt itself.
 */
#include "selftest/selftest.h"
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/perf_event.h>
#include <linux/sched.h>

static unsigned int period_us = 50;
module_param(period_us, uint, 0444);
MODULE_PARM_DESC(period_us, "microseconds between the interrupts of the storm (default 50)");

#define ENOUGH 60	/* interrupts to wait for */

struct gust {
	struct st_worker task, soft, hard;
	struct tasklet_struct tasklet;
	struct irq_work work;
	struct task_struct *thread;
	struct completion done;
	atomic_t softirqs, hardirqs, wrong;
#ifdef CONFIG_PERF_EVENTS
	struct perf_event *event;
#endif
	int cpu;
};

static void gust_soft(struct tasklet_struct *tasklet)
{
	struct gust *g = container_of(tasklet, struct gust, tasklet);

	if (!in_serving_softirq() || in_hardirq())
		atomic_inc(&g->wrong);
	atomic_inc(&g->softirqs);
	st_work(&g->soft, 20);
}

static void gust_hard(struct gust *g)
{
	if (!in_hardirq() || smp_processor_id() != g->cpu)
		atomic_inc(&g->wrong);
	atomic_inc(&g->hardirqs);
	st_work(&g->hard, 10);
	tasklet_schedule(&g->tasklet);
}

static void gust_work(struct irq_work *work)
{
	gust_hard(container_of(work, struct gust, work));
}

#ifdef CONFIG_PERF_EVENTS
static void gust_event(struct perf_event *event, struct perf_sample_data *data,
		       struct pt_regs *regs)
{
	gust_hard(event->overflow_handler_context);
}

static bool gust_clock(struct gust *g)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(attr),
		.pinned = 1,
		.sample_period = period_us * 1000UL,
	};

	g->event = perf_event_create_kernel_counter(&attr, g->cpu, NULL, gust_event, g);
	return !IS_ERR(g->event);
}

static void gust_calm(struct gust *g)
{
	if (!IS_ERR_OR_NULL(g->event))
		perf_event_release_kernel(g->event);
}

static void gust_raise(struct gust *g)
{
}
#else
static bool gust_clock(struct gust *g)
{
	return true;
}

static void gust_calm(struct gust *g)
{
	irq_work_sync(&g->work);
}

static void gust_raise(struct gust *g)
{
	irq_work_queue(&g->work);
}
#endif

static bool gust_enough(struct gust *g)
{
	return atomic_read(&g->hardirqs) >= ENOUGH && atomic_read(&g->softirqs) >= ENOUGH / 2;
}

static int gust_thread(void *arg)
{
	unsigned long deadline = jiffies + 50 * HZ;
	struct gust *g = arg;
	unsigned int i;

	for (i = 0; i < st_loops || (!gust_enough(g) && time_before(jiffies, deadline)); i++) {
		st_work(&g->task, 50);
		if (!(i % 8))
			gust_raise(g);
		cond_resched();
	}
	complete(&g->done);
	return 0;
}

static struct gust *gust_begin(struct hak_kind kind, int cpu)
{
	struct gust *g = kvzalloc(sizeof(*g), GFP_KERNEL);

	if (!g)
		return NULL;
	g->cpu = cpu;
	st_worker_init(&g->task, kind, cpu * 3);
	st_worker_init(&g->soft, kind, cpu * 3 + 1);
	st_worker_init(&g->hard, kind, cpu * 3 + 2);
	tasklet_setup(&g->tasklet, gust_soft);
	init_irq_work(&g->work, gust_work);
	init_completion(&g->done);
	g->thread = kthread_create(gust_thread, g, "selftest/%d", cpu);
	if (IS_ERR(g->thread)) {
		kvfree(g);
		return NULL;
	}
	kthread_bind(g->thread, cpu);
	return g;
}

static void gust_start(struct st *t, struct gust *g)
{
	st_expect(t, gust_clock(g), "no timer event on CPU %d", g->cpu);
	wake_up_process(g->thread);
}

static void gust_stop(struct gust *g)
{
	wait_for_completion(&g->done);
	gust_calm(g);
	tasklet_kill(&g->tasklet);
}

static void gust_end(struct st *t, struct gust *g)
{
	unsigned int hard = atomic_read(&g->hardirqs), soft = atomic_read(&g->softirqs);

	st_expect(t, !atomic_read(&g->wrong), "an interrupt was not what it should be");
	st_expect(t, gust_enough(g), "CPU %d: only %u hardirqs and %u softirqs", g->cpu, hard,
		  soft);
	st_expect(t, g->task.failed < g->task.allocs / 10 + 1, "%u of %u allocations failed",
		  g->task.failed, g->task.allocs);
	st_worker_exit(t, &g->task, "task");
	st_worker_exit(t, &g->soft, "softirq");
	st_worker_exit(t, &g->hard, "hardirq");
	kvfree(g);
}

static void storm_run(struct st *t, struct hak_kind kind)
{
	struct gust **gust = kcalloc(nr_cpu_ids, sizeof(*gust), GFP_KERNEL);
	long live = 0;
	int cpu;

	if (!st_expect(t, gust, "no memory"))
		return;
	for_each_online_cpu(cpu) {
		gust[cpu] = gust_begin(kind, cpu);
		if (st_expect(t, gust[cpu], "no thread on CPU %d", cpu))
			gust_start(t, gust[cpu]);
	}
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		if (gust[cpu])
			gust_stop(gust[cpu]);
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		if (gust[cpu])
			live += gust[cpu]->task.n + gust[cpu]->soft.n + gust[cpu]->hard.n;
	st_expect(t, !hak_audit(live), "audit of %ld live objects", live);
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		if (gust[cpu])
			gust_end(t, gust[cpu]);
	kfree(gust);
}

static void storm_on_class(struct st *t)
{
	storm_run(t, (struct hak_kind){ .size = t->arg });
}

/* test->arg: 1 with a constructor. */
static void storm_on_cache(struct st *t)
{
	struct hak_cache_args args = { .ctor = t->arg ? hak_empty_ctor : NULL };
	struct hak_cache *c = hak_cache_create("selftest-storm", 48, &args, 0);

	if (st_expect(t, c, "no memory"))
		storm_run(t, (struct hak_kind){ c, 48 });
	hak_cache_destroy(c);
}

const struct st_test st_storm_tests[] = {
	{ "64 bytes", storm_on_class, 64 },
	{ "1024 bytes", storm_on_class, 1024 },
	{ "typed", storm_on_cache, 0 },
	{ "constructor", storm_on_cache, 1 },
	{ }
};
