/* SPDX-License-Identifier: GPL-2.0 */
/* One cell of the matrix of double frees: double_run.c does it, double_kunit.c judges it. */
#ifndef _HAK_DOUBLE_H
#define _HAK_DOUBLE_H

#include "kunit/hak_kunit.h"
#include "tiny/tiny_rcu.h"

enum hak_double_way {
	BY_CACHE, BY_ANY, BY_CACHE_BULK, BY_ANY_BULK, BY_RCU, BY_RESERVE, BY_NMI, BY_OTHER,
	BY_OTHER_BULK, NR_WAYS
};

enum hak_double_kind { PLAIN, HEAD_FIRST, EIGHT, CTOR, TYPESAFE, UNTYPED, DROPIN, NR_KINDS };

/* Where the object is when it is freed again. */
enum hak_double_age {
	AT_ONCE, IN_SLAB, GIVEN_BACK, CUT_AGAIN, CUT_LIKE, CUT_UNLIKE, THIN_STAYED, THIN_LEFT,
	NR_AGES
};

/* What comes before grace periods end and magazines are flushed. */
enum hak_double_then { FLUSHED, HANDED_OUT, WRITTEN, NR_THENS };

/* SILENT: not before two have the object in their hands. */
enum hak_double_outcome { AT_CALL, LATER, SILENT, NR_OUTCOMES };

struct hak_double_cell {
	enum hak_double_kind kind;
	enum hak_double_way first, second;
	enum hak_double_age age;
	enum hak_double_then then;
};

#define DOUBLE_MATES	64	/* objects of its slab */
#define DOUBLE_MORE	80	/* objects handed out afterwards, twice */
#define DOUBLE_MORE_UNLIKE 140
#define DOUBLE_OUT	(2 * DOUBLE_MORE_UNLIKE + 1)

/* Caches of a kind, and one cell at a time. */
struct hak_double {
	struct kunit *test;
	enum hak_double_kind kind;
	unsigned int size, head;	/* of the object; where its rcu_head is */
	struct hak_cache *c, *like, *unlike;
	void *anchor;			/* keeps the SuperSlab */
	void *p;
	struct hak_rcu_list list;
	struct hak_reserve *reserve;
	struct hak_cache *serves;	/* whom the slab page of p serves now */
	unsigned int mates, out;
	void *mate[DOUBLE_MATES], *handed[DOUBLE_OUT];
	struct hak_counts bad;
	enum hak_double_outcome outcome;
	const char *broken;		/* what is wrong in any outcome, or NULL */
};

/* For all cells of a @kind. */
struct hak_double *hak_double_begin(struct kunit *test, enum hak_double_kind kind);
void hak_double_end(struct hak_double *d);

/* Does @cell; outcome and broken say what came of it. */
void hak_double_run(struct hak_double *d, const struct hak_double_cell *cell);

#endif /* _HAK_DOUBLE_H */
