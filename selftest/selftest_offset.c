// SPDX-License-Identifier: GPL-2.0
/*
 * Group offset: probes at instructions inside functions.
 *
 * In a function that has the inlined paths in it, each must stay a breakpoint: were
 * it replaced by a jump, its handler would run at task level between an inlined
 * path's look at a set and its change of it.  The same for the functions of the core
 * that take locks, where a jump is allowed and must be survived.
 *
 * Setting a probe takes all CPUs, so in the core's long functions some instructions
 * have to do, by seed=.
 */
#include "selftest/selftest.h"
#include <linux/delay.h>
#include <linux/kallsyms.h>
#include <linux/mm.h>

static noinline __noclone void *probed_alloc(struct hak_cache *c)
{
	return hak_cache_alloc(c, GFP_NOWAIT | __GFP_NOWARN);
}

static noinline __noclone void probed_free(struct hak_cache *c, void *p)
{
	hak_cache_free(c, p);
}

static noinline __noclone void probed_free_any(void *p)
{
	hak_free(p);
}

/* Nothing forbids a jump here: it proves that the test would see one. */
static noinline __noclone unsigned long probed_plain(unsigned long x)
{
	x ^= x >> 12;
	x *= 0x2545f4914f6cdd1dUL;
	x ^= x << 25;
	x += 0x9e3779b97f4a7c15UL;
	return x ^ x >> 27;
}

static unsigned long sink;

struct offsets {
	unsigned int n, max;
	struct st_probe *probe;
};

/* "name+0x0/0x123 [module]" says how long the function is. */
static unsigned int size_of(void *addr)
{
	char name[KSYM_SYMBOL_LEN], *slash;
	unsigned int size = 0;

	sprint_symbol(name, (unsigned long)addr);
	slash = strrchr(name, '/');
	if (!slash || sscanf(slash, "/0x%x", &size) != 1)
		return 0;
	return size;
}

/* What kprobes refuses is no boundary, or a place where no probe may be. */
static void offsets_add(struct st *t, struct offsets *o, const char *symbol, void *func)
{
	u64 rand = hak_random_begin(st_seed, 0);
	struct st_probe first;
	unsigned int size, off;

	if (symbol) {
		if (st_probe_add(&first, symbol, NULL, 0))
			return;
		func = (void *)first.func;
		size = size_of(first.kp.addr);
		unregister_kprobe(&first.kp);
	} else {
		size = size_of(func);
	}
	st_expect(t, size, "size of a function is not known");
	for (off = 0; off < size && o->n < o->max; off++)
		if ((!symbol || hak_below(&rand, size) < 64) &&
		    !st_probe_add(&o->probe[o->n], symbol, func, off))
			o->n++;
}

static void offsets_remove(struct offsets *o)
{
	struct kprobe **kps = kvcalloc(o->max, sizeof(*kps), GFP_KERNEL);
	unsigned int i;

	for (i = 0; i < o->n; i++) {
		if (kps)
			kps[i] = &o->probe[i].kp;
		else
			unregister_kprobe(&o->probe[i].kp);
	}
	if (kps && o->n)
		unregister_kprobes(kps, o->n);
	kvfree(kps);
	kvfree(o->probe);
}

static bool offsets_init(struct st *t, struct offsets *o)
{
	o->n = 0;
	o->max = 1000;
	o->probe = kvcalloc(o->max, sizeof(*o->probe), GFP_KERNEL);
	return st_expect(t, o->probe, "no memory");
}

/* Once through each of them, and often enough to fill and empty the magazine. */
static void probed_round(struct hak_cache *c, unsigned int *spoilt)
{
	void *p[24];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = probed_alloc(c);
		if (p[i])
			hak_fill(p[i], 64, i);
		WRITE_ONCE(sink, probed_plain(i));
	}
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		if (!p[i])
			continue;
		*spoilt += !hak_intact(p[i], 64, i);
		if (i % 2)
			probed_free(c, p[i]);
		else
			probed_free_any(p[i]);
	}
}

