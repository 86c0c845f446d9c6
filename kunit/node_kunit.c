// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_node: allocation on a node, as far as one node shows it, and what CPUs know of the
 * addresses of theirs.
 */
#include "kunit/hak_kunit.h"
#include "kunit/lib/hak_where.h"
#include "tiny/tiny_near.h"
#include <linux/cpumask.h>
#include <linux/string.h>
#include <linux/vmstat.h>

static struct hak_cache *new_cache(struct kunit *test)
{
	return hak_kunit_cache(test, "kunit-node", 72, NULL, 0);
}

/* Where there is one node, it is everybody's; what several do is for check-nodes. */
static void node_of_the_caller(struct kunit *test)
{
	struct hak_cache *c = new_cache(test);
	const int nodes[] = { NUMA_NO_NODE, first_memory_node };
	void *p;
	int i;

	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		p = hak_cache_alloc_node(c, GFP_KERNEL | __GFP_ZERO, nodes[i]);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, 72));
		memset(p, 0xff, 72);
		hak_cache_free(c, p);
		p = hak_alloc_node(100, GFP_KERNEL, nodes[i]);
		KUNIT_EXPECT_TRUE(test, hak_owns(p));
		KUNIT_EXPECT_EQ(test, hak_usable_size(p), 112);
		hak_free(p);
		p = hak_alloc_node(5000, GFP_KERNEL, nodes[i]);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_FALSE(test, hak_owns(p));
		hak_free(p);
	}
	KUNIT_EXPECT_PTR_EQ(test, hak_alloc_node(0, GFP_KERNEL, 0), ZERO_SIZE_PTR);
}

/* With __GFP_THISNODE each object comes out of a slab of that node, whatever the CPU holds. */
static void this_node_exactly(struct kunit *test)
{
	struct hak_cache *c = new_cache(test);
	static void *p[300];
	int i, nid = first_memory_node;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = hak_cache_alloc_node(c, GFP_KERNEL | __GFP_THISNODE | __GFP_ZERO, nid);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		KUNIT_EXPECT_EQ(test, page_to_nid(virt_to_page(p[i])), nid);
		KUNIT_EXPECT_NULL(test, memchr_inv(p[i], 0, 72));
		memset(p[i], 0xff, 72);
	}
	KUNIT_EXPECT_EQ(test, hak_core_live(cache_core(c)), ARRAY_SIZE(p));
	for (i = 0; i < ARRAY_SIZE(p); i++)
		hak_cache_free(c, p[i]);
	KUNIT_EXPECT_TRUE(test, hak_distinct(p, ARRAY_SIZE(p)));
	KUNIT_EXPECT_EQ(test, hak_core_live(cache_core(c)), 0);
}

static long reclaimable_pages(void)
{
	return global_node_page_state_pages(NR_SLAB_RECLAIMABLE_B);
}

#define ACCOUNT_OBJECTS 16384U	/* of 512 bytes: 2048 pages, far more than the kernel's noise */

/* What a cache of SLAB_RECLAIM_ACCOUNT holds counts as SReclaimable, and no longer than it does. */
static void reclaim_account(struct kunit *test, slab_flags_t flags, long least, long most)
{
	void **p = kunit_kcalloc(test, ACCOUNT_OBJECTS, sizeof(*p), GFP_KERNEL);
	long before = reclaimable_pages(), after;
	struct hak_cache *c;

	KUNIT_ASSERT_NOT_NULL(test, p);
	c = hak_cache_create("kunit-account", 512, NULL, flags);
	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, ACCOUNT_OBJECTS, p),
			ACCOUNT_OBJECTS);
	after = reclaimable_pages();
	KUNIT_EXPECT_GE(test, after - before, least);
	KUNIT_EXPECT_LE(test, after - before, most);
	hak_cache_free_bulk(c, ACCOUNT_OBJECTS, p);
	hak_cache_destroy(c);
	KUNIT_EXPECT_LE(test, reclaimable_pages() - before, 500);
	KUNIT_EXPECT_GE(test, reclaimable_pages() - before, -500);
}

static void reclaim_account_is_honoured(struct kunit *test)
{
	reclaim_account(test, SLAB_RECLAIM_ACCOUNT, 1500, 2600);
	reclaim_account(test, SLAB_RECLAIM_ACCOUNT | SLAB_TYPESAFE_BY_RCU, 1500, 2800);
	reclaim_account(test, 0, -500, 500);
}

