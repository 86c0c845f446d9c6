// SPDX-License-Identifier: GPL-2.0
/*
 * A force-included header must leave alone by which macros a file configures the kernel's
 * headers.  And functions may be called like one of a header which this file does not include.
 */
#define dev_fmt(fmt) "names, a device: " fmt
#define DEBUG

#include "names.h"

#include <linux/device.h>
#include <linux/module.h>
#include <linux/slab.h>

static struct names names;

static int bsearch(int key)
{
	return key - names.last;
}

static bool sort(int *a, int *b)
{
	if (*a > *b)
		swap(*a, *b);
	return *a <= *b;
}

void names_tell(struct device *dev);

void names_tell(struct device *dev)
{
	int a = 2, b = 1;

	dev_info(dev, "said by it\n");
	pr_info("said, %d\n", sort(&a, &b));
}
EXPORT_SYMBOL_GPL(names_tell);

static int __init names_init(void)
{
	void *p;

	names.cache = kmem_cache_create("names", 64, 0, 0, NULL);
	p = names.cache ? kmem_cache_zalloc(names.cache, GFP_KERNEL) : NULL;
	if (!p)
		return -ENOMEM;
	names.last = names_plain();
	pr_debug("found %d\n", bsearch(1));
	kfree(p);
	return 0;
}

static void __exit names_exit(void)
{
	kmem_cache_destroy(names.cache);
}

module_init(names_init);
module_exit(names_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Names of its own beside the drop-in header");
