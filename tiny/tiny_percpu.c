// SPDX-License-Identifier: GPL-2.0
/*
 * What a cache costs on each CPU, used or not.
 *
 * A handle leads to the task level's set, with its slots.  Before it stands its head, with a
 * pointer for each interrupt level.  The pointer leads to a set without slots, until that level
 * misses for the first time on that CPU.  Then a magazine out of the pool of magazines serves as
 * its set, with head and all.  When the set is drained it goes back.
 *
 * The slots of a task level's set lie where the inlined path knows them, so there are as many as
 * the cache was made with.  While there are few caches each gets what it may hold.  The more there
 * are the fewer they get, down to HAK_MAG_FIRST: what all have beyond that is bounded.
 */
#include "tiny/tiny_depot.h"

/* What caches may have on each CPU beyond HAK_MAG_FIRST slots, in bytes. */
#define BEYOND_MAX	(640L << 10)	/* on all CPUs together */
#define BEYOND_CPU_MAX	(8L << 10)	/* or on each, where CPUs are many */
#define BEYOND_SHARE	8		/* of what is left, for one cache */

/* What they have. */
atomic_long_t hak_slots_beyond;
HAK_EXPORT_TEST(hak_slots_beyond);

/* Slots of an interrupt level's set, which is as large as a magazine. */
#define IRQ_SLOTS ((sizeof(struct hak_mag) - sizeof(struct hak_head) -		\
		    offsetof(struct hak_set, slot)) / sizeof(void *))

DEFINE_PER_CPU(struct hak_no_set, hak_no_set);
HAK_EXPORT_TEST(hak_no_set);

/* A handle without slots has sets of its own behind it, or serves no cache: it counts nothing. */
static size_t head_bytes(unsigned int slots)
{
	return sizeof(struct hak_head) - (slots ? 0 : offsetof(struct hak_head, core));
}

static size_t handle_bytes(unsigned int slots)
{
	return head_bytes(slots) + offsetof(struct hak_set, slot) + slots * sizeof(void *);
}

static long beyond_bytes(unsigned int slots)
{
	return slots > HAK_MAG_FIRST ? (slots - HAK_MAG_FIRST) * sizeof(void *) : 0;
}

long hak_slots_room(void)
{
	long most = max_t(long, BEYOND_MAX / hak_nr_cpus(), BEYOND_CPU_MAX);

	return max(most - atomic_long_read(&hak_slots_beyond), 0L);
}
HAK_EXPORT_TEST(hak_slots_room);

static unsigned int choose_slots(unsigned int most)
{
	return min_t(unsigned long, most,
		     HAK_MAG_FIRST + hak_slots_room() / BEYOND_SHARE / sizeof(void *));
}

static struct hak_set *set_init(struct hak_set *s, const struct hak_core *core,
				unsigned int slots)
{
	memset(s, 0, offsetof(struct hak_set, slot));
	s->size = core->size;
	s->slots_max = slots;
	s->slots = min_t(unsigned int, slots, HAK_MAG_FIRST);
	s->cap = core->mode.frees_out ? 0 : s->slots;
	return s;
}

/* What @s of @cpu has before it. */
static void head_init(struct hak_set *s, struct hak_core *core, int cpu)
{
	struct hak_head *head = hak_head_of(s);
	int lvl;

	head->core = core;
	head->quick = 0;
	for (lvl = 1; lvl < HAK_NR_LEVELS; lvl++)
		head->irq[lvl - 1] = no_set_of(cpu);
}

/* Bytes on each CPU.  What a gated cache has before its sets ends with a head, too: HAK_SETS_AT. */
static size_t core_bytes(bool gated, unsigned int slots)
{
	return handle_bytes(slots) + (gated ? handle_bytes(0) : 0);
}

static struct hak_cache *handle_create(bool gated, unsigned int slots)
{
	size_t bytes = core_bytes(gated, slots);
	struct hak_cache *c = hak_alloc_percpu(bytes);

	if (!c)
		return NULL;
	hak_leak_percpu(hak_percpu(c));
	hak_mem_add(HAK_MEM_PERCPU, bytes * hak_nr_cpus());
	return (void *)c + head_bytes(gated ? 0 : slots);
}

