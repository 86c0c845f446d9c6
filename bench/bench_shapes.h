/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The measured loops, as templates.
 *
 * bench_loops_task.c and bench_loops_atomic.c instantiate each for each allocator, with constants
 * for @a, @fixed and @gfp.  What is compiled is the loop a user of that allocator would write,
 * the test for NULL included.  @fixed is a size known at compile time, or 0 to take the size from
 * @e.
 *
 * A loop that meets a failed allocation counts it, frees what it has and stops;
 * the row is then invalid.  Rounds are a few thousand operations long, so that
 * most of them run without a timer tick.
 *
 *   pair         a f a f ...               the object of the moment
 *   fifo         a queue of batch objects: in at one end, out at the other
 *   batch        batch allocations, then batch frees in the same order
 *   random       the same, freed in a fixed random order
 *   interleaved  batch allocations, every other one freed, allocated again, all freed
 *   longlived    pairs, but every tenth object lives until the round is over
 *   bulk         the bulk calls, batch objects each
 *   free_mixed   only the bulk free is timed; the objects are of eight sizes
 *   free_rcu     only the calls are timed; the objects are freed after the round
 *   produce, consume   two CPUs and a ring, whose indices are published line by line,
 *                as ptr_ring does: the ring must not cost more than the allocator
 *   larson       bursts of random slots are freed, each into its own cache, and filled from
 *                a random one: what a slot has may be of the CPU that had the slots before
 *   alloc, free  one half of a batch each, for two CPUs that take turns; waiting for
 *                one's turn is not timed
 */
#ifndef HAK_BENCH_SHAPES_H
#define HAK_BENCH_SHAPES_H

#include <linux/processor.h>
#include <linux/sched.h>

#include "bench_alloc.h"
#include "bench_clock.h"

#define BENCH_LOOP_ARGS \
	const enum bench_alloc a, const size_t fixed, const gfp_t gfp, struct bench_env *e
#define BENCH_LOOP_LOCALS \
	const size_t size = fixed ? fixed : e->size; \
	void *const c = bench_cache(a, e)

static __always_inline void shape_pair(BENCH_LOOP_ARGS)
{
	BENCH_LOOP_LOCALS;
	unsigned long n;
	void *p;

	bench_start(e);
	for (n = e->ops; n; n--) {
		p = bench_get(a, c, size, gfp);
		if (bench_failed(a, p))
			break;
		bench_put(a, c, p);
	}
	bench_stop(e);
	e->fails += n != 0;
	e->allocs += e->ops - n;
	e->frees += e->ops - n;
}

/*
 * Fill slots [0, n) step @step; the number that could be filled, as an index.  The empty loop is
 * told that it cannot fail, and the compiler is kept from carrying a second copy of the index.
 * Either would be taken off the allocators as overhead.
 */
static __always_inline unsigned long bench_fill(BENCH_LOOP_ARGS, void *c, size_t size,
						unsigned long n, unsigned long step)
{
	void **slot = e->slot;
	unsigned long i;
	void *p;

	for (i = 0; i < n; i += step) {
		p = bench_get(a, c, size, gfp);
		if (bench_failed(a, p)) {
			e->fails++;
			break;
		}
		slot[i] = p;
		OPTIMIZER_HIDE_VAR(i);
	}
	return a == BENCH_NONE ? n : i;
}

static __always_inline void bench_drop(const enum bench_alloc a, struct bench_env *e, void *c,
				       unsigned long n, unsigned long step)
{
	void **slot = e->slot;
	unsigned long i;

	for (i = 0; i < n; i += step) {
		bench_put(a, c, slot[i]);
		OPTIMIZER_HIDE_VAR(i);
	}
}

static __always_inline void shape_batch(BENCH_LOOP_ARGS)
{
	BENCH_LOOP_LOCALS;
	const unsigned long b = e->batch;
	unsigned long k, got = b;

	bench_start(e);
	for (k = e->ops / b; k && got == b; k--) {
		got = bench_fill(a, fixed, gfp, e, c, size, b, 1);
		bench_drop(a, e, c, got, 1);
	}
	bench_stop(e);
	e->allocs += e->ops / b * b;
	e->frees += e->ops / b * b;
}

