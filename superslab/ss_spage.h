/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Maps of the slab pages of a SuperSlab.  A slab takes one, two or four neighbours, which begin at
 * a multiple of their number.  So a few operations on whole words find a run.
 */
#ifndef _SS_SPAGE_H
#define _SS_SPAGE_H

#include "superslab/ss_types.h"

#define SPAGE_WORDS (HAK_SS_SPAGES / BITS_PER_LONG)

/* Where in a word of a map a run of @n begins, @n being 1, 2 or 4. */
static inline unsigned long spage_starts(unsigned long word, unsigned int n)
{
	if (n > 1)
		word &= word >> 1 & ~0UL / 3;
	if (n > 2)
		word &= word >> 2 & ~0UL / 15;
	return word;
}

/* The first of @n neighbours in @map, or 0: page 0 is the header. */
static inline unsigned int spage_find(const struct hak_spages *map, unsigned int n)
{
	unsigned int w;

	for (w = 0; w < SPAGE_WORDS; w++)
		if (spage_starts(map->bits[w], n))
			return w * BITS_PER_LONG + __ffs(spage_starts(map->bits[w], n));
	return 0;
}

/* How many there can be in a run of @map, as a power of two: 0, 1 or 2. */
static inline unsigned int spage_order(const struct hak_spages *map)
{
	return spage_find(map, 4) ? 2 : spage_find(map, 2) ? 1 : 0;
}

/* The slab pages from @first on, @n of them within one word. */
static inline unsigned long spage_mask(unsigned int first, unsigned int n)
{
	return ((1UL << n) - 1) << (first % BITS_PER_LONG);
}

static inline void spage_set(struct hak_spages *map, unsigned int first, unsigned int n)
{
	map->bits[first / BITS_PER_LONG] |= spage_mask(first, n);
}

static inline void spage_clear(struct hak_spages *map, unsigned int first, unsigned int n)
{
	map->bits[first / BITS_PER_LONG] &= ~spage_mask(first, n);
}

static inline void spage_or(struct hak_spages *map, const struct hak_spages *more)
{
	unsigned int w;

	for (w = 0; w < SPAGE_WORDS; w++)
		map->bits[w] |= more->bits[w];
}

/* Give the pages of @map, of the SuperSlab at @base, to the kernel; returns how many OS pages. */
unsigned int spages_give(void *base, const struct hak_spages *map);

/* Give all of the SuperSlab at @base but what has @left before. */
void spages_release(void *base, const struct hak_spages *left);

#endif /* _SS_SPAGE_H */
