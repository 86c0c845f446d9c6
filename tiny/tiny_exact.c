// SPDX-License-Identifier: GPL-2.0
/*
 * What a pointer is, by the exact look-up: behind every free whose inlined check is in doubt.
 *
 *   hak_free_valid()   the live object that starts here, or a report that says why there is none
 *   |- hak_free_check  behind the inlined hak_cache_free(); serves objects of small blocks
 *   |- hak_free_found  the same for a pointer of unknown cache: hakmem's, the kernel's, nobody's
 *   `- hak_free_deferred  in NMI, where it is linked for later
 *
 * Apart from tiny_free.c: what is looked up is not counted in single instructions.
 */
#include "tiny/tiny_flush.h"
#include "tiny/tiny_free.h"
#include "tiny/tiny_rcu.h"

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

void hak_free_found(void *p, unsigned long caller)
{
	if (hak_slab_of(p)) {
		free_exact(NULL, p, caller);
		return;
	}
	preempt_enable();
	if (!ZERO_OR_NULL_PTR(p))
		free_route(p, caller);
}

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
