// SPDX-License-Identifier: GPL-2.0
/*
 * The books of runs: what each page is, and where free runs of a length are found.  See hak_run.c.
 *
 * All of it wants the lock of who calls.
 */
#include "malloc/hak_run_book.h"

#define NR_BINS		64U
#define FINE_BINS	8U		/* those of one length each */
#define LOOKS		8U		/* at runs of a bin of which some are too short */
#define NR_FREE_STATES	3

struct hak_run_book hak_run_book = { .end = 1 };	/* page 0 is nobody's */

static u32 bin[NR_FREE_STATES][NR_BINS];
static u64 filled[NR_FREE_STATES];
static u32 kept[KEPT_PAGES + 1];		/* by length */
static u64 kept_filled[KEPT_PAGES / 64 + 1];

/* The bin of runs of @n pages. */
static unsigned int bin_of(u32 n)
{
	unsigned int e;

	if (n < FINE_BINS)
		return n;
	e = __fls(n);
	return min(FINE_BINS + (e - 3) * 4 + (n >> (e - 2) & 3), NR_BINS - 1);
}

/* The first bin all of whose runs have @n pages. */
static unsigned int bin_above(u32 n)
{
	return n < FINE_BINS ? n : bin_of(n + (1U << (__fls(n) - 2)) - 1);
}

static void bin_add(u32 i, u32 n, enum run_state state)
{
	unsigned int b = bin_of(n);
	u32 next = bin[state][b];

	*page(i) = (struct run_page){ .state = state, .pages = n, .first = n == 1 ? i : 0,
				    .next = next };
	page(i + n - 1)->first = i;
	if (next)
		page(next)->prev = i;
	bin[state][b] = i;
	filled[state] |= 1ULL << b;
	hak_run_book.dirty += state == RUN_DIRTY ? n : 0;
}

/* Nothing is said of it any more. */
void hak_run_unlist(u32 i)
{
	struct run_page *r = page(i);
	enum run_state state = r->state;
	unsigned int b = bin_of(r->pages);
	u32 n = r->pages;

	if (r->next)
		page(r->next)->prev = r->prev;
	if (r->prev)
		page(r->prev)->next = r->next;
	else
		bin[state][b] = r->next;
	if (!bin[state][b])
		filled[state] &= ~(1ULL << b);
	hak_run_book.dirty -= state == RUN_DIRTY ? n : 0;
	page(i + n - 1)->first = 0;
	*r = (struct run_page){ };
}

/* @n pages from @i on, of which nothing is said, are free; with their neighbours, if alike. */
void hak_run_add(u32 i, u32 n, enum run_state state)
{
	u32 before = page(i - 1)->first, more;

	if (i + n < hak_run_book.end && page(i + n)->state == state) {
		more = page(i + n)->pages;
		hak_run_unlist(i + n);
		n += more;
	}
	if (before && page(before)->state == state) {
		n += page(before)->pages;
		i = before;
		hak_run_unlist(before);
	}
	bin_add(i, n, state);
}

/* The kept run @i is the first of its length, and is not any more.  Its length. */
static u32 kept_del(u32 i)
{
	u32 n = page(i)->pages;

	kept[n] = page(i)->next;
	if (!kept[n])
		kept_filled[n / 64] &= ~(1ULL << n % 64);
	hak_run_book.kept -= n;
	return n;
}

void hak_run_keep(u32 i, u32 n)
{
	page(i)->state = RUN_KEPT;
	page(i)->next = kept[n];
	kept[n] = i;
	kept_filled[n / 64] |= 1ULL << n % 64;
	hak_run_book.kept += n;
}

/* None is kept any more. */
void hak_run_merge(void)
{
	unsigned int w;
	u32 i, n;

	for (w = 0; w < ARRAY_SIZE(kept_filled); w++)
		while (kept_filled[w]) {
			i = kept[w * 64 + __ffs(kept_filled[w])];
			n = kept_del(i);
			*page(i) = (struct run_page){ };
			hak_run_add(i, n, RUN_DIRTY);
		}
}

/* A free run of @n pages or more, or 0. */
u32 hak_run_find(u32 n, enum run_state state)
{
	u64 fit = filled[state] & ~0ULL << bin_above(n);
	unsigned int look;
	u32 i;

	if (fit)
		return bin[state][__ffs(fit)];
	for (i = bin[state][bin_of(n)], look = 0; i && look < LOOKS; i = page(i)->next, look++)
		if (page(i)->pages >= n)
			return i;
	return 0;
}

/* A run that is kept, of exactly @n pages, or 0. */
u32 hak_run_kept(u32 n)
{
	u32 i = kept[n];

	if (!i)
		return 0;
	kept_del(i);
	page(i)->state = RUN_USED;
	hak_run_book.used += n;
	return i;
}

/* The first of the longest dirty runs: there is one. */
u32 hak_run_longest(void)
{
	return bin[RUN_DIRTY][__fls(filled[RUN_DIRTY])];
}

/* Is a free run at @i in its bin, and do its ends agree? */
static bool free_run_holds(u32 i)
{
	const struct run_page *r = page(i);

	return page(i + r->pages - 1)->first == i && (!r->next || page(r->next)->prev == i) &&
	       (r->prev ? page(r->prev)->next : bin[r->state][bin_of(r->pages)]) == i;
}

/* Is nothing said of the pages inside the run @i, but where a free one begins? */
static bool inside_holds(u32 i)
{
	u32 k, last = i + page(i)->pages - 1, begins = page(i)->state < RUN_USED ? i : 0;

	for (k = i + 1; k <= last; k++)
		if (page(k)->state || page(k)->pages || page(k)->first != (k == last ? begins : 0))
			return false;
	return true;
}

unsigned int hak_run_book_verify(void)
{
	u32 n[RUN_LEAVING + 1] = { }, i;
	unsigned int wrong = 0;

	for (i = 1; i < hak_run_book.end && page(i)->pages; i += page(i)->pages) {
		wrong += !inside_holds(i);
		wrong += page(i)->state < RUN_USED && !free_run_holds(i);
		n[page(i)->state] += page(i)->pages;
	}
	wrong += i != hak_run_book.end;
	wrong += n[RUN_DIRTY] != hak_run_book.dirty;
	wrong += n[RUN_USED] != hak_run_book.used;
	wrong += n[RUN_KEPT] != hak_run_book.kept;
	return wrong;
}
