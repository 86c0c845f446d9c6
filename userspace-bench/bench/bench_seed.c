// SPDX-License-Identifier: GPL-2.0
/*
 * The single-thread workloads: the loops of bench_shapes.h, compiled for each mode and size, and
 * the objects and random orders they work on.
 */
#include "bench_shapes.h"

#define SEED_SIZES(X, ...) \
	X(16, __VA_ARGS__) X(32, __VA_ARGS__) X(64, __VA_ARGS__) X(128, __VA_ARGS__) \
	X(256, __VA_ARGS__) X(512, __VA_ARGS__) X(1024, __VA_ARGS__) X(2048, __VA_ARGS__) \
	X(4096, __VA_ARGS__) X(8192, __VA_ARGS__) X(32768, __VA_ARGS__) X(0, __VA_ARGS__)
#define SEED_MODES(X, shape) X(BENCH_TOUCH, shape) X(BENCH_PLAIN, shape) X(BENCH_EMPTY, shape)

typedef void (*seed_fn)(struct seed_state *s, unsigned long reps);

/* A mode's loops for all sizes, and their table; the mix comes last, as size 0. */
#define SEED_LOOP(fixed, mode, shape)						\
static __attribute__((noipa)) void						\
mode##_##shape##_##fixed(struct seed_state *s, unsigned long reps)		\
{										\
	shape(mode, fixed, s, reps);						\
}
#define SEED_ENTRY(fixed, mode, shape) mode##_##shape##_##fixed,
#define SEED_TABLE(mode, shape)							\
SEED_SIZES(SEED_LOOP, mode, shape)						\
static const seed_fn mode##_##shape[] = { SEED_SIZES(SEED_ENTRY, mode, shape) };

SEED_MODES(SEED_TABLE, seq_lifo)
SEED_MODES(SEED_TABLE, seq_fifo)
SEED_MODES(SEED_TABLE, random_free)
SEED_MODES(SEED_TABLE, interleaved)
SEED_MODES(SEED_TABLE, longlived)

#define SEED_SIZE(fixed, unused) fixed,
static const unsigned int seed_sizes[] = { SEED_SIZES(SEED_SIZE, unused) };
#define SEED_NR_SIZES (sizeof(seed_sizes) / sizeof(seed_sizes[0]))

static struct seed_state seed_real, seed_empty;
static size_t seed_size_index;

static bool seed_index(unsigned int size)
{
	for (seed_size_index = 0; seed_size_index < SEED_NR_SIZES; seed_size_index++)
		if (seed_sizes[seed_size_index] == size)
			return true;
	return false;
}

static void seed_prepare(struct seed_state *s, unsigned int largest, unsigned long long rand)
{
	unsigned int i, j;

	for (i = 0; i < SEED_ORDERS; i++)
		bench_shuffle(&rand, s->order[i], SEED_OBJECTS);
	for (i = 0; i < SEED_MIXES; i++)
		for (j = 0; j < SEED_OBJECTS; j++)
			s->mix[i][j] = (uint16_t)bench_mixed_size(&rand, largest);
	for (i = 0; i < SEED_VICTIMS; i++)
		s->victim[i] = (uint16_t)hak_below(&rand, SEED_POPULATION);
}

static bool seed_begin(const struct bench_opts *o)
{
	if (!seed_index(o->size))
		return false;
	seed_prepare(&seed_real, o->largest, o->seed);
	seed_prepare(&seed_empty, o->largest, o->seed);
	return true;
}

static bool longlived_begin(const struct bench_opts *o)
{
	const uint16_t *mix;
	unsigned int i;
	size_t size;

	if (!seed_begin(o))
		return false;
	for (i = 0; i < SEED_POPULATION; i++) {
		mix = seed_real.mix[i / SEED_OBJECTS % SEED_MIXES];
		size = o->size ? o->size : mix[i % SEED_OBJECTS];
		seed_real.population[i] = bench_get(BENCH_TOUCH, size, NULL);
		seed_empty.population[i] = &seed_empty.stand_in[i % SEED_OBJECTS];
	}
	return true;
}

static void seed_end(void)
{
}

static void longlived_end(void)
{
	unsigned int i;

	for (i = 0; i < SEED_POPULATION; i++)
		bench_put(BENCH_TOUCH, seed_real.population[i]);
}

struct seed_call {
	seed_fn fn;
	struct seed_state *state;
	unsigned long reps;
};

static void seed_run(void *arg)
{
	struct seed_call *c = arg;

	c->fn(c->state, c->reps);
}

/*
 * With a time limit the clock is read every 256 repetitions: about once a millisecond.
 * One thread that never waits: its CPU time is its time on a machine of its own.
 */
static void seed_round(struct bench_round *r, const seed_fn *const table[BENCH_NR_MODES],
		       unsigned int pairs)
{
	struct seed_call c = {
		.fn = table[r->mode][seed_size_index],
		.state = r->mode == BENCH_EMPTY ? &seed_empty : &seed_real,
		.reps = r->ops_wanted ? (r->ops_wanted + pairs - 1) / pairs : 256,
	};
	const uint64_t begun = bench_cpu_now(), limit = (uint64_t)(r->seconds * 1e9);

	r->ops = 0;
	do {
		bench_call(r, seed_run, &c);
		r->ops += c.reps * pairs;
		r->ns = bench_cpu_now() - begun;
	} while (!r->ops_wanted && r->ns < limit);
}

#define SEED_ROUND(shape, pairs)						\
static void shape##_round(struct bench_round *r)				\
{										\
	static const seed_fn *const table[] = {					\
		BENCH_TOUCH_##shape, BENCH_PLAIN_##shape, BENCH_EMPTY_##shape,	\
	};									\
										\
	seed_round(r, table, pairs);						\
}

SEED_ROUND(seq_lifo, SEED_OBJECTS)
SEED_ROUND(seq_fifo, SEED_OBJECTS)
SEED_ROUND(random_free, SEED_OBJECTS)
SEED_ROUND(interleaved, SEED_OBJECTS + SEED_OBJECTS / 2)
SEED_ROUND(longlived, SEED_OBJECTS)

static unsigned long seed_live(const struct bench_opts *o)
{
	return SEED_OBJECTS * (unsigned long)(o->size ? o->size : o->largest);
}

static unsigned long longlived_live(const struct bench_opts *o)
{
	return seed_live(o) + SEED_POPULATION * (unsigned long)(o->size ? o->size : o->largest);
}

const struct bench_workload bench_seeds[] = {
	{ "seq_lifo", "100 objects allocated, freed last first",
	  seed_begin, seq_lifo_round, seed_end, seed_live },
	{ "seq_fifo", "100 objects allocated, freed first first",
	  seed_begin, seq_fifo_round, seed_end, seed_live },
	{ "random", "100 objects allocated, freed in random order",
	  seed_begin, random_free_round, seed_end, seed_live },
	{ "interleaved", "100 allocated, every other freed and allocated again, all freed",
	  seed_begin, interleaved_round, seed_end, seed_live },
	{ "longlived", "100 allocated, ten of them swapped into 4096 that live on",
	  longlived_begin, longlived_round, longlived_end, longlived_live },
	{ 0 },
};
