// SPDX-License-Identifier: GPL-2.0
/*
 * What the malloc family tells of itself, and what it is told: mallinfo(), malloc_info(),
 * malloc_stats(), malloc_trim() and mallopt().
 *
 * A program has two allocators, hakmem and the next one.  So each answer is of both.  The next
 * one's part is asked for first and added to.  Who sums up fields, or reads the text, finds what
 * the C library would say of all of it.
 *
 * The figures are exact while nobody allocates.  What magazines and depots hold counts as free.
 */
#include <malloc.h>
#include <unistd.h>

#include "malloc/hak_run.h"
#include "malloc/hak_user.h"

/* What hakmem has from the system, in bytes, and what of it is in use. */
struct own {
	size_t held, held_most, live, free, nr_free, idle;
};

static size_t held_most;		/* as far as somebody has looked */

static void own_add(struct own *o, struct hak_core *core)
{
	struct hak_pool_info info;
	unsigned long live;

	hak_pool_info(&core->pool, &info);
	live = info.objects - info.free - hak_core_cached(core);
	/* Others may be busy. */
	if (live > info.objects)
		return;
	o->live += live * core->pool.stride;
	o->nr_free += info.objects - live;
	o->idle += hak_pool_idle(&core->pool);
}

static void own_look(struct own *o)
{
	struct hak_run_stats runs;
	struct hak_core *core;
	bool borrowed;

	memset(o, 0, sizeof(*o));
	if (!hak_user_serves())
		return;
	borrowed = shim_enter();
	mutex_lock(&hak_caches_lock);
	list_for_each_entry(core, &hak_caches, list)
		own_add(o, core);
	mutex_unlock(&hak_caches_lock);
	shim_leave(borrowed);
	hak_run_stats(&runs);
	o->live += runs.used * PAGE_SIZE;
	o->held = hak_user_held() * PAGE_SIZE;
	o->live = min(o->live, o->held);
	o->free = o->held - o->live;
	if (o->held > READ_ONCE(held_most))
		WRITE_ONCE(held_most, o->held);
	o->held_most = READ_ONCE(held_most);
}

HAK_PUBLIC struct mallinfo2 mallinfo2(void)
{
	struct mallinfo2 m = { 0 };
	struct own o;

	own_look(&o);
	if (shim_next.mallinfo2)
		m = shim_next.mallinfo2();
	m.arena += o.held;
	m.ordblks += o.nr_free;
	m.uordblks += o.live;
	m.fordblks += o.free;
	m.keepcost += o.idle;
	return m;
}

/* The same, as far as an int goes. */
HAK_PUBLIC struct mallinfo mallinfo(void)
{
	struct mallinfo2 m = mallinfo2();

	return (struct mallinfo){ m.arena, m.ordblks, m.smblks, m.hblks, m.hblkhd, m.usmblks,
				  m.fsmblks, m.uordblks, m.fordblks, m.keepcost };
}

HAK_PUBLIC void malloc_stats(void)
{
	struct mallinfo2 m = mallinfo2();
	struct own o;

	if (shim_next.stats)
		shim_next.stats();
	own_look(&o);
	dprintf(STDERR_FILENO, "hakmem:\nsystem bytes     = %10zu\nin use bytes     = %10zu\n"
		"Total (all of both, incl. mmap):\nsystem bytes     = %10zu\n"
		"in use bytes     = %10zu\n", o.held, o.live, m.arena + m.hblkhd,
		m.uordblks + m.hblkhd);
}

/* hakmem as one more heap, of the elements that the others have. */
static void info_heap(FILE *to, const struct own *o)
{
	fprintf(to, "<heap nr=\"hakmem\">\n<sizes>\n</sizes>\n"
		"<total type=\"fast\" count=\"0\" size=\"0\"/>\n"
		"<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n"
		"<system type=\"current\" size=\"%zu\"/>\n<system type=\"max\" size=\"%zu\"/>\n"
		"<aspace type=\"total\" size=\"%zu\"/>\n<aspace type=\"mprotect\" size=\"%zu\"/>\n"
		"</heap>\n", o->nr_free, o->free, o->held, o->held_most, o->held, o->held);
}

/* A line of the sums over all heaps: with ours, if it is one of these. */
static void info_sum(FILE *to, const char *line, const struct own *o)
{
	size_t count, size;
	char what[16];

	if (sscanf(line, "<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>", &count, &size) == 2)
		fprintf(to, "<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n",
			count + o->nr_free, size + o->free);
	else if (sscanf(line, "<system type=\"%15[a-z]\" size=\"%zu\"/>", what, &size) == 2)
		fprintf(to, "<system type=\"%s\" size=\"%zu\"/>\n", what,
			size + (strcmp(what, "max") ? o->held : o->held_most));
	else if (sscanf(line, "<aspace type=\"%15[a-z]\" size=\"%zu\"/>", what, &size) == 2)
		fprintf(to, "<aspace type=\"%s\" size=\"%zu\"/>\n", what, size + o->held);
	else
		fputs(line, to);
}

/* The text at @from, and hakmem behind the last of its heaps. */
static void info_copy(FILE *to, FILE *from, const struct own *o)
{
	bool heap = false, told = false;
	char line[256];

	while (fgets(line, sizeof(line), from)) {
		heap |= !strncmp(line, "<heap", 5);
		if (!heap && !told && strncmp(line, "<malloc", 7)) {
			info_heap(to, o);
			told = true;
		}
		if (heap || !told)
			fputs(line, to);
		else
			info_sum(to, line, o);
		heap &= !!strncmp(line, "</heap", 6);
	}
}

HAK_PUBLIC int malloc_info(int options, FILE *to)
{
	size_t bytes;
	char *text;
	struct own o;
	FILE *store;
	int err;

	if (!hak_user_serves() || !shim_next.info)
		return shim_next.info ? shim_next.info(options, to) : EINVAL;
	own_look(&o);
	store = open_memstream(&text, &bytes);
	if (!store)
		return ENOMEM;
	err = shim_next.info(options, store);
	fclose(store);
	store = err ? NULL : fmemopen(text, bytes, "r");
	if (store) {
		info_copy(to, store, &o);
		fclose(store);
	}
	free(text);
	return err;
}

HAK_PUBLIC int malloc_trim(size_t pad)
{
	unsigned long before = hak_user_held();
	bool borrowed, next;

	if (!hak_user_start())
		return 0;
	next = shim_next.trim && shim_next.trim(pad);
	if (!hak_user_serves())
		return next;
	borrowed = shim_enter();
	hak_user_trim();
	shim_leave(borrowed);
	return hak_user_held() < before || next;
}

/* What is said of chunks, arenas and mappings is the next one's alone. */
HAK_PUBLIC int mallopt(int what, int value)
{
	int done;

	if (!hak_user_start())
		return 0;
	done = shim_next.mallopt ? shim_next.mallopt(what, value) : 1;
	if (what == M_PERTURB && done && hak_user_serves())
		hak_user_set_perturb(value & UCHAR_MAX);
	return done;
}
