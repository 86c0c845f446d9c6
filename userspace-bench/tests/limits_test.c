// SPDX-License-Identifier: GPL-2.0
/*
 * What a process may have: limits that are lowered after the start, and memory that is locked.
 * What others see of it: what a core dump and commit accounting count, and where the arena is.
 */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB		(1UL << 20)
#define SIZE		208
#define PER_MIB		(MIB / SIZE)
#define MOST		(600 * PER_MIB)
#define NR_THREADS	40
#define ITSELF		(MOST * sizeof(void *) + 24 * MIB)	/* of this program, and some */

static void *live[MOST];

/* A figure of /proc/self/status, in bytes. */
static uint64_t proc_of(const char *file, const char *name)
{
	static char text[8192];
	int fd = open(file, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	const char *at;

	close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, name);
	return at ? strtoull(at + strlen(name) + 1, NULL, 10) << 10 : 0;
}

static uint64_t status_of(const char *name)
{
	return proc_of("/proc/self/status", name);
}

/*
 * Memory that was written to and has not gone.  VmRSS will not do: there are kernels on which the
 * page of zeros counts, wherever it is locked.
 */
static uint64_t dirty(void)
{
	return proc_of("/proc/self/smaps_rollup", "Private_Dirty:");
}

static void lower(int resource, uint64_t bytes)
{
	struct rlimit limit = { bytes, bytes };

	expect(!setrlimit(resource, &limit), "setrlimit: %s", strerror(errno));
}

/* As many as there are, up to @n, and each written to. */
static size_t take(size_t n)
{
	size_t i;

	for (i = 0; i < n && (live[i] = malloc(SIZE)); i++)
		memset(live[i], i, SIZE);
	return i;
}

static void give(size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (*(unsigned char *)live[i] != (unsigned char)i)
			expect(0, "object %zu has another's content", i);
		free(live[i]);
	}
}

static void *do_nothing(void *arg)
{
	free(malloc(SIZE));
	return arg;
}

static void expect_a_mapping(uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;
	pthread_attr_t attr;

	expect(p != MAP_FAILED, "no mapping of %llu MiB", (unsigned long long)(bytes / MIB));
	if (p != MAP_FAILED)
		munmap(p, bytes);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 << 10);
	expect(!pthread_create(&thread, &attr, do_nothing, NULL) && !pthread_join(thread, NULL),
	       "no thread");
}

/*
 * 400 MiB after the start: half of it for a mapping, then as many objects as there are.  They are
 * whole, freed, and had again.  A limit of data is no longer in the way of others then.
 */
static void limit_holds(int resource)
{
	const uint64_t limit = 400 * MIB;
	size_t first, second;

	take(1000);
	lower(resource, limit);
	give(1000);
	expect_a_mapping(limit / 2);
	first = take(MOST);
	expect(first < limit / SIZE, "%zu objects in spite of the limit", first);
	expect(first > limit / SIZE * 7 / 10, "%zu objects, of %llu", first,
	       (unsigned long long)(limit / SIZE));
	expect(errno == ENOMEM, "errno is %d", errno);
	expect(!under_hakmem() || stat_of("superslabs_held") * 2 * MIB > first * SIZE * 9 / 10,
	       "%llu SuperSlabs for %zu objects", (unsigned long long)stat_of("superslabs_held"),
	       first);
	give(first);
	second = take(MOST);
	expect(second >= first * 8 / 10, "%zu objects, and had been %zu", second, first);
	give(second);
	malloc_trim(0);
	if (resource == RLIMIT_DATA && under_hakmem())
		expect_a_mapping(limit / 2);
	expect_audit_clean();
}

static void address_space_is_limited(void)
{
	limit_holds(RLIMIT_AS);
}

static void data_is_limited(void)
{
	limit_holds(RLIMIT_DATA);
}

static pthread_barrier_t barrier;

/* An object of the main thread's is freed by each; what a thread asks for, it may not get. */
static void *frees_one(void *arg)
{
	void *p;
	int i;

	pthread_barrier_wait(&barrier);
	free(live[(uintptr_t)arg]);
	for (i = 0; i < 1000; i++) {
		p = malloc(SIZE);
		if (p)
			memset(p, i, SIZE);
		free(p);
	}
	return NULL;
}

