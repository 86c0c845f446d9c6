// SPDX-License-Identifier: GPL-2.0
/*
 * Group badfree, first half: each kind of bad pointer through each call.
 *
 * Each bad free is counted once, under its own name, and puts nothing back:
 * afterwards hundreds of objects are allocated, and none of them is the bad
 * pointer or one that is live.  With hardened=0 the calls that know their cache
 * trust their caller until the magazine is flushed; the tests flush it before
 * anything is allocated from it.
 */
#include "selftest/selftest.h"

/* test->arg: how to free, and objects of what. */
enum { SIZE_64, SIZE_8, CTOR_64, OBJECT_KINDS };
#define CASE(how, objects) ((how) * OBJECT_KINDS + (objects))

#define KEEP 40		/* objects that are live meanwhile */
#define AFTER 400	/* objects allocated afterwards */

struct bad {
	struct st *t;
	enum st_how how;
	struct st_kind kind;
	struct hak_cache *c;	/* ours to destroy */
	struct st_objects keep;
	struct st_counts counts;
};

static void nothing_ctor(void *p)
{
}

static bool bad_init(struct st *t, struct bad *b)
{
	unsigned int objects = t->arg % OBJECT_KINDS;
	struct hak_cache_args args = { .ctor = objects == CTOR_64 ? nothing_ctor : NULL };

	memset(b, 0, sizeof(*b));
	b->t = t;
	b->how = t->arg / OBJECT_KINDS;
	b->kind.size = objects == SIZE_8 ? 8 : 64;
	if (b->how == ST_TYPED || b->how == ST_TYPED_BULK || objects == CTOR_64) {
		b->c = hak_cache_create("selftest-bad", b->kind.size, &args, 0);
		b->kind.c = b->c;
		if (!st_expect(t, b->c, "no memory"))
			return false;
	}
	/* Then they lie together in a slab of their own. */
	hak_shrink_all();
	return st_objects_init(t, &b->keep, b->kind, KEEP);
}

/* Free @p badly: by itself, or among good ones of a bulk call. */
static void bad_put(struct bad *b, void *p)
{
	void *array[17];
	unsigned int i, n = 0;

	st_counts_begin(&b->counts);
	if (b->how != ST_TYPED_BULK && b->how != ST_ANY_BULK) {
		st_put(&b->kind, b->how, p);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(array); i++) {
		array[n] = i == 9 ? p : st_get(&b->kind, GFP_KERNEL);
		n += !!array[n];
	}
	st_put_bulk(&b->kind, b->how, n, array);
}

static void bad_counted(struct bad *b, enum hak_stat which, const char *what)
{
	st_counts_bad(b->t, &b->counts, which, 1, true, what);
	st_objects_check(b->t, &b->keep, what);
}

/* What is handed out from now on is none of @n bad ones, and nothing twice. */
static void nothing_was_put_back(struct bad *b, const struct st_pointer *fp, unsigned int n)
{
	struct st_objects after;
	unsigned int i, k;

	st_expect(b->t, !hak_audit(b->keep.n), "audit after the bad frees");
	if (st_objects_init(b->t, &after, b->kind, AFTER)) {
		for (i = 0; i < after.n; i++)
			for (k = 0; k < n; k++)
				st_expect(b->t, after.p[i] != fp[k].p, "%s was handed out",
					  fp[k].name);
		st_objects_check(b->t, &b->keep, "by objects handed out afterwards");
	}
	st_objects_exit(b->t, &after);
}

static void bad_exit(struct bad *b)
{
	struct st_counts counts;

	st_counts_begin(&counts);
	st_objects_exit(b->t, &b->keep);
	st_counts_bad(b->t, &counts, HAK_NR_STATS, 0, true, "good frees");
	hak_cache_destroy(b->c);
}

static void foreign(struct st *t)
{
	struct st_pointers *ps;
	struct bad b;
	unsigned int i;

	if (bad_init(t, &b)) {
		ps = st_pointers_create(t, b.keep.p[0]);
		for (i = 0; ps && i < ps->n; i++) {
			bad_put(&b, ps->fp[i].p);
			bad_counted(&b, HAK_STAT_bad_free_foreign, ps->fp[i].name);
		}
		if (ps)
			nothing_was_put_back(&b, ps->fp, ps->n);
		st_pointers_destroy(ps);
	}
	bad_exit(&b);
}

static void misaligned(struct st *t)
{
	static const u8 offsets[] = { 1, 2, 3, 4, 5, 6, 7, 17, 63 };
	struct st_pointer fp[ARRAY_SIZE(offsets)];
	struct bad b;
	unsigned int i, n;

	if (bad_init(t, &b)) {
		for (n = 0, i = 0; i < ARRAY_SIZE(offsets); i++) {
			if (offsets[i] >= b.kind.size)
				continue;
			fp[n++] = (struct st_pointer){ "misaligned", b.keep.p[5] + offsets[i] };
			bad_put(&b, b.keep.p[5] + offsets[i]);
			bad_counted(&b, HAK_STAT_bad_free_interior, "misaligned");
		}
		nothing_was_put_back(&b, fp, n);
	}
	bad_exit(&b);
}

