/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Values that are no object of hakmem's: what a wild pointer looks like.
 *
 * Some of them pass for one of ours if a check leaves out a bit.  Of others the masked address
 * cannot even be read.  User space has other addresses: userspace-bench/unit/foreign.c.
 */
#ifndef _HAK_POINTERS_H
#define _HAK_POINTERS_H

#include "hak_objects.h"
#include "hak_region.h"
#include "port/kernel/hak_compat.h"
#include <linux/err.h>
#include <linux/sched/signal.h>
#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
#define HAK_POINTERS_X86 1
#include <asm/fixmap.h>
#else
#define HAK_POINTERS_X86 0
#endif

#define HAK_POINTERS_MAX 96

struct hak_pointers {
	unsigned int n;
	struct hak_pointer fp[HAK_POINTERS_MAX];
	void *vm, *pages, *compound;
	void __percpu *percpu;
};

static int hak_module_data;
static char hak_bit_name[64][16];

static inline void hak_pointers_add(struct hak_pointers *ps, const char *name, const void *p)
{
	if (!WARN_ON_ONCE(ps->n == HAK_POINTERS_MAX))
		ps->fp[ps->n++] = (struct hak_pointer){ name, p };
}

static inline void hak_pointers_value(struct hak_pointers *ps, const char *name,
				      unsigned long value)
{
	hak_pointers_add(ps, name, (void *)value);
}

/* All of a region: a smaller one might be where pages have left a SuperSlab. */
#define HAK_POINTERS_ORDER (HAK_SS_SHIFT - PAGE_SHIFT)

static inline bool hak_pointers_allocated(struct hak_pointers *ps)
{
	ps->vm = vmalloc(3 * PAGE_SIZE);
	ps->pages = (void *)__get_free_pages(GFP_KERNEL, HAK_POINTERS_ORDER);
	ps->compound = (void *)__get_free_pages(GFP_KERNEL | __GFP_COMP, HAK_POINTERS_ORDER);
	ps->percpu = alloc_percpu(int);
	if (!ps->vm || !ps->pages || !ps->compound || !ps->percpu)
		return false;
	hak_pointers_add(ps, "vmalloc", ps->vm);
	hak_pointers_add(ps, "vmalloc, second page", ps->vm + PAGE_SIZE);
	hak_pointers_add(ps, "vmalloc, guard page", ps->vm + 3 * PAGE_SIZE);
	hak_pointers_add(ps, "page", ps->pages);
	hak_pointers_add(ps, "second page", ps->pages + PAGE_SIZE);
	hak_pointers_add(ps, "inside a compound page", ps->compound + PAGE_SIZE);
	/* Where this cannot be told from kmalloc() memory, kfree() would get it. */
	if (HAK_TELLS_LARGE_KMALLOC)
		hak_pointers_add(ps, "compound page", ps->compound);
	hak_pointers_add(ps, "per-CPU variable", per_cpu_ptr(ps->percpu, 0));
	hak_pointers_add(ps, "per-CPU handle", (void *)(unsigned long __force)ps->percpu);
	hak_pointers_add(ps, "struct page", virt_to_page(ps->pages));
	return true;
}

static inline void hak_pointers_kernel(struct hak_pointers *ps)
{
	hak_pointers_add(ps, "module text", hak_pointers_kernel);
	hak_pointers_add(ps, "module data", &hak_module_data);
	hak_pointers_add(ps, "module rodata", "a string of the module");
	hak_pointers_add(ps, "kernel text", vfree);
	hak_pointers_add(ps, "kernel data", &system_state);
	/* What is below it on the stack is this function's.  User-Mode Linux has it in pages. */
	if (hak_region_is_foreign(&ps))
		hak_pointers_add(ps, "stack", &ps);
}

