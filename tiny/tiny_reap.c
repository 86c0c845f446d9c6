// SPDX-License-Identifier: GPL-2.0
/*
 * Reclaim: what idles comes back by itself, and at once when the kernel wants memory.
 *
 * The reaper is deferrable work on each CPU that is not isolated.  A set whose count stood still
 * since the last look is idle, and is emptied.  A busy one moves, at no cost to its fast path.
 * What nobody asked of a depot or a node's empty slabs since the last look (their low-water
 * marks) goes back too.
 *
 * The shrinker is called in the middle of anybody's allocation, hakmem's own
 * included.  It takes the mutex only if it is free, waits for nothing, runs no
 * constructor or destructor, and asks the other CPUs' reapers to hurry.
 */
#include "tiny/tiny_depot.h"

struct reaper {
	struct delayed_work work;
	int cpu;		/* const: whose sets it looks at */
	bool online;		/* the work may queue itself; hotplug callbacks of this CPU */
	bool all;		/* idle or not; anybody sets it and kicks, the work clears it */
};

static DEFINE_PER_CPU(struct reaper, reaper);

static bool reap_paused hak_guarded_by(&hak_caches_lock);
/* jiffies of the next look at what CPUs share */
static unsigned long shared_next hak_guarded_by(&hak_caches_lock);

void hak_reap_pause(bool pause)
{
	mutex_lock(&hak_caches_lock);
	reap_paused = pause;
	mutex_unlock(&hak_caches_lock);
}
HAK_EXPORT_TEST(hak_reap_pause);

static void reap_shared(struct hak_core *core, bool all)
{
	int nid;

	for_each_node(nid)
		hak_depot_trim(&core->depot[nid], &core->pool, all);
	hak_pool_trim(&core->pool, all);
}

/* What CPUs share is looked after by whoever comes first. */
static void reap_locked(bool all)
	hak_must_hold(&hak_caches_lock)
{
	bool shared = all || time_after_eq(jiffies, shared_next);
	struct hak_core *core;

	hak_assert_held(&hak_caches_lock);
	if (shared)
		shared_next = jiffies + msecs_to_jiffies(hak_peek(hak_conf.reap_ms));
	list_for_each_entry(core, &hak_caches, list) {
		hak_drain_here(core, !all);
		if (shared)
			reap_shared(core, all);
		if (all)
			hak_pool_thin(&core->pool, ULONG_MAX);
	}
	if (shared)
		hak_pool_trim(&hak_mag_pool, all);
}

void hak_reap_here(bool all)
{
	mutex_lock(&hak_caches_lock);
	reap_locked(all);
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
	unsigned int ms = hak_peek(hak_conf.reap_ms);

	if (ms && !hak_cpu_isolated(r->cpu))
		reap_later(r, round_jiffies_relative(msecs_to_jiffies(ms)));
}

