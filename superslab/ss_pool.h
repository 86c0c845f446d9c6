/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pools: equally sized objects, taken from slabs and returned to them in batches.
 *
 * A pool knows nothing of magazines.  It takes the node's lock once for up to
 * HAK_BATCH objects, runs constructors and reports bad frees outside it.
 */
#ifndef _SS_POOL_H
#define _SS_POOL_H

#include "superslab/ss_types.h"

/* Kinds of bad free, in the order of the bad_free_* counters. */
enum hak_bad {
	HAK_BAD_FOREIGN,
	HAK_BAD_DOUBLE,
	HAK_BAD_CACHE,
	HAK_BAD_INTERIOR,
	HAK_NR_BAD
};

/**
 * hak_report_bad() - count a bad free and report it, once per caller and cache
 * @kind: what is wrong
 * @p: the pointer
 * @ours: pool of the slab that covers it, or NULL if nobody has looked
 * @caller: where the function that got it returns to; 0 if it was freed some time before
 *
 * Context: Preemption off if @ours is given; prints nothing in NMI. No lock held.
 */
void hak_report_bad(enum hak_bad kind, const void *p, const struct hak_pool *ours,
		    unsigned long caller);

/**
 * hak_refused_here() - is this call, which may wait for work of hakmem, made by a destructor?
 * @call: its name
 * @caller: return address into the client
 *
 * The worker that runs destructors would wait for itself.
 *
 * Context: Process context.
 * Return: Whether it is; then there is a line in the log, about once for each caller.
 */
bool hak_refused_here(const char *call, unsigned long caller);

/* Count and report, once per pool, that the free object at @p has lost its mark. As above. */
void hak_report_write(const void *p, const struct hak_pool *pool);

/*
 * Set up @slab for @pool in @bytes at @mem: every object free, none carved.  @has_marks: it was a
 * slab like this, and its marks are there.
 */
void hak_slab_init(struct hak_slab *slab, struct hak_pool *pool, void *mem, size_t bytes,
		   bool has_marks);

/**
 * hak_pool_init() - set up a pool; the caller has filled name, tag, ctor, dtor and rcu
 * @pool: zeroed but for those
 * @stride: bytes from object to object, a multiple of 8
 * @keep_empty: empty slabs each node may keep
 *
 * Context: Process context. May sleep.
 * Return: 0 or -ENOMEM.
 */
int hak_pool_init(struct hak_pool *pool, u32 stride, u32 keep_empty);

/* Free a pool all of whose slabs are gone, or leak those that are not. May sleep. */
void hak_pool_exit(struct hak_pool *pool);

/**
 * hak_pool_take() - take free objects out of slabs that are there
 * @pool: the pool
 * @nid: node to take from
 * @n: how many, at most HAK_BATCH
 * @p: where to put them
 *
 * Context: Any but NMI; no lock held.
 * Return: How many were taken; objects are constructed, and not zeroed.
 */
unsigned int hak_pool_take(struct hak_pool *pool, int nid, unsigned int n, void **p);

/* What hak_pool_grow() needed to make a slab. */
enum hak_grown { HAK_GROWN_NOT, HAK_GROWN_SLAB, HAK_GROWN_SS, HAK_GROWN_SMALL };

/**
 * hak_pool_grow() - add one slab to a pool
 * @pool: the pool
 * @nid: preferred node; set to the node that got the slab
 * @gfp: as the caller of the allocator gave it; with __GFP_THISNODE no other node will do
 *
 * Context: No lock held, preemption and interrupts as the caller had them.
 * Return: Where the slab came from; HAK_GROWN_NOT if there is no memory.
 */
enum hak_grown hak_pool_grow(struct hak_pool *pool, int *nid, gfp_t gfp);

/**
 * hak_pool_return() - put objects back into their slabs
 * @pool: the pool they must belong to
 * @n: how many, at most HAK_MAG_MAX
 * @p: the objects; overwritten
 *
 * What is not an object of this pool, not the start of one, or free already is
 * reported and dropped.
 *
 * Context: Any but NMI; no lock held.
 */
void hak_pool_return(struct hak_pool *pool, unsigned int n, void **p);

/* Retire all empty slabs. Returns slabs that remain. Context: no lock held. */
unsigned int hak_pool_trim_all(struct hak_pool *pool);

/*
 * Retire the empty slabs nobody wanted since the last time, or @all of them.
 * Constructors and destructors do not run here. Context: any but NMI, no lock held.
 */
void hak_pool_trim(struct hak_pool *pool, bool all);

/* The cache is gone, its leaked objects are not: no slab page may lead to its handle. */
void hak_pool_orphan(struct hak_pool *pool);

/* Objects, free objects and slabs of a pool, summed over nodes. Context: any. */
struct hak_pool_info {
	unsigned long objects;
	unsigned long free;
	unsigned int slabs;
	unsigned int empty;
	unsigned int thin;
};

void hak_pool_info(struct hak_pool *pool, struct hak_pool_info *info);

/* Within this layer: take @slab off the books of its pool. */
void hak_slab_unlink(struct hak_pool_node *pn, struct hak_slab *slab) hak_must_hold(&pn->lock);

/* Within this layer: give up slabs that were unlinked, when readers and dtor allow it. */
void hak_slabs_retire(struct list_head *gone);

/* Within this layer: @pages of @slab begin, or cease, to count as the kernel's reclaimable ones. */
void hak_slab_account(const struct hak_slab *slab, const struct hak_pool *pool, long pages);

/**
 * hak_pool_thin() - pages without live objects leave slabs that have some
 * @pool: the pool; one with a destructor or with readers under RCU gives nothing
 * @want: OS pages that will do
 *
 * Such a slab is thin from then on.  It serves nobody new, and ends when its last object is free.
 *
 * Context: Process context, no lock held.  Waits for a grace period.
 * Return: OS pages that went.
 */
unsigned long hak_pool_thin(struct hak_pool *pool, unsigned long want);

/*
 * The two halves of it.  Between them a grace period has to pass; otherwise the second gives
 * nothing.  They return the OS pages that are to go, and that went.
 */
unsigned long hak_thin_begin(struct hak_pool *pool, unsigned long want);
unsigned long hak_thin_end(struct hak_pool *pool);

/*
 * The reaper looks.  Has the pool one slab on a node, and did nobody take or return an object for
 * HAK_REST_LOOKS looks?  Then its pages without live objects are to go, as in hak_thin_begin().
 * Context: process, no lock held.
 */
#define HAK_REST_LOOKS 3U
unsigned long hak_pool_rest(struct hak_pool *pool);

/* Bytes of free objects of a pool whose memory may still go back, roughly. Context: any. */
unsigned long hak_pool_idle(struct hak_pool *pool);

/* Compare descriptors with bitmaps; returns the number of slabs that disagree. Context: any. */
unsigned int hak_pool_verify(struct hak_pool *pool);

/* Is the object at @p of @pool free in its slab? Context: any, no lock held. */
bool hak_pool_object_free(struct hak_pool *pool, const void *p);

#endif /* _SS_POOL_H */
