// SPDX-License-Identifier: GPL-2.0
/*
 * Caches: creation, destruction, and the classes behind hak_alloc().  Which path the calls of
 * a cache take is decided in tiny_mode.c.
 */
#include "tiny/tiny_class.h"
#include "tiny/tiny_depot.h"
#include "tiny/tiny_sample.h"

static const struct hak_cache_args no_args;

/*
 * Where typed caches are many, most have a few objects.  The first slab of a new one is a page
 * then, if that holds as many as a first refill takes.  Its objects are freed out of line.  So the
 * second refill takes a slab of the usual size, and the page goes when its last object does.
 */
#define MANY_CACHES	256U
#define THRIFTY_STRIDE	256U

unsigned int hak_nr_typed hak_guarded_by(&hak_caches_lock);
HAK_EXPORT_TEST(hak_nr_typed);

static bool core_thrifty(const struct hak_core *core)
	hak_must_hold(&hak_caches_lock)
{
	/* On PREEMPT_RT who cannot grow takes what there is, and finds fewer. */
	return core->typed && hak_nr_typed > MANY_CACHES && core->pool.stride <= THRIFTY_STRIDE &&
	       !IS_ENABLED(CONFIG_PREEMPT_RT);
}

static unsigned int natural_align(unsigned int size, slab_flags_t flags, bool typed)
{
	unsigned int align = typed ? sizeof(long) : size & -size;

	if (flags & SLAB_HWCACHE_ALIGN) {
		unsigned int line = cache_line_size();

		while (size <= line / 2)
			line /= 2;
		align = max(align, line);
	}
	return max_t(unsigned int, align, sizeof(long));
}

static void core_shape(struct hak_core *core, const struct hak_cache_args *args)
{
	unsigned int stride = ALIGN(core->size, sizeof(long));

	core->pristine = args->ctor || core->flags & SLAB_TYPESAFE_BY_RCU;
	core->hardened = args->hardened == HAK_HARDENED_DEFAULT ? hak_conf.hardened > 0
			 : args->hardened == HAK_HARDENED_ON;
	core->pool.watched = HAK_WATCHED;
	core->pool.shuffled = hak_conf.random_order;
	if (core->pristine) {
		/* Mark and NMI link of a free object go behind it. */
		core->pool.mark_off = stride;
		stride += sizeof(long);
	} else {
		stride += HAK_REDZONE;
	}
	core->align = max(natural_align(core->size, core->flags, core->typed), args->align);
	core->pool.stride = ALIGN(stride, core->align);
	core->pool.rcu = core->flags & SLAB_TYPESAFE_BY_RCU;
	core->pool.reclaimable = core->flags & SLAB_RECLAIM_ACCOUNT;
	core->pool.ctor = args->ctor;
	core->pool.dtor = args->dtor;
	hak_core_conf(core);
}

static int core_depots(struct hak_core *core)
{
	int nid;

	core->depot = kcalloc(nr_node_ids, sizeof(*core->depot), GFP_KERNEL);
	if (!core->depot)
		return -ENOMEM;
	for (nid = 0; nid < nr_node_ids; nid++)
		hak_depot_init(&core->depot[nid], 0);
	return 0;
}

static void core_free(struct hak_core *core)
{
	hak_core_percpu_free(core);
	kfree(core->depot);
	core->depot = NULL;
	if (core->pool.node)
		hak_pool_exit(&core->pool);
	kfree(core);
}

struct hak_core *hak_core_create(const char *name, unsigned int size,
				 const struct hak_cache_args *args, slab_flags_t flags,
				 bool typed, struct module *owner)
{
	struct hak_core *core = kzalloc(sizeof(*core), GFP_KERNEL);
	static u32 serial;	/* [hak_caches_lock] */

	if (!core)
		return NULL;
	strscpy(core->name, name, sizeof(core->name));
	core->pool.name = core->name;
	core->size = size;
	core->flags = flags;
	core->typed = typed;
	core->owner = owner;
	core->pool.owner = owner;
	core_shape(core, args ?: &no_args);
	if (hak_pool_init(&core->pool, core->pool.stride, 0))
		goto fail;
	core->mode = *hak_mode_of(core, &hak_conf);
	/* The inlined free marks objects whatever their cache is: it cannot know. */
	core->pool.marked = core->hardened || (hak_conf.hardened && !core->mode.gated);
	if (hak_core_percpu(core) || core_depots(core))
		goto fail;
	mutex_lock(&hak_caches_lock);
	list_add_tail(&core->list, &hak_caches);
	core->pool.serial = ++serial;
	hak_nr_typed += typed;
	core->pool.thrifty = core_thrifty(core);
	/* Of the depots for the first time, of the rest because it may have changed meanwhile. */
	hak_core_conf(core);
	if (HAK_SAMPLES)
		hak_gate_new(core);
	mutex_unlock(&hak_caches_lock);
	return core;
fail:
	core_free(core);
	return NULL;
}

