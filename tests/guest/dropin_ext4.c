// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on a file system, each counted, and every byte that is read compared.
 *
 *   dropin_ext4 DIRECTORY FILES SEED PHASE...
 *
 * What a file holds follows from its number and its generation, so that nothing has to be
 * kept from one phase to the next but which generation it has, which the seed says.
 * Prints "ops N" for each phase; ends with 1 at the first thing that is wrong.
 */
#define _GNU_SOURCE
#include "../../kunit/lib/hak_pattern.h"
#include "../../kunit/lib/hak_random.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DIRS 40
#define BLOCK 4096

static const char *top;
static unsigned int files, seed;
static unsigned long ops;

static void die(const char *fmt, ...)
{
	int err = errno;
	va_list args;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf(" (%s)\n", strerror(err));
	exit(1);
}

#define must(call)								\
({										\
	long __r = (call);							\
										\
	ops++;									\
	if (__r < 0)								\
		die("line %d: %s failed for file %u", __LINE__, #call, n);	\
	__r;									\
})

static uint64_t of(unsigned int n, unsigned int what)
{
	unsigned long long r = ((uint64_t)seed << 48) ^ ((uint64_t)what << 32) ^ n;

	return hak_random(&r);
}

static const char *path(char kind, unsigned int n)
{
	static char buf[4][256];
	static int turn;
	char *p = buf[turn++ & 3];

	snprintf(p, 256, "%s/d%u/%c%u", top, n % DIRS, kind, n);
	return p;
}

/* One file in eight has several blocks, the others less than one. */
static size_t size_of(unsigned int n, unsigned int gen)
{
	uint64_t r = of(n, gen * 4 + 1);

	return r % 8 ? 1 + r % 700 : BLOCK * (1 + r / 8 % 6) + r % 100;
}

static void fill(char *buf, size_t size, unsigned int n, unsigned int gen)
{
	hak_pattern_fill(buf, size, of(n, gen * 4 + 2));
}

static char want[BLOCK * 8], got[BLOCK * 8];

static void write_file(char kind, unsigned int n, unsigned int gen, int flags)
{
	size_t size = size_of(n, gen);
	int fd = must(open(path(kind, n), O_WRONLY | flags, 0644));

	fill(want, size, n, gen);
	if (must(write(fd, want, size)) != (long)size)
		die("file %u: a short write", n);
	close(fd);
}

static void verify_file(char kind, unsigned int n, unsigned int gen, size_t size)
{
	int fd = must(open(path(kind, n), O_RDONLY));
	long len = must(read(fd, got, sizeof(got)));

	close(fd);
	fill(want, size_of(n, gen), n, gen);
	if (len != (long)size || memcmp(want, got, size)) {
		errno = 0;
		die("file %c%u: its %ld bytes are not the %zu written", kind, n, len, size);
	}
}

/* Too long for the inode, and one of a few values: such blocks are shared, found by mbcache. */
static size_t xattr_of(unsigned int n, char *buf)
{
	size_t size = 400 + n % 3 * 100;

	memset(buf, 'a' + n % 5, size);
	return size;
}

static void make_dirs(void)
{
	unsigned int n;
	char buf[256];

	for (n = 0; n < DIRS; n++) {
		snprintf(buf, sizeof(buf), "%s/d%u", top, n);
		must(mkdir(buf, 0755));
	}
}

static void populate(void)
{
	unsigned int n;

	make_dirs();
	for (n = 0; n < files; n++) {
		write_file('f', n, 0, O_CREAT | O_EXCL);
		if (n % 2 == 0)
			must(setxattr(path('f', n), "user.x", want, xattr_of(n, want), 0));
	}
}

static void churn(void)
{
	unsigned int n;

	for (n = 0; n < files; n++) {
		must(rename(path('f', n), path('g', n)));
		if (n % 2) {
			must(link(path('g', n), path('l', n)));
			if (n % 4 == 1)
				must(unlink(path('l', n)));
		}
		if (n % 3 == 0)
			write_file('g', n, 1, O_TRUNC);
		if (n % 3 == 1)
			must(truncate(path('g', n), size_of(n, 0) / 2));
		if (n % 5 == 0) {
			must(symlink("nowhere", path('s', n)));
			must(unlink(path('s', n)));
		}
		if (n % 10 == 0) {
			must(mkdir(path('m', n), 0700));
			must(rmdir(path('m', n)));
		}
	}
}

/* A temporary file each time: what a build or a mail queue does to a file system. */
static void temps(void)
{
	unsigned int n;

	for (n = 0; n < files; n++) {
		write_file('t', n, 2, O_CREAT | O_EXCL);
		verify_file('t', n, 2, size_of(n, 2));
		must(unlink(path('t', n)));
	}
}

static void verify(void)
{
	unsigned int n;

	for (n = 0; n < files; n++) {
		if (n % 3 == 0)
			verify_file('g', n, 1, size_of(n, 1));
		else
			verify_file('g', n, 0, size_of(n, 0) / (n % 3 == 1 ? 2 : 1));
		if (n % 2 == 0) {
			long size = xattr_of(n, want);
			long len = must(getxattr(path('g', n), "user.x", got, sizeof(got)));

			if (len != size || memcmp(want, got, size))
				die("file %u: another attribute than was set", n);
		}
		if (n % 4 == 3) {
			struct stat st;

			must(stat(path('l', n), &st));
			if (st.st_nlink != 2)
				die("file %u: %u links", n, (unsigned int)st.st_nlink);
		}
	}
}

/* All but every tenth. */
static void delete(void)
{
	unsigned int n;

	for (n = 0; n < files; n++) {
		if (n % 2 == 0 && n % 4 == 0)
			must(removexattr(path('g', n), "user.x"));
		if (n % 10)
			must(unlink(path('g', n)));
		if (n % 4 == 3)
			must(unlink(path('l', n)));
	}
}

static const struct phase {
	const char *name;
	void (*run)(void);
} phases[] = {
	{ "populate", populate }, { "churn", churn }, { "temps", temps },
	{ "verify", verify }, { "delete", delete },
};

int main(int argc, char **argv)
{
	unsigned int i, j;

	if (argc < 5)
		return 2;
	top = argv[1];
	files = atoi(argv[2]);
	seed = atoi(argv[3]);
	for (i = 4; i < (unsigned int)argc; i++) {
		for (j = 0; j < sizeof(phases) / sizeof(phases[0]); j++)
			if (!strcmp(argv[i], phases[j].name))
				break;
		if (j == sizeof(phases) / sizeof(phases[0]))
			return 2;
		ops = 0;
		phases[j].run();
		printf("ops %lu\n", ops);
	}
	return 0;
}
