// SPDX-License-Identifier: GPL-2.0
/*
 * Groups context and nmi: each call in each context, one test a cell.
 *
 * A cell runs once for each kind of objects.  Its three parts are those of its call:
 * before, as a task; the call itself, in the context; after, as a task again, when the
 * audit must find exactly the objects live that should be.
 */
#include "selftest/selftest.h"
#include <linux/mm.h>
#include <linux/nodemask.h>

#define N 100
#define ST_NMI HAK_WHERES	/* one more context, for which hak_run_in() has no means */

struct item {
	u64 word[5];
	struct rcu_head rcu;
	u64 tail;
};

struct cell {
	struct hak_kind kind;
	struct hak_reserve *reserve;
	unsigned int where;	/* enum hak_where, or ST_NMI */
	int node;		/* one that has memory */
	gfp_t gfp;
	u64 key;
	unsigned int got, spoilt;
	int preempt;		/* by how much the preempt count changed */
	struct item *p[N];
};

struct call {
	void (*before)(struct st *t, struct cell *c);
	void (*run)(struct cell *c);
	bool allocates;		/* the objects are the caller's afterwards */
	bool in_nmi;		/* an allocation that NMI allows */
	bool typed;		/* exists for typed caches only */
};

static void fill(struct cell *c)
{
	unsigned int i;

	for (i = 0; i < c->got; i++)
		hak_fill(c->p[i], sizeof(struct item), c->key + i);
}

static void look(struct cell *c)
{
	unsigned int i;

	for (i = 0; i < c->got; i++)
		c->spoilt += !hak_intact(c->p[i], sizeof(struct item), c->key + i);
}

static void get_all(void *arg)
{
	struct cell *c = arg;

	for (c->got = 0; c->got < N; c->got++) {
		c->p[c->got] = hak_kind_alloc(&c->kind, GFP_KERNEL);
		if (!c->p[c->got])
			break;
	}
	fill(c);
}

static void before_free(struct st *t, struct cell *c)
{
	get_all(c);
	st_expect(t, c->got == N, "no memory");
}

static void before_remote(struct st *t, struct cell *c)
{
	int cpu = hak_other_cpu();

	/* With one CPU there is no other's object: the cell is that of a plain free. */
	st_expect(t, cpu < 0 ? (get_all(c), true) : hak_run_on(cpu, HAK_IN_TASK, get_all, c),
		  "not run on CPU %d", cpu);
	st_expect(t, c->got == N, "no memory");
}

static void before_reserve(struct st *t, struct cell *c)
{
	c->reserve = hak_reserve_get(c->kind.c, GFP_KERNEL, N);
	st_expect(t, c->reserve, "no memory");
}

static void run_alloc(struct cell *c)
{
	void *p;

	for (c->got = 0; c->got < N; c->p[c->got++] = p) {
		p = hak_kind_alloc(&c->kind, c->gfp);
		if (!p)
			break;
	}
	fill(c);
}

static void run_alloc_bulk(struct cell *c)
{
	c->got = c->kind.c ? hak_cache_alloc_bulk(c->kind.c, c->gfp, N, (void **)c->p)
			   : hak_alloc_bulk(c->kind.size, c->gfp, N, (void **)c->p);
	fill(c);
}

/* By turns an order for this node and a wish. */
static void run_alloc_node(struct cell *c)
{
	void *p;

	for (c->got = 0; c->got < N; c->p[c->got++] = p) {
		gfp_t gfp = c->got & 1 ? c->gfp : c->gfp | __GFP_THISNODE;

		p = c->kind.c ? hak_cache_alloc_node(c->kind.c, gfp, c->node)
			      : hak_alloc_node(c->kind.size, gfp, c->node);
		if (!p)
			break;
	}
	fill(c);
}

static void run_reserve_alloc(struct cell *c)
{
	void *p;

	for (c->got = 0; c->reserve && c->got < N; c->p[c->got++] = p) {
		p = hak_reserve_alloc(c->reserve);
		if (!p)
			break;
	}
	fill(c);
}

static void run_reserve_get(struct cell *c)
{
	c->reserve = hak_reserve_get(c->kind.c, c->gfp, N);
}

static void run_reserve_put(struct cell *c)
{
	hak_reserve_put(c->reserve);
	c->reserve = NULL;
}

