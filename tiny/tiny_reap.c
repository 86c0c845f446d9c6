// SPDX-License-Identifier: GPL-2.0
/*
 * The reaper: what idles comes back by itself.  What the kernel asks for is in tiny_shrink.c.
 *
 * The reaper is deferrable work on each CPU that is not isolated.  A set whose count stood still
 * since the last look is idle, and is emptied.  A busy one moves, at no cost to its fast path.
 * What nobody asked of a depot or a node's empty slabs since the last look (their low-water
 * marks) goes back too.
 *
 * An isolated CPU has no reaper, and is woken for an explicit drain, or when the kernel is about
 * to kill.  Otherwise it finds a flag at its next miss that gets to the slabs.
 */
#include "tiny/tiny_depot.h"

/*
 * Slab pages, 256 KiB a node, that stay when the reapers give back all there is.  Otherwise the
 * next slab would need a SuperSlab.  The shrinker itself takes them too.
 */
#define REAP_KEEP 16U

struct reaper {
	struct delayed_work work;
	int cpu;		/* const: whose sets it looks at */
	unsigned long looked;	/* jiffies of its last look */
	bool online;		/* the work may queue itself; hotplug callbacks of this CPU */
	bool all;		/* idle or not; anybody sets it and kicks, the work clears it */
};

static DEFINE_PER_CPU(struct reaper, reaper);
DEFINE_PER_CPU(bool, hak_reap_flag);
HAK_EXPORT_TEST(hak_reap_flag);

bool hak_reap_paused hak_guarded_by(&hak_caches_lock);
/* jiffies of the last and of the next look at what CPUs share */
static unsigned long shared_looked hak_guarded_by(&hak_caches_lock);
static unsigned long shared_next hak_guarded_by(&hak_caches_lock);
/* How often CPUs look: as often as the cache wants it that wants it most often; 0: never. */
static unsigned int reap_period;

void hak_reap_pause(bool pause)
{
	mutex_lock(&hak_caches_lock);
	hak_reap_paused = pause;
	mutex_unlock(&hak_caches_lock);
}
HAK_EXPORT_TEST(hak_reap_pause);

/* Returns OS pages that are to leave slabs. */
static unsigned long reap_shared(struct hak_core *core, bool all)
{
	int nid;

	for_each_nid(nid)
		hak_depot_trim(&core->depot[nid], &core->pool, all);
	hak_pool_trim(&core->pool, all);
	return all ? 0 : hak_pool_rest(&core->pool);
}

/* The second half of thinning, of all caches at once. */
void hak_thin_all(void)
	hak_must_hold(&hak_caches_lock)
{
	struct hak_core *core;

	hak_assert_held(&hak_caches_lock);
	synchronize_rcu_expedited();
	list_for_each_entry(core, &hak_caches, list) {
		hak_thin_end(&core->pool);
		cond_resched();
	}
}

/*
 * Is @core looked at now, which was last thought of at @last?  One that wants it less often than
 * CPUs look is, when a multiple of what it wants has gone by.  Who asks by hand (0) gets all but
 * those that are never to be.
 */
static bool reap_due(const struct hak_core *core, unsigned long last)
{
	unsigned int ms = core_reap_ms(core);
	unsigned long each = msecs_to_jiffies(ms);

	if (!last)
		return hak_peek(core->own.reap_ms) != 1;
	return ms && (ms <= hak_peek(reap_period) || jiffies / each != last / each);
}

/* What CPUs share is looked after by whoever comes first. @last: of this CPU; 0: look at all. */
static void reap_locked(bool all, unsigned long last)
	hak_must_hold(&hak_caches_lock)
{
	bool shared = all || time_after_eq(jiffies, shared_next);
	unsigned long shared_last = last ? shared_looked : 0, thin = 0;
	struct hak_core *core;

	hak_assert_held(&hak_caches_lock);
	if (shared) {
		shared_looked = jiffies;
		shared_next = jiffies + msecs_to_jiffies(hak_peek(reap_period));
	}
	list_for_each_entry(core, &hak_caches, list) {
		if (all || reap_due(core, last))
			hak_drain_here(core, !all);
		if (shared && (all || reap_due(core, shared_last)))
			thin += reap_shared(core, all);
		if (all)
			thin += hak_thin_begin(&core->pool, ULONG_MAX);
		cond_resched();
	}
	if (thin)
		hak_thin_all();
	if (shared)
		hak_pool_trim(&hak_mag_pool, all);
}

void hak_reap_here(bool all)
{
	mutex_lock(&hak_caches_lock);
	reap_locked(all, 0);
	mutex_unlock(&hak_caches_lock);
}
HAK_EXPORT_TEST(hak_reap_here);

static void reap_later(struct reaper *r, unsigned long delay)
{
	if (!READ_ONCE(r->online))
		return;
	hak_woken(r->cpu);
	queue_delayed_work_on(r->cpu, hak_wq, &r->work, delay);
}

/* An isolated CPU is not disturbed for what idles there, which waits for memory to be short. */
static void reap_next(struct reaper *r)
{
	unsigned int ms = hak_peek(reap_period);

	if (ms && !hak_cpu_isolated(r->cpu))
		reap_later(r, round_jiffies_relative(msecs_to_jiffies(ms)));
}

