// SPDX-License-Identifier: GPL-2.0
/*
 * What set=latency found, as text and JSON.
 *
 *   latency OP | SIDE | STAGE | n p50 p99 p99.99 max
 *   histogram OP | SIDE | STAGE | FROM:CALLS ...
 *   stretch OP | SIDE | n irqs-off preempt-off
 */
#include <linux/seq_file.h>

#include "bench_latency.h"

static void put_row(struct seq_file *m, const struct lat_row *row)
{
	seq_printf(m, "latency %-18s | %-6s | %-13s | %6u %8llu %8llu", row->op, row->side,
		   row->stage, row->n, row->p50, row->p99);
	/* Of fewer calls than that it would be the longest. */
	if (row->n < 10000)
		seq_printf(m, " %8s", "-");
	else
		seq_printf(m, " %8llu", row->p9999);
	seq_printf(m, " %9llu\n", row->max);
}

static void put_histogram(struct seq_file *m, const struct lat_row *row)
{
	unsigned int k;

	seq_printf(m, "histogram %s | %s | %s |", row->op, row->side, row->stage);
	for (k = 0; k < LAT_BUCKETS; k++)
		if (row->hist[k])
			seq_printf(m, " %lu:%u", k ? 1UL << k : 0, row->hist[k]);
	seq_putc(m, '\n');
}

static void put_stretch(struct seq_file *m, const struct lat_stretch *st)
{
	seq_printf(m, "stretch %-16s | %-6s | %6u %9llu (%llu)", st->op, st->side, st->n, st->irq,
		   st->irq_base);
	if (st->task)
		seq_printf(m, " %9llu (%llu)\n", st->task, st->task_base);
	else
		seq_puts(m, " n/a: this kernel is not preempted inside\n");
}

void bench_latency_lines(struct seq_file *m, const struct bench_result *res)
{
	const struct lat_result *lat = res->lat;
	unsigned int i;

	if (!lat)
		return;
	if (lat->why[0]) {
		seq_printf(m, "latency %s\n", lat->why);
		return;
	}
	seq_printf(m, "one call each, in %s; %u taken off, the median of timing nothing;\n",
		   res->exact ? "instructions" : "ns", lat->overhead);
	seq_printf(m, "%u calls met a timer tick and are left out\n", lat->ticked);
	seq_printf(m, "%-26s | %-6s | %-13s | %6s %8s %8s %8s %9s\n", "operation", "side",
		   "served by", "calls", "p50", "p99", "p99.99", "max");
	for (i = 0; i < lat->nr; i++)
		put_row(m, &lat->row[i]);
	for (i = 0; i < lat->nr; i++)
		put_histogram(m, &lat->row[i]);
	if (!lat->nr_stretch) {
		seq_puts(m, "stretch n/a: instructions are not counted here\n");
		return;
	}
	seq_puts(m, "latest interrupt and latest woken thread of deadlines at random moments of\n");
	seq_puts(m, "a block of calls; in brackets the earliest of each over nothing\n");
	for (i = 0; i < lat->nr_stretch; i++)
		put_stretch(m, &lat->stretch[i]);
}

void bench_latency_json(struct seq_file *m, const struct bench_result *res)
{
	const struct lat_result *lat = res->lat;
	unsigned int i;

	if (!lat || lat->why[0])
		return;
	seq_printf(m, ",\n\"latency_overhead\": %u,\n\"latency\": [", lat->overhead);
	for (i = 0; i < lat->nr; i++) {
		const struct lat_row *r = &lat->row[i];

		seq_printf(m, "%s\n  {\"operation\": \"%s\", \"side\": \"%s\", \"stage\": \"%s\"",
			   i ? "," : "", r->op, r->side, r->stage);
		seq_printf(m, ", \"n\": %u, \"p50\": %llu, \"p99\": %llu, \"p99.99\": %llu",
			   r->n, r->p50, r->p99, r->p9999);
		seq_printf(m, ", \"max\": %llu}", r->max);
	}
	seq_puts(m, "],\n\"stretch\": [");
	for (i = 0; i < lat->nr_stretch; i++) {
		const struct lat_stretch *s = &lat->stretch[i];

		seq_printf(m, "%s\n  {\"operation\": \"%s\", \"side\": \"%s\", \"n\": %u",
			   i ? "," : "", s->op, s->side, s->n);
		seq_printf(m, ", \"irqs_off\": %llu, \"irq_base\": %llu", s->irq, s->irq_base);
		seq_printf(m, ", \"preempt_off\": %llu, \"thread_base\": %llu}", s->task,
			   s->task_base);
	}
	seq_puts(m, "]");
}
