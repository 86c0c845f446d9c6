// SPDX-License-Identifier: GPL-2.0
/*
 * Pages leave SuperSlabs, others use them, and they come back.
 *
 * Objects of several strides are made and thinned, and their caches shrunk.  Then pages are taken
 * from the kernel, some of which were just ours, and written to from end to end.  Neither side may
 * find what the other wrote: objects are checked after the pages were written, and pages after new
 * objects were made.  In the end all of them go, so SuperSlabs end, and are taken again.
 */
#include "torture/torture.h"
#include <linux/hash.h>
#include <linux/mm.h>

#define CACHES 4
#define OBJECTS 768
#define EATEN 96
#define EATEN_ORDERS 4		/* 4 to 32 KiB, which is what leaves around objects */
#define SEEN_BITS 12

struct eaten {
	struct page *page;
	unsigned int order;
};

struct holes {
	struct tt_kind kind[CACHES];
	unsigned int n;
	struct tt_obj obj[OBJECTS];
	struct eaten eaten[EATEN];
};

/* Who had a page last: its number and, in the last bit, whether that was the kernel's side. */
static unsigned long seen[1 << SEEN_BITS];
/* Pages of objects that the kernel's side got, and the other way round. */
static atomic_t left, came;

static void saw(const void *p, bool eaten, atomic_t *changed)
{
	unsigned long pfn = page_to_pfn(virt_to_page(p));
	unsigned long *last = &seen[hash_long(pfn, SEEN_BITS)];

	if (READ_ONCE(*last) == (pfn << 1 | (eaten ? 0 : 1)))
		atomic_inc(changed);
	WRITE_ONCE(*last, pfn << 1 | eaten);
}

static void page_drop(struct tt_user *u, struct eaten *e)
{
	void *p = page_address(e->page);
	size_t bytes = PAGE_SIZE << e->order;

	if (!hak_intact(p, bytes, e->order))
		tt_fail(u, "a page that left, at %px, order %u, was written to", p, e->order);
	if (!tt_failed())
		__free_pages(e->page, e->order);
	e->page = NULL;
}

static void page_eat(struct tt_user *u, struct eaten *e)
{
	unsigned int i;
	void *p;

	e->order = tt_below(u, EATEN_ORDERS);
	e->page = alloc_pages(TT_ATOMIC | __GFP_NOMEMALLOC, e->order);
	if (!e->page)
		return;
	p = page_address(e->page);
	for (i = 0; i < 1U << e->order; i++) {
		if (hak_owns(p + i * PAGE_SIZE))
			tt_fail(u, "hakmem owns the page at %px, which the kernel gave to others",
				p + i * PAGE_SIZE);
		saw(p + i * PAGE_SIZE, true, &left);
	}
	hak_fill(p, PAGE_SIZE << e->order, e->order);
}

/* One in two goes, as it was left; then there are as many as before. */
static void pages_change(struct tt_user *u, struct holes *h)
{
	unsigned int i;

	for (i = 0; i < EATEN && !tt_failed(); i++)
		if (h->eaten[i].page && tt_below(u, 2))
			page_drop(u, &h->eaten[i]);
	for (i = 0; i < EATEN && !tt_failed(); i++)
		if (!h->eaten[i].page)
			page_eat(u, &h->eaten[i]);
}

static void pages_check(struct tt_user *u, const struct holes *h)
{
	const struct eaten *e;

	for (e = h->eaten; e < h->eaten + EATEN && !tt_failed(); e++)
		if (e->page && !hak_intact(page_address(e->page), PAGE_SIZE << e->order, e->order))
			tt_fail(u, "a page that left, at %px, order %u, was written to",
				page_address(e->page), e->order);
}

static void objects_fill(struct tt_user *u, struct holes *h)
{
	struct tt_obj *o;

	for (; h->n < OBJECTS && !tt_failed(); h->n++) {
		o = &h->obj[h->n];
		if (!tt_get(u, &h->kind[tt_below(u, CACHES)], tt_gfp(u), o))
			return;
		saw(o->p, false, &came);
	}
}

/* Each stays with one chance in @n. */
static void objects_thin(struct tt_user *u, struct holes *h, unsigned int n)
{
	unsigned int i, stay = 0;

	for (i = 0; i < h->n && !tt_failed(); i++) {
		if (tt_below(u, n))
			tt_put(u, &h->obj[i]);
		else
			h->obj[stay++] = h->obj[i];
	}
	h->n = stay;
}

static void objects_check(const struct tt_user *u, const struct holes *h)
{
	unsigned int i;

	for (i = 0; i < h->n && !tt_failed(); i++) {
		if (!hak_owns(h->obj[i].p))
			tt_fail(u, "object %px of %u bytes lies in a hole", h->obj[i].p,
				h->obj[i].size);
		tt_check(u, &h->obj[i], "after others wrote where pages had left");
	}
}

static bool caches_make(struct tt_user *u, struct holes *h)
{
	unsigned int i;

	for (i = 0; i < CACHES; i++) {
		h->kind[i] = (struct tt_kind){ .size = 48 + tt_below(u, 256 << tt_below(u, 4)) };
		h->kind[i].c = hak_cache_create("torture-holes", h->kind[i].size, NULL, 0);
		if (!h->kind[i].c)
			u->refused++;
	}
	return h->kind[0].c && h->kind[1].c && h->kind[2].c && h->kind[3].c;
}

static void caches_drop(struct holes *h)
{
	unsigned int i;

	for (i = 0; i < CACHES && !tt_failed(); i++)
		hak_cache_destroy(h->kind[i].c);
}

static void one_round(struct tt_user *u, struct holes *h)
{
	unsigned int i;

	objects_fill(u, h);
	pages_check(u, h);
	objects_thin(u, h, 2 << tt_below(u, 6));
	for (i = 0; i < CACHES && !tt_failed(); i++)
		hak_cache_shrink(h->kind[i].c);
	pages_change(u, h);
	objects_check(u, h);
}

static void holes_step(struct tt_thread *t)
{
	struct tt_user *u = &t->user;
	struct holes *h = t->priv;
	unsigned int i;

	if (caches_make(u, h)) {
		for (i = 0; i < 3 && !tt_failed(); i++)
			one_round(u, h);
		while (h->n && !tt_failed())
			tt_put(u, &h->obj[--h->n]);
	}
	caches_drop(h);
	if (!tt_failed() && !tt_below(u, 4))
		hak_shrink_all();
}

static int holes_begin(struct tt_thread *t)
{
	t->priv = kvcalloc(1, sizeof(struct holes), GFP_KERNEL);
	return t->priv ? 0 : -ENOMEM;
}

/* A few steps may see none of it: those of a slow machine. */
#define STEPS_ENOUGH 5

static void holes_end(struct tt_thread *t)
{
	struct holes *h = t->priv;
	unsigned int i;

	for (i = 0; i < EATEN && !tt_failed(); i++)
		if (h->eaten[i].page)
			page_drop(&t->user, &h->eaten[i]);
	if (tt_complete() && t->user.ops >= STEPS_ENOUGH &&
	    (!atomic_read(&left) || !atomic_read(&came)))
		tt_fail(&t->user, "%d pages of objects left, and %d came back",
			atomic_read(&left), atomic_read(&came));
	kvfree(h);
}

struct tt_scenario tt_holes = {
	.name = "holes", .threads = 2, .begin = holes_begin, .step = holes_step,
	.end = holes_end,
};
