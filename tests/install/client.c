// SPDX-License-Identifier: GPL-2.0
/*
 * A module that uses hakmem, built with nothing but what an installation provides:
 *
 *   make -C /lib/modules/$(uname -r)/build M=$PWD \
 *	KBUILD_EXTRA_SYMBOLS=/lib/modules/$(uname -r)/updates/hakmem.symvers
 */
#include <linux/module.h>
#include <linux/hakmem.h>

struct thing {
	u64 key;
	u64 value;
};

static struct hak_cache *things;

static int __init client_init(void)
{
	struct thing *t;
	void *p;

	things = hak_cache_create("client_things", sizeof(struct thing), NULL, 0);
	if (!things)
		return -ENOMEM;
	t = hak_cache_alloc(things, GFP_KERNEL);
	hak_cache_free(things, t);
	p = hak_alloc(64, GFP_KERNEL);
	hak_free(p);
	return 0;
}

static void __exit client_exit(void)
{
	hak_cache_destroy(things);
}

module_init(client_init);
module_exit(client_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A client of hakmem");
HAK_IMPORT;
