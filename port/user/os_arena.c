// SPDX-License-Identifier: GPL-2.0
/*
 * The arena of hak_shim.h: addresses that belong to nobody else, and are mapped as they are used.
 *
 *   SuperSlabs, 32 GiB | small blocks, 2 GiB | a struct page for each page | CPUs | their slots |
 *   a map of runs | runs, 64 GiB
 *
 * SuperSlabs are made in a window, a naturally aligned part of the first 32 GiB.  That makes "is
 * it one of ours" a comparison of upper bits.  The window can be read everywhere, so that a tag
 * can be looked at before anything is known of a pointer.  It can be written to where SuperSlabs
 * are, and only these count against RLIMIT_DATA and overcommit, and come into a core dump.  When
 * it is full it becomes twice as large, on the side its alignment asks for.  Where that much
 * cannot be had, SuperSlabs are added behind it one at a time.  The inlined path does not know
 * them until the rest is there.
 *
 * The place is drawn at random where neither the kernel, left to itself, nor sanitizers, language
 * runtimes and programs without a random address put anything.
 */
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hak_shim.h"

#ifndef SHIM_RANDOM
#define SHIM_RANDOM 0
#endif

#define FIRST_PLACE	0x410000000000UL
#define PLACES		448UL			/* up to 0x4f0000000000 */
#ifdef __SANITIZE_THREAD__
#define TRIES		0			/* it has no shadow of these */
#else
#define TRIES		16
#endif
#define SS_PAGES	512U
#define FIRST_WINDOW	(4 * SS_PAGES)
#define SMALL_AT	(SHIM_SS_BYTES >> PAGE_SHIFT)
#define SMALL_STEP	16U			/* pages of small blocks mapped at once */
#define PAGES_AT	(SHIM_SS_BYTES + SHIM_SMALL_BYTES)
#define PAGES_BYTES	(node_end_pfn(0) * sizeof(struct page))

char *shim_arena;
struct page *shim_pages;
struct shim_window shim_window = { 0, 1 };	/* nothing is in it */

/* [page_lock], in pages from the start of the arena */
static u32 window_first, window_pages;		/* of the window */
static u32 ss_next, ss_mapped, ss_end;		/* first not used; not mapped; of what is filled */
static u32 small_next, small_mapped;

/* [cpu_lock], or of runs their own lock */
static struct { size_t at, most, mapped; } parts[SHIM_NR_PARTS];

/* By its number: the mmap() of a sanitizer in the program moves what it has no shadow of. */
static void *map(void *at, size_t bytes, int prot, int flags)
{
	int err = errno;
	void *p = (void *)syscall(SYS_mmap, at, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags,
				  -1, 0L);

	/* Who does not know MAP_FIXED_NOREPLACE takes the address for a wish. */
	if (p != MAP_FAILED && p != at)
		munmap(p, bytes);
	errno = err;
	return p == at ? p : NULL;
}

/* Addresses nobody has yet, for use at once. */
static bool map_new(void *at, size_t bytes)
{
	return map(at, bytes, PROT_READ | PROT_WRITE, MAP_FIXED_NOREPLACE);
}

static void tell(void *at, size_t bytes, int advice)
{
	int err = errno;

	madvise(at, bytes, advice);
	errno = err;
}

static void *arena_page(u32 i)
{
	return shim_arena + i * PAGE_SIZE;
}

/* The descriptors of @n pages from @first on, which are a multiple of SS_PAGES. */
static bool map_descriptors(u32 first, u32 n)
{
	return map_new(shim_pages + first, n * sizeof(struct page));
}

/* Pages of the window that can be read. */
static bool window_map(u32 first, u32 n)
{
	void *at = arena_page(first);

	if (!map(at, n * PAGE_SIZE, PROT_READ, MAP_FIXED_NOREPLACE))
		return false;
	if (!map_descriptors(first, n)) {
		munmap(at, n * PAGE_SIZE);
		return false;
	}
	tell(at, n * PAGE_SIZE, MADV_DONTDUMP);
	return true;
}

/*
 * The half that has just been filled up belongs to the window.  Who reads one of the two fields
 * as it was finds fewer addresses in it, or those of the new half alone.
 */
static void window_widen(void)
{
	unsigned long bytes;

	window_first = min(window_first, ss_end - window_pages);
	window_pages *= 2;
	bytes = window_pages * PAGE_SIZE;
	WRITE_ONCE(shim_window.mask, ~(bytes - 1) | 7);
	WRITE_ONCE(shim_window.base, (unsigned long)arena_page(window_first));
}

static bool window_reach(u32 end)
{
	if (!window_map(ss_mapped, end - ss_mapped))
		return false;
	ss_mapped = end;
	if (end == ss_end)
		window_widen();
	return true;
}

