// SPDX-License-Identifier: GPL-2.0
/* Carving: a piece of memory becomes a slab of free objects. */
#include "superslab/ss_pool.h"

/*
 * A free object carries its mark in its slab, too, handed out before or not.  So a stale pointer
 * into a slab that was cut anew for the same cache is no live object's.
 */
static void mark_objects(const struct hak_slab *slab, const struct hak_pool *pool)
{
	void *p = slab->mem;
	unsigned int n;

	for (n = slab->objects; n; n--, p += pool->stride)
		hak_arch_poke(p + pool->mark_off, slab_mark(slab, p));
}

void hak_slab_init(struct hak_slab *slab, struct hak_pool *pool, void *mem, size_t bytes,
		   bool has_marks)
{
	unsigned int n = bytes / pool->stride;

	/* The memory may have served another pool. */
	hak_shadow_fill(mem, bytes, 0);
	slab->bits = slab->inline_bits;
	if (n > HAK_INLINE_BITS) {
		/* The map takes the end of the slab: one bit for each 8 bytes or more. */
		bytes = round_down(bytes - BITS_TO_LONGS(n) * sizeof(long), sizeof(long));
		n = bytes / pool->stride;
		slab->bits = mem + bytes;
	}
	bitmap_zero(slab->bits, round_up(n, BITS_PER_LONG));
	bitmap_set(slab->bits, 0, n);
	INIT_LIST_HEAD(&slab->list);
	if (pool->watched)
		hak_shadow_fill(mem, (size_t)n * pool->stride, HAK_SHADOW_REDZONE);
	slab->mem = mem;
	slab->objects = n;
	slab->free = n;
	slab->carved = 0;
	if (pool->marked && !has_marks)
		mark_objects(slab, pool);
	/* Pairs with the look-up in hak_slab_of(): the fields above come first. */
	smp_store_release(&slab->pool, pool);
}
