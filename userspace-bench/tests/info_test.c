// SPDX-License-Identifier: GPL-2.0
/*
 * What the malloc family tells of itself, and what it is told: mallinfo(), mallinfo2(),
 * malloc_info(), malloc_stats(), mallopt(), and the other names of its functions.  Each answer is
 * of all that the program has, from whichever allocator.
 */
#define _GNU_SOURCE
#include "check.h"
#include "kunit/lib/hak_pattern.h"
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB	(1UL << 20)
#define SMALL	100
#define LARGE	50000		/* of the C library's heap */
#define MAPPED	(4 * MIB)	/* and one mapped by itself */

static void *live[10 * MIB / SMALL];
static char text[1 << 16];

static void take(size_t n, size_t size)
{
	size_t i;

	for (i = 0; i < n; i++)
		live[i] = memset(malloc(size), 1, size);
}

static void give(size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		free(live[i]);
}

static size_t in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* What is in use rises by 10 MiB, and falls again. */
static void expect_counted(size_t size)
{
	size_t n = 10 * MIB / size, before = in_use(), during, after;

	take(n, size);
	during = in_use();
	give(n);
	after = in_use();
	expect(during - before >= n * size && during - before <= n * size * 5 / 4,
	       "%zu of %zu bytes: in use rises by %zu", n, size, during - before);
	expect(after <= before + MIB, "%zu of %zu bytes freed: %zu stay in use", n, size,
	       after - before);
}

static void objects_are_counted(void)
{
	expect_counted(SMALL);
	expect_counted(LARGE);
	expect_counted(MAPPED / 4);
	expect_counted(MAPPED);
}

static void sums_are_sums(void)
{
	struct mallinfo2 m;

	take(COUNT(live), SMALL);
	give(COUNT(live) / 2);
	m = mallinfo2();
	expect(m.uordblks + m.fordblks == m.arena, "%zu in use and %zu free of %zu", m.uordblks,
	       m.fordblks, m.arena);
	expect(m.uordblks >= 5 * MIB && m.fordblks >= MIB, "%zu in use, %zu free", m.uordblks,
	       m.fordblks);
	expect(m.ordblks > 0, "no free pieces");
	memmove(live, live + COUNT(live) / 2, sizeof(live) / 2);
	give(COUNT(live) / 2);
}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static void int_says_the_same(void)
{
	struct mallinfo2 m;
	struct mallinfo i;

	take(COUNT(live), SMALL);
	m = mallinfo2();
	i = mallinfo();
	expect((size_t)i.uordblks == m.uordblks && (size_t)i.arena == m.arena &&
	       (size_t)i.fordblks == m.fordblks && (size_t)i.hblkhd == m.hblkhd,
	       "in use %d, not %zu", i.uordblks, m.uordblks);
	give(COUNT(live));
}

static void info_text(void)
{
	FILE *f = fmemopen(text, sizeof(text), "w");
	int err = malloc_info(0, f);

	fclose(f);
	expect(!err, "malloc_info() is %d", err);
}

/* Of all heaps, or the sum that stands behind them. */
static size_t info_system(bool sum)
{
	char *at = text, *heaps = text;
	size_t all = 0, bytes;

	while ((at = strstr(at, "</heap>")))
		heaps = at++;
	for (at = text; (at = strstr(at, "<system type=\"current\" size=\"")); at++)
		if ((at > heaps) == sum &&
		    sscanf(at, "<system type=\"current\" size=\"%zu", &bytes) == 1)
			all += bytes;
	return all;
}

static void info_is_of_all(void)
{
	size_t before;

	info_text();
	before = info_system(true);
	take(COUNT(live), SMALL);
	info_text();
	give(COUNT(live));
	expect(!strncmp(text, "<malloc version=", 16), "it begins with %.40s", text);
	expect(strstr(text, "</malloc>\n") == text + strlen(text) - 10, "it does not end");
	expect(count_text(text, "<heap nr=") == count_text(text, "</heap>"), "%.300s", text);
	expect(count_text(text, "<malloc ") == 1, "there are several documents");
	expect(info_system(true) >= before + 8 * MIB, "%zu bytes, %zu before", info_system(true),
	       before);
	expect(info_system(false) == info_system(true), "heaps have %zu bytes, all have %zu",
	       info_system(false), info_system(true));
}

