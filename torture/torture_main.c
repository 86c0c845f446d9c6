// SPDX-License-Identifier: GPL-2.0
/*
 * The module and its conductor: who runs when, and what must be true whenever all stand still.
 *
 *   insmod hakmem_torture.ko seconds=60 scenarios=all seed=1
 *   cat /sys/kernel/debug/hakmem/torture/result     waits for the end
 *   rmmod hakmem_torture                            ends it at once
 *
 * The conductor parks all threads every round_ms, and compares.  A thread is parked
 * between two steps, so what it holds is known, and what waits for a grace period is
 * waited for.  With seconds=0 nothing runs.
 */
#include "torture/torture.h"
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/random.h>

static unsigned int seconds = 10;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "how long to run (default 10); 0: not at all");

static char *scenarios = "all";
module_param(scenarios, charp, 0444);
MODULE_PARM_DESC(scenarios, "names separated by commas, or all (default); -name: but that one");

u64 tt_seed;
module_param_named(seed, tt_seed, ullong, 0444);
MODULE_PARM_DESC(seed, "seed of all random choices (default 0: a random one, which is printed)");

static unsigned int round_ms = 500;
module_param(round_ms, uint, 0444);
MODULE_PARM_DESC(round_ms, "milliseconds between two looks at the whole (default 500)");

static bool fatal;
module_param(fatal, bool, 0444);
MODULE_PARM_DESC(fatal, "panic at the first failure, before what it did can do more (default 0)");

static const struct tt_scenario *const all_scenarios[] = {
	&tt_mixed, &tt_typed, &tt_bulk, &tt_reserve, &tt_rings, &tt_rcu, &tt_typesafe, &tt_irq,
	&tt_preempt, &tt_caches, &tt_shrink, &tt_pressure,
#ifdef CONFIG_HOTPLUG_CPU
	&tt_hotplug,
#endif
};

#define NR_SCENARIOS ARRAY_SIZE(all_scenarios)
#define THREADS_MAX 256
#define FAILURES_SHOWN 10

/* What all of a scenario's users have done, when they are gone. */
struct tally {
	u64 ops, allocs, frees, refused;
	unsigned int threads;
	atomic_t failed;
};

static struct tally tally[NR_SCENARIOS];
static atomic_t conduct_failed;		/* found by the conductor */
static unsigned int rounds;
static struct tt_thread *threads[THREADS_MAX];
static unsigned int nr_threads;
static LIST_HEAD(users);		/* [users_lock] */
static DEFINE_MUTEX(users_lock);
static struct task_struct *conductor;
static DECLARE_COMPLETION(over);	/* no more steps are to be begun */
static bool halted;
static ktime_t began;
static u64 began_stats[HAK_NR_STATS];
unsigned int tt_cpus;
bool tt_strict_nodes;

static unsigned int scenario_index(const struct tt_scenario *sc)
{
	unsigned int i = 0;

	while (i < NR_SCENARIOS - 1 && all_scenarios[i] != sc)
		i++;
	return i;
}

/* Does the list @names have the word @prefix@name? */
static bool listed(const char *names, const char *prefix, const char *name)
{
	size_t p = strlen(prefix), n = strlen(name);
	const char *s;

	for (s = names; s; s = strchr(s, ',')) {
		s += *s == ',';
		if (!strncmp(s, prefix, p) && !strncmp(s + p, name, n) &&
		    (!s[p + n] || s[p + n] == ','))
			return true;
	}
	return false;
}

static bool wanted(const struct tt_scenario *sc)
{
	return !listed(scenarios, "-", sc->name) &&
	       (listed(scenarios, "", "all") || listed(scenarios, "", sc->name));
}

void tt_user_init(struct tt_user *u, const struct tt_scenario *sc)
{
	static u16 id;

	memset(u, 0, sizeof(*u));
	u->sc = sc;
	mutex_lock(&users_lock);
	u->id = ++id;
	list_add_tail(&u->list, &users);
	mutex_unlock(&users_lock);
	u->rand = (tt_seed + 1) * 0x9e3779b97f4a7c15ULL + u->id * 0x632be59bd9b4e019ULL;
	u->rand = u->rand ?: 1;
}

