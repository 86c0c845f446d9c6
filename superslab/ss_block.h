/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Blocks: memory from the page allocator and back to it.
 *
 * A block is a SuperSlab or a small block.  Its pages have a reference count of 0, so that a stray
 * kfree() frees nothing.  Pages that serve no slab may go back at once.  The header of a SuperSlab
 * and a small block go after a grace period, from one worker: the inlined free reads headers
 * without a lock.
 */
#ifndef _SS_BLOCK_H
#define _SS_BLOCK_H

#include "superslab/ss_types.h"

/* Counters of the memory layer; rare events, so plain atomics. */
enum hak_mem_stat {
	HAK_MEM_PAGES,			/* 4 KiB pages of all blocks */
	HAK_MEM_SS,			/* SuperSlabs held */
	HAK_MEM_SMALL,			/* small blocks held */
	HAK_MEM_ALLOC_SS,		/* allocations that needed a new SuperSlab */
	HAK_MEM_ALLOC_SMALL,
	HAK_MEM_ALLOC_LARGE,		/* forwarded to the kernel */
	HAK_MEM_FREE_LARGE,
	HAK_MEM_FREE_EXACT,		/* frees the inlined path left to the exact look-up */
	HAK_MEM_FREE_NMI,		/* deferred from NMI or a nested call */
	HAK_MEM_FREE_RCU,		/* freed after a grace period */
	HAK_MEM_SS_FREED,
	HAK_MEM_SMALL_FREED,
	HAK_MEM_FREE_LOCAL,		/* objects returned to slabs of this node */
	HAK_MEM_FREE_REMOTE,
	HAK_MEM_BAD_FOREIGN,
	HAK_MEM_BAD_DOUBLE,
	HAK_MEM_BAD_CACHE,
	HAK_MEM_BAD_INTERIOR,
	HAK_MEM_WRITES,			/* into free objects, as far as seen */
	HAK_MEM_BAD_KERNEL,
	HAK_MEM_LEAKED,
	HAK_MEM_PERCPU,			/* bytes of per-CPU memory of all caches */
	HAK_MEM_HURRIED,		/* grace periods that the worker hurried */
	HAK_MEM_RETIRED,		/* pages handed to the worker that frees them */
	HAK_MEM_WAKE_ISOLATED,		/* works queued on CPUs that are isolated */
	HAK_MEM_DRAIN_ISOLATED,		/* times such a CPU emptied its sets itself */
	HAK_NR_MEM_STATS
};

extern atomic_long_t hak_mem_stat[HAK_NR_MEM_STATS];

static inline void hak_mem_add(enum hak_mem_stat which, long n)
{
	atomic_long_add(n, &hak_mem_stat[which]);
}

/* Whether 2 MiB blocks are tried; set once at load. */
extern bool hak_superslab_enabled;

/* HAK_GROW_LEAST, but in tests: there may be HAK_SS_SPAGES, for whole ones only. */
extern unsigned int hak_grow_least;

/* The handle of slab pages that serve no cache: none of its sets holds or takes anything. */
extern struct hak_cache *hak_tag_none;

/*
 * For each node the nearest one that has memory, itself if it has; numa_mem_id() knows that
 * only on some architectures.  Memory may come and go, and an old answer does no harm.
 */
extern u16 hak_node_with_memory[MAX_NUMNODES];

/* Look again who has memory. Context: process. */
void hak_nodes_look(void);

/* The node whose memory this CPU should use. Racy unless pinned. */
static inline int hak_home_nid(void)
{
	return READ_ONCE(hak_node_with_memory[numa_node_id()]);
}

static inline bool hak_many_nodes(void)
{
	return num_node_state(N_MEMORY) > 1;
}

/* May the page allocator and kmalloc() be called from here? On PREEMPT_RT their locks sleep. */
static inline bool hak_may_grow(void)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT) || preemptible();
}

int hak_block_init(void);
void hak_block_exit(void);

/*
 * Hand @r to the worker, which calls r->fn after a grace period.  @pages: OS pages that come back
 * then.  Context: any, no lock held.
 */
void hak_release_later(struct hak_release *r, unsigned int pages);

/* OS pages that wait for a grace period. Context: any. */
unsigned long hak_release_pages(void);

/* Memory is short: let the grace period end soon. Context: may sleep, and waits for nothing. */
void hak_release_hurry(void);

/*
 * Wait until everything handed over so far is released, in a hurry. Context: may sleep, and not the
 * worker, which would wait for itself.
 */
void hak_release_wait(void);

/* The same, when nobody hands over more. */
void hak_release_exit(void);

/* Is this the worker? Then a destructor is what calls. Context: any. */
bool hak_release_here(void);

