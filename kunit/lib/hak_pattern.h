/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tests write into objects, and whether it is still there; in the kernel and in user space.
 *
 * A pattern is made of a key, each word another.  A key made of the object's own address
 * shows an object that was handed out twice, an overlap and a write after the free.  A key
 * without it goes with content that is copied, as by realloc().  The beginning of a pattern
 * is the pattern of a shorter object.
 */
#ifndef _HAK_PATTERN_H
#define _HAK_PATTERN_H

#include "hak_random.h"
#ifdef __KERNEL__
#include <linux/string.h>
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#endif

static inline unsigned long long hak_pattern_word(unsigned long long key, size_t i)
{
	return key + i * HAK_RANDOM_STEP;
}

/* @p is aligned to 8, @n is any number of bytes. */
static inline void hak_pattern_fill(void *p, size_t n, unsigned long long key)
{
	unsigned long long *w = p, last = hak_pattern_word(key, n / 8);
	size_t i;

	for (i = 0; i < n / 8; i++)
		w[i] = hak_pattern_word(key, i);
	memcpy(&w[i], &last, n % 8);
}

/* Where the first word is that is not as it was left; @n if all are. */
static inline size_t hak_pattern_wrong(const void *p, size_t n, unsigned long long key)
{
	const unsigned long long *w = p;
	unsigned long long last = hak_pattern_word(key, n / 8);
	size_t i;

	/* Somebody may be at it, who should not be: each word is read once. */
	for (i = 0; i < n / 8; i++)
		if (__atomic_load_n(&w[i], __ATOMIC_RELAXED) != hak_pattern_word(key, i))
			return i * 8;
	return memcmp(&w[i], &last, n % 8) ? i * 8 : n;
}

static inline bool hak_pattern_holds(const void *p, size_t n, unsigned long long key)
{
	return hak_pattern_wrong(p, n, key) == n;
}

/* A key of the object at @p; @key tells it from others that lie there before and after. */
static inline unsigned long long hak_own_key(const void *p, unsigned long long key)
{
	return hak_random_mix((unsigned long)p + hak_random_mix(key));
}

static inline void hak_fill(void *p, size_t n, unsigned long long key)
{
	hak_pattern_fill(p, n, hak_own_key(p, key));
}

static inline bool hak_intact(const void *p, size_t n, unsigned long long key)
{
	return hak_pattern_holds(p, n, hak_own_key(p, key));
}

/* The key of what a constructor leaves at the head of an object. */
#define HAK_BORN 0x7062696f2d656e6fULL

static inline bool hak_all_bytes(const void *p, size_t n, unsigned char byte)
{
	const unsigned char *at = p;

	while (n--)
		if (*at++ != byte)
			return false;
	return true;
}

#endif /* _HAK_PATTERN_H */
