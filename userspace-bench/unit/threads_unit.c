// SPDX-License-Identifier: GPL-2.0
/*
 * Suite hakmem_threads: threads that allocate, free, pass objects to one another, and
 * end while their magazines are full, while caches come and go and memory is reclaimed.
 *
 * What a thread knows of an object travels with it: size, who serves it, and the key of
 * its pattern, which whoever frees it checks first.  Objects that a generation of
 * threads leaves behind in the mail are the next one's; the main thread frees the last.
 * seed= repeats the choices, though not the order in which threads run.
 */
#include "kunit/hak_kunit.h"
#include "kunit/lib/hak_pattern.h"
#include "kunit/lib/hak_random.h"
#include "tiny/tiny_class.h"
#include "unit/unit.h"

#define THREADS		4
#define OWN		256	/* objects one thread knows */
#define MAIL		512
#define BULK		48
#define KEPT		16	/* head of a constructed object, which stays as it is */

enum { PLAIN_40, CTOR_96, RCU_24, SOFT_56, NR_TYPED, UNTYPED = NR_TYPED };

struct item {
	char *p;
	u32 size;
	u8 kind;
	u32 key;
};

struct crowd {
	struct hak_cache *cache[NR_TYPED];
	pthread_mutex_t lock;
	struct item mail[MAIL];		/* [lock] */
	unsigned int ops;		/* of each thread */
	unsigned long generation;
	int bad;
};

struct member {
	struct crowd *c;
	u64 rand;
	struct item own[OWN];
};

static void born_ctor(void *p)
{
	hak_fill(p, KEPT, HAK_BORN);
}

static const struct {
	const char *name;
	u32 size;
	struct hak_cache_args args;
	slab_flags_t flags;
} typed[NR_TYPED] = {
	[PLAIN_40] = { "threads-40", 40 },
	[CTOR_96] = { "threads-ctor", 96, { .ctor = born_ctor } },
	[RCU_24] = { "threads-rcu", 24, {}, SLAB_TYPESAFE_BY_RCU },
	[SOFT_56] = { "threads-soft", 56, { .hardened = HAK_HARDENED_OFF } },
};

static unsigned int pick(struct member *m, unsigned int n)
{
	return hak_below(&m->rand, n);
}

static void expect(struct crowd *c, bool good, const char *what, const struct item *i)
{
	if (good)
		return;
	if (__atomic_fetch_add(&c->bad, 1, __ATOMIC_RELAXED) < 5)
		printf("# %s: %p, size %u, kind %u\n", what, i->p, i->size, i->kind);
}

static u32 kept(const struct item *i)
{
	return i->kind == CTOR_96 ? KEPT : 0;
}

static void enter(struct member *m, struct item *i, unsigned int kind, u32 size, void *p)
{
	*i = (struct item){ p, size, kind, hak_random(&m->rand) };
	expect(m->c, p, "no memory", i);
	expect(m->c, hak_owns(p) == (size <= HAK_MAX_SIZE), "wrong owner", i);
	expect(m->c, size > HAK_MAX_SIZE || hak_usable_size(p) ==
	       (kind == UNTYPED ? hak_class_size[hak_size_class(size)] : size), "wrong size", i);
	expect(m->c, hak_intact(p, kept(i), HAK_BORN), "not constructed", i);
	hak_fill(i->p + kept(i), size - kept(i), i->key);
}

static void *leave(struct crowd *c, struct item *i)
{
	void *p = i->p;

	expect(c, hak_intact(p, kept(i), HAK_BORN), "constructed part spoilt", i);
	expect(c, hak_intact(i->p + kept(i), i->size - kept(i), i->key), "content spoilt", i);
	i->p = NULL;
	return p;
}

static u32 any_size(struct member *m)
{
	return 1 + pick(m, pick(m, 2) ? 128 : pick(m, 64) ? HAK_MAX_SIZE : 3000);
}

