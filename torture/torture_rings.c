// SPDX-License-Identifier: GPL-2.0
/*
 * Rings across CPUs: objects are allocated on one CPU, looked at and freed on the next.
 *
 * Each thread fills the ring in front of it and empties the one behind, so full magazines travel
 * from CPU to CPU through depots.  Where there are several nodes, a CPU has to be given an object
 * of its own node, unless something in the run excuses it.
 */
#include "torture/torture.h"
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/topology.h>

#define RING 256

/* One producer, one consumer. */
struct ring {
	unsigned int head;	/* written by the producer, released */
	unsigned int tail;	/* written by the consumer, released */
	struct tt_obj slot[RING];
};

static struct ring *rings;
static unsigned int nr_rings;

static int rings_init(void)
{
	nr_rings = tt_cpus;
	rings = kvcalloc(nr_rings, sizeof(*rings), GFP_KERNEL);
	return rings ? 0 : -ENOMEM;
}

static void rings_exit(void)
{
	kvfree(rings);
	rings = NULL;
}

static void rings_look(void)
{
	unsigned int i, k;

	for (i = 0; i < nr_rings; i++)
		for (k = rings[i].tail; k != rings[i].head && !tt_failed(); k++)
			tt_check(NULL, &rings[i].slot[k % RING], "standing still in a ring");
}

static bool ring_put(struct ring *r, const struct tt_obj *o)
{
	/* Pairs with ring_get(): the slot was read before it is written again. */
	if (r->head - smp_load_acquire(&r->tail) == RING)
		return false;
	r->slot[r->head % RING] = *o;
	/* Pairs with ring_get(): record and object before the count. */
	smp_store_release(&r->head, r->head + 1);
	return true;
}

static bool ring_get(struct ring *r, struct tt_obj *o)
{
	/* Pairs with ring_put(). */
	if (r->tail == smp_load_acquire(&r->head))
		return false;
	*o = r->slot[r->tail % RING];
	/* Pairs with ring_put(). */
	smp_store_release(&r->tail, r->tail + 1);
	return true;
}

/* The thread is bound, so its CPU's node is that of the allocation. */
static void check_node(const struct tt_user *u, const struct tt_obj *o)
{
	int nid = numa_mem_id();

	if (!tt_strict_nodes || !node_state(nid, N_MEMORY) || !hak_owns(o->p))
		return;
	if (page_to_nid(virt_to_page(o->p)) != nid)
		tt_fail(u, "object %px of node %d was handed out on node %d", o->p,
			page_to_nid(virt_to_page(o->p)), nid);
}

/* False: the ring is full, or there is no memory. */
static bool produce(struct tt_user *u, struct ring *r, unsigned int n)
{
	struct tt_kind k = tt_any_kind(u, 2048);
	struct tt_obj o;

	while (n-- && !tt_failed()) {
		if (!(n % 16))
			k = tt_any_kind(u, 2048);
		if (!tt_get(u, &k, tt_gfp(u), &o))
			return false;
		check_node(u, &o);
		if (!ring_put(r, &o)) {
			tt_put(u, &o);
			return false;
		}
	}
	return true;
}

/* Singly, or in bulk as long as they are of one cache. */
static void consume(struct tt_user *u, struct ring *r, unsigned int n)
{
	struct tt_obj o[16];
	unsigned int k = 0;

	while (n-- && !tt_failed() && ring_get(r, &o[k])) {
		tt_check(u, &o[k], "handed over");
		if (tt_below(u, 2)) {
			tt_put(u, &o[k]);
		} else if (++k == ARRAY_SIZE(o)) {
			tt_put_bulk(u, o, k);
			k = 0;
		}
	}
	tt_put_bulk(u, o, k);
}

static void rings_step(struct tt_thread *t)
{
	consume(&t->user, &rings[(t->index + nr_rings - 1) % nr_rings], 200);
	if (!produce(&t->user, &rings[t->index % nr_rings], 100 + tt_below(&t->user, 100)))
		usleep_range(20, 50);
}

static void rings_end(struct tt_thread *t)
{
	consume(&t->user, &rings[t->index % nr_rings], RING);
}

struct tt_scenario tt_rings = {
	.name = "rings", .per_cpu = 1, .init = rings_init, .exit = rings_exit,
	.look = rings_look, .step = rings_step, .end = rings_end,
};
