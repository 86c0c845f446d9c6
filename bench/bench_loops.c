// SPDX-License-Identifier: GPL-2.0
/*
 * Names of allocators, patterns and contexts, and which loop serves which.
 */
#include "bench.h"
#include "bench_loops.h"

const char *const bench_alloc_names[BENCH_NR_ALLOCS] = {
	[BENCH_NONE] = "(empty loop)",
	[BENCH_HAKMEM] = "hakmem",
	[BENCH_HAKMEM_CALLED] = "hakmem_called",
	[BENCH_HAKMEM_CONST] = "hakmem_const",
	[BENCH_HAKMEM_VAR] = "hakmem_var",
	[BENCH_KMEM_CACHE] = "kmem_cache",
	[BENCH_KMALLOC] = "kmalloc",
	[BENCH_KMALLOC_VAR] = "kmalloc_var",
};

const char *const bench_ctx_names[BENCH_NR_CTXS] = { "task", "softirq", "hardirq" };

#define ONE(nm, sh, b, any)							\
	{ .name = nm, .shape = sh, .peer = sh, .batch = b, .any_ctx = any }

const struct bench_pattern_info bench_patterns[BENCH_NR_PATTERNS] = {
	[BENCH_LIFO] = ONE("lifo", SHAPE_PAIR, 1, true),
	[BENCH_FIFO] = ONE("fifo", SHAPE_FIFO, 64, false),
	[BENCH_RANDOM] = ONE("random", SHAPE_RANDOM, 256, false),
	[BENCH_INTERLEAVED] = ONE("interleaved", SHAPE_INTERLEAVED, 256, false),
	[BENCH_LONGLIVED] = ONE("longlived", SHAPE_LONGLIVED, 1, false),
	[BENCH_BATCH] = ONE("batch", SHAPE_BATCH, 64, true),
	[BENCH_BULK] = ONE("bulk", SHAPE_BULK, 64, true),
	[BENCH_FREE_BULK] = ONE("free_bulk", SHAPE_FREE_MIXED, 64, false),
	[BENCH_PRODUCER_CONSUMER] = {
		.name = "producer_consumer",
		.shape = SHAPE_PRODUCE, .peer = SHAPE_CONSUME,
		.combine = BENCH_SLOWEST, .batch = 1,
		/* Both ends overlap in time; a difference would mean nothing. */
		.two_cpus = true, .gross = true,
	},
	[BENCH_REMOTE] = {
		.name = "remote",
		.shape = SHAPE_ALLOC, .peer = SHAPE_FREE,
		.combine = BENCH_SUM, .batch = 64,
		.two_cpus = true,
	},
	[BENCH_FREE_RCU] = ONE("free_rcu", SHAPE_FREE_RCU, 64, false),
	[BENCH_LARSON] = ONE("larson", SHAPE_LARSON, 1024, false),
};

static int bench_fold_of(size_t size)
{
	switch (size) {
	case 16:
		return FOLD_16;
	case 64:
		return FOLD_64;
	case 256:
		return FOLD_256;
	case 1024:
		return FOLD_1024;
	default:
		return -1;
	}
}

bool bench_size_folds(size_t size)
{
	return bench_fold_of(size) >= 0;
}

bench_fn bench_loop(enum bench_alloc a, enum bench_shape shape, size_t size, bool atomic)
{
	const struct bench_loops *l = atomic ? &bench_loops_atomic : &bench_loops_task;
	int fold = BENCH_FOLD_VAR;

	if (a == BENCH_HAKMEM_CONST || a == BENCH_KMALLOC)
		fold = bench_fold_of(size);
	return fold < 0 ? NULL : l->fn[a][fold][shape];
}
