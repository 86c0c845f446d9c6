// SPDX-License-Identifier: GPL-2.0
/*
 * hakmem_bench.ko: measures hakmem against the kernel's own allocators.
 *
 *   /sys/kernel/debug/hakmem/bench/run          write one command (bench_parse.c)
 *   /sys/kernel/debug/hakmem/bench/result       the last finished run, as text
 *   /sys/kernel/debug/hakmem/bench/result.json  the same, as JSON
 *
 * A write returns when the run is over, or at a fatal or pending signal; runs take
 * turns.  The result of a run replaces the one before when it is complete, so that
 * readers never wait for a measurement.  debugfs keeps the module while a file is
 * open, so nothing runs when the exit function does.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "bench.h"
#include "bench_clock.h"
#include "bench_latency.h"

static DEFINE_MUTEX(main_run_lock);		/* one run at a time */
static DEFINE_MUTEX(main_result_lock);		/* protects main_result; inside main_run_lock */
static struct bench_result *main_result;
static struct dentry *main_dir;

static void main_forget(struct bench_result *res)
{
	if (res)
		vfree(res->lat);
	kvfree(res);
}

static void main_publish(struct bench_result *res)
{
	mutex_lock(&main_result_lock);
	swap(main_result, res);
	mutex_unlock(&main_result_lock);
	main_forget(res);
}

/* Parses @line, runs it, publishes the result. */
static int main_command(char *line)
{
	struct bench_result *res;
	int err;

	res = kvzalloc(sizeof(*res), GFP_KERNEL);
	if (!res)
		return -ENOMEM;
	err = bench_parse(&res->cmd, line);
	if (!err)
		err = mutex_lock_interruptible(&main_run_lock);
	if (err) {
		kvfree(res);
		return err;
	}
	err = bench_run(res);
	if (err)
		main_forget(res);
	else
		main_publish(res);
	mutex_unlock(&main_run_lock);
	if (err && err != -EINTR)
		pr_err("hakmem_bench: run failed: %d\n", err);
	return err;
}

static ssize_t main_run_write(struct file *file, const char __user *from, size_t len, loff_t *pos)
{
	char line[BENCH_CMD_MAX + 2];
	int err;

	if (len > BENCH_CMD_MAX + 1) {
		pr_err("hakmem_bench: a command has at most %d characters\n", BENCH_CMD_MAX);
		return -EINVAL;
	}
	if (copy_from_user(line, from, len))
		return -EFAULT;
	line[len] = '\0';
	if (strlen(line) != len) {
		pr_err("hakmem_bench: not one line of words\n");
		return -EINVAL;
	}
	err = main_command(line);
	return err ? err : len;
}

static const struct file_operations main_run_fops = {
	.owner = THIS_MODULE,
	.write = main_run_write,
};

static int main_show(struct seq_file *m, const char *none,
		     void (*show)(struct seq_file *m, const struct bench_result *res))
{
	mutex_lock(&main_result_lock);
	if (main_result)
		show(m, main_result);
	else
		seq_puts(m, none);
	mutex_unlock(&main_result_lock);
	return 0;
}

static int result_show(struct seq_file *m, void *unused)
{
	return main_show(m, "no run yet: write a command, for example set=budget, to bench/run\n",
			 bench_report);
}
DEFINE_SHOW_ATTRIBUTE(result);

static int json_show(struct seq_file *m, void *unused)
{
	return main_show(m, "{}\n", bench_json);
}
DEFINE_SHOW_ATTRIBUTE(json);

static int __init bench_init(void)
{
	bench_clock_init();
	main_dir = debugfs_create_dir("bench", hak_debugfs_root());
	debugfs_create_file("run", 0200, main_dir, NULL, &main_run_fops);
	debugfs_create_file("result", 0444, main_dir, NULL, &result_fops);
	debugfs_create_file("result.json", 0444, main_dir, NULL, &json_fops);
	return 0;
}

static void __exit bench_exit(void)
{
	debugfs_remove_recursive(main_dir);
	main_forget(main_result);
}

module_init(bench_init);
module_exit(bench_exit);

HAK_IMPORT;
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Benchmark of the hakmem allocator against kmem_cache and kmalloc");
