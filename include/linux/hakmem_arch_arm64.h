/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fast path on arm64: what gcc makes shorter when it is told how.
 *
 * Included by <linux/hakmem_arch.h> before hakmem_arch_generic.h, which has the rest.
 * docs/arm64.md says what each of these is worth.
 *
 * Nothing here reads an address that is not proven ours.  A register of a device that has no
 * power answers with an SError, which no exception-table entry catches.
 */
#ifndef _LINUX_HAKMEM_ARCH_ARM64_H
#define _LINUX_HAKMEM_ARCH_ARM64_H

/* As raw_cpu_ptr(), which copies the pointer first, so that gcc knows nothing about it. */
#define hak_arch_this_cpu(ptr)							\
	((typeof(*(ptr)) __kernel __force *)((unsigned long)(ptr) + __my_cpu_offset))

/*
 * Not at task level?  Bits 8 and 16 to 23 of the preempt count say so.  No instruction has such an
 * immediate.  In the halfword from the count's second byte on they are bits 0 and 8 to 15.
 * Repeated in the upper half, that is one.
 */
#ifndef CONFIG_CPU_BIG_ENDIAN
#define HAK_ARCH_LEVEL_BITS 0xff0100UL
#define hak_at_irq_level(cpu)							\
({										\
	u32 __level;								\
										\
	if (HAK_IRQ_LEVELS == HAK_ARCH_LEVEL_BITS) {				\
		/* Loaded so, gcc does not know that the upper half is 0. */	\
		asm volatile("ldrh %w0, %1" : "=r" (__level)			\
			     : "m" (*(const u16 *)				\
				    ((const u8 *)&current_thread_info()->preempt_count + 1))); \
		__level &= 0xff01ff01;						\
	} else {								\
		__level = hak_arch_count(cpu) & HAK_IRQ_LEVELS;			\
	}									\
	__level;								\
})
#endif

/* The SuperSlab of @p, whose @mark the directory has; the distance of both is no immediate. */
#define hak_arch_base(mark, p) ((unsigned long)(p) & ~((1UL << HAK_SS_SHIFT) - 1))

/* @i is @n, or go to @miss unless that is under @cap.  Loaded so, @i needs no second register. */
#define hak_arch_under(i, n, cap, miss)						\
do {										\
	asm("ldrb %w0, %1" : "=r" (i) : "m" (n));				\
	if (unlikely((i) >= (cap)))						\
		goto miss;							\
} while (0)

#endif /* _LINUX_HAKMEM_ARCH_ARM64_H */
