// SPDX-License-Identifier: GPL-2.0
/* Every form of creation, and every call on a cache. */
#define pr_fmt(fmt) "dropin_test: " fmt

#include <linux/fs.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "dropin_lower.h"
#include "dropin_test.h"

#define MANY 70000	/* more than one bulk call of hakmem's takes */

struct thing {
	u64 words[12];
	struct rcu_head rcu;
} __aligned(32);

static void *array[MANY];

static bool served(struct kmem_cache *s, bool by_hakmem)
{
	void *p = s ? kmem_cache_alloc(s, GFP_KERNEL) : NULL;
	bool good = p && hak_owns(p) == by_hakmem;

	if (p) {
		memset(p, 0x5a, kmem_cache_size(s));
		kmem_cache_free(s, p);
	}
	return good;
}

/* A cache of one form of creation serves, from where it should, and knows its own size. */
static void form(const char *what, struct kmem_cache *s, unsigned int size, bool by_hakmem)
{
	check(s && kmem_cache_size(s) == size && served(s, by_hakmem), what);
	kmem_cache_destroy(s);
}

/* All objects are back; a cache that the kernel has merged with others need not be empty. */
static bool emptied(struct kmem_cache *s)
{
	return !kmem_cache_shrink(s) || !on_hakmem;
}

static void test_create(void)
{
	struct kmem_cache_args args = { .align = 128 };
	struct kmem_cache_args window = { .useroffset = 8, .usersize = 16 };
	bool lost = on_hakmem && forced;

	form("create, five arguments", kmem_cache_create("dt_five", 100, 0, 0, NULL), 100,
	     on_hakmem);
	form("create, with a struct", kmem_cache_create("dt_args", 100, &args, 0), 100, on_hakmem);
	form("create, no struct", kmem_cache_create("dt_null", 100, NULL, 0), 100, on_hakmem);
	form("KMEM_CACHE", KMEM_CACHE(thing, SLAB_RECLAIM_ACCOUNT), sizeof(struct thing),
	     on_hakmem);
	form("KMEM_CACHE_USERCOPY", KMEM_CACHE_USERCOPY(thing, 0, words), sizeof(struct thing),
	     lost);
	form("create_usercopy with a window",
	     kmem_cache_create_usercopy("dt_window", 100, 0, 0, 8, 8, NULL), 100, lost);
	form("create_usercopy without one",
	     kmem_cache_create_usercopy("dt_nowindow", 100, 0, 0, 0, 0, NULL), 100, on_hakmem);
	form("a window in the struct", kmem_cache_create("dt_argwin", 100, &window, 0), 100, lost);
	form("SLAB_ACCOUNT", kmem_cache_create("dt_account", 100, NULL, SLAB_ACCOUNT), 100, lost);
	form("a zone", kmem_cache_create("dt_zone", 100, NULL, SLAB_CACHE_DMA32), 100, false);
	form("8192 bytes", kmem_cache_create("dt_8192", 8192, NULL, 0), 8192, on_hakmem);
	form("8193 bytes", kmem_cache_create("dt_8193", 8193, NULL, 0), 8193, false);
	form("a long name", kmem_cache_create("dt_a_name_of_more_than_31_characters_in_all", 24,
					      NULL, 0), 24, on_hakmem);
	kmem_cache_destroy(NULL);
	check(true, "destroy of NULL");
}

/* Several neighbours: the first object of a slab lies well, however it is aligned. */
static void aligned(const char *what, struct kmem_cache *s, unsigned int align)
{
	unsigned long bits = 0;
	bool good = true;
	int i;

	for (i = 0; i < 8; i++) {
		array[i] = kmem_cache_alloc(s, GFP_KERNEL);
		good &= !!array[i];
		bits |= (unsigned long)array[i];
	}
	check(good && IS_ALIGNED(bits, align), what);
	kmem_cache_free_bulk(s, i, array);
	kmem_cache_destroy(s);
}

