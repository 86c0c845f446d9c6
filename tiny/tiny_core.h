/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The magazine layer: caches, their per-CPU sets, and the depot between CPUs.
 *
 * Objects travel magazine -> spare -> depot -> slab and back.  A set is touched
 * only by its own CPU under its level's protection (struct hak_set), or by the
 * teardown of a dead CPU.
 *
 * A slow path may be interrupted at every call it makes by a probe that calls the allocator
 * again, at the same level.  So it never holds half a change across a call.  It gathers objects
 * into a local array first, and then commits them in one of the leaves of tiny_set.h.  Leaves
 * call nothing, are not traced or probed, and look at the set afresh.
 */
#ifndef _TINY_CORE_H
#define _TINY_CORE_H

#include "superslab/ss_block.h"
#include "superslab/ss_dir.h"
#include "superslab/ss_lock.h"
#include "superslab/ss_pool.h"
#include "tiny/tiny_mode.h"
#include <linux/hakmem_stats.h>

#define HAK_MAG_FIRST 16U	/* slots a magazine begins with, and has at least if it may */
#define HAK_MAG_BYTES 8192	/* of objects in a magazine: HAK_MAG_MAX of 128 bytes */

extern struct mutex hak_caches_lock;	/* [1] in the lock order: no cache comes or goes */

/* Objects that travel together. Owned by a set (spare), a depot, or a local variable. */
struct hak_mag {
	struct hak_mag *next;		/* [depot lock] */
	unsigned int n;
	void *slot[HAK_MAG_MAX];
};

/* Full and empty magazines of one cache on one node. */
struct hak_depot {
	raw_spinlock_t lock;		/* [3] in the lock order */
	struct hak_mag *full hak_guarded_by_own(&lock);
	struct hak_mag *empty hak_guarded_by_own(&lock);
	unsigned int nr_full hak_guarded_by_own(&lock);
	unsigned int nr_empty hak_guarded_by_own(&lock);
	/* Fewest there were since the reaper looked. */
	unsigned int low_full hak_guarded_by_own(&lock);
	unsigned int low_empty hak_guarded_by_own(&lock);
	unsigned int max_full;		/* [hak_caches_lock] the byte budget in magazines */
	u64 locked hak_guarded_by_own(&lock);		/* times the lock was taken */
};

/* What a cache has of its own in a parameter's place; 0: what is in force for all. */
struct hak_own {
	unsigned int mag_size;
	unsigned long cache_bytes_max;
	unsigned int reap_ms;		/* one more than that */
};

/* The shared half of a cache. Constant after creation but for depots, pool and mag_max. */
struct hak_core {
	struct hak_pool pool;
	struct hak_cache *handle;		/* the handle: a per-CPU pointer */
	struct hak_cache *sets;		/* where the objects are: the handle, unless gated */
	char name[HAK_CACHE_NAME_MAX + 1];
	unsigned int size;		/* bytes asked for */
	unsigned int align;
	struct hak_mode mode;		/* which path its calls take: tiny_mode.c */
	bool pristine;			/* ctor or RCU: nothing is written inside a free object */
	bool hardened;
	bool typed;
	u8 mag_max;			/* [hak_caches_lock] what slots_max may become */
	u8 task_slots;			/* of a task level's set: tiny_percpu.c */
	struct hak_own own;		/* [hak_caches_lock] */
	struct module *owner;
	slab_flags_t flags;
	struct list_head list hak_guarded_by(&hak_caches_lock);
	struct hak_depot *depot;	/* nr_node_ids of them */
	bool sampled;			/* [hak_caches_lock] its calls are seen: tiny_gate.c */
	struct hak_cache *gate;		/* [hak_caches_lock] sets meanwhile, if it is not gated */
	struct hak_flow *flow;		/* [hak_caches_lock] not NULL: objects get records */
	struct hak_flow *flow_next;	/* [hak_caches_lock] on its way there */
};

/* All caches, and how many of them are typed. */
extern struct list_head hak_caches hak_guarded_by(&hak_caches_lock);
extern unsigned int hak_nr_typed hak_guarded_by(&hak_caches_lock);

/* Memory on several nodes: frees look at the object's node, out of line. Set once at load. */
DECLARE_STATIC_KEY_FALSE(hak_multi_node_key);

/* Parameters in force. Three may change, under hak_caches_lock: no mode depends on those. */
extern struct hak_config hak_conf;

/* Odd, and another at each load; 0 in user space.  What the core links objects with is keyed. */
extern unsigned long hak_secret;

/* Likewise, of nothing but the marks of live objects; a constant in user space. */
extern unsigned long hak_live_secret;

/* Magazines are objects too, of a core that no handle leads to: they are nobody's to free. */
extern struct hak_core hak_mag_core;
#define hak_mag_pool hak_mag_core.pool

