/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The stop-watch of the measured loops.
 *
 * Two clocks run side by side: ticks (get_cycles()) inside, nanoseconds outside. Under QEMU's
 * -icount the TSC advances by one per guest instruction.  Ticks are then the exact number of
 * instructions.  bench_clock_init() finds that out by timing loops whose instruction count is
 * known, not by asking who runs us.
 *
 * start and stop accumulate, so a loop may time parts of a round.  What they cost
 * themselves is the same in the empty loop and goes away with its figure.
 */
#ifndef HAK_BENCH_CLOCK_H
#define HAK_BENCH_CLOCK_H

#include <linux/ktime.h>
#include <linux/timex.h>

#include "bench.h"

struct bench_clock {
	bool exact;	/* a tick is an instruction */
	bool cycles;	/* there are ticks at all */
};

extern struct bench_clock bench_clock;
void bench_clock_init(void);

static __always_inline void bench_start(struct bench_env *e)
{
	e->ns0 = ktime_get_ns();
	e->tick0 = get_cycles();
}

static __always_inline void bench_stop(struct bench_env *e)
{
	e->ticks += get_cycles() - e->tick0;
	e->ns += ktime_get_ns() - e->ns0;
}

#endif /* HAK_BENCH_CLOCK_H */
