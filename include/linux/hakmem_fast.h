/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The inlined half of hakmem: what a caller's own code executes.
 *
 * Included by <linux/hakmem.h> and by nothing else.  Everything here is layout shared between a
 * client module and hakmem.ko.  So the out-of-line half carries HAK_ABI in its names, and a
 * client built against another layout does not load.
 *
 *   hak_cache_alloc(c)                     hak_cache_free(c, p)
 *     NMI/irq/softirq? ---> _irq             NMI/irq/softirq? -> the same checks, _irq
 *     preempt off                            preempt off
 *     pop a slot       ---> _miss            hardened: tag of p's slab page is c?
 *     preempt on                             hardened: p carries the mark? -> _check
 *     hardened: unmark; init_on_alloc?       push a slot      -> _miss
 *                                            preempt on
 *
 * The level is looked at first: a task that is moved meanwhile is one on its new CPU, too.  So
 * interrupts, where preemption is off, need not turn it off and on again.
 *
 * A cache handle *is* the per-CPU pointer: the set is reached from it with no load in
 * between.  A set whose cap is 0 looks full, and so every free leaves the inlined path.  One that
 * also holds nothing is gated: every call leaves it.  That is how modes that need to see every
 * operation cost nothing while they are off.
 *
 * The mark.  A free object of a hardened cache carries hak_mark(p) in its first word, the address
 * of the last word of its 2 MiB block.  The block layer gives neither that word nor the one before
 * it to an object.  So it is no pointer into an object or to the end of one, and nobody has a
 * reason to store it.  The low three bits of p survive in the mark.  So a misaligned p compares a
 * misaligned tag, and fails without a test of its own.
 */
#ifndef _LINUX_HAKMEM_FAST_H
#define _LINUX_HAKMEM_FAST_H

#define HAK_ABI			3	/* hakmem_abi.h says what it stands for */
#define HAK_ABI_NAME(name)	HAK_ABI_JOIN(name, HAK_ABI)
#define HAK_ABI_JOIN(name, abi)	HAK_ABI_PASTE(name, abi)
#define HAK_ABI_PASTE(name, abi) name##_v##abi

#define HAK_SS_SHIFT		21	/* a SuperSlab: one PMD, what the direct map uses */
#define HAK_SPAGE_SHIFT		14	/* a slab page: the smallest slab, 127 in a SuperSlab */
#define HAK_TAG_BITS		11	/* 7 choose the slab page, 4 the colour of the SuperSlab */
#define HAK_DIR_BITS		14	/* 16 Ki regions: 32 GiB before two share an entry */
#define HAK_MARK		((1UL << HAK_SS_SHIFT) - 8)
#ifndef HAK_MAG_MAX
#define HAK_MAG_MAX		64	/* slots of a magazine: 512 bytes */
#endif
#define HAK_MAX_SIZE		1024	/* largest object of hak_alloc() */
#define HAK_NR_CLASSES		24

/*
 * Who may interrupt whom: a set for each, so that none has to turn interrupts off.
 * On PREEMPT_RT softirqs are tasks, and use HAK_TASK.
 */
#ifndef HAK_LEVELS
#define HAK_LEVELS HAK_TASK, HAK_SOFTIRQ, HAK_HARDIRQ
#endif
enum hak_level { HAK_LEVELS, HAK_NR_LEVELS };

/*
 * What a set counts, in operations (a bulk call counts its objects).  Only what
 * leaves the magazine is counted; the rest is operations minus these.
 */
enum hak_set_event {
	HAK_ALLOC_MAGAZINE,	/* kept only while the hit statistics are on */
	HAK_ALLOC_SPARE,
	HAK_ALLOC_DEPOT,
	HAK_ALLOC_SLAB,
	HAK_ALLOC_FAIL,
	HAK_FREE_MAGAZINE,	/* likewise */
	HAK_FREE_SPARE,
	HAK_FREE_DEPOT,
	HAK_FREE_SLAB,
	HAK_NR_SET_EVENTS
};

struct hak_core;
struct hak_mag;

/*
 * The set of one CPU and level, touched only on that CPU.  HAK_TASK wants preemption off at task
 * level, HAK_SOFTIRQ a softirq or bottom halves off, HAK_HARDIRQ interrupts off.  The teardown of
 * a dead CPU touches them too.  size never changes.
 */
struct hak_set {
	s8 n;				/* objects held; below 0 after a pop that found none */
	u8 cap;				/* slots the inlined push may fill: slots, or always 0 */
	u8 slots;			/* how many of slot[] are in use, whether filled or not */
	u8 slots_max;			/* what slots may grow to; 0: there are none */
	u8 seen;			/* n when the reaper last looked */
	bool push_missed;		/* the last miss was a push that found no room */
	u16 size;			/* bytes a caller may use */
	struct hak_mag *spare;		/* previous magazine, or NULL */
	struct hak_mag *remote;		/* objects of other nodes on their way home, or NULL */
	void *slot[HAK_MAG_MAX];	/* there is memory for slots_max of them */
};

