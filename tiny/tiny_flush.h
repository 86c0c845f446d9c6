/* SPDX-License-Identifier: GPL-2.0 */
/* The steps of a flush that look at no slab, inlined where a free found no room. */
#ifndef _TINY_FLUSH_H
#define _TINY_FLUSH_H

#include "tiny/tiny_depot.h"
#include "tiny/tiny_near.h"

/*
 * Is @p to go to another node's slabs?  With hardened=0 nobody has looked what it is, and a page is
 * asked of our memory only.  Anything else stays here until a flush finds it.
 */
static __always_inline bool object_remote(const void *p)
{
	return static_branch_unlikely(&hak_multi_node_key) && !object_near(p) &&
	       (static_branch_likely(&hak_hardened_key) || hak_owns(p)) &&
	       page_to_nid(virt_to_page(p)) != hak_home_nid();
}

/* Make @m the spare and store the set in it; the set's protection was held all along. */
static __always_inline void flush_into(struct hak_core *core, struct hak_mag *m,
				       enum hak_level lvl, enum hak_set_event ev)
	hak_must_hold(&hak_set_token)
{
	struct hak_set *s = this_set(core->sets, lvl);
	struct hak_mag *other;

	/* Without an empty magazine the operation goes on, and is counted where it ends. */
	hak_head_of(s)->ev[ev] += !!m;
	other = set_swap_spare(s, m);
	if (m && s->n >= s->slots)
		set_store(s, m);
	spare_put_other(core, other);
}

/*
 * The steps that look at no slab: room in the set, an empty spare, and the depot's
 * empty magazine for the full spare.  The set's protection is held.
 * Returns whether @p went in.
 */
static __always_inline bool flush_near(struct hak_core *core, void *p, enum hak_level lvl)
	hak_must_hold(&hak_set_token)
{
	struct hak_set *s = this_set(core->sets, lvl);
	struct hak_mag *full = s->spare, *m;

	hak_assert_set(lvl);
	set_widen(s, true);
	if (set_push(s, p))
		return true;
	if (set_store_spare(s, &core->mag_max)) {
		count_event(s, HAK_FREE_SPARE);
	} else {
		if (!full || hak_nested())
			return false;
		s->spare = NULL;
		if (!hak_depot_put_full(&core->depot[hak_home_nid()], full, &m)) {
			m = set_swap_spare(this_set(core->sets, lvl), full);
			spare_put_other(core, m);
			return false;
		}
		flush_into(core, m, lvl, HAK_FREE_DEPOT);
	}
	return set_push(this_set(core->sets, lvl), p);
}

#endif /* _TINY_FLUSH_H */
