// SPDX-License-Identifier: GPL-2.0
/*
 * Objects on their way back: which slab does each belong to, and which of it is it?
 *
 * Those that were allocated together often come back together, so it goes by runs of one slab.
 * Neighbours that come in their order, or against it, are found by comparing addresses.  Those of
 * one slab in any other order are gathered as bits of a map.  In both the mark of each is compared.
 */
#include "superslab/ss_batch.h"
#include "superslab/ss_dir.h"

/* The slab of @p and the object's index in it, or NULL after a report. Preemption off. */
static noinline struct hak_slab *return_check(struct hak_pool *pool, const void *p, unsigned int *i)
{
	struct hak_pool *found = NULL;
	struct hak_slab *slab = hak_slab_find(p, &found);

	if (!slab) {
		hak_report_bad(HAK_BAD_FOREIGN, p, NULL, 0);
		return NULL;
	}
	if (found != pool) {
		hak_report_bad(HAK_BAD_CACHE, p, found, 0);
		return NULL;
	}
	if (slab_starts(slab, pool, p, i))
		return slab;
	hak_report_bad(HAK_BAD_INTERIOR, p, found, 0);
	return NULL;
}

/*
 * It does not carry the mark of the slab that the image led to.  That may be a thin one, and @p of
 * a small block where a page of it was.
 *
 * Or it is of a small block and carries the mark of a SuperSlab.  The inlined free of a cache reads
 * a tag where a SuperSlab would have its header.  Any memory may be there, that of a client who
 * keeps the handle too.  Preemption off.
 */
static noinline void mark_lost(const struct hak_pool *pool, void *p)
{
	struct hak_pool *found;
	const struct hak_slab *slab = hak_slab_find(p, &found);
	unsigned long mark = hak_arch_peek(p + pool->mark_off);

	if (!slab || mark == slab_mark(slab, p))
		return;
	if (mark != hak_mark(p) || pool->mark_off)
		hak_report_write(p, pool);
	hak_arch_poke(p + pool->mark_off, slab_mark(slab, p));
}

/* A free object of a marked pool carries its mark, unless somebody wrote there: then again. */
static __always_inline void mark_check(const struct hak_pool *pool, const struct hak_slab *slab,
				       void *p)
{
	if (pool->marked && unlikely(hak_arch_peek(p + pool->mark_off) != slab_mark(slab, p)))
		mark_lost(pool, p);
}

/* What is at @p is no object and drops out; those behind, up to @end, move up.  The new end. */
static noinline void **object_drop(void **p, void **end)
{
	memmove(p, p + 1, (end - p - 1) * sizeof(*p));
	return end - 1;
}

/* Is @p at @at, and its mark there? */
static __always_inline bool run_on(const void *p, const void *at, unsigned int off,
				   unsigned long mark, bool marked)
{
	return p == at && (!marked || hak_arch_peek(at + off) == mark);
}

/*
 * The last that goes on from @p by @step, with its mark, before @last.  It may be less far, by as
 * many as are compared at a time.
 */
static __always_inline void *const *run_go(void *const *p, void *const *last, long step,
					   unsigned int off, unsigned long mark, bool marked)
{
	void *at = *p + step;

	for (; last - p >= 4; p += 4, at += 4 * step)
		if (!run_on(p[1], at, off, mark, marked) ||
		    !run_on(p[2], at + step, off, mark, marked) ||
		    !run_on(p[3], at + 2 * step, off, mark, marked) ||
		    !run_on(p[4], at + 3 * step, off, mark, marked))
			break;
	return p;
}

/*
 * How many behind @p, up to @end, are its neighbours in @slab, by @step, and fit into a word with
 * it?  Its index is @i.  The marks of all are compared.
 */
static noinline unsigned int run_find(const struct hak_pool *pool, const struct hak_slab *slab,
				      void *const *p, void *const *end, long step, unsigned int i)
{
	unsigned int max = min_t(unsigned int, end - p, BITS_PER_LONG) - 1;
	void *const *last = p + min_t(unsigned int, max, step > 0 ? slab->objects - 1 - i : i);
	unsigned long mark = slab_mark(slab, *p);
	void *const *q;

	mark_check(pool, slab, *p);
	q = pool->marked ? run_go(p, last, step, pool->mark_off, mark, true)
			 : run_go(p, last, step, 0, 0, false);
	for (; q < last && q[1] == *q + step; q++)
		mark_check(pool, slab, q[1]);
	return q - p;
}

/* The slab of @p if the image leads to one of @pool. */
static __always_inline struct hak_slab *near_of(const struct hak_pool *pool, const void *p)
{
	struct hak_slab *slab = hak_dir_near(p);

	/* Pairs with hak_slab_init(), as in hak_slab_find(). */
	return slab && smp_load_acquire(&slab->pool) == pool ? slab : NULL;
}

/* Is @p an address in @slab? */
static __always_inline bool slab_covers(const struct hak_slab *slab, const struct hak_pool *pool,
					const void *p)
{
	return (unsigned long)(p - slab->mem) < (unsigned long)slab->objects * pool->stride;
}