/* What a handle leads to on each CPU, and all of it that a client looks at. */
struct hak_cache {
	struct hak_set task;		/* as much of it as has slots */
};

DECLARE_STATIC_KEY_TRUE(hak_hardened_key);	/* set at load, before any object exists */
DECLARE_STATIC_KEY_FALSE(hak_init_key);		/* the kernel's init_on_alloc, as of load */

/* hak_mark() of the SuperSlab that covers a region, or 0; indexed by address bits 21..34. */
extern unsigned long hak_dir[1UL << HAK_DIR_BITS];
extern struct hak_cache *hak_class[HAK_NR_CLASSES];

/* Of what is called by name only, where an instruction counts: no landing pad of IBT. */
#ifdef __noendbr
#define HAK_NOENDBR __noendbr
#else
#define HAK_NOENDBR
#endif

HAK_NOENDBR void *HAK_ABI_NAME(hak_alloc_miss)(struct hak_cache *c, gfp_t gfp);
HAK_NOENDBR void *HAK_ABI_NAME(hak_alloc_irq)(struct hak_cache *c, gfp_t gfp);
HAK_NOENDBR void HAK_ABI_NAME(hak_free_miss)(struct hak_cache *c, void *p);
HAK_NOENDBR void HAK_ABI_NAME(hak_free_irq)(struct hak_cache *c, void *p);
HAK_NOENDBR void HAK_ABI_NAME(hak_free_irq_any)(void *p);
void HAK_ABI_NAME(hak_free_check)(struct hak_cache *c, void *p);
void HAK_ABI_NAME(hak_free_lookup)(const void *p);
void *HAK_ABI_NAME(hak_alloc_size)(size_t size, gfp_t gfp);

#define hak_percpu(c) ((struct hak_cache __percpu *)(unsigned long)(c))

#include <linux/hakmem_arch.h>

/* Kernels whose tools watch each object get the call, where the hooks are. */
#if defined(CONFIG_KASAN) || defined(CONFIG_KMSAN) || defined(CONFIG_KCSAN) || \
	defined(CONFIG_DEBUG_KMEMLEAK)
#define HAK_INLINE_FAST 0
#else
#define HAK_INLINE_FAST 1
#endif

/* Requests the inlined path does not serve: zeroed, or from a zone only the kernel has. */
#define HAK_GFP_SLOW (__GFP_ZERO | __GFP_DMA | __GFP_DMA32)

/* Not SOFTIRQ_MASK: a section with bottom halves off is task level. */
#define HAK_IRQ_LEVELS (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_OFFSET)

#ifndef hak_at_irq_level
#define hak_at_irq_level(cpu) (hak_arch_count(cpu) & HAK_IRQ_LEVELS)
#endif

static __always_inline unsigned long hak_mark(const void *p)
{
	return (unsigned long)p | HAK_MARK;
}

/* The tag of the slab page of @p, whose SuperSlab must be known to be ours. */
#define hak_tag_at(mark, p)							\
	((struct hak_cache **)hak_arch_base(mark, p) +				\
	 hak_arch_bits32(p, HAK_SPAGE_SHIFT, HAK_TAG_BITS))

/*
 * What it says.  A slab that loses pages leads to no cache from then on, while its live objects
 * may be freed: whoever reads either value goes right.  Only sanitizers want to be told.
 */
#ifdef __SANITIZE_THREAD__
#define hak_tag(mark, p) READ_ONCE(*hak_tag_at(mark, p))
#else
#define hak_tag(mark, p) (*hak_tag_at(mark, p))
#endif

/*
 * A report of a bad free names the function that frees.  Where a call is its last, the compiler
 * would let the call take its place on the stack.
 */
#ifndef hak_keep_frame
#define hak_keep_frame() barrier()
#endif

static __always_inline void hak_might_alloc(gfp_t gfp)
{
	if (IS_ENABLED(CONFIG_LOCKDEP) || IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP))
		might_alloc(gfp);
}

/* Objects up to that size are zeroed by stores where it is constant: memset() takes longer. */
#define HAK_ZERO_WORDS_MAX	128

/* Write 0 to @size bytes at @p, a constant multiple of 8 up to HAK_ZERO_WORDS_MAX. */
static __always_inline void hak_zero_words(unsigned long *p, const unsigned int size)
{
#define HAK_ZERO_WORD(n) do { if (size > (n) * 8) WRITE_ONCE(p[n], 0); } while (0)
	HAK_ZERO_WORD(0);
	HAK_ZERO_WORD(1);
	HAK_ZERO_WORD(2);
	HAK_ZERO_WORD(3);
	HAK_ZERO_WORD(4);
	HAK_ZERO_WORD(5);
	HAK_ZERO_WORD(6);
	HAK_ZERO_WORD(7);
	HAK_ZERO_WORD(8);
	HAK_ZERO_WORD(9);
	HAK_ZERO_WORD(10);
	HAK_ZERO_WORD(11);
	HAK_ZERO_WORD(12);
	HAK_ZERO_WORD(13);
	HAK_ZERO_WORD(14);
	HAK_ZERO_WORD(15);
#undef HAK_ZERO_WORD
}

