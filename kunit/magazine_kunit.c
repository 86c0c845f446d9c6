// SPDX-License-Identifier: GPL-2.0
/* Suite hakmem_magazine: the leaves that change a set, on a set of the test's own. */
#include "kunit/hak_kunit.h"
#include "tiny/tiny_set.h"

#define OBJ(i) ((void *)(0x1000UL + 8 * (i)))

/* What a magazine of the cache holds: as much as a set here, or more. */
static const u8 most = 64, few = 50;

static struct hak_set *new_set(struct kunit *test, u8 room, u8 max, bool frees_out)
{
	struct hak_set *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->slots = room;
	s->cap = frees_out ? 0 : room;
	s->slots_max = max;
	return s;
}

static struct hak_mag *new_mag(struct kunit *test, unsigned int n)
{
	struct hak_mag *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	for (m->n = 0; m->n < n; m->n++)
		m->slot[m->n] = OBJ(100 + m->n);
	return m;
}

static void push_n(struct kunit *test, struct hak_set *s, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		KUNIT_ASSERT_TRUE(test, set_push(s, OBJ(i)));
}

static void set_push_up_to_cap_then_refuses(struct kunit *test)
{
	struct hak_set *s = new_set(test, 16, 64, false);

	push_n(test, s, 16);
	KUNIT_EXPECT_FALSE(test, set_push(s, OBJ(16)));
	KUNIT_EXPECT_EQ(test, s->n, 16);
}

static void set_push_hidden_goes_up_to_room(struct kunit *test)
{
	struct hak_set *s = new_set(test, 32, 64, true);

	push_n(test, s, 32);
	KUNIT_EXPECT_FALSE(test, set_push(s, OBJ(32)));
	KUNIT_EXPECT_EQ(test, s->cap, 0);
}

static void set_pop_returns_newest_first(struct kunit *test)
{
	struct hak_set *s = new_set(test, 16, 64, false);
	int i;

	push_n(test, s, 16);
	for (i = 15; i >= 0; i--)
		KUNIT_EXPECT_PTR_EQ(test, set_pop(s), OBJ(i));
	KUNIT_EXPECT_NULL(test, set_pop(s));
	KUNIT_EXPECT_EQ(test, s->n, 0);
}

static void set_pop_after_inlined_miss_mends_count(struct kunit *test)
{
	struct hak_set *s = new_set(test, 16, 64, false);

	s->n = -1;
	KUNIT_EXPECT_NULL(test, set_pop(s));
	KUNIT_EXPECT_EQ(test, s->n, 0);
	s->n = -1;
	KUNIT_EXPECT_TRUE(test, set_push(s, OBJ(7)));
	KUNIT_EXPECT_EQ(test, s->n, 1);
	KUNIT_EXPECT_PTR_EQ(test, set_pop(s), OBJ(7));
}

static void set_fill_beyond_cap_leaves_the_rest(struct kunit *test)
{
	struct hak_set *s = new_set(test, 16, 64, false);
	void *p[20];
	unsigned int i;

	for (i = 0; i < 20; i++)
		p[i] = OBJ(i);
	KUNIT_EXPECT_EQ(test, set_fill(s, 20, p), 4);
	KUNIT_EXPECT_EQ(test, s->n, 16);
	/* The rest is the front of the array; what went in is the end of it. */
	for (i = 4; i < 20; i++)
		KUNIT_EXPECT_PTR_EQ(test, set_pop(s), OBJ(i));
	KUNIT_EXPECT_EQ(test, set_fill(s, 0, p), 0);
}

static void set_drain_takes_at_most_what_is_wanted(struct kunit *test)
{
	struct hak_set *s = new_set(test, 16, 64, false);
	void *p[20];

	push_n(test, s, 10);
	KUNIT_EXPECT_EQ(test, set_drain(s, 4, p), 4);
	KUNIT_EXPECT_PTR_EQ(test, p[0], OBJ(9));
	KUNIT_EXPECT_PTR_EQ(test, p[3], OBJ(6));
	KUNIT_EXPECT_EQ(test, set_drain(s, 20, p), 6);
	KUNIT_EXPECT_PTR_EQ(test, p[5], OBJ(0));
	KUNIT_EXPECT_EQ(test, set_drain(s, 20, p), 0);
}

static void set_widen_doubles_up_to_max(struct kunit *test)
{
	struct hak_set *s = new_set(test, 16, 50, false);

	set_widen(s, true);
	KUNIT_EXPECT_EQ(test, s->cap, 32);
	set_widen(s, true);
	KUNIT_EXPECT_EQ(test, s->cap, 50);
	set_widen(s, true);
	KUNIT_EXPECT_EQ(test, s->cap, 50);
}