void tt_user_exit(struct tt_user *u)
{
	struct tally *t = &tally[scenario_index(u->sc)];

	t->ops += u->ops;
	t->allocs += u->allocs + u->large;
	t->frees += u->frees;
	t->refused += u->refused;
	mutex_lock(&users_lock);
	list_del(&u->list);
	mutex_unlock(&users_lock);
}

bool tt_failed(void)
{
	return READ_ONCE(halted);
}

bool tt_hurry(void)
{
	return READ_ONCE(halted) || completion_done(&over);
}

void tt_fail(const struct tt_user *u, const char *fmt, ...)
{
	atomic_t *failed = u ? &tally[scenario_index(u->sc)].failed : &conduct_failed;
	static atomic_t shown;
	char why[256];
	va_list args;

	atomic_inc(failed);
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

/*
 * User-Mode Linux preempts nobody at the end of an interrupt, only where preemption is
 * turned on again, and with CONFIG_PREEMPT cond_resched() does nothing.
 */
void tt_let_others(void)
{
	preempt_disable();
	preempt_enable();
	cond_resched();
}

static int thread_fn(void *arg)
{
	struct tt_thread *t = arg;

	while (!kthread_should_stop()) {
		if (kthread_should_park()) {
			kthread_parkme();
		} else if (tt_hurry()) {
			schedule_timeout_interruptible(HZ / 20 + 1);
		} else {
			t->user.sc->step(t);
			t->user.ops++;
			tt_let_others();
		}
	}
	return 0;
}

static int thread_create(const struct tt_scenario *sc, unsigned int index, int cpu)
{
	struct tt_thread *t;
	int err = 0;

	if (nr_threads == THREADS_MAX)
		return -ENOSPC;
	t = kvzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	tt_user_init(&t->user, sc);
	t->index = index;
	t->cpu = cpu;
	if (sc->begin)
		err = sc->begin(t);
	if (!err) {
		t->task = kthread_create(thread_fn, t, "torture/%s", sc->name);
		err = PTR_ERR_OR_ZERO(t->task);
	}
	if (err) {
		tt_user_exit(&t->user);
		kvfree(t);
		return err;
	}
	if (cpu >= 0)
		kthread_bind(t->task, cpu);
	threads[nr_threads++] = t;
	tally[scenario_index(sc)].threads++;
	return 0;
}

static int scenario_create(const struct tt_scenario *sc)
{
	unsigned int i, index = 0;
	int cpu, err;

	for_each_online_cpu(cpu) {
		for (i = 0; i < sc->per_cpu; i++) {
			err = thread_create(sc, index++, cpu);
			if (err)
				return err;
		}
	}
	for (i = 0; i < sc->threads; i++) {
		err = thread_create(sc, index++, -1);
		if (err)
			return err;
	}
	return 0;
}

static int threads_create(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < NR_SCENARIOS; i++) {
		if (!wanted(all_scenarios[i]))
			continue;
		err = scenario_create(all_scenarios[i]);
		if (err)
			return err;
	}
	for (i = 0; i < nr_threads; i++)
		wake_up_process(threads[i]->task);
	return nr_threads ? 0 : -EINVAL;
}

static void threads_destroy(void)
{
	unsigned int i;

	for (i = 0; i < nr_threads; i++)
		kthread_stop(threads[i]->task);
	for (i = 0; i < nr_threads; i++)
		if (threads[i]->user.sc->end)
			threads[i]->user.sc->end(threads[i]);
	for (i = 0; i < nr_threads; i++) {
		tt_drop_all(&threads[i]->user);
		tt_user_exit(&threads[i]->user);
		kvfree(threads[i]);
	}
	nr_threads = 0;
}

static long count_live(void)
{
	struct tt_user *u;
	long live = 0;

	mutex_lock(&users_lock);
	list_for_each_entry(u, &users, list)
		live += u->allocs - u->frees;
	mutex_unlock(&users_lock);
	return live;
}