static __always_inline void shape_random(BENCH_LOOP_ARGS)
{
	BENCH_LOOP_LOCALS;
	const unsigned long b = e->batch;
	const u32 *perm = e->perm;
	void **slot = e->slot;
	unsigned long i, k, got = b;

	bench_start(e);
	for (k = e->ops / b; k && got == b; k--) {
		got = bench_fill(a, fixed, gfp, e, c, size, b, 1);
		if (unlikely(got != b))
			bench_drop(a, e, c, got, 1);
		else
			for (i = 0; i < b; i++) {
				bench_put(a, c, slot[perm[i]]);
				OPTIMIZER_HIDE_VAR(i);
			}
	}
	bench_stop(e);
	e->allocs += e->ops / b * b;
	e->frees += e->ops / b * b;
}

/* A failure in the second filling leaves the freed slots behind it free: free the odd ones only. */
static __always_inline void shape_interleaved(BENCH_LOOP_ARGS)
{
	BENCH_LOOP_LOCALS;
	const unsigned long b = e->batch, half = (b + 1) / 2;
	unsigned long i, k, got, done = 0;

	bench_start(e);
	for (k = e->ops / (b + half); k; k--) {
		got = bench_fill(a, fixed, gfp, e, c, size, b, 1);
		if (unlikely(got != b)) {
			bench_drop(a, e, c, got, 1);
			break;
		}
		bench_drop(a, e, c, b, 2);
		got = bench_fill(a, fixed, gfp, e, c, size, b, 2);
		if (unlikely(got < b)) {
			bench_drop(a, e, c, got, 2);
			for (i = 1; i < b; i += 2)
				bench_put(a, c, e->slot[i]);
			break;
		}
		bench_drop(a, e, c, b, 1);
		done += b + half;
	}
	bench_stop(e);
	e->allocs += done;
	e->frees += done;
}

static __always_inline void shape_fifo(BENCH_LOOP_ARGS)
{
	BENCH_LOOP_LOCALS;
	const unsigned long b = e->batch;
	void **slot = e->slot;
	unsigned long i = 0, n, got;
	void *p;

	got = bench_fill(a, fixed, gfp, e, c, size, b, 1);
	bench_start(e);
	for (n = got == b ? e->ops : 0; n; n--) {
		p = bench_get(a, c, size, gfp);
		if (bench_failed(a, p))
			break;
		bench_put(a, c, slot[i]);
		slot[i] = p;
		if (++i == b)
			i = 0;
	}
	bench_stop(e);
	bench_drop(a, e, c, got, 1);
	e->fails += n != 0;
	e->allocs += e->ops - n;
	e->frees += e->ops - n;
}

static __always_inline void shape_longlived(BENCH_LOOP_ARGS)
{
	BENCH_LOOP_LOCALS;
	void **slot = e->slot;
	unsigned long n, kept = 0;
	unsigned int left = 10;
	void *p;

	bench_start(e);
	for (n = e->ops; n; n--) {
		p = bench_get(a, c, size, gfp);
		if (bench_failed(a, p))
			break;
		if (--left) {
			bench_put(a, c, p);
		} else {
			left = 10;
			slot[kept++] = p;
		}
	}
	bench_stop(e);
	bench_drop(a, e, c, kept, 1);
	e->fails += n != 0;
	e->allocs += e->ops - n;
	e->frees += e->ops - n;
}

static __always_inline void shape_bulk(BENCH_LOOP_ARGS)
{
	BENCH_LOOP_LOCALS;
	const unsigned long b = e->batch;
	unsigned long k;

	bench_start(e);
	for (k = e->ops / b; k; k--) {
		if (unlikely(!bench_get_bulk(a, c, size, gfp, b, e->slot)))
			break;
		bench_put_bulk(a, c, b, e->slot);
	}
	bench_stop(e);
	e->fails += k != 0;
	e->allocs += (e->ops / b - k) * b;
	e->frees += (e->ops / b - k) * b;
}

