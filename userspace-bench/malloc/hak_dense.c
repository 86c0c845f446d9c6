// SPDX-License-Identifier: GPL-2.0
/*
 * malloc()'s own size classes: closer together than the kernel's, which its ABI fixes.
 *
 * Take memory that is full of objects of one size, 16 to 1024 bytes in steps of 16.  At most 6.5 %
 * of it is lost, headers included; between the kernel's classes it is 25 %.
 *
 * What a slab page holds decides which sizes are worth a class.  16 KiB are 19 objects of 848 bytes
 * and 18 of 896, and nothing lies between.  608, 800 and 832 are there for alignment: a class is a
 * multiple of the largest power of two that divides a size it serves.
 */
#include "malloc/hak_user.h"
#include "tiny/tiny_class.h"

static const u16 dense_size[] = {
	16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 272, 288,
	320, 336, 352, 368, 384, 416, 448, 480, 512, 544, 576, 592, 608, 640, 672, 704, 736, 768,
	800, 832, 848, 896, 960, 1024,
};

/* By the size in steps of 16, rounded up. */
static struct hak_cache *dense_cache[HAK_MAX_SIZE / 16 + 1];

static struct hak_cache *dense_create(unsigned int size)
{
	struct hak_core *core;
	char name[16];

	/* One of the kernel's is there already. */
	if (hak_class_size[hak_size_class(size)] == size)
		return hak_class[hak_size_class(size)];
	snprintf(name, sizeof(name), "hak-%u", size);
	core = hak_core_create(name, size, NULL, 0, false, THIS_MODULE);
	return core ? core->handle : NULL;
}

int hak_dense_init(void)
{
	struct hak_cache *c;
	unsigned int i, at = 0;

	for (i = 0; i < ARRAY_SIZE(dense_size); i++) {
		c = dense_create(dense_size[i]);
		if (!c)
			return -ENOMEM;
		while (at <= dense_size[i] / 16)
			dense_cache[at++] = c;
	}
	return 0;
}

struct hak_cache *hak_dense_cache(size_t size)
{
	return dense_cache[(size + 15) / 16];
}
