// SPDX-License-Identifier: GPL-2.0
/*
 * What the parameters mean for a cache, and their change while hakmem runs.
 *
 * A change reaches what CPUs share at once.  No CPU is asked: each takes over what concerns its
 * sets when it looks at them next, as its reaper does and every drain.
 */
#include "tiny/tiny_core.h"

static u8 core_mag_max(const struct hak_core *core)
{
	return clamp_t(unsigned int, hak_conf.mag_bytes / core->pool.stride, 1,
		       hak_conf.mag_size);
}

static unsigned int core_max_full(const struct hak_core *core)
{
	unsigned long bytes = core->pool.stride * core->mag_max + sizeof(struct hak_mag);

	return max(hak_conf.cache_bytes_max / 2 / bytes, 2UL);
}

static u32 core_keep_empty(void)
{
	return clamp_t(unsigned long, hak_conf.cache_bytes_max / 2 / HAK_SLAB_SPAGES_MAX /
		       HAK_SPAGE_SIZE, 1, 16);
}

void hak_core_conf(struct hak_core *core)
{
	int nid;

	WRITE_ONCE(core->mag_max, core_mag_max(core));
	WRITE_ONCE(core->pool.keep_empty, core_keep_empty());
	for (nid = 0; core->depot && nid < nr_node_ids; nid++)
		WRITE_ONCE(core->depot[nid].max_full, core_max_full(core));
}

void hak_conf_change(unsigned int mag_size, unsigned long cache_bytes_max)
{
	struct hak_core *core;

	mutex_lock(&hak_caches_lock);
	hak_conf.mag_size = mag_size;
	hak_conf.cache_bytes_max = cache_bytes_max;
	list_for_each_entry(core, &hak_caches, list)
		hak_core_conf(core);
	mutex_unlock(&hak_caches_lock);
}
HAK_EXPORT_TEST(hak_conf_change);
