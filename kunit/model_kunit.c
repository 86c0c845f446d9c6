// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_model: random operations against a naive shadow.
 *
 * The shadow is a table that knows for each object who serves it, how long it is
 * and what is written in it.  Every byte that may be used is filled with a pattern of
 * the object's serial number and address, and checked before the free: two
 * objects that overlap, or one handed out twice, spoil a pattern.  seed= repeats a run.
 */
#include "kunit/hak_kunit.h"
#include "kunit/lib/hak_pattern.h"
#include "kunit/lib/hak_random.h"
#include <linux/random.h>

#define SLOTS		4096
#define BULK		64
#define KEPT		16	/* head of a constructed object, which stays as it is */

struct slot {
	void *p;
	u32 size;	/* asked for */
	u32 usable;
	u8 kind;	/* index of a typed cache, or UNTYPED */
	u32 serial;
};

enum {
	PLAIN_8, PLAIN_40, LINE_192, PAGE_300, BIG_8192, CTOR_96, RCU_24, HARD_56, SOFT_56,
	NR_TYPED, UNTYPED
};

struct typed {
	const char *name;
	u32 size;
	struct hak_cache_args args;
	slab_flags_t flags;
};

static void born_ctor(void *p)
{
	hak_fill(p, KEPT, HAK_BORN);
}

static const struct typed typed[NR_TYPED] = {
	[PLAIN_8] = { "model-8", 8 },
	[PLAIN_40] = { "model-40", 40 },
	[LINE_192] = { "model-192", 180, { .align = 64 } },
	[PAGE_300] = { "model-300", 300, { .align = 4096 } },
	[BIG_8192] = { "model-8192", 8192 },
	[CTOR_96] = { "model-ctor", 96, { .ctor = born_ctor } },
	[RCU_24] = { "model-rcu", 24, {}, SLAB_TYPESAFE_BY_RCU },
	[HARD_56] = { "model-hard", 56, { .hardened = HAK_HARDENED_ON } },
	[SOFT_56] = { "model-soft", 56, { .hardened = HAK_HARDENED_OFF } },
};

struct model {
	struct kunit *test;
	struct hak_cache *cache[NR_TYPED];
	struct slot *slot;
	u64 rand;
	u32 serial;
	long live;	/* objects of hakmem's; not large ones */
	unsigned int bad;
};

static unsigned int pick(struct model *m, unsigned int n)
{
	return hak_below(&m->rand, n);
}

static unsigned int kept(const struct slot *s)
{
	return s->kind == CTOR_96 ? KEPT : 0;
}

static bool is_ours(const struct slot *s)
{
	return s->kind != UNTYPED || (s->size && s->size <= HAK_MAX_SIZE);
}

static void note_bad(struct model *m, const struct slot *s, const char *what)
{
	if (m->bad++ < 5)
		kunit_err(m->test, "%s: %px, size %u, kind %u, operation %u", what, s->p,
			  s->size, s->kind, m->serial);
}

/* A new object in @s: what it must be like, and its pattern. */
static void enter(struct model *m, struct slot *s, unsigned int kind, u32 size, void *p)
{
	unsigned long align = kind == LINE_192 ? 64 : kind == PAGE_300 ? 4096 :
			      kind == UNTYPED && size ? size & -size : 1;

	*s = (struct slot){ .p = p, .size = size, .kind = kind };
	s->usable = kind == UNTYPED && size <= HAK_MAX_SIZE ? hak_usable_size(p) : size;
	s->serial = ++m->serial;
	if (s->usable < size || (kind != UNTYPED && hak_usable_size(p) != size))
		note_bad(m, s, "wrong usable size");
	if (hak_owns(p) != is_ours(s))
		note_bad(m, s, "wrong owner");
	if ((unsigned long)p & (align - 1) & (PAGE_SIZE - 1) && p != ZERO_SIZE_PTR)
		note_bad(m, s, "misaligned");
	if (!hak_intact(p, kept(s), HAK_BORN))
		note_bad(m, s, "not constructed");
	hak_fill(p + kept(s), s->usable - kept(s), s->serial);
	m->live += is_ours(s);
}

static void *leave(struct model *m, struct slot *s)
{
	void *p = s->p;

	if (!hak_intact(p, kept(s), HAK_BORN))
		note_bad(m, s, "constructed part spoilt");
	if (!hak_intact(p + kept(s), s->usable - kept(s), s->serial))
		note_bad(m, s, "content spoilt");
	m->live -= is_ours(s);
	s->p = NULL;
	return p;
}

static u32 random_size(struct model *m)
{
	unsigned int r = pick(m, 256);

	if (r == 0)
		return 0;
	if (r < 4)
		return 1025 + pick(m, 7000);
	return 1 + (r < 128 ? pick(m, 128) : pick(m, HAK_MAX_SIZE));
}

static void op_alloc(struct model *m, struct slot *s)
{
	unsigned int kind = pick(m, NR_TYPED * 3);
	bool zero = !pick(m, 16);
	u32 size;
	void *p;

	if (kind < NR_TYPED) {
		size = typed[kind].size;
		zero &= !typed[kind].args.ctor;
		p = zero ? hak_cache_zalloc(m->cache[kind], GFP_KERNEL)
			 : hak_cache_alloc(m->cache[kind], GFP_KERNEL);
	} else {
		kind = UNTYPED;
		size = random_size(m);
		p = zero ? hak_zalloc(size, GFP_KERNEL) : hak_alloc(size, GFP_KERNEL);
	}
	if (!p)
		return note_bad(m, s, "no memory");
	if (zero && size && memchr_inv(p, 0, size))
		note_bad(m, s, "not zeroed");
	enter(m, s, kind, size, p);
}

