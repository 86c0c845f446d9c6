// SPDX-License-Identifier: GPL-2.0
/*
 * Pages without live objects leave slabs that still have some.
 *
 * It is done when memory is wanted, and where half of a slab or more can go.  Such a slab is thin:
 * it serves nobody new, because its free objects may be where no memory is.  Its slab pages lead to
 * no cache, so that each free is looked up, and nothing is written into a page that has gone.  The
 * bits stay set, so a second free is seen as one where the page stayed.  Where it went, ss_hole.c
 * tells.
 *
 * A slab with a destructor stays whole, because that will want to see each object once more.  So
 * does one whose objects are read under RCU after their free.
 */
#include "superslab/ss_block.h"
#include "superslab/ss_lock.h"
#include "superslab/ss_pool.h"

/* Slabs looked at under one hold of the lock. */
#define THIN_BATCH (HAK_BATCH / 2)

/* Slabs of which pages go. */
struct thinning {
	unsigned int n;
	struct list_head gone;			/* those that have no live object */
	struct hak_slab *slab[THIN_BATCH];
	unsigned long mask[THIN_BATCH];		/* which pages */
};

/* Are all objects of @slab from number @i to @last free? */
static bool all_free(const struct hak_slab *slab, unsigned int i, unsigned int last)
{
	unsigned long word;
	unsigned int n;

	for (; i <= last; i += n) {
		n = min_t(unsigned int, BITS_PER_LONG - i % BITS_PER_LONG, last + 1 - i);
		word = ~slab->bits[i / BITS_PER_LONG] >> (i % BITS_PER_LONG);
		if (word << (BITS_PER_LONG - n))
			return false;
	}
	return true;
}

/* Which pages of @slab hold nothing but free objects? */
static unsigned long idle_mask(const struct hak_slab *slab, const struct hak_pool *pool)
{
	unsigned int i, first, last, pages = hak_slab_pages(slab);
	unsigned long mask = 0, at;

	for (i = 0, at = 0; i < pages; i++, at += PAGE_SIZE) {
		first = at * pool->recip >> 32;
		last = (at + PAGE_SIZE - 1) * pool->recip >> 32;
		if (first < slab->objects &&
		    all_free(slab, first, min_t(unsigned int, last, slab->objects - 1)))
			mask |= 1UL << i;
	}
	return mask;
}

/* @slab begins to lose pages, or more of them, if that is worth it. */
static void slab_choose(struct hak_pool_node *pn, struct hak_slab *slab,
			const struct hak_pool *pool, struct thinning *t)
	hak_must_hold(&pn->lock)
{
	bool thin = slab->carved == HAK_THIN;
	unsigned long mask;

	hak_assert_held(&pn->lock);
	if (slab->carved == HAK_THINNING)
		return;
	mask = idle_mask(slab, pool);
	if (thin)
		mask &= ~hak_slab_left(slab);
	if (!mask || (!thin && hweight_long(mask) * 2 < hak_slab_pages(slab)))
		return;
	WRITE_ONCE(slab->carved, HAK_THINNING);
	pn->nr_thin += !thin;
	hak_block_untag(slab);
	list_move(&slab->list, &pn->thin);
	t->slab[t->n] = slab;
	t->mask[t->n++] = mask;
}

/* Look at up to @max slabs of @list, the last first; they become its first. Returns how many. */
static unsigned int node_choose(struct hak_pool_node *pn, struct list_head *list, unsigned int max,
				const struct hak_pool *pool, struct thinning *t)
	hak_must_hold(&pn->lock)
{
	struct hak_slab *slab;
	unsigned int n;

	hak_assert_held(&pn->lock);
	for (n = 0; n < max && !list_empty(list); n++) {
		slab = list_last_entry(list, struct hak_slab, list);
		if (list != &pn->thin && slab->free == slab->objects) {
			hak_slab_unlink(pn, slab);
			list_add(&slab->list, &t->gone);
			continue;
		}
		list_move(&slab->list, list);
		slab_choose(pn, slab, pool, t);
	}
	return n;
}

/* The pages have gone; a slab may have lost its last object meanwhile. */
static void node_done(struct hak_pool_node *pn, struct thinning *t)
	hak_must_hold(&pn->lock)
{
	struct hak_slab *slab;
	unsigned int k;

	hak_assert_held(&pn->lock);
	for (k = 0; k < t->n; k++) {
		slab = t->slab[k];
		WRITE_ONCE(slab->carved, HAK_THIN);
		if (slab->free < slab->objects)
			continue;
		pn->nr_empty++;
		hak_slab_unlink(pn, slab);
		list_add(&slab->list, &t->gone);
	}
}

