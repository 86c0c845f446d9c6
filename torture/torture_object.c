// SPDX-License-Identifier: GPL-2.0
/*
 * Objects: the cookie, the pattern, and the checks of both.
 *
 * After @skip bytes that belong to a constructor or an rcu_head an object of enough
 * bytes begins with its cookie: its own address, then size, owner and serial, then a
 * sum of both, so that a foreign cookie found in an object can be told from rubbish
 * and named.  The rest, and all of a smaller object, is a pattern made of address,
 * owner and serial, each word another.
 */
#include "torture/torture.h"
#include <linux/topology.h>

#define GOLDEN 0x9e3779b97f4a7c15ULL
#define BORN 0x7062696f2d656e6fULL	/* what tt_ctor() writes, beside the address */
#define COOKIE_MIN 32

u64 tt_rand(struct tt_user *u)
{
	u->rand ^= u->rand >> 12;
	u->rand ^= u->rand << 25;
	u->rand ^= u->rand >> 27;
	return u->rand * 0x2545f4914f6cdd1dULL >> 16;
}

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
	*(u64 *)p = (unsigned long)p ^ BORN;
}

bool tt_is_born(const void *p)
{
	return READ_ONCE(*(const u64 *)p) == ((unsigned long)p ^ BORN);
}

static u64 label(const struct tt_obj *o)
{
	return (u64)o->serial << 32 | (u64)o->owner << 16 | o->size;
}

static u64 sum(const void *p, u64 what)
{
	return ((unsigned long)p ^ what) * GOLDEN;
}

/* Word @i of an object, counted after what is skipped. */
static u64 word(const struct tt_obj *o, u64 base, unsigned int i)
{
	if (o->size - o->skip >= COOKIE_MIN) {
		if (i == 0)
			return (unsigned long)o->p;
		if (i == 1)
			return label(o);
	}
	return base + (i - 2) * GOLDEN;
}

static void fill(const struct tt_obj *o)
{
	unsigned int bytes = o->size - o->skip, i;
	u64 base = sum(o->p, label(o)), *w = o->p + o->skip, last;

	for (i = 0; i < bytes / 8; i++)
		w[i] = word(o, base, i);
	last = word(o, base, i);
	memcpy(&w[i], &last, bytes % 8);
}

/* The first byte of @o that is not as it was left, or its size. */
static unsigned int first_wrong(const struct tt_obj *o)
{
	unsigned int bytes = o->size - o->skip, i;
	u64 base = sum(o->p, label(o)), last;
	const u64 *w = o->p + o->skip;

	if (o->ctor && !tt_is_born(o->p))
		return 0;
	for (i = 0; i < bytes / 8; i++)
		if (READ_ONCE(w[i]) != word(o, base, i))
			return o->skip + i * 8;
	last = word(o, base, i);
	return memcmp(&w[i], &last, bytes % 8) ? o->skip + i * 8 : o->size;
}

/* Say what is there instead: a cookie of another one's means that it was handed out twice. */
static void describe(const struct tt_user *u, const struct tt_obj *o, unsigned int at,
		     const char *when)
{
	char found[96];
	u64 w[3] = {};

	memcpy(w, o->p + o->skip, min_t(size_t, o->size - o->skip, sizeof(w)));
	if (w[0] && w[1] && sum((void *)w[0], w[1]) == w[2])
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
