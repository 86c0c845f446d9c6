// SPDX-License-Identifier: GPL-2.0
/* Suite hakmem_node: allocation on a node, as far as one node shows it. */
#include "kunit/hak_kunit.h"
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

static struct kunit_case node_cases[] = {
	KUNIT_CASE(node_of_the_caller),
	KUNIT_CASE(this_node_exactly),
	KUNIT_CASE(reclaim_account_is_honoured),
	{}
};

struct kunit_suite hak_node_suite = {
	.name = "hakmem_node",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = node_cases,
};
