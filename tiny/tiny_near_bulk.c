// SPDX-License-Identifier: GPL-2.0
/*
 * Bulk frees where several nodes have memory: objects of this CPU's node, which may stay.
 *
 * The handle's sets have no room that the inlined paths see.  What lies in one 2 MiB region is of
 * one node, as far as object_near() can tell.  So neighbours are asked once.
 */
#include "tiny/tiny_bulk.h"
#include "tiny/tiny_near.h"
#include "tiny/tiny_set.h"

/* The set of this level, or NULL where a run may not touch one. Preemption off. */
static struct hak_set *near_set(struct hak_cache *c)
{
	if (likely(!hak_at_irq_level(hak_arch_here())))
		return this_set(c, HAK_TASK);
	return in_nmi() ? NULL : this_set(c, hak_level());
}

/* How many of @n objects, up to the first that is in doubt, are of this CPU's node. */
static __always_inline unsigned int near_ones(unsigned int n, void **p)
{
	unsigned long *o = (unsigned long *)p, *end = o + n;

	while (o < end && object_near((void *)READ_ONCE(*o)))
		o += o + BULK_GROUP <= end && !(group_diff(o) & BULK_SAME_SS) ? BULK_GROUP : 1;
	return o - (unsigned long *)p;
}

unsigned int hak_near_push(struct hak_cache *c, unsigned int n, void **p)
{
	unsigned int done = 0, now, went;
	struct hak_mag *m;
	struct hak_set *s;

	preempt_disable();
	s = near_set(c);
	if (!s)
		goto out;
	n = near_ones(n, p);
	s->n = max_t(s8, s->n, 0);
	now = min_t(unsigned int, n, max(s->slots - s->n, 0));
	done = push_slots(c, &s->slot[s->n], now, p);
	s->n += done;
	m = s->spare;
	if (done == now && done < n && m && m->n < s->slots) {
		now = min(n - done, s->slots - m->n);
		went = push_slots(c, &m->slot[m->n], now, p + done);
		m->n += went;
		hak_head_of(s)->ev[HAK_FREE_SPARE] += went;
		done += went;
	}
out:
	preempt_enable();
	return done;
}
NOKPROBE_SYMBOL(hak_near_push);
