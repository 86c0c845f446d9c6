// SPDX-License-Identifier: GPL-2.0
/* What the tests share: parameters, reasons, live objects, counters. */
#include "selftest/selftest.h"
#include <linux/mm.h>

unsigned long st_seed = 1;
module_param_named(seed, st_seed, ulong, 0444);
MODULE_PARM_DESC(seed, "seed of the random choices (default 1)");

unsigned int st_loops = 3000;
module_param_named(loops, st_loops, uint, 0444);
MODULE_PARM_DESC(loops, "rounds of the storm on each CPU (default 3000)");

/* The first reason counts: what comes after it is often its consequence. */
void st_fail(struct st *t, const char *fmt, ...)
{
	va_list args;

	if (t->failed)
		return;
	t->failed = true;
	va_start(args, fmt);
	vscnprintf(t->why, sizeof(t->why), fmt, args);
	va_end(args);
}

bool st_objects_init(struct st *t, struct st_objects *o, struct hak_kind kind, unsigned int n)
{
	static atomic_t set;

	o->kind = kind;
	o->key = (u64)atomic_inc_return(&set) << 20;
	o->p = kvmalloc_array(n, sizeof(*o->p), GFP_KERNEL);
	for (o->n = 0; o->p && o->n < n; o->n++) {
		o->p[o->n] = hak_kind_alloc(&o->kind, GFP_KERNEL);
		if (!o->p[o->n])
			break;
		hak_fill(o->p[o->n], kind.size, o->key + o->n);
	}
	return st_expect(t, o->p && o->n == n, "no memory");
}

void st_objects_check(struct st *t, const struct st_objects *o, const char *when)
{
	unsigned int i;

	for (i = 0; i < o->n; i++)
		st_expect(t, hak_intact(o->p[i], o->kind.size, o->key + i),
			  "a live object was overwritten (%s)", when);
}

void st_objects_exit(struct st *t, struct st_objects *o)
{
	u64 rand = hak_random_begin(st_seed, o->n);
	unsigned int i, k;

	st_objects_check(t, o, "at the end");
	for (i = o->n; i > 1; i--) {
		k = hak_below(&rand, i);
		swap(o->p[i - 1], o->p[k]);
	}
	for (i = 0; i < o->n; i++)
		hak_free(o->p[i]);
	kvfree(o->p);
	o->p = NULL;
	o->n = 0;
}

bool st_counts_bad(struct st *t, const struct hak_counts *since, enum hak_stat which,
		   unsigned int n, bool settle, const char *what)
{
	struct hak_counts now;
	bool good = true;
	int i;

	if (settle && !st_hardened())
		hak_shrink_all();
	hak_counts_begin(&now);
	for (i = HAK_STAT_bad_free_foreign; i <= HAK_STAT_bad_free_by_kernel; i++)
		good &= st_expect(t, now.v[i] - since->v[i] == (i == which ? n : 0),
				  "%s: %s counted %lld times, not %d", what, hak_stat_name[i],
				  (s64)(now.v[i] - since->v[i]), i == which ? n : 0);
	return good;
}
