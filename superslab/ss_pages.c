// SPDX-License-Identifier: GPL-2.0
/*
 * Pages from the kernel and back: gfp rules, reference counts and accounting.
 *
 * Our pages have a count of 0.  One below 0 is the work of a kfree() of an object, on kernels that
 * let it come so far.  One above 0 is held by somebody who took it for an ordinary page.
 */
#include "superslab/ss_block.h"
#include "superslab/ss_dir.h"
#include "superslab/ss_pages.h"

gfp_t hak_block_gfp(gfp_t gfp, bool smallest)
{
	gfp_t keep = __GFP_RECLAIM | __GFP_IO | __GFP_FS | __GFP_THISNODE;

	if (smallest) {
		keep |= __GFP_HIGH | HAK_GFP_ATOMIC_BIT | __GFP_MEMALLOC | __GFP_NOMEMALLOC |
			__GFP_NORETRY | __GFP_RETRY_MAYFAIL | __GFP_NOFAIL;
		return (gfp & keep) | __GFP_NOWARN;
	}
	/* Who may reclaim does so for the smallest order, and nobody is woken for a larger one. */
	if (gfp & __GFP_DIRECT_RECLAIM)
		keep &= ~__GFP_RECLAIM;
	return (gfp & keep) | __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC;
}
HAK_EXPORT_TEST(hak_block_gfp);

static void pages_account(struct page *page, long n)
{
	mod_node_page_state(page_pgdat(page), NR_SLAB_UNRECLAIMABLE_B, n * (long)PAGE_SIZE);
	hak_mem_add(HAK_MEM_PAGES, n);
}

void *hak_pages_alloc(int nid, gfp_t gfp, unsigned int order)
{
	struct page *page = alloc_pages_node(nid, gfp, order);

	if (!page)
		return NULL;
	if (!hak_dir_covers(page_address(page))) {
		__free_pages(page, order);
		return NULL;
	}
	hak_pages_freeze(page, order);
	pages_account(page, 1L << order);
	return page_address(page);
}

unsigned int hak_pages_mend(void *base, unsigned int nr)
{
	struct page *page = virt_to_page(base);
	unsigned int i, stolen = 0;

	for (i = 0; i < nr; i++) {
		if (likely(page_ref_count(page + i) >= 0))
			continue;
		stolen -= page_ref_count(page + i);
		hak_page_mend(page + i);
	}
	if (!stolen)
		return 0;
	hak_mem_add(HAK_MEM_BAD_KERNEL, stolen);
	pr_err("hakmem: %u references of pages at %p were dropped: kfree() of an object?\n",
	       stolen, base);
	return stolen;
}

/*
 * The largest piece that begins at @p and has at most @nr pages, 1 MiB at most.  2 MiB in one piece
 * would go to the lists of the kernel's CPUs.
 */
static unsigned int piece_order(const void *p, unsigned int nr)
{
	unsigned long index = (unsigned long)p >> PAGE_SHIFT | 1UL << (HAK_SS_ORDER - 1);

	return min_t(unsigned int, __ffs(index), __fls(nr));
}

/* Give @nr pages in the largest pieces; or leave them to whoever @held a reference of each. */
static void pages_pieces(void *base, unsigned int nr, bool held)
{
	unsigned int order;

	for (; nr; nr -= 1U << order, base += PAGE_SIZE << order) {
		order = piece_order(base, nr);
		if (!held)
			hak_pages_piece(virt_to_page(base), order);
	}
}

/* How many pages from @page on, of @nr, are held by somebody, or by nobody, as the first is. */
static unsigned int pages_alike(const struct page *page, unsigned int nr, bool held)
{
	unsigned int n = 1;

	while (n < nr && (page_ref_count(page + n) > 0) == held)
		n++;
	return n;
}

/* A page whose count is not 0: see at the head of this file. */
static noinline void pages_give_odd(void *base, unsigned int nr)
{
	unsigned int n;
	bool held;

	hak_pages_mend(base, nr);
	for (; nr; nr -= n, base += n * PAGE_SIZE) {
		held = page_ref_count(virt_to_page(base)) > 0;
		n = pages_alike(virt_to_page(base), nr, held);
		pages_pieces(base, n, held);
	}
}

void hak_pages_give(void *base, unsigned int nr)
{
	const struct page *page = virt_to_page(base), *end = page + nr;

	pages_account(virt_to_page(base), -(long)nr);
	hak_reclaimed(nr);
	while (page < end && likely(!page_ref_count(page)))
		page++;
	if (page == end)
		pages_pieces(base, nr, false);
	else
		pages_give_odd(base, nr);
}

void hak_pages_release(void *base, unsigned int order)
{
	hak_pages_give(base, 1U << order);
	hak_pages_end(virt_to_page(base), order);
}
