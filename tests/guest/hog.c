// SPDX-License-Identifier: GPL-2.0
/* hog MIB: an ordinary process that wants so much memory, uses it, and says when it has it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	long mib = argc > 1 ? atol(argv[1]) : 0, i;
	char *p;

	for (i = 0; i < mib; i++) {
		p = malloc(1 << 20);
		if (!p)
			return 1;
		memset(p, 1, 1 << 20);
	}
	printf("hog: got %ld MiB\n", mib);
	return 0;
}
