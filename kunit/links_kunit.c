// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_links: what the core keeps in objects that wait or are free, and who writes there.
 *
 * Links lead from object to object that waits for a grace period or for an interrupt.  Somebody
 * frees such an object again, or writes into it: nothing is followed that is not proven.
 */
#include "kunit/hak_kunit.h"
#include "tiny/tiny_rcu.h"

struct item {
	struct rcu_head rcu;
	unsigned long word[6];
};

static struct hak_cache *new_cache(struct kunit *test)
{
	/* User space has no hak_free_rcu(), whose lists are here all the same. */
	hak_secret = hak_secret ?: 0x9e3779b97f4a7c15UL;
	return hak_kunit_cache(test, "kunit-links", sizeof(struct item), NULL, 0);
}

static struct item *take(struct kunit *test, struct hak_cache *c)
{
	struct item *p = hak_cache_alloc(c, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0xff, sizeof(*p));
	return p;
}

static unsigned long live(struct hak_cache *c)
{
	return hak_core_live(cache_core(c));
}

/* Three that wait, the first last. */
static void wait_three(struct kunit *test, struct hak_cache *c, struct hak_rcu_list *l,
		       struct item *p[3])
{
	int i;

	for (i = 0; i < 3; i++) {
		p[i] = take(test, c);
		KUNIT_EXPECT_FALSE(test, hak_rcu_doubt(&p[i]->rcu, p[i]) &&
				   !hak_rcu_may_wait(&p[i]->rcu, p[i], 0));
		KUNIT_EXPECT_EQ(test, hak_rcu_link(l, &p[i]->rcu, p[i]), !i);
	}
}

static void end_of_grace(struct hak_rcu_list *l)
{
	hak_rcu_turn(l);
	l->gp = get_completed_synchronize_rcu();
	hak_rcu_turn(l);
}

/* test->param_value: is the one in the middle handed out again before the grace period ends? */
static const bool handed_out[] = { false, true };

static void handed_desc(const bool *handed, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", *handed ? "handed out again" : "free");
}

KUNIT_ARRAY_PARAM(handed, handed_out, handed_desc);

/* Its first word is the link: the mark stands there, and then 0.  The other leads on. */
static void waiting_behind_a_freed_one_is_freed(struct kunit *test)
{
	bool handed = *(const bool *)test->param_value && hak_config_get()->hardened == 1;
	bool zeroed = handed && hak_config_get()->init_on_alloc;
	struct hak_cache *c = new_cache(test);
	struct hak_rcu_list list = {};
	struct hak_counts bad;
	struct item *p[3], *again = NULL;

	migrate_disable();
	wait_three(test, c, &list, p);
	hak_counts_begin(&bad);
	hak_cache_free(c, p[1]);
	if (handed) {
		again = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_EXPECT_PTR_EQ(test, again, p[1]);
	}
	end_of_grace(&list);
	migrate_enable();
	hak_drain_core(cache_core(c));
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_double, 1, "in between");
	/* If all of it was zeroed, nothing leads on. */
	KUNIT_EXPECT_EQ(test, live(c), handed + zeroed);
	if (zeroed)
		hak_cache_free(c, p[0]);
	if (again)
		hak_cache_free(c, again);
}

static long waiting(void)
{
	long n = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(hak_waiting); i++)
		n += atomic_long_read(&hak_waiting[i]);
	return n;
}

/* Or each free near one that waits would go on looking, or not look at all. */
static void those_that_wait_are_counted(struct kunit *test)
{
	bool counted = hak_config_get()->hardened == 2;
	struct hak_cache *c = new_cache(test);
	struct hak_rcu_list list = {};
	struct item *p[3];
	long before = waiting();

	wait_three(test, c, &list, p);
	KUNIT_EXPECT_EQ(test, waiting() - before, counted ? 3 : 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(hak_waiting_near(p[1])) > 0, counted);
	end_of_grace(&list);
	KUNIT_EXPECT_EQ(test, waiting(), before);
	KUNIT_EXPECT_EQ(test, live(c), 0);
}