static inline struct hak_core *pool_core(struct hak_pool *pool)
{
	return container_of(pool, struct hak_core, pool);
}

#define HAK_IRQ_SETS (HAK_NR_LEVELS > 1 ? HAK_NR_LEVELS - 1 : 1)

/* What stands before each set: no client knows of it. */
struct hak_head {
	u64 ev[HAK_NR_SET_EVENTS];		/* not there where nothing is counted */
	struct hak_core *core;			/* const */
	struct hak_set *irq[HAK_IRQ_SETS];	/* a task level's: those of the interrupt levels */
	unsigned long quick;	/* of a handle: mark_off in mode quick, or 0. hak_core_quick() */
};

/* The sets of a gated cache stand behind the set without slots that its handle leads to. */
#define HAK_SETS_AT (offsetof(struct hak_set, slot) + sizeof(struct hak_head))

static __always_inline struct hak_cache *gated_sets(struct hak_cache *c)
{
	return (void *)c + HAK_SETS_AT;
}

static __always_inline struct hak_head *hak_head_of(const struct hak_set *s)
{
	return (struct hak_head *)s - 1;
}

static __always_inline void count_event(struct hak_set *s, enum hak_set_event ev)
{
	hak_head_of(s)->ev[ev]++;
}

/*
 * What the interrupt levels of a CPU have before they have sets: no room, and nothing is kept in
 * it.  One for all, because whoever lowered the count sets it to 0 again.
 */
struct hak_no_set {
	struct hak_head head;
	unsigned long set[offsetof(struct hak_set, slot) / sizeof(long)];
};

DECLARE_PER_CPU(struct hak_no_set, hak_no_set);

static inline struct hak_set *no_set_of(int cpu)
{
	return (struct hak_set *)per_cpu_ptr(&hak_no_set, cpu)->set;
}

/* The core of a handle; NULL for the handle of slab pages that serve no cache. */
static inline struct hak_core *cache_core(struct hak_cache *c)
{
	return hak_no_handle(c) ? NULL : hak_head_read(c, core);
}

/* Is a handle that of a cache in mode quick?  If so, where its objects have their marks. */
static __always_inline unsigned long cache_quick(struct hak_cache *c)
{
	return hak_no_handle(c) ? 0 : hak_head_read(c, quick);
}

static __always_inline struct hak_set *this_set(struct hak_cache *c, enum hak_level lvl)
{
	if (HAK_NR_LEVELS == 1 || lvl == HAK_TASK)
		return &raw_cpu_ptr(hak_percpu(c))->task;
	return hak_head_read(c, irq[lvl - 1]);
}

static inline struct hak_set *cpu_set(struct hak_cache *c, int cpu, enum hak_level lvl)
{
	struct hak_set *s = &per_cpu_ptr(hak_percpu(c), cpu)->task;

	return HAK_NR_LEVELS == 1 || lvl == HAK_TASK ? s : hak_peek(hak_head_of(s)->irq[lvl - 1]);
}

/* The sets of one CPU, and of all.  Who looks from outside takes hak_peek() of the fields. */
#define for_each_level(s, sets, cpu, lvl)					\
	for ((lvl) = 0; (lvl) < HAK_NR_LEVELS && ((s) = cpu_set(sets, cpu, lvl)); (lvl)++)
#define for_each_set(s, sets, cpu, lvl)						\
	for_each_possible_cpu(cpu)						\
		for_each_level(s, sets, cpu, lvl)

/* What the object at @p, which is the caller's, carries there while it is free: slab_mark(). */
static inline unsigned long free_mark(const void *p)
{
	const struct hak_slab *slab;

	if (likely(!atomic_long_read(&hak_mem_stat[HAK_MEM_SMALL])))
		return hak_mark(p);
	slab = hak_slab_of(p);
	return slab ? slab_mark(slab, p) : hak_mark(p);
}

/* The word of a free object that carries its mark. */
static inline unsigned long object_mark(const struct hak_core *core, const void *p)
{
	return hak_arch_peek(p + core->pool.mark_off);
}

static inline void object_set_mark(const struct hak_core *core, void *p, unsigned long mark)
{
	hak_arch_poke(p + core->pool.mark_off, mark);
}

/*
 * What a live object of a pristine cache carries in that word.  It is another at each address.  So
 * it proves where an object starts, and that it is live.  Who reads it behind an object learns no
 * address, and who does not know the secret cannot write one.
 */
static __always_inline unsigned long live_mark(const void *p)
{
	return (unsigned long)p + hak_live_secret;
}

/* The object at @p leaves: it carries the mark of a live one, or none. */
static __always_inline void object_set_live(const struct hak_core *core, void *p)
{
	object_set_mark(core, p, core->pristine ? live_mark(p) : 0);
}

