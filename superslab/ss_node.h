/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The SuperSlabs of a node, by how much room they have: what ss_block.c, which fills them, and
 * ss_leave.c, which gives them back, share.
 */
#ifndef _SS_NODE_H
#define _SS_NODE_H

#include "superslab/ss_lock.h"
#include "superslab/ss_rest.h"
#include "superslab/ss_spage.h"

/*
 * SuperSlabs of one kind stand in one bucket.  Each has so many free slab pages, by powers of two,
 * and so long a run of them.  Two more are for those without free pages, and without slabs.  The
 * fullest that will do is found by looking at one word, however many SuperSlabs there are.
 */
#define BUCKET_RUNS	3U		/* runs of 1, 2 and 4 slab pages */
#define BUCKET_FULL	(7 * BUCKET_RUNS)
#define BUCKET_EMPTY	(BUCKET_FULL + 1)
#define NR_BUCKETS	(BUCKET_EMPTY + 1)

/* The buckets with runs of at least so many: all, those of 2 and 4, those of 4. */
#define BUCKETS_ALL	(~0U >> (32 - BUCKET_FULL))
#define BUCKETS_OF(order) (BUCKETS_ALL / 7 * (7 & ~0U << (order)) | 1U << BUCKET_EMPTY)

/* The SuperSlabs of one node. */
struct hak_block_node {
	raw_spinlock_t lock;		/* [5] in the lock order */
	struct list_head bucket[NR_BUCKETS] hak_guarded_by_own(&lock);
	unsigned int filled hak_guarded_by_own(&lock);		/* buckets that hold some */
	unsigned int nr_empty hak_guarded_by_own(&lock);	/* SuperSlabs that serve no slab */
	/* Slab pages of those, with the headers. */
	unsigned long nr_idle hak_guarded_by_own(&lock);
	unsigned long nr_free hak_guarded_by_own(&lock);	/* free slab pages of the others */
	/* When a SuperSlab could not be had.  No lock guards the two: a miss more is no harm. */
	unsigned int fails;		/* so often in a row */
	unsigned int pause;		/* misses that will not ask for one */
	bool scarce;			/* since then none went back to the kernel */
	/* Somebody found only slab pages that rest, until this grace period is over.  A hint. */
	struct hak_gp_state starved_gp;
	bool starved;
	unsigned long wake_next hak_guarded_by(&hak_grow_lock);	/* in jiffies */
};

extern struct hak_block_node *hak_block_node;	/* nr_node_ids of them */

static inline unsigned int bucket_of(const struct hak_ss *ss)
{
	if (!ss->nr_used)
		return BUCKET_EMPTY;
	if (!ss->nr_free)
		return BUCKET_FULL;
	return __fls(ss->nr_free) * BUCKET_RUNS + spage_order(&ss->free);
}

static inline void bucket_add(struct hak_block_node *bn, struct hak_ss *ss)
	hak_must_hold(&bn->lock)
{
	ss->bucket = bucket_of(ss);
	list_add(&ss->list, &bn->bucket[ss->bucket]);
	bn->filled |= 1U << ss->bucket;
	bn->nr_empty += !ss->nr_used;
	bn->nr_idle += ss->nr_used ? 0 : 1 + ss->nr_free;
	bn->nr_free += ss->nr_used ? ss->nr_free : 0;
}

static inline void bucket_del(struct hak_block_node *bn, struct hak_ss *ss)
	hak_must_hold(&bn->lock)
{
	bn->nr_empty -= !ss->nr_used;
	bn->nr_idle -= ss->nr_used ? 0 : 1 + ss->nr_free;
	bn->nr_free -= ss->nr_used ? ss->nr_free : 0;
	list_del_init(&ss->list);
	if (list_empty(&bn->bucket[ss->bucket]))
		bn->filled &= ~(1U << ss->bucket);
}

/* What free slab pages there are rest, and are no use to whoever looked. */
static inline void bn_starves(struct hak_block_node *bn)
	hak_must_hold(&bn->lock)
{
	get_state_synchronize_rcu_full(&bn->starved_gp);
	WRITE_ONCE(bn->starved, true);
}

/* As far as one knows, is there among the free slab pages one that does not rest? Context: any. */
static inline bool bn_has_rested(struct hak_block_node *bn)
{
	struct hak_gp_state gp;

	if (likely(!READ_ONCE(bn->starved)))
		return true;
	/* Half of an older one and half of a newer one is a guess as good. */
	gp = data_race(bn->starved_gp);
	if (!poll_state_synchronize_rcu_full(&gp))
		return false;
	WRITE_ONCE(bn->starved, false);
	return true;
}

/*
 * 2 MiB that cannot be had are asked for less and less often, and small blocks serve meanwhile.
 * Asking with __GFP_KSWAPD_RECLAIM wakes kswapd and kcompactd, so of the attempts few do.
 */
#define GROW_PAUSE_MAX	64U				/* misses between two attempts */
#define GROW_WAKE_EVERY	msecs_to_jiffies(10000)		/* between two that wake somebody */

/* May this miss ask for a SuperSlab? Context: any. */
static inline bool grow_due(struct hak_block_node *bn)
{
	unsigned int left = READ_ONCE(bn->pause);

	if (likely(!left))
		return true;
	WRITE_ONCE(bn->pause, left - 1);
	return false;
}

/* May an attempt wake somebody now? */
static inline bool grow_wakes(const struct hak_block_node *bn)
	hak_must_hold(&hak_grow_lock)
{
	return time_after_eq(jiffies, bn->wake_next);
}

/* Twice as many misses are left out as the last time. */
static inline void grow_failed(struct hak_block_node *bn, bool woke)
	hak_must_hold(&hak_grow_lock)
{
	unsigned int fails = READ_ONCE(bn->fails);

	WRITE_ONCE(bn->pause, min(1U << fails, GROW_PAUSE_MAX));
	WRITE_ONCE(bn->fails, min(fails + 1, 16U));
	WRITE_ONCE(bn->scarce, true);
	if (woke)
		bn->wake_next = jiffies + GROW_WAKE_EVERY;
}

/* There is one, or one went back to the kernel. */
static inline void grow_again(struct hak_block_node *bn)
{
	WRITE_ONCE(bn->fails, 0);
	WRITE_ONCE(bn->pause, 0);
}

/*
 * With how many slab pages, header and all, a SuperSlab begins on @bn when @pages OS pages are
 * held.  Context: any.
 */
unsigned int hak_grow_spages(const struct hak_block_node *bn, unsigned long pages);

/* A new SuperSlab that nobody knows yet, or NULL. Context: may sleep. */
struct hak_ss *hak_ss_create(int nid, gfp_t gfp) hak_must_hold(&hak_grow_lock);

/* Is @ss without slabs, and too much to @keep?  Then it is in no bucket any more. */
bool hak_ss_retire(struct hak_block_node *bn, struct hak_ss *ss, bool keep)
	hak_must_hold(&bn->lock);

/* And then, without the lock: nobody is to find it, and its memory goes. */
void hak_ss_retired(struct hak_ss *ss);

/* Something came to rest: a grace period is to end soon. Context: any, no lock held. */
void hak_rest_soon(void);

/* As hak_block_trim(), but what rests stays. Context: as there. */
unsigned long hak_trim_now(unsigned long want, unsigned int keep);

#endif /* _SS_NODE_H */
