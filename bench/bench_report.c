// SPDX-License-Identifier: GPL-2.0
/*
 * The finished result as text: for people first, with one line per row at the end
 * for scripts.
 *
 *   budget NAME INSN kernel=INSN          or  budget NAME INVALID: why
 *   time NAME hak=NS kernel=NS ratio=R    or  time NAME INVALID: why
 *   spread NAME ALLOCATOR MIN MEDIAN left_out=N [woke]   rounds in which another task ran; woke:
 *                                     or did that the calls woke, and those rounds count
 *   larson NAME cpus=N caches=N live=N insn=INSN kernel=INSN exchanges=N of 1000000
 *   memory NAME VALUE
 *   latency, histogram, stretch: bench_latency_report.c
 */
#include <linux/math64.h>
#include <linux/seq_file.h>
#include <linux/utsname.h>

#include "bench.h"

/* Thousandths, to two decimals, rounded. */
static void put_milli(struct seq_file *m, u64 milli, unsigned int width)
{
	u64 centi = div_u64(milli + 5, 10);
	u32 rest;
	u64 whole = div_u64_rem(centi, 100, &rest);

	seq_printf(m, " %*llu.%02u", width - 4, whole, rest);
}

static void put_head(struct seq_file *m, const struct bench_result *res)
{
	const char *unit = res->exact ? "insn" : "cycles";

	seq_printf(m, "%-18s %-13s %4s %5s %-8s %4s", "row", "allocator", "size", "batch",
		   "context", "cpus");
	if (res->exact || res->cycles)
		seq_printf(m, " %9s %9s", unit, "median");
	if (!res->exact)
		seq_printf(m, " %9s %9s", "ns", "median");
	seq_printf(m, " %9s %9s\n", "loop", "x kernel");
}

static void put_lane(struct seq_file *m, const struct bench_result *res,
		     const struct bench_row *row, const struct bench_lane *lane)
{
	u64 ratio = bench_ratio(res, row, lane);

	seq_printf(m, "%-18s %-13s %4u %5u %-8s %4u", row->name, bench_alloc_names[lane->alloc],
		   row->size, row->batch, bench_ctx_names[row->ctx], lane->cpus);
	if (!bench_shown(row, lane)) {
		seq_printf(m, "  %s\n", lane->why);
		return;
	}
	if (res->exact || res->cycles) {
		put_milli(m, lane->ticks.min, 9);
		put_milli(m, lane->ticks.median, 9);
	}
	if (!res->exact) {
		put_milli(m, lane->ns.min, 9);
		put_milli(m, lane->ns.median, 9);
	}
	put_milli(m, res->exact ? lane->over_ticks.min : lane->over_ns.min, 9);
	if (ratio)
		put_milli(m, ratio, 9);
	seq_printf(m, "%s\n", res->debug[0] ? "  DEBUG" : "");
}

static void put_row(struct seq_file *m, const struct bench_result *res,
		    const struct bench_row *row)
{
	unsigned int i;

	if (row->why[0]) {
		seq_printf(m, "%-18s %-13s %4u %5u %-8s  %s\n", row->name, "-", row->size,
			   row->batch, bench_ctx_names[row->ctx], row->why);
		return;
	}
	for (i = 1; i < row->nr; i++)
		put_lane(m, res, row, &row->lane[i]);
}

static void put_proof(struct seq_file *m, const struct bench_result *res)
{
	unsigned int i, l;
	char text[256];

	seq_puts(m, "\nprovenance: what served the operations of the measured rounds\n");
	for (i = 0; i < res->nr_rows; i++) {
		const struct bench_row *row = &res->row[i];

		for (l = 1; l < row->nr; l++) {
			const struct bench_lane *lane = &row->lane[l];

			if (row->why[0] || !bench_is_hakmem(lane->alloc) || !lane->allocs)
				continue;
			bench_proof_text(lane, text, sizeof(text));
			seq_printf(m, "%-18s %4u %llu ops: %s\n", row->name, row->size,
				   lane->allocs + lane->frees, text);
		}
	}
}

static void put_losses(struct seq_file *m, const struct bench_result *res)
{
	unsigned int i, l, n = 0, compared = 0;
	u64 ratio;

	seq_puts(m, "\nwhere hakmem loses:");
	for (i = 0; i < res->nr_rows; i++) {
		const struct bench_row *row = &res->row[i];

		for (l = 1; l < row->nr; l++) {
			ratio = bench_ratio(res, row, &row->lane[l]);
			compared += ratio != 0;
			if (!ratio || ratio >= BENCH_MILLI)
				continue;
			seq_printf(m, "%s  %s %u bytes, %s:", n++ ? "" : "\n", row->name, row->size,
				   bench_alloc_names[row->lane[l].alloc]);
			put_milli(m, ratio, 5);
			seq_puts(m, " x kernel\n");
		}
	}
	if (!n)
		seq_puts(m, compared ? " none in this run\n" : " nothing was compared\n");
}

static void put_fairness(struct seq_file *m, const struct bench_result *res)
{
	unsigned int i;

	seq_puts(m, "\nfairness: what this kernel has on\n");
	for (i = 0; i < res->nr_fair; i++)
		seq_printf(m, "  %-24s %s\n", res->fair[i].name, res->fair[i].value);
}

static void put_rows(struct seq_file *m, const struct bench_result *res)
{
	const struct bench_row *first = &res->row[0];
	unsigned int i;

	seq_printf(m, "%u rounds, allocators alternate round by round; ", first->rounds);
	if (first->round_ns)
		seq_printf(m, "%llu ms a round\n", div_u64(first->round_ns, 1000000));
	else
		seq_printf(m, "%u operations a round\n", first->ops);
	seq_printf(m, "%s\n", res->exact ?
		   "insn: exact, the clock of this machine counts instructions" :
		   "no exact instruction count here: times");
	seq_puts(m, "minimum and median per operation; loop: the same without the allocator,\n");
	seq_puts(m, "taken off (not off producer_consumer, whose two ends overlap);\n");
	seq_puts(m, "x kernel: how often the kernel's cost\n\n");
	put_head(m, res);
	for (i = 0; i < res->nr_rows; i++)
		put_row(m, res, &res->row[i]);
	put_proof(m, res);
	put_losses(m, res);
}

void bench_report(struct seq_file *m, const struct bench_result *res)
{
	unsigned int i;

	seq_printf(m, "hakmem_bench: %s, on %s\n", res->cmd.text, init_utsname()->release);
	if (res->debug[0])
		seq_printf(m, "DEBUG kernel: %s\n", res->debug);
	if (res->nr_rows)
		put_rows(m, res);
	put_fairness(m, res);
	seq_putc(m, '\n');
	bench_lines(m, res);
	bench_latency_lines(m, res);
	for (i = 0; i < res->nr_memory; i++)
		seq_printf(m, "memory %s %s\n", res->memory[i].name, res->memory[i].value);
}
