// SPDX-License-Identifier: GPL-2.0
/* A module that knows nothing of hakmem, and looks into the pools of another: as netfs does. */
#include <linux/module.h>
#include <linux/slab.h>

#include "dropin_lower.h"

unsigned int dropin_lower_size(const mempool_t *pool)
{
	struct kmem_cache *cache = pool->pool_data;

	return kmem_cache_size(cache);
}
EXPORT_SYMBOL_GPL(dropin_lower_size);

bool dropin_lower_is_kernels(const mempool_t *pool)
{
	return pool->alloc == mempool_alloc_slab && pool->free == mempool_free_slab;
}
EXPORT_SYMBOL_GPL(dropin_lower_is_kernels);

/* What kmem_cache_alloc_bulk() says here of ten objects. */
int dropin_lower_bulk(void)
{
	struct kmem_cache *s = kmem_cache_create("dropin_lower", 40, 0, 0, NULL);
	void *p[10];
	int got;

	if (!s)
		return -ENOMEM;
	got = kmem_cache_alloc_bulk(s, GFP_KERNEL, ARRAY_SIZE(p), p);
	if (got > 0)
		kmem_cache_free_bulk(s, ARRAY_SIZE(p), p);
	kmem_cache_destroy(s);
	return got;
}
EXPORT_SYMBOL_GPL(dropin_lower_bulk);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test of kmem_cache on hakmem: a module without it");
