/* SPDX-License-Identifier: GPL-2.0 */
/* The user-space twin of port/kernel/hak_compat.h: what the core asks of its surroundings. */
#ifndef _HAK_COMPAT_H
#define _HAK_COMPAT_H

#include "port/hak_guard.h"
#include "hak_shim.h"

#define NOKPROBE_SYMBOL(fname)		_Static_assert(1, #fname)
#define HAK_EXPORT(sym)			_Static_assert(1, #sym)
#define HAK_EXPORT_TEST(sym)		_Static_assert(1, #sym)
#define HAK_SYM				"%p"
#define HAK_SAMPLES			0
#define hak_client_of(caller)		(caller)
#define hak_module_name(mod)		((void)(mod), (const char *)NULL)
#define hak_uninit
#define HAK_GFP_ATOMIC_BIT		0
#define memalloc_retry_wait(gfp)	((void)(gfp))
#define hak_alloc_percpu(size)		((struct hak_cache *)shim_alloc_percpu(size))
#define hak_free_percpu(c, size)	shim_free_percpu((size_t)(c), size)
#define hak_nr_cpus()			1	/* slots come and go: each counts its own bytes */
#define hak_head_read(c, field)		(hak_head_of(&raw_cpu_ptr(c)->task)->field)
#define hak_count_mend(c)		(raw_cpu_ptr(c)->task.n = 0)
#define smp_rmb()			__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define hak_no_handle(c)		(!(c))	/* tag of a page that is in no SuperSlab */
#ifdef SHIM_KERNEL_OWNS
bool SHIM_KERNEL_OWNS(const void *p);
#define hak_kernel_owns(p)		SHIM_KERNEL_OWNS(p)	/* tests know what they allocated */
#define hak_kernel_size(p)		(hak_kernel_owns(p) ? ksize(p) : 0)
#else
/* What is not in the arena is the next allocator's. */
#define hak_kernel_owns(p)		((unsigned long)(p) - (unsigned long)shim_arena >= \
					 SHIM_SS_BYTES + SHIM_SMALL_BYTES)
#define hak_kernel_size(p)		0UL	/* malloc_usable_size() asks the next allocator */
#endif
#define hak_rcu_barrier()		((void)0)	/* there is no hak_free_rcu() */
#define hak_want_init_on_alloc()	false
#define hak_want_init_on_free()		false

#define hak_no_landing(name)		_Static_assert(1, #name)

#include "port/hak_copy.h"

/* The address space of a block stays ours: pieces lose their memory, the block ends as a whole. */
#define hak_reclaims()			true
#define hak_reclaimed(pages)		((void)(pages))
#define hak_pages_freeze(page, order)	((page)->refs = 0)
#define hak_pages_piece(page, order)	shim_pages_leave(page, order)
#define hak_pages_end(page, order)	__free_pages(page, order)
#define hak_page_mend(page)		((page)->refs = 0)
#define hak_assert_held(lock)		((void)(lock))

#endif /* _HAK_COMPAT_H */
