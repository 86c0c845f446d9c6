// SPDX-License-Identifier: GPL-2.0
/*
 * Allocation out of line: the refill pipeline.
 *
 *   hak_cache_alloc()  inlined: pop
 *   |- _irq            softirq, hardirq: pop the set of that level
 *   `- _miss           empty or gated
 *      `- hak_alloc_slow()
 *           spare        objects of the previous magazine of this set
 *           depot        a full magazine, left by any CPU of the node
 *           slab         up to HAK_BATCH objects under one lock
 *           new slab     slab pages of a SuperSlab, a new SuperSlab, or a small block
 *
 * The last step leaves the set's protection, so that the page allocator sees preemption and
 * interrupts as the caller had them.  Afterwards the CPU may be another one, and everything
 * starts afresh.
 */
#include "tiny/tiny_class.h"
#include "tiny/tiny_depot.h"
#include "tiny/tiny_sample.h"

/* Clears the mark; zeroes the object if asked, unless it has a constructor. */
void *hak_finish_alloc(struct hak_core *core, void *p, gfp_t gfp)
{
	watch_alloc(core, p, gfp);
	object_set_live(core, p);
	if (core->pristine ? gfp & __GFP_ZERO && !core->pool.ctor
			   : gfp & __GFP_ZERO || static_branch_unlikely(&hak_init_key))
		memset(p, 0, core->size);
	return p;
}

/* Slots a refill from slabs aims at: half of the magazine, so that frees find room. */
static unsigned int refill_batch(const struct hak_set *s)
{
	return clamp_t(unsigned int, s->slots / 2 + 1, 1, HAK_BATCH);
}

/*
 * The spare gave nothing: exchange it for a full magazine of the depot.  Where the level's first
 * use makes it a set, a nested call may have left objects in that, and in a spare.
 */
static __always_inline bool refill_depot(struct hak_core *core, enum hak_level lvl)
	hak_must_hold(&hak_set_token)
{
	struct hak_depot *d = &core->depot[hak_home_nid()];
	struct hak_mag *empty, *m;

	if (!hak_peek(d->full))
		return false;
	if (lvl != HAK_TASK && !set_is_open(this_set(core->sets, lvl))) {
		if (!hak_set_open(core, lvl))
			return false;
		if (set_load_spare(this_set(core->sets, lvl)))
			return true;
	}
	empty = set_swap_spare(this_set(core->sets, lvl), NULL);
	m = hak_depot_get_full(d, empty);
	m = set_swap_spare(this_set(core->sets, lvl), m ?: empty);
	spare_put_other(core, m);
	return set_load_spare(this_set(core->sets, lvl));
}

/* The steps that look at no slab. The set's protection is held. */
static __always_inline void *refill_near(struct hak_core *core, enum hak_level lvl)
	hak_must_hold(&hak_set_token)
{
	struct hak_set *s = this_set(core->sets, lvl);

	hak_assert_set(lvl);
	s->n = max_t(s8, s->n, 0);
	s->push_missed = false;
	if (set_load_spare(s)) {
		count_event(s, HAK_ALLOC_SPARE);
		return set_pop(s);
	}
	if (hak_nested() || !refill_depot(core, lvl))
		return NULL;
	s = this_set(core->sets, lvl);
	count_event(s, HAK_ALLOC_DEPOT);
	return set_pop(s);
}

/* Out of slabs of @nid, or of any node when this one has no memory left. */
static unsigned int take_from_slabs(struct hak_core *core, int nid, unsigned int n, void **p)
{
	unsigned int got = 0;

	if (nid != NUMA_NO_NODE)
		return hak_pool_take(&core->pool, nid, n, p);
	for_each_node(nid) {
		got = hak_pool_take(&core->pool, nid, n, p);
		if (got)
			break;
	}
	return got;
}

NOKPROBE_SYMBOL(take_from_slabs);

/* Objects out of slabs that are there: one for the caller, the rest into the set. */
static void *refill_slab(struct hak_core *core, int nid, enum hak_level lvl)
	hak_must_hold(&hak_set_token)
{
	void *batch[HAK_BATCH] hak_uninit;
	struct hak_set *s;
	unsigned int n;

	hak_assert_set(lvl);
	/* Without slots it is one object, for the caller. */
	set_open(core, lvl);
	n = take_from_slabs(core, nid, refill_batch(this_set(core->sets, lvl)), batch);
	if (!n)
		return NULL;
	s = this_set(core->sets, lvl);
	set_widen(s, false);
	n = set_fill(s, n - 1, batch + 1);
	if (n)
		hak_pool_return(&core->pool, n, batch + 1);
	return batch[0];
}