unsigned long hak_core_live(struct hak_core *core)
{
	struct hak_pool_info info;

	hak_pool_info(&core->pool, &info);
	return info.objects - info.free - hak_core_cached(core);
}
HAK_EXPORT_TEST(hak_core_live);

u64 hak_gone_events[HAK_NR_SET_EVENTS];

/* What a set has counted. One of an interrupt level may be closed, and used again, meanwhile. */
static void set_events(struct hak_cache *sets, int cpu, int lvl, u64 ev[HAK_NR_SET_EVENTS])
{
	const struct hak_set *s = cpu_set(sets, cpu, lvl);
	u64 seen[HAK_NR_SET_EVENTS];
	int i;

	if (!set_is_open(s))
		return;
	for (i = 0; i < HAK_NR_SET_EVENTS; i++)
		seen[i] = hak_peek(hak_head_of(s)->ev[i]);
	/* Before it is seen whether the set is still there: then nobody else wrote to them. */
	smp_rmb();
	for (i = 0; cpu_set(sets, cpu, lvl) == s && i < HAK_NR_SET_EVENTS; i++)
		ev[i] += seen[i];
}

void hak_core_events(const struct hak_core *core, u64 ev[HAK_NR_SET_EVENTS])
{
	int cpu, lvl;

	for_each_possible_cpu(cpu)
		for (lvl = 0; lvl < HAK_NR_LEVELS; lvl++)
			set_events(core->sets, cpu, lvl, ev);
	/* What the handle's have counted before. */
	for_each_possible_cpu(cpu)
		if (core->gate && core->sets == core->gate)
			set_events(core->handle, cpu, HAK_TASK, ev);
}
HAK_EXPORT_TEST(hak_core_events);

/* What is left of a cache whose objects were not all freed: enough to name it. */
static void core_orphan(struct hak_core *core, unsigned long live)
{
	hak_mem_add(HAK_MEM_LEAKED, live);
	if (core->typed)
		pr_err("hakmem: cache %s destroyed with %lu objects of %u bytes live, which stay\n",
		       core->name, live, core->size);
	if (HAK_SAMPLES && core->sampled)
		hak_sampler_leaks(core);
	hak_pool_orphan(&core->pool);
	if (HAK_SAMPLES)
		hak_gate_gone(core);
	synchronize_rcu();
	hak_core_percpu_free(core);
	kfree(core->depot);
	core->depot = NULL;
}

/*
 * Off the list first, so that neither reaper nor shrinker has objects or slabs of the
 * cache in its hands while they are counted.  The drain looks at dead CPUs as well.
 */
unsigned long hak_core_destroy(struct hak_core *core)
{
	struct hak_pool_info info;
	unsigned long live;

	might_sleep();
	mutex_lock(&hak_caches_lock);
	list_del(&core->list);
	hak_nr_typed -= core->typed;
	hak_core_events(core, hak_gone_events);
	mutex_unlock(&hak_caches_lock);
	hak_drain_core(core);
	hak_pool_trim_all(&core->pool);
	hak_release_wait();
	hak_pool_info(&core->pool, &info);
	if (info.slabs) {
		live = hak_core_live(core);
		core_orphan(core, live);
		return live;
	}
	if (HAK_SAMPLES)
		hak_gate_gone(core);
	/* Look-ups of stale pointers may still be looking at it. */
	synchronize_rcu_expedited();
	core_free(core);
	return 0;
}

bool hak_name_mend(char *name)
{
	bool broken = false;

	for (; *name; name++) {
		if ((u8)*name > ' ' && *name != 0x7f)
			continue;
		*name = '_';
		broken = true;
	}
	return broken;
}

/* @shown becomes what the log may say of @name, which may be anything. */
static const char *args_wrong(char shown[HAK_CACHE_NAME_MAX + 2], const char *name,
			      unsigned int size, const struct hak_cache_args *args,
			      slab_flags_t flags)
{
	bool broken;

	strscpy(shown, name ?: "(null)", HAK_CACHE_NAME_MAX + 2);
	broken = hak_name_mend(shown);
	if (hak_release_here())
		return "a destructor must not wait";
	if (!name || !*name)
		return "no name";
	if (strnlen(name, HAK_CACHE_NAME_MAX + 1) > HAK_CACHE_NAME_MAX)
		return "name too long";
	if (broken)
		return "a blank or a control character in its name";
	if (!size || size > HAK_CACHE_MAX_SIZE)
		return "size not within 1..8192";
	if (flags & SLAB_ACCOUNT)
		return "SLAB_ACCOUNT: a module cannot charge objects to a memcg";
	if (flags & (SLAB_CACHE_DMA | SLAB_CACHE_DMA32))
		return "SLAB_CACHE_DMA: memory is of any zone";
	if (!args)
		return NULL;
	if (args->align > PAGE_SIZE || (args->align && !is_power_of_2(args->align)))
		return "align not a power of two up to a page";
	if (args->useroffset || args->usersize)
		return "a usercopy window cannot be registered by a module";
	if (args->hardened > HAK_HARDENED_OFF)
		return "unknown hardening";
	return NULL;
}

