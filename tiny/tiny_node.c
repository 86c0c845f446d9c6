// SPDX-License-Identifier: GPL-2.0
/*
 * Allocation on a node of the caller's choice.
 *
 * A CPU's magazines hold objects of its own node, so a call that names that node is an ordinary
 * one.  For any other node, and with __GFP_THISNODE, one object comes out of that node's slabs
 * under its lock.  These calls are rare, and what they return is for another node's CPUs to
 * reuse.
 */
#include "tiny/tiny_class.h"
#include "tiny/tiny_sample.h"
#include "tiny/tiny_set.h"

/* One object of @nid's slabs, made if there are none; NULL if there is no memory on it. */
static void *take_on(struct hak_core *core, gfp_t gfp, int nid)
{
	int got = nid;
	void *p;

	while (!hak_pool_take(&core->pool, nid, 1, &p))
		if (!hak_may_grow() ||
		    hak_pool_grow(&core->pool, &got, gfp | __GFP_THISNODE) == HAK_GROWN_NOT)
			return NULL;
	return p;
}

/* Without __GFP_THISNODE the node is a wish, for which nothing is reclaimed. */
static gfp_t wish_gfp(gfp_t gfp)
{
	return (gfp & ~(__GFP_DIRECT_RECLAIM | __GFP_NOFAIL | __GFP_RETRY_MAYFAIL)) | __GFP_NOWARN;
}

static void count_here(struct hak_core *core, enum hak_set_event ev)
{
	enum hak_level lvl = hak_level();
	unsigned long flags = set_enter(lvl);

	count_event(this_set(core->sets, lvl), ev);
	set_leave(lvl, flags);
}

static bool is_nested(void)
{
	bool is;

	preempt_disable();
	is = hak_nested();
	preempt_enable();
	return is;
}

void *hak_cache_alloc_node(struct hak_cache *c, gfp_t gfp, int node)
{
	struct hak_core *core = cache_core(c);
	void *p;

	if (node == NUMA_NO_NODE || (!(gfp & __GFP_THISNODE) && node == hak_home_nid()))
		return hak_cache_alloc(c, gfp);
	hak_might_alloc(gfp);
	if (in_nmi() || is_nested())
		return NULL;
	WARN_ONCE(gfp & (__GFP_DMA | __GFP_DMA32), "hakmem: %s has no DMA zones\n", core->name);
	if ((unsigned int)node >= nr_node_ids) {
		WARN_ONCE(1, "hakmem: no node %d\n", node);
		return NULL;
	}
	/* A node that is not there now is a wish that cannot be had. */
	p = node_online(node) ? take_on(core, gfp & __GFP_THISNODE ? gfp : wish_gfp(gfp), node)
			      : NULL;
	if (!p && !(gfp & __GFP_THISNODE))
		return hak_cache_alloc(c, gfp);
	count_here(core, p ? HAK_ALLOC_SLAB : HAK_ALLOC_FAIL);
	if (p && core->mode.sampled)
		hak_sample_alloc(core, p, _RET_IP_);
	return p ? hak_finish_alloc(core, p, gfp) : NULL;
}
HAK_EXPORT(hak_cache_alloc_node);

void *hak_alloc_node(size_t size, gfp_t gfp, int node)
{
	if (!size)
		return ZERO_SIZE_PTR;
	if (size > HAK_MAX_SIZE || gfp & (__GFP_DMA | __GFP_DMA32)) {
		if (in_nmi() || !hak_may_grow())
			return NULL;
		hak_mem_add(HAK_MEM_ALLOC_LARGE, 1);
		return kmalloc_node(size, gfp, node);
	}
	return watch_size(hak_cache_alloc_node(hak_class[hak_size_class(size)], gfp, node), size);
}
HAK_EXPORT(hak_alloc_node);

/* Let no free into the sets of @core be inlined, on any CPU. */
static void close_caps(struct hak_core *core)
	hak_unchecked("one word, which is written until it stays")
{
	struct hak_set *s;
	bool open;
	int cpu, lvl;

	do {
		open = false;
		for_each_set(s, core->handle, cpu, lvl) {
			open |= READ_ONCE(s->cap);
			WRITE_ONCE(s->cap, 0);
		}
		/* Who read it before may write it once more: set_slots(). */
		synchronize_rcu();
	} while (open);
}

void hak_caches_send_home(void)
{
	struct hak_core *core;

	mutex_lock(&hak_caches_lock);
	hak_conf.multi_node = true;
	list_for_each_entry(core, &hak_caches, list) {
		core->mode = *hak_mode_of(core, &hak_conf);
		hak_core_quick(core);
		if (core->mode.frees_out)
			close_caps(core);
	}
	mutex_unlock(&hak_caches_lock);
}
