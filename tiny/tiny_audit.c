// SPDX-License-Identifier: GPL-2.0
/*
 * The audit: proof that every object is in exactly one place.
 *
 * For each cache, descriptors agree with their bitmaps.  A magazine, spare or depot holds
 * objects of this cache only.  None of these is free in its slab, or there twice, or unmarked.
 * For each block: the kernel dropped no reference of it.  What is neither free nor cached is
 * live, and the caller may know how much that should be.
 */
#include "tiny/tiny_core.h"

struct audit {
	void **obj;		/* cached objects of one cache */
	unsigned long n, max;
	unsigned int findings;
};

static __printf(2, 3) void audit_finding(struct audit *a, const char *fmt, ...)
{
	char line[128];
	va_list args;

	va_start(args, fmt);
	vscnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (a->findings++ < 20)
		pr_err("hakmem: audit: %s\n", line);
}

/* Calls @fn for each magazine-like array of @core; racy unless nobody allocates. */
static void visit_cached(struct hak_core *core,
			 void (*fn)(void **slot, int n, void *arg), void *arg)
{
	unsigned long flags;
	struct hak_set *s;
	struct hak_mag *m;
	int cpu, lvl, nid;

	for_each_possible_cpu(cpu) {
		/* A spare seen now is not unmapped before preemption is on again. */
		preempt_disable();
		for_each_level(s, core->sets, cpu, lvl) {
			fn(s->slot, min_t(int, hak_peek(s->n), HAK_MAG_MAX), arg);
			m = hak_peek(s->spare);
			if (m)
				fn(m->slot, min_t(u32, hak_peek(m->n), HAK_MAG_MAX), arg);
			m = hak_peek(s->remote);
			if (m)
				fn(m->slot, min_t(u32, hak_peek(m->n), HAK_MAG_MAX), arg);
		}
		preempt_enable();
	}
	for_each_node(nid) {
		flags = hak_lock(&core->depot[nid].lock);
		for (m = core->depot[nid].full; m; m = m->next)
			fn(m->slot, m->n, arg);
		hak_unlock(&core->depot[nid].lock, flags);
	}
}

static void count_one(void **slot, int n, void *arg)
{
	*(unsigned long *)arg += max(n, 0);
}

unsigned long hak_core_cached(struct hak_core *core)
{
	unsigned long n = 0;

	visit_cached(core, count_one, &n);
	return n;
}
HAK_EXPORT_TEST(hak_core_cached);

static void collect_slots(void **slot, int n, void *arg)
{
	struct audit *a = arg;

	for (; n > 0; n--, slot++)
		if (a->n < a->max)
			a->obj[a->n++] = hak_peek(*slot);
}

static int by_address(const void *a, const void *b)
{
	const void *x = *(void *const *)a, *y = *(void *const *)b;

	return x < y ? -1 : x > y;
}

static void audit_object(struct audit *a, struct hak_core *core, void *p)
{
	struct hak_pool *pool = NULL;
	struct hak_slab *slab;
	unsigned int i;

	preempt_disable();
	slab = hak_slab_find(p, &pool);
	if (!slab || pool != &core->pool)
		audit_finding(a, "%s: cached object %p is not of this cache", core->name, p);
	else if (!slab_starts(slab, pool, p, &i))
		audit_finding(a, "%s: cached object %p is not the start of an object", core->name,
			      p);
	else if (hak_pool_object_free(&core->pool, p))
		audit_finding(a, "%s: cached object %p is also free in its slab", core->name, p);
	else if (core->hardened && object_mark(core, p) != slab_mark(slab, p))
		audit_finding(a, "%s: free object %p was written to", core->name, p);
	preempt_enable();
}

static void audit_cached(struct audit *a, struct hak_core *core)
{
	unsigned long i;

	a->n = 0;
	a->max = hak_core_cached(core) + 1024;
	a->obj = kvmalloc_array(a->max, sizeof(*a->obj), GFP_KERNEL);
	if (!a->obj) {
		audit_finding(a, "%s: no memory to look at its cached objects", core->name);
		return;
	}
	visit_cached(core, collect_slots, a);
	sort(a->obj, a->n, sizeof(*a->obj), by_address, NULL);
	for (i = 0; i < a->n; i++) {
		audit_object(a, core, a->obj[i]);
		if (i && a->obj[i] == a->obj[i - 1])
			audit_finding(a, "%s: object %p is cached twice", core->name, a->obj[i]);
	}
	kvfree(a->obj);
}

static unsigned long audit_core(struct audit *a, struct hak_core *core)
{
	unsigned int bad = hak_pool_verify(&core->pool);
	struct hak_pool_info info;
	long live;

	if (bad)
		audit_finding(a, "%s: %u slabs or counts disagree with their bitmaps", core->name,
			      bad);
	audit_cached(a, core);
	hak_pool_info(&core->pool, &info);
	live = info.objects - info.free - a->n;
	if (live < 0)
		audit_finding(a, "%s: %ld objects more than there are", core->name, -live);
	return live;
}

static void audit_block(void *base, unsigned int order, struct hak_ss *ss, void *arg)
{
	*(unsigned int *)arg += hak_block_mend(base, order, ss);
}

int hak_audit(long live)
{
	unsigned long found_live = 0;
	unsigned int stolen = 0;
	struct hak_core *core;
	struct audit a = {};

	hak_defer_wait();
	mutex_lock(&hak_caches_lock);
	list_for_each_entry(core, &hak_caches, list)
		found_live += audit_core(&a, core);
	mutex_unlock(&hak_caches_lock);
	hak_dir_for_each(audit_block, &stolen);
	if (stolen)
		audit_finding(&a, "the kernel dropped %u page references: kfree() of an object?",
			      stolen);
	if (live >= 0 && found_live != live)
		audit_finding(&a, "%lu objects are live, %ld should be", found_live, live);
	return a.findings;
}
HAK_EXPORT(hak_audit);
