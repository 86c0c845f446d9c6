// SPDX-License-Identifier: GPL-2.0
/*
 * Objects: the cookie, the pattern, and the checks of both.
 *
 * After @skip bytes that belong to a constructor or an rcu_head an object of enough
 * bytes begins with its cookie: its own address, then size, owner and serial.  The rest,
 * and all of a smaller object, is the pattern of both (hak_pattern.h), which begins with
 * its key: so a foreign cookie found in an object can be told from rubbish and named.
 */
#include "torture/torture.h"
#include <linux/mm.h>
#include <linux/topology.h>

#define COOKIE_MIN 32
#define BORN_BYTES 8	/* what a constructor writes */

gfp_t tt_gfp(struct tt_user *u)
{
	static const gfp_t gfp[] = {
		GFP_NOWAIT, GFP_NOWAIT, GFP_ATOMIC, GFP_ATOMIC, GFP_NOIO, GFP_NOFS,
		GFP_KERNEL | __GFP_THISNODE, GFP_KERNEL, GFP_KERNEL, GFP_KERNEL,
	};
	gfp_t chosen = gfp[tt_below(u, ARRAY_SIZE(gfp))] | __GFP_NOWARN;

	/* Nobody is to be killed for it. */
	return chosen & __GFP_DIRECT_RECLAIM ? chosen | __GFP_NORETRY : chosen;
}

gfp_t tt_zero(struct tt_user *u, const struct tt_kind *k)
{
	return k->ctor || tt_below(u, 8) ? 0 : __GFP_ZERO;
}

void tt_ctor(void *p)
{
	hak_fill(p, BORN_BYTES, HAK_BORN);
}

bool tt_is_born(const void *p)
{
	return hak_intact(p, BORN_BYTES, HAK_BORN);
}

static u64 label(const struct tt_obj *o)
{
	return (u64)o->serial << 32 | (u64)o->owner << 16 | o->size;
}

/* Where the cookie is, or the pattern of an object without one. */
static u64 *content(const struct tt_obj *o)
{
	return o->p + o->skip;
}

/* Of the cookie, before the pattern; the pattern's first word is its sum. */
static unsigned int cookie_bytes(const struct tt_obj *o)
{
	return o->size - o->skip >= COOKIE_MIN ? 2 * sizeof(u64) : 0;
}

static void fill(const struct tt_obj *o)
{
	unsigned int cookie = cookie_bytes(o);
	u64 *w = content(o);

	if (cookie) {
		w[0] = (unsigned long)o->p;
		w[1] = label(o);
	}
	hak_pattern_fill((void *)w + cookie, o->size - o->skip - cookie,
			 hak_own_key(o->p, label(o)));
}

/* The first word of @o that is not as it was left, or its size. */
static unsigned int first_wrong(const struct tt_obj *o)
{
	unsigned int cookie = cookie_bytes(o);
	const u64 *w = content(o);

	if (o->ctor && !tt_is_born(o->p))
		return 0;
	if (cookie && READ_ONCE(w[0]) != (unsigned long)o->p)
		return o->skip;
	if (cookie && READ_ONCE(w[1]) != label(o))
		return o->skip + sizeof(*w);
	return o->skip + cookie + hak_pattern_wrong((const void *)w + cookie,
						    o->size - o->skip - cookie,
						    hak_own_key(o->p, label(o)));
}

/* Say what is there instead: a cookie of another one's means that it was handed out twice. */
static void describe(const struct tt_user *u, const struct tt_obj *o, unsigned int at,
		     const char *when)
{
	char found[96];
	u64 w[3] = {};

	memcpy(w, o->p + o->skip, min_t(size_t, o->size - o->skip, sizeof(w)));
	if (w[0] && w[1] && hak_own_key((void *)w[0], w[1]) == w[2])
		scnprintf(found, sizeof(found), "cookie of %px, %u bytes, owner %u, serial %u",
			  (void *)w[0], (u16)w[1], (u16)(w[1] >> 16), (u32)(w[1] >> 32));
	else
		scnprintf(found, sizeof(found), "%llx %llx %llx", w[0], w[1], w[2]);
	tt_fail(u, "%s: object %px, %u bytes, owner %u, serial %u, is wrong at byte %u: %s", when,
		o->p, o->size, o->owner, o->serial, at, found);
}

