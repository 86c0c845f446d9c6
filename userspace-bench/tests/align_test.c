// SPDX-License-Identifier: GPL-2.0
/*
 * The aligned half of the malloc family: posix_memalign(), aligned_alloc(), memalign(),
 * valloc(), pvalloc().  All but the cases marked NEEDS_HAKMEM hold for glibc too.
 */
#define _GNU_SOURCE
#include "check.h"
#include "kunit/lib/hak_pattern.h"
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ALIGN	65536
#define ODD_ERRNO	12345
#define COPIES		4	/* neighbours may be aligned by chance */

static const size_t sizes[] = { 0, 1, 7, 8, 15, 16, 17, 24, 31, 32, 33, 40, 48, 64, 65, 72, 80,
	96, 100, 128, 129, 160, 192, 200, 256, 300, 320, 384, 500, 512, 513, 640, 768, 896, 1000,
	1023, 1024, 1025, 1040, 2047, 2048, 3000, 4095, 4096, 4097, 65536, 100000 };

static void *kept[COUNT(sizes) * COPIES];

typedef void *(*aligned_fn)(size_t align, size_t size);

static void *by_posix_memalign(size_t align, size_t size)
{
	void *p = NULL;
	int error = posix_memalign(&p, align < sizeof(void *) ? sizeof(void *) : align, size);

	expect(!error, "posix_memalign(%zu, %zu) is %d", align, size, error);
	return p;
}

static void one_alignment(aligned_fn get, size_t align)
{
	size_t want = align < 16 ? 16 : align, i, usable;

	for (i = 0; i < COUNT(kept); i++) {
		size_t size = sizes[i / COPIES];

		kept[i] = get(align, size);
		require(kept[i], "NULL for %zu bytes at %zu", size, align);
		expect(!((uintptr_t)kept[i] & (want - 1)), "%p for %zu bytes is not aligned to %zu",
		       kept[i], size, want);
		usable = malloc_usable_size(kept[i]);
		expect(usable >= size, "usable size %zu of %zu at %zu", usable, size, align);
		hak_pattern_fill(kept[i], usable, i);
	}
	for (i = 0; i < COUNT(kept); i++) {
		expect(hak_pattern_holds(kept[i], malloc_usable_size(kept[i]), i),
		       "content of %zu bytes at %zu", sizes[i / COPIES], align);
		free(kept[i]);
	}
}

static void every_alignment(aligned_fn get)
{
	size_t align;

	for (align = 1; align <= MAX_ALIGN && !check_failed(); align *= 2)
		one_alignment(get, align);
	expect_audit_clean();
	expect(!under_hakmem() || !stat_bad_frees(), "bad frees are counted");
}

static void posix_memalign_aligns(void)
{
	every_alignment(by_posix_memalign);
}

static void aligned_alloc_aligns(void)
{
	every_alignment(aligned_alloc);
}

static void memalign_aligns(void)
{
	every_alignment(memalign);
}

/* Each size up to the limit at each alignment a class may have by itself. */
static void every_small_size_at_small_alignments(void)
{
	size_t align, size;
	void *p[2];

	for (align = 16; align <= 1024; align *= 2) {
		for (size = 0; size <= 1040 && !check_failed(); size++) {
			p[0] = aligned_alloc(align, size);
			p[1] = aligned_alloc(align, size);
			expect(!(((uintptr_t)p[0] | (uintptr_t)p[1]) & (align - 1)),
			       "%p, %p for %zu bytes are not aligned to %zu", p[0], p[1], size,
			       align);
			memset(p[0], 1, size);
			memset(p[1], 2, size);
			expect(hak_all_bytes(p[0], size, 1), "two objects of %zu at %zu overlap",
			       size, align);
			free(p[0]);
			free(p[1]);
		}
	}
	expect_audit_clean();
}

static void posix_memalign_einval(void)
{
	static const size_t bad[] = { 0, 1, 2, 3, 4, 5, 6, 7, 9, 12, 24, 48, 1000, 4097, SIZE_MAX,
		SIZE_MAX - 1, (SIZE_MAX >> 1) + 9 };
	void *p, *mark = kept;
	size_t i;
	int error;

	for (i = 0; i < COUNT(bad); i++) {
		p = mark;
		errno = ODD_ERRNO;
		error = posix_memalign(&p, hide_size(bad[i]), 64);
		expect(error == EINVAL, "posix_memalign(%zu, 64) is %d", bad[i], error);
		expect(p == mark, "posix_memalign(%zu, 64) touches the pointer", bad[i]);
		expect(errno == ODD_ERRNO, "posix_memalign(%zu, 64) sets errno %d", bad[i], errno);
	}
}

