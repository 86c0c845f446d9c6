/* SPDX-License-Identifier: GPL-2.0 */
/* The books of runs: hak_run_book.c keeps them, hak_run.c uses them under its lock. */
#ifndef _HAK_RUN_BOOK_H
#define _HAK_RUN_BOOK_H

#include "malloc/hak_run.h"

#define KEPT_PAGES	(HAK_RUN_MAX >> PAGE_SHIFT)

enum run_state { RUN_NONE, RUN_DIRTY, RUN_CLEAN, RUN_USED, RUN_KEPT, RUN_LEAVING };

/* 0 but where something is said. */
struct run_page {
	u32 state : 3;			/* of the run whose first page it is */
	u32 pages : 29;			/* and how many it has */
	u32 first;			/* of a free run whose last page it is */
	/* Of a free run, in its bin; 0: none.  Kept ones have next only. */
	u32 next, prev;
};

struct hak_run_book {
	struct run_page *map;
	u32 end;			/* behind the last page */
	u32 dirty, kept, used;		/* pages */
};

extern struct hak_run_book hak_run_book;

static inline struct run_page *page(u32 i)
{
	return &hak_run_book.map[i];
}

/* Nothing is said of the free run @i any more. */
void hak_run_unlist(u32 i);

/* @n pages from @i on, of which nothing is said, are free; with their neighbours, if alike. */
void hak_run_add(u32 i, u32 n, enum run_state state);

u32 hak_run_find(u32 n, enum run_state state);	/* a free run of @n pages or more, or 0 */
u32 hak_run_longest(void);			/* there is one */

void hak_run_keep(u32 i, u32 n);		/* what was used is kept as it is */
u32 hak_run_kept(u32 n);			/* used again: one of exactly @n pages, or 0 */
void hak_run_merge(void);			/* none is kept any more */

unsigned int hak_run_book_verify(void);	/* in how many places they do not agree */

#endif /* _HAK_RUN_BOOK_H */
