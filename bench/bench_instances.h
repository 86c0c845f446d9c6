/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Turns the templates of bench_shapes.h into functions and a table of them.
 *
 * Included by one file per kind of gfp, which says what BENCH_GFP is.  Functions are not inlined
 * further, so that a loop is the same code whoever asks for it.  Each is aligned to 64 bytes, so
 * that native times do not depend on its place in the file.
 */
#ifndef HAK_BENCH_INSTANCES_H
#define HAK_BENCH_INSTANCES_H

#include "bench_shapes.h"
#include "bench_loops.h"

#define BENCH_FN(tag, a, fixed, shape)						\
static noinline __aligned(64) void loop_##tag##_##shape(struct bench_env *e)	\
{										\
	shape_##shape(a, fixed, BENCH_GFP, e);					\
}

/* The shapes that run in every context. */
#define BENCH_FNS_ANY(tag, a, fixed)						\
	BENCH_FN(tag, a, fixed, pair)						\
	BENCH_FN(tag, a, fixed, batch)						\
	BENCH_FN(tag, a, fixed, bulk)

#define BENCH_FNS_TASK(tag, a, fixed)						\
	BENCH_FNS_ANY(tag, a, fixed)						\
	BENCH_FN(tag, a, fixed, fifo)						\
	BENCH_FN(tag, a, fixed, random)						\
	BENCH_FN(tag, a, fixed, interleaved)					\
	BENCH_FN(tag, a, fixed, longlived)					\
	BENCH_FN(tag, a, fixed, produce)					\
	BENCH_FN(tag, a, fixed, consume)					\
	BENCH_FN(tag, a, fixed, alloc)						\
	BENCH_FN(tag, a, fixed, free)

#define BENCH_ENTRIES_ANY(tag)							\
	[SHAPE_PAIR] = loop_##tag##_pair,					\
	[SHAPE_BATCH] = loop_##tag##_batch,					\
	[SHAPE_BULK] = loop_##tag##_bulk,

#define BENCH_ENTRIES_TASK(tag)							\
	BENCH_ENTRIES_ANY(tag)							\
	[SHAPE_FIFO] = loop_##tag##_fifo,					\
	[SHAPE_RANDOM] = loop_##tag##_random,					\
	[SHAPE_INTERLEAVED] = loop_##tag##_interleaved,				\
	[SHAPE_LONGLIVED] = loop_##tag##_longlived,				\
	[SHAPE_PRODUCE] = loop_##tag##_produce,					\
	[SHAPE_CONSUME] = loop_##tag##_consume,					\
	[SHAPE_ALLOC] = loop_##tag##_alloc,					\
	[SHAPE_FREE] = loop_##tag##_free,

/* Every variant, as X(tag, allocator, constant size). */
#define BENCH_VARIANTS(X)							\
	X(none, BENCH_NONE, 0)							\
	X(hakmem, BENCH_HAKMEM, 0)						\
	X(hakmem_called, BENCH_HAKMEM_CALLED, 0)				\
	X(hakmem_var, BENCH_HAKMEM_VAR, 0)					\
	X(hakmem_16, BENCH_HAKMEM_CONST, 16)					\
	X(hakmem_64, BENCH_HAKMEM_CONST, 64)					\
	X(hakmem_256, BENCH_HAKMEM_CONST, 256)					\
	X(hakmem_1024, BENCH_HAKMEM_CONST, 1024)				\
	X(kmem_cache, BENCH_KMEM_CACHE, 0)					\
	X(kmalloc_var, BENCH_KMALLOC_VAR, 0)					\
	X(kmalloc_16, BENCH_KMALLOC, 16)					\
	X(kmalloc_64, BENCH_KMALLOC, 64)					\
	X(kmalloc_256, BENCH_KMALLOC, 256)					\
	X(kmalloc_1024, BENCH_KMALLOC, 1024)

#endif /* HAK_BENCH_INSTANCES_H */
