// SPDX-License-Identifier: GPL-2.0
/*
 * set=memory: what live objects cost in pages.
 *
 * Two yardsticks.  pages_held is hakmem's own account and exact.  The fall of the machine's free
 * pages is the only one the kernel's allocator has too, so the comparison uses it for both.  It
 * is off by what the rest of the machine does meanwhile.
 *
 * Counts shrink with the memory of the machine, and the result says how many
 * objects there were.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>

#include "bench.h"
#include "port/kernel/hak_client.h"

#define MEM_OBJECTS	1000000
#define MEM_TYPED_SIZE	64
#define MEM_MIX_MIN	8
#define MEM_MIX_MAX	1024
#define MEM_MIX_SPAN	(MEM_MIX_MAX - MEM_MIX_MIN + 1)
#define MEM_CACHES	640		/* one object each: five SuperSlabs of slabs */
#define MEM_SETTLE_TURNS 40
#define MEM_SETTLE_MS	100
#define MEM_SETTLE_PAGES 32		/* what an idle machine moves by */
#define MEM_SEED	0x6d656d6f7279ULL

struct mem_run {
	struct bench_result *res;
	void **p;
	unsigned int n;			/* objects live */
	u64 bytes;			/* requested for them */
	long free_pages;		/* of the machine, before the first */
	u64 held;			/* by hakmem, likewise */
};

static __printf(3, 4)
void mem_fact(struct mem_run *m, const char *name, const char *fmt, ...)
{
	struct bench_fact *f = &m->res->memory[m->res->nr_memory];
	va_list args;

	if (m->res->nr_memory == BENCH_MAX_FACTS)
		return;
	m->res->nr_memory++;
	strscpy(f->name, name, sizeof(f->name));
	va_start(args, fmt);
	vscnprintf(f->value, sizeof(f->value), fmt, args);
	va_end(args);
}

static void mem_objects(struct mem_run *m, const char *name, unsigned int n)
{
	mem_fact(m, name, "%u%s", n, n < MEM_OBJECTS ? " (fewer than 10^6: short of memory)" : "");
}

static void mem_ratio(struct mem_run *m, const char *name, u64 pages)
{
	u64 milli = div64_u64(pages * PAGE_SIZE * BENCH_MILLI, max(m->bytes, 1ULL));

	mem_fact(m, name, "%llu.%03llu", div_u64(milli, 1000), milli % 1000);
}

static u64 mem_held(void)
{
	u64 v[HAK_NR_STATS];

	hak_stats_read(v);
	return v[HAK_STAT_pages_held];
}

/* Free pages, those on the page allocator's per-CPU lists included: whole blocks rest there. */
static long mem_free_pages(void)
{
	long n = global_zone_page_state(NR_FREE_PAGES);
	int nid, cpu, i;

	for_each_online_node(nid) {
		for (i = 0; i < MAX_NR_ZONES; i++) {
			struct zone *zone = &NODE_DATA(nid)->node_zones[i];

			if (!populated_zone(zone))
				continue;
			for_each_online_cpu(cpu)
				n += READ_ONCE(per_cpu_ptr(zone->per_cpu_pageset, cpu)->count);
		}
	}
	return n;
}

/* Pages given back come home after grace periods and by workers: wait until they have. */
static void mem_settle(void)
{
	long before, now = 0;
	unsigned int i;

	hak_shrink_all();
	for (i = 0; i < MEM_SETTLE_TURNS; i++) {
		before = now;
		rcu_barrier();
		msleep_interruptible(MEM_SETTLE_MS);
		now = mem_free_pages();
		if (abs_diff(before, now) < MEM_SETTLE_PAGES || signal_pending(current))
			break;
	}
}

static void mem_mark(struct mem_run *m)
{
	mem_settle();
	m->n = 0;
	m->bytes = 0;
	m->held = mem_held();
	m->free_pages = mem_free_pages();
}

/* Pages gone since mem_mark(), as the machine sees it. */
static u64 mem_taken(const struct mem_run *m)
{
	return max(m->free_pages - mem_free_pages(), 0L);
}

/* How many objects of @bytes fit into half of what is available. */
static unsigned int mem_count(unsigned int bytes)
{
	u64 room = (u64)si_mem_available() * PAGE_SIZE / 2;

	return min_t(u64, MEM_OBJECTS, div_u64(room, bytes));
}

enum mem_side { MEM_HAK_TYPED, MEM_KERNEL_TYPED, MEM_HAK_MIX, MEM_KERNEL_MIX };

static void *mem_get(enum mem_side side, void *c, size_t size)
{
	switch (side) {
	case MEM_HAK_TYPED:
		return hak_cache_alloc(c, GFP_KERNEL);
	case MEM_KERNEL_TYPED:
		return kmem_cache_alloc(c, GFP_KERNEL);
	case MEM_HAK_MIX:
		return hak_alloc(size, GFP_KERNEL);
	default:
		return kmalloc(size, GFP_KERNEL);
	}
}

static void mem_put(enum mem_side side, void *c, void *p)
{
	switch (side) {
	case MEM_HAK_TYPED:
		hak_cache_free(c, p);
		break;
	case MEM_KERNEL_TYPED:
		kmem_cache_free(c, p);
		break;
	case MEM_HAK_MIX:
		hak_free(p);
		break;
	default:
		kfree(p);
	}
}