static void set_widen_large_wants_both_directions(struct kunit *test)
{
	struct hak_set *s = new_set(test, 4, 100, false);

	s->size = HAK_MAG_BYTES / 8;
	set_widen(s, true);
	KUNIT_EXPECT_EQ(test, s->cap, 8);
	set_widen(s, true);
	KUNIT_EXPECT_EQ(test, s->cap, 8);
	set_widen(s, false);
	KUNIT_EXPECT_EQ(test, s->cap, 16);
	set_widen(s, false);
	KUNIT_EXPECT_EQ(test, s->cap, 16);
	set_widen(s, true);
	KUNIT_EXPECT_EQ(test, s->cap, 32);
}

static void set_widen_hidden_stays_hidden(struct kunit *test)
{
	struct hak_set *s = new_set(test, 16, 64, true);

	set_widen(s, true);
	KUNIT_EXPECT_EQ(test, s->slots, 32);
	KUNIT_EXPECT_EQ(test, s->cap, 0);
}

static void set_store_spare_without_room_refuses(struct kunit *test)
{
	struct hak_set *s = new_set(test, 16, 64, false);

	push_n(test, s, 16);
	KUNIT_EXPECT_FALSE(test, set_store_spare(s, &most));
	set_swap_spare(s, new_mag(test, 1));
	KUNIT_EXPECT_FALSE(test, set_store_spare(s, &most));
	KUNIT_EXPECT_EQ(test, s->n, 16);
	KUNIT_EXPECT_EQ(test, s->spare->n, 1);
}

static void set_store_spare_full_set_moves_all(struct kunit *test)
{
	struct hak_set *s = new_set(test, 16, 64, false);
	struct hak_mag *m = new_mag(test, 0);
	unsigned int i;

	set_swap_spare(s, m);
	push_n(test, s, 15);
	KUNIT_EXPECT_TRUE(test, set_store_spare(s, &most));
	KUNIT_EXPECT_EQ_MSG(test, m->n, 0, "a set with room keeps its objects");
	set_push(s, OBJ(15));
	KUNIT_EXPECT_TRUE(test, set_store_spare(s, &most));
	KUNIT_EXPECT_EQ(test, s->n, 0);
	KUNIT_ASSERT_EQ(test, m->n, 16);
	for (i = 0; i < 16; i++)
		KUNIT_EXPECT_PTR_EQ(test, m->slot[i], OBJ(i));
}

/* A set with fewer slots than a magazine adds to its spare, and takes from it what fits. */
static void set_with_few_slots_shares_a_spare(struct kunit *test)
{
	struct hak_set *s = new_set(test, 16, 16, false);
	struct hak_mag *m = new_mag(test, 0);
	unsigned int i, k;

	set_swap_spare(s, m);
	for (k = 0; k < 3; k++) {
		for (i = 0; i < 16; i++)
			KUNIT_ASSERT_TRUE(test, set_push(s, OBJ(16 * k + i)));
		KUNIT_EXPECT_TRUE(test, set_store_spare(s, &few));
		KUNIT_EXPECT_EQ(test, m->n, 16 * (k + 1));
	}
	push_n(test, s, 16);
	KUNIT_EXPECT_FALSE_MSG(test, set_store_spare(s, &few), "64 are more than 50");
	KUNIT_EXPECT_EQ(test, s->n, 16);
	s->n = 0;
	KUNIT_EXPECT_TRUE(test, set_load_spare(s));
	KUNIT_EXPECT_EQ(test, m->n, 32);
	KUNIT_EXPECT_EQ(test, s->slots, 16);
	for (i = 48; i > 32; i--)
		KUNIT_EXPECT_PTR_EQ(test, set_pop(s), OBJ(i - 1));
	KUNIT_EXPECT_NULL(test, set_pop(s));
}

static void set_load_spare_empty_set_takes_all(struct kunit *test)
{
	struct hak_set *s = new_set(test, 16, 64, false);
	struct hak_mag *m = new_mag(test, 40);
	int i;

	KUNIT_EXPECT_FALSE(test, set_load_spare(s));
	set_swap_spare(s, m);
	s->n = -1;
	KUNIT_EXPECT_TRUE(test, set_load_spare(s));
	KUNIT_EXPECT_EQ(test, m->n, 0);
	KUNIT_EXPECT_EQ(test, s->n, 40);
	KUNIT_EXPECT_GE_MSG(test, s->cap, 40, "cap covers what is held");
	for (i = 39; i >= 0; i--)
		KUNIT_EXPECT_PTR_EQ(test, set_pop(s), OBJ(100 + i));
	KUNIT_EXPECT_FALSE(test, set_load_spare(s));
}

