// SPDX-License-Identifier: GPL-2.0
/*
 * The shadow of a program: what is live, what it holds, and how often a bad free must
 * have been counted.
 *
 * The words of an object are made of its own address and a key, so that an object that
 * is handed out twice, overlaps another or was written to while live is seen at its next
 * look, and overlaps at once, since the table is small.
 */
#include "kunit/lib/hak_pattern.h"
#include "torture/torture_code_impl.h"

static atomic_long_t built, torn;	/* objects code_built() and code_torn() were given */

u32 code_kept(const struct code_object *o)
{
	return o->kind < CODE_CACHES && code.cache[o->kind].args.ctor ? CODE_KEPT : 0;
}

/* Nothing may be written inside it while it is free. */
bool code_pristine(const struct code_object *o)
{
	return code_kept(o) ||
	       (o->kind < CODE_CACHES && code.cache[o->kind].flags & SLAB_TYPESAFE_BY_RCU);
}

bool code_ours(const struct code_object *o)
{
	return o->kind < CODE_CACHES || (o->asked && o->asked <= HAK_MAX_SIZE);
}

/* As documented, and not as the core computes it: multiples of 8 to 64, four steps a doubling. */
u32 code_class_size(u32 size)
{
	u32 step = size <= 64 ? 8 : 1U << (__fls(size - 1) - 2);

	return (size + step - 1) / step * step;
}

static u32 wanted_align(const struct code_object *o)
{
	const struct code_cache *c = &code.cache[o->kind];
	u32 line = cache_line_size(), align = 8;

	if (o->kind == CODE_UNTYPED)
		return min_t(u32, max(o->asked & -o->asked, code_ours(o) ? 8U : 1U), PAGE_SIZE);
	if (c->flags & SLAB_HWCACHE_ALIGN) {
		while (c->size <= line / 2)
			line /= 2;
		align = max(align, line);
	}
	return max(align, c->args.align);
}

void code_fill(struct code_object *o)
{
	u32 first = code_kept(o);

	hak_fill(o->p + first, o->size - first, o->key);
}

static bool intact(const struct code_object *o)
{
	u32 first = code_kept(o);

	return hak_intact(o->p + first, o->size - first, o->key);
}

void code_check(const struct code_object *o)
{
	MUST(hak_intact(o->p, code_kept(o), HAK_BORN));
	MUST(intact(o));
}

static bool overlaps(const struct code_object *new)
{
	const struct code_object *o;

	for (o = code.object; o < code.object + CODE_OBJECTS; o++)
		if (o->p && o != new && o->p < new->p + new->size && new->p < o->p + o->size)
			return true;
	return false;
}

/* @p was handed out. @o is a free entry. */
void code_enter(struct code_object *o, u8 kind, u32 asked, void *p, bool zeroed)
{
	*o = (struct code_object){ .p = p, .asked = asked, .kind = kind, .key = ++code.serial };
	o->size = asked;
	if (kind == CODE_UNTYPED && code_ours(o))
		o->size = code_class_size(asked);
	code.live += code_ours(o);
	MUST(hak_owns(p) == code_ours(o));
	if (!asked) {
		MUST(p == ZERO_SIZE_PTR);
		return;
	}
	if (code_ours(o))
		MUST(hak_usable_size(p) == o->size);
	MUST(!((unsigned long)p & (wanted_align(o) - 1)));
	if (!MUST(!overlaps(o)))
		return;
	MUST(hak_intact(p, code_kept(o), HAK_BORN));
	if (zeroed)
		MUST(hak_all_bytes(p, o->size, 0));
	code_fill(o);
}

/* @o is about to be freed by the caller, who gets its address. */
void *code_leave(struct code_object *o)
{
	void *p = o->p;

	if (o->asked)
		code_check(o);
	code.live -= code_ours(o);
	o->p = NULL;
	return p;
}

void code_free(struct code_object *o, u8 how)
{
	const struct code_object was = *o;
	void *one[1];

	if (!o->p)
		return;
	one[0] = code_leave(o);
	if (was.kind < CODE_CACHES && how & 1)
		hak_cache_free(code.cache[was.kind].c, one[0]);
	else if (was.kind == CODE_UNTYPED && how & 1)
		hak_free_sized(one[0], was.asked);
	else if (how & 2)
		hak_free_bulk(1, one);
	else
		hak_free(one[0]);
}

void code_bad_check(void)
{
	u64 now[CODE_BAD_KINDS];
	u32 k;

	code_env_bad(now);
	for (k = 0; k < CODE_BAD_KINDS; k++)
		if (!MUST(now[k] - code.bad_base[k] == code.bad[k]))
			pr_err("hakmem_torture: code: %s rose by %llu, not by %llu\n",
			       hak_stat_name[CODE_BAD_FIRST + k],
			       (unsigned long long)(now[k] - code.bad_base[k]),
			       (unsigned long long)code.bad[k]);
}

void code_ctor(void *p)
{
	hak_fill(p, CODE_KEPT, HAK_BORN);
}

void code_built(void *p)
{
	code_ctor(p);
	atomic_long_add(1, &built);
}

void code_torn(void *p)
{
	MUST(hak_intact(p, CODE_KEPT, HAK_BORN));
	atomic_long_add(1, &torn);
}

void code_built_check(void)
{
	MUST(atomic_long_read(&built) == atomic_long_read(&torn));
}
