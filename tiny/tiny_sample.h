/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sampled objects: who allocated what is live, since when, and who frees it.
 *
 * While a cache is sampled all its calls leave the inlined paths (tiny_gate.c).  Of so many bytes
 * that it hands out, on average, one object gets a record.  Objects of more bytes than that get
 * one each.  A record stands for the bytes that went by; so sums of records are estimates of what
 * there is.
 *
 * Records lie in buckets of HAK_SAMPLE_WAYS, found by the object's address.  Each bucket has a
 * word of tags, a byte for each way, which is 0 or comes from the address.  So a free of an object
 * without a record reads one word, mostly.  There is no lock: a way is taken, and a record given
 * up, by exchanging its key.  So every context will do, NMI too, and nested calls.
 *
 * An object gets its record before its owner has it, and loses it before it is anybody else's.
 * So a record never belongs to another object of the same address, unless an object is freed twice
 * unseen.  Then the record says that another cache has made it, or is replaced, and is counted.
 *
 * The table is of a fixed size.  What finds no room is counted as lost.
 */
#ifndef _TINY_SAMPLE_H
#define _TINY_SAMPLE_H

#include "tiny/tiny_core.h"

#define HAK_SAMPLE_EVERY	65536UL		/* bytes, unless it is said */
#define HAK_SAMPLE_EVERY_MAX	(1UL << 30)
#define HAK_SAMPLE_WAYS		8U		/* of a bucket: a cache line of keys */
#define HAK_SAMPLE_BITS		12U		/* of buckets: 32768 records */
#define HAK_SAMPLE_RECORDS	(HAK_SAMPLE_WAYS << HAK_SAMPLE_BITS)
#define HAK_SITES		1024U		/* the first is for call sites without room */
#define HAK_SITE_TRIES		16U
#define HAK_SITE_STACK		12U		/* callers that are kept */
#define HAK_SITE_NAME		72U
#define HAK_FLOW_MAX		16U		/* CPUs, or where there are more, nodes */

/* Constant from when its key is seen until the key is taken. */
struct hak_record {
	u32 serial;			/* of the pool */
	u32 bytes;			/* it stands for */
	u32 when;			/* jiffies, the lower half */
	u16 site;
	u16 from;			/* CPU or node */
};

/* Callers, newest first. Who has exchanged @busy for 1 may touch the rest. */
struct hak_stack {
	u32 busy;
	u32 n;
	unsigned long ip[HAK_SITE_STACK];
};

/* Who allocated of a cache. All but the counters and @last is constant once it is ready. */
struct hak_site {
	u32 state;			/* 0, then HAK_SITE_BEGUN, then HAK_SITE_READY */
#define HAK_SITE_BEGUN	1U
#define HAK_SITE_READY	2U
	u32 serial;			/* of the pool */
	unsigned long ip;
	unsigned int size;		/* of an object */
	char cache[HAK_CACHE_NAME_MAX + 1];
	char where[HAK_SITE_NAME];	/* its module may be gone when this is read */
	struct hak_stack first;
	struct hak_stack last;
	atomic_long_t samples;
	atomic_long_t bytes;		/* handed out since sampling began, by estimate */
};

struct hak_sampler {
	unsigned long every;		/* bytes from one sample to the next, on average */
	bool all;			/* caches that are made are sampled, too */
	u64 *tags;			/* a byte for each way of a bucket */
	unsigned long *key;		/* the object, 0 or HAK_KEY_BUSY */
	struct hak_record *record;
	struct hak_site *site;
	atomic_long_t samples;
	atomic_long_t lost;		/* no room in the bucket */
	atomic_long_t stale;		/* records whose object was freed unseen */
};

#define HAK_KEY_BUSY 1UL

/* Of a cache: bytes by who allocated and by who freed, as estimated.  Counted by anybody. */
struct hak_flow {
	atomic_long_t freed[HAK_FLOW_MAX][HAK_FLOW_MAX];
	atomic_long_t samples;		/* that were freed */
};