static void info_takes_no_option(void)
{
	FILE *f = fmemopen(text, sizeof(text), "w");

	text[0] = 0;
	expect(malloc_info(1, f) == EINVAL, "malloc_info(1) is not EINVAL");
	fclose(f);
	expect(!text[0], "malloc_info(1) says %.40s", text);
}

static void child_of_stats(void *arg)
{
	(void)arg;
	take(COUNT(live), SMALL);
	malloc_stats();
}

static void stats_are_of_all(void)
{
	struct outcome o;
	char *at, *last = NULL;
	size_t bytes = 0;

	run_child(child_of_stats, NULL, &o);
	for (at = o.err; (at = strstr(at, "in use bytes")); at++)
		last = at;
	require(last && sscanf(last, "in use bytes = %zu", &bytes) == 1, "it says %.200s", o.err);
	expect(bytes >= 10 * MIB && bytes < 20 * MIB, "%zu bytes in use", bytes);
}

/* The C library's smallest, which it has in lists of each thread, are not filled. */
static void expect_perturbed(size_t size, int with)
{
	unsigned char *p = malloc(size);
	bool all = hak_all_bytes(p, size, with);

	expect(all, "%zu bytes are not filled with %x: %x", size, with, p[size / 2]);
	free(p);
	p = calloc(1, size);
	expect(hak_all_bytes(p, size, 0), "calloc() of %zu bytes is not zero", size);
	free(p);
}

static void perturb_fills(void)
{
	static const size_t sizes[] = { 1, 8, 100, 500, 1024, 5000, 100000 };
	char *p;
	size_t i;

	expect(mallopt(M_PERTURB, 0x55), "mallopt(M_PERTURB) fails");
	for (i = 0; i < COUNT(sizes); i++)
		if (under_hakmem() || sizes[i] > 2000)
			expect_perturbed(sizes[i], 0xaa);
	expect(mallopt(M_PERTURB, 0), "mallopt(M_PERTURB, 0) fails");
	p = memset(malloc(200), 7, 200);
	free(hide(p));
	p = malloc(200);
	expect(p[100] == 7, "still something is filled in: %x", p[100]);
	free(p);
	expect_audit_clean();
}

static void worker_perturbed(void)
{
	if (under_hakmem())
		expect_perturbed(100, 0xff & ~3);
	expect_perturbed(5000, 0xff & ~3);
}

static void perturbed_by_the_environment(void)
{
	static const char *const args[] = { "only=worker_perturbed", "fork=0", NULL };
	static const char *const env[] = { "MALLOC_PERTURB_=3", NULL };
	struct outcome o;

	run_self(args, env, &o);
	expect(ended_well(&o), "status %x: %.300s", o.status, o.err);
}

static void settings_are_taken(void)
{
	expect(mallopt(M_MMAP_THRESHOLD, 100000), "M_MMAP_THRESHOLD");
	expect(mallopt(M_ARENA_MAX, 2), "M_ARENA_MAX");
	expect(mallopt(M_TRIM_THRESHOLD, 1 << 20), "M_TRIM_THRESHOLD");
	expect(!mallopt(M_MXFAST, 1 << 20), "an absurd M_MXFAST");
}

/* Allocated by one name, freed by another. */
static void names_go_together(void)
{
	void *(*alloc)(size_t) = dlsym(RTLD_DEFAULT, "__libc_malloc");
	void *(*zeroed)(size_t, size_t) = dlsym(RTLD_DEFAULT, "__libc_calloc");
	void *(*again)(void *, size_t) = dlsym(RTLD_DEFAULT, "__libc_realloc");
	void *(*align)(size_t, size_t) = dlsym(RTLD_DEFAULT, "__libc_memalign");
	void (*give_back)(void *) = dlsym(RTLD_DEFAULT, "__libc_free");
	size_t size;
	void *p;

	require(alloc && zeroed && again && align && give_back, "not all are there");
	for (size = 1; size < 3000; size += 13) {
		give_back(malloc(size));
		free(alloc(size));
		p = zeroed(1, size);
		expect(hak_all_bytes(p, size, 0), "__libc_calloc(1, %zu) is not zero", size);
		hak_pattern_fill(p, size, size);
		p = again(p, size * 2);
		expect(hak_pattern_holds(p, size, size), "__libc_realloc() to %zu", size * 2);
		free(realloc(p, size));
		p = align(64, size);
		expect(!((uintptr_t)p & 63), "__libc_memalign(64, %zu) is %p", size, p);
		give_back(p);
	}
	expect(!under_hakmem() || !stat_bad_frees(), "good frees count as bad");
	expect_audit_clean();
}

