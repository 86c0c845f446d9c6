// SPDX-License-Identifier: GPL-2.0
/*
 * The lines of a result that scripts read; bench_report.c says what they look like.
 */
#include <linux/math64.h>
#include <linux/seq_file.h>

#include "bench.h"

static void line_milli(struct seq_file *m, const char *key, u64 milli)
{
	u32 rest;
	u64 whole = div_u64_rem(div_u64(milli + 5, 10), 100, &rest);

	seq_printf(m, " %s%llu.%02u", key, whole, rest);
}

static const char *line_why(const struct bench_row *row, const struct bench_lane *ours,
			    const struct bench_lane *theirs)
{
	if (row->why[0])
		return row->why;
	return ours->why[0] ? ours->why : theirs->why;
}

static void line_budget(struct seq_file *m, const struct bench_result *res,
			const struct bench_row *row)
{
	const struct bench_lane *ours = &row->lane[1], *theirs = &row->lane[2];

	seq_printf(m, "budget %s", row->name);
	if (line_why(row, ours, theirs)[0]) {
		seq_printf(m, " %s\n", line_why(row, ours, theirs));
		return;
	}
	if (!res->exact) {
		seq_puts(m, " n/a: instructions are not counted here\n");
		return;
	}
	line_milli(m, "", ours->ticks.min);
	line_milli(m, "kernel=", theirs->ticks.min);
	seq_putc(m, '\n');
}

static void line_time(struct seq_file *m, const char *name, u64 ours, u64 theirs, u64 ratio)
{
	seq_printf(m, "time %s", name);
	line_milli(m, "hak=", ours);
	line_milli(m, "kernel=", theirs);
	line_milli(m, "ratio=", ratio);
	seq_putc(m, '\n');
}

/* How much more two CPUs get done than one, for both sides. */
static void line_scaling(struct seq_file *m, const struct bench_row *row)
{
	u64 ours = div64_u64(row->lane[1].ns.min * 2 * BENCH_MILLI,
			     max(row->lane[3].ns.min, 1ULL));
	u64 theirs = div64_u64(row->lane[2].ns.min * 2 * BENCH_MILLI,
			       max(row->lane[4].ns.min, 1ULL));

	line_time(m, "two_cpus_scaling", ours, theirs,
		  div64_u64(ours * BENCH_MILLI, max(theirs, 1ULL)));
}

static void line_times(struct seq_file *m, const struct bench_row *row)
{
	const struct bench_lane *ours = &row->lane[row->nr - 2];
	const struct bench_lane *theirs = &row->lane[row->nr - 1];
	const char *why = line_why(row, ours, theirs);

	if (why[0]) {
		seq_printf(m, "time %s %s\n", row->name, why);
		return;
	}
	line_time(m, row->name, ours->ns.min, theirs->ns.min,
		  div64_u64(theirs->ns.min * BENCH_MILLI, max(ours->ns.min, 1ULL)));
	if (row->nr == 5)
		line_scaling(m, row);
}

/* Magazines that went to the depot or came out of it: each takes its lock once. */
static u64 line_exchanges(const struct bench_lane *lane)
{
	u64 n = lane->d[HAK_STAT_alloc_depot] + lane->d[HAK_STAT_free_depot];

	return div64_u64(n * BENCH_MILLI * BENCH_MILLI, max(lane->allocs, 1ULL));
}

static void line_larson(struct seq_file *m, const struct bench_result *res,
			const struct bench_row *row)
{
	const struct bench_lane *ours = &row->lane[1], *theirs = &row->lane[2];

	seq_printf(m, "larson %s cpus=%u caches=%u live=%u", row->name, row->cpus, row->kinds,
		   row->batch * row->cpus);
	if (line_why(row, ours, theirs)[0]) {
		seq_printf(m, " %s\n", line_why(row, ours, theirs));
		return;
	}
	line_milli(m, res->exact ? "insn=" : "ns=", bench_cost_of(res, ours));
	line_milli(m, "kernel=", bench_cost_of(res, theirs));
	seq_printf(m, " exchanges=%llu of 1000000\n", line_exchanges(ours));
}

/* Of every lane, where instructions are counted: how far its rounds lie apart. */
static void line_spread(struct seq_file *m, const struct bench_row *row)
{
	const struct bench_lane *lane;

	for (lane = row->lane + 1; lane < row->lane + row->nr; lane++) {
		if (!bench_shown(row, lane))
			continue;
		seq_printf(m, "spread %s %s", row->name, bench_alloc_names[lane->alloc]);
		line_milli(m, "", lane->ticks.min);
		line_milli(m, "", lane->ticks.median);
		seq_printf(m, " left_out=%u%s\n", lane->left_out, lane->woke ? " woke" : "");
	}
}

void bench_lines(struct seq_file *m, const struct bench_result *res)
{
	unsigned int i;

	for (i = 0; i < res->nr_rows; i++) {
		if (res->exact)
			line_spread(m, &res->row[i]);
		if (res->cmd.set >= BENCH_BUDGET && res->cmd.set <= BENCH_NODES)
			line_budget(m, res, &res->row[i]);
		else if (res->cmd.set == BENCH_TIME)
			line_times(m, &res->row[i]);
		else if (res->row[i].pattern == BENCH_LARSON && res->row[i].nr == 3)
			line_larson(m, res, &res->row[i]);
	}
}
