// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that serves no slab goes back to the kernel: whole SuperSlabs, and slab pages of those
 * that serve others.
 *
 * Nobody reads a page that serves no slab, so it goes at once.  Only the header of a SuperSlab
 * waits for a grace period, because the inlined free reads it without a lock.  Its neighbours and
 * the other end of the SuperSlab wait with it, so that the kernel has 2 MiB in one piece again.
 */
#include "superslab/ss_block.h"
#include "superslab/ss_dir.h"
#include "superslab/ss_node.h"
#include "superslab/ss_pages.h"

struct hak_block_node *hak_block_node __read_mostly;
HAK_EXPORT_TEST(hak_block_node);

/*
 * Is @ss without slabs, and one too many?  2 MiB of such are kept.  One of which pages have left
 * since it began is never kept.
 */
bool hak_ss_retire(struct hak_block_node *bn, struct hak_ss *ss, bool keep)
	hak_must_hold(&bn->lock)
{
	hak_assert_held(&bn->lock);
	if (ss->nr_used ||
	    (keep && bn->nr_idle <= HAK_SS_SPAGES && ss->nr_free == ss->begun))
		return false;
	bucket_del(bn, ss);
	return true;
}

/*
 * Free slab pages of @ss that may go to the kernel now.  Where some rest, none may: the others
 * would go in pieces that do not grow together.
 */
static void ss_rested(const struct hak_ss *ss, struct hak_spages *map)
{
	*map = ss->free;
	if (spage_count(&ss->rest) && !hak_rest_over(ss))
		*map = (struct hak_spages){};
}

/* The slab pages of @map cease to rest; those that did are in @stale, with their marks. */
static void ss_wake(struct hak_ss *ss, const struct hak_spages *map, struct hak_spages *stale)
{
	unsigned int w;

	for (w = 0; w < SPAGE_WORDS; w++) {
		stale->bits[w] = ss->rest.bits[w] & map->bits[w];
		ss->rest.bits[w] &= ~map->bits[w];
	}
}

/* What of @ss goes at once, without marks; how many slab pages. */
static unsigned int ss_middle(struct hak_ss *ss, struct hak_spages *map)
{
	struct hak_spages stale;

	ss_rested(ss, map);
	spage_clear(map, 0, END_SPAGES);
	spage_clear(map, HAK_SS_SPAGES - END_SPAGES, END_SPAGES);
	ss_wake(ss, map, &stale);
	hak_rest_unmark_spages(ss->base, &stale, 1, HAK_SS_SPAGES);
	return spage_count(map);
}

/*
 * @ss is in no bucket any more.  Nobody is to find it, and the worker frees its header.  What
 * serves no slab is read by nobody, and goes at once where the page allocator may be called.
 */
void hak_ss_retired(struct hak_ss *ss)
{
	unsigned int wait = 1 + ss->nr_free;
	struct hak_spages middle;

	hak_dir_clear_ss(ss->base);
	hak_mem_add(HAK_MEM_RETIRED, ss->nr_free * (HAK_SPAGE_SIZE / PAGE_SIZE));
	/* With interrupts off it would keep them off for long. */
	if (hak_may_grow() && !irqs_disabled()) {
		wait -= ss_middle(ss, &middle);
		spages_leave(ss->base, &middle);
	}
	hak_release_later(&ss->release, wait * (HAK_SPAGE_SIZE / PAGE_SIZE));
}

/* Retire one SuperSlab without slabs; its OS pages, or 0 if there is none. */
static unsigned int node_retire_one(struct hak_block_node *bn)
{
	unsigned long flags = hak_lock(&bn->lock);
	struct hak_ss *ss = list_first_entry_or_null(&bn->bucket[BUCKET_EMPTY], struct hak_ss,
						     list);
	unsigned int pages = 0;

	if (ss) {
		pages = (1 + ss->nr_free) * HAK_SPAGE_PAGES;
		hak_ss_retire(bn, ss, false);
	}
	hak_unlock(&bn->lock, flags);
	if (ss)
		hak_ss_retired(ss);
	return pages;
}

