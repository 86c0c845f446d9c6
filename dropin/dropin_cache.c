// SPDX-License-Identifier: GPL-2.0
/*
 * Creation and destruction of drop-in caches, and the calls that are not worth inlining.
 *
 * Rules, in this order; `caches` shows which one it was:
 *   pattern     the backend parameter says slub
 *   large       objects over HAK_CACHE_MAX_SIZE, or aligned to more than a page
 *   dma         memory of a zone
 *   accounted   SLAB_ACCOUNT: a module cannot charge objects to a memory cgroup
 *   usercopy    a window is nothing a module can register
 *   hakmem      all others
 * The last two rules give way to the backend "force", with one line in the log.
 */
#include "dropin/dropin.h"

#include <linux/hash.h>
#include <linux/rculist.h>

#define SHOWN_BITS 6

/* Protects the list of drop-in caches, and is held across no other lock. */
static DEFINE_MUTEX(hak_dropin_lock);
static LIST_HEAD(hak_dropins);
/* Those that other modules may see, by what they see.  Changed under the lock, read under RCU. */
static struct hlist_head hak_shown[1 << SHOWN_BITS];

const char *hak_dropin_backend = "";

/* What the kernel would do and hakmem cannot; "force" passes over it. */
static const char *lost_rule(const struct kmem_cache_args *args, slab_flags_t flags)
{
	if (flags & SLAB_ACCOUNT)
		return "accounted";
	return args && args->usersize ? "usercopy" : NULL;
}

/* The rule that sends a cache to the kernel, or NULL. */
static const char *kernel_rule(const char *module, const char *name, unsigned int size,
			       const struct kmem_cache_args *args, slab_flags_t flags)
{
	enum hak_backend backend = hak_backend_of(hak_dropin_backend, module, name);
	const char *lost = lost_rule(args, flags);

	if (backend == HAK_BACKEND_SLUB)
		return "pattern";
	if (size > HAK_CACHE_MAX_SIZE || (args && args->align > PAGE_SIZE))
		return "large";
	if (flags & (SLAB_CACHE_DMA | SLAB_CACHE_DMA32))
		return "dma";
	if (lost && backend == HAK_BACKEND_FORCE)
		pr_warn("hakmem: cache %s is %s: not so on hakmem, where backend= forces it\n",
			name, lost);
	else if (lost)
		return lost;
	return NULL;
}

static struct kmem_cache *create_kernel(const char *name, unsigned int size,
					struct kmem_cache_args *args, slab_flags_t flags)
{
#if HAK_DROPIN_OWN_ARGS
	return kmem_cache_create_usercopy(name, size, args->align, flags, args->useroffset,
					  args->usersize, args->ctor);
#else
	return kmem_cache_create(name, size, args, flags);
#endif
}

static struct hak_cache *create_hakmem(const char *name, unsigned int size,
				       const struct kmem_cache_args *args, slab_flags_t flags,
				       struct module *owner)
{
	struct hak_cache_args ours = { .align = args->align, .ctor = args->ctor };

	return __hak_cache_create(name, size, &ours, flags & ~SLAB_ACCOUNT, owner);
}

static void show(struct hak_dropin *d, struct kmem_cache *shown)
{
	lockdep_assert_held(&hak_dropin_lock);
	d->shown = shown;
	hlist_add_head_rcu(&d->by_shown, &hak_shown[hash_ptr(shown, SHOWN_BITS)]);
}

/*
 * The cache that other modules see as @cache.  What nobody sees is a drop-in cache itself: of a
 * pool with a callback of the driver's own.  Several are seen as one if the kernel merged them.
 */
static struct hak_cache_kernel_code_cannot_use *shown_as(void *cache)
{
	struct hak_cache_kernel_code_cannot_use *s = cache;
	struct hak_dropin *d;

	if (hak_dropin_is_kernel(s))
		return s;
	rcu_read_lock();
	hlist_for_each_entry_rcu(d, &hak_shown[hash_ptr(cache, SHOWN_BITS)], by_shown) {
		if (d->shown == cache) {
			s = d->cache;
			break;
		}
	}
	rcu_read_unlock();
	return s;
}

