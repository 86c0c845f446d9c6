/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites use of <kunit/test.h>, for hosts without KUnit: a stock kernel
 * (host_kernel.c) and user space (userspace-bench/unit/).  host_run.c runs the suites.
 *
 * An assertion that fails ends its case.  What the case registered with
 * kunit_add_action_or_reset() runs in any case, the newest first, before the suite's exit().
 * A case that makes no check fails, and so does a suite without a case.
 */
#ifndef _KUNIT_HOST_TEST_H
#define _KUNIT_HOST_TEST_H

#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#define kunit_say(fmt, ...)	pr_info("hakmem_suites: " fmt, ##__VA_ARGS__)
#define kunit_calloc(n, size)	kcalloc(n, size, GFP_KERNEL)
#define kunit_free		kfree
#else
/* Memory of the C library, which hakmem does not know. */
#define kunit_say		printf
#define kunit_calloc		calloc
#define kunit_free		free
#endif

#define KUNIT_PARAM_DESC_SIZE	128

struct kunit_action;
struct kunit_suite;

struct kunit {
	const void *param_value;
	const struct kunit_suite *suite;
	void (*run)(struct kunit *test);
	struct kunit_action *actions;	/* newest first */
	unsigned long checks;		/* made so far */
	bool failed;
	const char *skipped;		/* why, or NULL */
	void *end;			/* the host's, for kunit_stop() */
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

/* host_run.c: runs each wanted case of @suite and prints its verdict. */
void kunit_run_suite(const struct kunit_suite *suite);
extern unsigned int kunit_passed, kunit_not_passed;	/* cases */

/* What a host brings: run @part until it returns or kunit_stop() ends it. */
void kunit_call(struct kunit *test, void (*part)(struct kunit *test));
void kunit_stop(struct kunit *test);
/* Is a suite, a case, or a case with one parameter to be run? */
bool kunit_wanted(const char *name);

/* Is @name @filter itself, or a part of it? */
static inline bool kunit_matches(const char *name, const char *filter, size_t len)
{
	return !strncmp(name, filter, len) && (!name[len] || strchr(".:", name[len]));
}

#ifdef __KERNEL__
extern struct kunit_suite *const kunit_suites[];
extern const unsigned int kunit_nr_suites;

#define kunit_test_suites(...)							\
struct kunit_suite *const kunit_suites[] = { __VA_ARGS__ };			\
const unsigned int kunit_nr_suites = ARRAY_SIZE(kunit_suites)
#else
void kunit_add_suites(struct kunit_suite *const *suite, unsigned int n);

#define kunit_test_suites(...)							\
static __attribute__((constructor)) void kunit_register(void)			\
{										\
	struct kunit_suite *const suite[] = { __VA_ARGS__ };			\
										\
	kunit_add_suites(suite, ARRAY_SIZE(suite));				\
}
#endif

#define KUNIT_CASE(fn)			{ .name = #fn, .run = (fn) }
#define KUNIT_CASE_SLOW(fn)		KUNIT_CASE(fn)
#define KUNIT_CASE_PARAM(fn, gen)	{ .name = #fn, .run = (fn), .params = (gen) }

#define KUNIT_ARRAY_PARAM(name, array, describe)				\
static const void *name##_gen_params(const void *prev, char *desc)		\
{										\
	const __typeof__((array)[0]) *next = prev ? prev : (array);		\
										\
	next += !!prev;								\
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
	kunit_stop(test);							\
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
/* A message may follow: a format, which must be a literal, and its arguments. */
#define KUNIT_CHECK(test, stop, left, op, right, ...)				\
do {										\
	const __typeof__(left) __l = (left);					\
	const __typeof__(right) __r = (right);					\
										\
	(test)->checks++;							\
	if (unlikely(!(__l op __r))) {						\
		const struct kunit_check __check = { __FILE__, __LINE__,	\
			#left " " #op " " #right, KUNIT_VALUE(__l), KUNIT_VALUE(__r) }; \
										\
		kunit_failed(test, stop, &__check, " " __VA_ARGS__);		\
	}									\
} while (0)
#define KUNIT_POINTER(test, stop, left, op, right, ...)				\
	KUNIT_CHECK(test, stop, (unsigned long)(left), op, (unsigned long)(right), __VA_ARGS__)

#define KUNIT_EXPECT_EQ(test, l, r, ...)	KUNIT_CHECK(test, false, l, ==, r, __VA_ARGS__)
#define KUNIT_EXPECT_NE(test, l, r, ...)	KUNIT_CHECK(test, false, l, !=, r, __VA_ARGS__)
#define KUNIT_EXPECT_LT(test, l, r, ...)	KUNIT_CHECK(test, false, l, <, r, __VA_ARGS__)
#define KUNIT_EXPECT_LE(test, l, r, ...)	KUNIT_CHECK(test, false, l, <=, r, __VA_ARGS__)
#define KUNIT_EXPECT_GT(test, l, r, ...)	KUNIT_CHECK(test, false, l, >, r, __VA_ARGS__)
#define KUNIT_EXPECT_GE(test, l, r, ...)	KUNIT_CHECK(test, false, l, >=, r, __VA_ARGS__)
#define KUNIT_EXPECT_TRUE(test, v, ...)		KUNIT_EXPECT_EQ(test, !!(v), true, __VA_ARGS__)
#define KUNIT_EXPECT_FALSE(test, v, ...)	KUNIT_EXPECT_EQ(test, !!(v), false, __VA_ARGS__)
#define KUNIT_EXPECT_PTR_EQ(test, l, r, ...)	KUNIT_POINTER(test, false, l, ==, r, __VA_ARGS__)
#define KUNIT_EXPECT_PTR_NE(test, l, r, ...)	KUNIT_POINTER(test, false, l, !=, r, __VA_ARGS__)
#define KUNIT_EXPECT_NULL(test, p, ...)		KUNIT_POINTER(test, false, p, ==, 0, __VA_ARGS__)
#define KUNIT_EXPECT_NOT_NULL(test, p, ...)	KUNIT_POINTER(test, false, p, !=, 0, __VA_ARGS__)

#define KUNIT_ASSERT_EQ(test, l, r, ...)	KUNIT_CHECK(test, true, l, ==, r, __VA_ARGS__)
#define KUNIT_ASSERT_NE(test, l, r, ...)	KUNIT_CHECK(test, true, l, !=, r, __VA_ARGS__)
#define KUNIT_ASSERT_LT(test, l, r, ...)	KUNIT_CHECK(test, true, l, <, r, __VA_ARGS__)
#define KUNIT_ASSERT_LE(test, l, r, ...)	KUNIT_CHECK(test, true, l, <=, r, __VA_ARGS__)
#define KUNIT_ASSERT_GT(test, l, r, ...)	KUNIT_CHECK(test, true, l, >, r, __VA_ARGS__)
#define KUNIT_ASSERT_GE(test, l, r, ...)	KUNIT_CHECK(test, true, l, >=, r, __VA_ARGS__)
#define KUNIT_ASSERT_TRUE(test, v, ...)		KUNIT_ASSERT_EQ(test, !!(v), true, __VA_ARGS__)
#define KUNIT_ASSERT_FALSE(test, v, ...)	KUNIT_ASSERT_EQ(test, !!(v), false, __VA_ARGS__)
#define KUNIT_ASSERT_PTR_EQ(test, l, r, ...)	KUNIT_POINTER(test, true, l, ==, r, __VA_ARGS__)
#define KUNIT_ASSERT_NULL(test, p, ...)		KUNIT_POINTER(test, true, p, ==, 0, __VA_ARGS__)
#define KUNIT_ASSERT_NOT_NULL(test, p, ...)	KUNIT_POINTER(test, true, p, !=, 0, __VA_ARGS__)

#define KUNIT_EXPECT_EQ_MSG			KUNIT_EXPECT_EQ
#define KUNIT_EXPECT_NE_MSG			KUNIT_EXPECT_NE
#define KUNIT_EXPECT_LT_MSG			KUNIT_EXPECT_LT
#define KUNIT_EXPECT_LE_MSG			KUNIT_EXPECT_LE
#define KUNIT_EXPECT_GT_MSG			KUNIT_EXPECT_GT
#define KUNIT_EXPECT_GE_MSG			KUNIT_EXPECT_GE
#define KUNIT_EXPECT_TRUE_MSG			KUNIT_EXPECT_TRUE
#define KUNIT_EXPECT_FALSE_MSG			KUNIT_EXPECT_FALSE
#define KUNIT_EXPECT_PTR_EQ_MSG			KUNIT_EXPECT_PTR_EQ
#define KUNIT_EXPECT_PTR_NE_MSG			KUNIT_EXPECT_PTR_NE
#define KUNIT_EXPECT_NULL_MSG			KUNIT_EXPECT_NULL
#define KUNIT_EXPECT_NOT_NULL_MSG		KUNIT_EXPECT_NOT_NULL
#define KUNIT_ASSERT_EQ_MSG			KUNIT_ASSERT_EQ
#define KUNIT_ASSERT_LT_MSG			KUNIT_ASSERT_LT
#define KUNIT_ASSERT_LE_MSG			KUNIT_ASSERT_LE
#define KUNIT_ASSERT_GT_MSG			KUNIT_ASSERT_GT
#define KUNIT_ASSERT_GE_MSG			KUNIT_ASSERT_GE
#define KUNIT_ASSERT_TRUE_MSG			KUNIT_ASSERT_TRUE
#define KUNIT_ASSERT_PTR_EQ_MSG			KUNIT_ASSERT_PTR_EQ
#define KUNIT_ASSERT_NULL_MSG			KUNIT_ASSERT_NULL
#define KUNIT_ASSERT_NOT_NULL_MSG		KUNIT_ASSERT_NOT_NULL

#endif /* _KUNIT_HOST_TEST_H */
