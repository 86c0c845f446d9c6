/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the core takes from the kernel, as a user-space program has it.
 *
 * A CPU is a slot of memory that one thread at a time is bound to (os/os_cpu.c).  An object of
 * DEFINE_PER_CPU() or alloc_percpu() is an offset into every slot.  Slot 0 is nobody's: it keeps
 * what a new CPU begins with.  A thread that is not bound yet sees shim_nowhere, all zero.  Its
 * sets have neither objects nor room, so that every call leaves the inlined path.  The core binds
 * the thread when it looks at a set.
 *
 * There are no interrupts: one level, no protection to take.  With SHIM_PREEMPT (tests)
 * preemption is counted, and a thread may change its CPU wherever it is on.
 */
#ifndef _HAK_SHIM_H
#define _HAK_SHIM_H

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>

#include "port/hak_guard.h"

/*
 * Hidden, so that position-independent code reaches these without a table.  The library's
 * own files (SHIM_LIBRARY) keep that to their end; a client's next header is none of ours.
 */
#pragma GCC visibility push(hidden)

#ifndef SHIM_HARDENED
#define SHIM_HARDENED 1			/* hardened= is fixed when the library is built */
#endif
#ifndef SHIM_PREEMPT
#define SHIM_PREEMPT 0
#endif

/* Types and words */
typedef __u64 u64;
typedef __u32 u32;
typedef __u16 u16;
typedef __u8 u8;
typedef __s8 s8;
typedef unsigned int gfp_t, slab_flags_t;
#define __percpu
#define __read_mostly
#define noinline		__attribute__((noinline))
#undef __always_inline
#define __always_inline		inline __attribute__((always_inline))
#define __maybe_unused		__attribute__((unused))
#define __printf(a, b)		__attribute__((format(printf, a, b)))
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define barrier()		__asm__ volatile("" : : : "memory")
#if defined(__x86_64__)
#define cpu_relax()		__builtin_ia32_pause()
#elif defined(__aarch64__)
#define cpu_relax()		__asm__ volatile("yield" : : : "memory")
#else
#define cpu_relax()		barrier()
#endif
#define OPTIMIZER_HIDE_VAR(v)	__asm__("" : "+r" (v))
#ifdef __SANITIZE_THREAD__
/* As the kernel's KCSAN has it: a plain write beside a marked read is no race. */
#define READ_ONCE(x)		((__typeof__(x))shim_read_once(&(x), sizeof(x)))
__attribute__((__noinline__, no_sanitize("thread"), unused))
static u64 shim_read_once(const volatile void *p, size_t size)
{
	return size == 8 ? *(const volatile u64 *)p : size == 4 ? *(const volatile u32 *)p :
	       size == 2 ? *(const volatile u16 *)p : *(const volatile u8 *)p;
}
#else
#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#endif
#define data_race(x)		(x)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_wmb()		__atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define xchg(p, v)		__atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define try_cmpxchg(p, old, v)	__atomic_compare_exchange_n(p, old, v, false, __ATOMIC_SEQ_CST, \
							    __ATOMIC_RELAXED)
#define struct_size(p, m, n)	(sizeof(*(p)) + sizeof((p)->m[0]) * (n))
#define container_of(p, type, m) ((type *)((char *)(p) - offsetof(type, m)))
#define static_assert(x)	_Static_assert(x, #x)
#define BUILD_BUG_ON(x)		_Static_assert(!(x), #x)
#define IS_ENABLED(option)	0
#define shim_pick(a, op, b)	\
	({ __typeof__(a) __a = (a); __typeof__(b) __b = (b); __a op __b ? __a : __b; })
