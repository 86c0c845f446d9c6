// SPDX-License-Identifier: GPL-2.0
/*
 * Pages from the kernel and back: gfp rules, reference bias and accounting.
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
		return (gfp & keep) | __GFP_NOWARN | __GFP_COMP;
	}
	return (gfp & keep & ~__GFP_DIRECT_RECLAIM) |
	       __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC | __GFP_COMP;
}
HAK_EXPORT_TEST(hak_block_gfp);

static void pages_account(struct page *page, unsigned int order, long sign)
{
	long n = sign * (1L << order);

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
	page_ref_add(page, HAK_REF_BIAS);
	pages_account(page, order, 1);
	return page_address(page);
}

int hak_pages_stolen(void *base)
{
	return HAK_REF_BIAS + 1 - page_ref_count(virt_to_page(base));
}

void hak_pages_release(void *base, unsigned int order)
{
	struct page *page = virt_to_page(base);
	int stolen = hak_pages_stolen(base);

	if (stolen > 0) {
		hak_mem_add(HAK_MEM_BAD_KERNEL, stolen);
		pr_err("hakmem: %d references of block %p were dropped: kfree() of an object?\n",
		       stolen, base);
	}
	pages_account(page, order, -1);
	page_ref_sub(page, HAK_REF_BIAS - max(stolen, 0));
	__free_pages(page, order);
}
