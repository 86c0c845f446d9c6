/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites share.
 *
 * Every suite ends each of its cases with hak_kunit_exit(): nothing of hakmem's
 * may be live any more, and the audit must find every object in one place.  A case
 * that frees something badly on purpose brackets it with hak_counts_begin()
 * and hak_kunit_bad_end(), which want exactly the counts named and no other.
 *
 * The suites run with any module parameters.  Where hardened=0 notices a bad
 * free only when the magazine is flushed, hak_kunit_settle() flushes it.
 */
#ifndef _HAK_KUNIT_H
#define _HAK_KUNIT_H

#include "tiny/tiny_depot.h"
#if defined(__KERNEL__) && !IS_ENABLED(CONFIG_KUNIT)
#include "kunit/host/test.h"
#else
#include <kunit/test.h>
#endif
#include <linux/hakmem.h>
#include <linux/hakmem_stats.h>
#include "kunit/lib/hak_objects.h"

extern struct kunit_suite hak_class_suite;
extern struct kunit_suite hak_magazine_suite;
extern struct kunit_suite hak_depot_suite;
extern struct kunit_suite hak_slab_suite;
extern struct kunit_suite hak_directory_suite;
extern struct kunit_suite hak_badfree_suite;
extern struct kunit_suite hak_misuse_suite;
extern struct kunit_suite hak_mark_suite;
extern struct kunit_suite hak_order_suite;
extern struct kunit_suite hak_double_suite;
extern struct kunit_suite hak_links_suite;
extern struct kunit_suite hak_cache_suite;
extern struct kunit_suite hak_mode_suite;
extern struct kunit_suite hak_leave_suite;
extern struct kunit_suite hak_thin_suite;
extern struct kunit_suite hak_rest_suite;
extern struct kunit_suite hak_percpu_suite;
extern struct kunit_suite hak_lifecycle_suite;
extern struct kunit_suite hak_model_suite;
extern struct kunit_suite hak_context_suite;
extern struct kunit_suite hak_smp_suite;
extern struct kunit_suite hak_scale_suite;
extern struct kunit_suite hak_audit_suite;
extern struct kunit_suite hak_reclaim_suite;
extern struct kunit_suite hak_reap_suite;
extern struct kunit_suite hak_short_suite;
extern struct kunit_suite hak_flow_suite;
extern struct kunit_suite hak_rcu_suite;
extern struct kunit_suite hak_reserve_suite;
extern struct kunit_suite hak_node_suite;
extern struct kunit_suite hak_backend_suite;
extern struct kunit_suite hak_client_suite;
extern struct kunit_suite hak_conf_suite;
extern struct kunit_suite hak_wait_suite;
extern struct kunit_suite hak_report_suite;
extern struct kunit_suite hak_sample_suite;

extern unsigned long hak_kunit_seed;	/* module parameter seed= */
extern unsigned int hak_kunit_ops;	/* module parameter ops= */

int hak_kunit_init(struct kunit *test);
void hak_kunit_exit(struct kunit *test);

static inline bool hak_kunit_hardened(void)
{
	return hak_config_get()->hardened > 0;
}

/*
 * Waiting for another thread, without sleeping: it may want this CPU, or be on another one that
 * an emulator runs only when this one pauses.
 */
static inline void hak_kunit_wait(void)
{
	yield();
	cpu_relax();
}

static inline u64 hak_kunit_stat(enum hak_stat which)
{
	u64 v[HAK_NR_STATS];

	hak_stats_read(v);
	return v[which];
}

/* A cache that is destroyed when the case ends, however it ends. */
struct hak_cache *hak_kunit_cache(struct kunit *test, const char *name, unsigned int size,
				  struct hak_cache_args *args, slab_flags_t flags);

/* Only small blocks until the case ends. Everything that was cached is given back first. */
void hak_kunit_small_blocks(struct kunit *test);

/* Without hardening a bad free is found when the magazine is flushed: do that. */
void hak_kunit_settle(void);

/* @n bad frees of kind @which since hak_counts_begin(), and none of another kind. */
void hak_kunit_bad_end(struct kunit *test, const struct hak_counts *bad,
		       enum hak_stat which, unsigned int n, const char *what);

/*
 * Pointers that are not hakmem's, some of them near misses of @live if there is one. What is
 * allocated for them is freed when the case ends. @n: how many there are.
 */
const struct hak_pointer *hak_kunit_foreign(struct kunit *test, const void *live,
					    unsigned int *n);

/* Free by hand what is left of a cache that was destroyed while @p was live. */
void hak_kunit_bury(struct kunit *test, void **p, unsigned int n);

#endif /* _HAK_KUNIT_H */
