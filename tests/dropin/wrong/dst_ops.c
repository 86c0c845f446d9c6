// SPDX-License-Identifier: GPL-2.0
/* A cache in a structure of the kernel's, whose code would call kmem_cache_alloc() on it. */
#include <linux/module.h>
#include <linux/slab.h>
#include <net/dst_ops.h>

static struct kmem_cache *entries;
static struct dst_ops ops = { .family = 1 };

static int __init wrong_init(void)
{
	entries = kmem_cache_create("wrong", 64, 0, 0, NULL);
#ifdef WRONG
	ops.kmem_cachep = entries;
#endif
	return entries && ops.family ? 0 : -ENOMEM;
}

static void __exit wrong_exit(void)
{
	kmem_cache_destroy(entries);
}

module_init(wrong_init);
module_exit(wrong_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A mistake");
