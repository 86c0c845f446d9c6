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
#define hak_arch_off(cpu) do { (void)(cpu); preempt_disable(); } while (0)
#define hak_arch_on(cpu) do { (void)(cpu); preempt_enable(); } while (0)
#define hak_arch_count(cpu) ((void)(cpu), preempt_count())
#define HAK_ARCH_KERNEL_HALF (1UL << 63)	/* set in every address of ours */

/*
 * Of the set that lies @at bytes behind @s, which is a handle with @gs and else a pointer.  Take
 * the newest object into @p, or go to @miss with the count lowered below 0.
 */
#define hak_arch_pop_at(gs, s, at, p, miss)						\
do {										\
	unsigned long __i;							\
										\
	asm goto("1: decb " gs "%c1(%0)\n\tjs %l[" #miss "]\n\t"			\
		 _ASM_EXTABLE(1b, %l[miss])					\
		 : : "r" (s), "i" ((at) + offsetof(struct hak_set, n))		\
		 : "memory", "cc" : miss);					\
	asm volatile("movzbl " gs "%c2(%1), %k0"					\
		     : "=r" (__i)						\
		     : "r" (s), "i" ((at) + offsetof(struct hak_set, n)));	\
	asm volatile("movq " gs "%c3(%1,%2,8), %0"				\
		     : "=r" (p)							\
		     : "r" (s), "r" (__i),					\
		       "i" ((at) + offsetof(struct hak_set, slot)));		\
} while (0)

/* Index of the next free slot into @i, or go to @miss when the set is full or gated. */
#define hak_arch_room_at(gs, s, at, i, miss)					\
do {										\
	asm volatile("movzbl " gs "%c2(%1), %k0"					\
		     : "=r" (i)							\
		     : "r" (s), "i" ((at) + offsetof(struct hak_set, n)));	\
	asm goto("cmpb " gs "%c1(%0), %b2\n\tjae %l[" #miss "]"			\
		 : : "r" (s), "i" ((at) + offsetof(struct hak_set, cap)),	\
		     "q" (i)							\
		 : "memory", "cc" : miss);					\
} while (0)

/* Put @p into slot @i, which hak_arch_room_at() just found. */
#define hak_arch_push_at(gs, s, at, i, p)					\
	asm volatile("movq %0, " gs "%c3(%1,%2,8)\n\t"				\
		     "1: incb " gs "%c4(%1)\n\t"				\
		     _ASM_EXTABLE(1b, 1b)					\
		     : : "r" (p), "r" (s), "r" (i),				\
			 "i" ((at) + offsetof(struct hak_set, slot)),		\
			 "i" ((at) + offsetof(struct hak_set, n))		\
		     : "memory", "cc")

/* The task level's set of handle @c. */
#define HAK_ARCH_TASK offsetof(struct hak_cache, task)
#define hak_arch_pop(cpu, c, p, miss)						\
do { (void)(cpu); hak_arch_pop_at("%%gs:", c, HAK_ARCH_TASK, p, miss); } while (0)
#define hak_arch_room(cpu, c, i, miss)						\
do { (void)(cpu); hak_arch_room_at("%%gs:", c, HAK_ARCH_TASK, i, miss); } while (0)
#define hak_arch_push(cpu, c, i, p) hak_arch_push_at("%%gs:", c, HAK_ARCH_TASK, i, p)

/* Any set of this CPU. */
#define hak_arch_pop_set(s, p, miss) hak_arch_pop_at("", s, 0, p, miss)
#define hak_arch_room_set(s, i, miss) hak_arch_room_at("", s, 0, i, miss)
#define hak_arch_push_set(s, i, p) hak_arch_push_at("", s, 0, i, p)

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

/* Pop and push as above, of the task level's set @at bytes behind handle @c; all slots are used. */
#define hak_arch_pop_behind(c, at, p, miss) hak_arch_pop_at("%%gs:", c, at, p, miss)
#define hak_arch_room_behind(c, at, i, miss)					\
do {										\
	asm volatile("movzbl %%gs:%c2(%1), %k0"					\
		     : "=r" (i)							\
		     : "r" (c), "i" ((at) + offsetof(struct hak_set, n)));	\
	asm goto("cmpb %%gs:%c1(%0), %b2\n\tjae %l[" #miss "]"			\
		 : : "r" (c), "i" ((at) + offsetof(struct hak_set, slots)),	\
		     "q" (i)							\
		 : "memory", "cc" : miss);					\
} while (0)
#define hak_arch_push_behind(c, at, i, p) hak_arch_push_at("%%gs:", c, at, i, p)

/* Go to @bad unless the word @off bytes behind @p is @is, or where there is no memory. */
#define hak_arch_word_differs(p, off, is, bad)					\
	asm goto("1: cmpq %0, (%1,%2)\n\tjne %l[" #bad "]\n\t"			\
		 _ASM_EXTABLE(1b, %l[bad])					\
		 : : "r" (is), "r" (p), "r" (off) : "memory", "cc" : bad)

#endif /* _LINUX_HAKMEM_ARCH_X86_H */
