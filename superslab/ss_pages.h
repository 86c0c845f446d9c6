/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What SuperSlabs and small blocks share inside the memory layer: pages, and the two halves of a
 * small block.
 */
#ifndef _SS_PAGES_H
#define _SS_PAGES_H

#include "superslab/ss_types.h"

/* 2^@order pages in reach of the directory, accounted, each with a count of 0; NULL. */
void *hak_pages_alloc(int nid, gfp_t gfp, unsigned int order);

/* Give @nr pages of a block to the kernel, in the largest pieces there are; the rest stays. */
void hak_pages_give(void *base, unsigned int nr);

/* Give all of a block of which nothing has gone yet. */
void hak_pages_release(void *base, unsigned int order);

/* A slab in a block of its own, of @order at most, or of what one object needs. */
struct hak_slab *hak_small_slab(struct hak_pool *pool, int nid, gfp_t gfp, unsigned int order);
void hak_small_put(struct hak_small *b, const struct hak_pool *pool);

/* Pages of a small block, a bit each in @mask and not the last, go to the kernel. */
void hak_small_leave(struct hak_small *b, unsigned long mask);

/* Put right what kfree() of objects did to @nr pages: counted, reported, returned. */
unsigned int hak_pages_mend(void *base, unsigned int nr);

#endif /* _SS_PAGES_H */
