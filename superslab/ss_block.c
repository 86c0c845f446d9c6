// SPDX-License-Identifier: GPL-2.0
/*
 * SuperSlabs and their slab pages: see ss_block.h.
 *
 * One empty SuperSlab a node is kept.  So a load that hovers around the edge of one does not
 * allocate and free 2 MiB each time.  hak_block_shrink() releases it.  Small blocks are in
 * ss_small.c, what both share in ss_pages.c.
 */
#include "superslab/ss_block.h"
#include "superslab/ss_dir.h"
#include "superslab/ss_lock.h"
#include "superslab/ss_node.h"
#include "superslab/ss_pages.h"
#include "superslab/ss_pool.h"

bool hak_superslab_enabled __read_mostly = true;
HAK_EXPORT_TEST(hak_superslab_enabled);

static void ss_release(struct hak_release *r)
{
	struct hak_ss *ss = container_of(r, struct hak_ss, release);
	struct hak_block_node *bn = &hak_block_node[ss->nid];

	spages_release(ss->base);
	grow_again(bn);
	hak_mem_add(HAK_MEM_SS, -1);
	hak_mem_add(HAK_MEM_SS_FREED, 1);
}

static void ss_init(void *base)
{
	struct hak_ss *ss = ss_header(base);
	unsigned int i;

	memset(base, 0, HAK_SPAGE_SIZE);
	ss->base = base;
	ss->nid = page_to_nid(virt_to_page(base));
	ss->release.fn = ss_release;
	for (i = 0; i < SPAGE_WORDS; i++)
		ss->free.bits[i] = ~0UL;
	spage_clear(&ss->free, 0, 1);
	ss->nr_free = HAK_SS_SPAGES - 1;
	for (i = 0; i < HAK_SS_SPAGES; i++)
		hak_tag_at(hak_mark(base), base)[i] = hak_tag_none;
}

/*
 * One thread at a time makes a SuperSlab.  Others that found no slab page wait, look again and
 * are served from it.  Otherwise each would hold 2 MiB of its own for a moment.  Whoever holds it
 * allocates without direct reclaim, so reclaim itself may take it.
 */
DEFINE_MUTEX(hak_grow_lock);	/* [2] in the lock order */

/* A new SuperSlab that nobody knows yet, or NULL. */
static struct hak_ss *ss_create(int nid, gfp_t gfp)
	hak_must_hold(&hak_grow_lock)
{
	gfp_t ask = hak_block_gfp(gfp, false) & ~__GFP_KSWAPD_RECLAIM;
	struct hak_block_node *bn = &hak_block_node[nid];
	bool wakes = grow_wakes(bn);
	void *base;

	hak_assert_held(&hak_grow_lock);
	if (wakes)
		ask |= gfp & __GFP_KSWAPD_RECLAIM;
	base = hak_pages_alloc(nid, ask, HAK_SS_ORDER);
	if (!base) {
		grow_failed(bn, wakes);
		return NULL;
	}
	grow_again(bn);
	ss_init(base);
	return ss_header(base);
}

static struct hak_slab *ss_take_spages(struct hak_block_node *bn, struct hak_ss *ss,
				       unsigned int n)
	hak_must_hold(&bn->lock)
{
	unsigned int first = spage_find(&ss->free, n), i;
	struct hak_slab *slab;

	hak_assert_held(&bn->lock);
	bucket_del(bn, ss);
	spage_clear(&ss->free, first, n);
	ss->nr_free -= n;
	ss->nr_used += n;
	bucket_add(bn, ss);
	slab = ss_desc(ss->base, first);
	for (i = first; i < first + n; i++)
		WRITE_ONCE(ss_desc(ss->base, i)->first, first);
	slab->spages = n;
	return slab;
}

/* @n neighbouring slab pages of the fullest SuperSlab of @bn that has them, or NULL. */
static struct hak_slab *bn_take_spages(struct hak_block_node *bn, unsigned int n)
	hak_must_hold(&bn->lock)
{
	unsigned int fit = bn->filled & BUCKETS_OF(__fls(n));
	struct hak_ss *ss;

	if (!fit)
		return NULL;
	ss = list_first_entry(&bn->bucket[__ffs(fit)], struct hak_ss, list);
	return ss_take_spages(bn, ss, n);
}

bool hak_block_has_room(const struct hak_pool *pool, int nid)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT) && hak_superslab_enabled &&
	       hak_peek(hak_block_node[nid].filled) & BUCKETS_OF(__fls(pool->slab_spages));
}

bool hak_block_goes_home(const struct hak_pool *pool, const void *p)
{
	const struct hak_slab *slab;

	if (!hak_block_has_room(pool, page_to_nid(virt_to_page(p))))
		return false;
	slab = hak_slab_of(p);
	return slab && (!slab->spages || hak_peek(slab->carved) >= HAK_THINNING);
}

static struct hak_slab *node_take_spages(int nid, unsigned int n)
{
	struct hak_block_node *bn = &hak_block_node[nid];
	unsigned long flags = hak_lock(&bn->lock);
	struct hak_slab *slab = bn_take_spages(bn, n);

