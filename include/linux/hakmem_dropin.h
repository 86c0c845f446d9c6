/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Caches that are hakmem's or the kernel's, whichever the backend parameter says.
 *
 * A driver does not call these by name: dropin/kmem_cache_on_hakmem.h, which its Kbuild
 * force-includes, puts them in the place of kmem_cache_alloc() and friends.
 *
 * A drop-in cache is a pointer with a bit to spare.  It is the handle of a hak_cache as it is.  Or
 * its lowest bit is set, and the rest leads to the pointer to a struct kmem_cache.  The kernel may
 * merge several into one of those.  Telling the two apart takes a test and a jump and loads
 * nothing.  What else is known of a cache (name, module, backend) no allocation looks at.
 *
 * A function or a field of the kernel's would call the real kmem_cache_alloc() on such a cache.
 * The type's name is what a compiler says when it is given to one.
 */
#ifndef _LINUX_HAKMEM_DROPIN_H
#define _LINUX_HAKMEM_DROPIN_H

#include <linux/hakmem.h>
#include <linux/mempool.h>

/* Without the kernel's own, which came with the macro: what the older calls can say. */
#ifndef kmem_cache_create
struct kmem_cache_args {
	unsigned int align;
	unsigned int useroffset;
	unsigned int usersize;
	void (*ctor)(void *object);
};

#define HAK_DROPIN_OWN_ARGS 1
#else
#define HAK_DROPIN_OWN_ARGS 0
#endif

struct hak_cache_kernel_code_cannot_use;

#define HAK_DROPIN_KERNEL 1UL	/* bit of a pointer to a cache of the kernel's */

/* Where such a pointer leads, without that bit. */
struct hak_dropin_theirs {
	struct kmem_cache *cache;
};

static __always_inline bool
hak_dropin_is_kernel(const struct hak_cache_kernel_code_cannot_use *s)
{
	return (unsigned long)s & HAK_DROPIN_KERNEL;
}

/* Its type is the kernel's, also where that has lost its name. */
static __always_inline struct kmem_cache *
hak_dropin_kernel(struct hak_cache_kernel_code_cannot_use *s)
{
	return ((struct hak_dropin_theirs *)((unsigned long)s - HAK_DROPIN_KERNEL))->cache;
}

static __always_inline struct hak_cache *
hak_dropin_handle(struct hak_cache_kernel_code_cannot_use *s)
{
	return (struct hak_cache *)s;
}

/**
 * __hak_dropin_make() - create a cache where the backend parameter puts it
 * @name: any length; the first HAK_CACHE_NAME_MAX characters are shown
 * @size: object size in bytes
 * @args: what kmem_cache_create() takes, or NULL
 * @flags: what kmem_cache_create() takes
 * @owner: the module that asks
 *
 * Context: Process context. May sleep.
 * Return: The cache, or NULL.
 */
struct hak_cache_kernel_code_cannot_use *
__hak_dropin_make(const char *name, unsigned int size, struct kmem_cache_args *args,
		  slab_flags_t flags, struct module *owner);

/**
 * hak_dropin_destroy() - kmem_cache_destroy()
 * @s: the cache, or NULL
 *
 * Context: Process context. May sleep.
 */
void hak_dropin_destroy(struct hak_cache_kernel_code_cannot_use *s);

/**
 * hak_dropin_shrink() - kmem_cache_shrink()
 * @s: the cache
 *
 * Context: Process context. May sleep.
 * Return: 0 if no slab is held any more.
 */
int hak_dropin_shrink(struct hak_cache_kernel_code_cannot_use *s);

/**
 * hak_dropin_size() - kmem_cache_size()
 * @s: the cache, or the pool_data of a pool over one
 *
 * Context: Any.
 * Return: The size the cache was created with, whichever allocator serves it.  Of a pool_data it is
 * what the kernel says, which has merged caches.
 */
unsigned int hak_dropin_size(struct hak_cache_kernel_code_cannot_use *s);

/**
 * __hak_dropin_alloc_bulk() - allocate several objects
 * @s: the cache
 * @gfp: as for kmem_cache_alloc_bulk()
 * @n: how many; no limit
 * @p: where to put them
 *
 * Context: As hak_cache_alloc().
 * Return: @n, or 0 and nothing is allocated.
 */
