// SPDX-License-Identifier: GPL-2.0
/*
 * Executable invariants of pools.
 *
 * Each rule is stated here and nowhere else.  A slab's free count is the number of set bits of
 * its map.  The counts of a node are the sums over its slabs.  A slab is on partial or thin exactly
 * if it has a free object, and on thin exactly if pages of it have left.  A small block is on small
 * instead of partial.
 */
#include "superslab/ss_block.h"
#include "superslab/ss_dir.h"
#include "superslab/ss_lock.h"
#include "superslab/ss_pool.h"

static bool slab_verify(const struct hak_slab *slab, const struct hak_pool *pool, bool partial)
{
	unsigned int set = bitmap_weight(slab->bits, slab->objects);

	return slab->pool == pool && set == slab->free && (set > 0) == partial;
}

static bool thin_verify(const struct hak_slab *slab, const struct hak_pool *pool)
{
	return slab_verify(slab, pool, true) && slab->carved >= HAK_THINNING &&
	       (slab->carved == HAK_LEAVING || slab->free < slab->objects);
}

/* What the lists of slabs with free objects add up to. */
struct partial_sum {
	unsigned long objects, free;
	unsigned int bad, slabs, empty;
};

static void partial_verify(struct list_head *list, const struct hak_pool *pool, bool small,
			   struct partial_sum *sum)
{
	const struct hak_slab *slab;

	list_for_each_entry(slab, list, list) {
		sum->bad += !slab_verify(slab, pool, true) || slab->carved >= HAK_THINNING ||
			    small == !!slab->spages;
		sum->empty += slab->free == slab->objects;
		sum->objects += slab->objects;
		sum->free += slab->free;
		sum->slabs++;
	}
}

static unsigned int node_verify(struct hak_pool_node *pn, const struct hak_pool *pool)
	hak_must_hold(&pn->lock)
{
	struct partial_sum sum = {};
	const struct hak_slab *slab;

	hak_assert_held(&pn->lock);
	partial_verify(&pn->partial, pool, false, &sum);
	partial_verify(&pn->small, pool, true, &sum);
	list_for_each_entry(slab, &pn->full, list) {
		sum.bad += !slab_verify(slab, pool, false);
		sum.objects += slab->objects;
		sum.slabs++;
	}
	list_for_each_entry(slab, &pn->thin, list) {
		sum.bad += !thin_verify(slab, pool);
		sum.objects += slab->objects;
		sum.free += slab->free;
		sum.slabs++;
	}
	return sum.bad + (sum.objects != pn->nr_objects) + (sum.free != pn->nr_free) +
	       (sum.slabs != pn->nr_slabs) + (sum.empty != pn->nr_empty);
}

unsigned int hak_pool_verify(struct hak_pool *pool)
{
	unsigned int bad = 0;
	unsigned long flags;
	int nid;

	for_each_node(nid) {
		flags = hak_lock(&pool->node[nid]->lock);
		bad += node_verify(pool->node[nid], pool);
		hak_unlock(&pool->node[nid]->lock, flags);
	}
	return bad;
}
HAK_EXPORT_TEST(hak_pool_verify);

bool hak_pool_object_free(struct hak_pool *pool, const void *p)
{
	struct hak_pool *found;
	struct hak_slab *slab;
	bool is_free = false;
	unsigned int i;

	preempt_disable();
	slab = hak_slab_find(p, &found);
	if (slab && found == pool && slab_starts(slab, pool, p, &i))
		/* Asked of an object that is the caller's: nobody else changes its bit. */
		is_free = data_race(test_bit(i, slab->bits));
	preempt_enable();
	return is_free;
}
HAK_EXPORT_TEST(hak_pool_object_free);