static void test_align(void)
{
	struct kmem_cache_args args = { .align = 256 };

	aligned("alignment of the struct", kmem_cache_create("dt_align", 40, &args, 0), 256);
	aligned("alignment of KMEM_CACHE", KMEM_CACHE(thing, 0), 32);
}

static unsigned int constructed;

static void construct(void *object)
{
	struct thing *t = object;

	memset(t, 0, sizeof(*t));
	t->words[3] = 0x1234567;
	constructed++;
}

/* Constructed once, and as it was left afterwards. */
static void test_ctor(void)
{
	struct kmem_cache *s = kmem_cache_create("dt_ctor", sizeof(struct thing), 32, 0, construct);
	struct thing *t = kmem_cache_alloc(s, GFP_KERNEL), *u;
	unsigned int before;

	check(constructed && t && t->words[3] == 0x1234567, "a new object is constructed");
	check(hak_owns(t) == on_hakmem, "a cache with a constructor is served as it should");
	before = constructed;
	kmem_cache_free(s, t);
	u = kmem_cache_alloc(s, GFP_KERNEL);
	check(u == t && u->words[3] == 0x1234567 && constructed == before,
	      "an object comes back as it was freed, not constructed again");
	kmem_cache_free(s, u);
	kmem_cache_destroy(s);
}

/* A reader that came too late still reads an object of the type, as the writer left it. */
static void test_typesafe(void)
{
	struct kmem_cache *s = kmem_cache_create("dt_typesafe", sizeof(struct thing), 0,
						 SLAB_TYPESAFE_BY_RCU, NULL);
	struct thing *t = kmem_cache_alloc(s, GFP_KERNEL);
	bool good;
	int i;

	memset(t, 0x77, sizeof(*t));
	rcu_read_lock();
	kmem_cache_free(s, t);
	for (good = true, i = 0; i < ARRAY_SIZE(t->words); i++)
		good &= READ_ONCE(t->words[i]) == 0x7777777777777777UL;
	rcu_read_unlock();
	check(good, "SLAB_TYPESAFE_BY_RCU: nothing is written into a freed object");
	check(served(s, on_hakmem), "SLAB_TYPESAFE_BY_RCU is served as it should");
	rcu_barrier();
	kmem_cache_destroy(s);
}

static bool all_zero(const struct thing *t)
{
	return t && !memchr_inv(t, 0, sizeof(*t));
}

static void test_alloc(void)
{
	struct kmem_cache *s = kmem_cache_create("dt_alloc", sizeof(struct thing), 0, 0, NULL);
	struct thing *t;
	int i;

	for (i = 0; i < 100; i++)
		served(s, on_hakmem);	/* leaves dirty objects behind */
	t = kmem_cache_zalloc(s, GFP_KERNEL);
	check(all_zero(t) && hak_owns(t) == on_hakmem, "zalloc");
	kmem_cache_free(s, t);
	t = kmem_cache_alloc_node(s, GFP_KERNEL, numa_mem_id());
	check(t && page_to_nid(virt_to_page(t)) == numa_mem_id() && hak_owns(t) == on_hakmem,
	      "alloc_node");
	memset(t, 0x11, sizeof(*t));
	kmem_cache_free(s, t);
	t = kmem_cache_alloc_node(s, GFP_KERNEL | __GFP_ZERO, NUMA_NO_NODE);
	check(all_zero(t), "alloc_node of no node, zeroed");
	memset(t, 0x22, sizeof(*t));
	kmem_cache_free(s, t);
	t = kmem_cache_alloc_lru(s, NULL, GFP_KERNEL | __GFP_ZERO);
	check(all_zero(t) && hak_owns(t) == on_hakmem, "alloc_lru");
	kmem_cache_free(s, t);
	check(emptied(s), "shrink of an empty cache");
	kmem_cache_destroy(s);
}

