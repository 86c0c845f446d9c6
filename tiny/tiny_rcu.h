/* SPDX-License-Identifier: GPL-2.0 */
/* The list of objects that wait for a grace period, as tiny_rcu.c and its suite see it. */
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

/*
 * Put the object at @p on the list. Returns whether that made it not empty: the caller then
 * sees to it that there is a turn. False, too, after the report of a double free. Any context.
 */
bool hak_rcu_push(struct hak_rcu_list *l, struct rcu_head *head, const void *p);

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
