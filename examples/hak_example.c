// SPDX-License-Identifier: GPL-2.0
/*
 * A client of hakmem to copy: a table that is read under RCU and rewritten as a whole.
 *
 * Readers take no lock.  The writer may neither fail half-way nor sleep under its lock, so
 * it takes the new entries out of a reserve; the old ones are freed after a grace period.
 */
#include <linux/hakmem.h>
#include <linux/module.h>
#include <linux/spinlock.h>

#define SLOTS 64

struct entry {
	unsigned int value;
	struct rcu_head rcu;
};

static struct hak_cache *entries;
static struct entry __rcu *table[SLOTS];
static DEFINE_SPINLOCK(table_lock);

static unsigned int read_slot(unsigned int slot)
{
	struct entry *e;
	unsigned int value;

	rcu_read_lock();
	e = rcu_dereference(table[slot]);
	value = e ? e->value : 0;
	rcu_read_unlock();
	return value;
}

/* Fills the table, or empties it when @r is NULL. */
static void write_table(struct hak_reserve *r, unsigned int value)
{
	struct entry *e = NULL;
	unsigned int i;

	spin_lock(&table_lock);
	for (i = 0; i < SLOTS; i++) {
		if (r) {
			e = hak_reserve_alloc(r);
			e->value = value;
		}
		hak_free_rcu(rcu_replace_pointer(table[i], e, lockdep_is_held(&table_lock)), rcu);
	}
	spin_unlock(&table_lock);
}

static int fill_table(unsigned int value)
{
	struct hak_reserve *r = hak_reserve_get(entries, GFP_KERNEL, SLOTS);

	if (!r)
		return -ENOMEM;
	write_table(r, value);
	hak_reserve_put(r);
	return 0;
}

static void example_exit(void)
{
	write_table(NULL, 0);
	hak_cache_destroy(entries);	/* waits for what hak_free_rcu() was given */
}

static int __init example_init(void)
{
	int err;

	entries = hak_cache_create("example-entry", sizeof(struct entry), NULL, 0);
	if (!entries)
		return -ENOMEM;
	err = fill_table(1) ?: fill_table(2);
	if (err)
		example_exit();
	else
		pr_info("hak_example: slot 0 holds %u\n", read_slot(0));
	return err;
}

module_init(example_init);
module_exit(example_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A client of hakmem to copy");
HAK_IMPORT;