int __hak_dropin_alloc_bulk(struct hak_cache_kernel_code_cannot_use *s, gfp_t gfp, size_t n,
			    void **p);

/**
 * hak_dropin_free_bulk() - kmem_cache_free_bulk()
 * @s: the cache; NULL for objects of any, as kmem_cache_free_bulk() has it
 * @n: how many; no limit
 * @p: the objects
 *
 * Context: Any; not NMI if @s is the kernel's.
 */
void hak_dropin_free_bulk(struct hak_cache_kernel_code_cannot_use *s, size_t n, void **p);

/**
 * hak_dropin_pool() - what a mempool over a drop-in cache is to be made of
 * @alloc: hak_dropin_mempool_alloc(), or another, with which nothing is changed
 * @free: hak_dropin_mempool_free(), or another, with which nothing is changed
 * @data: the cache
 *
 * Other modules may read the fields of a pool.  The pool of a cache of the kernel's is the
 * kernel's own.  The data of any other is a stand-in.  That is a cache of the kernel's, of the
 * same size, that nothing is allocated from.  It goes with the cache.
 *
 * Context: Process context. May sleep.
 * Return: Whether there was memory.
 */
bool hak_dropin_pool(mempool_alloc_t **alloc, mempool_free_t **free, void **data);

/**
 * hak_dropin_mempool_alloc() - mempool_alloc_slab() for a pool over a drop-in cache
 * @gfp: as for kmem_cache_alloc()
 * @cache: the cache or its stand-in
 *
 * Context: As hak_cache_alloc().
 * Return: The object, or NULL.
 */
void *hak_dropin_mempool_alloc(gfp_t gfp, void *cache);

/**
 * hak_dropin_mempool_free() - mempool_free_slab() for a pool over a drop-in cache
 * @p: the object
 * @cache: the cache or its stand-in
 *
 * Context: Any; not NMI if the cache is the kernel's.
 */
void hak_dropin_mempool_free(void *p, void *cache);

static inline struct hak_cache_kernel_code_cannot_use *
hak_dropin_create_default(const char *name, unsigned int size, struct kmem_cache_args *args,
			  slab_flags_t flags, struct module *owner)
{
	return __hak_dropin_make(name, size, NULL, flags, owner);
}

static inline struct hak_cache_kernel_code_cannot_use *
hak_dropin_create_usercopy(const char *name, unsigned int size, unsigned int align,
			   slab_flags_t flags, unsigned int useroffset, unsigned int usersize,
			   void (*ctor)(void *object), struct module *owner)
{
	struct kmem_cache_args args = {
		.align = align,
		.useroffset = useroffset,
		.usersize = usersize,
		.ctor = ctor,
	};

	return __hak_dropin_make(name, size, &args, flags, owner);
}

static inline struct hak_cache_kernel_code_cannot_use *
hak_dropin_create_legacy(const char *name, unsigned int size, unsigned int align,
			 slab_flags_t flags, void (*ctor)(void *object), struct module *owner)
{
	return hak_dropin_create_usercopy(name, size, align, flags, 0, 0, ctor, owner);
}

/* The calls of each kernel, whatever macros they are, as functions to choose among. */
static __always_inline void *hak_kernel_alloc(struct kmem_cache *s, gfp_t gfp)
{
	return kmem_cache_alloc(s, gfp);
}

static __always_inline void *hak_kernel_alloc_node(struct kmem_cache *s, gfp_t gfp, int node)
{
	return kmem_cache_alloc_node(s, gfp, node);
}

static __always_inline void *hak_kernel_alloc_lru(struct kmem_cache *s, struct list_lru *lru,
						  gfp_t gfp)
{
	return kmem_cache_alloc_lru(s, lru, gfp);
}

/* What kmem_cache_alloc_bulk() is in this kernel: a number, or whether it worked (7.x). */
#ifdef kmem_cache_alloc_bulk
#define hak_bulk_t typeof(kmem_cache_alloc_bulk_noprof(NULL, 0, 0, NULL))
#else
#define hak_bulk_t typeof(kmem_cache_alloc_bulk(NULL, 0, 0, NULL))
#endif

static __always_inline hak_bulk_t hak_kernel_alloc_bulk(struct kmem_cache *s, gfp_t gfp, size_t n,
							void **p)
{
	return kmem_cache_alloc_bulk(s, gfp, n, p);
}

