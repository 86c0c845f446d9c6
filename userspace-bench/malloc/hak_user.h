/* SPDX-License-Identifier: GPL-2.0 */
/* What hak_malloc.c, which is called, and hak_user.c, which starts and stops, share. */
#ifndef _HAK_USER_H
#define _HAK_USER_H

#include "tiny/tiny_core.h"

#define HAK_PUBLIC __attribute__((visibility("default")))

/*
 * What malloc() looks at in this thread's slot: sizes below @limit are served by this
 * CPU's task set of their class.  A thread without a slot has a limit of 0.
 */
struct hak_user_cpu {
	size_t limit;
	size_t last;			/* the largest of these sizes, or 0 */
	struct hak_set *set[HAK_MAX_SIZE + 1];
};

#define HAK_USER_AT 4096		/* where it lies in a slot: first of what is allocated */
#define hak_user_here() ((const struct hak_user_cpu *)(shim_base + HAK_USER_AT))

/* hak_dense.c: the smallest of malloc()'s classes for @size, up to HAK_MAX_SIZE. */
struct hak_cache *hak_user_cache(size_t size);
int hak_dense_init(void);	/* 0 or -ENOMEM */

/* Set up at the first call of anybody; false while that is going on, or too early. */
bool hak_user_start(void);

/* Likewise, and everything could be set up; if not, all is the next allocator's. */
bool hak_user_serves(void);

/* What M_PERTURB of mallopt() is, or 0: then each allocation is filled with its complement. */
extern int hak_user_perturb;
void hak_user_set_perturb(int value);

/* Memory for those who ask before that is through; never given back. */
void *hak_user_early(size_t size);
size_t hak_user_early_size(const void *p);	/* 0: not of this kind */

#endif /* _HAK_USER_H */
