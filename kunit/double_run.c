// SPDX-License-Identifier: GPL-2.0
/* See double.h. */
#include "kunit/double.h"
#include "superslab/ss_block.h"
#ifdef __KERNEL__
#include <linux/hakmem_dropin.h>
#endif

#define CONTENT 0xc3
#define FOREIGN 0x5a

/* A slab of objects of this size has none that starts where one of the others' does at its end. */
#define UNLIKE_SIZE 136

static void *take(struct hak_double *d, struct hak_cache *c, unsigned int size, int content)
{
	void *p = hak_cache_alloc(c, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(d->test, p);
	if (content)
		memset(p, content, size);
	return p;
}

#ifdef __KERNEL__
static void dropin_end(void *s)
{
	hak_dropin_destroy(s);
}

static struct hak_cache *dropin_cache(struct kunit *test, unsigned int size)
{
	void *s = __hak_dropin_make("kunit-dropin", size, NULL, 0, THIS_MODULE);

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, dropin_end, s), 0);
	KUNIT_ASSERT_FALSE(test, hak_dropin_is_kernel(s));
	return hak_dropin_handle(s);
}
#else
static struct hak_cache *dropin_cache(struct kunit *test, unsigned int size)
{
	return NULL;
}
#endif

static struct hak_cache *cache_of(struct hak_double *d)
{
	struct hak_cache_args args = { .ctor = d->kind == CTOR ? hak_empty_ctor : NULL };

	if (d->kind == UNTYPED)
		return hak_class[hak_size_class(d->size)];
	if (d->kind == DROPIN)
		return dropin_cache(d->test, d->size);
	return hak_kunit_cache(d->test, "kunit-double", d->size, &args,
			       d->kind == TYPESAFE ? SLAB_TYPESAFE_BY_RCU : 0);
}

static void double_gone(void *d)
{
	kfree(d);
}

void hak_double_end(struct hak_double *d)
{
	hak_cache_free(d->unlike, d->anchor);
}

struct hak_double *hak_double_begin(struct kunit *test, enum hak_double_kind kind)
{
	struct hak_double *d = kzalloc(sizeof(*d), GFP_KERNEL);
	struct hak_cache_args like = { };

	KUNIT_ASSERT_NOT_NULL(test, d);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, double_gone, d), 0);
	/* User space has no hak_free_rcu(), whose lists are here all the same. */
	hak_secret = hak_secret ?: 0x9e3779b97f4a7c15UL;
	hak_shrink_all();
	d->test = test;
	d->kind = kind;
	d->size = kind == EIGHT ? 8 : 256;
	d->head = kind == HEAD_FIRST ? 0 : 24;
	d->c = cache_of(d);
	like.align = cache_core(d->c)->align;
	d->like = hak_kunit_cache(test, "kunit-like", d->size, &like, 0);
	d->unlike = hak_kunit_cache(test, "kunit-unlike", UNLIKE_SIZE, NULL, 0);
	d->anchor = take(d, d->unlike, UNLIKE_SIZE, CONTENT);
	return d;
}

static struct hak_pool *pool_of(struct hak_cache *c)
{
	return &cache_core(c)->pool;
}

/* Grace periods end, and what was deferred is done. */
static void settle(struct hak_double *d)
{
	hak_rcu_turn(&d->list);
	d->list.gp = get_completed_synchronize_rcu();
	hak_rcu_turn(&d->list);
	hak_defer_wait();
}

static void flush(struct hak_double *d)
{
	hak_drain_core(cache_core(d->c));
	hak_drain_core(cache_core(d->like));
	hak_drain_core(cache_core(d->unlike));
}

static void free_after_grace(struct hak_double *d, void *p)
{
	struct rcu_head *head = p + d->head;

	if (!hak_rcu_doubt(head, p) || hak_rcu_may_wait(head, p, _RET_IP_))
		hak_rcu_link(&d->list, head, p);
}

