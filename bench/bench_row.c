// SPDX-License-Identifier: GPL-2.0
/*
 * Measures one row: builds what it needs, runs the rounds, reduces them.
 *
 *   bench_row_run
 *     row_prepare     caches, permutation, team, slots
 *     row_calibrate   operations per round, where a length in time is wanted
 *     row_rounds      warm-up, then rounds; lane order turns round by round; one in which
 *                     another task ran is left out, counted, and done again
 *     row_reduce      minimum and median, overhead taken off, provenance judged
 *
 * All lanes of a row share one hakmem cache and one kmem_cache, so that a lane's
 * warm state is its allocator's and nothing else's.  The counters behind the
 * provenance are read around each measured round of a hakmem lane, outside the
 * time measured.
 */
#include <linux/cpumask.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "bench.h"
#include "bench_team.h"
#include "port/kernel/hak_client.h"

#define ROW_WARMUP	3
#define ROW_LEFT_OUT	64	/* rounds for each that counts, before a lane is given up */
#define ROW_WARM_BATCH	512		/* objects drawn before an interrupt context is measured */
#define ROW_FIRST_OPS	2048		/* operations of a calibration round */
#define ROW_MAX_OPS	(10 * 1000 * 1000)
#define ROW_SEED	0x68616b6d656dULL

struct bench_run {
	struct bench_ring ring;
	struct bench_row *row;
	struct bench_team *team;
	struct bench_larson *larson;	/* of that pattern, or NULL */
	struct hak_cache *hc;
	struct kmem_cache *kc;
	void **own[BENCH_MAX_CPUS];	/* slots, per member of the team */
	u32 *perm;
	u16 *mixed;
	u64 ticks[BENCH_MAX_LANES][BENCH_MAX_ROUNDS];
	u64 ns[BENCH_MAX_LANES][BENCH_MAX_ROUNDS];
};

/* Whole batches only. */
static unsigned int row_round_ops(const struct bench_row *row, unsigned int ops)
{
	unsigned int unit = row->batch;

	if (row->pattern == BENCH_INTERLEAVED)
		unit += (unit + 1) / 2;
	else if (row->pattern == BENCH_LARSON)
		unit = row->burst;
	return max(1U, DIV_ROUND_UP(ops, unit)) * unit;
}

static int row_slots(struct bench_run *run)
{
	const struct bench_row *row = run->row;
	unsigned int i, n = max3(row->batch, row->ops / 10 + 1, (unsigned int)ROW_WARM_BATCH);

	/* It has slots of its own. */
	if (run->larson)
		return 0;

	for (i = 0; i < run->team->nr; i++) {
		struct bench_env *e = &run->team->member[i].env;

		run->own[i] = kvcalloc(n, sizeof(void *), GFP_KERNEL);
		if (!run->own[i])
			return -ENOMEM;
		/* What one side of a batch writes the other reads. */
		e->slot = run->own[row->pattern == BENCH_REMOTE ? 0 : i];
		e->hc = run->hc;
		e->kc = run->kc;
		e->size = row->size;
		e->perm = run->perm;
		e->mixed = run->mixed;
		e->ring = &run->ring;
	}
	return 0;
}

/* The same shuffle and the same sizes in every run. */
static int row_orders(struct bench_run *run)
{
	static const u16 sizes[] = { 16, 32, 64, 96, 128, 192, 256, 512 };
	const unsigned int b = run->row->batch;
	struct rnd_state rnd;
	unsigned int i, j;

	run->perm = kvcalloc(b, sizeof(u32), GFP_KERNEL);
	run->mixed = kvcalloc(b, sizeof(u16), GFP_KERNEL);
	if (!run->perm || !run->mixed)
		return -ENOMEM;
	prandom_seed_state(&rnd, ROW_SEED);
	for (i = 0; i < b; i++) {
		j = prandom_u32_state(&rnd) % (i + 1);
		run->perm[i] = run->perm[j];
		run->perm[j] = i;
		run->mixed[i] = sizes[run->row->grouped ? i * ARRAY_SIZE(sizes) / b :
				      prandom_u32_state(&rnd) % ARRAY_SIZE(sizes)];
	}
	return 0;
}

/* What file systems do to their inodes, in short. */
static void row_ctor(void *object)
{
	*(unsigned long *)object = 1;
}

static int row_prepare(struct bench_run *run)
{
	struct hak_cache_args args = { .ctor = run->row->ctor ? row_ctor : NULL };
	struct bench_row *row = run->row;
	unsigned int i, cpus = row->cpus;
	int err;

	for (i = 1; i < row->nr; i++)
		cpus = max(cpus, row->lane[i].cpus);
	err = row_orders(run);
	if (err)
		return err;
	run->hc = hak_cache_create("hak_bench", row->size, &args, 0);
	run->kc = kmem_cache_create("hak_bench", row->size, 0, SLAB_NO_MERGE, args.ctor);
	run->team = bench_team_start(cpus);
	if (row->pattern == BENCH_LARSON)
		run->larson = bench_larson_start(row);
	if (!run->hc || !run->kc || !run->team || (row->pattern == BENCH_LARSON && !run->larson))
		return -ENOMEM;
	return row_slots(run);
}

