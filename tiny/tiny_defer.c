// SPDX-License-Identifier: GPL-2.0
/*
 * Frees that cannot be done where they are asked for.
 *
 * In NMI there is no set, and a call nested in the core may not wait for the lock
 * its own CPU holds.  The object goes on this CPU's list, through a word of its
 * own, and an irq_work puts it into the HAK_HARDIRQ set as soon as interrupts are on.
 *
 * Where an object has no second word the link lies over the mark, so it is written
 * such that it can be told from whatever a live object holds: with bit 62 turned
 * round no address of the kernel's is left.
 */
#include "tiny/tiny_core.h"

#define LINK_FLIP (1UL << 62)

struct defer_cpu {
	void *head;		/* any level pushes; the irq_work takes all */
	struct irq_work work;
};

static DEFINE_PER_CPU(struct defer_cpu, defer_cpu);
DEFINE_PER_CPU(int, hak_busy);
HAK_EXPORT_TEST(hak_busy);

/* Where the link goes: not over the mark, as long as there is a second word. */
static unsigned int link_off(const struct hak_core *core)
{
	if (core->pristine)
		return core->pool.mark_off;
	return core->pool.stride >= 2 * sizeof(long) ? sizeof(long) : 0;
}

static void *object_link(const struct hak_core *core, void *p)
{
	return p + link_off(core);
}

bool hak_defer_holds(const struct hak_core *core, void *p)
{
	unsigned long link = hak_arch_peek(object_link(core, p)) ^ LINK_FLIP;

	if (link_off(core) != core->pool.mark_off)
		return false;
	return link == hak_mark(p) || (!(link % sizeof(long)) && hak_slab_of((void *)link));
}

hak_core_fn void hak_defer_free(struct hak_core *core, void *p)
{
	struct defer_cpu *d = raw_cpu_ptr(&defer_cpu);
	void *link = object_link(core, p);
	void *first = READ_ONCE(d->head);

	hak_mem_add(HAK_MEM_FREE_NMI, 1);
	/* The last one of the list leads to its own mark. */
	do {
		hak_arch_poke(link, (first ? (unsigned long)first : hak_mark(p)) ^ LINK_FLIP);
	} while (!try_cmpxchg(&d->head, &first, p));
	irq_work_queue(&d->work);
}
NOKPROBE_SYMBOL(hak_defer_free);

/* Put one object back; returns the next. Its cache may have been destroyed meanwhile. */
static void *defer_one(void *p)
{
	struct hak_pool *pool = NULL;
	struct hak_core *core;
	unsigned long next;

	if (!hak_slab_find(p, &pool)) {
		hak_report_bad(HAK_BAD_FOREIGN, p, NULL, 0);
		return NULL;
	}
	core = pool_core(pool);
	next = hak_arch_peek(object_link(core, p)) ^ LINK_FLIP;
	if (next == hak_mark(p))
		next = 0;
	if (!core->cpu) {
		hak_report_bad(HAK_BAD_CACHE, p, pool, 0);
	} else {
		hak_leak_free(p);
		if (core->hardened)
			object_set_mark(core, p, hak_mark(p));
		hak_free_slow(core, p, HAK_HARDIRQ);
	}
	return (void *)next;
}

static void defer_drain(struct defer_cpu *d)
{
	void *p = xchg(&d->head, NULL);

	while (p)
		p = defer_one(p);
}

static void defer_work(struct irq_work *work)
{
	defer_drain(container_of(work, struct defer_cpu, work));
}

void hak_defer_drain_cpu(int cpu)
{
	preempt_disable();
	defer_drain(per_cpu_ptr(&defer_cpu, cpu));
	preempt_enable();
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
