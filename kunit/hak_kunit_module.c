// SPDX-License-Identifier: GPL-2.0
/*
 * The module of the suites: parameters, pointers that are foreign to a kernel, and the
 * list of suites.  It is hakmem_kunit.ko where the kernel has KUnit, and with host/ beside
 * it hakmem_suites.ko where it has not.  In user space userspace-bench/unit/kunit_main.c
 * stands for it.
 */
#include "kunit/hak_kunit.h"
#include "kunit/lib/hak_pointers.h"

unsigned long hak_kunit_seed;
module_param_named(seed, hak_kunit_seed, ulong, 0444);
MODULE_PARM_DESC(seed, "seed of the random operations; 0 (default): a new one, which is printed");

unsigned int hak_kunit_ops = 1000000;
module_param_named(ops, hak_kunit_ops, uint, 0444);
MODULE_PARM_DESC(ops, "random operations of the model check (default 1000000)");

const struct hak_pointer *hak_kunit_foreign(struct kunit *test, const void *live,
					    unsigned int *n)
{
	struct hak_pointers *ps = hak_pointers_create(live);

	KUNIT_ASSERT_NOT_NULL(test, ps);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, hak_pointers_destroy, ps), 0);
	*n = ps->n;
	return ps->fp;
}

kunit_test_suites(&hak_class_suite, &hak_magazine_suite, &hak_depot_suite, &hak_slab_suite,
		  &hak_directory_suite, &hak_mark_suite, &hak_order_suite, &hak_badfree_suite,
		  &hak_misuse_suite, &hak_cache_suite, &hak_mode_suite, &hak_percpu_suite,
		  &hak_leave_suite,
		  &hak_thin_suite, &hak_rest_suite, &hak_lifecycle_suite,
		  &hak_model_suite, &hak_context_suite, &hak_smp_suite, &hak_scale_suite,
		  &hak_audit_suite,
		  &hak_reclaim_suite, &hak_reap_suite, &hak_short_suite, &hak_flow_suite,
		  &hak_rcu_suite, &hak_reserve_suite, &hak_node_suite, &hak_backend_suite,
		  &hak_client_suite, &hak_wait_suite, &hak_report_suite, &hak_conf_suite,
		  &hak_double_suite, &hak_links_suite, &hak_sample_suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Suites of hakmem");
HAK_IMPORT;
MODULE_INFO(import_ns, "HAKMEM_INTERNAL");
