/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Zeroing and copying for hak_malloc.c: of whole objects, whose sizes are multiples of 16.
 *
 * A call of memset() costs more than what it does to a small object.
 */
#ifndef _HAK_WORDS_H
#define _HAK_WORDS_H

#define WORDS_MOST	256U		/* bytes; the C library is faster with more */

typedef long hak_two __attribute__((vector_size(16), may_alias));

static noinline void *words_zero_more(void *p, size_t n)
{
	hak_two *to = p, *end = p + n;

	if (n > WORDS_MOST)
		return memset(p, 0, n);
	for (; to < end; to++) {
		*to = (hak_two){ };
		barrier();		/* or gcc calls memset() */
	}
	return p;
}

/* @n: a multiple of 16, but not 0. */
static __always_inline void *words_zero(void *p, size_t n)
{
	hak_two *to = p, *end = p + n, zero = { };

	if (unlikely(n > 64))
		return words_zero_more(p, n);
	to[0] = zero;
	end[-1] = zero;
	if (n > 32) {
		to[1] = zero;
		end[-2] = zero;
	}
	return p;
}

/* Likewise. */
static __always_inline void words_copy(void *dst, const void *src, size_t n)
{
	const hak_two *from = src, *from_end;
	hak_two *to = dst, *to_end;

	if (unlikely(n > WORDS_MOST)) {
		memcpy(dst, src, n);
		return;
	}
	for (; n > 64; n -= 64, to += 4, from += 4) {
		to[0] = from[0];
		to[1] = from[1];
		to[2] = from[2];
		to[3] = from[3];
		barrier();
	}
	to_end = (void *)to + n;
	from_end = (const void *)from + n;
	if (n > 32) {
		to[1] = from[1];
		to_end[-2] = from_end[-2];
	}
	to[0] = from[0];
	to_end[-1] = from_end[-1];
}

#endif /* _HAK_WORDS_H */
