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
 * Between the loss of the tag and the loss of pages there is a grace period: ss_rest.h says why.
 * Whoever thins many pools waits for one, between hak_thin_begin() and hak_thin_end() of each.
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
struct leaving {
	unsigned int n;
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

/* Which of its pages is @slab to lose?  None, unless that is worth it. */
static unsigned long slab_choose(const struct hak_slab *slab, const struct hak_pool *pool)
{
	unsigned long mask;

	if (slab->carved == HAK_LEAVING)
		return 0;
	mask = idle_mask(slab, pool);
	if (slab->carved >= HAK_THINNING)
		return mask & ~hak_slab_left(slab);
	return hweight_long(mask) * 2 < hak_slab_pages(slab) ? 0 : mask;
}

/* @slab is thin from now on: nobody is led to it. */
static void slab_thin(struct hak_pool_node *pn, struct hak_slab *slab)
	hak_must_hold(&pn->lock)
{
	hak_assert_held(&pn->lock);
	WRITE_ONCE(slab->carved, HAK_THINNING);
	pn->nr_thin++;
	hak_block_untag(slab);
	list_move(&slab->list, &pn->thin);
}

/*
 * Look at up to @max slabs of @list, the last first; they become its first.  Empty ones are @gone.
 * Returns how many were looked at, and adds to @chosen how many pages are to go.
 */
static unsigned int node_choose(struct hak_pool_node *pn, struct list_head *list, unsigned int max,
				const struct hak_pool *pool, struct list_head *gone,
				unsigned long *chosen)
	hak_must_hold(&pn->lock)
{
	struct hak_slab *slab;
	unsigned long mask;
	unsigned int n;

	hak_assert_held(&pn->lock);
	for (n = 0; n < max && !list_empty(list); n++) {
		slab = list_last_entry(list, struct hak_slab, list);
		if (list != &pn->thin && slab->free == slab->objects) {
			hak_slab_unlink(pn, slab);
			list_add(&slab->list, gone);
			continue;
		}
		list_move(&slab->list, list);
		mask = slab_choose(slab, pool);
		*chosen += hweight_long(mask);
		if (mask && list != &pn->thin)
			slab_thin(pn, slab);
	}
	return n;
}

/* One batch of @list; adds to @chosen, and returns how many slabs were looked at. */
static unsigned int choose_batch(struct hak_pool *pool, struct hak_pool_node *pn,
				 struct list_head *list, unsigned int max, unsigned long *chosen)
{
	unsigned long before = *chosen, flags;
	unsigned int looked;
	LIST_HEAD(gone);

	flags = hak_lock(&pn->lock);
	looked = node_choose(pn, list, min_t(unsigned int, max, THIN_BATCH), pool, &gone, chosen);
	if (*chosen != before)
		get_state_synchronize_rcu_full(&pn->thin_gp);
	hak_unlock(&pn->lock, flags);
	hak_slabs_retire(&gone);
	return looked;
}

/*
 * Each slab of @list once, or until @want pages are to go.  Who wants few looks at few: the next
 * call goes on behind them.
 */
static unsigned long node_begin(struct hak_pool *pool, struct hak_pool_node *pn,
				struct list_head *list, unsigned long want)
{
	unsigned int max = min_t(unsigned long, hak_peek(pn->nr_slabs), want), looked;
	unsigned long chosen = 0;