#define min(a, b)		shim_pick(a, <, b)
#define max(a, b)		shim_pick(a, >, b)
#define min_t(t, a, b)		min((t)(a), (t)(b))
#define max_t(t, a, b)		max((t)(a), (t)(b))
#define clamp_t(t, v, lo, hi)	min_t(t, max_t(t, v, lo), hi)
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define ALIGN(x, a)		(((x) + (a) - 1) & -(__typeof__(x))(a))
#define round_up(x, a)		ALIGN(x, a)
#define round_down(x, a)	((x) & -(__typeof__(x))(a))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define DIV_ROUND_UP_ULL	DIV_ROUND_UP
#define MODULE_INFO(tag, info)	_Static_assert(1, info)
#define THIS_MODULE		((struct module *)NULL)
#define try_module_get(m)	((void)(m), true)
#define module_put(m)		((void)(m))
#define _RET_IP_		((unsigned long)__builtin_return_address(0))
#define hak_keep_frame()	((void)0)	/* those of the library are no clients' */
#define panic(...)		(pr_err(__VA_ARGS__), abort())
#define WARN_ON_ONCE(c)		((void)(c))
#define WARN_ONCE(c, ...)	((c) ? pr_err(__VA_ARGS__) : (void)0)
#define scnprintf(b, n, ...)	min_t(int, snprintf(b, n, __VA_ARGS__), (int)(n) - 1)
#define vscnprintf(b, n, f, a)	min_t(int, vsnprintf(b, n, f, a), (int)(n) - 1)
#define strscpy(d, s, n)	snprintf(d, n, "%s", s)
#define sort(b, n, s, cmp, x)	qsort(b, n, s, cmp)
void __printf(1, 2) pr_err(const char *fmt, ...);	/* one write to standard error */
extern bool shim_abort;			/* after the report of a bad free */
extern __thread const char *shim_call;	/* what found it, or NULL: a free */
struct module;

/* Static keys: constants, so that what they turn off is not there at all */
struct shim_key { bool on; };
#define shim_key(k, on)			static const struct shim_key k __maybe_unused = { on }
#define DECLARE_STATIC_KEY_TRUE(k)	shim_key(k, SHIM_HARDENED)
#define DECLARE_STATIC_KEY_FALSE(k)	shim_key(k, false)
#define DEFINE_STATIC_KEY_TRUE(k)	_Static_assert(1, #k)
#define DEFINE_STATIC_KEY_FALSE(k)	_Static_assert(1, #k)
#define static_branch_likely(k)		likely((k)->on)
#define static_branch_unlikely(k)	unlikely((k)->on)

#define min_not_zero(a, b)	({ __typeof__(a) __x = (a), __y = (b);			\
				   !__x ? __y : !__y ? __x : min(__x, __y); })
static inline int kstrtoul(const char *text, unsigned int base, unsigned long *v)
{
	char *end;

	*v = strtoul(text, &end, base);
	return end == text || *end || *text == '-' ? -EINVAL : 0;
}
#define swap(a, b)		do { __typeof__(a) __t = (a); (a) = (b); (b) = __t; } while (0)

/* Bits */
#define BITS_PER_LONG		64
#define BITS_TO_LONGS(n)	(((n) + 63) / 64)
#define ror64(v, n)		((u64)(v) >> ((n) & 63) | (u64)(v) << (-(n) & 63))
#define __ffs(x)		((unsigned int)__builtin_ctzl(x))
#define hweight_long(x)		((unsigned int)__builtin_popcountl(x))
#define __fls(x)		(63U - (unsigned int)__builtin_clzl(x))
#define is_power_of_2(x)	((x) && !((x) & ((x) - 1)))
#define __set_bit(i, b)		((b)[(i) / 64] |= 1UL << (i) % 64)
#define __clear_bit(i, b)	((b)[(i) / 64] &= ~(1UL << (i) % 64))
#define test_bit(i, b)		(READ_ONCE((b)[(i) / 64]) >> (i) % 64 & 1)
#ifdef __x86_64__
static inline __attribute__((always_inline)) bool __test_and_set_bit(long i, unsigned long *b)
{
	bool was;

	asm("bts %2,%1" : "=@ccc" (was), "+m" (*(unsigned long (*)[])b) : "Jr" (i));
	return was;
}
#else
#define __test_and_set_bit(i, b) ({ bool __was = test_bit(i, b); __set_bit(i, b); __was; })
#endif
#define bitmap_zero(b, n)	memset(b, 0, BITS_TO_LONGS(n) * 8)
#define bitmap_set(b, i, n)	({ for (u32 __i = (i); __i < (i) + (n); __i++) __set_bit(__i, b); })
#define bitmap_weight(b, n)						\
	({ u32 __w = 0; for (u32 __i = 0; __i < (n); __i++) __w += test_bit(__i, b); __w; })
