// SPDX-License-Identifier: GPL-2.0
/*
 * The depot: where magazines change CPUs, a whole one at a time.
 *
 * An exchange holds the lock for a few list operations; the objects are copied outside it.
 * Magazines are themselves objects of a pool of ours, so the depot allocates nothing that hakmem
 * does not count.  When none can be had, objects go straight to their slabs.
 */
#include "tiny/tiny_depot.h"

struct hak_core hak_mag_core;
HAK_EXPORT_TEST(hak_mag_core);

void hak_depot_init(struct hak_depot *d, unsigned int max_full)
{
	raw_spin_lock_init(&d->lock);
	d->max_full = max_full;
}
HAK_EXPORT_TEST(hak_depot_init);

static struct hak_mag *mag_pop(struct hak_mag **head, unsigned int *n)
{
	struct hak_mag *m = *head;

	if (m) {
		*head = m->next;
		--*n;
	}
	return m;
}

static void mag_push(struct hak_mag **head, unsigned int *n, struct hak_mag *m)
{
	m->next = *head;
	*head = m;
	++*n;
}

struct hak_mag *hak_depot_get_full(struct hak_depot *d, struct hak_mag *empty)
{
	struct hak_mag *m;
	unsigned long flags;

	if (!hak_peek(d->full))
		return NULL;
	flags = hak_lock(&d->lock);
	d->locked++;
	m = mag_pop(&d->full, &d->nr_full);
	d->low_full = min(d->low_full, d->nr_full);
	if (m && empty)
		mag_push(&d->empty, &d->nr_empty, empty);
	hak_unlock(&d->lock, flags);
	return m;
}
HAK_EXPORT_TEST(hak_depot_get_full);

bool hak_depot_put_full(struct hak_depot *d, struct hak_mag *full, struct hak_mag **empty)
{
	unsigned long flags;
	bool room;

	if (hak_peek(d->nr_full) >= hak_peek(d->max_full))
		return false;
	flags = hak_lock(&d->lock);
	d->locked++;
	room = d->nr_full < hak_peek(d->max_full);
	if (room) {
		mag_push(&d->full, &d->nr_full, full);
		*empty = mag_pop(&d->empty, &d->nr_empty);
		d->low_empty = min(d->low_empty, d->nr_empty);
	}
	hak_unlock(&d->lock, flags);
	return room;
}
HAK_EXPORT_TEST(hak_depot_put_full);

struct hak_mag *hak_depot_new_empty(void)
{
	struct hak_mag *m = NULL;
	void **p = (void **)&m;
	int nid;

	/* Better one of another node than a new slab for each. */
	if (!hak_pool_take(&hak_mag_pool, hak_home_nid(), 1, p))
		for_each_node(nid)
			if (hak_pool_take(&hak_mag_pool, nid, 1, p))
				break;
	if (m)
		m->n = 0;
	return m;
}
HAK_EXPORT_TEST(hak_depot_new_empty);

void hak_mag_put_empty(struct hak_mag *m)
{
	void *p = m;

	hak_pool_return(&hak_mag_pool, 1, &p);
}
HAK_EXPORT_TEST(hak_mag_put_empty);

void hak_mag_put(struct hak_core *core, struct hak_mag *m)
{
	hak_pool_return(&core->pool, m->n, m->slot);
	hak_mag_put_empty(m);
}
HAK_EXPORT_TEST(hak_mag_put);

/* Up to @max magazines, at most HAK_BATCH, into @mag; how many there were. */
static unsigned int depot_take(struct hak_depot *d, bool full, unsigned int max, void **mag)
{
	unsigned long flags = hak_lock(&d->lock);
	unsigned int n = 0;

	max = min_t(unsigned int, max, HAK_BATCH);
	while (n < max && (mag[n] = full ? mag_pop(&d->full, &d->nr_full)
					 : mag_pop(&d->empty, &d->nr_empty)))
		n++;
	hak_unlock(&d->lock, flags);
	return n;
}

/* Return up to @max magazines and their objects; how many there were. */
static unsigned int depot_give(struct hak_depot *d, struct hak_pool *pool, bool full,
			       unsigned int max)
{
	void *mag[HAK_BATCH];
	unsigned int n = depot_take(d, full, max, mag), i;
	struct hak_mag *m;

	for (i = 0; full && i < n; i++) {
		m = mag[i];
		hak_pool_return(pool, m->n, m->slot);
	}
	hak_pool_return(&hak_mag_pool, n, mag);
	return n;
}

unsigned int hak_depot_give(struct hak_depot *d, struct hak_pool *pool, unsigned int max)
{
	unsigned int n = hak_peek(d->nr_full) ? depot_give(d, pool, true, max) : 0;

	return n || !hak_peek(d->nr_empty) ? n : depot_give(d, pool, false, max);
}
HAK_EXPORT_TEST(hak_depot_give);

void hak_depot_trim(struct hak_depot *d, struct hak_pool *pool, bool all)
{
	unsigned int had = hak_peek(d->nr_full), max = hak_peek(d->max_full);
	unsigned int full = all ? UINT_MAX : max(hak_peek(d->low_full), had - min(had, max));
	unsigned int empty = all ? UINT_MAX : hak_peek(d->low_empty);
	unsigned long flags;
	unsigned int n;

	if (!hak_peek(d->nr_full) && !hak_peek(d->nr_empty))
		return;
	for (; full && (n = depot_give(d, pool, true, full)); full -= n)
		;
	for (; empty && (n = depot_give(d, pool, false, empty)); empty -= n)
		;
	flags = hak_lock(&d->lock);
	d->low_full = d->nr_full;
	d->low_empty = d->nr_empty;
	hak_unlock(&d->lock, flags);
}
HAK_EXPORT_TEST(hak_depot_trim);
