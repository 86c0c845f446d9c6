/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who owns an address: the directory.
 *
 * One entry per 2 MiB region of the direct map says what the region is.  It is nothing of ours,
 * one SuperSlab, or a table of the small blocks in it.  It is exact, and no byte outside it is
 * read by a look-up here for an address that is not proven ours.  The inlined check on x86 reads
 * where the tag would be.  hak_dir[] is a small direct-mapped image of the SuperSlab entries for
 * the inlined path; what collides there is found here.
 *
 * Readers wait for no lock and run with preemption off.  An entry is cleared before what it
 * points to goes through a grace period (ss_block.c).
 */
#ifndef _SS_DIR_H
#define _SS_DIR_H

#include "superslab/ss_types.h"

int hak_dir_init(void);
void hak_dir_exit(void);

/**
 * hak_dir_reach() - let the directory cover all memory below an address
 * @end_pfn: number of the first page behind it
 *
 * Context: Process context. May sleep.
 * Return: false if there is no memory for that, or if all of it lies below the first region; it
 * stays uncovered.
 */
bool hak_dir_reach(unsigned long end_pfn);

/* The same up to the end of what is online. */
bool hak_dir_reach_all(void);

/**
 * hak_dir_covers() - can a block at this address be entered?
 * @base: start of the block
 *
 * Context: Any.
 * Return: false for memory beyond what hak_dir_reach() was asked for, or below the first region.
 */
bool hak_dir_covers(const void *base);

/* Enter and remove a SuperSlab. Context: any. */
void hak_dir_set_ss(void *base);
void hak_dir_clear_ss(void *base);

/* Enter a small block; false if its table cannot be allocated with @gfp. Context: no lock held. */
bool hak_dir_set_small(struct hak_small *b, gfp_t gfp);
void hak_dir_clear_small(struct hak_small *b);

/* Remove pages of a small block, a bit each in @mask. Context: no lock held. */
void hak_dir_leave_small(struct hak_small *b, unsigned long mask);

/* Where the image names the SuperSlab that @p lies in, if it does. */
static inline unsigned long *hak_dir_fast(const void *p)
{
	return &hak_dir[hak_arch_bits64(p, HAK_SS_SHIFT, HAK_DIR_BITS)];
}

/* The slab of any value @p, if the image knows its SuperSlab; else NULL. Preemption off. */
static inline struct hak_slab *hak_dir_near(const void *p)
{
	/*
	 * A mark has three low bits of 0: what the image names is a SuperSlab, and ours.
	 * Pairs with hak_dir_set_ss(): its header is filled in.
	 */
	if (unlikely(smp_load_acquire(hak_dir_fast(p)) !=
		     ((unsigned long)p | (HAK_SS_SIZE - 1)) - 7))
		return NULL;
	return ss_slab(p);
}

/* The SuperSlab in whose region any value @p points, or NULL. Preemption off. */
void *hak_dir_ss(const void *p);

/**
 * hak_slab_find() - the slab whose memory covers an address, and its pool
 * @p: any value at all
 * @pool: set to the pool the slab serves, which may change while @p is not live
 *
 * Context: Preemption off, or @p known to be live.
 * Return: The slab, or NULL if no slab of ours covers @p.
 */
struct hak_slab *hak_slab_find(const void *p, struct hak_pool **pool);

static inline struct hak_slab *hak_slab_of(const void *p)
{
	struct hak_pool *pool;

	return hak_slab_find(p, &pool);
}

/**
 * hak_dir_for_each() - look at each block, one region at a time
 * @fn: gets base, order, and SuperSlab header or NULL, of a thin small block page by page; may
 *      not sleep
 * @arg: what @fn gets besides
 *
 * No lock is held, so a block that comes or goes meanwhile may be missed.  What @fn reads of one
 * may change, but stays mapped until it returns.
 *
 * Context: Process context. May sleep.
 */
void hak_dir_for_each(void (*fn)(void *base, unsigned int order, struct hak_ss *ss, void *arg),
		      void *arg);

/* Pages of the directory itself, for the documented fixed cost. */
unsigned long hak_dir_pages(void);

#endif /* _SS_DIR_H */
