// SPDX-License-Identifier: GPL-2.0
/*
 * Reclaim: memory comes back at once when the kernel wants it.
 *
 * The shrinker is called in the middle of anybody's allocation, hakmem's own
 * included.  It takes the mutex only if it is free, waits for nothing, and runs no
 * constructor or destructor.  It stops when it has what it was asked for.  If that
 * was not to be had, it asks the reapers of those CPUs that hold something.
 */
#include "tiny/tiny_depot.h"

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

	if (!hak_reap_paused)
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
		hak_thin_all();
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
		hak_reap_mark(s->want == ULONG_MAX);
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
		hak_reap_kick(0);
		hak_release_hurry();
	}
	return scan_got(&s);
}
HAK_EXPORT_TEST(hak_shrinker_scan);

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

int hak_shrink_init(void)
{
	shrinker = hak_shrinker_register(shrinker_count, shrinker_scan);
	return shrinker ? 0 : -ENOMEM;
}

void hak_shrink_exit(void)
{
	hak_shrinker_unregister(shrinker);
}
