/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The addresses of a CPU's own node, for frees where several nodes have memory: tiny_near.c.
 *
 * Each CPU has a range of the direct map.  All memory in it is of the node that the CPU allocates
 * from.  So a subtraction and a comparison prove that an object may stay.  A page that lies
 * outside may be of the same node all the same, and is asked.  The range begins and ends at
 * borders of SuperSlabs: what lies in one 2 MiB region lies in it, or not, together.
 */
#ifndef _TINY_NEAR_H
#define _TINY_NEAR_H

#include "superslab/ss_types.h"

struct hak_range {
	unsigned long base;
	unsigned long size;	/* 0: nothing is known */
};

/* Read with preemption off; written by tiny_near.c, under hak_caches_lock. */
DECLARE_PER_CPU(struct hak_range, hak_near);

/* Is all that lies at @p certain to be of this CPU's node?  Any value. Preemption off. */
static __always_inline bool object_near(const void *p)
{
	return HAK_HAS_NODES &&
	       (unsigned long)p - raw_cpu_read(hak_near.base) < raw_cpu_read(hak_near.size);
}

/* Frames of a node, all there are and what lies between. */
struct hak_span {
	unsigned long start, end;
};

/**
 * hak_near_range() - the addresses that are one node's for sure
 * @spans: of each node
 * @n: how many there are
 * @nid: the node
 *
 * Context: Any.
 * Return: Whole 2 MiB regions of the direct map; none if another node has memory in between.
 */
struct hak_range hak_near_range(const struct hak_span *spans, unsigned int n, int nid);

/* Memory came or went: look at all nodes, and let each CPU know its range. May sleep. */
void hak_nodes_changed(void);

/*
 * Let each CPU know its range, if nodes have these spans.  Readers never see half of a range.  May
 * sleep.
 */
void hak_near_fill(const struct hak_span *spans) hak_must_hold(&hak_caches_lock);

int hak_near_init(void);
void hak_near_exit(void);

#endif /* _TINY_NEAR_H */
