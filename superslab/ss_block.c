// SPDX-License-Identifier: GPL-2.0
/*
 * SuperSlabs and their slab pages: see ss_block.h.
 *
 * Empty SuperSlabs of 2 MiB together are kept on a node.  So a load that hovers around the edge of
 * one does not allocate and free it each time.  hak_block_shrink() releases them.  Where they come
 * from is in ss_grow.c.  Small blocks are in ss_small.c, what both share in ss_pages.c.
 */
#include "superslab/ss_block.h"
#include "superslab/ss_dir.h"
#include "superslab/ss_lock.h"
#include "superslab/ss_node.h"
#include "superslab/ss_pages.h"
#include "superslab/ss_pool.h"
#include "superslab/ss_rest.h"

bool hak_superslab_enabled __read_mostly = true;
HAK_EXPORT_TEST(hak_superslab_enabled);

/* Slab pages that somebody wants, and how they were had. */
struct ss_want {
	const struct hak_pool *pool;
	unsigned int n;			/* neighbours: 1, 2 or 4 */
	struct hak_slab *slab;		/* NULL: there are none */
	bool has_marks;			/* it was a slab of the same cache, whose marks are right */
	struct hak_spages stale;	/* others have marks that go before it is cut */
};

/* Where in @ss there are slab pages for @w, or 0: those that rest are no use to others. */
static unsigned int ss_choose(const struct hak_ss *ss, const struct ss_want *w)
{
	unsigned int first = spage_find(&ss->free, w->n), i;
	struct hak_spages rested;

	if (!first || !hak_rests(ss, first, w->n) || hak_rest_fits(ss, first, w->n, w->pool) ||
	    hak_rest_over(ss))
		return first;
	for (i = 0; i < SPAGE_WORDS; i++)
		rested.bits[i] = ss->free.bits[i] & ~ss->rest.bits[i];
	return spage_find(&rested, w->n);
}

static void ss_take_spages(struct hak_block_node *bn, struct hak_ss *ss, unsigned int first,
			   struct ss_want *w)
	hak_must_hold(&bn->lock)
{
	unsigned int i, n = w->n;

	hak_assert_held(&bn->lock);
	w->has_marks = hak_rest_fits(ss, first, n, w->pool);
	for (i = 0; i < SPAGE_WORDS; i++)
		w->stale.bits[i] = w->has_marks ? 0 : ss->rest.bits[i];
	bucket_del(bn, ss);
	spage_clear(&ss->free, first, n);
	spage_clear(&ss->rest, first, n);
	ss->nr_free -= n;
	ss->nr_used += n;
	bucket_add(bn, ss);
	w->slab = ss_desc(ss->base, first);
	for (i = first; i < first + n; i++)
		WRITE_ONCE(ss_desc(ss->base, i)->first, first);
	w->slab->spages = n;
}

/* Neighbouring slab pages of the fullest SuperSlab of @bn that has them, one of each bucket. */
static void bn_take_spages(struct hak_block_node *bn, struct ss_want *w)
	hak_must_hold(&bn->lock)
{
	unsigned int fit = bn->filled & BUCKETS_OF(__fls(w->n)), at, first;
	struct hak_ss *ss;

	for (at = fit; at; at &= at - 1) {
		ss = list_first_entry(&bn->bucket[__ffs(at)], struct hak_ss, list);
		first = ss_choose(ss, w);
		if (first) {
			ss_take_spages(bn, ss, first, w);
			return;
		}
	}
	if (fit)
		bn_starves(bn);
}

/* Apart, so that where there are only small blocks no register is saved. */
static noinline bool node_has_room(struct hak_block_node *bn, unsigned int spages)
{
	return hak_peek(bn->filled) & BUCKETS_OF(__fls(spages)) && bn_has_rested(bn);
}

bool hak_block_has_room(const struct hak_pool *pool, int nid)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT) || !hak_superslab_enabled)
		return false;
	return node_has_room(&hak_block_node[nid], pool->slab_spages);
}

bool hak_block_goes_home(const struct hak_pool *pool, const void *p)
{
	const struct hak_slab *slab;

	if (!hak_superslab_enabled || !hak_block_has_room(pool, page_to_nid(virt_to_page(p))))
		return false;
	slab = hak_slab_of(p);
	return slab && (!slab->spages || hak_peek(slab->carved) >= HAK_THINNING);
}

static bool node_take_spages(int nid, struct ss_want *w)
{
	struct hak_block_node *bn = &hak_block_node[nid];
	unsigned long flags = hak_lock(&bn->lock);

	bn_take_spages(bn, w);
	hak_unlock(&bn->lock, flags);
	return w->slab;
}

/* Make the slab pages of @slab lead to @tag. */
static void ss_tag(struct hak_slab *slab, struct hak_cache *tag)
{
	void *base = ss_base(slab);
	unsigned int i;

	for (i = slab->first; i < slab->first + slab->spages; i++)
		WRITE_ONCE(*hak_tag_at(hak_mark(base), base + i * HAK_SPAGE_SIZE), tag);
}

