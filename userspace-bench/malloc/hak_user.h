/* SPDX-License-Identifier: GPL-2.0 */
/* What hak_malloc.c, which is called, and hak_user.c, which starts and stops, share. */
#ifndef _HAK_USER_H
#define _HAK_USER_H

#include "tiny/tiny_core.h"

#define HAK_PUBLIC __attribute__((visibility("default")))

/* The largest size that has a class, and how many bytes share an entry of a table of those. */
#define HAK_MORE_MAX	32768
#define HAK_MORE_STEP	256

/*
 * What malloc() looks at in this thread's slot.  Sizes below @limit are served by this CPU's task
 * set of their class.  Those from there to @more_limit are, too, by steps.  A thread without a slot
 * has limits of 0.
 */
struct hak_user_cpu {
	size_t limit, more_limit;
	size_t last;			/* the largest below @limit, or 0 */
	struct hak_set *set[HAK_MAX_SIZE + 1];
	struct hak_set *more[HAK_MORE_MAX / HAK_MORE_STEP];
};

#define HAK_USER_AT 4096		/* where it lies in a slot: first of what is allocated */
#define hak_user_here() ((const struct hak_user_cpu *)(shim_base + HAK_USER_AT))

/* hak_dense.c: the smallest of malloc()'s classes for @size, up to HAK_MAX_SIZE. */
struct hak_cache *hak_dense_cache(size_t size);
int hak_dense_init(void);	/* 0 or -ENOMEM */

/* hak_more.c: the same for any size up to HAK_MORE_MAX. */
struct hak_cache *hak_user_cache(size_t size);
int hak_more_init(void);	/* those above HAK_MAX_SIZE; 0 or -ENOMEM */

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

/* hak_decay.c: who is bound to a CPU and leaves the inlined path calls this, with no lock held. */
extern __thread unsigned int hak_decay_misses;
void hak_decay_look(void);
static inline void hak_decay(void)
{
	if (unlikely(!(++hak_decay_misses % 64)))
		hak_decay_look();
}

unsigned long hak_user_held(void);	/* OS pages */
void hak_user_trim(void);		/* all that can go, goes; wants a CPU: shim_enter() */

#endif /* _HAK_USER_H */
