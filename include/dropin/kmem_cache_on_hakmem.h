/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Puts a driver's kmem caches on hakmem without a change of the driver.  Its Kbuild
 * force-includes this file, with the lines that docs/dropin.md has for it.
 *
 * First come all headers of the kernel that name struct kmem_cache and mean a cache of the
 * kernel's, with the true type.  Then the name is taken: from there on "struct kmem_cache" is
 * another type, and the calls are hakmem's.  A cache of the driver's in a field or an argument of
 * the kernel's is therefore an error of types at compile time.  The other way round works: a call
 * on a cache of the kernel's goes to the kernel, chosen by the type of its argument.  Examples
 * are __getname() and a field of struct dst_ops.
 *
 * Macros that a file defines before its includes come too late for headers included here.
 * For pr_fmt and dev_fmt, say so: CFLAGS_file.o += -DHAK_DROPIN_OWN_PR_FMT
 * (-DHAK_DROPIN_OWN_DEV_FMT).
 *
 * CFLAGS_file.o += -DHAK_DROPIN_KMALLOC puts the kmalloc family of that file on hakmem as
 * well.  What it allocates may then be freed in such files only.
 */
#ifndef _KMEM_CACHE_ON_HAKMEM_H
#define _KMEM_CACHE_ON_HAKMEM_H

#ifndef __ASSEMBLY__

#include <linux/kernel.h>
#include <linux/bio.h>
#include <linux/delayacct.h>
#include <linux/fault-inject.h>
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/iocontext.h>
#include <linux/lru_cache.h>
#include <linux/memcontrol.h>
#include <linux/mempool.h>
#include <linux/module.h>
#include <linux/perf_event.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/taskstats_kern.h>
#if IS_ENABLED(CONFIG_NET)
#include <net/dst_ops.h>
#include <net/inet_frag.h>
#include <net/inet_hashtables.h>
#include <net/request_sock.h>
#include <net/sock.h>
#include <net/timewait_sock.h>
#if __has_include(<net/hotdata.h>)
#include <net/hotdata.h>
#endif
#endif

#include <linux/hakmem_dropin.h>

/* The driver's own source imports nothing. */
HAK_IMPORT;

/* The kernel's function for a cache of the kernel's, ours for all others. */
#define hak_dropin_pick(s, kernel, ours) \
	_Generic((s), typeof(hak_dropin_kernel(NULL)): kernel, default: ours)

static inline void hak_kernel_free(struct kmem_cache *s, void *p)
{
	kmem_cache_free(s, p);
}

static inline void hak_kernel_free_bulk(struct kmem_cache *s, size_t n, void **p)
{
	kmem_cache_free_bulk(s, n, p);
}

static inline unsigned int hak_kernel_size(struct kmem_cache *s)
{
	return kmem_cache_size(s);
}

/* Pools over a drop-in cache look to other modules like pools over one of the kernel's. */
static inline int hak_dropin_mempool_init_node(mempool_t *pool, int min_nr, mempool_alloc_t *alloc,
					       mempool_free_t *free, void *data, gfp_t gfp,
					       int node)
{
	if (!hak_dropin_pool(&alloc, &free, &data))
		return -ENOMEM;
	return mempool_init_node(pool, min_nr, alloc, free, data, gfp, node);
}

static inline int hak_dropin_mempool_init(mempool_t *pool, int min_nr, mempool_alloc_t *alloc,
					  mempool_free_t *free, void *data)
{
	if (!hak_dropin_pool(&alloc, &free, &data))
		return -ENOMEM;
	return mempool_init(pool, min_nr, alloc, free, data);
}

static inline mempool_t *hak_dropin_mempool_create_node(int min_nr, mempool_alloc_t *alloc,
							mempool_free_t *free, void *data,
							gfp_t gfp, int node)
{
	if (!hak_dropin_pool(&alloc, &free, &data))
		return NULL;
	return mempool_create_node(min_nr, alloc, free, data, gfp, node);
}

static inline mempool_t *hak_dropin_mempool_create(int min_nr, mempool_alloc_t *alloc,
						   mempool_free_t *free, void *data)
{
	return hak_dropin_mempool_create_node(min_nr, alloc, free, data, GFP_KERNEL, NUMA_NO_NODE);
}

