/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The leaves that change a set: they call nothing, so nothing can come between.
 *
 * All of them want the set's protection held.  Each looks at the count afresh, because a nested
 * call may have filled or emptied the set since its caller did.
 */
#ifndef _TINY_SET_H
#define _TINY_SET_H

#include "tiny/tiny_core.h"

/*
 * Protection of a level; what is returned goes back to set_leave().  A caller at
 * task level that wants HAK_SOFTIRQ has bottom halves off.
 */
static __always_inline unsigned long set_enter(enum hak_level lvl)
	hak_takes(&hak_set_token) hak_unchecked("it makes the protection what it is")
{
	unsigned long flags = 0;

	if (lvl == HAK_HARDIRQ)
		local_irq_save(flags);
	else
		preempt_disable();
	return flags;
}

static __always_inline void set_leave(enum hak_level lvl, unsigned long flags)
	hak_drops(&hak_set_token) hak_unchecked("likewise")
{
	if (lvl == HAK_HARDIRQ)
		local_irq_restore(flags);
	else
		preempt_enable();
}

/*
 * The protection of @lvl is held: kernels with lockdep assert it where a pipeline begins.  In
 * softirq or with bottom halves off nobody else runs at that level on this CPU.
 */
static __always_inline void hak_assert_set(enum hak_level lvl)
{
	lockdep_assert_preemption_disabled();
	if (lvl == HAK_HARDIRQ)
		lockdep_assert_irqs_disabled();
	else if (lvl == HAK_SOFTIRQ)
		WARN_ON_ONCE(IS_ENABLED(CONFIG_LOCKDEP) && !in_softirq() && !irqs_disabled());
}

/* Does it have slots?  The set of an interrupt level has none before its first use. */
static __always_inline bool set_is_open(const struct hak_set *s)
{
	return hak_peek(s->slots_max);
}

/* The magazine that is the set @s of an interrupt level. */
static inline struct hak_mag *set_mag(struct hak_set *s)
{
	return (struct hak_mag *)hak_head_of(s);
}

/* Make @s the set of an interrupt level of the CPU whose task level has @task. */
static __always_inline void set_swap_irq(struct hak_set *task, enum hak_level lvl,
					 struct hak_set *s)
	hak_must_hold(&hak_set_token)
{
	/* Who looks from outside finds it made: hak_core_events(). */
	smp_store_release(&hak_head_of(task)->irq[lvl - 1], s);
}

/*
 * Take away the empty set of an interrupt level, or NULL; what it has counted stays.  The task
 * level does not count meanwhile: nobody is on its way to a set but the caller.
 */
static __always_inline struct hak_mag *set_close(struct hak_set *task, struct hak_set *s,
						 enum hak_level lvl, struct hak_set *none)
	hak_must_hold(&hak_set_token)
{
	int i;

	if (lvl == HAK_TASK || !set_is_open(s) || s->n > 0 || s->spare || s->remote)
		return NULL;
	for (i = 0; i < HAK_NR_SET_EVENTS; i++)
		hak_head_of(task)->ev[i] += hak_head_of(s)->ev[i];
	set_swap_irq(task, lvl, none);
	return set_mag(s);
}

/* Use @room slots; where frees are to be out of line, the inlined push sees none of them. */
static __always_inline void set_slots(struct hak_set *s, unsigned int room)
	hak_must_hold(&hak_set_token)
{
	s->slots = room;
	if (s->cap)
		s->cap = room;
}

/*
 * A magazine grows from a batch as it turns out to be used.  Beyond HAK_MAG_BYTES it
 * grows only when misses of frees and of allocations alternate.  Objects that just pass through
 * gain nothing from a larger one.
 */
static __always_inline void set_widen(struct hak_set *s, bool full)
	hak_must_hold(&hak_set_token)
{
	if (s->slots * s->size < HAK_MAG_BYTES || s->push_missed != full)
		set_slots(s, min_t(unsigned int, s->slots * 2, s->slots_max));
	s->push_missed = full;
}

/* An emptied magazine begins small again, and may grow to @max. */
static __always_inline void set_reset(struct hak_set *s, unsigned int max)
	hak_must_hold(&hak_set_token)
{
	s->slots_max = max;
	set_slots(s, min_t(unsigned int, s->slots_max, HAK_MAG_FIRST));
}

