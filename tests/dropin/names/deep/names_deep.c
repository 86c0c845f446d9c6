// SPDX-License-Identifier: GPL-2.0
/* In a folder below the one whose Kbuild has the line. slab.h comes inside another header. */
#define pr_fmt(fmt) KBUILD_MODNAME ": %s: " fmt, __func__

#include <linux/elf.h>
#include <linux/fs.h>
#include <linux/mempool.h>
#include <linux/module.h>

static struct kmem_cache *cache;
static mempool_t *pool;

static int __init deep_init(void)
{
	cache = KMEM_CACHE(rcu_head, 0);
	pool = cache ? mempool_create_slab_pool(4, cache) : NULL;
	if (!pool) {
		kmem_cache_destroy(cache);
		return -ENOMEM;
	}
	pr_info("a pool of %u\n", kmem_cache_size(cache));
	return 0;
}

static void __exit deep_exit(void)
{
	mempool_destroy(pool);
	kmem_cache_destroy(cache);
}

module_init(deep_init);
module_exit(deep_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A folder below");
