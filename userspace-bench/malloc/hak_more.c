// SPDX-License-Identifier: GPL-2.0
/*
 * Sizes above HAK_MAX_SIZE that are served as all others: caches of the same core, with magazines
 * and slabs.  The kernel leaves these to kmalloc().  What is larger still has pages of its own.
 *
 * There are four steps per doubling, as below.  Each is a multiple of the largest power of two that
 * divides a size it serves.  aligned_alloc() relies on that.
 */
#include "malloc/hak_user.h"
#include "tiny/tiny_class.h"

static const u16 more_size[] = {
	1280, 1536, 1792, 2048,
	2560, 3072, 3584, 4096,
	5120, 6144, 7168, 8192,
	10240, 12288, 14336, 16384,
	20480, 24576, 28672, 32768,
};

/* By HAK_MORE_STEP bytes; those below HAK_MAX_SIZE are not used. */
static struct hak_cache *more_cache[HAK_MORE_MAX / HAK_MORE_STEP];

static unsigned int more_index(size_t size)
{
	return (size - 1) / HAK_MORE_STEP;
}

struct hak_cache *hak_user_cache(size_t size)
{
	if (size > HAK_MAX_SIZE)
		return more_cache[more_index(size)];
	return hak_dense_cache(size);
}

static struct hak_core *more_create(u16 size)
{
	struct hak_core *core;
	char name[16];

	snprintf(name, sizeof(name), "hak-%u", size);
	core = hak_core_create(name, size, NULL, 0, false, THIS_MODULE);
	/* The last slab of a SuperSlab is a little shorter: it is to have an object, too. */
	if (core && size > HAK_SPAGE_SIZE / 2) {
		core->pool.slab_spages = HAK_SLAB_SPAGES_MAX;
		core->own.cache_bytes_max = 6 * hak_conf.cache_bytes_max;
		hak_core_conf(core);
	}
	return core;
}

int hak_more_init(void)
{
	unsigned int mag_bytes = hak_conf.mag_bytes, i, at = more_index(HAK_MAX_SIZE + 1);
	struct hak_core *core;

	/* Even of the largest a magazine holds a few. */
	hak_conf.mag_bytes = 2 * mag_bytes;
	for (i = 0; i < ARRAY_SIZE(more_size); i++) {
		core = more_create(more_size[i]);
		if (!core)
			return -ENOMEM;
		for (; at <= more_index(more_size[i]); at++)
			more_cache[at] = core->handle;
	}
	hak_conf.mag_bytes = mag_bytes;
	return 0;
}
