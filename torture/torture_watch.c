// SPDX-License-Identifier: GPL-2.0
/*
 * The watcher.  A corrupt core may loop for ever, and then nobody would say so: a thread that
 * cuts in before others looks whether the conductor gets on. Each step has to end within
 * stuck_s.
 */
#include "torture/torture.h"
#include <linux/err.h>
#include <linux/sched.h>

static unsigned int stuck_s = 30;
module_param(stuck_s, uint, 0444);
MODULE_PARM_DESC(stuck_s, "seconds after which a step that has not ended is stuck (default 30)");

static const char *watched;
static ktime_t watched_since;
static struct task_struct *watcher;

void tt_gets_on(void)
{
	WRITE_ONCE(watched_since, ktime_get());
}

void tt_watch(const char *what)
{
	tt_gets_on();
	WRITE_ONCE(watched, what);
}

static int watch(void *arg)
{
	const char *what;

	sched_set_fifo(current);
	while (!kthread_should_stop()) {
		what = READ_ONCE(watched);
		if (what && !tt_failed() &&
		    ktime_ms_delta(ktime_get(), READ_ONCE(watched_since)) > stuck_s * 1000LL)
			tt_fail(NULL, "stuck: %s does not get on for %u s", what, stuck_s);
		schedule_timeout_interruptible(HZ / 2);
	}
	return 0;
}

void tt_watch_begin(void)
{
	watcher = kthread_run(watch, NULL, "torture/watch");
}

void tt_watch_end(void)
{
	if (!IS_ERR(watcher))
		kthread_stop(watcher);
}
