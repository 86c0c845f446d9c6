// SPDX-License-Identifier: GPL-2.0
/*
 * The module: parameters, and the order in which its layers start and stop.
 *
 *   parameters -> directory -> blocks -> deferred frees -> caches -> hotplug -> reclaim
 *   -> owners -> debugfs
 *
 * Exit runs it backwards and cannot refuse.  Typed caches hold a reference, so only untyped
 * objects can still be live then.  Those are reported and their blocks stay allocated.  The rest
 * is given back.
 */
#include "debugfs/hak_debugfs.h"
#include "dropin/dropin.h"
#include "tiny/tiny_sample.h"

static unsigned int hardened = 1;
module_param(hardened, uint, 0444);
MODULE_PARM_DESC(hardened,
		 "check frees: 0 no, 1 inline (default), 2 also interior pointers, out of line");

static bool stats;
module_param(stats, bool, 0444);
MODULE_PARM_DESC(stats, "count magazine hits too, out of line (default 0)");

/* Those that may be written while hakmem runs: see param_change(). */
static int uint_change(const char *text, const struct kernel_param *kp);
static int ulong_change(const char *text, const struct kernel_param *kp);
static const struct kernel_param_ops uint_ops = { .set = uint_change, .get = param_get_uint };
static const struct kernel_param_ops ulong_ops = { .set = ulong_change, .get = param_get_ulong };

static unsigned int mag_size = HAK_MAG_MAX;
module_param_cb(mag_size, &uint_ops, &mag_size, 0644);
MODULE_PARM_DESC(mag_size, "most objects in a magazine, 1..64 (default 64)");

static int multi_node = -1;
module_param(multi_node, int, 0444);
MODULE_PARM_DESC(multi_node,
		 "send objects of other nodes home: 0 no, 1 yes, -1 if several (default)");

static bool superslab = true;
module_param(superslab, bool, 0444);
MODULE_PARM_DESC(superslab, "try 2 MiB blocks (default 1); 0: small blocks only");

static bool random_order = true;
module_param(random_order, bool, 0444);
MODULE_PARM_DESC(random_order, "new slabs hand objects out in random order (default 1)");

static unsigned int reap_ms = 2000;
module_param_cb(reap_ms, &uint_ops, &reap_ms, 0644);
MODULE_PARM_DESC(reap_ms,
		 "ms after which a CPU gives back what idles, to 3600000 (default 2000); 0: never");

static unsigned long cache_bytes_max = 1UL << 20;
module_param_cb(cache_bytes_max, &ulong_ops, &cache_bytes_max, 0644);
MODULE_PARM_DESC(cache_bytes_max,
		 "bytes a cache may retain on a node, 64 KiB..1 GiB (default 1 MiB)");

static char *backend = "";
module_param(backend, charp, 0444);
MODULE_PARM_DESC(backend,
		 "who serves drop-in caches, by name: \"ext4_*:hakmem,*:slub\" (default hakmem)");

static enum cpuhp_state hotplug_state;

/* The parameter that is out of range, and its range; or NULL. */
static const char *param_wrong(void)
{
	const struct hak_own own = { .mag_size = mag_size, .cache_bytes_max = cache_bytes_max };

	if (hardened > 2)
		return "hardened 0..2";
	if (multi_node < -1 || multi_node > 1)
		return "multi_node -1..1";
	if (reap_ms > 3600000)
		return "reap_ms 0..3600000";
	return hak_conf_wrong(&own);
}

static bool params_live;	/* loaded: a write takes effect */

/* A parameter was written, from @old if it is out of range. The kernel lets one at a time. */
static int param_change(const struct kernel_param *kp, const void *old, size_t size)
{
	const char *wrong = param_wrong();

	if (!params_live)
		return 0;
	if (wrong) {
		memcpy(kp->arg, old, size);
		pr_err("hakmem: parameter out of range: %s\n", wrong);
		return -EINVAL;
	}
	if (kp->arg == &reap_ms)
		hak_reap_every(reap_ms);
	else
		hak_conf_change(mag_size, cache_bytes_max);
	return 0;
}

