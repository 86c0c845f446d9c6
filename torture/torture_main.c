// SPDX-License-Identifier: GPL-2.0
/*
 * The module and its conductor: who runs when, and what must be true whenever all stand still.
 *
 *   insmod hakmem_torture.ko seconds=60 scenarios=all seed=1
 *   cat /sys/kernel/debug/hakmem/torture/result     waits for the end
 *   rmmod hakmem_torture                            ends it at once
 *
 * The conductor parks all threads every round_ms, compares, and lets those of some or all
 * scenarios go on.  A thread is parked
 * between two steps, so what it holds is known, and what waits for a grace period is
 * waited for.  With seconds=0 nothing runs but what is written to the files of torture_code.h.
 */
#include "torture/torture.h"
#include "torture/torture_code.h"
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/random.h>
#include <linux/sched.h>

static unsigned int seconds = 10;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "how long to run (default 10); 0: not at all");

char *tt_scenarios = "all";
module_param_named(scenarios, tt_scenarios, charp, 0444);
MODULE_PARM_DESC(scenarios, "names separated by commas, or all (default); -name: but that one");

u64 tt_seed;
module_param_named(seed, tt_seed, ullong, 0444);
MODULE_PARM_DESC(seed, "seed of all random choices (default 0: a random one, which is printed)");

static unsigned int round_ms = 500;
module_param(round_ms, uint, 0444);
MODULE_PARM_DESC(round_ms, "milliseconds between two looks at the whole (default 500)");

bool tt_faults;
module_param_named(faults, tt_faults, bool, 0444);
MODULE_PARM_DESC(faults, "mark the threads for the kernel's fault injection (default 0)");

static unsigned int stuck_s = 30;
module_param(stuck_s, uint, 0444);
MODULE_PARM_DESC(stuck_s, "seconds after which a step that has not ended is stuck (default 30)");

static bool fatal;
module_param(fatal, bool, 0444);
MODULE_PARM_DESC(fatal, "panic at the first failure, before what it did can do more (default 0)");

#define FAILURES_SHOWN 10
#define LOOK_MS 100

static atomic_t conduct_failed;		/* found by the conductor */
static unsigned int rounds;
static struct task_struct *conductor;
static DECLARE_COMPLETION(over);	/* no more steps are to be begun */
static bool halted;
static bool time_is_over;		/* and was not cut short */
static ktime_t began;
static u64 began_stats[HAK_NR_STATS];
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

void tt_fail(const struct tt_user *u, const char *fmt, ...)
{
	static atomic_t shown;
	char why[256];
	va_list args;

	if (u)
		tt_scenario_fails(u->sc);
	else
		atomic_inc(&conduct_failed);
	va_start(args, fmt);
	vscnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	if (atomic_inc_return(&shown) <= FAILURES_SHOWN)
		pr_err("hakmem_torture: not ok - %s: thread %u, seed %llu, after %lld ms: %s\n",
		       u ? u->sc->name : "conservation", u ? u->id : 0, tt_seed,
		       ktime_ms_delta(ktime_get(), began), why);
	if (fatal)
		panic("hakmem_torture: fatal=1\n");
	WRITE_ONCE(halted, true);
	/* complete_all() may be called anywhere but in NMI, and where a step looks. */
	complete_all(&over);
}

/* No free of this module's is a bad one, and no object is left live anywhere. */
static void check_counters(void)
{
	u64 now[HAK_NR_STATS];
	int i;

	hak_stats_read(now);
	for (i = HAK_STAT_bad_free_foreign; i <= HAK_STAT_leaked_objects; i++)
		if (now[i] != began_stats[i])
			tt_fail(NULL, "round %u: %s is %llu and was %llu", rounds, hak_stat_name[i],
				now[i], began_stats[i]);
}

/* Nobody moves but hakmem itself. */
static void check_whole(long live)
{
	int bad;

	hak_rcu_barrier();
	bad = hak_audit(live);
	if (bad)
		tt_fail(NULL, "round %u: the audit of %ld live objects has %d findings", rounds,
			live, bad);
	check_counters();
	if (tt_caches_unbalanced())
		tt_fail(NULL, "round %u: %ld constructors ran without a destructor, or less",
			rounds, tt_caches_unbalanced());
}

/* All threads between two steps. */
static void quiesce(void)
{
	tt_threads_park();
	if (!tt_failed())
		check_whole(tt_count_live());
	rounds++;
	tt_threads_unpark();
}

