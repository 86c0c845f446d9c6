// SPDX-License-Identifier: GPL-2.0
/*
 * Many files, few of which stay open.
 *
 *   dropin_f2fs make DIRECTORY FILES         that many, each with its number in it
 *   dropin_f2fs read DIRECTORY FILES         each is read, and holds its number
 *   dropin_f2fs hold DIRECTORY FILES OPEN    so many of them, evenly spread, are open from now on,
 *                                            by a process that waits to be killed
 *   dropin_f2fs drop DIRECTORY FILES         each is removed
 *
 * Prints "ops N"; ends with 1 at the first thing that is wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRS 40

static const char *top;
static unsigned int files;
static unsigned long ops;

static void die(const char *what, unsigned int n)
{
	printf("%s failed at file %u: %s\n", what, n, strerror(errno));
	exit(1);
}

static const char *path(unsigned int n)
{
	static char buf[256];

	snprintf(buf, sizeof(buf), "%s/d%u/f%u", top, n % DIRS, n);
	return buf;
}

static int file_open(unsigned int n, int flags)
{
	int fd = open(path(n), flags, 0644);

	if (fd < 0)
		die("open", n);
	ops++;
	return fd;
}

static void file_make(unsigned int n)
{
	int fd = file_open(n, O_WRONLY | O_CREAT | O_EXCL);

	if (write(fd, &n, sizeof(n)) != sizeof(n))
		die("write", n);
	close(fd);
}

static void file_read(unsigned int n)
{
	int fd = file_open(n, O_RDONLY);
	unsigned int got;

	errno = 0;
	if (read(fd, &got, sizeof(got)) != sizeof(got) || got != n)
		die("read", n);
	close(fd);
}

static void file_drop(unsigned int n)
{
	if (unlink(path(n)))
		die("unlink", n);
	ops++;
}

static void make_dirs(void)
{
	unsigned int n;
	char buf[256];

	for (n = 0; n < DIRS; n++) {
		snprintf(buf, sizeof(buf), "%s/d%u", top, n);
		if (mkdir(buf, 0755))
			die("mkdir", n);
	}
}

static void hold(unsigned int nr_open)
{
	unsigned int i;

	for (i = 0; i < nr_open; i++)
		file_open(i * (files / nr_open), O_RDONLY);
	printf("ops %lu\n", ops);
	fflush(stdout);
	/* Whoever called goes on when this process has ended. */
	if (fork())
		exit(0);
	close(0);
	close(1);
	close(2);
	for (;;)
		pause();
}

static void each(void (*fn)(unsigned int n))
{
	unsigned int n;

	for (n = 0; n < files; n++)
		fn(n);
	printf("ops %lu\n", ops);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	top = argv[2];
	files = atoi(argv[3]);
	if (!strcmp(argv[1], "make")) {
		make_dirs();
		each(file_make);
	} else if (!strcmp(argv[1], "read")) {
		each(file_read);
	} else if (!strcmp(argv[1], "drop")) {
		each(file_drop);
	} else if (!strcmp(argv[1], "hold") && argc == 5) {
		hold(atoi(argv[4]));
	} else {
		return 2;
	}
	return 0;
}
