// SPDX-License-Identifier: GPL-2.0
/*
 * Pools and slabs: see ss_pool.h; the way back of objects is in ss_return.c.
 *
 * A slab is on partial while it has free objects and on full otherwise.  Empty slabs stand at the
 * end of partial.  So they are used last, and found first when memory is wanted back.
 *
 * A small block is on small instead of partial.  Its objects are freed out of line, so it serves
 * only while no SuperSlab has room.
 */
#include "superslab/ss_block.h"
#include "superslab/ss_dir.h"
#include "superslab/ss_lock.h"
#include "superslab/ss_pool.h"

/* Set in a pointer that leaves a slab for the first time and needs its constructor. */
#define TAKE_RAW 1UL

static u8 pool_slab_spages(u32 stride)
{
	u8 n = 1;

	while (n < HAK_SLAB_SPAGES_MAX && n * HAK_SPAGE_SIZE % stride > n * HAK_SPAGE_SIZE / 8)
		n *= 2;
	return n;
}

int hak_pool_init(struct hak_pool *pool, u32 stride, u32 keep_empty)
{
	int nid;

	pool->stride = stride;
	pool->recip = DIV_ROUND_UP_ULL(1ULL << 32, stride);
	pool->shift = __ffs(stride);
	pool->inverse = hak_inverse(stride >> pool->shift);
	pool->keep_empty = keep_empty;
	pool->slab_spages = pool_slab_spages(stride);
	pool->node = kcalloc(nr_node_ids, sizeof(*pool->node), GFP_KERNEL);
	if (!pool->node)
		return -ENOMEM;
	for (nid = 0; nid < nr_node_ids; nid++) {
		struct hak_pool_node *pn = kzalloc(sizeof(*pn), GFP_KERNEL);

		if (!pn) {
			hak_pool_exit(pool);
			return -ENOMEM;
		}
		raw_spin_lock_init(&pn->lock);
		INIT_LIST_HEAD(&pn->partial);
		INIT_LIST_HEAD(&pn->full);
		INIT_LIST_HEAD(&pn->thin);
		INIT_LIST_HEAD(&pn->small);
		pool->node[nid] = pn;
	}
	return 0;
}
HAK_EXPORT_TEST(hak_pool_init);

void hak_pool_exit(struct hak_pool *pool)
{
	int nid;

	for (nid = 0; nid < nr_node_ids; nid++)
		kfree(pool->node[nid]);
	kfree(pool->node);
	pool->node = NULL;
}
HAK_EXPORT_TEST(hak_pool_exit);

/* Take @n objects that follow each other from @mem on. */
static __always_inline void run_take(void *mem, unsigned long stride, unsigned int n, void **p)
{
	for (; n >= 4; n -= 4, p += 4, mem += 4 * stride) {
		p[0] = mem;
		p[1] = mem + stride;
		p[2] = mem + 2 * stride;
		p[3] = mem + 3 * stride;
	}
	for (; n; n--, mem += stride)
		*p++ = mem;
}

/* Take up to @n objects of one word of the map, not 0; returns how many. */
static __always_inline unsigned int word_take(struct hak_pool *pool, struct hak_slab *slab,
					      unsigned int w, unsigned int n, void **p,
					      unsigned int *last)
{
	unsigned long word = slab->bits[w], stride = pool->stride;
	void *mem = slab->mem + w * BITS_PER_LONG * stride;
	void **end = p + n, **at = p;
	unsigned long i;

	/* All bits are set above the lowest one: so it is as long as nobody returned any. */
	if ((word | (word - 1)) == ~0UL) {
		i = __ffs(word);
		n = min_t(unsigned int, n, BITS_PER_LONG - i);
		run_take(mem + i * stride, stride, n, p);
		slab->bits[w] = i + n < BITS_PER_LONG ? ~0UL << (i + n) : 0;
		*last = w * BITS_PER_LONG + i + n - 1;
		return n;
	}
	do {
		i = __ffs(word);
		word &= word - 1;
		*at++ = mem + i * stride;
	} while (word && at < end);
	slab->bits[w] = word;
	*last = w * BITS_PER_LONG + i;
	return at - p;
}