void hak_block_untag(struct hak_slab *slab)
{
	if (slab->spages)
		ss_tag(slab, hak_tag_none);
}

static void ss_publish(const struct ss_want *w, struct hak_pool *pool)
{
	struct hak_slab *slab = w->slab;
	void *base = ss_base(slab);
	unsigned int first = slab->first;
	size_t bytes = slab->spages * HAK_SPAGE_SIZE;
	void *mem = base + first * HAK_SPAGE_SIZE;

	if (first + slab->spages == HAK_SS_SPAGES)
		bytes -= HAK_SS_END;
	hak_rest_unmark_spages(base, &w->stale, first, first + slab->spages);
	hak_slab_init(slab, pool, mem, bytes, w->has_marks);
	ss_tag(slab, pool->tag);
}

/* @ss serves from now on, and @w, unless that is NULL, at once. */
static void ss_add(struct hak_ss *ss, struct ss_want *w)
	hak_must_hold(&hak_grow_lock)
{
	struct hak_block_node *bn = &hak_block_node[ss->nid];
	unsigned long flags;

	hak_assert_held(&hak_grow_lock);
	/* Before anybody can take an object out of it. */
	hak_dir_set_ss(ss->base);
	hak_mem_add(HAK_MEM_SS, 1);
	flags = hak_lock(&bn->lock);
	bucket_add(bn, ss);
	if (w)
		bn_take_spages(bn, w);
	hak_unlock(&bn->lock, flags);
}

/* One empty SuperSlab for those that could not wait, unless there is room by now. */
static void ss_worker(struct work_struct *work)
{
	int nid = hak_home_nid();
	struct hak_ss *ss = NULL;

	mutex_lock(&hak_grow_lock);
	if (!node_has_room(&hak_block_node[nid], HAK_SLAB_SPAGES_MAX))
		ss = hak_ss_create(nid, GFP_KERNEL);
	if (ss && hak_peek(hak_block_node[ss->nid].nr_empty))
		spages_release(ss->base);
	else if (ss)
		ss_add(ss, NULL);
	mutex_unlock(&hak_grow_lock);
}

static DECLARE_WORK(ss_work, ss_worker);

/* Slab pages that are there: of @nid, or if any node will do, of the first that has some. */
static bool take_spages(int nid, struct ss_want *w, gfp_t gfp)
{
	if (node_take_spages(nid, w) || gfp & __GFP_THISNODE)
		return w->slab;
	for_each_node(nid)
		if (node_take_spages(nid, w))
			break;
	return w->slab;
}

/*
 * As take_spages(), or of a SuperSlab that is made, by us or meanwhile by others; returns whether
 * it was by us.  May sleep.
 */
static bool ss_grow(int nid, struct ss_want *w, gfp_t gfp)
{
	struct hak_ss *ss = NULL;

	mutex_lock(&hak_grow_lock);
	if (!take_spages(nid, w, gfp)) {
		ss = hak_ss_create(nid, gfp);
		if (ss)
			ss_add(ss, w);
	}
	mutex_unlock(&hak_grow_lock);
	return ss && w->slab;
}

struct hak_slab *hak_block_slab(struct hak_pool *pool, int nid, unsigned int spages,
				gfp_t gfp, bool *small, bool *fresh)
{
	struct ss_want w = { .pool = pool, .n = spages };
	bool due = spages && !take_spages(nid, &w, gfp) && hak_superslab_enabled &&
		   grow_due(&hak_block_node[nid]);

	*small = *fresh = false;
	if (due && gfpflags_allow_blocking(gfp))
		*fresh = ss_grow(nid, &w, gfp);
	/* Who may not wake kswapd may not wake a worker, either. */
	else if (due && gfp & __GFP_KSWAPD_RECLAIM)
		hak_queue_any(hak_wq, &ss_work);
	if (w.slab) {
		ss_publish(&w, pool);
		return w.slab;
	}
	*small = *fresh = true;
	return hak_small_slab(pool, nid, gfp, spages ? HAK_SMALL_ORDER_MAX : 0);
}

/* Slab pages of @slab, which served @pool, are free again, or, of a thin one, have all gone. */
static void ss_put_spages(struct hak_slab *slab, const struct hak_pool *pool, bool gone)
{
	void *base = ss_base(slab);
	struct hak_ss *ss = ss_header(base);
	struct hak_block_node *bn = &hak_block_node[ss->nid];
	unsigned int first = slab->first, n = slab->spages, i;
	unsigned long flags;
	bool retire;

	flags = hak_lock(&bn->lock);
	bucket_del(bn, ss);
	if (!gone) {
		spage_set(&ss->free, first, n);
		ss->nr_free += n;
		if (pool->marked)
			hak_rest_begin(ss, slab, pool);
	}
	ss->nr_used -= n;
	bucket_add(bn, ss);
	for (i = first; i < first + n; i++)
		WRITE_ONCE(ss_desc(base, i)->first, 0);
	retire = hak_ss_retire(bn, ss, true);
	hak_unlock(&bn->lock, flags);
	if (retire)
		hak_ss_retired(ss);
	else if (pool->marked && !gone)
		hak_rest_soon();
}

