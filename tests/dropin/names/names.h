/* SPDX-License-Identifier: GPL-2.0 */
/* Read before any header of the kernel's, as some drivers do it. */
#ifndef _NAMES_H
#define _NAMES_H

#define pr_fmt(fmt) "names, by a header: " fmt

struct kmem_cache;

struct names {
	struct kmem_cache *cache;
	int last;
};

/* Of the kernel's own allocator, in a file that is left as it is. */
int names_plain(void);

#endif /* _NAMES_H */
