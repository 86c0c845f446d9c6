// SPDX-License-Identifier: GPL-2.0
/*
 * The report of a bad free: counted each time, printed about once for each caller and cache.
 *
 * It names the client.  Where a function of ours called another, the client is found on the
 * stack.  What is found when a magazine is emptied was freed before, by nobody knows whom.  Then
 * the line names the module whose cache it is, and the client whose call made room, if one did.
 *
 * Any layer may call it, from any context.
 */
#include "superslab/ss_block.h"
#include "superslab/ss_dir.h"
#include "superslab/ss_hole.h"
#include "superslab/ss_pool.h"

static const char *const bad_name[] = {
	[HAK_BAD_FOREIGN] = "not an object of hakmem",
	[HAK_BAD_DOUBLE] = "free already",
	[HAK_BAD_CACHE] = "an object of another cache",
	[HAK_BAD_INTERIOR] = "not the start of an object",
};

static_assert(ARRAY_SIZE(bad_name) == HAK_NR_BAD);
/* A counter is found from the first by adding the kind. */
static_assert((int)HAK_MEM_BAD_DOUBLE == HAK_MEM_BAD_FOREIGN + HAK_BAD_DOUBLE);
static_assert((int)HAK_MEM_BAD_CACHE == HAK_MEM_BAD_FOREIGN + HAK_BAD_CACHE);
static_assert((int)HAK_MEM_BAD_INTERIOR == HAK_MEM_BAD_FOREIGN + HAK_BAD_INTERIOR);

/* Reported lately, in 16 sets of 4: each caller prints about once for each cache. */
#define REPORTED_WAYS 4U
static unsigned long reported[16][REPORTED_WAYS];
static unsigned int reported_next;

static bool report_once(unsigned long caller, u32 serial, unsigned int kind)
{
	unsigned long key = (caller ^ (unsigned long)serial << 32) * HAK_NR_BAD + kind + 1;
	unsigned long *set = reported[key * 0x9e3779b97f4a7c15 >> 60];
	unsigned int i;

	for (i = 0; i < REPORTED_WAYS; i++)
		if (READ_ONCE(set[i]) == key)
			return false;
	/* Whichever that is, when two come at once. */
	i = data_race(reported_next++) % REPORTED_WAYS;
	return xchg(&set[i], key) != key;
}

/* Where @p points. */
struct place {
	const void *p;
	const struct hak_slab *slab;	/* or NULL */
	struct hak_pool *pool;
	bool left;			/* the page has left the slab */
};

/* Look where @pl->p points.  What is bad about a free of that, if no object is? Preemption off. */
static enum hak_bad place_find(struct place *pl)
{
	unsigned int i;

	pl->slab = hak_slab_find(pl->p, &pl->pool);
	pl->left = !pl->slab;
	if (pl->left)
		pl->slab = hak_hole_slab(pl->p, &pl->pool);
	if (!pl->left || !pl->slab || hak_hole_taken(pl->p))
		return HAK_BAD_FOREIGN;
	return slab_starts(pl->slab, pl->pool, pl->p, &i) ? HAK_BAD_DOUBLE : HAK_BAD_INTERIOR;
}

/* The cache and its module, the object and how far in @pl->p is. Preemption off. */
static void report_object(char *text, size_t n, const struct place *pl)
{
	const struct hak_pool *pool = pl->pool;
	const char *owner = pool ? hak_module_name(READ_ONCE(pool->owner)) : NULL;
	unsigned long off;

	if (!pl->slab || !pool->name) {
		scnprintf(text, n, "cache -");
		return;
	}
	off = (pl->p - pl->slab->mem) % pool->stride;
	scnprintf(text, n, "cache %s%s%s, object %p+%lu%s", pool->name, owner ? " of " : "",
		  owner ?: "", pl->p - off, off, pl->left ? ", whose page was given back" : "");
}

/* Who: this call of a client's, one that made room for what it freed before, or nobody known. */
static const char *report_who(unsigned long caller, unsigned long client)
{
	if (!client)
		return caller ? ", caller unknown" : ", freed before";
	return caller ? ", caller " : ", freed before, flushed by ";
}

void hak_report_bad(enum hak_bad kind, const void *p, const struct hak_pool *ours,
		    unsigned long caller)
{
	struct place pl = { .p = p };
	unsigned long client;
	enum hak_bad found;
	char object[160];
	u32 serial;

	preempt_disable();
	found = place_find(&pl);
	if (kind == HAK_BAD_FOREIGN)
		kind = found;
	serial = pl.slab ? pl.pool->serial : 0;
	if (!in_nmi())
		report_object(object, sizeof(object), &pl);
	preempt_enable();
	hak_mem_add(HAK_MEM_BAD_FOREIGN + kind, 1);
	if (in_nmi())
		return;
	client = hak_client_of(caller);
	if (!report_once(client, serial, kind))
		return;
	if (client)
		pr_err("hakmem: bad free of %p: %s (%s%s" HAK_SYM "); not put back\n", p,
		       bad_name[kind], object, report_who(caller, client), (void *)client);
	else
		pr_err("hakmem: bad free of %p: %s (%s%s); not put back\n", p,
		       bad_name[kind], object, report_who(caller, client));
}
HAK_EXPORT_TEST(hak_report_bad);

bool hak_refused_here(const char *call, unsigned long caller)
{
	if (likely(!hak_release_here()))
		return false;
	caller = hak_client_of(caller);
	if (!report_once(caller ?: (unsigned long)call, 0, 0))
		return true;
	if (caller)
		pr_err("hakmem: %s() refused: a destructor must not wait (caller " HAK_SYM ")\n",
		       call, (void *)caller);
	else
		pr_err("hakmem: %s() refused: a destructor must not wait\n", call);
	return true;
}

void hak_report_write(const void *p, const struct hak_pool *pool)
{
	hak_mem_add(HAK_MEM_WRITES, 1);
	if (in_nmi() || !report_once((unsigned long)pool, pool->serial, HAK_NR_BAD))
		return;
	pr_err("hakmem: %p was written to after its free (cache %s)\n", p, pool->name ?: "-");
}