static inline void hak_pointers_small(struct hak_pointers *ps)
{
	hak_pointers_add(ps, "ERR_PTR(-EINVAL)", ERR_PTR(-EINVAL));
	hak_pointers_add(ps, "ERR_PTR(-4095)", ERR_PTR(-MAX_ERRNO));
	hak_pointers_value(ps, "-1", -1UL);
	hak_pointers_value(ps, "-8", -8UL);
	hak_pointers_value(ps, "17", 17);
	hak_pointers_value(ps, "24", 24);
	hak_pointers_value(ps, "0x1000", 0x1000);
	hak_pointers_value(ps, "0x3ff9", 0x3ff9);
	hak_pointers_value(ps, "user text", 0x400000);
	hak_pointers_value(ps, "user stack", 0x7fffffffe000UL);
	hak_pointers_value(ps, "the end of user space", TASK_SIZE - 8);
	if (current->mm)
		hak_pointers_value(ps, "user stack, mapped", current->mm->start_stack & ~7UL);
	hak_pointers_value(ps, "poison", 0xdead000000000100);
	hak_pointers_value(ps, "LIST_POISON2", (unsigned long)LIST_POISON2);
	hak_pointers_value(ps, "only bit 63", 1UL << 63);
	hak_pointers_value(ps, "0x80000000deadbeef", 0x80000000deadbeefUL);
	hak_pointers_value(ps, "0x80000000deadbef0", 0x80000000deadbef0UL);
	hak_pointers_value(ps, "first non-canonical", 0x800000000000UL);
	hak_pointers_value(ps, "last non-canonical", 0xffff7ffffffffff8UL);
}

/* The address of a live object with one bit wrong. */
static inline void hak_pointers_flipped(struct hak_pointers *ps, const void *live)
{
	int bit;

	for (bit = 47; bit < 64; bit++) {
		snprintf(hak_bit_name[bit], sizeof(hak_bit_name[bit]), "bit %d flipped", bit);
		hak_pointers_value(ps, hak_bit_name[bit], (unsigned long)live ^ 1UL << bit);
	}
	/* Where memory lies in the lower half this is no near miss, but the object. */
	if ((unsigned long)live >> 32)
		hak_pointers_value(ps, "upper half cleared", (u32)(unsigned long)live);
	hak_pointers_value(ps, "upper half set", (unsigned long)live | 0xffffffffUL << 32);
}

#if HAK_POINTERS_X86
static inline void hak_pointers_arch(struct hak_pointers *ps)
{
	unsigned long ram = (unsigned long)high_memory;
	unsigned long image = __pa(ps) - phys_base;

	hak_pointers_value(ps, "direct map, end of RAM", ALIGN(ram, 1UL << HAK_SS_SHIFT) + 64);
	hak_pointers_value(ps, "direct map, 1 TiB beyond RAM", ram + (1UL << 40));
	hak_pointers_value(ps, "direct map, 32 GiB beyond RAM", ram + (1UL << 35));
	hak_pointers_value(ps, "fixmap", fix_to_virt(0));
	hak_pointers_value(ps, "start of the direct map", PAGE_OFFSET);
	hak_pointers_value(ps, "start of vmalloc", VMALLOC_START);
	hak_pointers_value(ps, "end of vmalloc", VMALLOC_END - 7);
	hak_pointers_value(ps, "kernel image guard", __START_KERNEL_map);
	hak_pointers_value(ps, "end of modules", MODULES_END - 8);
	/* Where the image's mapping goes on beyond the image, memory of kmalloc() has two names. */
	if (image < KERNEL_IMAGE_SIZE)
		hak_pointers_value(ps, "kmalloc, by its other name", __START_KERNEL_map + image);
}
#else
static inline void hak_pointers_arch(struct hak_pointers *ps)
{
}
#endif

static inline void hak_pointers_destroy(void *pointers)
{
	struct hak_pointers *ps = pointers;

	if (!ps)
		return;
	vfree(ps->vm);
	free_pages((unsigned long)ps->pages, HAK_POINTERS_ORDER);
	if (ps->compound)
		__free_pages(virt_to_page(ps->compound), HAK_POINTERS_ORDER);
	free_percpu(ps->percpu);
	kvfree(ps);
}

/* @live: a live object, from which near misses are made, or NULL. NULL if there is no memory. */
static inline struct hak_pointers *hak_pointers_create(const void *live)
{
	struct hak_pointers *ps = kvzalloc(sizeof(*ps), GFP_KERNEL);

	if (!ps || !hak_pointers_allocated(ps)) {
		hak_pointers_destroy(ps);
		return NULL;
	}
	hak_pointers_kernel(ps);
	hak_pointers_small(ps);
	hak_pointers_arch(ps);
	if (live)
		hak_pointers_flipped(ps, live);
	return ps;
}

#endif /* _HAK_POINTERS_H */