static void free_bulk(struct hak_double *d, enum hak_double_way way, void *p)
{
	void *array[1] = { p };

	if (way == BY_ANY_BULK)
		hak_free_bulk(1, array);
	else
		hak_cache_free_bulk(way == BY_CACHE_BULK ? d->c : d->like, 1, array);
}

static void free_as(struct hak_double *d, enum hak_double_way way, void *p)
{
	switch (way) {
	case BY_CACHE:
		hak_cache_free(d->c, p);
		break;
	case BY_ANY:
		hak_free(p);
		break;
	case BY_RCU:
		free_after_grace(d, p);
		break;
	case BY_RESERVE:
		hak_reserve_put(d->reserve);
		d->reserve = NULL;
		break;
	case BY_NMI:
		preempt_disable();
		hak_free_deferred(d->c, p, _RET_IP_);
		preempt_enable();
		break;
	case BY_OTHER:
		hak_cache_free(d->like, p);
		break;
	default:
		free_bulk(d, way, p);
	}
}

static bool by_the_anchor(const struct hak_double *d, const void *p)
{
	return !hak_superslab_enabled || ss_base(p) == ss_base(d->anchor);
}

static void give_back(struct hak_cache *c, void *p)
{
	hak_cache_free(c, p);
	hak_drain_core(cache_core(c));
	hak_pool_trim_all(pool_of(c));
	hak_release_wait();
	synchronize_rcu_expedited();
}

/* The first object of a slab in the SuperSlab of the anchor, or of one to be thinned in any. */
static void *take_first(struct hak_double *d, enum hak_double_age age)
{
	void *p = take(d, d->c, d->size, CONTENT);

	if (age >= THIN_STAYED || by_the_anchor(d, p))
		return p;
	/* Slabs may have waited for a grace period there. */
	give_back(d->c, p);
	p = take(d, d->c, d->size, CONTENT);
	if (by_the_anchor(d, p))
		return p;
	/* Or pages may have left it, or two SuperSlabs serve: then both begin anew, with one. */
	give_back(d->c, p);
	give_back(d->unlike, d->anchor);
	hak_shrink_all();
	d->anchor = take(d, d->unlike, UNLIKE_SIZE, CONTENT);
	p = take(d, d->c, d->size, CONTENT);
	KUNIT_ASSERT_PTR_EQ(d->test, ss_base(p), ss_base(d->anchor));
	return p;
}

static bool same_page(const void *p, const void *q)
{
	return (unsigned long)p >> PAGE_SHIFT == (unsigned long)q >> PAGE_SHIFT;
}

/* The lowest mate; of those on the page of @on, or with @but on any other, if one is given. */
static unsigned int lowest(const struct hak_double *d, const void *on, bool but)
{
	unsigned int i, best = d->mates;

	for (i = 0; i < d->mates; i++) {
		if (d->mate[i] == on || (on && same_page(d->mate[i], on) == but))
			continue;
		if (best == d->mates || d->mate[i] < d->mate[best])
			best = i;
	}
	return best;
}

/*
 * Which mate is to be freed twice?  One beside another that will stay live, the first of a page
 * that will leave, or the last of all.
 */
static unsigned int choose(const struct hak_double *d, enum hak_double_age age)
{
	unsigned int i, last = 0;

	if (age == THIN_LEFT)
		return lowest(d, d->mate[lowest(d, NULL, false)], true);
	for (i = 0; i < d->mates; i++) {
		if (age == THIN_STAYED && lowest(d, d->mate[i], false) < d->mates)
			return i;
		last = d->mate[i] > d->mate[last] ? i : last;
	}
	return last;
}

