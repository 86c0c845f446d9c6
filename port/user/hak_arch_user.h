/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the inlined half has otherwise in user space, in place of the kernel's: included before
 * it, by hak_shim.h.
 *
 * A CPU is a slot of memory at shim_base.  SuperSlabs lie in one window of the address space, which
 * can be read.  The tag of a page in no SuperSlab is a handle without room.
 */
#ifndef _HAK_ARCH_USER_H
#define _HAK_ARCH_USER_H

#define HAK_MAG_MAX	126		/* docs/user-space.md, tuning */
#define HAK_GROW_LEAST	128U		/* all: what nobody touched costs nothing */
#define HAK_LARGE_STRIDES 1		/* malloc() has classes up to 32 KiB */
#define HAK_BATCH	24		/* a refill overshoots by less: docs/user-space.md */
/* Nothing interrupts: one level. */
#define HAK_LEVELS	HAK_TASK, HAK_SOFTIRQ = HAK_TASK, HAK_HARDIRQ = HAK_TASK

/* A thread without a CPU sees sets that are empty and have no room, and so misses. */
#define hak_arch_set(here, c)							\
	(&((struct hak_cache *)(shim_base + (unsigned long)(c)))->task)

/*
 * A pointer that is not aligned is left to the look-up, too: what lies at its tag's place is no
 * handle.
 */
#define hak_arch_foreign(p, mark, lookup)					\
do {										\
	if (unlikely(((unsigned long)(p) & shim_window_read(mask)) !=		\
		     shim_window_read(base)))					\
		goto lookup;							\
} while (0)

#ifdef __x86_64__
/* @n, which is @i, goes up by one: in memory, so that gcc needs no register for it. */
#define hak_arch_inc(n, i) asm volatile("incb %0" : "+m" (n) : : "cc")

/* Go to @bad if the object at @p carries @mark. */
#define hak_arch_marked(p, mark, bad)						\
	asm goto("cmpq %0, (%1)\n\tje %l[" #bad "]"				\
		 : : "r" (mark), "r" (p) : "memory", "cc" : bad)

/* @i is @n less one, or go to @miss if that is 0. */
#define hak_arch_below(i, n, miss)						\
	asm goto("movzbl %1, %k0\n\tsubl $1, %k0\n\tjc %l[" #miss "]"		\
		 : "=r" (i) : "m" (n) : "cc" : miss)

/* @i is @n, or go to @miss unless that is under @cap. */
#define hak_arch_under(i, n, cap, miss)						\
	asm goto("movzbl %1, %k0\n\tcmpb %2, %b0\n\tjae %l[" #miss "]"		\
		 : "=&r" (i) : "m" (n), "m" (cap) : "cc" : miss)
#endif

#endif /* _HAK_ARCH_USER_H */
