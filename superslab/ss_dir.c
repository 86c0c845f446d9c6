// SPDX-License-Identifier: GPL-2.0
/*
 * The directory: see ss_dir.h.
 *
 * An entry is 0, the mark of a SuperSlab (bit 0 clear), or a pointer to a
 * struct hak_mixed with bit 0 set.  Entries change under dir_lock and are read
 * without it.
 */
#include "superslab/ss_block.h"
#include "superslab/ss_dir.h"
#include "superslab/ss_lock.h"

#define DIR_MIXED 1UL
#define DIR_SLOTS (HAK_SS_SIZE / PAGE_SIZE)

/* A region that holds small blocks: for each 4 KiB page the slab that covers it. */
struct hak_mixed {
	struct hak_release release;
	struct hak_slab **page;		/* DIR_SLOTS entries, one page */
	unsigned int used;		/* [dir_lock] entries that are not NULL */
};

unsigned long hak_dir[1UL << HAK_DIR_BITS] __read_mostly;
HAK_EXPORT(hak_dir);

static DEFINE_RAW_SPINLOCK(dir_lock);	/* [5] in the lock order */
static unsigned long *dir_entry __read_mostly;
static unsigned long dir_start __read_mostly;
static unsigned long dir_nr __read_mostly;

static unsigned long dir_index(const void *p)
{
	return ((unsigned long)p - dir_start) >> HAK_SS_SHIFT;
}

static unsigned long *dir_fast(const void *p)
{
	return &hak_dir[hak_arch_bits64(p, HAK_SS_SHIFT, HAK_DIR_BITS)];
}

int hak_dir_init(void)
{
	unsigned long end = 0;
	int nid;

	for_each_online_node(nid)
		end = max(end, (unsigned long)node_end_pfn(nid));
	dir_start = round_down((unsigned long)__va(0), HAK_SS_SIZE);
	dir_nr = DIV_ROUND_UP((unsigned long)__va(PFN_PHYS(end)) - dir_start, HAK_SS_SIZE);
	dir_entry = kvcalloc(dir_nr, sizeof(*dir_entry), GFP_KERNEL);
	return dir_entry ? 0 : -ENOMEM;
}

void hak_dir_exit(void)
{
	kvfree(dir_entry);
	dir_entry = NULL;
	dir_nr = 0;
}

unsigned long hak_dir_pages(void)
{
	return DIV_ROUND_UP(dir_nr * sizeof(*dir_entry) + sizeof(hak_dir), PAGE_SIZE);
}

bool hak_dir_covers(const void *base)
{
	return dir_index(base) < dir_nr;
}

void hak_dir_set_ss(void *base)
{
	unsigned long flags = hak_lock(&dir_lock);

	/* Pair with the look-ups: the header is filled in before anybody is led to it. */
	smp_store_release(&dir_entry[dir_index(base)], hak_mark(base));
	/* Likewise. */
	smp_store_release(dir_fast(base), hak_mark(base));
	hak_unlock(&dir_lock, flags);
}

void hak_dir_clear_ss(void *base)
{
	unsigned long flags = hak_lock(&dir_lock);

	WRITE_ONCE(dir_entry[dir_index(base)], 0);
	if (*dir_fast(base) == hak_mark(base))
		WRITE_ONCE(*dir_fast(base), 0);
	hak_unlock(&dir_lock, flags);
}

static void mixed_free(struct hak_release *r)
{
	struct hak_mixed *m = container_of(r, struct hak_mixed, release);

	free_page((unsigned long)m->page);
	kfree(m);
}

static struct hak_mixed *mixed_create(gfp_t gfp)
{
	struct hak_mixed *m = kzalloc(sizeof(*m), gfp);

	if (!m)
		return NULL;
	m->page = (void *)get_zeroed_page(gfp);
	if (!m->page) {
		kfree(m);
		return NULL;
	}
	m->release.fn = mixed_free;
	return m;
}

static struct hak_mixed *entry_mixed(unsigned long entry)
{
	return entry & DIR_MIXED ? (void *)(entry & ~DIR_MIXED) : NULL;
}

static void mixed_fill(struct hak_mixed *m, struct hak_small *b, struct hak_slab *slab)
{
	unsigned int i = ((unsigned long)b->base & (HAK_SS_SIZE - 1)) >> PAGE_SHIFT;
	unsigned int n = 1U << b->order;

	m->used += slab ? n : -n;
	while (n--)
		/* Pairs with the look-ups: a descriptor is filled in before it is seen. */
		smp_store_release(&m->page[i++], slab);
}

bool hak_dir_set_small(struct hak_small *b, gfp_t gfp)
{
	unsigned long *entry = &dir_entry[dir_index(b->base)];
	struct hak_mixed *fresh = NULL, *m;
	unsigned long flags;

	for (;;) {
		flags = hak_lock(&dir_lock);
		m = entry_mixed(*entry);
		if (!m && fresh) {
			m = fresh;
			fresh = NULL;
			/* Pairs with dir_slab(): the table is all 0 before it is seen. */
			smp_store_release(entry, (unsigned long)m | DIR_MIXED);
		}
		if (m)
			mixed_fill(m, b, &b->slab);
		hak_unlock(&dir_lock, flags);
		if (m)
			break;
		fresh = mixed_create(gfp & ~(__GFP_COMP | __GFP_THISNODE));
		if (!fresh)
			return false;
	}
	if (fresh)
		mixed_free(&fresh->release);
	return true;
}

