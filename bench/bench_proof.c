// SPDX-License-Identifier: GPL-2.0
/*
 * Provenance and fairness: what a figure is worth.
 *
 * hakmem always counts what leaves a magazine.  Those counts, read before and
 * after each measured round, are taken off the operations the loops counted
 * themselves; the rest was served by the magazine.  A figure is withheld if
 * something else than hakmem served an operation, if one failed, or if the counts
 * cannot belong to this run alone.
 *
 * The fairness list names what the running kernel does for one side only.
 */
#include <linux/cpu.h>
#include <linux/kernel.h>
#include <linux/kfence.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/utsname.h>

#include "bench.h"
#include "port/kernel/hak_client.h"

void bench_proof_begin(u64 before[HAK_NR_STATS])
{
	hak_stats_read(before);
}

void bench_proof_end(struct bench_lane *lane, const u64 before[HAK_NR_STATS])
{
	u64 after[HAK_NR_STATS];
	unsigned int i;

	hak_stats_read(after);
	for (i = 0; i < HAK_NR_STATS; i++)
		if (after[i] != HAK_STAT_UNKEPT)
			lane->d[i] += after[i] - before[i];
	/* Levels, not counts: as they are now. */
	lane->d[HAK_STAT_pages_held] = after[HAK_STAT_pages_held];
	lane->d[HAK_STAT_superslabs_held] = after[HAK_STAT_superslabs_held];
	lane->d[HAK_STAT_small_blocks_held] = after[HAK_STAT_small_blocks_held];
}

static u64 proof_alloc_misses(const u64 *d)
{
	return d[HAK_STAT_alloc_spare] + d[HAK_STAT_alloc_depot] + d[HAK_STAT_alloc_slab] +
	       d[HAK_STAT_alloc_superslab] + d[HAK_STAT_alloc_small_block];
}

/* The slab counts are of objects, at least one to an operation: an upper bound. */
static u64 proof_free_misses(const u64 *d)
{
	return d[HAK_STAT_free_spare] + d[HAK_STAT_free_depot] +
	       d[HAK_STAT_free_slab_local] + d[HAK_STAT_free_slab_remote] +
	       d[HAK_STAT_free_nmi];
}

static u64 proof_bad_frees(const u64 *d)
{
	return d[HAK_STAT_bad_free_foreign] + d[HAK_STAT_bad_free_double] +
	       d[HAK_STAT_bad_free_cache] + d[HAK_STAT_bad_free_interior] +
	       d[HAK_STAT_bad_free_by_kernel];
}

void bench_proof_judge(struct bench_lane *lane)
{
	const u64 *d = lane->d;

	if (lane->why[0])
		return;
	if (lane->fails)
		scnprintf(lane->why, BENCH_WHY, "INVALID: an allocation failed");
	if (!bench_is_hakmem(lane->alloc) || lane->why[0])
		return;
	if (d[HAK_STAT_alloc_fail])
		scnprintf(lane->why, BENCH_WHY, "INVALID: %llu allocations of hakmem failed",
			  d[HAK_STAT_alloc_fail]);
	else if (d[HAK_STAT_alloc_large] || d[HAK_STAT_free_large])
		scnprintf(lane->why, BENCH_WHY,
			  "INVALID: kmalloc served %llu allocations, kfree %llu frees",
			  d[HAK_STAT_alloc_large], d[HAK_STAT_free_large]);
	else if (d[HAK_STAT_alloc_small_block])
		scnprintf(lane->why, BENCH_WHY, "INVALID: %llu allocations needed a small block",
			  d[HAK_STAT_alloc_small_block]);
	else if (proof_bad_frees(d))
		scnprintf(lane->why, BENCH_WHY, "INVALID: %llu bad frees", proof_bad_frees(d));
	else if (proof_alloc_misses(d) > lane->allocs)
		scnprintf(lane->why, BENCH_WHY,
			  "INVALID: %llu misses in %llu allocations: not alone",
			  proof_alloc_misses(d), lane->allocs);
}

