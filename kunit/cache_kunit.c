// SPDX-License-Identifier: GPL-2.0
/* Suite hakmem_cache: what may be created, and what an object of it is like. */
#include "kunit/hak_kunit.h"

static void refused(struct kunit *test, const char *why, const char *name, unsigned int size,
		    struct hak_cache_args *args, slab_flags_t flags)
{
	struct hak_cache *c = hak_cache_create(name, size, args, flags);

	KUNIT_EXPECT_NULL_MSG(test, c, "%s", why);
	hak_cache_destroy(c);
}

static void accepted(struct kunit *test, const char *why, const char *name, unsigned int size,
		     struct hak_cache_args *args, slab_flags_t flags)
{
	struct hak_cache *c = hak_cache_create(name, size, args, flags);
	void *p;

	KUNIT_ASSERT_NOT_NULL_MSG(test, c, "%s", why);
	KUNIT_EXPECT_EQ_MSG(test, strcmp(cache_core(c)->name, name), 0, "%s", why);
	p = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL_MSG(test, p, "%s", why);
	if (p) {
		KUNIT_EXPECT_EQ_MSG(test, hak_usable_size(p), size, "%s", why);
		memset(p, 0x3c, size);
		hak_cache_free(c, p);
	}
	hak_cache_destroy(c);
}

static void hak_cache_create_bad_size_is_refused(struct kunit *test)
{
	refused(test, "size 0", "kunit", 0, NULL, 0);
	refused(test, "size 8193", "kunit", HAK_CACHE_MAX_SIZE + 1, NULL, 0);
	refused(test, "size UINT_MAX", "kunit", UINT_MAX, NULL, 0);
	accepted(test, "size 1", "kunit", 1, NULL, 0);
	accepted(test, "size 8192", "kunit", HAK_CACHE_MAX_SIZE, NULL, 0);
}

static void hak_cache_create_bad_name_is_refused(struct kunit *test)
{
	refused(test, "no name", NULL, 64, NULL, 0);
	refused(test, "empty name", "", 64, NULL, 0);
	refused(test, "name of 32", "12345678901234567890123456789012", 64, NULL, 0);
	refused(test, "a blank", "two words", 64, NULL, 0);
	refused(test, "a blank for a name", " ", 64, NULL, 0);
	refused(test, "a tabulator", "kunit\t", 64, NULL, 0);
	refused(test, "a second line", "kunit\nhak-8", 64, NULL, 0);
	refused(test, "an escape sequence", "\033[2J", 64, NULL, 0);
	refused(test, "a deleted character", "kunit\177", 64, NULL, 0);
	accepted(test, "name in UTF-8", "\303\251t\303\251", 64, NULL, 0);
	accepted(test, "name of 31", "1234567890123456789012345678901", 64, NULL, 0);
	accepted(test, "name of 1", "k", 64, NULL, 0);
}

static void hak_cache_create_bad_align_is_refused(struct kunit *test)
{
	struct hak_cache_args args = { .align = 24 };

	refused(test, "align 24", "kunit", 64, &args, 0);
	args.align = 3;
	refused(test, "align 3", "kunit", 64, &args, 0);
	args.align = 2 * PAGE_SIZE;
	refused(test, "align of two pages", "kunit", 64, &args, 0);
	args.align = 1U << 31;
	refused(test, "align of 2 GiB", "kunit", 64, &args, 0);
	args.align = PAGE_SIZE;
	accepted(test, "align of a page", "kunit", 64, &args, 0);
	args.align = 1;
	accepted(test, "align 1", "kunit", 64, &args, 0);
}

