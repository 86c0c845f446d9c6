/* SPDX-License-Identifier: GPL-2.0 */
/* Within this layer: a batch of objects on its way back into slabs. */
#ifndef _SS_BATCH_H
#define _SS_BATCH_H

#include "superslab/ss_pool.h"

/* Words of a batch for the maps of its entries: a slab of a SuperSlab has at most so many. */
#define HAK_BATCH_WORDS	(HAK_SPAGE_SIZE / sizeof(long) / BITS_PER_LONG)

/* One object, one and its neighbours above, or some of a slab that follow each other in p. */
struct hak_entry {
	struct hak_slab *slab;
	u16 index;			/* of the lowest */
	u8 at;				/* where in p it begins */
	u8 more;			/* objects behind the first */
	u8 words;			/* of the map that has a bit for each; 0: there is none */
	u8 map;				/* where in the words of the batch that begins */
};

/* Objects on their way back: where each belongs, and what is left for after the lock. */
struct hak_batch {
	void **p;
	unsigned int n;			/* entries */
	unsigned int objects;
	unsigned int bad;		/* those that were free already stand first in p */
	struct list_head gone;		/* slabs to be given up */
	struct hak_entry entry[HAK_BATCH];
	unsigned long word[HAK_BATCH_WORDS];
};

static_assert(HAK_BATCH_WORDS < 256);
static_assert(HAK_MAG_MAX < 256);

/**
 * hak_batch_find() - look up objects, as many as there are entries and words for
 * @pool: the pool they must belong to
 * @b: where each of them belongs
 * @n: how many
 * @p: the objects
 *
 * Those that are none are reported and drop out, and those behind move up.  Those of one slab that
 * follow each other are looked up once.  Whether it still serves is asked under the lock.
 *
 * Context: Preemption off.
 * Return: How many are left of @n; the first @b->objects of them have entries.
 */
unsigned int hak_batch_find(struct hak_pool *pool, struct hak_batch *b, unsigned int n, void **p);

#endif /* _SS_BATCH_H */
