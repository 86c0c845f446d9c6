// SPDX-License-Identifier: GPL-2.0
/*
 * The malloc family over hakmem: what LD_PRELOAD puts in front of the C library's.  What asks for
 * an alignment is in hak_aligned.c.
 *
 * Sizes up to 32 KiB come from hakmem's classes of multiples of 16, which gives malloc()'s
 * alignment.  Those up to 1 MiB are runs of pages.  What is larger comes from the next allocator,
 * and is counted.  Whose a pointer is follows from its upper bits, see hak_arch_foreign().
 */
#include <malloc.h>

#include "malloc/hak_malloc.h"
#include "malloc/hak_run.h"
#include "malloc/hak_words.h"

#define NO_OBJECT ((size_t)-1)		/* reported, and left alone */

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

/* Where the set for a size is that is above HAK_MAX_SIZE and below @here's limit of those. */
static __always_inline struct hak_set *const *more_set(const struct hak_user_cpu *here, size_t size)
{
	return &here->more[(size - 1) / HAK_MORE_STEP];
}

void *malloc_run(size_t size, size_t align, bool *zero)
{
	bool borrowed;
	void *p;

	if (size > HAK_RUN_MAX || align > HAK_RUN_MAX || !hak_user_serves())
		return NULL;
	borrowed = shim_enter();
	p = hak_run_alloc(size, align, zero);
	shim_leave(borrowed);
	return p;
}

/* The set is empty, or this thread has no CPU yet, or it is none of our sizes. */
static noinline void *malloc_miss(size_t size)
{
	const struct hak_user_cpu *here = hak_user_here();
	struct hak_cache *c;
	struct hak_set *s;
	bool borrowed, zero;
	void *p = NULL;

	if (size < here->more_limit) {
		hak_decay();
		s = size < here->limit ? here->set[size] : *more_set(here, size);
		c = container_of(s, struct hak_cache, task);
		c = (struct hak_cache *)((const char *)c - shim_base);
		p = HAK_ABI_NAME(hak_alloc_miss)(c, GFP_KERNEL);
	} else if (size <= HAK_MORE_MAX && hak_user_serves()) {
		borrowed = shim_enter();
		p = HAK_ABI_NAME(hak_alloc_miss)(hak_user_cache(size), GFP_KERNEL);
		shim_leave(borrowed);
	} else {
		p = malloc_run(size, PAGE_SIZE, &zero);
	}
	if (!p)
		return malloc_next(size);
	return unlikely(hak_user_perturb) ? memset(p, ~hak_user_perturb, size) : p;
}

/* An object of @s, whose size is that for @size. */
static __always_inline void *malloc_from(struct hak_set *s, size_t size)
{
	void *p;

	hak_arch_pop_set(s, p, miss);
	if (SHIM_HARDENED)
		hak_arch_unmark(p);
	return p;
miss:
	return malloc_miss(size);
}

/* Likewise, for sizes beyond all tables. */
static noinline void *malloc_larger(size_t size)
{
	bool zero;
	void *p = NULL;

	if (size <= HAK_RUN_MAX && hak_user_here()->more_limit) {
		hak_decay();
		p = hak_run_alloc(size, PAGE_SIZE, &zero);
	}
	return p ?: malloc_miss(size);
}

/* As malloc(), for sizes beyond its table. */
static noinline void *malloc_more(size_t size)
{
	const struct hak_user_cpu *here = hak_user_here();

	if (unlikely(size >= here->more_limit))
		return malloc_larger(size);
	return malloc_from(*more_set(here, size), size);
}

HAK_PUBLIC void *malloc(size_t size)
{
	const struct hak_user_cpu *here = hak_user_here();

	if (unlikely(size >= here->limit))
		return malloc_more(size);
	return malloc_from(here->set[size], size);
}

static __always_inline void free_started(void *p, unsigned long caller)
{
	if (likely(shim_in_window(p)))
		hak_push_lookup(p);
	else if (hak_run_owns(p))
		hak_run_free(p, caller);
	else
		HAK_ABI_NAME(hak_free_lookup)(p);
}

/*
 * Whatever the inlined part did not do: early, foreign, of a small block, marked, or no room.  The
 * last call is mostly a jump: a report names who called free().
 */
