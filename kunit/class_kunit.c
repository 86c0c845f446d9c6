// SPDX-License-Identifier: GPL-2.0
/* Suite hakmem_class: every size, its class, its alignment; and what is too large for one. */
#include "kunit/hak_kunit.h"
#include "tiny/tiny_class.h"

static void hak_size_class_every_size_fits_tightly(struct kunit *test)
{
	unsigned int size;

	for (size = 1; size <= HAK_MAX_SIZE; size++) {
		unsigned int i = hak_size_class(size);

		KUNIT_ASSERT_LT_MSG(test, i, HAK_NR_CLASSES, "size %u", size);
		KUNIT_ASSERT_GE_MSG(test, hak_class_size[i], size, "size %u", size);
		KUNIT_ASSERT_LE_MSG(test, hak_class_size[i] - size, max(7U, size / 4),
				    "waste at size %u", size);
		if (i)
			KUNIT_ASSERT_LT_MSG(test, hak_class_size[i - 1], size,
					    "a smaller class fits size %u", size);
	}
}

static void hak_size_cache_every_size_is_its_class(struct kunit *test)
{
	unsigned int size;

	for (size = 1; size <= HAK_MAX_SIZE; size++)
		KUNIT_ASSERT_PTR_EQ_MSG(test, hak_size_cache[(size - 1) >> 3],
					hak_class[hak_size_class(size)], "size %u", size);
}

/*
 * What the compiler makes of a constant size and the size above it.  Before 6.2 the kernel's
 * __fls() is an instruction in any case.
 */
#define FOLDED(s)								\
do {										\
	const unsigned int __class = hak_size_class(s);				\
										\
	BUILD_BUG_ON(__builtin_constant_p(__fls((s) - 1UL)) &&			\
		     !__builtin_constant_p(__class));				\
	KUNIT_EXPECT_EQ(test, hak_class_size[__class], s);			\
	KUNIT_EXPECT_PTR_EQ(test, hak_class[__class], hak_size_cache[((s) - 1) >> 3]); \
	KUNIT_EXPECT_EQ(test, hak_size_class((s) - 1), __class);		\
	if ((s) < HAK_MAX_SIZE)							\
		KUNIT_EXPECT_EQ(test, hak_size_class((s) % HAK_MAX_SIZE + 1),	\
				__class + 1);					\
} while (0)

static void hak_size_class_constant_folds_to_table(struct kunit *test)
{
	FOLDED(8); FOLDED(16); FOLDED(24); FOLDED(32);
	FOLDED(40); FOLDED(48); FOLDED(56); FOLDED(64);
	FOLDED(80); FOLDED(96); FOLDED(112); FOLDED(128);
	FOLDED(160); FOLDED(192); FOLDED(224); FOLDED(256);
	FOLDED(320); FOLDED(384); FOLDED(448); FOLDED(512);
	FOLDED(640); FOLDED(768); FOLDED(896); FOLDED(1024);
}

static void hak_alloc_constant_size_is_of_its_class(struct kunit *test)
{
	void *p[4] = { hak_alloc(1, GFP_KERNEL), hak_alloc(65, GFP_KERNEL),
		       hak_alloc(513, GFP_KERNEL), hak_alloc(1024, GFP_KERNEL) };
	static const unsigned int want[4] = { 8, 80, 640, 1024 };
	unsigned int i;

	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_NOT_NULL(test, p[i]);
		KUNIT_EXPECT_EQ(test, hak_usable_size(p[i]), want[i]);
		hak_free(p[i]);
	}
}

#define AT_ONCE 24

static void hak_alloc_every_size_is_aligned_and_usable(struct kunit *test)
{
	void *p[AT_ONCE];
	unsigned int size, i;

	for (size = 1; size <= HAK_MAX_SIZE; size++) {
		for (i = 0; i < AT_ONCE; i++) {
			p[i] = hak_alloc(size, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, p[i]);
			KUNIT_ASSERT_TRUE_MSG(test, IS_ALIGNED((unsigned long)p[i],
							       max(size & -size, 8U)),
					      "%px of size %u", p[i], size);
			KUNIT_ASSERT_EQ_MSG(test, hak_usable_size(p[i]),
					    hak_class_size[hak_size_class(size)], "size %u", size);
			memset(p[i], i, hak_usable_size(p[i]));
		}
		for (i = 0; i < AT_ONCE; i++) {
			KUNIT_ASSERT_NULL_MSG(test, memchr_inv(p[i], i, hak_usable_size(p[i])),
					      "size %u overlaps", size);
			if (i & 1)
				hak_free(p[i]);
			else
				hak_free_sized(p[i], size);
		}
	}
}

