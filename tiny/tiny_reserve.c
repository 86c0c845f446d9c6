// SPDX-License-Identifier: GPL-2.0
/*
 * Reserves: objects taken beforehand, for where an allocation must not fail.
 *
 * A reserve is a list of arrays of objects that are live as far as the cache is concerned.  But
 * they carry the mark, so that a stale pointer to one frees nothing.  Taking one out of it is a
 * decrement, in any context its owner likes.  Arrays of at most a page
 * come from kmalloc(): memory of vmalloc() could not be freed where nobody may sleep.  On
 * PREEMPT_RT kfree() takes a lock that sleeps; where that may not be, the worker of released
 * blocks does it.
 */
#include "superslab/ss_block.h"
#include "tiny/tiny_core.h"

/* Both begin with what the worker needs: see reserve_put_part(). */
struct reserve_part {
	struct hak_release release;
	struct reserve_part *next;
	unsigned int n;			/* objects left */
	void *object[];
};

#define PART_MAX ((PAGE_SIZE - sizeof(struct reserve_part)) / sizeof(void *))

struct hak_reserve {
	struct hak_release release;
	struct hak_cache *cache;
	struct reserve_part *all;
	struct reserve_part *now;	/* in all; those before it are empty */
};

static void reserve_release(struct hak_release *r)
{
	kfree(r);
}

/* Free the allocation that begins with @r. */
static void reserve_put_part(struct hak_release *r)
{
	if (hak_may_grow()) {
		kfree(r);
		return;
	}
	r->fn = reserve_release;
	hak_release_later(r, 0);
}

/* Let what is left in @part carry the mark, or no more. */
static void part_mark(const struct hak_core *core, struct reserve_part *part, bool on)
{
	unsigned int i;

	for (i = 0; core->pool.marked && i < part->n; i++)
		if (on)
			object_set_mark(core, part->object[i], free_mark(part->object[i]));
		else
			object_set_live(core, part->object[i]);
}

static bool part_add(struct hak_reserve *r, gfp_t gfp, unsigned int n)
{
	struct reserve_part *part = kmalloc(struct_size(part, object, n), gfp & ~__GFP_ZERO);

	if (!part)
		return false;
	part->n = hak_cache_alloc_bulk(r->cache, gfp, n, part->object);
	part_mark(cache_core(r->cache), part, true);
	part->next = r->all;
	r->all = part;
	return part->n == n;
}

struct hak_reserve *hak_reserve_get(struct hak_cache *c, gfp_t gfp, unsigned int n)
{
	struct hak_reserve *r;
	unsigned int now;

	if (!n || n > HAK_BULK_MAX || in_nmi() || !hak_may_grow())
		return NULL;
	r = kmalloc(sizeof(*r), gfp & ~__GFP_ZERO);
	if (!r)
		return NULL;
	r->cache = c;
	r->all = NULL;
	for (; n; n -= now) {
		now = min_t(unsigned int, n, PART_MAX);
		if (!part_add(r, gfp, now)) {
			hak_reserve_put(r);
			return NULL;
		}
	}
	r->now = r->all;
	return r;
}
HAK_EXPORT(hak_reserve_get);

void *hak_reserve_alloc(struct hak_reserve *r)
{
	const struct hak_core *core = cache_core(r->cache);
	void *p;

	while (r->now && !r->now->n)
		r->now = r->now->next;
	if (unlikely(!r->now)) {
		WARN_ONCE(1, "hakmem: more was taken of a reserve than it was made for\n");
		return NULL;
	}
	p = r->now->object[--r->now->n];
	if (core->pool.marked)
		object_set_live(core, p);
	return p;
}
HAK_EXPORT(hak_reserve_alloc);

void hak_reserve_put(struct hak_reserve *r)
{
	struct reserve_part *part, *next;

	if (!r)
		return;
	for (part = r->all; part; part = next) {
		next = part->next;
		part_mark(cache_core(r->cache), part, false);
		hak_cache_free_bulk(r->cache, part->n, part->object);
		reserve_put_part(&part->release);
	}
	reserve_put_part(&r->release);
}
HAK_EXPORT(hak_reserve_put);
