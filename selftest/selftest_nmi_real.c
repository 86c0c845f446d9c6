// SPDX-License-Identifier: GPL-2.0
/*
 * Group nmi: real ones, sent by one CPU to another, which allocates and frees
 * meanwhile, so that they come at any instruction of the allocator.
 */
#include "selftest/selftest.h"
#include <linux/mm.h>
#include <linux/workqueue.h>
#include <asm/apic.h>
#include <asm/cpufeature.h>
#include <asm/nmi.h>

/* A slow machine need not get through all of them. */
#define NMIS 500
#define NMIS_MIN 100

static struct {
	struct st_objects o;		/* what the NMIs free */
	struct hak_kind kind;
	atomic_t pending;
	unsigned int freed, bad, doubles, got, spoilt;
	int cpu;
	bool stop;
	struct work_struct work;
} real;

/* One object of the store goes; now and then badly. */
static void free_next(void)
{
	unsigned int i = real.freed++;
	void *p = real.o.p[i];

	real.spoilt += !hak_intact(p, real.kind.size, real.o.key + i);
	hak_kind_free(&real.kind, i % 3 ? HAK_BY_CACHE : HAK_BY_ANY, p);
	if (i % 64 == 5 && st_hardened()) {
		hak_kind_free(&real.kind, i % 3 ? HAK_BY_CACHE : HAK_BY_ANY, p);
		real.doubles++;
	}
	if (i % 64 == 9) {
		hak_kind_free(&real.kind, HAK_BY_CACHE, (void *)0x80000000deadbeefUL);
		hak_kind_free(&real.kind, HAK_BY_ANY, &real);
		real.bad += 2;
	}
}

static int on_nmi(unsigned int cmd, struct pt_regs *regs)
{
	if (smp_processor_id() != real.cpu || !atomic_read(&real.pending))
		return NMI_DONE;
	real.got += !!hak_cache_alloc(real.kind.c, GFP_ATOMIC);
	if (real.freed < real.o.n)
		free_next();
	atomic_set(&real.pending, 0);
	return NMI_HANDLED;
}

/* On the other CPU: one after the other, since they are not counted on their way. */
static void send_nmis(struct work_struct *work)
{
	unsigned long deadline = jiffies + 10 * HZ;
	unsigned int i;

	for (i = 0; i < NMIS && time_before(jiffies, deadline); i++) {
		atomic_set(&real.pending, 1);
		apic->send_IPI(real.cpu, NMI_VECTOR);
		while (atomic_read(&real.pending) && time_before(jiffies, deadline))
			cpu_relax();
		cond_resched();
	}
	WRITE_ONCE(real.stop, true);
}

static void under_nmis(struct st *t, int other)
{
	struct st_worker *w = kvzalloc(sizeof(*w), GFP_KERNEL);

	if (!st_expect(t, w, "no memory"))
		return;
	st_worker_init(w, real.kind, 99);
	migrate_disable();
	real.cpu = smp_processor_id();
	INIT_WORK(&real.work, send_nmis);
	schedule_work_on(other, &real.work);
	while (!READ_ONCE(real.stop)) {
		st_work(w, 500);
		cond_resched();
	}
	migrate_enable();
	flush_work(&real.work);
	st_expect(t, !hak_audit(w->n + real.o.n - real.freed), "audit");
	st_worker_exit(t, w, "task");
	kvfree(w);
}

static void check_real(struct st *t, const struct hak_counts *counts)
{
	st_expect(t, real.freed >= NMIS_MIN, "only %u NMIs came", real.freed);
	st_expect(t, !real.got, "%u allocations in NMI", real.got);
	st_expect(t, !real.spoilt, "%u objects were overwritten", real.spoilt);
	st_expect(t, hak_counted(counts, HAK_STAT_free_nmi) == real.freed, "%llu of %u deferred",
		  hak_counted(counts, HAK_STAT_free_nmi), real.freed);
	st_expect(t, hak_counted(counts, HAK_STAT_bad_free_foreign) == real.bad,
		  "%llu of %u foreign", hak_counted(counts, HAK_STAT_bad_free_foreign), real.bad);
	st_expect(t, hak_counted(counts, HAK_STAT_bad_free_double) == real.doubles,
		  "%llu of %u double", hak_counted(counts, HAK_STAT_bad_free_double),
		  real.doubles);
}

static void sent_by_another_cpu(struct st *t)
{
	struct hak_cache *c = hak_cache_create("selftest-nmi-real", t->arg, NULL, 0);
	int other = hak_other_cpu();
	struct hak_counts counts;

	memset(&real, 0, sizeof(real));
	real.kind = (struct hak_kind){ c, t->arg };
	if (!st_expect(t, c && st_objects_init(t, &real.o, real.kind, NMIS), "no memory"))
		goto out;
	hak_counts_begin(&counts);
	if (other < 0 || !boot_cpu_has(X86_FEATURE_APIC)) {
		pr_info("hakmem_selftest: one CPU, or no APIC: nobody can send an NMI\n");
		goto out;
	}
	if (st_expect(t, !register_nmi_handler(NMI_LOCAL, on_nmi, 0, "hakmem_selftest"),
		      "no NMI handler")) {
		under_nmis(t, other);
		unregister_nmi_handler(NMI_LOCAL, "hakmem_selftest");
		check_real(t, &counts);
	}
out:
	real.o.n -= real.freed;
	memmove(real.o.p, real.o.p + real.freed, real.o.n * sizeof(*real.o.p));
	real.o.key += real.freed;
	st_objects_exit(t, &real.o);
	hak_cache_destroy(c);
}

const struct st_test st_nmi_real_tests[] = {
	{ "real NMIs, 64 bytes", sent_by_another_cpu, 64 },
	{ "real NMIs, 1024 bytes", sent_by_another_cpu, 1024 },
	{ }
};
