// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_double: one object is freed twice, in each way and order.
 *
 * A cell of the matrix is a kind of object and two ways to free it.  It is also how old the first
 * free is when the second comes, and what happens before everything is settled.  The second free
 * is reported at the call, or the cell is among the exceptions.  docs/safety.md lists them with
 * their reasons.  An exception that does not come true fails as well.
 */
#include "kunit/double.h"

const char *const hak_double_way[NR_WAYS] = {
	[BY_CACHE] = "hak_cache_free", [BY_ANY] = "hak_free",
	[BY_CACHE_BULK] = "hak_cache_free_bulk", [BY_ANY_BULK] = "hak_free_bulk",
	[BY_RCU] = "hak_free_rcu", [BY_RESERVE] = "hak_reserve_put", [BY_NMI] = "in NMI",
	[BY_OTHER] = "to another cache", [BY_OTHER_BULK] = "to another cache, bulk",
};

const char *const hak_double_kind[NR_KINDS] = {
	[PLAIN] = "typed", [HEAD_FIRST] = "rcu_head first", [EIGHT] = "8 bytes", [CTOR] = "ctor",
	[TYPESAFE] = "typesafe", [UNTYPED] = "untyped", [DROPIN] = "drop-in",
};

const char *const hak_double_age[NR_AGES] = {
	[AT_ONCE] = "at once", [IN_SLAB] = "in its slab", [GIVEN_BACK] = "slab given back",
	[CUT_AGAIN] = "cut again", [CUT_LIKE] = "cut for another, same size",
	[CUT_UNLIKE] = "cut for another, other size", [THIN_STAYED] = "in a thin slab",
	[THIN_LEFT] = "in a hole",
};

const char *const hak_double_then[NR_THENS] = {
	[FLUSHED] = "flushed", [HANDED_OUT] = "handed out", [WRITTEN] = "written",
};

const char *const hak_double_outcome[NR_OUTCOMES] = {
	[AT_CALL] = "at the call", [LATER] = "later", [SILENT] = "not reported",
};

#define B(x) (1U << (x))
#define ANY (~0U)
#define INLINED (B(BY_CACHE) | B(BY_ANY) | B(BY_CACHE_BULK) | B(BY_ANY_BULK))
#define LOOKED_UP (B(BY_ANY) | B(BY_ANY_BULK))
#define TO_OTHERS (B(BY_OTHER) | B(BY_OTHER_BULK))
#define PRISTINE (B(CTOR) | B(TYPESAFE))
#define IN_SMALL B(NR_KINDS)
#define UNSEEN (PRISTINE | IN_SMALL)	/* the mark, by hak_free_rcu() */
/* Ages at which the marks are those of its slab, taken or not. */
#define HAS_MARKS (B(AT_ONCE) | B(IN_SLAB) | B(GIVEN_BACK) | B(CUT_AGAIN))
#define SETTLED (B(FLUSHED) | B(WRITTEN))

/*
 * Which cells are not reported at the call, and why: all with hardened=1.  docs/safety.md has the
 * same lines.  With hardened=0 none is, but what is flushed is reported then.
 */
