/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For tests: high-resolution timers, whose function became an argument of their set-up in 6.13,
 * and what of timers and irq_work interrupts on every kernel.  On PREEMPT_RT only those marked as
 * hard do.  Elsewhere all do.  A kernel with PROVE_RAW_LOCK_NESTING takes the marked ones for
 * what they are on PREEMPT_RT.  The page allocator and kmalloc() must not be called there.
 */
#ifndef _HAK_TIMER_H
#define _HAK_TIMER_H

#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/version.h>

#ifdef CONFIG_PREEMPT_RT
#define HAK_HRTIMER_MODE HRTIMER_MODE_REL_PINNED_HARD
#define HAK_IRQ_WORK(fn) IRQ_WORK_INIT_HARD(fn)
#else
#define HAK_HRTIMER_MODE HRTIMER_MODE_REL_PINNED
#define HAK_IRQ_WORK(fn) IRQ_WORK_INIT(fn)
#endif

/* A timer on the stack that fires in hardirq on this CPU; ends with destroy_hrtimer_on_stack(). */
static inline void hak_hrtimer_setup(struct hrtimer *timer,
				     enum hrtimer_restart (*fn)(struct hrtimer *timer))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup_on_stack(timer, fn, CLOCK_MONOTONIC, HAK_HRTIMER_MODE);
#else
	hrtimer_init_on_stack(timer, CLOCK_MONOTONIC, HAK_HRTIMER_MODE);
	timer->function = fn;
#endif
}

/* The same in memory of one's own, for absolute times. */
static inline void hak_hrtimer_init(struct hrtimer *timer,
				    enum hrtimer_restart (*fn)(struct hrtimer *timer))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
	timer->function = fn;
#endif
}

#endif /* _HAK_TIMER_H */
