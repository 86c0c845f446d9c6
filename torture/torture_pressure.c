// SPDX-License-Identifier: GPL-2.0
/*
 * Memory runs out: bulk calls until one fails, which it does half-way, and nothing of it may stay.
 *
 * Nobody is to be killed for that.  The kernel asks before it kills; what was put by is
 * given back then, and the rest will soon be.
 */
#include "torture/torture.h"
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/sched.h>

#define GREED 1024		/* objects, of 4096 bytes and more */
#define PUT_BY 8		/* together 32 MiB */
#define PUT_BY_ORDER 10

struct greed {
	struct greed *next;
	struct tt_obj record;
	void *p[GREED];
};

static struct page *put_by[PUT_BY];	/* exchanged */
static bool greedy;			/* memory is short because of us */

static void put_by_free(void)
{
	struct page *page;
	int i;

	for (i = 0; i < PUT_BY; i++) {
		page = xchg(&put_by[i], NULL);
		if (page)
			__free_pages(page, PUT_BY_ORDER);
	}
}

static void put_by_alloc(void)
{
	int i;

	for (i = 0; i < PUT_BY; i++)
		xchg(&put_by[i], alloc_pages(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY,
					     PUT_BY_ORDER));
}

static int asked(struct notifier_block *nb, unsigned long unused, void *freed)
{
	if (READ_ONCE(greedy)) {
		put_by_free();
		schedule_timeout_uninterruptible(1);
		*(unsigned long *)freed += 1;
	}
	return NOTIFY_OK;
}

static struct notifier_block asked_nb = { .notifier_call = asked };

static int pressure_begin(struct tt_thread *t)
{
	return register_oom_notifier(&asked_nb);
}

static void pressure_end(struct tt_thread *t)
{
	unregister_oom_notifier(&asked_nb);
	if (tt_complete() && !t->user.refused)
		tt_fail(&t->user, "memory never ran out");
}

static struct greed *greed_more(struct tt_user *u, const struct tt_kind *k, struct greed *next)
{
	struct greed *g = kvmalloc(sizeof(*g), GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY);

	if (g && hak_cache_alloc_bulk(k->c, TT_ATOMIC | __GFP_NOMEMALLOC, GREED, g->p) == GREED) {
		tt_count(u, GREED, 0);
		tt_adopt(u, k, 0, g->p[tt_below(u, GREED)], &g->record);
		g->next = next;
		return g;
	}
	u->refused++;
	kvfree(g);
	return NULL;
}

static void greed_less(struct tt_user *u, const struct tt_kind *k, struct greed *g)
{
	if (tt_check(u, &g->record, "held under pressure") && !tt_failed()) {
		hak_cache_free_bulk(k->c, GREED, g->p);
		tt_count(u, 0, GREED);
	}
	kvfree(g);
}

static void pressure_step(struct tt_thread *t)
{
	struct tt_user *u = &t->user;
	struct tt_kind k = tt_typed_kind(u, UINT_MAX);
	struct greed *all = NULL, *g;

	while (k.size < 4096 || k.ctor)
		k = tt_typed_kind(u, UINT_MAX);
	WRITE_ONCE(greedy, true);
	put_by_alloc();
	while (!tt_hurry() && (g = greed_more(u, &k, all))) {
		all = g;
		/* All of memory takes its time, and the conductor waits for this thread now. */
		if (kthread_should_park())
			tt_gets_on();
	}
	put_by_free();
	while (all) {
		g = all;
		all = g->next;
		greed_less(u, &k, g);
	}
	/* What waits for a grace period is not there before. */
	hak_cache_shrink(k.c);
	WRITE_ONCE(greedy, false);
	msleep(50);
}

struct tt_scenario tt_pressure = {
	.name = "pressure", .threads = 1, .any_node = true,
	.begin = pressure_begin, .step = pressure_step,
	.end = pressure_end,
};