#define find_next_bit(b, n, i)							\
	({ u32 __i = (i); while (__i < (n) && !test_bit(__i, b)) __i++; __i; })
#define find_first_bit(b, n)	find_next_bit(b, n, 0)
#define for_each_set_bit(i, b, n) for ((i) = 0; (i) < (n); (i)++) if (!test_bit(i, b)) ; else

/* Lists */
struct list_head { struct list_head *next, *prev; };
struct llist_node { struct llist_node *next; };
struct llist_head { struct llist_node *first; };
#define LIST_HEAD(l)		struct list_head l = { &l, &l }
#define LLIST_HEAD(l)		struct llist_head l
#define INIT_LIST_HEAD(l)	((l)->next = (l)->prev = (l))
#define list_entry(p, t, m)	container_of(p, t, m)
#define list_first_entry(h, t, m) list_entry((h)->next, t, m)
#define list_last_entry(h, t, m) list_entry((h)->prev, t, m)
#define list_first_entry_or_null(h, t, m) ((h)->next == (h) ? NULL : list_first_entry(h, t, m))
#define list_for_each_entry(p, h, m)						\
	for (p = list_first_entry(h, __typeof__(*p), m); &p->m != (h);		\
	     p = list_entry(p->m.next, __typeof__(*p), m))
#define list_for_each_entry_safe(p, n, h, m)					\
	for (p = list_first_entry(h, __typeof__(*p), m);			\
	     n = list_entry(p->m.next, __typeof__(*p), m), &p->m != (h); p = n)
#define llist_for_each_entry_safe(p, n, l, m)					\
	for (p = container_of(l, __typeof__(*p), m);				\
	     (unsigned long)p + offsetof(__typeof__(*p), m) &&			\
	     (n = container_of(p->m.next, __typeof__(*p), m), true); p = n)
static inline void list_add(struct list_head *n, struct list_head *h)
{
	*n = (struct list_head){ h->next, h };
	h->next = h->next->prev = n;
}
#define list_del_init(n) ({ struct list_head *__n = (n);			\
	__n->next->prev = __n->prev; __n->prev->next = __n->next; INIT_LIST_HEAD(__n); })
#define list_del(n)		list_del_init(n)
#define list_add_tail(n, h)	list_add(n, (h)->prev)
#define list_empty(h)		((h)->next == (h))
#define list_splice(l, h) ({ struct list_head *__l = (l), *__h = (h); if (!list_empty(__l)) { \
	__l->prev->next = __h->next; __h->next->prev = __l->prev;		\
	__l->next->prev = __h; __h->next = __l->next; } })
#define list_move(n, h)		({ list_del(n); list_add(n, h); })
#define list_move_tail(n, h)	({ list_del(n); list_add_tail(n, h); })
#define llist_empty(h)		(!READ_ONCE((h)->first))
#define llist_del_all(h)	xchg(&(h)->first, NULL)
static inline bool llist_add(struct llist_node *n, struct llist_head *h)
{
	struct llist_node *first = READ_ONCE(h->first);

	/* Once it is there, it may be taken and gone. */
	do
		n->next = first;
	while (!try_cmpxchg(&h->first, &first, n));
	return !first;
}

