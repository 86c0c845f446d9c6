// SPDX-License-Identifier: GPL-2.0
/*
 * A SuperSlab is made.
 *
 * Where little is held, a SuperSlab begins with a part of its 2 MiB.  The rest goes back to the
 * kernel before anybody is served, and is a hole as any other: ss_leave.c.  The part is about the
 * root of what is held, in slab pages.  Then the headers of all weigh about as much as what the
 * last one has not used yet.  Where 2 MiB are scarce all of them are taken.
 */
#include "superslab/ss_block.h"
#include "superslab/ss_lock.h"
#include "superslab/ss_node.h"
#include "superslab/ss_pages.h"

unsigned int hak_grow_least __read_mostly = HAK_GROW_LEAST;
HAK_EXPORT_TEST(hak_grow_least);

static void ss_release(struct hak_release *r)
{
	struct hak_ss *ss = container_of(r, struct hak_ss, release);
	struct hak_block_node *bn = &hak_block_node[ss->nid];

	hak_rest_unmark_spages(ss->base, &ss->rest, 1, HAK_SS_SPAGES);
	spages_release(ss->base);
	grow_again(bn);
	WRITE_ONCE(bn->scarce, false);
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
	ss->begun = ss->nr_free;
	for (i = 0; i < HAK_SS_SPAGES; i++)
		hak_tag_at(hak_mark(base), base)[i] = hak_tag_none;
}

unsigned int hak_grow_spages(const struct hak_block_node *bn, unsigned long pages)
{
	unsigned long held = pages / HAK_SPAGE_PAGES;
	unsigned int n = hak_grow_least;

	if (READ_ONCE(bn->scarce))
		return HAK_SS_SPAGES;
	while (n < HAK_SS_SPAGES && n * n <= held)
		n *= 2;
	return n;
}
HAK_EXPORT_TEST(hak_grow_spages);

/* @ss, which nobody knows yet, is to have @n slab pages.  Of its end 64 KiB stay: ss_leave.c. */
static void ss_begin_with(struct hak_ss *ss, unsigned int n)
{
	struct hak_spages rest = ss->free;
	unsigned int w;

	if (n >= HAK_SS_SPAGES)
		return;
	spage_clear(&rest, 0, n - END_SPAGES);
	spage_clear(&rest, HAK_SS_SPAGES - END_SPAGES, END_SPAGES);
	for (w = 0; w < SPAGE_WORDS; w++)
		ss->free.bits[w] &= ~rest.bits[w];
	ss->nr_free = n - 1;
	ss->begun = n - 1;
	/* They were free before: a task in reclaim is not to take that for progress. */
	hak_reclaimed(-(unsigned long)spages_leave(ss->base, &rest));
}

/*
 * One thread at a time makes a SuperSlab.  Others that found no slab page wait, look again and
 * are served from it.  Otherwise each would hold 2 MiB of its own for a moment.  Whoever holds it
 * allocates without direct reclaim, so reclaim itself may take it.
 */
DEFINE_MUTEX(hak_grow_lock);	/* [2] in the lock order */

struct hak_ss *hak_ss_create(int nid, gfp_t gfp)
	hak_must_hold(&hak_grow_lock)
{
	gfp_t ask = hak_block_gfp(gfp, false) & ~__GFP_KSWAPD_RECLAIM;
	struct hak_block_node *bn = &hak_block_node[nid];
	unsigned int n = hak_grow_spages(bn, atomic_long_read(&hak_mem_stat[HAK_MEM_PAGES]));
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
	ss_begin_with(ss_header(base), n);
	return ss_header(base);
}
