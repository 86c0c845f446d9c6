// SPDX-License-Identifier: GPL-2.0
/*
 * Which addresses are of a CPU's own node: see tiny_near.h.
 *
 * A CPU takes its range when it comes online and drops it when it goes.  All ranges are looked at
 * again when memory comes or goes.  That is before the first page that came is handed out, and
 * after the last page went.
 *
 * Start and size of a range are two words.  Whoever reads them has preemption off.  So a range that
 * begins elsewhere is emptied first, and gets its start and its size with a grace period before
 * each.  One that only grows or shrinks has its size written, and that is all.
 */
#include "tiny/tiny_core.h"
#include "tiny/tiny_near.h"

DEFINE_PER_CPU(struct hak_range, hak_near);
HAK_EXPORT_TEST(hak_near);

/* Of a CPU that is online; what it is to know next. */
static DEFINE_PER_CPU(bool, near_online);
static DEFINE_PER_CPU(struct hak_range, near_next);

/* nr_node_ids of them. */
static struct hak_span *node_spans hak_guarded_by(&hak_caches_lock);
static enum cpuhp_state near_state;

static bool spans_meet(const struct hak_span *a, const struct hak_span *b)
{
	return a->start < b->end && b->start < a->end;
}

struct hak_range hak_near_range(const struct hak_span *spans, unsigned int n, int nid)
{
	const struct hak_span *own = &spans[nid];
	unsigned long base, end;
	unsigned int other;

	for (other = 0; other < n; other++)
		if (other != nid && spans_meet(own, &spans[other]))
			return (struct hak_range){ };
	if (own->start >= own->end)
		return (struct hak_range){ };
	base = ALIGN((unsigned long)__va(PFN_PHYS(own->start)), HAK_SS_SIZE);
	end = ALIGN_DOWN((unsigned long)__va(PFN_PHYS(own->end)), HAK_SS_SIZE);
	return (struct hak_range){ base, end > base ? end - base : 0 };
}
HAK_EXPORT_TEST(hak_near_range);

static void spans_look(void)
	hak_must_hold(&hak_caches_lock)
{
	int nid;

	memset(node_spans, 0, nr_node_ids * sizeof(*node_spans));
	for_each_online_node(nid)
		node_spans[nid] = (struct hak_span){ node_start_pfn(nid), node_end_pfn(nid) };
}

/* What the next sizes are; those of ranges that begin elsewhere are left for later. */
static bool near_plan(const struct hak_span *spans)
	hak_must_hold(&hak_caches_lock)
{
	struct hak_range *now, *next;
	bool moved = false;
	int cpu;

	for_each_possible_cpu(cpu) {
		now = per_cpu_ptr(&hak_near, cpu);
		next = per_cpu_ptr(&near_next, cpu);
		if (!*per_cpu_ptr(&near_online, cpu))
			continue;
		*next = hak_near_range(spans, nr_node_ids,
				       READ_ONCE(hak_node_with_memory[cpu_to_node(cpu)]));
		if (!next->size)
			next->base = now->base;
		moved |= next->base != now->base;
		WRITE_ONCE(now->size, next->base == now->base ? next->size : 0);
	}
	return moved;
}

void hak_near_fill(const struct hak_span *spans)
	hak_must_hold(&hak_caches_lock)
{
	int cpu;

	hak_assert_held(&hak_caches_lock);
	if (!near_plan(spans))
		return;
	/* Nobody is left who has read a size and is about to read the start. */
	synchronize_rcu();
	for_each_possible_cpu(cpu)
		if (*per_cpu_ptr(&near_online, cpu))
			WRITE_ONCE(per_cpu_ptr(&hak_near, cpu)->base,
				   per_cpu_ptr(&near_next, cpu)->base);
	/* Nor anybody with an old start. */
	synchronize_rcu();
	for_each_possible_cpu(cpu)
		if (*per_cpu_ptr(&near_online, cpu))
			WRITE_ONCE(per_cpu_ptr(&hak_near, cpu)->size,
				   per_cpu_ptr(&near_next, cpu)->size);
}
HAK_EXPORT_TEST(hak_near_fill);

void hak_nodes_changed(void)
{
	mutex_lock(&hak_caches_lock);
	hak_nodes_look();
	if (node_spans) {
		spans_look();
		hak_near_fill(node_spans);
	}
	mutex_unlock(&hak_caches_lock);
}
HAK_EXPORT_TEST(hak_nodes_changed);

/* On that CPU, whose range is empty.  Whoever interrupts sees it empty, or whole. */
static int near_up(unsigned int cpu)
{
	struct hak_range *now = per_cpu_ptr(&hak_near, cpu), range;

	mutex_lock(&hak_caches_lock);
	spans_look();
	range = hak_near_range(node_spans, nr_node_ids, hak_home_nid());
	WRITE_ONCE(now->base, range.base);
	barrier();
	WRITE_ONCE(now->size, range.size);
	*per_cpu_ptr(&near_online, cpu) = true;
	mutex_unlock(&hak_caches_lock);
	return 0;
}

/* It may come back elsewhere. */
static int near_down(unsigned int cpu)
{
	mutex_lock(&hak_caches_lock);
	*per_cpu_ptr(&near_online, cpu) = false;
	WRITE_ONCE(per_cpu_ptr(&hak_near, cpu)->size, 0);
	mutex_unlock(&hak_caches_lock);
	return 0;
}

static void spans_set(struct hak_span *spans)
{
	mutex_lock(&hak_caches_lock);
	swap(node_spans, spans);
	mutex_unlock(&hak_caches_lock);
	kfree(spans);
}

int hak_near_init(void)
{
	struct hak_span *spans = kcalloc(nr_node_ids, sizeof(*spans), GFP_KERNEL);
	int state;

	if (!spans)
		return -ENOMEM;
	spans_set(spans);
	state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "mm/hakmem:near", near_up, near_down);
	if (state < 0) {
		spans_set(NULL);
		return state;
	}
	near_state = state;
	/* What changed before there was somebody to look. */
	hak_nodes_changed();
	return 0;
}

void hak_near_exit(void)
{
	cpuhp_remove_state(near_state);
	spans_set(NULL);
}
