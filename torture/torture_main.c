// SPDX-License-Identifier: GPL-2.0
/*
 * The module and its conductor: who runs when, and what must be true whenever all stand still.
 *
 *   insmod hakmem_torture.ko seconds=60 scenarios=all seed=1
 *   cat /sys/kernel/debug/hakmem/torture/result     waits for the end
 *   rmmod hakmem_torture                            ends it at once
 *
 * The conductor parks all threads every round_ms, compares, and lets those of some or all
 * scenarios go on.  A thread is parked between two steps, so what it holds is known, and
 * what waits for a grace period is waited for.  With seconds=0 nothing runs but what is
 * written to the files of torture_code.h.
 */
#include "torture/torture.h"
#include "torture/torture_code.h"
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/random.h>

static unsigned int seconds = 10;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "how long to run (default 10); 0: not at all");

static unsigned int round_ms = 500;
module_param(round_ms, uint, 0444);
MODULE_PARM_DESC(round_ms, "milliseconds between two looks at the whole (default 500)");

#define LOOK_MS 100

static unsigned int rounds;
static struct task_struct *conductor;
static u64 began_stats[HAK_NR_STATS];

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
	tt_watch("conservation");
	tt_users_look();
	tt_scenarios_look();
	if (!tt_failed())
		check_whole(tt_count_live());
	rounds++;
	tt_scenarios_unpark();
}

/* What is never right, moving or not, is looked at in between: a corrupt core may hang. */
static void run_rounds(void)
{
	ktime_t now = ktime_get(), end = ktime_add_ms(now, seconds * MSEC_PER_SEC);
	ktime_t next = ktime_add_ms(now, round_ms);

	while (!kthread_should_stop() && ktime_before(now, end)) {
		if (tt_wait(LOOK_MS))
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
	if (ktime_before(now, end))
		tt_stop();
	else
		tt_time_is_over();
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
	unsigned int bad = tt_conduct_failed(), passed = !bad, failed = !!bad;
	u64 ops = tt_scenarios_report(&passed, &failed);

	tt_report_line("%s - conservation: %u rounds, %u failed", bad ? "not ok" : "ok", rounds,
		       bad);
	tt_report_line("seed %llu, %lld ms, %llu operations", tt_seed, tt_ran_ms(), ops);
	tt_report_line("%u passed, %u failed", passed, failed);
}

static void settle_params(void)
{
	while (!tt_seed)
		tt_seed = get_random_u32();
	tt_cpus = num_online_cpus();
	tt_strict_nodes = hak_config_get()->multi_node && !tt_scenarios_excuse_nodes();
	pr_info("hakmem_torture: seed %llu, scenarios %s, %u s, %u CPUs\n", tt_seed, tt_scenarios,
		seconds, tt_cpus);
}

static int conduct(void *arg)
{
	int err;

	tt_watch_begin();
	tt_begin();
	hak_stats_read(began_stats);
	err = tt_kinds_init() ?: tt_scenarios_init();
	if (err)
		tt_fail(NULL, "cannot begin: error %d", err);
	else
		run_rounds();
	tt_threads_destroy();
	tt_watch("the end");
	if (!tt_failed()) {
		hak_rcu_barrier();
		tt_scenarios_exit();
		tt_kinds_exit();
		check_end();
	}
	tt_watch(NULL);
	report();
	tt_report_done();
	tt_watch_end();
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
	tt_stop();
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
