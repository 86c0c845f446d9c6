// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_context: the same caches at task level, in softirq and in hardirq,
 * all on one CPU, so that one interrupts the other in the middle of an operation.
 *
 * A timer is the softirq, an irq_work the hardirq.  Each level keeps objects of its
 * own, stamped with address and owner, and passes some to the others to free.
 */
#include "kunit/hak_kunit.h"
#include "kunit/lib/hak_random.h"
#include "kunit/lib/hak_where.h"
#include <linux/delay.h>
#include <linux/timer.h>

#define HELD 64		/* objects a level holds */
#define SHARED 16	/* objects on their way from one level to another */
#define ROUNDS 40	/* interrupts of each kind to wait for */

struct stamp {
	u64 address;
	u64 owner;
};

struct level {
	struct stamp *held[HELD];
	u64 rand;
	unsigned int ops, failed, spoilt;
	bool wrong_context;
};

enum { TASK, SOFT, HARD, LEVELS };

struct context_test {
	struct hak_cache *c;		/* NULL: hak_alloc() */
	size_t size;
	struct level level[LEVELS];
	struct stamp *shared[SHARED];	/* exchanged atomically */
	struct timer_list timer;
	struct irq_work work;
	atomic_t fired[LEVELS];
};

static struct stamp *get(struct context_test *t, struct level *l)
{
	struct stamp *s = t->c ? hak_cache_alloc(t->c, GFP_ATOMIC | __GFP_NOWARN)
			       : hak_alloc(t->size, GFP_ATOMIC | __GFP_NOWARN);

	l->ops++;
	if (!s) {
		l->failed++;
		return NULL;
	}
	s->address = (u64)(unsigned long)s;
	s->owner = (u64)(unsigned long)l;
	return s;
}

/* @owner: who must have stamped it; NULL for anybody. */
static void put(struct context_test *t, struct level *l, struct stamp *s, struct level *owner)
{
	if (!s)
		return;
	l->spoilt += s->address != (u64)(unsigned long)s;
	l->spoilt += owner && s->owner != (u64)(unsigned long)owner;
	if (t->c && hak_below(&l->rand, 2))
		hak_cache_free(t->c, s);
	else if (!t->c && hak_below(&l->rand, 2))
		hak_free_sized(s, t->size);
	else
		hak_free(s);
}

/* Hand @s to whichever level comes next, and free what another one left there. */
static void pass_on(struct context_test *t, struct level *l, struct stamp *s)
{
	put(t, l, xchg(&t->shared[hak_below(&l->rand, SHARED)], s), NULL);
}

static void work_a_while(struct context_test *t, struct level *l, unsigned int n)
{
	while (n--) {
		struct stamp **held = &l->held[hak_below(&l->rand, HELD)];

		put(t, l, *held, l);
		*held = get(t, l);
		if (!(n % 8))
			pass_on(t, l, get(t, l));
	}
}

static void timer_fn(struct timer_list *timer)
{
	struct context_test *t = container_of(timer, struct context_test, timer);

	t->level[SOFT].wrong_context |= !in_serving_softirq() || in_hardirq();
	work_a_while(t, &t->level[SOFT], 150);
	atomic_inc(&t->fired[SOFT]);
}

static void work_fn(struct irq_work *work)
{
	struct context_test *t = container_of(work, struct context_test, work);

	t->level[HARD].wrong_context |= !in_hardirq();
	work_a_while(t, &t->level[HARD], 150);
	atomic_inc(&t->fired[HARD]);
}

static struct context_test *context_begin(struct kunit *test, struct hak_cache *c, size_t size)
{
	struct context_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->c = c;
	t->size = size;
	for (i = 0; i < LEVELS; i++)
		t->level[i].rand = hak_random_begin(1, i);
	timer_setup(&t->timer, timer_fn, TIMER_PINNED);
	t->work = HAK_IRQ_WORK(work_fn);
	return t;
}

/* How the task level works: plain, or with bottom halves or interrupts off. */
enum section { PLAIN, BH_OFF, IRQ_OFF };

static void task_work(struct context_test *t, enum section section)
{
	unsigned long flags = 0;

	if (section == BH_OFF)
		local_bh_disable();
	if (section == IRQ_OFF)
		local_irq_save(flags);
	work_a_while(t, &t->level[TASK], 100);
	if (section == IRQ_OFF)
		local_irq_restore(flags);
	if (section == BH_OFF)
		local_bh_enable();
}

/* Until each interrupt came often enough, on this CPU, in the middle of what we do. */
static void run_levels(struct context_test *t)
{
	unsigned long end = jiffies + 20 * HZ;
	unsigned int i = 0;

	migrate_disable();
	while (time_before(jiffies, end) &&
	       (atomic_read(&t->fired[SOFT]) < ROUNDS || atomic_read(&t->fired[HARD]) < ROUNDS)) {
		if (!timer_pending(&t->timer))
			mod_timer(&t->timer, jiffies);
		irq_work_queue(&t->work);
		task_work(t, i++ % 3);
		/* Older kernels leave softirqs to ksoftirqd once it has been woken. */
		cond_resched();
	}
	migrate_enable();
	timer_delete_sync(&t->timer);
	irq_work_sync(&t->work);
}

