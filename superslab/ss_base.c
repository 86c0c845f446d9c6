// SPDX-License-Identifier: GPL-2.0
/*
 * What the files of the memory layer share: the mark of who holds a lock, the counters, and the
 * queue for work.  The worker is here, too, that gives things up after a grace period.  It knows
 * none of the others.
 */
#include "superslab/ss_block.h"
#include "superslab/ss_lock.h"

DEFINE_PER_CPU(int, hak_busy);
HAK_EXPORT_TEST(hak_busy);
struct hak_cache *hak_tag_none __read_mostly;
HAK_EXPORT_TEST(hak_tag_none);
struct workqueue_struct *hak_wq __read_mostly;
HAK_EXPORT_TEST(hak_wq);
u16 hak_node_with_memory[MAX_NUMNODES] __read_mostly;
HAK_EXPORT_TEST(hak_node_with_memory);
atomic_long_t hak_mem_stat[HAK_NR_MEM_STATS];
HAK_EXPORT_TEST(hak_mem_stat);

static int nearest_with_memory(int nid)
{
	int best = nid, other;

	if (node_state(nid, N_MEMORY))
		return nid;
	for_each_node_state(other, N_MEMORY)
		if (best == nid || node_distance(nid, other) < node_distance(nid, best))
			best = other;
	return best;
}

void hak_nodes_look(void)
{
	int nid;

	for_each_node(nid)
		WRITE_ONCE(hak_node_with_memory[nid], nearest_with_memory(nid));
}

static LLIST_HEAD(release_list);

/* Functions may hand over more; those wait for the next grace period. */
static void release_worker(struct work_struct *work)
{
	struct hak_release *r, *next;
	struct llist_node *list;

	while ((list = llist_del_all(&release_list))) {
		synchronize_rcu();
		llist_for_each_entry_safe(r, next, list, node)
			r->fn(r);
	}
}

static DECLARE_WORK(release_work, release_worker);

void hak_release_later(struct hak_release *r)
{
	if (llist_add(&r->node, &release_list))
		queue_work(hak_wq, &release_work);
}

void hak_release_wait(void)
{
	/* Who handed something over may have been interrupted before queueing the work. */
	do {
		queue_work(hak_wq, &release_work);
		flush_work(&release_work);
	} while (!llist_empty(&release_list));
}
HAK_EXPORT_TEST(hak_release_wait);