#define kmem_cache hak_cache_kernel_code_cannot_use

#undef kmem_cache_create
#define kmem_cache_create(name, size, args, ...)				\
	_Generic((args),							\
		struct kmem_cache_args *: __hak_dropin_make,			\
		void *: hak_dropin_create_default,				\
		default: hak_dropin_create_legacy)(name, size, args, __VA_ARGS__, THIS_MODULE)

#undef __kmem_cache_create_args
#define __kmem_cache_create_args(name, size, args, flags) \
	__hak_dropin_make(name, size, args, flags, THIS_MODULE)

#undef kmem_cache_create_usercopy
#define kmem_cache_create_usercopy(name, size, align, flags, useroffset, usersize, ctor)	\
	hak_dropin_create_usercopy(name, size, align, flags, useroffset, usersize, ctor,	\
				   THIS_MODULE)

#undef KMEM_CACHE
#define KMEM_CACHE(__struct, __flags)						\
	hak_dropin_create_legacy(#__struct, sizeof(struct __struct),		\
				 __alignof__(struct __struct), __flags, NULL, THIS_MODULE)

#undef KMEM_CACHE_USERCOPY
#define KMEM_CACHE_USERCOPY(__struct, __flags, __field)				\
	hak_dropin_create_usercopy(#__struct, sizeof(struct __struct),		\
				   __alignof__(struct __struct), __flags,	\
				   offsetof(struct __struct, __field),		\
				   sizeof_field(struct __struct, __field), NULL, THIS_MODULE)

#undef kmem_cache_destroy
#define kmem_cache_destroy(s) hak_dropin_destroy(s)

#undef kmem_cache_shrink
#define kmem_cache_shrink(s) hak_dropin_shrink(s)

#undef kmem_cache_size
#define kmem_cache_size(s) hak_dropin_pick(s, hak_kernel_size, hak_dropin_size)(s)

#undef kmem_cache_alloc
#define kmem_cache_alloc(s, gfp) \
	hak_dropin_pick(s, hak_kernel_alloc, hak_dropin_alloc)(s, gfp)

#undef kmem_cache_zalloc
#define kmem_cache_zalloc(s, gfp) kmem_cache_alloc(s, (gfp) | __GFP_ZERO)

#undef kmem_cache_alloc_node
#define kmem_cache_alloc_node(s, gfp, node) \
	hak_dropin_pick(s, hak_kernel_alloc_node, hak_dropin_alloc_node)(s, gfp, node)

#undef kmem_cache_alloc_lru
#define kmem_cache_alloc_lru(s, lru, gfp) \
	hak_dropin_pick(s, hak_kernel_alloc_lru, hak_dropin_alloc_lru)(s, lru, gfp)

/* An inlined function up to 6.1, with a cache of the file system's. */
#undef alloc_inode_sb
#define alloc_inode_sb(sb, s, gfp) kmem_cache_alloc_lru(s, &(sb)->s_inode_lru, gfp)

#undef kmem_cache_alloc_bulk
#define kmem_cache_alloc_bulk(s, gfp, n, p) \
	hak_dropin_pick(s, hak_kernel_alloc_bulk, hak_dropin_alloc_bulk)(s, gfp, n, p)

#undef kmem_cache_free
#define kmem_cache_free(s, p) hak_dropin_pick(s, hak_kernel_free, hak_dropin_free)(s, p)

#undef kmem_cache_free_bulk
#define kmem_cache_free_bulk(s, n, p) \
	hak_dropin_pick(s, hak_kernel_free_bulk, hak_dropin_free_bulk)(s, n, p)

/* A mempool keeps its cache as a void pointer, which no compiler looks at. */
#define mempool_alloc_slab hak_dropin_mempool_alloc
#define mempool_free_slab hak_dropin_mempool_free

#undef mempool_init
#define mempool_init hak_dropin_mempool_init
#undef mempool_init_node
#define mempool_init_node hak_dropin_mempool_init_node
#undef mempool_create
#define mempool_create hak_dropin_mempool_create
#undef mempool_create_node
#define mempool_create_node hak_dropin_mempool_create_node