static const struct hak_double_exception {
	const char *cells;
	unsigned int kinds, first, second, ages, thens;
	enum hak_double_outcome outcome;
	const char *why;
	enum { EVERYWHERE, WHERE_INLINED, WHERE_SMALL } where;
} exceptions[] = {
	{ "freed while it waits for a grace period",
	  ANY, B(BY_RCU), INLINED, B(AT_ONCE), SETTLED, LATER,
	  "the inlined free looks at the first word only; the end of the grace period sees it" },
	{ "the same, and handed out before the grace period ends",
	  ANY, B(BY_RCU), INLINED, B(AT_ONCE), B(HANDED_OUT), SILENT,
	  "a new owner who does not write to the rcu_head leaves it as it was" },
	{ "pristine or in a small block, put with its reserve while it waits for a grace period",
	  UNSEEN, B(BY_RCU), B(BY_RESERVE), B(AT_ONCE), SETTLED, LATER,
	  "hak_free_rcu() knows the mark of SuperSlabs, in the first word" },
	{ "the same, and handed out before the grace period ends",
	  UNSEEN, B(BY_RCU), B(BY_RESERVE), B(AT_ONCE), B(HANDED_OUT), SILENT,
	  "a new owner who does not write to the rcu_head leaves it as it was" },
	{ "pristine or in a small block, waits twice",
	  UNSEEN, B(BY_RCU), B(BY_RCU), B(AT_ONCE), ANY, AT_CALL,
	  "the rcu_head tells" },
	{ "in a small block, rcu_head first, in NMI, then hak_free_rcu()",
	  B(HEAD_FIRST), B(BY_NMI), B(BY_RCU), B(AT_ONCE), ANY, LATER,
	  "the rcu_head is written over the mark, which the interrupt misses", WHERE_SMALL },
	{ "pristine or in a small block, then hak_free_rcu()",
	  UNSEEN, ANY, B(BY_RCU), HAS_MARKS, SETTLED, LATER,
	  "hak_free_rcu() knows the mark of SuperSlabs, in the first word" },
	{ "the same, and handed out before the grace period ends",
	  UNSEEN, ANY, B(BY_RCU), HAS_MARKS, B(HANDED_OUT), SILENT,
	  "a new owner who does not write to the rcu_head leaves it as it was" },
	{ "the same, in a thin slab, which serves nobody new",
	  UNSEEN, ANY, B(BY_RCU), B(THIN_STAYED), ANY, LATER,
	  "hak_free_rcu() knows the mark of SuperSlabs, in the first word" },
	{ "in a page that has left a thin slab, then hak_free_rcu()",
	  ANY, ANY, B(BY_RCU), B(THIN_LEFT), ANY, LATER,
	  "hak_free_rcu() looks at the first word only; the end of the grace period sees it" },
	{ "slab page cut for other objects, then hak_free_rcu()",
	  ANY, ANY, B(BY_RCU), B(CUT_UNLIKE), ANY, LATER,
	  "it points into an object; the end of the grace period sees it" },
	{ "the same, of a pristine object",
	  PRISTINE, ANY, B(BY_RCU), B(CUT_LIKE), ANY, LATER,
	  "its stride is another, so it points into an object" },
	{ "slab page cut for other objects, then freed as whose it is, flushed",
	  ANY, ANY, LOOKED_UP, B(CUT_UNLIKE), B(FLUSHED), LATER,
	  "an interior pointer is seen when it leaves its magazine", WHERE_INLINED },
	{ "the same, handed out before",
	  ANY, ANY, LOOKED_UP, B(CUT_UNLIKE), ~B(FLUSHED), SILENT,
	  "an interior pointer is seen when it leaves its magazine", WHERE_INLINED },
	{ "the same, of a pristine object, flushed",
	  PRISTINE, ANY, LOOKED_UP | TO_OTHERS, B(CUT_LIKE), B(FLUSHED), LATER,
	  "an interior pointer is seen when it leaves its magazine", WHERE_INLINED },
	{ "the same, of a pristine object, handed out before",
	  PRISTINE, ANY, LOOKED_UP | TO_OTHERS, B(CUT_LIKE), ~B(FLUSHED), SILENT,
	  "an interior pointer is seen when it leaves its magazine", WHERE_INLINED },
	{ "8 bytes, freed in NMI, then inlined before the interrupt",
	  B(EIGHT), B(BY_NMI), INLINED, B(AT_ONCE), ANY, LATER,
	  "there is no second word, so the link takes the place of the mark", WHERE_INLINED },
};

/* What is expected of @cell; the first exception that fits says it. */
static enum hak_double_outcome expected(const struct hak_double_cell *cell)
{
	unsigned int kinds = B(cell->kind) | (hak_superslab_enabled ? 0 : IN_SMALL);
	enum hak_double_then then = cell->then;
	const struct hak_double_exception *e;
	bool fits[] = {
		[EVERYWHERE] = true,
		[WHERE_INLINED] = hak_superslab_enabled && !HAK_WATCHED,
		[WHERE_SMALL] = !hak_superslab_enabled,
	};

	if (hak_config_get()->hardened != 1)
		return hak_kunit_hardened() ? AT_CALL : LATER;
	/* What is zeroed is written to. */
	if (then == HANDED_OUT && hak_config_get()->init_on_alloc && !(PRISTINE & B(cell->kind)))
		then = WRITTEN;
	for (e = exceptions; e < exceptions + ARRAY_SIZE(exceptions); e++)
		if (e->kinds & kinds && e->first & B(cell->first) &&
		    e->second & B(cell->second) && e->ages & B(cell->age) &&
		    e->thens & B(then) && fits[e->where])
			return e->outcome;
	return AT_CALL;
}

/* Are there objects of this kind that can be freed so? */
static bool way_exists(enum hak_double_kind kind, enum hak_double_way way)
{
	if (way == BY_RCU)
		return kind != EIGHT && kind != DROPIN;
	if (kind == HEAD_FIRST)
		return way == BY_CACHE || way == BY_ANY_BULK || way == BY_NMI;
	return kind != DROPIN || way == BY_CACHE || way == BY_CACHE_BULK || way == BY_NMI ||
	       way == BY_OTHER;
}

/* What may be tried where little is looked at, or where memory is the kernel's by then. */
static bool cell_is_safe(const struct hak_double_cell *cell)
{
	unsigned int named = B(BY_CACHE) | B(BY_CACHE_BULK) | TO_OTHERS;

	if (!hak_superslab_enabled && cell->age == GIVEN_BACK && !(named & B(cell->second)))
		return false;
#ifdef __KERNEL__
	/* Such a page may be another's by now, whom kfree() or an rcu_head would hurt. */
	if (cell->age == THIN_LEFT && !((named | B(BY_NMI)) & B(cell->second)))
		return false;
#endif
	return hak_kunit_hardened() || (cell->then == FLUSHED && INLINED & B(cell->first) &&
					(INLINED | TO_OTHERS) & B(cell->second));
}