/**
 * hak_dropin_alloc_bulk() - kmem_cache_alloc_bulk()
 * @s: the cache
 * @gfp: as for kmem_cache_alloc_bulk()
 * @n: how many; no limit
 * @p: where to put them
 *
 * Context: As hak_cache_alloc().
 * Return: What this kernel's kmem_cache_alloc_bulk() returns, on either backend: @n, or true.
 * 0 or false, and nothing is allocated.
 */
static __always_inline hak_bulk_t
hak_dropin_alloc_bulk(struct hak_cache_kernel_code_cannot_use *s, gfp_t gfp, size_t n, void **p)
{
	return __hak_dropin_alloc_bulk(s, gfp, n, p);
}

/*
 * hak_cache_alloc(), and filling with 0 inlined, too: half of what drivers allocate is.  Where
 * the kernel wants all memory filled, that was done by then.  As in the kernel a constructor
 * and __GFP_ZERO do not go together.
 */
static __always_inline void *hak_dropin_pop(struct hak_cache *c, gfp_t gfp)
{
	void *p;

	if (!HAK_INLINE_FAST || unlikely(gfp & (__GFP_DMA | __GFP_DMA32)))
		return __hak_cache_alloc(c, gfp);
	if (gfp & __GFP_ZERO && static_branch_unlikely(&hak_init_key))
		return __hak_cache_alloc(c, gfp);
	p = hak_pop(c, gfp & ~__GFP_ZERO);
	if (gfp & __GFP_ZERO && p)
		memset(p, 0, raw_cpu_read(hak_percpu(c)->task.size));
	return p;
}

/**
 * hak_dropin_alloc() - kmem_cache_alloc()
 * @s: the cache
 * @gfp: as for kmem_cache_alloc()
 *
 * Context: As hak_cache_alloc().
 * Return: The object, or NULL.
 */
static __always_inline void *
hak_dropin_alloc(struct hak_cache_kernel_code_cannot_use *s, gfp_t gfp)
{
	if (unlikely(hak_dropin_is_kernel(s)))
		return hak_kernel_alloc(hak_dropin_kernel(s), gfp);
	return hak_dropin_pop(hak_dropin_handle(s), gfp);
}

/**
 * hak_dropin_alloc_node() - kmem_cache_alloc_node()
 * @s: the cache
 * @gfp: as for kmem_cache_alloc()
 * @node: the node, or NUMA_NO_NODE
 *
 * Context: As hak_cache_alloc().
 * Return: The object, or NULL.
 */
static __always_inline void *
hak_dropin_alloc_node(struct hak_cache_kernel_code_cannot_use *s, gfp_t gfp, int node)
{
	if (unlikely(hak_dropin_is_kernel(s)))
		return hak_kernel_alloc_node(hak_dropin_kernel(s), gfp, node);
	return hak_cache_alloc_node(hak_dropin_handle(s), gfp, node);
}

/**
 * hak_dropin_alloc_lru() - kmem_cache_alloc_lru()
 * @s: the cache
 * @lru: prepared for the memory cgroup of an accounted object; of no use to hakmem's
 * @gfp: as for kmem_cache_alloc()
 *
 * Context: As hak_cache_alloc().
 * Return: The object, or NULL.
 */
static __always_inline void *
hak_dropin_alloc_lru(struct hak_cache_kernel_code_cannot_use *s, struct list_lru *lru, gfp_t gfp)
{
	if (unlikely(hak_dropin_is_kernel(s)))
		return hak_kernel_alloc_lru(hak_dropin_kernel(s), lru, gfp);
	return hak_dropin_pop(hak_dropin_handle(s), gfp);
}

/**
 * hak_dropin_free() - kmem_cache_free()
 * @s: the cache the object came from
 * @p: the object
 *
 * Context: Any; not NMI if @s is the kernel's.
 */
static __always_inline void hak_dropin_free(struct hak_cache_kernel_code_cannot_use *s, void *p)
{
	if (unlikely(hak_dropin_is_kernel(s)))
		kmem_cache_free(hak_dropin_kernel(s), p);
	else
		hak_cache_free(hak_dropin_handle(s), p);
}

#endif /* _LINUX_HAKMEM_DROPIN_H */
