// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to whole caches and to the whole allocator under load.  Caches come and go, memory
 * is asked back, CPUs go and come.
 */
#include "torture/torture.h"
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>

/* Constructors and destructors of caches that came and went. */
static atomic_long_t born;

static void counted_ctor(void *p)
{
	tt_ctor(p);
	atomic_long_inc(&born);
}

/* Each object that was constructed goes once: the next call would find it changed. */
static void counted_dtor(void *p)
{
	if (!tt_is_born(p))
		tt_fail(NULL, "destructor: object %px is not as its constructor left it", p);
	memset(p, 0, sizeof(u64));
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

		if (!tt_check(u, &o, "giving up late"))
			return;
		tt_count(u, 0, 1);
		hak_free_rcu(late, rcu);
	}
}

static void late_cache(struct tt_user *u)
{
	struct hak_cache *c = hak_cache_create("torture-late", sizeof(struct late), NULL, 0);

	if (!c) {
		u->refused++;
		return;
	}
	late_frees(u, c, 1 + tt_below(u, 100));
	if (!tt_failed())
		hak_cache_destroy(c);
}

static void fleeting_cache(struct tt_user *u)
{
	static const slab_flags_t some[] = { 0, SLAB_TYPESAFE_BY_RCU, SLAB_RECLAIM_ACCOUNT };
	slab_flags_t flags = some[tt_below(u, ARRAY_SIZE(some))];
	bool ctor = tt_below(u, 2);
	struct hak_cache_args args = { .ctor = ctor ? counted_ctor : NULL,
				       .dtor = ctor ? counted_dtor : NULL };
	struct tt_kind k = { .ctor = ctor, .skip = ctor ? 8 : 0,
			     .typesafe = flags & SLAB_TYPESAFE_BY_RCU };
	char name[32];

	k.size = 8 + tt_below(u, 8 << tt_below(u, 11));
	k.size = min_t(unsigned int, k.size, HAK_CACHE_MAX_SIZE);
	scnprintf(name, sizeof(name), "torture-fleeting-%u", u->id);
	k.c = hak_cache_create(name, k.size, &args, flags);
	if (!k.c) {
		u->refused++;
		return;
	}
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

struct tt_scenario tt_caches = { .name = "caches", .threads = 4, .step = caches_step };

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

struct tt_scenario tt_shrink = { .name = "shrink", .threads = 1, .step = shrink_step };

/* Some of the objects that are held go; each stays with one chance in @n. */
static void thin_out(struct tt_user *u, unsigned int n)
{
	unsigned int i = 0;

	while (i < u->n && !tt_failed()) {
		if (!tt_below(u, n)) {
			i++;
			continue;
		}
		tt_put(u, &u->held[i]);
		u->held[i] = u->held[--u->n];
	}
}

/*
 * Pages around the few live objects of slabs go to the kernel, which hands them to others.  Then
 * new objects are wanted, which must not lie where no memory is.
 */
static void thin_step(struct tt_thread *t)
{
	struct tt_user *u = &t->user;
	struct tt_kind k = { .size = 256 << tt_below(u, 4) };
	unsigned int round, i;

	k.c = hak_cache_create("torture-thin", k.size, NULL, 0);
	if (!k.c) {
		u->refused++;
		return;
	}
	for (round = 0; round < 4 && !tt_failed(); round++) {
		while (u->n < TT_HELD && tt_get(u, &k, tt_gfp(u), &u->held[u->n]))
			u->n++;
		thin_out(u, 8);
		hak_cache_shrink(k.c);
		for (i = 0; i < u->n; i++)
			if (!tt_check(u, &u->held[i], "after its neighbours left"))
				return;
	}
	tt_drop_all(u);
	if (!tt_failed())
		hak_cache_destroy(k.c);
}

struct tt_scenario tt_thin = { .name = "thin", .threads = 2, .step = thin_step };

#ifdef CONFIG_HOTPLUG_CPU
/* Every 200 ms one of the CPUs but the first goes, or one that went comes. */
static int gone = -1;
static unsigned int went;

static void hotplug_back(struct tt_user *u)
{
	if (gone >= 0 && add_cpu(gone))
		tt_fail(u, "CPU %d does not come back", gone);
	else if (gone >= 0)
		tt_threads_bind(gone);
	gone = -1;
}

static void hotplug_step(struct tt_thread *t)
{
	int cpu = 1 + tt_below(&t->user, max(tt_cpus, 2U) - 1);

	if (gone >= 0)
		hotplug_back(&t->user);
	else if (tt_cpus > 1 && !remove_cpu(cpu))
		gone = cpu;
	went += gone >= 0;
	msleep(200);
}

static void hotplug_end(struct tt_thread *t)
{
	hotplug_back(&t->user);
	if (tt_complete() && tt_cpus > 1 && !went)
		tt_fail(&t->user, "no CPU went in all that time");
}

struct tt_scenario tt_hotplug = {
	.name = "hotplug", .threads = 1, .any_node = true, .step = hotplug_step, .end = hotplug_end,
};
#endif
