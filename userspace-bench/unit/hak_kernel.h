/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of kunit/ take from the kernel beyond what the core does.
 *
 * A kernel thread is a pthread with a CPU of its own: binding it to one is not needed. Nobody
 * waits for a completion but the thread that started the others.  So waiting is joining every one
 * of them.  When it returns they have drained what they held.
 */
#ifndef _HAK_KERNEL_H
#define _HAK_KERNEL_H

#include <sched.h>
#include <unistd.h>

#include "hak_shim.h"

/* A check of the suites that a constant folds: by error, where there is an optimiser. */
#undef BUILD_BUG_ON
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define BUILD_BUG_ON(c)							\
do {										\
	extern void build_bug(void) __attribute__((error("BUILD_BUG_ON: " #c))); \
										\
	if (c)									\
		build_bug();							\
} while (0)
#else
#define BUILD_BUG_ON(c)		((void)(c))
#endif

#define __noreturn		__attribute__((noreturn))
#define IS_ALIGNED(x, a)	(!((x) & ((a) - 1)))
#define MAX_ERRNO		4095
#define ERR_PTR(err)		((void *)(long)(err))
#define IS_ERR(p)		((unsigned long)(p) >= -(unsigned long)MAX_ERRNO)
void *memchr_inv(const void *p, int c, size_t n);	/* first byte that differs, or NULL */

/* Contexts */
#define yield()			sched_yield()
#define mdelay(ms)		((void)(ms))
#define HZ			1UL
#define time_before(a, b)	((long)((a) - (b)) < 0)
#define rcu_read_lock()		barrier()
#define rcu_read_unlock()	barrier()
#define local_irq_disable()	preempt_disable()
#define local_irq_enable()	preempt_enable()
#define get_completed_synchronize_rcu() 0UL
#define fs_reclaim_acquire(gfp)	((void)(gfp))
#define fs_reclaim_release(gfp)	((void)(gfp))
#define memalloc_nofs_save()	0U
#define memalloc_nofs_restore(f) ((void)(f))
#define flush_workqueue(q)	((void)(q))
#define msleep(ms)		usleep((ms) * 1000)
extern __thread int unit_pinned;	/* migrate.c does not move this thread while above 0 */
#define migrate_disable()	((void)unit_pinned++)
#define migrate_enable()	((void)unit_pinned--)

/* Threads */
typedef struct { int counter; } atomic_t;
#define atomic_read(a)		READ_ONCE((a)->counter)
#define atomic_set(a, v)	WRITE_ONCE((a)->counter, v)
#define atomic_inc_return(a)	__atomic_add_fetch(&(a)->counter, 1, __ATOMIC_SEQ_CST)
#define atomic_inc(a)		((void)atomic_inc_return(a))
#define atomic_dec_and_test(a)	(!__atomic_sub_fetch(&(a)->counter, 1, __ATOMIC_SEQ_CST))
typedef pthread_mutex_t spinlock_t;
#define spin_lock_init(l)	pthread_mutex_init(l, NULL)
#define spin_lock(l)		pthread_mutex_lock(l)
#define spin_unlock(l)		pthread_mutex_unlock(l)
struct task_struct;
struct completion { };
#define kthread_create(fn, arg, ...) unit_thread_create(fn, arg)
#define kthread_bind(task, cpu)	((void)(cpu))
#define wake_up_process(task)	unit_thread_start(task)
#define init_completion(c)	((void)(c))
#define complete(c)		((void)(c))
#define wait_for_completion(c)	unit_threads_join()
struct task_struct *unit_thread_create(int (*fn)(void *), void *arg);
void unit_thread_start(struct task_struct *task);
void unit_threads_join(void);
#define cpu_online_mask		0U
#define cpumask_first(mask)	(mask)
#define cpumask_next(cpu, mask)	((cpu) + 1)
#define cpumask_any_but(mask, cpu) ((cpu) + 1)
#define num_online_nodes()	1

/* Memory: watched.c stands between the core and the next allocator */
#define GFP_ATOMIC		__GFP_HIGH
#define GFP_NOIO		GFP_NOWAIT
#define GFP_NOFS		GFP_NOWAIT
#define __GFP_ACCOUNT		0U
#define __GFP_HIGHMEM		0U
#define __GFP_MOVABLE		0U
#define __GFP_RECLAIMABLE	0U
#define PAGE_OFFSET		((unsigned long)shim_arena)
#define high_memory		((void *)(shim_arena + SHIM_SS_BYTES + SHIM_SMALL_BYTES))
#define page_ref_inc(page)	page_ref_add(page, 1)
#define page_ref_dec(page)	page_ref_sub(page, 1)
void unit_watch_start(void);
struct unit_task { unsigned int fail_nth; };
extern __thread struct unit_task unit_current;
#define current (&unit_current)		/* fail_nth: the so-manieth allocation of it fails */

unsigned long get_random_long(void);

#endif /* _HAK_KERNEL_H */