static void context_end(struct kunit *test, struct context_test *t)
{
	long live = 0;
	int i, k;

	for (i = 0; i < LEVELS; i++)
		for (k = 0; k < HELD; k++)
			live += !!t->level[i].held[k];
	for (k = 0; k < SHARED; k++)
		live += !!t->shared[k];
	KUNIT_EXPECT_EQ(test, hak_audit(live), 0);
	for (i = 0; i < LEVELS; i++) {
		struct level *l = &t->level[i];

		for (k = 0; k < HELD; k++)
			put(t, l, l->held[k], l);
		KUNIT_EXPECT_EQ_MSG(test, l->spoilt, 0, "level %d", i);
		KUNIT_EXPECT_FALSE_MSG(test, l->wrong_context, "level %d", i);
		KUNIT_EXPECT_GT_MSG(test, l->ops, ROUNDS * 100, "level %d", i);
		/* May fail, but not as a habit; on PREEMPT_RT there is only what is held. */
		if (!IS_ENABLED(CONFIG_PREEMPT_RT))
			KUNIT_EXPECT_LT_MSG(test, l->failed, l->ops / 100 + 1, "level %d", i);
		KUNIT_EXPECT_LT_MSG(test, l->failed, l->ops, "level %d", i);
	}
	for (k = 0; k < SHARED; k++)
		put(t, &t->level[TASK], t->shared[k], NULL);
}

static void levels_sharing_a_class_lose_nothing(struct kunit *test)
{
	struct context_test *t = context_begin(test, NULL, 64);

	run_levels(t);
	context_end(test, t);
}

static void levels_sharing_a_large_class_lose_nothing(struct kunit *test)
{
	struct context_test *t = context_begin(test, NULL, 1024);

	run_levels(t);
	context_end(test, t);
}

static void levels_sharing_a_cache_lose_nothing(struct kunit *test)
{
	struct context_test *t = context_begin(test, hak_kunit_cache(test, "kunit-levels", 48,
								     NULL, 0), 48);

	run_levels(t);
	context_end(test, t);
}

static void levels_sharing_a_gated_cache_lose_nothing(struct kunit *test)
{
	struct context_test *t = context_begin(test, hak_kunit_cache(test, "kunit-gated", 48,
						NULL, SLAB_TYPESAFE_BY_RCU), 48);

	run_levels(t);
	context_end(test, t);
}

static void levels_sharing_small_blocks_lose_nothing(struct kunit *test)
{
	struct context_test *t;

	hak_kunit_small_blocks(test);
	t = context_begin(test, NULL, 200);
	run_levels(t);
	context_end(test, t);
}

/* Sections with bottom halves or interrupts off are task level, and may nest. */
static void hak_alloc_in_closed_sections_works(struct kunit *test)
{
	unsigned long flags;
	void *p[4];
	int i;

	local_bh_disable();
	p[0] = hak_alloc(64, GFP_ATOMIC);
	local_irq_save(flags);
	p[1] = hak_alloc(64, GFP_ATOMIC);
	preempt_disable();
	p[2] = hak_alloc(64, GFP_NOWAIT);
	preempt_enable();
	local_irq_restore(flags);
	p[3] = hak_alloc(64, GFP_ATOMIC);
	local_bh_enable();
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_NOT_NULL(test, p[i]);
	local_irq_save(flags);
	hak_free(p[0]);
	hak_free(p[1]);
	local_irq_restore(flags);
	local_bh_disable();
	hak_free(p[2]);
	hak_free(p[3]);
	local_bh_enable();
}

static int irq_preempt_count, irq_served;
static void *irq_objects[200];

static void leveled_fn(void *unused)
{
	int before = preempt_count(), i;

	for (i = 0; i < 200; i++)
		irq_objects[i] = hak_alloc(32, GFP_ATOMIC);
	for (i = 0; i < 200; i++)
		hak_free(irq_objects[i]);
	for (irq_served = 0, i = 0; i < 200; i++) {
		irq_objects[i] = hak_alloc(32, GFP_ATOMIC);
		irq_served += !!irq_objects[i];
	}
	irq_preempt_count = preempt_count() - before;
}

/* The inlined call turns preemption off before it knows where it is. */
static void hak_alloc_in_irq_leaves_preempt_count_alone(struct kunit *test)
{
	int before = preempt_count(), i;

	irq_preempt_count = -1;
	KUNIT_EXPECT_TRUE(test, hak_run_in(HAK_IN_HARDIRQ, leveled_fn, NULL));
	KUNIT_EXPECT_EQ(test, preempt_count(), before);
	KUNIT_EXPECT_EQ(test, irq_preempt_count, 0);
	if (hak_may_grow_in(HAK_IN_HARDIRQ))
		KUNIT_EXPECT_EQ(test, irq_served, 200);
	KUNIT_EXPECT_EQ(test, hak_audit(irq_served), 0);
	for (i = 0; i < 200; i++)
		hak_free(irq_objects[i]);
	KUNIT_EXPECT_EQ(test, preempt_count(), before);
}

