// SPDX-License-Identifier: GPL-2.0
/* Workers and bursts: whoever else uses the same cache meanwhile, theirs stays theirs. */
#include "selftest/selftest.h"

void st_worker_init(struct st_worker *w, struct hak_kind kind, unsigned int salt)
{
	memset(w, 0, sizeof(*w));
	w->kind = kind;
	w->rand = hak_random_begin(st_seed, salt);
	w->key = (u64)(salt + 1) << 24;
}

static void worker_alloc(struct st_worker *w)
{
	void *p = hak_kind_alloc(&w->kind, GFP_NOWAIT | __GFP_NOWARN);

	w->allocs++;
	w->failed += !p;
	w->nmi_allocs += p && in_nmi();
	if (!p)
		return;
	hak_fill(p, w->kind.size, w->key);
	w->held[w->n].p = p;
	w->held[w->n++].key = w->key++;
}

static void worker_free(struct st_worker *w)
{
	unsigned int i = hak_below(&w->rand, w->n);
	void *p = w->held[i].p;

	w->spoilt += !hak_intact(p, w->kind.size, w->held[i].key);
	w->held[i] = w->held[--w->n];
	w->frees++;
	if (hak_below(&w->rand, 2))
		hak_kind_free(&w->kind, HAK_BY_ANY, p);
	else
		hak_kind_free(&w->kind, w->kind.c ? HAK_BY_CACHE : HAK_BY_SIZE, p);
}

void st_work(struct st_worker *w, unsigned int n)
{
	while (n--) {
		if (!w->n || (w->n < ST_HELD && hak_below(&w->rand, 2)))
			worker_alloc(w);
		else
			worker_free(w);
	}
}

void st_give(struct st_worker *w, unsigned int n)
{
	while (n-- && w->n)
		worker_free(w);
}

void st_worker_fill(struct st_worker *w)
{
	unsigned int tries;

	for (tries = 0; w->n < ST_HELD / 2 && tries < ST_HELD; tries++)
		worker_alloc(w);
}

void st_worker_exit(struct st *t, struct st_worker *w, const char *name)
{
	while (w->n)
		worker_free(w);
	st_expect(t, !w->spoilt, "%s: %u objects were overwritten", name, w->spoilt);
	st_expect(t, !w->nmi_allocs, "%s: %u allocations in NMI", name, w->nmi_allocs);
}

void st_burst(void *burst)
{
	struct st_burst *b = burst;
	unsigned int i;

	for (i = 0; i < b->n; i++) {
		b->p[i] = hak_kind_alloc(&b->kind, GFP_NOWAIT | __GFP_NOWARN);
		if (b->p[i])
			hak_fill(b->p[i], b->kind.size, b->key + i);
		b->failed += !b->p[i];
	}
	for (i = 0; i < b->n; i++) {
		/* Not in the order of allocation. */
		unsigned int k = i * 7 % b->n;

		if (!b->p[k])
			continue;
		b->spoilt += !hak_intact(b->p[k], b->kind.size, b->key + k);
		if (i % 2)
			hak_free(b->p[k]);
		else
			hak_kind_free(&b->kind, b->kind.c ? HAK_BY_CACHE : HAK_BY_SIZE, b->p[k]);
	}
	b->key += b->n;
	b->done++;
}
