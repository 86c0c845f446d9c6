// SPDX-License-Identifier: GPL-2.0
/*
 * Group nodes: objects come from the node of the CPU that asks, and go home from wherever
 * they are freed.  Where one node has all the memory there is nothing to tell.
 */
#include "selftest/selftest.h"
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/topology.h>

#define N 1000
#define MAG 64		/* what a magazine of objects on their way home may hold */

/* Objects that are allocated on one CPU and freed on another. */
struct flow {
	struct hak_kind kind;
	u64 key;
	int nid;			/* whence objects come, or are not to come */
	gfp_t gfp;			/* of flow_get_on() */
	unsigned int there;		/* that did */
	unsigned int failed, spoilt;
	void *p[N];
};

static int nid_of(const void *p)
{
	return page_to_nid(virt_to_page(p));
}

static bool one_node(void)
{
	if (num_node_state(N_MEMORY) > 1)
		return false;
	pr_info("hakmem_selftest: one node has all the memory: nothing to see\n");
	return true;
}

static void flow_got(struct flow *f, unsigned int i, void *p)
{
	f->p[i] = p;
	f->failed += !p;
	if (!p)
		return;
	hak_fill(p, f->kind.size, f->key + i);
	f->there += nid_of(p) == f->nid;
}

static void flow_get(void *arg)
{
	gfp_t gfp = in_task() ? GFP_KERNEL : GFP_ATOMIC | __GFP_NOWARN;
	struct flow *f = arg;
	unsigned int i;

	f->there = 0;
	for (i = 0; i < N; i++)
		flow_got(f, i, hak_kind_alloc(&f->kind, gfp));
}

/* The same on a node of the caller's choice. */
static void flow_get_on(void *arg)
{
	struct flow *f = arg;
	unsigned int i;

	f->there = 0;
	f->failed = 0;
	for (i = 0; i < N; i++)
		flow_got(f, i, f->kind.c ? hak_cache_alloc_node(f->kind.c, f->gfp, f->nid)
					 : hak_alloc_node(f->kind.size, f->gfp, f->nid));
}

static void flow_put(void *arg)
{
	struct flow *f = arg;
	unsigned int i;

	for (i = 0; i < N; i++) {
		enum hak_how how = i % HAK_HOWS;

		if (!f->p[i])
			continue;
		f->spoilt += !hak_intact(f->p[i], f->kind.size, f->key + i);
		if (f->kind.c && how == HAK_BY_SIZE)
			how = HAK_BY_CACHE;
		hak_kind_free(&f->kind, how, f->p[i]);
	}
	f->key += N;
}

/* The node whose memory a CPU gets: not its own if that has none. */
static void home_fn(void *arg)
{
	struct page *page = alloc_page(GFP_KERNEL);

	*(int *)arg = page ? page_to_nid(page) : NUMA_NO_NODE;
	if (page)
		__free_page(page);
}

static int home(int cpu)
{
	int nid = NUMA_NO_NODE;

	hak_run_on(cpu, HAK_IN_TASK, home_fn, &nid);
	return nid;
}

static void flow_end(struct st *t, const struct flow *f, const char *what)
{
	st_expect(t, !f->failed, "%s: %u allocations failed", what, f->failed);
	st_expect(t, !f->spoilt, "%s: %u objects overwritten", what, f->spoilt);
}

static void ctor(void *p)
{
	memset(p, 0x5a, 512);
}

/* Calls @fn with a typed cache, one with a constructor, and hak_alloc(). */
static void with_each_kind(struct st *t, void (*fn)(struct st *t, struct flow *f, const char *what))
{
	struct hak_cache_args args = { .ctor = ctor };
	struct hak_cache *plain = hak_cache_create("selftest-nodes", 64, NULL, 0);
	struct hak_cache *gated = hak_cache_create("selftest-gated", 512, &args, 0);
	struct flow *f = kvzalloc(sizeof(*f), GFP_KERNEL);

	if (st_expect(t, plain && gated && f, "no memory")) {
		f->kind = (struct hak_kind){ plain, 64 };
		fn(t, f, "typed, 64");
		f->kind = (struct hak_kind){ gated, 512 };
		fn(t, f, "constructor, 512");
		f->kind = (struct hak_kind){ NULL, 64 };
		fn(t, f, "hak_alloc(64)");
		st_expect(t, hak_shrink_all() == hak_config_get()->fixed_pages,
			  "pages are still held");
	}
	kvfree(f);
	hak_cache_destroy(gated);
	hak_cache_destroy(plain);
}

