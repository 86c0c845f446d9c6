// SPDX-License-Identifier: GPL-2.0
/* held MB: takes so much memory and uses each page of it. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	size_t bytes = (size_t)atoi(argc > 1 ? argv[1] : "1") << 20, i;
	volatile char *p = malloc(bytes);

	if (!p)
		return 1;
	for (i = 0; i < bytes; i += 4096)
		p[i] = 1;
	printf("%zu MiB\n", bytes >> 20);
	return 0;
}
