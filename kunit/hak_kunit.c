// SPDX-License-Identifier: GPL-2.0
/* The fixtures of hak_kunit.h that are the same in the kernel and in user space. */
#include "kunit/hak_kunit.h"
#include "superslab/ss_node.h"

#define ROOM 8			/* SuperSlabs */

/*
 * Most cases are about SuperSlabs.  What those before gave back in pieces stands in lists of the
 * kernel's CPUs, and keeps 2 MiB from being had.  The core asks for 2 MiB without reclaim, and
 * seldom after it got none.  So some are asked for here, and each node may try again.
 */
static void make_room(void)
{
	int nid;
#ifdef __KERNEL__
	struct page *page[ROOM];
	unsigned int n;

	for (n = 0; n < ROOM; n++) {
		page[n] = alloc_pages(GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN,
				      HAK_SS_ORDER);
		if (!page[n])
			break;
	}
	while (n)
		__free_pages(page[--n], HAK_SS_ORDER);
#endif
	for_each_nid(nid)
		grow_again(&hak_block_node[nid]);
}

int hak_kunit_init(struct kunit *test)
{
	make_room();
	/* Cases count the slab pages of whole ones.  Those about parts say so. */
	hak_grow_least = HAK_SS_SPAGES;
	/* Cases count what magazines hold; those about the reaper call it themselves. */
	hak_reap_pause(true);
	/* What an earlier case left behind is not this one's doing. */
	KUNIT_ASSERT_EQ_MSG(test, hak_audit(0), 0, "not clean before the case began");
	return 0;
}

void hak_kunit_exit(struct kunit *test)
{
	hak_reap_pause(false);
	hak_grow_least = HAK_GROW_LEAST;
	KUNIT_EXPECT_EQ_MSG(test, hak_audit(0), 0, "something is lost, doubled or still live");
}

static void cache_destroy(void *c)
{
	hak_cache_destroy(c);
}

struct hak_cache *hak_kunit_cache(struct kunit *test, const char *name, unsigned int size,
				  struct hak_cache_args *args, slab_flags_t flags)
{
	struct hak_cache *c = hak_cache_create(name, size, args, flags);

	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, cache_destroy, c), 0);
	return c;
}

static void superslabs_back(void *unused)
{
	hak_superslab_enabled = hak_config_get()->superslab;
}

void hak_kunit_small_blocks(struct kunit *test)
{
	hak_superslab_enabled = false;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, superslabs_back, NULL), 0);
	KUNIT_ASSERT_EQ(test, hak_shrink_all(), hak_config_get()->fixed_pages);
}

void hak_kunit_settle(void)
{
	if (!hak_kunit_hardened())
		hak_shrink_all();
}

void hak_kunit_bad_end(struct kunit *test, const struct hak_counts *bad,
		       enum hak_stat which, unsigned int n, const char *what)
{
	u64 now[HAK_NR_STATS];
	int i;

	hak_stats_read(now);
	for (i = HAK_STAT_bad_free_foreign; i <= HAK_STAT_bad_free_by_kernel; i++)
		KUNIT_EXPECT_EQ_MSG(test, now[i] - bad->v[i], i == which ? n : 0,
				    "%s: %s", what, hak_stat_name[i]);
}

void hak_kunit_bury(struct kunit *test, void **p, unsigned int n)
{
	struct hak_core *core;
	unsigned int i;

	preempt_disable();
	core = pool_core(hak_slab_of(p[0])->pool);
	preempt_enable();
	for (i = 0; i < n; i++) {
		hak_leak_free(p[i]);
		if (core->pool.marked)
			object_set_mark(core, p[i], free_mark(p[i]));
	}
	hak_pool_return(&core->pool, n, p);
	KUNIT_ASSERT_EQ(test, hak_pool_trim_all(&core->pool), 0);
	hak_release_wait();
	hak_pool_exit(&core->pool);
	kfree(core);
}