static void run_rounds(struct st *t, struct hak_cache *c, struct hak_kind nested)
{
	unsigned int i, spoilt = 0;

	migrate_disable();
	st_nested_begin(nested, 1, UINT_MAX);
	for (i = 0; i < 5; i++) {
		probed_round(c, &spoilt);
		st_nested_refill();
	}
	st_nested_disarm();
	st_expect(t, !spoilt, "%u objects were overwritten", spoilt);
	st_expect(t, !hak_audit(st_nested.worker.n), "audit");
	st_nested_end(t);
	migrate_enable();
}

static void in_inlined_paths(struct st *t)
{
	struct hak_cache *c = hak_cache_create("selftest-offset", 64, NULL, 0);
	struct offsets o;

	if (st_expect(t, c, "no memory") && offsets_init(t, &o)) {
		offsets_add(t, &o, NULL, probed_alloc);
		offsets_add(t, &o, NULL, probed_free);
		offsets_add(t, &o, NULL, probed_free_any);
		st_expect(t, o.n > 40, "only %u probes", o.n);
		/* kprobes makes jumps of what it can some time after. */
		msleep(200);
		run_rounds(t, c, (struct hak_kind){ c, 64 });
		st_expect(t, st_nested.nmi, "no breakpoint was hit");
		st_expect(t, !st_nested.jumped, "%u handlers ran at task level inside",
			  st_nested.jumped);
		offsets_remove(&o);
	}
	hak_cache_destroy(c);
}

static void jumps_are_seen(struct st *t)
{
	struct hak_cache *c = hak_cache_create("selftest-offset", 64, NULL, 0);
	struct offsets o;

	if (st_expect(t, c, "no memory") && offsets_init(t, &o)) {
		offsets_add(t, &o, NULL, probed_plain);
		msleep(200);
		run_rounds(t, c, (struct hak_kind){ c, 64 });
		st_expect(t, st_nested.jumped || !IS_ENABLED(CONFIG_OPTPROBES),
			  "no probe became a jump");
		offsets_remove(&o);
	}
	hak_cache_destroy(c);
}

static const char *const core_functions[] = {
	"hakmem:hak_pool_take", "hakmem:return_batch",
};

static void bursts_in_core(struct st *t, struct st_burst *b, struct hak_kind kind,
			   enum hak_where where)
{
	b->kind = kind;
	b->n = 100;
	migrate_disable();
	st_nested_begin(kind, 13, 200);
	hak_run_in(where, st_burst, b);
	st_nested_refill();
	hak_cache_shrink(kind.c);
	st_nested_disarm();
	st_expect(t, !b->spoilt, "%u objects were overwritten", b->spoilt);
	st_expect(t, !hak_audit(st_nested.worker.n), "audit");
	st_nested_end(t);
	migrate_enable();
}

/* test->arg: which function of the core. */
static void in_core(struct st *t)
{
	struct hak_cache_args args = { .ctor = hak_empty_ctor };
	struct hak_cache *c = hak_cache_create("selftest-core", 64, NULL, 0);
	struct hak_cache *g = hak_cache_create("selftest-core-g", 64, &args, 0);
	struct st_burst *b = kvzalloc(sizeof(*b), GFP_KERNEL);
	struct offsets o;

	if (st_expect(t, c && g && b, "no memory") && offsets_init(t, &o)) {
		offsets_add(t, &o, core_functions[t->arg], NULL);
		msleep(200);
		/* A function the compiler inlined has no probes. */
		if (o.n) {
			bursts_in_core(t, b, (struct hak_kind){ c, 64 }, HAK_IN_TASK);
			bursts_in_core(t, b, (struct hak_kind){ g, 64 }, HAK_IN_HARDIRQ);
			bursts_in_core(t, b, (struct hak_kind){ c, 64 }, HAK_IN_SOFTIRQ);
		}
		offsets_remove(&o);
	}
	kvfree(b);
	hak_cache_destroy(g);
	hak_cache_destroy(c);
}

const struct st_test st_offset_tests[] = {
	{ "every instruction of a plain function: jumps are seen", jumps_are_seen },
	{ "every instruction of the inlined paths: none is a jump", in_inlined_paths },
	{ "instructions of hak_pool_take", in_core, 0 },
	{ "instructions of return_batch", in_core, 1 },
	{ }
};
