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

static inline bool spage_get(const struct hak_spages *map, unsigned int i)
{
	return map->bits[i / BITS_PER_LONG] >> (i % BITS_PER_LONG) & 1;
}

/* How many there are in @map. */
static inline unsigned int spage_count(const struct hak_spages *map)
{
	unsigned int w, n = 0;

	for (w = 0; w < SPAGE_WORDS; w++)
		n += hweight_long(map->bits[w]);
	return n;
}

static inline void spage_set(struct hak_spages *map, unsigned int first, unsigned int n)
{
	map->bits[first / BITS_PER_LONG] |= spage_mask(first, n);
}

static inline void spage_clear(struct hak_spages *map, unsigned int first, unsigned int n)
{
	map->bits[first / BITS_PER_LONG] &= ~spage_mask(first, n);
}

/*
 * The kernel keeps pieces of up to 32 KiB in lists of its CPUs, where they do not grow together.
 * One that lies there keeps 2 MiB from being had.  The header goes alone, and so does the page of
 * the mark.  So of 64 KiB at each end nothing goes before them.
 */
#define END_SPAGES 4U

/*
 * The pages of @map leave the SuperSlab at @base; returns how many.  Nobody is led to them any
 * more, and the SuperSlab does not end before this returns.
 */
unsigned int spages_leave(void *base, const struct hak_spages *map);

/* The same of the pages whose bits are set in @mask, from slab page @first on. */
unsigned int spages_leave_mask(void *base, unsigned int first, unsigned long mask);

/* Give all of the SuperSlab at @base but what left before. */
void spages_release(void *base);

#endif /* _SS_SPAGE_H */
