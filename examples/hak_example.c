// SPDX-License-Identifier: GPL-2.0
/* A client of hakmem to copy: a table that is read under RCU and rewritten as a whole. */
#include <linux/hakmem.h>
#include <linux/module.h>

struct entry {
	unsigned int value;
	struct rcu_head rcu;
};

static struct hak_cache *entries;
static struct entry __rcu *table[64];
static DEFINE_SPINLOCK(table_lock);

/* Entries from @r, which can neither fail nor sleep here; without @r the table is emptied. */
static void write_table(struct hak_reserve *r, unsigned int value)
{
	struct entry *e = NULL;

	spin_lock(&table_lock);
	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		if (r) {
			e = hak_reserve_alloc(r);
			e->value = value;
		}
		hak_free_rcu(rcu_replace_pointer(table[i], e, lockdep_is_held(&table_lock)), rcu);
	}
	spin_unlock(&table_lock);
}

static void example_exit(void)
{
	write_table(NULL, 0);
	hak_cache_destroy(entries);	/* waits for what hak_free_rcu() was given */
}

static int __init example_init(void)
{
	struct hak_reserve *r;

	entries = hak_cache_create("example-entry", sizeof(struct entry), NULL, 0);
	r = entries ? hak_reserve_get(entries, GFP_KERNEL, 2 * ARRAY_SIZE(table)) : NULL;
	if (!r) {
		hak_cache_destroy(entries);
		return -ENOMEM;
	}
	write_table(r, 1);
	write_table(r, 2);
	hak_reserve_put(r);
	rcu_read_lock();
	pr_info("hak_example: slot 0 holds %u\n", rcu_dereference(table[0])->value);
	rcu_read_unlock();
	return 0;
}

module_init(example_init);
module_exit(example_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A client of hakmem to copy");
HAK_IMPORT;
