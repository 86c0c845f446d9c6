// SPDX-License-Identifier: GPL-2.0
/*
 * Proof of who served: the object files that malloc and free resolve to, and for
 * hakmem its own counters.
 *
 * hakmem counts what its magazines could not serve by themselves; the hits are what is left of
 * the operations.  Magazines may serve a measured round alone, but not the run: they start empty.
 * So a run in which hakmem's counters stand still is not hakmem's.  Nor is one in which a counter
 * moved that no object of these sizes may reach.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#ifdef BENCH_INLINED
unsigned long long hakmem_stat_read(const char *name);
#endif

#define PROOF_UNKEPT	(~0ULL)

enum proof_kind {
	PROOF_STAGE,	/* part of what served; one of them has to move */
	PROOF_FORBIDDEN,	/* may not move: hakmem serves every size these workloads ask for */
};

static const struct {
	const char *name;
	enum proof_kind kind;
} proof_counters[] = {
	{ "alloc_magazine", PROOF_STAGE },
	{ "alloc_spare", PROOF_STAGE },
	{ "alloc_depot", PROOF_STAGE },
	{ "alloc_slab", PROOF_STAGE },
	{ "alloc_superslab", PROOF_STAGE },
	{ "alloc_small_block", PROOF_STAGE },
	{ "free_magazine", PROOF_STAGE },
	{ "free_spare", PROOF_STAGE },
	{ "free_depot", PROOF_STAGE },
	{ "free_slab_local", PROOF_STAGE },
	{ "free_slab_remote", PROOF_STAGE },
	{ "free_exact", PROOF_STAGE },
	{ "alloc_large", PROOF_FORBIDDEN },
	{ "alloc_fail", PROOF_FORBIDDEN },
	{ "free_large", PROOF_FORBIDDEN },
	{ "bad_free_foreign", PROOF_FORBIDDEN },
	{ "bad_free_double", PROOF_FORBIDDEN },
	{ "bad_free_cache", PROOF_FORBIDDEN },
	{ "bad_free_interior", PROOF_FORBIDDEN },
	{ "bad_free_by_kernel", PROOF_FORBIDDEN },
};
#define PROOF_NR_COUNTERS (sizeof(proof_counters) / sizeof(proof_counters[0]))

/* What the path of the object file has to contain; inlined has no library to look for. */
static const struct {
	const char *name;
	const char *library;
} proof_allocators[] = {
	{ "glibc", "/libc.so" },
	{ "jemalloc", "/libjemalloc" },
	{ "tcmalloc", "/libtcmalloc" },
	{ "mimalloc", "/libmimalloc" },
	{ "hakmem", "/libhakmem.so" },
	{ "inlined", NULL },
};
#define PROOF_NR_ALLOCATORS (sizeof(proof_allocators) / sizeof(proof_allocators[0]))

static struct {
	const char *expect, *library;
	const char *malloc_from, *free_from;
	unsigned long long (*read)(const char *name);
	unsigned long long at[BENCH_NR_MOMENTS][PROOF_NR_COUNTERS];
	char reason[256];
} proof;

static const char *proof_origin(const char *symbol)
{
	void *address = dlsym(RTLD_DEFAULT, symbol);
	Dl_info info;

	if (!address || !dladdr(address, &info) || !info.dli_fname)
		return "?";
	return info.dli_fname;
}

#ifdef BENCH_INLINED
static void proof_find_reader(void)
{
	proof.read = hakmem_stat_read;
}
#else
static void proof_find_reader(void)
{
	void *address = dlsym(RTLD_DEFAULT, "hakmem_stat_read");

	memcpy(&proof.read, &address, sizeof(address));
}
#endif

void bench_proof_begin(const struct bench_opts *o)
{
	unsigned int i;

	proof.malloc_from = proof_origin("malloc");
	proof.free_from = proof_origin("free");
	proof_find_reader();
	if (!o->expect)
		return;
	proof.expect = o->expect;
	proof.library = o->library;
	for (i = 0; !o->library && i < PROOF_NR_ALLOCATORS; i++)
		if (!strcmp(proof_allocators[i].name, o->expect))
			break;
	if (i == PROOF_NR_ALLOCATORS)
		bench_die("no allocator called \"%s\" is known (--library)", o->expect);
	if (!o->library)
		proof.library = proof_allocators[i].library;
}

void bench_proof_read(enum bench_moment m)
{
	unsigned int i;

	for (i = 0; proof.read && i < PROOF_NR_COUNTERS; i++)
		proof.at[m][i] = proof.read(proof_counters[i].name);
}

/* How far a counter moved; 0 if it is not kept. */
static unsigned long long proof_moved(unsigned int i, enum bench_moment since)
{
	if (proof.at[since][i] == PROOF_UNKEPT || proof.at[BENCH_AT_END][i] == PROOF_UNKEPT)
		return 0;
	return proof.at[BENCH_AT_END][i] - proof.at[since][i];
}

static const char *proof_files(void)
{
	if (!proof.expect || !proof.library)
		return NULL;
	if (strstr(proof.malloc_from, proof.library) && strstr(proof.free_from, proof.library))
		return NULL;
	snprintf(proof.reason, sizeof(proof.reason), "malloc is from %s and free from %s, not %s's",
		 proof.malloc_from, proof.free_from, proof.expect);
	return proof.reason;
}

static const char *proof_counts(void)
{
	unsigned long long stages = 0;
	unsigned int i;

	for (i = 0; i < PROOF_NR_COUNTERS; i++) {
		if (proof_counters[i].kind == PROOF_STAGE) {
			stages += proof_moved(i, BENCH_AT_START);
		} else if (proof_moved(i, BENCH_AT_START)) {
			snprintf(proof.reason, sizeof(proof.reason), "hakmem's %s moved by %llu",
				 proof_counters[i].name, proof_moved(i, BENCH_AT_START));
			return proof.reason;
		}
	}
	return stages ? NULL : "no counter of hakmem's moved: it did not serve this";
}

const char *bench_proof_verdict(void)
{
	const bool ours = proof.expect && (!strcmp(proof.expect, "hakmem") || !proof.library);
	const char *why = proof_files();

	if (why)
		return why;
	if (ours && !proof.read)
		return "hakmem_stat_read() is not there: nothing proves that hakmem served";
	if (proof.expect && !ours && proof.read)
		return "hakmem is loaded beside the allocator that is expected";
	return proof.read ? proof_counts() : NULL;
}

void bench_proof_print(unsigned long ops)
{
	bool moved = false;
	unsigned int i;

	printf("malloc %s\nfree %s\n", proof.malloc_from, proof.free_from);
	if (!proof.read)
		return;
	printf("stages of %lu operations:", ops);
	for (i = 0; i < PROOF_NR_COUNTERS; i++) {
		if (!proof_moved(i, BENCH_AT_ROUNDS))
			continue;
		printf(" %s=%llu", proof_counters[i].name, proof_moved(i, BENCH_AT_ROUNDS));
		moved = true;
	}
	puts(moved ? "" : " magazines alone");
}
