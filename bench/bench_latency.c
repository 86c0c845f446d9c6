// SPDX-License-Identifier: GPL-2.0
/*
 * set=latency: each call timed alone.
 *
 * The sides take turns round by round.  After each call hakmem's counters are read.  The counter
 * that moved names the stage that served the call, and the call is filed under it.  They are read
 * for the kernel's side as well, so that both find the processor's caches alike.  A call during
 * which the timer ticked is left out and counted: it holds the interrupt, too. Calls that may
 * sleep are timed as a whole, waiting included.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "bench_clock.h"
#include "bench_latency.h"
#include "port/kernel/hak_client.h"

#define LAT_SIZE	64
#define LAT_DEEP	4096	/* objects that are live at most */
#define LAT_ROUNDS	5
#define LAT_PAIRS	20480
#define LAT_SLOW	200	/* of calls that sleep */
#define LAT_CALIBRATE_NS 20000000ULL

struct rcu_object { struct rcu_head rcu; u8 rest[LAT_SIZE - sizeof(struct rcu_head)]; };

struct lat_run {
	struct lat_result *lat;
	struct hak_cache *hc;
	struct kmem_cache *kc;
	void *p[LAT_DEEP];
	struct lat_file alloc[NR_SIDES], free[NR_SIDES];
	u32 sorted[LAT_SAMPLES];
	u64 before[HAK_NR_STATS];
	unsigned long jiffies0;
	u64 scale;
	u64 t0;
};

/* What a call is to be filed under, and whether waiting is part of it. */
enum lat_kind { KIND_ALLOC, KIND_FREE, KIND_ANY, KIND_SLEEPS };

/* The processor's own counter, also where the kernel (User-Mode Linux) makes no use of it. */
static __always_inline u64 now(void)
{
#ifdef CONFIG_X86_64
	u32 low, high;

	asm volatile("rdtsc" : "=a" (low), "=d" (high));
	return (u64)high << 32 | low;
#else
	return ktime_get_ns();
#endif
}

/* Nanoseconds of 2^20 ticks; where ticks are instructions they are left as they are. */
static u64 tick_scale(void)
{
	u64 ns = ktime_get_ns(), t = now();

	if (bench_clock.exact)
		return 1 << 20;
	while (ktime_get_ns() - ns < LAT_CALIBRATE_NS)
		cpu_relax();
	return div64_u64((ktime_get_ns() - ns) << 20, now() - t);
}

static __always_inline void begin(struct lat_run *r)
{
	hak_stats_read(r->before);
	r->jiffies0 = READ_ONCE(jiffies);
	r->t0 = now();
}

/* The deepest counter that moved since begin(). */
static enum lat_stage stage_of(const u64 *a, const u64 *b, bool alloc)
{
	static const struct { u8 alloc, free, stage; } list[] = {
		{ HAK_STAT_alloc_superslab, HAK_STAT_free_superslab, STAGE_SS },
		{ HAK_STAT_alloc_slab, HAK_STAT_free_slab_local, STAGE_SLAB },
		{ HAK_STAT_alloc_depot, HAK_STAT_free_depot, STAGE_DEPOT },
		{ HAK_STAT_alloc_spare, HAK_STAT_free_spare, STAGE_SPARE },
	};
	unsigned int i, which;

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		which = alloc ? list[i].alloc : list[i].free;
		if (a[which] != b[which])
			return list[i].stage;
	}
	return STAGE_FAST;
}

static __always_inline void end(struct lat_run *r, struct lat_file *f, enum lat_kind kind)
{
	u64 t = now() - r->t0;
	u64 after[HAK_NR_STATS];

	hak_stats_read(after);
	if (kind != KIND_SLEEPS && READ_ONCE(jiffies) != r->jiffies0) {
		r->lat->ticked++;
		return;
	}
	if (f->n == LAT_SAMPLES)
		return;
	f->s[f->n].cost = min_t(u64, t * r->scale >> 20, U32_MAX);
	f->s[f->n++].stage = kind == KIND_ALLOC || kind == KIND_FREE ?
			     stage_of(r->before, after, kind == KIND_ALLOC) : STAGE_ANY;
}

static void forget(struct lat_run *r)
{
	unsigned int side;

	for (side = 0; side < NR_SIDES; side++) {
		r->alloc[side].n = 0;
		r->free[side].n = 0;
	}
}

/* @TIMED is one call; what it is written as is what is timed. */
#define LAT_TIME(r, file, kind, TIMED)				\
do {										\
	begin(r);								\
	TIMED;									\
	end(r, file, kind);						\
} while (0)

