// SPDX-License-Identifier: GPL-2.0
/*
 * Group nmi: bad frees from NMI.  They are found at once however little is checked,
 * because a deferred object gets a link written into it.
 */
#include "kunit/lib/hak_pointers.h"
#include "selftest/selftest.h"

#define KEEP 20

/* One free, or one after the other. */
struct put {
	const struct hak_kind *kind;
	enum hak_how how;
	unsigned int n;
	void *p[3];
};

static void put_all(void *arg)
{
	struct put *put = arg;
	unsigned int i;

	for (i = 0; i < put->n; i++)
		hak_kind_free(put->kind, put->how, put->p[i]);
}

static void put_badly(struct st *t, struct put *put, enum hak_stat which, const char *what)
{
	struct hak_counts counts;

	hak_counts_begin(&counts);
	st_nmi_run(t, put_all, put);
	st_counts_bad(t, &counts, which, 1, false, what);
}

/* test->arg: how. */
static void foreign(struct st *t)
{
	struct hak_cache *c = hak_cache_create("selftest-nmi-bad", 64, NULL, 0);
	struct hak_kind kind = { t->arg == HAK_BY_SIZE ? NULL : c, 64 };
	struct put put = { .kind = &kind, .how = t->arg, .n = 1 };
	struct st_objects keep = { };
	struct hak_pointers *ps;
	unsigned int i;

	if (st_expect(t, c, "no memory") && st_objects_init(t, &keep, kind, KEEP) &&
	    st_nmi_begin(t)) {
		ps = hak_pointers_create(keep.p[0]);
		st_expect(t, ps, "no memory");
		for (i = 0; ps && i < ps->n; i++) {
			put.p[0] = (void *)ps->fp[i].p;
			put_badly(t, &put, HAK_STAT_bad_free_foreign, ps->fp[i].name);
		}
		put.p[0] = keep.p[0] + 1;
		put_badly(t, &put, HAK_STAT_bad_free_interior, "misaligned");
		put.p[0] = keep.p[0] + 8;
		put_badly(t, &put, HAK_STAT_bad_free_interior, "interior");
		st_expect(t, !hak_audit(KEEP), "audit");
		st_nmi_end();
		hak_pointers_destroy(ps);
	}
	st_objects_exit(t, &keep);
	hak_cache_destroy(c);
}

static void wrong_cache(struct st *t)
{
	struct hak_cache_args args = { .ctor = hak_empty_ctor };
	struct hak_cache *c[2] = {
		hak_cache_create("selftest-nmi-a", 64, NULL, 0),
		hak_cache_create("selftest-nmi-g", 64, &args, 0),
	};
	struct hak_kind other = { .size = 64 };
	struct put put = { .kind = &other, .n = 1 };
	int i, how;

	if (st_expect(t, c[0] && c[1], "no memory") && st_nmi_begin(t)) {
		for (i = 0; i < 2; i++) {
			put.p[0] = hak_cache_alloc(c[i], GFP_KERNEL);
			for (how = 0; how < HAK_HOWS; how++) {
				if (!hak_how_trusts(how))
					continue;
				put.how = how;
				other.c = how == HAK_BY_SIZE ? NULL : c[!i];
				put_badly(t, &put, HAK_STAT_bad_free_cache, hak_how_name[how]);
			}
			hak_free(put.p[0]);
		}
		st_nmi_end();
	}
	hak_cache_destroy(c[1]);
	hak_cache_destroy(c[0]);
}

/*
 * a,a and a,b,a within one NMI, so that the first free is still on its way.  Then a free in NMI
 * of what the interrupted task has freed.  hardened=0 promises nothing.
 */
