/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The few places where the fast path needs a particular instruction.
 *
 * On x86-64 a per-CPU byte is lowered and tested by one instruction, a bit
 * field is copied and shifted down by two, and memory that may not be mapped is
 * compared under an exception-table entry.  C can say none of these, so they
 * are here, each with a portable twin of the same meaning; nothing else in the
 * project knows on which of the two it runs.
 *
 * The exception-table entries on the counter updates are never taken.  They make
 * kprobes leave the surrounding function unoptimised: an int3 probe runs with
 * the NMI bits of the preempt count set and so never enters the inlined path,
 * while a jump-optimised one would run at task level in the middle of it.
 *
 * hak_arch_off() turns preemption off and returns what the macros after it need to
 * know of this CPU; hak_arch_on() turns it on again.  On x86 that is nothing.  Where
 * `current` is a function call (User-Mode Linux) it is called once, not five times.
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

#if defined(CONFIG_X86_64) && defined(CONFIG_SMP) && !defined(CONFIG_UML)
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
 * Go to @bad unless the tag of @p's page is @c.  @mark is hak_mark(@p).  Reads
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

#else /* portable */

#define HAK_ARCH_TAG_EXTABLE 0
#define HAK_ARCH_KERNEL_HALF 0UL	/* the directory vouches for the address */

#if defined(CONFIG_UML) && defined(CONFIG_SMP) && defined(CONFIG_PREEMPTION) && \
	!defined(CONFIG_DEBUG_PREEMPT) && !defined(CONFIG_TRACE_PREEMPT_TOGGLE)

/* preempt_disable() and friends by hand, on a thread_info looked up once. */
struct hak_arch_cpu {
	struct thread_info *ti;
	struct hak_set *set;
};

#define hak_arch_here() ((struct hak_arch_cpu){ .ti = current_thread_info() })
#define hak_arch_off()								\
({										\
	struct hak_arch_cpu __cpu = hak_arch_here();				\
										\
	WRITE_ONCE(__cpu.ti->preempt_count, __cpu.ti->preempt_count + 1);	\
	barrier();								\
	__cpu;									\
})
#define hak_arch_on(cpu)							\
do {										\
	int __count = (cpu).ti->preempt_count - 1;				\
										\
	barrier();								\
	WRITE_ONCE((cpu).ti->preempt_count, __count);				\
	if (unlikely(!__count && test_ti_thread_flag((cpu).ti, TIF_NEED_RESCHED))) \
		preempt_schedule();						\
} while (0)
#define hak_arch_count(cpu) READ_ONCE((cpu).ti->preempt_count)
#define hak_arch_set(here, c, lvl)						\
	(&per_cpu_ptr(hak_percpu(c), (here).ti->cpu)->set[lvl])

#else

struct hak_arch_cpu {
	struct hak_set *set;
};

#define hak_arch_here() ((struct hak_arch_cpu){ })
#define hak_arch_off() ({ preempt_disable(); hak_arch_here(); })
#define hak_arch_on(cpu) do { (void)(cpu); preempt_enable(); } while (0)
#define hak_arch_count(cpu) ((void)(cpu), preempt_count())
#ifdef __KERNEL__
#define hak_arch_set(here, c, lvl) (&raw_cpu_ptr(hak_percpu(c))->set[lvl])
#else
/* A thread without a CPU sees sets that are empty and have no room, and so misses. */
#define hak_arch_set(here, c, lvl)						\
	(&((struct hak_cache *)(shim_base + (unsigned long)(c)))->set[lvl])
#endif

#endif

/* Take the newest object of @s into @p, or go to @miss; here the count never is below 0. */
#define hak_arch_pop_set(s, p, miss)						\
do {										\
	unsigned long __n;							\
										\
	hak_arch_below(__n, (s)->n, miss);					\
	(s)->n = __n;								\
	(p) = (s)->slot[__n];							\
} while (0)

#define hak_arch_pop(cpu, c, lvl, p, miss)					\
do {										\
	struct hak_set *__s = hak_arch_set(cpu, c, lvl);			\
										\
	hak_arch_pop_set(__s, p, miss);						\
} while (0)

#define hak_arch_room(_cpu, c, lvl, i, miss)					\
do {										\
	(_cpu).set = hak_arch_set(_cpu, c, lvl);				\
	hak_arch_under(i, (_cpu).set->n, (_cpu).set->cap, miss);		\
} while (0)

