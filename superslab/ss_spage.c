// SPDX-License-Identifier: GPL-2.0
/*
 * Pages on their way to the kernel: as runs, so that the pieces are as large as can be.
 *
 * No lock guards the map of what has left.  Free slab pages leave under that of the node, pages of
 * a slab under that of its pool.  So bits are set atomically, and before the page goes.
 *
 * The last page of a SuperSlab stays as long as its header.  The address of its last word is the
 * mark, which nobody else may hold.
 */
#include "superslab/ss_pages.h"
#include "superslab/ss_spage.h"

static bool page_is_in(const struct hak_pages *map, unsigned int i)
{
	return i < HAK_SS_PAGES && test_bit(i, map->bits);
}

/* The page behind the run of @map that page @i is in. */
static unsigned int run_end(const struct hak_pages *map, unsigned int i)
{
	while (page_is_in(map, i))
		i += i % BITS_PER_LONG || ~map->bits[i / BITS_PER_LONG] ? 1 : BITS_PER_LONG;
	return i;
}

static unsigned int pages_give(void *base, const struct hak_pages *map)
{
	unsigned int i = 0, end, given = 0;

	while (i < HAK_SS_PAGES) {
		end = run_end(map, i);
		if (end > i)
			hak_pages_give(base + i * PAGE_SIZE, end - i);
		given += end - i;
		i = end + 1;
	}
	return given;
}

static unsigned int pages_leave(void *base, struct hak_pages *map)
{
	struct hak_ss *ss = ss_header(base);
	unsigned int w;

	__clear_bit(HAK_SS_PAGES - 1, map->bits);
	for (w = 0; w < ARRAY_SIZE(map->bits); w++)
		if (map->bits[w])
			atomic_long_or(map->bits[w], &ss->left[w]);
	return pages_give(base, map);
}

unsigned int spages_leave(void *base, const struct hak_spages *map)
{
	struct hak_pages pages = {};
	unsigned int i, n = HAK_SPAGE_PAGES;

	for (i = 0; i < HAK_SS_SPAGES; i++)
		if (test_bit(i, map->bits))
			pages.bits[i * n / BITS_PER_LONG] |=
				((1UL << n) - 1) << (i * n % BITS_PER_LONG);
	return pages_leave(base, &pages);
}

unsigned int spages_leave_mask(void *base, unsigned int first, unsigned long mask)
{
	unsigned int page = first * HAK_SPAGE_PAGES;
	struct hak_pages pages = {};

	/* A slab begins at a multiple of its length: all of it is in one word. */
	pages.bits[page / BITS_PER_LONG] = mask << (page % BITS_PER_LONG);
	return pages_leave(base, &pages);
}

void spages_release(void *base)
{
	struct hak_ss *ss = ss_header(base);
	struct hak_pages rest;
	unsigned int w;

	for (w = 0; w < ARRAY_SIZE(rest.bits); w++)
		rest.bits[w] = ~atomic_long_read(&ss->left[w]);
	/* A stale header must not pass for a SuperSlab in somebody else's memory. */
	memset(base, 0, HAK_SPAGE_SIZE);
	pages_give(base, &rest);
	hak_pages_end(virt_to_page(base), HAK_SS_ORDER);
}
