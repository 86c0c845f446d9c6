// SPDX-License-Identifier: GPL-2.0
/* A cache, and nothing of hakmem's. */
#define pr_fmt(fmt) "plain: " fmt

#include <linux/module.h>
#include <linux/slab.h>
#include <plain.h>

static struct kmem_cache *cache;

static int __init plain_init(void)
{
	cache = kmem_cache_create("plain", PLAIN_SIZE, 0, SLAB_HWCACHE_ALIGN, NULL);
	if (!cache)
		return -ENOMEM;
	pr_info("objects of %u\n", kmem_cache_size(cache));
	return 0;
}

static void __exit plain_exit(void)
{
	kmem_cache_destroy(cache);
}

module_init(plain_init);
module_exit(plain_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A driver that knows nothing of hakmem");
