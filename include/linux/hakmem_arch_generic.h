/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fast path in C: what each macro means, and how it is where there is nothing better.
 *
 * Included by <linux/hakmem_arch.h> and by nothing else.  What is defined already stays as
 * it is: how this CPU is found (HAK_ARCH_CPU, hak_arch_set) and how a set's count is
 * tested and changed.
 */
#ifndef _LINUX_HAKMEM_ARCH_GENERIC_H
#define _LINUX_HAKMEM_ARCH_GENERIC_H

#define HAK_ARCH_TAG_EXTABLE 0
#define HAK_ARCH_KERNEL_HALF 0UL	/* the directory vouches for the address */

#ifndef HAK_ARCH_CPU
struct hak_arch_cpu {
	struct hak_set *set;
};

#define hak_arch_here() ((struct hak_arch_cpu){ })
#define hak_arch_off(cpu) do { (void)(cpu); preempt_disable(); } while (0)
#define hak_arch_on(cpu) do { (void)(cpu); preempt_enable(); } while (0)
#define hak_arch_count(cpu) ((void)(cpu), preempt_count())
#endif

/* The task level's set of @c on this CPU. */
#ifndef hak_arch_set
#define hak_arch_set(here, c) (&hak_arch_this_cpu(hak_percpu(c))->task)
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

#define hak_arch_pop(cpu, c, p, miss)						\
do {										\
	struct hak_set *__s = hak_arch_set(cpu, c);				\
										\
	hak_arch_pop_set(__s, p, miss);						\
} while (0)

#define hak_arch_room_set(s, i, miss) hak_arch_under(i, (s)->n, (s)->cap, miss)

#define hak_arch_push_set(s, i, p)						\
do {										\
	(s)->slot[i] = (p);							\
	hak_arch_inc((s)->n, i);						\
} while (0)

#define hak_arch_room(_cpu, c, i, miss)						\
do {										\
	(_cpu).set = hak_arch_set(_cpu, c);					\
	hak_arch_room_set((_cpu).set, i, miss);					\
} while (0)

#define hak_arch_push(cpu, c, i, p) hak_arch_push_set((cpu).set, i, p)

/* Without exception-table tricks the directory vouches for the slab page first. */
#define hak_arch_tag_differs(c, mark, p, bad)					\
do {										\
	hak_arch_foreign(p, mark, bad);						\
	if (unlikely(hak_tag(mark, p) != (c)))					\
		goto bad;							\
} while (0)

#define hak_arch_unmark(p) WRITE_ONCE(*(unsigned long *)(p), 0)
#define hak_arch_keep(p) barrier()

#define hak_arch_behind(c, at) (&hak_arch_this_cpu(hak_percpu((void *)(c) + (at)))->task)
#define hak_arch_pop_behind(c, at, p, miss)					\
do {										\
	struct hak_set *__b = hak_arch_behind(c, at);				\
										\
	hak_arch_pop_set(__b, p, miss);						\
} while (0)
#define hak_arch_room_behind(c, at, i, miss)					\
do {										\
	struct hak_set *__b = hak_arch_behind(c, at);				\
										\
	hak_arch_under(i, __b->n, __b->slots, miss);				\
} while (0)
#define hak_arch_push_behind(c, at, i, p)					\
do {										\
	struct hak_set *__b = hak_arch_behind(c, at);				\
										\
	hak_arch_push_set(__b, i, p);						\
} while (0)

/* Of @p in a SuperSlab: what lies behind that may be no memory. */
#define hak_arch_word_differs(p, off, is, bad)					\
do {										\
	if (unlikely(((unsigned long)(p) & ((1UL << HAK_SS_SHIFT) - 1)) + (off) >= \
		     1UL << HAK_SS_SHIFT || hak_arch_peek((void *)(p) + (off)) != (is))) \
		goto bad;							\
} while (0)

/* @i is @n, or go to @miss unless that is under @cap. */
#ifndef hak_arch_under
#define hak_arch_under(i, n, cap, miss)						\
do {										\
	(i) = (u8)(n);								\
	if (unlikely((i) >= (cap)))						\
		goto miss;							\
} while (0)
#endif

#ifndef hak_arch_below
/* @i is @n less one, or go to @miss if that is 0. */
#define hak_arch_below(i, n, miss)						\
do {										\
	(i) = (u8)(n);								\
	if (unlikely((i)-- == 0))						\
		goto miss;							\
} while (0)

/* @n, which is @i, goes up by one. */
#define hak_arch_inc(n, i) ((n) = (i) + 1)

/* Go to @bad if the object at @p carries @mark. */
#define hak_arch_marked(p, mark, bad)						\
do {										\
	if (unlikely(hak_arch_peek(p) == (mark)))		\
		goto bad;							\
} while (0)
#endif

#endif /* _LINUX_HAKMEM_ARCH_GENERIC_H */