static void time_nothing(struct lat_run *r)
{
	struct lat_file *f = &r->alloc[SIDE_NONE];
	unsigned int i;

	for (i = 0; i < LAT_PAIRS; i++)
		LAT_TIME(r, f, KIND_ANY, barrier());
	lat_row(r->lat, "nothing", SIDE_NONE, f, STAGE_ANY, r->sorted);
	r->lat->overhead = r->lat->row[0].p50;
	forget(r);
}

static bool one_alloc(struct lat_run *r, enum lat_side side, unsigned int i)
{
	if (side == SIDE_HAKMEM)
		LAT_TIME(r, &r->alloc[side], KIND_ALLOC,
			 r->p[i] = hak_cache_alloc(r->hc, GFP_KERNEL));
	else
		LAT_TIME(r, &r->alloc[side], KIND_ANY,
			 r->p[i] = kmem_cache_alloc(r->kc, GFP_KERNEL));
	return r->p[i];
}

static void one_free(struct lat_run *r, enum lat_side side, unsigned int i)
{
	if (side == SIDE_HAKMEM)
		LAT_TIME(r, &r->free[side], KIND_FREE, hak_cache_free(r->hc, r->p[i]));
	else
		LAT_TIME(r, &r->free[side], KIND_ANY, kmem_cache_free(r->kc, r->p[i]));
}

static int pairs(struct lat_run *r, enum lat_side side)
{
	unsigned int i;

	for (i = 0; i < LAT_PAIRS / LAT_ROUNDS; i++) {
		if (!one_alloc(r, side, 0))
			return -ENOMEM;
		one_free(r, side, 0);
	}
	return 0;
}

/* From nothing held to many live and back, so that every stage has its turn. */
static int deep(struct lat_run *r, enum lat_side side)
{
	unsigned int i, n;

	hak_shrink_all();
	kmem_cache_shrink(r->kc);
	for (n = 0; n < LAT_DEEP && one_alloc(r, side, n); n++)
		;
	for (i = 0; i < n; i++)
		one_free(r, side, i);
	return n == LAT_DEEP ? 0 : -ENOMEM;
}

static int bulks(struct lat_run *r, enum lat_side side)
{
	unsigned int i, n, turn, got = LAT_BULK;

	for (turn = 0; turn < 2048 / LAT_BULK; turn++) {
		for (n = 0; n + LAT_BULK <= LAT_DEEP && got; n += LAT_BULK) {
			if (side == SIDE_HAKMEM)
				LAT_TIME(r, &r->alloc[side], KIND_ALLOC,
					 got = hak_cache_alloc_bulk(r->hc, GFP_KERNEL, LAT_BULK,
								    r->p + n));
			else
				LAT_TIME(r, &r->alloc[side], KIND_ANY,
					 got = kmem_cache_alloc_bulk(r->kc, GFP_KERNEL, LAT_BULK,
								     r->p + n));
		}
		n -= got ? 0 : LAT_BULK;
		for (i = 0; i < n; i += LAT_BULK) {
			if (side == SIDE_HAKMEM)
				LAT_TIME(r, &r->free[side], KIND_FREE,
					 hak_cache_free_bulk(r->hc, LAT_BULK, r->p + i));
			else
				LAT_TIME(r, &r->free[side], KIND_ANY,
					 kmem_cache_free_bulk(r->kc, LAT_BULK, r->p + i));
		}
	}
	return got ? 0 : -ENOMEM;
}

/* As many objects as there is room for, not timed; the kernel's rcu frees are of kmalloc(). */
static unsigned int fill(struct lat_run *r, enum lat_side side, bool rcu)
{
	unsigned int n;

	for (n = 0; n < LAT_DEEP; n++) {
		r->p[n] = side == SIDE_HAKMEM ? hak_cache_alloc(r->hc, GFP_KERNEL) :
			  rcu ? kmalloc(LAT_SIZE, GFP_KERNEL) : kmem_cache_alloc(r->kc, GFP_KERNEL);
		if (!r->p[n])
			break;
	}
	return n;
}

/* Calls only; the objects are freed when nobody looks. */
static int rcu_frees(struct lat_run *r, enum lat_side side)
{
	unsigned int i, n = fill(r, side, true);

	for (i = 0; i < n; i++) {
		struct rcu_object *o = r->p[i];

		if (side == SIDE_HAKMEM)
			LAT_TIME(r, &r->free[side], KIND_ANY, hak_free_rcu(o, rcu));
		else
			LAT_TIME(r, &r->free[side], KIND_ANY, kfree_rcu(o, rcu));
	}
	hak_rcu_barrier();
	rcu_barrier();
	return n == LAT_DEEP ? 0 : -ENOMEM;
}

