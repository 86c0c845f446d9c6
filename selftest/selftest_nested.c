// SPDX-License-Identifier: GPL-2.0
/*
 * Probes whose handler calls the allocator in the middle of itself.
 *
 * What a handler does is no business of whoever was interrupted, so it must not run where a free
 * is not allowed.  A probe on a function of the kernel acts only when hakmem called that
 * function.  A probe hit inside a handler is skipped by kprobes, so the worker is used by one at
 * a time.
 */
#include <linux/kallsyms.h>

#include "selftest/selftest.h"

/* Bytes a probe at a function's entry may be moved by: endbr64. */
#define ENTRY_MAX 4

struct st_nested st_nested;
static int armed_cpu = -1;
static unsigned long core_begin, core_end;	/* pages with hakmem's text */

static bool in_core(unsigned long addr)
{
	char name[KSYM_SYMBOL_LEN];

	sprint_symbol(name, addr);
	return strstr(name, "[hakmem]");
}

/* From a function that is known to be there, as far as its symbols go. */
static void find_core(void)
{
	unsigned long page = (unsigned long)hak_owns & PAGE_MASK;

	for (core_end = page; in_core(core_end); core_end += PAGE_SIZE)
		;
	for (core_begin = page; in_core(core_begin - 1); core_begin -= PAGE_SIZE)
		;
}

static bool called_by_core(struct pt_regs *regs)
{
	unsigned long caller = regs_get_kernel_stack_nth(regs, 0);

	return caller >= core_begin && caller < core_end;
}

static int on_probe(struct kprobe *kp, struct pt_regs *regs)
{
	struct st_probe *p = container_of(kp, struct st_probe, kp);

	if (raw_smp_processor_id() != READ_ONCE(armed_cpu))
		return 0;
	if (p->from_hakmem && !called_by_core(regs))
		return 0;
	p->hits++;
	if (in_nmi()) {
		st_nested.nmi++;
	} else {
		st_nested.task++;
		st_nested.jumped += (unsigned long)kp->addr > p->func + ENTRY_MAX;
	}
	if (!st_nested.acts || (st_nested.nmi + st_nested.task) % st_nested.every)
		return 0;
	st_nested.acts--;
	if (in_nmi() && st_nested.worker.n)
		st_work(&st_nested.worker, 1);
	if (!in_nmi() && st_nested.gives)
		st_give(&st_nested.worker, st_nested.gives);
	else if (!in_nmi())
		st_work(&st_nested.worker, 5);
	return 0;
}

void st_nested_begin(struct hak_kind kind, unsigned int every, unsigned int acts)
{
	if (!core_begin)
		find_core();
	memset(&st_nested, 0, sizeof(st_nested));
	st_nested.every = every;
	st_nested.acts = acts;
	st_worker_init(&st_nested.worker, kind, 1000);
	st_worker_fill(&st_nested.worker);
	WRITE_ONCE(armed_cpu, smp_processor_id());
}

void st_nested_refill(void)
{
	int cpu = armed_cpu;

	WRITE_ONCE(armed_cpu, -1);
	st_worker_fill(&st_nested.worker);
	WRITE_ONCE(armed_cpu, cpu);
}

void st_nested_disarm(void)
{
	WRITE_ONCE(armed_cpu, -1);
}

void st_nested_end(struct st *t)
{
	st_nested_disarm();
	st_expect(t, st_nested.nmi + st_nested.task, "no probe was hit");
	st_worker_exit(t, &st_nested.worker, "nested");
}

int st_probe_add(struct st_probe *p, const char *symbol, void *func, unsigned int off)
{
	int err;

	memset(p, 0, sizeof(*p));
	p->kp.symbol_name = symbol;
	p->kp.addr = symbol ? NULL : func + off;
	p->kp.offset = symbol ? off : 0;
	p->kp.pre_handler = on_probe;
	err = register_kprobe(&p->kp);
	if (!err)
		p->func = (unsigned long)p->kp.addr - off;
	return err;
}
