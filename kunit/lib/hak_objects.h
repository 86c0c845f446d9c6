/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Objects of a kind, the ways to free them, and what is counted of bad frees; in the kernel and in
 * user space.
 *
 * torture/ has counters of its own: many threads free badly at once there, and only sums can be
 * compared.
 */
#ifndef _HAK_OBJECTS_H
#define _HAK_OBJECTS_H

#include <linux/hakmem.h>
#include <linux/hakmem_stats.h>
#ifdef __KERNEL__
#include <linux/sort.h>
#endif

enum hak_how {
	HAK_BY_CACHE, HAK_BY_ANY, HAK_BY_SIZE, HAK_BY_CACHE_BULK, HAK_BY_ANY_BULK, HAK_HOWS
};

static const char *const hak_how_name[] __attribute__((unused)) = {
	"hak_cache_free", "hak_free", "hak_free_sized", "hak_cache_free_bulk", "hak_free_bulk",
};

/* Does this way know the cache by itself? It trusts the caller when hardened is 0. */
static inline bool hak_how_trusts(enum hak_how how)
{
	return how == HAK_BY_CACHE || how == HAK_BY_SIZE || how == HAK_BY_CACHE_BULK;
}

/* Objects of a cache; of @size bytes of hak_alloc() when @c is NULL. */
struct hak_kind {
	struct hak_cache *c;
	unsigned int size;
};

static __always_inline void *hak_kind_alloc(const struct hak_kind *k, gfp_t gfp)
{
	return k->c ? hak_cache_alloc(k->c, gfp) : hak_alloc(k->size, gfp);
}

/* The cache that serves them. */
static inline struct hak_cache *hak_kind_cache(const struct hak_kind *k)
{
	return k->c ? k->c : hak_class[hak_size_class(k->size)];
}

static inline void hak_kind_free_bulk(const struct hak_kind *k, enum hak_how how, unsigned int n,
				      void **p)
{
	if (how == HAK_BY_CACHE_BULK)
		hak_cache_free_bulk(hak_kind_cache(k), n, p);
	else
		hak_free_bulk(n, p);
}

static inline void hak_kind_free(const struct hak_kind *k, enum hak_how how, void *p)
{
	switch (how) {
	case HAK_BY_CACHE:
		hak_cache_free(hak_kind_cache(k), p);
		break;
	case HAK_BY_SIZE:
		hak_free_sized(p, k->size);
		break;
	case HAK_BY_CACHE_BULK:
	case HAK_BY_ANY_BULK:
		hak_kind_free_bulk(k, how, 1, &p);
		break;
	default:
		hak_free(p);
	}
}

/* The counters at a moment. */
struct hak_counts {
	u64 v[HAK_NR_STATS];
};

static inline void hak_counts_begin(struct hak_counts *c)
{
	hak_stats_read(c->v);
}

static inline u64 hak_counted(const struct hak_counts *since, enum hak_stat which)
{
	struct hak_counts now;

	hak_counts_begin(&now);
	return now.v[which] - since->v[which];
}

/* Of all kinds together. */
static inline u64 hak_counted_bad(const struct hak_counts *since)
{
	struct hak_counts now;
	u64 sum = 0;
	int i;

	hak_counts_begin(&now);
	for (i = HAK_STAT_bad_free_foreign; i <= HAK_STAT_bad_free_by_kernel; i++)
		sum += now.v[i] - since->v[i];
	return sum;
}

/* For a cache that only has to have a constructor. */
static inline void hak_empty_ctor(void *p)
{
}

static inline int hak_by_address(const void *a, const void *b)
{
	const void *x = *(void *const *)a, *y = *(void *const *)b;

	return x < y ? -1 : x > y;
}

/* Do the @n pointers differ from one another? Sorts them. */
static inline bool hak_distinct(void **p, unsigned int n)
{
	unsigned int i;

	sort(p, n, sizeof(*p), hak_by_address, NULL);
	for (i = 1; i < n; i++)
		if (p[i] == p[i - 1])
			return false;
	return true;
}

/* A pointer that is not hakmem's, and which no call may follow. */
struct hak_pointer {
	const char *name;
	const void *p;
};

#endif /* _HAK_OBJECTS_H */