NOKPROBE_SYMBOL(refill_slab);

/* The steps that need no page; *@slab says whether it took a slab. The set's protection is held. */
static void *refill_set(struct hak_core *core, int nid, enum hak_level lvl, bool *slab)
	hak_must_hold(&hak_set_token)
{
	void *p = set_pop(this_set(core->sets, lvl));

	if (!p)
		p = refill_near(core, lvl);
	if (p)
		return p;
	*slab = true;
	return refill_slab(core, nid, lvl);
}

NOKPROBE_SYMBOL(refill_set);

/* Count one operation under the deepest stage it needed. The set's protection is held. */
static void count_alloc(struct hak_set *s, void *p, bool slab, enum hak_grown grown)
	hak_must_hold(&hak_set_token)
{
	if (!p)
		count_event(s, HAK_ALLOC_FAIL);
	else if (slab && grown == HAK_GROWN_SS)
		hak_mem_add(HAK_MEM_ALLOC_SS, 1);
	else if (slab && grown == HAK_GROWN_SMALL)
		hak_mem_add(HAK_MEM_ALLOC_SMALL, 1);
	else if (slab)
		count_event(s, HAK_ALLOC_SLAB);
}

/* This CPU is isolated, and was asked to empty its sets when it comes by: here it is. */
static noinline void refill_flagged(gfp_t gfp, enum hak_level lvl)
{
	if (lvl == HAK_TASK && gfpflags_allow_blocking(gfp) && hak_may_grow() && !hak_nested())
		hak_reap_flagged();
}
NOKPROBE_SYMBOL(refill_flagged);

/* A little effort on this node, before others are asked. */
static gfp_t local_gfp(gfp_t gfp)
{
	return (gfp & ~(__GFP_NOFAIL | __GFP_RETRY_MAYFAIL)) | __GFP_NORETRY | __GFP_THISNODE;
}

/*
 * Allocate when the inlined path could not.  Any context but NMI; no protection held. Slabs of
 * this node, a new one on this node, slabs of any node, a new one anywhere.  Then a last look,
 * because somebody may have freed meanwhile.
 */
void *hak_alloc_slow(struct hak_core *core, gfp_t gfp, enum hak_level lvl)
{
	bool grow = hak_may_grow(), local = hak_many_nodes(), slab;
	enum hak_grown grown = HAK_GROWN_NOT;
	int nid = hak_home_nid();
	unsigned long flags;
	void *p = NULL;

	if (unlikely(raw_cpu_read(hak_reap_flag)))
		refill_flagged(gfp, lvl);
	for (;;) {
		slab = false;
		flags = set_enter(lvl);
		if (hak_nested())
			grow = false;
		else
			p = refill_set(core, nid, lvl, &slab);
		if (p || !grow)
			count_alloc(this_set(core->sets, lvl), p, slab, grown);
		set_leave(lvl, flags);
		if (p || !grow)
			return p ? hak_finish_alloc(core, p, gfp) : NULL;
		nid = hak_home_nid();
		grown = hak_pool_grow(&core->pool, &nid, local ? local_gfp(gfp) : gfp);
		if (grown == HAK_GROWN_NOT) {
			nid = NUMA_NO_NODE;
			grow = local;
		}
		local = false;
	}
}
NOKPROBE_SYMBOL(hak_alloc_slow);

/* What the inlined path does after its pop, for an object of a cache that is not gated. */
static __always_inline void *finish_plain(struct hak_core *core, void *p)
{
	if (static_branch_likely(&hak_hardened_key))
		hak_arch_unmark(p);
	if (static_branch_unlikely(&hak_init_key))
		memset(p, 0, core->size);
	return p;
}

/* The objects of a gated cache are in sets that no inlined path sees. Protection is held. */
static __always_inline void *gated_pop(struct hak_core *core, struct hak_cache *c,
				       enum hak_level lvl)
	hak_must_hold(&hak_set_token)
{
	struct hak_set *s = this_set(core->sets, lvl);
	void *p = set_pop(s);

	/* The inlined pop lowered the count of the set it sees, which may be this one. */
	if (this_set(c, lvl)->n < 0)
		this_set(c, lvl)->n = 0;
	if (likely(p))
		count_event(s, HAK_ALLOC_MAGAZINE);
	return p;
}

