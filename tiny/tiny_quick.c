// SPDX-License-Identifier: GPL-2.0
/*
 * Bulk calls of caches in mode quick, which have a constructor or SLAB_TYPESAFE_BY_RCU.
 *
 * The handle's set of such a cache holds nothing, and its own sets stand behind that.  An object
 * has its mark behind it, and the mark of a live one proves it.
 */
#include "tiny/tiny_bulk.h"
#include "tiny/tiny_set.h"

/* The cache's own set of this level, or NULL where a run may not touch one. Preemption off. */
static struct hak_set *quick_set(struct hak_cache *c)
{
	if (likely(!hak_at_irq_level(hak_arch_here())))
		return this_set(gated_sets(c), HAK_TASK);
	return in_nmi() ? NULL : this_set(gated_sets(c), hak_level());
}

/* Hand out @n objects, each with the mark of a live one @off bytes behind. */
static __always_inline void pop_live(void **slot, unsigned int n, void **p, unsigned long off)
{
	const unsigned long live = live_mark(NULL);
	unsigned int i;

	hak_unroll
	for (i = 0; i < n; i++) {
		p[i] = slot[i];
		hak_arch_poke(p[i] + off, (unsigned long)p[i] + live);
	}
}

static unsigned int quick_run(struct hak_cache *c, unsigned int n, void **p)
{
	unsigned long off = cache_quick(c);
	unsigned int got = 0, now;
	struct hak_mag *m;
	struct hak_set *s;

	preempt_disable();
	s = quick_set(c);
	if (!s)
		goto out;
	if (s->n > 0) {
		got = min_t(unsigned int, n, s->n);
		s->n -= got;
		pop_live(s->slot + s->n, got, p, off);
	}
	m = s->spare;
	if (got < n && m && m->n) {
		now = min(n - got, m->n);
		m->n -= now;
		pop_live(m->slot + m->n, now, p + got, off);
		hak_head_of(s)->ev[HAK_ALLOC_SPARE] += now;
		got += now;
	}
out:
	preempt_enable();
	return got;
}
NOKPROBE_SYMBOL(quick_run);

unsigned int hak_quick_pop(struct hak_cache *c, gfp_t gfp, unsigned int n, void **p)
{
	unsigned int got, i;

	/* What flags mean for a constructed object is decided elsewhere. */
	if (unlikely(gfp & HAK_GFP_SLOW) && cache_core(c)->pool.ctor)
		return 0;
	got = quick_run(c, n, p);
	for (i = 0; unlikely(gfp & __GFP_ZERO) && i < got; i++)
		memset(p[i], 0, cache_core(c)->size);
	return got;
}

/*
 * Check, mark and store up to @n objects; stops at the first that is not right.  Neighbours have
 * their tag looked at once.
 */
static __always_inline unsigned int push_live(struct hak_cache *c, void **slot, unsigned int n,
					      void **p, unsigned long off)
{
	unsigned long last = n ? ~(unsigned long)READ_ONCE(p[0]) : 0, mark = 0, o;
	const unsigned long live = live_mark(NULL);
	unsigned int i;

	hak_unroll
	for (i = 0; i < n; i++) {
		o = (unsigned long)READ_ONCE(p[i]);
		if ((o ^ last) & BULK_SAME_SPAGE) {
			mark = hak_mark((void *)o) | HAK_ARCH_KERNEL_HALF;
			hak_arch_tag_differs(c, mark, o, bad);
			last = o;
		}
		hak_arch_word_differs(o, off, o + live, bad);
		hak_arch_poke((void *)o + off, mark);
		slot[i] = (void *)o;
	}
bad:
	return i;
}

unsigned int hak_quick_push(struct hak_cache *c, unsigned int n, void **p)
{
	unsigned long off = cache_quick(c);
	unsigned int done = 0, now, went;
	struct hak_mag *m;
	struct hak_set *s;

	preempt_disable();
	s = quick_set(c);
	if (!s)
		goto out;
	s->n = max_t(s8, s->n, 0);
	now = min_t(unsigned int, n, max(s->slots - s->n, 0));
	done = push_live(c, &s->slot[s->n], now, p, off);
	s->n += done;
	m = s->spare;
	if (done == now && done < n && m && m->n < s->slots) {
		now = min(n - done, s->slots - m->n);
		went = push_live(c, &m->slot[m->n], now, p + done, off);
		m->n += went;
		hak_head_of(s)->ev[HAK_FREE_SPARE] += went;
		done += went;
	}
out:
	preempt_enable();
	return done;
}
NOKPROBE_SYMBOL(hak_quick_push);
