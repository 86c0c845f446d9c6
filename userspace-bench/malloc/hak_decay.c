// SPDX-License-Identifier: GPL-2.0
/*
 * What nobody wanted for a while goes back.  The kernel has a reaper for that.  Here there is no
 * thread to do it, so who leaves the inlined path looks at the clock now and then.  A program that
 * idles keeps what it has until malloc_trim().
 *
 * Of depots, empty slabs, runs and warm SuperSlabs goes what was there all the time since the last
 * look.  The sets of threads are theirs.
 */
#include <time.h>

#include "malloc/hak_run.h"
#include "tiny/tiny_depot.h"

#define LOOK_EVERY	500000000UL	/* nanoseconds */
#define LOOK_BUSY	200000000UL	/* and so many of the program's own; */
#define LOOK_AT_LAST	4000000000UL	/* or when so many have gone by */

__thread unsigned int hak_decay_misses;

static void caches_trim(void)
{
	struct hak_core *core;

	/* Whoever holds it may be on its way to us: one that forks. */
	if (!mutex_trylock(&hak_caches_lock))
		return;
	list_for_each_entry(core, &hak_caches, list) {
		hak_depot_trim(core->depot, &core->pool, false);
		hak_pool_trim(&core->pool, false);
	}
	mutex_unlock(&hak_caches_lock);
	hak_pool_trim(&hak_mag_pool, false);
}

static unsigned long nanoseconds(clockid_t which)
{
	struct timespec now;

	if (clock_gettime(which, &now))
		return 0;
	return now.tv_sec * 1000000000UL + now.tv_nsec;
}

/* Is it time to look?  It is for one thread.  The first time there is nothing to compare with. */
static bool look_due(void)
{
	static unsigned long last, last_busy;
	unsigned long then = READ_ONCE(last), now = nanoseconds(CLOCK_MONOTONIC_COARSE), busy;

	if (now - then < LOOK_EVERY)
		return false;
	/* Where others have the CPU, a while is longer. */
	busy = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
	if (busy - READ_ONCE(last_busy) < LOOK_BUSY && now - then < LOOK_AT_LAST)
		return false;
	if (!try_cmpxchg(&last, &then, now))
		return false;
	WRITE_ONCE(last_busy, busy);
	return then;
}

void hak_decay_look(void)
{
	int err = errno;

	if (look_due()) {
		caches_trim();
		hak_run_trim(false);
		shim_warm_look(false);
	}
	errno = err;
}

unsigned long hak_user_held(void)
{
	return atomic_long_read(&hak_mem_stat[HAK_MEM_PAGES]) + shim_warm_pages();
}

void hak_user_trim(void)
{
	shim_bury();
	__atomic_fetch_add(&shim_warm_off, 1, __ATOMIC_SEQ_CST);
	hak_run_trim(true);
	hak_shrink_all();
	shim_warm_look(true);
	__atomic_fetch_sub(&shim_warm_off, 1, __ATOMIC_SEQ_CST);
}