bool tt_check(const struct tt_user *u, const struct tt_obj *o, const char *when)
{
	unsigned int at = first_wrong(o);

	if (likely(at == o->size))
		return true;
	describe(u, o, at, when);
	return false;
}

static void check_new(struct tt_user *u, const struct tt_kind *k, gfp_t gfp, void *p)
{
	unsigned long align = k->c ? sizeof(long) : max_t(unsigned long, k->size & -k->size, 8);
	bool zero = gfp & __GFP_ZERO || (hak_config_get()->init_on_alloc && !k->typesafe);

	if ((unsigned long)p % min(align, PAGE_SIZE))
		tt_fail(u, "object %px of %u bytes is not aligned", p, k->size);
	if (k->ctor && !tt_is_born(p))
		tt_fail(u, "allocated object %px of %u bytes is not as its constructor left it",
			p, k->size);
	if (zero && !k->ctor && memchr_inv(p, 0, k->size))
		tt_fail(u, "zeroed object %px of %u bytes is not 0", p, k->size);
	if (!k->c && k->size > HAK_MAX_SIZE)
		return;
	if (!(u->serial % 16) && (!hak_owns(p) || hak_usable_size(p) < k->size))
		tt_fail(u, "object %px of %u bytes: owned %d, usable %zu", p, k->size,
			hak_owns(p), hak_usable_size(p));
	/* Or sendpage_ok() would be true, and the page stay behind when it is to go. */
	if (page_ref_count(virt_to_page(p)))
		tt_fail(u, "the page of object %px has %d references", p,
			page_ref_count(virt_to_page(p)));
}

void tt_adopt(struct tt_user *u, const struct tt_kind *k, gfp_t gfp, void *p, struct tt_obj *o)
{
	check_new(u, k, gfp, p);
	*o = (struct tt_obj){
		.p = p, .c = k->c, .size = k->size, .skip = k->skip, .ctor = k->ctor,
		.serial = ++u->serial, .owner = u->id,
	};
	fill(o);
}

/* In each way there is for one object. With __GFP_THISNODE a node has to be named. */
static void *get(const struct tt_kind *k, gfp_t gfp)
{
	int node = numa_mem_id();

	if (gfp & __GFP_THISNODE)
		return k->c ? hak_cache_alloc_node(k->c, gfp, node) :
			      hak_alloc_node(k->size, gfp, node);
	if (gfp & __GFP_ZERO)
		return k->c ? hak_cache_zalloc(k->c, gfp) : hak_zalloc(k->size, gfp);
	return k->c ? hak_cache_alloc(k->c, gfp) : hak_alloc(k->size, gfp);
}

bool tt_get(struct tt_user *u, const struct tt_kind *k, gfp_t gfp, struct tt_obj *o)
{
	void *p;

	gfp |= tt_zero(u, k);
	p = get(k, gfp);
	if (!p) {
		u->refused++;
		return false;
	}
	if (k->c || k->size <= HAK_MAX_SIZE)
		tt_count(u, 1, 0);
	else
		u->large++;
	tt_adopt(u, k, gfp, p, o);
	return true;
}

void tt_put(struct tt_user *u, struct tt_obj *o)
{
	unsigned int how = tt_below(u, 4);

	if (!tt_check(u, o, "freeing") || tt_failed())
		return;
	if (o->c || o->size <= HAK_MAX_SIZE)
		tt_count(u, 0, 1);
	else
		u->large_frees++;
	if (how == 0)
		hak_free_bulk(1, &o->p);
	else if (how == 1 || (!o->c && o->size > HAK_MAX_SIZE))
		hak_free(o->p);
	else if (o->c)
		hak_cache_free(o->c, o->p);
	else
		hak_free_sized(o->p, o->size);
}

void tt_put_bulk(struct tt_user *u, struct tt_obj *o, unsigned int n)
{
	unsigned int i, ours = 0;
	struct hak_cache *c = n ? o[0].c : NULL;
	void *p[TT_HELD];

	for (i = 0; i < n; i++) {
		if (!tt_check(u, &o[i], "freeing in bulk"))
			return;
		p[i] = o[i].p;
		ours += o[i].c || o[i].size <= HAK_MAX_SIZE;
		c = c == o[i].c ? c : NULL;
	}
	if (!n || tt_failed())
		return;
	tt_count(u, 0, ours);
	u->large_frees += n - ours;
	if (c && tt_below(u, 2))
		hak_cache_free_bulk(c, n, p);
	else
		hak_free_bulk(n, p);
}