#define SS_PFNS (HAK_SS_SIZE / PAGE_SIZE)

static unsigned long frame_address(unsigned long pfn)
{
	return (unsigned long)__va(PFN_PHYS(pfn));
}

/* Whole 2 MiB regions, and nothing where another node's memory lies in between. */
static void range_of_a_node(struct kunit *test)
{
	const struct hak_span spans[] = {
		{ SS_PFNS, 4 * SS_PFNS },			/* whole regions */
		{ 4 * SS_PFNS + 1, 8 * SS_PFNS - 1 },		/* parts at both ends */
		{ 0, 0 },					/* no memory */
		{ 16 * SS_PFNS, 24 * SS_PFNS },			/* one in the midst of another */
		{ 20 * SS_PFNS, 21 * SS_PFNS },
		{ 30 * SS_PFNS, 34 * SS_PFNS },			/* one overlaps the next */
		{ 33 * SS_PFNS, 36 * SS_PFNS },
		{ 40 * SS_PFNS + 1, 41 * SS_PFNS - 1 },		/* no whole region */
	};
	static const struct { unsigned int first, n; } want[] = {
		{ 1, 3 }, { 5, 2 }, { }, { }, { }, { }, { }, { },
	};
	struct hak_range r;
	int nid;

	for (nid = 0; nid < ARRAY_SIZE(spans); nid++) {
		r = hak_near_range(spans, ARRAY_SIZE(spans), nid);
		KUNIT_EXPECT_EQ_MSG(test, r.size, want[nid].n * HAK_SS_SIZE, "%d", nid);
		if (r.size)
			KUNIT_EXPECT_EQ_MSG(test, r.base,
					    frame_address(want[nid].first * SS_PFNS), "%d", nid);
	}
}

/* What CPU @cpu knows. Its node's memory neither comes nor goes meanwhile. */
static struct hak_range range_of_cpu(int cpu)
{
	const struct hak_range *r = per_cpu_ptr(&hak_near, cpu);

	return (struct hak_range){ READ_ONCE(r->base), READ_ONCE(r->size) };
}

static int home_of_cpu(int cpu)
{
	return READ_ONCE(hak_node_with_memory[cpu_to_node(cpu)]);
}

/* Each page of a range is of the CPU's node; the memory of others lies outside. */
static void range_of_each_cpu(struct kunit *test)
{
	struct hak_range r;
	struct page *page;
	unsigned long at;
	int cpu, nid;

	for_each_online_cpu(cpu) {
		r = range_of_cpu(cpu);
		for (at = 0; at < r.size; at += HAK_SS_SIZE)
			if (virt_addr_valid(r.base + at))
				KUNIT_ASSERT_EQ(test, page_to_nid(virt_to_page(r.base + at)),
						home_of_cpu(cpu));
		for_each_node_state(nid, N_MEMORY) {
			page = alloc_pages_node(nid, GFP_KERNEL | __GFP_THISNODE, 0);
			KUNIT_ASSERT_NOT_NULL(test, page);
			if ((unsigned long)page_address(page) - r.base < r.size)
				KUNIT_EXPECT_EQ(test, nid, home_of_cpu(cpu));
			__free_page(page);
		}
		/* The machines of tests have no nodes that overlap. */
		KUNIT_EXPECT_NE(test, r.size, 0);
	}
}

/* Let all CPUs know their ranges if the nodes were these, and look at them. */
static void ranges_after(struct kunit *test, const struct hak_span *spans, const char *what)
{
	struct hak_range r, want;
	int cpu;

	mutex_lock(&hak_caches_lock);
	hak_near_fill(spans);
	for_each_online_cpu(cpu) {
		r = range_of_cpu(cpu);
		want = hak_near_range(spans, nr_node_ids, home_of_cpu(cpu));
		KUNIT_EXPECT_EQ_MSG(test, r.size, want.size, "%s, CPU %d", what, cpu);
		if (want.size)
			KUNIT_EXPECT_EQ_MSG(test, r.base, want.base, "%s, CPU %d", what, cpu);
	}
	mutex_unlock(&hak_caches_lock);
}

