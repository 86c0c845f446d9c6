// SPDX-License-Identifier: GPL-2.0
/* The operations of the byte code, and the loop that runs them: torture_code_impl.h. */
#include "torture/torture_code_impl.h"

/* A cache there is, or CODE_UNTYPED. */
static u8 pick_kind(u8 how)
{
	u8 kind = how & 1 ? code_byte() % CODE_CACHES : CODE_UNTYPED;

	return kind < CODE_CACHES && code.cache[kind].c ? kind : CODE_UNTYPED;
}

/* Mostly a size of a class, sometimes 0 or large. */
static u32 any_size(void)
{
	u32 r = code_byte();

	return r < 200 ? r : r < 250 ? (r - 199) * 20 + code_byte() % 24 : (r - 249) * 1000;
}

static u32 size_of_kind(u8 kind)
{
	return kind < CODE_CACHES ? code.cache[kind].size : any_size();
}

static bool has_ctor(u8 kind)
{
	return kind < CODE_CACHES && code.cache[kind].args.ctor;
}

/* Bits of @how: 1 of a cache, 2 zeroed, 4 an allocation inside fails, 8 of a node. */
static void *alloc(u8 kind, u32 size, u8 how, bool zeroed)
{
	struct hak_cache *c = kind < CODE_CACHES ? code.cache[kind].c : NULL;

	if (how & 8)
		return code_env_node(c, size, code.gfp | (zeroed ? __GFP_ZERO : 0), how);
	if (c)
		return zeroed ? hak_cache_zalloc(c, code.gfp) : hak_cache_alloc(c, code.gfp);
	return zeroed ? hak_zalloc(size, code.gfp) : hak_alloc(size, code.gfp);
}

static void op_alloc(u8 how)
{
	struct code_object *o = code_pick();
	u8 kind = pick_kind(how);
	u32 size = size_of_kind(kind);
	bool zeroed = how & 2 && !has_ctor(kind), may_fail = code.atomic;
	void *p;

	code_free(o, how);
	if (how & 4)
		may_fail |= code_env_fail(1 + how / 16 % 4);
	p = alloc(kind, size, how, zeroed);
	code_env_fail(0);
	if (p)
		code_enter(o, kind, size, p, zeroed);
	else
		MUST(may_fail);
}

static void op_free(u8 how)
{
	code_free(code_pick(), how);
}

static void op_bulk_alloc(u8 how)
{
	u8 kind = pick_kind(how);
	u32 n = 1 + code_byte() % CODE_BULK, i = code_byte(), size = size_of_kind(kind), got;
	bool zeroed = how & 2 && !has_ctor(kind), may_fail = code.atomic;
	gfp_t gfp = code.gfp | (zeroed ? __GFP_ZERO : 0);
	void *p[CODE_BULK];

	if (how & 4)
		may_fail |= code_env_fail(1 + how / 16 % 8);
	got = kind < CODE_CACHES ? hak_cache_alloc_bulk(code.cache[kind].c, gfp, n, p)
				 : hak_alloc_bulk(size, gfp, n, p);
	code_env_fail(0);
	if (!MUST(got == n || (!got && may_fail)))
		return;
	for (; got; i++) {
		code_free(&code.object[i % CODE_OBJECTS], how);
		code_enter(&code.object[i % CODE_OBJECTS], kind, size, p[--got], zeroed);
	}
}

/* Bits of @how: 1 of one kind, 8 with a NULL among those of any; the kind is above. */
static void op_bulk_free(u8 how)
{
	u32 i = code_byte(), want = 1 + code_byte() % CODE_BULK, k, n = 0;
	u32 kind = how / 2 % (CODE_CACHES + 1);
	struct code_object *o;
	void *p[CODE_BULK + 1];

	for (k = 0; k < CODE_OBJECTS && n < want; k++, i++) {
		o = &code.object[i % CODE_OBJECTS];
		if (o->p && (!(how & 1) || o->kind == kind))
			p[n++] = code_leave(o);
	}
	if (how & 1 && kind < CODE_CACHES) {
		if (code.cache[kind].c)
			hak_cache_free_bulk(code.cache[kind].c, n, p);
		return;
	}
	if (how & 8 && n) {
		p[n] = p[n / 2];
		p[n++ / 2] = NULL;
	}
	hak_free_bulk(n, p);
}

