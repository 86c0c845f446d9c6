/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One spelling for every allocator under test.
 *
 * Each function takes the allocator as a constant, and is inlined into a loop that is compiled
 * once per allocator.  So the switch is gone from the object code.  The call site is what a
 * client of that allocator would have.  No function pointer is ever called inside a measured
 * loop.
 *
 * BENCH_NONE hands out whatever is in a register.  Nobody looks at the value, and bench_failed()
 * drops the test against NULL for it at compile time.  That test is a cost of using an allocator,
 * which inlining may remove.  So it must not be part of the overhead that is taken off.
 */
#ifndef HAK_BENCH_ALLOC_H
#define HAK_BENCH_ALLOC_H

#include <linux/slab.h>

#include "bench.h"

static __always_inline void *bench_cache(const enum bench_alloc a, const struct bench_env *e)
{
	switch (a) {
	case BENCH_HAKMEM:
	case BENCH_HAKMEM_CALLED:
		return e->hc;
	case BENCH_KMEM_CACHE:
		return e->kc;
	default:
		return NULL;
	}
}

static __always_inline void *bench_get(const enum bench_alloc a, void *c, size_t size, gfp_t gfp)
{
	void *p;

	switch (a) {
	case BENCH_HAKMEM:
		return hak_cache_alloc(c, gfp);
	case BENCH_HAKMEM_CALLED:
		return __hak_cache_alloc(c, gfp);
	case BENCH_HAKMEM_CONST:
	case BENCH_HAKMEM_VAR:
		return hak_alloc(size, gfp);
	case BENCH_KMEM_CACHE:
		return kmem_cache_alloc(c, gfp);
	case BENCH_KMALLOC:
	case BENCH_KMALLOC_VAR:
		return kmalloc(size, gfp);
	default:
		asm volatile("" : "=r" (p));
		return p;
	}
}

static __always_inline void bench_put(const enum bench_alloc a, void *c, void *p)
{
	switch (a) {
	case BENCH_HAKMEM:
		hak_cache_free(c, p);
		break;
	case BENCH_HAKMEM_CALLED:
		__hak_cache_free(c, p);
		break;
	case BENCH_HAKMEM_CONST:
		hak_free(p);
		break;
	case BENCH_HAKMEM_VAR:
		__hak_free(p);
		break;
	case BENCH_KMEM_CACHE:
		kmem_cache_free(c, p);
		break;
	case BENCH_KMALLOC:
	case BENCH_KMALLOC_VAR:
		kfree(p);
		break;
	default:
		asm volatile("" : : "r" (p));
	}
}

static __always_inline bool bench_failed(const enum bench_alloc a, const void *p)
{
	return a != BENCH_NONE && unlikely(!p);
}

/* kmalloc() has no bulk form; what its users write is a loop. */
static __always_inline bool bench_kmalloc_bulk(size_t size, gfp_t gfp, unsigned int n, void **p)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		p[i] = kmalloc(size, gfp);
		if (unlikely(!p[i])) {
			kfree_bulk(i, p);
			return false;
		}
	}
	return true;
}

static __always_inline bool bench_get_bulk(const enum bench_alloc a, void *c, size_t size,
					   gfp_t gfp, unsigned int n, void **p)
{
	switch (a) {
	case BENCH_HAKMEM:
	case BENCH_HAKMEM_CALLED:
		return hak_cache_alloc_bulk(c, gfp, n, p);
	case BENCH_HAKMEM_CONST:
	case BENCH_HAKMEM_VAR:
		return hak_alloc_bulk(size, gfp, n, p);
	case BENCH_KMEM_CACHE:
		return kmem_cache_alloc_bulk(c, gfp, n, p);
	case BENCH_KMALLOC:
	case BENCH_KMALLOC_VAR:
		return bench_kmalloc_bulk(size, gfp, n, p);
	default:
		asm volatile("" : : "r" (p) : "memory");
		return true;
	}
}

static __always_inline void bench_put_bulk(const enum bench_alloc a, void *c, unsigned int n,
					   void **p)
{
	switch (a) {
	case BENCH_HAKMEM:
	case BENCH_HAKMEM_CALLED:
		hak_cache_free_bulk(c, n, p);
		break;
	case BENCH_HAKMEM_CONST:
	case BENCH_HAKMEM_VAR:
		hak_free_bulk(n, p);
		break;
	case BENCH_KMEM_CACHE:
		kmem_cache_free_bulk(c, n, p);
		break;
	case BENCH_KMALLOC:
	case BENCH_KMALLOC_VAR:
		kfree_bulk(n, p);
		break;
	default:
		asm volatile("" : : "r" (p) : "memory");
	}
}

/* The object is its rcu_head. */
struct bench_rcu {
	struct rcu_head rcu;
};

static __always_inline void bench_put_rcu(const enum bench_alloc a, struct bench_rcu *o)
{
	switch (a) {
	case BENCH_HAKMEM:
		hak_free_rcu(o, rcu);
		break;
	case BENCH_KMALLOC_VAR:
		kfree_rcu(o, rcu);
		break;
	default:
		asm volatile("" : : "r" (o));
	}
}

#endif /* HAK_BENCH_ALLOC_H */
