// SPDX-License-Identifier: GPL-2.0
/*
 * larson: threads that each replace random objects of their own population.
 *
 * After the program of Larson and Krishnan (1998), a model of a server.  The main thread fills
 * every population, so the first frees cross threads.  A population outlives its thread where the
 * profile says so.  The thread ends after a stint, and a new one goes on with what it left
 * behind.
 *
 * The empty loop of the table goes through the same random numbers and the same
 * threads.
 */
#include <string.h>

#include "bench_alloc.h"

#define LARSON_MAX_SLOTS	5000
#define LARSON_CHECK		256	/* operations between looks at the clock's flag */

struct larson_profile {
	const char *name;
	unsigned int min, max;	/* bytes */
	unsigned int slots;	/* objects of one thread */
	unsigned long stint;	/* operations of a thread before it ends; 0: to the end */
};

static const struct larson_profile larson_profiles[] = {
	{ "quick", 8, 128, 1024, 0 },
	{ "steady", 8, 1000, 5000, 0 },
	{ "churn", 8, 1000, 1000, 20000 },
};

struct larson_lane {
	void **slot;
	unsigned long long rand;
	unsigned long ops, ops_wanted, stint;
	const struct larson_profile *profile;
	enum bench_mode mode;
	const struct bench_round *round;
	unsigned long stand_in;
} __attribute__((aligned(BENCH_LINE)));

static void *larson_real[BENCH_MAX_THREADS][LARSON_MAX_SLOTS];
static void *larson_empty[BENCH_MAX_THREADS][LARSON_MAX_SLOTS];
static const struct larson_profile *larson_profile;
static unsigned long long larson_rand;
static unsigned int larson_threads;
static bool larson_stop;

BENCH_INLINE size_t larson_size(const struct larson_profile *p, unsigned long long *r)
{
	return p->min + hak_below(r, p->max - p->min + 1);
}

static bool larson_begin(const struct bench_opts *o)
{
	const struct larson_profile *p;
	unsigned int i, j;

	for (i = 0; i < sizeof(larson_profiles) / sizeof(larson_profiles[0]); i++)
		if (!strcmp(larson_profiles[i].name, o->profile))
			larson_profile = &larson_profiles[i];
	if (!larson_profile || o->threads < 1 || o->threads > BENCH_MAX_THREADS)
		return false;
	p = larson_profile;
	larson_threads = o->threads;
	larson_rand = o->seed;
	for (i = 0; i < larson_threads; i++)
		for (j = 0; j < p->slots; j++)
			larson_real[i][j] = bench_get(BENCH_TOUCH,
						      larson_size(p, &larson_rand), NULL);
	return true;
}

static void larson_end(void)
{
	unsigned int i, j;

	for (i = 0; i < larson_threads; i++)
		for (j = 0; j < larson_profile->slots; j++)
			bench_put(BENCH_TOUCH, larson_real[i][j]);
}

BENCH_INLINE void larson_loop(const enum bench_mode mode, struct larson_lane *l, unsigned long n)
{
	const struct larson_profile *p = l->profile;
	unsigned long long rand = l->rand;
	void **slot;

	for (; n; n--) {
		slot = &l->slot[hak_below(&rand, p->slots)];
		bench_put(mode, *slot);
		*slot = bench_get(mode, larson_size(p, &rand), &l->stand_in);
	}
	l->rand = rand;
}

static void larson_some(struct larson_lane *l, unsigned long n)
{
	if (l->mode == BENCH_TOUCH)
		larson_loop(BENCH_TOUCH, l, n);
	else if (l->mode == BENCH_PLAIN)
		larson_loop(BENCH_PLAIN, l, n);
	else
		larson_loop(BENCH_EMPTY, l, n);
	l->ops += n;
}

static bool larson_over(const struct larson_lane *l)
{
	if (l->ops_wanted)
		return l->ops >= l->ops_wanted;
	return __atomic_load_n(&larson_stop, __ATOMIC_RELAXED);
}

static void larson_stint(void *arg)
{
	struct larson_lane *l = arg;
	const unsigned long begun = l->ops;

	while (!larson_over(l) && (!l->stint || l->ops - begun < l->stint))
		larson_some(l, LARSON_CHECK);
}

static void larson_thread_stint(void *arg)
{
	struct larson_lane *l = arg;

	bench_call(l->round, larson_stint, l);
}

static void larson_thread(void *arg, unsigned int i)
{
	struct larson_lane *l = (struct larson_lane *)arg + i;

	if (!l->stint)
		larson_thread_stint(l);
	else
		while (!larson_over(l))
			bench_successor(larson_thread_stint, l);
}

static void larson_round(struct bench_round *r)
{
	static struct larson_lane lane[BENCH_MAX_THREADS];
	unsigned int i, j;

	for (i = 0; i < larson_threads; i++) {
		lane[i] = (struct larson_lane){
			.slot = r->mode == BENCH_EMPTY ? larson_empty[i] : larson_real[i],
			.rand = hak_random(&larson_rand),
			.ops_wanted = r->ops_wanted / larson_threads,
			.stint = larson_profile->stint,
			.profile = larson_profile,
			.mode = r->mode,
			.round = r,
		};
		for (j = 0; r->mode == BENCH_EMPTY && j < larson_profile->slots; j++)
			lane[i].slot[j] = &lane[i].stand_in;
	}
	bench_team(r, larson_threads, larson_thread, lane, &larson_stop);
	r->ops = 0;
	for (i = 0; i < larson_threads; i++)
		r->ops += lane[i].ops;
}

static unsigned long larson_live(const struct bench_opts *o)
{
	return (unsigned long)o->threads * larson_profile->slots * larson_profile->max;
}

const struct bench_workload bench_larson = {
	"larson", "threads replace random objects of a population (--threads, --profile)",
	larson_begin, larson_round, larson_end, larson_live,
};
