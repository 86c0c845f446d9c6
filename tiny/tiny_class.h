/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Size classes: hak_size_class() of the public header, as a table of handles.
 *
 * 8 to 64 in steps of 8, then four steps per doubling to 1024: never more than 25% or 7 bytes
 * wasted.  Each class is a multiple of the largest power of two that divides any size it serves.
 * That is the alignment kmalloc() promises.
 */
#ifndef _TINY_CLASS_H
#define _TINY_CLASS_H

#include "tiny/tiny_core.h"

extern const u16 hak_class_size[HAK_NR_CLASSES];

/* The cache that serves sizes 8i+1 .. 8i+8: one load, no branch. */
extern struct hak_cache *hak_size_cache[HAK_MAX_SIZE / 8];

/* @size is within 1..1024. Not written as an index, or UBSAN looks at it once more. */
static __always_inline struct hak_cache *hak_cache_of(size_t size)
{
	return *(hak_size_cache + ((size - 1) >> 3));
}

/* For who watches: @p is of the class of @size, but no longer than that. */
static __always_inline void *watch_size(void *p, size_t size)
{
	return HAK_WATCHED ? watch_asked(p, size, hak_class_size[hak_size_class(size)]) : p;
}

/* Fill hak_size_cache[] from hak_class[]. */
void hak_size_cache_init(void);

#endif /* _TINY_CLASS_H */
