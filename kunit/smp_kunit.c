// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_smp: two CPUs free each other's objects.
 *
 * Bound threads pass objects through rings.  Each object carries its address, its sender and a
 * serial number, which the receiver checks before it frees.  An object in two places at once
 * arrives with another one's number.
 */
#include "kunit/hak_kunit.h"
#include <linux/completion.h>
#include <linux/kthread.h>

#define RING 256
#define ITEMS 60000

struct item {
	u64 address;
	u64 sender;
	u64 serial;
};

/* One producer, one consumer. */
struct ring {
	struct item *slot[RING];
	unsigned long head;	/* written by the producer only */
	unsigned long tail;	/* written by the consumer only */
};

struct smp_test;

struct worker {
	struct smp_test *t;
	struct ring *out, *in;
	u64 id, from;
	unsigned long sent, received, spoilt, failed;
	long peak;		/* pages held, at the worst */
	struct completion done;
};

struct smp_test {
	struct hak_cache *c;		/* NULL: hak_alloc() */
	size_t size;
	struct ring ring[2];
	struct worker worker[2];
};

static bool ring_put(struct ring *r, struct item *item)
{
	/* Pairs with ring_get(): the slot has been read. */
	if (r->head - smp_load_acquire(&r->tail) == RING)
		return false;
	r->slot[r->head % RING] = item;
	/* Pairs with ring_get(): the slot is filled. */
	smp_store_release(&r->head, r->head + 1);
	return true;
}

static struct item *ring_get(struct ring *r)
{
	struct item *item;

	/* Pairs with ring_put(): the slot is filled. */
	if (smp_load_acquire(&r->head) == r->tail)
		return NULL;
	item = r->slot[r->tail % RING];
	/* Pairs with ring_put(): the slot has been read. */
	smp_store_release(&r->tail, r->tail + 1);
	return item;
}

static bool send_one(struct worker *w)
{
	struct item *item;

	if (w->out->head - READ_ONCE(w->out->tail) == RING)
		return false;
	item = w->t->c ? hak_cache_alloc(w->t->c, GFP_KERNEL) : hak_alloc(w->t->size, GFP_KERNEL);
	if (!item) {
		w->failed++;
		return false;
	}
	item->address = (u64)(unsigned long)item;
	item->sender = w->id;
	item->serial = w->sent++;
	return ring_put(w->out, item);
}

static bool receive_one(struct worker *w)
{
	struct item *item = ring_get(w->in);

	if (!item)
		return false;
	w->spoilt += item->address != (u64)(unsigned long)item || item->sender != w->from ||
		     item->serial != w->received;
	w->received++;
	if (w->t->c && w->received & 1)
		hak_cache_free(w->t->c, item);
	else
		hak_free(item);
	return true;
}

static int worker_fn(void *arg)
{
	struct worker *w = arg;
	bool moved;

	while ((w->out && w->sent < ITEMS) || (w->in && w->received < ITEMS)) {
		moved = w->out && w->sent < ITEMS && send_one(w);
		moved |= w->in && w->received < ITEMS && receive_one(w);
		if (!((w->sent + w->received) % 1024))
			w->peak = max(w->peak, atomic_long_read(&hak_mem_stat[HAK_MEM_PAGES]));
		/* Where both share a CPU, the other one is to run: nothing else makes it. */
		if (!moved)
			hak_kunit_wait();
	}
	complete(&w->done);
	return 0;
}

static void start(struct kunit *test, struct worker *w, unsigned int cpu)
{
	struct task_struct *task = kthread_create(worker_fn, w, "hak-smp/%u", cpu);

	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	kthread_bind(task, cpu);
	wake_up_process(task);
}

/* The CPU of worker @i; the first one again where there is no second. */
static unsigned int cpu_of(unsigned int i)
{
	unsigned int first = cpumask_first(cpu_online_mask);
	unsigned int second = cpumask_next(first, cpu_online_mask);

	return i && second < nr_cpu_ids ? second : first;
}

static struct hak_core *core_of(const struct smp_test *t)
{
	return cache_core(t->c ?: hak_class[hak_size_class(t->size)]);
}

/* How often the locks of the depot of @t's objects were taken. */
static u64 depot_locks(const struct smp_test *t)
{
	u64 n = 0;
	int nid;

	for_each_node(nid)
		n += core_of(t)->depot[nid].locked;
	return n;
}

