// SPDX-License-Identifier: GPL-2.0
/*
 * The module of the suites: parameters, pointers that are foreign to a kernel, and the
 * list of suites.  It is hakmem_kunit.ko where the kernel has KUnit, and with host/ beside
 * it hakmem_suites.ko where it has not.  In user space userspace-bench/unit/kunit_main.c
 * stands for it.
 */
#include "kunit/hak_kunit.h"

unsigned long hak_kunit_seed;
module_param_named(seed, hak_kunit_seed, ulong, 0444);
MODULE_PARM_DESC(seed, "seed of the random operations; 0 (default): a new one, which is printed");

unsigned int hak_kunit_ops = 1000000;
module_param_named(ops, hak_kunit_ops, uint, 0444);
MODULE_PARM_DESC(ops, "random operations of the model check (default 1000000)");

static int module_data;
static int __percpu *percpu_var;

static void foreign_vfree(void *p)
{
	vfree(p);
}

static void foreign_free_pages(void *p)
{
	free_pages((unsigned long)p, 1);
}

static void foreign_free_compound(void *p)
{
	__free_pages(virt_to_page(p), 2);
}

static void foreign_free_percpu(void *p)
{
	free_percpu((int __percpu *)p);
}

static unsigned int foreign_allocated(struct kunit *test, struct hak_kunit_pointer *fp)
{
	char *v = vmalloc(3 * PAGE_SIZE), *page, *compound;
	unsigned int n = 0;

	KUNIT_ASSERT_NOT_NULL(test, v);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, foreign_vfree, v), 0);
	page = (char *)__get_free_pages(GFP_KERNEL, 1);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, foreign_free_pages, page), 0);
	compound = (char *)__get_free_pages(GFP_KERNEL | __GFP_COMP, 2);
	KUNIT_ASSERT_NOT_NULL(test, compound);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, foreign_free_compound, compound), 0);
	percpu_var = alloc_percpu(int);
	KUNIT_ASSERT_TRUE(test, percpu_var);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, foreign_free_percpu,
							(void __force *)percpu_var), 0);
	fp[n++] = (struct hak_kunit_pointer){ "vmalloc", v };
	fp[n++] = (struct hak_kunit_pointer){ "vmalloc, second page", v + PAGE_SIZE };
	fp[n++] = (struct hak_kunit_pointer){ "vmalloc, guard page", v + 3 * PAGE_SIZE };
	fp[n++] = (struct hak_kunit_pointer){ "page", page };
	fp[n++] = (struct hak_kunit_pointer){ "second page", page + PAGE_SIZE };
	fp[n++] = (struct hak_kunit_pointer){ "inside a compound page", compound + PAGE_SIZE };
	/* Where this cannot be told from kmalloc() memory, kfree() would get it. */
	if (HAK_TELLS_LARGE_KMALLOC)
		fp[n++] = (struct hak_kunit_pointer){ "compound page", compound };
	fp[n++] = (struct hak_kunit_pointer){ "per-CPU variable", per_cpu_ptr(percpu_var, 0) };
	fp[n++] = (struct hak_kunit_pointer){ "per-CPU handle", (void __force *)percpu_var };
	return n;
}

unsigned int hak_kunit_foreign(struct kunit *test, struct hak_kunit_pointer *fp)
{
	const struct hak_kunit_pointer fixed[] = {
		{ "ERR_PTR(-EINVAL)", ERR_PTR(-EINVAL) },
		{ "ERR_PTR(-4095)", ERR_PTR(-MAX_ERRNO) },
		{ "-1", (void *)-1L },
		{ "-8", (void *)-8L },
		{ "user 17", (void *)17 },
		{ "user 0x3ff9", (void *)0x3ff9 },
		{ "user 0x1000", (void *)0x1000 },
		{ "user text", (void *)0x400000 },
		{ "user stack", (void *)0x7fffffffe000 },
		{ "first non-canonical", (void *)0x800000000000 },
		{ "poison", (void *)0xdead000000000100 },
		{ "last non-canonical", (void *)0xffff7ffffffffff8 },
		{ "module text", hak_kunit_foreign },
		{ "kernel text", vfree },
		{ "module data", &module_data },
		{ "module rodata", "module rodata" },
		{ "kernel data", &system_state },
		{ "stack", &fixed },
	};
	unsigned int n = foreign_allocated(test, fp);

	BUILD_BUG_ON(ARRAY_SIZE(fixed) + 9 > HAK_KUNIT_FOREIGN_MAX);
	memcpy(fp + n, fixed, sizeof(fixed));
	return n + ARRAY_SIZE(fixed);
}

kunit_test_suites(&hak_class_suite, &hak_magazine_suite, &hak_depot_suite, &hak_slab_suite,
		  &hak_directory_suite, &hak_badfree_suite, &hak_misuse_suite,
		  &hak_cache_suite, &hak_mode_suite, &hak_lifecycle_suite, &hak_model_suite,
		  &hak_context_suite, &hak_smp_suite, &hak_audit_suite, &hak_reclaim_suite,
		  &hak_reap_suite, &hak_flow_suite, &hak_rcu_suite, &hak_reserve_suite,
		  &hak_node_suite, &hak_backend_suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Suites of hakmem");
HAK_IMPORT;
MODULE_INFO(import_ns, "HAKMEM_INTERNAL");
