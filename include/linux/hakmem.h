/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hakmem: a small-object allocator with per-CPU magazines over SuperSlabs.
 *
 * A client includes this file, writes HAK_IMPORT once beside its MODULE_LICENSE
 * and builds against hakmem's Module.symvers.  Errors follow kmem_cache: NULL.
 *
 * What an object of hakmem must never meet: kfree(), kfree_rcu(), ksize(),
 * krealloc(), devm_kfree(), usercopy under hardening, zero-copy networking and
 * splice.  Its pages do not look like slab pages to the kernel.
 */
#ifndef _LINUX_HAKMEM_H
#define _LINUX_HAKMEM_H

#ifdef __KERNEL__
#include <linux/gfp.h>
#include <linux/jump_label.h>
#ifndef HAK_DROPIN
#include <linux/module.h>
#endif
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/stringify.h>
#else
#include <hak_shim.h>	/* the same core in user space: userspace-bench/ */
#endif

#include <linux/hakmem_fast.h>

/* What MODULE_IMPORT_NS() writes; its argument is a name up to 6.12 and a string from 6.13. */
#define HAK_IMPORT MODULE_INFO(import_ns, "HAKMEM")

/* The one place where it stands: modinfo, dkms and the packages have it from here. */
#define HAK_VERSION "0.5.0"

#define HAK_CACHE_MAX_SIZE	8192	/* largest object of a typed cache, bytes */
#define HAK_CACHE_NAME_MAX	31	/* longest name of a typed cache, characters */
#define HAK_BULK_MAX		65536	/* most objects of one bulk call */

/* May a cache differ from the module's hardened= parameter? */
enum hak_hardening {
	HAK_HARDENED_DEFAULT,
	HAK_HARDENED_ON,
	HAK_HARDENED_OFF,
};

/**
 * struct hak_cache_args - what a typed cache may be told beside name and size
 * @align: alignment in bytes, a power of two up to a page; 0 for the natural one
 * @ctor: run once on each object before it is first handed out, by an allocation
 *	and with preemption off: it may neither sleep nor allocate; the object must
 *	come back in the constructed state
 * @dtor: run once on each constructed object before its memory is given back, in
 *	process context; it may sleep, allocate and free, but what creates, destroys or shrinks
 *	a cache and hak_rcu_barrier() would wait for it, and is refused with a line in the log
 * @hardened: whether frees are checked, if not as the module's parameter says
 * @useroffset: start of a usercopy window; refused, a module cannot register one
 * @usersize: length of a usercopy window; refused unless 0
 */
struct hak_cache_args {
	unsigned int align;
	void (*ctor)(void *object);
	void (*dtor)(void *object);
	enum hak_hardening hardened;
	unsigned int useroffset;
	unsigned int usersize;
};

/* The out-of-line form of the inlined calls below; same contracts. */
void *__hak_cache_alloc(struct hak_cache *c, gfp_t gfp);
void __hak_cache_free(struct hak_cache *c, void *p);
void __hak_free(const void *p);
void __hak_cache_free_bulk(struct hak_cache *c, unsigned int n, void **p);
void __hak_free_bulk(unsigned int n, void **p);
struct hak_cache *__hak_cache_create(const char *name, unsigned int size,
				     const struct hak_cache_args *args,
				     slab_flags_t flags, struct module *owner);

/*
 * The class that serves @size bytes, 1..1024: multiples of 8 to 64, then four
 * steps per doubling.  Folds away for a constant.
 */
static __always_inline unsigned int hak_size_class(size_t size)
{
	unsigned int s = size - 1, msb;

	if (s < 64)
		return s >> 3;
	msb = __fls(s);
	return 8 + (msb - 6) * 4 + ((s >> (msb - 2)) & 3);
}

/* The bytes of an object of that class, if hak_zero_words() is for them; else 0. */
static __always_inline unsigned int hak_size_words(size_t size)
{
	if (size > HAK_ZERO_WORDS_MAX)
		return 0;
	return size <= 64 ? (size + 7) & ~7UL : (size + 15) & ~15UL;
}

