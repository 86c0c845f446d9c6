// SPDX-License-Identifier: GPL-2.0
/* Cases, expectations and children of the black-box tests: see check.h. */
#define _GNU_SOURCE
#include "check.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CASE_SECONDS	120	/* what takes longer hangs; a slow machine needs a tenth */
#define WHY_BYTES	400

struct shared {
	int failures;
	char why[WHY_BYTES];
	char left_out[WHY_BYTES];
};

uint64_t check_seed, check_ops;

static struct shared *shared;
static char self_path[4096];
static unsigned long long (*stat_read)(const char *name);
static int (*audit_call)(long live);

void check_fail(const char *file, int line, const char *format, ...)
{
	const char *base = strrchr(file, '/');
	va_list args;
	int n;

	if (__atomic_fetch_add(&shared->failures, 1, __ATOMIC_SEQ_CST))
		return;
	n = snprintf(shared->why, WHY_BYTES, "%s:%d: ", base ? base + 1 : file, line);
	va_start(args, format);
	vsnprintf(shared->why + n, WHY_BYTES - n, format, args);
	va_end(args);
}

bool check_failed(void)
{
	return __atomic_load_n(&shared->failures, __ATOMIC_SEQ_CST);
}

void check_leave_out(const char *why)
{
	snprintf(shared->left_out, WHY_BYTES, "%s", why);
}

bool under_hakmem(void)
{
	return stat_read && audit_call;
}

uint64_t stat_of(const char *name)
{
	return stat_read ? stat_read(name) : ~0ULL;
}

static uint64_t stat_sum(const char *const *name)
{
	uint64_t sum = 0, v;

	for (; *name; name++) {
		v = stat_of(*name);
		sum += v == ~0ULL ? 0 : v;
	}
	return sum;
}

uint64_t stat_served(void)
{
	static const char *const names[] = { "alloc_magazine", "alloc_spare", "alloc_depot",
		"alloc_slab", "alloc_superslab", "alloc_small_block", "alloc_run", NULL };

	return stat_sum(names);
}

uint64_t stat_bad_frees(void)
{
	static const char *const names[] = { "bad_free_foreign", "bad_free_double",
		"bad_free_cache", "bad_free_interior", "bad_free_by_kernel", NULL };

	return stat_sum(names);
}

uint64_t held_bytes(void)
{
	return stat_of("pages_held") * 4096;
}

int audit(long live)
{
	return audit_call ? audit_call(live) : 0;
}

void expect_audit_clean(void)
{
	int findings = audit(-1);

	expect(!findings, "the audit has %d findings", findings);
}

void *hide(void *p)
{
	__asm__ volatile("" : "+r"(p));
	return p;
}

size_t hide_size(size_t n)
{
	__asm__ volatile("" : "+r"(n));
	return n;
}

/* Heap sort: qsort() may allocate. */
static void sift(uintptr_t *a, size_t root, size_t n)
{
	size_t child;
	uintptr_t t;

	while ((child = 2 * root + 1) < n) {
		child += child + 1 < n && a[child] < a[child + 1];
		if (a[root] >= a[child])
			return;
		t = a[root];
		a[root] = a[child];
		a[child] = t;
		root = child;
	}
}

bool distinct(void **p, size_t n)
{
	uintptr_t *a = (uintptr_t *)p, t;
	size_t i;

	for (i = n / 2; i-- > 0;)
		sift(a, i, n);
	for (i = n; i-- > 1;) {
		t = a[0];
		a[0] = a[i];
		a[i] = t;
		sift(a, 0, i);
	}
	for (i = 1; i < n; i++)
		if (a[i] == a[i - 1])
			return false;
	return true;
}

/* Read what the other end of @fd writes until it is closed, then reap @pid. */
static void gather(int fd, pid_t pid, struct outcome *o)
{
	char rest[512];
	ssize_t n;

	o->length = 0;
	while ((n = read(fd, o->err + o->length, sizeof(o->err) - 1 - o->length)) > 0)
		o->length += n;
	o->err[o->length] = 0;
	while (n > 0 || read(fd, rest, sizeof(rest)) > 0)
		n = 0;
	close(fd);
	while (waitpid(pid, &o->status, 0) < 0 && errno == EINTR)
		;
}

void run_child(void (*body)(void *), void *arg, struct outcome *o)
{
	int fd[2];
	pid_t pid;

	require(!pipe(fd), "pipe: %s", strerror(errno));
	pid = fork();
	require(pid >= 0, "fork: %s", strerror(errno));
	if (!pid) {
		dup2(fd[1], STDERR_FILENO);
		close(fd[0]);
		close(fd[1]);
		alarm(CASE_SECONDS / 2);
		body(arg);
		_exit(0);
	}
	close(fd[1]);
	gather(fd[0], pid, o);
}

bool ended_well(const struct outcome *o)
{
	return WIFEXITED(o->status) && !WEXITSTATUS(o->status);
}

