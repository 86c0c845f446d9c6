// SPDX-License-Identifier: GPL-2.0
/*
 * Runs: sizes above those of the classes, up to HAK_RUN_MAX, as whole pages in a row.
 *
 * They lie in a part of the arena of their own, which grows at its end.  Each page of it has an
 * entry in a map, apart from the memory.  That of a run's first page says what it is and how
 * long.  That of the last page of a free one says where it begins.  So free neighbours become one
 * run, and any pointer is judged without a look at what lies there.
 *
 * A free run is dirty, which costs memory, or clean: it reads as 0 and costs none.  Dirty ones
 * serve first.  Of those nobody wanted for a while (hak_run_trim()), or that are too many, the
 * memory goes back.  Where it is wanted again within a moment, more may stay from then on.  Dirty
 * and clean ones do not become one run.
 *
 * Free runs stand in bins by length, four for each doubling.  A look at one word finds a bin whose
 * runs all will do.  Before that the last ones freed are kept as they are, for the next that wants
 * as many pages.  Lengths are rounded, so that there is one: pages nobody touches cost nothing.
 */
#include "malloc/hak_run_book.h"
#include "superslab/ss_block.h"

#define PAGES_MAX	(SHIM_RUN_BYTES >> PAGE_SHIFT)
#define GROW_PAGES	512U		/* at once: 2 MiB */
#define DIRTY_LEAST	4096U		/* pages that may stay dirty: 16 MiB */
#define DIRTY_MOST	262144U		/* 1 GiB */

unsigned long hak_run_base, hak_run_bytes;
static raw_spinlock_t run_lock;		/* of the books, too */

/* [run_lock], in pages */
static u32 dirty_let = DIRTY_LEAST;	/* so many may stay dirty, or kept */
static u32 dirty_low;			/* fewest since the last look */
static u32 cleaned[2];			/* too many: since the last look, and before it */
static struct hak_run_stats stats;	/* read by anybody */

static void run_enter(void)
{
	preempt_disable();
	raw_spin_lock(&run_lock);
}

static void run_leave(void)
{
	raw_spin_unlock(&run_lock);
	preempt_enable();
}

static u32 dirty_now(void)
{
	return hak_run_book.dirty + hak_run_book.kept;
}

static void *page_at(u32 i)
{
	return (void *)(hak_run_base + i * PAGE_SIZE);
}

static u32 page_of(const void *p)
{
	return ((unsigned long)p - hak_run_base) >> PAGE_SHIFT;
}

/* Addresses for @n pages more. */
static bool run_reach(u32 n)
{
	unsigned long end = hak_run_book.end + n;

	return end <= PAGES_MAX &&
	       shim_part_reach(SHIM_PART_RUN_MAP, (end + 1) * sizeof(struct run_page)) &&
	       shim_part_reach(SHIM_PART_RUNS, end * PAGE_SIZE);
}

/* There is a free run of @n pages, or false. */
static bool run_grow(u32 n)
{
	u32 more = ALIGN(n, GROW_PAGES), at = hak_run_book.end;

	/* Under a limit it may be that no more can be had than is wanted. */
	if (!run_reach(more) && !run_reach(more = n))
		return false;
	hak_run_book.end += more;
	hak_run_add(at, more, RUN_CLEAN);
	return true;
}

/* @n pages are made dirty: were as many given up a moment ago? */
static void runs_missed(u32 n)
{
	u32 early = min(n, cleaned[0] + cleaned[1]), old = min(early, cleaned[1]);

	cleaned[1] -= old;
	cleaned[0] -= early - old;
	dirty_let = min(dirty_let + early, DIRTY_MOST);
}

/* Of the @pages from @i on, which are as @state says, @n from @at on are used from now on. */
static void run_use(u32 i, u32 pages, u32 at, u32 n, enum run_state state)
{
	u32 end = i + pages;

	*page(at) = (struct run_page){ .state = RUN_USED, .pages = n };
	hak_run_book.used += n;
	if (at > i)
		hak_run_add(i, at - i, state);
	if (end > at + n)
		hak_run_add(at + n, end - at - n, state);
	if (state == RUN_CLEAN) {
		hak_mem_add(HAK_MEM_PAGES, n);
		runs_missed(n);
	}
}

/* @n pages at a multiple of @align; sets whether they read as 0.  The first, or 0. */
static u32 run_take(u32 n, size_t align, bool *zero)
{
	u32 room = n + (align >> PAGE_SHIFT) - 1, i, pages, at;
	enum run_state state;

	i = hak_run_find(room, RUN_DIRTY);
	if (!i && hak_run_book.kept) {
		hak_run_merge();
		i = hak_run_find(room, RUN_DIRTY);
	}
	i = i ?: hak_run_find(room, RUN_CLEAN);
	if (!i && run_grow(room))
		i = hak_run_find(room, RUN_CLEAN);
	if (!i)
		return 0;
	state = page(i)->state;
	pages = page(i)->pages;
	*zero = state == RUN_CLEAN;
	at = page_of((void *)ALIGN((unsigned long)page_at(i), align));
	hak_run_unlist(i);
	run_use(i, pages, at, n, state);
	return at;
}

/* Pages for @size: in eighths of a doubling. */
static u32 pages_for(size_t size)
{
	u32 n = (size + PAGE_SIZE - 1) >> PAGE_SHIFT;

	return n < 16 ? n : ALIGN(n, 1U << (__fls(n) - 3));
}

