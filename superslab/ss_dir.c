// SPDX-License-Identifier: GPL-2.0
/*
 * The directory: see ss_dir.h.
 *
 * An entry is 0, the mark of a SuperSlab (bit 0 clear), or a pointer to a struct hak_mixed with
 * bit 0 set.  Pages that left a SuperSlab may come back as a small block: then the region has
 * both.  Entries change under dir_lock and are read without it.
 *
 * When memory is plugged in, a table of at least twice the size takes the place of the one
 * before.  That stays for those who still read it.  What they look for is theirs, and was in it
 * already, or is found in neither.  All of these together are smaller than the last.
 *
 * A table only grows at its end.  Memory that is plugged in below its start stays unused: blocks
 * there are refused, and no address there is ours.
 */
#include "superslab/ss_block.h"
#include "superslab/ss_dir.h"
#include "superslab/ss_lock.h"

#define DIR_MIXED 1UL
#define DIR_SLOTS (HAK_SS_SIZE / PAGE_SIZE)

static DEFINE_RAW_SPINLOCK(dir_lock);	/* [6] in the lock order */

/* A region that holds small blocks: for each 4 KiB page the slab that covers it. */
struct hak_mixed {
	struct hak_release release;
	struct hak_slab **page;		/* DIR_SLOTS entries, one page */
	unsigned int used hak_guarded_by(&dir_lock);	/* entries that are not NULL */
	unsigned long ss;		/* mark of the region's SuperSlab, or 0 */
};

unsigned long hak_dir[1UL << HAK_DIR_BITS] __read_mostly;
HAK_EXPORT(hak_dir);

struct dir_table {
	struct dir_table *before;
	unsigned long nr;
	unsigned long entry[];
};

static struct dir_table dir_none;	/* before there is one: nothing is ours */
static struct dir_table *dir_table __read_mostly hak_guarded_by(&dir_lock) = &dir_none;

/* The table of those who do not hold dir_lock. */
static struct dir_table *dir_now(void)
{
	/* Pairs with dir_replace(): the table is filled in. */
	return hak_look_past(smp_load_acquire(&dir_table));
}

/* Where the first region begins; written before there is a table. */
static unsigned long dir_start __read_mostly;

static unsigned long dir_index(const void *p)
{
	return ((unsigned long)p - dir_start) >> HAK_SS_SHIFT;
}

static unsigned int page_in_region(const void *p)
{
	return ((unsigned long)p & (HAK_SS_SIZE - 1)) >> PAGE_SHIFT;
}

static struct hak_mixed *entry_mixed(unsigned long entry)
{
	return entry & DIR_MIXED ? (void *)(entry & ~DIR_MIXED) : NULL;
}

/* Let @fresh be the table, unless somebody was faster. Returns what is to be freed. */
static struct dir_table *dir_replace(struct dir_table *fresh)
{
	unsigned long flags = hak_lock(&dir_lock);
	struct dir_table *old = dir_table;

	if (old->nr < fresh->nr) {
		memcpy(fresh->entry, old->entry, old->nr * sizeof(*old->entry));
		fresh->before = old;
		/* Pairs with dir_now(). */
		smp_store_release(&dir_table, fresh);
		fresh = NULL;
	}
	hak_unlock(&dir_lock, flags);
	return fresh;
}

/* A table, still empty, of @nr entries. */
static struct dir_table *dir_create(unsigned long nr)
{
	struct dir_table *t = kvcalloc(1, struct_size(t, entry, nr), GFP_KERNEL);

	if (t) {
		t->nr = nr;
		t->before = &dir_none;
	}
	return t;
}

/* 0 if all of that lies below the first region. */
static unsigned long entries_up_to(unsigned long end_pfn)
{
	unsigned long end = (unsigned long)__va(PFN_PHYS(end_pfn));

	return end > dir_start ? DIV_ROUND_UP(end - dir_start, HAK_SS_SIZE) : 0;
}

bool hak_dir_reach(unsigned long end_pfn)
{
	unsigned long nr = entries_up_to(end_pfn), now = dir_now()->nr;
	struct dir_table *t;

	if (nr <= now)
		return nr;
	t = dir_create(max(nr, 2 * now));
	if (!t)
		return false;
	kvfree(dir_replace(t));
	return true;
}
HAK_EXPORT_TEST(hak_dir_reach);

static unsigned long end_of_memory(void)
{
	unsigned long end = 0;
	int nid;

	for_each_online_node(nid)
		end = max(end, (unsigned long)node_end_pfn(nid));
	return end;
}

int hak_dir_init(void)
	hak_unchecked("nobody else is there yet, and in user space this thread has no CPU")
{
	struct dir_table *t;

	dir_start = round_down((unsigned long)__va(PFN_PHYS(hak_first_pfn())), HAK_SS_SIZE);
	t = dir_create(entries_up_to(end_of_memory()));
	if (!t)
		return -ENOMEM;
	dir_table = t;
	return 0;
}