static void set_load_spare_nonempty_set_keeps_spare(struct kunit *test)
{
	struct hak_set *s = new_set(test, 16, 64, false);

	set_swap_spare(s, new_mag(test, 5));
	set_push(s, OBJ(1));
	KUNIT_EXPECT_TRUE(test, set_load_spare(s));
	KUNIT_EXPECT_EQ(test, s->n, 1);
	KUNIT_EXPECT_EQ(test, s->spare->n, 5);
}

static void set_swap_spare_returns_the_one_before(struct kunit *test)
{
	struct hak_set *s = new_set(test, 16, 64, false);
	struct hak_mag *a = new_mag(test, 1), *b = new_mag(test, 2);

	KUNIT_EXPECT_NULL(test, set_swap_spare(s, a));
	KUNIT_EXPECT_PTR_EQ(test, set_swap_spare(s, b), a);
	KUNIT_EXPECT_PTR_EQ(test, set_swap_spare(s, NULL), b);
}

static void hak_cache_alloc_after_free_gives_the_same_object(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-hot", 64, NULL, 0);
	void *a, *b;

	migrate_disable();
	a = hak_cache_alloc(c, GFP_KERNEL);
	hak_cache_free(c, a);
	b = hak_cache_alloc(c, GFP_KERNEL);
	hak_cache_free(c, b);
	migrate_enable();
	KUNIT_EXPECT_NOT_NULL(test, a);
	KUNIT_EXPECT_PTR_EQ(test, a, b);
}

#define STAGE_OBJECTS 1000

/* Between nothing and one an object; what is counted the wrong way is far beyond. */
static void expect_counted(struct kunit *test, const u64 *before, enum hak_stat which)
{
	u64 n = hak_kunit_stat(which) - before[which];

	KUNIT_EXPECT_TRUE_MSG(test, n && n <= 2 * STAGE_OBJECTS, "%s went up by %lld",
			      hak_stat_name[which], (long long)n);
}

static void each_stage_counts_what_it_serves(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-stages", 64, NULL, 0);
	void **p = kunit_kcalloc(test, STAGE_OBJECTS, sizeof(*p), GFP_KERNEL);
	u64 before[2][HAK_NR_STATS];
	unsigned int round, i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	/* The second round wants the spare that the first left, so both are of one CPU. */
	migrate_disable();
	for (round = 0; round < 2; round++) {
		hak_stats_read(before[round]);
		for (i = 0; i < STAGE_OBJECTS; i++)
			p[i] = hak_cache_alloc(c, GFP_KERNEL);
		for (i = 0; i < STAGE_OBJECTS; i++)
			hak_cache_free(c, p[i]);
	}
	migrate_enable();
	expect_counted(test, before[0], HAK_STAT_alloc_slab);
	expect_counted(test, before[1], HAK_STAT_alloc_spare);
	expect_counted(test, before[1], HAK_STAT_alloc_depot);
	expect_counted(test, before[1], HAK_STAT_free_spare);
	expect_counted(test, before[1], HAK_STAT_free_depot);
}

static struct kunit_case magazine_cases[] = {
	KUNIT_CASE(set_push_up_to_cap_then_refuses),
	KUNIT_CASE(set_push_hidden_goes_up_to_room),
	KUNIT_CASE(set_pop_returns_newest_first),
	KUNIT_CASE(set_pop_after_inlined_miss_mends_count),
	KUNIT_CASE(set_fill_beyond_cap_leaves_the_rest),
	KUNIT_CASE(set_drain_takes_at_most_what_is_wanted),
	KUNIT_CASE(set_widen_doubles_up_to_max),
	KUNIT_CASE(set_widen_large_wants_both_directions),
	KUNIT_CASE(set_widen_hidden_stays_hidden),
	KUNIT_CASE(set_store_spare_without_room_refuses),
	KUNIT_CASE(set_store_spare_full_set_moves_all),
	KUNIT_CASE(set_with_few_slots_shares_a_spare),
	KUNIT_CASE(set_load_spare_empty_set_takes_all),
	KUNIT_CASE(set_load_spare_nonempty_set_keeps_spare),
	KUNIT_CASE(set_swap_spare_returns_the_one_before),
	KUNIT_CASE(hak_cache_alloc_after_free_gives_the_same_object),
	KUNIT_CASE(each_stage_counts_what_it_serves),
	{}
};

struct kunit_suite hak_magazine_suite = {
	.name = "hakmem_magazine",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = magazine_cases,
};
