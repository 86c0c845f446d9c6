// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer over hakmem: each input is a program of calls, checked against a shadow.
 *
 * A byte names the operation, the bytes after it are its operands.  The shadow is a
 * table of live objects: who serves each, how long it is, and the byte it is filled
 * with, which is looked at before the free and at the end of the input.  Bad frees are
 * planted: each must be counted under its own name, and change nothing else.  At the end
 * hak_audit() must find every object in one place; when all are freed, no page is held.
 */
#include "fuzz/fuzz.h"
#include "tiny/tiny_class.h"

#define CPUS	4
#define BULK	40

struct cache cache[CACHES];
u64 fuzz_bad[HAK_BAD_INTERIOR + 1];

static struct object object[OBJECTS];
static struct { char *base; int nr; } cpu[CPUS];
static const u8 *at, *end;
static long live;			/* objects of hakmem's */
static u8 serial;

u8 byte(void)
{
	return at < end ? *at++ : 0;
}

u32 kept(const struct object *o)
{
	return o->kind < CACHES && cache[o->kind].args.ctor ? KEPT : 0;
}

bool is_ours(const struct object *o)
{
	return o->kind < CACHES || (o->size && o->size <= HAK_MAX_SIZE);
}

void fill(struct object *o)
{
	memset(o->p + kept(o), o->fill, o->size - kept(o));
}

static void check(const struct object *o)
{
	MUST(!memchr_inv(o->p, MAGIC, kept(o)));
	MUST(!memchr_inv(o->p + kept(o), o->fill, o->size - kept(o)));
}

static void magic_ctor(void *p)
{
	memset(p, MAGIC, KEPT);
}

static void magic_dtor(void *p)
{
	MUST(!memchr_inv(p, MAGIC, KEPT));
}

struct object *pick(void)
{
	return &object[byte() % OBJECTS];
}

/* A cache there is, or CACHES. */
static u8 pick_kind(u8 how)
{
	u8 kind = how & 1 ? byte() % CACHES : CACHES;

	return kind < CACHES && cache[kind].c ? kind : CACHES;
}

static void enter(struct object *o, u8 kind, u32 size, void *p)
{
	u32 align = kind < CACHES ? max(cache[kind].args.align, 1U) : size & -size;

	*o = (struct object){ p, size, kind, ++serial };
	live += is_ours(o);
	MUST(hak_owns(p) == is_ours(o));
	if (!size)
		return;
	MUST(!((unsigned long)p & (min_t(u32, align, PAGE_SIZE) - 1)));
	if (is_ours(o))
		MUST(hak_usable_size(p) ==
		     (kind < CACHES ? size : hak_class_size[hak_size_class(size)]));
	MUST(!memchr_inv(p, MAGIC, kept(o)));
	fill(o);
}

static void *leave(struct object *o)
{
	void *p = o->p;

	check(o);
	live -= is_ours(o);
	o->p = NULL;
	return p;
}

void op_free(struct object *o, u8 how)
{
	u32 size = o->size, kind = o->kind;
	void *p;

	if (!o->p)
		return;
	p = leave(o);
	if (kind < CACHES && how & 1)
		hak_cache_free(cache[kind].c, p);
	else if (kind == CACHES && how & 1)
		hak_free_sized(p, size);
	else
		hak_free(p);
}

/* A size from two bytes: mostly one of a class, sometimes 0 or large. */
static u32 any_size(void)
{
	u32 r = byte();

	return r < 200 ? r : r < 250 ? (r - 199) * 20 + byte() % 24 : (r - 249) * 1000;
}

/* @how: 1 from a cache, 2 zeroed, 4 an allocation inside fails. */
static void op_alloc(u8 how)
{
	struct object *o = pick();
	u32 kind = pick_kind(how), size;
	bool zero = how & 2 && (kind == CACHES || !cache[kind].args.ctor);
	void *p;

	op_free(o, how);
	size = kind < CACHES ? cache[kind].size : any_size();
	current->fail_nth = how & 4 ? 1 + how / 8 % 4 : 0;
	if (kind < CACHES)
		p = zero ? hak_cache_zalloc(cache[kind].c, GFP_KERNEL)
			 : hak_cache_alloc(cache[kind].c, GFP_KERNEL);
	else
		p = zero ? hak_zalloc(size, GFP_KERNEL) : hak_alloc(size, GFP_KERNEL);
	current->fail_nth = 0;
	MUST(p || how & 4);
	if (!p)
		return;
	MUST(!zero || !size || !memchr_inv(p, 0, size));
	enter(o, kind, size, p);
}

static void op_bulk_alloc(u8 how)
{
	u32 kind = pick_kind(how), n = 1 + byte() % BULK, i = byte(), size, got;
	void *p[BULK];

	size = kind < CACHES ? cache[kind].size : any_size();
	current->fail_nth = how & 4 ? 1 + how / 8 % 8 : 0;
	got = kind < CACHES ? hak_cache_alloc_bulk(cache[kind].c, GFP_KERNEL, n, p)
			    : hak_alloc_bulk(size, GFP_KERNEL, n, p);
	current->fail_nth = 0;
	MUST(got == n || (!got && how & 4));
	for (; got; i++) {
		op_free(&object[i % OBJECTS], how);
		enter(&object[i % OBJECTS], kind, size, p[--got]);
	}
}

