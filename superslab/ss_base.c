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

/* What waits for a grace period, and how many OS pages that is. */
static LLIST_HEAD(release_list);
static atomic_long_t release_os_pages;

/*
 * How many there ever were, and of how many the worker is through.  It takes all there are and
 * counts them when the last has gone.  So what came before the others is among the first counted.
 */
static atomic_long_t release_handed;
static atomic_long_t release_gone;
static DECLARE_WAIT_QUEUE_HEAD(release_done);

/* Somebody waits for the worker, or memory is short: the grace period is to end soon. */
static atomic_long_t release_waiters;
static int release_short;		/* true or false, of a type that can be exchanged */
static DECLARE_WAIT_QUEUE_HEAD(release_hurry);

static bool release_hurries(void)
{
	return READ_ONCE(release_short) || atomic_long_read(&release_waiters);
}

/* A grace period, which may be asked to hurry at any time. */
static void release_grace(void)
{
	unsigned long gp = start_poll_synchronize_rcu();

	while (!poll_state_synchronize_rcu(gp)) {
		if (!wait_event_timeout(release_hurry, release_hurries(), msecs_to_jiffies(10)))
			continue;
		hak_mem_add(HAK_MEM_HURRIED, 1);
		synchronize_rcu_expedited();
		return;
	}
}

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
	unsigned int pages;
	long n;

	while ((list = llist_del_all(&release_list))) {
		release_grace();
		n = 0;
		lock_map_acquire(&hak_work_map);
		llist_for_each_entry_safe(r, next, list, node) {
			pages = r->pages;
			r->fn(r);
			atomic_long_add(-(long)pages, &release_os_pages);
			n++;
		}
		lock_map_release(&hak_work_map);
		/* Pairs with release_all_gone(). */
		atomic_long_add_return_release(n, &release_gone);
		wake_up(&release_done);
	}
	/*
	 * What was handed over and hurried since the last look above is to be hurried all the same.
	 * The order of the exchange pairs with that of llist_add() in hak_release_later().
	 */
	xchg(&release_short, 0);
	if (!llist_empty(&release_list))
		WRITE_ONCE(release_short, true);
}

static DECLARE_DELAYED_WORK(release_work, release_worker);

bool hak_release_here(void)
{
	return current_work() == &release_work.work;
}

void hak_release_later(struct hak_release *r, unsigned int pages)
{
	r->pages = pages;
	atomic_long_add(pages, &release_os_pages);
	atomic_long_add(1, &release_handed);
	/* What comes within a moment has one grace period. */
	if (llist_add(&r->node, &release_list))
		hak_queue_any_delayed(hak_wq, &release_work, 1);
}

unsigned long hak_release_pages(void)
{
	return atomic_long_read(&release_os_pages);
}
HAK_EXPORT_TEST(hak_release_pages);

void hak_release_hurry(void)
{
	if (!hak_release_pages() || READ_ONCE(release_short))
		return;
	WRITE_ONCE(release_short, true);
	wake_up(&release_hurry);
	hak_hurry_any(hak_wq, &release_work);
}

/* Are the first @handed through? */
static bool release_all_gone(long handed)
{
	/* Pairs with release_worker(): what they were has gone. */
	return atomic_long_read_acquire(&release_gone) - handed >= 0;
}

/* The work itself is not waited for: who asks for it at once takes it out of the queue first. */
void hak_release_wait(void)
{
	long handed = atomic_long_read(&release_handed);

	hak_may_wait();
	if (release_all_gone(handed))
		return;
	atomic_long_add(1, &release_waiters);
	wake_up(&release_hurry);
	/* Who handed something over may have been interrupted before queueing the work. */
	do
		hak_hurry_any(hak_wq, &release_work);
	while (!wait_event_timeout(release_done, release_all_gone(handed), msecs_to_jiffies(100)));
	atomic_long_add(-1, &release_waiters);
}
HAK_EXPORT_TEST(hak_release_wait);

void hak_release_exit(void)
{
	hak_release_wait();
	/* Its timer may be on though there is nothing left to do. */
	cancel_delayed_work_sync(&release_work);
}