static void hak_cache_create_what_a_module_cannot_is_refused(struct kunit *test)
{
	struct hak_cache_args args = { .usersize = 8 };

	refused(test, "usercopy window", "kunit", 64, &args, 0);
	args = (struct hak_cache_args){ .useroffset = 8 };
	refused(test, "usercopy offset", "kunit", 64, &args, 0);
	args = (struct hak_cache_args){ .hardened = HAK_HARDENED_OFF + 1 };
	refused(test, "unknown hardening", "kunit", 64, &args, 0);
	if (SLAB_ACCOUNT)
		refused(test, "SLAB_ACCOUNT", "kunit", 64, NULL, SLAB_ACCOUNT);
	refused(test, "SLAB_CACHE_DMA", "kunit", 64, NULL, SLAB_CACHE_DMA);
	refused(test, "SLAB_CACHE_DMA32", "kunit", 64, NULL, SLAB_CACHE_DMA32);
	args = (struct hak_cache_args){ };
	accepted(test, "no wishes", "kunit", 64, &args, 0);
}

/* Hundreds of each size: of what was asked for, not in each other's way, and all given back. */
static void hak_cache_of_each_size_serves_and_shrinks(struct kunit *test)
{
	static const u16 sizes[] = { 1, 8, 9, 100, 1024, 1025, 4096, HAK_CACHE_MAX_SIZE };
	static void *p[300];
	struct hak_cache *c;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		c = hak_cache_create("kunit-size", sizes[i], NULL, 0);
		KUNIT_ASSERT_NOT_NULL(test, c);
		for (k = 0; k < ARRAY_SIZE(p); k++) {
			p[k] = hak_cache_alloc(c, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, p[k]);
			KUNIT_EXPECT_EQ(test, hak_usable_size(p[k]), sizes[i]);
			memset(p[k], k % 251, sizes[i]);
		}
		for (k = 0; k < ARRAY_SIZE(p); k++) {
			KUNIT_EXPECT_NULL_MSG(test, memchr_inv(p[k], k % 251, sizes[i]),
					      "%u bytes", sizes[i]);
			hak_free(p[k]);
		}
		KUNIT_EXPECT_TRUE(test, hak_distinct(p, ARRAY_SIZE(p)));
		KUNIT_EXPECT_EQ_MSG(test, hak_cache_shrink(c), 0, "%u bytes", sizes[i]);
		hak_cache_destroy(c);
	}
}

static void hak_cache_destroy_null_is_nothing(struct kunit *test)
{
	u64 leaked = hak_kunit_stat(HAK_STAT_leaked_objects);

	hak_cache_destroy(NULL);
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_leaked_objects), leaked);
}

static void many_are_aligned(struct kunit *test, struct hak_cache *c, unsigned long align)
{
	void *p[70];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 70, p), 70);
	for (i = 0; i < 70; i++)
		KUNIT_EXPECT_TRUE_MSG(test, IS_ALIGNED((unsigned long)p[i], align),
				      "%px to %lu", p[i], align);
	KUNIT_EXPECT_TRUE(test, hak_distinct(p, 70));
	hak_cache_free_bulk(c, 70, p);
}

static void hak_cache_alloc_honours_align(struct kunit *test)
{
	struct hak_cache_args args = { };
	struct hak_cache *c;

	for (args.align = 1; args.align <= PAGE_SIZE; args.align *= 2) {
		c = hak_cache_create("kunit-align", 24, &args, 0);
		KUNIT_ASSERT_NOT_NULL(test, c);
		many_are_aligned(test, c, max(args.align, 8U));
		hak_cache_destroy(c);
	}
	c = hak_cache_create("kunit-line", 200, NULL, SLAB_HWCACHE_ALIGN);
	KUNIT_ASSERT_NOT_NULL(test, c);
	many_are_aligned(test, c, cache_line_size());
	hak_cache_destroy(c);
}

static void hak_cache_zalloc_honours_align(struct kunit *test)
{
	struct hak_cache_args args = { };
	unsigned int i;
	void *p[40];

	for (args.align = 8; args.align <= PAGE_SIZE; args.align *= 2) {
		struct hak_cache *c = hak_cache_create("kunit-zalign", 40, &args, 0);

		KUNIT_ASSERT_NOT_NULL(test, c);
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			p[i] = hak_cache_zalloc(c, GFP_KERNEL);
			KUNIT_EXPECT_NOT_NULL(test, p[i]);
			KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p[i], args.align));
		}
		hak_cache_free_bulk(c, ARRAY_SIZE(p), p);
		hak_cache_destroy(c);
	}
}

