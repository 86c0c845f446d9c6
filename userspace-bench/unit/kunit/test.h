/* SPDX-License-Identifier: GPL-2.0 */
/*
 * <kunit/test.h> for user space: what the suites of kunit/ use of KUnit.
 *
 * An assertion that fails ends its case by longjmp(); what the case registered with
 * kunit_add_action_or_reset() runs in any case, the newest first, before the suite's
 * exit().  kunit_main.c runs the suites.
 */
#ifndef _KUNIT_TEST_H
#define _KUNIT_TEST_H

#include <setjmp.h>

#include "unit/hak_kernel.h"

#define KUNIT_PARAM_DESC_SIZE 128

struct kunit_action;

struct kunit {
	const void *param_value;
	struct kunit_action *actions;	/* newest first */
	bool failed;
	const char *skipped;		/* why, or NULL */
	jmp_buf end;
};

struct kunit_case {
	const char *name;
	void (*run)(struct kunit *test);
	const void *(*params)(const void *prev, char *desc);
};

struct kunit_suite {
	const char *name;
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

void kunit_add_suites(struct kunit_suite *const *suite, unsigned int n);

#define kunit_test_suites(...)							\
static __attribute__((constructor)) void kunit_register(void)			\
{										\
	struct kunit_suite *const suite[] = { __VA_ARGS__ };			\
										\
	kunit_add_suites(suite, ARRAY_SIZE(suite));				\
}

#define KUNIT_CASE(fn)			{ .name = #fn, .run = (fn) }
#define KUNIT_CASE_SLOW(fn)		KUNIT_CASE(fn)
#define KUNIT_CASE_PARAM(fn, gen)	{ .name = #fn, .run = (fn), .params = (gen) }

#define KUNIT_ARRAY_PARAM(name, array, describe)				\
static const void *name##_gen_params(const void *prev, char *desc)		\
{										\
	const __typeof__((array)[0]) *next = prev ? prev : (array);		\
										\
	next += prev != NULL;							\
	if (next == (array) + ARRAY_SIZE(array))				\
		return NULL;							\
	describe(next, desc);							\
	return next;								\
}

int kunit_add_action_or_reset(struct kunit *test, void (*fn)(void *), void *arg);
void kunit_release_action(struct kunit *test, void (*fn)(void *), void *arg);
void *kunit_kcalloc(struct kunit *test, size_t n, size_t size, gfp_t gfp);
#define kunit_kzalloc(test, size, gfp)	kunit_kcalloc(test, 1, size, gfp)

__printf(2, 3) void kunit_info(struct kunit *test, const char *fmt, ...);
#define kunit_err kunit_info

#define kunit_skip(test, why)							\
do {										\
	(test)->skipped = (why);						\
	longjmp((test)->end, 1);						\
} while (0)

/* A check that failed: what was written there, and the two values. */
struct kunit_check {
	const char *file;
	int line;
	const char *what;
	unsigned long long left, right;
};

__printf(4, 5) void kunit_failed(struct kunit *test, bool stop, const struct kunit_check *check,
				 const char *fmt, ...);

#define KUNIT_VALUE(v)	((unsigned long long)(v))
#define KUNIT_CHECK(test, stop, left, op, right, ...)				\
do {										\
	const __typeof__(left) __l = (left);					\
	const __typeof__(right) __r = (right);					\
										\
	if (unlikely(!(__l op __r))) {						\
		const struct kunit_check __check = { __FILE__, __LINE__,	\
			#left " " #op " " #right, KUNIT_VALUE(__l), KUNIT_VALUE(__r) }; \
										\
		kunit_failed(test, stop, &__check, __VA_ARGS__);		\
	}									\
} while (0)
#define KUNIT_POINTER(test, stop, left, op, right, ...)				\
	KUNIT_CHECK(test, stop, (unsigned long)(left), op, (unsigned long)(right), __VA_ARGS__)

#define KUNIT_EXPECT_EQ_MSG(test, l, r, ...)	KUNIT_CHECK(test, false, l, ==, r, __VA_ARGS__)
#define KUNIT_EXPECT_NE_MSG(test, l, r, ...)	KUNIT_CHECK(test, false, l, !=, r, __VA_ARGS__)
#define KUNIT_EXPECT_LT_MSG(test, l, r, ...)	KUNIT_CHECK(test, false, l, <, r, __VA_ARGS__)
#define KUNIT_EXPECT_LE_MSG(test, l, r, ...)	KUNIT_CHECK(test, false, l, <=, r, __VA_ARGS__)
#define KUNIT_EXPECT_GT_MSG(test, l, r, ...)	KUNIT_CHECK(test, false, l, >, r, __VA_ARGS__)
#define KUNIT_EXPECT_GE_MSG(test, l, r, ...)	KUNIT_CHECK(test, false, l, >=, r, __VA_ARGS__)
#define KUNIT_EXPECT_TRUE_MSG(test, v, ...) \
	KUNIT_CHECK(test, false, !!(v), ==, true, __VA_ARGS__)
#define KUNIT_EXPECT_FALSE_MSG(test, v, ...) \
	KUNIT_CHECK(test, false, !!(v), ==, false, __VA_ARGS__)
#define KUNIT_EXPECT_PTR_EQ_MSG(test, l, r, ...) KUNIT_POINTER(test, false, l, ==, r, __VA_ARGS__)
#define KUNIT_EXPECT_PTR_NE_MSG(test, l, r, ...) KUNIT_POINTER(test, false, l, !=, r, __VA_ARGS__)
#define KUNIT_EXPECT_NULL_MSG(test, p, ...)	KUNIT_POINTER(test, false, p, ==, NULL, __VA_ARGS__)
#define KUNIT_EXPECT_NOT_NULL_MSG(test, p, ...)	KUNIT_POINTER(test, false, p, !=, NULL, __VA_ARGS__)

#define KUNIT_EXPECT_EQ(test, l, r)		KUNIT_EXPECT_EQ_MSG(test, l, r, "%s", "")
#define KUNIT_EXPECT_NE(test, l, r)		KUNIT_EXPECT_NE_MSG(test, l, r, "%s", "")
#define KUNIT_EXPECT_LT(test, l, r)		KUNIT_EXPECT_LT_MSG(test, l, r, "%s", "")
#define KUNIT_EXPECT_LE(test, l, r)		KUNIT_EXPECT_LE_MSG(test, l, r, "%s", "")
#define KUNIT_EXPECT_GT(test, l, r)		KUNIT_EXPECT_GT_MSG(test, l, r, "%s", "")
#define KUNIT_EXPECT_GE(test, l, r)		KUNIT_EXPECT_GE_MSG(test, l, r, "%s", "")
#define KUNIT_EXPECT_TRUE(test, v)		KUNIT_EXPECT_TRUE_MSG(test, v, "%s", "")
#define KUNIT_EXPECT_FALSE(test, v)		KUNIT_EXPECT_FALSE_MSG(test, v, "%s", "")
#define KUNIT_EXPECT_PTR_EQ(test, l, r)		KUNIT_EXPECT_PTR_EQ_MSG(test, l, r, "%s", "")
#define KUNIT_EXPECT_PTR_NE(test, l, r)		KUNIT_EXPECT_PTR_NE_MSG(test, l, r, "%s", "")
#define KUNIT_EXPECT_NULL(test, p)		KUNIT_EXPECT_NULL_MSG(test, p, "%s", "")
#define KUNIT_EXPECT_NOT_NULL(test, p)		KUNIT_EXPECT_NOT_NULL_MSG(test, p, "%s", "")

#define KUNIT_ASSERT_EQ_MSG(test, l, r, ...)	KUNIT_CHECK(test, true, l, ==, r, __VA_ARGS__)
#define KUNIT_ASSERT_LT_MSG(test, l, r, ...)	KUNIT_CHECK(test, true, l, <, r, __VA_ARGS__)
#define KUNIT_ASSERT_LE_MSG(test, l, r, ...)	KUNIT_CHECK(test, true, l, <=, r, __VA_ARGS__)
#define KUNIT_ASSERT_GE_MSG(test, l, r, ...)	KUNIT_CHECK(test, true, l, >=, r, __VA_ARGS__)
#define KUNIT_ASSERT_TRUE_MSG(test, v, ...) \
	KUNIT_CHECK(test, true, !!(v), ==, true, __VA_ARGS__)
#define KUNIT_ASSERT_PTR_EQ_MSG(test, l, r, ...) KUNIT_POINTER(test, true, l, ==, r, __VA_ARGS__)
#define KUNIT_ASSERT_NULL_MSG(test, p, ...)	KUNIT_POINTER(test, true, p, ==, NULL, __VA_ARGS__)
#define KUNIT_ASSERT_NOT_NULL_MSG(test, p, ...)	KUNIT_POINTER(test, true, p, !=, NULL, __VA_ARGS__)

#define KUNIT_ASSERT_EQ(test, l, r)		KUNIT_ASSERT_EQ_MSG(test, l, r, "%s", "")
#define KUNIT_ASSERT_NE(test, l, r)		KUNIT_CHECK(test, true, l, !=, r, "%s", "")
#define KUNIT_ASSERT_LE(test, l, r)		KUNIT_ASSERT_LE_MSG(test, l, r, "%s", "")
#define KUNIT_ASSERT_GT(test, l, r)		KUNIT_CHECK(test, true, l, >, r, "%s", "")
#define KUNIT_ASSERT_TRUE(test, v)		KUNIT_ASSERT_TRUE_MSG(test, v, "%s", "")
#define KUNIT_ASSERT_FALSE(test, v)		KUNIT_CHECK(test, true, !!(v), ==, false, "%s", "")
#define KUNIT_ASSERT_PTR_EQ(test, l, r)		KUNIT_ASSERT_PTR_EQ_MSG(test, l, r, "%s", "")
#define KUNIT_ASSERT_NOT_NULL(test, p)		KUNIT_ASSERT_NOT_NULL_MSG(test, p, "%s", "")

#endif /* _KUNIT_TEST_H */