/* What is never right, moving or not, is looked at in between: a corrupt core may hang. */
static void run_rounds(void)
{
	ktime_t now = ktime_get(), end = ktime_add_ms(now, seconds * MSEC_PER_SEC);
	ktime_t next = ktime_add_ms(now, round_ms);

	while (!kthread_should_stop() && ktime_before(now, end)) {
		if (wait_for_completion_interruptible_timeout(&over, msecs_to_jiffies(LOOK_MS)))
			break;
		tt_watch("conservation");
		check_counters();
		now = ktime_get();
		if (ktime_before(now, next))
			continue;
		quiesce();
		now = ktime_get();
		next = ktime_add_ms(now, round_ms);
	}
	WRITE_ONCE(time_is_over, !ktime_before(now, end));
	complete_all(&over);
	if (tt_complete() && !rounds)
		tt_fail(NULL, "the threads never stood still for a look at the whole");
}

/* After everything was freed and its caches are gone, the pages must be back as well. */
static void check_end(void)
{
	unsigned long pages = 0, fixed = hak_config_get()->fixed_pages;
	unsigned int tries;

	check_whole(0);
	for (tries = 0; tries < 5; tries++) {
		pages = hak_shrink_all();
		if (pages == fixed)
			return;
		msleep(100);
	}
	tt_fail(NULL, "at the end %lu pages are held, not %lu", pages, fixed);
}

static void report(void)
{
	unsigned int bad = atomic_read(&conduct_failed), passed = !bad, failed = !!bad;
	u64 ops = tt_scenarios_report(&passed, &failed);

	tt_report_line("%s - conservation: %u rounds, %u failed", bad ? "not ok" : "ok", rounds,
		       bad);
	tt_report_line("seed %llu, %lld ms, %llu operations", tt_seed,
		       ktime_ms_delta(ktime_get(), began), ops);
	tt_report_line("%u passed, %u failed", passed, failed);
}

static void settle_params(void)
{
	while (!tt_seed)
		tt_seed = get_random_u32();
	tt_cpus = num_online_cpus();
	tt_strict_nodes = hak_config_get()->multi_node && !tt_wanted(&tt_pressure);
#ifdef CONFIG_HOTPLUG_CPU
	tt_strict_nodes &= !tt_wanted(&tt_hotplug);
#endif
	pr_info("hakmem_torture: seed %llu, scenarios %s, %u s, %u CPUs\n", tt_seed, tt_scenarios,
		seconds, tt_cpus);
}

/*
 * A corrupt core may loop for ever, and then nobody would say so.  The watcher cuts in before
 * others and looks whether the conductor gets on: each step has to end within stuck_s.
 */
static const char *watched;
static ktime_t watched_since;

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

static int conduct(void *arg)
{
	struct task_struct *watcher = kthread_run(watch, NULL, "torture/watch");
	int err;

	began = ktime_get();
	hak_stats_read(began_stats);
	err = tt_kinds_init() ?: tt_rings_init() ?: tt_rcu_init() ?: tt_threads_create();
	if (err)
		tt_fail(NULL, "cannot begin: error %d", err);
	else
		run_rounds();
	tt_threads_destroy();
	tt_watch("the end");
	if (!tt_failed()) {
		hak_rcu_barrier();
		tt_rcu_exit();
		tt_rings_exit();
		tt_kinds_exit();
		check_end();
	}
	WRITE_ONCE(watched, NULL);
	report();
	tt_report_done();
	if (!IS_ERR(watcher))
		kthread_stop(watcher);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10 + 1);
	return 0;
}

static int __init torture_init(void)
{
	struct dentry *dir;
	int err;

	if (tt_faults && !IS_ENABLED(CONFIG_FAULT_INJECTION)) {
		pr_err("hakmem_torture: this kernel cannot let allocations fail\n");
		return -EOPNOTSUPP;
	}
	settle_params();
	dir = tt_report_init();
	if (!seconds) {
		tt_report_done();
		err = tt_code_init(dir);
		if (err)
			tt_report_exit();
		return err;
	}
	conductor = kthread_run(conduct, NULL, "torture/conduct");
	if (!IS_ERR(conductor))
		return 0;
	err = PTR_ERR(conductor);
	tt_report_exit();
	return err;
}

static void __exit torture_exit(void)
{
	complete_all(&over);
	if (conductor)
		kthread_stop(conductor);
	tt_code_exit();
	tt_report_exit();
}

module_init(torture_init);
module_exit(torture_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Torture test of hakmem");
HAK_IMPORT;
