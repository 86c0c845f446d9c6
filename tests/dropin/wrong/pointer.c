// SPDX-License-Identifier: GPL-2.0
/* A function of the kernel's by its address, which takes caches of the kernel's only. */
#include <linux/module.h>
#include <linux/slab.h>

static struct kmem_cache *entries;
static void (*release)(struct kmem_cache *s, void *p);

static void free_entry(struct kmem_cache *s, void *p)
{
	kmem_cache_free(s, p);
}

static int __init wrong_init(void)
{
	entries = KMEM_CACHE(rcu_head, 0);
	release = free_entry;
#ifdef WRONG
	release = kmem_cache_free;
#endif
	return entries && release ? 0 : -ENOMEM;
}

static void __exit wrong_exit(void)
{
	kmem_cache_destroy(entries);
}

module_init(wrong_init);
module_exit(wrong_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A mistake");