static bool cell_exists(const struct hak_double_cell *cell)
{
	bool rcu = cell->first == BY_RCU || cell->second == BY_RCU;

	if (!way_exists(cell->kind, cell->first) || !way_exists(cell->kind, cell->second))
		return false;
	if (cell->first == BY_OTHER || cell->first == BY_OTHER_BULK)
		return false;
	if (!cell_is_safe(cell) || (cell->kind == HEAD_FIRST && !rcu && hak_kunit_hardened()))
		return false;
	/* Who holds a reserve puts it once, and keeps its objects from growing old. */
	if (cell->second == BY_RESERVE && (cell->first == BY_RESERVE || cell->age != AT_ONCE))
		return false;
	/* Kernels that look at each object are slow: each two frees have one of the ends there. */
	if (HAK_WATCHED && (cell->first + cell->second + cell->then) % NR_THENS)
		return false;
	/* KASAN itself reports a write into an object that is free. */
	return !HAK_WATCHED || cell->second != BY_RCU || expected(cell) == AT_CALL;
}

static const struct hak_double_cell columns[] = {
#define COLUMN(k, a) { .kind = (k), .age = (a) }
#define COLUMNS(k) COLUMN(k, AT_ONCE), COLUMN(k, IN_SLAB), COLUMN(k, GIVEN_BACK),	\
	COLUMN(k, CUT_AGAIN), COLUMN(k, CUT_LIKE), COLUMN(k, CUT_UNLIKE)
/* Of which pages leave: not where readers may look at what is free. */
#define COLUMNS_THIN(k) COLUMNS(k), COLUMN(k, THIN_STAYED), COLUMN(k, THIN_LEFT)
	COLUMNS_THIN(PLAIN), COLUMNS_THIN(HEAD_FIRST), COLUMN(EIGHT, AT_ONCE),
	COLUMN(EIGHT, IN_SLAB), COLUMNS_THIN(CTOR), COLUMNS(TYPESAFE), COLUMNS_THIN(UNTYPED),
#ifdef __KERNEL__
	COLUMNS_THIN(DROPIN),
#endif
};

static void column_desc(const struct hak_double_cell *column, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s", hak_double_kind[column->kind],
		 hak_double_age[column->age]);
}

KUNIT_ARRAY_PARAM(column, columns, column_desc);

static void one_cell(struct kunit *test, struct hak_double *d, const struct hak_double_cell *cell)
{
	enum hak_double_outcome want = expected(cell);

	hak_double_run(d, cell);
	/* Some are looked up all the same. */
	if (!hak_kunit_hardened() && d->outcome == AT_CALL)
		d->outcome = LATER;
	KUNIT_EXPECT_EQ_MSG(test, d->outcome, want, "%s, then %s, then %s: %s, not %s",
			    hak_double_way[cell->first], hak_double_way[cell->second],
			    hak_double_then[cell->then], hak_double_outcome[d->outcome],
			    hak_double_outcome[want]);
	KUNIT_EXPECT_NULL_MSG(test, d->broken, "%s, then %s, then %s: %s",
			      hak_double_way[cell->first], hak_double_way[cell->second],
			      hak_double_then[cell->then], d->broken);
	/* This is the promise, whatever the table says. */
	if (hak_config_get()->hardened == 2)
		KUNIT_EXPECT_NE(test, d->outcome, SILENT);
}

static void second_free_is_reported(struct kunit *test)
{
	struct hak_double_cell cell = *(const struct hak_double_cell *)test->param_value;
	struct hak_double *d;
	unsigned int cells = 0;

	/* A small block is not cut again. */
	if (!hak_superslab_enabled && cell.age < THIN_STAYED)
		cell.age = min_t(unsigned int, cell.age, GIVEN_BACK);
	d = hak_double_begin(test, cell.kind);
	for (cell.first = 0; cell.first < NR_WAYS; cell.first++)
		for (cell.second = 0; cell.second < NR_WAYS; cell.second++)
			for (cell.then = 0; cell.then < NR_THENS; cell.then++) {
				if (!cell_exists(&cell))
					continue;
				one_cell(test, d, &cell);
				cells++;
			}
	hak_double_end(d);
	KUNIT_EXPECT_GT(test, cells, 0);
	kunit_info(test, "%u cells\n", cells);
}

static struct kunit_case double_cases[] = {
	KUNIT_CASE_PARAM(second_free_is_reported, column_gen_params),
	{}
};

struct kunit_suite hak_double_suite = {
	.name = "hakmem_double",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = double_cases,
};
