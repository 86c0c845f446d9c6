// SPDX-License-Identifier: GPL-2.0
/* The byte code in the kernel: what the machine asks of its surroundings. */
#include "kunit/lib/hak_region.h"
#include "port/kernel/hak_timer.h"
#include "torture/torture_code_impl.h"
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

static cpumask_var_t home;		/* where the writer may run */
static void *vmalloc_page, *odd_page;

void code_env_begin(void)
{
	cpumask_copy(home, current->cpus_ptr);
}

void code_env_end(void)
{
	set_cpus_allowed_ptr(current, home);
}

/* A running operation, on its way to another context. */
struct call {
	void (*op)(u8 how);
	u8 how;
	struct tasklet_struct tasklet;
	struct hrtimer timer;
	struct completion fired;
};

static void softirq_fn(struct tasklet_struct *tasklet)
{
	struct call *call = container_of(tasklet, struct call, tasklet);

	MUST(in_serving_softirq() && !in_hardirq());
	call->op(call->how);
}

static enum hrtimer_restart hardirq_fn(struct hrtimer *timer)
{
	struct call *call = container_of(timer, struct call, timer);

	MUST(in_hardirq() && irqs_disabled());
	call->op(call->how);
	complete(&call->fired);
	return HRTIMER_NORESTART;
}

static void run_softirq(struct call *call)
{
	tasklet_setup(&call->tasklet, softirq_fn);
	/* It runs when bottom halves are on again, or at the latest in ksoftirqd. */
	local_bh_disable();
	tasklet_schedule(&call->tasklet);
	local_bh_enable();
	tasklet_kill(&call->tasklet);
}

static void run_hardirq(struct call *call)
{
	init_completion(&call->fired);
	hak_hrtimer_setup(&call->timer, hardirq_fn);
	hrtimer_start(&call->timer, ns_to_ktime(1000), HAK_HRTIMER_MODE);
	wait_for_completion(&call->fired);
	/* It completes before its handler returns. */
	hrtimer_cancel(&call->timer);
	destroy_hrtimer_on_stack(&call->timer);
}

static void run_irqs_off(struct call *call)
{
	unsigned long flags;

	local_irq_save(flags);
	call->op(call->how);
	local_irq_restore(flags);
}

/* Large memory and reserves are kmalloc()'s, which PREEMPT_RT allows no interrupt. */
void code_env_run(enum code_context where, void (*op)(u8 how), u8 how)
{
	struct call call = { .op = op, .how = how };

	if (IS_ENABLED(CONFIG_PREEMPT_RT) && (where == CODE_IRQS_OFF || where == CODE_HARDIRQ))
		where = CODE_BH_OFF;
	if (where == CODE_BH_OFF) {
		local_bh_disable();
		op(how);
		local_bh_enable();
	} else if (where == CODE_IRQS_OFF) {
		run_irqs_off(&call);
	} else if (where == CODE_SOFTIRQ) {
		run_softirq(&call);
	} else if (where == CODE_HARDIRQ) {
		run_hardirq(&call);
	} else {
		op(how);
	}
}

void code_env_hop(u8 to)
{
	unsigned int cpu = cpumask_first(cpu_online_mask), n = to % num_online_cpus();

	while (n-- && cpu < nr_cpu_ids)
		cpu = cpumask_next(cpu, cpu_online_mask);
	if (cpu < nr_cpu_ids)
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
}

void code_env_reclaim(u8 how)
{
	hak_shrink_all();
}

#ifdef CONFIG_FAULT_INJECTION
/* Only what the task itself allocates fails, and only where failslab and its like are set up. */
bool code_env_fail(u8 nth)
{
	if (in_task())
		current->fail_nth = nth;
	return nth;
}
#else
bool code_env_fail(u8 nth)
{
	return false;
}
#endif

void *code_env_node(struct hak_cache *c, u32 size, gfp_t gfp, u8 how)
{
	int node = how & 64 ? NUMA_NO_NODE : how & 128 ? first_online_node : numa_mem_id();

	return c ? hak_cache_alloc_node(c, gfp, node) : hak_alloc_node(size, gfp, node);
}

void code_env_nested(void (*op)(u8 how), u8 how)
{
	op(how);
}

/* While a reader is inside, what waits goes on waiting, and is nobody else's to have. */
unsigned int code_env_free_rcu(void *p, u32 head, bool twice)
{
	u64 before;

	rcu_read_lock();
	before = READ_ONCE(*(u64 *)p);
	__hak_free_rcu(p + head, p);
	if (twice)
		__hak_free_rcu(p + head, p);
	MUST(!head || READ_ONCE(*(u64 *)p) == before);
	rcu_read_unlock();
	return twice;
}

void code_env_rcu_barrier(void)
{
	hak_rcu_barrier();
}

void code_env_bad(u64 counted[CODE_BAD_KINDS])
{
	u64 v[HAK_NR_STATS];

	hak_stats_read(v);
	memcpy(counted, v + CODE_BAD_FIRST, CODE_BAD_KINDS * sizeof(*counted));
}

/*
 * Never what kfree() would take: a slab object of the kernel's is its owner's, and cannot be
 * told from large memory of our own.  Nor what may lie in a page that has left a SuperSlab.
 */
void *code_env_foreign(unsigned long v, u8 how, enum hak_stat *which)
{
	const void *const known[] = {
		(void *)17, ERR_PTR(-ENOMEM), (void *)0x800000000000, (void *)-8L, &v, known,
		code_env_foreign, &home, vmalloc_page, vmalloc_page + 8, odd_page,
		odd_page + 64, (void *)PAGE_OFFSET, (void *)TASK_SIZE, &init_task,
	};
	const void *p = how & 4 ? known[v % ARRAY_SIZE(known)] : (void *)v;

	*which = HAK_STAT_bad_free_foreign;
	if (virt_addr_valid(p) && !(how & 4 && hak_region_is_foreign(p)))
		return NULL;
	return (void *)p;
}

enum hak_stat code_env_gone(const void *p)
{
	return HAK_NR_STATS;
}

int code_env_init(void)
{
	vmalloc_page = vmalloc(PAGE_SIZE);
	odd_page = (void *)__get_free_page(GFP_KERNEL);
	return vmalloc_page && odd_page && alloc_cpumask_var(&home, GFP_KERNEL) ? 0 : -ENOMEM;
}

void code_env_exit(void)
{
	free_cpumask_var(home);
	free_page((unsigned long)odd_page);
	vfree(vmalloc_page);
}
