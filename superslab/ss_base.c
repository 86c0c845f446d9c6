// SPDX-License-Identifier: GPL-2.0
/*
 * What the files of the memory layer share: the mark of who holds a lock, the counters, and the
 * queue for work.  The worker is here, too, that gives things up after a grace period, and so is
 * waiting.  It knows none of the others.
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

void hak_woken(int cpu)
{
	if (hak_cpu_isolated(cpu))
		hak_mem_add(HAK_MEM_WAKE_ISOLATED, 1);
}

static LLIST_HEAD(release_list);

/*
 * For kernels with lockdep: stands for the work on hak_wq.  Whoever may have to wait for some of it
 * takes it, and it is held while destructors run, which are the clients' code.  So a lock that is
 * held by one who waits and taken by a destructor is told at the first of both.
 */
static hak_lock_map(hak_work_map);

void hak_may_wait(void)
{
	might_sleep();
	lock_map_acquire(&hak_work_map);
	lock_map_release(&hak_work_map);
}

/*
 * Where irq_work_sync() sleeps, on PREEMPT_RT and on User-Mode Linux, it remembers one waiter.  A
 * second one would take its place, and the first would sleep for ever.
 */
static DEFINE_MUTEX(irq_work_wait_lock);

void hak_irq_work_wait(struct irq_work *work)
{
	hak_may_wait();
	/* It may wait for a grace period even when there is nothing. */
	if (!irq_work_is_busy(work))
		return;
	mutex_lock(&irq_work_wait_lock);
	irq_work_sync(work);
	mutex_unlock(&irq_work_wait_lock);
}

/* Functions may hand over more; those wait for the next grace period. */
static void release_worker(struct work_struct *work)
{
	struct hak_release *r, *next;
	struct llist_node *list;

	while ((list = llist_del_all(&release_list))) {
		synchronize_rcu();
		lock_map_acquire(&hak_work_map);
		llist_for_each_entry_safe(r, next, list, node)
			r->fn(r);
		lock_map_release(&hak_work_map);
	}
}

static DECLARE_WORK(release_work, release_worker);

bool hak_release_here(void)
{
	return current_work() == &release_work;
}

void hak_release_later(struct hak_release *r)
{
	if (llist_add(&r->node, &release_list))
		hak_queue_any(hak_wq, &release_work);
}

void hak_release_wait(void)
{
	hak_may_wait();
	/* Who handed something over may have been interrupted before queueing the work. */
	do {
		hak_queue_any(hak_wq, &release_work);
		flush_work(&release_work);
	} while (!llist_empty(&release_list));
}
HAK_EXPORT_TEST(hak_release_wait);