/* The level this code runs at; not for NMI. */
static __always_inline enum hak_level hak_level(void)
{
	unsigned int count = preempt_count();

	if (count & HARDIRQ_MASK)
		return HAK_HARDIRQ;
	return count & SOFTIRQ_OFFSET ? HAK_SOFTIRQ : HAK_TASK;
}

/* Give up the protection that an inlined call left in force; an interrupt has it by itself. */
static __always_inline void level_leave(const bool irq)
	hak_drops(&hak_set_token) hak_unchecked("it gives up what the inlined call took")
{
	if (irq)
		barrier();
	else
		preempt_enable();
}

/* Tell who watches objects of @p, on its way out; @gfp as the caller's. No protection held. */
static inline void watch_alloc(const struct hak_core *core, const void *p, gfp_t gfp)
{
	if (!HAK_WATCHED)
		return;
	hak_shadow_open(p, core->size, core->size);
	/* kmemleak allocates: what cannot be told it does not look for. */
	if (hak_may_grow())
		hak_leak_alloc(p, core->size, gfp);
}

/* And on its way back, before and after something is written to it. Any context. */
static inline void watch_freeing(const struct hak_core *core, const void *p)
{
	if (!HAK_WATCHED)
		return;
	hak_shadow_open(p, core->size, core->size);
	/* kmemleak has a lock; hak_defer_free() has its drain call this again. */
	if (!in_nmi())
		hak_leak_free(p);
}

static inline void watch_freed(const struct hak_core *core, const void *p)
{
	/* Readers under RCU may still look at it. */
	if (HAK_WATCHED && !core->pool.rcu)
		hak_shadow_fill(p, ALIGN(core->size, sizeof(long)), HAK_SHADOW_FREE);
}

/* Only @size bytes of the @whole at @p were asked for. */
static inline void *watch_asked(void *p, size_t size, size_t whole)
{
	if (HAK_WATCHED && p)
		hak_shadow_open(p, size, whole);
	return p;
}

/* tiny_alloc.c, tiny_flush.c: no protection held, not in NMI. */
void *hak_alloc_slow(struct hak_core *core, gfp_t gfp, enum hak_level lvl);
void hak_free_slow(struct hak_core *core, void *p, enum hak_level lvl);

/* Leave an object that was just taken as the caller must find it. */
void *hak_finish_alloc(struct hak_core *core, void *p, gfp_t gfp);

/*
 * tiny_exact.c: the core whose live object starts at @p, or NULL after a report; @c NULL: any
 * cache's will do.  @mark: what it is to carry once it is free.  Preemption off.
 */
struct hak_core *hak_free_valid(struct hak_cache *c, void *p, unsigned long *mark,
				unsigned long caller);

/* As a free in NMI goes on once it has left the inlined path. Preemption off. */
void hak_free_deferred(struct hak_cache *c, void *p, unsigned long caller);

/* A pointer of any cache, of the kernel or of nobody. Any level; gives up preemption off once. */
void hak_free_found(void *p, unsigned long caller);

/* tiny_flush.c: frees from NMI and from calls nested in the core. */
void hak_defer_free(struct hak_core *core, void *p);
bool hak_defer_holds(const struct hak_core *core, void *p);	/* waits, though not marked? */
int hak_defer_init(void);
void hak_defer_wait(void);	/* wait for what was deferred so far; may sleep */
void hak_defer_exit(void);
void hak_defer_drain_cpu(int cpu);		/* of a dead CPU */
void hak_defer_wait_cpu(int cpu);		/* wait for what a live one has deferred */

/* tiny_rcu.c; tiny_rcu.h has the rest */
void hak_rcu_init(void);

/* tiny_owner.c */
int hak_owner_init(void);
void hak_owner_exit(void);

/* tiny_percpu.c */
int hak_percpu_init(void);		/* also of hak_tag_none */
void hak_percpu_exit(void);
int hak_core_percpu(struct hak_core *core);	/* 0 or -ENOMEM; may sleep */
void hak_core_quick(struct hak_core *core);	/* its mode has changed; under hak_caches_lock */
void hak_core_percpu_free(struct hak_core *core);

/* Sets beside those of a handle that is not gated, as core->gate: 0 or -ENOMEM. May sleep. */
int hak_gate_sets(struct hak_core *core);
void hak_gate_sets_free(struct hak_core *core);	/* nobody uses them any more */

/* What the set @s of a level may grow to: as many slots as there are, and as parameters allow. */
u8 hak_set_most(const struct hak_core *core, const struct hak_set *s, enum hak_level lvl);
long hak_slots_room(void);		/* bytes on each CPU for slots beyond HAK_MAG_FIRST */
extern atomic_long_t hak_slots_beyond;	/* and what caches have of it */