/*
 * A new owner's words are no link, whatever they are; what waits behind is lost, and live.  With
 * hardened=2 there is no new owner.
 */
static void words_of_a_new_owner_are_not_followed(struct kunit *test)
{
	bool refused = hak_config_get()->hardened == 2;
	struct hak_cache *c = new_cache(test);
	struct hak_rcu_list list = {};
	struct item *p[3], *again, *other, copy;
	struct hak_counts bad;

	migrate_disable();
	other = take(test, c);
	wait_three(test, c, &list, p);
	hak_counts_begin(&bad);
	hak_cache_free(c, p[1]);
	again = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, again == p[1], !refused);
	again->rcu.next = &other->rcu;
	again->rcu.func = (void *)((unsigned long)again + 1);
	copy = *again;
	end_of_grace(&list);
	migrate_enable();
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_double, 1, "in between");
	KUNIT_EXPECT_EQ(test, memcmp(again, &copy, sizeof(copy)), 0);
	KUNIT_EXPECT_EQ_MSG(test, live(c), refused ? 2 : 3, "the first, again, the other");
	if (!refused)
		hak_cache_free(c, p[0]);
	hak_cache_free(c, again);
	hak_cache_free(c, other);
}

static void defer(struct hak_cache *c, void *p)
{
	preempt_disable();
	hak_free_deferred(c, p, 0);
	preempt_enable();
}

/*
 * The same of a list that waits for an interrupt.  The link is forged, to a live object.  It has
 * no mark, so even who knows the secret does not get far.
 */
static void deferred_link_is_proven(struct kunit *test)
{
	unsigned long known = hak_kunit_hardened() ? hak_secret : 0;
	struct hak_cache *c = new_cache(test);
	struct item *p = take(test, c), *q = take(test, c), *other = take(test, c);
	unsigned long flags, *link = (unsigned long *)q + 1;
	struct hak_counts bad;
	void *lost = p;

	hak_counts_begin(&bad);
	local_irq_save(flags);
	defer(c, p);
	defer(c, q);
	hak_arch_poke(link, (unsigned long)other ^ known ^ 1UL << 62);
	local_irq_restore(flags);
	hak_defer_wait();
	KUNIT_EXPECT_EQ(test, hak_counted_bad(&bad), 1);
	KUNIT_EXPECT_EQ_MSG(test, live(c), 2, "the other, and the one behind the link");
	KUNIT_EXPECT_FALSE(test, hak_pool_object_free(&cache_core(c)->pool, other));
	hak_leak_free(lost);
	hak_pool_return(&cache_core(c)->pool, 1, &lost);
	hak_cache_free(c, other);
}

/* Where objects wait for an interrupt, no word of theirs leads to another. */
static void deferred_link_is_no_address(struct kunit *test)
{
	struct hak_cache *c = new_cache(test);
	unsigned long *p[3], flags;
	unsigned int i, word, found = 0;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = (unsigned long *)take(test, c);
	local_irq_save(flags);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		defer(c, p[i]);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		for (word = 0; word < sizeof(struct item) / sizeof(long); word++)
			found += hak_arch_peek(p[i] + word) != free_mark(p[i]) &&
				 hak_owns((void *)hak_arch_peek(p[i] + word));
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, found, 0);
	hak_defer_wait();
}

/* The link was in the second word; with init_on_free all others are 0 as well. */
static void deferred_leaves_nothing(struct kunit *test, bool init_on_free)
{
	struct hak_cache *c = new_cache(test);
	unsigned long *p = (unsigned long *)take(test, c);
	unsigned int i, n = init_on_free ? sizeof(struct item) / sizeof(*p) : 2;

	defer(c, p);
	hak_defer_wait();
	for (i = 1; i < n; i++)
		KUNIT_EXPECT_EQ_MSG(test, hak_arch_peek(p + i), 0, "word %u", i);
}

static void init_on_free_back(void *conf)
{
	((struct hak_config *)conf)->init_on_free = false;
}

