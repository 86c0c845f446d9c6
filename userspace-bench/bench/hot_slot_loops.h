/* SPDX-License-Identifier: GPL-2.0 */
/* The loops of hot_slot.c, which includes this in its middle: one of each row and way. */
#ifndef HOT_SLOT_LOOPS_H
#define HOT_SLOT_LOOPS_H

enum way { TODAY, BARE, SAFE, NONE, NR_WAYS };
static const char * const way_names[] = { "today", "bare", "safe", "none" };

static void *held[BATCH];

#define LOOP(name, way, hard, step, ...)					\
out void name##_##way##hard(struct set *c, long n)				\
{										\
	for (n /= (step); n--; ) {						\
		__VA_ARGS__;							\
	}									\
}

#define ALLOC(way, hard, p)							\
	void *p = way##_alloc(c, hard);						\
	if (unlikely(!p))							\
		never()

#define LOOPS(way, hard)							\
LOOP(pair, way, hard, 1,							\
	ALLOC(way, hard, p); way##_free(c, p, hard))				\
LOOP(deep, way, hard, 4,							\
	ALLOC(way, hard, p); ALLOC(way, hard, q);				\
	ALLOC(way, hard, r); ALLOC(way, hard, s);				\
	way##_free(c, p, hard); way##_free(c, q, hard);				\
	way##_free(c, r, hard); way##_free(c, s, hard))				\
LOOP(batch, way, hard, BATCH,							\
	int i;									\
	for (i = 0; i < BATCH; i++) {						\
		ALLOC(way, hard, p);						\
		held[i] = p;							\
	}									\
	for (i = 0; i < BATCH; i++)						\
		way##_free(c, held[i], hard))					\
LOOP(apart, way, hard, 1,							\
	ALLOC(way, hard, p); sums(); way##_free(c, p, hard); sums())		\
LOOP(filled, way, hard, 1,							\
	ALLOC(way, hard, p); use(p, n); way##_free(c, p, hard))			\
out void softirq_##way##hard(struct set *c, long n)				\
{										\
	cpu->preempt |= SOFTIRQ;						\
	pair_##way##hard(c, n);							\
	cpu->preempt &= ~SOFTIRQ;						\
}

LOOPS(today, 0)
LOOPS(today, 1)
LOOPS(bare, 0)
LOOPS(bare, 1)
LOOPS(safe, 0)
LOOPS(safe, 1)
LOOPS(none, 0)

#define ROW(name, text, worked, hard)						\
	{ text, worked, { name##_today##hard, name##_bare##hard, name##_safe##hard, name##_none0 } }
#define ROWS(hard)								\
	{									\
		ROW(pair, "pair", false, hard),					\
		ROW(softirq, "softirq", false, hard),				\
		ROW(deep, "4 deep", false, hard),				\
		ROW(batch, "batch 256", false, hard),				\
		ROW(apart, "apart", true, hard),				\
		ROW(filled, "filled", true, hard),				\
	}
#define NR_ROWS 6

static const struct row {
	const char *name;
	bool worked;			/* the work is not the allocator's */
	void (*way[NR_WAYS])(struct set *c, long n);
} rows[2][NR_ROWS] = { ROWS(0), ROWS(1) };

#endif /* HOT_SLOT_LOOPS_H */