/*
 * Pop one object at task level; the caller has checked @gfp against HAK_GFP_SLOW.  @words is how
 * many bytes of it hak_zero_words() may zero, or 0: it is not for that.
 */
static __always_inline void *hak_pop_words(struct hak_cache *c, gfp_t gfp,
					   const unsigned int words)
{
	struct hak_arch_cpu cpu;
	void *p;

	hak_might_alloc(gfp);
	cpu = hak_arch_here();
	if (unlikely(hak_at_irq_level(cpu)))
		return HAK_ABI_NAME(hak_alloc_irq)(c, gfp);
	hak_arch_off(cpu);
	hak_arch_pop(cpu, c, p, miss);
	hak_arch_on(cpu);
	if (static_branch_likely(&hak_hardened_key))
		hak_arch_unmark(p);
	if (static_branch_unlikely(&hak_init_key)) {
		void *q = p;

		if (words) {
			hak_zero_words(p, words);
			goto done;
		}
		/* Or gcc keeps p where memset() wants it, a copy for those who do not zero. */
		OPTIMIZER_HIDE_VAR(q);
		p = memset(q, 0, raw_cpu_read(hak_percpu(c)->task.size));
		if (!p)
			__builtin_unreachable();
		return p;
	}
done:
	hak_arch_keep(p);
	if (!p)
		__builtin_unreachable();
	return p;
miss:
	return HAK_ABI_NAME(hak_alloc_miss)(c, gfp);
}

static __always_inline void *hak_pop(struct hak_cache *c, gfp_t gfp)
{
	return hak_pop_words(c, gfp, 0);
}

/*
 * Push @p at task level, preemption off and every check made; turns it on again.
 * The mark is written only once there is room: a gated cache, which may not be
 * written to, never gets there.
 */
#define hak_push_tail(cpu, c, p, write_mark)					\
do {										\
	unsigned long __n;							\
										\
	hak_arch_room(cpu, c, __n, miss);					\
	write_mark;								\
	hak_arch_push(cpu, c, __n, p);					\
	hak_arch_on(cpu);							\
	return;									\
} while (0)

static __always_inline void hak_push_checked(struct hak_cache *c, void *p)
{
	struct hak_arch_cpu cpu = hak_arch_here();

	if (static_branch_likely(&hak_hardened_key)) {
		unsigned long mark = hak_mark(p) | HAK_ARCH_KERNEL_HALF;

		if (unlikely(hak_at_irq_level(cpu))) {
			hak_arch_tag_differs(c, mark, p, bad);
			hak_arch_marked(p, mark, bad);
			goto irq;
		}
		/* Or the slab of a free object might go between tag and mark. */
		hak_arch_off(cpu);
		hak_arch_tag_differs(c, mark, p, bad_on);
		hak_arch_marked(p, mark, bad_on);
		hak_push_tail(cpu, c, p, *(unsigned long *)p = mark);
	}
	if (unlikely(hak_at_irq_level(cpu)))
		goto irq;
	hak_arch_off(cpu);
	hak_push_tail(cpu, c, p, (void)0);
miss:
	HAK_ABI_NAME(hak_free_miss)(c, p);
	hak_keep_frame();
	return;
irq:
	HAK_ABI_NAME(hak_free_irq)(c, p);
	hak_keep_frame();
	return;
bad_on:
	hak_arch_on(cpu);
bad:
	HAK_ABI_NAME(hak_free_check)(c, p);
	hak_keep_frame();
}

/* Free @p, whose cache is found from its address; the look-up is the check. */
static __always_inline void hak_push_lookup(void *p)
{
	struct hak_arch_cpu cpu = hak_arch_here();
	unsigned long mark = hak_mark(p);
	struct hak_cache *c;

	if (unlikely(hak_at_irq_level(cpu))) {
		HAK_ABI_NAME(hak_free_irq_any)(p);
		hak_keep_frame();
		return;
	}
	/* From here to the push no SuperSlab can go: headers outlive a grace period. */
	hak_arch_off(cpu);
	hak_arch_foreign(p, mark, lookup);
	c = hak_tag(mark, p);
	if (static_branch_likely(&hak_hardened_key)) {
		if (unlikely(hak_arch_peek(p) == mark))
			goto lookup;
		hak_push_tail(cpu, c, p, *(unsigned long *)p = mark);
	}
	hak_push_tail(cpu, c, p, (void)0);
miss:
	HAK_ABI_NAME(hak_free_miss)(c, p);
	hak_keep_frame();
	return;
lookup:
	HAK_ABI_NAME(hak_free_lookup)(p);
	hak_keep_frame();
}

#endif /* _LINUX_HAKMEM_FAST_H */
