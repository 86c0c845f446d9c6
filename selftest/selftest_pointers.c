// SPDX-License-Identifier: GPL-2.0
/*
 * Values that are no object of hakmem's: what a wild pointer looks like.
 *
 * Some of them pass for one of ours if a check leaves out a bit.  Of others the masked address
 * cannot even be read.
 */
#include "selftest/selftest.h"
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>
#if ST_HAS_PROBES
#include <asm/fixmap.h>
#endif

static int module_data;
static char bit_name[64][16];

static void add(struct st_pointers *ps, const char *name, const void *p)
{
	if (!WARN_ON_ONCE(ps->n == ST_POINTERS_MAX))
		ps->fp[ps->n++] = (struct st_pointer){ name, (void *)p };
}

static void add_value(struct st_pointers *ps, const char *name, unsigned long value)
{
	add(ps, name, (void *)value);
}

static bool add_allocated(struct st_pointers *ps)
{
	ps->vm = vmalloc(3 * PAGE_SIZE);
	ps->pages = (void *)__get_free_pages(GFP_KERNEL, 1);
	ps->compound = (void *)__get_free_pages(GFP_KERNEL | __GFP_COMP, 2);
	ps->percpu = alloc_percpu(int);
	if (!ps->vm || !ps->pages || !ps->compound || !ps->percpu)
		return false;
	add(ps, "vmalloc", ps->vm);
	add(ps, "vmalloc, second page", ps->vm + PAGE_SIZE);
	add(ps, "vmalloc, guard page", ps->vm + 3 * PAGE_SIZE);
	add(ps, "page", ps->pages);
	add(ps, "second page", ps->pages + PAGE_SIZE);
	add(ps, "inside a compound page", ps->compound + PAGE_SIZE);
	add(ps, "per-CPU variable", per_cpu_ptr(ps->percpu, 0));
	add(ps, "per-CPU handle", (void *)(unsigned long __force)ps->percpu);
	add(ps, "struct page", virt_to_page(ps->pages));
	return true;
}

static void add_kernel(struct st_pointers *ps)
{
	add(ps, "module text", st_pointers_create);
	add(ps, "module data", &module_data);
	add(ps, "module rodata", "a string of the module");
	add(ps, "kernel text", vfree);
	add(ps, "kernel data", &system_state);
	/* What is below it on the stack is this function's. */
	add(ps, "stack", &ps);
}

static void add_small(struct st_pointers *ps)
{
	add(ps, "ERR_PTR(-EINVAL)", ERR_PTR(-EINVAL));
	add(ps, "ERR_PTR(-4095)", ERR_PTR(-MAX_ERRNO));
	add_value(ps, "-1", -1UL);
	add_value(ps, "-8", -8UL);
	add_value(ps, "17", 17);
	add_value(ps, "24", 24);
	add_value(ps, "0x1000", 0x1000);
	add_value(ps, "0x3ff9", 0x3ff9);
	add_value(ps, "user text", 0x400000);
	add_value(ps, "the end of user space", TASK_SIZE - 8);
	if (current->mm)
		add_value(ps, "user stack, mapped", current->mm->start_stack & ~7UL);
	add_value(ps, "poison", 0xdead000000000100);
	add_value(ps, "LIST_POISON2", (unsigned long)LIST_POISON2);
	add_value(ps, "only bit 63", 1UL << 63);
	add_value(ps, "0x80000000deadbeef", 0x80000000deadbeefUL);
	add_value(ps, "0x80000000deadbef0", 0x80000000deadbef0UL);
	add_value(ps, "first non-canonical", 0x800000000000UL);
	add_value(ps, "last non-canonical", 0xffff7ffffffffff8UL);
}

/* The address of a live object with one bit wrong. */
static void add_flipped(struct st_pointers *ps, void *live)
{
	int bit;

	for (bit = 47; bit < 64; bit++) {
		snprintf(bit_name[bit], sizeof(bit_name[bit]), "bit %d flipped", bit);
		add_value(ps, bit_name[bit], (unsigned long)live ^ 1UL << bit);
	}
	/* Where memory lies in the lower half this is no near miss, but the object. */
	if ((unsigned long)live >> 32)
		add_value(ps, "upper half cleared", (u32)(unsigned long)live);
	add_value(ps, "upper half set", (unsigned long)live | 0xffffffffUL << 32);
}

#if ST_HAS_PROBES
static void add_arch(struct st_pointers *ps)
{
	unsigned long ram = (unsigned long)high_memory;
	unsigned long image = __pa(ps) - phys_base;

	add_value(ps, "direct map, end of RAM", ALIGN(ram, 1UL << HAK_SS_SHIFT) + 64);
	add_value(ps, "direct map, 1 TiB beyond RAM", ram + (1UL << 40));
	add_value(ps, "direct map, 32 GiB beyond RAM", ram + (1UL << 35));
	add_value(ps, "fixmap", fix_to_virt(0));
	add_value(ps, "start of the direct map", PAGE_OFFSET);
	add_value(ps, "start of vmalloc", VMALLOC_START);
	add_value(ps, "end of vmalloc", VMALLOC_END - 7);
	add_value(ps, "kernel image guard", __START_KERNEL_map);
	add_value(ps, "end of modules", MODULES_END - 8);
	/* Where the image's mapping goes on beyond the image, memory of kmalloc() has two names. */
	if (image < KERNEL_IMAGE_SIZE)
		add_value(ps, "kmalloc, by its other name", __START_KERNEL_map + image);
}
#else
static void add_arch(struct st_pointers *ps)
{
}
#endif

struct st_pointers *st_pointers_create(struct st *t, void *live)
{
	struct st_pointers *ps = kvzalloc(sizeof(*ps), GFP_KERNEL);

	if (!ps || !add_allocated(ps)) {
		st_fail(t, "no memory");
		st_pointers_destroy(ps);
		return NULL;
	}
	add_kernel(ps);
	add_small(ps);
	add_arch(ps);
	if (live)
		add_flipped(ps, live);
	return ps;
}

void st_pointers_destroy(struct st_pointers *ps)
{
	if (!ps)
		return;
	vfree(ps->vm);
	free_pages((unsigned long)ps->pages, 1);
	if (ps->compound)
		__free_pages(virt_to_page(ps->compound), 2);
	free_percpu(ps->percpu);
	kvfree(ps);
}