static void hak_zalloc_every_size_is_zero(struct kunit *test)
{
	unsigned int size;
	char *p;

	for (size = 1; size <= HAK_MAX_SIZE; size++) {
		p = hak_alloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		memset(p, 0xa5, size);
		hak_free(p);
		p = hak_zalloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_NULL_MSG(test, memchr_inv(p, 0, size), "size %u", size);
		hak_free(p);
	}
}

#define GET(n) do { if (size == (n)) return hak_alloc(n, GFP_KERNEL); } while (0)
#define GET8(n) do {								\
	GET((n) + 1); GET((n) + 2); GET((n) + 3); GET((n) + 4);			\
	GET((n) + 5); GET((n) + 6); GET((n) + 7); GET((n) + 8);			\
} while (0)

/* Each size that may be zeroed by stores, as a constant; and some above it of each class. */
static noinline void *get_small(unsigned int size)
{
	GET8(0); GET8(8); GET8(16); GET8(24); GET8(32); GET8(40); GET8(48); GET8(56);
	GET8(64); GET8(72); GET8(80); GET8(88); GET8(96); GET8(104); GET8(112); GET8(120);
	return NULL;
}

static noinline void *get_larger(unsigned int size)
{
	GET(129); GET(160); GET(161); GET(192); GET(193); GET(224); GET(225); GET(256);
	GET(257); GET(320); GET(321); GET(384); GET(385); GET(448); GET(449); GET(512);
	GET(513); GET(640); GET(641); GET(768); GET(769); GET(896); GET(897); GET(1024);
	return NULL;
}

/* All of what @got is, which was @gone before, is 0, or with init_on_alloc=0 as it was. */
static void expect_zeroed(struct kunit *test, const u8 *got, const u8 *gone, unsigned int size)
{
	const struct hak_config *conf = hak_config_get();
	size_t all = hak_usable_size(got);

	KUNIT_EXPECT_EQ_MSG(test, all, hak_class_size[hak_size_class(size)], "size %u", size);
	if (conf->init_on_alloc)
		KUNIT_EXPECT_NULL_MSG(test, memchr_inv(got, 0, all), "size %u at %px", size, got);
	else if (got == gone && !conf->init_on_free && all > 8)
		KUNIT_EXPECT_NULL_MSG(test, memchr_inv(got + 8, 0xa5, all - 8), "size %u", size);
}

static void *get_constant(unsigned int size)
{
	return size <= HAK_ZERO_WORDS_MAX ? get_small(size) : get_larger(size);
}

static void expect_untouched(struct kunit *test, const void *p, unsigned int size)
{
	KUNIT_EXPECT_NULL_MSG(test, memchr_inv(p, 0xa5, hak_usable_size(p)),
			      "beside size %u at %px", size, p);
}

static void zeroes_beside_others(struct kunit *test, unsigned int size)
{
	void *p[AT_ONCE], *got;
	unsigned int i;

	for (i = 0; i < AT_ONCE; i++) {
		p[i] = hak_alloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		memset(p[i], 0xa5, hak_usable_size(p[i]));
	}
	for (i = 0; i < AT_ONCE; i++) {
		expect_untouched(test, p[i], size);
		hak_free(p[i]);
		got = get_constant(size);
		KUNIT_ASSERT_NOT_NULL(test, got);
		expect_zeroed(test, got, p[i], size);
		memset(got, 0xa5, hak_usable_size(got));
		p[i] = got;
	}
	for (i = 0; i < AT_ONCE; i++) {
		expect_untouched(test, p[i], size);
		hak_free(p[i]);
	}
}

/* Whatever was there, nothing of it is handed out, and nothing beside it is written to. */
static void hak_alloc_zeroes_constant_sizes(struct kunit *test)
{
	unsigned int size;
	void *p;

	for (size = 1; size <= HAK_MAX_SIZE; size++) {
		p = get_constant(size);
		KUNIT_EXPECT_TRUE_MSG(test, p || size > HAK_ZERO_WORDS_MAX, "size %u", size);
		if (p)
			zeroes_beside_others(test, size);
		hak_free(p);
	}
}

