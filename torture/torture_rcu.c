// SPDX-License-Identifier: GPL-2.0
/*
 * Readers under RCU: of objects that go by hak_free_rcu(), and of SLAB_TYPESAFE_BY_RCU ones.
 *
 * Writers exchange the objects in a table of slots and give the old ones up at once.  A reader
 * takes an object out of a slot and looks at it for as long as a batch needs, again and again.
 * One given to hak_free_rcu() must stay as its record says until the reader has left.  A
 * type-safe one may be freed and handed out again meanwhile.  But its memory must stay an object
 * of its cache: constructed, and aligned to where it was.
 */
#include "torture/torture.h"
#include <linux/delay.h>
#include <linux/rcupdate.h>

#define SLOTS TT_HELD
#define LOOK_US 500		/* for which a reader looks at an object */
#define SAFE_SIZE 1000
#define SAFE_LOOK_US 3000

/* The rcu_head first: the cookie stays whole while the object waits. */
struct rcu_obj {
	struct rcu_head rcu;
	struct tt_obj record;	/* what readers compare the rest with */
	u8 rest[];
};

static struct rcu_obj *table[SLOTS];	/* exchanged; whoever reads is under RCU */
static void *safe_table[SLOTS];
static struct hak_cache *rcu_cache, *safe_cache;

#define RCU_SKIP sizeof(struct rcu_obj)
#define RCU_SIZE (RCU_SKIP + 160)

static void caches_exit(void)
{
	hak_cache_destroy(rcu_cache);
	hak_cache_destroy(safe_cache);
	rcu_cache = NULL;
	safe_cache = NULL;
}

static int caches_init(void)
{
	struct hak_cache_args args = { .ctor = tt_ctor };

	rcu_cache = hak_cache_create("torture-rcu", RCU_SIZE, NULL, 0);
	safe_cache = hak_cache_create("torture-typesafe", SAFE_SIZE, &args,
				      SLAB_TYPESAFE_BY_RCU);
	if (rcu_cache && safe_cache)
		return 0;
	caches_exit();
	return -ENOMEM;
}

/* The record of an object in the table, which only a live one has. */
static bool record_of(const struct tt_user *u, const struct rcu_obj *p, struct tt_obj *o)
{
	*o = p->record;
	if (o->p == p && o->size == RCU_SIZE && o->skip == RCU_SKIP)
		return true;
	tt_fail(u, "object %px was freed under a reader: its record is gone", p);
	return false;
}

static void table_look(void)
{
	struct tt_obj o;
	int i;

	for (i = 0; i < SLOTS && !tt_failed(); i++)
		if (table[i] && record_of(NULL, table[i], &o))
			tt_check(NULL, &o, "standing still under RCU");
}

static void rcu_give_up(struct tt_user *u, struct rcu_obj *old)
{
	if (!old || !tt_check(u, &old->record, "giving up") || tt_failed())
		return;
	tt_count(u, 0, 1);
	hak_free_rcu(old, rcu);
}

static void rcu_write(struct tt_user *u, unsigned int slot)
{
	struct tt_kind k = { .c = tt_below(u, 4) ? rcu_cache : NULL, .size = RCU_SIZE,
			     .skip = RCU_SKIP };
	struct rcu_obj *new = NULL;
	struct tt_obj o;

	if (tt_get(u, &k, tt_gfp(u), &o)) {
		new = o.p;
		new->record = o;
	}
	rcu_give_up(u, xchg(&table[slot], new));
}

/*
 * A reader may be preempted here, for long.  That is when an early free has time to be seen, so
 * the last look comes after it.
 */
static bool still_looks(ktime_t end)
{
	preempt_disable();
	preempt_enable();
	cpu_relax();
	return !tt_failed() && ktime_before(ktime_get(), end);
}

static void rcu_read(struct tt_user *u, unsigned int slot)
{
	ktime_t end = ktime_add_us(ktime_get(), LOOK_US);
	struct rcu_obj *p;
	struct tt_obj o;
	bool looks;

	rcu_read_lock();
	p = READ_ONCE(table[slot]);
	if (p) {
		looks = record_of(u, p, &o);
		while (looks) {
			looks = still_looks(end);
			if (!tt_check(u, &o, "read under RCU"))
				break;
		}
	}
	rcu_read_unlock();
}

static void rcu_step(struct tt_thread *t)
{
	struct tt_user *u = &t->user;
	unsigned int i;

	if (t->index % 3 == 0) {
		for (i = 0; i < 4 && !tt_failed(); i++)
			rcu_read(u, tt_below(u, SLOTS));
		usleep_range(500, 1000);
		return;
	}
	for (i = 0; i < 50 && !tt_failed(); i++)
		rcu_write(u, tt_below(u, SLOTS));
	usleep_range(200, 400);
}

/* Whoever ends first empties the table for all. */
static void rcu_end(struct tt_thread *t)
{
	int i;

	for (i = 0; i < SLOTS; i++)
		rcu_give_up(&t->user, xchg(&table[i], NULL));
}

struct tt_scenario tt_rcu = {
	.name = "rcu", .threads = 4, .init = caches_init, .exit = caches_exit, .look = table_look,
	.step = rcu_step, .end = rcu_end,
};

/* A burst of objects, shown and given up; then slabs of others' are cut where they were. */
static void safe_write(struct tt_user *u)
{
	struct tt_kind k = { .c = safe_cache, .size = SAFE_SIZE, .skip = 8, .ctor = true,
			     .typesafe = true };
	struct tt_kind rival = { .size = 900 };
	unsigned int i;

	while (u->n < SLOTS && !tt_failed() && tt_get(u, &k, tt_gfp(u), &u->held[u->n])) {
		WRITE_ONCE(safe_table[u->n], u->held[u->n].p);
		u->n++;
	}
	usleep_range(50, 100);
	/* Who begins to read from here on finds nothing. */
	for (i = 0; i < SLOTS; i++)
		xchg(&safe_table[i], NULL);
	tt_drop_all(u);
	hak_cache_shrink(safe_cache);
	while (u->n < TT_HELD && !tt_failed() && tt_get(u, &rival, tt_gfp(u), &u->held[u->n]))
		u->n++;
	tt_drop_all(u);
}

/* The address is taken in the section, so the object was of the cache when it began. */
static void safe_read(struct tt_user *u, unsigned int slot)
{
	ktime_t end = ktime_add_us(ktime_get(), SAFE_LOOK_US);
	bool looks = true;
	void *p;

	rcu_read_lock();
	p = READ_ONCE(safe_table[slot]);
	while (p && looks) {
		looks = still_looks(end);
		if (!tt_is_born(p))
			tt_fail(u, "typesafe object %px became something else under a reader", p);
	}
	rcu_read_unlock();
}

static void typesafe_step(struct tt_thread *t)
{
	struct tt_user *u = &t->user;
	unsigned int i;

	if (t->index) {
		for (i = 0; i < 4 && !tt_failed(); i++)
			safe_read(u, tt_below(u, SLOTS));
		usleep_range(500, 1000);
		return;
	}
	safe_write(u);
}

struct tt_scenario tt_typesafe = { .name = "typesafe", .threads = 3, .step = typesafe_step };
