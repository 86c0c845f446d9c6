// SPDX-License-Identifier: GPL-2.0
/*
 * The malloc family over hakmem: what LD_PRELOAD puts in front of the C library's.
 *
 * Sizes up to 1024 bytes come from hakmem's classes of multiples of 16, which gives malloc()'s
 * alignment.  What is larger comes from the next allocator, and is counted.  Whose a pointer is
 * follows from its upper bits, see hak_arch_foreign().
 */
#include <malloc.h>

#include "malloc/hak_user.h"

#define MALLOC_ALIGN 16UL

/* Large, before the start, or no memory left in the arena. */
static void *malloc_next(size_t size)
{
	if (!hak_user_start())
		return hak_user_early(size);
	if (size > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	hak_mem_add(HAK_MEM_ALLOC_LARGE, 1);
	return shim_next.malloc(size);
}

/* The set is empty, or this thread has no CPU yet, or it is none of our sizes. */
static noinline void *malloc_miss(size_t size)
{
	const struct hak_user_cpu *here = hak_user_here();
	struct hak_cache *c;
	void *p = NULL;
	bool borrowed;

	if (size < here->limit) {
		c = container_of(here->set[size], struct hak_cache, task);
		c = (struct hak_cache *)((const char *)c - shim_base);
		p = HAK_ABI_NAME(hak_alloc_miss)(c, GFP_KERNEL);
	} else if (size <= HAK_MAX_SIZE && hak_user_serves()) {
		borrowed = shim_enter();
		p = HAK_ABI_NAME(hak_alloc_miss)(hak_user_cache(size), GFP_KERNEL);
		shim_leave(borrowed);
	}
	if (!p)
		return malloc_next(size);
	return unlikely(hak_user_perturb) ? memset(p, ~hak_user_perturb, size) : p;
}

HAK_PUBLIC void *malloc(size_t size)
{
	const struct hak_user_cpu *here = hak_user_here();
	struct hak_set *s;
	void *p;

	if (unlikely(size >= here->limit))
		return malloc_miss(size);
	s = here->set[size];
	hak_arch_pop_set(s, p, miss);
	if (SHIM_HARDENED)
		hak_arch_unmark(p);
	return p;
miss:
	return malloc_miss(size);
}

static __always_inline void free_started(void *p)
{
	if (likely(shim_in_window(p)))
		hak_push_lookup(p);
	else
		HAK_ABI_NAME(hak_free_lookup)(p);
}

/*
 * Whatever the inlined part did not do: early, foreign, of a small block, marked, or no room.  The
 * last call is mostly a jump: a report names who called free().
 */
static noinline void free_miss(void *p)
{
	if (!p || hak_user_early_size(p) || !hak_user_start())
		return;
	/* What the kernel has for an allocation of no bytes is nobody's here. */
	if (ZERO_OR_NULL_PTR(p)) {
		hak_report_bad(HAK_BAD_FOREIGN, p, NULL, _RET_IP_);
		return;
	}
	if (unlikely(shim_enter())) {
		free_started(p);
		shim_leave(true);
		return;
	}
	free_started(p);
}

HAK_PUBLIC void free(void *p)
{
	unsigned long mark = hak_mark(p), i;
	struct hak_set *s;

	hak_arch_foreign(p, mark, miss);
	s = hak_arch_set(unused, *hak_tag_at(mark, p));
	if (SHIM_HARDENED)
		hak_arch_marked(p, mark, miss);
	hak_arch_under(i, s->n, s->cap, miss);
	if (SHIM_HARDENED)
		*(unsigned long *)p = mark;
	s->slot[i] = p;
	hak_arch_inc(s->n, i);
	return;
miss:
	free_miss(p);
}

HAK_PUBLIC void *calloc(size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	if (bytes > HAK_MAX_SIZE && hak_user_start()) {
		hak_mem_add(HAK_MEM_ALLOC_LARGE, 1);
		return shim_next.calloc(n, size);
	}
	p = malloc(bytes);
	return p ? memset(p, 0, bytes) : NULL;
}

HAK_PUBLIC size_t malloc_usable_size(void *p)
{
	size_t size;

	if (!p)
		return 0;
	size = hak_user_early_size(p) ?: hak_usable_size(p);
	return size || !hak_user_start() || hak_owns(p) ? size : shim_next.usable(p);
}

/* Into new memory, as much as fits. */
static void *realloc_move(void *p, size_t old, size_t size)
{
	void *q = malloc(size);

	if (!q)
		return NULL;
	memcpy(q, p, min(old, size));
	free(p);
	return q;
}

HAK_PUBLIC void *realloc(void *p, size_t size)
{
	size_t old;

	if (!p)
		return malloc(size);
	if (!size) {
		free(p);
		return NULL;
	}
	old = hak_user_early_size(p) ?: hak_usable_size(p);
	if (old && size <= old && (size >= old / 2 || old <= 2 * MALLOC_ALIGN))
		return p;
	if (old)
		return realloc_move(p, old, size);
	if (hak_owns(p)) {
		/* Ours, and no object: reported, and left alone. */
		free(p);
		errno = EINVAL;
		return NULL;
	}
	/* What has shrunk to one of our sizes may as well become one of our objects. */
	if (size <= HAK_MAX_SIZE || size > PTRDIFF_MAX)
		return realloc_move(p, shim_next.usable(p), size);
	hak_mem_add(HAK_MEM_ALLOC_LARGE, 1);
	hak_mem_add(HAK_MEM_FREE_LARGE, 1);
	return shim_next.realloc(p, size);
}

HAK_PUBLIC void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, bytes);
}

