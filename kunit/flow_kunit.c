// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_flow: many threads that only allocate, many that only free.
 *
 * Objects flow one way, from 16 threads to one or from one to 16.  So every magazine is filled on
 * one CPU and emptied on the other.  What is held may be what was live at the worst, a quarter of
 * it, and the byte budget.
 */
#include "kunit/hak_kunit.h"
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>

#define FLOW_RING 6000
#define FLOW_ITEMS 120000
#define FLOW_SIZE 512

struct flow {
	spinlock_t lock;	/* everything below but for done */
	void *slot[FLOW_RING];
	unsigned int n;		/* objects in slot, the newest last */
	unsigned int most;	/* of n, so far */
	unsigned int to_send, to_receive;
	unsigned int failed;
	long peak;		/* pages held, at the worst */
	atomic_t running;
	struct completion done;
};

/* Reserve the right to send or receive one more; false when all have been. */
static bool flow_claim(struct flow *f, unsigned int *left)
{
	bool mine;

	spin_lock(&f->lock);
	mine = *left > 0;
	*left -= mine;
	spin_unlock(&f->lock);
	return mine;
}

static void flow_end(struct flow *f)
{
	if (atomic_dec_and_test(&f->running))
		complete(&f->done);
}

static bool flow_put(struct flow *f, void *p)
{
	long pages = atomic_long_read(&hak_mem_stat[HAK_MEM_PAGES]);
	bool room;

	spin_lock(&f->lock);
	room = f->n < FLOW_RING;
	if (room)
		f->slot[f->n++] = p;
	f->most = max(f->most, f->n);
	f->peak = max(f->peak, pages);
	spin_unlock(&f->lock);
	return room;
}

static void *flow_get(struct flow *f)
{
	void *p = NULL;

	spin_lock(&f->lock);
	if (f->n)
		p = f->slot[--f->n];
	spin_unlock(&f->lock);
	return p;
}

static int flow_producer(void *arg)
{
	struct flow *f = arg;

	while (flow_claim(f, &f->to_send)) {
		void *p = hak_alloc(FLOW_SIZE, GFP_KERNEL);

		if (!p) {
			f->failed++;
			break;
		}
		while (!flow_put(f, p))
			hak_kunit_wait();
	}
	flow_end(f);
	return 0;
}

static int flow_consumer(void *arg)
{
	struct flow *f = arg;
	void *p;

	while (flow_claim(f, &f->to_receive)) {
		while (!(p = flow_get(f)))
			hak_kunit_wait();
		hak_free(p);
	}
	flow_end(f);
	return 0;
}

static void flow_start(struct kunit *test, struct flow *f, int (*fn)(void *), unsigned int n,
		       unsigned int cpu)
{
	while (n--) {
		struct task_struct *task = kthread_create(fn, f, "hak-flow/%u", cpu);

		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
		kthread_bind(task, cpu);
		wake_up_process(task);
	}
}

static void flow_run(struct kunit *test, unsigned int producers, unsigned int consumers)
{
	struct flow *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	unsigned int first = cpumask_first(cpu_online_mask);
	unsigned int second = cpumask_next(first, cpu_online_mask);
	/* Besides what a cache may retain: an empty SuperSlab, and one begun with magazines. */
	u64 budget = hak_config_get()->cache_bytes_max + 2 * HAK_SS_SIZE;

	KUNIT_ASSERT_NOT_NULL(test, f);
	hak_shrink_all();
	spin_lock_init(&f->lock);
	f->to_send = FLOW_ITEMS;
	f->to_receive = FLOW_ITEMS;
	atomic_set(&f->running, producers + consumers);
	init_completion(&f->done);
	flow_start(test, f, flow_producer, producers, first);
	flow_start(test, f, flow_consumer, consumers, second < nr_cpu_ids ? second : first);
	wait_for_completion(&f->done);
	KUNIT_EXPECT_EQ(test, f->failed, 0);
	KUNIT_EXPECT_EQ(test, f->n, 0);
	/* Each producer and consumer holds one object besides those in the ring. */
	KUNIT_EXPECT_LE(test, f->peak * PAGE_SIZE,
			(f->most + producers + consumers) * FLOW_SIZE * 5ULL / 4 + budget);
	KUNIT_EXPECT_LT_MSG(test, f->peak * PAGE_SIZE, FLOW_ITEMS * (u64)FLOW_SIZE / 2,
			    "far less than has passed");
	KUNIT_EXPECT_EQ(test, hak_shrink_all(), hak_config_get()->fixed_pages);
}