static void op_free(struct model *m, struct slot *s)
{
	unsigned int kind = s->kind, size = s->size;
	void *p = leave(m, s);

	if (kind != UNTYPED && pick(m, 4))
		hak_cache_free(m->cache[kind], p);
	else if (kind == UNTYPED && !pick(m, 2))
		hak_free_sized(p, size);
	else
		hak_free(p);
}

static void op_alloc_bulk(struct model *m)
{
	unsigned int n = 1 + pick(m, BULK), kind = pick(m, NR_TYPED + 3), i, k = 0;
	u32 size = kind < NR_TYPED ? typed[kind].size : 1 + pick(m, HAK_MAX_SIZE);
	void *p[BULK];
	unsigned int got;

	if (kind == BIG_8192)
		n = 1 + n / 16;
	got = kind < NR_TYPED ? hak_cache_alloc_bulk(m->cache[kind], GFP_KERNEL, n, p)
			      : hak_alloc_bulk(size, GFP_KERNEL, n, p);
	if (got != n)
		return note_bad(m, m->slot, "bulk gave less");
	i = pick(m, SLOTS);
	for (k = 0; k < n; i = (i + 1) % SLOTS) {
		if (m->slot[i].p)
			op_free(m, &m->slot[i]);
		enter(m, &m->slot[i], kind < NR_TYPED ? kind : UNTYPED, size, p[k++]);
	}
}

static void op_free_bulk(struct model *m)
{
	unsigned int n = 1 + pick(m, BULK), i = pick(m, SLOTS), k, got = 0;
	bool one_kind = pick(m, 2);
	unsigned int kind = pick(m, NR_TYPED);
	void *p[BULK];

	for (k = 0; k < SLOTS && got < n; k++) {
		struct slot *s = &m->slot[(i + k) % SLOTS];

		if (s->p && (!one_kind || s->kind == kind))
			p[got++] = leave(m, s);
	}
	if (one_kind)
		hak_cache_free_bulk(m->cache[kind], got, p);
	else
		hak_free_bulk(got, p);
}

static void op_any(struct model *m)
{
	struct slot *s = &m->slot[pick(m, SLOTS)];
	unsigned int r = pick(m, 65536);

	if (r < 2)
		hak_cache_shrink(m->cache[pick(m, NR_TYPED)]);
	else if (r < 3)
		hak_shrink_all();
	else if (r < 512)
		op_alloc_bulk(m);
	else if (r < 1024)
		op_free_bulk(m);
	else if (s->p)
		op_free(m, s);
	else
		op_alloc(m, s);
}

static void model_init(struct kunit *test, struct model *m)
{
	unsigned int i;

	m->test = test;
	m->rand = hak_kunit_seed ?: get_random_long() | 1;
	kunit_info(test, "seed=%llu ops=%u", m->rand, hak_kunit_ops);
	m->slot = kunit_kcalloc(test, SLOTS, sizeof(*m->slot), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m->slot);
	for (i = 0; i < NR_TYPED; i++) {
		struct hak_cache_args args = typed[i].args;

		m->cache[i] = hak_kunit_cache(test, typed[i].name, typed[i].size, &args,
					      typed[i].flags);
	}
}

static void model_run(struct kunit *test, unsigned int ops)
{
	struct model m = { };
	struct hak_counts bad;
	unsigned int i;

	model_init(test, &m);
	hak_counts_begin(&bad);
	for (i = 1; i <= ops; i++) {
		op_any(&m);
		if (!(i % 4096))
			cond_resched();
		if (!(i % max(ops / 4, 1U)))
			KUNIT_EXPECT_EQ_MSG(test, hak_audit(m.live), 0, "operation %u", i);
		if (m.bad)
			break;
	}
	KUNIT_EXPECT_EQ(test, m.bad, 0);
	/* How many depends on the seed, and a short run is far from the most there can be. */
	KUNIT_EXPECT_GT_MSG(test, m.live, min(ops / 10, 100U), "the check had something to check");
	for (i = 0; i < SLOTS; i++)
		if (m.slot[i].p)
			op_free(&m, &m.slot[i]);
	KUNIT_EXPECT_EQ(test, m.bad, 0);
	KUNIT_EXPECT_EQ(test, m.live, 0);
	hak_kunit_bad_end(test, &bad, HAK_NR_STATS, 0, "nothing was freed badly");
}

static void random_operations_agree_with_shadow(struct kunit *test)
{
	model_run(test, hak_kunit_ops);
}

static void random_operations_in_small_blocks_agree_with_shadow(struct kunit *test)
{
	hak_kunit_small_blocks(test);
	model_run(test, hak_kunit_ops / 10);
}

static struct kunit_case model_cases[] = {
	KUNIT_CASE_SLOW(random_operations_agree_with_shadow),
	KUNIT_CASE_SLOW(random_operations_in_small_blocks_agree_with_shadow),
	{}
};

struct kunit_suite hak_model_suite = {
	.name = "hakmem_model",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = model_cases,
};
