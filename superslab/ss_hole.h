/* SPDX-License-Identifier: GPL-2.0 */
/* What was where a page has left a slab: see ss_hole.c. */
#ifndef _SS_HOLE_H
#define _SS_HOLE_H

#include "superslab/ss_types.h"

/**
 * hak_hole_slab() - the thin slab of which the page of an address was one
 * @p: any value at all
 * @pool: set to the pool of that slab, or NULL
 *
 * Context: Preemption off.
 * Return: The slab, or NULL if the page is ours, or if its slab has ended, or never was.
 */
struct hak_slab *hak_hole_slab(const void *p, struct hak_pool **pool);

/* Is the page of @p, which has left a slab, somebody's by now?  As far as its count tells. */
bool hak_hole_taken(const void *p);

#endif /* _SS_HOLE_H */
