// SPDX-License-Identifier: GPL-2.0
/* The threads of all scenarios, created, parked and stopped together. */
#include "torture/torture.h"
#include <linux/cpumask.h>
#include <linux/mm.h>

#define THREADS_MAX 256

static struct tt_thread *threads[THREADS_MAX];
static unsigned int nr_threads;

static int thread_fn(void *arg)
{
	struct tt_thread *t = arg;

#ifdef CONFIG_FAULT_INJECTION
	current->make_it_fail = tt_faults;
#endif
	while (!kthread_should_stop()) {
		if (kthread_should_park()) {
			kthread_parkme();
		} else if (tt_hurry()) {
			schedule_timeout_interruptible(HZ / 20 + 1);
		} else {
			t->user.sc->step(t);
			t->user.ops++;
			tt_let_others();
		}
	}
	return 0;
}

static int thread_create(struct tt_scenario *sc, unsigned int index, int cpu)
{
	struct tt_thread *t;
	int err = 0;

	if (nr_threads == THREADS_MAX)
		return -ENOSPC;
	t = kvcalloc(1, sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	tt_user_init(&t->user, sc);
	t->index = index;
	t->cpu = cpu;
	if (sc->begin)
		err = sc->begin(t);
	if (!err) {
		t->task = kthread_create(thread_fn, t, "torture/%s", sc->name);
		err = PTR_ERR_OR_ZERO(t->task);
	}
	if (err) {
		tt_user_exit(&t->user);
		kvfree(t);
		return err;
	}
	/* It may be bound again after it has ended: tt_threads_bind(). */
	get_task_struct(t->task);
	if (cpu >= 0)
		kthread_bind(t->task, cpu);
	threads[nr_threads++] = t;
	sc->created++;
	return 0;
}

int tt_threads_create(struct tt_scenario *sc)
{
	unsigned int i, index = 0;
	int cpu, err;

	for_each_online_cpu(cpu) {
		for (i = 0; i < sc->per_cpu; i++) {
			err = thread_create(sc, index++, cpu);
			if (err)
				return err;
		}
	}
	for (i = 0; i < sc->threads; i++) {
		err = thread_create(sc, index++, -1);
		if (err)
			return err;
	}
	return 0;
}

void tt_threads_destroy(void)
{
	unsigned int i;

	for (i = 0; i < nr_threads; i++) {
		tt_watch(threads[i]->user.sc->name);
		kthread_stop(threads[i]->task);
	}
	for (i = 0; i < nr_threads; i++) {
		tt_watch(threads[i]->user.sc->name);
		if (threads[i]->user.sc->end)
			threads[i]->user.sc->end(threads[i]);
	}
	for (i = 0; i < nr_threads; i++) {
		tt_drop_all(&threads[i]->user);
		tt_user_exit(&threads[i]->user);
		put_task_struct(threads[i]->task);
		kvfree(threads[i]);
	}
	nr_threads = 0;
}

void tt_threads_bind(int cpu)
{
	unsigned int i;

	for (i = 0; i < nr_threads; i++)
		if (threads[i]->cpu == cpu)
			set_cpus_allowed_ptr(threads[i]->task, cpumask_of(cpu));
}

void tt_threads_park(void)
{
	unsigned int i;

	for (i = 0; i < nr_threads; i++) {
		tt_watch(threads[i]->user.sc->name);
		if (!threads[i]->parked)
			kthread_park(threads[i]->task);
		threads[i]->parked = true;
	}
}

bool tt_threads_start(void)
{
	unsigned int i;

	for (i = 0; i < nr_threads; i++)
		wake_up_process(threads[i]->task);
	return nr_threads;
}

void tt_threads_unpark(u64 *rand)
{
	unsigned int i;

	threads[hak_below(rand, nr_threads)]->user.sc->chosen = true;
	for (i = 0; i < nr_threads; i++) {
		if (!threads[i]->user.sc->chosen)
			continue;
		threads[i]->parked = false;
		kthread_unpark(threads[i]->task);
	}
}
