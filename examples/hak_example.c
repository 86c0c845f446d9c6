// SPDX-License-Identifier: GPL-2.0
/*
 * A client of hakmem to copy: a table that is read under RCU and rewritten as a whole.
 *
 * Readers take no lock.  The writer may not fail half-way nor sleep under its lock, so it
 * takes the new entries out of a reserve, and the old ones are freed after a grace period.
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

static unsigned int rounds = 3;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "how often the table is written at load (default 3)");

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

static void replace_slot(unsigned int slot, struct entry *e)
{
	e = rcu_replace_pointer(table[slot], e, lockdep_is_held(&table_lock));
	hak_free_rcu(e, rcu);
}

static int write_table(unsigned int value)
{
	struct hak_reserve *r = hak_reserve_get(entries, GFP_KERNEL, SLOTS);
	unsigned int i;

	if (!r)
		return -ENOMEM;
	spin_lock(&table_lock);
	for (i = 0; i < SLOTS; i++) {
		struct entry *e = hak_reserve_alloc(r);

		e->value = value;
		replace_slot(i, e);
	}
	spin_unlock(&table_lock);
	hak_reserve_put(r);
	return 0;
}

static void empty_table(void)
{
	unsigned int i;

	spin_lock(&table_lock);
	for (i = 0; i < SLOTS; i++)
		replace_slot(i, NULL);
	spin_unlock(&table_lock);
	hak_cache_destroy(entries);	/* waits for what hak_free_rcu() was given */
}

static int __init example_init(void)
{
	unsigned int i;
	int err = 0;

	entries = hak_cache_create("example-entry", sizeof(struct entry), NULL, 0);
	if (!entries)
		return -ENOMEM;
	for (i = 1; i <= rounds && !err; i++)
		err = write_table(i);
	if (err)
		empty_table();
	else
		pr_info("hak_example: slot 0 holds %u\n", read_slot(0));
	return err;
}

module_init(example_init);
module_exit(empty_table);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A client of hakmem to copy");
HAK_IMPORT;