/* tiny_drain.c */
void hak_drain_here(struct hak_core *core, bool idle_only);	/* this CPU; process context */
void hak_drain_core(struct hak_core *core);	/* all CPUs; may sleep */
void hak_drain_core_cpuslocked(struct hak_core *core);
/* The same of @sets alone, which are or were those of @core; no depot. */
void hak_drain_sets_cpuslocked(struct hak_core *core, struct hak_cache *sets);
void hak_drain_dead_cpu(struct hak_core *core, int cpu);
bool hak_cpu_holds(struct hak_core *core, int cpu);	/* anything in its sets? racy */

/* tiny_reap.c */
int hak_reap_init(void);
void hak_reap_exit(void);
void hak_caches_send_home(void);	/* multi_node begins; process context */
void hak_reap_every(unsigned int ms);	/* look that often from now on; 0: never; may sleep */
void hak_reap_settle(void);		/* the same after a cache got a setting of its own */
void hak_reap_here(bool all);		/* as the reaper of this CPU does; process context */
void hak_reap_ask(void);	/* empty everything soon; any context that may take a mutex */
bool hak_reap_busy(void);		/* is a reaper that was kicked still at it? any context */
/* Was this CPU, which is isolated, asked to empty its sets when it comes by?  Racy. */
DECLARE_PER_CPU(bool, hak_reap_flag);
void hak_reap_flagged(void);		/* it does; a task that may sleep, nothing held */
void hak_reap_pause(bool pause);	/* for tests that must not be disturbed; may sleep */
extern bool hak_reap_paused hak_guarded_by(&hak_caches_lock);
/* Note which CPUs hold something, isolated ones only if that is to be @forced. */
void hak_reap_mark(bool forced) hak_must_hold(&hak_caches_lock);
/* And then, without the mutex: their reapers empty everything in @delay jiffies. Any context. */
void hak_reap_kick(unsigned long delay);

/* After hak_thin_begin() of some: a grace period, and the pages go. May sleep. */
void hak_thin_all(void) hak_must_hold(&hak_caches_lock);

/* tiny_shrink.c */
int hak_shrink_init(void);
void hak_shrink_exit(void);
unsigned long hak_shrinker_count(void);	/* pages; any context that may take a mutex */
unsigned long hak_shrinker_scan(unsigned long want);

/* tiny_conf.c */
void hak_core_conf(struct hak_core *core);	/* take over what is in force */
void hak_conf_change(unsigned int mag_size, unsigned long cache_bytes_max);	/* may sleep */

/**
 * hak_conf_cache() - give the caches of a name a setting of their own
 * @name: of one cache or more
 * @key: mag_size, cache_bytes_max or reap_ms
 * @value: a number, or "-" for what is in force for all
 *
 * Context: Process context. May sleep.
 * Return: 0; -ENOENT if there is no such cache, -EINVAL for another key or a value out of range.
 */
int hak_conf_cache(const char *name, const char *key, const char *value);
const char *hak_conf_wrong(const struct hak_own *own);	/* what is out of range, or NULL */

/* How often the idle sets of @core are looked for, in ms; 0: never. */
static inline unsigned int core_reap_ms(const struct hak_core *core)
{
	unsigned int own = hak_peek(core->own.reap_ms);

	return own ? own - 1 : hak_peek(hak_conf.reap_ms);
}

/* tiny_oom.c */
unsigned long hak_oom_free(void);	/* pages that came back; sleeps, but for a moment only */
int hak_oom_init(void);
void hak_oom_exit(void);

/* tiny_cache.c */
int hak_caches_init(void);
void hak_caches_exit(void);

/* A blank or control character of @name becomes "_"; whether there was one. */
bool hak_name_mend(char *name);

struct hak_core *hak_core_create(const char *name, unsigned int size,
				 const struct hak_cache_args *args, slab_flags_t flags,
				 bool typed, struct module *owner);
unsigned long hak_core_destroy(struct hak_core *core);	/* returns objects left live */

/* Objects handed out and not yet back: exact while nobody calls. May sleep. */
unsigned long hak_core_live(struct hak_core *core);

/* Add the events of a cache's sets on all CPUs to @ev; destroyed caches' are kept apart. */
void hak_core_events(const struct hak_core *core, u64 ev[HAK_NR_SET_EVENTS]);
extern u64 hak_gone_events[HAK_NR_SET_EVENTS] hak_guarded_by(&hak_caches_lock);

/* tiny_stats.c: let the counters of `stats` start from 0. Context: may sleep. */
void hak_stats_reset(void);

/* Objects in magazines, spares and depots of a cache; racy. */
unsigned long hak_core_cached(struct hak_core *core);

#endif /* _TINY_CORE_H */
