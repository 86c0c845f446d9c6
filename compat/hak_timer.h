/* SPDX-License-Identifier: GPL-2.0 */
/* High-resolution timers, whose function became an argument of their set-up in 6.13; for tests. */
#ifndef _HAK_TIMER_H
#define _HAK_TIMER_H

#include <linux/hrtimer.h>
#include <linux/version.h>

/* A timer on the stack that fires in hardirq on this CPU; ends with destroy_hrtimer_on_stack(). */
static inline void hak_hrtimer_setup(struct hrtimer *timer,
				     enum hrtimer_restart (*fn)(struct hrtimer *timer))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup_on_stack(timer, fn, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
#else
	hrtimer_init_on_stack(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
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