static void (*free_with)(void *, size_t);
static void (*free_aligned_with)(void *, size_t, size_t);

static void child_of_sizes(void *size)
{
	free_with(malloc(100), (size_t)size);
}

static void sized_frees(void)
{
	struct outcome o;
	size_t size;

	free_with = dlsym(RTLD_DEFAULT, "free_sized");
	free_aligned_with = dlsym(RTLD_DEFAULT, "free_aligned_sized");
	require(free_with && free_aligned_with, "free_sized() is not there");
	for (size = 0; size < 3000; size += 7) {
		free_with(malloc(size), size);
		free_with(realloc(malloc(size), size / 2 + 1), size / 2 + 1);
		free_aligned_with(aligned_alloc(64, size), 64, size);
	}
	free_with(NULL, 10);
	free_aligned_with(NULL, 64, 10);
	expect(!stat_bad_frees(), "good frees count as bad");
	expect_audit_clean();
	run_child(child_of_sizes, (void *)100, &o);
	expect(ended_well(&o) && !o.length, "it says %.200s", o.err);
	run_child(child_of_sizes, (void *)200, &o);
	expect(ended_well(&o) && strstr(o.err, "hakmem: bad free of"), "a size that is too large "
	       "is not told: %.200s", o.err);
}

static bool quiet;

static void *make_noise(void *arg)
{
	size_t i = 0;

	while (!__atomic_load_n(&quiet, __ATOMIC_RELAXED))
		free(malloc(i++ * 37 % 3000));
	return arg;
}

static void asked_while_others_allocate(void)
{
	pthread_t thread[3];
	struct mallinfo2 m;
	size_t i;

	for (i = 0; i < COUNT(thread); i++)
		if (pthread_create(&thread[i], NULL, make_noise, NULL))
			_Exit(1);
	for (i = 0; i < 300 && !check_failed(); i++) {
		m = mallinfo2();
		expect(m.uordblks <= m.arena && m.arena < 100 * MIB, "%zu in use of %zu",
		       m.uordblks, m.arena);
		info_text();
		mallopt(M_PERTURB, i & 1);
	}
	mallopt(M_PERTURB, 0);
	__atomic_store_n(&quiet, true, __ATOMIC_RELAXED);
	for (i = 0; i < COUNT(thread); i++)
		pthread_join(thread[i], NULL);
	expect_audit_clean();
}

static const struct check_case cases[] = {
	{ "objects_are_counted", objects_are_counted, 0 },
	{ "sums_are_sums", sums_are_sums, 0 },
	{ "int_says_the_same", int_says_the_same, 0 },
	{ "info_is_of_all", info_is_of_all, 0 },
	{ "info_takes_no_option", info_takes_no_option, 0 },
	{ "stats_are_of_all", stats_are_of_all, 0 },
	{ "perturb_fills", perturb_fills, 0 },
	{ "perturbed_by_the_environment", perturbed_by_the_environment, 0 },
	{ "settings_are_taken", settings_are_taken, 0 },
	{ "names_go_together", names_go_together, 0 },
	{ "sized_frees", sized_frees, NEEDS_HAKMEM },
	{ "asked_while_others_allocate", asked_while_others_allocate, 0 },
	{ NULL, NULL, 0 },
};

/* Not cases: run again in another environment by those above, with only=. */
static const struct check_case workers[] = {
	{ "worker_perturbed", worker_perturbed, 0 },
	{ NULL, NULL, 0 },
};

int main(int argc, char **argv)
{
	bool worker = argc > 1 && !strncmp(argv[1], "only=worker_", 12);

	return check_main(argc, argv, worker ? workers : cases, 1, 0);
}
