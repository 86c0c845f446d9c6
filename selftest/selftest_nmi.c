// SPDX-License-Identifier: GPL-2.0
/*
 * Group nmi: calls from a breakpoint, which the kernel treats as an NMI.
 *
 * A kprobe inside a function is an int3, and its handler runs with in_nmi() true.
 * Its post handler, which does nothing, keeps kprobes from replacing the breakpoint
 * by a jump, which would not.
 */
#include "selftest/selftest.h"

static struct {
	void (*fn)(void *arg);
	void *arg;
	bool ran, nmi;
	int preempt;
} hit;

static noinline unsigned long breakpoint(unsigned long x)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		x = x * 6364136223846793005UL + READ_ONCE(hit.preempt);
	return x;
}

static int on_breakpoint(struct kprobe *kp, struct pt_regs *regs)
{
	int before = preempt_count();

	if (!hit.fn || hit.ran)
		return 0;
	hit.ran = true;
	hit.nmi = in_nmi();
	hit.fn(hit.arg);
	hit.preempt = preempt_count() - before;
	return 0;
}

static void after_breakpoint(struct kprobe *kp, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe probe;

/* The first boundary behind the entry, where the probe would be ftrace's. */
bool st_nmi_begin(struct st *t)
{
	unsigned int off;
	int err = -EINVAL;

	for (off = 10; err && off < 40; off++) {
		memset(&probe, 0, sizeof(probe));
		probe.addr = (void *)breakpoint + off;
		probe.pre_handler = on_breakpoint;
		probe.post_handler = after_breakpoint;
		err = register_kprobe(&probe);
	}
	return st_expect(t, !err, "no breakpoint: %d", err);
}

void st_nmi_run(struct st *t, void (*fn)(void *arg), void *arg)
{
	migrate_disable();
	hit.fn = fn;
	hit.arg = arg;
	hit.ran = false;
	hit.nmi = false;
	hit.preempt = 0;
	breakpoint(1);
	hit.fn = NULL;
	migrate_enable();
	st_expect(t, hit.ran && hit.nmi, "not run in NMI");
	st_expect(t, !hit.preempt, "preempt count off by %d", hit.preempt);
}

void st_nmi_end(void)
{
	unregister_kprobe(&probe);
}

static unsigned int got_in_nmi;

static void alloc_everything(void *c)
{
	void *p[4] = { };

	got_in_nmi += !!hak_cache_alloc(c, GFP_ATOMIC);
	got_in_nmi += !!hak_cache_zalloc(c, GFP_ATOMIC);
	got_in_nmi += !!__hak_cache_alloc(c, GFP_ATOMIC);
	got_in_nmi += !!hak_cache_alloc_bulk(c, GFP_ATOMIC, 4, p);
	got_in_nmi += !!hak_alloc(64, GFP_ATOMIC);
	got_in_nmi += !!hak_alloc(READ_ONCE(st_loops) % 1024 + 1, GFP_ATOMIC);
	got_in_nmi += !!hak_zalloc(64, GFP_ATOMIC);
	got_in_nmi += !!hak_alloc(2000, GFP_ATOMIC);
	got_in_nmi += !!hak_alloc(64, GFP_ATOMIC | GFP_DMA);
	got_in_nmi += !!hak_alloc_bulk(64, GFP_ATOMIC, 4, p);
	got_in_nmi += !!hak_alloc_bulk(2000, GFP_ATOMIC, 4, p);
}

/* test->arg: 1 for a cache with a constructor. */
static void alloc_is_null(struct st *t)
{
	struct hak_cache_args args = { .ctor = t->arg ? hak_empty_ctor : NULL };
	struct hak_cache *c = hak_cache_create("selftest-nmi", 64, &args, 0);
	struct st_objects o;

	/* There are objects at hand, in the cache and in its class. */
	if (st_expect(t, c, "no memory") &&
	    st_objects_init(t, &o, (struct hak_kind){ c, 64 }, 50)) {
		st_objects_exit(t, &o);
		st_objects_init(t, &o, (struct hak_kind){ .size = 64 }, 50);
		st_objects_exit(t, &o);
		got_in_nmi = 0;
		if (st_nmi_begin(t)) {
			st_nmi_run(t, alloc_everything, c);
			st_nmi_end();
		}
		st_expect(t, !got_in_nmi, "%u allocations succeeded", got_in_nmi);
		st_expect(t, !hak_audit(0), "audit");
	}
	hak_cache_destroy(c);
}

struct frees {
	struct st_objects *o;
	enum hak_how how;
	unsigned int first, n;
};

static void free_some(void *arg)
{
	struct frees *f = arg;
	unsigned int i;

	if (f->how == HAK_BY_CACHE_BULK || f->how == HAK_BY_ANY_BULK) {
		hak_kind_free_bulk(&f->o->kind, f->how, f->n, f->o->p + f->first);
		return;
	}
	for (i = f->first; i < f->first + f->n; i++)
		hak_kind_free(&f->o->kind, f->how, f->o->p[i]);
}

/* test->arg: size, and 1 << 16 with a constructor. */
static void free_is_deferred(struct st *t)
{
	struct hak_cache_args args = { .ctor = t->arg >> 16 ? hak_empty_ctor : NULL };
	unsigned int size = t->arg & 0xffff, n = 100;
	struct hak_cache *c = hak_cache_create("selftest-nmi", size, &args, 0);
	struct st_objects o = { };
	struct frees f = { .o = &o };
	struct hak_counts counts;

	if (!st_expect(t, c, "no memory") || !st_nmi_begin(t))
		return;
	for (f.how = 0; f.how < HAK_HOWS; f.how++) {
		struct hak_kind kind = { f.how == HAK_BY_SIZE ? NULL : c, size };

		if (!st_objects_init(t, &o, kind, n))
			break;
		hak_counts_begin(&counts);
		f.first = 0;
		f.n = n / 2;
		st_nmi_run(t, free_some, &f);
		f.first = n / 2;
		st_nmi_run(t, free_some, &f);
		st_expect(t, hak_counted(&counts, HAK_STAT_free_nmi) == n, "%s: %llu deferred",
			  hak_how_name[f.how], hak_counted(&counts, HAK_STAT_free_nmi));
		st_counts_bad(t, &counts, HAK_NR_STATS, 0, true, hak_how_name[f.how]);
		st_expect(t, !hak_audit(0), "%s: audit", hak_how_name[f.how]);
		o.n = 0;
		st_objects_exit(t, &o);
	}
	st_nmi_end();
	hak_cache_destroy(c);
}

static void free_one(void *p)
{
	hak_free(p);
}

/* The link of a deferred free was in the second word; with init_on_free all others are 0 too. */
static void free_leaves_no_link(struct st *t)
{
	struct hak_cache *c = hak_cache_create("selftest-nmi-link", 64, NULL, 0);
	unsigned long *p;

	if (st_expect(t, c, "no memory") && st_nmi_begin(t)) {
		p = hak_cache_alloc(c, GFP_KERNEL);
		if (st_expect(t, p, "no memory")) {
			memset(p, 0xff, 64);
			st_nmi_run(t, free_one, p);
			/* It waits for what was deferred. */
			st_expect(t, !hak_audit(0), "audit");
			st_expect(t, !READ_ONCE(p[1]), "the second word is %lx", p[1]);
			st_expect(t, READ_ONCE(p[7]) == (hak_config_get()->init_on_free ? 0 : ~0UL),
				  "the last word is %lx", p[7]);
		}
		st_nmi_end();
	}
	hak_cache_destroy(c);
}

/* NULL is no bad free, and a large object's free is refused: kfree() may not be called here. */
static void free_odd(void *large)
{
	hak_free(NULL);
	hak_free(ZERO_SIZE_PTR);
	hak_free_sized(NULL, 8);
	hak_free(large);
}

static void odd_frees(struct st *t)
{
	void *large = hak_alloc(4000, GFP_KERNEL);
	struct hak_counts counts;

	if (!st_expect(t, large, "no memory") || !st_nmi_begin(t))
		return;
	hak_counts_begin(&counts);
	st_nmi_run(t, free_odd, large);
	st_counts_bad(t, &counts, HAK_STAT_bad_free_foreign, 1, false, "a large object");
	st_nmi_end();
	hak_free(large);
}

const struct st_test st_nmi_tests[] = {
	{ "alloc is NULL", alloc_is_null },
	{ "alloc is NULL, constructor", alloc_is_null, 1 },
	{ "free of 8 bytes is deferred", free_is_deferred, 8 },
	{ "free of 16 bytes is deferred", free_is_deferred, 16 },
	{ "free of 64 bytes is deferred", free_is_deferred, 64 },
	{ "free of 1024 bytes is deferred", free_is_deferred, 1024 },
	{ "free with a constructor is deferred", free_is_deferred, 1 << 16 | 64 },
	{ "free leaves no link behind", free_leaves_no_link },
	{ "free of NULL and of large memory", odd_frees },
	{ }
};
