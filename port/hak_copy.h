/* SPDX-License-Identifier: GPL-2.0 */
/* Runs of pointers, copied and compared: where one instruction beats what gcc makes of C. */
#ifndef _HAK_COPY_H
#define _HAK_COPY_H

#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
#define HAK_COPY_X86 1
#else
#define HAK_COPY_X86 0
#endif

/*
 * Copy @n pointers.  memcpy() decides at run time how; for half a kilobyte that
 * decision and its unrolled loop cost more than the string instruction.
 */
static __always_inline void copy_slots(void **to, void *const *from, unsigned long n)
{
#if HAK_COPY_X86
	asm volatile("rep movsq" : "+D" (to), "+S" (from), "+c" (n) : : "memory");
#else
	memcpy(to, from, n * sizeof(*to));
#endif
}

#define BULK_GROUP 8

/* Before a loop: eight rounds at a time.  clang would warn where it does not do that. */
#ifdef __clang__
#define hak_unroll
#else
#define hak_unroll _Pragma("GCC unroll 8")
#endif

/* Gather the bits that any, and that all, of o[1] .. o[BULK_GROUP - 1] have set. */
static __always_inline void or_and_group(const unsigned long *o, unsigned long *any,
					 unsigned long *all)
{
#if HAK_COPY_X86
	/* gcc would load each twice or spill the eight to the stack. */
	asm("or 8(%2), %0\n\tand 8(%2), %1\n\tor 16(%2), %0\n\tand 16(%2), %1\n\t"
	    "or 24(%2), %0\n\tand 24(%2), %1\n\tor 32(%2), %0\n\tand 32(%2), %1\n\t"
	    "or 40(%2), %0\n\tand 40(%2), %1\n\tor 48(%2), %0\n\tand 48(%2), %1\n\t"
	    "or 56(%2), %0\n\tand 56(%2), %1"
	    : "+&r" (*any), "+&r" (*all)
	    : "r" (o), "m" (*(const unsigned long (*)[BULK_GROUP])o) : "cc");
#else
	unsigned int k;

	for (k = 1; k < BULK_GROUP; k++) {
		*any |= o[k];
		*all &= o[k];
	}
#endif
}

#endif /* _HAK_COPY_H */