	while (max && chosen < want) {
		looked = choose_batch(pool, pn, list, max, &chosen);
		if (!looked)
			break;
		max -= looked;
		cond_resched();
	}
	return chosen;
}

/*
 * Up to @max thin slabs, the last first; they become the first.  Those that have pages to give are
 * in @l.  Returns how many were looked at.
 */
static unsigned int node_leaves(struct hak_pool_node *pn, unsigned int max,
				const struct hak_pool *pool, struct leaving *l)
	hak_must_hold(&pn->lock)
{
	struct hak_slab *slab;
	unsigned long mask;
	unsigned int n;

	hak_assert_held(&pn->lock);
	for (n = 0; n < max && !list_empty(&pn->thin); n++) {
		slab = list_last_entry(&pn->thin, struct hak_slab, list);
		list_move(&slab->list, &pn->thin);
		mask = slab_choose(slab, pool);
		if (!mask)
			continue;
		WRITE_ONCE(slab->carved, HAK_LEAVING);
		l->slab[l->n] = slab;
		l->mask[l->n++] = mask;
	}
	return n;
}

/* The pages have gone; a slab may have lost its last object meanwhile. */
static void node_left(struct hak_pool_node *pn, struct leaving *l, struct list_head *gone)
	hak_must_hold(&pn->lock)
{
	struct hak_slab *slab;
	unsigned int k;

	hak_assert_held(&pn->lock);
	for (k = 0; k < l->n; k++) {
		slab = l->slab[k];
		WRITE_ONCE(slab->carved, HAK_THIN);
		if (slab->free < slab->objects)
			continue;
		pn->nr_empty++;
		hak_slab_unlink(pn, slab);
		list_add(&slab->list, gone);
	}
}

/* One batch; adds to @given, and returns how many slabs were looked at: none during the grace. */
static unsigned int leave_batch(struct hak_pool *pool, struct hak_pool_node *pn, unsigned int max,
				unsigned long *given)
{
	struct leaving l = {};
	unsigned int looked = 0, k, pages;
	unsigned long flags;
	LIST_HEAD(gone);

	flags = hak_lock(&pn->lock);
	if (poll_state_synchronize_rcu_full(&pn->thin_gp))
		looked = node_leaves(pn, min_t(unsigned int, max, THIN_BATCH), pool, &l);
	hak_unlock(&pn->lock, flags);
	for (k = 0; k < l.n; k++) {
		pages = hweight_long(l.mask[k]);
		hak_slab_account(l.slab[k], pool, -(long)pages);
		hak_slab_leave(l.slab[k], l.mask[k]);
		*given += pages;
	}
	if (!l.n)
		return looked;
	flags = hak_lock(&pn->lock);
	node_left(pn, &l, &gone);
	hak_unlock(&pn->lock, flags);
	hak_slabs_retire(&gone);
	return looked;
}

static unsigned long node_end(struct hak_pool *pool, struct hak_pool_node *pn)
{
	unsigned int max = hak_peek(pn->nr_thin), looked;
	unsigned long given = 0;

	while (max) {
		looked = leave_batch(pool, pn, max, &given);
		if (!looked)
			break;
		max -= min(max, looked);
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

unsigned long hak_thin_begin(struct hak_pool *pool, unsigned long want)
{
	unsigned long chosen = 0;
	int nid;

	if (!pool_thins(pool))
		return 0;
	for_each_node(nid) {
		struct hak_pool_node *pn = pool->node[nid];

		if (!hak_peek(pn->nr_free))
			continue;
		chosen += node_begin(pool, pn, &pn->thin, want - min(want, chosen));
		chosen += node_begin(pool, pn, &pn->partial, want - min(want, chosen));
		chosen += node_begin(pool, pn, &pn->small, want - min(want, chosen));
	}
	return chosen;
}
HAK_EXPORT_TEST(hak_thin_begin);

unsigned long hak_thin_end(struct hak_pool *pool)
{
	unsigned long given = 0;
	int nid;

	for_each_nid(nid)
		if (hak_peek(pool->node[nid]->nr_thin))
			given += node_end(pool, pool->node[nid]);
	return given;
}
HAK_EXPORT_TEST(hak_thin_end);

unsigned long hak_pool_thin(struct hak_pool *pool, unsigned long want)
{
	if (!hak_thin_begin(pool, want))
		return 0;
	synchronize_rcu_expedited();
	return hak_thin_end(pool);
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

unsigned long hak_pool_rest(struct hak_pool *pool)
{
	struct hak_pool_node *pn;
	unsigned long chosen = 0;
	int nid;

	if (!pool_thins(pool))
		return 0;
	for_each_nid(nid) {
		pn = pool->node[nid];
		if (hak_peek(pn->nr_slabs) != 1 || hak_peek(pn->nr_thin) || !node_rests(pn))
			continue;
		chosen += node_begin(pool, pn, &pn->partial, 1);
		chosen += node_begin(pool, pn, &pn->small, 1);
	}
	return chosen;
}
HAK_EXPORT_TEST(hak_pool_rest);
