// SPDX-License-Identifier: GPL-2.0
/*
 * Group pressure: little memory, none in one piece, none at all, and somebody else who
 * wants it.  It takes nearly all memory of the machine, so it runs only when asked for.
 */
#include "selftest/selftest.h"
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/vmstat.h>

/* All that can be had without the OOM killer: it is not called for who may fail. */
#define HOG_GFP (GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN)
#define MIB_PAGES ((1 << 20) / PAGE_SIZE)

/* Pages somebody else has; each page's private word is its order. */
struct hog {
	struct list_head pages;
	unsigned long n;
};

static unsigned long free_pages_now(void)
{
	return global_zone_page_state(NR_FREE_PAGES);
}

/* Blocks of @order, until none is to be had or less than @keep pages are free. */
static void hog_take(struct hog *h, unsigned int order, gfp_t gfp, unsigned long keep)
{
	struct page *page;

	while (free_pages_now() > keep) {
		page = alloc_pages(gfp, order);
		if (!page)
			break;
		set_page_private(page, order);
		list_add(&page->lru, &h->pages);
		h->n += 1UL << order;
		if (!(h->n % 1024))
			cond_resched();
	}
}

/* Give back the pages of which @mask of the frame number is below @below. */
static void hog_give(struct hog *h, unsigned long mask, unsigned long below)
{
	struct page *page, *next;
	unsigned int order;

	list_for_each_entry_safe(page, next, &h->pages, lru) {
		order = page_private(page);
		if ((page_to_pfn(page) & mask) >= below || (mask && order))
			continue;
		list_del(&page->lru);
		set_page_private(page, 0);
		h->n -= 1UL << order;
		__free_pages(page, order);
	}
}

static void hog_begin(struct hog *h)
{
	hak_shrink_all();
	INIT_LIST_HEAD(&h->pages);
	h->n = 0;
}

static void hog_end(struct st *t, struct hog *h)
{
	unsigned long held;

	hog_give(h, 0, 1);
	held = hak_shrink_all();
	st_expect(t, held == hak_config_get()->fixed_pages, "%lu pages are still held", held);
}

/* Large blocks, also those that wait on this CPU's list of the page allocator. */
static void hog_large(void *hog)
{
	unsigned int order;

	for (order = 9; order > 3; order--)
		hog_take(hog, order, GFP_NOWAIT | __GFP_NOWARN, 0);
}

/* No free block has more than 8 pages, and a quarter of what there was is free. */
static void hog_fragment(struct hog *h)
{
	int cpu;

	hog_begin(h);
	hog_take(h, 0, HOG_GFP, 2 * MIB_PAGES);
	hog_give(h, 31, 8);
	/* Only now is so much free that nothing in one piece is held back as a reserve. */
	for_each_online_cpu(cpu)
		hak_run_on(cpu, HAK_IN_TASK, hog_large, h);
}

#define MANY 20000

struct crowd {
	unsigned int n, max;
	void **p;
};

static bool crowd_init(struct st *t, struct crowd *c, unsigned int max)
{
	c->n = 0;
	c->max = max;
	c->p = kvmalloc_array(max, sizeof(*c->p), GFP_KERNEL);
	return st_expect(t, c->p, "no memory");
}

static unsigned int crowd_size(unsigned int i)
{
	return 8 + (i * 37) % 1017;
}

/* Up to @c->max objects of all sizes; stops at the first that is not to be had. */
static void crowd_get(struct crowd *c, gfp_t gfp)
{
	for (; c->n < c->max; c->n++) {
		c->p[c->n] = hak_alloc(crowd_size(c->n), gfp);
		if (!c->p[c->n])
			break;
		hak_fill(c->p[c->n], crowd_size(c->n), c->n);
	}
}

static void crowd_put(struct st *t, struct crowd *c)
{
	unsigned int i, spoilt = 0;

	for (i = 0; i < c->n; i++)
		spoilt += !hak_intact(c->p[i], crowd_size(i), i);
	for (i = 0; i < c->n; i++)
		hak_free(c->p[i]);
	st_expect(t, !spoilt, "%u of %u objects overwritten", spoilt, c->n);
	c->n = 0;
}

static void in_pieces(struct st *t)
{
	gfp_t gfp = t->arg ? GFP_ATOMIC | __GFP_NOWARN : GFP_KERNEL;
	struct hak_counts before;
	s64 small, supers;
	struct crowd c;
	struct hog h;

	if (!crowd_init(t, &c, MANY))
		return;
	hog_fragment(&h);
	hak_counts_begin(&before);
	pr_info("hakmem_selftest: %lu pages taken, %lu free\n", h.n, free_pages_now());
	crowd_get(&c, gfp);
	small = hak_counted(&before, HAK_STAT_alloc_small_block);
	supers = hak_counted(&before, HAK_STAT_superslabs_held);
	pr_info("hakmem_selftest: %u objects, %lld small blocks, %lld SuperSlabs, %lu free\n",
		c.n, small, supers, free_pages_now());
	st_expect(t, c.n == MANY, "%u of %u were served", c.n, MANY);
	st_expect(t, small > 0, "no small block was made");
	/* The kernel may set a block or two aside for atomic callers, and then give them out. */
	st_expect(t, supers <= 2, "%lld SuperSlabs were made", supers);
	crowd_put(t, &c);
	hog_end(t, &h);
	kvfree(c.p);
}

