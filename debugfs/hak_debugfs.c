// SPDX-License-Identifier: GPL-2.0
/*
 * The files of /sys/kernel/debug/hakmem and of /proc/hakmem: text, one fact a line.
 *
 * A lock that an allocation takes is held for the moment of a copy at most.  In debugfs what can
 * only be read is mode 0444, so that it stays readable under lockdown.  `audit` can be written
 * there: the number of objects that should be live.  /proc/hakmem has the same to read, and is
 * there without debugfs, too.
 */
#include <linux/debugfs.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "debugfs/hak_debugfs.h"
#include "dropin/dropin.h"
#include "tiny/tiny_class.h"

static struct dentry *root;
static struct proc_dir_entry *proc;

struct dentry *hak_debugfs_root(void)
{
	return root;
}
HAK_EXPORT(hak_debugfs_root);

static int stats_show(struct seq_file *m, void *unused)
{
	u64 v[HAK_NR_STATS];
	int i;

	hak_stats_read(v);
	for (i = 0; i < HAK_NR_STATS; i++) {
		if (v[i] == HAK_STAT_UNKEPT)
			seq_printf(m, "%s -\n", hak_stat_name[i]);
		else
			seq_printf(m, "%s %llu\n", hak_stat_name[i], v[i]);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int classes_show(struct seq_file *m, void *unused)
{
	int i;

	seq_puts(m, "# class size slab_bytes objects_per_slab magazine\n");
	for (i = 0; i < HAK_NR_CLASSES; i++) {
		struct hak_cache *c = READ_ONCE(hak_class[i]);
		struct hak_core *core = cache_core(c);
		unsigned long bytes = core->pool.slab_spages * HAK_SPAGE_SIZE;

		seq_printf(m, "%d %u %lu %lu %u\n", i, core->size, bytes,
			   bytes / core->pool.stride, core->mag_max);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(classes);

static void cache_line_show(struct seq_file *m, struct hak_core *core)
{
	unsigned long bytes = core->pool.slab_spages * HAK_SPAGE_SIZE;
	struct hak_pool_info info;

	hak_pool_info(&core->pool, &info);
	seq_printf(m, "%-17s %6lu %6lu %6u %4lu %4lu", core->name,
		   info.objects - info.free - hak_core_cached(core), info.objects,
		   core->pool.stride, bytes / core->pool.stride, bytes / PAGE_SIZE);
	seq_printf(m, " : tunables %4u %4u %4u : slabdata %6u %6u %6u : owner %s hakmem %s\n",
		   core->mag_max, 0, core->depot[0].max_full, info.slabs - info.empty, info.slabs,
		   0, core->owner ? core->owner->name : "-", core->mode.name);
}

/* A cache the kernel serves in hakmem's place: how full it is, only the kernel knows. */
static void kernel_cache_show(const struct hak_dropin *d, void *m)
{
	if (hak_dropin_is_kernel(d->cache))
		seq_printf(m, "%-17s      -      - %6u    -    - : owner %s slub %s\n", d->name,
			   d->size, d->module, d->why);
}

static int caches_show(struct seq_file *m, void *unused)
{
	struct hak_core *core;

	seq_puts(m, "slabinfo - version: 2.1\n");
	seq_puts(m, "# name            <active_objs> <num_objs> <objsize> <objperslab>");
	seq_puts(m, " <pagesperslab> : tunables <limit> <batchcount> <sharedfactor>");
	seq_puts(m, " : slabdata <active_slabs> <num_slabs> <sharedavail>");
	seq_puts(m, " : owner <module> <backend> <mode or why>\n");
	mutex_lock(&hak_caches_lock);
	list_for_each_entry(core, &hak_caches, list)
		cache_line_show(m, core);
	mutex_unlock(&hak_caches_lock);
	hak_dropin_for_each(kernel_cache_show, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(caches);

static const char *const level_name[] = { "task", "softirq", "hardirq" };
static_assert(ARRAY_SIZE(level_name) == HAK_NR_LEVELS);

static void magazines_core(struct seq_file *m, struct hak_core *core)
{
	const struct hak_set *s;
	int cpu, lvl;

	for_each_set(s, core->sets, cpu, lvl) {
		int n = max_t(int, hak_peek(s->n), 0);
		bool spare = hak_peek(s->spare);

		if (!n && !spare && !hak_peek(s->remote))
			continue;
		seq_printf(m, "%s %d %s %d %u %u %s %s\n", core->name, cpu, level_name[lvl], n,
			   hak_peek(s->slots), s->slots_max, spare ? "spare" : "-",
			   core->mode.gated ? "gated" : "-");
	}
}

static int magazines_show(struct seq_file *m, void *unused)
{
	struct hak_core *core;

	seq_puts(m, "# cache cpu set objects capacity most spare gated\n");
	mutex_lock(&hak_caches_lock);
	list_for_each_entry(core, &hak_caches, list)
		magazines_core(m, core);
	list_for_each_entry(core, &hak_caches, list) {
		const struct hak_depot *d = &core->depot[0];
		u64 locked = hak_peek(d->locked);

		if (locked)
			seq_printf(m, "depot %s full %u empty %u locked %llu\n", core->name,
				   hak_peek(d->nr_full), hak_peek(d->nr_empty), locked);
	}
	mutex_unlock(&hak_caches_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(magazines);

static void superslab_line(void *base, unsigned int order, struct hak_ss *ss, void *arg)
{
	if (ss)
		seq_printf(arg, "superslab node %d pages_used %u of %u\n", ss->nid,
			   HAK_SS_SPAGES - 1 - hak_peek(ss->nr_free), HAK_SS_SPAGES - 1);
	else
		seq_printf(arg, "small node %d bytes %lu\n", page_to_nid(virt_to_page(base)),
			   PAGE_SIZE << order);
}

static int superslabs_show(struct seq_file *m, void *unused)
{
	hak_dir_for_each(superslab_line, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(superslabs);

static int config_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "hardened %u\n", hak_conf.hardened);
	seq_printf(m, "stats %u\n", hak_conf.stats);
	seq_printf(m, "mag_size %u\n", hak_conf.mag_size);
	seq_printf(m, "reap_ms %u\n", hak_conf.reap_ms);
	seq_printf(m, "multi_node %u\n", hak_conf.multi_node);
	seq_printf(m, "superslab %u\n", hak_conf.superslab);
	seq_printf(m, "random_order %u\n", hak_conf.random_order);
	seq_printf(m, "cache_bytes_max %lu\n", hak_conf.cache_bytes_max);
	seq_printf(m, "backend %s\n", hak_dropin_backend);
	seq_printf(m, "key_hardened %u\n", static_key_enabled(&hak_hardened_key));
	seq_printf(m, "key_init_on_alloc %u\n", static_key_enabled(&hak_init_key));
	seq_printf(m, "kasan %u\n", HAK_REDZONE > 0);
	seq_printf(m, "kmemleak %u\n", IS_ENABLED(CONFIG_DEBUG_KMEMLEAK));
	seq_printf(m, "init_on_free %u\n", hak_conf.init_on_free);
	seq_printf(m, "fixed_pages %u\n", hak_conf.fixed_pages);
	seq_printf(m, "directory_pages %lu\n", hak_dir_pages());
	seq_printf(m, "build_inline %d\n", HAK_INLINE_FAST);
	seq_printf(m, "build_abi %d\n", HAK_ABI);
	seq_printf(m, "build_tag_extable %d\n", HAK_ARCH_TAG_EXTABLE);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(config);

static int audit_show(struct seq_file *m, void *unused)
{
	int n = hak_audit(-1);

	seq_printf(m, "%s %d findings (RACY unless nobody allocates)\n", n ? "FAIL" : "PASS", n);
	return 0;
}

static int audit_open(struct inode *inode, struct file *file)
{
	return single_open(file, audit_show, NULL);
}

static void conf_one(struct seq_file *m, unsigned long own)
{
	if (own)
		seq_printf(m, " %lu", own);
	else
		seq_puts(m, " -");
}

static int conf_show(struct seq_file *m, void *unused)
{
	struct hak_core *core;

	seq_puts(m, "# cache mag_size cache_bytes_max reap_ms\n");
	mutex_lock(&hak_caches_lock);
	list_for_each_entry(core, &hak_caches, list) {
		seq_puts(m, core->name);
		conf_one(m, core->own.mag_size);
		conf_one(m, core->own.cache_bytes_max);
		if (core->own.reap_ms)
			seq_printf(m, " %u\n", core->own.reap_ms - 1);
		else
			seq_puts(m, " -\n");
	}
	mutex_unlock(&hak_caches_lock);
	return 0;
}

static int conf_open(struct inode *inode, struct file *file)
{
	return single_open(file, conf_show, NULL);
}

/* "NAME KEY VALUE", once a write. */
static ssize_t conf_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	char text[HAK_CACHE_NAME_MAX + 48], *at, *name, *key, *value;
	int err;

	if (*pos || len >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, len))
		return -EFAULT;
	text[len] = '\0';
	at = strim(text);
	name = strsep(&at, " ");
	key = strsep(&at, " ");
	value = strsep(&at, " ");
	if (!key || !value || at)
		return -EINVAL;
	err = hak_conf_cache(name, key, value);
	if (err)
		return err;
	*pos += len;
	return len;
}

static const struct file_operations conf_fops = {
	.owner = THIS_MODULE,
	.open = conf_open,
	.read = seq_read,
	.write = conf_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/* One number and nothing else, however the file was written. */
static int number_from_user(const char __user *buf, size_t len, loff_t pos, long *v)
{
	if (pos || len > 20)
		return -EINVAL;
	return kstrtol_from_user(buf, len, 0, v);
}

static ssize_t audit_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	long live;
	int err = number_from_user(buf, len, *pos, &live);

	if (err || live < 0)
		return err ?: -EINVAL;
	if (hak_audit(live))
		return -EUCLEAN;
	*pos += len;
	return len;
}

static const struct file_operations audit_fops = {
	.owner = THIS_MODULE,
	.open = audit_open,
	.read = seq_read,
	.write = audit_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/* `reset` and `shrink` act on the number 1 and refuse everything else. */
static ssize_t act_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	void (*act)(void) = file_inode(file)->i_private;
	long one;
	int err = number_from_user(buf, len, *pos, &one);

	if (err || one != 1)
		return err ?: -EINVAL;
	act();
	*pos += len;
	return len;
}

static const struct file_operations act_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = act_write,
};

static void act_shrink(void)
{
	hak_shrink_all();
}

/* What can be read.  `conf`, `audit` and `allocs` can be written as well, in debugfs. */
static const struct {
	const char *name;
	umode_t mode;
	const struct file_operations *fops;
	int (*show)(struct seq_file *m, void *unused);
} files[] = {
	{ "stats", 0444, &stats_fops, stats_show },
	{ "classes", 0444, &classes_fops, classes_show },
	{ "caches", 0444, &caches_fops, caches_show },
	{ "magazines", 0444, &magazines_fops, magazines_show },
	{ "superslabs", 0444, &superslabs_fops, superslabs_show },
	{ "config", 0444, &config_fops, config_show },
	{ "conf", 0644, &conf_fops, conf_show },
	{ "audit", 0644, &audit_fops, audit_show },
	{ "allocs", 0644, &hak_allocs_fops, hak_allocs_show },
	{ "flow", 0444, &hak_flow_fops, hak_flow_show },
};

/* For root, like /proc/slabinfo. */
static void proc_init(void)
{
	int i;

	proc = proc_mkdir_mode("hakmem", 0500, NULL);
	for (i = 0; proc && i < ARRAY_SIZE(files); i++)
		proc_create_single(files[i].name, 0400, proc, files[i].show);
}

void hak_debugfs_init(void)
{
	int i;

	root = debugfs_create_dir("hakmem", NULL);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		debugfs_create_file(files[i].name, files[i].mode, root, NULL, files[i].fops);
	debugfs_create_file("reset", 0200, root, hak_stats_reset, &act_fops);
	debugfs_create_file("shrink", 0200, root, act_shrink, &act_fops);
	proc_init();
}

void hak_debugfs_exit(void)
{
	proc_remove(proc);
	debugfs_remove(root);
	root = NULL;
}
