// SPDX-License-Identifier: GPL-2.0
/* The kernel resizes what is hakmem's in this file. */
#include <linux/module.h>
#include <linux/slab.h>

void free_both(void **p);

void free_both(void **p)
{
#ifdef WRONG
	p[0] = kvrealloc(p[0], 200, GFP_KERNEL);
#else
	kfree(p[0]);
	kfree(p[1]);
#endif
}

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Misuse of the drop-in header that must not compile");