/* One batch of @list; adds to @given, and returns how many slabs were looked at. */
static unsigned int thin_batch(struct hak_pool *pool, struct hak_pool_node *pn,
			       struct list_head *list, unsigned int max, unsigned long *given)
{
	unsigned int looked, k, pages;
	struct thinning t = {};
	unsigned long flags;

	INIT_LIST_HEAD(&t.gone);
	flags = hak_lock(&pn->lock);
	looked = node_choose(pn, list, min_t(unsigned int, max, THIN_BATCH), pool, &t);
	hak_unlock(&pn->lock, flags);
	for (k = 0; k < t.n; k++) {
		pages = hweight_long(t.mask[k]);
		hak_slab_account(t.slab[k], pool, -(long)pages);
		hak_slab_leave(t.slab[k], t.mask[k]);
		*given += pages;
	}
	if (t.n) {
		flags = hak_lock(&pn->lock);
		node_done(pn, &t);
		hak_unlock(&pn->lock, flags);
	}
	hak_slabs_retire(&t.gone);
	return looked;
}

/*
 * Each slab of @list once, or until @want pages went.  Who wants few looks at few: the next call
 * goes on behind them.
 */
static unsigned long node_thin(struct hak_pool *pool, struct hak_pool_node *pn,
			       struct list_head *list, unsigned long want)
{
	unsigned int max = min_t(unsigned long, hak_peek(pn->nr_slabs), want), looked;
	unsigned long given = 0;

	while (max && given < want) {
		looked = thin_batch(pool, pn, list, max, &given);
		if (!looked)
			break;
		max -= looked;
		cond_resched();
	}
	return given;
}

static bool pool_thins(const struct hak_pool *pool)
{
	return !pool->rcu && !pool->dtor;
}

unsigned long hak_pool_idle(struct hak_pool *pool)
{
	struct hak_pool_info info;
	unsigned long thin;

	hak_pool_info(pool, &info);
	if (!info.slabs)
		return 0;
	if (!pool_thins(pool))
		return info.objects / info.slabs * info.empty * pool->stride;
	thin = info.objects / info.slabs * info.thin;
	return info.free > thin ? (info.free - thin) * pool->stride : 0;
}

unsigned long hak_pool_thin(struct hak_pool *pool, unsigned long want)
{
	unsigned long given = 0;
	int nid;

	if (!pool_thins(pool))
		return 0;
	for_each_node(nid) {
		struct hak_pool_node *pn = pool->node[nid];

		if (!hak_peek(pn->nr_free))
			continue;
		given += node_thin(pool, pn, &pn->thin, want - min(want, given));
		given += node_thin(pool, pn, &pn->partial, want - min(want, given));
		given += node_thin(pool, pn, &pn->small, want - min(want, given));
	}
	return given;
}
HAK_EXPORT_TEST(hak_pool_thin);

/*
 * Has the pool stood still, with one slab that is not thin?  So it comes to one thin slab at most.
 * Otherwise each object of a cache that is seldom used might end up with a page of its own.
 */
static bool node_rests(struct hak_pool_node *pn)
{
	unsigned long flags = hak_lock(&pn->lock);

	if (pn->nr_slabs != 1 || pn->nr_thin || pn->nr_free != pn->seen_free)
		pn->looks = 0;
	pn->seen_free = pn->nr_free;
	/* Once; where little could go, it is not tried again before it was used. */
	pn->looks = min(pn->looks + 1, HAK_REST_LOOKS + 1);
	hak_unlock(&pn->lock, flags);
	return hak_peek(pn->looks) == HAK_REST_LOOKS;
}

void hak_pool_rest(struct hak_pool *pool)
{
	struct hak_pool_node *pn;
	int nid;

	if (!pool_thins(pool))
		return;
	for_each_nid(nid) {
		pn = pool->node[nid];
		if (hak_peek(pn->nr_slabs) != 1 || hak_peek(pn->nr_thin) || !node_rests(pn))
			continue;
		node_thin(pool, pn, &pn->partial, 1);
		node_thin(pool, pn, &pn->small, 1);
	}
}
HAK_EXPORT_TEST(hak_pool_rest);
