// SPDX-License-Identifier: GPL-2.0
/*
 * Holes: pages that have left a slab while others of it stayed.
 *
 * No object is there any more, and no look-up finds the slab.  All that lay in such a page was
 * free.  So one that is freed again is freed twice, and whoever reports that asks here.  By then
 * the page may be somebody else's.
 */
#include "superslab/ss_block.h"
#include "superslab/ss_dir.h"
#include "superslab/ss_hole.h"

/* The pool of @slab, which serves it or has just ceased to; or NULL. */
static struct hak_pool *pool_of(const struct hak_slab *slab)
{
	/* Pairs with hak_slab_init(), as in hak_slab_find(). */
	return slab ? smp_load_acquire(&slab->pool) : NULL;
}

/* The slab of the SuperSlab that the page of @p has left, or NULL. */
static struct hak_slab *left_superslab(const void *p)
{
	void *base = hak_dir_ss(p);

	return base && ss_left(ss_header(base), (p - base) >> PAGE_SHIFT) ? ss_slab(p) : NULL;
}

/* The small block that the page of @p has left, by those behind that stayed; or NULL. */
static struct hak_slab *left_small(const void *p)
{
	unsigned long at = (unsigned long)p;
	struct hak_slab *slab;
	unsigned int i;

	/* As a number: any value may be looked at, the last of all too. */
	for (i = 1; i < 1U << HAK_SMALL_ORDER_MAX; i++) {
		slab = hak_slab_of((void *)(at + i * PAGE_SIZE));
		if (slab && !slab->spages && p >= container_of(slab, struct hak_small, slab)->base)
			return slab;
	}
	return NULL;
}

struct hak_slab *hak_hole_slab(const void *p, struct hak_pool **pool)
{
	struct hak_slab *slab;

	*pool = NULL;
	if (hak_owns(p))
		return NULL;
	slab = left_small(p);
	*pool = pool_of(slab);
	if (!*pool) {
		slab = left_superslab(p);
		*pool = pool_of(slab);
	}
	return *pool ? slab : NULL;
}
HAK_EXPORT_TEST(hak_hole_slab);

bool hak_hole_taken(const void *p)
{
	return page_ref_count(virt_to_head_page(p)) > 0 || hak_kernel_owns(p);
}
HAK_EXPORT_TEST(hak_hole_taken);
