/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Everything the core takes from the kernel, and every difference between the
 * kernels it runs on.
 *
 * The files of tiny/ and superslab/ include this and the public headers, and
 * nothing from <linux/> themselves; no other file tests a kernel version.
 */
#ifndef _HAK_COMPAT_H
#define _HAK_COMPAT_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/oom.h>
#include <linux/page_ref.h>
#include <linux/percpu.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/isolation.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/spinlock.h>
#include <linux/stacktrace.h>
#include <linux/string.h>
#include <linux/swap.h>
#include <linux/topology.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
/* sparse does not know the question. */
#ifndef __CHECKER__
#if __has_include("linux/annotate.h")
#include <linux/annotate.h>
#endif
#endif

#ifdef CONFIG_FAULT_INJECTION
#include <linux/fault-inject.h>
#endif

/* For what is on the stack and written before it is read: the kernel need not fill it with 0. */
#if __has_attribute(uninitialized)
#define hak_uninit __attribute__((uninitialized))
#else
#define hak_uninit
#endif

#ifdef CONFIG_KPROBES
#include <linux/kprobes.h>
#else
#ifndef NOKPROBE_SYMBOL
#define NOKPROBE_SYMBOL(fname)
#endif
#endif

/* The namespace argument became a string in 6.13. */
#if PAGE_SHIFT != 12
#error "hakmem needs a kernel with pages of 4 KiB"
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define HAK_EXPORT(sym) EXPORT_SYMBOL_NS_GPL(sym, "HAKMEM")
#define HAK_EXPORT_INTERNAL(sym) EXPORT_SYMBOL_NS_GPL(sym, "HAKMEM_INTERNAL")
#else
#define HAK_EXPORT(sym) EXPORT_SYMBOL_NS_GPL(sym, HAKMEM)
#define HAK_EXPORT_INTERNAL(sym) EXPORT_SYMBOL_NS_GPL(sym, HAKMEM_INTERNAL)
#endif

/* What a unit shows to its own test suite and to nobody else; HAK_SUITES is Kbuild's. */
#if IS_ENABLED(CONFIG_KUNIT) || defined(HAK_SUITES)
#define HAK_EXPORT_TEST(sym) HAK_EXPORT_INTERNAL(sym)
#else
#define HAK_EXPORT_TEST(sym)
#endif

/* A moment, of which poll_state_synchronize_rcu_full() says whether a grace period began after. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0)
#define hak_gp_state rcu_gp_seq
#else
#define hak_gp_state rcu_gp_oldstate
#endif

/* Newer kernels mark the pages of a large kmalloc(), and warn when kfree() gets any other. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#define HAK_TELLS_LARGE_KMALLOC 1
#define hak_page_is_kmalloc(page) PageLargeKmalloc(page)
#else
#define HAK_TELLS_LARGE_KMALLOC 0
#define hak_page_is_kmalloc(page)						\
	(PageHead(page) && page_size(page) > KMALLOC_MAX_CACHE_SIZE)
#endif

/* Is @p a slab object of the kernel's, or the first byte of a large allocation? Any value. */
static inline bool hak_kernel_owns(const void *p)
{
	struct page *page;

	if (!virt_addr_valid(p))
		return false;
	/* The mapping of the kernel's image leads to pages, too, that may be anybody's. */
	if (page_address(virt_to_page(p)) != (void *)((unsigned long)p & PAGE_MASK))
		return false;
	page = virt_to_head_page(p);
	return PageSlab(page) || (hak_page_is_kmalloc(page) && p == page_address(page));
}

/* What ksize() says of the kernel's memory; 0 of anything else. Any value. */
static inline size_t hak_kernel_size(const void *p)
{
	return hak_kernel_owns(p) ? ksize(p) : 0;
}

/* A cache of its own, which is not merged with others, where there is such a flag (6.5). */
#ifdef SLAB_NO_MERGE
#define HAK_SLAB_NO_MERGE SLAB_NO_MERGE
#else
#define HAK_SLAB_NO_MERGE 0
#endif

/* What lets atomic callers use more of the reserves, beside __GFP_HIGH, up to 6.2. */
#ifdef __GFP_ATOMIC
#define HAK_GFP_ATOMIC_BIT __GFP_ATOMIC
#else
#define HAK_GFP_ATOMIC_BIT 0
#endif

/* What the order of a new slab's objects is drawn from. Context: where memory may be made. */
#define hak_order_seed() get_random_long()

