/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What HAK_ABI stands for: all that a client has compiled into it.
 *
 * Included by <linux/hakmem.h> and by nothing else.  Not every kernel has symbol versions, so the
 * number in the names of the out-of-line half is what stops a client of another layout.  Whoever
 * changes a value below gives HAK_ABI a new number, and writes the new values here.
 */
#ifndef _LINUX_HAKMEM_ABI_H
#define _LINUX_HAKMEM_ABI_H

#if HAK_ABI != 3
#error "hakmem_abi.h does not say what this HAK_ABI stands for"
#endif

#define HAK_ABI_HAS(what, value)						\
	static_assert((what) == (value), "another layout needs another HAK_ABI")
#define HAK_ABI_FIELD(type, field, at, size)					\
	HAK_ABI_HAS(offsetof(struct type, field), at);				\
	HAK_ABI_HAS(sizeof_field(struct type, field), size)

/*
 * What the inlined paths touch of a set, and where the set of a task is.  They call _miss with
 * preemption off once, which it turns on, and _irq with it as they found it.
 */
HAK_ABI_FIELD(hak_set, n, 0, 1);
HAK_ABI_FIELD(hak_set, cap, 1, 1);
HAK_ABI_FIELD(hak_set, size, 6, 2);
HAK_ABI_FIELD(hak_set, slot[0], 24, 8);
HAK_ABI_HAS(offsetof(struct hak_cache, task), 0);

/* Where they look an address up, and what a free object carries. */
HAK_ABI_HAS(HAK_SS_SHIFT, 21);
HAK_ABI_HAS(HAK_SPAGE_SHIFT, 14);
HAK_ABI_HAS(HAK_TAG_BITS, 11);
HAK_ABI_HAS(HAK_MARK, 0x1ffff8);
HAK_ABI_HAS(HAK_DIR_BITS, 14);
HAK_ABI_HAS(sizeof(hak_dir), 8UL << 14);

/* Which sizes have a class: hakmem_kmod.c holds hak_size_class() to them. */
HAK_ABI_HAS(HAK_MAX_SIZE, 1024);
HAK_ABI_HAS(HAK_NR_CLASSES, 24);
HAK_ABI_HAS(sizeof(hak_class), 8 * 24);

/* What hak_cache_create() is given. */
HAK_ABI_FIELD(hak_cache_args, align, 0, 4);
HAK_ABI_FIELD(hak_cache_args, ctor, 8, 8);
HAK_ABI_FIELD(hak_cache_args, dtor, 16, 8);
HAK_ABI_FIELD(hak_cache_args, hardened, 24, 4);
HAK_ABI_FIELD(hak_cache_args, useroffset, 28, 4);
HAK_ABI_FIELD(hak_cache_args, usersize, 32, 4);
HAK_ABI_HAS(sizeof(struct hak_cache_args), 40);

#endif /* _LINUX_HAKMEM_ABI_H */
