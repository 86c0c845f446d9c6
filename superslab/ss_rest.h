/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory of a slab that was given up keeps its marks for a grace period.
 *
 * A free looks at the tag first and then at the mark, with preemption off.  The marks stay until
 * nobody can be between the two looks.  So a second free that has seen the tag sees the mark, too.
 * Such slab pages rest.  They may serve the same cache in the same shape at once, because their
 * marks are right for it.  Others get them, and the kernel, after the grace period, without the
 * marks.
 */
#ifndef _SS_REST_H
#define _SS_REST_H

#include "superslab/ss_types.h"

/* Where the marks of a slab are that was given up. */
struct hak_rest {
	struct hak_cache *tag;		/* whom it served */
	u32 stride;
	u32 mark_off;
	u16 objects;
	u8 spages;
	u8 first;
};

/* What is kept in the map of @slab, which serves nobody; so it is there for each slab page. */
static inline struct hak_rest *slab_rest(struct hak_slab *slab)
{
	static_assert(sizeof(struct hak_rest) <= sizeof(slab->inline_bits));
	return (struct hak_rest *)slab->inline_bits;
}

/* Note in @r where the marks of @slab are. */
void hak_rest_note(struct hak_rest *r, const struct hak_slab *slab, const struct hak_pool *pool);

/* Take out the marks of a slab that began at @mem, from @from on, before @to. */
void hak_rest_unmark(const struct hak_rest *r, void *mem, void *from, void *to);

/* Those of the SuperSlab at @base in the slab pages of @map, from @first on, before @end. */
void hak_rest_unmark_spages(void *base, const struct hak_spages *map, unsigned int first,
			    unsigned int end);

/* The slab pages of @slab, which nobody is led to any more, begin to rest. */
void hak_rest_begin(struct hak_ss *ss, const struct hak_slab *slab, const struct hak_pool *pool);

/* Has the grace period gone by that began when the last slab page of @ss came to rest? */
bool hak_rest_over(const struct hak_ss *ss);

/* Does any of the @n slab pages from @first on rest? */
bool hak_rests(const struct hak_ss *ss, unsigned int first, unsigned int n);

/* Were the @n slab pages from @first on one slab of a cache of the same tag and shape as @pool? */
bool hak_rest_fits(const struct hak_ss *ss, unsigned int first, unsigned int n,
		   const struct hak_pool *pool);

#endif /* _SS_REST_H */
