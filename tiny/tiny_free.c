// SPDX-License-Identifier: GPL-2.0
/*
 * Free out of line: the checks, and the router.
 *
 *   hak_cache_free(), hak_free()  inlined: check, push
 *   |- _irq, _irq_any  softirq, hardirq: push to the set of that level
 *   |- _check, _lookup the inlined check did not recognise the pointer: an exact
 *   |                  look-up says what it is, and serves objects of small blocks
 *   `- _miss           full, gated, or several nodes
 *      `- hak_free_slow()  the flush pipeline: tiny_flush.c
 */
/* __hak_free() is no client: a call that takes its place returns to one. */
#define hak_keep_frame() ((void)0)
#include "tiny/tiny_flush.h"
#include "tiny/tiny_rcu.h"

/* With hardened=2: may the object at @p wait for a grace period?  Mostly nothing does near it. */
static __always_inline bool may_wait(const void *p)
{
	return unlikely(atomic_long_read(hak_waiting_near(p)));
}

static noinline bool object_waits(const struct hak_core *core, const void *p)
{
	return hak_rcu_waits_within(p, core->size);
}

/* Is the live object at @p, number @i of @slab, free all the same? */
static bool is_free(const struct hak_core *core, const struct hak_slab *slab, unsigned int i,
		    void *p)
{
	/* The bit of a live object is 0, and nobody changes that but its free. */
	if (data_race(hak_peek(slab->free) == slab->objects || test_bit(i, slab->bits)))
		return true;
	if (!core->hardened)
		return false;
	return object_mark(core, p) == slab_mark(slab, p) || hak_defer_holds(core, p) ||
	       (may_wait(p) && object_waits(core, p));
}

struct hak_core *hak_free_valid(struct hak_cache *c, void *p, unsigned long *mark,
				unsigned long caller)
{
	struct hak_pool *pool = NULL;
	struct hak_slab *slab = hak_slab_find(p, &pool);
	struct hak_core *core = slab ? pool_core(pool) : NULL;
	unsigned int i;

	*mark = slab ? slab_mark(slab, p) : 0;
	if (!core)
		hak_report_bad(HAK_BAD_FOREIGN, p, NULL, caller);
	else if (!core->handle || (c && core->handle != c))
		hak_report_bad(HAK_BAD_CACHE, p, pool, caller);
	else if (!slab_starts(slab, pool, p, &i))
		hak_report_bad(HAK_BAD_INTERIOR, p, pool, caller);
	else if (is_free(core, slab, i, p))
		hak_report_bad(HAK_BAD_DOUBLE, p, pool, caller);
	else
		return core;
	return NULL;
}

/* What init_on_free and hardened do to an object that was found to be one. */
static __always_inline void free_prepare(struct hak_core *core, void *p, unsigned long mark)
{
	watch_freeing(core, p);
	if (!core->pristine && hak_conf.init_on_free)
		memset(p, 0, core->size);
	if (core->pool.marked)
		object_set_mark(core, p, mark);
	watch_freed(core, p);
}

/* In NMI the link goes into a checked object; one that waits has one already. Preemption off. */
static void free_defer(struct hak_core *core, void *p, unsigned long mark, unsigned long caller)
{
	if (core->hardened && hak_rcu_waits_within(p, core->size)) {
		hak_report_bad(HAK_BAD_DOUBLE, p, &core->pool, caller);
		return;
	}
	free_prepare(core, p, mark);
	hak_defer_free(core, p);
}
NOKPROBE_SYMBOL(free_defer);

/* Put a checked object of any cache back, from any level; nothing is held. */
static void free_any(struct hak_core *core, void *p, unsigned long mark, unsigned long caller)
{
	if (in_nmi()) {
		free_defer(core, p, mark, caller);
		return;
	}
	free_prepare(core, p, mark);
	hak_free_slow(core, p, hak_level());
}
NOKPROBE_SYMBOL(free_any);

/*
 * Does an object start at @p, as far as arithmetic can tell?  Its slab page is known to
 * serve @core, whose slabs take one each.  The end of it is left to the exact look-up.
 */
static __always_inline bool starts_object(struct hak_core *core, void *p)
{
	u32 off = (unsigned long)p & (HAK_SPAGE_SIZE - 1), stride = core->pool.stride;
	u32 i = (u64)off * core->pool.recip >> 32;

	return i * stride == off && off + stride < HAK_SPAGE_SIZE;
}

/* The same of a live object.  A pristine one without the mark of those goes to the look-up, too. */
static __always_inline bool starts_live(struct hak_core *core, void *p)
{
	if (!starts_object(core, p))
		return false;
	return core->pristine ? object_mark(core, p) == live_mark(p)
			      : object_mark(core, p) != hak_mark(p);
}