static void to_the_end(struct st *t)
{
	struct hak_counts before;
	unsigned int first, again;
	struct crowd c;
	struct hog h;

	if (!crowd_init(t, &c, 100000))
		return;
	hog_begin(&h);
	hog_take(&h, 0, HOG_GFP, 10 * MIB_PAGES);
	hak_counts_begin(&before);
	crowd_get(&c, GFP_NOWAIT | __GFP_NOWARN);
	first = c.n;
	st_expect(t, first && first < c.max, "%u objects and no end", first);
	st_expect(t, hak_counted(&before, HAK_STAT_alloc_fail) == 1, "alloc_fail is not 1");
	/* What is freed can be had again, once a grace period is over, and it ends again. */
	crowd_put(t, &c);
	hak_shrink_all();
	crowd_get(&c, GFP_NOWAIT | __GFP_NOWARN);
	again = c.n;
	pr_info("hakmem_selftest: %u objects, then none; again %u\n", first, again);
	st_expect(t, again > first / 2, "%u objects, after free only %u", first, again);
	crowd_put(t, &c);
	hog_end(t, &h);
	kvfree(c.p);
}

#define ROUNDS 200
#define ROUND 50

/* Objects allocated in interrupts, so many a time; they stay. */
struct atomics {
	unsigned int n, failed;
	void *p[ROUNDS * ROUND];
};

static void atomics_get(void *arg)
{
	struct atomics *a = arg;
	unsigned int i;

	for (i = 0; i < ROUND; i++, a->n++) {
		a->p[a->n] = hak_alloc(512, GFP_ATOMIC | __GFP_NOWARN);
		a->failed += !a->p[a->n];
		if (a->p[a->n])
			hak_fill(a->p[a->n], 512, a->n);
	}
}

/* Who may not sleep gets small blocks until the worker has made a SuperSlab. */
static void only_atomic(struct st *t)
{
	struct atomics *a = kvzalloc(sizeof(*a), GFP_KERNEL);
	unsigned int i, spoilt = 0, first_ss = 0;
	struct hak_counts before;
	s64 small;

	if (!st_expect(t, a, "no memory"))
		return;
	hak_shrink_all();
	hak_counts_begin(&before);
	for (i = 0; i < ROUNDS; i++) {
		st_expect(t, hak_run_in(HAK_IN_HARDIRQ, atomics_get, a), "not in hardirq");
		if (!first_ss && (s64)hak_counted(&before, HAK_STAT_superslabs_held) > 0)
			first_ss = i + 1;
		usleep_range(500, 1000);
	}
	small = hak_counted(&before, HAK_STAT_alloc_small_block);
	pr_info("hakmem_selftest: %u objects in hardirq, %lld small blocks; round %u: SuperSlab\n",
		a->n, small, first_ss);
	st_expect(t, !a->failed, "%u failed", a->failed);
	st_expect(t, small > 0, "no small block was made");
	st_expect(t, first_ss, "no SuperSlab was made");
	/* 313 slabs are wanted: most of them from SuperSlabs. */
	st_expect(t, small < 100, "%lld small blocks, though the worker has time", small);
	for (i = 0; i < a->n; i++) {
		spoilt += a->p[i] && !hak_intact(a->p[i], 512, i);
		hak_free(a->p[i]);
	}
	st_expect(t, !spoilt, "%u overwritten", spoilt);
	st_expect(t, hak_shrink_all() == hak_config_get()->fixed_pages, "pages are still held");
	kvfree(a);
}

/* Objects of every size class, 3 MiB of each at once, in a chain of their first words. */
static void fill_caches(struct st *t)
{
	unsigned int size, bytes;
	void *chain = NULL, *p;

	for (size = 48; size <= HAK_MAX_SIZE; size++) {
		p = hak_alloc(size, GFP_KERNEL);
		if (!st_expect(t, p, "no memory"))
			break;
		*(void **)p = chain;
		chain = p;
		size = hak_usable_size(p);
		for (bytes = size; bytes < 3 << 20; bytes += size) {
			p = hak_alloc(size, GFP_KERNEL);
			if (!st_expect(t, p, "no memory"))
				break;
			*(void **)p = chain;
			chain = p;
		}
	}
	for (; chain; chain = p) {
		p = *(void **)chain;
		hak_free(chain);
	}
}

static unsigned long pages_held(void)
{
	struct hak_counts now;

	hak_counts_begin(&now);
	return now.v[HAK_STAT_pages_held];
}

/* Caches hold what is free until somebody else wants memory. */
static void somebody_else(struct st *t)
{
	unsigned long fixed = hak_config_get()->fixed_pages, before, after;
	unsigned int waits, fills = 0;
	struct hog h;

	hog_begin(&h);
	/* The kernel may still be busy with what the test before wanted, and take it at once. */
	do {
		fill_caches(t);
		before = pages_held();
	} while (before <= fixed + 10 * MIB_PAGES && ++fills < 20);
	st_expect(t, before > fixed + 10 * MIB_PAGES, "only %lu pages are held", before);
	hog_take(&h, 0, HOG_GFP, 0);
	/* The blocks come back after a grace period, the magazines after a look of each CPU. */
	for (waits = 0; waits < 200 && pages_held() > fixed + 4 * 512; waits++) {
		msleep(50);
		hog_take(&h, 0, HOG_GFP, 0);
	}
	after = pages_held();
	pr_info("hakmem_selftest: %lu pages held, after %lu were taken %lu, %u waits; fixed %lu\n",
		before, h.n, after, waits, fixed);
	st_expect(t, after <= fixed + 4 * 512, "%lu pages of %lu are still held", after, before);
	hog_end(t, &h);
}

const struct st_test st_pressure_tests[] = {
	{ "no 2 MiB in one piece, callers that may sleep", in_pieces, 0 },
	{ "no 2 MiB in one piece, atomic callers", in_pieces, 1 },
	{ "it fails cleanly at the end", to_the_end },
	{ "atomic callers only", only_atomic },
	{ "under somebody else's pressure", somebody_else },
	{ }
};
