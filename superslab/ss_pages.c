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
	return (gfp & keep & ~__GFP_DIRECT_RECLAIM) |
	       __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC;
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

/* The largest piece that begins at @p and has at most @nr pages. */
static unsigned int piece_order(const void *p, unsigned int nr)
{
	unsigned long index = (unsigned long)p >> PAGE_SHIFT | 1UL << HAK_SS_ORDER;

	return min_t(unsigned int, __ffs(index), __fls(nr));
}

void hak_pages_give(void *base, unsigned int nr)
{
	unsigned int held, n, order;

	hak_pages_mend(base, nr);
	pages_account(virt_to_page(base), -(long)nr);
	while (nr) {
		/* Somebody holds a reference of this page and, dropping it, gives it back. */
		held = page_ref_count(virt_to_page(base)) > 0;
		for (n = 1; !held && n < nr; n++)
			if (page_ref_count(virt_to_page(base) + n) > 0)
				break;
		nr -= n;
		for (; n; n -= 1U << order, base += PAGE_SIZE << order) {
			order = piece_order(base, n);
			if (!held)
				hak_pages_piece(virt_to_page(base), order);
		}
	}
}

void hak_pages_release(void *base, unsigned int order)
{
	hak_pages_give(base, 1U << order);
	hak_pages_end(virt_to_page(base), order);
}
