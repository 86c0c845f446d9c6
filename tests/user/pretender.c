// SPDX-License-Identifier: GPL-2.0
/*
 * A library that passes for hakmem's in front of glibc's allocator, to test what bench-user makes
 * of its counters.  PRETENDER names the one that moves with each allocation, if any.
 */
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t size);
void __libc_free(void *p);
unsigned long long hakmem_stat_read(const char *name);

static unsigned long long allocations;

void *malloc(size_t size)
{
	__atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
	return __libc_malloc(size);
}

void free(void *p)
{
	__libc_free(p);
}

unsigned long long hakmem_stat_read(const char *name)
{
	const char *const moving = getenv("PRETENDER");

	if (!strcmp(name, "alloc_magazine"))
		return ~0ULL;
	if (!moving)
		return 0;
	/* Beside the one asked for a stage moves, so that it alone makes the difference. */
	if (!strcmp(name, moving) || (!strcmp(name, "alloc_slab") && strcmp(moving, "none")))
		return allocations;
	return 0;
}