/* A class is a multiple of the largest power of two that divides a size it serves. */
static void *aligned(size_t align, size_t size)
{
	size_t rounded = ALIGN(size + !size, align);

	if (align <= MALLOC_ALIGN)
		return malloc(size);
	if (align <= HAK_MAX_SIZE && size <= HAK_MAX_SIZE && rounded <= HAK_MAX_SIZE)
		return malloc(rounded);
	if (!hak_user_start()) {
		errno = ENOMEM;
		return NULL;
	}
	hak_mem_add(HAK_MEM_ALLOC_LARGE, 1);
	return shim_next.memalign(align, size);
}

HAK_PUBLIC void *memalign(size_t align, size_t size)
{
	if (align > (SIZE_MAX >> 1) + 1) {
		errno = EINVAL;
		return NULL;
	}
	if (align && !is_power_of_2(align))
		align = 2UL << __fls(align);
	return aligned(align, size);
}

HAK_PUBLIC void *aligned_alloc(size_t align, size_t size)
{
	if (!is_power_of_2(align)) {
		errno = EINVAL;
		return NULL;
	}
	return aligned(align, size);
}

HAK_PUBLIC int posix_memalign(void **to, size_t align, size_t size)
{
	int err = errno;
	void *p;

	if (!is_power_of_2(align) || align % sizeof(void *))
		return EINVAL;
	p = aligned(align, size);
	errno = err;
	if (!p)
		return ENOMEM;
	*to = p;
	return 0;
}

HAK_PUBLIC void *valloc(size_t size)
{
	return aligned(PAGE_SIZE, size);
}

HAK_PUBLIC void *pvalloc(size_t size)
{
	if (size > PTRDIFF_MAX - PAGE_SIZE) {
		errno = ENOMEM;
		return NULL;
	}
	return aligned(PAGE_SIZE, ALIGN(size + !size, PAGE_SIZE));
}

/* More than the object has is no size of it. */
HAK_PUBLIC void free_sized(void *p, size_t size)
{
	size_t usable = SHIM_HARDENED && hak_owns(p) ? hak_usable_size(p) : 0;

	if (unlikely(usable && size > usable)) {
		hak_report_bad(HAK_BAD_CACHE, p, NULL, _RET_IP_);
		return;
	}
	free(p);
}

HAK_PUBLIC void free_aligned_sized(void *p, size_t align, size_t size)
{
	free_sized(p, size);
}

/* The other names the C library has for some: who allocates by one frees by the other. */
#define ALSO_KNOWN(type, name, other, ...)					\
	HAK_PUBLIC type other(__VA_ARGS__) __attribute__((alias(#name), copy(name)))
ALSO_KNOWN(void *, malloc, __libc_malloc, size_t);
ALSO_KNOWN(void *, calloc, __libc_calloc, size_t, size_t);
ALSO_KNOWN(void *, realloc, __libc_realloc, void *, size_t);
ALSO_KNOWN(void *, memalign, __libc_memalign, size_t, size_t);
ALSO_KNOWN(void *, valloc, __libc_valloc, size_t);
ALSO_KNOWN(void *, pvalloc, __libc_pvalloc, size_t);
ALSO_KNOWN(int, posix_memalign, __posix_memalign, void **, size_t, size_t);
ALSO_KNOWN(void, free, __libc_free, void *);
ALSO_KNOWN(void, free, cfree, void *);
