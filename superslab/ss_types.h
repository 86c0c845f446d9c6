/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory layer: blocks, slabs and pools, and how an address finds them.
 *
 * Words, here and everywhere:
 *
 *   object       what a caller gets: a cell of a slab, without a header
 *   page         4 KiB, the kernel's (an OS page)
 *   slab page    16 KiB, ours (spage); a SuperSlab has 128, and slabs take 127 of them
 *   slab         one, two or four slab pages of objects of one size, or a small block
 *   SuperSlab    2 MiB at a multiple of 2 MiB, cut into slabs; or less, where little is held
 *   small block  4 to 32 KiB that are one slab, where 2 MiB cannot be had
 *   block        a SuperSlab or a small block: what the kernel gives and gets back
 *   directory    says of any address whether it lies in a block, and in which
 *   tag          of a slab page: the handle of the cache that it serves
 *   mark         what the first word of a free object holds when frees are checked
 *   pool         all slabs of one cache: its slab half
 *   cache, core  one kind of object: pool, sets and depots.  Its structure is struct hak_core
 *   handle       what callers hold of a cache: the per-CPU pointer to its sets (struct hak_cache)
 *   magazine     an array of free objects, ready to be handed out
 *   set          one CPU's magazine for one level, with a spare one behind it
 *   level        task, softirq or hardirq: who may interrupt whom
 *   spare        the magazine of a set before this one: full or empty, but for few slots
 *   depot        a node's full and empty magazines of one cache
 *   node         memory that is near to some CPUs and far from others, as the kernel numbers it
 *   thin         of a slab: pages without live objects have gone, the others wait for theirs
 *   pristine     of an object with a constructor or SLAB_TYPESAFE_BY_RCU: nothing is written
 *                inside it while it is free
 *   mode         which path the calls of a cache take: tiny_mode.c
 *   gated        of a cache: no call is inlined.  Five modes are; the one so called is only that
 *
 * How things go back.  Each word has this meaning only:
 *
 *   free      a caller gives up an object; it goes into a set
 *   flush     a set that is full makes room: to its spare, the depot, the slabs
 *   drain     a set is emptied from outside: its CPU idles, goes away, or memory is wanted
 *   return    objects go from a magazine into their slabs
 *   put       a container (magazine, slab, small block, reserve) goes back where it came from
 *   trim      depots and pools give up what nobody asked for lately, or all they can spare
 *   shrink    trim all, and wait until it has gone
 *   reap      each CPU looks every now and then what may be drained and trimmed
 *   retire    a slab or a block leaves the books: nobody finds it any more
 *   rest      slab pages that were given up keep their marks for a grace period: ss_rest.h
 *   release   after a grace period, a worker gives the memory of what was retired to the kernel
 *
 *   SuperSlab, 2 MiB, naturally aligned, by the numbers of its slab pages
 *   +--------+--------+--------+------------------------------------+--------+
 *   |   0    |   1    |   2    |  ...   1 to 127: 16 KiB for slabs  |  127   |
 *   | header | slab   | slab   |                                    |    |M  |
 *   +--------+--------+--------+------------------------------------+--------+
 *   M: the last 16 bytes, given to no object.  The address of the last 8 is the mark, and the
 *      first 8 keep it apart from the end of any object.
 *
 *   header, 16 slots of 1 KiB, rotated by the colour c = (address >> 21) & 15
 *   slot c             128 tags, 8 bytes each: the handle of the cache a slab page serves
 *   slot c+1 .. c+15   9 slab descriptors each; after the last two, struct hak_ss
 *
 * The header of each SuperSlab sits at the same offset of 2 MiB, and a CPU's caches are indexed
 * by such offsets.  Without the rotation the hot lines of all SuperSlabs would fight for the same
 * few sets.
 *
 * Where 2 MiB cannot be had, a block of 4 to 32 KiB serves.  It is one slab, with
 * its descriptor (struct hak_small) at its end; the directory knows its pages.
 *
 * A slab hands out objects from a bitmap kept out of band.  So a free object holds no link that
 * could be overwritten, and a second free of it is seen.  A slab is carved by setting its bits,
 * and where frees are checked by writing the mark into each object.  Bitmaps are only touched 32
 * objects at a time, when a magazine is filled or flushed.
 *
 * Locks are in ss_lock.h.
 */