static void row_release(struct bench_run *run)
{
	unsigned int i;

	if (run->team)
		bench_team_stop(run->team);
	if (run->larson)
		bench_larson_stop(run->larson);
	for (i = 0; i < BENCH_MAX_CPUS; i++)
		kvfree(run->own[i]);
	kmem_cache_destroy(run->kc);
	hak_cache_destroy(run->hc);
	kvfree(run->perm);
	kvfree(run->mixed);
}

static void row_reset(struct bench_run *run, const struct bench_lane *lane)
{
	unsigned int i;

	run->ring.head = 0;
	run->ring.tail = 0;
	run->ring.stop = false;
	run->ring.turn = 0;
	for (i = 0; i < run->team->nr; i++) {
		struct bench_env *e = &run->team->member[i].env;

		e->ops = lane->ops;
		e->batch = run->row->batch;
		e->ticks = 0;
		e->ns = 0;
		e->switched = false;
		e->allocs = 0;
		e->frees = 0;
		e->fails = 0;
	}
}

/* What the CPUs of a lane found becomes one cost per operation; counts go to the lane. */
static void row_collect(struct bench_run *run, struct bench_lane *lane, u64 *ticks, u64 *ns)
{
	enum bench_combine combine = bench_patterns[run->row->pattern].combine;
	unsigned int i;

	*ticks = 0;
	*ns = 0;
	for (i = 0; i < lane->cpus; i++) {
		const struct bench_env *e = &run->team->member[i].env;
		u64 ops = max3(e->allocs, e->frees, 1ULL);
		u64 t = div64_u64(e->ticks * BENCH_MILLI, ops);
		u64 n = div64_u64(e->ns * BENCH_MILLI, ops);

		*ticks = combine == BENCH_SLOWEST ? max(*ticks, t) : *ticks + t;
		*ns = combine == BENCH_SLOWEST ? max(*ns, n) : *ns + n;
		lane->allocs += e->allocs;
		lane->frees += e->frees;
		lane->fails += e->fails;
		if (e->wrong_ctx)
			scnprintf(lane->why, BENCH_WHY, "n/a: this kernel has no %s for irq_work",
				  bench_ctx_names[run->row->ctx]);
		if (e->wrong_cpu)
			scnprintf(lane->why, BENCH_WHY, "INVALID: CPU %u went offline",
				  run->team->member[i].cpu);
	}
	if (combine == BENCH_MEAN) {
		*ticks = div_u64(*ticks, lane->cpus);
		*ns = div_u64(*ns, lane->cpus);
	}
}

static int row_lane(struct bench_run *run, struct bench_lane *lane, u64 *ticks, u64 *ns)
{
	const struct bench_pattern_info *pi = &bench_patterns[run->row->pattern];
	bool atomic = run->row->ctx != BENCH_TASK;
	bench_fn fn = bench_loop(lane->alloc, pi->shape, run->row->size, atomic);
	bench_fn peer = bench_loop(lane->alloc, pi->peer, run->row->size, atomic);
	int err = 0;

	row_reset(run, lane);
	if (run->larson)
		err = bench_larson_turn(run->larson, lane - run->row->lane, run->team);
	if (err)
		return err;
	bench_team_run(run->team, lane->cpus, run->row->ctx, fn, peer);
	if (run->row->pattern == BENCH_FREE_RCU && bench_is_hakmem(lane->alloc))
		hak_rcu_barrier();
	row_collect(run, lane, ticks, ns);
	return 0;
}

/*
 * An interrupt may not make a new slab of full size.  So process context draws and returns enough
 * objects first, as it would have done in a system that is up.
 */
static void row_draw(struct bench_run *run, struct bench_lane *lane)
{
	bench_fn fn = bench_loop(lane->alloc, SHAPE_BATCH, run->row->size, false);
	unsigned int i;

	if (run->row->ctx == BENCH_TASK || !fn)
		return;
	row_reset(run, lane);
	for (i = 0; i < lane->cpus; i++) {
		run->team->member[i].env.batch = ROW_WARM_BATCH;
		run->team->member[i].env.ops = ROW_WARM_BATCH;
	}
	bench_team_run(run->team, lane->cpus, BENCH_TASK, fn, fn);
}

static int row_calibrate(struct bench_run *run, struct bench_lane *lane)
{
	struct bench_row *row = run->row;
	u64 ticks, ns;
	int err;

	lane->ops = row->ops;
	if (!row->round_ns)
		return 0;
	lane->ops = row_round_ops(row, ROW_FIRST_OPS);
	err = row_lane(run, lane, &ticks, &ns);
	if (!err)
		err = row_lane(run, lane, &ticks, &ns);
	if (err)
		return err;
	ns = div64_u64(row->round_ns * BENCH_MILLI, max(ns, 1ULL));
	lane->ops = row_round_ops(row, clamp_t(u64, ns, ROW_FIRST_OPS, ROW_MAX_OPS));
	return 0;
}

