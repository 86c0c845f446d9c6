// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_lifecycle: constructed objects, memory that stays readable under
 * RCU, and what hardening on request does.
 */
#include "kunit/hak_kunit.h"
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/completion.h>

#define MAGIC 0x600dc0de600dc0deULL

struct constructed {
	u64 magic;
	u64 serial;	/* order of construction */
	u64 user;
};

static atomic_t ctors, dtors, dtors_bad;

static void ctor(void *p)
{
	struct constructed *o = p;

	o->magic = MAGIC;
	o->serial = atomic_inc_return(&ctors);
	o->user = 0;
}

static void dtor(void *p)
{
	struct constructed *o = p;

	atomic_inc(&dtors);
	if (o->magic != MAGIC)
		atomic_inc(&dtors_bad);
}

static struct hak_cache *constructed_cache(struct kunit *test, enum hak_hardening hardened)
{
	struct hak_cache_args args = { .ctor = ctor, .dtor = dtor, .hardened = hardened };
	struct hak_cache *c;

	atomic_set(&ctors, 0);
	atomic_set(&dtors, 0);
	atomic_set(&dtors_bad, 0);
	c = hak_cache_create("kunit-ctor", sizeof(struct constructed), &args, 0);
	KUNIT_ASSERT_NOT_NULL(test, c);
	return c;
}

#define MANY 700

/* Serial numbers tell whether an object was constructed anew while it lived on. */
static void ctor_runs_once_and_state_survives(struct kunit *test, enum hak_hardening hardened)
{
	struct hak_cache *c = constructed_cache(test, hardened);
	struct constructed **o = kunit_kcalloc(test, MANY, sizeof(*o), GFP_KERNEL);
	int round, i;

	KUNIT_ASSERT_NOT_NULL(test, o);
	for (round = 0; round < 4; round++) {
		for (i = 0; i < MANY; i++) {
			o[i] = hak_cache_alloc(c, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, o[i]);
			KUNIT_ASSERT_EQ(test, o[i]->magic, MAGIC);
			KUNIT_ASSERT_LE(test, o[i]->serial, (u64)atomic_read(&ctors));
			KUNIT_ASSERT_EQ_MSG(test, o[i]->user, o[i]->user ? o[i]->serial : 0,
					    "what the user left in it");
			o[i]->user = o[i]->serial;
		}
		for (i = 0; i < MANY; i++)
			hak_cache_free(c, o[i]);
	}
	KUNIT_EXPECT_GE(test, atomic_read(&ctors), MANY);
	KUNIT_EXPECT_LT_MSG(test, atomic_read(&ctors), 2 * MANY, "not on each allocation");
	KUNIT_EXPECT_EQ(test, atomic_read(&dtors), 0);
	hak_cache_destroy(c);
	KUNIT_EXPECT_EQ(test, atomic_read(&dtors), atomic_read(&ctors));
	KUNIT_EXPECT_EQ(test, atomic_read(&dtors_bad), 0);
}

static void hak_cache_ctor_state_survives_hardened(struct kunit *test)
{
	ctor_runs_once_and_state_survives(test, HAK_HARDENED_ON);
}

static void hak_cache_ctor_state_survives_unhardened(struct kunit *test)
{
	ctor_runs_once_and_state_survives(test, HAK_HARDENED_OFF);
}

static void hak_cache_zalloc_with_ctor_keeps_construction(struct kunit *test)
{
	struct hak_cache *c = constructed_cache(test, HAK_HARDENED_DEFAULT);
	struct constructed *o = hak_cache_zalloc(c, GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, o->magic, MAGIC);
	hak_cache_free(c, o);
	hak_cache_destroy(c);
}

static void hak_cache_shrink_with_dtor_runs_it(struct kunit *test)
{
	struct hak_cache *c = constructed_cache(test, HAK_HARDENED_DEFAULT);
	void *p[100];

	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 100, p), 100);
	hak_cache_free_bulk(c, 100, p);
	KUNIT_EXPECT_EQ(test, hak_cache_shrink(c), 0);
	KUNIT_EXPECT_GE(test, atomic_read(&ctors), 100);
	KUNIT_EXPECT_EQ(test, atomic_read(&dtors), atomic_read(&ctors));
	KUNIT_EXPECT_EQ(test, hak_shrink_all(), hak_config_get()->fixed_pages);
	hak_cache_destroy(c);
	KUNIT_EXPECT_EQ(test, atomic_read(&dtors), atomic_read(&ctors));
}

/* Who frees while another reads, on another CPU where there is one. */
struct freer {
	struct hak_cache *c;
	unsigned long *p;
	struct completion allocated, read, done;
};

/*
 * The object is of this CPU all its life, so that a drain asks no other.  The reader's could not
 * answer where the kernel does not preempt it.
 */
static int free_thread(void *arg)
{
	struct freer *f = arg;

	f->p = hak_cache_alloc(f->c, GFP_KERNEL);
	if (f->p) {
		f->p[0] = MAGIC;
		f->p[1] = ~MAGIC;
	}
	complete(&f->allocated);
	wait_for_completion(&f->read);
	if (f->p)
		hak_cache_free(f->c, f->p);
	hak_cache_shrink(f->c);
	complete(&f->done);
	return 0;
}

