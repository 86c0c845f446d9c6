// SPDX-License-Identifier: GPL-2.0
/*
 * Objects on their way back into their slabs, up to a magazine at a time.  They are looked up
 * without a lock: ss_batch.c.  Then they are put back under one hold of a node's lock.  Where some
 * are of one slab, a few words of its map do.
 */
#include "superslab/ss_batch.h"
#include "superslab/ss_block.h"
#include "superslab/ss_dir.h"
#include "superslab/ss_lock.h"
#include "superslab/ss_pool.h"

/* All objects of @slab are free. */
static noinline void slab_emptied(struct hak_pool *pool, struct hak_pool_node *pn,
				  struct hak_slab *slab, struct list_head *gone)
	hak_must_hold(&pn->lock)
{
	hak_assert_held(&pn->lock);
	/* Whoever gives pages of it to the kernel looks again when they have gone. */
	if (slab->carved == HAK_LEAVING)
		return;
	pn->nr_empty++;
	if (pn->nr_empty > hak_peek(pool->keep_empty) || slab->carved >= HAK_THINNING ||
	    (!slab->spages && hak_block_has_room(pool, slab_nid(slab)))) {
		hak_slab_unlink(pn, slab);
		list_add(&slab->list, gone);
	} else {
		list_move_tail(&slab->list, slab->spages ? &pn->partial : &pn->small);
	}
}

/* @slab has more free objects than before, and @was then. */
static __always_inline void slab_returned(struct hak_pool *pool, struct hak_pool_node *pn,
					  struct hak_slab *slab, unsigned int was,
					  struct list_head *gone)
	hak_must_hold(&pn->lock)
{
	hak_assert_held(&pn->lock);
	pn->nr_free += slab->free - was;
	if (!was)
		list_move(&slab->list, likely(slab->spages) ? &pn->partial : &pn->small);
	if (slab->free == slab->objects)
		slab_emptied(pool, pn, slab, gone);
}

/* The objects of entry @e are free already. */
static noinline void entry_bad(struct hak_batch *b, const struct hak_entry *e)
{
	unsigned int i;

	for (i = 0; i <= e->more; i++)
		b->p[b->bad++] = b->p[e->at + i];
}

/* Some of an entry are free already: one by one. Returns how many were not. */
static noinline unsigned int entry_return_some(const struct hak_pool *pool, struct hak_batch *b,
					       const struct hak_entry *e)
{
	void **p = b->p + e->at;
	unsigned int i, k, done = 0;

	for (k = 0; k <= e->more; k++)
		if (slab_starts(e->slab, pool, p[k], &i) && !__test_and_set_bit(i, e->slab->bits))
			done++;
		else
			b->p[b->bad++] = p[k];
	return done;
}

/* Mark a run free, of at most BITS_PER_LONG objects: false if one was, and none is marked. */
static __always_inline bool run_return(struct hak_slab *slab, unsigned int first, unsigned int n)
{
	unsigned long *w = slab->bits + first / BITS_PER_LONG, mask = ~0UL >> (BITS_PER_LONG - n);
	unsigned long low = mask << first % BITS_PER_LONG;
	unsigned long high = mask >> 1 >> (BITS_PER_LONG - 1 - first % BITS_PER_LONG);

	if (unlikely(w[0] & low || (high && w[1] & high)))
		return false;
	w[0] |= low;
	if (high)
		w[1] |= high;
	return true;
}

/* Mark free those that have a bit in @map: false if one was, and none is marked. */
static __always_inline bool map_return(struct hak_slab *slab, const unsigned long *map,
				       unsigned int words)
{
	unsigned long *w = slab->bits;
	unsigned int i;

	for (i = 0; i < words; i++)
		if (unlikely(w[i] & map[i]))
			return false;
	for (i = 0; i < words; i++)
		w[i] |= map[i];
	return true;
}

/* Mark free an entry of several objects; returns how many were not. */
static noinline unsigned int entry_return(const struct hak_pool *pool, struct hak_batch *b,
					  const struct hak_entry *e)
{
	unsigned int n = e->more + 1;

	if (likely(e->words ? map_return(e->slab, b->word + e->map, e->words)
			    : run_return(e->slab, e->index, n)))
		return n;
	return entry_return_some(pool, b, e);
}