/* CPUs: os/os_cpu.c */
#define SHIM_CPUS	32768		/* slot 0, and one for each thread at a time */
#define SHIM_SLOT	SHIM_DYNAMIC	/* bytes of a slot */
#define SHIM_DYNAMIC	(128 << 10)	/* bytes of alloc_percpu() in each slot */
#define SHIM_STATIC_AT	2048		/* where those of DEFINE_PER_CPU() lie, behind handle 0 */
struct shim_cpu { char *base; int locks, tid, next; };
struct hak_cache;
extern struct shim_cpu *shim_cpu;
extern int nr_cpu_ids;			/* slots there are, 0 included */
extern char __start_shim_percpu[], __stop_shim_percpu[];
extern const char shim_nowhere[];
extern __thread const char *shim_base;	/* this thread's slot, or shim_nowhere */
extern __thread int shim_cpu_nr;	/* and its number, or 0 */
extern __thread int shim_count;		/* SHIM_PREEMPT: how often preemption is off */
extern __thread bool shim_dying;	/* shim_bound() cannot know when this thread ends */
extern __thread bool shim_quiesced;	/* nobody else is inside: work may be done in their stead */
extern void (*shim_cpu_up)(int cpu);	/* a slot is there for the first time */
extern void (*shim_drain)(int cpu);	/* empty the sets of a CPU that has just gone */
extern void (*shim_bound)(void);	/* this thread has just got one */
char *shim_bind(void);			/* bind this thread; its slot */
bool shim_enter(void);			/* likewise, or true: one slot of all, for a while */
void shim_leave(bool borrowed);		/* what that said */
void shim_unbind(void);			/* drain its slot and give it up */
void shim_bury(void);			/* the slots of those that freed after that; no lock held */
void shim_preempted(void);		/* SHIM_PREEMPT: preemption came on again */
void shim_fork(bool begin);		/* before a fork, and after it on both sides */
void shim_alone(void);			/* within that, in the child: no other thread has a CPU */
void shim_fork_spare(bool begin);	/* around that, before any other lock */
void *shim_alloc_percpu(size_t size);	/* zeroed in every slot */
void shim_free_percpu(size_t at, size_t size);
static inline char *shim_slot(void)
{
	return likely(shim_base != shim_nowhere) ? (char *)shim_base : shim_bind();
}
/* A handle is an offset; a variable has a copy at its place in the section. */
#define shim_offset(p) _Generic((p), struct hak_cache *: (unsigned long)(p),	\
	default: (unsigned long)(p) - (unsigned long)__start_shim_percpu + SHIM_STATIC_AT)
#define DEFINE_PER_CPU(t, name)		__attribute__((section("shim_percpu"))) t name
#define DECLARE_PER_CPU(t, name)	extern t name
#define alloc_percpu(t)			((t *)shim_alloc_percpu(sizeof(t)))
#define free_percpu(p)			shim_free_percpu((size_t)(p), sizeof(*(p)))
#define raw_cpu_ptr(p)			((__typeof__(p))(shim_slot() + shim_offset(p)))
#define per_cpu_ptr(p, cpu)		((__typeof__(p))(shim_cpu[cpu].base + shim_offset(p)))
#define raw_cpu_read(v)			(*raw_cpu_ptr(&(v)))
#define __this_cpu_read(v)		(*raw_cpu_ptr(&(v)))
#define __this_cpu_inc(v)		((*raw_cpu_ptr(&(v)))++)
#define __this_cpu_dec(v)		((*raw_cpu_ptr(&(v)))--)
#define for_each_possible_cpu(c)	for ((c) = 0; (c) < READ_ONCE(nr_cpu_ids); (c)++)
#define for_each_online_cpu(c)		for_each_possible_cpu(c) if (cpu_online(c))
#define cpu_online(c)		((void)(c), true)	/* one nobody has is empty: shim_unbind() */
#define raw_smp_processor_id()	shim_cpu_nr
#define cpus_read_lock()		barrier()
#define cpus_read_unlock()		barrier()
#if SHIM_PREEMPT
#define preempt_disable()		do { shim_count++; barrier(); } while (0)
#define preempt_enable()	do { barrier(); if (!--shim_count) shim_preempted(); } while (0)
#else
#define preempt_disable()		((void)0)
#define preempt_enable()		((void)0)
#endif
enum { NMI_MASK = 0, HARDIRQ_MASK = 0, SOFTIRQ_OFFSET = 0 };
#define preempt_count()			0U
#define __preempt_count_sub(n)		barrier()
#define preemptible()			true
#define in_nmi()			false
#define local_bh_disable()		preempt_disable()
#define local_bh_enable()		preempt_enable()
#define local_irq_save(f)		({ (f) = 0; preempt_disable(); })
#define local_irq_restore(f)		({ (void)(f); preempt_enable(); })
#define might_sleep()			barrier()
#define cond_resched()			barrier()
#define might_alloc(gfp)		((void)(gfp))
#define lockdep_assert_irqs_disabled()	barrier()
#define lockdep_assert_preemption_disabled() barrier()
#define in_softirq()			false
#define irqs_disabled()			false
#define cache_line_size()		64U