static void freer_start(struct kunit *test, struct freer *f)
{
	unsigned int cpu = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());
	struct task_struct *t = kthread_create(free_thread, f, "hak-free");

	KUNIT_ASSERT_FALSE(test, IS_ERR(t));
	init_completion(&f->allocated);
	init_completion(&f->read);
	init_completion(&f->done);
	kthread_bind(t, cpu < nr_cpu_ids ? cpu : raw_smp_processor_id());
	wake_up_process(t);
	wait_for_completion(&f->allocated);
}

/*
 * A reader inside a grace period, until well after the shrinker has taken the slab
 * off the books: does free memory keep its content and its owner?
 */
static bool read_while_freed(struct hak_pool *pool, unsigned long *p, bool *intact, bool *owned)
{
	/* Long, for a guest that hardly gets to run; well below RCU's stall warning. */
	unsigned long until = jiffies + 12 * HZ;
	struct hak_pool_info info;
	unsigned int after = 0;

	while (time_before(jiffies, until) && after < 30) {
		*intact &= READ_ONCE(p[0]) == MAGIC && READ_ONCE(p[1]) == ~MAGIC;
		*owned &= !!hak_slab_of(p);
		hak_pool_info(pool, &info);
		after += !info.slabs;
		mdelay(1);
		/* With one CPU, lets who frees in: UML preempts the kernel nowhere else. */
		preempt_disable();
		preempt_enable();
	}
	return after;
}

static void hak_cache_rcu_memory_stays_readable(struct kunit *test)
{
	struct freer f = {
		.c = hak_kunit_cache(test, "kunit-rcu", 16, NULL, SLAB_TYPESAFE_BY_RCU),
	};
	bool intact = true, owned = true, shrunk = false;

	migrate_disable();
	freer_start(test, &f);
	if (f.p) {
		struct hak_pool *pool = hak_slab_of(f.p)->pool;

		rcu_read_lock();
		complete(&f.read);
		shrunk = read_while_freed(pool, f.p, &intact, &owned);
		rcu_read_unlock();
	} else {
		complete(&f.read);
	}
	migrate_enable();
	wait_for_completion(&f.done);
	KUNIT_EXPECT_TRUE_MSG(test, shrunk, "the shrinker did not come that far");
	KUNIT_EXPECT_TRUE_MSG(test, intact, "free memory was written to");
	KUNIT_EXPECT_TRUE_MSG(test, owned, "the slab went before the grace period");
	KUNIT_EXPECT_NULL_MSG(test, hak_slab_of(f.p), "the slab went after it");
}

static void hak_cache_rcu_object_is_not_written_while_free(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-rcu2", 32, NULL, SLAB_TYPESAFE_BY_RCU);
	char *p[64];
	unsigned int i;

	for (i = 0; i < 64; i++) {
		p[i] = hak_cache_alloc(c, GFP_KERNEL);
		memset(p[i], 0x69, 32);
	}
	rcu_read_lock();
	for (i = 0; i < 64; i++)
		hak_cache_free(c, p[i]);
	for (i = 0; i < 64; i++)
		KUNIT_EXPECT_NULL(test, memchr_inv(p[i], 0x69, 32));
	rcu_read_unlock();
}

/* A cache that asks for checks has them at once, even when the module has none. */
static void hak_cache_hardened_on_checks_at_once(struct kunit *test)
{
	struct hak_cache_args args = { .hardened = HAK_HARDENED_ON };
	struct hak_cache *c = hak_kunit_cache(test, "kunit-on", 64, &args, 0);
	void *p = hak_cache_alloc(c, GFP_KERNEL), *q;
	struct hak_counts bad;

	hak_counts_begin(&bad);
	hak_cache_free(c, p + 4);
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_interior, 1, "misaligned");
	hak_cache_free(c, p);
	hak_counts_begin(&bad);
	hak_cache_free(c, p);
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_double, 1, "double");
	p = hak_cache_alloc(c, GFP_KERNEL);
	q = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_PTR_NE(test, p, q);
	hak_cache_free(c, p);
	hak_cache_free(c, q);
}

static void hak_cache_hardened_off_finds_double_at_flush(struct kunit *test)
{
	struct hak_cache_args args = { .hardened = HAK_HARDENED_OFF };
	struct hak_cache *c = hak_kunit_cache(test, "kunit-off", 64, &args, 0);
	void *p = hak_cache_alloc(c, GFP_KERNEL);
	struct hak_counts bad;

	hak_counts_begin(&bad);
	hak_cache_free(c, p);
	hak_cache_free(c, p);
	hak_cache_shrink(c);
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_double, 1, "double");
}

static struct kunit_case lifecycle_cases[] = {
	KUNIT_CASE(hak_cache_ctor_state_survives_hardened),
	KUNIT_CASE(hak_cache_ctor_state_survives_unhardened),
	KUNIT_CASE(hak_cache_zalloc_with_ctor_keeps_construction),
	KUNIT_CASE(hak_cache_shrink_with_dtor_runs_it),
	KUNIT_CASE(hak_cache_rcu_memory_stays_readable),
	KUNIT_CASE(hak_cache_rcu_object_is_not_written_while_free),
	KUNIT_CASE(hak_cache_hardened_on_checks_at_once),
	KUNIT_CASE(hak_cache_hardened_off_finds_double_at_flush),
	{}
};

struct kunit_suite hak_lifecycle_suite = {
	.name = "hakmem_lifecycle",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = lifecycle_cases,
};
