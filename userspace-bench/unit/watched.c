// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of the next allocator, watched: whose a pointer is, and what happens when
 * there is none.
 *
 * The core's kmalloc() family goes through shim_next.  From unit_watch_start() on, each block it
 * gives is kept in a table until it is freed.  It is filled with junk unless it is to be zero.
 * current->fail_nth counts down at each allocation of this thread, pages and per-CPU memory
 * included (the linker's --wrap); the one at which it reaches 0 fails.
 */
#include "superslab/ss_types.h"
#include "unit/hak_kernel.h"
#include "unit/unit.h"

#define BUCKETS 4096

struct block {
	struct block *next;
	void *p;
};

__thread struct unit_task unit_current;
static struct shim_next real;
atomic_uint unit_superslabs_asked;
atomic_uint unit_superslabs_woke;
atomic_bool unit_superslabs_refused;
static struct block *bucket[BUCKETS];		/* [lock] */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool fails(void)
{
	return current->fail_nth && !--current->fail_nth;
}

static struct block **bucket_of(const void *p)
{
	return &bucket[((unsigned long)p >> 4) * 0x9e3779b97f4a7c15 >> 52];
}

static struct block **find(const void *p)
{
	struct block **b = bucket_of(p);

	while (*b && (*b)->p != p)
		b = &(*b)->next;
	return b;
}

static void *enter(void *p)
{
	struct block *b = p ? real.malloc(sizeof(*b)) : NULL;

	if (!b)
		return p;
	b->p = p;
	pthread_mutex_lock(&lock);
	b->next = *bucket_of(p);
	*bucket_of(p) = b;
	pthread_mutex_unlock(&lock);
	return p;
}

static void *watched_malloc(size_t size)
{
	void *p = fails() ? NULL : real.malloc(size);

	return p ? enter(memset(p, 0xa5, size)) : NULL;
}

static void *watched_memalign(size_t align, size_t size)
{
	void *p = fails() ? NULL : real.memalign(align, size);

	return p ? enter(memset(p, 0xa5, size)) : NULL;
}

static void *watched_calloc(size_t n, size_t size)
{
	return fails() ? NULL : enter(real.calloc(n, size));
}

static void watched_free(void *p)
{
	struct block **b, *gone;

	pthread_mutex_lock(&lock);
	b = find(p);
	gone = *b;
	if (gone)
		*b = gone->next;
	pthread_mutex_unlock(&lock);
	real.free(gone);
	real.free(p);
}

/* What free_route() asks: may this be given to the next allocator? Any value. */
bool SHIM_KERNEL_OWNS(const void *p)
{
	bool owned;

	pthread_mutex_lock(&lock);
	owned = *find(p) != NULL;
	pthread_mutex_unlock(&lock);
	return owned;
}

void unit_watch_start(void)
{
	real = shim_next;
	shim_next.malloc = watched_malloc;
	shim_next.calloc = watched_calloc;
	shim_next.memalign = watched_memalign;
	shim_next.free = watched_free;
}

struct page *__real_alloc_pages_node(int nid, gfp_t gfp, unsigned int order);
struct page *__wrap_alloc_pages_node(int nid, gfp_t gfp, unsigned int order);
struct page *__wrap_alloc_pages_node(int nid, gfp_t gfp, unsigned int order)
{
	if (order == HAK_SS_ORDER) {
		unit_superslabs_asked++;
		unit_superslabs_woke += !!(gfp & __GFP_KSWAPD_RECLAIM);
		for (int i = 0; i < 20; i++)
			sched_yield();
		if (unit_superslabs_refused)
			return NULL;
	}
	return fails() ? NULL : __real_alloc_pages_node(nid, gfp, order);
}

void *__real_shim_alloc_percpu(size_t size);
void *__wrap_shim_alloc_percpu(size_t size);
void *__wrap_shim_alloc_percpu(size_t size)
{
	return fails() ? NULL : __real_shim_alloc_percpu(size);
}
