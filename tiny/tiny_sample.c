// SPDX-License-Identifier: GPL-2.0
/*
 * What is done for each object of a sampled cache: see tiny_sample.h.
 *
 * Neither traced nor probed, like the paths that call it; and a call that comes in between at the
 * same level gets no record.
 */
#include "tiny/tiny_sample.h"

struct hak_sampler *hak_sampler __read_mostly;
HAK_EXPORT_TEST(hak_sampler);

/* Bytes until the next sample, and whether one is being made, by level. */
static DEFINE_PER_CPU(long, sample_left);
static DEFINE_PER_CPU(u8 [HAK_NR_LEVELS], sample_busy);
static DEFINE_PER_CPU(u32, sample_random);

#define EACH_BYTE 0x0101010101010101ULL

struct place {
	unsigned long bucket;
	u8 tag;				/* never 0 */
};

static __always_inline struct place place_of(const void *p)
{
	u64 h = (unsigned long)p * 0x9e3779b97f4a7c15ULL;

	return (struct place){ h >> (64 - HAK_SAMPLE_BITS), (u8)(h >> 40) | 1 };
}

/* Is one of the bytes of @word @byte? */
static __always_inline bool has_byte(u64 word, u8 byte)
{
	word ^= byte * EACH_BYTE;
	return (word - EACH_BYTE) & ~word & EACH_BYTE << 7;
}

static __always_inline u8 *tag_at(struct hak_sampler *s, unsigned long i)
{
	return (u8 *)s->tags + i;
}

/* Any from half of @every to one and a half, so that no pattern of a client's stays in step. */
static long next_left(unsigned long every)
{
	u32 random = this_cpu_read(sample_random) * 1664525 + 1013904223;

	this_cpu_write(sample_random, random);
	return every / 2 + ((u64)random * every >> 32) + 1;
}

/*
 * An object of @size took what was left.  How many bytes does its record stand for?  A large one
 * may have taken more than once what there was.
 */
static u32 left_renew(unsigned long every, unsigned int size)
{
	long left = next_left(every);
	unsigned long times = 1;

	if (every == 1) {
		this_cpu_write(sample_left, 0);
		return size;
	}
	left = this_cpu_add_return(sample_left, left);
	if (unlikely(left < 0)) {
		times += -left / every + 1;
		this_cpu_add(sample_left, (times - 1) * every);
	}
	return times * every;
}

void hak_sample_restart(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		WRITE_ONCE(*per_cpu_ptr(&sample_left, cpu), 0);
		WRITE_ONCE(*per_cpu_ptr(&sample_random, cpu), (u32)hak_order_seed());
	}
}

static unsigned int flow_here(void)
{
	if (!hak_flow_by_node())
		return raw_smp_processor_id();
	return min_t(unsigned int, numa_node_id(), HAK_FLOW_MAX - 1);
}

/* The way that has the key of @p becomes the caller's; -1 if none has it. */
static long way_take(struct hak_sampler *s, struct place at, const void *p)
{
	unsigned long first = at.bucket * HAK_SAMPLE_WAYS, i;

	for (i = first; i < first + HAK_SAMPLE_WAYS; i++)
		if (READ_ONCE(s->key[i]) == (unsigned long)p &&
		    cmpxchg(&s->key[i], (unsigned long)p, HAK_KEY_BUSY) == (unsigned long)p)
			return i;
	return -1;
}
NOKPROBE_SYMBOL(way_take);

/* The way @i is nobody's again. */
static void way_put(struct hak_sampler *s, unsigned long i)
{
	WRITE_ONCE(*tag_at(s, i), 0);
	smp_store_release(&s->key[i], 0);
}
NOKPROBE_SYMBOL(way_put);

static long way_new(struct hak_sampler *s, struct place at)
{
	unsigned long first = at.bucket * HAK_SAMPLE_WAYS, i;

	for (i = first; i < first + HAK_SAMPLE_WAYS; i++)
		if (!READ_ONCE(s->key[i]) && !cmpxchg(&s->key[i], 0, HAK_KEY_BUSY))
			return i;
	return -1;
}
NOKPROBE_SYMBOL(way_new);

static void stack_write(struct hak_stack *to, const unsigned long *ip, unsigned int n)
{
	/* Somebody writes or reads it: his will do. */
	if (xchg(&to->busy, 1))
		return;
	to->n = min(n, HAK_SITE_STACK);
	memcpy(to->ip, ip, to->n * sizeof(*ip));
	smp_store_release(&to->busy, 0);
}