/* Was a loop of the round left for another task?  What that did is in its figure. */
static bool row_switched(const struct bench_run *run, const struct bench_lane *lane)
{
	unsigned int i;

	for (i = 0; i < lane->cpus; i++)
		if (run->team->member[i].env.switched)
			return true;
	return false;
}

static int row_measured(struct bench_run *run, unsigned int l, unsigned int round)
{
	struct bench_lane *lane = &run->row->lane[l];
	u64 before[HAK_NR_STATS];
	bool proof = bench_is_hakmem(lane->alloc);
	int err;

	if (proof)
		bench_proof_begin(before);
	do {
		err = row_lane(run, lane, &run->ticks[l][round], &run->ns[l][round]);
		if (err || !row_switched(run, lane))
			break;
		/* What a call leaves for later is done by a task that it wakes. */
		if (run->row->pattern == BENCH_FREE_RCU) {
			lane->woke = true;
			break;
		}
		if (++lane->left_out > ROW_LEFT_OUT * run->row->rounds)
			scnprintf(lane->why, BENCH_WHY, "INVALID: other tasks ran in %u rounds",
				  lane->left_out);
	} while (!lane->why[0] && !signal_pending(current));
	if (proof)
		bench_proof_end(lane, before);
	return err;
}

/* What a lane counted so far belongs to no measured round. */
static void row_forget(struct bench_row *row)
{
	unsigned int i;

	for (i = 0; i < row->nr; i++) {
		row->lane[i].allocs = 0;
		row->lane[i].frees = 0;
	}
}

static int row_rounds(struct bench_run *run)
{
	struct bench_row *row = run->row;
	unsigned int i, l, r;
	u64 ticks, ns;
	int err;

	for (r = 0; r < ROW_WARMUP + row->rounds; r++) {
		if (r == ROW_WARMUP)
			row_forget(row);
		for (i = 0; i < row->nr; i++) {
			l = (i + r) % row->nr;
			if (row->lane[l].why[0])
				continue;
			if (signal_pending(current))
				return -EINTR;
			if (r < ROW_WARMUP)
				err = row_lane(run, &row->lane[l], &ticks, &ns);
			else
				err = row_measured(run, l, r - ROW_WARMUP);
			if (err)
				return err;
		}
	}
	return 0;
}

static void row_reduce(struct bench_run *run)
{
	struct bench_row *row = run->row;
	bool gross = bench_patterns[row->pattern].gross;
	unsigned int i;

	for (i = 0; i < row->nr; i++) {
		struct bench_lane *lane = &row->lane[i];

		lane->ticks = bench_cost_of_rounds(run->ticks[i], row->rounds);
		lane->ns = bench_cost_of_rounds(run->ns[i], row->rounds);
		lane->over_ticks = row->lane[0].ticks;
		lane->over_ns = row->lane[0].ns;
		if (i && !gross) {
			lane->ticks = bench_cost_net(lane->ticks, lane->over_ticks);
			lane->ns = bench_cost_net(lane->ns, lane->over_ns);
		}
		bench_proof_judge(lane);
	}
}

/* Can this row be measured here at all? */
static bool row_possible(struct bench_row *row, const struct bench_result *res)
{
	const struct bench_pattern_info *pi = &bench_patterns[row->pattern];
	unsigned int i, cpus = row->cpus;

	for (i = 0; i < row->nr; i++) {
		struct bench_lane *lane = &row->lane[i];

		cpus = max(cpus, lane->cpus);
		if (!bench_loop(lane->alloc, pi->shape, row->size, row->ctx != BENCH_TASK))
			scnprintf(lane->why, BENCH_WHY, "n/a: no such loop for %u bytes",
				  row->size);
	}
	if (cpus > num_online_cpus())
		scnprintf(row->why, BENCH_WHY, "n/a: needs %u CPUs, %u online", cpus,
			  num_online_cpus());
	else if (res->debug[0] && !res->cmd.force)
		scnprintf(row->why, BENCH_WHY, "INVALID: a debug kernel: %.60s", res->debug);
	return !row->why[0];
}

int bench_row_run(struct bench_row *row, const struct bench_result *res)
{
	struct bench_run *run;
	unsigned int i;
	int err;

	if (!row_possible(row, res))
		return 0;
	row->ops = row_round_ops(row, row->ops);
	run = kvzalloc(sizeof(*run), GFP_KERNEL);
	if (!run)
		return -ENOMEM;
	run->row = row;
	err = row_prepare(run);
	for (i = 0; !err && i < row->nr; i++) {
		if (row->lane[i].why[0])
			continue;
		row_draw(run, &row->lane[i]);
		err = row_calibrate(run, &row->lane[i]);
	}
	if (!err)
		err = row_rounds(run);
	if (!err)
		row_reduce(run);
	row_release(run);
	kvfree(run);
	return err;
}