/* The pages of @ss are given; it may have lost its last slab meanwhile. */
static void give_done(struct hak_block_node *bn, struct hak_ss *ss)
{
	unsigned long flags = hak_lock(&bn->lock);
	bool retire;

	bucket_del(bn, ss);
	ss->nr_used--;
	bucket_add(bn, ss);
	retire = hak_ss_retire(bn, ss, true);
	hak_unlock(&bn->lock, flags);
	if (retire)
		hak_ss_retired(ss);
}

/* Slab pages of a SuperSlab on their way to the kernel. */
struct ss_cut {
	struct hak_ss *ss;
	struct hak_spages map;
	struct hak_spages stale;	/* of those, with marks */
};

/* Take free slab pages that do not rest out of @ss, the last of them, so that @keep stay free. */
static bool ss_cut(struct hak_block_node *bn, struct hak_ss *ss, unsigned int keep,
		   struct ss_cut *c)
	hak_must_hold(&bn->lock)
{
	unsigned int w, n;

	hak_assert_held(&bn->lock);
	ss_rested(ss, &c->map);
	n = spage_count(&c->map);
	for (; n && n > ss->nr_free - keep; n--)
		spage_clear(&c->map, spage_find(&c->map, 1), 1);
	if (!n)
		return false;
	c->ss = ss;
	bucket_del(bn, ss);
	ss->nr_free -= n;
	for (w = 0; w < SPAGE_WORDS; w++)
		ss->free.bits[w] &= ~c->map.bits[w];
	ss_wake(ss, &c->map, &c->stale);
	/* One more, so that it does not end before they have gone. */
	ss->nr_used++;
	bucket_add(bn, ss);
	return true;
}

/*
 * The emptiest SuperSlab that has some gives slab pages, one of each bucket being asked, so that
 * the node keeps @keep.
 */
static bool bn_cut(struct hak_block_node *bn, unsigned int keep, struct ss_cut *c)
	hak_must_hold(&bn->lock)
{
	unsigned int filled = bn->filled & BUCKETS_ALL, at;
	unsigned long others;
	struct hak_ss *ss;

	hak_assert_held(&bn->lock);
	for (; bn->nr_free > keep && filled; filled &= ~(1U << at)) {
		at = __fls(filled);
		ss = list_first_entry(&bn->bucket[at], struct hak_ss, list);
		others = bn->nr_free - ss->nr_free;
		if (ss_cut(bn, ss, keep - min_t(unsigned long, keep, others), c))
			return true;
	}
	return false;
}

/*
 * Free slab pages of one SuperSlab that serves slabs leave, if the node keeps @keep then.  How
 * many OS pages; 0: what there is rests.
 */
static unsigned int node_give_one(struct hak_block_node *bn, unsigned int keep)
{
	unsigned long flags = hak_lock(&bn->lock);
	unsigned int given;
	struct ss_cut c;
	bool cut = bn_cut(bn, keep, &c);

	hak_unlock(&bn->lock, flags);
	if (!cut)
		return 0;
	hak_rest_unmark_spages(c.ss->base, &c.stale, 1, HAK_SS_SPAGES);
	given = spages_leave(c.ss->base, &c.map);
	give_done(bn, c.ss);
	hak_mem_add(HAK_MEM_RETIRED, given);
	return given;
}

unsigned long hak_trim_now(unsigned long want, unsigned int keep)
{
	unsigned long given = 0, n;
	int nid;

	for_each_nid(nid) {
		struct hak_block_node *bn = &hak_block_node[nid];

		while (hak_peek(bn->nr_empty) && given < want && (n = node_retire_one(bn)))
			given += n;
		for (n = 1; n && hak_peek(bn->nr_free) > keep && given < want; given += n)
			n = node_give_one(bn, keep);
	}
	return given;
}

/* A grace period ends soon: one begins after each slab page that came to rest. */
static void grace_over(struct hak_release *r);
static struct hak_release grace = { .fn = grace_over };
static atomic_long_t grace_handed;	/* the worker has it */
static bool grace_again;		/* something came to rest since */

