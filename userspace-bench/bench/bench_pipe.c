// SPDX-License-Identifier: GPL-2.0
/*
 * Objects that one thread allocates and another frees.
 *
 *   producer_consumer  blocks of 64 objects through rings of 4 blocks.  There are as many
 *                      rings as the larger side has threads; each ring has one producer
 *                      and one consumer, who share them out evenly.
 *   free_only          one thread allocates blocks of 4096 objects, another does nothing
 *                      but free them, in random order; 2 blocks are under way.
 *
 * Rings publish whole blocks, so that they cost little beside the allocator.  A side that finds
 * nothing to do spins, and yields where threads outnumber CPUs.  callgrind counts the work on
 * blocks and not the waiting.
 */
#include "bench_alloc.h"

#define PIPE_MAX_RINGS	BENCH_MAX_SIDE
#define PIPE_MAX_DEPTH	4
#define PIPE_MAX_BLOCK	4096
#define PIPE_MIX	1024
#define PIPE_SLOTS	(2 * PIPE_MAX_BLOCK)

struct pipe_ring {
	/* Blocks put in and taken out so far, each written by one side. */
	unsigned long head __attribute__((aligned(BENCH_LINE)));
	unsigned long tail __attribute__((aligned(BENCH_LINE)));
	void **slot __attribute__((aligned(BENCH_LINE)));
};

struct pipe_end {
	unsigned long blocks __attribute__((aligned(BENCH_LINE)));
};

static struct {
	unsigned int producers, consumers, rings, depth, block, size;
	bool shuffled;
	unsigned long long rand;
	enum bench_mode mode;
	const struct bench_round *round;
	unsigned long blocks_wanted;	/* of each ring; 0: until told to stop */
	bool stop;
	unsigned int producing;		/* producers not done yet */
} pipe;

static struct pipe_ring pipe_rings[PIPE_MAX_RINGS];
static void *pipe_slots[PIPE_SLOTS];
static uint16_t pipe_order[PIPE_MAX_BLOCK];
static uint16_t pipe_mix[PIPE_MIX];
static unsigned long pipe_stand_in;

static bool pipe_begin(const struct bench_opts *o, unsigned int depth, unsigned int block)
{
	unsigned int i;

	pipe.rings = pipe.producers > pipe.consumers ? pipe.producers : pipe.consumers;
	pipe.depth = depth;
	pipe.block = block;
	pipe.size = o->size;
	pipe.rand = o->seed;
	if (!pipe.producers || !pipe.consumers || pipe.rings > PIPE_MAX_RINGS)
		return false;
	for (i = 0; i < PIPE_MIX; i++)
		pipe_mix[i] = (uint16_t)bench_mixed_size(&pipe.rand, BENCH_MIX_MAX);
	for (i = 0; i < block; i++)
		pipe_order[i] = (uint16_t)i;
	if (pipe.shuffled)
		bench_shuffle(&pipe.rand, pipe_order, block);
	for (i = 0; i < pipe.rings; i++)
		pipe_rings[i].slot = pipe_slots + i * depth * block;
	return true;
}

BENCH_INLINE void pipe_fill_loop(const enum bench_mode mode, void **slot)
{
	unsigned int i;
	size_t size;

	for (i = 0; i < pipe.block; i++) {
		size = pipe.size ? pipe.size : pipe_mix[i % PIPE_MIX];
		slot[i] = bench_get(mode, size, &pipe_stand_in);
	}
}

static void pipe_fill(void *slot)
{
	if (pipe.mode == BENCH_TOUCH)
		pipe_fill_loop(BENCH_TOUCH, slot);
	else if (pipe.mode == BENCH_PLAIN)
		pipe_fill_loop(BENCH_PLAIN, slot);
	else
		pipe_fill_loop(BENCH_EMPTY, slot);
}

BENCH_INLINE void pipe_drop_loop(const enum bench_mode mode, void **slot)
{
	unsigned int i;

	for (i = 0; i < pipe.block; i++)
		bench_put(mode, slot[pipe_order[i]]);
}

static void pipe_drop(void *slot)
{
	if (pipe.mode == BENCH_EMPTY)
		pipe_drop_loop(BENCH_EMPTY, slot);
	else
		pipe_drop_loop(BENCH_TOUCH, slot);
}

static void **pipe_slot(const struct pipe_ring *g, unsigned long block)
{
	return g->slot + block % pipe.depth * pipe.block;
}

