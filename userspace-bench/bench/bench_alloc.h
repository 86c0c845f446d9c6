/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The allocator as the loops call it, and its absence.
 *
 * bench-user calls malloc() and free() through the PLT, so that LD_PRELOAD decides
 * who serves.  bench-inlined (BENCH_INLINED) has hakmem's fast paths in the loop, as
 * a client of the kernel module has; sizes known at compile time fold away.
 */
#ifndef BENCH_ALLOC_H
#define BENCH_ALLOC_H

#ifdef BENCH_INLINED
#include <linux/hakmem.h>
#define BENCH_ALLOC(size)	hak_alloc(size, GFP_KERNEL)
#define BENCH_FREE(p, size)	hak_free(p)
#else
#include <stdlib.h>
#define BENCH_ALLOC(size)	malloc(size)
#define BENCH_FREE(p, size)	free(p)
#endif

#include "bench.h"

#define BENCH_INLINE	static inline __attribute__((always_inline))

/* @stand_in: memory for an object where there is no allocator. */
BENCH_INLINE void *bench_get(const enum bench_mode mode, size_t size, void *stand_in)
{
	void *p;

	if (mode == BENCH_EMPTY) {
		p = stand_in;
		/* The compiler must not see through it: neither does it see through malloc(). */
		__asm__ volatile("" : "+r"(p) : "r"(size));
	} else {
		p = BENCH_ALLOC(size);
	}
	if (mode != BENCH_PLAIN)
		*(volatile unsigned long *)p = size;
	return p;
}

BENCH_INLINE void bench_put(const enum bench_mode mode, void *p)
{
	if (mode == BENCH_EMPTY)
		__asm__ volatile("" : : "r"(p) : "memory");
	else
		BENCH_FREE(p, 0);
}

#endif /* BENCH_ALLOC_H */
