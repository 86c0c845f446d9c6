/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lists of objects that wait for a grace period: tiny_wait.c frees them, tiny_rcu.c has one for
 * each CPU.
 *
 * An object waits linked through the two words of its rcu_head.  Its owner gave it up, but who
 * frees it a second time may have it handed out to another, who writes there.  So a link is
 * followed only if both words prove it:
 *
 *   next   the rcu_head behind, or NULL
 *   func   the sum of that and the object's address, times a secret
 */
#ifndef _TINY_RCU_H
#define _TINY_RCU_H

#include "tiny/tiny_core.h"

struct hak_rcu_list {
	struct llist_head fresh;	/* any context pushes; hak_rcu_turn() takes all */
	/*
	 * hak_rcu_turn()'s: the batch whose grace period runs.  Not NULL from before fresh is
	 * emptied, so that barriers, who look at fresh first, see what is between the two.
	 */
	struct llist_node *waiting;
	unsigned long gp;		/* likewise: what that batch waits for */
	unsigned long taken;		/* batches taken; read by barriers */
};

/* What func is while the object at @p waits, linked to @next. */
static inline unsigned long rcu_proof(const void *p, unsigned long next)
{
	return ((unsigned long)p + next) * hak_secret;
}

/* Does the object at @p wait, as far as @head says? */
static inline bool hak_rcu_waits(const struct rcu_head *head, const void *p)
{
	return hak_arch_peek(&head->func) == rcu_proof(p, hak_arch_peek(&head->next));
}

/* Does the object of @size bytes at @p wait, wherever its rcu_head is? */
static inline bool hak_rcu_waits_within(const void *p, unsigned int size)
{
	const void *at;

	/* In user space nothing waits. */
	if (!hak_secret)
		return false;
	for (at = p; at + sizeof(struct rcu_head) <= p + size; at += sizeof(long))
		if (hak_rcu_waits(at, p))
			return true;
	return false;
}

/*
 * With hardened=2: how many objects wait on slab pages that share an entry.  A free looks for a
 * link in its object where that is not 0.  An object that is lost on its way stays counted.
 */
#define HAK_WAITING_BITS 9
extern atomic_long_t hak_waiting[1 << HAK_WAITING_BITS];

static __always_inline atomic_long_t *hak_waiting_near(const void *p)
{
	return &hak_waiting[hak_arch_bits32(p, HAK_SPAGE_SHIFT, HAK_WAITING_BITS)];
}

/*
 * There is doubt about the object at @p, or each is to be looked up: may it wait?  False after a
 * report.  With hardened=2 it is counted as waiting from then on.  Any context.
 */
bool hak_rcu_may_wait(const struct rcu_head *head, const void *p, unsigned long caller);

/* Is it to be asked?  The mark of a free object is where the inlined paths look for it. */
static __always_inline bool hak_rcu_doubt(const struct rcu_head *head, const void *p)
{
	return hak_arch_peek(p) == hak_mark(p) || hak_conf.hardened == 2 || hak_rcu_waits(head, p);
}

/*
 * Put the object at @p on the list. Returns whether that made it not empty: the caller then
 * sees to it that there is a turn. Any context.
 */
static __always_inline bool hak_rcu_link(struct hak_rcu_list *l, struct rcu_head *head,
					 const void *p)
{
	struct llist_node *first = READ_ONCE(l->fresh.first);

	BUILD_BUG_ON(offsetof(struct rcu_head, next) != offsetof(struct llist_node, next));
	do {
		head->next = (void *)first;
		head->func = (void *)rcu_proof(p, (unsigned long)first);
	} while (!try_cmpxchg(&l->fresh.first, &first, (struct llist_node *)head));
	return !first;
}

/*
 * Free the batch that waits if its grace period is over, and let what came meanwhile be the
 * next one. Returns whether one waits now. Process context, one at a time.
 *
 * The request that led here may be older than the batch: a push just before the batch was
 * taken has made it.  So the batch itself is asked.
 */
bool hak_rcu_turn(struct hak_rcu_list *l);

/* The list of @cpu. */
struct hak_rcu_list *hak_rcu_list_of(int cpu);

#endif /* _TINY_RCU_H */
