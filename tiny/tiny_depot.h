/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Depots and magazines, as the pipelines and whoever empties them use them.
 *
 * All calls: no lock held, not in NMI.
 */
#ifndef _TINY_DEPOT_H
#define _TINY_DEPOT_H

#include "tiny/tiny_set.h"

void hak_depot_init(struct hak_depot *d, unsigned int max_full);

/* A full magazine for @empty (or NULL); NULL if there is none, and @empty stays the caller's. */
struct hak_mag *hak_depot_get_full(struct hak_depot *d, struct hak_mag *empty);

/*
 * Take @full in and give an empty magazine for it, or NULL if the depot has none.  False if the
 * depot has its share: @full stays the caller's.
 */
bool hak_depot_put_full(struct hak_depot *d, struct hak_mag *full, struct hak_mag **empty);

/* An empty magazine out of slabs that are there, or NULL. */
struct hak_mag *hak_depot_new_empty(void);

/*
 * Give the set of an interrupt level its slots, at the level's first use.  Whether it has some,
 * afterwards: nothing may be kept in a set without.
 */
bool hak_set_open(struct hak_core *core, enum hak_level lvl) hak_must_hold(&hak_set_token);

static __always_inline bool set_open(struct hak_core *core, enum hak_level lvl)
	hak_must_hold(&hak_set_token)
{
	return lvl == HAK_TASK || set_is_open(this_set(core->sets, lvl)) ||
	       hak_set_open(core, lvl);
}

/* Free a magazine; hak_mag_put() first returns its objects to their slabs. */
void hak_mag_put_empty(struct hak_mag *m);
void hak_mag_put(struct hak_core *core, struct hak_mag *m);

/*
 * Return magazines nobody wanted since the last time, or @all, to their pool and their
 * objects to @pool.
 */
void hak_depot_trim(struct hak_depot *d, struct hak_pool *pool, bool all);

/* Return some magazines, at most @max, and their objects; the full ones first. How many it was. */
unsigned int hak_depot_give(struct hak_depot *d, struct hak_pool *pool, unsigned int max);

/*
 * @m is what the spare, or the magazine of remote objects, was before ours took its place.  There
 * is one only if a nested call put it there since we took away what was there; that one goes.
 */
static __always_inline void spare_put_other(struct hak_core *core, struct hak_mag *m)
{
	if (unlikely(m))
		hak_mag_put(core, m);
}

#endif /* _TINY_DEPOT_H */