static void grace_over(struct hak_release *r)
{
	atomic_long_xchg(&grace_handed, 0);
	if (READ_ONCE(grace_again)) {
		WRITE_ONCE(grace_again, false);
		hak_rest_soon();
	}
}

void hak_rest_soon(void)
{
	if (!atomic_long_xchg(&grace_handed, 1))
		hak_release_later(&grace, 0);
	else
		WRITE_ONCE(grace_again, true);
}

/* What rested when it was wanted goes after a grace period, and no more than was wanted. */
static void trim_late(struct hak_release *r);
static struct hak_release late = { .fn = trim_late };
static atomic_long_t late_want;		/* OS pages; 0: the worker need not come */
static unsigned int late_keep;		/* of whoever asked last: any answer will do */

/* OS pages of slab pages that are free beyond @keep of each node, and promised to nobody. */
static unsigned long pages_beyond(unsigned int keep)
{
	unsigned long n = 0, promised = atomic_long_read(&late_want);
	int nid;

	for_each_nid(nid)
		n += max_t(unsigned long, hak_peek(hak_block_node[nid].nr_free), keep) - keep;
	n *= HAK_SPAGE_PAGES;
	return n - min(n, promised);
}

/* @n OS pages are promised: they count as retired, as what waits for the worker does. */
static void trim_later(unsigned long n)
{
	if (!n)
		return;
	hak_mem_add(HAK_MEM_RETIRED, n);
	if (atomic_long_add_return(n, &late_want) == (long)n)
		hak_release_later(&late, n);
}

static void trim_late(struct hak_release *r)
{
	unsigned long want = atomic_long_xchg(&late_want, 0), given;
	unsigned int keep = READ_ONCE(late_keep);

	hak_mem_add(HAK_MEM_RETIRED, -(long)want);
	given = hak_trim_now(want, keep);
	/* Some came to rest only after the grace period had begun. */
	trim_later(min(want - min(want, given), pages_beyond(keep)));
}

unsigned long hak_block_trim(unsigned long want, unsigned int keep)
{
	unsigned long given = hak_trim_now(want, keep);

	WRITE_ONCE(late_keep, keep);
	trim_later(min(want - min(want, given), pages_beyond(keep)));
	return given;
}
HAK_EXPORT_TEST(hak_block_trim);

unsigned long hak_block_unpromised(void)
{
	unsigned long n = hak_block_empty_pages();

	return n - min_t(unsigned long, n, atomic_long_read(&late_want));
}

unsigned long hak_block_empty_pages(void)
{
	unsigned long pages = 0;
	int nid;

	for_each_nid(nid)
		pages += (hak_peek(hak_block_node[nid].nr_idle) +
			  hak_peek(hak_block_node[nid].nr_free)) * HAK_SPAGE_PAGES;
	return pages;
}
HAK_EXPORT_TEST(hak_block_empty_pages);

unsigned int hak_block_mend(void *base, unsigned int order, const struct hak_ss *ss)
{
	unsigned int i, stolen = 0;

	if (!ss)
		return hak_pages_mend(base, 1U << order);
	for (i = 0; i < HAK_SS_PAGES; i++)
		if (!ss_left(ss, i))
			stolen += hak_pages_mend(base + i * PAGE_SIZE, 1);
	return stolen;
}

struct within {
	const void *begin, *end;
	bool found;
};

static void look_within(void *base, unsigned int order, struct hak_ss *ss, void *arg)
{
	struct within *w = arg;
	unsigned int i;

	if (!ss)
		w->found |= base < w->end && base + (PAGE_SIZE << order) > w->begin;
	for (i = 0; ss && i < HAK_SS_PAGES; i++, base += PAGE_SIZE)
		w->found |= base < w->end && base + PAGE_SIZE > w->begin && !ss_left(ss, i);
}

bool hak_block_within(unsigned long pfn, unsigned long nr)
{
	struct within w = { .begin = __va(PFN_PHYS(pfn)), .end = __va(PFN_PHYS(pfn + nr)) };

	hak_dir_for_each(look_within, &w);
	return w.found;
}
HAK_EXPORT_TEST(hak_block_within);
