// SPDX-License-Identifier: GPL-2.0
/*
 * The loops for softirq and hardirq: GFP_ATOMIC, and only the shapes that are
 * short enough to run there.
 */
#define BENCH_GFP GFP_ATOMIC
#include "bench_instances.h"

BENCH_VARIANTS(BENCH_FNS_ANY)

const struct bench_loops bench_loops_atomic = { .fn = {
	[BENCH_NONE][BENCH_FOLD_VAR] = { BENCH_ENTRIES_ANY(none) },
	[BENCH_HAKMEM][BENCH_FOLD_VAR] = { BENCH_ENTRIES_ANY(hakmem) },
	[BENCH_HAKMEM_CALLED][BENCH_FOLD_VAR] = { BENCH_ENTRIES_ANY(hakmem_called) },
	[BENCH_HAKMEM_VAR][BENCH_FOLD_VAR] = { BENCH_ENTRIES_ANY(hakmem_var) },
	[BENCH_HAKMEM_CONST] = {
		[FOLD_16] = { BENCH_ENTRIES_ANY(hakmem_16) },
		[FOLD_64] = { BENCH_ENTRIES_ANY(hakmem_64) },
		[FOLD_256] = { BENCH_ENTRIES_ANY(hakmem_256) },
		[FOLD_1024] = { BENCH_ENTRIES_ANY(hakmem_1024) },
	},
	[BENCH_KMEM_CACHE][BENCH_FOLD_VAR] = { BENCH_ENTRIES_ANY(kmem_cache) },
	[BENCH_KMALLOC_VAR][BENCH_FOLD_VAR] = { BENCH_ENTRIES_ANY(kmalloc_var) },
	[BENCH_KMALLOC] = {
		[FOLD_16] = { BENCH_ENTRIES_ANY(kmalloc_16) },
		[FOLD_64] = { BENCH_ENTRIES_ANY(kmalloc_64) },
		[FOLD_256] = { BENCH_ENTRIES_ANY(kmalloc_256) },
		[FOLD_1024] = { BENCH_ENTRIES_ANY(kmalloc_1024) },
	},
} };
