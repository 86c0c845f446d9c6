// SPDX-License-Identifier: GPL-2.0
/*
 * Frees after a grace period, a batch of each CPU at a time.
 *
 * An object waits on the list of the CPU that freed it: tiny_rcu.h.  A call takes no lock,
 * allocates nothing and cannot fail.  Who makes the list not empty asks for the CPU's work after a
 * grace period.  The work frees the batch that has waited long enough, takes what came meanwhile
 * as the next one and asks again.  So an object waits for one to two grace periods.  A CPU has one
 * request of the kernel's in flight, however many objects it frees.
 */
#include "tiny/tiny_rcu.h"

struct rcu_cpu {
	struct hak_rcu_list list;
	struct rcu_work work;
	struct irq_work from_nmi;	/* asks for the work where NMI may not */
};

static DEFINE_PER_CPU(struct rcu_cpu, rcu_cpu);

static __always_inline void free_rcu_link(struct rcu_head *head, const void *p)
{
	struct rcu_cpu *r = raw_cpu_ptr(&rcu_cpu);

	if (likely(!hak_rcu_link(&r->list, head, p)))
		return;
	if (unlikely(in_nmi()))
		irq_work_queue(&r->from_nmi);
	else
		queue_rcu_work(hak_wq, &r->work);
}

static noinline void free_rcu_asked(struct rcu_head *head, const void *p, unsigned long caller)
{
	if (hak_rcu_may_wait(head, p, caller))
		free_rcu_link(head, p);
}

void __hak_free_rcu(struct rcu_head *head, const void *p)
{
	if (unlikely(hak_rcu_doubt(head, p)))
		free_rcu_asked(head, p, _RET_IP_);
	else
		free_rcu_link(head, p);
}
HAK_EXPORT(__hak_free_rcu);

static void ask_from_nmi(struct irq_work *work)
{
	queue_rcu_work(hak_wq, &container_of(work, struct rcu_cpu, from_nmi)->work);
}

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

	hak_secret = get_random_long() | 1;
	hak_live_secret = get_random_long() | 1;
	for_each_possible_cpu(cpu) {
		r = per_cpu_ptr(&rcu_cpu, cpu);
		INIT_RCU_WORK(&r->work, rcu_cpu_work);
		init_irq_work(&r->from_nmi, ask_from_nmi);
	}
}
