/* SPDX-License-Identifier: GPL-2.0 */
/* What the bulk calls share with those of caches in mode quick. */
#ifndef _TINY_BULK_H
#define _TINY_BULK_H

#include "tiny/tiny_core.h"

/* Bits in which aligned objects of one slab page, or of one SuperSlab, do not differ. */
#define BULK_SAME_SPAGE (~(HAK_SPAGE_SIZE - 1) | 7)
#define BULK_SAME_SS (~(HAK_SS_SIZE - 1) | 7)

/* Bits in which the BULK_GROUP objects at @o differ from one another. */
static __always_inline unsigned long group_diff(const unsigned long *o)
{
	unsigned long any = o[0], all = o[0];

	or_and_group(o, &any, &all);
	return any ^ all;
}

/* Mark one object and put it into a slot; false if it is marked already. */
static __always_inline bool mark_slot(void **slot, unsigned long *obj, unsigned long mark)
{
	if (unlikely(*obj == mark))
		return false;
	*obj = mark;
	*slot = obj;
	return true;
}

/* Mark @n objects, a group or one, and put them into slots; stops at one that is marked. */
static __always_inline unsigned int mark_slots(void **slot, unsigned int n,
					       unsigned long *o, unsigned long mark)
{
	unsigned int k;

	if (n == 1)
		return mark_slot(slot, (void *)READ_ONCE(*o), mark);
	hak_unroll
	for (k = 0; k < BULK_GROUP; k++)
		if (!mark_slot(slot + k, (void *)READ_ONCE(o[k]), mark))
			return k;
	return BULK_GROUP;
}

/*
 * Check, mark and store up to @n objects of @c; stops at the first that is not
 * right.  Objects that lie together are looked up together.
 */
static __always_inline unsigned int push_checked(struct hak_cache *c, void **slot,
						 unsigned int n, void **p)
{
	unsigned long *o = (unsigned long *)p, *end = o + n, mark = 0;
	unsigned long last = n ? ~*o : 0;	/* unlike the first, whatever that is */
	unsigned int now, went = 0;

	for (; o < end; o += now, slot += now) {
		if ((*o ^ last) & BULK_SAME_SPAGE) {
			mark = hak_mark((void *)*o) | HAK_ARCH_KERNEL_HALF;
			hak_arch_tag_differs(c, mark, *o, bad);
			hak_arch_marked(*o, mark, bad);
			last = *o;
		}
		now = o + BULK_GROUP <= end && !(group_diff(o) & BULK_SAME_SPAGE) ? BULK_GROUP : 1;
		went = mark_slots(slot, now, o, mark);
		if (unlikely(went < now))
			return o + went - (unsigned long *)p;
	}
bad:
	return o - (unsigned long *)p;
}

static __always_inline unsigned int push_slots(struct hak_cache *c, void **slot,
					       unsigned int n, void **p)
{
	if (static_branch_likely(&hak_hardened_key))
		return push_checked(c, slot, n, p);
	copy_slots(slot, p, n);
	return n;
}

/*
 * tiny_quick.c: a run of a cache that cache_quick() knows, of at most @n objects.  Any context.
 * Both return how many were moved.  What a run cannot do, the single call does.
 */
unsigned int hak_quick_pop(struct hak_cache *c, gfp_t gfp, unsigned int n, void **p);
unsigned int hak_quick_push(struct hak_cache *c, unsigned int n, void **p);

/* tiny_near_bulk.c: the same of a cache in mode node, up to the first that is of another node. */
unsigned int hak_near_push(struct hak_cache *c, unsigned int n, void **p);

#endif /* _TINY_BULK_H */