/* After a grace period, through a head at any place in the object; perhaps asked for twice. */
static void op_free_rcu(u8 how)
{
	struct code_object *o = code_pick();
	u32 first = code_kept(o), places;
	unsigned int doubles;
	u8 *p;

	if (!o->p || !code_ours(o) || o->size < first + 16)
		return;
	places = (o->size - first - 16) / 8 + 1;
	first += code_byte() % places * 8;
	p = code_leave(o);
	code.waiting = true;
	doubles = code_env_free_rcu(p, first, how & 1);
	code.bad[HAK_STAT_bad_free_double - CODE_BAD_FIRST] += doubles;
}

/* What may be asked of an object, asked. */
static void op_look(u8 how)
{
	struct code_object *o = code_pick();
	size_t size;

	MUST(!hak_usable_size(NULL) && !hak_usable_size(ZERO_SIZE_PTR));
	if (!o->p || !o->size)
		return;
	code_check(o);
	MUST(hak_owns(o->p + how % o->size) == code_ours(o));
	size = hak_usable_size(o->p);
	MUST(code_ours(o) ? size == o->size : size >= o->size);
}

static void reserve_put(struct code_reserve *r)
{
	hak_reserve_put(r->r);
	code.live -= r->left;
	*r = (struct code_reserve){};
}

/* Make a reserve, take of it, or put it back; never more is taken than it has. */
static void op_reserve(u8 how)
{
	struct code_reserve *r = &code.reserve[how / 16 % CODE_RESERVES];
	struct code_object *o = code_pick();
	u8 kind = how % CODE_CACHES;
	void *p;

	if (!r->r) {
		if (!code.cache[kind].c)
			return;
		r->left = 1 + code_byte() % CODE_BULK;
		r->kind = kind;
		r->r = hak_reserve_get(code.cache[kind].c, code.gfp, r->left);
		if (!MUST(r->r || code.atomic) || !r->r)
			r->left = 0;
		code.live += r->left;
	} else if (!r->left || how & 8) {
		reserve_put(r);
	} else {
		code_free(o, how);
		p = hak_reserve_alloc(r->r);
		r->left--;
		code.live--;
		if (MUST(p))
			code_enter(o, r->kind, code.cache[r->kind].size, p, false);
	}
}

/* As a call finds it that comes while a lock of the core is held. */
static void op_nested(u8 how)
{
	code_env_nested(how & 128 ? op_alloc : op_free, how);
}

static void op_hop(u8 how)
{
	code_env_hop(how);
}

static void op_shrink(u8 how)
{
	struct code_cache *c = &code.cache[how / 8 % CODE_CACHES];

	if (how & 4)
		code_env_reclaim(how);
	else if (how & 1)
		hak_shrink_all();
	else if (c->c)
		hak_cache_shrink(c->c);
}

static void op_audit(u8 how)
{
	if (code.waiting)
		code_env_rcu_barrier();
	code.waiting = false;
	MUST(!hak_audit(code.live));
}

static void destroy(struct code_cache *c)
{
	u32 i;

	for (i = 0; i < CODE_OBJECTS; i++)
		if (code.object[i].p && code.object[i].kind == c - code.cache)
			code_free(&code.object[i], i);
	for (i = 0; i < CODE_RESERVES; i++)
		if (code.reserve[i].r && code.reserve[i].kind == c - code.cache)
			reserve_put(&code.reserve[i]);
	hak_cache_destroy(c->c);
	c->c = NULL;
}

