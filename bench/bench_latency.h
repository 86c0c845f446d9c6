/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What set=latency finds: how long single calls take, and how long nobody can interrupt.
 *
 * A figure is for one call, with the median of timing nothing taken off.  Its unit is that of
 * struct bench_result: instructions where the clock counts them, else nanoseconds.
 */
#ifndef HAK_BENCH_LATENCY_H
#define HAK_BENCH_LATENCY_H

#include "bench.h"

#define LAT_BUCKETS	32	/* of the histogram: [2^k, 2^(k+1)) */
#define LAT_MAX_ROWS	48

enum lat_side { SIDE_NONE, SIDE_HAKMEM, SIDE_KERNEL, NR_SIDES };
enum lat_stage { STAGE_FAST, STAGE_SPARE, STAGE_DEPOT, STAGE_SLAB, STAGE_SS, STAGE_ANY,
	NR_STAGES };

#define LAT_SAMPLES	20480	/* the most of one operation and side */

struct lat_sample { u32 cost; u8 stage; };

/* The samples of one operation on one side. */
struct lat_file {
	unsigned int n;
	struct lat_sample s[LAT_SAMPLES];
};

/* The calls of one allocator that were served by one stage. */
struct lat_row {
	char op[20];
	char side[8];		/* hakmem, kernel or none */
	const char *stage;
	unsigned int n;
	u64 p50, p99, p9999, max;
	u32 hist[LAT_BUCKETS];
};

/* Deadlines that fell into a block of calls: how late whoever waited for them was. */
struct lat_stretch {
	char op[20];
	char side[8];
	unsigned int n;
	u64 irq, irq_base;	/* longest, and the shortest over nothing: entering an interrupt */
	u64 task, task_base;	/* the same for a thread of high priority; 0: not to be told */
};

struct lat_result {
	char why[BENCH_WHY];		/* not measured, because */
	unsigned int overhead;		/* median of timing nothing: taken off */
	unsigned int ticked;		/* calls that met a timer tick: left out */
	unsigned int nr, nr_stretch;
	struct lat_row row[LAT_MAX_ROWS];
	struct lat_stretch stretch[LAT_MAX_ROWS];
};

/*
 * bench_latency_rows.c: a row of one stage, or of STAGE_ANY; and all rows of an operation.
 * @sorted has room for LAT_SAMPLES.
 */
void lat_row(struct lat_result *lat, const char *op, enum lat_side side,
	     const struct lat_file *f, enum lat_stage stage, u32 *sorted);
void lat_rows(struct lat_result *lat, const char *op, const struct lat_file *files, u32 *sorted);

/* bench_stretch.c */
int lat_stretch_run(struct lat_result *lat, struct hak_cache *hc, struct kmem_cache *kc);

/* What the blocks of both files are made of. */
#define LAT_BLOCK 256
#define LAT_BULK 64

#endif /* HAK_BENCH_LATENCY_H */
