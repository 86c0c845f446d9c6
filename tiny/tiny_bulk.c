// SPDX-License-Identifier: GPL-2.0
/*
 * Bulk calls: the fast paths in a loop, with preemption off once per run.
 *
 * Objects freed together tend to lie together, so a free keeps what it learnt of the last slab
 * page.  Only an object of another slab page, or a misaligned one, pays for the look-up again.
 * Whatever a run cannot do, the single call does.
 */
#include "tiny/tiny_bulk.h"
#include "tiny/tiny_class.h"
#include "tiny/tiny_set.h"

/* Objects of one run: bounds the time with preemption off. */
#define BULK_RUN HAK_MAG_MAX

/* Hand out the newest @n of the @held objects in @slot. */
static __always_inline void pop_slots(void **slot, unsigned int held, unsigned int n, void **p)
{
	unsigned int i;

	slot += held - n;
	if (!static_branch_likely(&hak_hardened_key)) {
		copy_slots(p, slot, n);
		return;
	}
	hak_unroll
	for (i = 0; i < n; i++) {
		unsigned long *obj = slot[i];

		p[i] = obj;
		*obj = 0;
	}
}

/* The set of an interrupt level, or NULL where a run may not touch one. */
static noinline struct hak_set *irq_run_set(struct hak_cache *c)
{
	return in_nmi() ? NULL : this_set(c, hak_level());
}

/*
 * The handle's set of this level; that of a gated cache has neither objects nor room.
 * Preemption off.
 */
static __always_inline struct hak_set *run_set(struct hak_cache *c)
{
	if (likely(!hak_at_irq_level(hak_arch_here())))
		return this_set(c, HAK_TASK);
	return irq_run_set(c);
}

/* Pop up to @n objects of this level's set, then of its spare. */
static unsigned int pop_run(struct hak_cache *c, unsigned int n, void **p)
{
	unsigned int got = 0, now;
	struct hak_mag *m;
	struct hak_set *s;

	preempt_disable();
	s = run_set(c);
	if (!s)
		goto out;
	if (s->n > 0) {
		got = min_t(unsigned int, n, s->n);
		pop_slots(s->slot, s->n, got, p);
		s->n -= got;
	}
	m = s->spare;
	if (got < n && m && m->n) {
		now = min(n - got, m->n);
		pop_slots(m->slot, m->n, now, p + got);
		m->n -= now;
		hak_head_of(s)->ev[HAK_ALLOC_SPARE] += now;
		got += now;
	}
out:
	preempt_enable();
	return got;
}
NOKPROBE_SYMBOL(pop_run);

/* A run, zeroed if @gfp or the kernel says so; nothing if the cache wants each object looked at. */
static __always_inline unsigned int alloc_run(struct hak_cache *c, gfp_t gfp, unsigned int n,
					      void **p)
{
	unsigned int got = pop_run(c, n, p), size, i;

	if (likely(!(gfp & __GFP_ZERO) && !static_branch_unlikely(&hak_init_key)))
		return got;
	size = raw_cpu_ptr(hak_percpu(c))->task.size;
	for (i = 0; i < got; i++)
		memset(p[i], 0, size);
	return got;
}

/* Where a run ended: a run of mode quick, or one object. Returns how many, of @n at most. */
static noinline unsigned int alloc_next(struct hak_cache *c, gfp_t gfp, unsigned int n, void **p)
{
	unsigned int got = 0;

	if (cache_quick(c) > 0)
		got = hak_quick_pop(c, gfp, min_t(unsigned int, n, BULK_RUN), p);
	if (got)
		return got;
	*p = __hak_cache_alloc(c, gfp);
	return !!*p;
}

unsigned int hak_cache_alloc_bulk(struct hak_cache *c, gfp_t gfp, unsigned int n, void **p)
{
	/* A constructed object is not zeroed, and what this means is decided elsewhere. */
	bool singly = gfp & HAK_GFP_SLOW && cache_core(c)->pool.ctor;
	unsigned int got = 0, went;

	if (!n || n > HAK_BULK_MAX)
		return 0;
	hak_might_alloc(gfp);
	while (got < n) {
		if (likely(!singly))
			got += alloc_run(c, gfp, min_t(unsigned int, n - got, BULK_RUN), p + got);
		if (got == n)
			break;
		went = alloc_next(c, gfp, n - got, p + got);
		if (unlikely(!went)) {
			hak_cache_free_bulk(c, got, p);
			return 0;
		}
		got += went;
	}
	return n;
}
HAK_EXPORT(hak_cache_alloc_bulk);

unsigned int hak_alloc_bulk(size_t size, gfp_t gfp, unsigned int n, void **p)
{
	unsigned int got, i;

	if (!n || n > HAK_BULK_MAX)
		return 0;
	if (size - 1 < HAK_MAX_SIZE && !(gfp & (__GFP_DMA | __GFP_DMA32))) {
		got = hak_cache_alloc_bulk(hak_cache_of(size), gfp, n, p);
		for (i = 0; HAK_WATCHED && i < got; i++)
			watch_size(p[i], size);
		return got;
	}
	for (got = 0; got < n; got++) {
		p[got] = hak_alloc(size, gfp);
		if (!p[got]) {
			hak_free_bulk(got, p);
			return 0;
		}
	}
	return n;
}
HAK_EXPORT(hak_alloc_bulk);