void hak_reap_every(unsigned int ms)
{
	int cpu;

	WRITE_ONCE(hak_conf.reap_ms, ms);
	/* Those that wait go on waiting; where there was none, now there is one. */
	for_each_online_cpu(cpu)
		reap_next(per_cpu_ptr(&reaper, cpu));
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
	if (!reap_paused)
		reap_locked(all);
	mutex_unlock(&hak_caches_lock);
	/* The kernel wants memory: what this emptied is not kept for the next load. */
	if (all)
		hak_block_trim(ULONG_MAX);
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

/* Does any cache have something in the sets of @cpu? If the mutex is taken, it may be so. */
static bool reap_holds(int cpu)
{
	struct hak_core *core;
	bool holds = false;

	if (!mutex_trylock(&hak_caches_lock))
		return true;
	list_for_each_entry(core, &hak_caches, list)
		holds |= hak_cpu_holds(core, cpu);
	mutex_unlock(&hak_caches_lock);
	return holds;
}

/*
 * Empty the magazines of every CPU, soon.  Each kick queues the work, whatever the flag
 * says: one that was set before the CPU went away has no work behind it.
 */
static void reap_kick(void)
{
	int cpu;

	for_each_online_cpu(cpu) {
		struct reaper *r = per_cpu_ptr(&reaper, cpu);

		if (!READ_ONCE(r->online) || (hak_cpu_isolated(cpu) && !reap_holds(cpu)))
			continue;
		hak_woken(cpu);
		WRITE_ONCE(r->all, true);
		mod_delayed_work_on(cpu, hak_wq, &r->work, 0);
	}
}

/* Pages that could come back without asking any CPU. */
unsigned long hak_shrinker_count(void)
{
	unsigned long pages = hak_block_empty_pages(), bytes = 0;
	struct hak_core *core;
	int nid;

	if (!mutex_trylock(&hak_caches_lock))
		return pages;
	list_for_each_entry(core, &hak_caches, list) {
		for_each_node(nid)
			bytes += hak_peek(core->depot[nid].nr_full) * core->mag_max *
				 core->pool.stride;
		bytes += hak_pool_idle(&core->pool);
	}
	mutex_unlock(&hak_caches_lock);
	return pages + bytes / PAGE_SIZE;
}
HAK_EXPORT_TEST(hak_shrinker_count);

/* OS pages that went, or that wait for a grace period, since the counter stood at @before. */
static unsigned long retired_since(long before)
{
	return atomic_long_read(&hak_mem_stat[HAK_MEM_RETIRED]) - before;
}

/* Whole slabs were not enough: pages leave those that have live objects. */
static void scan_thin(unsigned long want, long before)
	hak_must_hold(&hak_caches_lock)
{
	struct hak_core *core;

	list_for_each_entry(core, &hak_caches, list) {
		if (retired_since(before) >= want)
			break;
		hak_pool_thin(&core->pool, want - retired_since(before));
	}
}

unsigned long hak_shrinker_scan(unsigned long want)
{
	long before = atomic_long_read(&hak_mem_stat[HAK_MEM_RETIRED]);
	struct hak_core *core;

	hak_block_trim(want);
	if (retired_since(before) >= want)
		return retired_since(before);
	if (!mutex_trylock(&hak_caches_lock))
		return retired_since(before) ?: SHRINK_STOP;
	list_for_each_entry(core, &hak_caches, list) {
		/* Of this CPU at once, of the others soon. */
		if (!reap_paused)
			hak_drain_here(core, false);
		reap_shared(core, true);
		hak_block_trim(want - min(want, retired_since(before)));
		if (retired_since(before) >= want)
			break;
	}
	hak_pool_trim(&hak_mag_pool, true);
	scan_thin(want, before);
	mutex_unlock(&hak_caches_lock);
	hak_block_trim(want - min(want, retired_since(before)));
	if (retired_since(before) < want)
		reap_kick();
	return retired_since(before);
}
HAK_EXPORT_TEST(hak_shrinker_scan);

static unsigned long shrinker_count(struct shrinker *s, struct shrink_control *sc)
{
	return hak_shrinker_count();
}

static unsigned long shrinker_scan(struct shrinker *s, struct shrink_control *sc)
{
	/* One pass gives what there is: after one that gave nothing, another would as well. */
	return hak_shrinker_scan(sc->nr_to_scan) ?: SHRINK_STOP;
}

static struct shrinker *shrinker;
static enum cpuhp_state online_state;

int hak_reap_init(void)
{
	int cpu, state;

	for_each_possible_cpu(cpu) {
		per_cpu_ptr(&reaper, cpu)->cpu = cpu;
		INIT_DEFERRABLE_WORK(&per_cpu_ptr(&reaper, cpu)->work, reap_work);
	}
	state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "mm/hakmem:online", reap_online,
				  reap_offline);
	if (state < 0)
		return state;
	online_state = state;
	shrinker = hak_shrinker_register(shrinker_count, shrinker_scan);
	if (shrinker)
		return 0;
	cpuhp_remove_state(online_state);
	return -ENOMEM;
}

void hak_reap_exit(void)
{
	int cpu;

	hak_shrinker_unregister(shrinker);
	cpuhp_remove_state(online_state);
	/* A kick may have come just after a CPU had gone. */
	for_each_possible_cpu(cpu)
		cancel_delayed_work_sync(&per_cpu_ptr(&reaper, cpu)->work);
}
