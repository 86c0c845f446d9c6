// SPDX-License-Identifier: GPL-2.0
/*
 * fork(), vfork(), posix_spawn() and popen() while other threads allocate and free.  The child
 * has one thread only.  It must be able to allocate, to free what its parent allocated, to start
 * threads and to fork again.
 */
#define _GNU_SOURCE
#include "check.h"
#include "kunit/lib/hak_pattern.h"
#include "kunit/lib/hak_random.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOISE		4
#define CHILD_SECONDS	20

extern char **environ;

static pthread_t noise[NOISE];
static bool quiet;
static void *shared_slot[256];

/* Allocates, frees, and passes objects to the others, so that every path is in use. */
static void *make_noise(void *arg)
{
	unsigned long long state = (uintptr_t)arg;
	void *p;

	while (!__atomic_load_n(&quiet, __ATOMIC_RELAXED)) {
		p = malloc(1 + hak_below(&state, 1200));
		p = __atomic_exchange_n(&shared_slot[hak_below(&state, COUNT(shared_slot))], p,
					__ATOMIC_ACQ_REL);
		free(p);
	}
	return NULL;
}

/* Empties and fills magazines as fast as it can: depots and slabs are always in use. */
static void *make_waves(void *arg)
{
	void *p[600];
	size_t i, size = (uintptr_t)arg * 100;

	while (!__atomic_load_n(&quiet, __ATOMIC_RELAXED)) {
		for (i = 0; i < COUNT(p); i++)
			p[i] = malloc(size);
		for (i = 0; i < COUNT(p); i++)
			free(p[i]);
	}
	return NULL;
}

static void noise_on(void)
{
	uintptr_t i;

	for (i = 0; i < NOISE; i++)
		if (pthread_create(&noise[i], NULL, i & 1 ? make_waves : make_noise,
				   (void *)(i + 1)))
			_Exit(1);
}

static void noise_off(void)
{
	size_t i;

	__atomic_store_n(&quiet, true, __ATOMIC_RELAXED);
	for (i = 0; i < NOISE; i++)
		pthread_join(noise[i], NULL);
	for (i = 0; i < COUNT(shared_slot); i++)
		free(shared_slot[i]);
}

static void *small_work(void *arg)
{
	static __thread void *p[300];
	size_t i;

	for (i = 0; i < COUNT(p); i++) {
		p[i] = malloc(1 + (i + (uintptr_t)arg) * 7 % 1100);
		memset(p[i], (int)i, 1);
	}
	for (i = 0; i < COUNT(p); i++) {
		expect(*(unsigned char *)p[i] == (i & 255), "an object of the child changed");
		free(p[i]);
	}
	return NULL;
}

/* What a child does; @own is what the parent allocated before the fork. */
static void child_work(void **own, size_t n, int depth)
{
	pthread_t thread[2];
	size_t i;

	for (i = 0; i < n; i++) {
		expect(hak_pattern_holds(own[i], 100, i),
		       "an object of the parent changed in the child");
		free(own[i]);
	}
	small_work(NULL);
	for (i = 0; i < 2; i++)
		if (pthread_create(&thread[i], NULL, small_work, (void *)i))
			_exit(3);
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	expect_audit_clean();
	expect(!under_hakmem() || !stat_bad_frees(), "good frees count as bad in the child");
	if (depth > 0) {
		pid_t pid = fork();

		if (!pid) {
			small_work(NULL);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

static void expect_child(pid_t pid, size_t round)
{
	int status;

	require(pid > 0, "fork: %s", strerror(errno));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	expect(!status, "child %zu ended with status %x%s", round, status,
	       WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? " (hangs)" : "");
}

static void fork_rounds(size_t rounds)
{
	void *own[200];
	size_t i, round;
	pid_t pid;

	for (i = 0; i < COUNT(own); i++) {
		own[i] = malloc(100);
		hak_pattern_fill(own[i], 100, i);
	}
	for (round = 0; round < rounds && !check_failed(); round++) {
		pid = fork();
		if (!pid) {
			alarm(CHILD_SECONDS);
			child_work(own, COUNT(own), round % 5 == 0);
			_exit(0);
		}
		expect_child(pid, round);
	}
	for (i = 0; i < COUNT(own); i++) {
		expect(hak_pattern_holds(own[i], 100, i), "an object of the parent changed");
		free(own[i]);
	}
}

static void fork_while_others_allocate(void)
{
	noise_on();
	fork_rounds(check_ops);
	noise_off();
	expect_audit_clean();
}

static void *fork_from_here(void *arg)
{
	(void)arg;
	fork_rounds(check_ops / 3);
	return NULL;
}

/* Several threads fork at the same time, and none of them is the first of the process. */
static void threads_fork(void)
{
	pthread_t thread;

	noise_on();
	if (pthread_create(&thread, NULL, fork_from_here, NULL))
		_Exit(1);
	fork_from_here(NULL);
	pthread_join(thread, NULL);
	noise_off();
	expect_audit_clean();
}

/* A child that ends by exit() runs all destructors, with the threads of its parent gone. */
static void child_may_exit(void)
{
	size_t i;
	pid_t pid;

	noise_on();
	for (i = 0; i < 100 && !check_failed(); i++) {
		pid = fork();
		if (!pid) {
			alarm(CHILD_SECONDS);
			small_work(NULL);
			exit(0);
		}
		expect_child(pid, i);
	}
	noise_off();
}

/* Each child holds what its parent had and a little more, however often one forks. */
static void forks_in_a_row(void)
{
	uint64_t held = held_bytes();
	int status, i;
	pid_t pid;

	for (i = 0; i < 60; i++) {
		pid = fork();
		if (pid) {
			require(pid > 0, "fork: %s", strerror(errno));
			waitpid(pid, &status, 0);
			expect(!status, "generation %d: status %x", i, status);
			if (i)
				_exit(0);
			return;
		}
		small_work(NULL);
	}
	expect(!under_hakmem() || held_bytes() <= held + (8 << 20), "%llu bytes held",
	       (unsigned long long)held_bytes());
	expect_audit_clean();
	_exit(0);
}

static void spawn_one(size_t round)
{
	char *argv[] = { (char *)"true", NULL };
	pid_t pid;
	int error;

	error = posix_spawnp(&pid, "true", NULL, NULL, argv, environ);
	require(!error, "posix_spawnp: %s", strerror(error));
	expect_child(pid, round);
	pid = vfork();
	if (!pid) {
		execlp("true", "true", (char *)NULL);
		_exit(127);
	}
	expect_child(pid, round);
}

static void spawn_while_others_allocate(void)
{
	char line[64];
	FILE *pipe;
	size_t i;

	noise_on();
	for (i = 0; i < 60 && !check_failed(); i++) {
		spawn_one(i);
		if (i % 10)
			continue;
		expect(!system("exit 0"), "system() fails");
		pipe = popen("echo said", "r");
		expect(pipe && fgets(line, sizeof(line), pipe) && !strcmp(line, "said\n"),
		       "popen() does not say what it should");
		if (pipe)
			pclose(pipe);
	}
	noise_off();
	expect_audit_clean();
}

static const struct check_case cases[] = {
	{ "fork_while_others_allocate", fork_while_others_allocate, 0 },
	{ "threads_fork", threads_fork, 0 },
	{ "child_may_exit", child_may_exit, 0 },
	{ "forks_in_a_row", forks_in_a_row, 0 },
	{ "spawn_while_others_allocate", spawn_while_others_allocate, 0 },
	{ NULL, NULL, 0 },
};

int main(int argc, char **argv)
{
	return check_main(argc, argv, cases, 1, 400);
}
