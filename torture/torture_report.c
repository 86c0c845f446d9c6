// SPDX-License-Identifier: GPL-2.0
/*
 * What the run says: lines in the log, and the same in hakmem/torture/result.  That can be read
 * once the run is over, and reading waits for it.
 */
#include "torture/torture.h"
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/wait.h>

#define REPORT_MAX 4096

static char text[REPORT_MAX];
static size_t length;
static bool done;
static DECLARE_WAIT_QUEUE_HEAD(readers);
static struct dentry *dir;

void tt_report_line(const char *fmt, ...)
{
	char line[200];
	va_list args;

	va_start(args, fmt);
	vscnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	pr_info("hakmem_torture: %s\n", line);
	length += scnprintf(text + length, sizeof(text) - length, "%s\n", line);
}

void tt_report_done(void)
{
	/* Pairs with the reader's look: the text comes first. */
	smp_store_release(&done, true);
	wake_up_all(&readers);
}

static ssize_t result_read(struct file *file, char __user *buf, size_t n, loff_t *pos)
{
	/* Pairs with tt_report_done(). */
	if (wait_event_interruptible(readers, smp_load_acquire(&done)))
		return -ERESTARTSYS;
	return simple_read_from_buffer(buf, n, pos, text, length);
}

static const struct file_operations result_fops = {
	.owner = THIS_MODULE,
	.read = result_read,
	.llseek = default_llseek,
};

struct dentry *tt_report_init(void)
{
	dir = debugfs_create_dir("torture", hak_debugfs_root());
	debugfs_create_file("result", 0444, dir, NULL, &result_fops);
	return dir;
}

void tt_report_exit(void)
{
	debugfs_remove_recursive(dir);
}
