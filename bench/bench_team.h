/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kthreads that run measured loops, one bound to each CPU in use.
 *
 * A team lives as long as a row.  Between rounds its members sleep.  A round wakes the first @n
 * of them, and they meet at a barrier.  Each runs its loop in the wanted context: itself, a
 * tasklet, or a hard irq_work, which interrupts it.  Where a context cannot be had the member
 * says wrong_ctx instead of letting another context pass for it.
 *
 * kunit/lib/hak_where.h sets a context up anew for each call.  Here that is done once a row, away
 * from what is measured.
 */
#ifndef HAK_BENCH_TEAM_H
#define HAK_BENCH_TEAM_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/wait.h>

#include "bench.h"

struct bench_team;

struct bench_member {
	struct bench_env env;
	struct bench_team *team;
	struct task_struct *task;
	unsigned int cpu;
	enum bench_ctx ctx;		/* [const while work is set] */
	bench_fn work;			/* set by the caller, cleared by the member */
	wait_queue_head_t wait;
	struct completion done;		/* the round is over */
	struct completion left;		/* the interrupt has been left */
	struct tasklet_struct tasklet;
	struct irq_work irq;
};

struct bench_team {
	unsigned int nr;
	atomic_t missing;		/* members that are not at the barrier yet */
	struct bench_member member[] __counted_by(nr);
};

/* NULL if there are fewer than @nr CPUs online, or no memory. */
struct bench_team *bench_team_start(unsigned int nr);
void bench_team_stop(struct bench_team *team);

/* Fresh threads for the first @n members; 0, or -ENOMEM and the team can only be stopped. */
int bench_team_renew(struct bench_team *team, unsigned int n);

/* Run @fn on member 0 and @peer on members 1 .. @n - 1; returns when all are done. */
void bench_team_run(struct bench_team *team, unsigned int n, enum bench_ctx ctx,
		    bench_fn fn, bench_fn peer);

#endif /* HAK_BENCH_TEAM_H */