#ifndef _SS_TYPES_H
#define _SS_TYPES_H

#include "hak_compat.h"
#include "port/hak_watch.h"
#include <linux/hakmem.h>

#define HAK_SS_SIZE	(1UL << HAK_SS_SHIFT)
#define HAK_SS_ORDER	(HAK_SS_SHIFT - PAGE_SHIFT)
#define HAK_SPAGE_SIZE	(1UL << HAK_SPAGE_SHIFT)
#define HAK_SS_SPAGES	(1U << (HAK_SS_SHIFT - HAK_SPAGE_SHIFT))
#define HAK_SS_END	16U	/* bytes at the end of a SuperSlab that are in no slab */
#define HAK_SLAB_SPAGES_MAX 4		/* 64 KiB: wastes at most 1/8 for any size to 8192 */
#define HAK_SMALL_ORDER_MAX 3		/* PAGE_ALLOC_COSTLY_ORDER: what atomic callers may ask */
#ifndef HAK_GROW_LEAST
#define HAK_GROW_LEAST	32U		/* slab pages a SuperSlab begins with at least: 512 KiB */
#endif
#ifndef HAK_LARGE_STRIDES
#define HAK_LARGE_STRIDES 0		/* no object is larger than half a slab page */
#endif
#ifndef HAK_BATCH
#define HAK_BATCH	32		/* objects under one hold of a lock */
#endif

#define HAK_HDR_SLOT	1024
#define HAK_HDR_SLOTS	16
#define HAK_DESC_PER_SLOT 9
#define HAK_INLINE_BITS	512

struct hak_pool;

/* A slab. Fields without a tag are constant while the slab is in use. */
struct hak_slab {
	struct list_head list;		/* [pool node lock] on partial, small, full or thin */
	struct hak_pool *pool;		/* NULL: the slab page serves no slab */
	void *mem;			/* first object */
	unsigned long *bits;		/* [pool node lock] a set bit: object is free */
	u16 objects;
	u16 free;			/* [pool node lock] number of set bits */
	/* [pool node lock] Objects below were handed out, or as many where order is random; or: */
	u16 carved;
#define HAK_THINNING	0xfffd		/* pages of it are to go after a grace period */
#define HAK_LEAVING	0xfffe		/* pages of it are on their way to the kernel */
#define HAK_THIN	0xffff		/* pages of it have gone: it serves nobody new */
	u8 spages;			/* slab pages; 0: a small block */
	u8 first;			/* slab page of the SuperSlab where the slab begins */
	unsigned long inline_bits[HAK_INLINE_BITS / BITS_PER_LONG];
};

/* Something to be given up after a grace period, in process context. */
struct hak_release {
	struct llist_node node;
	void (*fn)(struct hak_release *r);
	unsigned int pages;		/* the kernel's, that come back with it */
};

/* A bit for each slab page of a SuperSlab. */
struct hak_spages {
	unsigned long bits[HAK_SS_SPAGES / BITS_PER_LONG];
};

/* A bit for each page. */
#define HAK_SS_PAGES	(1U << HAK_SS_ORDER)
#define HAK_SPAGE_PAGES	(1U << (HAK_SPAGE_SHIFT - PAGE_SHIFT))
struct hak_pages {
	unsigned long bits[HAK_SS_PAGES / BITS_PER_LONG];
};

struct hak_ss {
	struct list_head list;		/* [block node lock] in the bucket below */
	struct hak_spages free;		/* [block node lock] slab pages that serve no slab */
	struct hak_spages rest;		/* [block node lock] of those, with marks: ss_rest.h */
	struct hak_gp_state rest_gp;	/* [block node lock] the grace period for them */
	atomic_long_t left[HAK_SS_PAGES / BITS_PER_LONG];	/* pages that the kernel has back */
	u8 nr_free;			/* [block node lock] */
	u8 nr_used;			/* [block node lock] slab pages of slabs */
	u8 bucket;			/* [block node lock] see ss_block.c */
	u8 begun;			/* slab pages that it began with, but the header */
	int nid;
	void *base;
	struct hak_release release;
};

