// SPDX-License-Identifier: GPL-2.0
/*
 * Objects on their way back into their slabs, up to HAK_BATCH at a time.  They are looked up
 * without a lock, then put back under one hold of a node's lock.  Those that were allocated
 * together often come back together, so both go by runs of one slab.  Neighbours that come in
 * their order, or against it, are looked up once and put back by a few words of the map.
 */
#include "superslab/ss_block.h"
#include "superslab/ss_dir.h"
#include "superslab/ss_lock.h"
#include "superslab/ss_pool.h"

/*
 * Objects on their way back: where each belongs, and what is left for after the lock.  An entry
 * is one object, or one and its neighbours above.
 */
struct batch {
	void **p;
	unsigned int n;			/* entries */
	unsigned int objects;
	unsigned int bad;		/* those that were free already stand first in p */
	struct list_head gone;		/* slabs to be given up */
	struct hak_slab *slab[HAK_BATCH];
	u16 index[HAK_BATCH];		/* of the lowest */
	u8 more[HAK_BATCH];		/* neighbours */
	u8 at[HAK_BATCH];		/* where in p it begins */
};

static_assert(HAK_MAG_MAX < 256);

/* @slab has more free objects than before, and @was then. */
static void slab_returned(struct hak_pool *pool, struct hak_pool_node *pn, struct hak_slab *slab,
			  unsigned int was, struct list_head *gone)
	hak_must_hold(&pn->lock)
{
	struct list_head *list = likely(slab->spages) ? &pn->partial : &pn->small;

	hak_assert_held(&pn->lock);
	pn->nr_free += slab->free - was;
	if (!was)
		list_move(&slab->list, list);
	/* Whoever gives pages of it to the kernel looks again when they have gone. */
	if (slab->free < slab->objects || slab->carved == HAK_THINNING)
		return;
	pn->nr_empty++;
	if (pn->nr_empty > hak_peek(pool->keep_empty) || slab->carved == HAK_THIN ||
	    (!slab->spages && hak_block_has_room(pool, slab_nid(slab)))) {
		hak_slab_unlink(pn, slab);
		list_add(&slab->list, gone);
	} else {
		list_move_tail(&slab->list, list);
	}
}

/* The objects of entry @k of @b are free already. */
static noinline void entry_bad(struct batch *b, unsigned int k)
{
	unsigned int i;

	for (i = 0; i <= b->more[k]; i++)
		b->p[b->bad++] = b->p[b->at[k] + i];
}

/* Some of a run are free already: one by one. Returns how many were not. */
static noinline unsigned int run_return_some(struct hak_slab *slab, struct batch *b,
					     unsigned int k)
{
	unsigned int i, done = 0, more = b->more[k];
	void **p = b->p + b->at[k];
	bool up = p[0] < p[1];

	for (i = 0; i <= more; i++)
		if (!__test_and_set_bit(b->index[k] + (up ? i : more - i), slab->bits))
			done++;
		else
			b->p[b->bad++] = p[i];
	return done;
}

/* Mark a run free, of at most BITS_PER_LONG objects; returns how many were not. */
static unsigned int run_return(struct hak_slab *slab, struct batch *b, unsigned int k)
{
	unsigned int first = b->index[k], n = b->more[k] + 1;
	unsigned long *w = slab->bits + first / BITS_PER_LONG, mask = ~0UL >> (BITS_PER_LONG - n);
	unsigned long low = mask << first % BITS_PER_LONG;
	unsigned long high = mask >> 1 >> (BITS_PER_LONG - 1 - first % BITS_PER_LONG);

	if (unlikely(w[0] & low || (high && w[1] & high)))
		return run_return_some(slab, b, k);
	w[0] |= low;
	if (high)
		w[1] |= high;
	return n;
}

/*
 * Mark objects free, from entry @k of @b to the last in a row of one slab; returns the number
 * behind it.  One is free already if its bit is set, or if all of its slab is free.  So is one
 * whose slab was given up since the look-up.
 */
