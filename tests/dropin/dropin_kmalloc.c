// SPDX-License-Identifier: GPL-2.0
/* The kmalloc family, in the one file here whose Kbuild line asks for it. */
#define pr_fmt(fmt) "dropin_test: " fmt

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "dropin_test.h"

struct waiting {
	int value;
	struct rcu_head rcu;
};

static bool zeroed(const void *p, size_t size)
{
	return p && !memchr_inv(p, 0, size);
}

static void test_sizes(void)
{
	void *p = kmalloc(100, GFP_KERNEL);

	check(hak_owns(p) && ksize(p) >= 100, "kmalloc is hakmem's in a file that asks for it");
	kfree(p);
	p = kmalloc(5000, GFP_KERNEL);
	check(p && !hak_owns(p) && ksize(p) >= 5000, "a large one is the kernel's");
	kfree(p);
	p = kzalloc(200, GFP_KERNEL);
	check(hak_owns(p) && zeroed(p, 200), "kzalloc");
	kfree_sensitive(p);
	p = kcalloc(10, 20, GFP_KERNEL);
	check(hak_owns(p) && zeroed(p, 200), "kcalloc");
	kvfree(p);
	p = kmalloc_array(SIZE_MAX / 2, 3, GFP_KERNEL | __GFP_NOWARN);
	check(!p, "kmalloc_array that overflows");
	p = kzalloc_node(64, GFP_KERNEL, NUMA_NO_NODE);
	check(hak_owns(p) && zeroed(p, 64), "kzalloc_node");
	kfree(p);
	kfree(NULL);
}

/* The next allocation on this CPU gets what was freed last; its first word was the mark's. */
static void test_sensitive(void)
{
	u64 *p = kmalloc(200, GFP_KERNEL), *q;

	memset(p, 0x5a, 200);
	preempt_disable();
	kfree_sensitive(p);
	q = kmalloc(200, GFP_NOWAIT);
	preempt_enable();
	check(q == p && zeroed(q + 1, 192), "kfree_sensitive leaves nothing");
	kfree(q);
}

static void test_foreign(void)
{
	char *s = kstrdup("the kernel's", GFP_KERNEL);
	void *v = vmalloc(PAGE_SIZE);

	check(s && !hak_owns(s), "kstrdup() of the kernel's is the kernel's");
	s = krealloc(s, 100, GFP_KERNEL);
	check(s && !hak_owns(s) && !strcmp(s, "the kernel's"), "and stays so in krealloc");
	kfree(s);
	kvfree(v);
}

static void test_krealloc(void)
{
	char *s = krealloc(NULL, 20, GFP_KERNEL);
	bool good = hak_owns(s);

	strscpy(s, "some words", 20);
	s = krealloc(s, 400, GFP_KERNEL);
	good &= hak_owns(s) && !strcmp(s, "some words");
	s = krealloc(s, 4000, GFP_KERNEL);
	good &= !hak_owns(s) && !strcmp(s, "some words");
	s = krealloc(s, 0, GFP_KERNEL);
	check(good && s == ZERO_SIZE_PTR, "krealloc, growing out of hakmem");
	s = krealloc(NULL, 64, GFP_KERNEL | __GFP_ZERO);
	memset(s, 1, 64);
	s = krealloc(s, 8, GFP_KERNEL | __GFP_ZERO);
	s = krealloc(s, 64, GFP_KERNEL | __GFP_ZERO);
	check(s && s[7] == 1 && zeroed(s + 8, 56), "krealloc, smaller and larger, zeroed");
	kfree(s);
}

static void test_krealloc_array(void)
{
	char *s = kmalloc_array(4, 8, GFP_KERNEL), *none;
	bool good = hak_owns(s);

	strscpy(s, "some words", 32);
	s = krealloc_array(s, 64, 8, GFP_KERNEL);
	good &= hak_owns(s) && ksize(s) >= 512 && !strcmp(s, "some words");
	none = krealloc_array(s, SIZE_MAX / 2, 3, GFP_KERNEL | __GFP_NOWARN);
	check(good && !none && !strcmp(s, "some words"), "krealloc_array");
	kvfree_sensitive(s, 512);
}

static void test_rcu(void)
{
	struct waiting *w = kmalloc(sizeof(*w), GFP_KERNEL);

	check(hak_owns(w), "an object to be freed by kfree_rcu");
	kfree_rcu(w, rcu);
	w = kmemdup(&(struct waiting){ .value = 1 }, sizeof(*w), GFP_KERNEL);
	kfree_rcu(w, rcu);
	w = kmalloc(sizeof(*w), GFP_KERNEL);
	kvfree_rcu(w, rcu);
	w = kmalloc(sizeof(*w), GFP_KERNEL);
	kfree_rcu_mightsleep(w);
	w = vmalloc(sizeof(*w));
	kvfree_rcu_mightsleep(w);
	w = NULL;
	kvfree_rcu_mightsleep(w);
	hak_rcu_barrier();
}

void test_kmalloc(void)
{
	test_sizes();
	test_sensitive();
	test_foreign();
	test_krealloc();
	test_krealloc_array();
	test_rcu();
}
