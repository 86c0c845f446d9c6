// SPDX-License-Identifier: GPL-2.0
/* fragmented MB: an ordinary process whose memory can be moved; it keeps it until it is killed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t bytes = (size_t)atoi(argc > 1 ? argv[1] : "1") << 20;
	char *p = malloc(bytes);

	if (!p)
		return 1;
	memset(p, 1, bytes);
	for (;;)
		pause();
}