static void handle_destroy(struct hak_cache *c, bool gated, unsigned int slots)
{
	size_t bytes = core_bytes(gated, slots);

	if (!c)
		return;
	hak_free_percpu((void *)c - head_bytes(gated ? 0 : slots), bytes);
	hak_mem_add(HAK_MEM_PERCPU, -(long)(bytes * hak_nr_cpus()));
}

static void handle_init(struct hak_cache *c, struct hak_core *core, unsigned int slots)
{
	struct hak_cache *there;
	int cpu;

	for_each_possible_cpu(cpu) {
		there = per_cpu_ptr(hak_percpu(c), cpu);
		head_init(&there->task, core, cpu);
		if (core)
			set_init(&there->task, core, slots);
	}
}

/* The inlined paths' misses look there for whether they are in mode quick. */
void hak_core_quick(struct hak_core *core)
	hak_unchecked("one word, which says one thing or the other")
{
	int cpu;

	for_each_possible_cpu(cpu)
		WRITE_ONCE(hak_head_of(cpu_set(core->handle, cpu, HAK_TASK))->quick,
			   core->mode.quick ? core->pool.mark_off : 0);
}

/* The handle, and for a gated cache sets of its own behind it. */
int hak_core_percpu(struct hak_core *core)
{
	bool gated = core->mode.gated;

	core->task_slots = choose_slots(core->mag_max);
	atomic_long_add(beyond_bytes(core->task_slots), &hak_slots_beyond);
	core->handle = handle_create(gated, core->task_slots);
	core->pool.tag = core->handle;
	if (!core->handle)
		return -ENOMEM;
	core->sets = gated ? gated_sets(core->handle) : core->handle;
	handle_init(core->sets, core, core->task_slots);
	if (gated)
		handle_init(core->handle, core, 0);
	hak_core_quick(core);
	return 0;
}

int hak_gate_sets(struct hak_core *core)
{
	core->gate = handle_create(false, core->task_slots);
	if (!core->gate)
		return -ENOMEM;
	handle_init(core->gate, core, core->task_slots);
	return 0;
}

void hak_gate_sets_free(struct hak_core *core)
{
	handle_destroy(core->gate, false, core->task_slots);
	core->gate = NULL;
}

void hak_core_percpu_free(struct hak_core *core)
{
	/* A cache that is sampled when it ends. */
	if (core->gate) {
		hak_gate_sets_free(core);
		core->sets = core->handle;
	}
	handle_destroy(core->handle, core->sets != core->handle, core->task_slots);
	atomic_long_add(-beyond_bytes(core->task_slots), &hak_slots_beyond);
	core->handle = NULL;
	core->sets = NULL;
	core->task_slots = 0;
}

/* The handle of slab pages without objects: gated, and without a core. */
int hak_percpu_init(void)
{
	hak_tag_none = handle_create(false, 0);
	if (!hak_tag_none)
		return -ENOMEM;
	handle_init(hak_tag_none, NULL, 0);
	return 0;
}

void hak_percpu_exit(void)
{
	handle_destroy(hak_tag_none, false, 0);
	hak_tag_none = NULL;
}

u8 hak_set_most(const struct hak_core *core, const struct hak_set *s, enum hak_level lvl)
{
	unsigned int there = lvl == HAK_TASK ? core->task_slots : IRQ_SLOTS;

	return set_is_open(s) ? min_t(unsigned int, hak_peek(core->mag_max), there) : 0;
}

/* A magazine becomes a set: head, set and what slots are left. */
static struct hak_set *irq_set_init(struct hak_mag *m, struct hak_core *core)
{
	struct hak_head *head = memset(m, 0, sizeof(*head));

	head->core = core;
	return set_init((struct hak_set *)(head + 1), core,
			min_t(unsigned int, core->mag_max, IRQ_SLOTS));
}

bool hak_set_open(struct hak_core *core, enum hak_level lvl)
	hak_must_hold(&hak_set_token)
{
	struct hak_mag *m = hak_depot_new_empty();
	struct hak_set *s = m ? irq_set_init(m, core) : NULL;

	/* A nested call may have been here meanwhile, up to this look. */
	if (s && !set_is_open(this_set(core->sets, lvl)))
		set_swap_irq(this_set(core->sets, HAK_TASK), lvl, s);
	else if (m)
		hak_mag_put_empty(m);
	return set_is_open(this_set(core->sets, lvl));
}
HAK_EXPORT_TEST(hak_set_open);
NOKPROBE_SYMBOL(hak_set_open);