void hak_reap_settle(void)
{
	struct hak_core *core;
	unsigned int ms, cpu;

	mutex_lock(&hak_caches_lock);
	ms = hak_conf.reap_ms;
	list_for_each_entry(core, &hak_caches, list)
		ms = min_not_zero(ms, core_reap_ms(core));
	WRITE_ONCE(reap_period, ms);
	mutex_unlock(&hak_caches_lock);
	/* Those that wait go on waiting; where there was none, now there is one. */
	for_each_online_cpu(cpu)
		reap_next(per_cpu_ptr(&reaper, cpu));
}

void hak_reap_every(unsigned int ms)
{
	WRITE_ONCE(hak_conf.reap_ms, ms);
	hak_reap_settle();
}

/* Whoever holds the mutex may wait for work on this queue, so it is only tried. */
static void reap_work(struct work_struct *work)
{
	struct reaper *r = container_of(to_delayed_work(work), struct reaper, work);
	bool all;

	if (!mutex_trylock(&hak_caches_lock)) {
		if (READ_ONCE(r->all))
			reap_later(r, 2);
		else
			reap_next(r);
		return;
	}
	all = xchg(&r->all, false);
	if (!hak_reap_paused)
		reap_locked(all, r->looked);
	r->looked = jiffies;
	mutex_unlock(&hak_caches_lock);
	/* The kernel wants memory: what this emptied is not kept for the next load. */
	if (all)
		hak_block_trim(ULONG_MAX, REAP_KEEP);
	reap_next(r);
}

static int reap_online(unsigned int cpu)
{
	struct reaper *r = per_cpu_ptr(&reaper, cpu);

	WRITE_ONCE(r->online, true);
	reap_next(r);
	return 0;
}

static int reap_offline(unsigned int cpu)
{
	struct reaper *r = per_cpu_ptr(&reaper, cpu);

	WRITE_ONCE(r->online, false);
	cancel_delayed_work_sync(&r->work);
	return 0;
}

/* Does any cache have something in the sets of @cpu? */
static bool reap_wanted(int cpu)
	hak_must_hold(&hak_caches_lock)
{
	struct hak_core *core;

	list_for_each_entry(core, &hak_caches, list)
		if (hak_cpu_holds(core, cpu))
			return true;
	return false;
}

void hak_reap_mark(bool forced)
	hak_must_hold(&hak_caches_lock)
{
	int cpu;

	for_each_online_cpu(cpu) {
		if (!reap_wanted(cpu))
			continue;
		if (!forced && hak_cpu_isolated(cpu))
			WRITE_ONCE(*per_cpu_ptr(&hak_reap_flag, cpu), true);
		else
			WRITE_ONCE(per_cpu_ptr(&reaper, cpu)->all, true);
	}
}

/* Who holds the mutex may be allocating, so it is only tried; then the flag stays. */
void hak_reap_flagged(void)
{
	struct hak_core *core;

	if (!mutex_trylock(&hak_caches_lock))
		return;
	WRITE_ONCE(*raw_cpu_ptr(&hak_reap_flag), false);
	list_for_each_entry(core, &hak_caches, list)
		hak_drain_here(core, false);
	mutex_unlock(&hak_caches_lock);
	hak_mem_add(HAK_MEM_DRAIN_ISOLATED, 1);
}
HAK_EXPORT_TEST(hak_reap_flagged);

/*
 * Empty the magazines of the CPUs that are marked, soon.  Each kick queues the work.  A mark that
 * was set before the CPU went away has no work behind it.
 */
void hak_reap_kick(unsigned long delay)
{
	int cpu;

	for_each_online_cpu(cpu) {
		struct reaper *r = per_cpu_ptr(&reaper, cpu);

		if (READ_ONCE(r->online) && READ_ONCE(r->all)) {
			hak_woken(cpu);
			mod_delayed_work_on(cpu, hak_wq, &r->work, delay);
		}
	}
}

bool hak_reap_busy(void)
{
	int cpu;

	for_each_online_cpu(cpu) {
		struct reaper *r = per_cpu_ptr(&reaper, cpu);

		if (READ_ONCE(r->online) &&
		    (READ_ONCE(r->all) || work_busy(&r->work.work) & WORK_BUSY_RUNNING))
			return true;
	}
	return false;
}
HAK_EXPORT_TEST(hak_reap_busy);

void hak_reap_ask(void)
{
	hak_release_hurry();
	if (!mutex_trylock(&hak_caches_lock))
		return;
	hak_reap_mark(false);
	mutex_unlock(&hak_caches_lock);
	/* What CPUs share is looked after by any of them. */
	WRITE_ONCE(per_cpu_ptr(&reaper, hak_work_cpu())->all, true);
	hak_reap_kick(1);
}
HAK_EXPORT_TEST(hak_reap_ask);

static enum cpuhp_state online_state;

int hak_reap_init(void)
{
	int cpu, state;

	reap_period = hak_conf.reap_ms;
	for_each_possible_cpu(cpu) {
		per_cpu_ptr(&reaper, cpu)->cpu = cpu;
		INIT_DEFERRABLE_WORK(&per_cpu_ptr(&reaper, cpu)->work, reap_work);
	}
	state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "mm/hakmem:online", reap_online,
				  reap_offline);
	if (state < 0)
		return state;
	online_state = state;
	return 0;
}

void hak_reap_exit(void)
{
	int cpu;

	cpuhp_remove_state(online_state);
	/* A kick may have come just after a CPU had gone. */
	for_each_possible_cpu(cpu)
		cancel_delayed_work_sync(&per_cpu_ptr(&reaper, cpu)->work);
}
