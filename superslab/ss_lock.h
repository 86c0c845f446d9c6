/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The locks of the core: raw, interrupts off, never one inside another.
 *
 * Under none of them may memory be allocated or freed, a message be printed or work be queued.
 * Hold times are bounded by one magazine, or by HAK_BATCH objects or slabs.  There is an exception:
 * the audit looks at all slabs of a node or all full magazines of a depot.
 *
 * hak_busy is raised before a lock is taken and lowered after it is dropped.  A probe or tracer
 * that fires in between and calls the allocator again finds it raised.  Its allocation returns
 * NULL and its free is deferred.  Waiting for the lock would never end.
 */
#ifndef _SS_LOCK_H
#define _SS_LOCK_H

#include "hak_compat.h"

DECLARE_PER_CPU(int, hak_busy);

/*
 * A look from outside at what a lock protects, or at what only its own CPU changes.  It is for
 * hints that are looked at again under the lock, and for what people read.  Any value of late
 * will do, so whoever changes it is not slowed down by marks for KCSAN.
 */
#define hak_peek(x) hak_look_past(data_race(READ_ONCE(x)))

static __always_inline unsigned long hak_lock(raw_spinlock_t *lock)
	hak_takes(lock) hak_unchecked("it makes the lock what it is")
{
	unsigned long flags;

	local_irq_save(flags);
	/* Whoever finds it raised is nested in a holder, and must not have come this far. */
	WARN_ON_ONCE(IS_ENABLED(CONFIG_LOCKDEP) && __this_cpu_read(hak_busy));
	__this_cpu_inc(hak_busy);
	raw_spin_lock(lock);
	return flags;
}

static __always_inline void hak_unlock(raw_spinlock_t *lock, unsigned long flags)
	hak_drops(lock) hak_unchecked("likewise")
{
	raw_spin_unlock(lock);
	__this_cpu_dec(hak_busy);
	local_irq_restore(flags);
}

/* Is this call nested inside one that holds a lock of the core? Preemption is off. */
static __always_inline bool hak_nested(void)
{
	return unlikely(__this_cpu_read(hak_busy));
}

#endif /* _SS_LOCK_H */