/* With a few thousand objects that were just freed. */
static int shrinks(struct lat_run *r, enum lat_side side)
{
	unsigned int i, k, n;

	for (k = 0; k < LAT_SLOW / LAT_ROUNDS; k++) {
		n = fill(r, side, false);
		for (i = 0; i < n; i++) {
			if (side == SIDE_HAKMEM)
				hak_cache_free(r->hc, r->p[i]);
			else
				kmem_cache_free(r->kc, r->p[i]);
		}
		if (side == SIDE_HAKMEM)
			LAT_TIME(r, &r->free[side], KIND_SLEEPS, hak_cache_shrink(r->hc));
		else
			LAT_TIME(r, &r->free[side], KIND_SLEEPS, kmem_cache_shrink(r->kc));
	}
	return n == LAT_DEEP ? 0 : -ENOMEM;
}

/* Empty caches. */
static int lives(struct lat_run *r, enum lat_side side)
{
	struct hak_cache *hc;
	struct kmem_cache *kc;
	unsigned int k;

	for (k = 0; k < LAT_SLOW / LAT_ROUNDS; k++) {
		if (side == SIDE_HAKMEM) {
			LAT_TIME(r, &r->alloc[side], KIND_SLEEPS,
				 hc = hak_cache_create("hak_lat_one", LAT_SIZE, NULL, 0));
			if (!hc)
				return -ENOMEM;
			LAT_TIME(r, &r->free[side], KIND_SLEEPS, hak_cache_destroy(hc));
		} else {
			LAT_TIME(r, &r->alloc[side], KIND_SLEEPS,
				 kc = kmem_cache_create("hak_lat_one", LAT_SIZE, 0, SLAB_NO_MERGE,
							NULL));
			if (!kc)
				return -ENOMEM;
			LAT_TIME(r, &r->free[side], KIND_SLEEPS, kmem_cache_destroy(kc));
		}
	}
	return 0;
}

static const struct {
	int (*fn)(struct lat_run *r, enum lat_side side);
	const char *alloc, *free;
} ops[] = {
	{ pairs, "alloc, again", "free, again" },
	{ deep, "alloc, 4096 deep", "free, 4096 deep" },
	{ bulks, "alloc_bulk(64)", "free_bulk(64)" },
	{ rcu_frees, NULL, "free_rcu, the call" },
	{ shrinks, NULL, "shrink" },
	{ lives, "create", "destroy" },
};

static int run_ops(struct lat_run *r)
{
	unsigned int i, round;
	int err = 0;

	time_nothing(r);
	for (i = 0; i < ARRAY_SIZE(ops) && !err; i++) {
		for (round = 0; round < LAT_ROUNDS && !err; round++) {
			err = ops[i].fn(r, SIDE_HAKMEM) ?: ops[i].fn(r, SIDE_KERNEL);
			cond_resched();
			if (signal_pending(current))
				err = -EINTR;
		}
		if (ops[i].alloc)
			lat_rows(r->lat, ops[i].alloc, r->alloc, r->sorted);
		lat_rows(r->lat, ops[i].free, r->free, r->sorted);
		forget(r);
	}
	return err;
}

int bench_latency_run(struct bench_result *res)
{
	struct lat_run *r = vzalloc(sizeof(*r));
	int err = -ENOMEM;

	res->lat = vzalloc(sizeof(*res->lat));
	if (!r || !res->lat)
		goto out;
	if (res->debug[0] && !res->cmd.force) {
		scnprintf(res->lat->why, BENCH_WHY, "INVALID: debug kernel: %s", res->debug);
		err = 0;
		goto out;
	}
	r->lat = res->lat;
	r->scale = tick_scale();
	r->hc = hak_cache_create("hak_lat", LAT_SIZE, NULL, 0);
	r->kc = kmem_cache_create("hak_lat", LAT_SIZE, 0, SLAB_NO_MERGE, NULL);
	if (r->hc && r->kc)
		err = run_ops(r) ?: lat_stretch_run(r->lat, r->hc, r->kc);
	hak_cache_destroy(r->hc);
	kmem_cache_destroy(r->kc);
out:
	vfree(r);
	return err;
}