static __always_inline bool hak_size_folds(size_t size)
{
	return HAK_INLINE_FAST && __builtin_constant_p(size) && size - 1 < HAK_MAX_SIZE;
}

/**
 * hak_cache_create() - create a cache of equally sized objects
 * @name: 1 to HAK_CACHE_NAME_MAX characters, no blank and no control character; copied
 * @size: object size in bytes, 1 to HAK_CACHE_MAX_SIZE
 * @args: &struct hak_cache_args, or NULL for all defaults
 * @flags: SLAB_HWCACHE_ALIGN, SLAB_TYPESAFE_BY_RCU, SLAB_RECLAIM_ACCOUNT and
 *	SLAB_PANIC are honoured, SLAB_ACCOUNT and SLAB_CACHE_DMA are refused, the
 *	rest is ignored
 *
 * Caches are never merged.  The calling module holds hakmem until it destroys
 * the cache.
 *
 * Context: Process context. May sleep.
 * Return: The cache; NULL if there is no memory, or with one line in the log that
 * says what was wrong.
 */
#define hak_cache_create(name, size, args, flags) \
	__hak_cache_create(name, size, args, flags, THIS_MODULE)

/**
 * hak_cache_destroy() - destroy a cache
 * @c: the cache, or NULL
 *
 * Objects still out are reported in one grouped line; their memory stays
 * allocated, and freeing one afterwards is reported as a bad free.
 *
 * Context: Process context. May sleep. No other call on @c may be in progress.
 */
void hak_cache_destroy(struct hak_cache *c);

/**
 * hak_cache_alloc() - allocate one object of a typed cache
 * @c: the cache
 * @gfp: as for kmem_cache_alloc()
 *
 * Context: Any that @gfp allows. In NMI the answer is NULL. On PREEMPT_RT it is NULL with
 * preemption or interrupts off as well, unless an object is held already. May sleep if @gfp
 * allows blocking.
 * Return: The object, or NULL.
 */
static __always_inline void *hak_cache_alloc(struct hak_cache *c, gfp_t gfp)
{
	if (!HAK_INLINE_FAST || unlikely(gfp & HAK_GFP_SLOW))
		return __hak_cache_alloc(c, gfp);
	return hak_pop(c, gfp);
}

/**
 * hak_cache_zalloc() - allocate one object of a typed cache, filled with 0
 * @c: the cache
 * @gfp: as for kmem_cache_alloc()
 *
 * Context: As hak_cache_alloc().
 * Return: The object, or NULL.
 */
static __always_inline void *hak_cache_zalloc(struct hak_cache *c, gfp_t gfp)
{
	return __hak_cache_alloc(c, gfp | __GFP_ZERO);
}

/**
 * hak_cache_alloc_node() - allocate one object of a typed cache on a node
 * @c: the cache
 * @gfp: as for kmem_cache_alloc(); with __GFP_THISNODE no other node will do
 * @node: the node, or NUMA_NO_NODE
 *
 * For the node of the running CPU this is hak_cache_alloc(); for another, and with
 * __GFP_THISNODE, each object is taken under a lock.
 *
 * Context: As hak_cache_alloc().
 * Return: The object, or NULL.
 */
void *hak_cache_alloc_node(struct hak_cache *c, gfp_t gfp, int node);

/**
 * hak_cache_free() - free an object of a typed cache
 * @c: the cache it came from
 * @p: the object
 *
 * With hardened=1 an object of another cache, a misaligned pointer and a double free are found
 * here. An interior pointer is found when its magazine is flushed, and may be handed out before;
 * with hardened=2 it is found here. A bad free is reported once per caller and counted; the object
 * is not put back.
 *
 * Context: Any, NMI included.
 */
static __always_inline void hak_cache_free(struct hak_cache *c, void *p)
{
	if (HAK_INLINE_FAST) {
		hak_push_checked(c, p);
	} else {
		__hak_cache_free(c, p);
		hak_keep_frame();
	}
}

/**
 * hak_cache_alloc_bulk() - allocate @n objects of a typed cache
 * @c: the cache
 * @gfp: as for kmem_cache_alloc()
 * @n: how many, up to HAK_BULK_MAX
 * @p: where to put them
 *
 * Context: As hak_cache_alloc().
 * Return: @n, or 0 and nothing is allocated.
 */