static int uint_change(const char *text, const struct kernel_param *kp)
{
	unsigned int old = *(unsigned int *)kp->arg;

	return param_set_uint(text, kp) ?: param_change(kp, &old, sizeof(old));
}

static int ulong_change(const char *text, const struct kernel_param *kp)
{
	unsigned long old = *(unsigned long *)kp->arg;

	return param_set_ulong(text, kp) ?: param_change(kp, &old, sizeof(old));
}

static int params_init(void)
{
	const char *wrong = param_wrong();

	if (wrong) {
		pr_err("hakmem: parameter out of range: %s\n", wrong);
		return -EINVAL;
	}
	wrong = hak_backend_wrong(backend);
	if (wrong) {
		pr_err("hakmem: backend=%s: %s\n", backend, wrong);
		return -EINVAL;
	}
	hak_dropin_backend = backend;
	hak_conf.hardened = hardened;
	hak_conf.stats = stats;
	hak_conf.mag_size = mag_size;
	hak_conf.mag_bytes = HAK_MAG_BYTES;
	hak_conf.multi_node = multi_node < 0 ? num_node_state(N_MEMORY) > 1 : multi_node;
	hak_conf.reap_ms = reap_ms;
	hak_conf.superslab = superslab;
	hak_conf.random_order = random_order;
	hak_conf.cache_bytes_max = cache_bytes_max;
	hak_conf.init_on_alloc = hak_want_init_on_alloc();
	hak_conf.init_on_free = hak_want_init_on_free();
	hak_superslab_enabled = superslab;
	if (!hardened)
		static_branch_disable(&hak_hardened_key);
	if (hak_conf.multi_node)
		static_branch_enable(&hak_multi_node_key);
	if (hak_conf.init_on_alloc)
		static_branch_enable(&hak_init_key);
	return 0;
}

/* The dead CPU's sets and deferred frees; nothing else can touch them any more. */
static int cpu_dead(unsigned int cpu)
{
	struct hak_core *core;

	hak_defer_drain_cpu(cpu);
	mutex_lock(&hak_caches_lock);
	list_for_each_entry(core, &hak_caches, list)
		hak_drain_dead_cpu(core, cpu);
	mutex_unlock(&hak_caches_lock);
	return 0;
}

static int hotplug_init(void)
{
	int state = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "mm/hakmem:dead", NULL,
					      cpu_dead);

	hotplug_state = state;
	return state < 0 ? state : 0;
}

/* A node may have got its first memory, or lost its last.  Who sends objects home goes on so. */
static void nodes_changed(void)
{
	hak_nodes_look();
	if (multi_node < 0 && !hak_conf.multi_node && hak_many_nodes()) {
		static_branch_enable(&hak_multi_node_key);
		hak_caches_send_home();
		pr_info("hakmem: a second node has memory, multi_node is 1 from now on\n");
	}
}

/*
 * Memory is plugged in: what the directory does not cover is not used.  Memory goes: what is free
 * in it goes first, and if something lives there the kernel has to be told.  Our pages have a
 * count of 0, which it takes for pages that are just being freed, and would wait for them.
 */
static int on_memory(struct notifier_block *nb, unsigned long action, void *arg)
{
	const struct memory_notify *m = arg;

	if (action == MEM_GOING_ONLINE && !hak_dir_reach(m->start_pfn + m->nr_pages))
		pr_warn("hakmem: no memory to cover what comes online, it stays unused\n");
	if (action == MEM_ONLINE || action == MEM_OFFLINE)
		nodes_changed();
	if (action != MEM_GOING_OFFLINE)
		return NOTIFY_OK;
	hak_reap_here(true);
	hak_release_wait();
	hak_block_shrink();
	hak_release_wait();
	if (hak_block_within(m->start_pfn, m->nr_pages))
		return notifier_from_errno(-EBUSY);
	return NOTIFY_OK;
}

