/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The instructions of the fast path on x86-64 with several CPUs.
 *
 * Included by <linux/hakmem_arch.h> and by nothing else; what each macro means is what its
 * twin in hakmem_arch_generic.h says in C.  A per-CPU byte is lowered and tested by one
 * instruction, and memory that may not be mapped is compared under an exception-table entry.
 *
 * The exception-table entries on the counter updates are never taken.  They make
 * kprobes leave the surrounding function unoptimised: an int3 probe runs with
 * the NMI bits of the preempt count set and so never enters the inlined path,
 * while a jump-optimised one would run at task level in the middle of it.
 */
#ifndef _LINUX_HAKMEM_ARCH_X86_H
#define _LINUX_HAKMEM_ARCH_X86_H

#include <asm/asm.h>

#define HAK_ARCH_TAG_EXTABLE 1

struct hak_arch_cpu { };

#define hak_arch_here() ((struct hak_arch_cpu){ })
#define hak_arch_off() ({ preempt_disable(); hak_arch_here(); })
#define hak_arch_on(cpu) do { (void)(cpu); preempt_enable(); } while (0)
#define hak_arch_count(cpu) ((void)(cpu), preempt_count())
#define HAK_ARCH_KERNEL_HALF (1UL << 63)	/* set in every address of ours */

/* Take the newest object of set @lvl into @p, or go to @miss with the count lowered below 0. */
#define hak_arch_pop(cpu, c, lvl, p, miss)						\
do {										\
	unsigned long __i;							\
										\
	(void)(cpu);								\
	asm goto("1: decb %%gs:%c1(%0)\n\tjs %l[" #miss "]\n\t"			\
		 _ASM_EXTABLE(1b, %l[miss])					\
		 : : "r" (c), "i" (offsetof(struct hak_cache, set[lvl].n))	\
		 : "memory", "cc" : miss);					\
	asm volatile("movzbl %%gs:%c2(%1), %k0"					\
		     : "=r" (__i)						\
		     : "r" (c), "i" (offsetof(struct hak_cache, set[lvl].n)));	\
	asm volatile("movq %%gs:%c3(%1,%2,8), %0"				\
		     : "=r" (p)							\
		     : "r" (c), "r" (__i),					\
		       "i" (offsetof(struct hak_cache, set[lvl].slot)));	\
} while (0)

/* Index of the next free slot of set @lvl into @i, or go to @miss when it is full or gated. */
#define hak_arch_room(cpu, c, lvl, i, miss)					\
do {										\
	(void)(cpu);								\
	asm volatile("movzbl %%gs:%c2(%1), %k0"					\
		     : "=r" (i)							\
		     : "r" (c), "i" (offsetof(struct hak_cache, set[lvl].n)));	\
	asm goto("cmpb %%gs:%c1(%0), %b2\n\tjae %l[" #miss "]"			\
		 : : "r" (c), "i" (offsetof(struct hak_cache, set[lvl].cap)),	\
		     "q" (i)							\
		 : "memory", "cc" : miss);					\
} while (0)

/* Put @p into slot @i, which hak_arch_room() just found. */
#define hak_arch_push(cpu, c, lvl, i, p)						\
	asm volatile("movq %0, %%gs:%c3(%1,%2,8)\n\t"				\
		     "1: incb %%gs:%c4(%1)\n\t"					\
		     _ASM_EXTABLE(1b, 1b)					\
		     : : "r" (p), "r" (c), "r" (i),				\
			 "i" (offsetof(struct hak_cache, set[lvl].slot)),	\
			 "i" (offsetof(struct hak_cache, set[lvl].n))		\
		     : "memory", "cc")

/*
 * Go to @bad unless the tag of @p's slab page is @c.  @mark is hak_mark(@p).  Reads
 * the masked address, whatever lies there: bit 63 keeps it out of the user half,
 * where SMAP would turn a fault into an oops; every other fault lands on @bad.
 */
#define hak_arch_tag_differs(c, mark, p, bad)					\
do {										\
	unsigned long __t = hak_arch_bits32(p, HAK_SPAGE_SHIFT, HAK_TAG_BITS);	\
										\
	asm goto("1: cmpq %0, %c3(%1,%2,8)\n\tjne %l[" #bad "]\n\t"		\
		 _ASM_EXTABLE(1b, %l[bad])					\
		 : : "r" (c), "r" (mark), "r" (__t), "i" (-(long)HAK_MARK)	\
		 : "memory", "cc" : bad);					\
} while (0)

/*
 * Go to @bad if the object at @p carries @mark.  @p passed hak_arch_tag_differs(),
 * which looked at p with bit 63 set: one that had it clear faults here, on @bad.
 */
#define hak_arch_marked(p, mark, bad)						\
	asm goto("1: cmpq %0, (%1)\n\tje %l[" #bad "]\n\t"			\
		 _ASM_EXTABLE(1b, %l[bad])					\
		 : : "r" (mark), "r" (p) : "memory", "cc" : bad)

/* Write 0 over the mark; hak_arch_keep() keeps gcc from holding @p in a second register. */
#define hak_arch_unmark(p) asm volatile("movq $0, (%0)" : : "r" (p) : "memory")
#define hak_arch_keep(p) asm volatile("" : "+r" (p))

#endif /* _LINUX_HAKMEM_ARCH_X86_H */
