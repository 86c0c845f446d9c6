// SPDX-License-Identifier: GPL-2.0
/*
 * Frees that cannot be done where they are asked for.
 *
 * In NMI there is no set, and a call nested in the core may not wait for the lock
 * its own CPU holds.  The object goes on this CPU's list, through a word of its
 * own, and an irq_work puts it into the HAK_HARDIRQ set as soon as interrupts are on.
 */
#include "tiny/tiny_core.h"

struct defer_cpu {
	struct llist_head list;
	struct irq_work work;
};

static DEFINE_PER_CPU(struct defer_cpu, defer_cpu);
DEFINE_PER_CPU(int, hak_busy);
HAK_EXPORT_TEST(hak_busy);

/* Where the link goes: not over the mark, as long as there is a second word. */
static unsigned int defer_off(const struct hak_core *core)
{
	if (core->pristine)
		return core->mark_off;
	return core->pool.stride >= 2 * sizeof(long) ? sizeof(long) : 0;
}

hak_core_fn void hak_defer_free(struct hak_core *core, void *p)
{
	struct defer_cpu *d = raw_cpu_ptr(&defer_cpu);

	hak_mem_add(HAK_MEM_FREE_NMI, 1);
	llist_add((struct llist_node *)(p + defer_off(core)), &d->list);
	irq_work_queue(&d->work);
}
NOKPROBE_SYMBOL(hak_defer_free);

/* One object back from its link; its cache may have been destroyed meanwhile. */
static void defer_one(struct llist_node *n)
{
	struct hak_pool *pool = NULL;
	struct hak_core *core;
	void *p;

	if (!hak_slab_find(n, &pool) || !pool_core(pool)->cpu) {
		hak_report_bad(HAK_BAD_FOREIGN, n, NULL, 0);
		return;
	}
	core = pool_core(pool);
	p = (void *)n - defer_off(core);
	if (core->hardened)
		*object_mark(core, p) = hak_mark(p);
	hak_free_slow(core, p, HAK_HARDIRQ);
}

static void defer_drain(struct defer_cpu *d)
{
	struct llist_node *n = llist_del_all(&d->list), *next;

	for (; n; n = next) {
		next = n->next;
		defer_one(n);
	}
}

static void defer_work(struct irq_work *work)
{
	defer_drain(container_of(work, struct defer_cpu, work));
}

void hak_defer_drain_cpu(int cpu)
{
	defer_drain(per_cpu_ptr(&defer_cpu, cpu));
}

/* Asks first: irq_work_sync() may wait for a grace period even when there is nothing. */
void hak_defer_flush_cpu(int cpu)
{
	struct irq_work *work = &per_cpu_ptr(&defer_cpu, cpu)->work;

	if (irq_work_is_busy(work))
		irq_work_sync(work);
}

void hak_defer_flush(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		hak_defer_flush_cpu(cpu);
}

int hak_defer_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		init_llist_head(&per_cpu_ptr(&defer_cpu, cpu)->list);
		init_irq_work(&per_cpu_ptr(&defer_cpu, cpu)->work, defer_work);
	}
	return 0;
}

void hak_defer_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		irq_work_sync(&per_cpu_ptr(&defer_cpu, cpu)->work);
		hak_defer_drain_cpu(cpu);
	}
}
