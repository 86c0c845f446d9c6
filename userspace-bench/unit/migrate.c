// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that change CPUs while preemption is on, as the kernel's do.
 *
 * Some slots more than there are threads are parked: online, with what is left in their sets, and
 * nobody's.  A thread that moves exchanges its slot for one of those, under a lock, so that each
 * slot is one thread's at a time.  It may move where preemption comes on.  While preemption is on
 * it may move at both ends of each function of the core, inlined ones included
 * (-finstrument-functions).  What was learnt of a CPU without protection is wrong by the next
 * line.  When it does is drawn from a generator of its own, seeded by the run's seed and the
 * order of threads.
 */
#include "kunit/lib/hak_random.h"
#include "unit/hak_kernel.h"
#include "unit/unit.h"

__thread int unit_pinned;

#if SHIM_PREEMPT

#define PARKED		3
#define MOVE_ENABLED	8	/* one in so many times that preemption comes on */
#define MOVE_FUNCTION	32	/* and of the ends of functions */

static pthread_mutex_t park_lock = PTHREAD_MUTEX_INITIALIZER;
static int parked[PARKED];		/* [park_lock] */
static u64 first_seed;			/* 0: nobody moves yet */
static unsigned long threads_seen, moves;
static __thread u64 dice;
static __thread bool dice_begun;

static u64 next_rand(void)
{
	if (!dice_begun)
		dice = hak_random_begin(first_seed,
					__atomic_fetch_add(&threads_seen, 1, __ATOMIC_RELAXED));
	dice_begun = true;
	return hak_random(&dice);
}

static void may_move(unsigned int one_in)
{
	int *slot, cpu = shim_cpu_nr;
	u64 r;

	if (!first_seed || !cpu || unit_pinned || shim_dying)
		return;
	r = next_rand();
	if (r % one_in)
		return;
	pthread_mutex_lock(&park_lock);
	slot = &parked[r / one_in % PARKED];
	shim_cpu_nr = *slot;
	shim_base = shim_cpu[*slot].base;
	*slot = cpu;
	moves++;
	pthread_mutex_unlock(&park_lock);
}

void shim_preempted(void)
{
	may_move(MOVE_ENABLED);
}

void __cyg_profile_func_enter(void *fn, void *from);
void __cyg_profile_func_enter(void *fn, void *from)
{
	if (!shim_count)
		may_move(MOVE_FUNCTION);
}

void __cyg_profile_func_exit(void *fn, void *from);
void __cyg_profile_func_exit(void *fn, void *from)
{
	if (!shim_count)
		may_move(MOVE_FUNCTION);
}

void unit_migrate_start(unsigned long seed)
{
	int i;

	for (i = 0; i < PARKED; i++) {
		shim_bind();
		parked[i] = shim_cpu_nr;
	}
	shim_bind();
	first_seed = seed;
}

void unit_migrate_tell(void)
{
	printf("# threads changed CPUs %lu times\n", moves);
}

#else

void unit_migrate_start(unsigned long seed)
{
}

void unit_migrate_tell(void)
{
}

#endif