/* Ranges follow the memory: nodes grow, move, overlap, lose all they have, and get it back. */
static void ranges_follow_memory(struct kunit *test)
{
	struct hak_span *spans = kunit_kcalloc(test, nr_node_ids, sizeof(*spans), GFP_KERNEL);
	struct hak_range before[2], after;
	int cpu[2] = { cpumask_first(cpu_online_mask), cpumask_last(cpu_online_mask) };
	int nid, i;

	KUNIT_ASSERT_NOT_NULL(test, spans);
	for (i = 0; i < 2; i++)
		before[i] = range_of_cpu(cpu[i]);
	/* No memory is where these are, so nothing is taken for near meanwhile. */
	for (nid = 0; nid < nr_node_ids; nid++)
		spans[nid] = (struct hak_span){ (1UL << 32) + nid * 8 * SS_PFNS,
						(1UL << 32) + (nid * 8 + 4) * SS_PFNS };
	ranges_after(test, spans, "moved");
	for (nid = 0; nid < nr_node_ids; nid++)
		spans[nid].end += SS_PFNS;
	ranges_after(test, spans, "grown");
	for (nid = 0; nid < nr_node_ids; nid++)
		spans[nid].start += SS_PFNS;
	ranges_after(test, spans, "begin later");
	spans[0].end += 1000 * SS_PFNS;
	ranges_after(test, spans, "overlap");
	memset(spans, 0, nr_node_ids * sizeof(*spans));
	ranges_after(test, spans, "gone");
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, range_of_cpu(cpu[i]).size, 0);
	hak_nodes_changed();
	for (i = 0; i < 2; i++) {
		after = range_of_cpu(cpu[i]);
		KUNIT_EXPECT_EQ(test, after.base, before[i].base);
		KUNIT_EXPECT_EQ(test, after.size, before[i].size);
	}
}

#define MIXED 384U

/* Objects of two nodes, freed on one CPU by one call or another. */
struct mixed {
	struct hak_cache *c;
	int nid;			/* of the CPU they are freed on */
	int other;
	bool bulk;
	unsigned int strayed, failed;
	void *p[MIXED];
};

static void mixed_run(void *arg)
{
	struct mixed *m = arg;
	unsigned int i;

	/* Groups of eight, single ones, and runs. */
	for (i = 0; i < MIXED; i++) {
		m->p[i] = hak_cache_alloc_node(m->c, GFP_KERNEL | __GFP_THISNODE,
					       i & (i < 128 ? 8 : i < 256 ? 1 : 64) ? m->other
										   : m->nid);
		m->failed += !m->p[i];
	}
	if (m->failed)
		return;
	if (m->bulk)
		hak_cache_free_bulk(m->c, MIXED, m->p);
	for (i = 0; !m->bulk && i < MIXED; i++)
		hak_cache_free(m->c, m->p[i]);
	for (i = 0; i < MIXED; i++) {
		m->p[i] = hak_cache_alloc(m->c, GFP_KERNEL);
		m->failed += !m->p[i];
		m->strayed += m->p[i] && page_to_nid(virt_to_page(m->p[i])) != m->nid;
	}
	hak_cache_free_bulk(m->c, MIXED, m->p);
}

/* Of objects of several nodes that are freed on a CPU, it hands out those of its own only. */
static void mixed_frees(struct kunit *test, bool bulk)
{
	struct mixed *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	int cpu;

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->c = hak_kunit_cache(test, "kunit-mixed", 64, NULL, 0);
	m->bulk = bulk;
	for_each_online_cpu(cpu) {
		m->nid = home_of_cpu(cpu);
		for_each_node_state(m->other, N_MEMORY) {
			m->failed = m->strayed = 0;
			hak_run_on(cpu, HAK_IN_TASK, mixed_run, m);
			KUNIT_ASSERT_EQ(test, m->failed, 0);
			if (hak_config_get()->multi_node)
				KUNIT_EXPECT_EQ_MSG(test, m->strayed, 0, "CPU %d, node %d", cpu,
						    m->other);
		}
	}
}

static void own_objects_stay(struct kunit *test)
{
	mixed_frees(test, false);
}

static void own_objects_stay_in_bulk(struct kunit *test)
{
	mixed_frees(test, true);
}

static struct kunit_case node_cases[] = {
	KUNIT_CASE(node_of_the_caller),
	KUNIT_CASE(this_node_exactly),
	KUNIT_CASE(reclaim_account_is_honoured),
	KUNIT_CASE(range_of_a_node),
	KUNIT_CASE(range_of_each_cpu),
	KUNIT_CASE(ranges_follow_memory),
	KUNIT_CASE(own_objects_stay),
	KUNIT_CASE(own_objects_stay_in_bulk),
	{}
};

struct kunit_suite hak_node_suite = {
	.name = "hakmem_node",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = node_cases,
};