/* What is compared of each object of a slab. */
struct gather {
	const void *mem;
	unsigned long inverse, objects, mark;
	unsigned int shift, off;
	unsigned long *map;
};

/* Does an object of the slab start at @p, with its mark, and is this its first bit? */
static __always_inline bool object_gather(const struct gather *g, const void *p, bool marked)
{
	unsigned long i = ror64((p - g->mem) * g->inverse, g->shift);

	return i < g->objects && (!marked || hak_arch_peek(p + g->off) == g->mark) &&
	       !__test_and_set_bit(i, g->map);
}

/*
 * Give a bit of @map to each object of @slab from @p on, before @end.  It ends at one that is none,
 * has lost its mark or has a bit already: that is an entry of its own.  Returns how many they are.
 */
static __always_inline unsigned int slab_gather(const struct hak_pool *pool,
						const struct hak_slab *slab, void *const *p,
						void *const *end, unsigned long *map, bool marked)
{
	const struct gather g = {
		.mem = slab->mem,
		.inverse = pool->inverse,
		.objects = slab->objects,
		.mark = slab_mark(slab, slab->mem),
		.shift = pool->shift,
		.off = pool->mark_off,
		.map = map,
	};
	void *const *q = p;

	for (; end - q >= 4; q += 4) {
		if (!object_gather(&g, q[0], marked))
			return q - p;
		if (!object_gather(&g, q[1], marked))
			return q + 1 - p;
		if (!object_gather(&g, q[2], marked))
			return q + 2 - p;
		if (!object_gather(&g, q[3], marked))
			return q + 3 - p;
	}
	while (q < end && object_gather(&g, *q, marked))
		q++;
	return q - p;
}

/* Apart, because the loop wants each register. */
static noinline unsigned int gather_marked(const struct hak_pool *pool,
					   const struct hak_slab *slab, void *const *p,
					   void *const *end, unsigned long *map)
{
	return slab_gather(pool, slab, p, end, map, true);
}

static noinline unsigned int gather_plain(const struct hak_pool *pool,
					  const struct hak_slab *slab, void *const *p,
					  void *const *end, unsigned long *map)
{
	return slab_gather(pool, slab, p, end, map, false);
}

/* The objects behind @p, up to @end, that are of the slab of @e, too, have a bit of a map each. */
static __always_inline void entry_gather(const struct hak_pool *pool, struct hak_entry *e,
					 void *const *p, void *const *end, unsigned long *map)
{
	memset(map, 0, e->words * sizeof(*map));
	__set_bit(e->index, map);
	e->more = pool->marked ? gather_marked(pool, e->slab, p + 1, end, map)
			       : gather_plain(pool, e->slab, p + 1, end, map);
}

/* Are @p and the objects behind it, up to @end, neighbours, as far as two steps tell? */
static __always_inline bool run_begins(void *const *p, void *const *end, long stride)
{
	long step = p[1] - p[0];

	return (step == stride || step == -stride) && (p + 2 == end || p[2] - p[1] == step);
}

/*
 * @p, which is of entry @e, is followed by an address in its slab: what is of this entry, too?
 * @words of @b are taken; false if the rest of them does not do.
 */
static noinline bool entry_several(const struct hak_pool *pool, struct hak_batch *b,
				   struct hak_entry *e, void **p, void **end, unsigned int *words)
{
	unsigned int need = BITS_TO_LONGS(e->slab->objects);

	if (run_begins(p, end, pool->stride)) {
		e->more = run_find(pool, e->slab, p, end, p[1] - p[0], e->index);
		e->index -= p[1] > p[0] ? 0 : e->more;
		return true;
	}
	if (need > HAK_BATCH_WORDS - *words && *words)
		return false;
	mark_check(pool, e->slab, *p);
	if (need > HAK_BATCH_WORDS)
		return true;
	e->map = *words;
	e->words = need;
	entry_gather(pool, e, p, end, b->word + e->map);
	*words += e->more ? need : 0;
	return true;
}

unsigned int hak_batch_find(struct hak_pool *pool, struct hak_batch *b, unsigned int n, void **p)
{
	void **at = p, **end = p + n;
	struct hak_entry *e = b->entry;
	unsigned int words = 0, i;

	while (at < end && e < b->entry + HAK_BATCH) {
		struct hak_slab *slab = near_of(pool, *at);

		if (unlikely(!slab || !slab_starts(slab, pool, *at, &i)))
			slab = return_check(pool, *at, &i);
		if (unlikely(!slab)) {
			end = object_drop(at, end);
			continue;
		}
		*e = (struct hak_entry){ .slab = slab, .index = i, .at = at - p };
		if (at + 1 < end && slab_covers(slab, pool, at[1])) {
			if (!entry_several(pool, b, e, at, end, &words))
				break;
			at += e->more;
		} else {
			mark_check(pool, slab, *at);
		}
		at++;
		e++;
	}
	b->objects = at - p;
	b->n = e - b->entry;
	return end - p;
}
