// SPDX-License-Identifier: GPL-2.0
/*
 * Many caches of hakmem, or of the kernel, for as long as this is loaded: what they cost is seen
 * from outside.  Each has as many live objects as is asked for.
 */
#include <linux/hakmem.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#ifndef SLAB_NO_MERGE
#define SLAB_NO_MERGE 0	/* before 6.5 */
#endif

static bool slub;
module_param(slub, bool, 0444);
MODULE_PARM_DESC(slub, "caches of the kernel in place of hakmem's");

static unsigned int caches = 200;
module_param(caches, uint, 0444);
MODULE_PARM_DESC(caches, "how many");

static unsigned int size = 64;
module_param(size, uint, 0444);
MODULE_PARM_DESC(size, "of an object, in bytes");

static unsigned int objects;
module_param(objects, uint, 0444);
MODULE_PARM_DESC(objects, "live ones in each cache: 0 or 1");

struct one {
	struct hak_cache *hak;
	struct kmem_cache *kernel;
	void *object;
};

static struct one *all;

static void one_destroy(struct one *o)
{
	if (o->object && slub)
		kmem_cache_free(o->kernel, o->object);
	else if (o->object)
		hak_cache_free(o->hak, o->object);
	kmem_cache_destroy(o->kernel);
	hak_cache_destroy(o->hak);
}

static int one_create(struct one *o, unsigned int i)
{
	char name[32];

	snprintf(name, sizeof(name), "many-%u", i);
	if (slub)
		o->kernel = kmem_cache_create(name, size, 0, SLAB_NO_MERGE, NULL);
	else
		o->hak = hak_cache_create(name, size, NULL, 0);
	if (!o->kernel && !o->hak)
		return -ENOMEM;
	if (objects)
		o->object = slub ? kmem_cache_alloc(o->kernel, GFP_KERNEL)
				 : hak_cache_alloc(o->hak, GFP_KERNEL);
	return objects && !o->object ? -ENOMEM : 0;
}

static void caches_exit(void)
{
	unsigned int i;

	for (i = 0; i < caches; i++) {
		one_destroy(&all[i]);
		cond_resched();
	}
	vfree(all);
}

static int __init caches_init(void)
{
	unsigned int i;
	int err = 0;

	all = vzalloc(array_size(caches, sizeof(*all)));
	if (!all)
		return -ENOMEM;
	for (i = 0; i < caches && !err; i++) {
		err = one_create(&all[i], i);
		cond_resched();
	}
	if (err)
		caches_exit();
	return err;
}

module_init(caches_init);
module_exit(caches_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Many caches, to see what they cost");
HAK_IMPORT;