static void op_alloc(struct member *m, struct item *i)
{
	unsigned int kind = pick(m, 2 * NR_TYPED);
	u32 size = kind < NR_TYPED ? typed[kind].size : any_size(m);
	bool zero = !pick(m, 16);
	void *p;

	if (kind < NR_TYPED) {
		p = hak_cache_alloc(m->c->cache[kind], GFP_KERNEL);
	} else {
		kind = UNTYPED;
		p = zero ? hak_zalloc(size, GFP_KERNEL) : hak_alloc(size, GFP_KERNEL);
		expect(m->c, !zero || !memchr_inv(p, 0, size), "not zeroed", i);
	}
	enter(m, i, kind, size, p);
}

static void op_free(struct member *m, struct item *i)
{
	struct item was = *i;
	void *p = leave(m->c, i);

	if (was.kind != UNTYPED && pick(m, 2))
		hak_cache_free(m->c->cache[was.kind], p);
	else if (was.kind == UNTYPED && pick(m, 2))
		hak_free_sized(p, was.size);
	else
		hak_free(p);
}

static void op_bulk_alloc(struct member *m)
{
	unsigned int kind = pick(m, NR_TYPED + 2), n = 1 + pick(m, BULK), i, k;
	u32 size = kind < NR_TYPED ? typed[kind].size : 1 + pick(m, HAK_MAX_SIZE);
	void *p[BULK];

	k = kind < NR_TYPED ? hak_cache_alloc_bulk(m->c->cache[kind], GFP_KERNEL, n, p)
			    : hak_alloc_bulk(size, GFP_KERNEL, n, p);
	expect(m->c, k == n, "bulk gave less", &m->own[0]);
	for (i = pick(m, OWN); k; i = (i + 1) % OWN) {
		if (m->own[i].p)
			op_free(m, &m->own[i]);
		enter(m, &m->own[i], min_t(unsigned int, kind, UNTYPED), size, p[--k]);
	}
}

static void op_bulk_free(struct member *m)
{
	unsigned int i = pick(m, OWN), k, n = 0, kind = pick(m, 2 * NR_TYPED);
	void *p[BULK];

	for (k = 0; k < OWN && n < BULK; k++, i = (i + 1) % OWN)
		if (m->own[i].p && (kind >= NR_TYPED || m->own[i].kind == kind))
			p[n++] = leave(m->c, &m->own[i]);
	if (kind < NR_TYPED)
		hak_cache_free_bulk(m->c->cache[kind], n, p);
	else
		hak_free_bulk(n, p);
}

/* Exchange @i, an object or none, for one of the mail. */
static void op_mail(struct member *m, struct item *i)
{
	struct item *mail = &m->c->mail[pick(m, MAIL)];

	pthread_mutex_lock(&m->c->lock);
	swap(*mail, *i);
	pthread_mutex_unlock(&m->c->lock);
}

/* A cache of its own, which comes and goes; the set that held its objects must be this one. */
static void op_cache(struct member *m)
{
	struct hak_cache *c = hak_cache_create("threads-own", 8 + pick(m, 500), NULL,
					       pick(m, 2) ? SLAB_TYPESAFE_BY_RCU : 0);
	unsigned int n = 1 + pick(m, BULK), got = 0;
	void *p[BULK];

	migrate_disable();
	if (c)
		got = hak_cache_alloc_bulk(c, GFP_KERNEL, n, p);
	expect(m->c, got == n, "no cache, or not its objects", &m->own[0]);
	if (c)
		hak_cache_free_bulk(c, got, p);
	hak_cache_destroy(c);
	migrate_enable();
}

/* What the kernel does meanwhile: reclaim, the reaper, somebody who reads counters. */
static void op_meanwhile(struct member *m, unsigned int which)
{
	switch (which) {
	case 0:
		hak_shrink_all();
		break;
	case 1:
		hak_reap_here(pick(m, 2));
		break;
	case 2:
		hak_shrinker_scan(pick(m, 1024));
		break;
	case 3:
		expect(m->c, hak_kunit_stat(HAK_STAT_pages_held) > 0, "nothing held", &m->own[0]);
		break;
	case 4:
		op_cache(m);
		break;
	default:
		hak_cache_shrink(m->c->cache[pick(m, NR_TYPED)]);
	}
}