struct hak_cache *__hak_cache_create(const char *name, unsigned int size,
				     const struct hak_cache_args *args,
				     slab_flags_t flags, struct module *owner)
{
	char shown[HAK_CACHE_NAME_MAX + 2];
	const char *wrong = args_wrong(shown, name, size, args, flags);
	struct hak_core *core = NULL;

	if (wrong) {
		pr_err("hakmem: cache %s of %u bytes refused: %s\n", shown, size, wrong);
	} else if (try_module_get(THIS_MODULE)) {
		core = hak_core_create(name, size, args, flags, true, owner);
		if (!core)
			module_put(THIS_MODULE);
	}
	if (!core && flags & SLAB_PANIC)
		panic("hakmem: cache %s could not be created\n", shown);
	return core ? core->handle : NULL;
}
HAK_EXPORT(__hak_cache_create);

void hak_cache_destroy(struct hak_cache *c)
{
	if (!c || hak_refused_here("hak_cache_destroy", _RET_IP_))
		return;
	hak_rcu_barrier();
	hak_core_destroy(cache_core(c));
	module_put(THIS_MODULE);
}
HAK_EXPORT(hak_cache_destroy);

int hak_cache_shrink(struct hak_cache *c)
{
	struct hak_core *core = cache_core(c);
	unsigned int left;

	if (hak_refused_here("hak_cache_shrink", _RET_IP_))
		return 1;
	might_sleep();
	hak_drain_core(core);
	left = hak_pool_trim_all(&core->pool);
	hak_pool_thin(&core->pool, ULONG_MAX);
	/* Slabs that wait for a grace period may empty SuperSlabs. */
	if (core->pool.rcu || core->pool.dtor)
		hak_release_wait();
	hak_block_shrink();
	/* SuperSlabs of which something rests wait as a whole. */
	if (hak_release_pages() > HAK_SS_PAGES / 2)
		hak_release_wait();
	return left > 0;
}
HAK_EXPORT(hak_cache_shrink);

unsigned long hak_shrink_all(void)
{
	struct hak_core *core;
	unsigned long thin = 0;

	if (hak_refused_here("hak_shrink_all", _RET_IP_))
		return atomic_long_read(&hak_mem_stat[HAK_MEM_PAGES]);
	/* In the order of the hotplug callback, which has the first when it takes the second. */
	cpus_read_lock();
	mutex_lock(&hak_caches_lock);
	list_for_each_entry(core, &hak_caches, list) {
		hak_drain_core_cpuslocked(core);
		hak_pool_trim_all(&core->pool);
		thin += hak_thin_begin(&core->pool, ULONG_MAX);
	}
	if (thin)
		synchronize_rcu_expedited();
	list_for_each_entry(core, &hak_caches, list)
		hak_thin_end(&core->pool);
	mutex_unlock(&hak_caches_lock);
	cpus_read_unlock();
	hak_pool_trim_all(&hak_mag_pool);
	/* Slabs that waited for a grace period may empty SuperSlabs. */
	hak_release_wait();
	hak_block_shrink();
	hak_release_wait();
	return atomic_long_read(&hak_mem_stat[HAK_MEM_PAGES]);
}
HAK_EXPORT(hak_shrink_all);

int hak_caches_init(void)
{
	unsigned int i;
	char name[16];

	if (hak_percpu_init())
		return -ENOMEM;
	hak_mag_pool.tag = hak_tag_none;
	if (hak_pool_init(&hak_mag_pool, sizeof(struct hak_mag), 2))
		goto fail;
	for (i = 0; i < HAK_NR_CLASSES; i++) {
		struct hak_core *core;

		snprintf(name, sizeof(name), "hak-%u", hak_class_size[i]);
		core = hak_core_create(name, hak_class_size[i], NULL, 0, false, THIS_MODULE);
		if (!core)
			goto fail;
		hak_class[i] = core->handle;
	}
	hak_size_cache_init();
	return 0;
fail:
	hak_caches_exit();
	return -ENOMEM;
}

/* Untyped objects that are live now are nobody's any more: one report for all of them. */
void hak_caches_exit(void)
{
	unsigned long live, all = 0;
	char sizes[256] = "";
	int i, n = 0;

	for (i = HAK_NR_CLASSES - 1; i >= 0; i--) {
		live = hak_class[i] ? hak_core_destroy(cache_core(hak_class[i])) : 0;
		hak_class[i] = NULL;
		all += live;
		if (live)
			n += scnprintf(sizes + n, sizeof(sizes) - n, " %lux%u", live,
				       hak_class_size[i]);
	}
	if (all)
		pr_err("hakmem: %lu untyped objects never freed, which stay (number x bytes:%s)\n",
		       all, sizes);
	if (hak_mag_pool.node) {
		hak_pool_trim_all(&hak_mag_pool);
		hak_release_wait();
		hak_pool_exit(&hak_mag_pool);
	}
	hak_percpu_exit();
}
