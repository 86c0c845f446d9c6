// SPDX-License-Identifier: GPL-2.0
/*
 * Group badfree, second half: objects given to a cache that is not theirs, parts of a SuperSlab
 * that are nobody's object, objects of a cache that is gone.
 */
#include "selftest/selftest.h"

#define SS_SIZE (1UL << HAK_SS_SHIFT)

/* @p is live still after it was freed badly; its own free is fine. */
static void still_live(struct st *t, struct st_counts *counts, struct st_kind own, void *p,
		       const char *what)
{
	st_counts_bad(t, counts, HAK_STAT_bad_free_cache, 1, true, what);
	st_expect(t, !hak_audit(1), "%s: audit", what);
	st_counts_begin(counts);
	st_put(&own, ST_ANY, p);
	st_counts_bad(t, counts, HAK_NR_STATS, 0, true, "its own free");
}

static void misfree(struct st *t, struct st_kind own, struct st_kind other, enum st_how how,
		    const char *what)
{
	struct st_counts counts;
	void *p = st_get(&own, GFP_KERNEL);

	if (!st_expect(t, p, "no memory"))
		return;
	st_counts_begin(&counts);
	st_put(&other, how, p);
	still_live(t, &counts, own, p, what);
}

static void nothing_ctor(void *p)
{
}

/* test->arg: size. */
static void wrong_cache(struct st *t)
{
	struct hak_cache_args args = { .ctor = nothing_ctor };
	unsigned int size = t->arg;
	struct hak_cache *a = hak_cache_create("selftest-a", size, NULL, 0);
	struct hak_cache *b = hak_cache_create("selftest-b", size, NULL, 0);
	struct hak_cache *g = hak_cache_create("selftest-g", size, &args, 0);
	struct st_kind ka = { a, size }, kb = { b, size }, kg = { g, size }, any = { NULL, size };
	struct st_kind bigger = { NULL, size * 2 };

	if (st_expect(t, a && b && g, "no memory")) {
		misfree(t, ka, kb, ST_TYPED, "typed to typed");
		misfree(t, ka, kb, ST_TYPED_BULK, "typed to typed, bulk");
		misfree(t, ka, kg, ST_TYPED, "typed to constructor");
		misfree(t, kg, ka, ST_TYPED, "constructor to typed");
		misfree(t, kg, ka, ST_TYPED_BULK, "constructor to typed, bulk");
		misfree(t, any, ka, ST_TYPED, "untyped to typed");
		misfree(t, any, ka, ST_TYPED_BULK, "untyped to typed, bulk");
		misfree(t, ka, any, ST_SIZED, "typed to sized");
		misfree(t, bigger, any, ST_SIZED, "wrong class");
	}
	hak_cache_destroy(g);
	hak_cache_destroy(b);
	hak_cache_destroy(a);
}

static void memory_of_kmalloc(struct st *t)
{
	struct hak_cache *c = hak_cache_create("selftest-k", 64, NULL, 0);
	struct st_kind k = { c, 64 };
	struct st_counts counts;
	enum st_how how;
	void *p;

	for (how = 0; how < ST_HOWS && st_expect(t, c, "no memory"); how++) {
		p = kmalloc(64, GFP_KERNEL);
		st_counts_begin(&counts);
		st_put(&k, how, p);
		if (st_how_trusts(how)) {
			st_counts_bad(t, &counts, HAK_STAT_bad_free_foreign, 1, true,
				      st_how_name[how]);
			kfree(p);
			continue;
		}
		st_counts_bad(t, &counts, HAK_NR_STATS, 0, true, st_how_name[how]);
		st_expect(t, st_counted(&counts, HAK_STAT_free_large) == 1, "%s: not forwarded",
			  st_how_name[how]);
	}
	hak_cache_destroy(c);
}

static bool in_superslab(const void *p)
{
	unsigned long region = (unsigned long)p >> HAK_SS_SHIFT & ((1UL << HAK_DIR_BITS) - 1);

	return hak_dir[region] == hak_mark(p);
}