struct hak_small {
	struct hak_slab slab;
	struct hak_release release;
	void *base;
	u8 order;
	u8 left;			/* pages that have gone; never the last, which this is in */
};

struct hak_pool_node {
	raw_spinlock_t lock;		/* [4] in the lock order: docs/locks.md */
	/* Slabs with free objects, empty ones last; slabs without; and those with holes. */
	struct list_head partial hak_guarded_by_own(&lock);
	struct list_head full hak_guarded_by_own(&lock);
	struct list_head thin hak_guarded_by_own(&lock);
	/* Small blocks with free objects: used when there is nothing else. */
	struct list_head small hak_guarded_by_own(&lock);
	unsigned int nr_slabs hak_guarded_by_own(&lock);
	unsigned int nr_empty hak_guarded_by_own(&lock);
	unsigned int nr_thin hak_guarded_by_own(&lock);
	/* The grace period for those of which pages are to go. */
	struct hak_gp_state thin_gp hak_guarded_by_own(&lock);
	/* Fewest empty ones since the reaper looked. */
	unsigned int low_empty hak_guarded_by_own(&lock);
	unsigned long nr_objects hak_guarded_by_own(&lock);	/* capacity of all slabs */
	unsigned long nr_free hak_guarded_by_own(&lock);
	u64 random hak_guarded_by_own(&lock);	/* in which order a new slab is handed out */
	unsigned int grown hak_guarded_by_own(&lock);	/* how often it was, up to 2 */
	/* What the reaper found the last time, and how often in a row. */
	unsigned long seen_free hak_guarded_by_own(&lock);
	unsigned int looks hak_guarded_by_own(&lock);
};

/* Equally sized objects: the slab-level half of a cache. Constant after hak_pool_init(). */
struct hak_pool {
	u32 stride;			/* bytes from object to object */
	u32 recip;			/* 2^32 / stride, rounded up: index by multiplication */
	u64 inverse;			/* modulo 2^64, of the stride without its factors 2 */
	u8 shift;			/* how many of those it has */
	u32 keep_empty;			/* empty slabs a node keeps */
	u8 slab_spages;
	bool rcu;			/* no slab is re-cut or freed before a grace period */
	bool reclaimable;		/* its slabs count as the kernel's reclaimable ones */
	bool watched;			/* KASAN and kmemleak are told of its objects */
	bool marked;			/* free objects carry a mark, at @mark_off */
	bool shuffled;			/* a new slab hands its objects out in random order */
	bool thrifty;			/* its first slab on a node is a page: hak_pool_grow() */
	u32 mark_off;
	void (*ctor)(void *object);
	void (*dtor)(void *object);
	const char *name;		/* in reports; NULL: nobody's, or of a cache that is gone */
	struct hak_cache *tag;
	struct hak_pool_node **node;	/* nr_node_ids of them */
	u32 serial;			/* in reports: tells it from one that was there before */
	struct module *owner;		/* in reports; NULL: nobody's, or of one that is gone */
};

/* Each node there may be; for_each_node() looks them up in a map, which takes longer. */
#define for_each_nid(nid) for ((nid) = 0; (nid) < nr_node_ids; (nid)++)

static inline unsigned int ss_colour(const void *base)
{
	return ((unsigned long)base >> HAK_SS_SHIFT) & (HAK_HDR_SLOTS - 1);
}

static inline void *ss_slot(void *base, unsigned int slot)
{
	return base + ((ss_colour(base) + slot) & (HAK_HDR_SLOTS - 1)) * HAK_HDR_SLOT;
}

