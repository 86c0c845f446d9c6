// SPDX-License-Identifier: GPL-2.0
/* What a client leaves behind: objects, a cache, objects that wait for a grace period. */
#include "selftest/selftest.h"

int st_leak(unsigned int n)
{
	static const unsigned short sizes[] = { 8, 24, 64, 100, 192, 500, 1024 };
	unsigned int i;
	void *p;

	for (i = 0; i < n; i++) {
		p = hak_alloc(sizes[i % ARRAY_SIZE(sizes)], GFP_KERNEL);
		if (!p)
			return -ENOMEM;
		memset(p, 0x5a, sizes[i % ARRAY_SIZE(sizes)]);
	}
	pr_info("hakmem_selftest: forgets %u objects\n", n);
	return 0;
}

/* Its text may be there for a while after a module went: a call would not be noticed. */
static bool kept_gone;

void st_keep_end(void)
{
	kept_gone = true;
}

static void kept_ctor(void *p)
{
	if (READ_ONCE(kept_gone))
		pr_err("hakmem_selftest: constructor called after its module went\n");
	*(u64 *)p = (u64)(unsigned long)p;
}

static void kept_dtor(void *p)
{
	if (READ_ONCE(kept_gone))
		pr_err("hakmem_selftest: destructor called after its module went\n");
	if (*(u64 *)p != (u64)(unsigned long)p)
		pr_err("hakmem_selftest: destructed a stranger\n");
}

/* With objects constructed and free, for which the destructor is still due. */
int st_keep_cache(void)
{
	struct hak_cache_args args = { .ctor = kept_ctor, .dtor = kept_dtor };
	struct hak_cache *c = hak_cache_create("selftest-kept", 64, &args, 0);
	void *p[100];

	if (!c || !hak_cache_alloc_bulk(c, GFP_KERNEL, ARRAY_SIZE(p), p))
		return -ENOMEM;
	hak_cache_free_bulk(c, ARRAY_SIZE(p), p);
	pr_info("hakmem_selftest: keeps a cache at 0x%lx\n", (unsigned long)c);
	return 0;
}

/* What another module may do with it: more than was there, give everything back, end it. */
int st_use_kept(unsigned long handle)
{
	struct hak_cache *c = (struct hak_cache *)handle;
	struct st t = { };
	struct st_objects o;

	if (st_objects_init(&t, &o, (struct hak_kind){ c, 64 }, 1000))
		st_expect(&t, !hak_audit(1000), "the audit does not find 1000 live");
	st_objects_exit(&t, &o);
	st_expect(&t, !hak_cache_shrink(c), "slabs are still held");
	st_expect(&t, !hak_audit(0), "audit");
	hak_cache_destroy(c);
	if (t.failed)
		pr_err("hakmem_selftest: the kept cache: %s\n", t.why);
	return t.failed ? -EIO : 0;
}

/* For hakmem to wait for, who may be told to go at once; of the class that goes first. */
void st_rcu_late(unsigned int n)
{
	struct late {
		struct rcu_head rcu;
		u64 words[126];
	} *p;

	while (n-- && (p = hak_alloc(sizeof(*p), GFP_KERNEL)))
		hak_free_rcu(p, rcu);
}
