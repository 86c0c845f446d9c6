// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts at the allocator: a timer in hardirq, a tasklet, an irq_work, and a task that
 * cuts in.
 *
 * A step fires a volley of timer shots on its CPU and works at task level under them.  Each shot
 * works in hardirq, and sends a tasklet and an irq_work after itself.  When the volley is over
 * nothing of it is left.  The task that cuts in has real-time priority and sleeps for short
 * times: it preempts others wherever they are.
 *
 * Others must get on, however slow the machine is.  So who cuts in waits for several times as
 * long as its work took before it does so again.
 */
#include "port/kernel/hak_timer.h"
#include "torture/torture.h"
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/sched.h>

#define SHOTS 50
#define SHOT_NS 50000
#define SMALL 512
#define DRAIN_SIZE 48
#define BREAK 10	/* a tasklet and an irq_work come after each shot */

struct volley {
	struct tt_user hard, soft, work;
	struct tt_kind kind;	/* what it works on; of size 0: anything */
	struct tasklet_struct tasklet;
	struct irq_work irq_work;
	unsigned int shots;
};

/* On the stack of the step. */
struct gun {
	struct hrtimer timer;
	struct volley *volley;
};

static u64 break_ns(ktime_t since)
{
	return max_t(u64, SHOT_NS, BREAK * ktime_to_ns(ktime_sub(ktime_get(), since)));
}

static void volley_uses(struct volley *v, struct tt_user *u, unsigned int n)
{
	if (v->kind.size)
		tt_work_on(u, n, &v->kind, TT_ATOMIC);
	else
		tt_work(u, n, SMALL, TT_ATOMIC);
	u->ops++;
}

static void volley_soft(struct tasklet_struct *tasklet)
{
	struct volley *v = container_of(tasklet, struct volley, tasklet);

	volley_uses(v, &v->soft, 10);
}

static void volley_work(struct irq_work *work)
{
	struct volley *v = container_of(work, struct volley, irq_work);

	volley_uses(v, &v->work, 5);
}

static enum hrtimer_restart volley_shot(struct hrtimer *timer)
{
	struct volley *v = container_of(timer, struct gun, timer)->volley;
	ktime_t now = ktime_get();

	volley_uses(v, &v->hard, 5);
	tasklet_schedule(&v->tasklet);
	if (v->shots % 4 == 0)
		irq_work_queue(&v->irq_work);
	if (!v->shots || tt_hurry())
		return HRTIMER_NORESTART;
	WRITE_ONCE(v->shots, v->shots - 1);
	hrtimer_forward_now(timer, ns_to_ktime(break_ns(now)));
	return HRTIMER_RESTART;
}

static int irq_begin(struct tt_thread *t)
{
	struct volley *v = kvzalloc(sizeof(*v), GFP_KERNEL);

	if (!v)
		return -ENOMEM;
	tt_user_init(&v->hard, t->user.sc);
	tt_user_init(&v->soft, t->user.sc);
	tt_user_init(&v->work, t->user.sc);
	tasklet_setup(&v->tasklet, volley_soft);
	v->irq_work = HAK_IRQ_WORK(volley_work);
	t->priv = v;
	return 0;
}

/* Fire a volley, and call @meanwhile until it is over. */
static void volley_fire(struct tt_thread *t, void (*meanwhile)(struct tt_thread *t))
{
	struct volley *v = t->priv;
	struct gun gun = { .volley = v };

	v->shots = SHOTS;
	hak_hrtimer_setup(&gun.timer, volley_shot);
	hrtimer_start(&gun.timer, ns_to_ktime(SHOT_NS), HAK_HRTIMER_MODE);
	while (READ_ONCE(v->shots) && !tt_hurry()) {
		meanwhile(t);
		tt_let_others();
	}
	hrtimer_cancel(&gun.timer);
	destroy_hrtimer_on_stack(&gun.timer);
	irq_work_sync(&v->irq_work);
	tasklet_kill(&v->tasklet);
	usleep_range(100, 1000);
}

static void irq_meanwhile(struct tt_thread *t)
{
	tt_work(&t->user, 50, SMALL, tt_gfp(&t->user));
}

static void irq_step(struct tt_thread *t)
{
	volley_fire(t, irq_meanwhile);
}

static void irq_end(struct tt_thread *t)
{
	struct volley *v = t->priv;

	tt_drop_all(&v->hard);
	tt_drop_all(&v->soft);
	tt_drop_all(&v->work);
	tt_user_exit(&v->hard);
	tt_user_exit(&v->soft);
	tt_user_exit(&v->work);
	kvfree(v);
}

struct tt_scenario tt_irq = {
	.name = "irq", .per_cpu = 1, .begin = irq_begin, .step = irq_step, .end = irq_end,
};

/* Interrupts use a cache of the thread's own, which is emptied all the time. */
static int drain_begin(struct tt_thread *t)
{
	struct volley *v;
	char name[24];
	int err = irq_begin(t);

	if (err)
		return err;
	v = t->priv;
	scnprintf(name, sizeof(name), "torture-drain-%u", t->index);
	v->kind.size = DRAIN_SIZE;
	v->kind.c = hak_cache_create(name, DRAIN_SIZE, NULL, 0);
	if (v->kind.c)
		return 0;
	irq_end(t);
	return -ENOMEM;
}

static void drain_meanwhile(struct tt_thread *t)
{
	struct volley *v = t->priv;

	hak_cache_shrink(v->kind.c);
	t->user.ops++;
}

static void drain_step(struct tt_thread *t)
{
	volley_fire(t, drain_meanwhile);
}

static void drain_end(struct tt_thread *t)
{
	struct volley *v = t->priv;
	struct hak_cache *c = v->kind.c;

	irq_end(t);
	if (!tt_failed())
		hak_cache_destroy(c);
}

struct tt_scenario tt_drain = {
	.name = "drain", .per_cpu = 1, .begin = drain_begin, .step = drain_step, .end = drain_end,
};

static void preempt_step(struct tt_thread *t)
{
	unsigned int i, us;
	ktime_t now;

	if (!t->user.ops)
		sched_set_fifo(current);
	for (i = 0; i < 20 && !tt_hurry(); i++) {
		now = ktime_get();
		tt_work(&t->user, 20, SMALL, TT_ATOMIC);
		us = min_t(u64, break_ns(now) / NSEC_PER_USEC, USEC_PER_SEC);
		usleep_range(us, 2 * us);
	}
}

struct tt_scenario tt_preempt = { .name = "preempt", .per_cpu = 1, .step = preempt_step };
