// SPDX-License-Identifier: GPL-2.0
/* Bad frees, planted: each is counted under its own name, and nothing else changes. */
#include "fuzz/fuzz.h"

/* Of hakmem's, and checked at each free. */
static bool hardened(const struct object *o)
{
	return o->p && is_ours(o) &&
	       (o->kind == CACHES || cache[o->kind].args.hardened != HAK_HARDENED_OFF);
}

/* Free @p, which is not to be freed: by its cache's call, by size, or by address alone. */
static void bad_free(const struct object *o, void *p, u8 how)
{
	void *one[1] = { p };

	if (o->kind < CACHES && how & 1)
		hak_cache_free(cache[o->kind].c, p);
	else if (o->kind == CACHES && how & 1)
		hak_free_sized(p, o->size);
	else if (how & 2)
		hak_free_bulk(1, one);
	else
		hak_free(p);
}

void op_double(u8 how)
{
	struct object *o = pick(), was = *o;

	if (!hardened(o))
		return;
	op_free(o, how);
	bad_free(&was, was.p, how);
	fuzz_bad[HAK_BAD_DOUBLE]++;
}

/* Inside an object that stays live; an aligned one is found when its magazine is flushed. */
void op_interior(u8 how)
{
	struct object *o = pick();
	u32 off = 1 + byte() % 64;

	if (!hardened(o) || off + 8 > o->size)
		return;
	bad_free(o, o->p + off, how);
	hak_shrink_all();
	fuzz_bad[HAK_BAD_INTERIOR]++;
	/* Free objects carry their mark: that is what was written. */
	if (!(off % 8) && off >= kept(o))
		fill(o);
}

void op_wrong(u8 how)
{
	const struct cache *other = &cache[how / 4 % CACHES];
	struct object *o = pick();

	if (!hardened(o))
		return;
	if (how & 1 && other->c && other->args.hardened != HAK_HARDENED_OFF &&
	    other != &cache[o->kind % CACHES]) {
		hak_cache_free(other->c, o->p);
		fuzz_bad[HAK_BAD_CACHE]++;
	} else if (o->kind < CACHES) {
		hak_free_sized(o->p, min_t(u32, o->size, HAK_MAX_SIZE));
		fuzz_bad[HAK_BAD_CACHE]++;
	}
}

/* Any address that is not ours: eight bytes of the input, or one of a few. */
void op_foreign(u8 how)
{
	unsigned long v = 0;
	struct object none = { .kind = CACHES, .size = 64 };
	u32 i;

	for (i = 0; i < 8; i++)
		v = v << 8 | byte();
	if (how & 4)
		v = (unsigned long)shim_arena + v % (SHIM_SS_BYTES + SHIM_SMALL_BYTES + 4096);
	else if (how & 8)
		v = (unsigned long)&none + v % sizeof(none);
	if (hak_owns((void *)v) || ZERO_OR_NULL_PTR((void *)v))
		return;
	MUST(!hak_usable_size((void *)v));
	bad_free(&none, (void *)v, how);
	fuzz_bad[HAK_BAD_FOREIGN]++;
}
