// SPDX-License-Identifier: GPL-2.0
/*
 * The file `allocs`: which function's objects are live, how many and since when; by samples.
 *
 * A write says what is sampled:
 *
 *   on [every=BYTES] [cache=NAME]	one object of so many bytes
 *   all [cache=NAME]			each object
 *   off [cache=NAME]
 *
 * Without cache= it holds for each cache there is or will be.  What is said after every= holds for
 * all that is sampled.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "debugfs/hak_debugfs.h"
#include "tiny/tiny_sample.h"

static unsigned long objects_of(unsigned long bytes, const struct hak_site *site)
{
	return site->size ? DIV_ROUND_CLOSEST(bytes, site->size) : 0;
}

static void stack_show(struct seq_file *m, const char *which, struct hak_stack *stack)
{
	unsigned long ip[HAK_SITE_STACK];
	unsigned int n = hak_stack_read(stack, ip), i;

	if (!n)
		return;
	seq_printf(m, "  %s", which);
	for (i = 0; i < n; i++)
		seq_printf(m, " %pS", (void *)ip[i]);
	seq_putc(m, '\n');
}

static void site_show(struct seq_file *m, struct hak_site *site, const struct hak_site_live *live)
{
	unsigned int i;

	seq_printf(m, "%s objects %lu bytes %lu samples %lu ages", site->cache,
		   objects_of(live->bytes, site), live->bytes, live->samples);
	for (i = 0; i < HAK_AGES; i++)
		seq_printf(m, " %lu", site->size ? objects_of(live->age[i], site) : live->age[i]);
	seq_printf(m, " made %lu by %s\n", objects_of(atomic_long_read(&site->bytes), site),
		   site->where);
	stack_show(m, "first", &site->first);
	stack_show(m, "last", &site->last);
}

static void sampler_show(struct seq_file *m, struct hak_site_live *live, u16 *order)
	hak_must_hold(&hak_caches_lock)
{
	struct hak_sampler *s = hak_sampler;
	unsigned long held = 0;
	unsigned int n, i;

	hak_sampler_live(live, 0);
	n = hak_sampler_order(live, order);
	for (i = 0; i < n; i++)
		held += live[order[i]].samples;
	seq_printf(m, "# on every=%lu %s\n", s->every, s->all ? "all caches" : "some caches");
	seq_printf(m, "# records %lu of %u, samples %lu, without room %lu, freed unseen %lu\n",
		   held, HAK_SAMPLE_RECORDS, atomic_long_read(&s->samples),
		   atomic_long_read(&s->lost), atomic_long_read(&s->stale));
	seq_puts(m, "# cache, live objects and bytes as estimated, samples they come from,");
	seq_puts(m, " objects by age <1s <10s <1min <10min more, all that were made, and caller\n");
	for (i = 0; i < n; i++)
		site_show(m, &s->site[order[i]], &live[order[i]]);
}

int hak_allocs_show(struct seq_file *m, void *unused)
{
	struct hak_site_live *live = kvcalloc(HAK_SITES, sizeof(*live), GFP_KERNEL);
	u16 *order = kvcalloc(HAK_SITES, sizeof(*order), GFP_KERNEL);
	int err = live && order ? 0 : -ENOMEM;

	mutex_lock(&hak_caches_lock);
	if (!err && hak_sampler)
		sampler_show(m, live, order);
	else if (!err)
		seq_puts(m, "# off: write on, all or off, with every=BYTES or cache=NAME\n");
	mutex_unlock(&hak_caches_lock);
	kvfree(order);
	kvfree(live);
	return err;
}

static int allocs_open(struct inode *inode, struct file *file)
{
	return single_open(file, hak_allocs_show, NULL);
}

/* What stands behind the first word. */
static int words_read(char *at, char **name, unsigned long *every)
{
	char *word;

	while ((word = strsep(&at, " "))) {
		if (!strncmp(word, "cache=", 6) && word[6] && !*name)
			*name = word + 6;
		else if (strncmp(word, "every=", 6) || *every || kstrtoul(word + 6, 0, every) ||
			 !*every)
			return -EINVAL;
	}
	return 0;
}

static int allocs_do(char *at)
{
	char *verb = strsep(&at, " "), *name = NULL;
	unsigned long every = 0;
	int err = words_read(at, &name, &every);

	if (err)
		return err;
	if (!strcmp(verb, "on"))
		return hak_gate_on(name, every ?: HAK_SAMPLE_EVERY);
	if (!strcmp(verb, "all") && !every)
		return hak_gate_on(name, 1);
	if (!strcmp(verb, "off") && !every)
		return hak_gate_off(name);
	return -EINVAL;
}

static ssize_t allocs_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	char text[HAK_CACHE_NAME_MAX + 48];
	int err;

	if (*pos || len >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, len))
		return -EFAULT;
	text[len] = '\0';
	err = allocs_do(strim(text));
	if (err)
		return err;
	*pos += len;
	return len;
}

const struct file_operations hak_allocs_fops = {
	.owner = THIS_MODULE,
	.open = allocs_open,
	.read = seq_read,
	.write = allocs_write,
	.llseek = seq_lseek,
	.release = single_release,
};