static void hak_cache_zalloc_is_zero(struct kunit *test)
{
	static const unsigned int sizes[] = { 1, 7, 8, 9, 24, 200, 8192 };
	struct hak_cache *c;
	unsigned int i;
	void *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		c = hak_cache_create("kunit-zero", sizes[i], NULL, 0);
		KUNIT_ASSERT_NOT_NULL(test, c);
		p = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		memset(p, 0xff, sizes[i]);
		hak_cache_free(c, p);
		p = hak_cache_zalloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_NULL_MSG(test, memchr_inv(p, 0, sizes[i]), "size %u", sizes[i]);
		hak_cache_free(c, p);
		hak_cache_destroy(c);
	}
}

static void hak_cache_alloc_bulk_limits_are_kept(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-limit", 16, NULL, 0);
	void **p = kvcalloc(HAK_BULK_MAX + 1, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 0, p), 0);
	KUNIT_EXPECT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, HAK_BULK_MAX + 1, p), 0);
	KUNIT_EXPECT_EQ(test, hak_alloc_bulk(16, GFP_KERNEL, 0, p), 0);
	KUNIT_EXPECT_EQ(test, hak_alloc_bulk(16, GFP_KERNEL, HAK_BULK_MAX + 1, p), 0);
	KUNIT_EXPECT_EQ(test, hak_alloc_bulk(16, GFP_KERNEL, UINT_MAX, p), 0);
	KUNIT_EXPECT_NULL(test, p[0]);
	KUNIT_EXPECT_EQ(test, hak_audit(0), 0);
	KUNIT_EXPECT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, HAK_BULK_MAX, p),
			HAK_BULK_MAX);
	KUNIT_EXPECT_EQ(test, hak_audit(HAK_BULK_MAX), 0);
	KUNIT_EXPECT_TRUE(test, hak_distinct(p, HAK_BULK_MAX));
	hak_cache_free_bulk(c, 0, p);
	hak_free_bulk(0, p);
	KUNIT_EXPECT_EQ(test, hak_audit(HAK_BULK_MAX), 0);
	hak_cache_free_bulk(c, HAK_BULK_MAX, p);
	kvfree(p);
}

/* Around a magazine and far beyond, with a hole among what is freed. */
static void hak_alloc_bulk_gives_all(struct kunit *test)
{
	static const unsigned int counts[] = { 1, 8, 63, 64, 65, 300, HAK_BULK_MAX };
	u64 **p = kunit_kcalloc(test, HAK_BULK_MAX, sizeof(*p), GFP_KERNEL);
	unsigned int i, k, n;

	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		n = counts[i];
		KUNIT_ASSERT_EQ(test, hak_alloc_bulk(96, GFP_KERNEL, n, (void **)p), n);
		for (k = 0; k < n; k++) {
			p[k][0] = k;
			p[k][11] = k;
		}
		for (k = 0; k < n; k++)
			KUNIT_EXPECT_TRUE_MSG(test, p[k][0] == k && p[k][11] == k,
					      "doubled among %u", n);
		KUNIT_EXPECT_EQ(test, hak_audit(n), 0);
		if (n > 2) {
			hak_free(p[n / 2]);
			p[n / 2] = NULL;
		}
		hak_free_bulk(n, (void **)p);
		KUNIT_EXPECT_EQ(test, hak_audit(0), 0);
	}
}

/* As a probe inside the core would find it: no lock may be waited for. */
static void nested_enter(void)
{
	local_irq_disable();
	__this_cpu_inc(hak_busy);
}

static void nested_leave(void)
{
	__this_cpu_dec(hak_busy);
	local_irq_enable();
}

