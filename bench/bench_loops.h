/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tables the two instance files hand to bench_loops.c.
 *
 * An allocator whose size is a run-time value has one column; one with constant
 * sizes has a column per size that is compiled in.
 */
#ifndef HAK_BENCH_LOOPS_H
#define HAK_BENCH_LOOPS_H

#include "bench.h"

enum bench_fold { FOLD_16, FOLD_64, FOLD_256, FOLD_1024, BENCH_NR_FOLDS };

#define BENCH_FOLD_VAR 0

struct bench_loops {
	bench_fn fn[BENCH_NR_ALLOCS][BENCH_NR_FOLDS][BENCH_NR_SHAPES];
};

extern const struct bench_loops bench_loops_task;
extern const struct bench_loops bench_loops_atomic;

#endif /* HAK_BENCH_LOOPS_H */