/* Tell lockdep that this may wait for work of ours. Context: may sleep. */
void hak_may_wait(void);

/* Wait until @work, which any number of threads may do at once, is done. Context: may sleep. */
void hak_irq_work_wait(struct irq_work *work);

/**
 * hak_block_gfp() - what of a caller's gfp reaches the page allocator
 * @gfp: the caller's
 * @smallest: whether this is the last order that will be tried
 *
 * Context: Any.
 * Return: Only reclaim, IO, FS and THISNODE bits.  Above the smallest order there is no direct
 * reclaim, and who may do it wakes nobody.  NOFAIL and access to reserves are for the smallest.
 */
gfp_t hak_block_gfp(gfp_t gfp, bool smallest);

/**
 * hak_block_slab() - memory for one slab
 * @pool: whom it will serve
 * @nid: preferred node
 * @spages: slab pages, a power of two; 0: a small block, of one page if an object fits
 * @gfp: the caller's; with __GFP_THISNODE no other node will do
 * @small: set to whether it is a small block of its own
 * @fresh: set to whether a new block was needed
 *
 * Context: No lock held; may sleep if @gfp allows it.
 * Return: A slab with all objects free, on no list; NULL when there is no memory.
 */
struct hak_slab *hak_block_slab(struct hak_pool *pool, int nid, unsigned int spages,
				gfp_t gfp, bool *small, bool *fresh);

/*
 * Has a SuperSlab of @nid room for a slab of @pool?  Then no small block need serve it.  On
 * PREEMPT_RT the answer is no, because those who cannot grow take what there is.  Context: any.
 */
bool hak_block_has_room(const struct hak_pool *pool, int nid);

/*
 * Does the object at @p lie where each free is looked up, in a small block or a thin slab, although
 * there is room elsewhere?  Preemption off.
 */
bool hak_block_goes_home(const struct hak_pool *pool, const void *p);

/* Let the slab pages of @slab lead to no cache. Context: any. */
void hak_block_untag(struct hak_slab *slab);

/* OS pages of @slab that objects may lie in alone: not with its map, nor with its descriptor. */
unsigned int hak_slab_pages(const struct hak_slab *slab);

/* Of the OS pages of @slab those that have left its block; a bit each. Context: any. */
unsigned long hak_slab_left(const struct hak_slab *slab);

/**
 * hak_slab_leave() - pages of a slab go to the kernel
 * @slab: a slab, which does not end meanwhile
 * @mask: which of its OS pages; no live object lies in them, nor its map
 *
 * Marks are taken out of them before.
 *
 * Context: Any in which the page allocator may be called; no lock held.
 */
void hak_slab_leave(struct hak_slab *slab, unsigned long mask);

/* Give back a slab that is on no list and whose objects are all free. Context: no lock held. */
void hak_block_put_slab(struct hak_slab *slab);

/* Held while a SuperSlab is made; [2] in the lock order, a mutex. */
extern struct mutex hak_grow_lock;

/* Where work of the core runs: it must go on when memory is short. */
extern struct workqueue_struct *hak_wq;

/* Work is queued that only @cpu can do: counted if it is isolated. Context: any. */
void hak_woken(int cpu);

/**
 * hak_block_trim() - give memory that serves no slab to the kernel
 * @want: OS pages that will do; one SuperSlab's more may go
 * @keep: free slab pages that stay on each node, in SuperSlabs that serve slabs
 *
 * SuperSlabs without slabs first, then the free slab pages of the others, the emptiest first.
 * Those that rest (ss_rest.h) go after a grace period, which hak_release_hurry() hurries.
 *
 * Context: Any in which the page allocator may be called; no lock held.
 * Return: OS pages that went, or that a grace period holds up.
 */
unsigned long hak_block_trim(unsigned long want, unsigned int keep);

/*
 * Give all, and first stop a SuperSlab that is on its way.  What rests is waited for.  Context: no
 * lock held; may sleep.
 */
void hak_block_shrink(void);

/* OS pages of SuperSlabs that serve no slab. Context: any. */
unsigned long hak_block_empty_pages(void);

/* The same without those that hak_block_trim() gives after a grace period. Context: any. */
unsigned long hak_block_unpromised(void);

/* Does a page of @nr from number @pfn on belong to a block? Context: may sleep. */
bool hak_block_within(unsigned long pfn, unsigned long nr);

/*
 * Put right what kfree() of objects of a block did, on kernels that let it come so far; returns
 * how often it was.  @ss: its header, or NULL of a small block.  Preemption off.
 */
unsigned int hak_block_mend(void *base, unsigned int order, const struct hak_ss *ss);

#endif /* _SS_BLOCK_H */
