// SPDX-License-Identifier: GPL-2.0
/* Scenarios, their threads, and the users whose counts are compared with hakmem's. */
#include "torture/torture.h"
#include <linux/cpumask.h>
#include <linux/mm.h>

static const struct tt_scenario *const all_scenarios[] = {
	&tt_mixed, &tt_typed, &tt_bulk, &tt_reserve, &tt_rings, &tt_rcu, &tt_typesafe, &tt_irq,
	&tt_drain, &tt_preempt, &tt_caches, &tt_shrink, &tt_pressure,
#ifdef CONFIG_HOTPLUG_CPU
	&tt_hotplug,
#endif
};

#define NR_SCENARIOS ARRAY_SIZE(all_scenarios)
#define THREADS_MAX 256

/* What all of a scenario's users have done, when they are gone. */
struct tally {
	u64 ops, allocs, frees, refused;
	unsigned int threads;
	atomic_t failed;
};

static struct tally tally[NR_SCENARIOS];
static struct tt_thread *threads[THREADS_MAX];
static unsigned int nr_threads;
static LIST_HEAD(users);		/* [users_lock] */
static DEFINE_MUTEX(users_lock);

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

bool tt_wanted(const struct tt_scenario *sc)
{
	return !listed(tt_scenarios, "-", sc->name) &&
	       (listed(tt_scenarios, "", "all") || listed(tt_scenarios, "", sc->name));
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
	u->rand = hak_random_begin(tt_seed, u->id);
}

void tt_user_exit(struct tt_user *u)
{
	struct tally *t = &tally[scenario_index(u->sc)];

	t->ops += u->ops;
	t->allocs += u->allocs + u->large;
	t->frees += u->frees + u->large_frees;
	t->refused += u->refused;
	mutex_lock(&users_lock);
	list_del(&u->list);
	mutex_unlock(&users_lock);
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

#ifdef CONFIG_FAULT_INJECTION
	current->make_it_fail = tt_faults;
#endif
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
	t = kvcalloc(1, sizeof(*t), GFP_KERNEL);
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
	/* It may be bound again after it has ended: tt_threads_bind(). */
	get_task_struct(t->task);
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

int tt_threads_create(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < NR_SCENARIOS; i++) {
		if (!tt_wanted(all_scenarios[i]))
			continue;
		err = scenario_create(all_scenarios[i]);
		if (err)
			return err;
	}
	for (i = 0; i < nr_threads; i++)
		wake_up_process(threads[i]->task);
	return nr_threads ? 0 : -EINVAL;
}

void tt_threads_destroy(void)
{
	unsigned int i;

	for (i = 0; i < nr_threads; i++) {
		tt_watch(threads[i]->user.sc->name);
		kthread_stop(threads[i]->task);
	}
	for (i = 0; i < nr_threads; i++) {
		tt_watch(threads[i]->user.sc->name);
		if (threads[i]->user.sc->end)
			threads[i]->user.sc->end(threads[i]);
	}
	for (i = 0; i < nr_threads; i++) {
		tt_drop_all(&threads[i]->user);
		tt_user_exit(&threads[i]->user);
		put_task_struct(threads[i]->task);
		kvfree(threads[i]);
	}
	nr_threads = 0;
}

long tt_count_live(void)
{
	struct tt_user *u;
	long live = 0;

	mutex_lock(&users_lock);
	list_for_each_entry(u, &users, list)
		live += u->allocs - u->frees;
	mutex_unlock(&users_lock);
	return live;
}

void tt_threads_bind(int cpu)
{
	unsigned int i;

	for (i = 0; i < nr_threads; i++)
		if (threads[i]->cpu == cpu)
			set_cpus_allowed_ptr(threads[i]->task, cpumask_of(cpu));
}

/* All users stand still. */
static void check_held(void)
{
	struct tt_user *u;
	unsigned int k;

	mutex_lock(&users_lock);
	list_for_each_entry(u, &users, list)
		for (k = 0; k < u->n && !tt_failed(); k++)
			tt_check(u, &u->held[k], "standing still");
	mutex_unlock(&users_lock);
	tt_rings_look();
	tt_rcu_look();
}

void tt_threads_park(void)
{
	unsigned int i;

	for (i = 0; i < nr_threads; i++) {
		tt_watch(threads[i]->user.sc->name);
		if (!threads[i]->parked)
			kthread_park(threads[i]->task);
		threads[i]->parked = true;
	}
	tt_watch("conservation");
	check_held();
}

/* Those of all scenarios, or of one in so many: alone some see what is too rare among all. */
void tt_threads_unpark(void)
{
	static struct tt_user dice;
	unsigned int i, first, one_in;
	unsigned long chosen = 0;

	if (!dice.rand)
		dice.rand = hak_random_begin(tt_seed, 0);
	one_in = 1 << tt_below(&dice, 4);
	for (i = 0; i < NR_SCENARIOS; i++)
		if (!tt_below(&dice, one_in))
			__set_bit(i, &chosen);
	first = tt_below(&dice, nr_threads);
	__set_bit(scenario_index(threads[first]->user.sc), &chosen);
	for (i = 0; i < nr_threads; i++) {
		if (!test_bit(scenario_index(threads[i]->user.sc), &chosen))
			continue;
		threads[i]->parked = false;
		kthread_unpark(threads[i]->task);
	}
}

void tt_scenario_fails(const struct tt_scenario *sc)
{
	atomic_inc(&tally[scenario_index(sc)].failed);
}

#define OPERATIONS "%llu allocations, %llu frees, %llu refused"

u64 tt_scenarios_report(unsigned int *passed, unsigned int *failed)
{
	u64 ops = 0;
	int i, bad;

	for (i = 0; i < NR_SCENARIOS; i++) {
		struct tally *t = &tally[i];

		if (!t->threads)
			continue;
		/* A scenario that did nothing has shown nothing. */
		bad = atomic_read(&t->failed) + (tt_complete() && !t->ops);
		*passed += !bad;
		*failed += !!bad;
		ops += t->allocs + t->frees;
		tt_report_line("%s - %s: %u threads, %llu steps, " OPERATIONS ", %d failed",
			       bad ? "not ok" : "ok", all_scenarios[i]->name, t->threads, t->ops,
			       t->allocs, t->frees, t->refused, bad);
	}
	return ops;
}