static void test_bulk(size_t n, const char *what)
{
	struct kmem_cache *s = kmem_cache_create("dt_bulk", 16, 0, 0, NULL);
	bool good = kmem_cache_alloc_bulk(s, GFP_KERNEL, n, array);
	size_t i;

	for (i = 0; good && i < n; i++)
		*(size_t *)array[i] = i;
	for (i = 0; good && i < n; i++)
		good = *(size_t *)array[i] == i && hak_owns(array[i]) == on_hakmem;
	check(good, what);
	if (good)
		kmem_cache_free_bulk(s, n, array);
	check(emptied(s), "all are back");
	kmem_cache_destroy(s);
}

static void test_bulk_any(void)
{
	struct kmem_cache *s = kmem_cache_create("dt_any", 16, 0, 0, NULL);
	int got = kmem_cache_alloc_bulk(s, GFP_KERNEL, 10, array);

	check(got == dropin_lower_bulk(), "alloc_bulk says what it says in this kernel");
	if (got > 0)
		kmem_cache_free_bulk(s, 10, array);
	check(!kmem_cache_alloc_bulk(s, GFP_KERNEL, 0, array), "alloc_bulk of nothing");

	array[0] = kmem_cache_alloc(s, GFP_KERNEL);
	array[1] = kmalloc(100, GFP_KERNEL);
	kmem_cache_free_bulk(NULL, 2, array);
	check(emptied(s), "free_bulk of any cache");
	kmem_cache_destroy(s);
}

static void *alloc_own(gfp_t gfp, void *cache)
{
	struct kmem_cache *s = cache;

	return kmem_cache_alloc(s, gfp);
}

/* Without waiting, so that the reserve of the pool is what serves at the end. */
static bool pool_serves(mempool_t *pool, int n)
{
	void *p = NULL;
	int i;

	for (i = 0; i < n; i++) {
		array[i] = mempool_alloc(pool, GFP_KERNEL);
		if (!array[i] || hak_owns(array[i]) != on_hakmem)
			return false;
		swap(p, array[i]);
		memset(p, i, 44);
		swap(p, array[i]);
	}
	while (i--)
		mempool_free(array[i], pool);
	return true;
}

/* Another module, and this one, read the cache of a pool. */
static bool pool_known(const mempool_t *pool, unsigned int size)
{
	unsigned int seen = dropin_lower_size(pool);

	if (!on_hakmem && (seen < size || !dropin_lower_is_kernels(pool)))
		return false;
	return (!on_hakmem || seen == size) && kmem_cache_size(pool->pool_data) == seen;
}

static void test_mempool(void)
{
	struct kmem_cache *s = kmem_cache_create("dt_mempool", 44, 0, 0, NULL);
	mempool_t *pool = mempool_create_slab_pool(4, s);
	mempool_t embedded;

	check(pool && pool_serves(pool, 20), "mempool_create_slab_pool");
	check(pool && pool_known(pool, 44), "others see the cache of a pool");
	check(pool && !mempool_resize(pool, 9) && pool_serves(pool, 20), "mempool_resize");
	mempool_destroy(pool);
	pool = mempool_create(4, mempool_alloc_slab, mempool_free_slab, s);
	check(pool && pool_serves(pool, 20) && pool_known(pool, 44),
	      "mempool_create with the callbacks by name");
	mempool_destroy(pool);
	check(!mempool_init_slab_pool(&embedded, 4, s) && pool_serves(&embedded, 20),
	      "mempool_init_slab_pool");
	check(pool_known(&embedded, 44), "others see the cache of an embedded pool");
	mempool_exit(&embedded);
	pool = mempool_create(4, alloc_own, mempool_free_slab, s);
	check(pool && pool_serves(pool, 20), "a pool with one callback of its own");
	mempool_destroy(pool);
	check(emptied(s), "the pools gave everything back");
	kmem_cache_destroy(s);
}

static struct kmem_cache *rcu_cache;

static void free_by_rcu(struct rcu_head *head)
{
	kmem_cache_free(rcu_cache, container_of(head, struct thing, rcu));
}

static void test_rcu(void)
{
	struct thing *t;
	int i;

	rcu_cache = KMEM_CACHE(thing, 0);
	for (i = 0; i < 1000; i++) {
		t = kmem_cache_alloc(rcu_cache, GFP_ATOMIC);
		if (t)
			call_rcu(&t->rcu, free_by_rcu);
	}
	rcu_barrier();
	check(emptied(rcu_cache), "objects freed by call_rcu()");
	kmem_cache_destroy(rcu_cache);
}

