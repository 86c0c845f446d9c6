// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer over hakmem: each input is a program of torture/'s byte code, and this is what
 * that asks of user space.
 *
 * There are no interrupts and no grace periods here.  In their place there is what the kernel's
 * module cannot see.  CPUs may be left at any moment, and the reaper and the shrinker are called
 * by name.  SuperSlabs are denied, and allocations inside fail.  Calls are made as if a lock of
 * the core were held.
 */
#include "kunit/hak_kunit.h"
#include "torture/torture_code_impl.h"

#define CPUS	4

static struct { char *base; int nr; } cpu[CPUS];

/* As they were before a program changed them. */
static unsigned int mag_size;
static unsigned long cache_bytes_max;

void code_env_begin(void)
{
	mag_size = hak_conf.mag_size;
	cache_bytes_max = hak_conf.cache_bytes_max;
}

void code_env_end(void)
{
	code_env_hop(0);
	hak_superslab_enabled = true;
	hak_conf_change(mag_size, cache_bytes_max);
	hak_conf_cache("hak-64", "mag_size", "-");
	hak_conf_cache("hak-192", "mag_size", "-");
}

void code_env_run(enum code_context where, void (*op)(u8 how), u8 how)
{
	op(how);
}

/* Go on as another thread would. */
void code_env_hop(u8 to)
{
	shim_base = cpu[to % CPUS].base;
	shim_cpu_nr = cpu[to % CPUS].nr;
}

void code_env_reclaim(u8 how)
{
	switch (how % 4) {
	case 0:
		hak_shrinker_count();
		hak_shrinker_scan(1 + code_byte());
		break;
	case 1:
		hak_superslab_enabled = how & 8;
		break;
	case 2:
		if (how & 16)
			hak_conf_change(1 + code_byte() % HAK_MAG_MAX, 1UL << (14 + how / 32));
		if (how & 64)
			hak_conf_cache(how & 128 ? "hak-64" : "hak-192", "mag_size",
				       how & 32 ? "4" : "-");
		hak_reap_here(how & 8);
		break;
	default:
		if (how & 16)
			hak_reap_ask();
		hak_reap_busy();
		hak_reap_here(how & 8);
	}
}

bool code_env_fail(u8 nth)
{
	current->fail_nth = nth;
	return nth;
}

void *code_env_node(struct hak_cache *c, u32 size, gfp_t gfp, u8 how)
{
	return c ? __hak_cache_alloc(c, gfp) : hak_alloc(size, gfp);
}

void code_env_nested(void (*op)(u8 how), u8 how)
{
	code.atomic = true;
	__this_cpu_inc(hak_busy);
	op(how);
	__this_cpu_dec(hak_busy);
	hak_defer_wait();
}

unsigned int code_env_free_rcu(void *p, u32 head, bool twice)
{
	hak_free(p);
	return 0;
}

void code_env_rcu_barrier(void)
{
}

void code_env_bad(u64 counted[CODE_BAD_KINDS])
{
	u32 k;

	for (k = 0; k < CODE_BAD_KINDS; k++)
		counted[k] = atomic_long_read(&hak_mem_stat[HAK_MEM_BAD_FOREIGN + k]);
}

/* Memory that was given back reads as 0: so a header, or a descriptor, that is there is one. */
static const struct hak_slab *shadow_superslab(const void *p)
{
	const struct hak_ss *ss = ss_header(ss_base(p));

	if (ss->base != ss_base(p) || !ss_left(ss, ((unsigned long)p % HAK_SS_SIZE) / PAGE_SIZE))
		return NULL;
	return ss_slab(p);
}

/* Of a small block of each order, which is aligned to its length. */
static const struct hak_slab *shadow_small(const void *p)
{
	const struct hak_small *b;
	unsigned long bytes;
	unsigned int order;
	void *base;

	for (order = 0; order <= HAK_SMALL_ORDER_MAX; order++) {
		bytes = PAGE_SIZE << order;
		base = (void *)((unsigned long)p & ~(bytes - 1));
		b = base + bytes - ALIGN(sizeof(*b), 64);
		if (b->base == base && b->order == order &&
		    b->left >> ((p - base) / PAGE_SIZE) & 1)
			return &b->slab;
	}
	return NULL;
}

/* The page of a thin slab that lives: what lay there was free. */
enum hak_stat code_env_gone(const void *p)
{
	unsigned long at = (unsigned long)p - (unsigned long)shim_arena, off;
	const struct hak_slab *slab = NULL;

	if (!shim_is_mapped(p))
		slab = NULL;
	else if (at < SHIM_SS_BYTES)
		slab = shadow_superslab(p);
	else if (at < SHIM_SS_BYTES + SHIM_SMALL_BYTES)
		slab = shadow_small(p);
	if (!slab || !slab->pool)
		return HAK_STAT_bad_free_foreign;
	off = p - slab->mem;
	if (off % slab->pool->stride || off / slab->pool->stride >= slab->objects)
		return HAK_STAT_bad_free_interior;
	return HAK_STAT_bad_free_double;
}

/*
 * Mostly the value itself; or somewhere in the arena, on this thread's stack, or in the region of
 * an object that is live.
 */
void *code_env_foreign(unsigned long v, u8 how, enum hak_stat *which)
{
	char here[64];

	if (how & 4)
		v = (unsigned long)shim_arena + v % (SHIM_SS_BYTES + SHIM_SMALL_BYTES + 4096);
	else if (how & 8)
		v = (unsigned long)here + v % sizeof(here);
	else if (how & 16)
		v = (unsigned long)ss_base(code_pick()->p) + v % HAK_SS_SIZE;
	if (hak_owns((void *)v))
		return NULL;
	*which = code_env_gone((void *)v);
	return (void *)v;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	if (!code_run(data, size))
		abort();
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	u32 i;

	unit_watch_start();
	/* All programs run with a directory that took the place of another. */
	if (!hak_dir_reach(2 * node_end_pfn(0)))
		return -1;
	for (i = 0; i < CPUS; i++) {
		cpu[i].base = shim_bind();
		cpu[i].nr = shim_cpu_nr;
	}
	/* Whatever another CPU holds may be asked for: nobody is there. */
	shim_quiesced = true;
	code_env_hop(0);
	return 0;
}
