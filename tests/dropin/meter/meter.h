/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counts and times each call of a driver on its caches; force-included behind the drop-in
 * header, which it leaves as it is.
 *
 * In a guest that counts instructions the time stamp counter moves one an instruction.  The
 * difference of two readings around a call is what the call took, less what two readings cost by
 * themselves.  The instructions that put its arguments in place and the test for the backend are
 * in it.  A call with an interrupt or a change of tasks in it is not timed.
 *
 * A row of the meter is an operation on a variable of the driver's, by its name in the source.
 */
#ifndef _DROPIN_METER_H
#define _DROPIN_METER_H

#include <asm/msr.h>
#include "meter_row.h"

/* Each place in the source finds its row once. */
#define dropin_meter_record(name, op, s, ticks, breaks, p)			\
do {										\
	static int __row = -1;							\
										\
	if (unlikely(__row < 0))						\
		__row = dropin_meter_row(name, op, hak_dropin_size(s));		\
	dropin_meter_add(__row, ticks, breaks, p);				\
} while (0)

#define dropin_meter_alloc(name, s, gfp, call)					\
({										\
	struct kmem_cache *__s = (s);						\
	gfp_t __gfp = (gfp);							\
	u64 __b = dropin_meter_breaks(), __t = rdtsc();				\
	void *__p = call;							\
										\
	__t = rdtsc() - __t;							\
	dropin_meter_record(name, __gfp & __GFP_ZERO ? DROPIN_METER_ZALLOC :	\
			    DROPIN_METER_ALLOC, __s, __t, __b, __p);		\
	__p;									\
})

#define dropin_meter_free(name, s, p)						\
do {										\
	struct kmem_cache *__s = (s);						\
	void *__p = (p);							\
	u64 __b = dropin_meter_breaks(), __t = rdtsc();				\
										\
	hak_dropin_free(__s, __p);						\
	__t = rdtsc() - __t;							\
	dropin_meter_record(name, DROPIN_METER_FREE, __s, __t, __b, __p);	\
} while (0)

/* What is on a cache of the kernel's is none of the driver's. */
#define dropin_meter_theirs(s) \
	__builtin_types_compatible_p(typeof(s), typeof(hak_dropin_kernel(NULL)))

#undef kmem_cache_alloc
#define kmem_cache_alloc(s, gfp)						\
	__builtin_choose_expr(dropin_meter_theirs(s),				\
		hak_kernel_alloc((void *)(s), gfp),				\
		dropin_meter_alloc(#s, (void *)(s), gfp, hak_dropin_alloc(__s, __gfp)))

#undef kmem_cache_alloc_lru
#define kmem_cache_alloc_lru(s, lru, gfp) \
	dropin_meter_alloc(#s, s, gfp, hak_dropin_alloc_lru(__s, lru, __gfp))

#undef kmem_cache_free
#define kmem_cache_free(s, p)							\
do {										\
	if (dropin_meter_theirs(s))						\
		hak_kernel_free((void *)(s), p);				\
	else									\
		dropin_meter_free(#s, (void *)(s), p);				\
} while (0)

#endif /* _DROPIN_METER_H */
