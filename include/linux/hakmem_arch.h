/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The few places where the fast path needs a particular instruction.
 *
 * Here is what all have in common, and the choice of the rest:
 *
 *   hakmem_arch_x86.h       x86-64 with several CPUs: what C cannot say
 *   hakmem_arch_generic.h   the same in C
 *   hakmem_arch_arm64.h     arm64: what of that is shorter otherwise
 *   hakmem_arch_um.h        how User-Mode Linux finds its CPU
 *
 * Nothing else in the project knows on which of them it runs.
 *
 * hak_arch_here() returns what the macros after it need to know of the caller, who may be moved
 * to another CPU until hak_arch_off() turns preemption off.  On x86 that is nothing.
 */
#ifndef _LINUX_HAKMEM_ARCH_H
#define _LINUX_HAKMEM_ARCH_H

/* A word of an object that may be free, which KASAN would have something against. */
#ifdef CONFIG_KASAN
#define hak_arch_peek(p) READ_ONCE_NOCHECK(*(const unsigned long *)(p))

static __no_kasan_or_inline void hak_arch_poke(void *p, unsigned long word)
{
	WRITE_ONCE(*(unsigned long *)p, word);
}
#else
/* Its writer is whoever owns it by now: a word torn or stale is no mark of anybody's. */
#define hak_arch_peek(p) data_race(*(const unsigned long *)(p))
#define hak_arch_poke(p, word) ((void)(*(unsigned long *)(p) = (word)))
#endif

#if defined(__x86_64__) && !defined(CONFIG_UML)
/* Bits [lo, lo + n) of @v, as a multiplication and a shift: it copies for free. */
#define hak_arch_bits32(v, lo, n)						\
({										\
	unsigned long __r;							\
										\
	asm("imull %2, %k1, %k0\n\tshrl %3, %k0"				\
	    : "=r" (__r)							\
	    : "r" (v), "i" (1 << (32 - (lo) - (n))), "i" (32 - (n)) : "cc");	\
	__r;									\
})
#define hak_arch_bits64(v, lo, n)						\
({										\
	unsigned long __r;							\
										\
	asm("imulq %2, %1, %0\n\tshrq %3, %0"					\
	    : "=r" (__r)							\
	    : "r" (v), "i" (1L << (64 - (lo) - (n))), "i" (64 - (n)) : "cc");	\
	__r;									\
})
#else
#define hak_arch_bits32(v, lo, n) (((unsigned long)(v) >> (lo)) & ((1UL << (n)) - 1))
#define hak_arch_bits64(v, lo, n) hak_arch_bits32(v, lo, n)
#endif

#if defined(CONFIG_X86_64) && defined(CONFIG_SMP) && !defined(CONFIG_UML)
#include <linux/hakmem_arch_x86.h>
#else
#if defined(CONFIG_UML) && defined(CONFIG_SMP) && defined(CONFIG_PREEMPTION) && \
	!defined(CONFIG_DEBUG_PREEMPT) && !defined(CONFIG_TRACE_PREEMPT_TOGGLE)
#include <linux/hakmem_arch_um.h>
#elif defined(CONFIG_ARM64)
#include <linux/hakmem_arch_arm64.h>
#endif
#include <linux/hakmem_arch_generic.h>
#endif

/* What @ptr leads to on this CPU. */
#ifndef hak_arch_this_cpu
#define hak_arch_this_cpu(ptr) raw_cpu_ptr(ptr)
#endif

/* The SuperSlab of @p; @mark is hak_mark(@p), of which the low bits of @p stay. */
#ifndef hak_arch_base
#define hak_arch_base(mark, p) ((mark) - HAK_MARK)
#endif

/*
 * The region of @p as the inlined path knows it; nobody changes that of a live object.  Any
 * index is one of the directory's.  Not written as one, or UBSAN looks at it too, in 8
 * instructions.
 */
#define hak_dir_entry(p) data_race(*(hak_dir + hak_arch_bits64(p, HAK_SS_SHIFT, HAK_DIR_BITS)))

/* Go to @lookup unless the directory says that @p lies in a SuperSlab; @mark is hak_mark(@p). */
#ifndef hak_arch_foreign
#define hak_arch_foreign(p, mark, lookup)					\
do {										\
	if (unlikely(hak_dir_entry(p) != (mark)))				\
		goto lookup;							\
} while (0)
#endif

#endif /* _LINUX_HAKMEM_ARCH_H */
