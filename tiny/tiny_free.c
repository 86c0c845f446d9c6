// SPDX-License-Identifier: GPL-2.0
/*
 * Free out of line: the push where the inlined one could not be made.
 *
 *   hak_cache_free(), hak_free()  inlined: check, push
 *   |- _irq, _irq_any  softirq, hardirq: push to the set of that level
 *   |- _check, _lookup the inlined check did not recognise the pointer: tiny_exact.c
 *   `- _miss           full, gated, or several nodes
 *      `- hak_free_slow()  the flush pipeline: tiny_flush.c
 */
/* __hak_free() is no client: a call that takes its place returns to one. */
#define hak_keep_frame() ((void)0)
#include "tiny/tiny_flush.h"
#include "tiny/tiny_free.h"

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

/* A slab page of a SuperSlab that serves no slab, or has left. Preemption off once. */
static noinline void free_unserved(void *p, unsigned long caller)
	hak_drops(&hak_set_token) hak_unchecked("of any level")
{
	hak_free_found(p, caller);
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

static hak_apart void irq_free_missed(struct hak_cache *c, void *p, enum hak_level lvl)
	hak_drops(&hak_set_token)
{
	irq_free_miss(c, p, lvl, _RET_IP_);
}

static noinline void nmi_free(struct hak_cache *c, void *p)
	hak_drops(&hak_set_token)
{
	hak_free_deferred(c, p, _RET_IP_);
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
	irq_free_missed(c, p, lvl);
}

static noinline void hardirq_free(struct hak_cache *c, void *p)
	hak_drops(&hak_set_token)
{
	lockdep_assert_irqs_disabled();
	if (unlikely(in_nmi()))
		nmi_free(c, p);
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

void __hak_cache_free(struct hak_cache *c, void *p)
{
	hak_push_checked(c, p);
}
HAK_EXPORT(__hak_cache_free);

/*
 * @p is not in a SuperSlab the inlined path knows, or carries the mark. Preemption off once.  It is
 * here for __hak_free() to inline it: a call with @p where that has it takes a copy on every path.
 */
void HAK_ABI_NAME(hak_free_lookup)(const void *p)
{
	hak_free_found((void *)p, _RET_IP_);
}
HAK_EXPORT(HAK_ABI_NAME(hak_free_lookup));

void __hak_free(const void *p)
{
	hak_push_lookup((void *)p);
}
HAK_EXPORT(__hak_free);
