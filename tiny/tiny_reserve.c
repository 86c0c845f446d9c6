// SPDX-License-Identifier: GPL-2.0
/*
 * Reserves: objects taken beforehand, for where an allocation must not fail.
 *
 * A reserve is an array of objects that are live as far as the cache is concerned;
 * taking one out of it is a decrement, in any context its owner likes.
 */
#include "tiny/tiny_core.h"

struct hak_reserve {
	struct hak_cache *cache;
	unsigned int n;			/* the owner's: objects left */
	void *object[];
};

struct hak_reserve *hak_reserve_get(struct hak_cache *c, gfp_t gfp, unsigned int n)
{
	struct hak_reserve *r;

	if (!n || n > HAK_BULK_MAX)
		return NULL;
	r = kvmalloc(struct_size(r, object, n), gfp & ~__GFP_ZERO);
	if (!r)
		return NULL;
	r->cache = c;
	r->n = hak_cache_alloc_bulk(c, gfp, n, r->object);
	if (r->n == n)
		return r;
	kvfree(r);
	return NULL;
}
HAK_EXPORT(hak_reserve_get);

void *hak_reserve_alloc(struct hak_reserve *r)
{
	if (WARN_ONCE(!r->n, "hakmem: more was taken of a reserve than it was made for\n"))
		return NULL;
	return r->object[--r->n];
}
HAK_EXPORT(hak_reserve_alloc);

void hak_reserve_put(struct hak_reserve *r)
{
	if (!r)
		return;
	hak_cache_free_bulk(r->cache, r->n, r->object);
	kvfree(r);
}
HAK_EXPORT(hak_reserve_put);