static void absurd_sizes_are_enomem(void)
{
	static const size_t absurd[] = { SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 4096,
		(size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX };
	void *p, *mark = kept;
	size_t i, align;

	for (i = 0; i < COUNT(absurd); i++) {
		for (align = 8; align <= MAX_ALIGN; align *= 4) {
			p = mark;
			expect(posix_memalign(&p, align, hide_size(absurd[i])) == ENOMEM,
			       "posix_memalign(%zu, %zu)", align, absurd[i]);
			expect(p == mark, "posix_memalign() that fails touches the pointer");
			errno = 0;
			p = aligned_alloc(align, hide_size(absurd[i]));
			expect(!p && errno == ENOMEM, "aligned_alloc(%zu, %zu): %p, errno %d",
			       align, absurd[i], p, errno);
			errno = 0;
			p = memalign(align, hide_size(absurd[i]));
			expect(!p && errno == ENOMEM, "memalign(%zu, %zu): %p, errno %d", align,
			       absurd[i], p, errno);
		}
		errno = 0;
		expect(!valloc(hide_size(absurd[i])) && errno == ENOMEM, "valloc(%zu): errno %d",
		       absurd[i], errno);
		errno = 0;
		expect(!pvalloc(hide_size(absurd[i])) && errno == ENOMEM, "pvalloc(%zu): errno %d",
		       absurd[i], errno);
	}
}

/* Alignments that are legal and cannot be had. */
static void absurd_alignments_fail(void)
{
	static const size_t absurd[] = { 1UL << 48, 1UL << 62, 1UL << 63 };
	void *p, *mark = kept;
	size_t i;

	for (i = 0; i < COUNT(absurd); i++) {
		errno = 0;
		p = memalign(hide_size(absurd[i]), 16);
		expect(!p && (errno == ENOMEM || errno == EINVAL), "memalign(%zx): %p, errno %d",
		       absurd[i], p, errno);
		p = mark;
		expect(posix_memalign(&p, hide_size(absurd[i]), 16) == ENOMEM,
		       "posix_memalign(%zx) is not ENOMEM", absurd[i]);
		expect(p == mark, "posix_memalign() that fails touches the pointer");
	}
	errno = 0;
	p = memalign(hide_size((SIZE_MAX >> 1) + 2), 16);
	expect(!p && errno == EINVAL, "an alignment that cannot be rounded up: %p, errno %d", p,
	       errno);
}

static void memalign_rounds_up(void)
{
	static const size_t odd[][2] = { { 0, 16 }, { 3, 16 }, { 17, 32 }, { 24, 32 }, { 48, 64 },
		{ 100, 128 }, { 1000, 1024 }, { 3000, 4096 } };
	size_t i, k;
	void *p[COPIES];

	for (i = 0; i < COUNT(odd); i++) {
		for (k = 0; k < COPIES; k++) {
			p[k] = memalign(hide_size(odd[i][0]), 40);
			expect(p[k] && !((uintptr_t)p[k] & (odd[i][1] - 1)), "memalign(%zu) is %p",
			       odd[i][0], p[k]);
		}
		for (k = 0; k < COPIES; k++)
			free(p[k]);
	}
}

/* glibc says so since 2.38 only; before, its aligned_alloc() was memalign(). */
static void aligned_alloc_einval(void)
{
	static const size_t bad[] = { 0, 3, 5, 12, 24, 48, 1000, SIZE_MAX };
	size_t i;
	void *p;

	for (i = 0; i < COUNT(bad); i++) {
		errno = 0;
		p = aligned_alloc(hide_size(bad[i]), 48);
		expect(!p && errno == EINVAL, "aligned_alloc(%zu, 48): %p, errno %d", bad[i], p,
		       errno);
	}
}

static void valloc_and_pvalloc_give_pages(void)
{
	size_t page = sysconf(_SC_PAGESIZE), i, whole;
	void *p;

	for (i = 0; i < COUNT(sizes); i++) {
		p = valloc(sizes[i]);
		expect(p && !((uintptr_t)p & (page - 1)), "valloc(%zu) is %p", sizes[i], p);
		memset(p, 1, sizes[i]);
		free(p);
		whole = (sizes[i] + page - 1) / page * page;
		p = pvalloc(sizes[i]);
		expect(p && !((uintptr_t)p & (page - 1)), "pvalloc(%zu) is %p", sizes[i], p);
		expect(malloc_usable_size(p) >= whole, "pvalloc(%zu) has %zu bytes", sizes[i],
		       malloc_usable_size(p));
		memset(p, 1, whole);
		free(p);
	}
}

/* realloc() promises no alignment, but must keep what an aligned object holds. */
static void realloc_of_aligned_keeps_content(void)
{
	static const size_t to[] = { 1, 16, 100, 1024, 1025, 5000, 200000 };
	size_t align, i, k, n;
	void *p;

	for (align = 16; align <= MAX_ALIGN; align *= 4) {
		for (i = 0; i < COUNT(sizes); i++) {
			for (k = 0; k < COUNT(to) && !check_failed(); k++) {
				p = aligned_alloc(align, sizes[i]);
				hak_pattern_fill(p, sizes[i], i);
				p = realloc(p, to[k]);
				n = to[k] < sizes[i] ? to[k] : sizes[i];
				expect(p && hak_pattern_holds(p, n, i), "%zu at %zu to %zu",
				       sizes[i], align, to[k]);
				free(p);
			}
		}
	}
	expect_audit_clean();
}

static const struct check_case cases[] = {
	{ "posix_memalign_aligns", posix_memalign_aligns, 0 },
	{ "aligned_alloc_aligns", aligned_alloc_aligns, 0 },
	{ "memalign_aligns", memalign_aligns, 0 },
	{ "every_small_size_at_small_alignments", every_small_size_at_small_alignments, 0 },
	{ "posix_memalign_einval", posix_memalign_einval, 0 },
	{ "absurd_sizes_are_enomem", absurd_sizes_are_enomem, 0 },
	{ "absurd_alignments_fail", absurd_alignments_fail, 0 },
	{ "memalign_rounds_up", memalign_rounds_up, 0 },
	{ "aligned_alloc_einval", aligned_alloc_einval, NEEDS_HAKMEM },
	{ "valloc_and_pvalloc_give_pages", valloc_and_pvalloc_give_pages, 0 },
	{ "realloc_of_aligned_keeps_content", realloc_of_aligned_keeps_content, 0 },
	{ NULL, NULL, 0 },
};

int main(int argc, char **argv)
{
	return check_main(argc, argv, cases, 1, 0);
}
