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

/* Protects the list of drop-in caches, and is held across no other lock. */
static DEFINE_MUTEX(hak_dropin_lock);
static LIST_HEAD(hak_dropins);

const char *hak_dropin_backend = "";

/* What the kernel would do and hakmem cannot; "force" passes over it. */
static const char *lost_rule(const struct kmem_cache_args *args, slab_flags_t flags)
{
	if (flags & SLAB_ACCOUNT)
		return "accounted";
	return args && args->usersize ? "usercopy" : NULL;
}

/* The rule that sends a cache to the kernel, or NULL. */
static const char *kernel_rule(const char *name, unsigned int size,
			       const struct kmem_cache_args *args, slab_flags_t flags)
{
	enum hak_backend backend = hak_backend_of(hak_dropin_backend, name);
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

struct hak_cache_kernel_code_cannot_use *
__hak_dropin_create(const char *name, unsigned int size, struct kmem_cache_args *args,
		    slab_flags_t flags, struct module *owner)
{
	struct kmem_cache_args none = {};
	struct hak_dropin *d = kzalloc(sizeof(*d), GFP_KERNEL);
	void *cache;

	if (!d)
		return NULL;
	d->size = size;
	strscpy(d->name, name, sizeof(d->name));
	hak_name_mend(d->name);
	strscpy(d->module, owner ? owner->name : "-", sizeof(d->module));
	d->why = kernel_rule(name, size, args, flags);
	args = args ?: &none;
	if (d->why) {
		cache = create_kernel(name, size, args, flags);
		d->cache = cache ? cache + HAK_DROPIN_KERNEL : NULL;
	} else {
		d->why = "hakmem";
		cache = create_hakmem(d->name, size, args, flags, owner);
		d->cache = cache;
	}
	if (!d->cache) {
		kfree(d);
		return NULL;
	}
	mutex_lock(&hak_dropin_lock);
	list_add_tail(&d->list, &hak_dropins);
	mutex_unlock(&hak_dropin_lock);
	return d->cache;
}
HAK_EXPORT(__hak_dropin_create);

static void dropin_forget(const struct hak_cache_kernel_code_cannot_use *s)
{
	struct hak_dropin *d;

	mutex_lock(&hak_dropin_lock);
	list_for_each_entry(d, &hak_dropins, list) {
		if (d->cache == s) {
			list_del(&d->list);
			kfree(d);
			break;
		}
	}
	mutex_unlock(&hak_dropin_lock);
}

void hak_dropin_destroy(struct hak_cache_kernel_code_cannot_use *s)
{
	if (!s)
		return;
	/* First, as another cache may get the same handle as soon as this one is gone. */
	dropin_forget(s);
	if (hak_dropin_is_kernel(s))
		kmem_cache_destroy(hak_dropin_kernel(s));
	else
		hak_cache_destroy(hak_dropin_handle(s));
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
	if (hak_dropin_is_kernel(s))
		return kmem_cache_size(hak_dropin_kernel(s));
	return cache_core(hak_dropin_handle(s))->size;
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

int hak_dropin_alloc_bulk(struct hak_cache_kernel_code_cannot_use *s, gfp_t gfp, size_t n,
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
HAK_EXPORT(hak_dropin_alloc_bulk);

void *hak_dropin_mempool_alloc(gfp_t gfp, void *cache)
{
	return hak_dropin_alloc(cache, gfp);
}
HAK_EXPORT(hak_dropin_mempool_alloc);

void hak_dropin_mempool_free(void *p, void *cache)
{
	hak_dropin_free(cache, p);
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

	list_for_each_entry_safe(d, next, &hak_dropins, list)
		kfree(d);
}