/* Newest object, or NULL. Also mends the count after an inlined pop that found none. */
static __always_inline void *set_pop(struct hak_set *s)
	hak_must_hold(&hak_set_token)
{
	if (s->n <= 0) {
		s->n = 0;
		return NULL;
	}
	return s->slot[--s->n];
}

static __always_inline bool set_push(struct hak_set *s, void *p)
	hak_must_hold(&hak_set_token)
{
	if (s->n < 0)
		s->n = 0;
	if (s->n >= s->slots)
		return false;
	s->slot[s->n++] = p;
	return true;
}

/* Move objects from the end of @p into the set; returns how many are left in @p. */
static __always_inline unsigned int set_fill(struct hak_set *s, unsigned int n, void **p)
	hak_must_hold(&hak_set_token)
{
	unsigned int at = s->n > 0 ? s->n : 0, k = at < s->slots ? min(n, s->slots - at) : 0;

	s->n = at + k;
	while (k--)
		s->slot[at++] = p[--n];
	return n;
}

/* Move up to @want of the newest objects out of the set; returns how many. */
static __always_inline unsigned int set_drain(struct hak_set *s, unsigned int want, void **p)
	hak_must_hold(&hak_set_token)
{
	unsigned int n = 0;
	void *obj;

	while (n < want && (obj = set_pop(s)))
		p[n++] = obj;
	return n;
}

/* Take as many of the newest objects of @m as the set can hold; its slots are fewer than they. */
static __always_inline void set_load_some(struct hak_set *s, struct hak_mag *m)
	hak_must_hold(&hak_set_token)
{
	unsigned int n = min_t(unsigned int, m->n, s->slots_max);

	set_slots(s, n);
	m->n -= n;
	copy_slots(s->slot, m->slot + m->n, n);
	s->n = n;
}

/* Empty set: take over the spare's objects, all if it can. Returns whether there were any. */
static __always_inline bool set_load_spare(struct hak_set *s)
	hak_must_hold(&hak_set_token)
{
	struct hak_mag *m = s->spare;
	unsigned int n;

	if (s->n > 0)
		return true;
	if (!m || !m->n)
		return false;
	n = m->n;
	if (unlikely(s->slots < n)) {
		set_load_some(s, m);
		return true;
	}
	copy_slots(s->slot, m->slot, n);
	s->n = n;
	m->n = 0;
	return true;
}

/* Put the objects of the set into @m, which is empty. */
static __always_inline void set_store(struct hak_set *s, struct hak_mag *m)
	hak_must_hold(&hak_set_token)
{
	copy_slots(m->slot, s->slot, s->n);
	m->n = s->n;
	s->n = 0;
}

/* Add them to @m, if the set can hold fewer than @most, a magazine of its cache, and they fit. */
static __always_inline bool set_store_more(struct hak_set *s, struct hak_mag *m, const u8 *most)
	hak_must_hold(&hak_set_token)
{
	if (s->slots_max >= *most || m->n + s->n > *most)
		return false;
	copy_slots(m->slot + m->n, s->slot, s->n);
	m->n += s->n;
	s->n = 0;
	return true;
}

/* Full set: put its objects into the spare, if that has room. Returns whether it had. */
static __always_inline bool set_store_spare(struct hak_set *s, const u8 *most)
	hak_must_hold(&hak_set_token)
{
	struct hak_mag *m = s->spare;

	if (s->n < s->slots)
		return true;
	if (!m)
		return false;
	if (m->n)
		return set_store_more(s, m, most);
	set_store(s, m);
	return true;
}

/* Make @m the spare and return the one before. */
static __always_inline struct hak_mag *set_swap_spare(struct hak_set *s, struct hak_mag *m)
	hak_must_hold(&hak_set_token)
{
	struct hak_mag *old = s->spare;

	s->spare = m;
	return old;
}

/* Put an object of another node on its way home. Returns whether there was room. */
static __always_inline bool set_push_remote(struct hak_set *s, void *p)
	hak_must_hold(&hak_set_token)
{
	struct hak_mag *m = s->remote;

	if (!m || m->n >= s->slots_max)
		return false;
	m->slot[m->n++] = p;
	return true;
}

/* Make @m the magazine of remote objects and return the one before. */
static __always_inline struct hak_mag *set_swap_remote(struct hak_set *s, struct hak_mag *m)
	hak_must_hold(&hak_set_token)
{
	struct hak_mag *old = s->remote;

	s->remote = m;
	return old;
}

#endif /* _TINY_SET_H */
