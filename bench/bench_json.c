// SPDX-License-Identifier: GPL-2.0
/*
 * The finished result as JSON: the same data as the text, every counter included.
 *
 * Commands are printable ASCII (bench_parse() sees to it); json_string() still
 * escapes what JSON wants escaped, so that no value can break the document.
 */
#include <linux/math64.h>
#include <linux/seq_file.h>
#include <linux/utsname.h>

#include "bench.h"

static void json_string(struct seq_file *m, const char *s)
{
	seq_putc(m, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			seq_printf(m, "\\%c", *s);
		else if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
			seq_printf(m, "\\u%04x", (unsigned char)*s);
		else
			seq_putc(m, *s);
	}
	seq_putc(m, '"');
}

static void json_key(struct seq_file *m, const char *key)
{
	seq_printf(m, ", \"%s\": ", key);
}

static void json_milli(struct seq_file *m, u64 milli)
{
	u32 rest;
	u64 whole = div_u64_rem(milli, 1000, &rest);

	seq_printf(m, "%llu.%03u", whole, rest);
}

static void json_cost(struct seq_file *m, const char *key, const struct bench_cost *c)
{
	json_key(m, key);
	seq_puts(m, "{\"min\": ");
	json_milli(m, c->min);
	seq_puts(m, ", \"median\": ");
	json_milli(m, c->median);
	seq_putc(m, '}');
}

static void json_why(struct seq_file *m, const char *why)
{
	json_key(m, "withheld");
	if (why[0])
		json_string(m, why);
	else
		seq_puts(m, "null");
}

static void json_proof(struct seq_file *m, const struct bench_lane *lane)
{
	unsigned int i;

	json_key(m, "provenance");
	seq_printf(m, "{\"allocs\": %llu, \"frees\": %llu", lane->allocs, lane->frees);
	for (i = 0; i < HAK_NR_STATS; i++) {
		json_key(m, hak_stat_name[i]);
		seq_printf(m, "%llu", lane->d[i]);
	}
	seq_putc(m, '}');
}

static void json_lane(struct seq_file *m, const struct bench_result *res,
		      const struct bench_row *row, const struct bench_lane *lane)
{
	u64 ratio = bench_ratio(res, row, lane);

	seq_puts(m, "{\"allocator\": ");
	json_string(m, bench_alloc_names[lane->alloc]);
	seq_printf(m, ", \"cpus\": %u, \"ops_per_round\": %u, \"left_out\": %u", lane->cpus,
		   lane->ops, lane->left_out);
	json_why(m, lane->why);
	if (bench_shown(row, lane)) {
		if (res->exact || res->cycles) {
			json_cost(m, res->exact ? "insn" : "cycles", &lane->ticks);
			json_cost(m, res->exact ? "loop_insn" : "loop_cycles", &lane->over_ticks);
		}
		json_cost(m, "ns", &lane->ns);
		json_cost(m, "loop_ns", &lane->over_ns);
		if (ratio) {
			json_key(m, "ratio");
			json_milli(m, ratio);
		}
	}
	if (bench_is_hakmem(lane->alloc))
		json_proof(m, lane);
	seq_putc(m, '}');
}

static void json_row(struct seq_file *m, const struct bench_result *res,
		     const struct bench_row *row)
{
	unsigned int i;

	seq_puts(m, "{\"row\": ");
	json_string(m, row->name);
	json_key(m, "pattern");
	json_string(m, bench_patterns[row->pattern].name);
	json_key(m, "context");
	json_string(m, bench_ctx_names[row->ctx]);
	seq_printf(m, ", \"size\": %u, \"batch\": %u, \"rounds\": %u", row->size, row->batch,
		   row->rounds);
	json_why(m, row->why);
	json_key(m, "loop_taken_off");
	seq_puts(m, bench_patterns[row->pattern].gross ? "false" : "true");
	seq_puts(m, ", \"lanes\": [");
	for (i = 1; i < row->nr; i++) {
		if (i > 1)
			seq_puts(m, ", ");
		json_lane(m, res, row, &row->lane[i]);
	}
	seq_puts(m, "]}");
}

static void json_facts(struct seq_file *m, const char *key, const struct bench_fact *f,
		       unsigned int n)
{
	unsigned int i;

	seq_printf(m, ",\n\"%s\": [", key);
	for (i = 0; i < n; i++) {
		seq_puts(m, i ? ",\n  {\"name\": " : "\n  {\"name\": ");
		json_string(m, f[i].name);
		json_key(m, "value");
		json_string(m, f[i].value);
		seq_putc(m, '}');
	}
	seq_putc(m, ']');
}

void bench_json(struct seq_file *m, const struct bench_result *res)
{
	unsigned int i;

	seq_puts(m, "{\"command\": ");
	json_string(m, res->cmd.text);
	json_key(m, "kernel");
	json_string(m, init_utsname()->release);
	json_key(m, "debug");
	json_string(m, res->debug);
	seq_printf(m, ", \"exact_instructions\": %s,\n\"rows\": [", res->exact ? "true" : "false");
	for (i = 0; i < res->nr_rows; i++) {
		seq_puts(m, i ? ",\n  " : "\n  ");
		json_row(m, res, &res->row[i]);
	}
	seq_putc(m, ']');
	json_facts(m, "memory", res->memory, res->nr_memory);
	json_facts(m, "fairness", res->fair, res->nr_fair);
	bench_latency_json(m, res);
	seq_puts(m, "}\n");
}
