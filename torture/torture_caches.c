// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to whole caches and to the whole allocator under load: caches that come and
 * go, memory that is asked back or runs out, CPUs that go and come.
 */
#include "torture/torture.h"
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/mm.h>

/* Constructors and destructors of caches that came and went. */
static atomic_long_t born;

static void counted_ctor(void *p)
{
	tt_ctor(p);
	atomic_long_inc(&born);
}

static void counted_dtor(void *p)
{
	atomic_long_dec(&born);
}

long tt_caches_unbalanced(void)
{
	return atomic_long_read(&born);
}

/* An object that waits for a grace period while its cache is told to go. */
struct late {
	struct rcu_head rcu;
	u8 rest[48];
};

static void late_frees(struct tt_user *u, struct hak_cache *c, unsigned int n)
{
	struct tt_kind k = { .c = c, .size = sizeof(struct late), .skip = sizeof(struct rcu_head) };
	struct tt_obj o;

	while (n-- && !tt_failed() && tt_get(u, &k, tt_gfp(u), &o)) {
		struct late *late = o.p;

		late->rcu.func = NULL;
		if (!tt_check(u, &o, "giving up late"))
			return;
		tt_count(u, 0, 1);
		hak_free_rcu(late, rcu);
	}
}

static void late_cache(struct tt_user *u)
{
	struct hak_cache *c = hak_cache_create("torture-late", sizeof(struct late), NULL, 0);

	if (!c)
		return;
	late_frees(u, c, 1 + tt_below(u, 100));
	hak_cache_destroy(c);
}

static void fleeting_cache(struct tt_user *u)
{
	static const slab_flags_t flags[] = { 0, SLAB_TYPESAFE_BY_RCU, SLAB_RECLAIM_ACCOUNT };
	bool ctor = tt_below(u, 2);
	struct hak_cache_args args = { .ctor = ctor ? counted_ctor : NULL,
				       .dtor = ctor ? counted_dtor : NULL };
	struct tt_kind k = { .ctor = ctor, .skip = ctor ? 8 : 0 };
	char name[32];

	k.size = 8 + tt_below(u, 8 << tt_below(u, 11));
	k.size = min_t(unsigned int, k.size, HAK_CACHE_MAX_SIZE);
	scnprintf(name, sizeof(name), "torture-fleeting-%u", u->id);
	k.c = hak_cache_create(name, k.size, &args, flags[tt_below(u, ARRAY_SIZE(flags))]);
	if (!k.c)
		return;
	while (u->n < TT_HELD && !tt_failed() && tt_get(u, &k, tt_gfp(u), &u->held[u->n]))
		u->n++;
	if (!tt_below(u, 4))
		hak_cache_shrink(k.c);
	tt_drop_all(u);
	if (!tt_failed())
		hak_cache_destroy(k.c);
}

static void caches_step(struct tt_thread *t)
{
	if (tt_below(&t->user, 2))
		late_cache(&t->user);
	else
		fleeting_cache(&t->user);
}

const struct tt_scenario tt_caches = { .name = "caches", .threads = 4, .step = caches_step };

static void shrink_step(struct tt_thread *t)
{
	struct tt_user *u = &t->user;
	unsigned int i;

	for (i = 0; i < 20 && !tt_hurry(); i++) {
		tt_work(u, 50, UINT_MAX, tt_gfp(u));
		if (tt_below(u, 4))
			hak_cache_shrink(tt_typed_kind(u, UINT_MAX).c);
		else
			hak_shrink_all();
		usleep_range(100, 200 + 100 * tt_below(u, 50));
	}
}

const struct tt_scenario tt_shrink = { .name = "shrink", .threads = 1, .step = shrink_step };

/*
 * Bulk calls until one fails, which it does half-way; nothing of it may stay.  Memory that was
 * put by is given back at the very moment, before the kernel looks for somebody to kill.
 */
#define GREED 1024
#define PUT_BY 8
#define PUT_BY_ORDER 10

struct greed {
	struct greed *next;
	struct tt_obj record;
	void *p[GREED];
};

static struct page *put_by[PUT_BY];

static void put_by_free(void)
{
	int i;

	for (i = 0; i < PUT_BY; i++) {
		if (put_by[i])
			__free_pages(put_by[i], PUT_BY_ORDER);
		put_by[i] = NULL;
	}
}

static bool greed_take(const struct tt_kind *k, struct greed *g)
{
	bool got;

	preempt_disable();
	got = hak_cache_alloc_bulk(k->c, TT_ATOMIC | __GFP_NOMEMALLOC, GREED, g->p) == GREED;
	if (!got)
		put_by_free();
	preempt_enable();
	return got;
}

static struct greed *greed_more(struct tt_user *u, const struct tt_kind *k, struct greed *next)
{
	struct greed *g = kvmalloc(sizeof(*g), GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY);

	if (g && greed_take(k, g)) {
		tt_count(u, GREED, 0);
		tt_adopt(u, k, g->p[tt_below(u, GREED)], &g->record);
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
	struct tt_kind k = tt_typed_kind(&t->user, UINT_MAX);
	struct greed *all = NULL, *g;
	int i;

	for (i = 0; i < PUT_BY; i++)
		put_by[i] = alloc_pages(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY, PUT_BY_ORDER);
	while (k.size < 4096 || k.ctor)
		k = tt_typed_kind(&t->user, UINT_MAX);
	while (!tt_hurry() && (g = greed_more(&t->user, &k, all)))
		all = g;
	while (all) {
		g = all;
		all = g->next;
		greed_less(&t->user, &k, g);
	}
	put_by_free();
	msleep(50);
}

const struct tt_scenario tt_pressure = { .name = "pressure", .threads = 1, .step = pressure_step };

#ifdef CONFIG_HOTPLUG_CPU
/* Every 200 ms one of the CPUs but the first goes, or one that went comes. */
static int gone = -1;

static void hotplug_back(struct tt_user *u)
{
	if (gone >= 0 && add_cpu(gone))
		tt_fail(u, "CPU %d does not come back", gone);
	else
		gone = -1;
}

static void hotplug_step(struct tt_thread *t)
{
	int cpu = 1 + tt_below(&t->user, max(tt_cpus, 2U) - 1);

	if (gone >= 0)
		hotplug_back(&t->user);
	else if (tt_cpus > 1 && !remove_cpu(cpu))
		gone = cpu;
	msleep(200);
}

static void hotplug_end(struct tt_thread *t)
{
	hotplug_back(&t->user);
}

const struct tt_scenario tt_hotplug = {
	.name = "hotplug", .threads = 1, .step = hotplug_step, .end = hotplug_end,
};
#endif
