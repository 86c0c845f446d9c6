/* SPDX-License-Identifier: GPL-2.0 */
/* What hak_malloc.c and hak_aligned.c share: how an object is taken, how functions are named. */
#ifndef _HAK_MALLOC_H
#define _HAK_MALLOC_H

#include "malloc/hak_user.h"

#define MALLOC_ALIGN 16UL

/* The other names the C library has for some: who allocates by one frees by the other. */
#define ALSO_KNOWN(type, name, other, ...)					\
	HAK_PUBLIC type other(__VA_ARGS__) __attribute__((alias(#name), copy(name)))

/* An object of @s as it was freed, or NULL if there is none at hand. */
static __always_inline void *set_pop(struct hak_set *s)
{
	void *p;

	hak_arch_pop_set(s, p, none);
	if (!p)
		__builtin_unreachable();
	return p;
none:
	return NULL;
}

/* Pages of its own; sets whether they read as 0.  NULL if that is no size of a run. */
void *malloc_run(size_t size, size_t align, bool *zero);

#endif /* _HAK_MALLOC_H */
