/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What SuperSlabs and small blocks share inside the memory layer: pages with a biased
 * reference count, and the two halves of a small block.
 */
#ifndef _SS_PAGES_H
#define _SS_PAGES_H

#include "superslab/ss_types.h"

/* 2^@order pages in reach of the directory, accounted and biased; NULL. @gfp is sanitised. */
void *hak_pages_alloc(int nid, gfp_t gfp, unsigned int order);
void hak_pages_release(void *base, unsigned int order);

/* A slab in a block of its own, down to the order one object needs. */
struct hak_slab *hak_small_slab(struct hak_pool *pool, int nid, gfp_t gfp);
void hak_small_put(struct hak_small *b);

/* References the kernel dropped of the block at @base; more than 0 is a stray kfree(). */
int hak_pages_stolen(void *base);

#endif /* _SS_PAGES_H */
