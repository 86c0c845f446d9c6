// SPDX-License-Identifier: GPL-2.0
/*
 * heldtime MS: every MS milliseconds a line "SECONDS KB": the time since boot, and memory that is
 * free or some process's own.  Free is also what waits on the lists of CPUs, which MemFree does
 * not count.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int counts(const char *name)
{
	return !strcmp(name, "nr_free_pages") || !strcmp(name, "count:") ||
	       !strcmp(name, "nr_zone_inactive_anon") || !strcmp(name, "nr_zone_active_anon");
}

static long pages(void)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	char line[256], name[64];
	long n, sum = 0;

	if (!f)
		exit(1);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " %63s %ld", name, &n) == 2 && counts(name))
			sum += n;
	fclose(f);
	return sum;
}

int main(int argc, char **argv)
{
	long ms = argc > 1 ? atol(argv[1]) : 100, sum;
	struct timespec next, now;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (;;) {
		sum = pages();
		clock_gettime(CLOCK_BOOTTIME, &now);
		printf("%ld.%02ld %ld\n", (long)now.tv_sec, now.tv_nsec / 10000000, sum * 4);
		fflush(stdout);
		next.tv_nsec += ms * 1000000;
		next.tv_sec += next.tv_nsec / 1000000000;
		next.tv_nsec %= 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
}