static void op_any(struct member *m)
{
	struct item *i = &m->own[pick(m, OWN)];
	unsigned int r = pick(m, 4096);

	if (r < 7)
		op_meanwhile(m, r);
	else if (r < 64)
		op_bulk_alloc(m);
	else if (r < 128)
		op_bulk_free(m);
	else if (r < 1024)
		op_mail(m, i);
	else if (i->p)
		op_free(m, i);
	else
		op_alloc(m, i);
}

/* What it still knows goes into the mail where there is room; its magazines stay full. */
static void post_all(struct member *m)
{
	unsigned int i;

	for (i = 0; i < OWN; i++) {
		op_mail(m, &m->own[i]);
		if (m->own[i].p)
			op_free(m, &m->own[i]);
	}
}

static int member_fn(void *arg)
{
	struct member *m = arg;
	unsigned int i;

	for (i = 0; i < m->c->ops && !READ_ONCE(m->c->bad); i++)
		op_any(m);
	post_all(m);
	return 0;
}

static void generation_run(struct kunit *test, struct crowd *c, unsigned int threads)
{
	struct member *m = kunit_kcalloc(test, threads, sizeof(*m), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, m);
	for (i = 0; i < threads; i++) {
		m[i].c = c;
		m[i].rand = hak_random_begin(hak_kunit_seed, ++c->generation);
		unit_thread_start(unit_thread_create(member_fn, &m[i]));
	}
	unit_threads_join();
}

static void crowd_run(struct kunit *test, unsigned int generations, unsigned int threads,
		      unsigned int ops)
{
	struct crowd *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	struct hak_counts bad;
	unsigned int i, live = 0;

	KUNIT_ASSERT_NOT_NULL(test, c);
	pthread_mutex_init(&c->lock, NULL);
	c->ops = ops;
	for (i = 0; i < NR_TYPED; i++) {
		struct hak_cache_args args = typed[i].args;

		c->cache[i] = hak_kunit_cache(test, typed[i].name, typed[i].size, &args,
					      typed[i].flags);
	}
	hak_counts_begin(&bad);
	while (generations--)
		generation_run(test, c, threads);
	for (i = 0; i < MAIL; i++)
		live += c->mail[i].p && c->mail[i].size <= HAK_MAX_SIZE;
	KUNIT_EXPECT_GT(test, live, 0);
	KUNIT_EXPECT_EQ_MSG(test, hak_audit(live), 0, "when all threads have ended");
	for (i = 0; i < MAIL; i++)
		if (c->mail[i].p)
			hak_free(leave(c, &c->mail[i]));
	KUNIT_EXPECT_EQ(test, c->bad, 0);
	hak_kunit_bad_end(test, &bad, HAK_NR_STATS, 0, "nothing was freed badly");
	KUNIT_EXPECT_EQ_MSG(test, hak_shrink_all(), hak_config_get()->fixed_pages,
			    "what threads that have ended held came back");
}

static void threads_that_pass_objects_agree_with_shadow(struct kunit *test)
{
	crowd_run(test, 3, THREADS, hak_kunit_ops / 4);
}

static void threads_in_small_blocks_agree_with_shadow(struct kunit *test)
{
	hak_kunit_small_blocks(test);
	crowd_run(test, 2, THREADS, hak_kunit_ops / 16);
}

static void many_short_threads_leave_nothing(struct kunit *test)
{
	crowd_run(test, 20, 2 * THREADS, 300);
}

#define HERD 8

struct herd {
	atomic_uint arrived;
	atomic_uint served;
};

struct herd_member {
	struct herd *h;
	u32 size;
};

static int herd_fn(void *arg)
{
	struct herd_member *m = arg;
	void *p;

	m->h->arrived++;
	while (m->h->arrived < HERD)
		sched_yield();
	p = hak_alloc(m->size, GFP_KERNEL);
	m->h->served += p != NULL;
	hak_free(p);
	return 0;
}

