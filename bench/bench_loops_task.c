// SPDX-License-Identifier: GPL-2.0
/*
 * The loops for process context: GFP_KERNEL, every shape.
 *
 * Mixed sizes are run-time sizes, so the free side of free_bulk exists for the
 * variants that take one.
 */
#define BENCH_GFP GFP_KERNEL
#include "bench_instances.h"

BENCH_VARIANTS(BENCH_FNS_TASK)

BENCH_FN(none, BENCH_NONE, 0, free_mixed)
BENCH_FN(hakmem_var, BENCH_HAKMEM_VAR, 0, free_mixed)
BENCH_FN(kmalloc_var, BENCH_KMALLOC_VAR, 0, free_mixed)

BENCH_FN(none, BENCH_NONE, 0, free_rcu)
BENCH_FN(hakmem, BENCH_HAKMEM, 0, free_rcu)
BENCH_FN(kmalloc_var, BENCH_KMALLOC_VAR, 0, free_rcu)

/* Objects of many sizes: nobody knows one when the loop is compiled. */
BENCH_FN(none, BENCH_NONE, 0, larson)
BENCH_FN(hakmem, BENCH_HAKMEM, 0, larson)
BENCH_FN(hakmem_called, BENCH_HAKMEM_CALLED, 0, larson)
BENCH_FN(hakmem_var, BENCH_HAKMEM_VAR, 0, larson)
BENCH_FN(kmem_cache, BENCH_KMEM_CACHE, 0, larson)
BENCH_FN(kmalloc_var, BENCH_KMALLOC_VAR, 0, larson)

const struct bench_loops bench_loops_task = { .fn = {
	[BENCH_NONE][BENCH_FOLD_VAR] = {
		BENCH_ENTRIES_TASK(none)
		[SHAPE_FREE_MIXED] = loop_none_free_mixed,
		[SHAPE_FREE_RCU] = loop_none_free_rcu,
		[SHAPE_LARSON] = loop_none_larson,
	},
	[BENCH_HAKMEM][BENCH_FOLD_VAR] = {
		BENCH_ENTRIES_TASK(hakmem)
		[SHAPE_FREE_RCU] = loop_hakmem_free_rcu,
		[SHAPE_LARSON] = loop_hakmem_larson,
	},
	[BENCH_HAKMEM_CALLED][BENCH_FOLD_VAR] = {
		BENCH_ENTRIES_TASK(hakmem_called)
		[SHAPE_LARSON] = loop_hakmem_called_larson,
	},
	[BENCH_HAKMEM_VAR][BENCH_FOLD_VAR] = {
		BENCH_ENTRIES_TASK(hakmem_var)
		[SHAPE_FREE_MIXED] = loop_hakmem_var_free_mixed,
		[SHAPE_LARSON] = loop_hakmem_var_larson,
	},
	[BENCH_HAKMEM_CONST] = {
		[FOLD_16] = { BENCH_ENTRIES_TASK(hakmem_16) },
		[FOLD_64] = { BENCH_ENTRIES_TASK(hakmem_64) },
		[FOLD_256] = { BENCH_ENTRIES_TASK(hakmem_256) },
		[FOLD_1024] = { BENCH_ENTRIES_TASK(hakmem_1024) },
	},
	[BENCH_KMEM_CACHE][BENCH_FOLD_VAR] = {
		BENCH_ENTRIES_TASK(kmem_cache)
		[SHAPE_LARSON] = loop_kmem_cache_larson,
	},
	[BENCH_KMALLOC_VAR][BENCH_FOLD_VAR] = {
		BENCH_ENTRIES_TASK(kmalloc_var)
		[SHAPE_FREE_MIXED] = loop_kmalloc_var_free_mixed,
		[SHAPE_FREE_RCU] = loop_kmalloc_var_free_rcu,
		[SHAPE_LARSON] = loop_kmalloc_var_larson,
	},
	[BENCH_KMALLOC] = {
		[FOLD_16] = { BENCH_ENTRIES_TASK(kmalloc_16) },
		[FOLD_64] = { BENCH_ENTRIES_TASK(kmalloc_64) },
		[FOLD_256] = { BENCH_ENTRIES_TASK(kmalloc_256) },
		[FOLD_1024] = { BENCH_ENTRIES_TASK(kmalloc_1024) },
	},
} };
