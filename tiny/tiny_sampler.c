// SPDX-License-Identifier: GPL-2.0
/*
 * The table of sampled objects as a whole: made, emptied, summed up and freed.
 *
 * The memory is taken when sampling begins and given back when it ends: about 1.2 MiB.
 */
#include "tiny/tiny_sample.h"

#define LEAKS_NAMED 5U		/* call sites in the log */

static void sampler_put(struct hak_sampler *s)
{
	kvfree(s->tags);
	kvfree(s->key);
	kvfree(s->record);
	kvfree(s->site);
	kfree(s);
}

static struct hak_sampler *sampler_new(void)
{
	struct hak_sampler *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	s->tags = kvcalloc(HAK_SAMPLE_RECORDS, 1, GFP_KERNEL);
	s->key = kvcalloc(HAK_SAMPLE_RECORDS, sizeof(*s->key), GFP_KERNEL);
	s->record = kvcalloc(HAK_SAMPLE_RECORDS, sizeof(*s->record), GFP_KERNEL);
	s->site = kvcalloc(HAK_SITES, sizeof(*s->site), GFP_KERNEL);
	if (!s->tags || !s->key || !s->record || !s->site) {
		sampler_put(s);
		return NULL;
	}
	strscpy(s->site[0].cache, "-", sizeof(s->site[0].cache));
	strscpy(s->site[0].where, "-", sizeof(s->site[0].where));
	s->site[0].state = HAK_SITE_READY;
	return s;
}

int hak_sampler_make(unsigned long every, bool all)
	hak_must_hold(&hak_caches_lock)
{
	struct hak_sampler *s = hak_sampler;

	hak_assert_held(&hak_caches_lock);
	if (!s)
		s = sampler_new();
	if (!s)
		return -ENOMEM;
	WRITE_ONCE(s->every, every);
	s->all |= all;
	hak_sample_restart();
	smp_store_release(&hak_sampler, s);
	return 0;
}

void hak_sampler_free(void)
	hak_must_hold(&hak_caches_lock)
{
	struct hak_sampler *s = hak_sampler;

	hak_assert_held(&hak_caches_lock);
	if (!s)
		return;
	WRITE_ONCE(hak_sampler, NULL);
	synchronize_rcu_expedited();
	sampler_put(s);
}

void hak_sampler_exit(void)
{
	mutex_lock(&hak_caches_lock);
	hak_sampler_free();
	mutex_unlock(&hak_caches_lock);
}

/* Who frees the object meanwhile has its record, or finds none. */
void hak_sampler_drop(const struct hak_core *core)
	hak_must_hold(&hak_caches_lock)
{
	struct hak_sampler *s = hak_sampler;
	unsigned long i, key;

	hak_assert_held(&hak_caches_lock);
	for (i = 0; s && i < HAK_SAMPLE_RECORDS; i++) {
		key = smp_load_acquire(&s->key[i]);
		if (key <= HAK_KEY_BUSY || s->record[i].serial != core->pool.serial)
			continue;
		if (cmpxchg(&s->key[i], key, HAK_KEY_BUSY) != key)
			continue;
		WRITE_ONCE(((u8 *)s->tags)[i], 0);
		smp_store_release(&s->key[i], 0);
	}
}

static unsigned int age_of(u32 when)
{
	unsigned long ms = jiffies_to_msecs((u32)jiffies - when);

	return ms < 1000 ? 0 : ms < 10000 ? 1 : ms < 60000 ? 2 : ms < 600000 ? 3 : 4;
}

static void live_add(struct hak_site_live *live, struct hak_record r)
{
	if (r.site >= HAK_SITES)
		return;
	live[r.site].samples++;
	live[r.site].bytes += r.bytes;
	live[r.site].age[age_of(r.when)] += r.bytes;
}

void hak_sampler_live(struct hak_site_live *live, u32 serial)
	hak_must_hold(&hak_caches_lock)
{
	struct hak_sampler *s = hak_sampler;
	struct hak_record r;
	unsigned long i, key;

	hak_assert_held(&hak_caches_lock);
	for (i = 0; s && i < HAK_SAMPLE_RECORDS; i++) {
		key = smp_load_acquire(&s->key[i]);
		if (key <= HAK_KEY_BUSY)
			continue;
		r = data_race(s->record[i]);
		/* It was not another's meanwhile, or is the same again. */
		smp_rmb();
		if (READ_ONCE(s->key[i]) == key && (!serial || r.serial == serial))
			live_add(live, r);
	}
}
HAK_EXPORT_TEST(hak_sampler_live);

unsigned int hak_sampler_order(const struct hak_site_live *live, u16 *order)
	hak_must_hold(&hak_caches_lock)
{
	unsigned int i, at, n = 0;

	hak_assert_held(&hak_caches_lock);
	for (i = 0; i < HAK_SITES; i++) {
		if (!live[i].samples || smp_load_acquire(&hak_sampler->site[i].state) !=
		    HAK_SITE_READY)
			continue;
		for (at = n++; at && live[order[at - 1]].bytes < live[i].bytes; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
	return n;
}

static void leak_line(const struct hak_core *core, const struct hak_site_live *live,
		      const struct hak_site *site)
{
	pr_err("hakmem:   %s: about %lu objects allocated by %s\n", core->name,
	       DIV_ROUND_CLOSEST(live->bytes, core->size), site->where);
}

void hak_sampler_leaks(const struct hak_core *core)
{
	struct hak_site_live *live = kvcalloc(HAK_SITES, sizeof(*live), GFP_KERNEL);
	u16 *order = kvcalloc(HAK_SITES, sizeof(*order), GFP_KERNEL);
	unsigned int n = 0, i;

	mutex_lock(&hak_caches_lock);
	if (hak_sampler && live && order) {
		hak_sampler_live(live, core->pool.serial);
		n = hak_sampler_order(live, order);
	}
	for (i = 0; i < min(n, LEAKS_NAMED); i++)
		leak_line(core, &live[order[i]], &hak_sampler->site[order[i]]);
	if (n > LEAKS_NAMED)
		pr_err("hakmem:   %s: and %u other places\n", core->name, n - LEAKS_NAMED);
	mutex_unlock(&hak_caches_lock);
	kvfree(order);
	kvfree(live);
}

unsigned int hak_stack_read(struct hak_stack *from, unsigned long ip[HAK_SITE_STACK])
{
	unsigned int n, tries = 1000;

	while (xchg(&from->busy, 1)) {
		if (!--tries)
			return 0;
		cpu_relax();
	}
	n = min(from->n, HAK_SITE_STACK);
	memcpy(ip, from->ip, n * sizeof(*ip));
	smp_store_release(&from->busy, 0);
	return n;
}
