// SPDX-License-Identifier: GPL-2.0
/*
 * A cache begins to be sampled, or ceases to be, while it is in use.
 *
 * All its calls must leave the inlined paths.  A gated cache's do so already.  Any other gets sets
 * of its own, apart from those that its handle leads to:
 *
 *   1  the mode says so, so that who misses goes where each call is seen; and frees are closed
 *   2  sets in another place take over; after a grace period nobody fills the handle's
 *   3  those are drained on each CPU, and hold nothing from then on
 *   4  records begin to be made: from here on each free is seen
 *
 * The way back is the same from the end.  Records are dropped before a free may pass unseen.
 */
#include "tiny/tiny_depot.h"
#include "tiny/tiny_sample.h"

/* Is @core on its way to being sampled? */
static bool gate_opens(const struct hak_core *core)
{
	return core->sampled && !core->flow;
}

static bool is_named(const struct hak_core *core, const char *name)
{
	return !name || !strcmp(core->name, name);
}

/* Step 1 of a cache, as far as it goes alone. */
static int gate_begin(struct hak_core *core)
	hak_must_hold(&hak_caches_lock)
{
	core->flow_next = kzalloc(sizeof(*core->flow_next), GFP_KERNEL);
	if (!core->flow_next || (core->sets == core->handle && hak_gate_sets(core))) {
		kfree(core->flow_next);
		core->flow_next = NULL;
		return -ENOMEM;
	}
	core->sampled = true;
	core->mode = *hak_mode_of(core, &hak_conf);
	hak_core_quick(core);
	return 0;
}

/* Let no free into the sets of @core's handle be inlined; was one so? */
static bool caps_close(struct hak_core *core)
	hak_unchecked("one word, which is written until it stays")
{
	struct hak_set *s;
	bool open = false;
	int cpu, lvl;

	for_each_set(s, core->handle, cpu, lvl) {
		open |= READ_ONCE(s->cap) > 0;
		if (READ_ONCE(s->cap))
			WRITE_ONCE(s->cap, 0);
	}
	return open;
}

/* The rest of it, for all at once: who read a cap before may write it once more. */
static void gates_close(void)
	hak_must_hold(&hak_caches_lock)
{
	struct hak_core *core;
	bool open;

	do {
		open = false;
		list_for_each_entry(core, &hak_caches, list)
			if (gate_opens(core) && core->gate)
				open |= caps_close(core);
		synchronize_rcu_expedited();
	} while (open);
}

/* Steps 2 to 4. */
static void gates_shut(void)
	hak_must_hold(&hak_caches_lock)
{
	struct hak_core *core;

	list_for_each_entry(core, &hak_caches, list)
		if (gate_opens(core) && core->gate)
			WRITE_ONCE(core->sets, core->gate);
	synchronize_rcu_expedited();
	list_for_each_entry(core, &hak_caches, list) {
		if (!gate_opens(core))
			continue;
		if (core->gate)
			hak_drain_sets_cpuslocked(core, core->handle);
		smp_store_release(&core->flow, core->flow_next);
		core->flow_next = NULL;
	}
}

int hak_gate_on(const char *name, unsigned long every)
{
	struct hak_core *core;
	int err, found = 0, begun = 0;

	if (every < 1 || every > HAK_SAMPLE_EVERY_MAX)
		return -EINVAL;
	cpus_read_lock();
	mutex_lock(&hak_caches_lock);
	list_for_each_entry(core, &hak_caches, list)
		found += is_named(core, name);
	err = found ? hak_sampler_make(every, !name) : -ENOENT;
	if (err)
		goto out;
	list_for_each_entry(core, &hak_caches, list) {
		if (!is_named(core, name) || core->sampled)
			continue;
		begun++;
		err = gate_begin(core) ?: err;
	}
	if (begun) {
		gates_close();
		gates_shut();
	}
out:
	mutex_unlock(&hak_caches_lock);
	cpus_read_unlock();
	return err;
}
HAK_EXPORT_TEST(hak_gate_on);

void hak_gate_new(struct hak_core *core)
	hak_must_hold(&hak_caches_lock)
{
	if (!hak_sampler || !hak_sampler->all || gate_begin(core))
		return;
	if (core->gate) {
		caps_close(core);
		core->sets = core->gate;
	}
	core->flow = core->flow_next;
	core->flow_next = NULL;
}

/* Of this CPU: frees may be inlined again, and what the sets counted meanwhile is the handle's. */
static void settle_here(struct hak_core *core)
{
	struct hak_set *home, *s;
	unsigned long flags;
	int lvl, i;

	for (lvl = 0; lvl < HAK_NR_LEVELS; lvl++) {
		if (lvl == HAK_SOFTIRQ)
			local_bh_disable();
		flags = set_enter(lvl);
		s = this_set(core->handle, lvl);
		if (set_is_open(s))
			s->cap = core->mode.frees_out ? 0 : s->slots;
		set_leave(lvl, flags);
		if (lvl == HAK_SOFTIRQ)
			local_bh_enable();
	}
	preempt_disable();
	home = this_set(core->handle, HAK_TASK);
	s = this_set(core->gate, HAK_TASK);
	for (i = 0; i < HAK_NR_SET_EVENTS; i++)
		hak_head_of(home)->ev[i] += xchg(&hak_head_of(s)->ev[i], 0);
	preempt_enable();
}

