// SPDX-License-Identifier: GPL-2.0
/* The state of a run: what was asked for, whether it has failed, and whether it is over. */
#include "torture/torture.h"
#include <linux/completion.h>

char *tt_scenarios = "all";
module_param_named(scenarios, tt_scenarios, charp, 0444);
MODULE_PARM_DESC(scenarios, "names separated by commas, or all (default); -name: but that one");

u64 tt_seed;
module_param_named(seed, tt_seed, ullong, 0444);
MODULE_PARM_DESC(seed, "seed of all random choices (default 0: a random one, which is printed)");

bool tt_faults;
module_param_named(faults, tt_faults, bool, 0444);
MODULE_PARM_DESC(faults, "mark the threads for the kernel's fault injection (default 0)");

static bool fatal;
module_param(fatal, bool, 0444);
MODULE_PARM_DESC(fatal, "panic at the first failure, before what it did can do more (default 0)");

#define FAILURES_SHOWN 10

static atomic_t conduct_failed;		/* found by the conductor */
static DECLARE_COMPLETION(over);	/* no more steps are to be begun */
static bool halted;
static bool time_is_over;		/* and was not cut short */
static ktime_t began;
unsigned int tt_cpus;
bool tt_strict_nodes;

bool tt_failed(void)
{
	return READ_ONCE(halted);
}

bool tt_hurry(void)
{
	return READ_ONCE(halted) || completion_done(&over);
}

bool tt_complete(void)
{
	return READ_ONCE(time_is_over) && !tt_failed();
}

void tt_begin(void)
{
	began = ktime_get();
}

s64 tt_ran_ms(void)
{
	return ktime_ms_delta(ktime_get(), began);
}

/* complete_all() may be called anywhere but in NMI, and where a step looks. */
void tt_stop(void)
{
	complete_all(&over);
}

void tt_time_is_over(void)
{
	WRITE_ONCE(time_is_over, true);
	tt_stop();
}

long tt_wait(unsigned int ms)
{
	return wait_for_completion_interruptible_timeout(&over, msecs_to_jiffies(ms));
}

void tt_fail(const struct tt_user *u, const char *fmt, ...)
{
	static atomic_t shown;
	char why[256];
	va_list args;

	atomic_inc(u ? &u->sc->failed : &conduct_failed);
	va_start(args, fmt);
	vscnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	if (atomic_inc_return(&shown) <= FAILURES_SHOWN)
		pr_err("hakmem_torture: not ok - %s: thread %u, seed %llu, after %lld ms: %s\n",
		       u ? u->sc->name : "conservation", u ? u->id : 0, tt_seed,
		       tt_ran_ms(), why);
	if (fatal)
		panic("hakmem_torture: fatal=1\n");
	WRITE_ONCE(halted, true);
	tt_stop();
}

unsigned int tt_conduct_failed(void)
{
	return atomic_read(&conduct_failed);
}
