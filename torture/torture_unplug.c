// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks of memory go and come while objects are made and freed in them.
 *
 * The guest's script takes the blocks offline and back (tests/guest/torture.sh, UNPLUG=1).  This
 * fills a quarter of memory, thins it, drops it, and begins again.  It is told of each block that
 * is to go after hakmem was, which must have said no if an object lives there.
 */
#include "torture/torture.h"
#include <linux/delay.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>

#define CACHES 4
#define SIZE_MEAN 4096
#define BYTES_MAX (256UL << 20)
#define CHUNK 500		/* objects of a step */
#define LOOK_AT 64		/* one in so many is compared while all stand still */

enum phase { GROW, THIN, DROP, NR_PHASES };

/* There is one thread. */
static struct {
	struct tt_user *user;
	struct tt_kind kind[CACHES];
	enum phase phase;
	unsigned int keep;	/* THIN: one object in so many stays */
	unsigned int at;	/* where the next step goes on */
	unsigned int n;
	struct tt_obj *obj;	/* p is NULL of one that is not live; others read it at any time */
} un;

/* Is it live, and in memory that goes?  hakmem has said by now that it has nothing there. */
static void look_within(const struct memory_notify *m)
{
	unsigned long pfn;
	unsigned int i;
	void *p;

	for (i = 0; i < un.n && !tt_failed(); i++) {
		p = READ_ONCE(un.obj[i].p);
		pfn = p ? page_to_pfn(virt_to_page(p)) : 0;
		if (p && pfn >= m->start_pfn && pfn - m->start_pfn < m->nr_pages)
			tt_fail(un.user, "memory goes in which object %px lives", p);
	}
}

static int on_memory(struct notifier_block *nb, unsigned long action, void *arg)
{
	if (action == MEM_GOING_OFFLINE)
		look_within(arg);
	/* The kernel would wait without end. */
	return tt_failed() ? NOTIFY_BAD : NOTIFY_OK;
}

/* Asked after hakmem. */
static struct notifier_block memory_nb = { .notifier_call = on_memory, .priority = -1 };

static bool slot_fill(struct tt_user *u, struct tt_obj *slot)
{
	struct tt_obj o;

	if (slot->p)
		return true;
	if (!tt_get(u, &un.kind[tt_below(u, CACHES)], tt_gfp(u), &o))
		return false;
	if (!pfn_to_online_page(page_to_pfn(virt_to_page(o.p))))
		tt_fail(u, "object %px lies in memory that went", o.p);
	slot->c = o.c;
	slot->serial = o.serial;
	slot->size = o.size;
	slot->owner = o.owner;
	WRITE_ONCE(slot->p, o.p);
	return true;
}

static void slot_drop(struct tt_user *u, struct tt_obj *slot)
{
	struct tt_obj o = *slot;

	if (!o.p)
		return;
	WRITE_ONCE(slot->p, NULL);
	tt_put(u, &o);
}

static void next_phase(struct tt_user *u)
{
	unsigned int i;

	for (i = 0; un.phase != GROW && i < CACHES; i++)
		hak_cache_shrink(un.kind[i].c);
	un.phase = (un.phase + 1) % NR_PHASES;
	un.keep = 8 << tt_below(u, 8);
	un.at = 0;
	/* Whoever asks for a block finds it so for a while. */
	msleep(100);
}

static void unplug_step(struct tt_thread *t)
{
	struct tt_user *u = &t->user;
	unsigned int i;

	for (i = 0; i < CHUNK && un.at < un.n && !tt_failed(); i++, un.at++) {
		if (un.phase == GROW && !slot_fill(u, &un.obj[un.at]))
			un.at = un.n - 1;
		if (un.phase == DROP || (un.phase == THIN && tt_below(u, un.keep)))
			slot_drop(u, &un.obj[un.at]);
	}
	if (un.at >= un.n && !tt_failed())
		next_phase(u);
}

static void unplug_look(void)
{
	unsigned int i;

	for (i = 0; i < un.n && !tt_failed(); i += LOOK_AT)
		if (un.obj[i].p)
			tt_check(un.user, &un.obj[i], "standing still while memory goes");
}

static int unplug_begin(struct tt_thread *t)
{
	unsigned int i;

	un.user = &t->user;
	for (i = 0; i < CACHES; i++) {
		un.kind[i].size = (SIZE_MEAN >> 2) + tt_below(&t->user, SIZE_MEAN * 3 / 2);
		un.kind[i].c = hak_cache_create("torture-unplug", un.kind[i].size, NULL, 0);
		if (!un.kind[i].c)
			return -ENOMEM;
	}
	i = min(totalram_pages() * PAGE_SIZE / 4, BYTES_MAX) / SIZE_MEAN;
	un.obj = kvcalloc(i, sizeof(*un.obj), GFP_KERNEL);
	if (!un.obj)
		return -ENOMEM;
	un.n = i;
	return register_memory_notifier(&memory_nb);
}

static void unplug_end(struct tt_thread *t)
{
	unsigned int i;

	unregister_memory_notifier(&memory_nb);
	for (i = 0; i < un.n && !tt_failed(); i++)
		slot_drop(&t->user, &un.obj[i]);
	for (i = 0; i < CACHES && !tt_failed(); i++)
		hak_cache_destroy(un.kind[i].c);
	un.n = 0;
	kvfree(un.obj);
}

struct tt_scenario tt_unplug = {
	.name = "unplug", .threads = 1, .begin = unplug_begin, .step = unplug_step,
	.look = unplug_look, .end = unplug_end,
};