/* The shape of a cache: 1 aligned, 2 a constructor, 4 a destructor, 8 not hardened, 16 large. */
static void shape(struct code_cache *c, u8 how, u8 bits)
{
	bool both = (bits & 6) == 6;

	c->args = (struct hak_cache_args){
		.align = bits & 1 ? 8U << bits / 32 : 0,
		.ctor = both ? code_built : bits & 2 ? code_ctor : NULL,
		.dtor = both ? code_torn : NULL,
		.hardened = bits & 8 ? HAK_HARDENED_OFF : HAK_HARDENED_DEFAULT,
	};
	c->flags = (how & 64 ? SLAB_TYPESAFE_BY_RCU : 0) | (how & 128 ? SLAB_HWCACHE_ALIGN : 0);
	c->size = CODE_KEPT + (bits & 16 ? code_byte() * 32 : code_byte());
}

/* Create a cache, or destroy it with all that is in it. */
static void op_cache(u8 how)
{
	struct code_cache *c = &code.cache[how % CODE_CACHES];
	bool may_fail = false;
	u8 bits;

	if (c->c) {
		destroy(c);
		return;
	}
	bits = code_byte();
	shape(c, how, bits);
	if (bits > 250)
		may_fail = code_env_fail(1 + how / CODE_CACHES % 8);
	c->c = hak_cache_create("code", c->size, &c->args, c->flags);
	code_env_fail(0);
	MUST(c->c || may_fail);
}

/* What an operation does with any byte of 32; those that sleep run at task level only. */
static const struct {
	void (*fn)(u8 how);
	bool sleeps;
} ops[] = {
	{ op_alloc }, { op_alloc }, { op_alloc }, { op_alloc }, { op_alloc }, { op_alloc },
	{ op_free }, { op_free }, { op_free }, { op_free }, { op_free }, { op_free },
	{ op_bulk_alloc }, { op_bulk_alloc }, { op_bulk_free }, { op_bulk_free },
	{ op_cache, true }, { op_cache, true }, { op_shrink, true }, { op_audit, true },
	{ op_hop, true }, { op_free_rcu }, { op_free_rcu }, { op_look }, { op_reserve },
	{ op_reserve }, { op_nested }, { code_op_double }, { code_op_interior },
	{ code_op_wrong }, { code_op_foreign }, { op_look },
};

static enum code_context context(u8 what)
{
	return what / 32 > 3 ? what / 32 - 3 : CODE_TASK;
}

static void step(void)
{
	enum code_context where;
	u8 what, how;

	code.op = code.at;
	what = code_byte();
	how = code_byte();
	where = ops[what % 32].sleeps ? CODE_TASK : context(what);
	code.atomic = where != CODE_TASK;
	code.gfp = code.atomic ? GFP_NOWAIT | __GFP_NOWARN : GFP_KERNEL;
	code_env_run(where, ops[what % 32].fn, how);
	code.atomic = false;
	code.gfp = GFP_KERNEL;
	if (code.settle)
		hak_shrink_all();
	code.settle = false;
	code_bad_check();
}

/* Everything back, whatever was found, and the books in order. */
static void finish(void)
{
	u32 i;

	code.op = code.end;
	op_audit(0);
	for (i = 0; i < CODE_OBJECTS; i++)
		code_free(&code.object[i], i);
	for (i = 0; i < CODE_CACHES; i++)
		if (code.cache[i].c)
			destroy(&code.cache[i]);
	MUST(!code.live);
	op_audit(0);
	code_env_end();
	MUST(hak_shrink_all() == hak_config_get()->fixed_pages);
	code_built_check();
	code_bad_check();
}

bool code_run(const u8 *program, size_t len)
{
	memset(&code, 0, sizeof(code));
	code.begin = program;
	code.at = program;
	code.end = program + min_t(size_t, len, CODE_MAX);
	code.gfp = GFP_KERNEL;
	code_env_begin();
	code_env_bad(code.bad_base);
	while (code.at < code.end && !code.fault.what)
		step();
	finish();
	if (code.fault.what)
		pr_err("hakmem_torture: code: at byte %u: %s: %s does not hold\n",
		       code.fault.offset, code.fault.where, code.fault.what);
	return !code.fault.what;
}
