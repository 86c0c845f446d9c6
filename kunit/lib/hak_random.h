/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers for all tests and benchmarks, in the kernel and in user space: splitmix64.
 *
 * Every state is a good one, 0 included. The same seed gives the same numbers everywhere.
 * bench/ has the kernel's prandom instead: the order of its frees, and with it the rows of
 * the instruction budget, are of that generator's numbers.
 */
#ifndef _HAK_RANDOM_H
#define _HAK_RANDOM_H

#define HAK_RANDOM_STEP 0x9e3779b97f4a7c15ULL

/* Each bit of the result depends on each bit of @z; no two give the same. */
static inline unsigned long long hak_random_mix(unsigned long long z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static inline unsigned long long hak_random(unsigned long long *state)
{
	return hak_random_mix(*state += HAK_RANDOM_STEP);
}

/* A number below @n, which is not 0. */
static inline unsigned int hak_below(unsigned long long *state, unsigned int n)
{
	return (hak_random(state) >> 32) * n >> 32;
}

/* The state of one of many @users of a @seed: they share no numbers. */
static inline unsigned long long hak_random_begin(unsigned long long seed, unsigned long long user)
{
	return hak_random_mix(hak_random(&seed) + user);
}

#endif /* _HAK_RANDOM_H */