/* Of slab page @page.  They stand side by side, but for what is left at the end of each slot. */
static inline struct hak_slab *ss_desc(void *base, unsigned int page)
{
	unsigned int off = (1 + ss_colour(base)) * HAK_HDR_SLOT + page * sizeof(struct hak_slab) +
		page / HAK_DESC_PER_SLOT *
		(HAK_HDR_SLOT - HAK_DESC_PER_SLOT * sizeof(struct hak_slab));

	return base + (off & (HAK_SPAGE_SIZE - 1));
}

static inline struct hak_ss *ss_header(void *base)
{
	return ss_slot(base, HAK_HDR_SLOTS - 1) + 256;
}

static inline void *ss_base(const void *p)
{
	return (void *)((unsigned long)p & ~(HAK_SS_SIZE - 1));
}

static inline unsigned int ss_spage_index(const void *p)
{
	return ((unsigned long)p >> HAK_SPAGE_SHIFT) & (HAK_SS_SPAGES - 1);
}

/* The descriptor of the slab that a slab page of a SuperSlab of ours belongs to. */
static inline struct hak_slab *ss_slab(const void *p)
{
	unsigned int page = ss_spage_index(p), first;
	struct hak_slab *slab = ss_desc(ss_base(p), page);

	first = READ_ONCE(slab->first);
	return likely(first == page) ? slab : ss_desc(ss_base(p), first);
}

/* What odd @n is to be multiplied by, modulo 2^64, for 1. */
static inline u64 hak_inverse(u64 n)
{
	u64 inverse = n;
	int i;

	/* Right in the lowest 3 bits, and in twice as many after each step. */
	for (i = 0; i < 5; i++)
		inverse *= 2 - n * inverse;
	return inverse;
}

/*
 * The index of the object @off bytes behind the start of a slab; above any index if none starts
 * there.  Multiplying by an odd number modulo 2^64, and rotating, lose nothing.  Multiples of the
 * stride become their quotients, so nothing else becomes one.
 */
static __always_inline unsigned long pool_index(const struct hak_pool *pool, unsigned long off)
{
	return ror64(off * pool->inverse, pool->shift);
}

/*
 * Does an object of @slab start at @p, and in @index which?  @pool is slab->pool, read once by
 * whoever found the slab.  The answer is right for any @p at all.
 */
static inline bool slab_starts(const struct hak_slab *slab, const struct hak_pool *pool,
			       const void *p, unsigned int *index)
{
	unsigned long i = pool_index(pool, p - slab->mem);

	*index = i;
	return i < slab->objects;
}

static inline void *slab_object(const struct hak_slab *slab, unsigned int i)
{
	return slab->mem + (unsigned long)i * slab->pool->stride;
}

/*
 * What a free object at @p of @slab carries as its mark.  The last word of the region of a small
 * block may be anybody's, so there it is a word of the block's own descriptor.
 */
static inline unsigned long slab_mark(const struct hak_slab *slab, const void *p)
{
	return likely(slab->spages) ? hak_mark(p) : (unsigned long)&slab->pool;
}

static inline int slab_nid(const struct hak_slab *slab)
{
	return page_to_nid(virt_to_page(slab->mem));
}

/* Has this page of a SuperSlab gone back to the kernel? */
static inline bool ss_left(const struct hak_ss *ss, unsigned int page)
{
	return atomic_long_read(&ss->left[page / BITS_PER_LONG]) >> (page % BITS_PER_LONG) & 1;
}

static_assert(sizeof(struct hak_slab) == 112);
static_assert(HAK_DESC_PER_SLOT * sizeof(struct hak_slab) <= HAK_HDR_SLOT);
static_assert((HAK_HDR_SLOTS - 1) * HAK_DESC_PER_SLOT >= HAK_SS_SPAGES);
static_assert(HAK_SS_SPAGES - (HAK_HDR_SLOTS - 2) * HAK_DESC_PER_SLOT <= 2);
static_assert(256 + sizeof(struct hak_ss) <= HAK_HDR_SLOT);
static_assert(HAK_HDR_SLOTS * HAK_HDR_SLOT == HAK_SPAGE_SIZE);
static_assert(1 << HAK_TAG_BITS == HAK_HDR_SLOTS * HAK_SS_SPAGES);

#endif /* _SS_TYPES_H */
