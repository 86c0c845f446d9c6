// SPDX-License-Identifier: GPL-2.0
/*
 * A client that is in the way when memory is short.  Its objects live, or were freed in a random
 * order, or are the one object of a cache, which is free.  All of it is of the CPU with the
 * highest number, and it goes when the module does.
 */
#include "selftest/selftest.h"
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/sched.h>

#define HOLD_SIZE 128

static struct hak_cache *hold_cache;
static void **hold_objects;
static unsigned long hold_n;

static struct hak_cache **pin_caches;
static unsigned int pin_n;

static void hold_fill(void *max)
{
	unsigned long n = *(unsigned long *)max;

	for (; hold_n < n; hold_n++) {
		hold_objects[hold_n] = hak_cache_alloc(hold_cache, GFP_KERNEL);
		if (!hold_objects[hold_n])
			return;
		if (!(hold_n % 1024))
			cond_resched();
	}
}

static void hold_free(void *unused)
{
	unsigned long long state = hak_random_begin(st_seed, 0);
	unsigned long k;

	for (; hold_n; hold_n--) {
		k = hak_below(&state, hold_n);
		hak_cache_free(hold_cache, hold_objects[k]);
		hold_objects[k] = hold_objects[hold_n - 1];
		if (!(hold_n % 1024))
			cond_resched();
	}
}

int st_hold(unsigned int mb, bool free)
{
	unsigned long n = (unsigned long)mb * ((1 << 20) / HOLD_SIZE);
	int cpu = cpumask_last(cpu_online_mask);

	hold_cache = hak_cache_create("selftest-hold", HOLD_SIZE, NULL, 0);
	hold_objects = kvmalloc_array(n, sizeof(*hold_objects), GFP_KERNEL);
	if (!hold_cache || !hold_objects)
		return -ENOMEM;
	hak_run_on(cpu, HAK_IN_TASK, hold_fill, &n);
	pr_info("hakmem_selftest: holds %lu of %lu objects\n", hold_n, n);
	if (free)
		hak_run_on(cpu, HAK_IN_TASK, hold_free, NULL);
	return 0;
}

static void pin_fill(void *max)
{
	unsigned int n = *(unsigned int *)max;
	void *p;

	for (; pin_n < n; pin_n++) {
		pin_caches[pin_n] = hak_cache_create("selftest-pin", 1024, NULL, 0);
		p = pin_caches[pin_n] ? hak_cache_alloc(pin_caches[pin_n], GFP_KERNEL) : NULL;
		if (!p)
			return;
		hak_cache_free(pin_caches[pin_n], p);
		cond_resched();
	}
}

int st_pin(unsigned int n)
{
	pin_caches = kvcalloc(n, sizeof(*pin_caches), GFP_KERNEL);
	if (!pin_caches)
		return -ENOMEM;
	hak_run_on(cpumask_last(cpu_online_mask), HAK_IN_TASK, pin_fill, &n);
	pr_info("hakmem_selftest: %u of %u caches have an object in a magazine\n", pin_n, n);
	return 0;
}

void st_hold_end(void)
{
	if (hold_objects)
		hold_free(NULL);
	kvfree(hold_objects);
	hak_cache_destroy(hold_cache);
	while (pin_n)
		hak_cache_destroy(pin_caches[--pin_n]);
	kvfree(pin_caches);
}