/* Tell those of @n objects of @slab that were never handed out. */
static void mark_raw(const struct hak_slab *slab, unsigned int n, void **p)
{
	const void *raw = slab_object(slab, slab->carved);

	/* Bits are taken in their order: those come last. */
	while (n-- && p[n] >= raw)
		p[n] += TAKE_RAW;
}

/* Take up to @n objects, the lowest first, and say which was the @last. */
static __always_inline unsigned int take_lowest(struct hak_pool *pool, struct hak_slab *slab,
						unsigned int n, void **p, unsigned int *last)
{
	unsigned int words = BITS_TO_LONGS(slab->objects), got = 0, w;

	for (w = 0; got < n && w < words; w++) {
		if (!slab->bits[w])
			continue;
		got += word_take(pool, slab, w, n - got, p + got, last);
	}
	return got;
}

/*
 * Below @end.  @random is that of a node.  What it leads to shows in the order of objects, and
 * hak_pool_grow() stirs it.
 */
static __always_inline unsigned int order_random(u64 *random, unsigned int end)
{
	*random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*random >> 32) * end >> 32;
}

/* The first bit of @bits that is set from word @w on, around behind @end: there is one. */
static noinline unsigned int bit_around(const unsigned long *bits, unsigned int end, unsigned int w)
{
	unsigned int i = find_next_bit(bits, end, w * BITS_PER_LONG);

	return i < end ? i : find_first_bit(bits, end);
}

/* The same from bit @i on. */
static __always_inline unsigned int bit_next(const unsigned long *bits, unsigned int end,
					     unsigned int i)
{
	unsigned long word = bits[i / BITS_PER_LONG] >> i % BITS_PER_LONG;

	return likely(word) ? i + __ffs(word) : bit_around(bits, end, i / BITS_PER_LONG + 1);
}

/* Take up to @n objects, each from anywhere. */
static unsigned int take_anywhere(struct hak_pool *pool, struct hak_pool_node *pn,
				  struct hak_slab *slab, unsigned int n, void **p)
	hak_must_hold(&pn->lock)
{
	unsigned long *bits = slab->bits, i, stride = pool->stride;
	unsigned int k, end = slab->objects;
	void *mem = slab->mem;
	u64 random = pn->random;

	hak_assert_held(&pn->lock);
	n = min_t(unsigned int, n, slab->free);
	for (k = 0; k < n; k++) {
		i = bit_next(bits, end, order_random(&random, end));
		__clear_bit(i, bits);
		p[k] = mem + i * stride;
	}
	pn->random = random;
	slab->carved = min_t(unsigned int, slab->carved + n, end);
	return n;
}

/*
 * Take up to @n objects of a slab some of which were never handed out.  The constructed ones of a
 * slab are the lowest.  So they are shuffled only among those that are taken together.
 */
static noinline unsigned int take_fresh(struct hak_pool *pool, struct hak_pool_node *pn,
					struct hak_slab *slab, unsigned int n, void **p)
	hak_must_hold(&pn->lock)
{
	unsigned int got, last = 0, k;

	hak_assert_held(&pn->lock);
	if (pool->shuffled && !pool->ctor && !pool->dtor)
		return take_anywhere(pool, pn, slab, n, p);
	got = take_lowest(pool, slab, n, p, &last);
	if (pool->ctor)
		mark_raw(slab, got, p);
	slab->carved = max_t(u16, slab->carved, last + 1);
	for (k = got; pool->shuffled && k > 1; k--) {
		unsigned int other = order_random(&pn->random, k);

		swap(p[k - 1], p[other]);
	}
	return got;
}

/* Take up to @n objects; returns how many. */
static unsigned int slab_take(struct hak_pool *pool, struct hak_pool_node *pn,
			      struct hak_slab *slab, unsigned int n, void **p)
	hak_must_hold(&pn->lock)
{
	unsigned int got, last;

	hak_assert_held(&pn->lock);
	if (slab->free == slab->objects) {
		pn->nr_empty--;
		pn->low_empty = min(pn->low_empty, pn->nr_empty);
	}
	if (slab->carved < slab->objects)
		got = take_fresh(pool, pn, slab, n, p);
	else
		got = take_lowest(pool, slab, n, p, &last);
	slab->free -= got;
	pn->nr_free -= got;
	if (!slab->free)
		list_move(&slab->list, &pn->full);
	return got;
}

