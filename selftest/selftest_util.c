// SPDX-License-Identifier: GPL-2.0
/* What the tests share: reasons, live objects, counters. */
#include "selftest/selftest.h"
#include <linux/mm.h>
#include <linux/sort.h>

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

static int by_address(const void *a, const void *b)
{
	const void *x = *(void *const *)a, *y = *(void *const *)b;

	return x < y ? -1 : x > y;
}

bool st_distinct(void **p, unsigned int n)
{
	unsigned int i;

	sort(p, n, sizeof(*p), by_address, NULL);
	for (i = 1; i < n; i++)
		if (p[i] == p[i - 1])
			return false;
	return true;
}

const char *const st_how_name[] = {
	"hak_cache_free", "hak_free", "hak_free_sized", "hak_cache_free_bulk", "hak_free_bulk",
};

static struct hak_cache *kind_cache(const struct st_kind *k)
{
	return k->c ?: hak_class[hak_size_class(k->size)];
}

void st_put(const struct st_kind *k, enum st_how how, void *p)
{
	void *array[1] = { p };

	switch (how) {
	case ST_TYPED:
		hak_cache_free(kind_cache(k), p);
		break;
	case ST_SIZED:
		hak_free_sized(p, k->size);
		break;
	case ST_TYPED_BULK:
	case ST_ANY_BULK:
		st_put_bulk(k, how, 1, array);
		break;
	default:
		hak_free(p);
	}
}

void st_put_bulk(const struct st_kind *k, enum st_how how, unsigned int n, void **p)
{
	if (how == ST_TYPED_BULK)
		hak_cache_free_bulk(kind_cache(k), n, p);
	else
		hak_free_bulk(n, p);
}

bool st_objects_init(struct st *t, struct st_objects *o, struct st_kind kind, unsigned int n)
{
	static atomic_t set;

	o->kind = kind;
	o->key = (u64)atomic_inc_return(&set) << 20;
	o->p = kvmalloc_array(n, sizeof(*o->p), GFP_KERNEL);
	for (o->n = 0; o->p && o->n < n; o->n++) {
		o->p[o->n] = st_get(&o->kind, GFP_KERNEL);
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

u64 st_counted(const struct st_counts *since, enum hak_stat which)
{
	struct st_counts now;

	st_counts_begin(&now);
	return now.v[which] - since->v[which];
}

bool st_counts_bad(struct st *t, const struct st_counts *since, enum hak_stat which,
		   unsigned int n, bool settle, const char *what)
{
	struct st_counts now;
	bool good = true;
	int i;

	if (settle && !st_hardened())
		hak_shrink_all();
	st_counts_begin(&now);
	for (i = HAK_STAT_bad_free_foreign; i <= HAK_STAT_bad_free_by_kernel; i++)
		good &= st_expect(t, now.v[i] - since->v[i] == (i == which ? n : 0),
				  "%s: %s counted %lld times, not %d", what, hak_stat_name[i],
				  (s64)(now.v[i] - since->v[i]), i == which ? n : 0);
	return good;
}
