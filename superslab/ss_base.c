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
static bool release_short;
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
		llist_for_each_entry_safe(r, next, list, node) {
			pages = r->pages;
			r->fn(r);
			atomic_long_add(-(long)pages, &release_os_pages);
			n++;
		}
		/* Pairs with release_all_gone(). */
		smp_mb__before_atomic();
		atomic_long_add(n, &release_gone);
		wake_up(&release_done);
	}
	WRITE_ONCE(release_short, false);
}

static DECLARE_DELAYED_WORK(release_work, release_worker);

void hak_release_later(struct hak_release *r, unsigned int pages)
{
	r->pages = pages;
	atomic_long_add(pages, &release_os_pages);
	atomic_long_add(1, &release_handed);
	/* What comes within a moment has one grace period. */
	if (llist_add(&r->node, &release_list))
		queue_delayed_work(hak_wq, &release_work, 1);
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
	mod_delayed_work(hak_wq, &release_work, 0);
}

/* Are the first @handed through? */
static bool release_all_gone(long handed)
{
	if (atomic_long_read(&release_gone) - handed < 0)
		return false;
	/* Pairs with release_worker(): what they were has gone. */
	smp_rmb();
	return true;
}

/* The work itself is not waited for: who asks for it at once takes it out of the queue first. */
void hak_release_wait(void)
{
	long handed = atomic_long_read(&release_handed);

	if (release_all_gone(handed))
		return;
	atomic_long_add(1, &release_waiters);
	wake_up(&release_hurry);
	/* Who handed something over may have been interrupted before queueing the work. */
	do
		mod_delayed_work(hak_wq, &release_work, 0);
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