u32 shim_fresh_ss(void)
{
	u32 i;

	if (ss_next == ss_end) {
		if (window_pages == SMALL_AT)
			return 0;
		ss_next = ss_mapped = window_first ^ window_pages;
		ss_end = ss_next + window_pages;
	}
	if (ss_next == ss_mapped && !window_reach(ss_end) && !window_reach(ss_next + SS_PAGES))
		return 0;
	i = ss_next;
	ss_next += SS_PAGES;
	/* The first of all is left out: its number says that there is none. */
	return i ? i : shim_fresh_ss();
}

u32 shim_fresh_small(u32 pages)
{
	u32 i = ALIGN(small_next, pages), end = ALIGN(i + pages, SMALL_STEP), step;

	if (i + pages > node_end_pfn(0))
		return 0;
	while (small_mapped < end) {
		step = small_mapped % SS_PAGES;
		if (!step && !map_descriptors(small_mapped, SS_PAGES))
			return 0;
		if (!map_new(arena_page(small_mapped), SMALL_STEP * PAGE_SIZE)) {
			if (!step)
				munmap(shim_pages + small_mapped, PAGE_SIZE);
			return 0;
		}
		small_mapped += SMALL_STEP;
	}
	small_next = i + pages;
	return i;
}

bool shim_ss_open(void *base)
{
	return map(base, SS_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_FIXED);
}

void shim_ss_close(void *base)
{
	/* If it stays writable, it has no memory all the same. */
	if (map(base, SS_PAGES * PAGE_SIZE, PROT_READ, MAP_FIXED))
		tell(base, SS_PAGES * PAGE_SIZE, MADV_DONTDUMP);
}

bool shim_is_mapped(const void *p)
{
	u32 i = ((const char *)p - shim_arena) >> PAGE_SHIFT;

	if ((unsigned long)p - (unsigned long)shim_arena >= PAGES_AT)
		return false;
	return i >= SMALL_AT ? i < small_mapped : shim_in_window(p) ||
	       (ss_end - ss_mapped && i >= ss_end - window_pages && i < ss_mapped);
}

char *shim_part(enum shim_part part)
{
	return shim_arena + parts[part].at;
}

bool shim_part_reach(enum shim_part part, size_t bytes)
{
	size_t had = parts[part].mapped;

	bytes = PAGE_ALIGN(bytes);
	if (bytes <= had)
		return true;
	if (bytes > parts[part].most || !map_new(shim_part(part) + had, bytes - had))
		return false;
	parts[part].mapped = bytes;
	return true;
}

/* Not where a debugger has asked for the same addresses in each run. */
static u64 draw(void)
{
	u64 r = 0;

	if (!SHIM_RANDOM || personality(0xffffffff) & ADDR_NO_RANDOMIZE ||
	    getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		return 0;
	return r;
}

/* The arena at @at, with a first window somewhere in it. */
static bool place(unsigned long at, u64 r)
{
	shim_arena = (char *)at;
	shim_pages = (struct page *)(shim_arena + PAGES_AT);
	ss_next = ss_mapped = r % (SMALL_AT / FIRST_WINDOW) * FIRST_WINDOW;
	if (!window_map(ss_next, FIRST_WINDOW))
		return false;
	window_first = ss_next;
	window_pages = FIRST_WINDOW / 2;
	ss_mapped = ss_end = ss_next + FIRST_WINDOW;
	window_widen();
	return true;
}

static bool place_somewhere(void)
{
	unsigned long at;
	u64 r;
	int i;

	for (i = 0; i < TRIES; i++) {
		r = draw();
		if (place(FIRST_PLACE + (r + i) % PLACES * SHIM_SS_BYTES, r / PLACES))
			return true;
	}
	/* Where not all addresses can be had, as in valgrind and beside TSan: low ones. */
	for (at = 2 * SHIM_SS_BYTES; at < SHIM_SS_BYTES << 9; at += 2 * SHIM_SS_BYTES)
		if (place(at, 0))
			return true;
	return false;
}

int shim_arena_init(void)
{
	size_t at = PAGES_AT + PAGES_BYTES;
	unsigned int i;

	if (!place_somewhere())
		return -ENOMEM;
	small_next = small_mapped = SMALL_AT;
	parts[SHIM_PART_CPUS].most = PAGE_ALIGN((SHIM_CPUS + 1) * sizeof(struct shim_cpu));
	parts[SHIM_PART_SLOTS].most = (SHIM_CPUS + 1UL) * SHIM_SLOT;
	parts[SHIM_PART_RUN_MAP].most = SHIM_RUN_BYTES >> PAGE_SHIFT << 4;
	parts[SHIM_PART_RUNS].most = SHIM_RUN_BYTES;
	for (i = 0; i < SHIM_NR_PARTS; at += parts[i++].most)
		parts[i].at = at;
	return 0;
}