static void sixteen_producers_one_consumer(struct kunit *test)
{
	flow_run(test, 16, 1);
}

static void one_producer_sixteen_consumers(struct kunit *test)
{
	flow_run(test, 1, 16);
}

static void one_producer_one_cpu_that_only_frees(struct kunit *test)
{
	flow_run(test, 1, 1);
}

#define CROWD 8

struct crowd {
	atomic_t arrived;		/* those at the start */
	atomic_t running;
	struct completion done;
	void *p[CROWD];
};

struct crowd_member {
	struct crowd *c;
	unsigned int i;
};

static int crowd_fn(void *arg)
{
	struct crowd_member *m = arg;
	struct crowd *c = m->c;

	atomic_inc(&c->arrived);
	while (atomic_read(&c->arrived) < CROWD)
		hak_kunit_wait();
	/* A class each, so that none is served from another's slab. */
	c->p[m->i] = hak_alloc((m->i + 1) * 64, GFP_KERNEL);
	if (atomic_dec_and_test(&c->running))
		complete(&c->done);
	return 0;
}

static long superslabs(void)
{
	return atomic_long_read(&hak_mem_stat[HAK_MEM_SS]);
}

static long retired(void)
{
	return atomic_long_read(&hak_mem_stat[HAK_MEM_RETIRED]);
}

/* One on each node; none where memory is too broken up. */
static bool too_many(void)
{
	return superslabs() > num_node_state(N_MEMORY);
}

/* What the kernel itself asked for meanwhile goes a little later. */
static void none_is_left(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 100; i++) {
		hak_shrink_all();
		if (!superslabs())
			return;
		msleep(20);
	}
	KUNIT_EXPECT_EQ(test, superslabs(), 0);
}

/* Returns false if the kernel took pages meanwhile, so that there was no room for all. */
static bool crowd_round(struct kunit *test, struct crowd *c, struct crowd_member *m)
{
	unsigned int i, cpu = cpumask_first(cpu_online_mask);
	long before;

	none_is_left(test);
	before = retired();
	atomic_set(&c->arrived, 0);
	atomic_set(&c->running, CROWD);
	init_completion(&c->done);
	for (i = 0; i < CROWD; i++) {
		struct task_struct *task = kthread_create(crowd_fn, &m[i], "hak-crowd/%u", i);

		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
		m[i] = (struct crowd_member){ .c = c, .i = i };
		kthread_bind(task, cpu);
		wake_up_process(task);
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
	}
	wait_for_completion(&c->done);
	/* They are counted when they have gone. */
	for (i = 0; i < 100 && too_many() && retired() == before; i++)
		msleep(20);
	return retired() == before;
}

#define CROWD_ROUNDS 20

static void many_that_find_no_page_add_one_superslab(struct kunit *test)
{
	struct crowd *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	struct crowd_member *m = kunit_kcalloc(test, CROWD, sizeof(*m), GFP_KERNEL);
	unsigned int round, tries, i;

	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_ASSERT_NOT_NULL(test, m);
	for (round = 0, tries = 0; round < CROWD_ROUNDS && tries < 10 * CROWD_ROUNDS; tries++) {
		if (crowd_round(test, c, m)) {
			KUNIT_EXPECT_LE(test, superslabs(), num_node_state(N_MEMORY));
			round++;
		}
		for (i = 0; i < CROWD; i++) {
			KUNIT_EXPECT_NOT_NULL(test, c->p[i]);
			hak_free(c->p[i]);
		}
	}
	KUNIT_EXPECT_GT(test, round, 0);
	KUNIT_EXPECT_EQ(test, hak_shrink_all(), hak_config_get()->fixed_pages);
}

static struct kunit_case flow_cases[] = {
	KUNIT_CASE_SLOW(sixteen_producers_one_consumer),
	KUNIT_CASE_SLOW(one_producer_sixteen_consumers),
	KUNIT_CASE_SLOW(one_producer_one_cpu_that_only_frees),
	KUNIT_CASE_SLOW(many_that_find_no_page_add_one_superslab),
	{}
};

struct kunit_suite hak_flow_suite = {
	.name = "hakmem_flow",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = flow_cases,
};