/* Call a constructor or destructor for an object that is free. */
static void pool_call(struct hak_pool *pool, void (*fn)(void *object), void *p)
{
	hak_shadow_fill(p, pool->stride, 0);
	fn(p);
	if (pool->watched)
		hak_shadow_fill(p, pool->stride, HAK_SHADOW_FREE);
}

static void run_ctors(struct hak_pool *pool, unsigned int n, void **p)
{
	while (n--) {
		if (!((unsigned long)p[n] & TAKE_RAW))
			continue;
		p[n] -= TAKE_RAW;
		pool_call(pool, pool->ctor, p[n]);
	}
}

/*
 * A slab with free objects, or NULL: then the caller makes one, where there is room.  A small
 * block that has just been made serves whoever made it.  The only one of a thrifty pool serves
 * once: who comes back gets a slab whose objects are freed inline.
 */
static __always_inline struct hak_slab *node_first(struct hak_pool *pool,
						   struct hak_pool_node *pn, int nid)
	hak_must_hold(&pn->lock)
{
	struct hak_slab *slab = list_first_entry_or_null(&pn->partial, struct hak_slab, list);

	if (likely(slab))
		return slab;
	slab = list_first_entry_or_null(&pn->small, struct hak_slab, list);
	if (slab && slab->carved &&
	    ((pool->thrifty && pn->grown == 1) || hak_block_has_room(pool, nid)))
		return NULL;
	return slab;
}

unsigned int hak_pool_take(struct hak_pool *pool, int nid, unsigned int n, void **p)
{
	struct hak_pool_node *pn = pool->node[nid];
	struct hak_slab *slab;
	unsigned int got = 0;
	unsigned long flags;

	if (!hak_peek(pn->nr_free))
		return 0;
	flags = hak_lock(&pn->lock);
	while (got < n) {
		slab = node_first(pool, pn, nid);
		if (!slab)
			break;
		got += slab_take(pool, pn, slab, n - got, p + got);
	}
	hak_unlock(&pn->lock, flags);
	if (pool->ctor)
		run_ctors(pool, got, p);
	return got;
}
HAK_EXPORT_TEST(hak_pool_take);

void hak_slab_account(const struct hak_slab *slab, const struct hak_pool *pool, long pages)
{
	struct page *page = virt_to_page(slab->mem);

	if (!pool->reclaimable)
		return;
	mod_node_page_state(page_pgdat(page), NR_SLAB_RECLAIMABLE_B, pages * (long)PAGE_SIZE);
	mod_node_page_state(page_pgdat(page), NR_SLAB_UNRECLAIMABLE_B, -pages * (long)PAGE_SIZE);
}

/* A slab comes (1) or goes (-1): its block counts as unreclaimable, which some caches are not. */
static void slab_account(const struct hak_slab *slab, const struct hak_pool *pool, long sign)
{
	unsigned long bytes = (unsigned long)slab->objects * pool->stride;

	if (pool->reclaimable)
		hak_slab_account(slab, pool, sign * ((long)DIV_ROUND_UP(bytes, PAGE_SIZE) -
						     (long)hweight_long(hak_slab_left(slab))));
}

enum hak_grown hak_pool_grow(struct hak_pool *pool, int *nid, gfp_t gfp)
{
	unsigned int spages = pool->slab_spages;
	struct hak_pool_node *pn;
	struct hak_slab *slab;
	unsigned long flags, random;
	bool small, fresh;

	/* A cache with few objects takes one slab page, whatever would waste least, or one page. */
	if (!hak_peek(pool->node[*nid]->nr_slabs) &&
	    !(HAK_LARGE_STRIDES && pool->stride > HAK_SPAGE_SIZE / 2))
		spages = !pool->thrifty || hak_peek(pool->node[*nid]->grown);
	slab = hak_block_slab(pool, *nid, spages, gfp, &small, &fresh);
	if (!slab)
		return HAK_GROWN_NOT;
	slab_account(slab, pool, 1);
	*nid = slab_nid(slab);
	pn = pool->node[*nid];
	random = pool->shuffled ? hak_order_seed() : 0;
	flags = hak_lock(&pn->lock);
	pn->random ^= random;
	list_add(&slab->list, small ? &pn->small : &pn->partial);
	pn->grown = min(pn->grown + 1, 2U);
	pn->nr_slabs++;
	pn->nr_empty++;
	pn->nr_objects += slab->objects;
	pn->nr_free += slab->free;
	hak_unlock(&pn->lock, flags);
	if (small)
		return HAK_GROWN_SMALL;
	return fresh ? HAK_GROWN_SS : HAK_GROWN_SLAB;
}
HAK_EXPORT_TEST(hak_pool_grow);

