// SPDX-License-Identifier: GPL-2.0
/* Bad frees, planted: each is counted under its own name, and nothing else changes. */
#include "torture/torture_code_impl.h"

static void count(enum hak_stat which)
{
	code.bad[which - CODE_BAD_FIRST]++;
}

static bool cache_hardened(const struct code_cache *c)
{
	return c->c && c->args.hardened != HAK_HARDENED_OFF;
}

/* Of hakmem's, and checked at each free. */
static bool hardened(const struct code_object *o)
{
	if (!hak_config_get()->hardened || !o->p || !code_ours(o))
		return false;
	return o->kind == CODE_UNTYPED || cache_hardened(&code.cache[o->kind]);
}

/* Free @p, which is not to be freed: by its cache's call, by size, or by address alone. */
static void bad_free(const struct code_object *o, void *p, u8 how)
{
	void *one[1] = { p };

	if (o->kind < CODE_CACHES && (how & 3) == 3)
		hak_cache_free_bulk(code.cache[o->kind].c, 1, one);
	else if (o->kind < CODE_CACHES && how & 1)
		hak_cache_free(code.cache[o->kind].c, p);
	else if (o->kind == CODE_UNTYPED && how & 1)
		hak_free_sized(p, o->asked);
	else if (how & 2)
		hak_free_bulk(1, one);
	else
		hak_free(p);
}

/*
 * Nobody gets between the two frees: what the object lies in is not given back.  But the last
 * object of a thin slab goes home at once, and in user space its page with it.
 */
void code_op_double(u8 how)
{
	struct code_object *o = code_pick(), was = *o;
	enum hak_stat which = HAK_STAT_bad_free_double;

	if (!hardened(o))
		return;
	preempt_disable();
	code_free(o, how);
	if (!hak_owns(was.p))
		which = code_env_gone(was.p);
	if (which != HAK_NR_STATS)
		bad_free(&was, was.p, how / 4);
	preempt_enable();
	if (which != HAK_NR_STATS)
		count(which);
}

/* Inside an object that stays live; an aligned one is found when its magazine is flushed. */
void code_op_interior(u8 how)
{
	struct code_object *o = code_pick();
	u32 off = 1 + code_byte() % 64;

	if (!hardened(o) || off + 8 > o->size)
		return;
	bad_free(o, o->p + off, how);
	code.settle = true;
	count(HAK_STAT_bad_free_interior);
	/* What is in a magazine carries its mark, but where that may not be written. */
	if (!(off % 8) && !code_pristine(o))
		code_fill(o);
	else
		code_check(o);
}

/* By the call of another cache, or of a size class. */
void code_op_wrong(u8 how)
{
	const struct code_cache *other = &code.cache[how / 4 % CODE_CACHES];
	struct code_object *o = code_pick();

	if (!hardened(o))
		return;
	if (how & 1 && cache_hardened(other) && other - code.cache != o->kind)
		hak_cache_free(other->c, o->p);
	else if (o->kind < CODE_CACHES)
		hak_free_sized(o->p, min_t(u32, o->size, HAK_MAX_SIZE));
	else
		return;
	count(HAK_STAT_bad_free_cache);
	code_check(o);
}

/* Any address that is nobody's to free. */
void code_op_foreign(u8 how)
{
	static const struct code_object none = { .kind = CODE_UNTYPED, .asked = 64 };
	enum hak_stat which = HAK_STAT_bad_free_foreign;
	unsigned long v = 0;
	void *p;
	u32 i;

	for (i = 0; i < 8; i++)
		v = v << 8 | code_byte();
	p = code_env_foreign(v, how, &which);
	if (!hak_config_get()->hardened || ZERO_OR_NULL_PTR(p))
		return;
	MUST(!hak_owns(p));
	MUST(!hak_usable_size(p));
	bad_free(&none, p, how);
	count(which);
}