/* Push up to @n objects to this level's set, then to its spare; returns how many went in. */
static unsigned int push_run(struct hak_cache *c, unsigned int n, void **p)
{
	unsigned int done = 0, now, went;
	struct hak_mag *m;
	struct hak_set *s;

	preempt_disable();
	s = run_set(c);
	if (!s)
		goto out;
	s->n = max_t(s8, s->n, 0);
	/* More than cap only where frees are to be out of line, and cap is 0. */
	now = min_t(unsigned int, n, max(s->cap - s->n, 0));
	done = push_slots(c, &s->slot[s->n], now, p);
	s->n += done;
	m = s->spare;
	if (done == now && done < n && m && m->n < s->cap) {
		now = min(n - done, s->cap - m->n);
		went = push_slots(c, &m->slot[m->n], now, p + done);
		m->n += went;
		hak_head_of(s)->ev[HAK_FREE_SPARE] += went;
		done += went;
	}
out:
	preempt_enable();
	return done;
}
NOKPROBE_SYMBOL(push_run);

/* As alloc_next(), but the one object is left to the caller, whom a report would name. */
static noinline unsigned int free_next(struct hak_cache *c, unsigned int n, void **p)
{
	long quick = cache_quick(c);

	n = min_t(unsigned int, n, BULK_RUN);
	if (quick > 0)
		return hak_quick_push(c, n, p);
	return quick ? hak_near_push(c, n, p) : 0;
}

void __hak_cache_free_bulk(struct hak_cache *c, unsigned int n, void **p)
{
	unsigned int done;

	while (n) {
		done = push_run(c, min_t(unsigned int, n, BULK_RUN), p);
		p += done;
		n -= done;
		if (!n)
			break;
		/* Or gcc keeps both values of p, in a register that it has to save. */
		OPTIMIZER_HIDE_VAR(p);
		done = free_next(c, n, p);
		if (!done) {
			__hak_cache_free(c, *p++);
			n--;
			continue;
		}
		p += done;
		n -= done;
	}
}
HAK_EXPORT(__hak_cache_free_bulk);

/* Push BULK_GROUP objects of a slab page; stops at one that is marked, or where room ends. */
static __always_inline unsigned int push_group(struct hak_set *s, unsigned long mark,
					       unsigned long *o, bool hardened)
{
	unsigned int k = BULK_GROUP;

	if (unlikely(s->n < 0 || s->n + BULK_GROUP > s->cap))
		return 0;
	if (hardened)
		k = mark_slots(&s->slot[s->n], BULK_GROUP, o, mark);
	else
		copy_slots(&s->slot[s->n], (void **)o, BULK_GROUP);
	s->n += k;
	return k;
}

/* Check, mark and push one object whose SuperSlab is known to be ours; else go to @full. */
#define PUSH_KNOWN(obj, mark, hardened, full)					\
do {										\
	struct hak_arch_cpu __cpu = hak_arch_here();				\
	unsigned long __obj = (obj), __n;					\
	struct hak_cache *__c = hak_tag(mark, __obj);				\
										\
	if ((hardened) && unlikely(hak_arch_peek(__obj) == (mark)))		\
		goto full;							\
	hak_arch_room(__cpu, __c, __n, full);					\
	if (hardened)								\
		*(unsigned long *)__obj = (mark);				\
	hak_arch_push(__cpu, __c, __n, (void *)__obj);				\
} while (0)

/* A group of one SuperSlab, each by its own tag; returns how many went in. */
static __always_inline unsigned int push_scattered(const unsigned long *o, unsigned long mark,
						   bool hardened)
{
	unsigned int k = 0;

#define PUSH_NEXT do { PUSH_KNOWN(READ_ONCE(o[k]), mark, hardened, full); k++; } while (0)
	PUSH_NEXT;
	PUSH_NEXT;
	PUSH_NEXT;
	PUSH_NEXT;
	PUSH_NEXT;
	PUSH_NEXT;
	PUSH_NEXT;
	PUSH_NEXT;
#undef PUSH_NEXT
	static_assert(BULK_GROUP == 8);
full:
	return k;
}

/*
 * Push objects of any caches to the task sets, up to the first that needs more than that.  One
 * look-up in the directory proves a group of neighbours in one SuperSlab ours.  One tag proves
 * those in the same slab page.
 */
static __always_inline unsigned int push_any(unsigned int n, void **p, bool hardened)
{
	unsigned long *o = (unsigned long *)p, *end = o + n, mark, diff;
	unsigned int went;

	while (o < end) {
		mark = hak_mark((void *)*o);
		if (unlikely(hak_dir_entry(*o) != mark))
			break;
		diff = o + BULK_GROUP <= end ? group_diff(o) : ~0UL;
		if (likely(!(diff & BULK_SAME_SS))) {
			went = diff & BULK_SAME_SPAGE ? 0 :
			       push_group(this_set(hak_tag(mark, *o), HAK_TASK), mark, o,
					  hardened);
			if (!went)
				went = push_scattered(o, mark, hardened);
			o += went;
			if (unlikely(went < BULK_GROUP))
				break;
			continue;
		}
		PUSH_KNOWN(*o, mark, hardened, full);
		o++;
	}
full:
	return o - (unsigned long *)p;
}

static unsigned int push_any_run(unsigned int n, void **p)
{
	unsigned int done = 0;

	preempt_disable();
	if (likely(!hak_at_irq_level(hak_arch_here())))
		done = static_branch_likely(&hak_hardened_key) ? push_any(n, p, true)
							       : push_any(n, p, false);
	preempt_enable();
	return done;
}
NOKPROBE_SYMBOL(push_any_run);

void __hak_free_bulk(unsigned int n, void **p)
{
	unsigned int done;

	while (n) {
		done = push_any_run(min_t(unsigned int, n, BULK_RUN), p);
		p += done;
		n -= done;
		if (!n)
			break;
		__hak_free(*p++);
		n--;
	}
}
HAK_EXPORT(__hak_free_bulk);
