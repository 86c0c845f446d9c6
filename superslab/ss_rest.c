// SPDX-License-Identifier: GPL-2.0
/*
 * Marks of slabs that were given up: see ss_rest.h.
 *
 * A mark is one for all of a SuperSlab.  One that stayed for good might lie within an object of the
 * next slab.  A client might copy it, unread, to the start of another object, whose free would
 * pass for a second one.  So marks are taken out before the memory is anybody else's.
 */
#include "superslab/ss_rest.h"
#include "superslab/ss_spage.h"

void hak_rest_note(struct hak_rest *r, const struct hak_slab *slab, const struct hak_pool *pool)
{
	*r = (struct hak_rest){
		.tag = pool->tag,
		.stride = pool->stride,
		.mark_off = pool->mark_off,
		.objects = slab->objects,
		.spages = slab->spages,
		.first = slab->first,
	};
}

void hak_rest_unmark(const struct hak_rest *r, void *mem, void *from, void *to)
{
	unsigned long stride = r->stride, skip;
	void *p = mem + r->mark_off, *end = p + r->objects * stride;

	if (p < from) {
		skip = DIV_ROUND_UP((unsigned long)(from - p), stride);
		p += skip * stride;
	}
	end = min(end, to);
	for (; p + 3 * stride < end; p += 4 * stride) {
		hak_arch_poke(p, 0);
		hak_arch_poke(p + stride, 0);
		hak_arch_poke(p + 2 * stride, 0);
		hak_arch_poke(p + 3 * stride, 0);
	}
	for (; p < end; p += stride)
		hak_arch_poke(p, 0);
}

void hak_rest_unmark_spages(void *base, const struct hak_spages *map, unsigned int first,
			    unsigned int end)
{
	const struct hak_rest *r;
	unsigned int i;
	void *page;

	for (i = first; i < end; i++) {
		if (!spage_get(map, i))
			continue;
		page = base + i * HAK_SPAGE_SIZE;
		r = slab_rest(ss_desc(base, i));
		hak_rest_unmark(r, base + r->first * HAK_SPAGE_SIZE, page, page + HAK_SPAGE_SIZE);
	}
}

void hak_rest_begin(struct hak_ss *ss, const struct hak_slab *slab, const struct hak_pool *pool)
{
	unsigned int i, first = slab->first, n = slab->spages;
	struct hak_rest r;

	hak_rest_note(&r, slab, pool);
	for (i = first; i < first + n; i++)
		*slab_rest(ss_desc(ss->base, i)) = r;
	spage_set(&ss->rest, first, n);
	/* A full barrier: who finds the grace period over saw the tag go. */
	get_state_synchronize_rcu_full(&ss->rest_gp);
}

bool hak_rest_over(const struct hak_ss *ss)
{
	struct hak_gp_state gp = ss->rest_gp;

	return poll_state_synchronize_rcu_full(&gp);
}

bool hak_rests(const struct hak_ss *ss, unsigned int first, unsigned int n)
{
	return ss->rest.bits[first / BITS_PER_LONG] & spage_mask(first, n);
}
HAK_EXPORT_TEST(hak_rests);

bool hak_rest_fits(const struct hak_ss *ss, unsigned int first, unsigned int n,
		   const struct hak_pool *pool)
{
	const struct hak_rest *r = slab_rest(ss_desc(ss->base, first));
	unsigned long mask = spage_mask(first, n);

	return (ss->rest.bits[first / BITS_PER_LONG] & mask) == mask && r->first == first &&
	       r->spages == n && r->tag == pool->tag && r->stride == pool->stride &&
	       r->mark_off == pool->mark_off && pool->marked;
}