/* Locks: os/os_cpu.c.  A thread that forks keeps all others out of them. */
typedef struct hak_capability("lock") { int held; } raw_spinlock_t;
typedef struct { long counter; } atomic_long_t;
struct hak_capability("mutex") mutex { pthread_mutex_t m; };
void raw_spin_lock(raw_spinlock_t *l);
void raw_spin_unlock(raw_spinlock_t *l);
#define DEFINE_RAW_SPINLOCK(l)	raw_spinlock_t l
#define raw_spin_lock_init(l)	((l)->held = 0)
#define DEFINE_MUTEX(n)		struct mutex n = { PTHREAD_MUTEX_INITIALIZER }
static inline void mutex_lock(struct mutex *x) hak_takes(x) hak_unchecked("in pthread")
{
	pthread_mutex_lock(&x->m);
}
static inline void mutex_unlock(struct mutex *x) hak_drops(x) hak_unchecked("in pthread")
{
	pthread_mutex_unlock(&x->m);
}
static inline bool mutex_trylock(struct mutex *x) hak_tries(x) hak_unchecked("in pthread")
{
	return !pthread_mutex_trylock(&x->m);
}
#define atomic_long_read(a)	READ_ONCE((a)->counter)
#define atomic_long_or(n, a)	((void)__atomic_fetch_or(&(a)->counter, n, __ATOMIC_RELAXED))
#define atomic_long_add(n, a)	((void)__atomic_fetch_add(&(a)->counter, n, __ATOMIC_RELAXED))
#define atomic_long_add_return(n, a) __atomic_add_fetch(&(a)->counter, n, __ATOMIC_SEQ_CST)
#define atomic_long_xchg(a, n)	__atomic_exchange_n(&(a)->counter, n, __ATOMIC_SEQ_CST)
#define atomic_long_read_acquire(a) smp_load_acquire(&(a)->counter)
#define atomic_long_add_return_release(n, a) \
	((void)__atomic_fetch_add(&(a)->counter, n, __ATOMIC_RELEASE))
/* Another for each new slab, and the same ones in each run. */
#define hak_order_seed() \
	({ static u64 __seed; \
	   __atomic_add_fetch(&__seed, 0x9e3779b97f4a7c15, __ATOMIC_RELAXED); })
#define synchronize_rcu()	__atomic_thread_fence(__ATOMIC_SEQ_CST)	/* see __free_pages() */
#define synchronize_rcu_expedited() synchronize_rcu()
struct rcu_head { struct rcu_head *next; void (*func)(struct rcu_head *head); };
#define get_state_synchronize_rcu() 0UL
#define start_poll_synchronize_rcu() ({ synchronize_rcu(); 0UL; })
#define poll_state_synchronize_rcu(gp) ((void)(gp), !READ_ONCE(shim_readers))
struct hak_gp_state { unsigned long nothing; };
#define get_state_synchronize_rcu_full(gp) ((void)((gp)->nothing = 0))
#define poll_state_synchronize_rcu_full(gp) poll_state_synchronize_rcu((gp)->nothing)
extern int shim_readers;		/* a test's: no grace period is over */
#define smp_rmb()		__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define DECLARE_WAIT_QUEUE_HEAD(q) int q __maybe_unused	/* nobody waits */
#define wait_event_timeout(q, c, t)	((void)(t), (c) || (sched_yield(), (c)))
#define wake_up(q)			barrier()

