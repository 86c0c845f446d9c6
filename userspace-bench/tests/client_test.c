// SPDX-License-Identifier: GPL-2.0
/*
 * A program that inlines hakmem: the kernel's API out of libhakmem.a.
 *
 * hakmem's header comes first on purpose, and what comes after it is the C library's.  A header
 * that leaves anything switched on behind it breaks this program's build.
 */
#include <linux/hakmem.h>

#include <math.h>
#include <setjmp.h>
#include <signal.h>

#include "check.h"

static void every_size_comes_and_goes(void)
{
	for (size_t size = 1; size <= 2 * HAK_MAX_SIZE; size++) {
		unsigned char *p = hak_alloc(size, GFP_KERNEL);

		require(p, "no memory for %zu bytes", size);
		memset(p, 0xa5, size);
		expect(hak_owns(p) == (size <= HAK_MAX_SIZE), "%zu bytes: whose?", size);
		hak_free(p);
	}
}

static void constants_fold(void)
{
	void *p = hak_alloc(64, GFP_KERNEL), *q = hak_zalloc(96, GFP_KERNEL);

	require(p && q, "no memory");
	expect(!*(unsigned char *)q, "not 0");
	hak_free_sized(p, 64);
	hak_free(q);
	hak_free(NULL);
}

static void typed_objects_come_and_go(void)
{
	struct hak_cache *c = hak_cache_create("client", 40, 0, 0);
	void *p[100];

	require(c, "no cache");
	for (int i = 0; i < 100; i++) {
		p[i] = hak_cache_alloc(c, GFP_KERNEL);
		require(p[i], "no memory");
	}
	for (int i = 0; i < 100; i++)
		hak_cache_free(c, p[i]);
	expect(!hak_cache_shrink(c), "slabs are held");
	hak_cache_destroy(c);
}

#define CROWD 1000

/* How many caches of objects of @size there may be at once; none is there afterwards. */
static int caches_at_once(size_t size)
{
	static struct hak_cache *c[CROWD];
	int n, i;

	for (n = 0; n < CROWD; n++) {
		c[n] = hak_cache_create("crowd", size, 0, 0);
		if (!c[n])
			break;
	}
	for (i = 0; i < n; i++)
		hak_cache_destroy(c[i]);
	return n;
}

/* The room a thread has for them is the same, whatever has been there before. */
static void room_of_caches_comes_back(void)
{
	int small = caches_at_once(8), large = caches_at_once(8192), again = caches_at_once(8);

	expect(small > 10 && large > 10, "room for %d caches of 8 bytes, %d of 8192", small, large);
	expect(again == small, "room for %d caches of 8 bytes, then for %d", small, again);
}

static jmp_buf back;
static void on_signal(int sig)
{
	longjmp(back, sig);
}

static void the_c_library_is_there(void)
{
	volatile double two = 2;

	signal(SIGUSR1, on_signal);
	if (!setjmp(back))
		raise(SIGUSR1);
	expect(sqrt(two) > 1.4, "no square root");
}

static const struct check_case cases[] = {
	{ "every_size_comes_and_goes", every_size_comes_and_goes, 0 },
	{ "constants_fold", constants_fold, 0 },
	{ "typed_objects_come_and_go", typed_objects_come_and_go, 0 },
	{ "room_of_caches_comes_back", room_of_caches_comes_back, 0 },
	{ "the_c_library_is_there", the_c_library_is_there, 0 },
	{ NULL, NULL, 0 },
};

int main(int argc, char **argv)
{
	return check_main(argc, argv, cases, 1, 0);
}
