// SPDX-License-Identifier: GPL-2.0
/*
 * Group reentry, first half: probes at the entry of functions.  ftrace calls them at the level of
 * whoever called the function, without the marks of an NMI.
 *
 * They are on everything the slow paths call.  So they run with a lock of the core held (the
 * kernel's own spin lock functions), and in every window between two looks at a set. Their
 * handler allocates and frees objects of the same cache.
 */
#include "selftest/selftest.h"
#include <linux/mm.h>

static const struct {
	const char *symbol;
	bool kernel;
} entries[] = {
	{ "_raw_spin_lock", true },
	{ "_raw_spin_unlock", true },
	{ "__alloc_pages_noprof", true },
	{ "__alloc_pages", true },
	{ "__free_pages", true },
	{ "queue_work_on", true },
	{ "hakmem:hak_pool_take" },
	{ "hakmem:hak_pool_return" },
	{ "hakmem:hak_pool_grow" },
	{ "hakmem:hak_slab_find" },
	{ "hakmem:hak_slab_init" },
	{ "hakmem:hak_depot_get_full" },
	{ "hakmem:hak_depot_put_full" },
	{ "hakmem:hak_depot_new_empty" },
	{ "hakmem:hak_mag_put" },
	{ "hakmem:hak_mag_put_empty" },
	{ "hakmem:hak_block_slab" },
	{ "hakmem:hak_block_put_slab" },
	{ "hakmem:hak_small_slab" },
	{ "hakmem:hak_pages_alloc" },
	{ "hakmem:hak_release_later" },
};

#define BURSTS 4
#define NR_ENTRIES ARRAY_SIZE(entries)

/* Setting one takes some time, so they stay for all tests. */
static struct st_probe *probes;
static u64 deferred;

static bool probes_add(struct st *t)
{
	unsigned int i, n = 0;

	if (probes)
		return true;
	probes = kcalloc(NR_ENTRIES, sizeof(*probes), GFP_KERNEL);
	if (!st_expect(t, probes, "no memory"))
		return false;
	for (i = 0; i < NR_ENTRIES; i++) {
		if (st_probe_add(&probes[i], entries[i].symbol, NULL, 0)) {
			memset(&probes[i], 0, sizeof(probes[i]));
			continue;
		}
		probes[i].from_hakmem = entries[i].kernel;
		n++;
	}
	/* Which of its functions a kernel lets be probed, and how they are called, varies. */
	return st_expect(t, n > NR_ENTRIES / 2, "only %u probes", n);
}

void st_reentry_end(void)
{
	unsigned int i;

	for (i = 0; probes && i < NR_ENTRIES; i++)
		if (probes[i].func)
			unregister_kprobe(&probes[i].kp);
	kfree(probes);
	probes = NULL;
}

static unsigned int hits_of(const char *symbol)
{
	unsigned int i;

	for (i = 0; i < NR_ENTRIES; i++)
		if (!strcmp(entries[i].symbol, symbol))
			return probes[i].hits;
	return 0;
}

static void check_hits(struct st *t, const struct hak_counts *counts)
{
	st_expect(t, hits_of("hakmem:hak_pool_take"), "hak_pool_take was not hit");
	st_expect(t, hits_of("hakmem:hak_pool_return"), "hak_pool_return was not hit");
	st_expect(t, hits_of("_raw_spin_lock") + hits_of("_raw_spin_unlock"),
		  "no lock was hit");
	deferred += hak_counted(counts, HAK_STAT_free_nmi);
	st_expect(t, st_nested.worker.allocs > st_nested.worker.failed,
		  "no nested allocation succeeded");
}

static void run_bursts(struct st *t, struct st_burst *b, enum hak_where where)
{
	struct hak_counts counts;
	unsigned int i;

	migrate_disable();
	hak_counts_begin(&counts);
	for (i = 0; i < NR_ENTRIES; i++)
		probes[i].hits = 0;
	st_nested_begin(b->kind, 1, 3000);
	b->done = 0;
	for (i = 0; i < BURSTS; i++) {
		hak_run_in(where, st_burst, b);
		/* So that slabs and blocks come and go, too. */
		if (i % 2)
			hak_shrink_all();
	}
	st_nested_disarm();
	st_expect(t, b->done == BURSTS, "only %u bursts were run", b->done);
	st_expect(t, !b->spoilt, "%u objects were overwritten", b->spoilt);
	st_expect(t, !hak_audit(st_nested.worker.n), "audit");
	check_hits(t, &counts);
	st_nested_end(t);
	migrate_enable();
}