/* A pristine cache is gated mostly because its mark lies behind the object. */
static __always_inline void *finish_gated(struct hak_core *core, void *p, gfp_t gfp)
{
	if (HAK_WATCHED || !core->pristine || gfp & __GFP_ZERO)
		return hak_finish_alloc(core, p, gfp);
	object_set_live(core, p);
	return p;
}

/* The inlined pop found nothing, as it was to. Protection of @lvl is held, and given up. */
static __always_inline void *gated_body(struct hak_core *core, struct hak_cache *c, gfp_t gfp,
					enum hak_level lvl, const bool irq)
	hak_drops(&hak_set_token)
{
	void *p = gated_pop(core, c, lvl);

	level_leave(irq);
	if (unlikely(!p))
		return hak_alloc_slow(core, gfp, lvl);
	return finish_gated(core, p, gfp);
}

/* The inlined pop found nothing, and that was unexpected. Likewise. */
static __always_inline void *empty_body(struct hak_core *core, gfp_t gfp, enum hak_level lvl,
					const bool irq)
	hak_drops(&hak_set_token)
{
	void *p = refill_near(core, lvl);

	level_leave(irq);
	if (unlikely(!p))
		return hak_alloc_slow(core, gfp, lvl);
	return finish_plain(core, p);
}

/* Somebody wants to know of the object. Likewise. */
static noinline void *sampled_alloc(struct hak_core *core, struct hak_cache *c, gfp_t gfp,
				    enum hak_level lvl, bool irq, unsigned long caller)
	hak_drops(&hak_set_token)
{
	void *p = gated_body(core, c, gfp, lvl, irq);

	if (p)
		hak_sample_alloc(core, p, caller);
	return p;
}
NOKPROBE_SYMBOL(sampled_alloc);

/* Functions of their own, so that the shorter does not save the registers of the longer. */
static noinline void *gated_alloc(struct hak_core *core, struct hak_cache *c, gfp_t gfp,
				  unsigned long caller)
	hak_drops(&hak_set_token)
{
	if (HAK_SAMPLES && unlikely(core->mode.sampled))
		return sampled_alloc(core, c, gfp, HAK_TASK, false, caller);
	return gated_body(core, c, gfp, HAK_TASK, false);
}
NOKPROBE_SYMBOL(gated_alloc);

static noinline void *empty_alloc(struct hak_core *core, gfp_t gfp)
	hak_drops(&hak_set_token)
{
	return empty_body(core, gfp, HAK_TASK, false);
}
NOKPROBE_SYMBOL(empty_alloc);

static noinline void *irq_gated_alloc(struct hak_core *core, struct hak_cache *c,
				      gfp_t gfp, enum hak_level lvl)
	hak_drops(&hak_set_token)
{
	if (HAK_SAMPLES && unlikely(core->mode.sampled))
		return sampled_alloc(core, c, gfp, lvl, true, 0);
	return gated_body(core, c, gfp, lvl, true);
}
NOKPROBE_SYMBOL(irq_gated_alloc);

static noinline void *irq_empty_alloc(struct hak_core *core, gfp_t gfp, enum hak_level lvl)
	hak_drops(&hak_set_token)
{
	return empty_body(core, gfp, lvl, true);
}
NOKPROBE_SYMBOL(irq_empty_alloc);

/*
 * The inlined pop found nothing. Task level, preemption off once.  In mode quick it was not to,
 * and all that is needed stands beside the handle.
 */
HAK_NOENDBR void *HAK_ABI_NAME(hak_alloc_miss)(struct hak_cache *c, gfp_t gfp)
	hak_drops(&hak_set_token)
{
	unsigned long off = cache_quick(c);
	struct hak_core *core;
	void *p;

	if (!off)
		goto core;
	hak_arch_pop_behind(c, HAK_SETS_AT, p, core);
	hak_count_mend(c);
	level_leave(false);
	hak_arch_poke(p + off, live_mark(p));
	return p;
core:
	core = cache_core(c);
	return core->mode.gated ? gated_alloc(core, c, gfp, _RET_IP_) : empty_alloc(core, gfp);
}
HAK_EXPORT(HAK_ABI_NAME(hak_alloc_miss));
hak_no_landing(HAK_ABI_NAME(hak_alloc_miss));
NOKPROBE_SYMBOL(HAK_ABI_NAME(hak_alloc_miss));

static noinline void *irq_alloc_by_core(struct hak_cache *c, gfp_t gfp, enum hak_level lvl)
	hak_drops(&hak_set_token)
{
	struct hak_core *core = cache_core(c);

	return core->mode.gated ? irq_gated_alloc(core, c, gfp, lvl)
				: irq_empty_alloc(core, gfp, lvl);
}
NOKPROBE_SYMBOL(irq_alloc_by_core);

