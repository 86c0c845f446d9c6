// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations with an alignment: memalign() and its kin.
 *
 * An object of a class is aligned to the largest power of two that divides the class.  So a size
 * is rounded up to a multiple of the alignment, and taken as malloc() takes it.  Beyond a slab
 * page that is a run of pages.
 */
#include <malloc.h>

#include "malloc/hak_malloc.h"

static void *aligned_slow(size_t align, size_t size)
{
	size_t rounded = ALIGN(size + !size, align);
	bool zero;
	void *p;

	if (align <= MALLOC_ALIGN)
		return malloc(size);
	if (align <= HAK_SPAGE_SIZE && size <= HAK_MORE_MAX && rounded <= HAK_MORE_MAX)
		return malloc(rounded);
	if (!hak_user_start()) {
		errno = ENOMEM;
		return NULL;
	}
	p = malloc_run(size + !size, max(align, PAGE_SIZE), &zero);
	if (p)
		return p;
	hak_mem_add(HAK_MEM_ALLOC_LARGE, 1);
	return shim_next.memalign(align, size);
}

/*
 * A class is a multiple of the largest power of two that divides a size it serves.  @align is one.
 * NULL if the object is not at hand, or @size is 0, or none of ours.
 */
static __always_inline void *aligned_pop(size_t align, size_t size)
{
	const struct hak_user_cpu *here = hak_user_here();
	size_t last = (size - 1) | (align - 1);
	void *p;

	if (unlikely(last >= here->last))
		return NULL;
	p = set_pop(here->set[last + 1]);
	if (SHIM_HARDENED && likely(p))
		hak_arch_unmark(p);
	return p;
}

static __always_inline void *aligned(size_t align, size_t size)
{
	return aligned_pop(align, size) ?: aligned_slow(align, size);
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

static noinline void *aligned_alloc_slow(size_t align, size_t size)
{
	if (!is_power_of_2(align)) {
		errno = EINVAL;
		return NULL;
	}
	return aligned_slow(align, size);
}

HAK_PUBLIC void *aligned_alloc(size_t align, size_t size)
{
	void *p = align & (align - 1) ? NULL : aligned_pop(align, size);

	return likely(p) ? p : aligned_alloc_slow(align, size);
}

static noinline int posix_memalign_slow(void **to, size_t align, size_t size)
{
	int err = errno;
	void *p;

	if (!is_power_of_2(align) || align % sizeof(void *))
		return EINVAL;
	p = aligned_slow(align, size);
	errno = err;
	if (!p)
		return ENOMEM;
	*to = p;
	return 0;
}

HAK_PUBLIC int posix_memalign(void **to, size_t align, size_t size)
{
	bool fits = !(align & (align - 1)) && !(align % sizeof(void *));
	void *p = fits ? aligned_pop(align, size) : NULL;

	if (unlikely(!p))
		return posix_memalign_slow(to, align, size);
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

ALSO_KNOWN(void *, memalign, __libc_memalign, size_t, size_t);
ALSO_KNOWN(void *, valloc, __libc_valloc, size_t);
ALSO_KNOWN(void *, pvalloc, __libc_pvalloc, size_t);
ALSO_KNOWN(int, posix_memalign, __posix_memalign, void **, size_t, size_t);