void hak_dir_clear_small(struct hak_small *b)
{
	unsigned long *entry = &dir_entry[dir_index(b->base)];
	unsigned long flags = hak_lock(&dir_lock);
	struct hak_mixed *m = entry_mixed(*entry);

	mixed_fill(m, b, NULL);
	if (m->used)
		m = NULL;
	else
		WRITE_ONCE(*entry, 0);
	hak_unlock(&dir_lock, flags);
	if (m)
		hak_release_later(&m->release);
}

/* Put a SuperSlab back into the image of the inlined path, if its place is free. */
static noinline void dir_reinstate(void *base)
{
	unsigned long flags;

	if (READ_ONCE(*dir_fast(base)) || hak_nested())
		return;
	flags = hak_lock(&dir_lock);
	if (dir_entry[dir_index(base)] == hak_mark(base) && !*dir_fast(base))
		/* Pairs with hak_slab_find(), as in hak_dir_set_ss(). */
		smp_store_release(dir_fast(base), hak_mark(base));
	hak_unlock(&dir_lock, flags);
}

/* The descriptor of the slab that a page of a SuperSlab of ours belongs to. */
static struct hak_slab *ss_slab(const void *p)
{
	unsigned int page = ss_page_index(p), first;
	struct hak_slab *slab = ss_desc(ss_base(p), page);

	first = READ_ONCE(slab->first);
	return likely(first == page) ? slab : ss_desc(ss_base(p), first);
}

static struct hak_slab *dir_slab(const void *p)
{
	unsigned long i = dir_index(p), entry;

	if ((unsigned long)p < dir_start || i >= dir_nr)
		return NULL;
	/* Pairs with whoever set the entry: what it leads to is filled in. */
	entry = smp_load_acquire(&dir_entry[i]);
	if (!entry)
		return NULL;
	if (entry & DIR_MIXED)
		return READ_ONCE(entry_mixed(entry)->page[((unsigned long)p &
							   (HAK_SS_SIZE - 1)) >> PAGE_SHIFT]);
	dir_reinstate(ss_base(p));
	return ss_slab(p);
}

struct hak_slab *hak_slab_find(const void *p, struct hak_pool **pool)
{
	struct hak_slab *slab;

	/*
	 * A mark has three low bits of 0: what the image names is a SuperSlab, and ours.
	 * Pairs with hak_dir_set_ss(): its header is filled in.
	 */
	if (likely(smp_load_acquire(dir_fast(p)) == ((unsigned long)p | (HAK_SS_SIZE - 1)) - 7))
		slab = ss_slab(p);
	else
		slab = dir_slab(p);
	/* Pairs with the store that gives the slab to a pool: the slab is made before that. */
	*pool = slab ? smp_load_acquire(&slab->pool) : NULL;
	return *pool ? slab : NULL;
}
HAK_EXPORT_TEST(hak_slab_find);

bool hak_owns(const void *p)
{
	unsigned long i = dir_index(p), entry;
	struct hak_mixed *m;
	bool owned;

	if ((unsigned long)p < dir_start || i >= dir_nr)
		return false;
	preempt_disable();
	/* Pairs with hak_dir_set_small(): the table is all 0 before it is seen. */
	entry = smp_load_acquire(&dir_entry[i]);
	m = entry_mixed(entry);
	owned = m ? !!READ_ONCE(m->page[((unsigned long)p & (HAK_SS_SIZE - 1)) >> PAGE_SHIFT])
		  : !!entry;
	preempt_enable();
	return owned;
}
HAK_EXPORT(hak_owns);

/* The small blocks of a region; each stands at the page where it begins. */
static void mixed_for_each(struct hak_mixed *m, void *region,
			   void (*fn)(void *base, unsigned int order, struct hak_ss *ss, void *arg),
			   void *arg)
{
	struct hak_slab *slab;
	struct hak_small *b;
	unsigned int i;

	for (i = 0; i < DIR_SLOTS; i++) {
		slab = READ_ONCE(m->page[i]);
		b = container_of(slab, struct hak_small, slab);
		if (slab && b->base == region + i * PAGE_SIZE)
			fn(b->base, b->order, NULL, arg);
	}
}

void hak_dir_for_each(void (*fn)(void *base, unsigned int order, struct hak_ss *ss, void *arg),
		      void *arg)
{
	unsigned long i, entry;
	void *region;

	for (i = 0; i < dir_nr; i++) {
		region = (void *)(dir_start + (i << HAK_SS_SHIFT));
		preempt_disable();
		/* Pairs with whoever set the entry: what it leads to is filled in. */
		entry = smp_load_acquire(&dir_entry[i]);
		if (entry & DIR_MIXED)
			mixed_for_each(entry_mixed(entry), region, fn, arg);
		else if (entry)
			fn(region, HAK_SS_ORDER, ss_header(region), arg);
		preempt_enable();
		cond_resched();
	}
}
HAK_EXPORT_TEST(hak_dir_for_each);
