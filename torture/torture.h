/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hakmem_torture: every kind of use at once, for as long as wanted, and each object watched.
 *
 * A client of the public headers and of nothing else.  Scenarios run side by side as
 * threads that repeat a step; every round all threads are parked between two steps, and
 * what the module counts as live is compared with what hakmem's audit counts.
 *
 * A live object holds a cookie and a pattern over its whole length (torture_object.c).
 * Whoever holds it keeps a record of its own, and compares both whenever the object
 * changes hands and when it is freed; so an object handed out twice, an overlap with a
 * neighbour, a lost one and a use after free are seen by whoever comes next.
 *
 * After the first failure nothing is freed any more: the core is not to be trusted.
 */
#ifndef _TORTURE_H
#define _TORTURE_H

#include "kunit/lib/hak_pattern.h"
#include "kunit/lib/hak_random.h"
#include <linux/hakmem.h>
#include <linux/hakmem_stats.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/list.h>

struct dentry;
struct tt_thread;

/* A scenario: threads that call @step until they are parked. */
struct tt_scenario {
	const char *name;
	/* Threads: so many for each CPU, bound to it, or (threads) so many in all. */
	unsigned int per_cpu, threads;
	bool any_node;		/* an object of another node is nobody's fault in such a run */
	/* Make what its threads share, and free it when nothing has failed. */
	int (*init)(void);
	void (*exit)(void);
	/* Look at what they share, while all of them are parked. */
	void (*look)(void);
	/* Set up one thread, before any runs; 0 or an error. */
	int (*begin)(struct tt_thread *t);
	/* A few thousand operations at most; it leaves nothing in flight but hak_free_rcu(). */
	void (*step)(struct tt_thread *t);
	/* Free what the thread left lying about, once all are stopped; nothing after a failure. */
	void (*end)(struct tt_thread *t);

	/* What came of it: threads created, and what all of its users did when they are gone. */
	unsigned int created;
	bool chosen;		/* runs in this round */
	u64 ops, allocs, frees, refused;
	atomic_t failed;
};

extern struct tt_scenario tt_mixed, tt_typed, tt_bulk, tt_reserve, tt_rings, tt_rcu;
extern struct tt_scenario tt_typesafe, tt_irq, tt_drain, tt_preempt, tt_caches, tt_shrink;
extern struct tt_scenario tt_pressure, tt_thin, tt_holes;
#ifdef CONFIG_HOTPLUG_CPU
extern struct tt_scenario tt_hotplug;
#endif
#ifdef CONFIG_MEMORY_HOTPLUG
extern struct tt_scenario tt_unplug;
#endif

/* Equally shaped objects; @c NULL: of hak_alloc(). */
struct tt_kind {
	struct hak_cache *c;
	unsigned int size;
	unsigned int skip;	/* bytes at the start that are not the cookie's: 0, 8 or 16 */
	bool ctor;		/* they are what tt_ctor() wrote */
	bool typesafe;		/* SLAB_TYPESAFE_BY_RCU: zeroed only when asked to be */
};

/* The record of a live object, apart from the object. */
struct tt_obj {
	void *p;
	struct hak_cache *c;
	u32 serial;
	u16 size;
	u16 skip;
	u16 owner;		/* who allocated it */
	bool ctor;
};

#define TT_HELD 64

/* One that allocates and frees, in one context at a time. */
struct tt_user {
	struct list_head list;
	struct tt_scenario *sc;
	u16 id;
	u32 serial;			/* of its last object */
	u64 rand;
	u64 ops;
	u64 allocs, frees;		/* objects of hakmem's; the large ones are kmalloc's */
	u64 large, large_frees;
	u64 refused;			/* allocations that returned NULL */
	unsigned int n;
	struct tt_obj held[TT_HELD];
};

struct tt_thread {
	struct tt_user user;
	struct task_struct *task;
	unsigned int index;		/* among the threads of its scenario */
	int cpu;			/* -1: any */
	bool parked;
	void *priv;
};

/* torture_run.c */
extern u64 tt_seed;
extern char *tt_scenarios;		/* names, separated by commas */
extern unsigned int tt_cpus;		/* online when the run began */
extern bool tt_strict_nodes;		/* nothing in this run excuses an object of another node */
extern bool tt_faults;			/* the kernel may fail allocations of the threads */
void tt_begin(void);
s64 tt_ran_ms(void);			/* since then */
/* Print, count and stop the run. @u NULL: found by the conductor. */
__printf(2, 3) void tt_fail(const struct tt_user *u, const char *fmt, ...);
bool tt_failed(void);
unsigned int tt_conduct_failed(void);	/* what the conductor found */
/* The run is over, one way or the other. */
bool tt_hurry(void);
/* It was neither cut short nor failed: all that was to happen has had its time. */
bool tt_complete(void);
void tt_stop(void);
void tt_time_is_over(void);
long tt_wait(unsigned int ms);		/* until it is over, or for so long, which is 0 */