struct hak_cache_kernel_code_cannot_use *
__hak_dropin_make(const char *name, unsigned int size, struct kmem_cache_args *args,
		  slab_flags_t flags, struct module *owner)
{
	struct kmem_cache_args none = {};
	struct hak_dropin *d = kzalloc(sizeof(*d), GFP_KERNEL);

	if (!d)
		return NULL;
	d->size = size;
	strscpy(d->name, name, sizeof(d->name));
	hak_name_mend(d->name);
	strscpy(d->module, owner ? owner->name : "-", sizeof(d->module));
	d->why = kernel_rule(d->module, name, size, args, flags);
	args = args ?: &none;
	if (d->why) {
		d->theirs.cache = create_kernel(name, size, args, flags);
		d->cache = d->theirs.cache ? (void *)&d->theirs + HAK_DROPIN_KERNEL : NULL;
	} else {
		d->why = "hakmem";
		d->cache = (void *)create_hakmem(d->name, size, args, flags, owner);
	}
	if (!d->cache) {
		kfree(d);
		return NULL;
	}
	mutex_lock(&hak_dropin_lock);
	list_add_tail(&d->list, &hak_dropins);
	if (d->theirs.cache)
		show(d, d->theirs.cache);
	mutex_unlock(&hak_dropin_lock);
	return d->cache;
}
HAK_EXPORT(__hak_dropin_make);

static struct hak_dropin *dropin_of(const struct hak_cache_kernel_code_cannot_use *s)
{
	struct hak_dropin *d;

	lockdep_assert_held(&hak_dropin_lock);
	list_for_each_entry(d, &hak_dropins, list)
		if (d->cache == s)
			return d;
	return NULL;
}

/* Nobody finds it any more.  The caller frees it. */
static struct hak_dropin *dropin_forget(const struct hak_cache_kernel_code_cannot_use *s)
{
	struct hak_dropin *d;

	mutex_lock(&hak_dropin_lock);
	d = dropin_of(s);
	if (d) {
		list_del(&d->list);
		if (d->shown)
			hlist_del_rcu(&d->by_shown);
	}
	mutex_unlock(&hak_dropin_lock);
	return d;
}

void hak_dropin_destroy(struct hak_cache_kernel_code_cannot_use *s)
{
	struct hak_dropin *d;

	if (!s)
		return;
	/* First, as another cache may get the same handle as soon as this one is gone. */
	d = dropin_forget(s);
	if (!hak_dropin_is_kernel(s))
		hak_cache_destroy(hak_dropin_handle(s));
	if (d) {
		kmem_cache_destroy(d->shown);
		kfree_rcu(d, rcu);
	}
}
HAK_EXPORT(hak_dropin_destroy);

int hak_dropin_shrink(struct hak_cache_kernel_code_cannot_use *s)
{
	if (hak_dropin_is_kernel(s))
		return kmem_cache_shrink(hak_dropin_kernel(s));
	return hak_cache_shrink(hak_dropin_handle(s));
}
HAK_EXPORT(hak_dropin_shrink);

unsigned int hak_dropin_size(struct hak_cache_kernel_code_cannot_use *s)
{
	struct hak_cache_kernel_code_cannot_use *real = shown_as(s);

	if (!hak_dropin_is_kernel(real))
		return cache_core(hak_dropin_handle(real))->size;
	if (real != s)
		return kmem_cache_size((void *)s);
	return container_of((void *)s - HAK_DROPIN_KERNEL, struct hak_dropin, theirs)->size;
}
HAK_EXPORT(hak_dropin_size);

/* hakmem's bulk calls have a limit of their own. */
void hak_dropin_free_bulk(struct hak_cache_kernel_code_cannot_use *s, size_t n, void **p)
{
	unsigned int some;

	if (hak_dropin_is_kernel(s)) {
		kmem_cache_free_bulk(hak_dropin_kernel(s), n, p);
		return;
	}
	for (; n; n -= some, p += some) {
		some = min_t(size_t, n, HAK_BULK_MAX);
		if (s)
			hak_cache_free_bulk(hak_dropin_handle(s), some, p);
		else
			hak_free_bulk(some, p);
	}
}
HAK_EXPORT(hak_dropin_free_bulk);

