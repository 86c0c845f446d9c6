// SPDX-License-Identifier: GPL-2.0
/* The kernel frees in bulk what is hakmem's in this file. */
#include <linux/module.h>
#include <linux/slab.h>

void free_both(void **p);

void free_both(void **p)
{
#ifdef WRONG
	kfree_bulk(2, p);
#else
	kfree(p[0]);
	kfree(p[1]);
#endif
}

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Misuse of the drop-in header that must not compile");