/* Each would hold 2 MiB of its own for a moment, and the peak would be theirs together. */
static void many_that_find_no_page_ask_for_one_superslab(struct kunit *test)
{
	struct herd h = {};
	struct herd_member m[HERD];
	unsigned int i;

	hak_shrink_all();
	KUNIT_ASSERT_EQ(test, atomic_long_read(&hak_mem_stat[HAK_MEM_SS]), 0);
	unit_superslabs_asked = 0;
	for (i = 0; i < HERD; i++) {
		/* A class each, so that none is served from another's slab. */
		m[i] = (struct herd_member){ &h, (i + 1) * 64 };
		unit_thread_start(unit_thread_create(herd_fn, &m[i]));
	}
	unit_threads_join();
	KUNIT_EXPECT_EQ(test, h.served, HERD);
	KUNIT_EXPECT_EQ(test, unit_superslabs_asked, hak_superslab_enabled);
	KUNIT_EXPECT_EQ(test, hak_shrink_all(), hak_config_get()->fixed_pages);
}

#define MISSES 1000
#define PAUSE 64	/* misses between two attempts, at most */

#define OBJECTS (32 * (MISSES + 2 * PAUSE))

/* Small blocks of 31 objects each, until there are @blocks; returns how many objects. */
static unsigned int grow_small(void **p, unsigned int n, u64 blocks)
{
	while (hak_kunit_stat(HAK_STAT_small_blocks_held) < blocks &&
	       n < OBJECTS && !atomic_long_read(&hak_mem_stat[HAK_MEM_SS]))
		p[n++] = hak_alloc(1024, GFP_KERNEL);
	return n;
}

/* The first seven attempts leave out 1, 2, 4 to 64 misses; then each 65th miss is one. */
static void superslabs_that_cannot_be_had_are_asked_for_less_often(struct kunit *test)
{
	void **p = kunit_kcalloc(test, OBJECTS, sizeof(*p), GFP_KERNEL);
	unsigned int n;

	KUNIT_ASSERT_NOT_NULL(test, p);
	hak_shrink_all();
	KUNIT_ASSERT_EQ(test, atomic_long_read(&hak_mem_stat[HAK_MEM_SS]), 0);
	unit_superslabs_asked = 0;
	unit_superslabs_woke = 0;
	unit_superslabs_refused = true;
	n = grow_small(p, 0, MISSES);
	unit_superslabs_refused = false;
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_small_blocks_held), MISSES);
	if (hak_superslab_enabled) {
		KUNIT_EXPECT_GE(test, unit_superslabs_asked, MISSES / (PAUSE + 1));
		KUNIT_EXPECT_LE(test, unit_superslabs_asked, 8 + MISSES / (PAUSE + 1));
		/* Time stands still here. */
		KUNIT_EXPECT_LE(test, unit_superslabs_woke, 1);
	}
	/* There are some again: the end of the pause is not far. */
	n = grow_small(p, n, MISSES + PAUSE + 2);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&hak_mem_stat[HAK_MEM_SS]), hak_superslab_enabled);
	while (n)
		hak_free(p[--n]);
	KUNIT_EXPECT_EQ(test, hak_shrink_all(), hak_config_get()->fixed_pages);
}

static struct kunit_case threads_cases[] = {
	KUNIT_CASE_SLOW(threads_that_pass_objects_agree_with_shadow),
	KUNIT_CASE_SLOW(threads_in_small_blocks_agree_with_shadow),
	KUNIT_CASE_SLOW(many_short_threads_leave_nothing),
	KUNIT_CASE(many_that_find_no_page_ask_for_one_superslab),
	KUNIT_CASE(superslabs_that_cannot_be_had_are_asked_for_less_often),
	{}
};

struct kunit_suite hak_threads_suite = {
	.name = "hakmem_threads",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = threads_cases,
};
