// SPDX-License-Identifier: GPL-2.0
/*
 * The last line: the kernel is about to kill a task for want of memory.
 *
 * It asks first whether anybody has some.  What the shrinker gives comes at once.  If that is
 * nothing, other CPUs have a moment to empty their sets, and a grace period to end.  If that gives
 * nothing either, the log says which caches are the largest, and the kernel kills.
 *
 * The caller is in the middle of an allocation, of hakmem's own or of a destructor perhaps, and
 * holds who knows what.  So nothing here waits for a lock or for work to end: it looks and sleeps,
 * for OOM_WAIT at most.
 */
#include "tiny/tiny_core.h"

#define OOM_WAIT (HZ / 5)
#define OOM_NAMED 5		/* caches in the log */

/*
 * Less than this many pages put a kill off once a second only.  Else a load that takes at once
 * what it gave could keep a machine from its end for ever.
 */
#define OOM_PAGES 64

static long oom_retired(void)
{
	return atomic_long_read(&hak_mem_stat[HAK_MEM_RETIRED]);
}

unsigned long hak_oom_free(void)
{
	unsigned long end = jiffies + OOM_WAIT;
	long before = oom_retired();

	/* The caches may be in somebody else's hands for a moment. */
	while (hak_shrinker_scan(ULONG_MAX) == SHRINK_STOP && time_before(jiffies, end))
		schedule_timeout_uninterruptible(1);
	if (oom_retired() != before)
		return oom_retired() - before;
	while ((hak_reap_busy() || hak_release_pages()) && time_before(jiffies, end))
		schedule_timeout_uninterruptible(1);
	hak_block_trim(ULONG_MAX, 0);
	return oom_retired() - before;
}
HAK_EXPORT_TEST(hak_oom_free);

struct oom_cache {
	struct hak_core *core;
	unsigned long bytes;
};

/* Keep the largest, in order. */
static void oom_rank(struct oom_cache *top, struct hak_core *core)
{
	struct oom_cache new = { .core = core };
	struct hak_pool_info info;
	unsigned int i;

	hak_pool_info(&core->pool, &info);
	new.bytes = info.objects * core->pool.stride;
	for (i = 0; i < OOM_NAMED; i++)
		if (new.bytes > top[i].bytes)
			swap(new, top[i]);
}

static void oom_name(const struct oom_cache *c)
{
	struct hak_pool_info info;

	hak_pool_info(&c->core->pool, &info);
	pr_warn("hakmem:   %s: %lu kB, %lu of %lu objects of %u bytes in use\n", c->core->name,
		c->bytes >> 10, hak_core_live(c->core), info.objects, c->core->size);
}

/* Which caches are the largest. */
static void oom_report(void)
{
	static DEFINE_RATELIMIT_STATE(seldom, 10 * HZ, 2);
	struct oom_cache top[OOM_NAMED] = { };
	struct hak_core *core;
	unsigned int i;

	if (!__ratelimit(&seldom))
		return;
	pr_warn("hakmem: out of memory: %ld kB held, the largest caches:\n",
		atomic_long_read(&hak_mem_stat[HAK_MEM_PAGES]) * (PAGE_SIZE >> 10));
	if (!mutex_trylock(&hak_caches_lock))
		return;
	list_for_each_entry(core, &hak_caches, list)
		oom_rank(top, core);
	for (i = 0; i < OOM_NAMED && top[i].bytes; i++)
		oom_name(&top[i]);
	mutex_unlock(&hak_caches_lock);
}

/* Is that worth another try of the kernel's? */
static bool oom_enough(unsigned long pages)
{
	static unsigned long next;	/* jiffies; the caller has the kernel's oom_lock */

	if (pages >= OOM_PAGES)
		return true;
	if (!pages || time_before(jiffies, next))
		return false;
	next = jiffies + HZ;
	return true;
}

static int oom_asked(struct notifier_block *nb, unsigned long unused, void *freed)
{
	unsigned long pages = hak_oom_free();

	if (!oom_enough(pages)) {
		oom_report();
		return NOTIFY_OK;
	}
	pr_info_ratelimited("hakmem: out of memory: %lu pages given back\n", pages);
	*(unsigned long *)freed += pages;
	return NOTIFY_OK;
}

static struct notifier_block oom_nb = { .notifier_call = oom_asked };

int hak_oom_init(void)
{
	return register_oom_notifier(&oom_nb);
}

void hak_oom_exit(void)
{
	unregister_oom_notifier(&oom_nb);
}
