/* SPDX-License-Identifier: GPL-2.0 */
/* What the bulk calls share with those of caches in mode quick. */
#ifndef _TINY_BULK_H
#define _TINY_BULK_H

#include "tiny/tiny_core.h"

/* Bits in which aligned objects of one slab page, or of one SuperSlab, do not differ. */
#define BULK_SAME_SPAGE (~(HAK_SPAGE_SIZE - 1) | 7)
#define BULK_SAME_SS (~(HAK_SS_SIZE - 1) | 7)

/*
 * tiny_quick.c: a run of a cache that cache_quick() knows, of at most @n objects.  Any context.
 * Both return how many were moved.  What a run cannot do, the single call does.
 */
unsigned int hak_quick_pop(struct hak_cache *c, gfp_t gfp, unsigned int n, void **p);
unsigned int hak_quick_push(struct hak_cache *c, unsigned int n, void **p);

#endif /* _TINY_BULK_H */