unsigned int hak_cache_alloc_bulk(struct hak_cache *c, gfp_t gfp, unsigned int n, void **p);

/**
 * hak_cache_free_bulk() - free @n objects of one typed cache
 * @c: the cache they came from
 * @n: how many
 * @p: the objects
 *
 * Context: Any, NMI included.
 */
static __always_inline void hak_cache_free_bulk(struct hak_cache *c, unsigned int n, void **p)
{
	__hak_cache_free_bulk(c, n, p);
	hak_keep_frame();
}

/**
 * hak_cache_shrink() - give back what a cache holds but does not use
 * @c: the cache
 *
 * Of each 2 MiB that went, 16 KiB follow after a grace period, which nobody waits for.
 *
 * Context: Process context. May sleep: each CPU that holds objects is asked.
 * Return: 0 if no slab is held any more, 1 otherwise.
 */
int hak_cache_shrink(struct hak_cache *c);

struct hak_reserve;

/**
 * hak_reserve_get() - take objects beforehand, for where an allocation must not fail
 * @c: a typed cache
 * @gfp: as for kmem_cache_alloc(); holds for all objects, __GFP_ZERO too
 * @n: how many, 1 to HAK_BULK_MAX
 *
 * Context: As hak_cache_alloc(), but that on PREEMPT_RT with preemption or interrupts
 * off the answer is always NULL.
 * Return: The reserve, of one owner, who sees to it that one call uses it at a time;
 * or NULL and nothing is allocated.
 */
struct hak_reserve *hak_reserve_get(struct hak_cache *c, gfp_t gfp, unsigned int n);

/**
 * hak_reserve_alloc() - take an object out of a reserve
 * @r: the reserve
 *
 * It cannot fail until as many were taken as the reserve was made for.  The object is
 * freed like any other of its cache.
 *
 * Context: Any.
 * Return: The object; NULL and one warning when the reserve is used up.
 */
void *hak_reserve_alloc(struct hak_reserve *r);

/**
 * hak_reserve_put() - free a reserve and the objects that are left in it
 * @r: the reserve, or NULL
 *
 * Context: Any but NMI.
 */
void hak_reserve_put(struct hak_reserve *r);

/**
 * hak_alloc() - allocate memory
 * @size: bytes; 0 gives ZERO_SIZE_PTR, more than 1024 comes from kmalloc()
 * @gfp: as for kmalloc(); GFP_DMA and GFP_DMA32 come from kmalloc()
 *
 * The alignment is at least the largest power of two that divides @size.
 *
 * Context: As hak_cache_alloc().
 * Return: The memory, or NULL.
 */
static __always_inline void *hak_alloc(size_t size, gfp_t gfp)
{
	if (hak_size_folds(size) && likely(!(gfp & HAK_GFP_SLOW)))
		return hak_pop_words(hak_class[hak_size_class(size)], gfp, hak_size_words(size));
	return HAK_ABI_NAME(hak_alloc_size)(size, gfp);
}

/**
 * hak_zalloc() - allocate memory filled with 0
 * @size: as for hak_alloc()
 * @gfp: as for hak_alloc()
 *
 * Context: As hak_alloc().
 * Return: The memory, or NULL.
 */
static __always_inline void *hak_zalloc(size_t size, gfp_t gfp)
{
	return HAK_ABI_NAME(hak_alloc_size)(size, gfp | __GFP_ZERO);
}

/**
 * hak_alloc_node() - allocate memory on a node
 * @size: as for hak_alloc()
 * @gfp: as for hak_alloc(); with __GFP_THISNODE no other node will do
 * @node: the node, or NUMA_NO_NODE
 *
 * Context: As hak_alloc().
 * Return: The memory, or NULL.
 */
void *hak_alloc_node(size_t size, gfp_t gfp, int node);

