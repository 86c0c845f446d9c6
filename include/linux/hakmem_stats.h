/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What hakmem tells about itself to other modules: the counters behind
 * /sys/kernel/debug/hakmem/stats and the configuration in force.
 *
 * The alloc_ and free_ counters count operations (a bulk call counts its
 * objects), each under the deepest stage it needed.  alloc_magazine and
 * free_magazine are kept only with stats=1; otherwise they are what is left of
 * the operations after all the others.
 */
#ifndef _LINUX_HAKMEM_STATS_H
#define _LINUX_HAKMEM_STATS_H

#include <linux/types.h>

struct dentry;

#define HAK_STATS(X)								\
	X(alloc_magazine)	/* hits; kept with stats=1 */			\
	X(alloc_spare)		/* previous magazine of this CPU */		\
	X(alloc_depot)		/* full magazine of the node */			\
	X(alloc_slab)		/* slab with free objects */			\
	X(alloc_superslab)	/* needed a new SuperSlab */			\
	X(alloc_small_block)	/* needed a block below 2 MiB */		\
	X(alloc_large)		/* forwarded to kmalloc: large or DMA */	\
	X(alloc_fail)		/* returned NULL */				\
	X(free_magazine)	/* hits; kept with stats=1 */			\
	X(free_spare)								\
	X(free_depot)								\
	X(free_slab_local)	/* objects returned to slabs of this node */	\
	X(free_slab_remote)	/* objects returned to slabs of other nodes */	\
	X(free_superslab)	/* SuperSlabs given back */			\
	X(free_small_block)	/* smaller blocks given back */			\
	X(free_large)		/* forwarded to kfree */			\
	X(free_exact)		/* left to the exact look-up: small blocks */	\
	X(free_nmi)		/* deferred from NMI or a nested call */	\
	X(free_rcu)		/* freed after a grace period; counted above, too */ \
	X(bad_free_foreign)	/* not ours */					\
	X(bad_free_double)							\
	X(bad_free_cache)	/* object of another cache or class */		\
	X(bad_free_interior)	/* ours, but not the start of an object */	\
	X(bad_free_by_kernel)	/* block references the kernel dropped */	\
	X(write_after_free)	/* free objects that had lost their mark */	\
	X(leaked_objects)	/* live when their cache or hakmem went away */	\
	X(isolated_wakeups)	/* works queued on CPUs that are isolated */	\
	X(isolated_drains)	/* times such a CPU emptied its sets itself */	\
	X(pages_held)		/* 4 KiB pages of all blocks */			\
	X(superslabs_held)							\
	X(small_blocks_held)						\
	X(percpu_bytes)		/* per-CPU memory of all caches, of all CPUs */

enum hak_stat {
#define X(name) HAK_STAT_##name,
	HAK_STATS(X)
#undef X
	HAK_NR_STATS
};

extern const char *const hak_stat_name[HAK_NR_STATS];

/**
 * hak_stats_read() - sum the counters over all caches and CPUs
 * @v: where to put them; HAK_STAT_UNKEPT for a count that is not kept
 *
 * Context: Process context. May sleep. Counts of other CPUs may be a little old.
 */
void hak_stats_read(u64 v[HAK_NR_STATS]);
#define HAK_STAT_UNKEPT (~0ULL)

/**
 * struct hak_config - the parameters hakmem runs with
 * @hardened: 0, 1 or 2
 * @stats: whether magazine hits are counted, out of line
 * @mag_size: most objects in a magazine
 * @mag_bytes: most bytes of objects in a magazine
 * @reap_ms: how often each CPU looks for what idles, in ms; 0: never
 * @multi_node: whether frees look at the node of an object, out of line
 * @superslab: whether 2 MiB blocks are tried
 * @random_order: whether a new slab hands its objects out in random order
 * @cache_bytes_max: bytes one cache may retain in a node's depot and empty slabs
 * @init_on_alloc: whether objects are zeroed because the kernel says so
 * @init_on_free: likewise, on free
 * @fixed_pages: pages_held that stay while idle and shrunk
 */
struct hak_config {
	unsigned int hardened;
	bool stats;
	unsigned int mag_size;
	unsigned int mag_bytes;
	unsigned int reap_ms;
	bool multi_node;
	bool superslab;
	bool random_order;
	unsigned long cache_bytes_max;
	bool init_on_alloc;
	bool init_on_free;
	unsigned int fixed_pages;
};

/**
 * hak_config_get() - the configuration in force
 *
 * Context: Any.
 * Return: What was settled at load; mag_size, cache_bytes_max and reap_ms may change.
 */
const struct hak_config *hak_config_get(void);

/**
 * hak_debugfs_root() - where other modules of the project put their files
 *
 * Context: Any.
 * Return: The directory /sys/kernel/debug/hakmem, or an error pointer without debugfs.
 */
struct dentry *hak_debugfs_root(void);

/**
 * hak_shrink_all() - give back whatever hakmem holds and nobody uses
 *
 * Context: Process context. May sleep.
 * Return: pages_held afterwards.
 */
unsigned long hak_shrink_all(void);

/**
 * hak_audit() - walk everything and prove that nothing is lost or doubled
 * @live: how many objects the caller knows to be live, or -1 not to compare
 *
 * Exact while nobody allocates or frees; on a running system a verdict may be
 * wrong, and the log says RACY.
 *
 * Context: Process context. May sleep.
 * Return: number of findings, each one line in the log; 0 is PASS.
 */
int hak_audit(long live);

#endif /* _LINUX_HAKMEM_STATS_H */
