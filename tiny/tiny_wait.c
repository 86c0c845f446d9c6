// SPDX-License-Identifier: GPL-2.0
/*
 * Objects that have waited for a grace period are freed: see tiny_rcu.h.
 *
 * What is read of an rcu_head may be anybody's by now.  It is proven before it is followed or
 * written to, and what cannot be proven is reported as a double free.
 */
#include "tiny/tiny_rcu.h"

/* An rcu_head further behind the start of its object than that is none: kmalloc()'s largest. */
#define HEAD_MAX (4UL << 20)

bool hak_rcu_may_wait(const struct rcu_head *head, const void *p, unsigned long caller)
{
	unsigned long mark;
	bool may = true;

	preempt_disable();
	if (hak_rcu_waits(head, p)) {
		hak_report_bad(HAK_BAD_DOUBLE, p, NULL, caller);
		may = false;
	} else if (hak_owns(p)) {
		may = hak_free_valid(NULL, (void *)p, &mark, caller);
	} else if (!hak_kernel_owns(p)) {
		hak_report_bad(HAK_BAD_FOREIGN, p, NULL, caller);
		may = false;
	}
	if (may && hak_conf.hardened == 2)
		atomic_long_add(1, hak_waiting_near(p));
	preempt_enable();
	return may;
}
HAK_EXPORT_TEST(hak_rcu_may_wait);

/* The object of ours that @head lies in, or NULL. Preemption off. */
static void *object_around(const void *head)
{
	struct hak_pool *pool;
	struct hak_slab *slab = hak_slab_find(head, &pool);
	unsigned long i;

	if (!slab || head < slab->mem)
		return NULL;
	i = (unsigned long)(head - slab->mem) * pool->recip >> 32;
	return i < slab->objects ? slab->mem + i * pool->stride : NULL;
}

/* The object that waits through @head, or NULL if none is proven to; @next: the link. */
static void *waits_at(struct rcu_head *head, unsigned long next)
{
	unsigned long func = hak_arch_peek(&head->func);
	void *p;

	preempt_disable();
	p = object_around(head);
	if (!p && !hak_owns(head)) {
		p = (void *)(func * hak_inverse(hak_secret) - next);
		if ((unsigned long)head - (unsigned long)p >= HEAD_MAX || !hak_kernel_owns(p))
			p = NULL;
	}
	preempt_enable();
	return p && func == rcu_proof(p, next) ? p : NULL;
}

/*
 * Somebody wrote over the link of @head.  If that was the allocator itself, it was the first word
 * of the object, which its mark and its next allocation are written to.  What func says then leads
 * on, if the object there is one of ours that waits.
 */
static unsigned long link_mend(struct rcu_head *head)
{
	unsigned long word = hak_arch_peek(&head->next);
	unsigned long func = hak_arch_peek(&head->func);
	unsigned long next = func * hak_inverse(hak_secret) - (unsigned long)head;
	struct rcu_head *behind = (void *)next;

	if ((word && word != free_mark(head)) || next % sizeof(long) || !hak_owns(behind))
		return 0;
	return waits_at(behind, hak_arch_peek(&behind->next)) ? next : 0;
}

/*
 * Take @func, unless somebody wrote there meanwhile.  For KASAN the object may be free, and it
 * would report the write.
 */
static bool take_proof(struct rcu_head *head, void *func)
{
	if (!HAK_WATCHED)
		return try_cmpxchg((void **)&head->func, &func, NULL);
	hak_arch_poke(&head->func, 0);
	return true;
}

/* Take the object that waits through *@head, and lead to the one behind; NULL after a report. */
static void *take_waiting(struct rcu_head **head)
{
	struct rcu_head *h = *head;
	unsigned long next = hak_arch_peek(&h->next);
	void *p = waits_at(h, next);

	if (p && take_proof(h, (void *)rcu_proof(p, next))) {
		*head = (void *)next;
		if (hak_conf.hardened == 2)
			atomic_long_add(-1, hak_waiting_near(p));
		return p;
	}
	hak_report_bad(HAK_BAD_DOUBLE, h, NULL, 0);
	*head = (void *)link_mend(h);
	return NULL;
}

/* The grace period of the batch at @node is over. */
static void free_batch(struct llist_node *node)
{
	struct rcu_head *head = (void *)node;
	void *p[HAK_BATCH];
	unsigned int n = 0;

	while (head) {
		p[n] = take_waiting(&head);
		n += !!p[n];
		if (n < HAK_BATCH && head)
			continue;
		hak_mem_add(HAK_MEM_FREE_RCU, n);
		hak_free_bulk(n, p);
		n = 0;
		cond_resched();
	}
}

/* What a barrier may read of a list that is taking its next batch; nobody follows it. */
#define BETWEEN ((struct llist_node *)1)

bool hak_rcu_turn(struct hak_rcu_list *l)
{
	if (!l->waiting || poll_state_synchronize_rcu(l->gp)) {
		free_batch(l->waiting);
		/* Pairs with rcu_list_idle(); llist_del_all() is a full barrier. */
		WRITE_ONCE(l->waiting, BETWEEN);
		WRITE_ONCE(l->waiting, llist_del_all(&l->fresh));
		l->gp = get_state_synchronize_rcu();
		WRITE_ONCE(l->taken, l->taken + 1);
	}
	return l->waiting;
}
HAK_EXPORT_TEST(hak_rcu_turn);