/* Nobody moves but hakmem itself. */
static void check_whole(long live)
{
	u64 now[HAK_NR_STATS];
	int i, bad;

	hak_rcu_barrier();
	bad = hak_audit(live);
	if (bad)
		tt_fail(NULL, "round %u: the audit of %ld live objects has %d findings", rounds,
			live, bad);
	hak_stats_read(now);
	for (i = HAK_STAT_bad_free_foreign; i <= HAK_STAT_leaked_objects; i++)
		if (now[i] != began_stats[i])
			tt_fail(NULL, "round %u: %s is %llu and was %llu", rounds, hak_stat_name[i],
				now[i], began_stats[i]);
	if (tt_caches_unbalanced())
		tt_fail(NULL, "round %u: %ld constructors ran without a destructor, or less",
			rounds, tt_caches_unbalanced());
}

/* All threads between two steps; each object a thread holds is looked at as well. */
static void quiesce(void)
{
	unsigned int i, k;

	for (i = 0; i < nr_threads; i++)
		kthread_park(threads[i]->task);
	for (i = 0; i < nr_threads && !tt_failed(); i++)
		for (k = 0; k < threads[i]->user.n; k++)
			tt_check(&threads[i]->user, &threads[i]->user.held[k], "standing still");
	if (!tt_failed())
		check_whole(count_live());
	rounds++;
	for (i = 0; i < nr_threads; i++)
		kthread_unpark(threads[i]->task);
}

static void run_rounds(void)
{
	ktime_t end = ktime_add_ms(ktime_get(), seconds * MSEC_PER_SEC);

	while (!kthread_should_stop() && ktime_before(ktime_get(), end)) {
		if (wait_for_completion_interruptible_timeout(&over, msecs_to_jiffies(round_ms)))
			break;
		quiesce();
	}
	complete_all(&over);
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

#define OPERATIONS "%llu allocations, %llu frees, %llu refused"

static void report(void)
{
	unsigned int i, passed = 0, failed = atomic_read(&conduct_failed) > 0;
	u64 ops = 0;

	for (i = 0; i < NR_SCENARIOS; i++) {
		struct tally *t = &tally[i];
		int bad = atomic_read(&t->failed);

		if (!t->threads)
			continue;
		passed += !bad;
		failed += !!bad;
		ops += t->allocs + t->frees;
		tt_report_line("%s - %s: %u threads, %llu steps, " OPERATIONS ", %d failed",
			       bad ? "not ok" : "ok", all_scenarios[i]->name, t->threads, t->ops,
			       t->allocs, t->frees, t->refused, bad);
	}
	passed += !atomic_read(&conduct_failed);
	tt_report_line("%s - conservation: %u rounds, %d failed",
		       atomic_read(&conduct_failed) ? "not ok" : "ok", rounds,
		       atomic_read(&conduct_failed));
	tt_report_line("seed %llu, %lld ms, %llu operations", tt_seed,
		       ktime_ms_delta(ktime_get(), began), ops);
	tt_report_line("%u passed, %u failed", passed, failed);
}

static void settle_params(void)
{
	while (!tt_seed)
		tt_seed = get_random_u32();
	tt_cpus = num_online_cpus();
	tt_strict_nodes = hak_config_get()->multi_node && !wanted(&tt_pressure);
#ifdef CONFIG_HOTPLUG_CPU
	tt_strict_nodes &= !wanted(&tt_hotplug);
#endif
	pr_info("hakmem_torture: seed %llu, scenarios %s, %u s, %u CPUs\n", tt_seed, scenarios,
		seconds, tt_cpus);
}

static int conduct(void *arg)
{
	int err;

	began = ktime_get();
	hak_stats_read(began_stats);
	err = tt_kinds_init() ?: tt_rings_init() ?: tt_rcu_init() ?: threads_create();
	if (err)
		tt_fail(NULL, "cannot begin: error %d", err);
	else
		run_rounds();
	threads_destroy();
	if (!tt_failed()) {
		hak_rcu_barrier();
		tt_rcu_exit();
		tt_rings_exit();
		tt_kinds_exit();
		check_end();
	}
	report();
	tt_report_done();
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10 + 1);
	return 0;
}

static int __init torture_init(void)
{
	struct dentry *dir;
	int err;

	settle_params();
	dir = tt_report_init();
	err = tt_code_init(dir);
	if (err)
		goto undo_report;
	if (!seconds) {
		tt_report_done();
		return 0;
	}
	conductor = kthread_run(conduct, NULL, "torture/conduct");
	if (!IS_ERR(conductor))
		return 0;
	err = PTR_ERR(conductor);
	tt_code_exit();
undo_report:
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