static void settle_dead(struct hak_core *core, int cpu)
	hak_unchecked("the CPU is gone: nobody else touches its sets")
{
	struct hak_set *home = cpu_set(core->handle, cpu, HAK_TASK), *s;
	int i;

	home->cap = core->mode.frees_out ? 0 : home->slots;
	s = cpu_set(core->gate, cpu, HAK_TASK);
	for (i = 0; i < HAK_NR_SET_EVENTS; i++)
		hak_head_of(home)->ev[i] += xchg(&hak_head_of(s)->ev[i], 0);
}

/* Of a cache that ceases to be sampled, its flow is put by until nobody counts there. */
static bool gate_closes(const struct hak_core *core)
{
	return core->flow_next && !core->flow;
}

static void settle_this_cpu(struct work_struct *work)
	hak_unchecked("who holds the mutex waits for this")
{
	struct hak_core *core;

	list_for_each_entry(core, &hak_caches, list)
		if (gate_closes(core) && core->gate)
			settle_here(core);
}

/* On each CPU; nobody fills the sets that took over any more, and they are empty. */
static void gates_settle(void)
	hak_must_hold(&hak_caches_lock)
{
	struct work_struct work;
	struct hak_core *core;
	int cpu;

	INIT_WORK_ONSTACK(&work, settle_this_cpu);
	for_each_possible_cpu(cpu) {
		if (cpu_online(cpu)) {
			hak_woken(cpu);
			queue_work_on(cpu, hak_wq, &work);
			flush_work(&work);
			continue;
		}
		list_for_each_entry(core, &hak_caches, list)
			if (gate_closes(core) && core->gate)
				settle_dead(core, cpu);
	}
	destroy_work_on_stack(&work);
}

/* No object of these gets a record from here on, and whoever makes one has ended. */
static void gates_stop(const char *name)
	hak_must_hold(&hak_caches_lock)
{
	struct hak_core *core;

	list_for_each_entry(core, &hak_caches, list) {
		if (!core->sampled || !is_named(core, name))
			continue;
		core->flow_next = core->flow;
		WRITE_ONCE(core->flow, NULL);
	}
	synchronize_rcu_expedited();
}

/* The records go, and the handle's sets are those of the cache again. */
static void gates_open(void)
	hak_must_hold(&hak_caches_lock)
{
	struct hak_core *core;

	list_for_each_entry(core, &hak_caches, list) {
		if (!gate_closes(core))
			continue;
		hak_sampler_drop(core);
		if (core->gate)
			WRITE_ONCE(core->sets, core->handle);
	}
	synchronize_rcu_expedited();
	list_for_each_entry(core, &hak_caches, list) {
		if (!gate_closes(core))
			continue;
		core->sampled = false;
		core->mode = *hak_mode_of(core, &hak_conf);
		hak_core_quick(core);
		if (core->gate)
			hak_drain_sets_cpuslocked(core, core->gate);
	}
}

/* Nobody looks at what is left any more. */
static void gates_end(void)
	hak_must_hold(&hak_caches_lock)
{
	struct hak_core *core;

	synchronize_rcu_expedited();
	list_for_each_entry(core, &hak_caches, list) {
		if (!gate_closes(core))
			continue;
		if (core->gate)
			hak_gate_sets_free(core);
		kfree(core->flow_next);
		core->flow_next = NULL;
	}
}

int hak_gate_off(const char *name)
{
	struct hak_core *core;
	int found = 0, left = 0;

	cpus_read_lock();
	mutex_lock(&hak_caches_lock);
	if (hak_sampler && !name)
		hak_sampler->all = false;
	list_for_each_entry(core, &hak_caches, list)
		found += is_named(core, name);
	if (hak_sampler && found) {
		gates_stop(name);
		gates_open();
		gates_settle();
		gates_end();
	}
	list_for_each_entry(core, &hak_caches, list)
		left += core->sampled;
	if (!left && (!hak_sampler || !hak_sampler->all))
		hak_sampler_free();
	mutex_unlock(&hak_caches_lock);
	cpus_read_unlock();
	return found ? 0 : -ENOENT;
}
HAK_EXPORT_TEST(hak_gate_off);

void hak_gate_gone(struct hak_core *core)
{
	struct hak_flow *flow = core->flow;

	if (!core->sampled)
		return;
	mutex_lock(&hak_caches_lock);
	hak_sampler_drop(core);
	mutex_unlock(&hak_caches_lock);
	WRITE_ONCE(core->flow, NULL);
	synchronize_rcu();
	kfree(flow);
}