	hak_unlock(&bn->lock, flags);
	return slab;
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

static void ss_publish(struct hak_slab *slab, struct hak_pool *pool)
{
	void *base = ss_base(slab);
	unsigned int first = slab->first;
	size_t bytes = slab->spages * HAK_SPAGE_SIZE;
	void *mem = base + first * HAK_SPAGE_SIZE;

	if (first + slab->spages == HAK_SS_SPAGES)
		bytes -= HAK_SS_END;
	hak_slab_init(slab, pool, mem, bytes);
	ss_tag(slab, pool->tag);
}

/* @ss serves from now on, and @n of its slab pages, or none, at once. */
static struct hak_slab *ss_add(struct hak_ss *ss, unsigned int n)
	hak_must_hold(&hak_grow_lock)
{
	struct hak_block_node *bn = &hak_block_node[ss->nid];
	struct hak_slab *slab;
	unsigned long flags;

	hak_assert_held(&hak_grow_lock);
	/* Before anybody can take an object out of it. */
	hak_dir_set_ss(ss->base);
	hak_mem_add(HAK_MEM_SS, 1);
	flags = hak_lock(&bn->lock);
	bucket_add(bn, ss);
	slab = n ? bn_take_spages(bn, n) : NULL;
	hak_unlock(&bn->lock, flags);
	return slab;
}

/* One empty SuperSlab for those that could not wait, unless its node has one. */
static void ss_worker(struct work_struct *work)
{
	struct hak_ss *ss;

	mutex_lock(&hak_grow_lock);
	ss = ss_create(hak_home_nid(), GFP_KERNEL);
	if (ss && hak_peek(hak_block_node[ss->nid].nr_empty))
		spages_release(ss->base);
	else if (ss)
		ss_add(ss, 0);
	mutex_unlock(&hak_grow_lock);
}

static DECLARE_WORK(ss_work, ss_worker);

/* Slab pages that are there: of @nid, or if any node will do, of the first that has some. */
static struct hak_slab *take_spages(int nid, unsigned int spages, gfp_t gfp)
{
	struct hak_slab *slab = node_take_spages(nid, spages);

	if (slab || gfp & __GFP_THISNODE)
		return slab;
	for_each_node(nid) {
		slab = node_take_spages(nid, spages);
		if (slab)
			break;
	}
	return slab;
}

/* As take_spages(), or of a SuperSlab that is made, by us or meanwhile by others. May sleep. */
static struct hak_slab *ss_grow(int nid, unsigned int spages, gfp_t gfp, bool *fresh)
{
	struct hak_slab *slab;
	struct hak_ss *ss;

	mutex_lock(&hak_grow_lock);
	slab = take_spages(nid, spages, gfp);
	if (!slab) {
		ss = ss_create(nid, gfp);
		slab = ss ? ss_add(ss, spages) : NULL;
		*fresh = slab;
	}
	mutex_unlock(&hak_grow_lock);
	return slab;
}

struct hak_slab *hak_block_slab(struct hak_pool *pool, int nid, unsigned int spages,
				gfp_t gfp, bool *small, bool *fresh)
{
	struct hak_slab *slab = take_spages(nid, spages, gfp);
	bool due = !slab && hak_superslab_enabled && grow_due(&hak_block_node[nid]);

	*small = *fresh = false;
	if (due && gfpflags_allow_blocking(gfp))
		slab = ss_grow(nid, spages, gfp, fresh);
	/* Who may not wake kswapd may not wake a worker, either. */
	else if (due && gfp & __GFP_KSWAPD_RECLAIM)
		hak_queue_any(hak_wq, &ss_work);
	if (slab) {
		ss_publish(slab, pool);
		return slab;
	}
	*small = *fresh = true;
	return hak_small_slab(pool, nid, gfp);
}

/* Slab pages of @slab are free again, or, of a thin one, have all gone. */
static void ss_put_spages(struct hak_slab *slab, bool gone)
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
	}
	ss->nr_used -= n;
	bucket_add(bn, ss);
	for (i = first; i < first + n; i++)
		WRITE_ONCE(ss_desc(base, i)->first, 0);
	retire = hak_ss_retire(bn, ss, 1);
	hak_unlock(&bn->lock, flags);
	if (retire)
		hak_ss_retired(ss);
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

/*
 * A mark is one for all of a SuperSlab.  One that stays behind may lie in the middle of an object
 * of the next slab, and be copied, unread, to the start of another.  Its free would pass for a
 * second one.
 */
static void slab_unmark(struct hak_slab *slab, const struct hak_pool *pool)
{
	unsigned long stride = pool->stride, n = slab->objects;
	void *p = slab->mem + pool->mark_off;

	/* Pairs with frees, which look at the tag first: without a mark there is no tag. */
	smp_wmb();
	for (; n >= 4; n -= 4, p += 4 * stride) {
		hak_arch_poke(p, 0);
		hak_arch_poke(p + stride, 0);
		hak_arch_poke(p + 2 * stride, 0);
		hak_arch_poke(p + 3 * stride, 0);
	}
	for (; n; n--, p += stride)
		hak_arch_poke(p, 0);
}

/* The same in those pages of @slab whose bits are set in @mask. */
static void slab_unmark_pages(struct hak_slab *slab, unsigned long mask)
{
	unsigned int i;
	void *at;

	for (i = 0; i < slab->objects; i++) {
		at = slab_object(slab, i) + slab->pool->mark_off;
		if (mask >> ((at - slab->mem) >> PAGE_SHIFT) & 1)
			hak_arch_poke(at, 0);
	}
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
	bool thin = slab->carved == HAK_THIN;

	if (thin && slab->spages)
		hak_slab_leave(slab, slab_all_mask(slab) & ~hak_slab_left(slab));
	slab_hide(slab);
	if (pool->marked && !thin)
		slab_unmark(slab, pool);
	else if (pool->marked && !slab->spages)
		slab_unmark_pages(slab, ~hak_slab_left(slab));
	if (slab->spages)
		ss_put_spages(slab, thin);
	else
		hak_small_put(slab_small(slab));
}

void hak_block_shrink(void)
{
	/* A SuperSlab that is on its way would come after everything was given back. */
	cancel_work_sync(&ss_work);
	hak_block_trim(ULONG_MAX, 0);
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