static void hak_alloc_zero_gives_zero_size_ptr(struct kunit *test)
{
	struct hak_counts bad;

	hak_counts_begin(&bad);
	KUNIT_EXPECT_PTR_EQ(test, hak_alloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, hak_zalloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	KUNIT_EXPECT_EQ(test, hak_usable_size(ZERO_SIZE_PTR), 0);
	KUNIT_EXPECT_EQ(test, hak_usable_size(NULL), 0);
	hak_free(ZERO_SIZE_PTR);
	hak_free_sized(ZERO_SIZE_PTR, 0);
	hak_free(NULL);
	hak_free_sized(NULL, 64);
	hak_free_sized(NULL, 0);
	hak_kunit_bad_end(test, &bad, HAK_NR_STATS, 0, "nothing to free");
}

static void hak_alloc_large_comes_from_kmalloc(struct kunit *test)
{
	static const size_t size[] = { 1025, 2048, 4096, 8192, 65536, 1 << 20 };
	u64 allocs = hak_kunit_stat(HAK_STAT_alloc_large);
	u64 frees = hak_kunit_stat(HAK_STAT_free_large);
	struct hak_counts bad;
	unsigned int i;
	void *p;

	hak_counts_begin(&bad);
	for (i = 0; i < ARRAY_SIZE(size); i++) {
		p = i & 1 ? hak_zalloc(size[i], GFP_KERNEL) : hak_alloc(size[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_FALSE(test, hak_owns(p));
		KUNIT_EXPECT_GE(test, hak_usable_size(p), size[i]);
		KUNIT_EXPECT_EQ(test, hak_usable_size(p), ksize(p));
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p,
						   min_t(size_t, size[i] & -size[i], PAGE_SIZE)));
		if (i & 1)
			KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, size[i]));
		memset(p, 0xa5, size[i]);
		if (i & 2)
			hak_free(p);
		else
			hak_free_sized(p, size[i]);
	}
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_alloc_large) - allocs, ARRAY_SIZE(size));
	KUNIT_EXPECT_EQ(test, hak_kunit_stat(HAK_STAT_free_large) - frees, ARRAY_SIZE(size));
	hak_kunit_bad_end(test, &bad, HAK_NR_STATS, 0, "large memory");
}

static void hak_alloc_just_small_enough_is_owned(struct kunit *test)
{
	void *p = hak_alloc(HAK_MAX_SIZE, GFP_KERNEL);

	KUNIT_EXPECT_TRUE(test, hak_owns(p));
	hak_free(p);
}

#define SMALL_OBJECTS 4000

static void many_small_objects_are_distinct(struct kunit *test)
{
	void **p = kunit_kcalloc(test, SMALL_OBJECTS, sizeof(*p), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < SMALL_OBJECTS; i++) {
		p[i] = hak_alloc(1 + i % 8, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	KUNIT_EXPECT_TRUE(test, hak_distinct(p, SMALL_OBJECTS));
	for (i = 0; i < SMALL_OBJECTS; i++)
		hak_free(p[i]);
}

static struct kunit_case class_cases[] = {
	KUNIT_CASE(hak_size_class_every_size_fits_tightly),
	KUNIT_CASE(hak_size_cache_every_size_is_its_class),
	KUNIT_CASE(hak_size_class_constant_folds_to_table),
	KUNIT_CASE(hak_alloc_constant_size_is_of_its_class),
	KUNIT_CASE(hak_alloc_every_size_is_aligned_and_usable),
	KUNIT_CASE(hak_zalloc_every_size_is_zero),
	KUNIT_CASE(hak_alloc_zeroes_constant_sizes),
	KUNIT_CASE(hak_alloc_zero_gives_zero_size_ptr),
	KUNIT_CASE(hak_alloc_large_comes_from_kmalloc),
	KUNIT_CASE(hak_alloc_just_small_enough_is_owned),
	KUNIT_CASE(many_small_objects_are_distinct),
	{}
};

struct kunit_suite hak_class_suite = {
	.name = "hakmem_class",
	.init = hak_kunit_init,
	.exit = hak_kunit_exit,
	.test_cases = class_cases,
};
