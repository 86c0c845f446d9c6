// SPDX-License-Identifier: GPL-2.0
/*
 * Counters, summed: per-CPU set events of all caches, and the memory layer's.
 *
 * `reset` does not touch a live counter; it remembers where each stood.
 */
#include "tiny/tiny_core.h"
#include <linux/hakmem_stats.h>

const char *const hak_stat_name[HAK_NR_STATS] = {
#define X(name)	\
	[HAK_STAT_##name] = #name,
	HAK_STATS(X)
#undef X
};
HAK_EXPORT(hak_stat_name);

/* Where a statistic comes from: a set event, a counter of the memory layer, or neither. */
struct stat_source {
	s8 event;
	s8 mem;
	bool gauge;		/* a level, which reset leaves alone */
};

#define EVENT(e)	{ .event = (e), .mem = -1 }
#define MEM(m)		{ .event = -1, .mem = (m) }
#define GAUGE(m)	{ .event = -1, .mem = (m), .gauge = true }

/* One row for each, neither fewer nor twice: both do not build. */
#define STAT_SOURCES(X)							\
	X(alloc_magazine, EVENT(HAK_ALLOC_MAGAZINE))			\
	X(alloc_spare, EVENT(HAK_ALLOC_SPARE))				\
	X(alloc_depot, EVENT(HAK_ALLOC_DEPOT))				\
	X(alloc_slab, EVENT(HAK_ALLOC_SLAB))				\
	X(alloc_superslab, MEM(HAK_MEM_ALLOC_SS))			\
	X(alloc_small_block, MEM(HAK_MEM_ALLOC_SMALL))			\
	X(alloc_large, MEM(HAK_MEM_ALLOC_LARGE))			\
	X(alloc_fail, EVENT(HAK_ALLOC_FAIL))				\
	X(free_magazine, EVENT(HAK_FREE_MAGAZINE))			\
	X(free_spare, EVENT(HAK_FREE_SPARE))				\
	X(free_depot, EVENT(HAK_FREE_DEPOT))				\
	X(free_slab_local, MEM(HAK_MEM_FREE_LOCAL))			\
	X(free_slab_remote, MEM(HAK_MEM_FREE_REMOTE))			\
	X(free_superslab, MEM(HAK_MEM_SS_FREED))			\
	X(free_small_block, MEM(HAK_MEM_SMALL_FREED))			\
	X(free_large, MEM(HAK_MEM_FREE_LARGE))				\
	X(free_exact, MEM(HAK_MEM_FREE_EXACT))				\
	X(free_nmi, MEM(HAK_MEM_FREE_NMI))				\
	X(free_rcu, MEM(HAK_MEM_FREE_RCU))				\
	X(bad_free_foreign, MEM(HAK_MEM_BAD_FOREIGN))			\
	X(bad_free_double, MEM(HAK_MEM_BAD_DOUBLE))			\
	X(bad_free_cache, MEM(HAK_MEM_BAD_CACHE))			\
	X(bad_free_interior, MEM(HAK_MEM_BAD_INTERIOR))			\
	X(bad_free_by_kernel, MEM(HAK_MEM_BAD_KERNEL))			\
	X(write_after_free, MEM(HAK_MEM_WRITES))			\
	X(leaked_objects, MEM(HAK_MEM_LEAKED))				\
	X(isolated_wakeups, MEM(HAK_MEM_WAKE_ISOLATED))			\
	X(isolated_drains, MEM(HAK_MEM_DRAIN_ISOLATED))			\
	X(pages_held, GAUGE(HAK_MEM_PAGES))				\
	X(superslabs_held, GAUGE(HAK_MEM_SS))				\
	X(small_blocks_held, GAUGE(HAK_MEM_SMALL))			\
	X(percpu_bytes, GAUGE(HAK_MEM_PERCPU))

static const struct stat_source stat_source[HAK_NR_STATS] = {
#define X(name, from) [HAK_STAT_##name] = from,
	STAT_SOURCES(X)
#undef X
};

#define X(name, from) STAT_SOURCE_OF_##name,
enum { STAT_SOURCES(X) NR_STAT_SOURCES };
#undef X
static_assert((int)NR_STAT_SOURCES == (int)HAK_NR_STATS);

/* Values at the last reset. */
static u64 stats_base[HAK_NR_STATS] hak_guarded_by(&hak_caches_lock);

static void stats_read_raw(u64 v[HAK_NR_STATS])
	hak_must_hold(&hak_caches_lock)
{
	u64 ev[HAK_NR_SET_EVENTS];
	struct hak_core *core;
	int cpu, i;

	hak_assert_held(&hak_caches_lock);
	memcpy(ev, hak_gone_events, sizeof(ev));
	for_each_possible_cpu(cpu)
		for (i = 0; i < HAK_NR_SET_EVENTS; i++)
			ev[i] += hak_peek(hak_head_of(no_set_of(cpu))->ev[i]);
	list_for_each_entry(core, &hak_caches, list)
		hak_core_events(core, ev);
	for (i = 0; i < HAK_NR_STATS; i++)
		v[i] = stat_source[i].event >= 0 ? ev[stat_source[i].event]
		     : atomic_long_read(&hak_mem_stat[stat_source[i].mem]);
}

void hak_stats_read(u64 v[HAK_NR_STATS])
{
	int i;

	mutex_lock(&hak_caches_lock);
	stats_read_raw(v);
	for (i = 0; i < HAK_NR_STATS; i++)
		if (!stat_source[i].gauge)
			v[i] -= stats_base[i];
	mutex_unlock(&hak_caches_lock);
	if (!hak_conf.stats) {
		v[HAK_STAT_alloc_magazine] = HAK_STAT_UNKEPT;
		v[HAK_STAT_free_magazine] = HAK_STAT_UNKEPT;
	}
}
HAK_EXPORT(hak_stats_read);

void hak_stats_reset(void)
{
	mutex_lock(&hak_caches_lock);
	stats_read_raw(stats_base);
	mutex_unlock(&hak_caches_lock);
}

const struct hak_config *hak_config_get(void)
{
	return &hak_conf;
}
HAK_EXPORT(hak_config_get);