/* Newer kernels want to be told that work is bound to CPUs. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define HAK_WQ_FLAGS (WQ_MEM_RECLAIM | WQ_PERCPU)
#else
#define HAK_WQ_FLAGS WQ_MEM_RECLAIM
#endif

/* Is nobody to disturb @cpu (isolcpus=, nohz_full=, a cpuset of the kind)? Context: any. */
static inline bool hak_cpu_isolated(int cpu)
{
	return !housekeeping_cpu(cpu, HK_TYPE_WQ) || !housekeeping_cpu(cpu, HK_TYPE_DOMAIN);
}

/* This CPU, or if it is isolated a near one that is not. Racy unless pinned. Context: any. */
static inline int hak_work_cpu(void)
{
	int cpu = raw_smp_processor_id(), other;

	if (likely(!hak_cpu_isolated(cpu)))
		return cpu;
	preempt_disable();
	other = housekeeping_any_cpu(HK_TYPE_WQ);
	if (hak_cpu_isolated(other))
		other = housekeeping_any_cpu(HK_TYPE_DOMAIN);
	preempt_enable();
	return other;
}

/* Queue work that any CPU can do. Context: any. */
#define hak_queue_any(wq, work) queue_work_on(hak_work_cpu(), wq, work)
#define hak_queue_any_delayed(wq, work, delay)					\
	queue_delayed_work_on(hak_work_cpu(), wq, work, delay)
/* The same at once, whether it is queued already or not. */
#define hak_hurry_any(wq, work) mod_delayed_work_on(hak_work_cpu(), wq, work, 0)

typedef unsigned long (*hak_shrink_fn)(struct shrinker *s, struct shrink_control *sc);

/* A shrinker in use, or NULL. May sleep. Shrinkers are the kernel's to allocate since 6.7. */
static inline struct shrinker *hak_shrinker_register(hak_shrink_fn count, hak_shrink_fn scan)
{
	struct shrinker *s;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	s = shrinker_alloc(0, "hakmem");
#else
	s = kzalloc(sizeof(*s), GFP_KERNEL);
#endif
	if (!s)
		return NULL;
	s->count_objects = count;
	s->scan_objects = scan;
	s->seeks = DEFAULT_SEEKS;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	shrinker_register(s);
#else
	if (register_shrinker(s, "hakmem")) {
		kfree(s);
		s = NULL;
	}
#endif
	return s;
}

static inline void hak_shrinker_unregister(struct shrinker *s)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	shrinker_free(s);
#else
	unregister_shrinker(s);
	kfree(s);
#endif
}

/* Is this task short of memory, or reclaims it for those who are? */
static inline bool hak_reclaims(void)
{
	return current->flags & PF_MEMALLOC;
}

/* If this task reclaims memory: @pages have come back that are on no list of the kernel's. */
static inline void hak_reclaimed(unsigned long pages)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	mm_account_reclaimed_pages(pages);
#else
	if (current->reclaim_state)
		current->reclaim_state->reclaimed_slab += pages;
#endif
}

/*
 * Pages of ours have a reference count of 0.  Who asks whether a page may be sent is told no, as
 * of a page of the kernel's slabs.  A dropped reference frees nothing.  Each piece of a block can
 * go back alone, so a block is no compound page.
 */
static inline void hak_pages_freeze(struct page *page, unsigned int order)
{
	unsigned int i;

	if (order)
		split_page(page, order);
	for (i = 0; i < 1U << order; i++)
		set_page_count(page + i, 0);
}

/* Give 2^@order of them, aligned to that, to the kernel. Context: as of __free_pages(). */
static inline void hak_pages_piece(struct page *page, unsigned int order)
{
	set_page_count(page, 1);
	__free_pages(page, order);
}

/* All pieces of the block have gone. */
static inline void hak_pages_end(struct page *page, unsigned int order) { }

/* A kfree() has dropped a reference of @page: what it counted and what it took are put right. */
static inline void hak_page_mend(struct page *page)
{
	int stolen = -page_ref_count(page);

	mod_node_page_state(page_pgdat(page), NR_SLAB_UNRECLAIMABLE_B, stolen * (long)PAGE_SIZE);
	page_ref_add(page, stolen);
}

/* The kernel's switches, as SLUB reads them. */
static inline bool hak_want_init_on_alloc(void)
{
	return static_branch_maybe(CONFIG_INIT_ON_ALLOC_DEFAULT_ON, &init_on_alloc);
}

static inline bool hak_want_init_on_free(void)
{
	return static_branch_maybe(CONFIG_INIT_ON_FREE_DEFAULT_ON, &init_on_free);
}