int __hak_dropin_alloc_bulk(struct hak_cache_kernel_code_cannot_use *s, gfp_t gfp, size_t n,
			    void **p)
{
	size_t got;
	unsigned int some;

	if (hak_dropin_is_kernel(s))
		return hak_kernel_alloc_bulk(hak_dropin_kernel(s), gfp, n, p);
	for (got = 0; got < n; got += some) {
		some = min_t(size_t, n - got, HAK_BULK_MAX);
		if (!hak_cache_alloc_bulk(hak_dropin_handle(s), gfp, some, p + got)) {
			hak_dropin_free_bulk(s, got, p);
			return 0;
		}
	}
	return n;
}
HAK_EXPORT(__hak_dropin_alloc_bulk);

/*
 * Of a size of its own: memory is cleared by that, and a merged cache would say another's.  Only
 * caches without a window are merged where there is no flag against it.
 */
static struct kmem_cache *create_stand_in(const struct hak_dropin *d)
{
	struct kmem_cache_args args = { .usersize = d->size };
	char name[sizeof("hakmem_") + HAK_CACHE_NAME_MAX];

	scnprintf(name, sizeof(name), "hakmem_%s", d->name);
	return create_kernel(name, d->size, &args, HAK_SLAB_NO_MERGE);
}

/* The cache itself, while its owner makes a pool of it, does not go. */
static struct kmem_cache *stand_in(const struct hak_cache_kernel_code_cannot_use *s)
{
	struct kmem_cache *shown, *ours = NULL;
	struct hak_dropin *d;

	mutex_lock(&hak_dropin_lock);
	d = dropin_of(s);
	shown = d ? d->shown : NULL;
	mutex_unlock(&hak_dropin_lock);
	if (shown || !d)
		return shown;
	ours = create_stand_in(d);
	if (!ours)
		return NULL;
	mutex_lock(&hak_dropin_lock);
	if (!d->shown)
		show(d, ours);
	shown = d->shown;
	mutex_unlock(&hak_dropin_lock);
	if (shown != ours)
		kmem_cache_destroy(ours);
	return shown;
}

bool hak_dropin_pool(mempool_alloc_t **alloc, mempool_free_t **free, void **data)
{
	struct hak_cache_kernel_code_cannot_use *s = *data;

	if (!s || *alloc != hak_dropin_mempool_alloc || *free != hak_dropin_mempool_free)
		return true;
	if (hak_dropin_is_kernel(s)) {
		*alloc = mempool_alloc_slab;
		*free = mempool_free_slab;
		*data = hak_dropin_kernel(s);
	} else {
		*data = stand_in(s);
	}
	return *data;
}
HAK_EXPORT(hak_dropin_pool);

void *hak_dropin_mempool_alloc(gfp_t gfp, void *cache)
{
	return hak_dropin_alloc(shown_as(cache), gfp);
}
HAK_EXPORT(hak_dropin_mempool_alloc);

void hak_dropin_mempool_free(void *p, void *cache)
{
	hak_dropin_free(shown_as(cache), p);
}
HAK_EXPORT(hak_dropin_mempool_free);

void hak_dropin_for_each(void (*fn)(const struct hak_dropin *d, void *arg), void *arg)
{
	struct hak_dropin *d;

	mutex_lock(&hak_dropin_lock);
	list_for_each_entry(d, &hak_dropins, list)
		fn(d, arg);
	mutex_unlock(&hak_dropin_lock);
}

void hak_dropin_exit(void)
{
	struct hak_dropin *d, *next;

	list_for_each_entry_safe(d, next, &hak_dropins, list) {
		if (!d->theirs.cache)
			kmem_cache_destroy(d->shown);
		kfree(d);
	}
}
