/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the user-space benchmark share.
 *
 *   bench_main.c    the command line, the rounds and what is printed
 *   bench_proof.c   which allocator really served: the object file and its counters
 *   bench_team.c    clock and threads
 *   bench_seed.c    single-thread workloads on 100 objects (loops: bench_shapes.h)
 *   bench_larson.c  larson
 *   bench_pipe.c    producer_consumer and free_only
 *
 * One operation is one allocation and its free.  The files with loops see the allocator through
 * bench_alloc.h only, and include no header of libc beyond this file's.  So bench-inlined can
 * build them with hakmem's headers in scope.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kunit/lib/hak_random.h"

#define BENCH_MAX_SIZE		32768	/* largest object any workload asks for */
#define BENCH_MIX_MAX		1024	/* of size "mix"; of "large" it is BENCH_MAX_SIZE */
#define BENCH_MAX_THREADS	4	/* of larson */
#define BENCH_MAX_SIDE		16	/* threads on one side of producer_consumer */
#define BENCH_MAX_ROUNDS	1000
#define BENCH_LINE		64	/* bytes of a cache line */

enum bench_mode {
	BENCH_TOUCH,	/* the first word of each object is written: time */
	BENCH_PLAIN,	/* objects are left alone: instructions */
	BENCH_EMPTY,	/* as BENCH_TOUCH without an allocator: what the loop itself costs */
	BENCH_NR_MODES,
};

/* The command line. */
struct bench_opts {
	const char *workload;
	const char *size_name;
	const char *profile;
	const char *expect;	/* allocator that must serve, or NULL */
	const char *library;	/* what the path of its object file contains, or NULL: as known */
	unsigned int size;	/* 0: mix, of at most @largest */
	unsigned int largest;
	unsigned int threads;	/* of larson */
	unsigned int producers;
	unsigned int consumers;
	unsigned int rounds;
	unsigned long ops;	/* of a round; 0: as many as fit into @seconds */
	double seconds;
	uint64_t seed;
	bool count;		/* for callgrind: objects untouched, loops in bench_counted() */
};

/* One round: the upper half is what a workload is asked for, the lower what it answers. */
struct bench_round {
	const struct bench_opts *o;
	enum bench_mode mode;
	bool counted;		/* callgrind collects */
	unsigned long ops_wanted;	/* 0: run until @seconds have passed */
	double seconds;

	unsigned long ops;
	uint64_t ns;
};

struct bench_workload {
	const char *name;
	const char *what;
	/* Makes what lives through all rounds; false if the options make no sense. */
	bool (*begin)(const struct bench_opts *o);
	void (*round)(struct bench_round *r);
	void (*end)(void);
	/* The most bytes the workload has live at a time. */
	unsigned long (*live)(const struct bench_opts *o);
};

extern const struct bench_workload bench_seeds[];	/* ends with a NULL name */
extern const struct bench_workload bench_larson;
extern const struct bench_workload bench_producer_consumer;
extern const struct bench_workload bench_free_only;

/* bench_team.c */
uint64_t bench_now(void);	/* ns */
/* CPU time of all threads in ns: what else runs on the machine is not in it. */
uint64_t bench_cpu_now(void);
void bench_die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Runs fn(arg), inside bench_counted() if the round is counted. */
void bench_call(const struct bench_round *r, void (*fn)(void *arg), void *arg);

/*
 * Runs fn(@arg, i) on @n threads at once.  Sets *@stop after the seconds of the round, unless it
 * counts operations.  Puts the time from their start to the end of the last into it.
 */
void bench_team(struct bench_round *r, unsigned int n, void (*fn)(void *arg, unsigned int i),
		void *arg, bool *stop);

/* Runs fn(arg) on a thread of its own and waits for its end. */
void bench_successor(void (*fn)(void *arg), void *arg);

/*
 * Waits a moment for another of @threads threads: spinning where each has a CPU, else
 * giving the CPU up.  *@turns counts the calls.
 */
void bench_wait(unsigned int *turns, unsigned int threads);

/*
 * A size of the mix: each doubling from 16 to BENCH_MIX_MAX as likely as the others; of the large
 * one from there to BENCH_MAX_SIZE.
 */
static inline unsigned int bench_mixed_size(unsigned long long *r, unsigned int largest)
{
	bool large = largest > BENCH_MIX_MAX;
	unsigned int low = large ? 1024u << hak_below(r, 5) : 16u << hak_below(r, 6);

	return low + 1 + hak_below(r, low);
}

/* Puts 0 .. @n-1 into @perm in a random order. */
static inline void bench_shuffle(unsigned long long *r, uint16_t *perm, unsigned int n)
{
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		j = hak_below(r, i + 1);
		perm[i] = perm[j];
		perm[j] = (uint16_t)i;
	}
}

/* bench_proof.c */
/* Looks up what serves malloc and free. */
void bench_proof_begin(const struct bench_opts *o);
/* Reads the counters: before anything is allocated, before and after the measured rounds. */
enum bench_moment { BENCH_AT_START, BENCH_AT_ROUNDS, BENCH_AT_END, BENCH_NR_MOMENTS };
void bench_proof_read(enum bench_moment m);
/* Why the figures may not be printed, or NULL. */
const char *bench_proof_verdict(void);
/* Prints what served, and from which stages, over @ops operations. */
void bench_proof_print(unsigned long ops);

#endif /* BENCH_H */