static __always_inline unsigned int slab_return(struct hak_pool *pool, struct hak_pool_node *pn,
						struct batch *b, unsigned int k)
	hak_must_hold(&pn->lock)
{
	struct hak_slab *slab = b->slab[k];
	unsigned int was = slab->free, now = was;

	if (unlikely(READ_ONCE(slab->pool) != pool || was == slab->objects)) {
		entry_bad(b, k);
		return k + 1;
	}
	do {
		if (b->more[k])
			now += run_return(slab, b, k);
		else if (likely(!__test_and_set_bit(b->index[k], slab->bits)))
			now++;
		else
			b->p[b->bad++] = b->p[b->at[k]];
	} while (++k < b->n && b->slab[k] == slab);
	if (now != was) {
		slab->free = now;
		slab_returned(pool, pn, slab, was, &b->gone);
	}
	return k;
}

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

/*
 * A free object of a marked pool carries its mark, unless somebody wrote there: then again.  Here
 * it is @n objects of @slab, @step apart from @p on.  One mark is that of all of them.
 */
static __always_inline void run_check(const struct hak_pool *pool, const struct hak_slab *slab,
				      void *p, long step, unsigned int n)
{
	unsigned long mark = slab_mark(slab, p);
	void *at = p + pool->mark_off;

	if (!pool->marked)
		return;
	for (; n >= 4; n -= 4, at += 4 * step)
		if (hak_arch_peek(at) != mark || hak_arch_peek(at + step) != mark ||
		    hak_arch_peek(at + 2 * step) != mark || hak_arch_peek(at + 3 * step) != mark)
			break;
	for (; n; n--, at += step)
		if (unlikely(hak_arch_peek(at) != mark))
			mark_lost(pool, at - pool->mark_off);
}

/*
 * How many objects behind @p, up to @end, go on by @step, which leads to a neighbour?  They are
 * of its slab, where its index is @i, and fit into a word with it.
 */
static __always_inline unsigned int run_length(const struct hak_slab *slab, void *const *p,
					       void *const *end, long step, unsigned int i)
{
	unsigned int max = min_t(unsigned int, end - p, BITS_PER_LONG) - 1;
	void *const *last = p + min_t(unsigned int, max, step > 0 ? slab->objects - 1 - i : i);
	void *const *q = p;
	void *next = *p + step;

	for (; last - q >= 4; q += 4, next += 4 * step)
		if (q[1] != next || q[2] != next + step || q[3] != next + 2 * step ||
		    q[4] != next + 3 * step)
			break;
	for (; q < last && q[1] == next; q++)
		next += step;
	return q - p;
}

/* Where the objects end that are left of @n, of which @p[k] is none, which drops out. */
static noinline unsigned int object_drop(unsigned int n, void **p, unsigned int k)
{
	memmove(p + k, p + k + 1, (n - k - 1) * sizeof(*p));
	return n - 1;
}

/* How many behind @p are its neighbours in @slab, by @step?  The marks of all are compared. */
static noinline unsigned int run_find(const struct hak_pool *pool, const struct hak_slab *slab,
				      void **p, void **end, long step, unsigned int i)
{
	unsigned int more = run_length(slab, p, end, step, i);

	run_check(pool, slab, *p, step, 1 + more);
	return more;
}

/* The slab of @p if the image leads to one of @pool. */
static __always_inline struct hak_slab *near_of(const struct hak_pool *pool, const void *p)
{
	struct hak_slab *slab = hak_dir_near(p);

	/* Pairs with hak_slab_init(), as in hak_slab_find(). */
	return slab && smp_load_acquire(&slab->pool) == pool ? slab : NULL;
}

/*
 * Look up objects, the first of @n, as many as there are entries for.  Those that are none drop
 * out, and those behind move up; how many there are then.  Preemption off.
 *
 * Those of one slab page are looked up once.  Whether it still serves is asked under the lock.
 */
