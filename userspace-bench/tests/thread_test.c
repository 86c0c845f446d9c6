// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that come and go.  They die holding objects and magazines, pass objects to each other,
 * are many at once, and free after the allocator's own thread exit.
 */
#define _GNU_SOURCE
#include "check.h"
#include "kunit/lib/hak_pattern.h"
#include "kunit/lib/hak_random.h"
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#define CROWD		600	/* more live threads than any small number of slots */

/* An object that can be checked by whoever gets hold of it. */
struct parcel {
	uint64_t key;
	size_t size;		/* of the whole */
	unsigned char rest[];
};

static struct parcel *parcel_new(unsigned long long *state)
{
	uint64_t key = hak_random(state);
	size_t size = sizeof(struct parcel) + key % (key & 256 ? 1100 : 200);
	struct parcel *parcel = malloc(size);

	if (!parcel)
		return NULL;
	parcel->key = key;
	parcel->size = size;
	hak_pattern_fill(parcel->rest, size - sizeof(*parcel), key);
	return parcel;
}

static void parcel_free(struct parcel *parcel)
{
	if (!parcel)
		return;
	expect(parcel->size < 2000 &&
	       hak_pattern_holds(parcel->rest, parcel->size - sizeof(*parcel), parcel->key),
	       "content of %p changed on its way", (void *)parcel);
	free(parcel);
}

/* Places where threads leave parcels for each other. */
static struct parcel *exchange[512];

static void exchange_empty(void)
{
	size_t i;

	for (i = 0; i < COUNT(exchange); i++)
		parcel_free(__atomic_exchange_n(&exchange[i], NULL, __ATOMIC_ACQ_REL));
}

/* Swaps parcels with strangers for a while, and dies with its magazines full. */
static void *trader(void *arg)
{
	unsigned long long state = (uintptr_t)arg;
	unsigned int ops = hak_below(&state, 400);
	struct parcel *own[16] = { };
	size_t i, place;

	while (ops--) {
		i = hak_below(&state, COUNT(own));
		place = hak_below(&state, COUNT(exchange));
		if (!own[i])
			own[i] = parcel_new(&state);
		own[i] = __atomic_exchange_n(&exchange[place], own[i], __ATOMIC_ACQ_REL);
		if (hak_below(&state, 2)) {
			parcel_free(own[i]);
			own[i] = NULL;
		}
	}
	/* What it holds goes to whoever looks there; what was there is freed by a dying thread. */
	for (i = 0; i < COUNT(own); i++) {
		place = hak_below(&state, COUNT(exchange));
		parcel_free(__atomic_exchange_n(&exchange[place], own[i], __ATOMIC_ACQ_REL));
	}
	return NULL;
}

static void start(pthread_t *thread, void *(*body)(void *), void *arg)
{
	pthread_attr_t attr;
	int error;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	error = pthread_create(thread, &attr, body, arg);
	pthread_attr_destroy(&attr);
	if (error) {
		check_fail(__FILE__, __LINE__, "pthread_create: %s", strerror(error));
		_Exit(1);
	}
}

static void expect_whole(void)
{
	expect_audit_clean();
	expect(!under_hakmem() || !stat_bad_frees(), "%llu good frees were taken for bad ones",
	       (unsigned long long)stat_bad_frees());
}

static void dying_traders(void)
{
	pthread_t thread[12] = { };
	unsigned long long state = check_seed;
	size_t i, k;

	for (i = 0; i < check_ops && !check_failed(); i++) {
		k = hak_below(&state, COUNT(thread));
		if (thread[k])
			pthread_join(thread[k], NULL);
		start(&thread[k], trader, (void *)(uintptr_t)hak_random(&state));
	}
	for (k = 0; k < COUNT(thread); k++)
		if (thread[k])
			pthread_join(thread[k], NULL);
	exchange_empty();
	expect_whole();
}

static void *short_life(void *arg)
{
	void *p[40];
	size_t i;

	for (i = 0; i < COUNT(p); i++)
		p[i] = malloc(16 + (uintptr_t)arg % 900);
	for (i = 0; i < COUNT(p); i++)
		free(p[i]);
	return NULL;
}

/* What each of thousands of threads leaves must be what the next one uses. */
static void short_lives_leave_nothing(void)
{
	uint64_t held = 0;
	pthread_t thread;
	uintptr_t i;

	for (i = 0; i < 8000 && !check_failed(); i++) {
		start(&thread, short_life, (void *)i);
		pthread_join(thread, NULL);
		if (i == 2000)
			held = held_bytes();
	}
	expect(!under_hakmem() || held_bytes() <= held + (4 << 20),
	       "%llu bytes are held after 8000 threads, %llu after 2000",
	       (unsigned long long)held_bytes(), (unsigned long long)held);
	expect_whole();
}

static void *unjoined_life(void *arg)
{
	short_life(arg);
	sem_post(arg);
	return NULL;
}

static void detached_threads(void)
{
	pthread_t thread;
	sem_t done;
	size_t i;

	sem_init(&done, 0, 0);
	for (i = 0; i < 2000; i++) {
		start(&thread, unjoined_life, &done);
		pthread_detach(thread);
		if (i % 8 == 7)
			sem_wait(&done), sem_wait(&done), sem_wait(&done), sem_wait(&done),
			sem_wait(&done), sem_wait(&done), sem_wait(&done), sem_wait(&done);
	}
	/* They may be on their last steps; the audit is for the other cases. */
	expect(!under_hakmem() || !stat_bad_frees(), "good frees were taken for bad ones");
}

static pthread_barrier_t barrier;