static int mem_fill(struct mem_run *m, enum mem_side side, void *c, unsigned int want)
{
	struct rnd_state rnd;
	size_t size = MEM_TYPED_SIZE;

	prandom_seed_state(&rnd, MEM_SEED);
	mem_mark(m);
	for (; m->n < want; m->n++) {
		if (side == MEM_HAK_MIX || side == MEM_KERNEL_MIX)
			size = MEM_MIX_MIN + prandom_u32_state(&rnd) % MEM_MIX_SPAN;
		m->p[m->n] = mem_get(side, c, size);
		if (!m->p[m->n])
			return -ENOMEM;
		m->bytes += size;
		if (m->n % 1024 == 0) {
			cond_resched();
			if (signal_pending(current))
				return -EINTR;
		}
	}
	return 0;
}

static void mem_drain(struct mem_run *m, enum mem_side side, void *c)
{
	unsigned int i;

	for (i = 0; i < m->n; i++) {
		mem_put(side, c, m->p[i]);
		if (i % 1024 == 0)
			cond_resched();
	}
	m->n = 0;
}

static int mem_typed(struct mem_run *m)
{
	struct hak_cache *c = hak_cache_create("hak_bench_mem", MEM_TYPED_SIZE, NULL, 0);
	unsigned int n = mem_count(MEM_TYPED_SIZE);
	int err;

	if (!c)
		return -ENOMEM;
	err = mem_fill(m, MEM_HAK_TYPED, c, n);
	if (!err) {
		mem_objects(m, "typed64_objects", n);
		mem_ratio(m, "typed64_ratio", mem_held() - m->held);
		mem_ratio(m, "typed64_machine_ratio", mem_taken(m));
	}
	mem_drain(m, MEM_HAK_TYPED, c);
	hak_cache_destroy(c);
	return err;
}

static int mem_typed_kernel(struct mem_run *m)
{
	struct kmem_cache *c = kmem_cache_create("hak_bench_mem", MEM_TYPED_SIZE, 0,
						 SLAB_NO_MERGE, NULL);
	int err;

	if (!c)
		return -ENOMEM;
	err = mem_fill(m, MEM_KERNEL_TYPED, c, mem_count(MEM_TYPED_SIZE));
	if (!err)
		mem_ratio(m, "typed64_kernel_machine_ratio", mem_taken(m));
	mem_drain(m, MEM_KERNEL_TYPED, c);
	kmem_cache_destroy(c);
	return err;
}

static int mem_mix(struct mem_run *m)
{
	unsigned int n = mem_count((MEM_MIX_MIN + MEM_MIX_MAX) / 2);
	int err;

	err = mem_fill(m, MEM_HAK_MIX, NULL, n);
	if (!err) {
		mem_objects(m, "mix_objects", n);
		mem_ratio(m, "mix_ratio", mem_held() - m->held);
		mem_ratio(m, "mix_machine_ratio", mem_taken(m));
	}
	mem_drain(m, MEM_HAK_MIX, NULL);
	if (err)
		return err;
	err = mem_fill(m, MEM_KERNEL_MIX, NULL, n);
	if (!err)
		mem_ratio(m, "mix_kernel_machine_ratio", mem_taken(m));
	mem_drain(m, MEM_KERNEL_MIX, NULL);
	return err;
}

/*
 * Blocks come 2 MiB at a time, so the pages of a single cache tell nothing.  Caches are made
 * until several blocks have been opened.  Between the first and the last opening, each cache took
 * its part of the blocks in between.
 */
static int mem_many_caches(struct mem_run *m, struct hak_cache **c, unsigned int *nr)
{
	u64 held = m->held, first_held = 0, first_taken = 0, pages = 0, taken = 0, now;
	unsigned int first = 0, last = 0, i;

	for (i = 0; i < MEM_CACHES; i++) {
		c[i] = hak_cache_create("hak_bench_one", MEM_TYPED_SIZE, NULL, 0);
		if (!c[i])
			return -ENOMEM;
		*nr = i + 1;
		m->p[i] = hak_cache_alloc(c[i], GFP_KERNEL);
		if (!m->p[i])
			return -ENOMEM;
		now = mem_held();
		if (now == held)
			continue;
		held = now;
		if (first_held) {
			last = i;
			pages = now - first_held;
			taken = mem_taken(m);
		} else {
			first = i;
			first_held = now;
			first_taken = mem_taken(m);
		}
		if (signal_pending(current))
			return -EINTR;
	}
	if (last == first)
		return 0;
	mem_fact(m, "one_object_cache_bytes", "%llu", div_u64(pages * PAGE_SIZE, last - first));
	mem_fact(m, "one_object_cache_machine_bytes", "%llu",
		 div_u64((taken - min(taken, first_taken)) * PAGE_SIZE, last - first));
	return 0;
}

static int mem_one_object(struct mem_run *m)
{
	struct hak_cache **c = kvcalloc(MEM_CACHES, sizeof(*c), GFP_KERNEL);
	unsigned int nr = 0, i;
	int err;

	if (!c)
		return -ENOMEM;
	mem_mark(m);
	err = mem_many_caches(m, c, &nr);
	for (i = 0; i < nr; i++) {
		if (m->p[i])
			hak_cache_free(c[i], m->p[i]);
		hak_cache_destroy(c[i]);
		cond_resched();
	}
	kvfree(c);
	return err;
}

int bench_memory_run(struct bench_result *res)
{
	struct mem_run m = { .res = res };
	int err;

	m.p = vmalloc(array_size(MEM_OBJECTS, sizeof(void *)));
	if (!m.p)
		return -ENOMEM;
	mem_fact(&m, "fixed_pages", "%u", hak_config_get()->fixed_pages);
	mem_fact(&m, "pages_before", "%lu", hak_shrink_all());
	err = mem_typed(&m);
	if (!err)
		err = mem_typed_kernel(&m);
	if (!err)
		err = mem_mix(&m);
	if (!err)
		err = mem_one_object(&m);
	mem_fact(&m, "pages_after", "%lu", hak_shrink_all());
	vfree(m.p);
	return err;
}
