// SPDX-License-Identifier: GPL-2.0
/*
 * How long hakmem keeps interrupts, and other threads, waiting: measured from outside.
 *
 * A timer is set to a random moment inside a block of calls.  Its interrupt is late by what was
 * left of the stretch with interrupts off that it fell into.  It wakes a thread of the highest
 * priority.  That is late by what was left of the stretch with preemption off.  Over thousands of
 * blocks the longest lateness comes close to the longest stretch, from below. The shortest
 * lateness over a block that does nothing is what the way in costs: it is given beside the figure
 * and not taken off.
 *
 * Only where the clock counts instructions: elsewhere the host decides when a timer fires.
 * A thread can be woken inside the kernel only where that is preempted (preempt=full).
 */
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/minmax.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "bench_clock.h"
#include "bench_latency.h"
#include "port/kernel/hak_timer.h"

#define STRETCH_SAMPLES	3000	/* deadlines in a block of each kind */
#define STRETCH_LEAD	20000	/* ns from setting the timer to the beginning of the block */
#define STRETCH_SEED	0x737472657463ULL

struct stretch {
	struct hrtimer timer;
	struct task_struct *task;	/* of high priority */
	struct completion done;		/* it has run */
	struct hak_cache *hc;
	struct kmem_cache *kc;
	void *p[LAT_BLOCK];
	u64 deadline, irq_at, task_at;	/* ns */
	bool fired;
};

static enum hrtimer_restart timer_fn(struct hrtimer *timer)
{
	struct stretch *s = container_of(timer, struct stretch, timer);

	WRITE_ONCE(s->irq_at, ktime_get_ns());
	WRITE_ONCE(s->fired, true);
	wake_up_process(s->task);
	return HRTIMER_NORESTART;
}