/*
 * Frees of a CPU's own objects return nothing to another node.  The reaper's do, and it
 * may look in between: so one round of three has to be without.
 */
static void local_on(struct st *t, struct flow *f, const char *what, int cpu)
{
	struct hak_counts before;
	u64 remote = 1, blocks = 0;
	int round;

	f->nid = home(cpu);
	for (round = 0; remote && round < 3; round++) {
		hak_shrink_all();
		hak_counts_begin(&before);
		hak_run_on(cpu, HAK_IN_TASK, flow_get, f);
		blocks = hak_counted(&before, HAK_STAT_superslabs_held);
		st_expect(t, f->there == N - f->failed, "%s: CPU %d has %u of %u on node %d",
			  what, cpu, f->there, N, f->nid);
		hak_run_on(cpu, HAK_IN_TASK, flow_put, f);
		remote = hak_counted(&before, HAK_STAT_free_slab_remote);
		/* 512 KiB of objects, and magazines. */
		st_expect(t, (s64)blocks <= 2, "%s: %lld SuperSlabs for %u objects on CPU %d", what,
			  (s64)blocks, N, cpu);
		st_counts_bad(t, &before, HAK_STAT_bad_free_foreign, 0, true, what);
	}
	if (hak_config_get()->multi_node)
		st_expect(t, !remote, "%s: CPU %d sent %lld of its own objects away", what, cpu,
			  (s64)remote);
	flow_end(t, f, what);
}

static void local_kind(struct st *t, struct flow *f, const char *what)
{
	int cpu;

	for_each_online_cpu(cpu)
		local_on(t, f, what, cpu);
}

static void local_stays_local(struct st *t)
{
	if (!one_node())
		with_each_kind(t, local_kind);
}

/* Objects of the other node that CPUs were handed, in all rounds of a test. */
static unsigned int strayed;

static void remote_pair(struct st *t, struct flow *f, const char *what, int from, int to)
{
	bool multi = hak_config_get()->multi_node;
	enum hak_where where = t->arg;
	struct hak_counts before;
	bool right;
	u64 sent;

	hak_shrink_all();
	f->nid = home(from);
	right = hak_run_on(from, HAK_IN_TASK, flow_get, f);
	st_expect(t, f->there == N - f->failed, "%s: CPU %d has %u of %u on node %d", what, from,
		  f->there, N, f->nid);
	hak_counts_begin(&before);
	right &= hak_run_on(to, where, flow_put, f);
	sent = hak_counted(&before, HAK_STAT_free_slab_remote);
	right &= hak_run_on(to, where, flow_get, f);
	strayed += f->there;
	right &= hak_run_on(to, where, flow_put, f);
	st_expect(t, right, "not run in %s", hak_where_name[where]);
	if (multi) {
		st_expect(t, sent + MAG >= N, "%s: %lld of %u went home from CPU %d", what, sent,
			  N, to);
		st_expect(t, !f->there, "%s: CPU %d was handed %u objects of node %d", what, to,
			  f->there, f->nid);
	}
	st_counts_bad(t, &before, HAK_STAT_bad_free_foreign, 0, true, what);
	flow_end(t, f, what);
}

static void remote_kind(struct st *t, struct flow *f, const char *what)
{
	int from, to;

	/* The levels differ little: interrupts are tried in one direction only. */
	for_each_online_cpu(from)
		for_each_online_cpu(to)
			if ((t->arg == HAK_IN_TASK || from < to) && home(from) != home(to))
				remote_pair(t, f, what, from, to);
}

static void remote_goes_home(struct st *t)
{
	if (one_node())
		return;
	strayed = 0;
	with_each_kind(t, remote_kind);
	pr_info("hakmem_selftest: %u objects of other nodes were handed out (%s)\n", strayed,
		hak_where_name[t->arg]);
}