void *hak_run_alloc(size_t size, size_t align, bool *zero)
{
	u32 n = pages_for(size), i = 0;

	run_enter();
	*zero = false;
	if (align == PAGE_SIZE)
		i = hak_run_kept(n);
	if (!i)
		i = run_take(n, align, zero);
	dirty_low = min(dirty_low, dirty_now());
	stats.allocs += !!i;
	run_leave();
	return i ? page_at(i) : NULL;
}

/*
 * The longest dirty runs become clean, until no more than @most pages are dirty.  Not under the
 * lock: nobody has them meanwhile.
 */
static void runs_clean(u32 most)
{
	u32 i, n;

	hak_run_merge();
	while (hak_run_book.dirty > most) {
		i = hak_run_longest();
		n = page(i)->pages;
		hak_run_unlist(i);
		*page(i) = (struct run_page){ .state = RUN_LEAVING, .pages = n };
		run_leave();
		shim_memory_drop(page_at(i), n * PAGE_SIZE);
		run_enter();
		*page(i) = (struct run_page){ };
		hak_run_add(i, n, RUN_CLEAN);
		hak_mem_add(HAK_MEM_PAGES, -(long)n);
	}
	dirty_low = min(dirty_low, dirty_now());
}

/* A quarter of them goes, so that the next free does not find as many. */
static void runs_too_many(void)
{
	u32 had = dirty_now();

	runs_clean(dirty_let / 4 * 3);
	cleaned[0] += had - min(had, dirty_now());
}

/* What is wrong about a free of @p, or -1: a run that is used begins there. */
static int run_judge(const void *p)
{
	u32 i = page_of(p);

	if (i >= hak_run_book.end)
		return HAK_BAD_FOREIGN;
	if (likely(page(i)->state == RUN_USED && !((unsigned long)p % PAGE_SIZE)))
		return -1;
	while (i && page(i)->state == RUN_NONE)
		i--;
	if (!i)
		return HAK_BAD_FOREIGN;
	if ((unsigned long)p % PAGE_SIZE || page(i)->state == RUN_USED)
		return HAK_BAD_INTERIOR;
	return HAK_BAD_DOUBLE;
}

void hak_run_free(void *p, unsigned long caller)
{
	u32 i = page_of(p), n;
	int bad;

	run_enter();
	bad = run_judge(p);
	if (likely(bad < 0)) {
		n = page(i)->pages;
		hak_run_book.used -= n;
		stats.frees++;
		hak_run_keep(i, n);
		if (unlikely(dirty_now() > dirty_let))
			runs_too_many();
	}
	run_leave();
	if (unlikely(bad >= 0))
		hak_report_bad(bad, p, NULL, caller);
}

size_t hak_run_usable(const void *p)
{
	size_t bytes = 0;

	run_enter();
	if (run_judge(p) < 0)
		bytes = page(page_of(p))->pages * PAGE_SIZE;
	run_leave();
	return bytes;
}

/* The run at @i becomes @n pages longer, if those behind it are free. */
static bool run_extend(u32 i, u32 n)
{
	u32 at = i + page(i)->pages, pages;
	enum run_state state;

	if (at < hak_run_book.end && page(at)->state == RUN_KEPT)
		hak_run_merge();
	if (at >= hak_run_book.end || page(at)->pages < n ||
	    (page(at)->state != RUN_DIRTY && page(at)->state != RUN_CLEAN))
		return false;
	state = page(at)->state;
	pages = page(at)->pages;
	hak_run_unlist(at);
	run_use(at, pages, at, n, state);
	*page(at) = (struct run_page){ };
	page(i)->pages += n;
	return true;
}

bool hak_run_resize(void *p, size_t size)
{
	u32 i = page_of(p), n = pages_for(size), had;
	bool done = true;

	run_enter();
	had = page(i)->pages;
	if (n < had) {
		page(i)->pages = n;
		hak_run_book.used -= had - n;
		hak_run_add(i + n, had - n, RUN_DIRTY);
	} else if (n > had) {
		done = run_extend(i, n - had);
	}
	run_leave();
	return done;
}

void hak_run_trim(bool all)
{
	u32 unused;

	if (!hak_run_base)
		return;
	run_enter();
	unused = all ? dirty_now() : dirty_low;
	runs_clean(dirty_now() - unused);
	dirty_let = max(DIRTY_LEAST, dirty_let - min(dirty_let, unused));
	dirty_low = dirty_now();
	cleaned[1] = cleaned[0];
	cleaned[0] = 0;
	run_leave();
}

void hak_run_stats(struct hak_run_stats *s)
{
	s->allocs = READ_ONCE(stats.allocs);
	s->frees = READ_ONCE(stats.frees);
	s->used = READ_ONCE(hak_run_book.used);
}

unsigned int hak_run_verify(void)
{
	unsigned int wrong;

	run_enter();
	wrong = hak_run_book_verify();
	run_leave();
	return wrong;
}

int hak_run_init(void)
{
	hak_run_book.map = (struct run_page *)shim_part(SHIM_PART_RUN_MAP);
	if (!shim_part_reach(SHIM_PART_RUN_MAP, PAGE_SIZE))
		return -ENOMEM;
	hak_run_bytes = SHIM_RUN_BYTES;
	hak_run_base = (unsigned long)shim_part(SHIM_PART_RUNS);
	return 0;
}