#undef mempool_create_slab_pool
#define mempool_create_slab_pool(min_nr, s) \
	mempool_create(min_nr, mempool_alloc_slab, mempool_free_slab, hak_dropin_only(s))

#undef mempool_init_slab_pool
#define mempool_init_slab_pool(pool, min_nr, s) \
	mempool_init(pool, min_nr, mempool_alloc_slab, mempool_free_slab, hak_dropin_only(s))

static inline void *hak_dropin_only(struct kmem_cache *s)
{
	return s;
}

/*
 * Objects of caches may be freed by kfree() and its relatives since 6.4.  What is not hakmem's
 * goes to the kernel's own.  These are no macros with arguments: their addresses are taken, too.
 */
static inline void hak_dropin_kfree(const void *p)
{
	if (IS_ENABLED(HAK_DROPIN_KMALLOC) || hak_owns(p))
		hak_free(p);
	else
		kfree(p);
}

static inline size_t hak_dropin_ksize(const void *p)
{
	return hak_owns(p) ? hak_usable_size(p) : ksize(p);
}

static inline void hak_dropin_kfree_sensitive(const void *p)
{
	if (!hak_owns(p)) {
		kfree_sensitive(p);
		return;
	}
	memzero_explicit((void *)p, hak_usable_size(p));
	hak_free(p);
}

static inline void hak_dropin_kvfree_sensitive(const void *p, size_t size)
{
	if (hak_owns(p))
		hak_dropin_kfree_sensitive(p);
	else
		kvfree_sensitive(p, size);
}

static inline void hak_dropin_kvfree(const void *p)
{
	if (hak_owns(p))
		hak_free(p);
	else
		kvfree(p);
}

static inline void hak_dropin_kfree_bulk(size_t n, void **p)
{
	hak_dropin_free_bulk(NULL, n, p);
}

/* For __free(): the kernel's own were inlined before these names were taken. */
static inline void hak_dropin_cleanup_kfree(void *p)
{
	if (!IS_ERR_OR_NULL(*(void **)p))
		hak_dropin_kfree(*(void **)p);
}

static inline void hak_dropin_cleanup_kvfree(void *p)
{
	if (!IS_ERR_OR_NULL(*(void **)p))
		hak_dropin_kvfree(*(void **)p);
}

#define __free_kfree hak_dropin_cleanup_kfree
#define __free_kvfree hak_dropin_cleanup_kvfree

#undef ksize
#define ksize(p) hak_dropin_ksize(p)
#undef kfree
#define kfree hak_dropin_kfree
#undef kfree_sensitive
#define kfree_sensitive hak_dropin_kfree_sensitive
#undef kvfree
#define kvfree hak_dropin_kvfree
#undef kvfree_sensitive
#define kvfree_sensitive hak_dropin_kvfree_sensitive
#undef kfree_bulk
#define kfree_bulk hak_dropin_kfree_bulk

/* hakmem's take a struct rcu_head; 7.x has one of a single word, too, for the kernel's alone. */
#define hak_dropin_kfree_rcu(ptr, member)					\
do {										\
	typeof(ptr) __hak_q = (ptr);						\
										\
	BUILD_BUG_ON_MSG(sizeof(__hak_q->member) < sizeof(struct rcu_head),	\
			 "hakmem's objects need a struct rcu_head");		\
	if (hak_owns(__hak_q))							\
		hak_free_rcu(__hak_q, member);					\
	else									\
		kvfree_rcu_arg_2(__hak_q, member);				\
} while (0)

#define hak_dropin_kfree_rcu_mightsleep(ptr)					\
do {										\
	typeof(ptr) __hak_q = (ptr);						\
										\
	might_sleep();								\
	if (hak_owns(__hak_q)) {						\
		synchronize_rcu();						\
		hak_free(__hak_q);						\
	} else {								\
		kvfree_rcu_arg_1(__hak_q);					\
	}									\
} while (0)