/* Tell objtool that @name, which is exported, has no landing pad on purpose: HAK_NOENDBR. */
#ifdef ANNOTATE_NOENDBR_SYM
#define hak_no_landing(name)	ANNOTATE_NOENDBR_SYM(name)
#elif defined(CONFIG_X86_KERNEL_IBT)
#define hak_no_landing(name)							\
	asm(".pushsection .discard.noendbr\n\t.long " __stringify(name) "\n\t.popsection")
#else
#define hak_no_landing(name)	static_assert(true)
#endif

#include "port/hak_copy.h"
#include "port/hak_guard.h"

/* What hak_guard.h says of functions, asserted by kernels with lockdep and free on all others. */
#define hak_assert_held(lock) lockdep_assert_held(lock)

/*
 * Per-CPU memory of a cache, zeroed, which the kernel's fault injection does not know by itself.
 * The bytes count for each CPU there may be.
 */
#ifdef CONFIG_FAULT_INJECTION
static inline bool hak_fault(void)
{
	static struct fault_attr attr = { .interval = 1 };

	return should_fail(&attr, 1);
}

#else
#define hak_fault() false
#endif

static inline struct hak_cache *hak_alloc_percpu(size_t size)
{
	void __percpu *c = hak_fault() ? NULL : __alloc_percpu(size, sizeof(long));

	return (struct hak_cache *)(unsigned long)c;
}

#define hak_free_percpu(c, size) ((void)(size), free_percpu(hak_percpu(c)))
#define hak_nr_cpus() num_possible_cpus()

/* A field of the head of handle @c on this CPU. */
#define hak_head_read(c, field) raw_cpu_read(((struct hak_head __percpu *)hak_percpu(c) - 1)->field)

/* The inlined pop lowered the count of the set that @c leads to, which is to hold nothing. */
#define hak_count_mend(c) raw_cpu_write(hak_percpu(c)->task.n, 0)

/* Is it the handle of no cache at all?  Here those have a head, too. */
#define hak_no_handle(c) false

/* A map of lockdep's, which stands for something that is no lock. */
#ifdef CONFIG_LOCKDEP
#define hak_lock_map(name) struct lockdep_map name = STATIC_LOCKDEP_MAP_INIT(#name, &name)
#else
#define hak_lock_map(name) struct lockdep_map name __maybe_unused
#endif

/* The name of a client, or NULL. */
static inline const char *hak_module_name(struct module *mod)
{
	return mod && mod != THIS_MODULE ? module_name(mod) : NULL;
}

/* Is @ip code of a client?  Those are modules: what is built in cannot link to one. */
static inline bool hak_is_client(unsigned long ip)
{
#ifdef MODULE
	return ip >= MODULES_VADDR && ip < MODULES_END && !within_module(ip, THIS_MODULE);
#else
	return ip;
#endif
}

/*
 * Where the client's call will return to.  @caller is where ours returns to.  If it is 0 what was
 * called may have nothing to do with it.  Then only a client that called us directly will do.
 * The answer is 0 if there is none, or if the kernel cannot walk its stack.  Context: any.
 */
static inline unsigned long hak_client_of(unsigned long caller)
{
#if defined(MODULE) && defined(CONFIG_STACKTRACE)
	unsigned long ip[32];
	unsigned int n, i;

	if (caller && hak_is_client(caller))
		return caller;
	n = stack_trace_save(ip, ARRAY_SIZE(ip), 0);
	for (i = 0; i < n; i++) {
		if (hak_is_client(ip[i]))
			return ip[i];
		if (!caller && !within_module(ip[i], THIS_MODULE))
			break;
	}
	return 0;
#else
	return hak_is_client(caller) ? caller : 0;
#endif
}

/* Can objects be sampled? tiny_sample.h */
#define HAK_SAMPLES 1

/* Calls on the way here from the first client's on, or @caller.  At least 1. Context: any. */
static inline unsigned int hak_stack_save(unsigned long *ip, unsigned int room,
					  unsigned long caller)
{
	unsigned int n = 0, own = 0;

#ifdef CONFIG_STACKTRACE
	n = stack_trace_save(ip, room, 1);
#endif
#ifdef MODULE
	while (own < n && within_module(ip[own], THIS_MODULE))
		own++;
#endif
	if (own == n) {
		ip[0] = caller ?: _RET_IP_;
		return 1;
	}
	memmove(ip, ip + own, (n - own) * sizeof(*ip));
	return n - own;
}

/* How messages print an address of code. */
#define HAK_SYM "%pS"

#endif /* _HAK_COMPAT_H */