static unsigned int proof_put(char *buf, size_t len, u64 part, u64 whole, const char *what)
{
	u64 share = div64_u64(part * 10000, max(whole, 1ULL));

	return scnprintf(buf, len, " %llu.%02llu%% %s,", div_u64(share, 100), share % 100, what);
}

void bench_proof_text(const struct bench_lane *lane, char *buf, size_t len)
{
	const u64 *d = lane->d;
	u64 fm = min(lane->frees, proof_free_misses(d));
	unsigned int n;

	n = scnprintf(buf, len, "alloc");
	n += proof_put(buf + n, len - n, lane->allocs - min(lane->allocs, proof_alloc_misses(d)),
		       lane->allocs, "magazine");
	n += proof_put(buf + n, len - n, d[HAK_STAT_alloc_spare], lane->allocs, "spare");
	n += proof_put(buf + n, len - n, d[HAK_STAT_alloc_depot], lane->allocs, "depot");
	n += proof_put(buf + n, len - n, d[HAK_STAT_alloc_slab], lane->allocs, "slab");
	n += scnprintf(buf + n, len - n, " %llu new SuperSlab, %llu small blocks, %llu large; free",
		       d[HAK_STAT_alloc_superslab], d[HAK_STAT_alloc_small_block],
		       d[HAK_STAT_alloc_large]);
	n += proof_put(buf + n, len - n, lane->frees - fm, lane->frees, "magazine");
	n += proof_put(buf + n, len - n, d[HAK_STAT_free_spare], lane->frees, "spare");
	n += proof_put(buf + n, len - n, d[HAK_STAT_free_depot], lane->frees, "depot");
	n += scnprintf(buf + n, len - n, " %llu objects to slabs, %llu large",
		       d[HAK_STAT_free_slab_local] + d[HAK_STAT_free_slab_remote],
		       d[HAK_STAT_free_large]);
	if (d[HAK_STAT_small_blocks_held])
		scnprintf(buf + n, len - n, "; %llu small blocks held",
			  d[HAK_STAT_small_blocks_held]);
}

/* Debugging makes a slab object wider: the closest of many tells the true stride. */
static bool slub_is_debugged(void)
{
	struct kmem_cache *kc = kmem_cache_create("hak_bench_stride", 64, 0, SLAB_NO_MERGE, NULL);
	unsigned long best = ULONG_MAX, gap;
	unsigned int i, j, n;
	void **p;

	p = kcalloc(64, sizeof(*p), GFP_KERNEL);
	for (n = 0; kc && p && n < 64; n++) {
		p[n] = kmem_cache_alloc(kc, GFP_KERNEL);
		if (!p[n])
			break;
	}
	for (i = 0; i < n; i++) {
		for (j = 0; j < i; j++) {
			gap = abs_diff((unsigned long)p[i], (unsigned long)p[j]);
			best = min(best, gap);
		}
	}
	for (i = 0; i < n; i++)
		kmem_cache_free(kc, p[i]);
	kfree(p);
	kmem_cache_destroy(kc);
	return n && best != 64;
}

void bench_debug_names(char *buf, size_t len)
{
	static const struct { bool on; const char *name; } list[] = {
		{ IS_ENABLED(CONFIG_KASAN), "KASAN" },
		{ IS_ENABLED(CONFIG_KMSAN), "KMSAN" },
		{ IS_ENABLED(CONFIG_KCSAN), "KCSAN" },
		/* Bounds and shifts alone are hardening, which distributions ship. */
		{ IS_ENABLED(CONFIG_UBSAN_BOOL) || IS_ENABLED(CONFIG_UBSAN_ENUM) ||
		  IS_ENABLED(CONFIG_UBSAN_ALIGNMENT) || IS_ENABLED(CONFIG_UBSAN_DIV_ZERO) ||
		  IS_ENABLED(CONFIG_UBSAN_INTEGER_WRAP), "UBSAN" },
		{ IS_ENABLED(CONFIG_KCOV), "KCOV" },
		{ IS_ENABLED(CONFIG_PROVE_LOCKING), "PROVE_LOCKING" },
		{ IS_ENABLED(CONFIG_DEBUG_KMEMLEAK), "DEBUG_KMEMLEAK" },
		{ IS_ENABLED(CONFIG_DEBUG_PAGEALLOC), "DEBUG_PAGEALLOC" },
		{ IS_ENABLED(CONFIG_DEBUG_PREEMPT), "DEBUG_PREEMPT" },
		{ IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP), "DEBUG_ATOMIC_SLEEP" },
	};
	unsigned int i, n = 0;

	buf[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(list); i++)
		if (list[i].on)
			n += scnprintf(buf + n, len - n, "%s%s", n ? ", " : "", list[i].name);
	if (slub_is_debugged())
		scnprintf(buf + n, len - n, "%sslab_debug", n ? ", " : "");
}

