// SPDX-License-Identifier: GPL-2.0
/*
 * The flush pipeline: where an object goes when its set has no room.
 *
 *   spare        the whole magazine becomes the spare
 *   depot        the full spare goes to the node's depot
 *   slab         objects go back to their slabs, HAK_BATCH under one lock
 *
 * Objects of other nodes go home by a magazine of their own.
 */
#include "tiny/tiny_flush.h"

/*
 * The spare is missing, or full with no room in the depot.  Returns false when
 * there is no magazine to be had.
 */
static bool flush_spare(struct hak_core *core, enum hak_level lvl)
	hak_must_hold(&hak_set_token)
{
	struct hak_mag *m = set_swap_spare(this_set(core->sets, lvl), NULL);
	enum hak_set_event ev = HAK_FREE_SLAB;

	if (m) {
		hak_pool_return(&core->pool, m->n, m->slot);
		m->n = 0;
	} else {
		m = hak_depot_new_empty();
		ev = HAK_FREE_SPARE;
	}
	if (m)
		flush_into(core, m, lvl, ev);
	return m;
}

NOKPROBE_SYMBOL(flush_spare);

/* No magazine to be had: half of the set goes to slabs. */
static void flush_slab(struct hak_core *core, enum hak_level lvl)
	hak_must_hold(&hak_set_token)
{
	struct hak_set *s = this_set(core->sets, lvl);
	void *batch[HAK_BATCH] hak_uninit;
	unsigned int n;

	count_event(s, HAK_FREE_SLAB);
	n = set_drain(s, HAK_BATCH, batch);
	hak_pool_return(&core->pool, n, batch);
}

NOKPROBE_SYMBOL(flush_slab);

/* Objects that go home have filled their magazine, or there is none. False: one is wanted first. */
static bool flush_remote(struct hak_core *core, void *p, enum hak_level lvl, bool last)
	hak_must_hold(&hak_set_token)
{
	struct hak_mag *m = set_swap_remote(this_set(core->sets, lvl), NULL);

	if (m)
		hak_pool_return(&core->pool, m->n, m->slot);
	else
		m = hak_depot_new_empty();
	if (!m) {
		if (last)
			hak_pool_return(&core->pool, 1, &p);
		return last;
	}
	m->n = 1;
	m->slot[0] = p;
	m = set_swap_remote(this_set(core->sets, lvl), m);
	spare_put_other(core, m);
	return true;
}

NOKPROBE_SYMBOL(flush_remote);

/* Push @p, making room for it. The set's protection is held. False: a magazine is wanted first. */
static bool flush_set(struct hak_core *core, void *p, enum hak_level lvl, bool last)
	hak_must_hold(&hak_set_token)
{
	if (!set_open(core, lvl)) {
		if (last) {
			count_event(this_set(core->sets, lvl), HAK_FREE_SLAB);
			hak_pool_return(&core->pool, 1, &p);
		}
		return last;
	}
	if (object_remote(p))
		return set_push_remote(this_set(core->sets, lvl), p) ||
		       flush_remote(core, p, lvl, last);
	if (flush_near(core, p, lvl))
		return true;
	if (!flush_spare(core, lvl)) {
		if (!last)
			return false;
		flush_slab(core, lvl);
	}
	return set_push(this_set(core->sets, lvl), p);
}

NOKPROBE_SYMBOL(flush_set);

/* Free a checked and marked object into a set that had no room. Any context but NMI. */
void hak_free_slow(struct hak_core *core, void *p, enum hak_level lvl)
{
	bool pushed, last = false;
	unsigned long flags;
	int nid;

	for (;;) {
		flags = set_enter(lvl);
		if (hak_nested()) {
			hak_defer_free(core, p);
			pushed = true;
		} else {
			pushed = flush_set(core, p, lvl, last);
		}
		set_leave(lvl, flags);
		if (pushed)
			return;
		nid = hak_home_nid();
		if (!last && hak_may_grow())
			hak_pool_grow(&hak_mag_pool, &nid, GFP_NOWAIT | __GFP_NOMEMALLOC);
		last = true;
	}
}
NOKPROBE_SYMBOL(hak_free_slow);

/* Keyed, and not canonical where the key is 0: a link is no word of a live object. */
#define LINK_KEY (hak_secret ^ 1UL << 62)

struct defer_cpu {
	void *head;		/* any level pushes; the irq_work takes all */
	struct irq_work work;
};

static DEFINE_PER_CPU(struct defer_cpu, defer_cpu);

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
	unsigned long link = hak_arch_peek(object_link(core, p)) ^ LINK_KEY;

	if (link_off(core) != core->pool.mark_off)
		return false;
	return link == hak_mark(p) || (!(link % sizeof(long)) && hak_slab_of((void *)link));
}

void hak_defer_free(struct hak_core *core, void *p)
{
	struct defer_cpu *d = raw_cpu_ptr(&defer_cpu);
	void *link = object_link(core, p);
	void *first = READ_ONCE(d->head);

	hak_mem_add(HAK_MEM_FREE_NMI, 1);
	/* The last one of the list leads to its own mark. */
	do {
		hak_arch_poke(link, (first ? (unsigned long)first : hak_mark(p)) ^ LINK_KEY);
	} while (!try_cmpxchg(&d->head, &first, p));
	irq_work_queue(&d->work);
}
NOKPROBE_SYMBOL(hak_defer_free);

/* The core of the object at any value @p, if it is one and still waits. */
static struct hak_core *deferred_core(void *p)
{
	struct hak_pool *pool = NULL;
	struct hak_slab *slab = hak_slab_find(p, &pool);
	struct hak_core *core = slab ? pool_core(pool) : NULL;
	unsigned int i;

	if (!core || !slab_starts(slab, pool, p, &i))
		return NULL;
	if (!core->hardened)
		return core;
	if (link_off(core) == core->pool.mark_off)
		return hak_defer_holds(core, p) ? core : NULL;
	return object_mark(core, p) == slab_mark(slab, p) ? core : NULL;
}

/* What the object at @p, which waits, is linked to. Its word is 0 again. */
static void *take_link(const struct hak_core *core, void *p)
{
	unsigned long next = hak_arch_peek(object_link(core, p)) ^ LINK_KEY;

	hak_arch_poke(object_link(core, p), 0);
	return next == hak_mark(p) ? NULL : (void *)next;
}

/*
 * Put one object back; returns the next.  Its cache may have been destroyed meanwhile.  Only the
 * link of an object that still waits is followed: another was freed a second time, or written to.
 */
static void *defer_one(void *p)
{
	struct hak_core *core = deferred_core(p);
	void *next;

	if (!core) {
		hak_report_bad(hak_slab_of(p) ? HAK_BAD_DOUBLE : HAK_BAD_FOREIGN, p, NULL, 0);
		return NULL;
	}
	next = take_link(core, p);
	if (!core->handle) {
		hak_report_bad(HAK_BAD_CACHE, p, &core->pool, 0);
	} else {
		hak_leak_free(p);
		if (core->pool.marked)
			object_set_mark(core, p, free_mark(p));
		hak_free_slow(core, p, HAK_HARDIRQ);
	}
	return next;
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

void hak_defer_wait_cpu(int cpu)
{
	hak_irq_work_wait(&per_cpu_ptr(&defer_cpu, cpu)->work);
}

void hak_defer_wait(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		hak_defer_wait_cpu(cpu);
}
HAK_EXPORT_TEST(hak_defer_wait);

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