unsigned int count_text(const char *text, const char *what)
{
	unsigned int n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void set_environment(const char *const *env)
{
	char name[64];
	const char *equals;

	for (; env && *env; env++) {
		equals = strchr(*env, '=');
		if (!equals) {
			unsetenv(*env);
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)(equals - *env), *env);
		setenv(name, equals + 1, 1);
	}
}

void run_self(const char *const *args, const char *const *env, struct outcome *o)
{
	char *argv[8] = { self_path };
	int fd[2], i;
	pid_t pid;

	for (i = 1; i < 7 && args[i - 1]; i++)
		argv[i] = (char *)args[i - 1];
	require(!pipe(fd), "pipe: %s", strerror(errno));
	pid = fork();
	require(pid >= 0, "fork: %s", strerror(errno));
	if (!pid) {
		dup2(fd[1], STDOUT_FILENO);
		dup2(fd[1], STDERR_FILENO);
		close(fd[0]);
		close(fd[1]);
		set_environment(env);
		alarm(CASE_SECONDS / 2);
		execv(self_path, argv);
		_exit(127);
	}
	close(fd[1]);
	gather(fd[0], pid, o);
}

/* Run @c in a child of its own, and turn an end that is not its own into a failure. */
static void run_apart(const struct check_case *c)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		alarm(CASE_SECONDS);
		c->run();
		_exit(0);
	}
	if (pid < 0)
		check_fail(__FILE__, __LINE__, "fork: %s", strerror(errno));
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		check_fail(__FILE__, __LINE__, "killed by signal %d (%s)", WTERMSIG(status),
			   strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		check_fail(__FILE__, __LINE__, "ended with status %d", WEXITSTATUS(status));
}

static const char *argument(int argc, char **argv, const char *name, const char *otherwise)
{
	size_t n = strlen(name);
	int i;

	for (i = 1; i < argc; i++)
		if (!strncmp(argv[i], name, n))
			return argv[i] + n;
	return otherwise;
}

static uint64_t number(int argc, char **argv, const char *name, uint64_t otherwise)
{
	const char *text = argument(argc, argv, name, NULL);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void prepare(int argc, char **argv, uint64_t seed, uint64_t ops)
{
	ssize_t n = readlink("/proc/self/exe", self_path, sizeof(self_path) - 1);

	self_path[n > 0 ? n : 0] = 0;
	stat_read = (unsigned long long (*)(const char *))dlsym(RTLD_DEFAULT, "hakmem_stat_read");
	audit_call = (int (*)(long))dlsym(RTLD_DEFAULT, "hakmem_audit");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	check_seed = number(argc, argv, "seed=", seed);
	check_ops = number(argc, argv, "ops=", ops);
	setvbuf(stdout, NULL, _IOLBF, 0);
}

enum result { PASSED, FAILED, LEFT_OUT };

static enum result run_case(const struct check_case *c, bool apart)
{
	const char *preload = getenv("LD_PRELOAD");

	shared->failures = 0;
	shared->why[0] = shared->left_out[0] = 0;
	if (apart)
		run_apart(c);
	else
		c->run();
	if (!check_failed() && shared->left_out[0]) {
		printf("left out - %s: %s\n", c->name, shared->left_out);
		return LEFT_OUT;
	}
	if (!check_failed()) {
		printf("ok - %s\n", c->name);
		return PASSED;
	}
	printf("not ok - %s: %s (to repeat: %s%s %s only=%s seed=%llu ops=%llu)\n", c->name,
	       shared->why, preload ? "LD_PRELOAD=" : "", preload ? preload : "", self_path,
	       c->name, (unsigned long long)check_seed, (unsigned long long)check_ops);
	return FAILED;
}

int check_main(int argc, char **argv, const struct check_case *cases, uint64_t seed, uint64_t ops)
{
	unsigned int count[LEFT_OUT + 1] = { }, skipped = 0;
	const char *only;
	bool apart;

	prepare(argc, argv, seed, ops);
	only = argument(argc, argv, "only=", NULL);
	apart = number(argc, argv, "fork=", 1);
	printf("# %s, seed=%llu ops=%llu\n", under_hakmem() ? "under hakmem" : "not under hakmem",
	       (unsigned long long)check_seed, (unsigned long long)check_ops);
	for (; cases->name; cases++) {
		if (only && strcmp(only, cases->name))
			continue;
		if ((cases->flags & NEEDS_HAKMEM) && !under_hakmem()) {
			printf("skip - %s: only hakmem promises it\n", cases->name);
			skipped++;
		} else {
			count[run_case(cases, apart)]++;
		}
	}
	if (skipped)
		printf("%u skipped\n", skipped);
	printf("%u passed, %u failed\n", count[PASSED], count[FAILED]);
	return count[FAILED] || !(count[PASSED] + count[LEFT_OUT]);
}