/* One more block into a ring; false if it is full. */
static bool pipe_put(struct pipe_ring *g)
{
	const unsigned long head = g->head;

	/* Pairs with the release in pipe_take(): the slots were read. */
	if (head - __atomic_load_n(&g->tail, __ATOMIC_ACQUIRE) == pipe.depth)
		return false;
	bench_call(pipe.round, pipe_fill, pipe_slot(g, head));
	/* Pairs with the acquire in pipe_take(): the slots are written. */
	__atomic_store_n(&g->head, head + 1, __ATOMIC_RELEASE);
	return true;
}

static bool pipe_take(struct pipe_ring *g)
{
	const unsigned long tail = g->tail;

	/* Pairs with the release in pipe_put(). */
	if (__atomic_load_n(&g->head, __ATOMIC_ACQUIRE) == tail)
		return false;
	bench_call(pipe.round, pipe_drop, pipe_slot(g, tail));
	/* Pairs with the acquire in pipe_put(). */
	__atomic_store_n(&g->tail, tail + 1, __ATOMIC_RELEASE);
	return true;
}

static bool pipe_wanted(const struct pipe_ring *g)
{
	if (pipe.blocks_wanted)
		return g->head < pipe.blocks_wanted;
	return !__atomic_load_n(&pipe.stop, __ATOMIC_RELAXED);
}

static void pipe_produce(unsigned int first)
{
	unsigned int i, turns = 0;
	bool wanted, moved;

	do {
		wanted = moved = false;
		for (i = first; i < pipe.rings; i += pipe.producers) {
			if (!pipe_wanted(&pipe_rings[i]))
				continue;
			wanted = true;
			moved |= pipe_put(&pipe_rings[i]);
		}
		if (!moved)
			bench_wait(&turns, pipe.producers + pipe.consumers);
	} while (wanted);
	/* Pairs with the acquire in pipe_consume(): all heads are final. */
	__atomic_sub_fetch(&pipe.producing, 1, __ATOMIC_RELEASE);
}

static void pipe_consume(unsigned int first)
{
	unsigned int i, turns = 0;
	bool over, moved;

	do {
		moved = false;
		/* Pairs with the release in pipe_produce(): looked at before the rings. */
		over = !__atomic_load_n(&pipe.producing, __ATOMIC_ACQUIRE);
		for (i = first; i < pipe.rings; i += pipe.consumers)
			moved |= pipe_take(&pipe_rings[i]);
		if (!moved && !over)
			bench_wait(&turns, pipe.producers + pipe.consumers);
	} while (moved || !over);
}

static void pipe_thread(void *arg, unsigned int i)
{
	(void)arg;
	if (i < pipe.producers)
		pipe_produce(i);
	else
		pipe_consume(i - pipe.producers);
}

static void pipe_round(struct bench_round *r)
{
	const unsigned long block = pipe.block;
	unsigned int i;

	for (i = 0; i < pipe.rings; i++)
		pipe_rings[i].head = pipe_rings[i].tail = 0;
	pipe.mode = r->mode;
	pipe.round = r;
	pipe.blocks_wanted = (r->ops_wanted / pipe.rings + block - 1) / block;
	pipe.producing = pipe.producers;
	bench_team(r, pipe.producers + pipe.consumers, pipe_thread, NULL, &pipe.stop);
	r->ops = 0;
	for (i = 0; i < pipe.rings; i++)
		r->ops += pipe_rings[i].tail * block;
}

static void pipe_end(void)
{
}

/* A ring may be full, and each side in the middle of a block of it. */
static unsigned long pipe_live(const struct bench_opts *o)
{
	return (unsigned long)pipe.rings * pipe.depth * pipe.block *
	       (o->size ? o->size : BENCH_MIX_MAX);
}

static bool producer_consumer_begin(const struct bench_opts *o)
{
	pipe.producers = o->producers;
	pipe.consumers = o->consumers;
	return o->largest == BENCH_MIX_MAX && pipe_begin(o, PIPE_MAX_DEPTH, 64);
}

static bool free_only_begin(const struct bench_opts *o)
{
	pipe.producers = pipe.consumers = 1;
	pipe.shuffled = true;
	return o->largest == BENCH_MIX_MAX && pipe_begin(o, 2, PIPE_MAX_BLOCK);
}

const struct bench_workload bench_producer_consumer = {
	"producer_consumer", "some threads allocate, others free (--producers, --consumers)",
	producer_consumer_begin, pipe_round, pipe_end, pipe_live,
};

const struct bench_workload bench_free_only = {
	"free_only", "one thread allocates, another does nothing but free",
	free_only_begin, pipe_round, pipe_end, pipe_live,
};