static unsigned int open_sets(const struct hak_core *core)
{
	unsigned int n = 0;
	struct hak_set *s;
	int cpu, lvl;

	for_each_set(s, core->sets, cpu, lvl)
		n += lvl != HAK_TASK && set_is_open(s);
	return n;
}

static void use_cache(void *c)
{
	void *p[32];
	int i;

	for (i = 0; i < 32; i++)
		p[i] = hak_cache_alloc(c, GFP_ATOMIC);
	for (i = 0; i < 32; i++)
		if (p[i])
			hak_cache_free(c, p[i]);
}

static u64 events_of(const struct hak_core *core)
{
	u64 ev[HAK_NR_SET_EVENTS] = {}, sum = 0;
	int i;

	hak_core_events(core, ev);
	for (i = 0; i < HAK_NR_SET_EVENTS; i++)
		sum += ev[i];
	return sum;
}

/* The set of an interrupt level comes with the first free there, and goes when it is drained. */
static void expect_set_while_used(struct kunit *test, enum hak_where where, slab_flags_t flags)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-first", 48, NULL, flags);
	struct hak_core *core = cache_core(c);
	u64 events;

	use_cache(c);
	KUNIT_EXPECT_EQ_MSG(test, open_sets(core), 0, "%s: before", hak_where_name[where]);
	KUNIT_EXPECT_TRUE(test, hak_run_in(where, use_cache, c));
	KUNIT_EXPECT_TRUE(test, hak_run_in(where, use_cache, c));
	KUNIT_EXPECT_EQ_MSG(test, open_sets(core), 1, "%s: used", hak_where_name[where]);
	KUNIT_EXPECT_EQ(test, hak_audit(0), 0);
	events = events_of(core);
	hak_drain_core(core);
	KUNIT_EXPECT_EQ_MSG(test, open_sets(core), 0, "%s: drained", hak_where_name[where]);
	KUNIT_EXPECT_EQ(test, events_of(core), events);
	KUNIT_EXPECT_TRUE(test, hak_run_in(where, use_cache, c));
	KUNIT_EXPECT_EQ_MSG(test, open_sets(core), 1, "%s: again", hak_where_name[where]);
}

static void interrupt_level_has_a_set_while_it_is_used(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, hak_may_grow_in(HAK_IN_HARDIRQ), !IS_ENABLED(CONFIG_PREEMPT_RT));
	/* There softirqs are tasks, and in an interrupt there is no memory to be had. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return;
	expect_set_while_used(test, HAK_IN_SOFTIRQ, 0);
	expect_set_while_used(test, HAK_IN_HARDIRQ, 0);
	expect_set_while_used(test, HAK_IN_SOFTIRQ, SLAB_TYPESAFE_BY_RCU);
	expect_set_while_used(test, HAK_IN_HARDIRQ, SLAB_TYPESAFE_BY_RCU);
	KUNIT_EXPECT_EQ(test, hak_shrink_all(), hak_config_get()->fixed_pages);
}

/* What idles goes by itself, and a level that is not used again keeps no magazine. */
static void idle_interrupt_level_gives_its_set_back(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-idle", 48, NULL, 0);
	int looks;

	migrate_disable();
	KUNIT_EXPECT_TRUE(test, hak_run_in(HAK_IN_HARDIRQ, use_cache, c));
	KUNIT_EXPECT_TRUE(test, hak_run_in(HAK_IN_SOFTIRQ, use_cache, c));
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		KUNIT_EXPECT_EQ(test, open_sets(cache_core(c)), 2);
	for (looks = 0; looks < 3; looks++)
		hak_reap_here(false);
	KUNIT_EXPECT_EQ(test, open_sets(cache_core(c)), 0);
	migrate_enable();
}

static struct kunit_case context_cases[] = {
	KUNIT_CASE(levels_sharing_a_class_lose_nothing),
	KUNIT_CASE(levels_sharing_a_large_class_lose_nothing),
	KUNIT_CASE(levels_sharing_a_cache_lose_nothing),
	KUNIT_CASE(levels_sharing_a_gated_cache_lose_nothing),
	KUNIT_CASE(levels_sharing_small_blocks_lose_nothing),
	KUNIT_CASE(hak_alloc_in_closed_sections_works),
	KUNIT_CASE(hak_alloc_in_irq_leaves_preempt_count_alone),
	KUNIT_CASE(interrupt_level_has_a_set_while_it_is_used),
	KUNIT_CASE(idle_interrupt_level_gives_its_set_back),
	{}
};

struct kunit_suite hak_context_suite = {
	.name = "hakmem_context",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = context_cases,
};