/* Work: done by whoever queues it.  What is meant for later or for idle times is not done. */
struct work_struct {
	void (*fn)(struct work_struct *w);
	int running;			/* shim_generation of who runs it, or another value */
	bool pending;			/* who runs it does so once more */
};
struct delayed_work { struct work_struct work; };
struct irq_work { void (*fn)(struct irq_work *w); int queued; };
struct shrink_control { unsigned long nr_to_scan, nr_scanned; };
struct workqueue_struct;
struct shrinker;
enum cpuhp_state { CPUHP_AP_ONLINE_DYN };
void shim_work(struct work_struct *w);
bool shim_work_busy(struct work_struct *w);
extern __thread struct work_struct *shim_working;	/* what this thread does for now */
#define current_work()			shim_working
struct lockdep_map { char unused; };
#define hak_lock_map(name)		struct lockdep_map name __maybe_unused
#define lock_map_acquire(map)		((void)(map))
#define lock_map_release(map)		((void)(map))
void flush_work(struct work_struct *w);
void queue_work_on(int cpu, struct workqueue_struct *q, struct work_struct *w);
#define HAK_WQ_FLAGS		0
#define SHRINK_STOP		(~0UL)
#define DECLARE_WORK(w, f)	struct work_struct w = { .fn = f }
#define INIT_WORK_ONSTACK(w, f)	(*(w) = (struct work_struct){ .fn = f })
#define INIT_DEFERRABLE_WORK(d, f) ((d)->work.fn = (f))
#define to_delayed_work(w)	container_of(w, struct delayed_work, work)
#define alloc_workqueue(...)	((struct workqueue_struct *)&nr_cpu_ids)
#define work_busy(w)		shim_work_busy(w)
#define WORK_BUSY_RUNNING	(~0)
#define destroy_workqueue(q)	((void)(q))
#define destroy_work_on_stack(w) ((void)(w))
#define hak_queue_any(q, w)	shim_work(w)
#define queue_work(q, w)	shim_work(w)
#define hak_cpu_isolated(cpu)	((void)(cpu), false)
#define hak_work_cpu()		raw_smp_processor_id()
#define DECLARE_DELAYED_WORK(d, f) struct delayed_work d = { .work.fn = f }
/* What waits for a grace period is asked for again by whoever waits for it. */
#define hak_queue_any_delayed(q, d, t)	\
	(READ_ONCE(shim_readers) ? (void)0 : (void)shim_work(&(d)->work))
#define hak_hurry_any(q, d)	shim_work(&(d)->work)
#define cancel_work_sync(w)	((void)(w))
#define queue_delayed_work_on(c, q, d, t)	((void)(d), (void)(t))
#define mod_delayed_work_on(c, q, d, t)		((void)(d))
#define cancel_delayed_work_sync(d)		((void)(d))
#define round_jiffies_relative(j)		(j)
#define msecs_to_jiffies(ms)			((unsigned long)(ms))
#define jiffies					0UL
#define time_after_eq(a, b)			((long)((a) - (b)) >= 0)
#define cpuhp_setup_state(s, n, up, down)	((void)(up), (void)(down), 0)
#define cpuhp_remove_state(s)			((void)(s))
#define hak_shrinker_register(c, s)	((void)(c), (void)(s), (struct shrinker *)&nr_cpu_ids)
#define hak_shrinker_unregister(s)		((void)(s))
#define init_irq_work(w, f)	((w)->fn = (f))
#define irq_work_queue(w)	WRITE_ONCE((w)->queued, 1)
#define irq_work_is_busy(w)	READ_ONCE((w)->queued)
#define irq_work_sync(w)	do { if (xchg(&(w)->queued, 0)) (w)->fn(w); } while (0)

