/* SPDX-License-Identifier: GPL-2.0 */
/* What the public API tells of the 2 MiB around an address. */
#ifndef _HAK_REGION_H
#define _HAK_REGION_H

#include <linux/hakmem.h>

/*
 * Is no page of the region of @p hakmem's?  Then @p points into no page that has left a SuperSlab,
 * which keeps its header until it ends.
 */
static inline bool hak_region_is_foreign(const void *p)
{
	const void *begin = (void *)((unsigned long)p & -(1UL << HAK_SS_SHIFT));
	unsigned long off;

	for (off = 0; off < 1UL << HAK_SS_SHIFT; off += PAGE_SIZE)
		if (hak_owns(begin + off))
			return false;
	return true;
}

#endif /* _HAK_REGION_H */
