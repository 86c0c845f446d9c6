// SPDX-License-Identifier: GPL-2.0
/* Threads, and the few functions of hak_kernel.h that are more than a line. */
#include <sys/random.h>

#include "superslab/ss_dir.h"
#include "unit/hak_kernel.h"

void *memchr_inv(const void *p, int c, size_t n)
{
	const unsigned char *b = p, *end = b + n;

	for (; b < end; b++)
		if (*b != (unsigned char)c)
			return (void *)b;
	return NULL;
}

unsigned long get_random_long(void)
{
	unsigned long v;

	return getrandom(&v, sizeof(v), 0) == sizeof(v) ? v : 1;
}

struct task_struct {
	struct task_struct *next;
	pthread_t thread;
	int (*fn)(void *);
	void *arg;
};

static struct task_struct *tasks;	/* started and not yet joined; main thread only */

static void *thread_main(void *arg)
{
	struct task_struct *task = arg;

	task->fn(task->arg);
	return NULL;
}

struct task_struct *unit_thread_create(int (*fn)(void *), void *arg)
{
	struct task_struct *task = calloc(1, sizeof(*task));

	if (!task)
		return ERR_PTR(-ENOMEM);
	task->fn = fn;
	task->arg = arg;
	return task;
}

void unit_thread_start(struct task_struct *task)
{
	if (pthread_create(&task->thread, NULL, thread_main, task))
		panic("no thread to be had\n");
	task->next = tasks;
	tasks = task;
}

void unit_threads_join(void)
{
	struct task_struct *task;

	while ((task = tasks)) {
		tasks = task->next;
		pthread_join(task->thread, NULL);
		free(task);
	}
}
