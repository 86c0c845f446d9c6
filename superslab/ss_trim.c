// SPDX-License-Identifier: GPL-2.0
/* Empty slabs of a pool go: those that nobody wanted for a while, or all. */
#include "superslab/ss_block.h"
#include "superslab/ss_lock.h"
#include "superslab/ss_pool.h"

/* An empty slab of @list: at its end, or at its head if it has just been made; or NULL. */
static struct hak_slab *list_empty_slab(struct list_head *list)
{
	struct hak_slab *slab;

	if (list_empty(list))
		return NULL;
	slab = list_last_entry(list, struct hak_slab, list);
	if (slab->free != slab->objects)
		slab = list_first_entry(list, struct hak_slab, list);
	return slab->free == slab->objects ? slab : NULL;
}

/* Take up to @max empty slabs, at most HAK_BATCH, off the books. */
static unsigned int node_take_empty(struct hak_pool_node *pn, unsigned int max,
				    struct list_head *gone)
	hak_must_hold(&pn->lock)
{
	struct hak_slab *slab;
	unsigned int n = 0;

	max = min_t(unsigned int, max, HAK_BATCH);
	while (n < max && pn->nr_empty) {
		slab = list_empty_slab(&pn->small) ?: list_empty_slab(&pn->partial);
		if (!slab)
			break;
		hak_slab_unlink(pn, slab);
		list_add(&slab->list, gone);
		n++;
	}
	return n;
}

static void node_trim(struct hak_pool_node *pn, unsigned int max)
{
	unsigned long flags;
	LIST_HEAD(gone);
	unsigned int n;

	do {
		flags = hak_lock(&pn->lock);
		n = node_take_empty(pn, max, &gone);
		max -= n;
		pn->low_empty = pn->nr_empty;
		hak_unlock(&pn->lock, flags);
		hak_slabs_retire(&gone);
	} while (n && max);
}

/* Empty slabs nobody wanted since the last time, or that are too many by now. */
static unsigned int node_unwanted(struct hak_pool *pool, int nid)
{
	unsigned int had = hak_peek(pool->node[nid]->nr_empty);

	return max(hak_peek(pool->node[nid]->low_empty),
		   had - min(had, hak_peek(pool->keep_empty)));
}

void hak_pool_trim(struct hak_pool *pool, bool all)
{
	int nid;

	for_each_nid(nid)
		if (hak_peek(pool->node[nid]->nr_empty))
			node_trim(pool->node[nid], all ? UINT_MAX : node_unwanted(pool, nid));
}
HAK_EXPORT_TEST(hak_pool_trim);

unsigned int hak_pool_trim_all(struct hak_pool *pool)
{
	struct hak_pool_info info;

	hak_pool_trim(pool, true);
	hak_pool_info(pool, &info);
	return info.slabs;
}
HAK_EXPORT_TEST(hak_pool_trim_all);