/* A slab on its way through a grace period, kept in the slab itself. */
struct slab_release {
	struct hak_release release;
	struct hak_slab *slab;
};

static void slab_put(struct hak_slab *slab)
{
	struct hak_pool *pool = slab->pool;
	unsigned int i;

	for (i = 0; pool->dtor && i < slab->carved; i++)
		pool_call(pool, pool->dtor, slab_object(slab, i));
	slab_account(slab, pool, -1);
	hak_block_put_slab(slab);
}

static void slab_release(struct hak_release *r)
{
	slab_put(container_of(r, struct slab_release, release)->slab);
}

/* Give up a slab that is on no list: at once, or when readers and dtor allow it. */
static void slab_retire(struct hak_slab *slab)
{
	struct hak_pool *pool = slab->pool;
	struct slab_release *sr = (void *)slab->inline_bits;

	/* The rest of a thin one goes to the kernel, which may not be called here. */
	if (!pool->rcu && !pool->dtor && slab->carved < HAK_THINNING) {
		slab_put(slab);
		return;
	}
	/* A slab all of whose objects are free has no use for its map: ss_return.c. */
	BUILD_BUG_ON(sizeof(*sr) > sizeof(slab->inline_bits));
	sr->slab = slab;
	sr->release.fn = slab_release;
	hak_release_later(&sr->release, DIV_ROUND_UP(slab->objects * pool->stride, PAGE_SIZE));
}

void hak_slab_unlink(struct hak_pool_node *pn, struct hak_slab *slab)
	hak_must_hold(&pn->lock)
{
	hak_assert_held(&pn->lock);
	list_del_init(&slab->list);
	pn->nr_slabs--;
	pn->nr_empty--;
	pn->nr_thin -= slab->carved >= HAK_THINNING;
	pn->nr_objects -= slab->objects;
	pn->nr_free -= slab->free;
}

void hak_slabs_retire(struct list_head *gone)
{
	struct hak_slab *slab, *next;

	list_for_each_entry_safe(slab, next, gone, list) {
		list_del_init(&slab->list);
		slab_retire(slab);
	}
}

/* Untag the slabs of @list, a few under each hold of the lock; they stay on it. */
static void node_untag(struct hak_pool_node *pn, struct list_head *list)
{
	struct hak_slab *slab;
	unsigned long flags;
	LIST_HEAD(done);
	unsigned int n;

	do {
		flags = hak_lock(&pn->lock);
		for (n = 0; n < HAK_BATCH && !list_empty(list); n++) {
			slab = list_first_entry(list, struct hak_slab, list);
			hak_block_untag(slab);
			slab_account(slab, slab->pool, -1);
			list_move_tail(&slab->list, &done);
		}
		if (!n)
			list_splice(&done, list);
		hak_unlock(&pn->lock, flags);
	} while (n);
}

void hak_pool_orphan(struct hak_pool *pool)
{
	int nid;

	for_each_node(nid) {
		node_untag(pool->node[nid], &pool->node[nid]->full);
		node_untag(pool->node[nid], &pool->node[nid]->partial);
		node_untag(pool->node[nid], &pool->node[nid]->thin);
		node_untag(pool->node[nid], &pool->node[nid]->small);
	}
	pool->name = NULL;
	pool->tag = NULL;
	pool->reclaimable = false;
}

void hak_pool_info(struct hak_pool *pool, struct hak_pool_info *info)
{
	int nid;

	memset(info, 0, sizeof(*info));
	for_each_nid(nid) {
		struct hak_pool_node *pn = pool->node[nid];

		info->objects += hak_peek(pn->nr_objects);
		info->free += hak_peek(pn->nr_free);
		info->slabs += hak_peek(pn->nr_slabs);
		info->empty += hak_peek(pn->nr_empty);
		info->thin += hak_peek(pn->nr_thin);
	}
}
HAK_EXPORT_TEST(hak_pool_info);