bool hak_dir_reach_all(void)
{
	return hak_dir_reach(end_of_memory());
}

void hak_dir_exit(void)
	hak_unchecked("nobody else is there any more")
{
	struct dir_table *t = dir_table, *before;

	dir_table = &dir_none;
	for (; t != &dir_none; t = before) {
		before = t->before;
		kvfree(t);
	}
}

unsigned long hak_dir_pages(void)
{
	size_t bytes = sizeof(hak_dir);
	struct dir_table *t;

	for (t = dir_now(); t != &dir_none; t = t->before)
		bytes += struct_size(t, entry, t->nr);
	return DIV_ROUND_UP(bytes, PAGE_SIZE);
}
HAK_EXPORT_TEST(hak_dir_pages);

bool hak_dir_covers(const void *base)
{
	return dir_index(base) < dir_now()->nr;
}
HAK_EXPORT_TEST(hak_dir_covers);

void hak_dir_set_ss(void *base)
{
	unsigned long flags = hak_lock(&dir_lock), *entry = &dir_table->entry[dir_index(base)];
	struct hak_mixed *m = entry_mixed(*entry);

	/* Of one that begins with a part, pages may have come back as small blocks by now. */
	if (m)
		/* Pairs with the look-ups: the header is filled in before anybody is led to it. */
		smp_store_release(&m->ss, hak_mark(base));
	else
		/* Likewise. */
		smp_store_release(entry, hak_mark(base));
	/* Likewise. */
	smp_store_release(hak_dir_fast(base), hak_mark(base));
	hak_unlock(&dir_lock, flags);
}
HAK_EXPORT_TEST(hak_dir_set_ss);

void hak_dir_clear_ss(void *base)
{
	unsigned long flags = hak_lock(&dir_lock), *entry = &dir_table->entry[dir_index(base)];
	struct hak_mixed *m = entry_mixed(*entry);

	if (m)
		WRITE_ONCE(m->ss, 0);
	else
		WRITE_ONCE(*entry, 0);
	if (*hak_dir_fast(base) == hak_mark(base))
		WRITE_ONCE(*hak_dir_fast(base), 0);
	hak_unlock(&dir_lock, flags);
}
HAK_EXPORT_TEST(hak_dir_clear_ss);

static void mixed_release(struct hak_release *r)
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
	m->release.fn = mixed_release;
	return m;
}

/* The pages of @b whose bits are set in @mask lead to @slab, or to none. */
static void mixed_fill(struct hak_mixed *m, struct hak_small *b, struct hak_slab *slab,
		       unsigned long mask)
	hak_must_hold(&dir_lock)
{
	unsigned int i = page_in_region(b->base), n = hweight_long(mask);

	hak_assert_held(&dir_lock);
	m->used += slab ? n : -n;
	for (; mask; mask >>= 1, i++)
		if (mask & 1)
			/* Pairs with the look-ups: a descriptor is filled in before it is seen. */
			smp_store_release(&m->page[i], slab);
}

/* The pages of @b that have not left. */
static unsigned long small_mask(const struct hak_small *b)
{
	return ((1UL << (1 << b->order)) - 1) & ~b->left;
}

bool hak_dir_set_small(struct hak_small *b, gfp_t gfp)
{
	struct hak_mixed *fresh = NULL, *m;
	unsigned long flags, *entry;

	for (;;) {
		flags = hak_lock(&dir_lock);
		entry = &dir_table->entry[dir_index(b->base)];
		m = entry_mixed(*entry);
		if (!m && fresh) {
			m = fresh;
			m->ss = *entry;
			fresh = NULL;
			/* Pairs with dir_slab(): the table is all 0 before it is seen. */
			smp_store_release(entry, (unsigned long)m | DIR_MIXED);
		}
		if (m)
			mixed_fill(m, b, &b->slab, small_mask(b));
		hak_unlock(&dir_lock, flags);
		if (m)
			break;
		fresh = mixed_create(gfp & ~__GFP_THISNODE);
		if (!fresh)
			return false;
	}
	if (fresh)
		mixed_release(&fresh->release);
	return true;
}
HAK_EXPORT_TEST(hak_dir_set_small);

void hak_dir_leave_small(struct hak_small *b, unsigned long mask)
{
	unsigned long flags = hak_lock(&dir_lock);

	mixed_fill(entry_mixed(dir_table->entry[dir_index(b->base)]), b, NULL, mask);
	hak_unlock(&dir_lock, flags);
}

void hak_dir_clear_small(struct hak_small *b)
{
	unsigned long flags = hak_lock(&dir_lock);
	unsigned long *entry = &dir_table->entry[dir_index(b->base)];
	struct hak_mixed *m = entry_mixed(*entry);

	mixed_fill(m, b, NULL, small_mask(b));
	if (m->used)
		m = NULL;
	else
		WRITE_ONCE(*entry, m->ss);
	hak_unlock(&dir_lock, flags);
	if (m)
		hak_release_later(&m->release, 0);
}
HAK_EXPORT_TEST(hak_dir_clear_small);