#define hak_arch_push(cpu, c, lvl, i, p)					\
do {										\
	(cpu).set->slot[i] = (p);						\
	hak_arch_inc((cpu).set->n, i);						\
} while (0)

/* Without exception-table tricks the directory vouches for the page first. */
#define hak_arch_tag_differs(c, mark, p, bad)					\
do {										\
	hak_arch_foreign(p, mark, bad);						\
	if (unlikely(*hak_tag_at(mark, p) != (c)))				\
		goto bad;							\
} while (0)

#define hak_arch_unmark(p) WRITE_ONCE(*(unsigned long *)(p), 0)
#define hak_arch_keep(p) barrier()

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

/* @n, which is @i, goes up by one: in memory, so that gcc needs no register for it. */
#define hak_arch_inc(n, i) asm volatile("incb %0" : "+m" (n) : : "cc")

/* Go to @bad if the object at @p carries @mark. */
#ifndef __KERNEL__
#define hak_arch_marked(p, mark, bad)						\
	asm goto("cmpq %0, (%1)\n\tje %l[" #bad "]"				\
		 : : "r" (mark), "r" (p) : "memory", "cc" : bad)
#endif

/* @i is @n less one, or go to @miss if that is 0. */
#define hak_arch_below(i, n, miss)						\
	asm goto("movzbl %1, %k0\n\tsubl $1, %k0\n\tjc %l[" #miss "]"		\
		 : "=r" (i) : "m" (n) : "cc" : miss)

/* @i is @n, or go to @miss unless that is under @cap. */
#define hak_arch_under(i, n, cap, miss)						\
	asm goto("movzbl %1, %k0\n\tcmpb %2, %b0\n\tjae %l[" #miss "]"		\
		 : "=&r" (i) : "m" (n), "m" (cap) : "cc" : miss)
#else
#define hak_arch_bits32(v, lo, n) (((unsigned long)(v) >> (lo)) & ((1UL << (n)) - 1))
#define hak_arch_bits64(v, lo, n) hak_arch_bits32(v, lo, n)
#define hak_arch_inc(n, i) ((n) = (i) + 1)
#define hak_arch_marked(p, mark, bad)						\
do {										\
	if (unlikely(hak_arch_peek(p) == (mark)))		\
		goto bad;							\
} while (0)
#define hak_arch_below(i, n, miss)						\
do {										\
	(i) = (u8)(n);								\
	if (unlikely((i)-- == 0))						\
		goto miss;							\
} while (0)
#define hak_arch_under(i, n, cap, miss)						\
do {										\
	(i) = (u8)(n);								\
	if (unlikely((i) >= (cap)))						\
		goto miss;							\
} while (0)
#endif

/*
 * The region of @p as the inlined path knows it; nobody changes that of a live object.  Any
 * index is one of the directory's.  Not written as one, or UBSAN looks at it too, in 8
 * instructions.
 */
#define hak_dir_entry(p) data_race(*(hak_dir + hak_arch_bits64(p, HAK_SS_SHIFT, HAK_DIR_BITS)))

/*
 * Go to @lookup unless the directory says that @p lies in a SuperSlab of ours; @mark is
 * hak_mark(@p).  In user space all SuperSlabs lie in one window of the address space that
 * stays mapped, and the tag of a page in no SuperSlab is a handle without room.  A pointer
 * that is not aligned is left to the look-up: what lies at its tag's place is no handle.
 */
#ifdef __KERNEL__
#define hak_arch_foreign(p, mark, lookup)					\
do {										\
	if (unlikely(hak_dir_entry(p) != (mark)))				\
		goto lookup;							\
} while (0)
#else
#define hak_arch_foreign(p, mark, lookup)					\
do {										\
	unsigned long __a = (unsigned long)(p);					\
										\
	/* Rotated, its low three bits stand above those of the window: one compare. */ \
	__a = __a >> SHIM_WINDOW_SHIFT | __a << (64 - SHIM_WINDOW_SHIFT);	\
	if (unlikely((u32)__a != shim_window))					\
		goto lookup;							\
} while (0)
#endif
#endif /* _LINUX_HAKMEM_ARCH_H */