/* Objects of @nid, asked for on @cpu and freed there: at home is where they go. */
static void node_on(struct st *t, struct flow *f, const char *what, int cpu)
{
	bool memory = node_state(f->nid, N_MEMORY), away = memory && home(cpu) != f->nid;
	const char *how = f->gfp & __GFP_THISNODE ? "order" : "wish";
	struct hak_counts before;
	u64 sent;

	hak_shrink_all();
	hak_run_on(cpu, HAK_IN_TASK, flow_get_on, f);
	st_expect(t, f->there == (memory ? N : 0), "%s: CPU %d: %u of node %d (%s)", what, cpu,
		  f->there, f->nid, how);
	st_expect(t, f->failed == (memory || !(f->gfp & __GFP_THISNODE) ? 0 : N),
		  "%s: CPU %d: %u of node %d failed (%s)", what, cpu, f->failed, f->nid, how);
	hak_counts_begin(&before);
	hak_run_on(cpu, HAK_IN_TASK, flow_put, f);
	sent = hak_counted(&before, HAK_STAT_free_slab_remote);
	f->failed = 0;
	flow_end(t, f, what);
	if (!away || !hak_config_get()->multi_node)
		return;
	st_expect(t, sent + MAG >= N, "%s: %lld of %u went home to node %d", what, sent, N, f->nid);
	hak_run_on(cpu, HAK_IN_TASK, flow_get, f);
	st_expect(t, !f->there, "%s: CPU %d was handed %u objects of node %d", what, cpu,
		  f->there, f->nid);
	hak_run_on(cpu, HAK_IN_TASK, flow_put, f);
}

static void node_kind(struct st *t, struct flow *f, const char *what)
{
	static const gfp_t gfps[] = { GFP_KERNEL | __GFP_THISNODE, GFP_KERNEL };
	int cpu, i;

	for_each_online_node(f->nid)
		for_each_online_cpu(cpu)
			for (i = 0; i < ARRAY_SIZE(gfps); i++) {
				f->gfp = gfps[i];
				node_on(t, f, what, cpu);
			}
}

static void node_asked_for(struct st *t)
{
	if (!one_node())
		with_each_kind(t, node_kind);
}

/* A node without 2 MiB in one piece: its CPUs are served, from small blocks or elsewhere. */
static void full_node_kind(struct st *t, struct flow *f, const char *what)
{
	const gfp_t gfp = __GFP_THISNODE | __GFP_NORETRY | __GFP_NOMEMALLOC | __GFP_NOWARN;
	int cpu = cpumask_first(cpu_online_mask), nid = home(cpu);
	struct page *page, *next;
	struct hak_counts before;
	unsigned int blocks = 0;
	LIST_HEAD(hog);
	s64 held;

	hak_shrink_all();
	for (; (page = alloc_pages_node(nid, gfp, 9)); blocks++)
		list_add(&page->lru, &hog);
	hak_counts_begin(&before);
	f->nid = nid;
	hak_run_on(cpu, HAK_IN_TASK, flow_get, f);
	held = hak_counted(&before, HAK_STAT_superslabs_held);
	pr_info("hakmem_selftest: %s: node %d less %u blocks: %u of %u are its, %lld SuperSlabs\n",
		what, nid, blocks, f->there, N, held);
	st_expect(t, held <= 2, "%s: %lld SuperSlabs for %u objects", what, held, N);
	hak_run_on(cpu, HAK_IN_TASK, flow_put, f);
	flow_end(t, f, what);
	list_for_each_entry_safe(page, next, &hog, lru)
		__free_pages(page, 9);
	hak_shrink_all();
}

static void full_node(struct st *t)
{
	if (!one_node())
		with_each_kind(t, full_node_kind);
}

const struct st_test st_nodes_tests[] = {
	{ "local stays local", local_stays_local },
	{ "remote goes home, freed by a task", remote_goes_home, HAK_IN_TASK },
	{ "remote goes home, freed in softirq", remote_goes_home, HAK_IN_SOFTIRQ },
	{ "remote goes home, freed in hardirq", remote_goes_home, HAK_IN_HARDIRQ },
	{ "the node asked for, and NULL or another where it has no memory", node_asked_for },
	{ "a node without 2 MiB in one piece", full_node },
	{ }
};
