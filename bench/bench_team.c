// SPDX-License-Identifier: GPL-2.0
/*
 * See bench_team.h.
 *
 * Members wait interruptibly, so that an idle team is no hung task.  The barrier
 * spins: what lies between the wake-up of the first member and of the last must
 * not be part of anyone's measurement.  A CPU that goes offline loses its member's
 * binding; the member notices after the round, and the row is invalid.  Until then
 * two members may share a CPU, so a spinning one yields now and then.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "bench_clock.h"
#include "bench_team.h"

/* The loop itself; whoever runs on this CPU in between is in its figure. */
static void team_loop(struct bench_member *m)
{
	unsigned long before = current->nvcsw + current->nivcsw;

	m->work(&m->env);
	m->env.switched = current->nvcsw + current->nivcsw != before;
}

static void team_tasklet(struct tasklet_struct *t)
{
	struct bench_member *m = from_tasklet(m, t, tasklet);

	if (in_serving_softirq() && !in_hardirq())
		team_loop(m);
	else
		m->env.wrong_ctx = true;
	complete(&m->left);
}

static void team_irq(struct irq_work *w)
{
	struct bench_member *m = container_of(w, struct bench_member, irq);

	if (in_hardirq())
		team_loop(m);
	else
		m->env.wrong_ctx = true;
	complete(&m->left);
}

static void team_meet(struct bench_team *team)
{
	unsigned int turns = 0;

	atomic_dec(&team->missing);
	while (atomic_read(&team->missing) > 0) {
		cpu_relax();
		if (!(++turns & 1023))
			yield();
	}
}

static void team_work(struct bench_member *m)
{
	reinit_completion(&m->left);
	team_meet(m->team);
	switch (m->ctx) {
	case BENCH_SOFTIRQ:
		/* The end of the section runs the tasklet here and now. */
		local_bh_disable();
		tasklet_schedule(&m->tasklet);
		local_bh_enable();
		wait_for_completion(&m->left);
		break;
	case BENCH_HARDIRQ:
		irq_work_queue(&m->irq);
		wait_for_completion(&m->left);
		break;
	default:
		team_loop(m);
	}
	if (raw_smp_processor_id() != m->cpu)
		m->env.wrong_cpu = true;
}

static bool team_has_work(struct bench_member *m)
{
	/* Pairs with the release in team_give(): env and ctx are set. */
	return smp_load_acquire(&m->work);
}

static int team_thread(void *arg)
{
	struct bench_member *m = arg;

	for (;;) {
		wait_event_interruptible(m->wait, team_has_work(m) || kthread_should_stop());
		if (!team_has_work(m)) {
			if (kthread_should_stop())
				return 0;
			continue;
		}
		team_work(m);
		WRITE_ONCE(m->work, NULL);
		complete(&m->done);
	}
}

static void team_give(struct bench_member *m, enum bench_ctx ctx, bench_fn fn)
{
	m->ctx = ctx;
	/* Pairs with the acquire in team_has_work(). */
	smp_store_release(&m->work, fn);
	wake_up(&m->wait);
}

static void team_run_one(struct bench_member *m, enum bench_ctx ctx, bench_fn fn)
{
	atomic_set(&m->team->missing, 1);
	team_give(m, ctx, fn);
	wait_for_completion(&m->done);
}

void bench_team_run(struct bench_team *team, unsigned int n, enum bench_ctx ctx,
		    bench_fn fn, bench_fn peer)
{
	unsigned int i;

	/*
	 * What counts instructions runs one CPU at a time, and all of them count.  One after the
	 * other, no member's loop is in another's figure.
	 */
	if (bench_clock.exact && fn == peer) {
		for (i = 0; i < n; i++)
			team_run_one(&team->member[i], ctx, fn);
		return;
	}
	atomic_set(&team->missing, n);
	for (i = 0; i < n; i++)
		team_give(&team->member[i], ctx, i ? peer : fn);
	for (i = 0; i < n; i++)
		wait_for_completion(&team->member[i].done);
}

static int team_member_hire(struct bench_member *m)
{
	struct task_struct *task = kthread_create_on_node(team_thread, m, cpu_to_node(m->cpu),
							  "hak_bench/%u", m->cpu);

	m->task = IS_ERR(task) ? NULL : task;
	if (!m->task)
		return -ENOMEM;
	kthread_bind(task, m->cpu);
	wake_up_process(task);
	return 0;
}

static int team_member_start(struct bench_team *team, unsigned int i, unsigned int cpu)
{
	struct bench_member *m = &team->member[i];

	m->team = team;
	m->cpu = cpu;
	init_waitqueue_head(&m->wait);
	init_completion(&m->done);
	init_completion(&m->left);
	tasklet_setup(&m->tasklet, team_tasklet);
	m->irq = IRQ_WORK_INIT_HARD(team_irq);
	return team_member_hire(m);
}

/* A member on each of as many CPUs as the team has; they are online until all are bound. */
static bool team_members_start(struct bench_team *team)
{
	unsigned int i = 0;
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		if (i == team->nr || team_member_start(team, i, cpu))
			break;
		i++;
	}
	cpus_read_unlock();
	return i == team->nr;
}

struct bench_team *bench_team_start(unsigned int nr)
{
	struct bench_team *team = kvzalloc(struct_size(team, member, nr), GFP_KERNEL);

	if (!team)
		return NULL;
	team->nr = nr;
	if (team_members_start(team))
		return team;
	bench_team_stop(team);
	return NULL;
}

int bench_team_renew(struct bench_team *team, unsigned int n)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < n && !err; i++) {
		kthread_stop(team->member[i].task);
		err = team_member_hire(&team->member[i]);
	}
	return err;
}

void bench_team_stop(struct bench_team *team)
{
	unsigned int i;

	for (i = 0; i < team->nr; i++) {
		struct bench_member *m = &team->member[i];

		if (!m->task)
			continue;
		kthread_stop(m->task);
		tasklet_kill(&m->tasklet);
		irq_work_sync(&m->irq);
	}
	kvfree(team);
}
