/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The drop-in layer: caches that a driver asked of kmem_cache_create().  The backend parameter
 * and a few rules say whether hakmem or the kernel serves each.
 *
 * It stands above tiny/ and is a client of it; allocations never come here.
 */
#ifndef _DROPIN_H
#define _DROPIN_H

#include "tiny/tiny_core.h"
#include <linux/hakmem_dropin.h>

enum hak_backend {
	HAK_BACKEND_SLUB,
	HAK_BACKEND_HAKMEM,	/* but for what hakmem cannot do as the kernel would */
	HAK_BACKEND_FORCE,	/* also without memcg charging and usercopy window */
	HAK_NR_BACKENDS
};

/*
 * One cache, as long as it exists.  shown is what other modules see: the kernel's cache, or the
 * stand-in of one of hakmem's over which there is a pool.
 */
struct hak_dropin {
	struct hak_dropin_theirs theirs;		/* [const after creation]; NULL: hakmem's */
	struct list_head list;				/* [hak_dropin_lock] */
	struct hlist_node by_shown;			/* [hak_dropin_lock; read under RCU] */
	struct kmem_cache *shown;			/* [hak_dropin_lock, set once] */
	struct rcu_head rcu;
	struct hak_cache_kernel_code_cannot_use *cache;
	const char *why;				/* of this backend */
	unsigned int size;
	char name[HAK_CACHE_NAME_MAX + 1];
	char module[HAK_CACHE_NAME_MAX + 1];
};

/* What @backend says of a pattern list, or NULL if it is well formed. */
const char *hak_backend_wrong(const char *backend);

/*
 * The backend the first pattern has that fits the cache @name of @module; HAK_BACKEND_HAKMEM if
 * none does.
 */
enum hak_backend hak_backend_of(const char *backend, const char *module, const char *name);

/* The parameter in force, set once at load; never NULL. */
extern const char *hak_dropin_backend;

/* Forget what is left of modules that went without destroying their caches. */
void hak_dropin_exit(void);

/* Call @fn for each cache. May sleep. */
void hak_dropin_for_each(void (*fn)(const struct hak_dropin *d, void *arg), void *arg);

#endif /* _DROPIN_H */
