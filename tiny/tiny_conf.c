// SPDX-License-Identifier: GPL-2.0
/*
 * What the parameters mean for a cache, and their change while hakmem runs.
 *
 * A change reaches what CPUs share at once.  No CPU is asked: each takes over what concerns its
 * sets when it looks at them next, as its reaper does and every drain.
 *
 * A cache may have settings of its own, by its name.  They hold for what there is of that name.
 */
#include "tiny/tiny_core.h"

static u8 core_mag_max(const struct hak_core *core)
{
	return clamp_t(unsigned int, hak_conf.mag_bytes / core->pool.stride, 1,
		       core->own.mag_size ?: hak_conf.mag_size);
}

static unsigned long core_bytes_max(const struct hak_core *core)
{
	return core->own.cache_bytes_max ?: hak_conf.cache_bytes_max;
}

static unsigned int core_max_full(const struct hak_core *core)
{
	unsigned long bytes = core->pool.stride * core->mag_max + sizeof(struct hak_mag);

	return max(core_bytes_max(core) / 2 / bytes, 2UL);
}

static u32 core_keep_empty(const struct hak_core *core)
{
	return clamp_t(unsigned long, core_bytes_max(core) / 2 / HAK_SLAB_SPAGES_MAX /
		       HAK_SPAGE_SIZE, 1, 16);
}

void hak_core_conf(struct hak_core *core)
{
	int nid;

	WRITE_ONCE(core->mag_max, core_mag_max(core));
	WRITE_ONCE(core->pool.keep_empty, core_keep_empty(core));
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

const char *hak_conf_wrong(const struct hak_own *own)
{
	if (own->mag_size < 1 || own->mag_size > HAK_MAG_MAX)
		return "mag_size 1..64";
	if (own->cache_bytes_max < 1UL << 16 || own->cache_bytes_max > 1UL << 30)
		return "cache_bytes_max 64K..1G";
	if (own->reap_ms > 3600001)
		return "reap_ms 0..3600000";
	return NULL;
}

/* Set what @key names in @own. */
static int own_set(struct hak_own *own, const char *key, const char *value)
{
	/* What the others are here is right. */
	struct hak_own try = { .mag_size = 1, .cache_bytes_max = 1UL << 16 };
	bool mine = strcmp(value, "-");
	unsigned long v = 0;

	if (mine && (kstrtoul(value, 0, &v) || v > UINT_MAX - 1))
		return -EINVAL;
	if (!strcmp(key, "mag_size")) {
		own->mag_size = v;
		try.mag_size = v;
	} else if (!strcmp(key, "cache_bytes_max")) {
		own->cache_bytes_max = v;
		try.cache_bytes_max = v;
	} else if (!strcmp(key, "reap_ms")) {
		own->reap_ms = mine ? v + 1 : 0;
		try.reap_ms = own->reap_ms;
	} else {
		return -EINVAL;
	}
	return mine && hak_conf_wrong(&try) ? -EINVAL : 0;
}

int hak_conf_cache(const char *name, const char *key, const char *value)
{
	struct hak_core *core;
	int err = -ENOENT;

	mutex_lock(&hak_caches_lock);
	list_for_each_entry(core, &hak_caches, list) {
		struct hak_own own = core->own;

		if (strcmp(core->name, name))
			continue;
		err = own_set(&own, key, value);
		if (err)
			break;
		WRITE_ONCE(core->own.mag_size, own.mag_size);
		WRITE_ONCE(core->own.cache_bytes_max, own.cache_bytes_max);
		WRITE_ONCE(core->own.reap_ms, own.reap_ms);
		hak_core_conf(core);
	}
	mutex_unlock(&hak_caches_lock);
	if (!err)
		hak_reap_settle();
	return err;
}
HAK_EXPORT_TEST(hak_conf_cache);
