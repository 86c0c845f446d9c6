/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of kunit/ cannot do: NMIs, probes inside the core, storms of interrupts,
 * memory nodes, pressure.  The module is a client: it knows the public headers and nothing else
 * of the core.
 *
 * Each test begins and ends with nothing live and an audit without findings, so
 * it wants to be hakmem's only client.  A test that fails names its first reason
 * and goes on as far as it is safe to.
 *
 * An object that is live holds words made of its own address and of a key no
 * other live object has: whoever is handed it a second time spoils it.
 */
#ifndef _SELFTEST_H
#define _SELFTEST_H

#include "kunit/lib/hak_objects.h"
#include "kunit/lib/hak_pattern.h"
#include "kunit/lib/hak_random.h"
#include "kunit/lib/hak_where.h"
#include <linux/hakmem.h>
#include <linux/hakmem_stats.h>
#include <linux/kernel.h>

/* Probes at any instruction, and NMIs on demand. */
#if defined(CONFIG_X86_64) && !defined(CONFIG_UML) && defined(CONFIG_KPROBES)
#define ST_HAS_PROBES 1
#else
#define ST_HAS_PROBES 0
#endif

struct st {
	const char *group;
	const char *name;
	unsigned long arg;
	bool failed;
	char why[160];
};

/* A table of these ends with a NULL name. */
struct st_test {
	const char *name;
	void (*fn)(struct st *t);
	unsigned long arg;
};

extern const struct st_test st_matrix_tests[];
extern const struct st_test st_storm_tests[];
extern const struct st_test st_nodes_tests[];
extern const struct st_test st_pressure_tests[];
#if ST_HAS_PROBES
extern const struct st_test st_nmi_tests[];
extern const struct st_test st_matrix_nmi_tests[];
extern const struct st_test st_nmi_bad_tests[];
extern const struct st_test st_nmi_real_tests[];
extern const struct st_test st_reentry_tests[];
extern const struct st_test st_offset_tests[];
void st_reentry_end(void);	/* takes the probes away that the tests leave */
#endif

extern unsigned long st_seed;	/* module parameter seed= */
extern unsigned int st_loops;	/* module parameter loops= */

/* selftest_util.c */
__printf(2, 3) void st_fail(struct st *t, const char *fmt, ...);

#define st_expect(t, cond, fmt, ...)						\
({										\
	bool __good = (cond);							\
										\
	if (!__good)								\
		st_fail(t, fmt, ##__VA_ARGS__);					\
	__good;									\
})

static inline unsigned int st_hardened(void)
{
	return hak_config_get()->hardened;
}

/* Live objects, each with a key of its own. */
struct st_objects {
	struct hak_kind kind;
	u64 key;
	unsigned int n;
	void **p;
};

/* False after a failure was noted; free with st_objects_exit() in any case. */
bool st_objects_init(struct st *t, struct st_objects *o, struct hak_kind kind, unsigned int n);
void st_objects_check(struct st *t, const struct st_objects *o, const char *when);
/* Checks and frees all of them, in a random order. */
void st_objects_exit(struct st *t, struct st_objects *o);

/*
 * @n bad frees of kind @which since @since, and none of another kind.  Where
 * hardened=0 finds them only when a magazine is flushed, @settle flushes it.
 */
bool st_counts_bad(struct st *t, const struct hak_counts *since, enum hak_stat which,
		   unsigned int n, bool settle, const char *what);

/* selftest_worker.c: one that allocates and frees at random, at any level, and looks. */
#define ST_HELD 64

struct st_worker {
	struct hak_kind kind;
	u64 rand;
	u64 key;			/* of the next object */
	unsigned int n;			/* objects held: live */
	unsigned int allocs, frees, failed;
	unsigned int spoilt;		/* objects that were not as they were left */
	unsigned int nmi_allocs;	/* allocations that succeeded in NMI: none may */
	struct {
		void *p;
		u64 key;
	} held[ST_HELD];
};

void st_worker_init(struct st_worker *w, struct hak_kind kind, unsigned int salt);
/* @n allocations or frees. In NMI it can only free. Nobody else may be at it on @w. */
void st_work(struct st_worker *w, unsigned int n);
/* Free @n objects, or all if they are fewer. */
void st_give(struct st_worker *w, unsigned int n);
/* Allocate until half of what it may hold is held. */
void st_worker_fill(struct st_worker *w);
void st_worker_exit(struct st *t, struct st_worker *w, const char *name);

/* Allocates enough objects at once that every stage of the refill and flush is passed. */
#define ST_BURST 300

struct st_burst {
	struct hak_kind kind;
	unsigned int n;			/* ST_BURST or less; 7 does not divide it */
	unsigned int done, failed, spoilt;
	u64 key;
	void *p[ST_BURST];
};

void st_burst(void *burst);

/* selftest_hold.c: @mb MiB of objects, freed at once if @free; @n caches; and their end. */
int st_hold(unsigned int mb, bool free);
int st_pin(unsigned int n);
void st_hold_end(void);

/* selftest_leak.c */
int st_leak(unsigned int n);
int st_keep_cache(void);
void st_keep_end(void);
int st_use_kept(unsigned long handle);

/* selftest_race.c */
int st_race(unsigned int ms);
void st_rcu_late(unsigned int n);

#if ST_HAS_PROBES
/* selftest_nmi.c: between begin and end, run @fn in NMI on this CPU, by a breakpoint. */
#include <linux/kprobes.h>

bool st_nmi_begin(struct st *t);
void st_nmi_run(struct st *t, void (*fn)(void *arg), void *arg);
void st_nmi_end(void);

/*
 * selftest_nested.c: probes whose handler calls the allocator.  The handlers act on
 * the CPU that armed them and on no other, one at a time.
 */
struct st_nested {
	struct st_worker worker;
	unsigned int nmi, task;		/* hits in NMI, and not */
	unsigned int jumped;		/* hits inside a function, and not in NMI */
	unsigned int every;		/* every so many hits are acted on */
	unsigned int acts;		/* and no more than so many */
	unsigned int gives;		/* objects that are freed then; 0: work as it comes */
};

struct st_probe {
	struct kprobe kp;
	unsigned long func;		/* where the probed function begins */
	bool from_hakmem;		/* only when hakmem calls it */
	unsigned int hits;
};

extern struct st_nested st_nested;

/*
 * Begin with @kind, on this CPU; the caller stays on it until st_nested_end().  A
 * drain goes on until nothing is left, and handlers without end would see to it
 * that something is: so every @every hits are acted on, and @acts at most.
 */
void st_nested_begin(struct hak_kind kind, unsigned int every, unsigned int acts);
/* The handlers act no more: the audit wants to be alone. */
void st_nested_disarm(void);
/* Their objects are freed and looked at. */
void st_nested_end(struct st *t);
/* Objects for handlers in NMI, which can only free. */
void st_nested_refill(void);
/* Probe @symbol, or @func when NULL, at @off; 0 or an error. */
int st_probe_add(struct st_probe *p, const char *symbol, void *func, unsigned int off);
#endif

#endif /* _SELFTEST_H */
