// SPDX-License-Identifier: GPL-2.0
/* Size classes: see tiny_class.h. */
#include "tiny/tiny_class.h"

const u16 hak_class_size[HAK_NR_CLASSES] = {
	8, 16, 24, 32, 40, 48, 56, 64,
	80, 96, 112, 128,
	160, 192, 224, 256,
	320, 384, 448, 512,
	640, 768, 896, 1024,
};
HAK_EXPORT_TEST(hak_class_size);

struct hak_cache *hak_size_cache[HAK_MAX_SIZE / 8] __read_mostly;
HAK_EXPORT_TEST(hak_size_cache);

void hak_size_cache_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hak_size_cache); i++)
		hak_size_cache[i] = hak_class[hak_size_class(i * 8 + 8)];
}