/* The first that allocates from there. */
static void site_init(struct hak_site *site, const struct hak_core *core,
		      const unsigned long *ip, unsigned int n)
{
	site->serial = core->pool.serial;
	site->ip = ip[0];
	site->size = core->size;
	strscpy(site->cache, core->name, sizeof(site->cache));
	snprintf(site->where, sizeof(site->where), HAK_SYM, (void *)ip[0]);
	stack_write(&site->first, ip, n);
	smp_store_release(&site->state, HAK_SITE_READY);
}

/* The number of the site; 0 where there is no room, or who makes it has not ended. */
static u16 site_find(struct hak_sampler *s, const struct hak_core *core,
		     const unsigned long *ip, unsigned int n)
{
	u64 h = (ip[0] ^ (u64)core->pool.serial << 32) * 0x9e3779b97f4a7c15ULL;
	unsigned int i, at = h >> 40;
	struct hak_site *site;

	for (i = 0; i < HAK_SITE_TRIES; i++) {
		at = (at + 1) % HAK_SITES ?: 1;
		site = &s->site[at];
		if (!READ_ONCE(site->state) && !cmpxchg(&site->state, 0, HAK_SITE_BEGUN))
			site_init(site, core, ip, n);
		if (smp_load_acquire(&site->state) == HAK_SITE_READY && site->ip == ip[0] &&
		    site->serial == core->pool.serial)
			return at;
	}
	return 0;
}

static u16 site_note(struct hak_sampler *s, const struct hak_core *core, u32 bytes,
		     unsigned long caller)
{
	unsigned long ip[HAK_SITE_STACK + 8];
	unsigned int n = hak_stack_save(ip, ARRAY_SIZE(ip), caller);
	u16 at = site_find(s, core, ip, n);
	struct hak_site *site = &s->site[at];

	stack_write(&site->last, ip, n);
	atomic_long_add(1, &site->samples);
	atomic_long_add(bytes, &site->bytes);
	return at;
}

/* Give the object at @p a record that stands for @bytes. Preemption off. */
static void record_make(struct hak_sampler *s, const struct hak_core *core, void *p, u32 bytes,
			unsigned long caller)
{
	struct place at = place_of(p);
	struct hak_record r = {
		.serial = core->pool.serial,
		.bytes = bytes,
		.when = jiffies,
		.from = flow_here(),
	};
	long i = has_byte(READ_ONCE(s->tags[at.bucket]), at.tag) ? way_take(s, at, p) : -1;

	atomic_long_add(1, &s->samples);
	if (i >= 0)
		atomic_long_add(1, &s->stale);
	else
		i = way_new(s, at);
	if (i < 0) {
		atomic_long_add(1, &s->lost);
		return;
	}
	r.site = site_note(s, core, bytes, caller);
	s->record[i] = r;
	WRITE_ONCE(*tag_at(s, i), at.tag);
	smp_store_release(&s->key[i], (unsigned long)p);
}
NOKPROBE_SYMBOL(record_make);

/* So many bytes went by. */
static noinline void sample_make(struct hak_core *core, void *p, unsigned long caller)
{
	struct hak_sampler *s;
	u8 *busy;

	preempt_disable();
	busy = &(*this_cpu_ptr(&sample_busy))[hak_level()];
	s = READ_ONCE(hak_sampler);
	if (s && smp_load_acquire(&core->flow) && !*busy) {
		*busy = 1;
		record_make(s, core, p, left_renew(READ_ONCE(s->every), core->size), caller);
		*busy = 0;
	}
	preempt_enable();
}
NOKPROBE_SYMBOL(sample_make);

void hak_sample_alloc(struct hak_core *core, void *p, unsigned long caller)
{
	if (unlikely(this_cpu_sub_return(sample_left, core->size) < 0))
		sample_make(core, p, caller);
}
NOKPROBE_SYMBOL(hak_sample_alloc);

static noinline void sample_end(struct hak_sampler *s, const struct hak_core *core,
				struct place at, const void *p)
{
	long i = way_take(s, at, p);
	struct hak_record r;
	struct hak_flow *f = READ_ONCE(core->flow);

	if (i < 0)
		return;
	r = s->record[i];
	way_put(s, i);
	if (r.serial != core->pool.serial) {
		atomic_long_add(1, &s->stale);
	} else if (f) {
		atomic_long_add(r.bytes, &f->freed[r.from][flow_here()]);
		atomic_long_add(1, &f->samples);
	}
}
NOKPROBE_SYMBOL(sample_end);

void hak_sample_free(const struct hak_core *core, const void *p)
{
	struct hak_sampler *s = READ_ONCE(hak_sampler);
	struct place at = place_of(p);

	if (s && unlikely(has_byte(READ_ONCE(s->tags[at.bucket]), at.tag)))
		sample_end(s, core, at, p);
}
NOKPROBE_SYMBOL(hak_sample_free);
