// SPDX-License-Identifier: GPL-2.0
/*
 * Many objects of one cache, of which few stay: on hakmem or on kmem_cache.
 *
 * Loading it allocates @mb MiB of objects of @size bytes.  Writing to @keep frees all but one in so
 * many, in the order of their allocation or in a @random one.  Unloading it frees the others.  Each
 * object holds its own number, which is looked at when it is freed.
 */
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/hakmem.h>

HAK_IMPORT;
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Objects of which few stay");

static bool on_hakmem;
module_param_named(hakmem, on_hakmem, bool, 0444);
MODULE_PARM_DESC(hakmem, "of hakmem, not of kmem_cache");
static unsigned int size = 256;
module_param(size, uint, 0444);
MODULE_PARM_DESC(size, "bytes of an object, at least 16");
static unsigned int mb = 200;
module_param(mb, uint, 0444);
MODULE_PARM_DESC(mb, "MiB of objects");
static bool random;
module_param(random, bool, 0444);
MODULE_PARM_DESC(random, "freed in random order");

static struct hak_cache *hak;
static struct kmem_cache *slub;
static unsigned long **object;		/* its number is in its second word */
static unsigned long number, wrong;

static void *get(void)
{
	return on_hakmem ? hak_cache_alloc(hak, GFP_KERNEL) : kmem_cache_alloc(slub, GFP_KERNEL);
}

static void put(unsigned long i)
{
	wrong += object[i][1] != i;
	if (on_hakmem)
		hak_cache_free(hak, object[i]);
	else
		kmem_cache_free(slub, object[i]);
	object[i] = NULL;
}

/* Object number @i may come to stand anywhere: its number goes with its place. */
static void swap_places(unsigned long i, unsigned long j)
{
	swap(object[i], object[j]);
	object[i][1] = i;
	object[j][1] = j;
}

static int thin(const char *val, const struct kernel_param *kp)
{
	unsigned long keep, i;
	int err = kstrtoul(val, 0, &keep);

	if (err)
		return err;
	for (i = 0; random && i < number; i++)
		swap_places(i, get_random_u32_below(number));
	for (i = 0; i < number; i++) {
		if (object[i] && (!keep || i % keep))
			put(i);
		if (!(i % 1024))
			cond_resched();
	}
	return wrong ? -EIO : 0;
}

static const struct kernel_param_ops thin_ops = { .set = thin };
module_param_cb(keep, &thin_ops, NULL, 0200);
MODULE_PARM_DESC(keep, "free all but one in so many; 0: all");

static void held_exit(void)
{
	unsigned long i;

	for (i = 0; i < number; i++)
		if (object[i])
			put(i);
	hak_cache_destroy(hak);
	kmem_cache_destroy(slub);
	vfree(object);
	pr_info("held: %lu objects were wrong\n", wrong);
}

static int __init held_init(void)
{
	unsigned long n = ((unsigned long)mb << 20) / size, i;

	if (size < 16)
		return -EINVAL;
	object = vzalloc(n * sizeof(*object));
	if (on_hakmem)
		hak = hak_cache_create("held", size, NULL, 0);
	else
		slub = kmem_cache_create("held", size, 0, SLAB_NO_MERGE, NULL);
	for (i = 0; object && (hak || slub) && i < n; i++) {
		object[i] = get();
		if (!object[i])
			break;
		object[i][1] = i;
		number = i + 1;
		if (!(i % 1024))
			cond_resched();
	}
	if (n && number == n)
		return 0;
	held_exit();
	return -ENOMEM;
}

module_init(held_init);
module_exit(held_exit);