/* As hak_alloc_miss(), at an interrupt level. */
static __always_inline void *irq_alloc_miss(struct hak_cache *c, gfp_t gfp, enum hak_level lvl)
	hak_drops(&hak_set_token)
{
	unsigned long off = cache_quick(c);
	struct hak_set *s;
	void *p;

	if (!off)
		return irq_alloc_by_core(c, gfp, lvl);
	this_set(c, lvl)->n = 0;
	s = this_set(gated_sets(c), lvl);
	hak_arch_pop_set(s, p, empty);
	level_leave(true);
	hak_arch_poke(p + off, live_mark(p));
	return p;
empty:
	return irq_alloc_by_core(c, gfp, lvl);
}

/* The pop of an interrupt level, which is its own protection. */
static __always_inline void *irq_alloc(struct hak_cache *c, gfp_t gfp, enum hak_level lvl)
	hak_drops(&hak_set_token)
{
	struct hak_set *s = this_set(c, lvl);
	void *p;

	hak_arch_pop_set(s, p, miss);
	if (static_branch_likely(&hak_hardened_key))
		hak_arch_unmark(p);
	level_leave(true);
	if (static_branch_unlikely(&hak_init_key))
		return memset(p, 0, raw_cpu_read(hak_percpu(c)->task.size));
	hak_arch_keep(p);
	return p;
miss:
	return irq_alloc_miss(c, gfp, lvl);
}

static noinline void *nmi_alloc(void)
	hak_drops(&hak_set_token)
{
	level_leave(true);
	return NULL;
}

static noinline void *hardirq_alloc(struct hak_cache *c, gfp_t gfp)
	hak_drops(&hak_set_token)
{
	lockdep_assert_irqs_disabled();
	if (unlikely(in_nmi()))
		return nmi_alloc();
	return irq_alloc(c, gfp, HAK_HARDIRQ);
}

/* Not at task level, and so with preemption off. */
HAK_NOENDBR void *HAK_ABI_NAME(hak_alloc_irq)(struct hak_cache *c, gfp_t gfp)
	hak_drops(&hak_set_token)
{
	if (preempt_count() & (NMI_MASK | HARDIRQ_MASK))
		return hardirq_alloc(c, gfp);
	return irq_alloc(c, gfp, HAK_SOFTIRQ);
}
HAK_EXPORT(HAK_ABI_NAME(hak_alloc_irq));
hak_no_landing(HAK_ABI_NAME(hak_alloc_irq));
NOKPROBE_SYMBOL(HAK_ABI_NAME(hak_alloc_irq));

/* __GFP_ZERO and zone bits, which the inlined path does not know. */
static noinline void *alloc_flags(struct hak_cache *c, gfp_t gfp)
{
	struct hak_core *core = cache_core(c);
	void *p;

	WARN_ONCE(gfp & (__GFP_DMA | __GFP_DMA32), "hakmem: %s has no DMA zones\n", core->name);
	p = hak_pop(c, gfp & ~HAK_GFP_SLOW);
	if (p && gfp & __GFP_ZERO && !core->pool.ctor)
		memset(p, 0, core->size);
	return p;
}

void *__hak_cache_alloc(struct hak_cache *c, gfp_t gfp)
{
	if (unlikely(gfp & HAK_GFP_SLOW))
		return alloc_flags(c, gfp);
	return hak_pop(c, gfp);
}
HAK_EXPORT(__hak_cache_alloc);

/* What the table of sizes does not serve: 0, large, zeroed, or from a DMA zone. */
static noinline void *alloc_odd(size_t size, gfp_t gfp)
{
	if (!size)
		return ZERO_SIZE_PTR;
	if (size <= HAK_MAX_SIZE && !(gfp & (__GFP_DMA | __GFP_DMA32)))
		return watch_size(alloc_flags(hak_cache_of(size), gfp), size);
	if (in_nmi() || !hak_may_grow())
		return NULL;
	hak_mem_add(HAK_MEM_ALLOC_LARGE, 1);
	return kmalloc(size, gfp);
}

void *HAK_ABI_NAME(hak_alloc_size)(size_t size, gfp_t gfp)
{
	if (unlikely(size - 1 >= HAK_MAX_SIZE || gfp & HAK_GFP_SLOW))
		return alloc_odd(size, gfp);
	return watch_size(hak_pop(hak_cache_of(size), gfp), size);
}
HAK_EXPORT(HAK_ABI_NAME(hak_alloc_size));