/* Memory: one node; pages from the arena (os/os_pages.c), the rest from the next allocator */
enum {
	GFP_NOWAIT = 8, GFP_KERNEL = 12, __GFP_RECLAIM = 12, __GFP_DIRECT_RECLAIM = 4,
	__GFP_KSWAPD_RECLAIM = 8,
	__GFP_ZERO = 16, __GFP_THISNODE = 32, __GFP_DMA = 0, __GFP_DMA32 = 0, __GFP_IO = 0,
	__GFP_FS = 0, __GFP_HIGH = 0, __GFP_COMP = 0, __GFP_NOWARN = 0, __GFP_NORETRY = 0,
	__GFP_NOFAIL = 0, __GFP_MEMALLOC = 0, __GFP_NOMEMALLOC = 0, __GFP_RETRY_MAYFAIL = 0,
	SLAB_HWCACHE_ALIGN = 1, SLAB_TYPESAFE_BY_RCU = 2, SLAB_ACCOUNT = 4, SLAB_PANIC = 8,
	SLAB_RECLAIM_ACCOUNT = 0, SLAB_CACHE_DMA = 16, SLAB_CACHE_DMA32 = 32,
	NUMA_NO_NODE = -1, MAX_NUMNODES = 1, nr_node_ids = 1, N_MEMORY = 0,
};
#define gfpflags_allow_blocking(gfp) ((void)(gfp), true)
#define ZERO_SIZE_PTR		((void *)16)
#define ZERO_OR_NULL_PTR(p)	((unsigned long)(p) <= 16)
#define PAGE_SHIFT		12
#define PAGE_ALIGN(n)		ALIGN(n, PAGE_SIZE)
#define PAGE_SIZE		(1UL << PAGE_SHIFT)
#define numa_node_id()		0
#define num_node_state(s)	1
#define node_state(n, s)	((void)(n), true)
#define node_distance(a, b)	((a) != (b))
#define for_each_node(n)	for ((n) = 0; (n) < 1; (n)++)
#define for_each_online_node	for_each_node
#define for_each_node_state(n, s) for_each_node(n)
#define SHIM_SS_BYTES		(32UL << 30)	/* of SuperSlabs */
#define SHIM_SS_SHIFT		21		/* of the size of each */
#define SHIM_SMALL_BYTES	(2UL << 30)	/* of smaller blocks, behind them */
struct page { int refs; u32 next; };
struct shim_next { void *(*malloc)(size_t), *(*calloc)(size_t, size_t), *(*realloc)(void *, size_t),
	*(*memalign)(size_t, size_t); void (*free)(void *); size_t (*usable)(void *);
	int (*trim)(size_t), (*info)(int, FILE *), (*mallopt)(int, int);
	struct mallinfo2 (*mallinfo2)(void); void (*stats)(void); };
extern struct shim_next shim_next;
extern struct page *shim_pages;
extern char *shim_arena;
/*
 * Where SuperSlabs are: addresses that are @base in the bits of @mask, which has the lowest three.
 * Both change while others read them, see window_widen().
 */
