// SPDX-License-Identifier: GPL-2.0
/*
 * Loads a module again and again, the n-th allocation failing the n-th time, until
 * one load needs fewer than n: failinit MODULE.ko [PARAMETERS]
 *
 * Prints how many loads failed, and exits with 0 if the last one did not and could be
 * undone.  The kernel's fail-nth belongs to a task, so no shell can do this.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST 20000

static int fail_nth_fd;

static void arm(int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", nth);

	if (pwrite(fail_nth_fd, text, n, 0) != n) {
		perror("fail-nth");
		exit(2);
	}
}

/* Returns whether the injection is still to come. */
static int armed(void)
{
	char text[16] = "";

	if (pread(fail_nth_fd, text, sizeof(text) - 1, 0) < 0) {
		perror("fail-nth");
		exit(2);
	}
	return atoi(text) != 0;
}

/* A load that succeeds is to be whole: 24 classes, where its debugfs files could be made. */
static int whole(void)
{
	static char text[65536];
	int fd = open("/sys/kernel/debug/hakmem/classes", O_RDONLY), n, lines = 0;

	if (fd < 0)
		return 1;
	while ((n = read(fd, text, sizeof(text))) > 0)
		while (n--)
			lines += text[n] == '\n';
	close(fd);
	return lines >= 24;
}

int main(int argc, char **argv)
{
	const char *params = argc > 2 ? argv[2] : "";
	int nth, fd, left, failed = 0, loaded = 0;
	long err;

	fail_nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	fd = argc > 1 ? open(argv[1], O_RDONLY) : -1;
	if (fail_nth_fd < 0 || fd < 0) {
		perror("failinit");
		return 2;
	}
	for (nth = 1; nth < MOST; nth++) {
		arm(nth);
		err = syscall(SYS_finit_module, fd, params, 0) ? errno : 0;
		left = armed();
		arm(0);
		if (err) {
			failed++;
			if (err != ENOMEM && err != EINVAL && err != EEXIST)
				printf("load %d: %s\n", nth, strerror(err));
		} else {
			loaded++;
			if (!whole()) {
				printf("load %d: classes are missing\n", nth);
				return 1;
			}
			if (syscall(SYS_delete_module, "hakmem", O_NONBLOCK)) {
				printf("unload %d: %s\n", nth, strerror(errno));
				return 1;
			}
		}
		if (left)
			break;
	}
	printf("%d allocations failed in turn: %d loads failed, %d did without\n", nth - 1, failed,
	       loaded - 1);
	return !(left && !err && nth > 1);
}