static __always_inline void shape_free_mixed(BENCH_LOOP_ARGS)
{
	const unsigned long b = e->batch;
	unsigned long i, k;

	for (k = e->ops / b; k && !e->fails; k--) {
		for (i = 0; i < b; i++) {
			e->slot[i] = bench_get(a, NULL, e->mixed[i], gfp);
			if (bench_failed(a, e->slot[i]))
				break;
		}
		e->fails += i != b;
		bench_start(e);
		bench_put_bulk(a, NULL, i, e->slot);
		bench_stop(e);
		e->allocs += i;
		e->frees += i;
	}
}

static __always_inline void shape_free_rcu(BENCH_LOOP_ARGS)
{
	BENCH_LOOP_LOCALS;
	const unsigned long b = e->batch;
	unsigned long i, k, got = b;

	for (k = e->ops / b; k && got == b; k--) {
		got = bench_fill(a, fixed, gfp, e, c, size, b, 1);
		bench_start(e);
		for (i = 0; i < got; i++) {
			bench_put_rcu(a, e->slot[i]);
			OPTIMIZER_HIDE_VAR(i);
		}
		bench_stop(e);
		e->allocs += got;
		e->frees += got;
	}
}

/* A step of a generator whose upper bits are good. */
static __always_inline u64 bench_random(u64 *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 32;
}

/* Far apart, and never twice as long as there are that many: slots are a power of two. */
#define BENCH_LARSON_STEP 0x9e3779b1UL

static __always_inline void *bench_kind(const enum bench_alloc a, const struct bench_env *e,
					unsigned long k)
{
	void *c;

	if (a == BENCH_HAKMEM_VAR || a == BENCH_KMALLOC_VAR)
		return NULL;
	c = e->kinds[k];
	/* The empty loop finds the cache as well. */
	OPTIMIZER_HIDE_VAR(c);
	return c;
}

static __always_inline void shape_larson(BENCH_LOOP_ARGS)
{
	const unsigned long mask = e->batch - 1, burst = e->burst, kinds = e->nr_kinds;
	void **slot = e->slot;
	u16 *kind = e->kind;
	unsigned long n, i, at, first, k;
	u64 s = e->seed;
	void *p = NULL;

	(void)fixed;
	bench_start(e);
	for (n = e->ops; n; n -= burst) {
		first = bench_random(&s);
		for (i = 0, at = first; i < burst; i++, at += BENCH_LARSON_STEP) {
			k = kind[at & mask];
			bench_put(a, bench_kind(a, e, k), slot[at & mask]);
			OPTIMIZER_HIDE_VAR(i);
		}
		k = bench_random(&s) * kinds >> 32;
		for (i = 0, at = first; i < burst; i++, at += BENCH_LARSON_STEP) {
			p = bench_get(a, bench_kind(a, e, k), e->sizes[k], gfp);
			if (bench_failed(a, p))
				goto out;
			kind[at & mask] = k;
			slot[at & mask] = p;
			OPTIMIZER_HIDE_VAR(i);
		}
	}
out:
	bench_stop(e);
	/* What a burst could not fill again is nobody's object. */
	for (; n && bench_failed(a, p) && i < burst; i++, at += BENCH_LARSON_STEP)
		slot[at & mask] = NULL;
	e->fails += n != 0;
	e->allocs += e->ops - n;
	e->frees += e->ops - n;
}

/* Only after a thousand turns in vain is the scheduler asked: not a cost of the ring. */
static __always_inline void bench_spin(unsigned int *turns)
{
	cpu_relax();
	if (unlikely(!(++*turns & 1023)))
		cond_resched();
}