/* The object is the last of its slab, which nobody else has a part of; unless that is thinned. */
static void cell_begin(struct hak_double *d, const struct hak_double_cell *cell)
{
	const struct hak_slab *slab;
	unsigned int i, last;
	void *q;

	d->mate[0] = take_first(d, cell->age);
	slab = hak_slab_of(d->mate[0]);
	d->mates = min_t(unsigned int, slab->objects, DOUBLE_MATES);
	for (i = 1; i < d->mates; i++)
		d->mate[i] = take(d, d->c, d->size, CONTENT);
	last = choose(d, cell->age);
	KUNIT_ASSERT_LT(d->test, last, d->mates);
	d->p = d->mate[last];
	d->mate[last] = d->mate[--d->mates];
	d->serves = d->c;
	d->broken = NULL;
	if (cell->first == BY_RESERVE || cell->second == BY_RESERVE) {
		hak_cache_free(d->c, d->p);
		d->reserve = hak_reserve_get(d->c, GFP_KERNEL, 1);
		q = take(d, d->c, d->size, 0);
		KUNIT_ASSERT_TRUE(d->test, q != d->p);
		hak_cache_free(d->c, q);
	}
	hak_counts_begin(&d->bad);
}

static void mates_go(struct hak_double *d)
{
	while (d->mates) {
		if (memchr_inv(d->mate[--d->mates], CONTENT, d->size))
			d->broken = "a live object was written to";
		hak_cache_free(d->c, d->mate[d->mates]);
	}
}

/* Any object of @c but the one that is freed twice, of which there is an owner otherwise. */
static void *take_other(struct hak_double *d, struct hak_cache *c)
{
	void *p = take(d, c, 0, 0), *other;

	if (p != d->p)
		return p;
	other = take(d, c, 0, 0);
	hak_cache_free(c, p);
	return other;
}

