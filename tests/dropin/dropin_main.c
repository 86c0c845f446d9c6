// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that uses every call of the drop-in, written against kmem_cache alone.
 *
 * Nothing in it is hakmem's but the question who served: hak_owns() of the objects must
 * agree with what the parameters say is to be expected.  With hold=1 the caches of the
 * table stay until the module goes, so that debugfs can be looked at.
 */
#define pr_fmt(fmt) "dropin_test: " fmt

#include <linux/module.h>
#include <linux/slab.h>

#include "dropin_test.h"

bool on_hakmem;
module_param_named(hakmem, on_hakmem, bool, 0444);
MODULE_PARM_DESC(hakmem, "hakmem is to serve ordinary caches");
bool forced;
module_param(forced, bool, 0444);
MODULE_PARM_DESC(forced, "hakmem is to serve accounted caches, too");
static bool hold;
module_param(hold, bool, 0444);
MODULE_PARM_DESC(hold, "keep one cache of each rule until the module goes");

static unsigned int passed, failed;

void check(bool good, const char *what)
{
	if (good)
		passed++;
	else
		failed++;
	pr_info("%sok - %s\n", good ? "" : "not ", what);
}

/* One cache of each rule; tests/guest/dropin.sh looks for them in `caches`. */
static struct held {
	const char *name;
	unsigned int size;
	slab_flags_t flags;
	unsigned int usersize;
	struct kmem_cache *cache;
	void *object;
} held[] = {
	{ .name = "dt_plain", .size = 96 },
	{ .name = "dt_other", .size = 96 },
	{ .name = "dt_two words", .size = 96 },
	{ .name = "dt_accounted", .size = 96, .flags = SLAB_ACCOUNT },
	{ .name = "dt_usercopy", .size = 96, .usersize = 8 },
	{ .name = "dt_large", .size = 8200 },
	{ .name = "dt_dma", .size = 96, .flags = SLAB_CACHE_DMA32 },
};

static void hold_all(void)
{
	struct held *h;

	for (h = held; h < held + ARRAY_SIZE(held); h++) {
		h->cache = kmem_cache_create_usercopy(h->name, h->size, 0, h->flags, 0,
						      h->usersize, NULL);
		check(h->cache, h->name);
		if (h->cache)
			h->object = kmem_cache_alloc(h->cache, GFP_KERNEL);
		check(h->object, "an object of it");
	}
}

static void let_go(void)
{
	struct held *h;

	for (h = held; h < held + ARRAY_SIZE(held); h++) {
		if (h->object)
			kmem_cache_free(h->cache, h->object);
		kmem_cache_destroy(h->cache);
	}
}

static int __init dropin_test_init(void)
{
	if (hold) {
		hold_all();
	} else {
		test_forms();
		test_kmalloc();
	}
	pr_info("%u passed, %u failed\n", passed, failed);
	return 0;
}

static void __exit dropin_test_exit(void)
{
	let_go();
}

module_init(dropin_test_init);
module_exit(dropin_test_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test of kmem_cache on hakmem");