/* Is @p, whose slab page is known to serve @core, the start of a live object beyond doubt? */
static __always_inline bool is_proven(struct hak_core *core, void *p)
{
	unsigned long off = core->pool.mark_off;

	if (!core->mode.quick)
		return core->mode.arithmetic && starts_live(core, p) && !may_wait(p);
	hak_arch_word_differs(p, off, live_mark(p), doubt);
	return true;
doubt:
	return false;
}

/*
 * The look-up behind it, apart so that the way without it saves no registers.  Returns what the
 * object is to carry, or 0 after a report.
 */
static noinline unsigned long out_mark(struct hak_core *core, void *p, unsigned long caller)
{
	unsigned long mark;

	return hak_free_valid(core->handle, p, &mark, caller) ? mark : 0;
}
NOKPROBE_SYMBOL(out_mark);

/*
 * Push an object whose frees are always out of line.  The checks that can be inlined
 * have been made, and protection of @lvl is held.  Returns false when slabs or
 * magazines are needed; @p is ready for them.
 */
static __always_inline bool push_out(struct hak_core *core, void *p, enum hak_level lvl,
				     unsigned long caller)
	hak_must_hold(&hak_set_token)
{
	/* A small block has no tag, and is looked up even where nobody compares tags. */
	unsigned long mark = hak_mark(p);
	struct hak_set *s;

	if (core->mode.exact && !is_proven(core, p))
		mark = out_mark(core, p, caller);
	if (unlikely(!mark))
		return true;
	free_prepare(core, p, mark);
	s = this_set(core->sets, lvl);
	if (object_remote(p))
		return set_push_remote(s, p);
	if (!set_push(s, p))
		return false;
	count_event(s, HAK_FREE_MAGAZINE);
	return true;
}

/*
 * All of push_out() for an object whose life arithmetic and mark prove, as with hardened=2.  Who is
 * in doubt, or wants more than a push, goes on as ever.
 */
static __always_inline bool push_reckoned(struct hak_core *core, void *p, enum hak_level lvl)
	hak_must_hold(&hak_set_token)
{
	struct hak_set *s = this_set(core->sets, lvl);

	if (!core->mode.arithmetic || static_branch_unlikely(&hak_multi_node_key) ||
	    hak_conf.init_on_free || !starts_live(core, p) || may_wait(p) || (u8)s->n >= s->slots)
		return false;
	object_set_mark(core, p, hak_mark(p));
	s->slot[s->n++] = p;
	count_event(s, HAK_FREE_MAGAZINE);
	return true;
}

/* Mark and push an object for which there was no room. Protection of @lvl is held. */
static __always_inline bool miss_push(struct hak_core *core, void *p, enum hak_level lvl)
	hak_must_hold(&hak_set_token)
{
	if (static_branch_likely(&hak_hardened_key))
		*(unsigned long *)p = hak_mark(p);
	return flush_near(core, p, lvl);
}

/* No room for @p, whether there was to be some or not. Protection of @lvl is given up. */
static __always_inline void far_body(struct hak_core *core, void *p, enum hak_level lvl,
				     const bool irq, bool pushed)
	hak_drops(&hak_set_token)
{
	level_leave(irq);
	if (unlikely(!pushed))
		hak_free_slow(core, p, lvl);
}

/* Functions of their own, as those of hak_alloc_miss(). */
static noinline void free_out(struct hak_core *core, void *p, unsigned long caller)
	hak_drops(&hak_set_token)
{
	far_body(core, p, HAK_TASK, false, push_out(core, p, HAK_TASK, caller));
}
NOKPROBE_SYMBOL(free_out);

static noinline void reckoned_free(struct hak_core *core, void *p, unsigned long caller)
	hak_drops(&hak_set_token)
{
	if (push_reckoned(core, p, HAK_TASK))
		level_leave(false);
	else
		free_out(core, p, caller);
}
NOKPROBE_SYMBOL(reckoned_free);

static noinline void full_free(struct hak_core *core, void *p)
	hak_drops(&hak_set_token)
{
	far_body(core, p, HAK_TASK, false, miss_push(core, p, HAK_TASK));
}
NOKPROBE_SYMBOL(full_free);

static noinline void irq_free_far(struct hak_core *core, void *p, enum hak_level lvl,
				  unsigned long caller)
	hak_drops(&hak_set_token)
{
	far_body(core, p, lvl, true,
		 core->mode.frees_out ? push_out(core, p, lvl, caller) : miss_push(core, p, lvl));
}
NOKPROBE_SYMBOL(irq_free_far);

static noinline void irq_reckoned_free(struct hak_core *core, void *p, enum hak_level lvl,
				       unsigned long caller)
	hak_drops(&hak_set_token)
{
	if (push_reckoned(core, p, lvl))
		level_leave(true);
	else
		irq_free_far(core, p, lvl, caller);
}
NOKPROBE_SYMBOL(irq_reckoned_free);

