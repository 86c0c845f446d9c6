// SPDX-License-Identifier: GPL-2.0
/*
 * The report of a bad free: counted each time, printed about once for each caller.
 *
 * Any layer may call it, from any context, so it knows no other file of the core but the
 * counters.
 */
#include "superslab/ss_block.h"
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

/* Callers reported lately: a direct-mapped set, so that each prints about once. */
#define REPORTED 64
static unsigned long reported[REPORTED];

static bool report_once(unsigned long caller, enum hak_bad kind)
{
	unsigned long key = caller * HAK_NR_BAD + kind + 1;
	unsigned long *slot = &reported[(key ^ key >> 8) % REPORTED];

	return xchg(slot, key) != key;
}

void hak_report_bad(enum hak_bad kind, const void *p, const struct hak_pool *ours,
		    unsigned long caller)
{
	hak_mem_add(HAK_MEM_BAD_FOREIGN + kind, 1);
	if (in_nmi() || !report_once(caller, kind))
		return;
	pr_err("hakmem: bad free of %p: %s (cache %s, caller " HAK_SYM "); not put back\n",
	       p, bad_name[kind], ours && ours->name ? ours->name : "-", (void *)caller);
}
HAK_EXPORT_TEST(hak_report_bad);

void hak_report_write(const void *p, const struct hak_pool *pool)
{
	hak_mem_add(HAK_MEM_WRITES, 1);
	if (in_nmi() || !report_once((unsigned long)pool, HAK_BAD_DOUBLE))
		return;
	pr_err("hakmem: %p was written to after its free (cache %s)\n", p, pool->name ?: "-");
}