/* Threads whose first call comes when there is no memory for them any more. */
static void threads_without_memory(int resource)
{
	pthread_t thread[NR_THREADS];
	uintptr_t i;

	pthread_barrier_init(&barrier, NULL, NR_THREADS + 1);
	expect(take(NR_THREADS) == NR_THREADS, "no objects");
	for (i = 0; i < NR_THREADS; i++)
		require(!pthread_create(&thread[i], NULL, frees_one, (void *)i), "no thread");
	lower(resource, MIB);
	pthread_barrier_wait(&barrier);
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
	expect(!under_hakmem() || !stat_bad_frees(), "bad frees are reported");
	expect_audit_clean();
}

static void threads_find_no_address(void)
{
	threads_without_memory(RLIMIT_AS);
}

static void threads_may_have_no_data(void)
{
	threads_without_memory(RLIMIT_DATA);
}

/* A child forked by a thread that has got no memory of its own. */
static void *forks(void *arg)
{
	int status = -1;
	pid_t pid;

	pthread_barrier_wait(&barrier);
	pid = fork();
	if (!pid) {
		free(live[0]);
		free(malloc(SIZE));
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	expect(pid > 0 && !status, "pid %d, status %x", pid, status);
	free(live[0]);
	return arg;
}

static void fork_without_memory(void)
{
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, 2);
	expect(take(1) == 1, "no object");
	require(!pthread_create(&thread, NULL, forks, NULL), "no thread");
	lower(RLIMIT_AS, MIB);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	expect_audit_clean();
}

/* Bytes of mappings of no file: what counts as committed; what a core dump has. */
struct sums {
	uint64_t committed, dumped;
};

static void sum_up(struct sums *sums)
{
	uint64_t bytes = 0, inode = 0, first, last;
	bool writable = false;
	char line[512], mode[5];
	FILE *smaps = fopen("/proc/self/smaps", "r");

	*sums = (struct sums){ };
	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx %4s %*s %*s %lu", &first, &last, mode, &inode) == 4) {
			bytes = last - first;
			writable = mode[1] == 'w';
		} else if (!strncmp(line, "VmFlags:", 8) && !inode) {
			sums->committed += writable ? bytes : 0;
			sums->dumped += strstr(line, " dd") ? 0 : bytes;
		}
	}
	if (smaps)
		fclose(smaps);
}

/* With vm.overcommit_memory=2 each writable page is charged, used or not. */
static void little_is_committed(void)
{
	struct sums sums;

	give(take(1000));
	sum_up(&sums);
	expect(sums.committed && sums.committed < ITSELF, "%llu KiB are writable",
	       (unsigned long long)(sums.committed >> 10));
	expect(sums.dumped && sums.dumped < ITSELF, "%llu KiB go into a core dump",
	       (unsigned long long)(sums.dumped >> 10));
}

/* What was given back is neither. */
static void what_is_given_back_is_not_committed(void)
{
	struct sums sums;

	require(take(500 * PER_MIB) == 500 * PER_MIB, "no objects");
	sum_up(&sums);
	expect(sums.committed > 500 * MIB, "%llu KiB are writable",
	       (unsigned long long)(sums.committed >> 10));
	give(500 * PER_MIB);
	malloc_trim(0);
	sum_up(&sums);
	expect(sums.committed < ITSELF, "%llu KiB stayed writable",
	       (unsigned long long)(sums.committed >> 10));
	expect(sums.dumped < ITSELF, "%llu KiB go into a core dump",
	       (unsigned long long)(sums.dumped >> 10));
}

/* Locks 38 GiB no machine has to spare: the size is looked at first. */
static void what_is_used_is_locked(void)
{
	uint64_t size = status_of("VmSize:");

	require(size < 1024 * MIB, "%llu MiB of addresses", (unsigned long long)(size / MIB));
	give(take(1000));
	if (mlockall(MCL_CURRENT | MCL_FUTURE)) {
		check_leave_out("mlockall() is not allowed here");
		return;
	}
	expect(status_of("VmLck:") < 64 * MIB, "%llu KiB are locked",
	       (unsigned long long)(status_of("VmLck:") >> 10));
}