static void doubles(struct st *t, struct hak_kind kind, enum hak_how how)
{
	struct put put = { .kind = &kind, .how = how };
	void *a = hak_kind_alloc(&kind, GFP_KERNEL), *b = hak_kind_alloc(&kind, GFP_KERNEL);

	if (!st_expect(t, a && b, "no memory"))
		return;
	put.n = 2;
	put.p[0] = a;
	put.p[1] = a;
	put_badly(t, &put, HAK_STAT_bad_free_double, "a, a");
	st_expect(t, !hak_audit(1), "audit after a, a");
	a = hak_kind_alloc(&kind, GFP_KERNEL);
	put.n = 3;
	put.p[0] = a;
	put.p[1] = b;
	put.p[2] = a;
	put_badly(t, &put, HAK_STAT_bad_free_double, "a, b, a");
	st_expect(t, !hak_audit(0), "audit after a, b, a");
	a = hak_kind_alloc(&kind, GFP_KERNEL);
	hak_kind_free(&kind, how, a);
	put.n = 1;
	put.p[0] = a;
	put_badly(t, &put, HAK_STAT_bad_free_double, "a by the task, a");
	st_expect(t, !hak_audit(0), "audit after a by the task, a");
}

struct waits {
	struct rcu_head rcu;
	unsigned long word[6];
};

static void put_after_grace(void *p)
{
	hak_free_rcu((struct waits *)p, rcu);
}

static void put_now(void *p)
{
	hak_free(p);
}

/* One of the two frees waits for a grace period, one is in NMI. test->arg: which comes first? */
static void double_free_after_grace(struct st *t)
{
	struct hak_cache *c = hak_cache_create("selftest-nmi-rcu", sizeof(struct waits), NULL, 0);
	struct hak_counts counts;
	struct waits *p;

	if (st_expect(t, c, "no memory") && st_hardened() && st_nmi_begin(t)) {
		p = hak_cache_alloc(c, GFP_KERNEL);
		hak_counts_begin(&counts);
		/* Before a grace period can end. */
		rcu_read_lock();
		if (t->arg)
			put_after_grace(p);
		st_nmi_run(t, t->arg ? put_now : put_after_grace, p);
		if (!t->arg)
			put_now(p);
		rcu_read_unlock();
		hak_rcu_barrier();
		/* Inlined, it is not seen before the grace period ends, unless hardened=2. */
		st_counts_bad(t, &counts, HAK_STAT_bad_free_double, 1, false, "with hak_free_rcu");
		st_expect(t, !hak_audit(0), "audit");
		st_nmi_end();
	}
	hak_cache_destroy(c);
}

/* test->arg: size, and 1 << 16 with a constructor. */
static void double_free(struct st *t)
{
	struct hak_cache_args args = { .ctor = t->arg >> 16 ? hak_empty_ctor : NULL };
	unsigned int size = t->arg & 0xffff;
	struct hak_cache *c = hak_cache_create("selftest-nmi-double", size, &args, 0);
	struct st_objects after = { };
	int how;

	if (st_expect(t, c, "no memory") && st_hardened() && st_nmi_begin(t)) {
		for (how = 0; how < HAK_HOWS; how++)
			doubles(t, (struct hak_kind){ how == HAK_BY_SIZE ? NULL : c, size }, how);
		st_nmi_end();
		st_objects_init(t, &after, (struct hak_kind){ c, size }, 400);
		st_objects_exit(t, &after);
	}
	hak_cache_destroy(c);
}

const struct st_test st_nmi_bad_tests[] = {
	{ "foreign pointers, hak_cache_free", foreign, HAK_BY_CACHE },
	{ "foreign pointers, hak_free", foreign, HAK_BY_ANY },
	{ "foreign pointers, hak_free_sized", foreign, HAK_BY_SIZE },
	{ "foreign pointers, hak_cache_free_bulk", foreign, HAK_BY_CACHE_BULK },
	{ "foreign pointers, hak_free_bulk", foreign, HAK_BY_ANY_BULK },
	{ "wrong cache", wrong_cache },
	{ "double free of 64 bytes", double_free, 64 },
	{ "double free of 16 bytes", double_free, 16 },
	{ "double free of 8 bytes", double_free, 8 },
	{ "double free with a constructor", double_free, 1 << 16 | 64 },
	{ "hak_free_rcu in NMI, and free", double_free_after_grace, 0 },
	{ "hak_free_rcu, and free in NMI", double_free_after_grace, 1 },
	{ }
};