static void hak_cache_alloc_bulk_that_fails_takes_nothing(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-all", 64, NULL, 0);
	void *p[200], *q;
	unsigned int got;

	q = hak_cache_alloc(c, GFP_KERNEL);
	nested_enter();
	got = hak_cache_alloc_bulk(c, GFP_NOWAIT, 200, p);
	nested_leave();
	KUNIT_EXPECT_EQ(test, got, 0);
	/* What was taken came back through the list of deferred frees. */
	KUNIT_EXPECT_EQ(test, hak_audit(1), 0);
	hak_cache_free(c, q);
}

static void hak_cache_calls_nested_in_the_core_lose_nothing(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-nested", 64, NULL, 0);
	u64 deferred = hak_kunit_stat(HAK_STAT_free_nmi);
	void *p[200], *q = NULL;
	unsigned int i, n = 200;

	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, n, p), n);
	nested_enter();
	for (i = 0; i < n; i++)
		hak_cache_free(c, p[i]);
	for (i = 0; i < n; i++) {
		q = hak_cache_alloc(c, GFP_NOWAIT);
		if (!q)
			break;
		p[i] = q;
	}
	nested_leave();
	KUNIT_EXPECT_NULL_MSG(test, q, "an empty magazine is not refilled");
	KUNIT_EXPECT_GT(test, hak_kunit_stat(HAK_STAT_free_nmi), deferred);
	KUNIT_EXPECT_EQ(test, hak_audit(i), 0);
	hak_cache_free_bulk(c, i, p);
}

static void hak_alloc_bulk_mixed_sizes_are_freed_by_any_bulk(struct kunit *test)
{
	struct hak_cache *c = hak_kunit_cache(test, "kunit-mixed", 48, NULL, 0);
	void *p[90];
	unsigned int i;

	for (i = 0; i < 90; i++)
		p[i] = i % 9 == 0 ? NULL :
		       i % 9 == 1 ? hak_cache_alloc(c, GFP_KERNEL) :
		       i % 9 == 2 ? hak_alloc(5000, GFP_KERNEL) :
		       i % 9 == 3 ? ZERO_SIZE_PTR : hak_alloc(8 + i * 11, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, hak_audit(60), 0);
	hak_free_bulk(90, p);
	KUNIT_EXPECT_EQ(test, hak_audit(0), 0);
	KUNIT_EXPECT_EQ(test, hak_alloc_bulk(3000, GFP_KERNEL, 5, p), 5);
	KUNIT_EXPECT_FALSE(test, hak_owns(p[4]));
	hak_free_bulk(5, p);
	KUNIT_EXPECT_EQ(test, hak_alloc_bulk(0, GFP_KERNEL, 5, p), 5);
	KUNIT_EXPECT_PTR_EQ(test, p[4], ZERO_SIZE_PTR);
	hak_free_bulk(5, p);
}

static struct kunit_case cache_cases[] = {
	KUNIT_CASE(hak_cache_create_bad_size_is_refused),
	KUNIT_CASE(hak_cache_create_bad_name_is_refused),
	KUNIT_CASE(hak_cache_create_bad_align_is_refused),
	KUNIT_CASE(hak_cache_create_what_a_module_cannot_is_refused),
	KUNIT_CASE(hak_cache_of_each_size_serves_and_shrinks),
	KUNIT_CASE(hak_cache_destroy_null_is_nothing),
	KUNIT_CASE(hak_cache_alloc_honours_align),
	KUNIT_CASE(hak_cache_zalloc_honours_align),
	KUNIT_CASE(hak_cache_zalloc_is_zero),
	KUNIT_CASE(hak_cache_alloc_bulk_limits_are_kept),
	KUNIT_CASE(hak_alloc_bulk_gives_all),
	KUNIT_CASE(hak_cache_alloc_bulk_that_fails_takes_nothing),
	KUNIT_CASE(hak_cache_calls_nested_in_the_core_lose_nothing),
	KUNIT_CASE(hak_alloc_bulk_mixed_sizes_are_freed_by_any_bulk),
	{}
};

struct kunit_suite hak_cache_suite = {
	.name = "hakmem_cache",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = cache_cases,
};