static void free_it(void *p)
{
	hak_free(p);
}

/* The sets of the interrupt levels are found by the same tag, and must not be there. */
static void unserved_at_interrupt_levels(struct st *t, void *p)
{
	static const enum st_where levels[] = { ST_SOFTIRQ, ST_HARDIRQ };
	struct st_counts counts;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		const char *name = st_where_name[levels[i]];

		st_counts_begin(&counts);
		st_expect(t, st_run_in(levels[i], free_it, p), "not a %s", name);
		st_counts_bad(t, &counts, HAK_STAT_bad_free_foreign, 1, true, name);
	}
}

/* Header, a page that serves no slab, and the last word, whose address is the mark. */
static void parts_of_a_superslab(struct st *t)
{
	struct hak_cache *c = hak_cache_create("selftest-ss", 64, NULL, 0);
	struct st_kind k = { c, 64 };
	struct st_counts counts;
	struct st_objects o = { };
	enum st_how how;
	unsigned int i;

	if (st_expect(t, c, "no memory") && st_objects_init(t, &o, k, 10)) {
		void *base = (void *)((unsigned long)o.p[0] & ~(SS_SIZE - 1));
		const struct st_pointer parts[] = {
			{ "header", base }, { "header's second line", base + 64 },
			{ "last object of the header", base + (1 << HAK_SPAGE_SHIFT) - 64 },
			{ "a page that serves no slab", base + SS_SIZE - (3 << HAK_SPAGE_SHIFT) },
			{ "last page", base + SS_SIZE - (1 << HAK_SPAGE_SHIFT) },
			{ "last line", base + SS_SIZE - 64 },
			{ "the mark's own address", base + SS_SIZE - 8 },
		};

		st_expect(t, in_superslab(o.p[0]) == hak_config_get()->superslab,
			  "superslab=%d, and the block is another", hak_config_get()->superslab);
		for (i = 0; in_superslab(o.p[0]) && i < ARRAY_SIZE(parts) * ST_HOWS; i++) {
			how = i % ST_HOWS;
			st_counts_begin(&counts);
			st_put(&k, how, parts[i / ST_HOWS].p);
			st_counts_bad(t, &counts, HAK_STAT_bad_free_foreign, 1, true,
				      parts[i / ST_HOWS].name);
		}
		if (in_superslab(o.p[0]))
			unserved_at_interrupt_levels(t, parts[3].p);
		st_expect(t, !hak_audit(10), "audit");
	}
	st_objects_exit(t, &o);
	hak_cache_destroy(c);
}

/* A block that was given back: its addresses are nobody's, whatever its memory holds. */
static void stale_pointers(struct st *t)
{
	struct st_kind kind = { .size = 64 };
	struct st_counts counts;
	struct st_objects o;
	enum st_how how;
	void *p = NULL;

	if (st_objects_init(t, &o, kind, 100))
		p = o.p[50];
	st_objects_exit(t, &o);
	st_expect(t, hak_shrink_all() == hak_config_get()->fixed_pages, "a block is still held");
	if (!p || !st_expect(t, !hak_owns(p), "a block that was given back is owned"))
		return;
	/* What lies there now may be anything: only calls that name a cache are sure to refuse. */
	for (how = 0; how < ST_HOWS; how++) {
		if (!st_how_trusts(how))
			continue;
		st_counts_begin(&counts);
		st_put(&o.kind, how, p);
		st_counts_bad(t, &counts, HAK_STAT_bad_free_foreign, 1, true, st_how_name[how]);
	}
}

const struct st_test st_misuse_tests[] = {
	{ "wrong cache, 8 bytes", wrong_cache, 8 },
	{ "wrong cache, 64 bytes", wrong_cache, 64 },
	{ "wrong cache, 512 bytes", wrong_cache, 512 },
	{ "memory of kmalloc", memory_of_kmalloc },
	{ "header, free pages and end of a SuperSlab", parts_of_a_superslab },
	{ "pointers into a block that was given back", stale_pointers },
	{ }
};
