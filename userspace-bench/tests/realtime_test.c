// SPDX-License-Identifier: GPL-2.0
/*
 * A real-time thread beside an ordinary one, on one CPU and on the same locks.  What the ordinary
 * one holds is wanted by the other: who waits for it must let it run.
 */
#define _GNU_SOURCE
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#define SECONDS		4
#define LATE		0.2	/* seconds; the kernel stops a thread that spins after 0.95 */
#define LIST		5000

struct item {
	struct item *next;
	char rest[56];
};

static volatile bool stop;
static double worst;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void *builds_and_drops_lists(void *arg)
{
	struct item *list = NULL, *item;
	int i;

	while (!stop) {
		for (i = 0; i < LIST && (item = malloc(sizeof(*item))); i++) {
			item->next = list;
			list = item;
		}
		for (; list; list = item) {
			item = list->next;
			free(list);
		}
	}
	return arg;
}

/* Each millisecond up to 260 objects: more than a magazine has. */
static void *keeps_a_period(void *arg)
{
	struct timespec period = { 0, 1000000 };
	double begin, end = now() + SECONDS;
	struct item *item[260];
	unsigned int seed = 1;
	int i, n;

	while (now() < end) {
		nanosleep(&period, NULL);
		begin = now();
		n = 60 + rand_r(&seed) % 200;
		for (i = 0; i < n; i++)
			item[i] = malloc(sizeof(*item[i]));
		for (i = 0; i < n; i++)
			free(item[i]);
		if (now() - begin > worst)
			worst = now() - begin;
	}
	stop = true;
	return arg;
}

/* A thread that begins to run at real-time priority on the CPU of this one; false: not allowed. */
static bool start_realtime(pthread_t *thread)
{
	struct sched_param param = { .sched_priority = 20 };
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	return !pthread_create(thread, &attr, keeps_a_period, NULL);
}

static void realtime_is_not_held_up(void)
{
	pthread_t low, high;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	if (!start_realtime(&high)) {
		check_leave_out("a real-time thread is not allowed here");
		return;
	}
	pthread_create(&low, NULL, builds_and_drops_lists, NULL);
	pthread_join(high, NULL);
	pthread_join(low, NULL);
	expect(worst < LATE, "a period took %.1f ms", worst * 1e3);
	expect_audit_clean();
}

static const struct check_case cases[] = {
	{ "realtime_is_not_held_up", realtime_is_not_held_up, 0 },
	{ NULL, NULL, 0 },
};

int main(int argc, char **argv)
{
	return check_main(argc, argv, cases, 1, 0);
}
