/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is told to tools that watch each object: generic KASAN and kmemleak.
 *
 * On kernels with either of them every cache is gated, so that all operations go
 * through the few out-of-line places that call these.  Everywhere else they are
 * nothing.  The core itself stays instrumented; the words it keeps in free objects
 * it reads and writes with hak_arch_peek() and hak_arch_poke(), which are not.
 *
 * KASAN exports nothing that poisons, so its shadow is written here.  A byte of it stands for 8
 * bytes of memory.  It is 0 if all of them may be touched, 1 to 7 if so many, and else says why
 * not.
 */
#ifndef _HAK_WATCH_H
#define _HAK_WATCH_H

#if defined(CONFIG_KASAN_GENERIC) || defined(CONFIG_DEBUG_KMEMLEAK)
#define HAK_WATCHED 1
#else
#define HAK_WATCHED 0
#endif

#ifdef CONFIG_KASAN_GENERIC
#include <linux/kasan.h>

#define HAK_GRANULE (1UL << KASAN_SHADOW_SCALE_SHIFT)	/* bytes a byte of the shadow is about */
#define HAK_REDZONE 8U		/* bytes behind each object that may not be touched */
#define HAK_SHADOW_FREE 0xfb	/* as of a free slab object: mm/kasan/kasan.h, 6.1 to 7.3 */
#define HAK_SHADOW_REDZONE 0xfc	/* as of the space around one */

/* @p and @bytes are multiples of 8. Context: any. */
static __no_kasan_or_inline void hak_shadow_fill(const void *p, size_t bytes, u8 why)
{
	u8 *shadow = kasan_mem_to_shadow(p);

	/* Not memset(), which KASAN checks wherever it is called. */
	for (bytes /= HAK_GRANULE; bytes; bytes--)
		WRITE_ONCE(*shadow++, why);
}

/* The first @size of @bytes may be touched, the rest is redzone. */
static inline void hak_shadow_open(const void *p, size_t size, size_t bytes)
{
	size_t whole = round_down(size, HAK_GRANULE);

	hak_shadow_fill(p, whole, 0);
	hak_shadow_fill(p + whole, round_up(bytes, HAK_GRANULE) - whole,
			HAK_SHADOW_REDZONE);
	if (size > whole)
		hak_shadow_fill(p + whole, HAK_GRANULE, size - whole);
}

/* Is the first byte at @p of those that may be touched? */
static inline bool hak_shadow_is_open(const void *p)
{
	return (s8)READ_ONCE(*(u8 *)kasan_mem_to_shadow(p)) >= 0;
}
#else
#define HAK_REDZONE 0U
#define HAK_SHADOW_FREE 0
#define HAK_SHADOW_REDZONE 0
static inline void hak_shadow_fill(const void *p, size_t bytes, u8 why) { }
static inline void hak_shadow_open(const void *p, size_t size, size_t bytes) { }
static inline bool hak_shadow_is_open(const void *p) { return false; }
#endif

#ifdef CONFIG_DEBUG_KMEMLEAK
#include <linux/kmemleak.h>
#define hak_leak_alloc(p, size, gfp)	kmemleak_alloc(p, size, 1, gfp)
#define hak_leak_free(p)		kmemleak_free(p)
/* Slots lead to objects that were handed out long ago: not a reference to them. */
#define hak_leak_percpu(c)		kmemleak_free_percpu(c)
#else
#define hak_leak_alloc(p, size, gfp)	((void)0)
#define hak_leak_free(p)		((void)0)
#define hak_leak_percpu(c)		((void)0)
#endif

#endif /* _HAK_WATCH_H */
