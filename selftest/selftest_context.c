// SPDX-License-Identifier: GPL-2.0
/*
 * Group context: objects allocated in one context and freed in another, on the same
 * CPU and on another, and the preempt count left as it was.
 */
#include "selftest/selftest.h"
#include <linux/cpumask.h>
#include <linux/mm.h>

#define N 200

/* Objects on their way from one context to another. */
struct parcel {
	struct st_kind kind;
	unsigned int failed, spoilt;
	int preempt;		/* by how much the preempt count changed */
	u64 key;
	void *p[N];
};

static void parcel_fill(void *arg)
{
	struct parcel *pa = arg;
	int before = preempt_count();
	unsigned int i;

	for (i = 0; i < N; i++) {
		pa->p[i] = i % 16 ? st_get(&pa->kind, GFP_ATOMIC | __GFP_NOWARN) : NULL;
		if (!(i % 16) && pa->kind.c)
			hak_cache_alloc_bulk(pa->kind.c, GFP_ATOMIC, 1, &pa->p[i]);
		else if (!(i % 16))
			pa->p[i] = hak_zalloc(pa->kind.size, GFP_ATOMIC);
		pa->failed += !pa->p[i];
		if (pa->p[i])
			hak_fill(pa->p[i], pa->kind.size, pa->key + i);
	}
	pa->preempt |= preempt_count() - before;
}

static void parcel_empty(void *arg)
{
	struct parcel *pa = arg;
	int before = preempt_count();
	unsigned int i;

	for (i = 0; i < N; i++)
		if (pa->p[i])
			pa->spoilt += !hak_intact(pa->p[i], pa->kind.size, pa->key + i);
	for (i = 0; i < N; i++) {
		enum st_how how = i % ST_HOWS;

		if (!pa->kind.c && how == ST_TYPED)
			how = ST_SIZED;
		if (pa->kind.c && how == ST_SIZED)
			how = ST_TYPED;
		if (pa->p[i])
			st_put(&pa->kind, how, pa->p[i]);
	}
	pa->key += N;
	pa->preempt |= preempt_count() - before;
}

static void one_way(struct st *t, struct parcel *pa, enum st_where from, enum st_where to,
		    int cpu)
{
	bool right = st_run_in(from, parcel_fill, pa);

	if (cpu < 0)
		right &= st_run_in(to, parcel_empty, pa);
	else
		right &= st_run_on(cpu, to, parcel_empty, pa);
	st_expect(t, right, "from %s to %s: not run there", st_where_name[from],
		  st_where_name[to]);
	st_expect(t, !pa->spoilt, "from %s to %s: %u objects overwritten",
		  st_where_name[from], st_where_name[to], pa->spoilt);
	st_expect(t, !pa->preempt, "from %s to %s: preempt count off by %d",
		  st_where_name[from], st_where_name[to], pa->preempt);
	/* Atomic requests may fail, but not as a habit. */
	st_expect(t, pa->failed <= N / 10, "from %s to %s: %u of %u failed",
		  st_where_name[from], st_where_name[to], pa->failed, N);
	pa->failed = 0;
}

static void nothing_ctor(void *p)
{
}

/* test->arg: the kind of objects, and whether another CPU frees them. */
enum { CLASS_64, CLASS_1024, TYPED_48, TYPED_8, CTOR_64, TYPESAFE_64, KINDS };
#define ELSEWHERE 16

static struct hak_cache *context_cache(unsigned int kind)
{
	struct hak_cache_args args = { .ctor = kind == CTOR_64 ? nothing_ctor : NULL };
	static const u8 sizes[KINDS] = { 0, 0, 48, 8, 64, 64 };

	return hak_cache_create("selftest-context", sizes[kind], &args,
				kind == TYPESAFE_64 ? SLAB_TYPESAFE_BY_RCU : 0);
}

static void all_ways(struct st *t)
{
	static const unsigned short sizes[KINDS] = { 64, 1024, 48, 8, 64, 64 };
	unsigned int kind = t->arg % ELSEWHERE;
	int cpu = t->arg & ELSEWHERE ? st_other_cpu() : -1;
	struct parcel *pa = kvzalloc(sizeof(*pa), GFP_KERNEL);
	enum st_where from, to;

	if (!st_expect(t, pa, "no memory"))
		return;
	pa->kind.size = sizes[kind];
	if (kind >= TYPED_48)
		pa->kind.c = context_cache(kind);
	if (st_expect(t, pa->kind.c || kind < TYPED_48, "no memory"))
		for (from = 0; from < ST_WHERES; from++)
			for (to = 0; to < ST_WHERES; to++)
				one_way(t, pa, from, to, cpu);
	st_expect(t, !hak_audit(0), "audit");
	hak_cache_destroy(pa->kind.c);
	kvfree(pa);
}

#define BOTH(text, kind)					\
	{ text ", one CPU", all_ways, kind },			\
	{ text ", freed on another CPU", all_ways, kind | ELSEWHERE }

const struct st_test st_context_tests[] = {
	BOTH("64 bytes", CLASS_64),
	BOTH("1024 bytes", CLASS_1024),
	BOTH("typed, 48 bytes", TYPED_48),
	BOTH("typed, 8 bytes", TYPED_8),
	BOTH("constructor", CTOR_64),
	BOTH("TYPESAFE_BY_RCU", TYPESAFE_64),
	{ }
};