/*
 * An aligned pointer into an object: with hardened=1 it gets as far as the magazine,
 * and the object it points into gets the mark.
 */
static void interior(struct st *t)
{
	static const u8 offsets[] = { 8, 16, 32, 56 };
	struct st_pointer fp[ARRAY_SIZE(offsets)];
	void *victim;
	struct bad b;
	unsigned int i;

	if (bad_init(t, &b)) {
		victim = b.keep.p[--b.keep.n];
		for (i = 0; i < ARRAY_SIZE(offsets); i++) {
			fp[i] = (struct st_pointer){ "interior", victim + offsets[i] };
			bad_put(&b, fp[i].p);
			if (st_hardened() < 2)
				hak_shrink_all();
			bad_counted(&b, HAK_STAT_bad_free_interior, "interior");
			st_expect(t, st_hardened() == 1 ||
				  hak_intact(victim, b.kind.size, b.keep.key + b.keep.n),
				  "the object it points into was written");
		}
		b.keep.n++;
		hak_fill(victim, b.kind.size, b.keep.key + b.keep.n - 1);
		nothing_was_put_back(&b, fp, ARRAY_SIZE(fp));
	}
	bad_exit(&b);
}

/* The last of the live objects, which then is not among them any more. */
static struct st_pointer give_up_one(struct bad *b)
{
	return (struct st_pointer){ "freed twice", b->keep.p[--b->keep.n] };
}

static void double_in_a_row(struct st *t)
{
	struct st_pointer a;
	struct bad b;

	if (bad_init(t, &b)) {
		a = give_up_one(&b);
		st_put(&b.kind, b.how, a.p);
		bad_put(&b, a.p);
		bad_counted(&b, HAK_STAT_bad_free_double, "a, a");
		nothing_was_put_back(&b, NULL, 0);
	}
	bad_exit(&b);
}

static void double_with_another_between(struct st *t)
{
	struct st_pointer a, other;
	struct bad b;

	if (bad_init(t, &b)) {
		a = give_up_one(&b);
		other = give_up_one(&b);
		st_put(&b.kind, b.how, a.p);
		st_put(&b.kind, b.how, other.p);
		bad_put(&b, a.p);
		bad_counted(&b, HAK_STAT_bad_free_double, "a, b, a");
		nothing_was_put_back(&b, NULL, 0);
	}
	bad_exit(&b);
}

/* Its slab-mates are live, so the slab stays what it is. */
static void double_after_flush(struct st *t)
{
	struct st_pointer a;
	struct bad b;

	if (bad_init(t, &b)) {
		a = give_up_one(&b);
		st_put(&b.kind, b.how, a.p);
		hak_shrink_all();
		bad_put(&b, a.p);
		bad_counted(&b, HAK_STAT_bad_free_double, "a, flush, a");
		nothing_was_put_back(&b, NULL, 0);
	}
	bad_exit(&b);
}

#define EACH_HOW(text, fn, objects)						\
	{ text ", hak_cache_free", fn, CASE(ST_TYPED, objects) },		\
	{ text ", hak_free", fn, CASE(ST_ANY, objects) },			\
	{ text ", hak_cache_free_bulk", fn, CASE(ST_TYPED_BULK, objects) },	\
	{ text ", hak_free_bulk", fn, CASE(ST_ANY_BULK, objects) }
#define EACH_UNTYPED(text, fn, objects)						\
	{ text ", hak_free_sized", fn, CASE(ST_SIZED, objects) }
#define EACH_OBJECT(text, fn)							\
	EACH_HOW(text ", 64 bytes", fn, SIZE_64),				\
	EACH_UNTYPED(text ", 64 bytes", fn, SIZE_64),				\
	EACH_HOW(text ", 8 bytes", fn, SIZE_8),					\
	EACH_UNTYPED(text ", 8 bytes", fn, SIZE_8),				\
	EACH_HOW(text ", constructor", fn, CTOR_64)

const struct st_test st_badfree_tests[] = {
	EACH_HOW("foreign pointers", foreign, SIZE_64),
	EACH_UNTYPED("foreign pointers", foreign, SIZE_64),
	{ "foreign pointers, constructor, hak_cache_free", foreign, CASE(ST_TYPED, CTOR_64) },
	EACH_OBJECT("misaligned", misaligned),
	EACH_HOW("interior", interior, SIZE_64),
	EACH_UNTYPED("interior", interior, SIZE_64),
	EACH_HOW("interior, constructor", interior, CTOR_64),
	EACH_OBJECT("double a,a", double_in_a_row),
	EACH_OBJECT("double a,b,a", double_with_another_between),
	EACH_OBJECT("double after flush", double_after_flush),
	{ }
};
