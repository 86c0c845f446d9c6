// SPDX-License-Identifier: GPL-2.0
/*
 * Slab pages on their way to the kernel: as runs, so that the pieces are as large as can be.
 */
#include "superslab/ss_pages.h"
#include "superslab/ss_spage.h"

#define OS_PAGES (HAK_SPAGE_SIZE / PAGE_SIZE)

static bool spage_has(const struct hak_spages *map, unsigned int i)
{
	return i < HAK_SS_SPAGES && test_bit(i, map->bits);
}

unsigned int spages_give(void *base, const struct hak_spages *map)
{
	unsigned int i, n, given = 0;

	for (i = 0; i < HAK_SS_SPAGES; i += n) {
		n = 1;
		if (!spage_has(map, i))
			continue;
		while (spage_has(map, i + n))
			n++;
		hak_pages_give(base + i * HAK_SPAGE_SIZE, n * OS_PAGES);
		given += n * OS_PAGES;
	}
	return given;
}

void spages_release(void *base, const struct hak_spages *left)
{
	struct hak_spages rest;
	unsigned int w;

	for (w = 0; w < SPAGE_WORDS; w++)
		rest.bits[w] = ~left->bits[w];
	spages_give(base, &rest);
	hak_pages_end(virt_to_page(base), HAK_SS_ORDER);
}
