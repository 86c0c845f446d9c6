// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_wait: who waits for work of hakmem comes back, however many wait at once.  A
 * destructor, for which that work waits itself, is not let in.  Who may wake nobody queues none.
 *
 * Each case that may hang waits with a limit.  What it shares with its threads is static, because
 * one that hangs stays.
 */
#include "kunit/hak_kunit.h"
#include "kunit/hak_kunit_log.h"
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>

#define WAITERS 4
#define TURNS_MS 2000	/* at least; longer until each of them had one */
#define PATIENCE (20 * HZ)

struct item {
	unsigned long value;
	struct rcu_head rcu;
};

struct waiters {
	const char *name;
	int (*wait)(void *unused);
	void (*feed)(struct hak_cache *c);
};

static bool waiters_stop;
static unsigned long waiters_turns[WAITERS];
static struct completion waiters_back;

/* What an NMI is to the allocator: nothing may be waited for, and no set touched. */
static void as_in_nmi(void (*fn)(void *arg), void *arg)
{
	unsigned long flags;

	local_irq_save(flags);
	__preempt_count_add(NMI_OFFSET + HARDIRQ_OFFSET);
	fn(arg);
	__preempt_count_sub(NMI_OFFSET + HARDIRQ_OFFSET);
	local_irq_restore(flags);
}

static void nmi_free(void *p)
{
	hak_free(p);
}

static void nmi_free_rcu(void *p)
{
	hak_free_rcu((struct item *)p, rcu);
}

static void feed_with(struct hak_cache *c, void (*fn)(void *p))
{
	struct item *p = hak_cache_alloc(c, GFP_KERNEL);

	if (p)
		as_in_nmi(fn, p);
	usleep_range(50, 100);
}

static void feed_deferred(struct hak_cache *c)
{
	feed_with(c, nmi_free);
}

static void feed_rcu(struct hak_cache *c)
{
	feed_with(c, nmi_free_rcu);
}

/* One thread's, which the case looks at meanwhile. */
static void turn_done(unsigned long *turns)
{
	WRITE_ONCE(*turns, *turns + 1);
}

static int drain_turns(void *turns)
{
	struct hak_cache *c = hak_cache_create("kunit-drainer", 64, NULL, 0);

	while (c && !READ_ONCE(waiters_stop)) {
		hak_cache_free(c, hak_cache_alloc(c, GFP_KERNEL | __GFP_NOFAIL));
		hak_cache_shrink(c);
		turn_done(turns);
		/* User-Mode Linux lets nobody else run on a CPU that spins. */
		usleep_range(20, 50);
	}
	hak_cache_destroy(c);
	complete(&waiters_back);
	return 0;
}

static int barrier_turns(void *turns)
{
	while (!READ_ONCE(waiters_stop)) {
		hak_rcu_barrier();
		turn_done(turns);
		/* User-Mode Linux lets nobody else run on a CPU that spins. */
		usleep_range(20, 50);
	}
	complete(&waiters_back);
	return 0;
}

static const struct waiters waiters[] = {
	{ "drains while frees are deferred", drain_turns, feed_deferred },
	{ "barriers while NMIs free", barrier_turns, feed_rcu },
};

static void waiters_desc(const struct waiters *w, char *desc)
{
	strscpy(desc, w->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(waiters, waiters, waiters_desc);

static bool all_had_turns(void)
{
	unsigned int i;

	for (i = 0; i < WAITERS; i++)
		if (!READ_ONCE(waiters_turns[i]))
			return false;
	return true;
}

static void many_that_wait_come_back(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-feed", sizeof(struct item), NULL, 0);
	const struct waiters *w = test->param_value;
	unsigned long end = jiffies + msecs_to_jiffies(TURNS_MS), last = jiffies + PATIENCE;
	unsigned int i;

	WRITE_ONCE(waiters_stop, false);
	init_completion(&waiters_back);
	memset(waiters_turns, 0, sizeof(waiters_turns));
	for (i = 0; i < WAITERS; i++)
		KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(w->wait, &waiters_turns[i],
							    "hak-wait-%u", i)));
	while (time_before(jiffies, end) || (!all_had_turns() && time_before(jiffies, last)))
		w->feed(c);
	WRITE_ONCE(waiters_stop, true);
	for (i = 0; i < WAITERS; i++)
		KUNIT_ASSERT_GT_MSG(test, wait_for_completion_timeout(&waiters_back, PATIENCE), 0,
				    "%u of %u came back", i, WAITERS);
	for (i = 0; i < WAITERS; i++)
		KUNIT_EXPECT_GT(test, waiters_turns[i], 0);
	hak_rcu_barrier();
}