/* test->arg: what of, and in which context. */
enum { CLASS_64, TYPED_8, TYPED_1024, CTOR_64, KINDS };

static void at_entries(struct st *t)
{
	static const unsigned short sizes[KINDS] = { 64, 8, 1024, 64 };
	unsigned int what = t->arg % KINDS;
	struct hak_cache_args args = { .ctor = what == CTOR_64 ? hak_empty_ctor : NULL };
	struct st_burst *b = kvzalloc(sizeof(*b), GFP_KERNEL);

	if (!st_expect(t, b, "no memory"))
		return;
	b->n = ST_BURST;
	b->kind.size = sizes[what];
	if (what != CLASS_64)
		b->kind.c = hak_cache_create("selftest-reentry", sizes[what], &args, 0);
	if (st_expect(t, b->kind.c || what == CLASS_64, "no memory") && probes_add(t))
		run_bursts(t, b, t->arg / KINDS);
	hak_cache_destroy(b->kind.c);
	kvfree(b);
}

struct one {
	struct hak_cache *c;
	void *p;
};

static void take_one(void *arg)
{
	struct one *one = arg;

	one->p = hak_cache_alloc(one->c, GFP_NOWAIT | __GFP_NOWARN);
}

/* So many objects of 1024 bytes are more than a set and its spare hold. */
#define OPEN_FREED 64
#define OPEN_GIVEN 24

/* The depot has full magazines, and the first use of a level is on its way to one of them. */
static void open_while_nested(struct st *t, struct one *one)
{
	struct hak_kind kind = { .c = one->c, .size = 1024 };
	void *p[OPEN_FREED];

	hak_shrink_all();
	st_nested_begin(kind, 1, 0);
	if (!st_expect(t, hak_cache_alloc_bulk(one->c, GFP_KERNEL, OPEN_FREED, p), "no memory"))
		return;
	hak_cache_free_bulk(one->c, OPEN_FREED, p);
	st_nested.gives = OPEN_GIVEN;
	st_nested.acts = 1;
	hak_run_in(t->arg, take_one, one);
	st_nested_disarm();
	st_expect(t, !st_nested.acts, "nothing came between");
	st_expect(t, one->p, "no memory");
	st_expect(t, !hak_audit(st_nested.worker.n + !!one->p), "audit");
	hak_cache_free(one->c, one->p);
}

/* A nested call gives the level its set, and leaves a full spare there. */
static void opened_by_a_nested_call(struct st *t)
{
	struct one one = { .c = hak_cache_create("selftest-open", 1024, NULL, 0) };

	if (st_expect(t, one.c, "no memory") && probes_add(t)) {
		migrate_disable();
		open_while_nested(t, &one);
		st_nested_end(t);
		migrate_enable();
	}
	hak_cache_destroy(one.c);
}

/* A handler that is called with a lock held frees, too, if not in each of the tests. */
static void frees_were_deferred(struct st *t)
{
	st_expect(t, deferred, "nothing was deferred");
}

#define ENTRIES(context, text, where, what)					\
	{ "function entries, " context ", " text, at_entries, (where) * KINDS + (what) }
#define EACH_CONTEXT(text, what)						\
	ENTRIES("task", text, HAK_IN_TASK, what),				\
	ENTRIES("interrupts off", text, HAK_IN_IRQ_OFF, what),			\
	ENTRIES("softirq", text, HAK_IN_SOFTIRQ, what),				\
	ENTRIES("hardirq", text, HAK_IN_HARDIRQ, what)

const struct st_test st_reentry_tests[] = {
	EACH_CONTEXT("64 bytes", CLASS_64),
	EACH_CONTEXT("typed, 8 bytes", TYPED_8),
	EACH_CONTEXT("typed, 1024 bytes", TYPED_1024),
	EACH_CONTEXT("constructor", CTOR_64),
#ifndef CONFIG_PREEMPT_RT	/* there softirqs are tasks, whose sets are always open */
	{ "a level opened by a nested call, softirq", opened_by_a_nested_call, HAK_IN_SOFTIRQ },
#endif
	{ "a level opened by a nested call, hardirq", opened_by_a_nested_call, HAK_IN_HARDIRQ },
	{ "frees under a lock of the core were deferred", frees_were_deferred },
	{ }
};
