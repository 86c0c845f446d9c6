// SPDX-License-Identifier: GPL-2.0
/*
 * A data race on purpose: two CPUs add to one word that nothing protects.  Where KCSAN sees
 * no such thing, its silence about hakmem says nothing.
 *
 * What the kernel says of it is kept off the console, where it would be taken for a finding.
 */
#include "selftest/selftest.h"
#include <linux/console.h>
#include <linux/delay.h>
#include <linux/kthread.h>

static unsigned long raced;

static int race_thread(void *unused)
{
	while (!kthread_should_stop()) {
		raced++;
		cond_resched();
	}
	return 0;
}

int st_race(unsigned int ms)
{
	struct task_struct *thread[2] = { };
	int level = console_loglevel, i;
	unsigned int cpu = 0;

	if (num_online_cpus() < 2)
		return -EINVAL;
	console_loglevel = CONSOLE_LOGLEVEL_SILENT;
	for (i = 0; i < 2; i++, cpu = cpumask_next(cpu, cpu_online_mask)) {
		thread[i] = kthread_create(race_thread, NULL, "selftest-race/%d", i);
		if (IS_ERR(thread[i]))
			break;
		kthread_bind(thread[i], cpu);
		wake_up_process(thread[i]);
	}
	if (i == 2)
		msleep(ms);
	while (i--)
		kthread_stop(thread[i]);
	/* Whoever has the console at the moment prints for us. */
	console_lock();
	console_unlock();
	console_loglevel = level;
	pr_info("hakmem_selftest: two CPUs added %lu times to one word\n", READ_ONCE(raced));
	return 0;
}