/* A magazine is put into the depot once and taken out once; a tenth more for the first ones. */
static void expect_few_locks(struct kunit *test, const struct smp_test *t, u64 locks)
{
	u64 objects = t->worker[0].sent + t->worker[1].sent;
	unsigned int mag = min_t(unsigned int, core_of(t)->mag_max,
				 max(HAK_MAG_FIRST, HAK_MAG_BYTES / core_of(t)->pool.stride));

	KUNIT_EXPECT_LE(test, locks, 2 * objects / mag * 11 / 10 + 32);
	/* What one CPU only frees and another of its node only allocates goes no other way. */
	if (cpu_of(0) != cpu_of(1) && num_online_nodes() == 1 && !t->worker[1].sent &&
	    hak_config_get()->cache_bytes_max)
		KUNIT_EXPECT_GT(test, locks, 0);
}

static struct smp_test *smp_run(struct kunit *test, struct hak_cache *c, size_t size,
				bool both)
{
	struct smp_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	u64 locks;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->c = c;
	t->size = size;
	hak_shrink_all();
	locks = depot_locks(t);
	for (i = 0; i < 2; i++) {
		struct worker *w = &t->worker[i];

		w->t = t;
		w->id = 77 + i;
		w->from = 78 - i;
		w->out = both || !i ? &t->ring[i] : NULL;
		w->in = both || i ? &t->ring[1 - i] : NULL;
		init_completion(&w->done);
	}
	for (i = 0; i < 2; i++)
		start(test, &t->worker[i], cpu_of(i));
	for (i = 0; i < 2; i++)
		wait_for_completion(&t->worker[i].done);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, t->worker[i].spoilt, 0);
		KUNIT_EXPECT_EQ(test, t->worker[i].failed, 0);
		KUNIT_EXPECT_EQ(test, t->worker[i].sent, both || !i ? ITEMS : 0);
		KUNIT_EXPECT_EQ(test, t->worker[i].received, both || i ? ITEMS : 0);
	}
	expect_few_locks(test, t, depot_locks(t) - locks);
	KUNIT_EXPECT_EQ(test, hak_audit(0), 0);
	return t;
}

static void one_producer_one_consumer_of_a_class(struct kunit *test)
{
	smp_run(test, NULL, 64, false);
}

static void one_producer_one_consumer_of_a_cache(struct kunit *test)
{
	smp_run(test, hak_kunit_cache(test, "kunit-smp", 40, NULL, 0), 40, false);
}

static void both_directions_of_a_class(struct kunit *test)
{
	smp_run(test, NULL, 64, true);
}

static void both_directions_of_a_cache(struct kunit *test)
{
	smp_run(test, hak_kunit_cache(test, "kunit-smp2", 40, NULL, 0), 40, true);
}

static void both_directions_of_a_gated_cache(struct kunit *test)
{
	smp_run(test, hak_kunit_cache(test, "kunit-smp3", 40, NULL, SLAB_TYPESAFE_BY_RCU), 40,
		true);
}

static void both_directions_in_small_blocks(struct kunit *test)
{
	hak_kunit_small_blocks(test);
	smp_run(test, NULL, 64, true);
}

/* 60 MB of objects pass; what is held is a ring, the magazines and one SuperSlab or two. */
static void cpu_that_only_frees_keeps_memory_bounded(struct kunit *test)
{
	struct smp_test *t = smp_run(test, NULL, 1024, false);
	long bound = hak_config_get()->fixed_pages +
		     (2 * HAK_SS_SIZE + hak_config_get()->cache_bytes_max) / PAGE_SIZE;

	KUNIT_EXPECT_LE(test, max(t->worker[0].peak, t->worker[1].peak), bound);
	KUNIT_EXPECT_GT(test, max(t->worker[0].peak, t->worker[1].peak), 0);
	KUNIT_EXPECT_LT(test, bound * PAGE_SIZE, ITEMS * 1024);
	KUNIT_EXPECT_EQ(test, hak_shrink_all(), hak_config_get()->fixed_pages);
}

static struct kunit_case smp_cases[] = {
	KUNIT_CASE_SLOW(one_producer_one_consumer_of_a_class),
	KUNIT_CASE_SLOW(one_producer_one_consumer_of_a_cache),
	KUNIT_CASE_SLOW(both_directions_of_a_class),
	KUNIT_CASE_SLOW(both_directions_of_a_cache),
	KUNIT_CASE_SLOW(both_directions_of_a_gated_cache),
	KUNIT_CASE_SLOW(both_directions_in_small_blocks),
	KUNIT_CASE_SLOW(cpu_that_only_frees_keeps_memory_bounded),
	{}
};

struct kunit_suite hak_smp_suite = {
	.name = "hakmem_smp",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = smp_cases,
};
