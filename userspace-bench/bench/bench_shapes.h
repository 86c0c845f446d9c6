/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The single-thread loops, as templates: bench_seed.c compiles each for each mode and
 * each size with constants for @mode and @fixed.
 *
 * All work on 100 objects, more than a magazine of hakmem holds and few enough for
 * every allocator's thread cache.
 *
 *   seq_lifo     100 allocated, freed last first
 *   seq_fifo     100 allocated, freed first first
 *   random       100 allocated, freed in a random order
 *   interleaved  100 allocated, every other one freed and allocated again, all freed
 *   longlived    100 allocated; ten of them change places with random ones of a
 *                population that lives on; the 100 in hand freed last first
 */
#ifndef BENCH_SHAPES_H
#define BENCH_SHAPES_H

#include "bench_alloc.h"

#define SEED_OBJECTS	100
#define SEED_ORDERS	16	/* random orders, used in turn */
#define SEED_MIXES	16	/* rows of mixed sizes, used in turn */
#define SEED_POPULATION	4096
#define SEED_VICTIMS	1024	/* places in the population, used in turn */

struct seed_state {
	void *slot[SEED_OBJECTS];
	void *population[SEED_POPULATION];
	uint16_t order[SEED_ORDERS][SEED_OBJECTS];
	uint16_t mix[SEED_MIXES][SEED_OBJECTS];
	uint16_t victim[SEED_VICTIMS];
	unsigned long stand_in[SEED_OBJECTS];
	unsigned int turn;	/* moves on by one with each repetition */
};

#define SEED_ARGS \
	const enum bench_mode mode, const size_t fixed, struct seed_state *s, unsigned long reps
#define SEED_ALLOC(i)	bench_get(mode, fixed ? fixed : mix[i], &s->stand_in[i])
#define SEED_MIX_ROW()	(s->mix[s->turn++ % SEED_MIXES])

BENCH_INLINE void seq_lifo(SEED_ARGS)
{
	void **slot = s->slot;
	const uint16_t *mix;
	int i;

	for (; reps; reps--) {
		mix = SEED_MIX_ROW();
		for (i = 0; i < SEED_OBJECTS; i++)
			slot[i] = SEED_ALLOC(i);
		for (i = SEED_OBJECTS - 1; i >= 0; i--)
			bench_put(mode, slot[i]);
	}
}

BENCH_INLINE void seq_fifo(SEED_ARGS)
{
	void **slot = s->slot;
	const uint16_t *mix;
	int i;

	for (; reps; reps--) {
		mix = SEED_MIX_ROW();
		for (i = 0; i < SEED_OBJECTS; i++)
			slot[i] = SEED_ALLOC(i);
		for (i = 0; i < SEED_OBJECTS; i++)
			bench_put(mode, slot[i]);
	}
}

/* Named apart from random() of libc. */
BENCH_INLINE void random_free(SEED_ARGS)
{
	void **slot = s->slot;
	const uint16_t *mix, *order;
	int i;

	for (; reps; reps--) {
		order = s->order[s->turn % SEED_ORDERS];
		mix = SEED_MIX_ROW();
		for (i = 0; i < SEED_OBJECTS; i++)
			slot[i] = SEED_ALLOC(i);
		for (i = 0; i < SEED_OBJECTS; i++)
			bench_put(mode, slot[order[i]]);
	}
}

BENCH_INLINE void interleaved(SEED_ARGS)
{
	void **slot = s->slot;
	const uint16_t *mix;
	int i;

	for (; reps; reps--) {
		mix = SEED_MIX_ROW();
		for (i = 0; i < SEED_OBJECTS; i++)
			slot[i] = SEED_ALLOC(i);
		for (i = 0; i < SEED_OBJECTS; i += 2)
			bench_put(mode, slot[i]);
		for (i = 0; i < SEED_OBJECTS; i += 2)
			slot[i] = SEED_ALLOC(i);
		for (i = 0; i < SEED_OBJECTS; i++)
			bench_put(mode, slot[i]);
	}
}

BENCH_INLINE void longlived(SEED_ARGS)
{
	void **slot = s->slot, **old, *p;
	const uint16_t *mix;
	int i;

	for (; reps; reps--) {
		mix = SEED_MIX_ROW();
		for (i = 0; i < SEED_OBJECTS; i++)
			slot[i] = SEED_ALLOC(i);
		for (i = 0; i < SEED_OBJECTS; i += 10) {
			old = &s->population[s->victim[(s->turn * 10 + i / 10) % SEED_VICTIMS]];
			p = *old;
			*old = slot[i];
			slot[i] = p;
		}
		for (i = SEED_OBJECTS - 1; i >= 0; i--)
			bench_put(mode, slot[i]);
	}
}

#endif /* BENCH_SHAPES_H */