static noinline void free_lookup(void *p, unsigned long caller);

/* A slab page of a SuperSlab that serves no slab, or has left. Preemption off once. */
static void free_unserved(void *p, unsigned long caller)
	hak_drops(&hak_set_token) hak_unchecked("of any level")
{
	free_lookup(p, caller);
}

static noinline void irq_free_by_core(struct hak_cache *c, void *p, enum hak_level lvl,
				      unsigned long caller)
	hak_drops(&hak_set_token)
{
	struct hak_core *core = cache_core(c);

	if (unlikely(!core)) {
		preempt_disable();
		free_unserved(p, caller);
	} else {
		irq_reckoned_free(core, p, lvl, caller);
	}
}
NOKPROBE_SYMBOL(irq_free_by_core);

/*
 * The inlined push found no room. Task level, preemption off once, all checks made that can be
 * inlined.  In mode quick there was to be none, and the mark of a live object is left to check.
 * All that is needed stands beside the handle, and nothing is called.
 */
HAK_NOENDBR void HAK_ABI_NAME(hak_free_miss)(struct hak_cache *c, void *p)
	hak_drops(&hak_set_token)
{
	unsigned long off = cache_quick(c), n;
	struct hak_core *core;

	if (!off)
		goto core;
	hak_arch_word_differs(p, off, live_mark(p), core);
	hak_arch_room_behind(c, HAK_SETS_AT, n, core);
	hak_arch_poke(p + off, hak_mark(p));
	hak_arch_push_behind(c, HAK_SETS_AT, n, p);
	level_leave(false);
	return;
core:
	core = cache_core(c);
	if (unlikely(!core))
		free_unserved(p, _RET_IP_);
	else if (core->mode.frees_out)
		reckoned_free(core, p, _RET_IP_);
	else
		full_free(core, p);
}
HAK_EXPORT(HAK_ABI_NAME(hak_free_miss));
hak_no_landing(HAK_ABI_NAME(hak_free_miss));
NOKPROBE_SYMBOL(HAK_ABI_NAME(hak_free_miss));

/* As hak_free_miss(), at an interrupt level. */
static __always_inline void irq_free_miss(struct hak_cache *c, void *p, enum hak_level lvl,
					  unsigned long caller)
	hak_drops(&hak_set_token)
{
	unsigned long off = cache_quick(c), n;
	struct hak_set *s;

	if (!off)
		goto core;
	hak_arch_word_differs(p, off, live_mark(p), core);
	s = this_set(gated_sets(c), lvl);
	n = (u8)s->n;
	if (n >= s->slots)
		goto core;
	hak_arch_poke(p + off, hak_mark(p));
	hak_arch_push_set(s, n, p);
	level_leave(true);
	return;
core:
	irq_free_by_core(c, p, lvl, caller);
}

void hak_free_deferred(struct hak_cache *c, void *p, unsigned long caller)
{
	unsigned long mark;
	/* The tag of a page that left says nothing: a small block may be there by now. */
	struct hak_core *core = hak_free_valid(c == hak_tag_none ? NULL : c, p, &mark, caller);

	if (core)
		free_defer(core, p, mark, caller);
}
HAK_EXPORT_TEST(hak_free_deferred);
NOKPROBE_SYMBOL(hak_free_deferred);

static noinline void nmi_free(struct hak_cache *c, void *p, unsigned long caller)
	hak_drops(&hak_set_token)
{
	hak_free_deferred(c, p, caller);
	level_leave(true);
}
NOKPROBE_SYMBOL(nmi_free);

/* The push of an interrupt level, which is its own protection; every check has been made. */
static __always_inline void irq_free(struct hak_cache *c, void *p, enum hak_level lvl)
	hak_drops(&hak_set_token)
{
	struct hak_set *s = this_set(c, lvl);
	unsigned long n;

	hak_arch_room_set(s, n, miss);
	if (static_branch_likely(&hak_hardened_key))
		*(unsigned long *)p = hak_mark(p);
	hak_arch_push_set(s, n, p);
	level_leave(true);
	return;
miss:
	irq_free_miss(c, p, lvl, _RET_IP_);
}

static noinline void hardirq_free(struct hak_cache *c, void *p)
	hak_drops(&hak_set_token)
{
	lockdep_assert_irqs_disabled();
	if (unlikely(in_nmi()))
		nmi_free(c, p, _RET_IP_);
	else
		irq_free(c, p, HAK_HARDIRQ);
}