static struct notifier_block memory_nb = { .notifier_call = on_memory };

static void directory_exit(void)
{
	unregister_memory_notifier(&memory_nb);
	hak_dir_exit();
}

static int directory_init(void)
{
	int err = hak_dir_init();

	if (err)
		return err;
	err = register_memory_notifier(&memory_nb);
	/* What came before there was somebody to be told. */
	if (!err && !hak_dir_reach_all())
		err = -ENOMEM;
	if (err)
		directory_exit();
	return err;
}

#define CLASS_IS_NOT(size, class)						\
({										\
	unsigned int __class = hak_size_class(size);				\
										\
	__builtin_constant_p(__class) && __class != (class);			\
})
#define CLASS_HAS(first, last, class)						\
	BUILD_BUG_ON_MSG(CLASS_IS_NOT(first, class) || CLASS_IS_NOT(last, class),	\
			 "another table of sizes needs another HAK_ABI")

/*
 * Clients have the table of sizes compiled in, as they have what hakmem_abi.h lists.  Old kernels
 * look for the highest bit at run time, and cannot say.
 */
static void __init classes_of_abi(void)
{
	CLASS_HAS(1, 8, 0);
	CLASS_HAS(9, 16, 1);
	CLASS_HAS(57, 64, 7);
	CLASS_HAS(65, 80, 8);
	CLASS_HAS(113, 128, 11);
	CLASS_HAS(129, 160, 12);
	CLASS_HAS(225, 256, 15);
	CLASS_HAS(257, 320, 16);
	CLASS_HAS(449, 512, 19);
	CLASS_HAS(513, 640, 20);
	CLASS_HAS(897, 1024, 23);
}

static int __init hakmem_init(void)
{
	int err = params_init();

	classes_of_abi();
	if (err)
		return err;
	err = directory_init();
	if (err)
		return err;
	err = hak_block_init();
	if (err)
		goto undo_dir;
	hak_defer_init();
	hak_rcu_init();
	err = hak_caches_init();
	if (err)
		goto undo_block;
	err = hotplug_init();
	if (err)
		goto undo_caches;
	err = hak_reap_init();
	if (err)
		goto undo_hotplug;
	err = hak_shrink_init();
	if (err)
		goto undo_reap;
	err = hak_oom_init();
	if (err)
		goto undo_shrink;
	err = hak_owner_init();
	if (err)
		goto undo_oom;
	hak_debugfs_init();
	params_live = true;
	pr_info("hakmem: loaded, hardened=%u mag_size=%u\n", hardened, mag_size);
	return 0;

undo_oom:
	hak_oom_exit();
undo_shrink:
	hak_shrink_exit();
undo_reap:
	hak_reap_exit();
undo_hotplug:
	cpuhp_remove_state_nocalls(hotplug_state);
undo_caches:
	hak_caches_exit();
undo_block:
	hak_block_exit();
undo_dir:
	directory_exit();
	return err;
}

static void __exit hakmem_exit(void)
{
	long pages;

	kernel_param_lock(THIS_MODULE);
	params_live = false;
	kernel_param_unlock(THIS_MODULE);
	hak_debugfs_exit();
	hak_dropin_exit();
	hak_owner_exit();
	hak_rcu_barrier();
	hak_oom_exit();
	hak_shrink_exit();
	hak_reap_exit();
	cpuhp_remove_state_nocalls(hotplug_state);
	hak_defer_exit();
	rcu_barrier();
	hak_caches_exit();
	hak_sampler_exit();
	hak_block_exit();
	directory_exit();
	pages = atomic_long_read(&hak_mem_stat[HAK_MEM_PAGES]);
	pr_info("hakmem: unloaded, pages_held %ld\n", pages);
}

module_init(hakmem_init);
module_exit(hakmem_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("the hakmem developers");
MODULE_DESCRIPTION("Small-object allocator with per-CPU magazines over SuperSlabs");
MODULE_VERSION(HAK_VERSION);
