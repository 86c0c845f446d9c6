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
 * included.  It takes the mutex only if it is free, waits for nothing, and runs no
 * constructor or destructor.  It stops when it has what it was asked for.  If that
 * was not to be had, it asks the reapers of those CPUs that hold something.
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

static bool reap_paused hak_guarded_by(&hak_caches_lock);
/* jiffies of the last and of the next look at what CPUs share */
static unsigned long shared_looked hak_guarded_by(&hak_caches_lock);
static unsigned long shared_next hak_guarded_by(&hak_caches_lock);
/* How often CPUs look: as often as the cache wants it that wants it most often; 0: never. */
static unsigned int reap_period;

void hak_reap_pause(bool pause)
{
	mutex_lock(&hak_caches_lock);
	reap_paused = pause;
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
static void thin_all(void)
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
		thin_all();
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
	if (!reap_paused)
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

/* Note which CPUs hold something, for reap_kick(); isolated ones only if that is to be @forced. */
static void reap_mark(bool forced)
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
static void reap_kick(unsigned long delay)
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

/* Objects of a magazine that may be anybody's by now. Preemption off. */
static unsigned int mag_holds(const struct hak_mag *m)
{
	return m ? min_t(u32, hak_peek(m->n), HAK_MAG_MAX) : 0;
}

/* Objects in the sets of all CPUs and in depots; racy. */
static unsigned long core_holds(struct hak_core *core)
{
	unsigned long n = 0;
	struct hak_set *s;
	int cpu, lvl, nid;

	for_each_possible_cpu(cpu) {
		preempt_disable();
		for_each_level(s, core->sets, cpu, lvl)
			n += max_t(s8, hak_peek(s->n), 0) + mag_holds(hak_peek(s->spare)) +
			     mag_holds(hak_peek(s->remote));
		preempt_enable();
	}
	for_each_nid(nid)
		n += hak_peek(core->depot[nid].nr_full) * core->mag_max;
	return n;
}

/*
 * Bytes of @core that could come back.  They are at least those of the objects in magazines and
 * of empty slabs; where pages of a slab can leave, of all free objects.  A live object pins one
 * slab at most.  What more slabs there are is pinned by magazines.
 */
static unsigned long core_bytes(struct hak_core *core)
{
	unsigned long held = core_holds(core), live, bytes;
	struct hak_pool_info info;

	hak_pool_info(&core->pool, &info);
	if (!info.slabs)
		return 0;
	bytes = info.objects * core->pool.stride / info.slabs;
	live = info.objects - min(info.objects, info.free + held);
	return max(held * core->pool.stride + hak_pool_idle(&core->pool),
		   (info.slabs - min_t(unsigned long, info.slabs, live)) * bytes);
}

unsigned long hak_shrinker_count(void)
{
	unsigned long pages = hak_block_empty_pages() + hak_release_pages(), bytes = 0;
	struct hak_core *core;

	if (!mutex_trylock(&hak_caches_lock))
		return pages;
	list_for_each_entry(core, &hak_caches, list)
		bytes += core_bytes(core);
	mutex_unlock(&hak_caches_lock);
	return pages + bytes / PAGE_SIZE;
}
HAK_EXPORT_TEST(hak_shrinker_count);

/*
 * What the shrinker is asked for, in OS pages, and where HAK_MEM_RETIRED stood then.  Who wants
 * ULONG_MAX is about to kill.
 */
struct scan {
	unsigned long want;
	long before;
};

/* OS pages that went, or that wait for a grace period. */
static unsigned long scan_got(const struct scan *s)
{
	return atomic_long_read(&hak_mem_stat[HAK_MEM_RETIRED]) - s->before;
}

/* OS pages that are still to be had. */
static unsigned long scan_left(const struct scan *s)
{
	return s->want - min(s->want, scan_got(s));
}

#define SCAN_MAGAZINES 4U	/* that go before it is seen what they gave */

/* Of this CPU, empty slabs, then the depots until there is enough. */
static void scan_core(struct hak_core *core, const struct scan *s)
	hak_must_hold(&hak_caches_lock)
{
	int nid;

	if (!reap_paused)
		hak_drain_here(core, false);
	hak_pool_trim(&core->pool, true);
	for_each_nid(nid)
		while (hak_block_unpromised() < scan_left(s) &&
		       hak_depot_give(&core->depot[nid], &core->pool, SCAN_MAGAZINES))
			hak_pool_trim(&core->pool, true);
	hak_block_trim(scan_left(s), 0);
}

/* Whole slabs were not enough: pages leave those that have live objects. */
static void scan_thin(const struct scan *s)
	hak_must_hold(&hak_caches_lock)
{
	unsigned long want = scan_left(s), chosen = 0;
	struct hak_core *core;

	list_for_each_entry(core, &hak_caches, list) {
		if (chosen >= want)
			break;
		chosen += hak_thin_begin(&core->pool, want - chosen);
		cond_resched();
	}
	if (chosen)
		thin_all();
}

static void scan_locked(const struct scan *s)
	hak_must_hold(&hak_caches_lock)
{
	struct hak_core *core;

	list_for_each_entry(core, &hak_caches, list) {
		scan_core(core, s);
		if (!scan_left(s))
			return;
		cond_resched();
	}
	hak_pool_trim(&hak_mag_pool, true);
	hak_block_trim(scan_left(s), 0);
	scan_thin(s);
	if (scan_left(s))
		reap_mark(s->want == ULONG_MAX);
}

unsigned long hak_shrinker_scan(unsigned long want)
{
	struct scan s = {
		.want = want,
		.before = atomic_long_read(&hak_mem_stat[HAK_MEM_RETIRED]),
	};

	hak_release_hurry();
	hak_block_trim(want, 0);
	if (!scan_left(&s))
		return scan_got(&s);
	if (!mutex_trylock(&hak_caches_lock))
		return scan_got(&s) ?: SHRINK_STOP;
	scan_locked(&s);
	mutex_unlock(&hak_caches_lock);
	if (scan_left(&s)) {
		reap_kick(0);
		hak_release_hurry();
	}
	return scan_got(&s);
}
HAK_EXPORT_TEST(hak_shrinker_scan);

void hak_reap_ask(void)
{
	hak_release_hurry();
	if (!mutex_trylock(&hak_caches_lock))
		return;
	reap_mark(false);
	mutex_unlock(&hak_caches_lock);
	/* What CPUs share is looked after by any of them. */
	WRITE_ONCE(per_cpu_ptr(&reaper, hak_work_cpu())->all, true);
	reap_kick(1);
}
HAK_EXPORT_TEST(hak_reap_ask);

static unsigned long shrinker_count(struct shrinker *s, struct shrink_control *sc)
{
	return hak_shrinker_count();
}

static unsigned long shrinker_scan(struct shrinker *s, struct shrink_control *sc)
{
	unsigned long got;

	/* Somebody writes to drop_caches, and is not short of memory: the reapers will do. */
	if (!hak_reclaims()) {
		hak_reap_ask();
		return SHRINK_STOP;
	}
	got = hak_shrinker_scan(sc->nr_to_scan);
	/* One pass gives what there is: after one that gave nothing, another would as well. */
	if (!got || got == SHRINK_STOP)
		return SHRINK_STOP;
	/* More than was asked for goes when a SuperSlab ends. */
	sc->nr_scanned = max(sc->nr_to_scan, got);
	return got;
}

static struct shrinker *shrinker;
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
