// SPDX-License-Identifier: GPL-2.0
/*
 * Forks of processes with many threads, by threads that are not the first, and by their children.
 * What the other threads had in hand costs a child nothing, and each of its threads gets a place
 * of its own.
 */
#define _GNU_SOURCE
#include "check.h"
#include "kunit/lib/hak_pattern.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_SECONDS	20
#define CROWD		300
#define EACH		20		/* of a size, what a thread has in hand */
#define NOISE		4
#define IN_CHILD	(3 * NOISE)	/* more threads than had a place before the fork */
#define ROUNDS		30

static pthread_barrier_t barrier;

static void allocate_and_free(void)
{
	void *p[EACH];
	size_t i, size;

	for (size = 16; size <= 1024; size += 16) {
		for (i = 0; i < EACH; i++)
			hak_pattern_fill(p[i] = malloc(size), size, i);
		for (i = 0; i < EACH; i++) {
			expect(hak_pattern_holds(p[i], size, i), "an object has changed");
			free(p[i]);
		}
	}
}

static void expect_child(pid_t pid)
{
	int status = 0;

	require(pid > 0, "fork: %s", strerror(errno));
	waitpid(pid, &status, 0);
	expect(!status, "a child ended with status %x", status);
}

static void end_child(void)
{
	expect_audit_clean();
	expect(!under_hakmem() || !stat_bad_frees(), "good frees count as bad in the child");
	_exit(0);
}

static void *wait_in_crowd(void *arg)
{
	allocate_and_free();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	allocate_and_free();
	return arg;
}

static long page_faults(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return use.ru_minflt;
}

/* The C library looks at the stack of each thread, which is a page fault for it. */
static void child_of_crowd(void *own)
{
	long faults = page_faults();

	alarm(CHILD_SECONDS);
	expect(faults < 2 * CROWD + 200, "%ld page faults in the child of %d threads", faults,
	       CROWD);
	free(own);
	allocate_and_free();
	end_child();
}

static void fork_from_a_crowd(void)
{
	static pthread_t thread[CROWD];
	void *own = malloc(100);
	pthread_attr_t attr;
	size_t i;
	pid_t pid;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	pthread_barrier_init(&barrier, NULL, CROWD + 1);
	for (i = 0; i < CROWD; i++)
		if (pthread_create(&thread[i], &attr, wait_in_crowd, NULL))
			_Exit(1);
	pthread_barrier_wait(&barrier);
	pid = fork();
	if (!pid)
		child_of_crowd(own);
	expect_child(pid);
	pthread_barrier_wait(&barrier);
	for (i = 0; i < CROWD; i++)
		pthread_join(thread[i], NULL);
	free(own);
	expect_audit_clean();
}

/* hakmem's threads get next what they freed last, unless another one uses their place, too. */
static void at_its_place(void)
{
	int round;
	void *p, *q;

	for (round = 0; round < ROUNDS; round++) {
		p = malloc(48);
		free(p);
		pthread_barrier_wait(&barrier);
		q = malloc(48);
		expect(q == p || !under_hakmem(), "two threads of a child have the same place");
		pthread_barrier_wait(&barrier);
		free(q);
	}
}

static void *fork_deeper(void *depth);

static void *one_of_child(void *depth)
{
	at_its_place();
	allocate_and_free();
	return depth ? fork_deeper(depth) : NULL;
}

static void child_of_thread(uintptr_t depth)
{
	pthread_t thread[IN_CHILD];
	size_t i;

	pthread_barrier_init(&barrier, NULL, IN_CHILD + 1);
	for (i = 0; i < IN_CHILD; i++)
		if (pthread_create(&thread[i], NULL, one_of_child,
				   (void *)(i == IN_CHILD - 1 && depth ? depth - 1 : 0)))
			_exit(3);
	at_its_place();
	for (i = 0; i < IN_CHILD; i++)
		pthread_join(thread[i], NULL);
	end_child();
}

/* A thread that is not the first of its process forks, and so does one of the child's. */
static void *fork_deeper(void *depth)
{
	void *own = malloc(100);
	pid_t pid;

	hak_pattern_fill(own, 100, (uintptr_t)depth);
	allocate_and_free();
	pid = fork();
	if (!pid) {
		alarm(CHILD_SECONDS);
		expect(hak_pattern_holds(own, 100, (uintptr_t)depth), "an object has changed");
		free(own);
		child_of_thread((uintptr_t)depth);
	}
	expect_child(pid);
	free(own);
	return NULL;
}

static bool quiet;

static void *make_noise(void *arg)
{
	while (!__atomic_load_n(&quiet, __ATOMIC_RELAXED))
		allocate_and_free();
	return arg;
}

static void threads_of_children_fork(void)
{
	pthread_t noise[NOISE], thread;
	size_t i;

	for (i = 0; i < NOISE; i++)
		if (pthread_create(&noise[i], NULL, make_noise, NULL))
			_Exit(1);
	if (pthread_create(&thread, NULL, fork_deeper, (void *)3))
		_Exit(1);
	pthread_join(thread, NULL);
	__atomic_store_n(&quiet, true, __ATOMIC_RELAXED);
	for (i = 0; i < NOISE; i++)
		pthread_join(noise[i], NULL);
	expect_audit_clean();
}

static const struct check_case cases[] = {
	{ "fork_from_a_crowd", fork_from_a_crowd, 0 },
	{ "threads_of_children_fork", threads_of_children_fork, 0 },
	{ NULL, NULL, 0 },
};

int main(int argc, char **argv)
{
	return check_main(argc, argv, cases, 1, 0);
}
