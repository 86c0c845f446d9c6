// SPDX-License-Identifier: GPL-2.0
/*
 * SuperSlabs that were given back and keep their memory for a while: they are warm.
 *
 * At first none does: what a program frees goes back at once.  It may want as much again within a
 * moment.  Then it was too early, and from then on as many stay warm.  What
 * nobody wants of them for a while goes, and is not kept the next time.  So a program that builds
 * and drops the same again and again pays for its pages twice, and one that does it once holds
 * nothing.
 *
 * One that was given up too early is likely to be used as a whole.  So the kernel is asked for a
 * large page, which is one page fault instead of 512.
 */
#include <sys/mman.h>

#include "hak_shim.h"

#define NR_SS		(SHIM_SS_BYTES >> SHIM_SS_SHIFT)
#define WARM_MOST	512U		/* 1 GiB */

/* Of a SuperSlab, on its way back and as long as nobody has it. */
enum { WARM_KEEP = 1, WARM_DROP = 2, WARM_HUGE = 4 };

int shim_warm_off;			/* somebody wants all memory back */

/* [warm_lock] */
static raw_spinlock_t warm_lock;
static u8 state[NR_SS];
static u32 warm[WARM_MOST];		/* the number of each, and how many: those that are warm, */
static u32 nr_warm;
static u32 nr_coming;			/* those on their way, */
static u32 nr_let;			/* and those that may be */
static u32 low_warm;			/* fewest since the last look */
static u32 cold[2];			/* given up since the last look, and before it */

static u32 ss_nr(const void *p)
{
	return ((const char *)p - shim_arena) >> SHIM_SS_SHIFT;
}

static void *ss_at(u32 nr)
{
	return shim_arena + ((unsigned long)nr << SHIM_SS_SHIFT);
}

static void warm_enter(void)
{
	preempt_disable();
	raw_spin_lock(&warm_lock);
}

static void warm_leave(void)
{
	raw_spin_unlock(&warm_lock);
	preempt_enable();
}

static bool keep(u32 nr)
{
	if (state[nr] & (WARM_KEEP | WARM_DROP))
		return state[nr] & WARM_KEEP;
	if (!READ_ONCE(shim_warm_off) && nr_warm + nr_coming < nr_let) {
		state[nr] |= WARM_KEEP;
		nr_coming++;
		return true;
	}
	state[nr] |= WARM_DROP;
	return false;
}

/* Holes that were made on purpose are not to be filled by large pages. */
static void ss_split(u32 nr)
{
	int err = errno;

	state[nr] &= ~WARM_HUGE;
	madvise(ss_at(nr), 1UL << SHIM_SS_SHIFT, MADV_NOHUGEPAGE);
	errno = err;
}

void shim_pages_leave(struct page *page, unsigned int order)
{
	void *at = page_address(page);
	u32 nr = ss_nr(at);
	bool kept = false;

	if (nr < NR_SS) {
		warm_enter();
		if (!READ_ONCE(shim_warm_off))
			kept = keep(nr);
		if (!kept && state[nr] & WARM_HUGE)
			ss_split(nr);
		warm_leave();
	}
	if (!kept)
		shim_pages_drop(page, order);
}

bool shim_warm_put(void *base)
{
	u32 nr = ss_nr(base);
	bool kept;

	warm_enter();
	kept = keep(nr);
	state[nr] &= ~(WARM_KEEP | WARM_DROP);
	if (kept) {
		nr_coming--;
		warm[nr_warm++] = nr;
	} else {
		state[nr] = 0;
		cold[0] += !READ_ONCE(shim_warm_off);
	}
	warm_leave();
	return kept;
}

void *shim_warm_take(void)
{
	void *base = NULL;

	warm_enter();
	if (nr_warm)
		base = ss_at(warm[--nr_warm]);
	low_warm = min(low_warm, nr_warm);
	warm_leave();
	return base;
}

void shim_warm_missed(void *base)
{
	bool early;
	int err = errno;

	warm_enter();
	early = cold[0] || cold[1];
	if (early) {
		cold[!cold[0]]--;
		nr_let = min(nr_let + 1, WARM_MOST);
		state[ss_nr(base)] |= WARM_HUGE;
	}
	warm_leave();
	if (early)
		madvise(base, 1UL << SHIM_SS_SHIFT, MADV_HUGEPAGE);
	errno = err;
}

/* One that is warm ceases to be, or NULL. */
static void *warm_cool(bool all)
{
	void *base = NULL;

	warm_enter();
	if (nr_warm && (all || low_warm)) {
		base = ss_at(warm[--nr_warm]);
		state[ss_nr(base)] = 0;
		low_warm -= !!low_warm;
		nr_let -= !!nr_let;
	}
	warm_leave();
	return base;
}

void shim_warm_look(bool all)
{
	void *base;

	while ((base = warm_cool(all))) {
		shim_ss_close(base);
		shim_ss_put(base);
	}
	warm_enter();
	low_warm = nr_warm;
	cold[1] = cold[0];
	cold[0] = 0;
	warm_leave();
}

unsigned long shim_warm_pages(void)
{
	return (unsigned long)READ_ONCE(nr_warm) << (SHIM_SS_SHIFT - PAGE_SHIFT);
}
