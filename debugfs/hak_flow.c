// SPDX-License-Identifier: GPL-2.0
/*
 * The file `flow`: which CPU allocates what which other one frees.  While `allocs` is on; by the
 * same samples.
 *
 * For each cache a line for each CPU that allocated, with a column for each that freed.  Where
 * there are more than HAK_FLOW_MAX CPUs these are nodes.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "debugfs/hak_debugfs.h"
#include "tiny/tiny_sample.h"

static unsigned long flow_at(const struct hak_core *core, unsigned int from, unsigned int to)
{
	return DIV_ROUND_CLOSEST((unsigned long)atomic_long_read(&core->flow->freed[from][to]),
				 core->size);
}

static void core_show(struct seq_file *m, const struct hak_core *core)
{
	const char *what = hak_flow_by_node() ? "node" : "cpu";
	unsigned long all = 0, away = 0;
	unsigned int from, to, n = hak_flow_size();

	for (from = 0; from < n; from++)
		for (to = 0; to < n; to++) {
			all += flow_at(core, from, to);
			away += from == to ? 0 : flow_at(core, from, to);
		}
	if (!all)
		return;
	seq_printf(m, "%s freed %lu elsewhere %lu samples %ld\n", core->name, all, away,
		   atomic_long_read(&core->flow->samples));
	for (from = 0; from < n; from++) {
		seq_printf(m, "%s %s %u", core->name, what, from);
		for (to = 0; to < n; to++)
			seq_printf(m, " %lu", flow_at(core, from, to));
		seq_putc(m, '\n');
	}
}

int hak_flow_show(struct seq_file *m, void *unused)
{
	struct hak_core *core;

	mutex_lock(&hak_caches_lock);
	if (!hak_sampler)
		seq_puts(m, "# off: switch allocs on\n");
	else
		seq_puts(m, "# objects, estimated: lines by who allocated, columns by who freed\n");
	list_for_each_entry(core, &hak_caches, list)
		if (core->flow)
			core_show(m, core);
	mutex_unlock(&hak_caches_lock);
	return 0;
}

static int flow_open(struct inode *inode, struct file *file)
{
	return single_open(file, hak_flow_show, NULL);
}

const struct file_operations hak_flow_fops = {
	.owner = THIS_MODULE,
	.open = flow_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};