/* Cut the slab page of the object for @c, and hand out one of its other objects. */
static void cut_for(struct hak_double *d, struct hak_cache *c)
{
	int nid = hak_home_nid(), i;

	for (i = 0; i < HAK_SS_SPAGES && !hak_slab_of(d->p); i++)
		hak_pool_grow(pool_of(c), &nid, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(d->test, hak_slab_of(d->p));
	KUNIT_ASSERT_PTR_EQ(d->test, hak_slab_of(d->p)->pool, pool_of(c));
	d->serves = c;
	d->handed[d->out++] = take_other(d, c);
}

/* One mate stays live, on the object's page or on another; pages leave the slab. */
static void make_thin(struct hak_double *d, enum hak_double_age age)
{
	unsigned int stays = lowest(d, age == THIN_STAYED ? d->p : NULL, false);
	const struct hak_slab *slab;
	void *keep;

	KUNIT_ASSERT_LT(d->test, stays, d->mates);
	keep = d->mate[stays];
	d->mate[stays] = d->mate[--d->mates];
	mates_go(d);
	d->mate[d->mates++] = keep;
	hak_drain_core(cache_core(d->c));
	KUNIT_ASSERT_GT(d->test, hak_pool_thin(pool_of(d->c), ULONG_MAX), 0);
	slab = hak_slab_of(keep);
	KUNIT_ASSERT_EQ(d->test, slab->carved, HAK_THIN);
	/* By now the page may have come back as a small block of ours. */
	KUNIT_ASSERT_EQ(d->test, hak_slab_left(slab) >> ((d->p - slab->mem) >> PAGE_SHIFT) & 1,
			age == THIN_LEFT);
}

/* The first free grows old. */
static void grow_old(struct hak_double *d, enum hak_double_age age)
{
	if (age == AT_ONCE)
		return;
	settle(d);
	if (age >= THIN_STAYED) {
		make_thin(d, age);
		return;
	}
	if (age > IN_SLAB)
		mates_go(d);
	hak_drain_core(cache_core(d->c));
	if (age == IN_SLAB)
		return;
	hak_pool_trim_all(pool_of(d->c));
	hak_release_wait();
	/* Others get the slab page then. */
	synchronize_rcu_expedited();
	KUNIT_ASSERT_NULL(d->test, hak_slab_of(d->p));
	if (age == CUT_AGAIN)
		cut_for(d, d->c);
	else if (age == CUT_LIKE)
		cut_for(d, d->like);
	else if (age == CUT_UNLIKE)
		cut_for(d, d->unlike);
}

/* As hak_counted_bad(), in any context. */
static long bad_now(void)
{
	long sum = 0;
	int i;

	for (i = 0; i < HAK_NR_BAD; i++)
		sum += atomic_long_read(&hak_mem_stat[HAK_MEM_BAD_FOREIGN + i]);
	return sum;
}

/* Is that reported?  What waits for an interrupt would be done before the second free. */
static bool free_twice(struct hak_double *d, const struct hak_double_cell *cell)
{
	bool closed = cell->first == BY_NMI && cell->age == AT_ONCE;
	long before = bad_now(), after;
	unsigned long flags;

	if (closed)
		local_irq_save(flags);
	free_as(d, cell->first, d->p);
	grow_old(d, cell->age);
	free_as(d, cell->second, d->p);
	after = bad_now();
	if (closed)
		local_irq_restore(flags);
	hak_defer_wait();
	return after != before;
}

/* Hand out more objects than are in a slab. */
static void hand_out(struct hak_double *d, int content)
{
	bool unlike = d->serves == d->unlike;
	unsigned int size = unlike ? UNLIKE_SIZE : d->size;
	unsigned int end = d->out + (unlike ? DOUBLE_MORE_UNLIKE : DOUBLE_MORE);

	while (d->out < end)
		d->handed[d->out++] = take(d, d->serves, size, content);
}

static bool starts(const void *p)
{
	struct hak_slab *slab = hak_slab_of(p);
	unsigned int i;

	return slab && slab_starts(slab, slab->pool, p, &i);
}

/* Has anybody got what is another's? Leaves each object once. */
static bool in_two_hands(struct hak_double *d)
{
	unsigned int i, n = 0;
	bool twice = false;

	sort(d->handed, d->out, sizeof(*d->handed), hak_by_address, NULL);
	for (i = 0; i < d->out; i++) {
		if (starts(d->handed[i]) && (!n || d->handed[i] != d->handed[n - 1]))
			d->handed[n++] = d->handed[i];
		else
			twice = true;
	}
	d->out = n;
	if (twice && hak_counted_bad(&d->bad))
		d->broken = "it was reported, and handed out to two all the same";
	return twice;
}

/* Everybody allocates, grace periods end. Is it reported, and before two have the object? */
static bool come_of_it(struct hak_double *d, enum hak_double_age age, enum hak_double_then then)
{
	/* If it is nobody's page, it is to be among those that are handed out. */
	if (then != FLUSHED && hak_superslab_enabled && age < THIN_STAYED && !hak_slab_of(d->p))
		cut_for(d, d->c);
	if (then != FLUSHED)
		hand_out(d, then == WRITTEN ? FOREIGN : 0);
	if (in_two_hands(d))
		return false;
	settle(d);
	if (then == FLUSHED)
		flush(d);
	hand_out(d, 0);
	return !in_two_hands(d) && hak_counted_bad(&d->bad);
}

/* Everything is given back, and each object must be in one place. */
static void cell_end(struct hak_double *d)
{
	struct hak_cache *caches[] = { d->c, d->like, d->unlike };
	unsigned int i, live;

	mates_go(d);
	hak_reserve_put(d->reserve);
	d->reserve = NULL;
	while (d->out)
		hak_cache_free(d->serves, d->handed[--d->out]);
	flush(d);
	for (i = 0; i < ARRAY_SIZE(caches); i++) {
		if (hak_pool_verify(pool_of(caches[i])))
			d->broken = "a slab disagrees with its bitmap";
		live = caches[i] == d->unlike;
		if (hak_core_live(cache_core(caches[i])) != live)
			d->broken = "objects are lost or doubled";
		hak_pool_trim_all(pool_of(caches[i]));
	}
}

void hak_double_run(struct hak_double *d, const struct hak_double_cell *cell)
{
	bool at_call;

	migrate_disable();
	cell_begin(d, cell);
	at_call = free_twice(d, cell);
	/* What was freed in NMI is in the set of another level. */
	if (cell->first == BY_NMI && cell->age == AT_ONCE)
		flush(d);
	d->outcome = come_of_it(d, cell->age, cell->then) ? LATER : SILENT;
	if (at_call && d->outcome == LATER)
		d->outcome = AT_CALL;
	cell_end(d);
	migrate_enable();
}