/* By its address, as a callback. */
static void let_go(void *p, void (*release)(const void *p))
{
	release(p);
}

#ifdef __free
static void test_cleanup(struct kmem_cache *s)
{
	void *p __free(kfree) = kmem_cache_alloc(s, GFP_KERNEL);
	void *q __free(kvfree) = kmem_cache_alloc(s, GFP_KERNEL);

	check(hak_owns(p) == on_hakmem && q, "objects for __free()");
}
#else
static void test_cleanup(struct kmem_cache *s) { }
#endif

/* kfree() and its relatives know objects of caches, and the kernel's, in any file. */
static void test_kfree(void)
{
	struct kmem_cache *s = KMEM_CACHE(thing, 0);
	int i;

	for (i = 0; i < 8; i++)
		array[i] = kmem_cache_alloc(s, GFP_KERNEL);
	check(ksize(array[0]) >= sizeof(struct thing), "ksize of an object of a cache");
	kfree(array[0]);
	kvfree(array[1]);
	kfree_sensitive(array[2]);
	kvfree_sensitive(array[3], sizeof(struct thing));
	let_go(array[4], kfree);
	array[8] = kmalloc(100, GFP_KERNEL);
	kfree_bulk(4, array + 5);
	array[0] = kmalloc(100, GFP_KERNEL);
	check(array[0] && !hak_owns(array[0]), "kmalloc is the kernel's without its switch");
	kfree(array[0]);
	kvfree(vmalloc(PAGE_SIZE));
	kfree(NULL);
	test_cleanup(s);
	check(emptied(s), "objects freed by kfree()");
	kmem_cache_destroy(s);
}

/* The kernel does not wait for its own before a cache goes, up to 6.11: those are of kmalloc(). */
static struct thing *thing_for_rcu(struct kmem_cache *s)
{
	if (on_hakmem)
		return kmem_cache_alloc(s, GFP_KERNEL);
	return kmalloc(sizeof(struct thing), GFP_KERNEL);
}

static void test_kfree_rcu(void)
{
	struct kmem_cache *s = KMEM_CACHE(thing, 0);
	struct thing *t;
	int i;

	for (i = 0; i < 1000; i++) {
		t = thing_for_rcu(s);
		kfree_rcu(t, rcu);
		t = thing_for_rcu(s);
		kvfree_rcu(t, rcu);
		t = kmalloc(sizeof(*t), GFP_KERNEL);
		kfree_rcu(t, rcu);
	}
	t = thing_for_rcu(s);
	kfree_rcu_mightsleep(t);
	t = NULL;
	kvfree_rcu_mightsleep(t);
	kfree_rcu(t, rcu);
	hak_rcu_barrier();
	check(emptied(s), "objects freed by kfree_rcu()");
	kmem_cache_destroy(s);
}

/* What file systems allocate inodes by. */
static void test_inode(void)
{
	static struct super_block sb;
	struct kmem_cache *s = KMEM_CACHE(thing, 0);
	void *p = alloc_inode_sb(&sb, s, GFP_KERNEL);

	check(p && hak_owns(p) == on_hakmem, "alloc_inode_sb");
	kmem_cache_free(s, p);
	kmem_cache_destroy(s);
}

/* A cache of the kernel's, as a macro of the kernel's uses it in this file. */
static void test_kernel_cache(void)
{
	char *name = __getname();

	check(name && !hak_owns(name), "__getname() is the kernel's");
	if (name)
		__putname(name);
}

void test_forms(void)
{
	test_create();
	test_align();
	test_ctor();
	test_typesafe();
	test_alloc();
	test_bulk(100, "bulk of 100");
	test_bulk(MANY, "bulk of 70000");
	test_bulk_any();
	test_mempool();
	test_rcu();
	test_kfree();
	test_kfree_rcu();
	test_inode();
	test_kernel_cache();
}