/* The table, or NULL.  Changed under hak_caches_lock, read there or with preemption off. */
extern struct hak_sampler *hak_sampler;

/**
 * hak_sample_alloc() - an object of a sampled cache is on its way out
 * @core: the cache
 * @p: the object, which nobody else has yet
 * @caller: who allocates, where the stack cannot be walked; 0 if that is not known
 *
 * Context: Any but NMI. No protection held.
 */
void hak_sample_alloc(struct hak_core *core, void *p, unsigned long caller);

/**
 * hak_sample_free() - an object of a sampled cache was freed, and is not anybody else's yet
 * @core: the cache
 * @p: the object, or with hardened=1 what passed the inlined checks
 *
 * Context: Any. Preemption off.
 */
void hak_sample_free(const struct hak_core *core, const void *p);

/* Each CPU begins anew: its next object gets a record. Context: any. */
void hak_sample_restart(void);

/* Are CPUs told apart, or because there are too many nodes only? */
static inline bool hak_flow_by_node(void)
{
	return nr_cpu_ids > HAK_FLOW_MAX;
}

/* Rows and columns of a flow. */
static inline unsigned int hak_flow_size(void)
{
	return hak_flow_by_node() ? min_t(unsigned int, nr_node_ids, HAK_FLOW_MAX) : nr_cpu_ids;
}

/* tiny_sampler.c; all under hak_caches_lock */

/* The table, made if there is none; 0 or -ENOMEM. May sleep. */
int hak_sampler_make(unsigned long every, bool all) hak_must_hold(&hak_caches_lock);

/* No cache is sampled any more. Waits for a grace period. */
void hak_sampler_free(void) hak_must_hold(&hak_caches_lock);

/* The module goes, and so have all caches. */
void hak_sampler_exit(void);

/* Forget the objects of @core. */
void hak_sampler_drop(const struct hak_core *core) hak_must_hold(&hak_caches_lock);

/* What is live of a call site, as estimated. */
#define HAK_AGES 5U		/* below 1 s, 10 s, 1 min, 10 min, and more */
struct hak_site_live {
	unsigned long samples;
	unsigned long bytes;
	unsigned long age[HAK_AGES];	/* bytes */
};

/* Fill @live, which has HAK_SITES, from the records of the cache with @serial; 0: of all. */
void hak_sampler_live(struct hak_site_live *live, u32 serial) hak_must_hold(&hak_caches_lock);

/* Put the ready sites that have something live into @order, the largest first; how many. */
unsigned int hak_sampler_order(const struct hak_site_live *live, u16 *order)
	hak_must_hold(&hak_caches_lock);

/* @core ends with live objects: name the call sites that have most of them in the log. */
void hak_sampler_leaks(const struct hak_core *core);

/* The callers of @from; safe against who writes them. How many there are. */
unsigned int hak_stack_read(struct hak_stack *from, unsigned long ip[HAK_SITE_STACK]);

/* tiny_gate.c */

/**
 * hak_gate_on() - sample one cache or all
 * @name: of the caches, or NULL for all that are there and all that are made from now on
 * @every: bytes from one sample to the next, for all that is sampled
 *
 * Context: Process context. Waits for grace periods and for work on each CPU.
 * Return: 0; -ENOENT if there is no such cache, -EINVAL if @every is out of range, -ENOMEM if some
 * or all are not sampled.
 */
int hak_gate_on(const char *name, unsigned long every);

/* And no longer: what was sampled is forgotten. -ENOENT if there is no such cache. The same. */
int hak_gate_off(const char *name);

/* A cache that nobody knows yet. */
void hak_gate_new(struct hak_core *core) hak_must_hold(&hak_caches_lock);

/* A cache that nobody uses any more: its records go, and its flow when readers have gone. */
void hak_gate_gone(struct hak_core *core);

#endif /* _TINY_SAMPLE_H */