static noinline void free_miss(void *p)
{
	if (hak_run_owns(p) && shim_base != shim_nowhere) {
		hak_run_free(p, _RET_IP_);
		return;
	}
	if (!p || hak_user_early_size(p) || !hak_user_start())
		return;
	/* What the kernel has for an allocation of no bytes is nobody's here. */
	if (ZERO_OR_NULL_PTR(p)) {
		hak_report_bad(HAK_BAD_FOREIGN, p, NULL, _RET_IP_);
		return;
	}
	if (unlikely(shim_enter())) {
		free_started(p, _RET_IP_);
		shim_leave(true);
		return;
	}
	free_started(p, _RET_IP_);
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

static noinline void *calloc_large(size_t bytes)
{
	bool zero;
	void *p = malloc_run(bytes, PAGE_SIZE, &zero);

	if (p)
		return zero ? p : memset(p, 0, bytes);
	hak_mem_add(HAK_MEM_ALLOC_LARGE, 1);
	return shim_next.calloc(1, bytes);
}

static noinline void *calloc_slow(size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	if (bytes > HAK_MORE_MAX && hak_user_start())
		return calloc_large(bytes);
	p = malloc(bytes);
	return p ? memset(p, 0, bytes) : NULL;
}

HAK_PUBLIC void *calloc(size_t n, size_t size)
{
	const struct hak_user_cpu *here = hak_user_here();
	struct hak_set *s;
	size_t bytes;
	void *p;

	if (unlikely(__builtin_mul_overflow(n, size, &bytes) || bytes >= here->limit))
		return calloc_slow(n, size);
	s = here->set[bytes];
	p = set_pop(s);
	if (unlikely(!p))
		return calloc_slow(n, size);
	return words_zero(p, s->size);
}

/*
 * Does an object of @size bytes start at @p, which lies in a SuperSlab?  Slabs of these sizes are
 * one slab page each, so "no" is not said of any object of @size.  One of another size may be found
 * to be none: then who calls looks closer.
 */
static __always_inline bool starts_object(const void *p, size_t size)
{
	return size - 1 < HAK_MAX_SIZE &&
	       !((u32)(unsigned long)p % HAK_SPAGE_SIZE % (u32)size);
}

/* The same of a run, or of what is none. */
static size_t run_size(void *p, const char *call, unsigned long caller)
{
	bool borrowed = shim_enter();
	size_t size = hak_run_usable(p);

	shim_call = call;
	/* No run begins there, so none is freed: it is reported. */
	if (!size)
		hak_run_free(p, caller);
	shim_call = NULL;
	shim_leave(borrowed);
	return size ?: NO_OBJECT;
}

/* The size of the live object of ours at @p.  0: it is not ours.  NO_OBJECT: it is none. */
static noinline size_t object_size(void *p, const char *call, unsigned long caller)
{
	size_t early = hak_user_early_size(p);
	struct hak_core *core;
	unsigned long mark;
	bool borrowed;

	if (early || !hak_user_serves())
		return early;
	if (hak_run_owns(p))
		return run_size(p, call, caller);
	if (!ZERO_OR_NULL_PTR(p) && hak_kernel_owns(p))
		return 0;
	borrowed = shim_enter();
	shim_call = call;
	core = hak_free_valid(NULL, p, &mark, caller);
	shim_call = NULL;
	shim_leave(borrowed);
	return core ? core->size : NO_OBJECT;
}

static noinline size_t usable_slow(void *p, unsigned long caller)
{
	size_t size = p ? object_size(p, "malloc_usable_size()", caller) : NO_OBJECT;

	if (size == NO_OBJECT)
		return 0;
	return size || !hak_user_start() ? size : shim_next.usable(p);
}

HAK_PUBLIC size_t malloc_usable_size(void *p)
{
	unsigned long mark = hak_mark(p);
	struct hak_set *s;

	hak_arch_foreign(p, mark, slow);
	s = hak_arch_set(unused, *hak_tag_at(mark, p));
	if (SHIM_HARDENED)
		hak_arch_marked(p, mark, slow);
	if (likely(starts_object(p, s->size)))
		return s->size;
slow:
	return usable_slow(p, _RET_IP_);
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

/* May an object of @old bytes stay where it is? */
static __always_inline bool realloc_stays(size_t old, size_t size)
{
	return size <= old && (size >= old / 2 || old <= 2 * MALLOC_ALIGN);
}

/* A run stays where it is, if there is room, and if what it becomes is a run. */
static bool realloc_run(void *p, size_t size)
{
	bool borrowed, done;

	if (size <= HAK_MORE_MAX || size > HAK_RUN_MAX)
		return false;
	borrowed = shim_enter();
	done = hak_run_resize(p, size);
	shim_leave(borrowed);
	return done;
}

/* Likewise, of anything that is ours. */
static bool stays(void *p, size_t old, size_t size)
{
	return hak_run_owns(p) ? realloc_run(p, size) : realloc_stays(old, size);
}

static noinline void *realloc_slow(void *p, size_t size, unsigned long caller)
{
	size_t old;

	if (!p)
		return malloc(size);
	old = object_size(p, "realloc()", caller);
	if (old == NO_OBJECT) {
		errno = EINVAL;
		return NULL;
	}
	if (!size) {
		free(p);
		return NULL;
	}
	if (old)
		return stays(p, old, size) ? p : realloc_move(p, old, size);
	/* What has shrunk to one of our sizes may as well become one of our objects. */
	if (size <= HAK_RUN_MAX || size > PTRDIFF_MAX)
		return realloc_move(p, shim_next.usable(p), size);
	hak_mem_add(HAK_MEM_ALLOC_LARGE, 1);
	hak_mem_add(HAK_MEM_FREE_LARGE, 1);
	return shim_next.realloc(p, size);
}

/* From one of our sizes to another, with an object and room at hand. */
HAK_PUBLIC void *realloc(void *p, size_t size)
{
	const struct hak_user_cpu *here = hak_user_here();
	unsigned long mark = hak_mark(p), i;
	struct hak_set *from, *to;
	void *q;

	hak_arch_foreign(p, mark, slow);
	from = hak_arch_set(unused, *hak_tag_at(mark, p));
	if (SHIM_HARDENED)
		hak_arch_marked(p, mark, slow);
	if (unlikely(!starts_object(p, from->size) || size - 1 >= here->last))
		goto slow;
	if (realloc_stays(from->size, size))
		return p;
	to = here->set[size];
	hak_arch_under(i, from->n, from->cap, slow);
	q = set_pop(to);
	if (unlikely(!q))
		goto slow;
	words_copy(q, p, min(from->size, to->size));
	if (SHIM_HARDENED)
		*(unsigned long *)p = mark;
	from->slot[i] = p;
	hak_arch_inc(from->n, i);
	return q;
slow:
	return realloc_slow(p, size, _RET_IP_);
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

ALSO_KNOWN(void *, malloc, __libc_malloc, size_t);
ALSO_KNOWN(void *, calloc, __libc_calloc, size_t, size_t);
ALSO_KNOWN(void *, realloc, __libc_realloc, void *, size_t);
ALSO_KNOWN(void, free, __libc_free, void *);
ALSO_KNOWN(void, free, cfree, void *);