static __printf(3, 4)
void fair(struct bench_result *res, const char *name, const char *fmt, ...)
{
	struct bench_fact *f = &res->fair[res->nr_fair];
	va_list args;

	if (res->nr_fair == BENCH_MAX_FACTS)
		return;
	res->nr_fair++;
	strscpy(f->name, name, sizeof(f->name));
	va_start(args, fmt);
	vscnprintf(f->value, sizeof(f->value), fmt, args);
	va_end(args);
}

static void fair_kernel_only(struct bench_result *res)
{
	const char *who = "kernel's allocator only";

	fair(res, who, "memcg: %s", IS_ENABLED(CONFIG_MEMCG) ?
	     "built in; these caches are not charged, the test for it is paid" : "not built in");
#ifdef CONFIG_KFENCE
	fair(res, who, "KFENCE: built in, sample interval %lu ms%s", kfence_sample_interval,
	     kfence_sample_interval ? "" : " (off)");
#else
	fair(res, who, "KFENCE: not built in");
#endif
	fair(res, who, "tracepoints on each call: %s",
	     IS_ENABLED(CONFIG_TRACEPOINTS) ? "built in" : "not built in");
	fair(res, who, "free list: %s, %s",
	     IS_ENABLED(CONFIG_SLAB_FREELIST_HARDENED) ? "encoded" : "plain",
	     IS_ENABLED(CONFIG_SLAB_FREELIST_RANDOM) ? "in random order" : "in order");
	fair(res, who, "allocation profiling: %s; SLUB_STATS: %s; random kmalloc caches: %s",
	     IS_ENABLED(CONFIG_MEM_ALLOC_PROFILING) ? "built in" : "no",
	     IS_ENABLED(CONFIG_SLUB_STATS) ? "yes" : "no",
	     IS_ENABLED(CONFIG_RANDOM_KMALLOC_CACHES) ? "yes" : "no");
}

void bench_fairness(struct bench_result *res)
{
	const struct hak_config *c = hak_config_get();
	const char *who = "hakmem only";

	res->nr_fair = 0;
	fair_kernel_only(res);
	fair(res, who, "hardened=%u: %s", c->hardened, c->hardened ?
	     "every free checked for wrong cache, misalignment, double free" : "frees unchecked");
	fair(res, who, "call sites: %s", HAK_INLINE_FAST ?
	     "inlined (hakmem, hakmem_const), called (the others)" : "all called");
	fair(res, who, "stats=%d mag_size=%u superslab=%d cache_bytes_max=%lu",
	     c->stats, c->mag_size, c->superslab, c->cache_bytes_max);
	who = "both";
	fair(res, who, "init_on_alloc: kernel %d, hakmem %d; init_on_free: kernel %d, hakmem %d",
	     want_init_on_alloc(GFP_KERNEL), c->init_on_alloc, want_init_on_free(),
	     c->init_on_free);
	fair(res, who, "mitigations: %s", cpu_mitigations_off() ? "off" : "not switched off");
	fair(res, who, "preemption: %s", IS_ENABLED(CONFIG_PREEMPT_RT) ? "RT" :
	     IS_ENABLED(CONFIG_PREEMPT_DYNAMIC) ? "dynamic" :
	     IS_ENABLED(CONFIG_PREEMPTION) ? "full" : "none");
	fair(res, who, "UBSAN: %s", IS_ENABLED(CONFIG_UBSAN) ?
	     "built in, bounds and shifts are checked" : "not built in");
	fair(res, who, "kernel: %s", init_utsname()->release);
}