/**
 * hak_free() - free memory of hak_alloc(), or an object of any typed cache
 * @p: the memory, NULL or ZERO_SIZE_PTR
 *
 * A pointer that is not hakmem's goes to kfree() if the kernel proves it a slab object or the
 * start of a large allocation. Anything else is a bad free.
 *
 * Context: Any, NMI included (large memory: not NMI; on PREEMPT_RT as kfree()).
 */
static __always_inline void hak_free(const void *p)
{
	if (HAK_INLINE_FAST) {
		hak_push_lookup((void *)p);
	} else {
		__hak_free(p);
		hak_keep_frame();
	}
}

/**
 * hak_free_sized() - free memory of hak_alloc() of known size, without a look-up
 * @p: the memory, or NULL
 * @size: what was asked of hak_alloc(); with hardened=1 a wrong class is found
 *
 * Not for what was allocated with GFP_DMA or GFP_DMA32, which hak_free() knows.
 *
 * Context: As hak_free().
 */
static __always_inline void hak_free_sized(const void *p, size_t size)
{
	if (size - 1 >= HAK_MAX_SIZE || unlikely(!p))
		__hak_free(p);
	else if (!HAK_INLINE_FAST)
		__hak_cache_free(hak_class[hak_size_class(size)], (void *)p);
	else
		hak_push_checked(hak_class[hak_size_class(size)], (void *)p);
	hak_keep_frame();
}

/**
 * hak_usable_size() - bytes that may be used of an allocation
 * @p: memory of hak_alloc() or a typed cache
 *
 * Memory that hak_alloc() took from kmalloc() has the size that ksize() says.  So has all other
 * memory that hak_free() would forward to kfree().
 *
 * Context: Any.
 * Return: The size in bytes; 0 for NULL, ZERO_SIZE_PTR and what is nobody's.
 */
size_t hak_usable_size(const void *p);

/**
 * hak_owns() - is this address inside a block of hakmem?
 * @p: any value at all; never dereferenced
 *
 * Context: Any.
 * Return: Whether the address lies in memory hakmem holds. Memory that came
 * from kmalloc() because it was large does not.
 */
bool hak_owns(const void *p);

/**
 * hak_alloc_bulk() - allocate @n pieces of memory of one size
 * @size: bytes, as for hak_alloc()
 * @gfp: as for hak_alloc()
 * @n: how many, up to HAK_BULK_MAX
 * @p: where to put them
 *
 * Context: As hak_alloc().
 * Return: @n, or 0 and nothing is allocated.
 */
unsigned int hak_alloc_bulk(size_t size, gfp_t gfp, unsigned int n, void **p);

/**
 * hak_free_bulk() - free @n pieces of memory of any sizes
 * @n: how many
 * @p: the memory; NULL is allowed among it
 *
 * Context: As hak_free().
 */
static __always_inline void hak_free_bulk(unsigned int n, void **p)
{
	__hak_free_bulk(n, p);
	hak_keep_frame();
}

#ifdef __KERNEL__
/* The out-of-line half of hak_free_rcu(). */
void __hak_free_rcu(struct rcu_head *head, const void *p);

/**
 * hak_free_rcu() - free memory after an RCU grace period
 * @ptr: memory of hak_alloc() or a typed cache, or NULL; evaluated once
 * @member: name of the &struct rcu_head in what @ptr points to, at any offset
 *
 * Nothing is allocated and no lock is taken.  Objects wait in batches, for one to two
 * grace periods; hak_cache_destroy() and unloading hakmem wait for them.  A second
 * call for an object that waits, or a call for one that is free, is reported as a double
 * free and does nothing.
 *
 * Context: Where call_rcu() may be called, and NMI.
 */
#define hak_free_rcu(ptr, member)						\
do {										\
	typeof(ptr) __hak_p = (ptr);						\
										\
	if (__hak_p)								\
		__hak_free_rcu(&__hak_p->member, __hak_p);			\
	hak_keep_frame();							\
} while (0)

/**
 * hak_rcu_barrier() - wait until what hak_free_rcu() was given so far is free
 *
 * Context: Process context. May sleep, for several grace periods.
 */
void hak_rcu_barrier(void);

#include <linux/hakmem_abi.h>
#endif

#endif /* _LINUX_HAKMEM_H */
