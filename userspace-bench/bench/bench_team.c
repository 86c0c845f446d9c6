// SPDX-License-Identifier: GPL-2.0
/*
 * The clock, the frame callgrind looks for, and threads that start together.
 *
 * Nothing here allocates inside a measured round, but what pthread_create() asks for.
 */
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define BENCH_SPINS	1000	/* some tens of microseconds before a CPU is given up */

static uint64_t bench_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t bench_now(void)
{
	return bench_clock(CLOCK_MONOTONIC);
}

uint64_t bench_cpu_now(void)
{
	return bench_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void bench_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("bench-user: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

/* callgrind --toggle-collect=bench_counted counts what happens between entry and return. */
__attribute__((noipa)) void bench_counted(void (*fn)(void *arg), void *arg);

void bench_counted(void (*fn)(void *arg), void *arg)
{
	fn(arg);
	/* No tail call: the frame has to be left for the count to end. */
	__asm__ volatile("" : : : "memory");
}

void bench_call(const struct bench_round *r, void (*fn)(void *arg), void *arg)
{
	if (r->counted)
		bench_counted(fn, arg);
	else
		fn(arg);
}

void bench_wait(unsigned int *turns, unsigned int threads)
{
	static long cpus;

	if (!cpus)
		cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (threads > cpus || !(++*turns % BENCH_SPINS))
		sched_yield();
	else
		__asm__ volatile("pause");
}

struct bench_member {
	void (*fn)(void *arg, unsigned int i);
	void *arg;
	unsigned int i;
	pthread_barrier_t *start;
	uint64_t begun;
	pthread_t thread;
};

static void *bench_member_main(void *arg)
{
	struct bench_member *m = arg;

	pthread_barrier_wait(m->start);
	m->begun = bench_now();
	m->fn(m->arg, m->i);
	return NULL;
}

static void bench_sleep(double seconds)
{
	struct timespec t = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9),
	};

	while (nanosleep(&t, &t))
		;
}

void bench_team(struct bench_round *r, unsigned int n, void (*fn)(void *arg, unsigned int i),
		void *arg, bool *stop)
{
	struct bench_member m[2 * BENCH_MAX_SIDE];
	pthread_barrier_t start;
	uint64_t begun = UINT64_MAX;
	unsigned int i;

	__atomic_store_n(stop, false, __ATOMIC_RELAXED);
	pthread_barrier_init(&start, NULL, n + 1);
	for (i = 0; i < n; i++) {
		m[i] = (struct bench_member){ .fn = fn, .arg = arg, .i = i, .start = &start };
		if (pthread_create(&m[i].thread, NULL, bench_member_main, &m[i]))
			bench_die("no thread");
	}
	pthread_barrier_wait(&start);
	if (!r->ops_wanted) {
		bench_sleep(r->seconds);
		__atomic_store_n(stop, true, __ATOMIC_RELAXED);
	}
	for (i = 0; i < n; i++) {
		pthread_join(m[i].thread, NULL);
		begun = m[i].begun < begun ? m[i].begun : begun;
	}
	r->ns = bench_now() - begun;
	pthread_barrier_destroy(&start);
}

struct bench_heir {
	void (*fn)(void *arg);
	void *arg;
};

static void *bench_heir_main(void *arg)
{
	struct bench_heir *h = arg;

	h->fn(h->arg);
	return NULL;
}

void bench_successor(void (*fn)(void *arg), void *arg)
{
	struct bench_heir h = { .fn = fn, .arg = arg };
	pthread_t thread;

	if (pthread_create(&thread, NULL, bench_heir_main, &h))
		bench_die("no thread");
	pthread_join(thread, NULL);
}
