// SPDX-License-Identifier: GPL-2.0
/*
 * Pages for hak_shim.h, of the arena (os_arena.c).  What is given back is kept for the next one
 * that asks for as much.  It reads as 0: whoever still looks sees no SuperSlab.
 */
#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hak_shim.h"

struct shim_next shim_next;
bool shim_abort;
__thread const char *shim_call;

#define SS_ORDER 9
#define BAD_FREE "hakmem: bad free"
#define CALLER "caller 0x"
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

static raw_spinlock_t page_lock;
static u32 page_free[SS_ORDER + 1];	/* [page_lock] by order, index of the first; 0: none */

static u32 page_take(unsigned int order)
{
	u32 i = page_free[order];

	if (i)
		page_free[order] = shim_pages[i].next;
	else
		i = order < SS_ORDER ? shim_fresh_small(1U << order) : shim_fresh_ss();
	return i;
}

static void page_put(struct page *page, unsigned int order)
{
	preempt_disable();
	raw_spin_lock(&page_lock);
	page->next = page_free[order];
	page_free[order] = page - shim_pages;
	raw_spin_unlock(&page_lock);
	preempt_enable();
}

struct page *alloc_pages_node(int nid, gfp_t gfp, unsigned int order)
{
	struct page *page;
	void *warm = order == SS_ORDER ? shim_warm_take() : NULL;
	u32 i;

	if (warm) {
		page = virt_to_page(warm);
		page->refs = 1;
		return page;
	}
	preempt_disable();
	raw_spin_lock(&page_lock);
	i = page_take(order);
	raw_spin_unlock(&page_lock);
	preempt_enable();
	if (!i)
		return NULL;
	page = &shim_pages[i];
	if (order == SS_ORDER && !shim_ss_open(page_address(page))) {
		page_put(page, order);
		return NULL;
	}
	if (order == SS_ORDER)
		shim_warm_missed(page_address(page));
	page->refs = 1;
	return page;
}

/* What is locked in memory is given up all the same. */
void shim_memory_drop(void *at, size_t bytes)
{
	int err = errno;

	if (madvise(at, bytes, MADV_DONTNEED) && madvise(at, bytes, MADV_DONTNEED_LOCKED))
		memset(at, 0, bytes);
	errno = err;
}

void shim_pages_drop(struct page *page, unsigned int order)
{
	shim_memory_drop(page_address(page), PAGE_SIZE << order);
}

void __free_pages(struct page *page, unsigned int order)
{
	if (order == SS_ORDER && shim_warm_put(page_address(page)))
		return;
	if (order == SS_ORDER)
		shim_ss_close(page_address(page));
	page_put(page, order);
}

void shim_ss_put(void *base)
{
	page_put(virt_to_page(base), SS_ORDER);
}

void *kmalloc(size_t n, gfp_t gfp)
{
	size_t align = min(n & -n, PAGE_SIZE);
	void *p;

	if (align <= 2 * sizeof(void *))
		return gfp & __GFP_ZERO ? shim_next.calloc(1, n) : shim_next.malloc(n);
	p = shim_next.memalign(align, n);
	return p && gfp & __GFP_ZERO ? memset(p, 0, n) : p;
}

/*
 * Whose it is, for those who read the log of many: program, process, and where it was freed as
 * addr2line wants it.  Takes the place of the end of the line.
 */
static int tell_place(char *end, size_t room, const char *caller)
{
	const char *call = shim_call;
	struct link_map *map = NULL;
	unsigned long at = 0;
	Dl_info object;
	int n;

	if (caller)
		at = strtoul(caller + strlen(CALLER), NULL, 16);
	n = scnprintf(end, room, "; %s, process %d", program_invocation_short_name, getpid());
	if (at && dladdr1((void *)at, &object, (void **)&map, RTLD_DL_LINKMAP) && map)
		n += scnprintf(end + n, room - n, ", %s+0x%lx", object.dli_fname,
			       at - (unsigned long)map->l_addr);
	return n + scnprintf(end + n, room - n, "%s%s\n", call ? ", found by " : "", call ?: "");
}

void pr_err(const char *fmt, ...)
{
	char line[1024];
	va_list args;
	bool bad;
	int n;

	va_start(args, fmt);
	n = vscnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	bad = !strncmp(line, BAD_FREE, strlen(BAD_FREE));
	if (bad && n && line[n - 1] == '\n')
		n += tell_place(line + n - 1, sizeof(line) - n + 1, strstr(line, CALLER)) - 1;
	if (write(STDERR_FILENO, line, n) != n)
		return;
	if (shim_abort && bad)
		abort();
}

int shim_pages_init(void)
{
	shim_next.malloc = dlsym(RTLD_NEXT, "malloc");
	shim_next.calloc = dlsym(RTLD_NEXT, "calloc");
	shim_next.realloc = dlsym(RTLD_NEXT, "realloc");
	shim_next.memalign = dlsym(RTLD_NEXT, "memalign");
	shim_next.free = dlsym(RTLD_NEXT, "free");
	shim_next.usable = dlsym(RTLD_NEXT, "malloc_usable_size");
	shim_next.trim = dlsym(RTLD_NEXT, "malloc_trim");
	shim_next.info = dlsym(RTLD_NEXT, "malloc_info");
	shim_next.stats = dlsym(RTLD_NEXT, "malloc_stats");
	shim_next.mallopt = dlsym(RTLD_NEXT, "mallopt");
	shim_next.mallinfo2 = dlsym(RTLD_NEXT, "mallinfo2");
	return shim_arena_init();
}
