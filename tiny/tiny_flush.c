// SPDX-License-Identifier: GPL-2.0
/*
 * The flush pipeline: where an object goes when its set has no room.
 *
 *   spare        the whole magazine becomes the spare
 *   depot        the full spare goes to the node's depot
 *   slab         objects go back to their slabs, HAK_BATCH under one lock
 *
 * Objects of other nodes go home by a magazine of their own.
 */
#include "tiny/tiny_flush.h"

/*
 * The spare is missing, or full with no room in the depot.  Returns false when
 * there is no magazine to be had.
 */
static bool flush_spare(struct hak_core *core, enum hak_level lvl)
{
	struct hak_mag *m = set_swap_spare(this_set(core->sets, lvl), NULL);
	enum hak_set_event ev = HAK_FREE_SLAB;

	if (m) {
		hak_pool_return(&core->pool, m->n, m->slot);
		m->n = 0;
	} else {
		m = hak_depot_new_empty();
		ev = HAK_FREE_SPARE;
	}
	if (m)
		flush_into(core, m, lvl, ev);
	return m;
}

NOKPROBE_SYMBOL(flush_spare);

/* No magazine to be had: half of the set goes to slabs. */
static void flush_slab(struct hak_core *core, enum hak_level lvl)
{
	struct hak_set *s = this_set(core->sets, lvl);
	void *batch[HAK_BATCH] hak_uninit;
	unsigned int n;

	s->ev[HAK_FREE_SLAB]++;
	n = set_drain(s, HAK_BATCH, batch);
	hak_pool_return(&core->pool, n, batch);
}

NOKPROBE_SYMBOL(flush_slab);

/* Objects that go home have filled their magazine, or there is none. False: one is wanted first. */
static bool flush_remote(struct hak_core *core, void *p, enum hak_level lvl, bool last)
{
	struct hak_mag *m = set_swap_remote(this_set(core->sets, lvl), NULL);

	if (m)
		hak_pool_return(&core->pool, m->n, m->slot);
	else
		m = hak_depot_new_empty();
	if (!m) {
		if (last)
			hak_pool_return(&core->pool, 1, &p);
		return last;
	}
	m->n = 1;
	m->slot[0] = p;
	m = set_swap_remote(this_set(core->sets, lvl), m);
	/* Only a nested call can have put one there meanwhile. */
	if (unlikely(m))
		hak_mag_put(core, m);
	return true;
}

NOKPROBE_SYMBOL(flush_remote);

/* Push @p, making room for it. The set's protection is held. False: a magazine is wanted first. */
static bool flush(struct hak_core *core, void *p, enum hak_level lvl, bool last)
{
	if (object_remote(p))
		return set_push_remote(this_set(core->sets, lvl), p) ||
		       flush_remote(core, p, lvl, last);
	if (flush_near(core, p, lvl))
		return true;
	if (!flush_spare(core, lvl)) {
		if (!last)
			return false;
		flush_slab(core, lvl);
	}
	return set_push(this_set(core->sets, lvl), p);
}

NOKPROBE_SYMBOL(flush);

/* Free a checked and marked object into a set that had no room. Any context but NMI. */
hak_core_fn void hak_free_slow(struct hak_core *core, void *p, enum hak_level lvl)
{
	bool pushed, last = false;
	unsigned long flags;
	int nid;

	for (;;) {
		flags = set_enter(lvl);
		if (hak_nested()) {
			hak_defer_free(core, p);
			pushed = true;
		} else {
			pushed = flush(core, p, lvl, last);
		}
		set_leave(lvl, flags);
		if (pushed)
			return;
		nid = hak_home_nid();
		if (!last && hak_may_grow())
			hak_pool_grow(&hak_mag_pool, &nid, GFP_NOWAIT | __GFP_NOMEMALLOC);
		last = true;
	}
}
NOKPROBE_SYMBOL(hak_free_slow);
