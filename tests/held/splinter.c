// SPDX-License-Identifier: GPL-2.0
/*
 * Memory in splinters: pages that cannot move stand one in every 64 KiB.  So blocks of 32 KiB are
 * there, and larger ones are not.  Loading it takes all memory but @leave_mb and gives back the
 * others of those pages; unloading it gives back the rest.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Fragmented memory");

static unsigned int leave_mb = 4;
module_param(leave_mb, uint, 0444);
MODULE_PARM_DESC(leave_mb, "MiB of free memory that are left as they are");

#define EVERY 16UL

/* A page that is ours begins with the address of another. */
static void *pages;

/* Give back those of ours that are not the first of @every; how many stay. */
static unsigned long give(unsigned long every)
{
	void *page = pages, *next;
	unsigned long n = 0;

	for (pages = NULL; page; page = next) {
		next = *(void **)page;
		if (every && page_to_pfn(virt_to_page(page)) % every == 0) {
			*(void **)page = pages;
			pages = page;
			n++;
		} else {
			free_page((unsigned long)page);
		}
		cond_resched();
	}
	return n;
}

static int __init splinter_init(void)
{
	unsigned long leave = (unsigned long)leave_mb << (20 - PAGE_SHIFT);
	struct sysinfo si;
	void *page;

	for (si_meminfo(&si); si.freeram > leave; si_meminfo(&si)) {
		page = (void *)__get_free_page(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);
		if (!page)
			break;
		*(void **)page = pages;
		pages = page;
		cond_resched();
	}
	pr_info("splinter: %lu pages stay\n", give(EVERY));
	return pages ? 0 : -ENOMEM;
}

static void splinter_exit(void)
{
	give(0);
}

module_init(splinter_init);
module_exit(splinter_exit);
