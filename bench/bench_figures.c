// SPDX-License-Identifier: GPL-2.0
/*
 * What both reports derive from a measured row.
 *
 * The figure that counts is the minimum: the round that was disturbed least.  It is in
 * instructions where those are exact, else in nanoseconds.  Cycles are shown but not compared,
 * because the clock of a processor and its TSC may differ.
 */
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/sort.h>

#include "bench.h"

static int cost_compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

struct bench_cost bench_cost_of_rounds(u64 *v, unsigned int n)
{
	sort(v, n, sizeof(*v), cost_compare, NULL);
	return (struct bench_cost){ .min = v[0], .median = v[n / 2] };
}

struct bench_cost bench_cost_net(struct bench_cost gross, struct bench_cost over)
{
	return (struct bench_cost){
		.min = gross.min - min(gross.min, over.min),
		.median = gross.median - min(gross.median, over.median),
	};
}

/* The kernel's allocator in the same row, on as many CPUs. */
const struct bench_lane *bench_rival(const struct bench_row *row, const struct bench_lane *lane)
{
	unsigned int i;

	if (!bench_is_hakmem(lane->alloc))
		return NULL;
	for (i = 1; i < row->nr; i++)
		if (!bench_is_hakmem(row->lane[i].alloc) && row->lane[i].cpus == lane->cpus)
			return &row->lane[i];
	return NULL;
}

bool bench_shown(const struct bench_row *row, const struct bench_lane *lane)
{
	return !row->why[0] && !lane->why[0];
}

u64 bench_cost_of(const struct bench_result *res, const struct bench_lane *lane)
{
	return res->exact ? lane->ticks.min : lane->ns.min;
}

/* How many times @lane's cost its rival takes, in thousandths; 0 if there is no telling. */
u64 bench_ratio(const struct bench_result *res, const struct bench_row *row,
		const struct bench_lane *lane)
{
	const struct bench_lane *rival = bench_rival(row, lane);

	if (!rival || !bench_shown(row, lane) || !bench_shown(row, rival) ||
	    !bench_cost_of(res, lane))
		return 0;
	return div64_u64(bench_cost_of(res, rival) * BENCH_MILLI, bench_cost_of(res, lane));
}
