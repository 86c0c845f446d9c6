// SPDX-License-Identifier: GPL-2.0
/*
 * The rows behind meter.h, in /sys/kernel/debug/dropin_meter:
 *
 *   row NAME OPERATION SIZE CALLS TIMED INSTRUCTIONS OWNED FAILED CLEARING LONGEST
 *
 * INSTRUCTIONS are those of the TIMED calls, less the readings themselves.  OWNED of
 * the calls were about memory that
 * lies in a block of hakmem's, by its address.  CLEARING is what filling TIMED objects of
 * SIZE with 0 takes alone, for both allocators the same, measured when the row was made.
 * Writing to the file starts all rows anew.
 */
#include <asm/hardirq.h>
#include <asm/msr.h>
#include <linux/debugfs.h>
#include <linux/hakmem_dropin.h>
#include <linux/kernel_stat.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>

#include "meter_row.h"

#define ROWS 128

static struct row {
	char name[48];
	enum dropin_meter_op op;
	unsigned int size;
	unsigned int clearing;
	atomic64_t calls, timed, ticks, owned, failed;
	u64 longest;
} rows[ROWS];
static unsigned int nr_rows;
static DEFINE_SPINLOCK(lock);

static u64 empty_ticks;			/* two readings and nothing in between */
static char scratch[8192] __aligned(64);
static struct dentry *file;

/* The least of some rounds is one without an interrupt. */
static u64 measure_clearing(size_t size)
{
	u64 least = U64_MAX, t;
	int i;

	for (i = 0; i < 16; i++) {
		t = rdtsc();
		memset(scratch, 0, min(size, sizeof(scratch)));
		barrier_data(scratch);
		t = rdtsc() - t;
		least = min(least, t);
	}
	return least - empty_ticks;
}

static u64 measure_empty(void)
{
	u64 least = U64_MAX, t;
	int i;

	for (i = 0; i < 100; i++) {
		t = rdtsc();
		t = rdtsc() - t;
		least = min(least, t);
	}
	return least;
}

static int find_row(const char *name, enum dropin_meter_op op)
{
	int i;

	for (i = 0; i < nr_rows; i++)
		if (rows[i].op == op && !strcmp(rows[i].name, name))
			return i;
	return -1;
}

int dropin_meter_row(const char *name, enum dropin_meter_op op, size_t size)
{
	unsigned long flags;
	int i;

	spin_lock_irqsave(&lock, flags);
	i = find_row(name, op);
	if (i < 0 && !WARN_ON_ONCE(nr_rows == ROWS)) {
		i = nr_rows++;
		strscpy(rows[i].name, name, sizeof(rows[i].name));
		rows[i].op = op;
		rows[i].size = size;
		rows[i].clearing = op == DROPIN_METER_ZALLOC ? measure_clearing(size) : 0;
	}
	spin_unlock_irqrestore(&lock, flags);
	return max(i, 0);
}
EXPORT_SYMBOL_GPL(dropin_meter_row);

u64 dropin_meter_breaks(void)
{
	return this_cpu_read(irq_stat.apic_timer_irqs) +
	       this_cpu_read(irq_stat.apic_irq_work_irqs) +
	       this_cpu_read(kstat.irqs_sum) + current->nvcsw + current->nivcsw;
}
EXPORT_SYMBOL_GPL(dropin_meter_breaks);

void dropin_meter_add(int row, u64 ticks, u64 breaks, const void *p)
{
	struct row *r = &rows[row];

	ticks -= min(ticks, empty_ticks);
	atomic64_inc(&r->calls);
	if (breaks == dropin_meter_breaks()) {
		atomic64_inc(&r->timed);
		atomic64_add(ticks, &r->ticks);
		r->longest = max(r->longest, ticks);
	}
	if (!p)
		atomic64_inc(&r->failed);
	else if (hak_owns(p))
		atomic64_inc(&r->owned);
}
EXPORT_SYMBOL_GPL(dropin_meter_add);

static int meter_show(struct seq_file *m, void *unused)
{
	static const char *const op_name[] = { "alloc", "zalloc", "free" };
	struct row *r;

	seq_printf(m, "empty %llu\n", empty_ticks);
	for (r = rows; r < rows + nr_rows; r++)
		seq_printf(m, "row %s %s %u %llu %llu %llu %llu %llu %llu %llu\n", r->name,
			   op_name[r->op], r->size, atomic64_read(&r->calls),
			   atomic64_read(&r->timed), atomic64_read(&r->ticks),
			   atomic64_read(&r->owned), atomic64_read(&r->failed),
			   r->clearing * atomic64_read(&r->timed), r->longest);
	return 0;
}

static int meter_open(struct inode *inode, struct file *f)
{
	return single_open(f, meter_show, NULL);
}

static ssize_t meter_write(struct file *f, const char __user *buf, size_t len, loff_t *pos)
{
	struct row *r;

	for (r = rows; r < rows + nr_rows; r++) {
		atomic64_set(&r->calls, 0);
		atomic64_set(&r->timed, 0);
		atomic64_set(&r->ticks, 0);
		atomic64_set(&r->owned, 0);
		atomic64_set(&r->failed, 0);
		r->longest = 0;
	}
	return len;
}

static const struct file_operations meter_fops = {
	.owner = THIS_MODULE,
	.open = meter_open,
	.read = seq_read,
	.write = meter_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int __init meter_init(void)
{
	empty_ticks = measure_empty();
	file = debugfs_create_file("dropin_meter", 0600, NULL, NULL, &meter_fops);
	return 0;
}

static void __exit meter_exit(void)
{
	debugfs_remove(file);
}

module_init(meter_init);
module_exit(meter_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Counts what drivers ask of their caches");
HAK_IMPORT;
