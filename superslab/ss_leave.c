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

/* Is @ss without slabs, and one too many?  One of which pages have left is never kept. */
bool hak_ss_retire(struct hak_block_node *bn, struct hak_ss *ss, unsigned int keep)
	hak_must_hold(&bn->lock)
{
	hak_assert_held(&bn->lock);
	if (ss->nr_used || (bn->nr_empty <= keep && ss->nr_free == HAK_SS_SPAGES - 1))
		return false;
	bucket_del(bn, ss);
	return true;
}

/*
 * The kernel keeps pieces of up to 32 KiB in lists of its CPUs, where they do not grow together.
 * One that lies there keeps 2 MiB from being had.  The header goes alone, and so does the page of
 * the mark.  So of 64 KiB at each end nothing goes before them.
 */
#define END_SPAGES 4U

/* What of @ss goes at once; how many slab pages. */
static unsigned int ss_middle(const struct hak_ss *ss, struct hak_spages *map)
{
	unsigned int w, n = 0;

	*map = ss->free;
	spage_clear(map, 0, END_SPAGES);
	spage_clear(map, HAK_SS_SPAGES - END_SPAGES, END_SPAGES);
	for (w = 0; w < SPAGE_WORDS; w++)
		n += hweight_long(map->bits[w]);
	return n;
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

/* Retire one SuperSlab without slabs; false if there is none. */
static bool node_retire_one(struct hak_block_node *bn)
{
	unsigned long flags = hak_lock(&bn->lock);
	struct hak_ss *ss = list_first_entry_or_null(&bn->bucket[BUCKET_EMPTY], struct hak_ss,
						     list);

	if (ss)
		hak_ss_retire(bn, ss, 0);
	hak_unlock(&bn->lock, flags);
	if (ss)
		hak_ss_retired(ss);
	return ss;
}

/* The pages of @ss are given; it may have lost its last slab meanwhile. */
static void give_done(struct hak_block_node *bn, struct hak_ss *ss)
{
	unsigned long flags = hak_lock(&bn->lock);
	bool retire;

	bucket_del(bn, ss);
	ss->nr_used--;
	bucket_add(bn, ss);
	retire = hak_ss_retire(bn, ss, 1);
	hak_unlock(&bn->lock, flags);
	if (retire)
		hak_ss_retired(ss);
}

/* Take free slab pages out of @ss, the last of them, so that @keep of them stay. */
static void ss_cut(struct hak_block_node *bn, struct hak_ss *ss, unsigned int keep,
		   struct hak_spages *map)
	hak_must_hold(&bn->lock)
{
	unsigned int w;

	hak_assert_held(&bn->lock);
	bucket_del(bn, ss);
	*map = ss->free;
	ss->nr_free = keep;
	for (; keep; keep--)
		spage_clear(map, spage_find(map, 1), 1);
	for (w = 0; w < ARRAY_SIZE(map->bits); w++)
		ss->free.bits[w] &= ~map->bits[w];
	/* One more, so that it does not end before they have gone. */
	ss->nr_used++;
	bucket_add(bn, ss);
}

/*
 * Free slab pages of one SuperSlab that serves slabs, the emptiest, leave, if the node keeps @keep
 * then.  How many OS pages.
 */
static unsigned int node_give_one(struct hak_block_node *bn, unsigned int keep)
{
	unsigned long flags = hak_lock(&bn->lock);
	unsigned int given;
	struct hak_ss *ss = NULL;
	struct hak_spages map;

	if (bn->nr_free > keep) {
		ss = list_first_entry(&bn->bucket[__fls(bn->filled & BUCKETS_ALL)],
				      struct hak_ss, list);
		ss_cut(bn, ss, keep - min_t(unsigned long, keep, bn->nr_free - ss->nr_free), &map);
	}
	hak_unlock(&bn->lock, flags);
	if (!ss)
		return 0;
	given = spages_leave(ss->base, &map);
	give_done(bn, ss);
	hak_mem_add(HAK_MEM_RETIRED, given);
	return given;
}

unsigned long hak_block_trim(unsigned long want, unsigned int keep)
{
	unsigned long given = 0;
	int nid;

	for_each_nid(nid) {
		struct hak_block_node *bn = &hak_block_node[nid];

		while (hak_peek(bn->nr_empty) && given < want && node_retire_one(bn))
			given += 1UL << HAK_SS_ORDER;
		while (hak_peek(bn->nr_free) > keep && given < want)
			given += node_give_one(bn, keep);
	}
	return given;
}
HAK_EXPORT_TEST(hak_block_trim);

unsigned long hak_block_empty_pages(void)
{
	unsigned long pages = 0;
	int nid;

	for_each_nid(nid)
		pages += ((unsigned long)hak_peek(hak_block_node[nid].nr_empty) << HAK_SS_ORDER) +
			 hak_peek(hak_block_node[nid].nr_free) * (HAK_SPAGE_SIZE / PAGE_SIZE);
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