/* Not at task level, and so with preemption off; every check has been made. */
HAK_NOENDBR void HAK_ABI_NAME(hak_free_irq)(struct hak_cache *c, void *p)
	hak_drops(&hak_set_token)
{
	if (preempt_count() & (NMI_MASK | HARDIRQ_MASK))
		hardirq_free(c, p);
	else
		irq_free(c, p, HAK_SOFTIRQ);
}
HAK_EXPORT(HAK_ABI_NAME(hak_free_irq));
hak_no_landing(HAK_ABI_NAME(hak_free_irq));
NOKPROBE_SYMBOL(HAK_ABI_NAME(hak_free_irq));

/* The rest of hak_free() there: as hak_push_lookup(). */
HAK_NOENDBR void HAK_ABI_NAME(hak_free_irq_any)(void *p)
	hak_drops(&hak_set_token) hak_unchecked("a look-up has no level")
{
	unsigned long mark = hak_mark(p);
	struct hak_cache *c;

	hak_arch_foreign(p, mark, lookup);
	c = hak_tag(mark, p);
	if (static_branch_likely(&hak_hardened_key) && unlikely(hak_arch_peek(p) == mark))
		goto lookup;
	HAK_ABI_NAME(hak_free_irq)(c, p);
	return;
lookup:
	preempt_disable();
	HAK_ABI_NAME(hak_free_lookup)(p);
}
HAK_EXPORT(HAK_ABI_NAME(hak_free_irq_any));
hak_no_landing(HAK_ABI_NAME(hak_free_irq_any));
NOKPROBE_SYMBOL(HAK_ABI_NAME(hak_free_irq_any));

/* Not ours: kfree() if the kernel proves it its own, else a bad free. */
static noinline void free_route(const void *p, unsigned long caller)
{
	if (!hak_owns(p) && !in_nmi() && hak_kernel_owns(p)) {
		hak_mem_add(HAK_MEM_FREE_LARGE, 1);
		kfree(p);
		return;
	}
	hak_report_bad(HAK_BAD_FOREIGN, p, NULL, caller);
}

/* The exact look-up behind both inlined frees; @c NULL: any cache will do. Preemption off once. */
static noinline void free_exact(struct hak_cache *c, void *p, unsigned long caller)
	hak_unchecked("preemption is off, and at other levels than the task's no set is touched")
{
	unsigned long mark;
	struct hak_core *core = hak_free_valid(c, p, &mark, caller);
	bool task = !hak_at_irq_level(hak_arch_here()), pushed = false, home;

	home = core && !in_nmi() && !hak_nested() && hak_block_goes_home(&core->pool, p);
	if (core && (task || home))
		free_prepare(core, p, mark);
	if (home)
		hak_pool_return(&core->pool, 1, &p);
	else if (core && task)
		pushed = !object_remote(p) && set_push(this_set(core->sets, HAK_TASK), p);
	preempt_enable();
	if (!core)
		return;
	hak_mem_add(HAK_MEM_FREE_EXACT, 1);
	if (home)
		return;
	if (!task)
		free_any(core, p, mark, caller);
	else if (!pushed)
		hak_free_slow(core, p, HAK_TASK);
}

/* hardened: tag or mark of @p is not as it should be, or @p lies in a small block. */
void HAK_ABI_NAME(hak_free_check)(struct hak_cache *c, void *p)
{
	preempt_disable();
	free_exact(c, p, _RET_IP_);
}
HAK_EXPORT(HAK_ABI_NAME(hak_free_check));

static noinline void free_lookup(void *p, unsigned long caller)
{
	if (hak_slab_of(p)) {
		free_exact(NULL, p, caller);
		return;
	}
	preempt_enable();
	if (!ZERO_OR_NULL_PTR(p))
		free_route(p, caller);
}

/* @p is not in a SuperSlab the inlined path knows, or carries the mark. Preemption off once. */
void HAK_ABI_NAME(hak_free_lookup)(const void *p)
{
	free_lookup((void *)p, _RET_IP_);
}
HAK_EXPORT(HAK_ABI_NAME(hak_free_lookup));

void __hak_cache_free(struct hak_cache *c, void *p)
{
	hak_push_checked(c, p);
}
HAK_EXPORT(__hak_cache_free);

void __hak_free(const void *p)
{
	hak_push_lookup((void *)p);
}
HAK_EXPORT(__hak_free);

size_t hak_usable_size(const void *p)
{
	struct hak_pool *pool;
	struct hak_slab *slab;
	unsigned int i;
	size_t size = 0;

	preempt_disable();
	slab = hak_slab_find(p, &pool);
	if (slab)
		size = pool_core(pool)->size;
	/* Who asks will use them. */
	if (HAK_WATCHED && slab && slab_starts(slab, pool, p, &i) &&
	    hak_shadow_is_open(p))
		watch_asked((void *)p, size, size);
	preempt_enable();
	return slab || hak_owns(p) ? size : hak_kernel_size(p);
}
HAK_EXPORT(hak_usable_size);
