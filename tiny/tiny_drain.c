// SPDX-License-Identifier: GPL-2.0
/*
 * Emptying the sets of CPUs.
 *
 * A live CPU's sets are emptied by a work item on that CPU, and only CPUs that hold objects are
 * asked.  The hotplug callback empties a dead CPU's, when nothing else can touch them.
 */
#include "tiny/tiny_depot.h"

/* More than a set can hold: a set that still has objects then is being filled meanwhile. */
#define DRAIN_ROUNDS (2 * HAK_MAG_MAX / HAK_BATCH)

/* Empty one of @sets of this CPU, HAK_BATCH objects under one hold of its protection. */
static void drain_set(struct hak_core *core, struct hak_cache *sets, enum hak_level lvl)
{
	unsigned int rounds = DRAIN_ROUNDS;
	struct hak_mag *spare, *remote, *was;
	void *batch[HAK_BATCH];
	unsigned long flags;
	struct hak_set *s;
	unsigned int n;

	do {
		flags = set_enter(lvl);
		hak_assert_set(lvl);
		n = set_drain(this_set(sets, lvl), HAK_BATCH, batch);
		spare = set_swap_spare(this_set(sets, lvl), NULL);
		remote = set_swap_remote(this_set(sets, lvl), NULL);
		s = this_set(sets, lvl);
		set_reset(s, hak_set_most(core, s, lvl));
		was = set_close(this_set(sets, HAK_TASK), s, lvl,
				(struct hak_set *)raw_cpu_ptr(&hak_no_set)->set);
		set_leave(lvl, flags);
		hak_pool_return(&core->pool, n, batch);
		if (spare)
			hak_mag_put(core, spare);
		if (remote)
			hak_mag_put(core, remote);
		if (was)
			hak_mag_put_empty(was);
	} while (n && --rounds);
}

NOKPROBE_SYMBOL(drain_set);

struct drain_work {
	struct work_struct work;
	struct hak_core *core;
	struct hak_cache *sets;
};

/* Racy. An interrupt level's set also holds itself. */
static bool set_holds(const struct hak_set *s, enum hak_level lvl)
{
	return hak_peek(s->n) > 0 || hak_peek(s->spare) || hak_peek(s->remote) ||
	       (lvl != HAK_TASK && set_is_open(s));
}

/*
 * Does this CPU's set hold anything, and has it stood still since the last look?  Or has its size
 * been changed meanwhile?  Racy.
 */
static bool set_idles(struct hak_core *core, enum hak_level lvl)
{
	struct hak_set *s = this_set(core->sets, lvl);
	s8 n = max_t(s8, hak_peek(s->n), 0), seen = s->seen;

	s->seen = n;
	if (hak_peek(s->slots_max) != hak_set_most(core, s, lvl))
		return true;
	return n == seen && set_holds(s, lvl);
}

/* Has this CPU's set anything to give, or a new size to take over? Racy. */
static bool set_wants(struct hak_core *core, struct hak_cache *sets, enum hak_level lvl)
{
	const struct hak_set *s = this_set(sets, lvl);

	return set_holds(s, lvl) || hak_peek(s->slots_max) != hak_set_most(core, s, lvl);
}

static void drain_sets(struct hak_core *core, struct hak_cache *sets, bool idle_only)
{
	int lvl;

	for (lvl = 0; lvl < HAK_NR_LEVELS; lvl++) {
		if (idle_only ? !set_idles(core, lvl) : !set_wants(core, sets, lvl))
			continue;
		if (lvl == HAK_SOFTIRQ)
			local_bh_disable();
		drain_set(core, sets, lvl);
		if (lvl == HAK_SOFTIRQ)
			local_bh_enable();
	}
}

void hak_drain_here(struct hak_core *core, bool idle_only)
{
	drain_sets(core, core->sets, idle_only);
}
HAK_EXPORT_TEST(hak_drain_here);

static void drain_this_cpu(struct work_struct *work)
{
	struct drain_work *w = container_of(work, struct drain_work, work);

	drain_sets(w->core, w->sets, false);
}

/* Racy on purpose: a CPU that stays busy refills at once anyway. */
static bool cpu_holds(struct hak_cache *sets, int cpu)
{
	const struct hak_set *s;
	int lvl;

	for_each_level(s, sets, cpu, lvl)
		if (set_holds(s, lvl))
			return true;
	return false;
}

bool hak_cpu_holds(struct hak_core *core, int cpu)
{
	return cpu_holds(core->sets, cpu);
}
HAK_EXPORT_TEST(hak_cpu_holds);

static void drain_depots(struct hak_core *core)
{
	int nid;

	for_each_node(nid)
		hak_depot_trim(&core->depot[nid], &core->pool, true);
}

static void drain_dead(struct hak_core *core, struct hak_cache *sets, int cpu)
	hak_unchecked("the CPU is gone: nobody else touches its sets")
{
	struct hak_set *s;
	struct hak_mag *m;
	int lvl;

	for_each_level(s, sets, cpu, lvl) {
		if (s->n > 0)
			hak_pool_return(&core->pool, s->n, s->slot);
		s->n = 0;
		m = set_swap_spare(s, NULL);
		if (m)
			hak_mag_put(core, m);
		m = set_swap_remote(s, NULL);
		if (m)
			hak_mag_put(core, m);
		m = set_close(cpu_set(sets, cpu, HAK_TASK), s, lvl, no_set_of(cpu));
		if (m)
			hak_mag_put_empty(m);
	}
}

void hak_drain_dead_cpu(struct hak_core *core, int cpu)
{
	drain_dead(core, core->sets, cpu);
}

void hak_drain_sets_cpuslocked(struct hak_core *core, struct hak_cache *sets)
{
	struct drain_work w = { .core = core, .sets = sets };
	int cpu;

	hak_may_wait();
	/* One CPU after the other: a work item on the stack serves them all. */
	INIT_WORK_ONSTACK(&w.work, drain_this_cpu);
	for_each_possible_cpu(cpu) {
		if (!cpu_online(cpu)) {
			drain_dead(core, sets, cpu);
			continue;
		}
		hak_defer_wait_cpu(cpu);
		/* It may be another one by the time that its sets are empty. */
		if (cpu == raw_smp_processor_id())
			drain_sets(core, sets, false);
		if (!cpu_holds(sets, cpu))
			continue;
		hak_woken(cpu);
		queue_work_on(cpu, hak_wq, &w.work);
		flush_work(&w.work);
	}
	destroy_work_on_stack(&w.work);
}

void hak_drain_core_cpuslocked(struct hak_core *core)
{
	int cpu;

	/* What a dead CPU left queued runs there when it is back, not before.  So it goes here. */
	for_each_possible_cpu(cpu)
		if (!cpu_online(cpu))
			hak_defer_drain_cpu(cpu);
	hak_drain_sets_cpuslocked(core, core->sets);
	drain_depots(core);
}

void hak_drain_core(struct hak_core *core)
{
	cpus_read_lock();
	hak_drain_core_cpuslocked(core);
	cpus_read_unlock();
}
HAK_EXPORT_TEST(hak_drain_core);
