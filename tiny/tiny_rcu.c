// SPDX-License-Identifier: GPL-2.0
/*
 * Frees after a grace period, a batch of each CPU at a time.
 *
 * An object waits on the list of the CPU that freed it, linked through the rcu_head its owner
 * keeps in it.  A call takes no lock, allocates nothing and cannot fail.  Who makes the list not
 * empty asks for the CPU's work after a grace period.  The work frees the batch that has waited
 * long enough, takes what came meanwhile as the next one and asks again.  So an object waits for
 * one to two grace periods.  A CPU has one request of the kernel's in flight, however many
 * objects it frees.
 */
#include "tiny/tiny_rcu.h"

struct rcu_cpu {
	struct hak_rcu_list list;
	struct rcu_work work;
	struct irq_work from_nmi;	/* asks for the work where NMI may not */
};

static DEFINE_PER_CPU(struct rcu_cpu, rcu_cpu);

/*
 * What tells an object that waits: its address, odd.  No pointer that a live object may hold
 * there looks like it, not even one to itself.
 */
static rcu_callback_t waits_mark(const void *p)
{
	return (rcu_callback_t)((unsigned long)p | 1);
}

bool hak_rcu_push(struct hak_rcu_list *l, struct rcu_head *head, const void *p)
{
	BUILD_BUG_ON(offsetof(struct rcu_head, next) != offsetof(struct llist_node, next));
	if (unlikely(head->func == waits_mark(p))) {
		hak_report_bad(HAK_BAD_DOUBLE, p, NULL, _RET_IP_);
		return false;
	}
	head->func = waits_mark(p);
	return llist_add((struct llist_node *)head, &l->fresh);
}
HAK_EXPORT_TEST(hak_rcu_push);

void __hak_free_rcu(struct rcu_head *head, const void *p)
{
	struct rcu_cpu *r = raw_cpu_ptr(&rcu_cpu);

	if (likely(!hak_rcu_push(&r->list, head, p)))
		return;
	if (unlikely(in_nmi()))
		irq_work_queue(&r->from_nmi);
	else
		queue_rcu_work(hak_wq, &r->work);
}
HAK_EXPORT(__hak_free_rcu);

static void ask_from_nmi(struct irq_work *work)
{
	queue_rcu_work(hak_wq, &container_of(work, struct rcu_cpu, from_nmi)->work);
}

/* The grace period of the batch at @node is over. */
static void free_batch(struct llist_node *node)
{
	void *p[HAK_BATCH];
	unsigned int n = 0;

	while (node) {
		struct rcu_head *head = (struct rcu_head *)node;

		node = node->next;
		p[n++] = (void *)((unsigned long)head->func & ~1UL);
		head->func = NULL;
		if (n < HAK_BATCH && node)
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

static void rcu_cpu_work(struct work_struct *work)
{
	struct rcu_cpu *r = container_of(to_rcu_work(work), struct rcu_cpu, work);

	if (hak_rcu_turn(&r->list))
		queue_rcu_work(hak_wq, &r->work);
}

/* Has all that was pushed before been freed? */
static bool rcu_list_idle(struct hak_rcu_list *l)
{
	if (!llist_empty(&l->fresh))
		return false;
	/* Pairs with hak_rcu_turn(): what is not in fresh any more is in waiting. */
	smp_rmb();
	return !READ_ONCE(l->waiting);
}

/*
 * What was pushed before is in the batch taken next, and free when the one after that is taken.
 * One may be on its way unseen.  Others may push without end.
 *
 * The lists themselves are asked, not the work.  Who made a list not empty may have been
 * interrupted before asking for the work, and those who pushed after it ask for none.
 */
static void rcu_cpu_barrier(struct rcu_cpu *r)
{
	unsigned long end = READ_ONCE(r->list.taken) + 3;

	hak_irq_work_wait(&r->from_nmi);
	while (!rcu_list_idle(&r->list) && (long)(READ_ONCE(r->list.taken) - end) < 0) {
		queue_rcu_work(hak_wq, &r->work);
		flush_rcu_work(&r->work);
	}
}

struct hak_rcu_list *hak_rcu_list_of(int cpu)
{
	return &per_cpu_ptr(&rcu_cpu, cpu)->list;
}
HAK_EXPORT_TEST(hak_rcu_list_of);

void hak_rcu_barrier(void)
{
	int cpu;

	if (hak_refused_here("hak_rcu_barrier", _RET_IP_))
		return;
	hak_may_wait();
	for_each_possible_cpu(cpu)
		rcu_cpu_barrier(per_cpu_ptr(&rcu_cpu, cpu));
}
HAK_EXPORT(hak_rcu_barrier);

void hak_rcu_init(void)
{
	struct rcu_cpu *r;
	int cpu;

	for_each_possible_cpu(cpu) {
		r = per_cpu_ptr(&rcu_cpu, cpu);
		INIT_RCU_WORK(&r->work, rcu_cpu_work);
		init_irq_work(&r->from_nmi, ask_from_nmi);
	}
}