static void op_bulk_free(u8 how)
{
	u32 i = byte(), want = 1 + byte() % BULK, k, n = 0, kind = how / 2 % (CACHES + 1);
	void *p[BULK];

	for (k = 0; k < OBJECTS && n < want; k++, i++)
		if (object[i % OBJECTS].p && (!(how & 1) || object[i % OBJECTS].kind == kind))
			p[n++] = leave(&object[i % OBJECTS]);
	if (how & 1 && kind < CACHES && cache[kind].c)
		hak_cache_free_bulk(cache[kind].c, n, p);
	else
		hak_free_bulk(n, p);
}

static void op_realloc(u8 how)
{
	struct object *o = pick(), new;
	u32 size = any_size(), both;
	void *p;

	if (!o->p || !is_ours(o) || kept(o))
		return;
	p = hak_alloc(size, GFP_KERNEL);
	MUST(p);
	enter(&new, CACHES, size, p);
	both = min(size, o->size);
	if (both) {
		memcpy(new.p, o->p, both);
		MUST(!memchr_inv(new.p, o->fill, both));
		fill(&new);
	}
	op_free(o, how);
	*o = new;
}

/* Go on as another thread would: on another CPU. */
static void op_hop(u8 how)
{
	shim_base = cpu[how % CPUS].base;
	shim_cpu_nr = cpu[how % CPUS].nr;
}

static void op_reclaim(u8 how)
{
	struct cache *c = &cache[how / 8 % CACHES];

	switch (how % 8) {
	case 0:
		hak_shrink_all();
		break;
	case 1:
		hak_shrinker_count();
		hak_shrinker_scan(1 + byte());
		break;
	case 2:
		hak_superslab_enabled = how & 8;
		break;
	case 3:
		MUST(!hak_audit(live));
		break;
	case 4:
		hak_reap_here(how & 8);
		break;
	default:
		if (c->c)
			hak_cache_shrink(c->c);
	}
}

static void op_destroy(struct cache *c)
{
	u32 i;

	for (i = 0; i < OBJECTS; i++)
		if (object[i].p && object[i].kind == c - cache)
			op_free(&object[i], i);
	hak_cache_destroy(c->c);
	c->c = NULL;
}

static void op_cache(u8 how)
{
	struct cache *c = &cache[how % CACHES];
	u8 shape = byte();

	if (c->c) {
		op_destroy(c);
		return;
	}
	c->args = (struct hak_cache_args){
		.align = shape & 1 ? 8U << (shape / 32) : 0,
		.ctor = shape & 2 ? magic_ctor : NULL,
		.dtor = (shape & 6) == 6 ? magic_dtor : NULL,
		.hardened = shape & 8 ? HAK_HARDENED_OFF : HAK_HARDENED_DEFAULT,
	};
	c->size = KEPT + (shape & 16 ? byte() * 32 : byte());
	current->fail_nth = shape > 250 ? 1 + how / CACHES % 8 : 0;
	c->c = hak_cache_create("fuzz", c->size, &c->args,
				how & 64 ? SLAB_TYPESAFE_BY_RCU : 0);
	current->fail_nth = 0;
	MUST(c->c || shape > 250 || c->size > HAK_CACHE_MAX_SIZE);
}

/* As a call finds it that comes while a lock of the core is held: frees are deferred. */
static void op_nested(u8 how)
{
	struct object *o = pick();
	void *p;

	__this_cpu_inc(hak_busy);
	op_free(o, how);
	p = hak_alloc(64, GFP_KERNEL);
	__this_cpu_dec(hak_busy);
	if (p)
		enter(o, CACHES, 64, p);
	hak_defer_flush();
}

static void (*const op[])(u8 how) = {
	op_alloc, op_bulk_alloc, op_bulk_free, op_realloc, op_hop, op_reclaim, op_cache,
	op_double, op_interior, op_wrong, op_foreign, op_nested,
};

static void count_bad(void)
{
	u32 k;

	for (k = 0; k <= HAK_BAD_INTERIOR; k++)
		MUST(atomic_long_read(&hak_mem_stat[HAK_MEM_BAD_FOREIGN + k]) == fuzz_bad[k]);
}

static void finish(void)
{
	u32 i;

	for (i = 0; i < OBJECTS; i++)
		if (object[i].p)
			check(&object[i]);
	MUST(!hak_audit(live));
	for (i = 0; i < OBJECTS; i++)
		op_free(&object[i], i);
	for (i = 0; i < CACHES; i++)
		if (cache[i].c)
			op_destroy(&cache[i]);
	MUST(!live);
	op_hop(0);
	hak_superslab_enabled = true;
	MUST(!hak_shrink_all());
	count_bad();
}

/* Odd bytes free, the others choose among the rest. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u8 what;

	at = data;
	end = data + size;
	while (at < end) {
		what = byte();
		if (what & 1)
			op_free(pick(), what / 2);
		else
			op[what / 2 % ARRAY_SIZE(op)](byte());
		count_bad();
	}
	finish();
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	u32 i;

	unit_watch_start();
	for (i = 0; i < CPUS; i++) {
		cpu[i].base = shim_bind();
		cpu[i].nr = shim_cpu_nr;
	}
	/* Whatever another CPU holds may be asked for: nobody is there. */
	shim_quiesced = true;
	op_hop(0);
	return 0;
}