static void link_of_a_deferred_free_is_0_afterwards(struct kunit *test)
{
	struct hak_config *conf = (struct hak_config *)hak_config_get();

	deferred_leaves_nothing(test, conf->init_on_free);
	if (conf->init_on_free)
		return;
	conf->init_on_free = true;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, init_on_free_back, conf), 0);
	deferred_leaves_nothing(test, true);
}

/* Where the mark of a kind stands. */
static const struct marked {
	const char *name;
	bool pristine;
} marked[] = { { "first word" }, { "behind a constructed object", true } };

static void marked_desc(const struct marked *m, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", m->name);
}

KUNIT_ARRAY_PARAM(marked, marked, marked_desc);

static void write_over_the_mark_is_found_at_flush(struct kunit *test)
{
	const struct marked *m = test->param_value;
	struct hak_cache_args args = { .ctor = m->pristine ? hak_empty_ctor : NULL };
	struct hak_cache *c = hak_kunit_cache(test, "kunit-written", 64, &args, 0);
	void *p = hak_cache_alloc(c, GFP_KERNEL), *keep = hak_cache_alloc(c, GFP_KERNEL);
	const struct hak_core *core = cache_core(c);
	struct hak_counts counts;

	KUNIT_EXPECT_EQ(test, core->pool.marked, hak_kunit_hardened());
	hak_counts_begin(&counts);
	hak_cache_free(c, p);
	if (core->pool.marked)
		hak_arch_poke(p + core->pool.mark_off, 0x1234);
	hak_drain_core(cache_core(c));
	KUNIT_EXPECT_EQ(test, hak_counted(&counts, HAK_STAT_write_after_free), core->pool.marked);
	KUNIT_EXPECT_EQ(test, hak_counted_bad(&counts), 0);
	KUNIT_EXPECT_TRUE(test, hak_pool_object_free(&cache_core(c)->pool, p));
	/* It has its mark again: nothing is found a second time, and a second free is. */
	hak_cache_free(c, p);
	hak_kunit_settle();
	KUNIT_EXPECT_EQ(test, hak_counted(&counts, HAK_STAT_bad_free_double), 1);
	hak_cache_free(c, keep);
	hak_drain_core(cache_core(c));
	KUNIT_EXPECT_EQ(test, hak_counted(&counts, HAK_STAT_write_after_free), core->pool.marked);
}

/* In which order neighbours go back: one after the other, or each so many behind the one before. */
static const unsigned int steps[] = { 1, 7 };

static void step_desc(const unsigned int *step, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "by %u", *step);
}

KUNIT_ARRAY_PARAM(step, steps, step_desc);

/* Objects of a slab go back together: a write into any of them is found all the same. */
static void write_among_neighbours_is_found_at_flush(struct kunit *test)
{
	unsigned int step = *(const unsigned int *)test->param_value;
	enum { ALL = 600, ROW = 24 };	/* more than any slab or small block has */
	struct hak_cache *c = hak_kunit_cache(test, "kunit-row", 64, NULL, 0);
	struct hak_core *core = cache_core(c);
	void **p = kunit_kcalloc(test, ALL, sizeof(*p), GFP_KERNEL), *keep;
	long stride = core->pool.stride;	/* KASAN puts room between them */
	unsigned int at, i, near;
	struct hak_counts counts;

	KUNIT_ASSERT_NOT_NULL(test, p);
	/* A slab that was handed out once hands out its lowest objects, in their order. */
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, ALL, p), ALL);
	keep = p[0];
	hak_cache_free_bulk(c, ALL - 1, p + 1);
	hak_drain_core(core);
	for (at = 0; at < ROW; at++) {
		KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, ROW, p), ROW);
		for (i = 1, near = 0; i < ROW; i++)
			near += p[i] - p[i - 1] == stride || p[i - 1] - p[i] == stride;
		KUNIT_EXPECT_GT(test, near, ROW / 2);
		hak_counts_begin(&counts);
		for (i = 0; i < ROW; i++)
			hak_cache_free(c, p[i * step % ROW]);
		if (core->pool.marked)
			hak_arch_poke(p[at] + core->pool.mark_off, 0x1234);
		hak_drain_core(core);
		KUNIT_EXPECT_EQ_MSG(test, hak_counted(&counts, HAK_STAT_write_after_free),
				    core->pool.marked, "number %u", at);
		KUNIT_EXPECT_TRUE(test, !core->pool.marked ||
				  hak_arch_peek(p[at] + core->pool.mark_off) != 0x1234);
	}
	hak_cache_free(c, keep);
}

