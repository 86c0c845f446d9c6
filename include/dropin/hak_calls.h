/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the names that are taken stand for, as functions and as macros of names of our own.
 *
 * Read while the kernel's names mean what they mean in the kernel: behind linux/slab.h, which may
 * stand in the middle of another header.
 */
#ifndef _HAK_CALLS_H
#define _HAK_CALLS_H

#include <linux/build_bug.h>
#include <linux/overflow.h>
#include <linux/string.h>

#include <linux/hakmem_dropin.h>

/* The driver's own source imports nothing.  HAK_IMPORT needs a header that is not there yet. */
static const char hak_dropin_import[] __used __section(".modinfo") __aligned(1) =
	"import_ns=HAKMEM";

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

/* A pool has its cache as a void pointer: this is where the compiler looks at it. */
static inline void *hak_dropin_only(struct hak_cache_kernel_code_cannot_use *s)
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

/* The kernel's would take an object of hakmem's for its own. */
#define hak_dropin_not_here(name) \
	BUILD_BUG_ON_MSG(1, name " does not know hakmem's objects: not with HAK_DROPIN_KMALLOC")
#endif

#endif /* _HAK_CALLS_H */
