/* SPDX-License-Identifier: GPL-2.0 */
/* Runs of pages for sizes without a class: see hak_run.c. */
#ifndef _HAK_RUN_H
#define _HAK_RUN_H

#include "malloc/hak_user.h"
#include "superslab/ss_pool.h"

#define HAK_RUN_MAX	(1UL << 20)	/* what is larger is the next allocator's */

struct hak_run_stats {
	u64 allocs, frees;
	u64 used;			/* pages */
};

/* Where runs are; 0 before the start. */
extern unsigned long hak_run_base, hak_run_bytes;

static inline bool hak_run_owns(const void *p)
{
	return (unsigned long)p - hak_run_base < hak_run_bytes;
}

int hak_run_init(void);		/* 0 or -ENOMEM */

/*
 * All of these want a CPU: shim_enter().
 *
 * hak_run_alloc(): at a multiple of @align, a power of two and a page at least; sets whether it
 * reads as 0.  NULL: there is none to be had.
 */
void *hak_run_alloc(size_t size, size_t align, bool *zero);
void hak_run_free(void *p, unsigned long caller);	/* any @p that hak_run_owns() */
size_t hak_run_usable(const void *p);			/* likewise; 0: no run begins there */
bool hak_run_resize(void *p, size_t size);		/* in place, or false; @p is used */

/* Memory of free runs goes back: of @all, or of those nobody wanted since the last time. */
void hak_run_trim(bool all);

unsigned int hak_run_verify(void);	/* in how many places the books do not agree */

/* How many there were so far.  This, of all, may be called by anybody. */
void hak_run_stats(struct hak_run_stats *s);

#endif /* _HAK_RUN_H */