/*
 * Mark objects free, from entry @e of @b to the last in a row of one slab; returns the one behind
 * it.  One is free already if its bit is set, or if all of its slab is free.  So is one whose slab
 * was given up since the look-up.
 */
static __always_inline struct hak_entry *slab_return(struct hak_pool *pool,
						     struct hak_pool_node *pn,
						     struct hak_batch *b, struct hak_entry *e)
	hak_must_hold(&pn->lock)
{
	struct hak_slab *slab = e->slab;
	unsigned int was = slab->free, now = was;
	const struct hak_entry *end = b->entry + b->n;

	if (unlikely(READ_ONCE(slab->pool) != pool || was == slab->objects)) {
		entry_bad(b, e);
		return e + 1;
	}
	do {
		if (e->more)
			now += entry_return(pool, b, e);
		else if (likely(!__test_and_set_bit(e->index, slab->bits)))
			now++;
		else
			b->p[b->bad++] = b->p[e->at];
	} while (++e < end && e->slab == slab);
	if (now != was) {
		slab->free = now;
		slab_returned(pool, pn, slab, was, &b->gone);
	}
	return e;
}

/* Is @slab of @nid, the node of @first? A SuperSlab is of one node. */
static __always_inline bool same_node(const struct hak_slab *first, const struct hak_slab *slab,
				      int nid)
{
	return (first->spages && ss_base(first) == ss_base(slab)) || slab_nid(slab) == nid;
}

/*
 * The map says that @p is free already.  It may be of a small block, where a page of a thin slab
 * of the same pool was: then it goes where it belongs.  Preemption off.
 */
static noinline void return_again(struct hak_pool *pool, void *p, struct list_head *gone)
{
	struct hak_batch b hak_uninit;
	struct hak_slab *slab;
	struct hak_pool *found = NULL;
	struct hak_pool_node *pn;
	unsigned long flags;
	unsigned int i;

	slab = hak_slab_find(p, &found);
	if (found == pool && !slab->spages && slab_starts(slab, pool, p, &i)) {
		b.p = &p;
		b.n = 1;
		b.bad = 0;
		b.entry[0] = (struct hak_entry){ .slab = slab, .index = i };
		INIT_LIST_HEAD(&b.gone);
		pn = pool->node[slab_nid(slab)];
		flags = hak_lock(&pn->lock);
		slab_return(pool, pn, &b, b.entry);
		hak_unlock(&pn->lock, flags);
		list_splice(&b.gone, gone);
		if (!b.bad)
			return;
	}
	hak_report_bad(HAK_BAD_DOUBLE, p, pool, 0);
}

/*
 * Some of @n objects, as many as a batch has entries for: look up without a lock, put back under
 * one per node run.  Returns where those that are left begin, and in @n how many they are.
 */
static void **return_batch(struct hak_pool *pool, unsigned int *n, void **p)
{
	struct hak_batch b hak_uninit;
	struct hak_entry *e, *end;
	unsigned long flags;
	unsigned int k;

	b.p = p;
	b.bad = 0;
	INIT_LIST_HEAD(&b.gone);
	/* Until it is back in its slab, what is not proven live may go at any time. */
	preempt_disable();
	*n = hak_batch_find(pool, &b, *n, p) - b.objects;
	for (e = b.entry, end = e + b.n; e < end; ) {
		const struct hak_slab *first = e->slab;
		int nid = slab_nid(first), done = e->at;
		struct hak_pool_node *pn = pool->node[nid];

		flags = hak_lock(&pn->lock);
		do
			e = slab_return(pool, pn, &b, e);
		while (e < end && same_node(first, e->slab, nid));
		hak_unlock(&pn->lock, flags);
		hak_mem_add(nid == hak_home_nid() ? HAK_MEM_FREE_LOCAL : HAK_MEM_FREE_REMOTE,
			    (e < end ? e->at : b.objects) - done);
	}
	for (k = 0; k < b.bad; k++)
		return_again(pool, p[k], &b.gone);
	preempt_enable();
	hak_slabs_retire(&b.gone);
	return p + b.objects;
}

void hak_pool_return(struct hak_pool *pool, unsigned int n, void **p)
{
	while (n)
		p = return_batch(pool, &n, p);
}
HAK_EXPORT_TEST(hak_pool_return);