/* Up to 6.1 the name of the field may be missing. */
#define hak_dropin_rcu_form(ptr, member, form, ...) form
#undef kfree_rcu
#define kfree_rcu(...)								\
	hak_dropin_rcu_form(__VA_ARGS__, hak_dropin_kfree_rcu,			\
			    hak_dropin_kfree_rcu_mightsleep)(__VA_ARGS__)
#undef kvfree_rcu
#define kvfree_rcu(...) kfree_rcu(__VA_ARGS__)
#undef kfree_rcu_mightsleep
#define kfree_rcu_mightsleep(ptr) hak_dropin_kfree_rcu_mightsleep(ptr)
#undef kvfree_rcu_mightsleep
#define kvfree_rcu_mightsleep(ptr) hak_dropin_kfree_rcu_mightsleep(ptr)

#ifdef HAK_DROPIN_KMALLOC
static inline void *hak_dropin_kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	return check_mul_overflow(n, size, &bytes) ? NULL : hak_alloc(bytes, gfp);
}

/* What is the kernel's stays the kernel's. */
static inline void *hak_dropin_krealloc(const void *p, size_t size, gfp_t gfp)
{
	size_t old = hak_usable_size(p);
	void *q;

	if (!hak_owns(p) && !ZERO_OR_NULL_PTR(p))
		return krealloc(p, size, gfp);
	if (size && size <= old) {
		/* So that growing again, with the same flag, finds zeroes there. */
		if (gfp & __GFP_ZERO)
			memset((void *)p + size, 0, old - size);
		return (void *)p;
	}
	q = hak_alloc(size, gfp);
	if (q && old)
		memcpy(q, p, min(old, size));
	if (q)
		hak_free(p);
	return q;
}

static inline void *hak_dropin_krealloc_array(const void *p, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	return check_mul_overflow(n, size, &bytes) ? NULL : hak_dropin_krealloc(p, bytes, gfp);
}

#undef kmalloc
#define kmalloc(size, gfp) hak_alloc(size, gfp)
#undef kzalloc
#define kzalloc(size, gfp) hak_zalloc(size, gfp)
#undef kmalloc_node
#define kmalloc_node(size, gfp, node) hak_alloc_node(size, gfp, node)
#undef kzalloc_node
#define kzalloc_node(size, gfp, node) hak_alloc_node(size, (gfp) | __GFP_ZERO, node)
#undef kmalloc_array
#define kmalloc_array(n, size, gfp) hak_dropin_kmalloc_array(n, size, gfp)
#undef kcalloc
#define kcalloc(n, size, gfp) hak_dropin_kmalloc_array(n, size, (gfp) | __GFP_ZERO)
#undef krealloc
#define krealloc(p, size, gfp) hak_dropin_krealloc(p, size, gfp)
#undef krealloc_array
#define krealloc_array(p, n, size, gfp) hak_dropin_krealloc_array(p, n, size, gfp)

/* The kernel's would take an object of hakmem's for its own. */
#define hak_dropin_not_here(name) \
	BUILD_BUG_ON_MSG(1, name " does not know hakmem's objects: not with HAK_DROPIN_KMALLOC")
#undef krealloc_node
#define krealloc_node(...) ({ hak_dropin_not_here("krealloc_node()"); NULL; })
#undef krealloc_node_align
#define krealloc_node_align(...) ({ hak_dropin_not_here("krealloc_node_align()"); NULL; })
#undef kvrealloc
#define kvrealloc(...) ({ hak_dropin_not_here("kvrealloc()"); NULL; })
#undef kvrealloc_node
#define kvrealloc_node(...) ({ hak_dropin_not_here("kvrealloc_node()"); NULL; })
#undef kvrealloc_node_align
#define kvrealloc_node_align(...) ({ hak_dropin_not_here("kvrealloc_node_align()"); NULL; })
#endif

#ifdef HAK_DROPIN_OWN_PR_FMT
#undef pr_fmt
#endif
#ifdef HAK_DROPIN_OWN_DEV_FMT
#undef dev_fmt
#endif

#endif /* __ASSEMBLY__ */
#endif /* _KMEM_CACHE_ON_HAKMEM_H */