/* Nobody is led to an object of @slab any more. */
static void slab_hide(struct hak_slab *slab)
{
	if (!slab->spages) {
		hak_dir_clear_small(container_of(slab, struct hak_small, slab));
		return;
	}
	ss_tag(slab, hak_tag_none);
	WRITE_ONCE(slab->pool, NULL);
}

static struct hak_small *slab_small(const struct hak_slab *slab)
{
	return container_of(slab, struct hak_small, slab);
}

unsigned long hak_slab_left(const struct hak_slab *slab)
{
	unsigned int i, first = slab->first * HAK_SPAGE_PAGES;
	struct hak_ss *ss = ss_header(ss_base(slab));
	unsigned long mask = 0;

	if (!slab->spages)
		return slab_small(slab)->left;
	for (i = 0; i < slab->spages * HAK_SPAGE_PAGES; i++)
		mask |= (unsigned long)ss_left(ss, first + i) << i;
	return mask;
}
HAK_EXPORT_TEST(hak_slab_left);

/* Take the marks out of those pages of @slab whose bits are set in @mask. */
static void slab_unmark_pages(struct hak_slab *slab, unsigned long mask)
{
	struct hak_rest r;
	void *page;

	hak_rest_note(&r, slab, slab->pool);
	for (; mask; mask &= mask - 1) {
		page = slab->mem + __ffs(mask) * PAGE_SIZE;
		hak_rest_unmark(&r, slab->mem, page, page + PAGE_SIZE);
	}
}

void hak_slab_leave(struct hak_slab *slab, unsigned long mask)
{
	if (slab->pool->marked)
		slab_unmark_pages(slab, mask);
	if (slab->spages)
		hak_mem_add(HAK_MEM_RETIRED,
			    spages_leave_mask(ss_base(slab), slab->first, mask));
	else
		hak_small_leave(slab_small(slab), mask);
}

unsigned int hak_slab_pages(const struct hak_slab *slab)
{
	if (!slab->spages)
		return (1U << slab_small(slab)->order) - 1;
	/* Behind the last object there may be the map, or the word whose address is the mark. */
	return slab->spages * HAK_SPAGE_PAGES -
	       (slab->bits != slab->inline_bits || slab->first + slab->spages == HAK_SS_SPAGES);
}

static unsigned long slab_all_mask(const struct hak_slab *slab)
{
	return (1UL << slab->spages * HAK_SPAGE_PAGES) - 1;
}

void hak_block_put_slab(struct hak_slab *slab)
{
	const struct hak_pool *pool = slab->pool;
	bool thin = slab->carved >= HAK_THINNING;

	if (thin && slab->spages)
		hak_slab_leave(slab, slab_all_mask(slab) & ~hak_slab_left(slab));
	slab_hide(slab);
	if (slab->spages)
		ss_put_spages(slab, pool, thin);
	else
		hak_small_put(slab_small(slab), pool);
}

void hak_block_shrink(void)
{
	/* A SuperSlab that is on its way would come after everything was given back. */
	cancel_work_sync(&ss_work);
	hak_trim_now(ULONG_MAX, 0);
	if (!hak_block_empty_pages())
		return;
	/* What came back just now rests. */
	synchronize_rcu_expedited();
	hak_trim_now(ULONG_MAX, 0);
}
HAK_EXPORT_TEST(hak_block_shrink);

static void wake_init(struct hak_block_node *bn)
	hak_unchecked("nobody else is there yet")
{
	bn->wake_next = jiffies;
}

int hak_block_init(void)
{
	int nid, i;

	hak_nodes_look();
	hak_wq = alloc_workqueue("hakmem", HAK_WQ_FLAGS, 0);
	hak_block_node = kcalloc(nr_node_ids, sizeof(*hak_block_node), GFP_KERNEL);
	if (!hak_wq || !hak_block_node) {
		if (hak_wq)
			destroy_workqueue(hak_wq);
		kfree(hak_block_node);
		return -ENOMEM;
	}
	for (nid = 0; nid < nr_node_ids; nid++) {
		raw_spin_lock_init(&hak_block_node[nid].lock);
		wake_init(&hak_block_node[nid]);
		for (i = 0; i < NR_BUCKETS; i++)
			INIT_LIST_HEAD(&hak_block_node[nid].bucket[i]);
	}
	return 0;
}

void hak_block_exit(void)
{
	cancel_work_sync(&ss_work);
	hak_block_shrink();
	hak_release_exit();
	destroy_workqueue(hak_wq);
	kfree(hak_block_node);
	hak_block_node = NULL;
}