/* Put a SuperSlab back into the image of the inlined path, if its place is free. */
static noinline void dir_reinstate(void *base)
{
	unsigned long flags;

	if (READ_ONCE(*hak_dir_fast(base)) || hak_nested())
		return;
	flags = hak_lock(&dir_lock);
	if (dir_table->entry[dir_index(base)] == hak_mark(base) && !*hak_dir_fast(base))
		/* Pairs with hak_slab_find(), as in hak_dir_set_ss(). */
		smp_store_release(hak_dir_fast(base), hak_mark(base));
	hak_unlock(&dir_lock, flags);
}

/* The entry of the region that any value @p points into; 0 outside of all. */
static unsigned long dir_look(const void *p)
{
	unsigned long i = dir_index(p);
	struct dir_table *t = dir_now();

	if ((unsigned long)p < dir_start || i >= t->nr)
		return 0;
	/* Pairs with whoever set the entry: what it leads to is filled in. */
	return smp_load_acquire(&t->entry[i]);
}

/* Is the page of @p, in the region of a SuperSlab, still its? */
static bool ss_has(const void *p)
{
	return !ss_left(ss_header(ss_base(p)), page_in_region(p));
}

static struct hak_slab *dir_slab(const void *p)
{
	unsigned long entry = dir_look(p);
	struct hak_mixed *m = entry_mixed(entry);
	struct hak_slab *slab;

	if (!entry)
		return NULL;
	if (!m) {
		dir_reinstate(ss_base(p));
		return ss_has(p) ? ss_slab(p) : NULL;
	}
	slab = READ_ONCE(m->page[page_in_region(p)]);
	return slab || !READ_ONCE(m->ss) || !ss_has(p) ? slab : ss_slab(p);
}

void *hak_dir_ss(const void *p)
{
	unsigned long entry = dir_look(p);
	struct hak_mixed *m = entry_mixed(entry);

	return (m ? READ_ONCE(m->ss) : entry) ? ss_base(p) : NULL;
}

struct hak_slab *hak_slab_find(const void *p, struct hak_pool **pool)
{
	struct hak_slab *slab = hak_dir_near(p);

	/* Pairs with the store that gives the slab to a pool: the slab is made before that. */
	*pool = likely(slab) ? smp_load_acquire(&slab->pool) : NULL;
	if (likely(*pool) && likely(hak_peek(slab->carved) < HAK_THINNING))
		return slab;
	/* No SuperSlab of the image, or a page of it that may have left. */
	slab = dir_slab(p);
	/* Likewise. */
	*pool = slab ? smp_load_acquire(&slab->pool) : NULL;
	return *pool ? slab : NULL;
}
HAK_EXPORT_TEST(hak_slab_find);

bool hak_owns(const void *p)
{
	struct hak_mixed *m;
	bool owned;

	preempt_disable();
	m = entry_mixed(dir_look(p));
	owned = m && READ_ONCE(m->page[page_in_region(p)]);
	if (!owned && hak_dir_ss(p))
		owned = ss_has(p);
	preempt_enable();
	return owned;
}
HAK_EXPORT(hak_owns);

/* The small blocks of a region; each is found at its last page, which never leaves before it. */
static void mixed_for_each(struct hak_mixed *m, void *region,
			   void (*fn)(void *base, unsigned int order, struct hak_ss *ss, void *arg),
			   void *arg)
{
	struct hak_slab *slab;
	struct hak_small *b;
	unsigned int i, k;

	for (i = 0; i < DIR_SLOTS; i++) {
		slab = READ_ONCE(m->page[i]);
		b = container_of(slab, struct hak_small, slab);
		if (!slab || b->base + (PAGE_SIZE << b->order) != region + (i + 1) * PAGE_SIZE)
			continue;
		if (!hak_peek(b->left))
			fn(b->base, b->order, NULL, arg);
		for (k = 0; hak_peek(b->left) && k < 1U << b->order; k++)
			if (!(hak_peek(b->left) >> k & 1))
				fn(b->base + k * PAGE_SIZE, 0, NULL, arg);
	}
}

void hak_dir_for_each(void (*fn)(void *base, unsigned int order, struct hak_ss *ss, void *arg),
		      void *arg)
{
	unsigned long i, entry;
	struct hak_mixed *m;
	void *region;

	for (i = 0; i < dir_now()->nr; i++) {
		region = (void *)(dir_start + (i << HAK_SS_SHIFT));
		preempt_disable();
		entry = dir_look(region);
		m = entry_mixed(entry);
		if (m)
			mixed_for_each(m, region, fn, arg);
		if (m ? READ_ONCE(m->ss) : entry)
			fn(region, HAK_SS_ORDER, ss_header(region), arg);
		preempt_enable();
		cond_resched();
	}
}
HAK_EXPORT_TEST(hak_dir_for_each);