static __always_inline void shape_produce(BENCH_LOOP_ARGS)
{
	BENCH_LOOP_LOCALS;
	struct bench_ring *r = e->ring;
	unsigned int head = 0, tail = 0, turns = 0;
	unsigned long n;
	void *p;

	bench_start(e);
	for (n = e->ops; n; n--) {
		p = bench_get(a, c, size, gfp);
		if (bench_failed(a, p))
			break;
		while (unlikely(head - tail == BENCH_RING)) {
			/* Pairs with the release in shape_consume(): the slots are read. */
			tail = smp_load_acquire(&r->tail);
			if (head - tail == BENCH_RING)
				bench_spin(&turns);
		}
		r->slot[head % BENCH_RING] = p;
		if (!(++head % BENCH_RING_STEP)) {
			/* Pairs with the acquire in shape_consume(): the slots are written. */
			smp_store_release(&r->head, head);
		}
	}
	/* Likewise, for what is left of a line. */
	smp_store_release(&r->head, head);
	bench_stop(e);
	e->fails += n != 0;
	e->allocs += e->ops - n;
	/* Pairs with the acquire in shape_consume(): head is final. */
	smp_store_release(&r->stop, true);
}

static __always_inline void shape_consume(BENCH_LOOP_ARGS)
{
	BENCH_LOOP_LOCALS;
	struct bench_ring *r = e->ring;
	unsigned int head = 0, tail = 0, turns = 0;
	unsigned long n;
	bool stop;

	(void)size;
	bench_start(e);
	for (n = e->ops; n; n--) {
		while (unlikely(head == tail)) {
			/* Pairs with the end of shape_produce(): stop first, then head. */
			stop = smp_load_acquire(&r->stop);
			/* Pairs with the release of the slot in shape_produce(). */
			head = smp_load_acquire(&r->head);
			if (head != tail)
				break;
			if (stop)
				goto out;
			bench_spin(&turns);
		}
		bench_put(a, c, r->slot[tail % BENCH_RING]);
		if (!(++tail % BENCH_RING_STEP)) {
			/* Pairs with the acquire in shape_produce(): the slots may be used. */
			smp_store_release(&r->tail, tail);
		}
	}
out:
	bench_stop(e);
	e->frees += e->ops - n;
}

/* Wait for this side's turn; false if the other side has given up. */
static __always_inline bool bench_turn(struct bench_ring *r, unsigned int side)
{
	unsigned int turns = 0;

	/* Pairs with the release in bench_pass(): the slots are the other side's work. */
	while (smp_load_acquire(&r->turn) != side) {
		if (READ_ONCE(r->stop))
			return false;
		bench_spin(&turns);
	}
	return true;
}

static __always_inline void bench_pass(struct bench_ring *r, unsigned int side)
{
	/* Pairs with the acquire in bench_turn(). */
	smp_store_release(&r->turn, !side);
}

static __always_inline void shape_alloc(BENCH_LOOP_ARGS)
{
	BENCH_LOOP_LOCALS;
	const unsigned long b = e->batch;
	struct bench_ring *r = e->ring;
	unsigned long k, got;

	for (k = e->ops / b; k && bench_turn(r, 0); k--) {
		bench_start(e);
		got = bench_fill(a, fixed, gfp, e, c, size, b, 1);
		bench_stop(e);
		if (unlikely(got != b)) {
			bench_drop(a, e, c, got, 1);
			WRITE_ONCE(r->stop, true);
			return;
		}
		e->allocs += b;
		bench_pass(r, 0);
	}
}

static __always_inline void shape_free(BENCH_LOOP_ARGS)
{
	BENCH_LOOP_LOCALS;
	const unsigned long b = e->batch;
	struct bench_ring *r = e->ring;
	unsigned long k;

	(void)size;
	for (k = e->ops / b; k && bench_turn(r, 1); k--) {
		bench_start(e);
		bench_drop(a, e, c, b, 1);
		bench_stop(e);
		e->frees += b;
		bench_pass(r, 1);
	}
}

#endif /* HAK_BENCH_SHAPES_H */