/* One object of each 2 MiB stays. */
static void locked_memory_is_given_back(void)
{
	size_t n = 40 * PER_MIB, i;
	uint64_t before;

	require(status_of("VmSize:") < 1024 * MIB, "too much to lock");
	give(take(1000));
	if (mlockall(MCL_CURRENT | MCL_FUTURE)) {
		check_leave_out("mlockall() is not allowed here");
		return;
	}
	before = dirty();
	require(before, "no smaps_rollup");
	require(take(n) == n, "no objects");
	for (i = 0; i < n; i++)
		if (i % (2 * PER_MIB))
			free(live[i]);
	malloc_trim(0);
	expect(dirty() < before + 4 * MIB, "%llu KiB stay, and were %llu",
	       (unsigned long long)(dirty() >> 10), (unsigned long long)(before >> 10));
	for (i = 0; i < n; i += 2 * PER_MIB)
		free(live[i]);
	expect_audit_clean();
}

static void worker_place(void)
{
	void *p = malloc(SIZE);

	printf("# at %p\n", p);
	free(p);
}

/* For scripts/check-user-tools, which looks at what is left, or looks in while it waits. */
static void worker_crash(void)
{
	take(1000);
	abort();
}

static void worker_wait(void)
{
	take(1000);
	puts("# waits");
	sleep(60);
}

static void worker_leak(void)
{
	take(1000);
	memset(live, 0, sizeof(live));
}

/* The address of an object in a process of its own. */
static uintptr_t place_of_one(void)
{
	static const char *const args[] = { "only=worker_place", NULL };
	struct outcome o;
	const char *at;
	void *p = NULL;

	run_self(args, NULL, &o);
	at = strstr(o.err, "# at ");
	expect(at && sscanf(at, "# at %p", &p) == 1, "the worker says: %.200s", o.err);
	return (uintptr_t)p;
}

/* Elsewhere each time; and not where a sanitizer's shadow, or a program at a fixed address, is. */
static void place_is_random(void)
{
	uintptr_t first = place_of_one(), p;
	unsigned int same = 0, i;

	for (i = 0; i < 20 && !check_failed(); i++) {
		p = place_of_one();
		same += (p ^ first) >> 21 == 0;
		expect(p > 0x410000000000 && p < 0x500000000000, "an object is at %p", (void *)p);
	}
	expect(same <= 2, "%u of 20 are in the same 2 MiB", same);
}

static void place_is_fixed_for_debuggers(void)
{
	uintptr_t first;

	personality(personality(0xffffffff) | ADDR_NO_RANDOMIZE);
	first = place_of_one();
	expect(place_of_one() == first, "another place");
}

static const struct check_case cases[] = {
	{ "address_space_is_limited", address_space_is_limited, 0 },
	{ "data_is_limited", data_is_limited, 0 },
	{ "threads_find_no_address", threads_find_no_address, 0 },
	{ "threads_may_have_no_data", threads_may_have_no_data, 0 },
	{ "fork_without_memory", fork_without_memory, 0 },
	{ "little_is_committed", little_is_committed, 0 },
	{ "what_is_given_back_is_not_committed", what_is_given_back_is_not_committed,
	  NEEDS_HAKMEM },
	{ "what_is_used_is_locked", what_is_used_is_locked, 0 },
	{ "locked_memory_is_given_back", locked_memory_is_given_back, NEEDS_HAKMEM },
	{ "place_is_random", place_is_random, NEEDS_HAKMEM },
	{ "place_is_fixed_for_debuggers", place_is_fixed_for_debuggers, NEEDS_HAKMEM },
	{ NULL, NULL, 0 },
};

static const struct check_case workers[] = {
	{ "worker_place", worker_place, 0 },
	{ "worker_crash", worker_crash, 0 },
	{ "worker_wait", worker_wait, 0 },
	{ "worker_leak", worker_leak, 0 },
	{ NULL, NULL, 0 },
};

int main(int argc, char **argv)
{
	bool worker = argc > 1 && !strncmp(argv[1], "only=worker_", 12);

	return check_main(argc, argv, worker ? workers : cases, 1, 0);
}