/* What the destructor has done, and what came of it. */
static struct {
	struct hak_cache *other;
	unsigned int calls, failed, let_in;
	struct completion shrunk;
} dtor_did;

static void dtor_works(void *unused)
{
	void *p = hak_cache_alloc(dtor_did.other, GFP_KERNEL), *q = hak_alloc(100, GFP_KERNEL);

	dtor_did.calls++;
	dtor_did.failed += !p || !q;
	if (p)
		hak_cache_free(dtor_did.other, p);
	hak_free(q);
}

static void dtor_waits(void *unused)
{
	struct hak_cache *c;

	if (dtor_did.calls++ > 1)
		return;
	dtor_did.let_in += !hak_cache_shrink(dtor_did.other);
	c = hak_cache_create("kunit-of-dtor", 64, NULL, 0);
	dtor_did.let_in += !!c;
	hak_rcu_barrier();
	hak_shrink_all();
	hak_cache_destroy(dtor_did.other);
}

static int shrink_fn(void *c)
{
	hak_cache_shrink(c);
	complete(&dtor_did.shrunk);
	return 0;
}

static void shrink_with_dtor(struct kunit *test, void (*dtor)(void *object))
{
	struct hak_cache_args args = { .dtor = dtor };
	struct hak_cache *c = hak_kunit_cache(test, "kunit-dtor", 64, &args, 0);
	void *p = hak_cache_alloc(c, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	hak_cache_free(c, p);
	memset(&dtor_did, 0, sizeof(dtor_did));
	dtor_did.other = hak_kunit_cache(test, "kunit-other", 64, NULL, 0);
	init_completion(&dtor_did.shrunk);
	KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(shrink_fn, c, "hak-shrink")));
	KUNIT_ASSERT_GT_MSG(test, wait_for_completion_timeout(&dtor_did.shrunk, PATIENCE), 0,
			    "the worker hangs");
	KUNIT_EXPECT_GT(test, dtor_did.calls, 0);
	KUNIT_EXPECT_EQ(test, dtor_did.failed, 0);
	KUNIT_EXPECT_EQ(test, dtor_did.let_in, 0);
	p = hak_cache_alloc(dtor_did.other, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL_MSG(test, p, "the other cache is there");
	if (p)
		hak_cache_free(dtor_did.other, p);
}

static void destructor_may_allocate_and_free(struct kunit *test)
{
	shrink_with_dtor(test, dtor_works);
}

static void shrink_with_waiting_dtor(void *test)
{
	shrink_with_dtor(test, dtor_waits);
}

static void destructor_that_waits_is_refused(struct kunit *test)
{
	unsigned int said = hak_kunit_said("destructor must not wait", shrink_with_waiting_dtor,
					   test);

	/* It tries twice: a cache that is refused is told each time, a call by its first caller. */
	KUNIT_EXPECT_GE(test, said, 2);
	KUNIT_EXPECT_LE(test, said, 6);
}

/* Superslabs held after an allocation with @gfp, when what that queued is done. */
static u64 superslabs_after(struct kunit *test, struct hak_cache *c, gfp_t gfp)
{
	u64 held;
	void *p;

	hak_shrink_all();
	p = hak_cache_alloc(c, gfp);
	KUNIT_ASSERT_NOT_NULL(test, p);
	flush_workqueue(hak_wq);
	held = hak_kunit_stat(HAK_STAT_superslabs_held);
	hak_cache_free(c, p);
	return held;
}

/* A caller who cannot wait is served from a small block, and has a SuperSlab made for the next. */
static void who_may_wake_nobody_queues_nothing(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-wake", 64, NULL, 0);

	KUNIT_EXPECT_EQ(test, superslabs_after(test, c, 0), 0);
	KUNIT_EXPECT_EQ(test, superslabs_after(test, c, __GFP_HIGH), 0);
	KUNIT_EXPECT_EQ(test, superslabs_after(test, c, GFP_NOWAIT), hak_config_get()->superslab);
}

static struct kunit_case wait_cases[] = {
	KUNIT_CASE_PARAM(many_that_wait_come_back, waiters_gen_params),
	KUNIT_CASE(destructor_may_allocate_and_free),
	KUNIT_CASE(destructor_that_waits_is_refused),
	KUNIT_CASE(who_may_wake_nobody_queues_nothing),
	{}
};

struct kunit_suite hak_wait_suite = {
	.name = "hakmem_wait",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = wait_cases,
};