static int waiter_fn(void *arg)
{
	struct stretch *s = arg;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		if (READ_ONCE(s->fired)) {
			__set_current_state(TASK_RUNNING);
			s->task_at = ktime_get_ns();
			s->fired = false;
			complete(&s->done);
			continue;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void block_none(struct stretch *s)
{
	u64 end = ktime_get_ns() + STRETCH_LEAD;

	while (ktime_get_ns() < end)
		cpu_relax();
}

static void block_hakmem(struct stretch *s)
{
	unsigned int i, n;

	for (n = 0; n < LAT_BLOCK; n++) {
		s->p[n] = hak_cache_alloc(s->hc, GFP_KERNEL);
		if (!s->p[n])
			break;
	}
	for (i = 0; i < n; i++)
		hak_cache_free(s->hc, s->p[i]);
}

static void block_kernel(struct stretch *s)
{
	unsigned int i, n;

	for (n = 0; n < LAT_BLOCK; n++) {
		s->p[n] = kmem_cache_alloc(s->kc, GFP_KERNEL);
		if (!s->p[n])
			break;
	}
	for (i = 0; i < n; i++)
		kmem_cache_free(s->kc, s->p[i]);
}

static void block_hakmem_bulk(struct stretch *s)
{
	unsigned int i, n;

	for (n = 0; n < LAT_BLOCK; n += LAT_BULK)
		if (!hak_cache_alloc_bulk(s->hc, GFP_KERNEL, LAT_BULK, s->p + n))
			break;
	for (i = 0; i < n; i += LAT_BULK)
		hak_cache_free_bulk(s->hc, LAT_BULK, s->p + i);
}

static void block_kernel_bulk(struct stretch *s)
{
	unsigned int i, n;

	for (n = 0; n < LAT_BLOCK; n += LAT_BULK)
		if (!kmem_cache_alloc_bulk(s->kc, GFP_KERNEL, LAT_BULK, s->p + n))
			break;
	for (i = 0; i < n; i += LAT_BULK)
		kmem_cache_free_bulk(s->kc, LAT_BULK, s->p + i);
}

static void block_hakmem_shrink(struct stretch *s)
{
	block_hakmem(s);
	hak_cache_shrink(s->hc);
}

static void block_kernel_shrink(struct stretch *s)
{
	block_kernel(s);
	kmem_cache_shrink(s->kc);
}

static const struct {
	const char *op, *side;
	void (*fn)(struct stretch *s);
} blocks[] = {
	{ "nothing", "none", block_none },
	{ "256 of each", "hakmem", block_hakmem },
	{ "256 of each", "kernel", block_kernel },
	{ "bulk, 4 of each", "hakmem", block_hakmem_bulk },
	{ "bulk, 4 of each", "kernel", block_kernel_bulk },
	{ "256 and shrink", "hakmem", block_hakmem_shrink },
	{ "256 and shrink", "kernel", block_kernel_shrink },
};

/* One deadline, @in ns into the block; false if the timer tick was in the way as well. */
static bool one(struct stretch *s, void (*fn)(struct stretch *s), u64 in)
{
	unsigned long before = READ_ONCE(jiffies);
	u64 begin = ktime_get_ns() + STRETCH_LEAD;

	reinit_completion(&s->done);
	WRITE_ONCE(s->irq_at, 0);
	s->deadline = begin + in;
	hrtimer_start(&s->timer, ns_to_ktime(s->deadline), HRTIMER_MODE_ABS_PINNED_HARD);
	while (ktime_get_ns() < begin)
		cpu_relax();
	fn(s);
	/* The clock of an idle machine is not that of a busy one: nobody sleeps before it fired. */
	while (!READ_ONCE(s->irq_at))
		cpu_relax();
	wait_for_completion(&s->done);
	return READ_ONCE(jiffies) == before;
}

/* How long a block takes, at its longest of a few. */
static u64 length_of(struct stretch *s, void (*fn)(struct stretch *s))
{
	u64 t, most = 0;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		t = ktime_get_ns();
		fn(s);
		most = max(most, ktime_get_ns() - t);
	}
	return most;
}

static void measure(struct stretch *s, struct lat_stretch *st, unsigned int b,
		    struct rnd_state *rnd)
{
	u64 span = length_of(s, blocks[b].fn), irq, task, in;
	unsigned int i;

	strscpy(st->op, blocks[b].op, sizeof(st->op));
	strscpy(st->side, blocks[b].side, sizeof(st->side));
	st->irq_base = U64_MAX;
	st->task_base = U64_MAX;
	for (i = 0; i < STRETCH_SAMPLES && !signal_pending(current); i++) {
		/* New slabs now and then, too. */
		if (i % 16 == 0) {
			hak_cache_shrink(s->hc);
			kmem_cache_shrink(s->kc);
		}
		cond_resched();
		in = prandom_u32_state(rnd) % (u32)min_t(u64, span, U32_MAX);
		if (!one(s, blocks[b].fn, in))
			continue;
		irq = s->irq_at - s->deadline;
		task = s->task_at - s->deadline;
		st->irq = max(st->irq, irq);
		st->irq_base = min(st->irq_base, irq);
		st->task = max(st->task, task);
		st->task_base = min(st->task_base, task);
		st->n++;
	}
}

/* A thread woken while nothing is done runs at once, or this kernel is not preempted. */
static void judge(struct lat_result *lat)
{
	const struct lat_stretch *none = &lat->stretch[0];
	bool preempted = none->task < STRETCH_LEAD / 2;
	unsigned int i;

	for (i = 0; i < lat->nr_stretch; i++) {
		lat->stretch[i].irq_base = none->irq_base;
		lat->stretch[i].task_base = none->task_base;
		if (!preempted)
			lat->stretch[i].task = 0;
	}
}

int lat_stretch_run(struct lat_result *lat, struct hak_cache *hc, struct kmem_cache *kc)
{
	struct stretch *s;
	struct rnd_state rnd;
	unsigned int b;

	if (!bench_clock.exact)
		return 0;
	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return -ENOMEM;
	s->hc = hc;
	s->kc = kc;
	init_completion(&s->done);
	prandom_seed_state(&rnd, STRETCH_SEED);
	s->task = kthread_create(waiter_fn, s, "hak_lat");
	if (IS_ERR(s->task)) {
		kfree(s);
		return -ENOMEM;
	}
	kthread_bind(s->task, raw_smp_processor_id());
	sched_set_fifo(s->task);
	wake_up_process(s->task);
	hak_hrtimer_init(&s->timer, timer_fn);
	for (b = 0; b < ARRAY_SIZE(blocks); b++)
		measure(s, &lat->stretch[lat->nr_stretch++], b, &rnd);
	judge(lat);
	hrtimer_cancel(&s->timer);
	kthread_stop(s->task);
	kfree(s);
	return signal_pending(current) ? -EINTR : 0;
}