/* torture_watch.c */
void tt_watch_begin(void);
void tt_watch_end(void);
/* The conductor now waits for @what, which is to end soon; NULL: for nothing. */
void tt_watch(const char *what);
/* What the conductor waits for is slow, but not stuck. */
void tt_gets_on(void);

/* torture_users.c */
void tt_user_init(struct tt_user *u, struct tt_scenario *sc);
void tt_user_exit(struct tt_user *u);
long tt_count_live(void);
/* At what they hold, while all of them stand still. */
void tt_users_look(void);
/* In a loop that may sleep. */
void tt_let_others(void);

/* torture_threads.c */
int tt_threads_create(struct tt_scenario *sc);
bool tt_threads_start(void);		/* false: there are none */
void tt_threads_destroy(void);
void tt_threads_park(void);
/* Those of the scenarios that were chosen, and of one more. */
void tt_threads_unpark(u64 *rand);
/* @cpu is back: its threads, which were let go, belong there again. */
void tt_threads_bind(int cpu);

/* torture_scenarios.c */
bool tt_scenarios_excuse_nodes(void);
int tt_scenarios_init(void);		/* their threads run from here on */
void tt_scenarios_exit(void);
void tt_scenarios_look(void);
void tt_scenarios_unpark(void);		/* the threads of those of this round */
/* A line for each; the number of operations of all. */
u64 tt_scenarios_report(unsigned int *passed, unsigned int *failed);

/* torture_object.c */
static inline u32 tt_below(struct tt_user *u, u32 n)
{
	return hak_below(&u->rand, n);
}

gfp_t tt_gfp(struct tt_user *u);	/* for a task */
#define TT_ATOMIC (GFP_NOWAIT | __GFP_NOWARN)
/* Of one allocation in eight: __GFP_ZERO, unless a constructor says what they contain. */
gfp_t tt_zero(struct tt_user *u, const struct tt_kind *k);

void tt_ctor(void *p);
bool tt_is_born(const void *p);	/* as tt_ctor() left it? */
/* What an allocation with @gfp promises; then cookie and pattern are written, and @o from it. */
void tt_adopt(struct tt_user *u, const struct tt_kind *k, gfp_t gfp, void *p, struct tt_obj *o);
/* Is the object as its record says? Says what it found instead. */
bool tt_check(const struct tt_user *u, const struct tt_obj *o, const char *when);
/* Allocate and adopt; false if there is no memory. */
bool tt_get(struct tt_user *u, const struct tt_kind *k, gfp_t gfp, struct tt_obj *o);
/* Check and free, one way or another; a bad one is left alone. */
void tt_put(struct tt_user *u, struct tt_obj *o);
/* The same for up to TT_HELD, by a bulk call. */
void tt_put_bulk(struct tt_user *u, struct tt_obj *o, unsigned int n);
/* Objects of a bulk call or of a reserve have become live, or have gone. */
static inline void tt_count(struct tt_user *u, u64 allocs, u64 frees)
{
	WRITE_ONCE(u->allocs, u->allocs + allocs);
	WRITE_ONCE(u->frees, u->frees + frees);
}

/* torture_mixed.c: what everybody may use, and random use of it. */
int tt_kinds_init(void);
void tt_kinds_exit(void);
struct tt_kind tt_any_kind(struct tt_user *u, unsigned int max);
struct tt_kind tt_typed_kind(struct tt_user *u, unsigned int max);
/* @n allocations or frees of objects of at most @max bytes. */
void tt_work(struct tt_user *u, unsigned int n, unsigned int max, gfp_t gfp);
/* The same of one kind. */
void tt_work_on(struct tt_user *u, unsigned int n, const struct tt_kind *k, gfp_t gfp);
void tt_drop_all(struct tt_user *u);

/* torture_caches.c */
long tt_caches_unbalanced(void);	/* constructors run without a destructor afterwards */

/* torture_report.c */
struct dentry *tt_report_init(void);
void tt_report_exit(void);
__printf(1, 2) void tt_report_line(const char *fmt, ...);
void tt_report_done(void);		/* whoever waits for the result may have it */

#endif /* _TORTURE_H */