/*
 * Who writes over the mark and frees again hides that from the call.  It is found when both have
 * left their magazine, and the object is in its slab once.
 */
static void second_free_after_such_a_write_is_found_at_flush(struct kunit *test)
{
	const struct marked *m = test->param_value;
	struct hak_cache_args args = { .ctor = m->pristine ? hak_empty_ctor : NULL };
	struct hak_cache *c = hak_kunit_cache(test, "kunit-hidden", 64, &args, 0);
	void *p = hak_cache_alloc(c, GFP_KERNEL), *keep = hak_cache_alloc(c, GFP_KERNEL);
	const struct hak_core *core = cache_core(c);
	struct hak_counts bad;

	migrate_disable();
	hak_counts_begin(&bad);
	hak_cache_free(c, p);
	if (core->pool.marked)
		hak_arch_poke(p + core->pool.mark_off, 0x1234);
	hak_cache_free(c, p);
	KUNIT_EXPECT_EQ(test, hak_counted_bad(&bad), 0);
	migrate_enable();
	hak_drain_core(cache_core(c));
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_double, 1, "hidden by a write");
	KUNIT_EXPECT_TRUE(test, hak_pool_object_free(&cache_core(c)->pool, p));
	KUNIT_EXPECT_EQ(test, hak_pool_verify(&cache_core(c)->pool), 0);
	hak_cache_free(c, keep);
}

/*
 * hardened=1 takes an aligned pointer into an object, and may hand it out.  However often that
 * happens, it is found when its magazine is flushed.
 */
static void interior_pointer_is_found_at_the_latest_at_flush(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-within", 192, NULL, 0);
	void *p = hak_cache_alloc(c, GFP_KERNEL), *q;
	bool at_call = hak_config_get()->hardened == 2 || HAK_WATCHED;
	struct hak_counts bad;

	migrate_disable();
	hak_counts_begin(&bad);
	hak_cache_free(c, p + 64);
	KUNIT_EXPECT_EQ(test, hak_counted(&bad, HAK_STAT_bad_free_interior),
			at_call || (!hak_superslab_enabled && hak_kunit_hardened()));
	q = hak_cache_alloc(c, GFP_KERNEL);
	if (at_call)
		KUNIT_EXPECT_TRUE(test, q != p + 64);
	hak_cache_free(c, q);
	migrate_enable();
	hak_drain_core(cache_core(c));
	hak_kunit_bad_end(test, &bad, HAK_STAT_bad_free_interior, 1, "into an object");
	hak_cache_free(c, p);
}

static struct kunit_case links_cases[] = {
	KUNIT_CASE_PARAM(waiting_behind_a_freed_one_is_freed, handed_gen_params),
	KUNIT_CASE(those_that_wait_are_counted),
	KUNIT_CASE(words_of_a_new_owner_are_not_followed),
	KUNIT_CASE(deferred_link_is_proven),
	KUNIT_CASE(deferred_link_is_no_address),
	KUNIT_CASE(link_of_a_deferred_free_is_0_afterwards),
	KUNIT_CASE_PARAM(write_over_the_mark_is_found_at_flush, marked_gen_params),
	KUNIT_CASE_PARAM(second_free_after_such_a_write_is_found_at_flush, marked_gen_params),
	KUNIT_CASE_PARAM(write_among_neighbours_is_found_at_flush, step_gen_params),
	KUNIT_CASE(interior_pointer_is_found_at_the_latest_at_flush),
	{}
};

struct kunit_suite hak_links_suite = {
	.name = "hakmem_links",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = links_cases,
};
