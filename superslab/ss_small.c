// SPDX-License-Identifier: GPL-2.0
/*
 * Small blocks: what serves when 2 MiB cannot be had.
 *
 * A small block is one slab of 4 to 32 KiB with its descriptor at its end.  The largest order
 * that may be tried comes first, the order one object needs last.  Only the last may dig into
 * reserves or refuse to fail.  Its objects are not known to the inlined free, which leaves them
 * to the out-of-line look-up.
 */
#include "superslab/ss_block.h"
#include "superslab/ss_dir.h"
#include "superslab/ss_pages.h"
#include "superslab/ss_pool.h"
#include "superslab/ss_rest.h"

static size_t small_room(unsigned int order)
{
	return (PAGE_SIZE << order) - ALIGN(sizeof(struct hak_small), 64);
}

/* Give the pages of @mask, from @base on; returns how many. */
static unsigned int small_give(void *base, unsigned int mask)
{
	unsigned int n, given = hweight_long(mask);

	for (; mask; mask >>= n, base += n * PAGE_SIZE) {
		n = __ffs(mask);
		mask >>= n;
		base += n * PAGE_SIZE;
		n = __ffs(~(unsigned long)mask);
		hak_pages_give(base, n);
	}
	return given;
}

void hak_small_leave(struct hak_small *b, unsigned long mask)
{
	/* Whoever looks finds no slab there before the page is another's. */
	hak_dir_leave_small(b, mask);
	b->left |= mask;
	hak_mem_add(HAK_MEM_RETIRED, small_give(b->base, mask));
}

/* Its marks go with the block, where it has not left yet. */
static void small_unmark(struct hak_small *b)
{
	const struct hak_rest *r = slab_rest(&b->slab);
	unsigned int i;
	void *page;

	for (i = 0; r->stride && i < 1U << b->order; i++) {
		page = b->base + i * PAGE_SIZE;
		if (!(b->left >> i & 1))
			hak_rest_unmark(r, b->base, page, page + PAGE_SIZE);
	}
}

static void small_release(struct hak_release *r)
{
	struct hak_small *b = container_of(r, struct hak_small, release);

	unsigned int order = b->order, all = (1U << (1 << order)) - 1;
	void *base = b->base;

	small_unmark(b);
	/* What stayed, and with its last page @b. */
	small_give(base, all & ~b->left);
	hak_pages_end(virt_to_page(base), order);
	hak_mem_add(HAK_MEM_SMALL, -1);
	hak_mem_add(HAK_MEM_SMALL_FREED, 1);
}

static struct hak_small *small_create(struct hak_pool *pool, int nid, gfp_t gfp,
				      unsigned int order)
{
	struct hak_small *b;
	void *base = hak_pages_alloc(nid, gfp, order);

	if (!base)
		return NULL;
	b = base + small_room(order);
	memset(b, 0, sizeof(*b));
	b->base = base;
	b->order = order;
	b->release.fn = small_release;
	hak_slab_init(&b->slab, pool, base, small_room(order), false);
	if (hak_dir_set_small(b, gfp))
		return b;
	hak_pages_release(base, order);
	return NULL;
}

/*
 * The last resort, of which __GFP_NOFAIL may be true.  The kernel makes that promise for two
 * pages at most, and may answer with memory the directory does not cover: so it is kept here.
 */
static struct hak_small *small_create_last(struct hak_pool *pool, int nid, gfp_t gfp,
					   unsigned int order)
{
	gfp_t last = hak_block_gfp(gfp, true);
	struct hak_small *b;

	if (order > 1)
		last &= ~__GFP_NOFAIL;
	for (;;) {
		b = small_create(pool, nid, last, order);
		if (b || !(gfp & __GFP_NOFAIL) || !gfpflags_allow_blocking(gfp))
			return b;
		memalloc_retry_wait(gfp);
	}
}

struct hak_slab *hak_small_slab(struct hak_pool *pool, int nid, gfp_t gfp, unsigned int order)
{
	unsigned int min = 0;
	struct hak_small *b = NULL;

	while (small_room(min) < pool->stride)
		min++;
	for (; !b && order > min; order--)
		b = small_create(pool, nid, hak_block_gfp(gfp, false), order);
	if (!b)
		b = small_create_last(pool, nid, gfp, min);
	if (!b)
		return NULL;
	hak_mem_add(HAK_MEM_SMALL, 1);
	return &b->slab;
}

void hak_small_put(struct hak_small *b, const struct hak_pool *pool)
{
	unsigned int pages = (1U << b->order) - hweight_long(b->left);

	hak_rest_note(slab_rest(&b->slab), &b->slab, pool);
	if (!pool->marked)
		slab_rest(&b->slab)->stride = 0;
	hak_mem_add(HAK_MEM_RETIRED, pages);
	hak_release_later(&b->release, pages);
}
