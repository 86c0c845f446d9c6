// SPDX-License-Identifier: GPL-2.0
/* What a careless client leaves behind: objects, or a cache. */
#include "selftest/selftest.h"

int st_leak(unsigned int n)
{
	static const unsigned short sizes[] = { 8, 24, 64, 100, 192, 500, 1024 };
	unsigned int i;
	void *p;

	for (i = 0; i < n; i++) {
		p = hak_alloc(sizes[i % ARRAY_SIZE(sizes)], GFP_KERNEL);
		if (!p)
			return -ENOMEM;
		memset(p, 0x5a, sizes[i % ARRAY_SIZE(sizes)]);
	}
	pr_info("hakmem_selftest: forgets %u objects\n", n);
	return 0;
}

int st_keep_cache(void)
{
	if (!hak_cache_create("selftest-kept", 64, NULL, 0))
		return -ENOMEM;
	pr_info("hakmem_selftest: keeps a cache\n");
	return 0;
}