struct shim_window { unsigned long mask, base; };
extern struct shim_window shim_window;
#ifdef __SANITIZE_THREAD__
#define shim_window_read(field)	READ_ONCE(shim_window.field)
#else
#define shim_window_read(field)	(shim_window.field)
#endif
static inline bool shim_in_window(const void *p)
{
	return ((unsigned long)p & (READ_ONCE(shim_window.mask) & ~7UL)) ==
	       READ_ONCE(shim_window.base);
}
enum shim_part {
	SHIM_PART_CPUS, SHIM_PART_SLOTS, SHIM_PART_RUN_MAP, SHIM_PART_RUNS, SHIM_NR_PARTS
};
#define SHIM_RUN_BYTES		(64UL << 30)	/* of malloc()'s runs: 16 bytes of map a page */
int shim_arena_init(void);			/* 0 or -ENOMEM, like the next two */
int shim_cpus_init(void);
int shim_pages_init(void);
char *shim_part(enum shim_part part);		/* where it begins */
bool shim_part_reach(enum shim_part part, size_t bytes);	/* so many of it can be used */
/* SuperSlabs and smaller blocks nobody had yet, in pages: where, or 0.  [page_lock] */
u32 shim_fresh_ss(void);
u32 shim_fresh_small(u32 pages);
bool shim_ss_open(void *base);			/* may be written to, or false */
void shim_ss_close(void *base);			/* reads as 0, and costs nothing */
bool shim_is_mapped(const void *p);		/* in the arena, and may be read */
struct page *alloc_pages_node(int nid, gfp_t gfp, unsigned int order);
void __free_pages(struct page *page, unsigned int order);
void shim_pages_drop(struct page *page, unsigned int order);	/* its memory, not its place */
void shim_pages_leave(struct page *page, unsigned int order);	/* likewise, unless it stays warm */
void shim_ss_put(void *base);		/* nobody has the SuperSlab, and it is closed */
/* os_warm.c: nobody has it, and it is to stay open? One that is, or NULL.  There was none. */
bool shim_warm_put(void *base);
void *shim_warm_take(void);
void shim_warm_missed(void *base);
void shim_warm_look(bool all);		/* those nobody wanted since the last time go, or all */
unsigned long shim_warm_pages(void);
extern int shim_warm_off;		/* as long as it is not 0 none is kept */
void shim_memory_drop(void *at, size_t bytes);	/* likewise: it reads as 0 */
#define kzalloc(n, gfp)		((void)(gfp), shim_next.calloc(1, n))
#define kcalloc(n, s, gfp)	shim_next.calloc(n, s)
#define kvcalloc(n, s, gfp)	shim_next.calloc(n, s)
#define kvmalloc_array(n, s, gfp) shim_next.calloc(n, s)
void *kmalloc(size_t n, gfp_t gfp);	/* aligned as @n is, up to a page */
#define get_zeroed_page(gfp)	((unsigned long)shim_next.calloc(1, PAGE_SIZE))
#define free_page(p)		shim_next.free((void *)(p))
#define kfree(p)		shim_next.free((void *)(p))
#define kvfree(p)		kfree(p)
#define ksize(p)		shim_next.usable((void *)(p))
#define PFN_PHYS(pfn)		((pfn) << PAGE_SHIFT)
#define PFN_DOWN(phys)		((phys) >> PAGE_SHIFT)
#define __pa(virt)		((unsigned long)(virt) - (unsigned long)shim_arena)
#define __va(phys)		((void *)(shim_arena + (phys)))
#define node_end_pfn(n)		((SHIM_SS_BYTES + SHIM_SMALL_BYTES) >> PAGE_SHIFT)
#define virt_to_page(p)		(&shim_pages[((const char *)(p) - shim_arena) >> PAGE_SHIFT])
#define page_address(page)	((void *)(shim_arena + ((page) - shim_pages) * PAGE_SIZE))
#define page_to_nid(page)	((void)(page), 0)
#define virt_to_head_page(p)	virt_to_page(p)
#define page_ref_count(page)	READ_ONCE((page)->refs)
#define page_ref_add(page, n)	((page)->refs += (n))
#define page_ref_sub(page, n)	((page)->refs -= (n))
#define page_pgdat(page)	(page)
#define mod_node_page_state(g, i, n) ((void)(g), (void)(n))

#include "hak_arch_user.h"

#ifndef SHIM_LIBRARY
#pragma GCC visibility pop
#endif

#endif /* _HAK_SHIM_H */