static __always_inline unsigned int batch_find(struct hak_pool *pool, struct batch *b,
					       unsigned int n, void **p)
{
	unsigned int k = 0, j = 0, i, more;
	struct hak_slab *slab = NULL;
	long stride = pool->stride, step;
	unsigned long page = 0;

	while (k < n && j < HAK_BATCH) {
		void *q = p[k];

		if ((unsigned long)q >> HAK_SPAGE_SHIFT != page)
			slab = near_of(pool, q);
		page = (unsigned long)q >> HAK_SPAGE_SHIFT;
		if (unlikely(!slab || !slab_starts(slab, pool, q, &i)))
			slab = return_check(pool, q, &i);
		if (unlikely(!slab)) {
			n = object_drop(n, p, k);
			continue;
		}
		step = k + 1 < n ? p[k + 1] - q : 0;
		more = 0;
		if (step == stride || step == -stride) {
			more = run_find(pool, slab, p + k, p + n, step, i);
			i -= step > 0 ? 0 : more;
		} else if (unlikely(pool->marked &&
				    hak_arch_peek(q + pool->mark_off) != slab_mark(slab, q))) {
			mark_lost(pool, q);
		}
		b->slab[j] = slab;
		b->index[j] = i;
		b->more[j] = more;
		b->at[j++] = k;
		k += 1 + more;
	}
	b->objects = k;
	b->n = j;
	return n;
}

/* Is @slab of @nid, the node of @first? A SuperSlab is of one node. */
static __always_inline bool same_node(const struct hak_slab *first, const struct hak_slab *slab,
				      int nid)
{
	return (first->spages && ss_base(first) == ss_base(slab)) || slab_nid(slab) == nid;
}

/*
 * The map says that @p is free already.  It may be of a small block, where a page of a thin slab
 * of the same pool was: then it goes where it belongs.  Preemption off.
 */
static noinline void return_again(struct hak_pool *pool, void *p, struct list_head *gone)
{
	struct batch b = { .p = &p, .n = 1 };
	struct hak_pool *found = NULL;
	struct hak_pool_node *pn;
	unsigned long flags;
	unsigned int i;

	b.slab[0] = hak_slab_find(p, &found);
	if (found == pool && !b.slab[0]->spages && slab_starts(b.slab[0], pool, p, &i)) {
		b.index[0] = i;
		INIT_LIST_HEAD(&b.gone);
		pn = pool->node[slab_nid(b.slab[0])];
		flags = hak_lock(&pn->lock);
		slab_return(pool, pn, &b, 0);
		hak_unlock(&pn->lock, flags);
		list_splice(&b.gone, gone);
		if (!b.bad)
			return;
	}
	hak_report_bad(HAK_BAD_DOUBLE, p, pool, 0);
}

/*
 * Some of @n objects, as many as a batch has entries for: look up without a lock, put back under
 * one per node run.  Returns where those that are left begin, and in @n how many they are.
 */
static void **return_batch(struct hak_pool *pool, unsigned int *n, void **p)
{
	unsigned long flags;
	unsigned int k;
	struct batch b hak_uninit;

	b.p = p;
	b.bad = 0;
	INIT_LIST_HEAD(&b.gone);
	/* Until it is back in its slab, what is not proven live may go at any time. */
	preempt_disable();
	*n = batch_find(pool, &b, *n, p) - b.objects;
	for (k = 0; k < b.n; ) {
		const struct hak_slab *first = b.slab[k];
		int nid = slab_nid(first), done = k;
		struct hak_pool_node *pn = pool->node[nid];

		flags = hak_lock(&pn->lock);
		do
			k = slab_return(pool, pn, &b, k);
		while (k < b.n && same_node(first, b.slab[k], nid));
		hak_unlock(&pn->lock, flags);
		hak_mem_add(nid == hak_home_nid() ? HAK_MEM_FREE_LOCAL : HAK_MEM_FREE_REMOTE,
			    (k < b.n ? b.at[k] : b.objects) - b.at[done]);
	}
	for (k = 0; k < b.bad; k++)
		return_again(pool, p[k], &b.gone);
	preempt_enable();
	hak_slabs_retire(&b.gone);
	return p + b.objects;
}

void hak_pool_return(struct hak_pool *pool, unsigned int n, void **p)
{
	while (n)
		p = return_batch(pool, &n, p);
}
HAK_EXPORT_TEST(hak_pool_return);
