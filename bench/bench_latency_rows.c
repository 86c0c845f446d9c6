// SPDX-License-Identifier: GPL-2.0
/* From the samples of set=latency to its rows: percentiles and histograms. */
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "bench_latency.h"

static const char *const stage_names[NR_STAGES] = {
	"magazine", "spare", "depot", "slab", "new-superslab", "all",
};

static const char *const side_names[NR_SIDES] = { "none", "hakmem", "kernel" };

static int by_cost(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

void lat_row(struct lat_result *lat, const char *op, enum lat_side side,
	     const struct lat_file *f, enum lat_stage stage, u32 *sorted)
{
	struct lat_row *row = &lat->row[lat->nr];
	unsigned int i, n = 0;

	for (i = 0; i < f->n; i++)
		if (stage == STAGE_ANY || f->s[i].stage == stage)
			sorted[n++] = f->s[i].cost - min(f->s[i].cost, lat->overhead);
	if (!n || WARN_ON_ONCE(lat->nr == LAT_MAX_ROWS))
		return;
	sort(sorted, n, sizeof(*sorted), by_cost, NULL);
	strscpy(row->op, op, sizeof(row->op));
	strscpy(row->side, side_names[side], sizeof(row->side));
	row->stage = stage_names[stage];
	row->n = n;
	row->p50 = sorted[n / 2];
	row->p99 = sorted[n * 99ULL / 100];
	row->p9999 = sorted[n * 9999ULL / 10000];
	row->max = sorted[n - 1];
	for (i = 0; i < n; i++)
		row->hist[sorted[i] ? ilog2(sorted[i]) : 0]++;
	lat->nr++;
}

/* Of all calls, and for hakmem of each stage that served some. */
void lat_rows(struct lat_result *lat, const char *op, const struct lat_file *files, u32 *sorted)
{
	enum lat_stage stage;

	lat_row(lat, op, SIDE_HAKMEM, &files[SIDE_HAKMEM], STAGE_ANY, sorted);
	for (stage = STAGE_FAST; stage < STAGE_ANY; stage++)
		lat_row(lat, op, SIDE_HAKMEM, &files[SIDE_HAKMEM], stage, sorted);
	lat_row(lat, op, SIDE_KERNEL, &files[SIDE_KERNEL], STAGE_ANY, sorted);
}
