/* SPDX-License-Identifier: GPL-2.0 */
/* What every free does to an object that was found to be one: for tiny_free.c and tiny_exact.c. */
#ifndef _TINY_FREE_H
#define _TINY_FREE_H

#include "tiny/tiny_core.h"
#include "tiny/tiny_rcu.h"
#include "tiny/tiny_sample.h"

/* With hardened=2: may the object at @p wait for a grace period?  Mostly nothing does near it. */
static __always_inline bool may_wait(const void *p)
{
	return unlikely(atomic_long_read(hak_waiting_near(p)));
}

/*
 * What init_on_free and hardened do to an object that was found to be one.  Each free of a sampled
 * cache comes by here, once.  Preemption off.
 */
static __always_inline void free_prepare(struct hak_core *core, void *p, unsigned long mark)
{
	if (HAK_SAMPLES && unlikely(core->mode.sampled))
		hak_sample_free(core, p);
	watch_freeing(core, p);
	if (!core->pristine && hak_conf.init_on_free)
		memset(p, 0, core->size);
	if (core->pool.marked)
		object_set_mark(core, p, mark);
	watch_freed(core, p);
}

#endif /* _TINY_FREE_H */
