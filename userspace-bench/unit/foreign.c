// SPDX-License-Identifier: GPL-2.0
/* Pointers that are foreign to a user-space hakmem: the twin of kunit/lib/hak_pointers.h. */
#include <sys/mman.h>

#include "kunit/hak_kunit.h"

static int program_data;
static __thread int thread_data;

static void foreign_unmap(void *p)
{
	munmap(p, 3 * PAGE_SIZE);
}

/* A page of data, one that may not be touched, and a hole; gone when the case ends. */
static char *foreign_map(struct kunit *test)
{
	char *p = mmap(NULL, 3 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	KUNIT_ASSERT_TRUE(test, p != MAP_FAILED);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, foreign_unmap, p), 0);
	KUNIT_ASSERT_EQ(test, mprotect(p + PAGE_SIZE, PAGE_SIZE, PROT_NONE), 0);
	KUNIT_ASSERT_EQ(test, munmap(p + 2 * PAGE_SIZE, PAGE_SIZE), 0);
	return p;
}

const struct hak_pointer *hak_kunit_foreign(struct kunit *test, const void *live,
					    unsigned int *n)
{
	char *map = foreign_map(test), *heap = kunit_kzalloc(test, 64, GFP_KERNEL);
	const struct hak_pointer all[] = {
		{ "17", (void *)17 },
		{ "0x3ff9", (void *)0x3ff9 },
		{ "0x1000", (void *)0x1000 },
		{ "ERR_PTR(-EINVAL)", ERR_PTR(-EINVAL) },
		{ "ERR_PTR(-4095)", ERR_PTR(-MAX_ERRNO) },
		{ "-1", (void *)-1L },
		{ "-8", (void *)-8L },
		{ "first non-canonical", (void *)0x800000000000 },
		{ "poison", (void *)0xdead000000000100 },
		{ "last non-canonical", (void *)0xffff7ffffffffff8 },
		{ "kernel half", (void *)0xffff888000000000 },
		{ "program text", hak_kunit_foreign },
		{ "program data", &program_data },
		{ "program rodata", "program rodata" },
		{ "thread data", &thread_data },
		{ "library text", free },
		{ "stack", &all },
		{ "heap of the next allocator, unknown to hakmem", heap },
		{ "inside that", heap + 24 },
		{ "mapping", map },
		{ "page that may not be touched", map + PAGE_SIZE },
		{ "hole", map + 2 * PAGE_SIZE },
		{ "a CPU's slot", shim_cpu[shim_cpu_nr].base + HAK_TAG_BITS },
		{ "before the arena", shim_arena - 8 },
		{ "arena, where no SuperSlab is", shim_arena + SHIM_SS_BYTES - 2 * HAK_SS_SIZE },
		{ "arena, where no small block is",
		  shim_arena + SHIM_SS_BYTES + SHIM_SMALL_BYTES - PAGE_SIZE },
		{ "behind the arena", shim_arena + SHIM_SS_BYTES + SHIM_SMALL_BYTES },
	};

	struct hak_pointer *fp = kunit_kcalloc(test, ARRAY_SIZE(all), sizeof(*fp), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fp);
	memcpy(fp, all, sizeof(all));
	*n = ARRAY_SIZE(all);
	return fp;
}