static void run_free(struct cell *c)
{
	look(c);
	while (c->got) {
		c->got--;
		hak_kind_free(&c->kind, c->got & 1 ? HAK_BY_ANY : HAK_BY_CACHE, c->p[c->got]);
	}
}

static void run_free_bulk(struct cell *c)
{
	look(c);
	hak_kind_free_bulk(&c->kind, HAK_BY_CACHE_BULK, c->got / 2, (void **)c->p);
	hak_kind_free_bulk(&c->kind, HAK_BY_ANY_BULK, c->got - c->got / 2,
			   (void **)c->p + c->got / 2);
	c->got = 0;
}

static void run_free_rcu(struct cell *c)
{
	look(c);
	while (c->got) {
		c->got--;
		hak_free_rcu(c->p[c->got], rcu);
	}
}

enum {
	ALLOC, ALLOC_BULK, ALLOC_NODE, RESERVE_GET, RESERVE_ALLOC, RESERVE_PUT,
	FREE, FREE_BULK, FREE_REMOTE, FREE_RCU,
};

static const struct call calls[] = {
	[ALLOC] = { NULL, run_alloc, .allocates = true },
	[ALLOC_BULK] = { NULL, run_alloc_bulk, .allocates = true },
	[ALLOC_NODE] = { NULL, run_alloc_node, .allocates = true },
	[RESERVE_GET] = { NULL, run_reserve_get, .typed = true },
	[RESERVE_PUT] = { before_reserve, run_reserve_put, .typed = true },
	[RESERVE_ALLOC] = { before_reserve, run_reserve_alloc,
			    .allocates = true, .in_nmi = true, .typed = true },
	[FREE] = { before_free, run_free },
	[FREE_BULK] = { before_free, run_free_bulk },
	[FREE_REMOTE] = { before_remote, run_free },
	[FREE_RCU] = { before_free, run_free_rcu },
};

/* test->arg */
#define CELL(call, where) ((call) << 8 | (where))
#define CALL_OF(arg) (&calls[(arg) >> 8])

struct errand {
	const struct call *call;
	struct cell *cell;
};

static void run_errand(void *arg)
{
	struct errand *e = arg;
	int before = preempt_count();

	e->call->run(e->cell);
	e->cell->preempt = preempt_count() - before;
}

static bool run_there(struct st *t, struct errand *e)
{
#if ST_HAS_PROBES
	if (e->cell->where == ST_NMI) {
		if (!st_nmi_begin(t))
			return false;
		st_nmi_run(t, run_errand, e);
		st_nmi_end();
		return true;
	}
#endif
	return hak_run_in(e->cell->where, run_errand, e);
}

/* The call is done: what is live now, and were the frees counted where they belong? */
static void check_cell(struct st *t, struct cell *c, const struct call *call,
		       const struct hak_counts *before, const char *kind)
{
	unsigned int want = call->allocates && (c->where != ST_NMI || call->in_nmi) ? N : 0;

	/* Where no memory can be made there may be less, down to none; a reserve has its own. */
	if (hak_may_grow_in(c->where) || call->in_nmi)
		st_expect(t, c->got == want, "%s: %u objects and not %u", kind, c->got, want);
	else
		st_expect(t, c->got <= want, "%s: %u objects of %u", kind, c->got, want);
	if (call->allocates)
		look(c);
	st_expect(t, !c->spoilt, "%s: %u objects overwritten", kind, c->spoilt);
	st_expect(t, !c->preempt, "%s: preempt count off by %d", kind, c->preempt);
	if (call->run == run_free_rcu) {
		hak_rcu_barrier();
		st_expect(t, hak_counted(before, HAK_STAT_free_rcu) == N,
			  "%s: %llu of %u freed after a grace period", kind,
			  hak_counted(before, HAK_STAT_free_rcu), N);
	} else if (c->where == ST_NMI && !call->allocates) {
		st_expect(t, hak_counted(before, HAK_STAT_free_nmi) == N, "%s: %llu deferred", kind,
			  hak_counted(before, HAK_STAT_free_nmi));
	}
	if (call->run == run_reserve_get)
		st_expect(t, !c->reserve == !hak_may_grow_in(c->where), "%s: %s reserve", kind,
			  c->reserve ? "a" : "no");
	st_counts_bad(t, before, HAK_NR_STATS, 0, false, kind);
	hak_reserve_put(c->reserve);
	c->reserve = NULL;
	st_expect(t, !hak_audit(c->got), "%s: the audit does not find %u live", kind, c->got);
	if (hak_distinct((void **)c->p, c->got))
		hak_free_bulk(c->got, (void **)c->p);
	else
		st_fail(t, "%s: an object was handed out twice", kind);
}

