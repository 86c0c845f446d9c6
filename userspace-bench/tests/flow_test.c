// SPDX-License-Identifier: GPL-2.0
/*
 * Objects that are allocated by some threads and freed by others, for long.  What is held must
 * stay within the live bytes, a quarter of them, and 1 MiB for each class.
 *
 * Live bytes are held constant by rings of fixed length.  They are large against the 2 MiB in
 * which memory is taken, so that the bound means something.
 */
#define _GNU_SOURCE
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS	17
#define CLASS_BUDGET	(1UL << 20)

/* One producer's or one consumer's ring; slots are handed over by exchanging NULL. */
struct ring {
	void **slot;
	size_t length;
};

struct flow {
	size_t producers, consumers;
	const size_t *size;		/* of objects, by turns */
	size_t sizes;
	size_t length;			/* objects in flight in a ring */
	uint64_t objects;		/* of each ring in all */
	uint64_t peak;			/* of held_bytes(), looked at by the consumers */
	struct ring ring[MAX_THREADS];
};

struct worker {
	struct flow *flow;
	size_t first, step;	/* its rings: first, first + step, ... */
	pthread_t thread;
};

static size_t rings(const struct flow *f)
{
	return f->producers > f->consumers ? f->producers : f->consumers;
}

static void put(struct ring *ring, uint64_t i, void *p)
{
	void **slot = &ring->slot[i % ring->length];

	while (__atomic_load_n(slot, __ATOMIC_ACQUIRE))
		sched_yield();
	__atomic_store_n(slot, p, __ATOMIC_RELEASE);
}

/* Object @i of @objects, once 7 of 8 places behind it are filled: so many are always live. */
static void *take(struct ring *ring, uint64_t i, uint64_t objects)
{
	uint64_t behind = i + ring->length / 8 * 7;
	void **slot = &ring->slot[i % ring->length], *p;

	while (behind < objects &&
	       !__atomic_load_n(&ring->slot[behind % ring->length], __ATOMIC_ACQUIRE))
		sched_yield();
	while (!(p = __atomic_load_n(slot, __ATOMIC_ACQUIRE)))
		sched_yield();
	__atomic_store_n(slot, NULL, __ATOMIC_RELEASE);
	return p;
}

static void *produce(void *arg)
{
	struct worker *w = arg;
	struct flow *f = w->flow;
	uint64_t i, *p;
	size_t r, size;

	for (i = 0; i < f->objects && !check_failed(); i++) {
		for (r = w->first; r < rings(f); r += w->step) {
			size = f->size[i % f->sizes];
			p = malloc(size);
			p[0] = p[size / 8 - 1] = i;
			put(&f->ring[r], i, p);
		}
	}
	return NULL;
}

static void note_peak(struct flow *f)
{
	uint64_t held = held_bytes(), peak = __atomic_load_n(&f->peak, __ATOMIC_RELAXED);

	while (held > peak && !__atomic_compare_exchange_n(&f->peak, &peak, held, false,
							   __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

static void *consume(void *arg)
{
	struct worker *w = arg;
	struct flow *f = w->flow;
	uint64_t i, *p;
	size_t r, size;

	for (i = 0; i < f->objects && !check_failed(); i++) {
		for (r = w->first; r < rings(f); r += w->step) {
			p = take(&f->ring[r], i, f->objects);
			size = f->size[i % f->sizes];
			expect(p[0] == i && p[size / 8 - 1] == i, "object %llu says it is %llu",
			       (unsigned long long)i, (unsigned long long)p[0]);
			free(p);
		}
		if (i % 4096 == 0 && under_hakmem())
			note_peak(f);
	}
	return NULL;
}

/* The rings' own arrays are large, so hakmem does not hold them. */
static uint64_t flow_live(const struct flow *f)
{
	uint64_t each = 0;
	size_t i;

	for (i = 0; i < f->sizes; i++)
		each += f->size[i];
	return each * f->length * rings(f) / f->sizes;
}

static void start_all(struct worker *w, size_t n, void *(*body)(void *), struct flow *f)
{
	size_t i;

	for (i = 0; i < n; i++) {
		w[i] = (struct worker){ .flow = f, .first = i, .step = n };
		if (pthread_create(&w[i].thread, NULL, body, &w[i]))
			_Exit(1);
	}
}

static void flow_run(struct flow *f)
{
	static struct worker producer[MAX_THREADS], consumer[MAX_THREADS];
	uint64_t bound;
	size_t i;

	for (i = 0; i < rings(f); i++)
		f->ring[i] = (struct ring){ calloc(f->length, sizeof(void *)), f->length };
	start_all(producer, f->producers, produce, f);
	start_all(consumer, f->consumers, consume, f);
	for (i = 0; i < f->producers; i++)
		pthread_join(producer[i].thread, NULL);
	for (i = 0; i < f->consumers; i++)
		pthread_join(consumer[i].thread, NULL);
	bound = flow_live(f) * 5 / 4 + CLASS_BUDGET * f->sizes;
	expect(!under_hakmem() || f->peak <= bound, "%llu bytes were held, more than %llu for "
	       "%llu live", (unsigned long long)f->peak, (unsigned long long)bound,
	       (unsigned long long)flow_live(f));
	expect(!under_hakmem() || f->peak > flow_live(f) / 2, "%llu bytes held: whose are they?",
	       (unsigned long long)f->peak);
	for (i = 0; i < rings(f); i++)
		free(f->ring[i].slot);
	expect_audit_clean();
	expect(!under_hakmem() || !stat_bad_frees(), "good frees were taken for bad ones");
}

static const size_t one_size[] = { 64 };
static const size_t eight_sizes[] = { 16, 32, 64, 128, 256, 512, 768, 1024 };

/* A case: producers, consumers, sizes, and objects of each ring in flight and in all. */
#define FLOW(name, from, to, sizes, flying, all)				\
static void name(void)								\
{										\
	static struct flow f = { from, to, sizes, COUNT(sizes), flying, all, 0, { } }; \
										\
	flow_run(&f);								\
}

FLOW(one_thread_only_frees, 1, 1, one_size, 1 << 19, 1 << 22)
FLOW(one_thread_only_frees_many_sizes, 1, 1, eight_sizes, 1 << 17, 1 << 20)
FLOW(one_producer_16_consumers, 1, 16, one_size, 1 << 15, 1 << 18)
FLOW(sixteen_producers_one_consumer, 16, 1, one_size, 1 << 15, 1 << 18)
FLOW(sixteen_producers_many_sizes, 16, 1, eight_sizes, 1 << 13, 1 << 16)
FLOW(one_producer_many_sizes, 1, 16, eight_sizes, 1 << 13, 1 << 16)

static const struct check_case cases[] = {
	{ "one_thread_only_frees", one_thread_only_frees, 0 },
	{ "one_thread_only_frees_many_sizes", one_thread_only_frees_many_sizes, 0 },
	{ "one_producer_16_consumers", one_producer_16_consumers, 0 },
	{ "sixteen_producers_one_consumer", sixteen_producers_one_consumer, 0 },
	{ "one_producer_16_consumers_many_sizes", one_producer_many_sizes, 0 },
	{ "sixteen_producers_many_sizes", sixteen_producers_many_sizes, 0 },
	{ NULL, NULL, 0 },
};

int main(int argc, char **argv)
{
	return check_main(argc, argv, cases, 1, 0);
}
