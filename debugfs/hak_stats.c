// SPDX-License-Identifier: GPL-2.0
/*
 * Counters, summed: per-CPU set events of all caches, and the memory layer's.
 *
 * `reset` does not touch a live counter; it remembers where each stood.
 */
#include "debugfs/hak_debugfs.h"
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

static const struct stat_source stat_source[HAK_NR_STATS] = {
	[HAK_STAT_alloc_magazine] = EVENT(HAK_ALLOC_MAGAZINE),
	[HAK_STAT_alloc_spare] = EVENT(HAK_ALLOC_SPARE),
	[HAK_STAT_alloc_depot] = EVENT(HAK_ALLOC_DEPOT),
	[HAK_STAT_alloc_slab] = EVENT(HAK_ALLOC_SLAB),
	[HAK_STAT_alloc_superslab] = MEM(HAK_MEM_ALLOC_SS),
	[HAK_STAT_alloc_small_block] = MEM(HAK_MEM_ALLOC_SMALL),
	[HAK_STAT_alloc_large] = MEM(HAK_MEM_ALLOC_LARGE),
	[HAK_STAT_alloc_fail] = EVENT(HAK_ALLOC_FAIL),
	[HAK_STAT_free_magazine] = EVENT(HAK_FREE_MAGAZINE),
	[HAK_STAT_free_spare] = EVENT(HAK_FREE_SPARE),
	[HAK_STAT_free_depot] = EVENT(HAK_FREE_DEPOT),
	[HAK_STAT_free_slab_local] = MEM(HAK_MEM_FREE_LOCAL),
	[HAK_STAT_free_slab_remote] = MEM(HAK_MEM_FREE_REMOTE),
	[HAK_STAT_free_superslab] = MEM(HAK_MEM_SS_FREED),
	[HAK_STAT_free_small_block] = MEM(HAK_MEM_SMALL_FREED),
	[HAK_STAT_free_large] = MEM(HAK_MEM_FREE_LARGE),
	[HAK_STAT_free_exact] = MEM(HAK_MEM_FREE_EXACT),
	[HAK_STAT_free_nmi] = MEM(HAK_MEM_FREE_NMI),
	[HAK_STAT_free_rcu] = MEM(HAK_MEM_FREE_RCU),
	[HAK_STAT_bad_free_foreign] = MEM(HAK_MEM_BAD_FOREIGN),
	[HAK_STAT_bad_free_double] = MEM(HAK_MEM_BAD_DOUBLE),
	[HAK_STAT_bad_free_cache] = MEM(HAK_MEM_BAD_CACHE),
	[HAK_STAT_bad_free_interior] = MEM(HAK_MEM_BAD_INTERIOR),
	[HAK_STAT_bad_free_by_kernel] = MEM(HAK_MEM_BAD_KERNEL),
	[HAK_STAT_leaked_objects] = MEM(HAK_MEM_LEAKED),
	[HAK_STAT_pages_held] = GAUGE(HAK_MEM_PAGES),
	[HAK_STAT_superslabs_held] = GAUGE(HAK_MEM_SS),
	[HAK_STAT_small_blocks_held] = GAUGE(HAK_MEM_SMALL),
};

static u64 stats_base[HAK_NR_STATS];		/* [hak_caches_lock] values at the last reset */

static void stats_read_raw(u64 v[HAK_NR_STATS])
{
	u64 ev[HAK_NR_SET_EVENTS];
	struct hak_core *core;
	int i;

	memcpy(ev, hak_gone_events, sizeof(ev));
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
