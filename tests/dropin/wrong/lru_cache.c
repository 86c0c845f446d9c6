// SPDX-License-Identifier: GPL-2.0
/* A cache handed to a library of the kernel's, which would allocate from it. */
#include <linux/module.h>
#include <linux/lru_cache.h>
#include <linux/slab.h>

static struct kmem_cache *entries;

static int __init wrong_init(void)
{
	typeof(hak_dropin_kernel(NULL)) theirs = NULL;
	struct lru_cache *lc;

	entries = KMEM_CACHE(lc_element, 0);
#ifdef WRONG
	lc = lc_create("wrong", entries, 1, 1, sizeof(struct lc_element), 0);
#else
	lc = lc_create("right", theirs, 1, 1, sizeof(struct lc_element), 0);
#endif
	return lc && !theirs ? 0 : -ENOMEM;
}

static void __exit wrong_exit(void)
{
	kmem_cache_destroy(entries);
}

module_init(wrong_init);
module_exit(wrong_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A mistake");
