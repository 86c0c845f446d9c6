// SPDX-License-Identifier: GPL-2.0
/*
 * Pages for hak_shim.h: the arena, reserved once and for all.
 *
 * Its first 32 GiB are a naturally aligned window of SuperSlabs and nothing else.  That makes "is
 * it ours" a comparison of upper bits.  Behind it come smaller blocks.  Pages that are given back
 * stay mapped and read as 0: whoever still looks sees no SuperSlab.
 */
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hak_shim.h"

struct shim_next shim_next;
char *shim_arena;
struct page *shim_pages;
u32 shim_window = ~0U;
bool shim_abort;

#define SS_ORDER 9
#define BAD_FREE "hakmem: bad free"

static raw_spinlock_t page_lock;
static u32 page_fresh[2] = { 1U << SS_ORDER, SHIM_SS_BYTES >> PAGE_SHIFT };	/* [page_lock] */
static u32 page_free[SS_ORDER + 1];	/* [page_lock] by order, index of the first; 0: none */

static void *map(void *where, size_t bytes)
{
	return mmap(where, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* Where it fits by itself, or cut out of more. */
void *shim_reserve(size_t bytes, size_t align)
{
	char *p, *base;
	size_t at;

	for (at = 2 * align; align > PAGE_SIZE && at < align << 11; at *= 2) {
		p = map((void *)at, bytes);
		if (p == (char *)at)
			return p;
		if (p != MAP_FAILED)
			munmap(p, bytes);
	}
	p = map(NULL, bytes + align);
	if (p == MAP_FAILED)
		return NULL;
	base = (char *)ALIGN((unsigned long)p, align);
	if (base != p)
		munmap(p, base - p);
	munmap(base + bytes, p + align - base);
	return base;
}

static u32 page_take(unsigned int order)
{
	size_t end = SHIM_SS_BYTES + (order < SS_ORDER ? SHIM_SMALL_BYTES : 0);
	u32 *fresh = &page_fresh[order < SS_ORDER], i = page_free[order];

	if (i) {
		page_free[order] = shim_pages[i].next;
		return i;
	}
	i = ALIGN(*fresh, 1U << order);
	if (i + (1U << order) > end >> PAGE_SHIFT)
		return 0;
	*fresh = i + (1U << order);
	return i;
}

struct page *alloc_pages_node(int nid, gfp_t gfp, unsigned int order)
{
	u32 i;

	preempt_disable();
	raw_spin_lock(&page_lock);
	i = page_take(order);
	raw_spin_unlock(&page_lock);
	preempt_enable();
	if (!i)
		return NULL;
	shim_pages[i].refs = 1;
	return &shim_pages[i];
}

void shim_pages_drop(struct page *page, unsigned int order)
{
	int err = errno;

	madvise(page_address(page), PAGE_SIZE << order, MADV_DONTNEED);
	errno = err;
}

void __free_pages(struct page *page, unsigned int order)
{
	preempt_disable();
	raw_spin_lock(&page_lock);
	page->next = page_free[order];
	page_free[order] = page - shim_pages;
	raw_spin_unlock(&page_lock);
	preempt_enable();
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

void pr_err(const char *fmt, ...)
{
	char line[512];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vscnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (write(STDERR_FILENO, line, n) != n)
		return;
	if (shim_abort && !strncmp(line, BAD_FREE, strlen(BAD_FREE)))
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
	shim_pages = shim_reserve(node_end_pfn(0) * sizeof(struct page), PAGE_SIZE);
	shim_arena = shim_reserve(SHIM_SS_BYTES + SHIM_SMALL_BYTES, SHIM_SS_BYTES);
	if (!shim_pages || !shim_arena)
		return -ENOMEM;
	shim_window = (unsigned long)shim_arena >> SHIM_WINDOW_SHIFT;
	return 0;
}