static void *one_of_a_crowd(void *arg)
{
	unsigned long long state = (uintptr_t)arg;
	struct parcel *own[64], *passed;
	size_t i, place;

	for (i = 0; i < COUNT(own); i++)
		own[i] = parcel_new(&state);
	pthread_barrier_wait(&barrier);
	for (i = 0; i < COUNT(own); i++) {
		passed = own[i];
		place = hak_below(&state, COUNT(exchange));
		if (i & 1)
			passed = __atomic_exchange_n(&exchange[place], passed, __ATOMIC_ACQ_REL);
		parcel_free(passed);
	}
	pthread_barrier_wait(&barrier);
	for (i = 0; i < 200; i++)
		parcel_free(parcel_new(&state));
	return NULL;
}

/* All of them hold objects at the same time, and all of them go on. */
static void a_crowd_at_once(void)
{
	static pthread_t thread[CROWD];
	int round;
	size_t i;

	for (round = 0; round < 2; round++) {
		pthread_barrier_init(&barrier, NULL, CROWD);
		for (i = 0; i < CROWD; i++)
			start(&thread[i], one_of_a_crowd, (void *)(i + 1));
		for (i = 0; i < CROWD; i++)
			pthread_join(thread[i], NULL);
		pthread_barrier_destroy(&barrier);
		exchange_empty();
		expect_whole();
	}
}

/*
 * Destructors of keys and of thread_local objects run in an order a library cannot choose.  They
 * may allocate and free when the allocator's own has run already.  A destructor that sets its key
 * again is called again.
 */
static pthread_key_t keys[8];

struct visit {
	struct parcel *parcel;
	unsigned long long state;
	size_t key;
	int rounds;
};

static void key_destructor(void *arg)
{
	struct visit *visit = arg;

	parcel_free(visit->parcel);
	visit->parcel = parcel_new(&visit->state);
	if (visit->rounds-- > 0) {
		pthread_setspecific(keys[visit->key], visit);
		return;
	}
	parcel_free(visit->parcel);
	free(visit);
}

extern int __cxa_thread_atexit_impl(void (*destroy)(void *), void *object, void *dso);
extern void *__dso_handle;

static void local_destructor(void *arg)
{
	parcel_free(arg);
	free(malloc(100));
}

static void *with_destructors(void *arg)
{
	unsigned long long state = (uintptr_t)arg;
	struct visit *visit;
	size_t i;

	for (i = 0; i < COUNT(keys); i++) {
		visit = malloc(sizeof(*visit));
		*visit = (struct visit){ parcel_new(&state), state + i, i, (int)(i % 4) };
		pthread_setspecific(keys[i], visit);
	}
	for (i = 0; i < 3; i++)
		__cxa_thread_atexit_impl(local_destructor, parcel_new(&state), &__dso_handle);
	return NULL;
}

/* A thread whose first call of the allocator is in a destructor. */
static void late_destructor(void *arg)
{
	unsigned long long state = (uintptr_t)arg;

	parcel_free(parcel_new(&state));
}

static void *touches_nothing(void *arg)
{
	pthread_setspecific(*(pthread_key_t *)arg, arg);
	return NULL;
}

static void destructors_may_free(void)
{
	pthread_t thread[4];
	pthread_key_t late;
	uint64_t held = 0;
	size_t i, k;

	for (i = 0; i < COUNT(keys); i++)
		pthread_key_create(&keys[i], key_destructor);
	pthread_key_create(&late, late_destructor);
	for (i = 0; i < 1500 && !check_failed(); i++) {
		for (k = 0; k < 3; k++)
			start(&thread[k], with_destructors, (void *)(i * 4 + k + 1));
		start(&thread[3], touches_nothing, &late);
		for (k = 0; k < 4; k++)
			pthread_join(thread[k], NULL);
		if (i == 300)
			held = held_bytes();
	}
	expect(!under_hakmem() || held_bytes() <= held + (4 << 20), "%llu bytes are held, %llu "
	       "were", (unsigned long long)held_bytes(), (unsigned long long)held);
	expect_whole();
}

/* A thread that never allocated frees what others did, and ends. */
static void *frees_an_array(void *arg)
{
	struct parcel **own = arg;
	size_t i;

	for (i = 0; i < 1000; i++)
		parcel_free(own[i]);
	return NULL;
}

static void strangers_may_free(void)
{
	static struct parcel *own[1000];
	unsigned long long state = check_seed;
	uint64_t held = 0;
	pthread_t thread;
	size_t i, round;

	for (round = 0; round < 300 && !check_failed(); round++) {
		for (i = 0; i < COUNT(own); i++)
			own[i] = parcel_new(&state);
		start(&thread, frees_an_array, own);
		pthread_join(thread, NULL);
		if (round == 20)
			held = held_bytes();
	}
	expect(!under_hakmem() || held_bytes() <= held + (8 << 20), "%llu bytes are held, %llu "
	       "were", (unsigned long long)held_bytes(), (unsigned long long)held);
	expect_whole();
}

static const struct check_case cases[] = {
	{ "dying_traders", dying_traders, 0 },
	{ "short_lives_leave_nothing", short_lives_leave_nothing, 0 },
	{ "detached_threads", detached_threads, 0 },
	{ "a_crowd_at_once", a_crowd_at_once, 0 },
	{ "destructors_may_free", destructors_may_free, 0 },
	{ "strangers_may_free", strangers_may_free, 0 },
	{ NULL, NULL, 0 },
};

int main(int argc, char **argv)
{
	return check_main(argc, argv, cases, 1, 3000);
}
