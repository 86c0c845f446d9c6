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

/* The first page of @map from page @i on whose bit, after @flip, is set; or HAK_SS_PAGES. */
static unsigned int page_next(const struct hak_pages *map, unsigned int i, unsigned long flip)
{
	unsigned long word;

	for (; i < HAK_SS_PAGES; i = (i | (BITS_PER_LONG - 1)) + 1) {
		word = (map->bits[i / BITS_PER_LONG] ^ flip) >> (i % BITS_PER_LONG);
		if (word)
			return i + __ffs(word);
	}
	return HAK_SS_PAGES;
}

static unsigned int pages_give(void *base, const struct hak_pages *map)
{
	unsigned int i, end, given = 0;

	for (i = page_next(map, 0, 0); i < HAK_SS_PAGES; i = page_next(map, end, 0)) {
		end = page_next(map, i, ~0UL);
		hak_pages_give(base + i * PAGE_SIZE, end - i);
		given += end - i;
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

/* The lowest 16 bits of @bits, each as four. */
static unsigned long fourfold(unsigned long bits)
{
	static_assert(HAK_SPAGE_PAGES == 4 && BITS_PER_LONG == 64);

	bits &= 0xffff;
	bits = (bits | bits << 24) & 0x000000ff000000ffUL;
	bits = (bits | bits << 12) & 0x000f000f000f000fUL;
	bits = (bits | bits << 6) & 0x0303030303030303UL;
	bits = (bits | bits << 3) & 0x1111111111111111UL;
	return bits * 15;
}

unsigned int spages_leave(void *base, const struct hak_spages *map)
{
	struct hak_pages pages;
	unsigned int w, at;

	for (w = 0; w < ARRAY_SIZE(pages.bits); w++) {
		at = w * BITS_PER_LONG / HAK_SPAGE_PAGES;
		pages.bits[w] = fourfold(map->bits[at / BITS_PER_LONG] >> at % BITS_PER_LONG);
	}
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