static void cell_of_kind(struct st *t, struct cell *c, const struct call *call,
			 struct hak_kind kind, const char *name)
{
	struct errand errand = { call, c };
	struct hak_counts before;

	c->kind = kind;
	c->key += N;
	c->got = 0;
	c->spoilt = 0;
	c->gfp = c->where == HAK_IN_TASK ? GFP_KERNEL : GFP_ATOMIC | __GFP_NOWARN;
	if (call->before)
		call->before(t, c);
	hak_counts_begin(&before);
	st_expect(t, run_there(t, &errand), "%s: not run there", name);
	check_cell(t, c, call, &before, name);
}

static void run_cell(struct st *t)
{
	const struct call *call = CALL_OF(t->arg);
	struct hak_cache_args args = { .ctor = hak_empty_ctor };
	struct hak_cache *plain = hak_cache_create("selftest-cell", sizeof(struct item), NULL, 0);
	struct hak_cache *gated = hak_cache_create("selftest-ctor", sizeof(struct item), &args, 0);
	struct cell *c = kvzalloc(sizeof(*c), GFP_KERNEL);
	const unsigned int size = sizeof(struct item);

	if (st_expect(t, plain && gated && c, "no memory")) {
		c->where = t->arg & 0xff;
		c->node = first_memory_node;
		migrate_disable();
		cell_of_kind(t, c, call, (struct hak_kind){ plain, size }, "typed");
		cell_of_kind(t, c, call, (struct hak_kind){ gated, size }, "constructor");
		if (!call->typed)
			cell_of_kind(t, c, call, (struct hak_kind){ NULL, size }, "hak_alloc");
		migrate_enable();
	}
	kvfree(c);
	hak_cache_destroy(gated);
	hak_cache_destroy(plain);
}

#define ROW(text, call)								\
	{ text ", task", run_cell, CELL(call, HAK_IN_TASK) },			\
	{ text ", bottom halves off", run_cell, CELL(call, HAK_IN_BH_OFF) },	\
	{ text ", interrupts off", run_cell, CELL(call, HAK_IN_IRQ_OFF) },		\
	{ text ", softirq", run_cell, CELL(call, HAK_IN_SOFTIRQ) },			\
	{ text ", hardirq", run_cell, CELL(call, HAK_IN_HARDIRQ) },			\
	{ text ", hrtimer", run_cell, CELL(call, HAK_IN_HRTIMER) }

const struct st_test st_matrix_tests[] = {
	ROW("alloc", ALLOC),
	ROW("bulk alloc", ALLOC_BULK),
	ROW("alloc_node", ALLOC_NODE),
	ROW("reserve get", RESERVE_GET),
	ROW("reserve alloc", RESERVE_ALLOC),
	ROW("reserve put", RESERVE_PUT),
	ROW("free", FREE),
	ROW("bulk free", FREE_BULK),
	ROW("free of another CPU's object", FREE_REMOTE),
	ROW("hak_free_rcu", FREE_RCU),
	{ }
};

#if ST_HAS_PROBES
const struct st_test st_matrix_nmi_tests[] = {
	{ "alloc, NMI", run_cell, CELL(ALLOC, ST_NMI) },
	{ "bulk alloc, NMI", run_cell, CELL(ALLOC_BULK, ST_NMI) },
	{ "alloc_node, NMI", run_cell, CELL(ALLOC_NODE, ST_NMI) },
	{ "reserve alloc, NMI", run_cell, CELL(RESERVE_ALLOC, ST_NMI) },
	{ "free, NMI", run_cell, CELL(FREE, ST_NMI) },
	{ "bulk free, NMI", run_cell, CELL(FREE_BULK, ST_NMI) },
	{ "free of another CPU's object, NMI", run_cell, CELL(FREE_REMOTE, ST_NMI) },
	{ "hak_free_rcu, NMI", run_cell, CELL(FREE_RCU, ST_NMI) },
	{ }
};
#endif
