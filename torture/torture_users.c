// SPDX-License-Identifier: GPL-2.0
/* The users: all that allocate and free, whose counts are compared with hakmem's. */
#include "torture/torture.h"

static LIST_HEAD(users);		/* [users_lock] */
static DEFINE_MUTEX(users_lock);

void tt_user_init(struct tt_user *u, struct tt_scenario *sc)
{
	static u16 id;

	memset(u, 0, sizeof(*u));
	u->sc = sc;
	mutex_lock(&users_lock);
	u->id = ++id;
	list_add_tail(&u->list, &users);
	mutex_unlock(&users_lock);
	u->rand = hak_random_begin(tt_seed, u->id);
}

void tt_user_exit(struct tt_user *u)
{
	struct tt_scenario *sc = u->sc;

	sc->ops += u->ops;
	sc->allocs += u->allocs + u->large;
	sc->frees += u->frees + u->large_frees;
	sc->refused += u->refused;
	mutex_lock(&users_lock);
	list_del(&u->list);
	mutex_unlock(&users_lock);
}

long tt_count_live(void)
{
	struct tt_user *u;
	long live = 0;

	mutex_lock(&users_lock);
	list_for_each_entry(u, &users, list)
		live += u->allocs - u->frees;
	mutex_unlock(&users_lock);
	return live;
}

void tt_users_look(void)
{
	struct tt_user *u;
	unsigned int k;

	mutex_lock(&users_lock);
	list_for_each_entry(u, &users, list)
		for (k = 0; k < u->n && !tt_failed(); k++)
			tt_check(u, &u->held[k], "standing still");
	mutex_unlock(&users_lock);
}

/*
 * User-Mode Linux preempts nobody at the end of an interrupt, only where preemption is
 * turned on again, and with CONFIG_PREEMPT cond_resched() does nothing.
 */
void tt_let_others(void)
{
	preempt_disable();
	preempt_enable();
	cond_resched();
}
