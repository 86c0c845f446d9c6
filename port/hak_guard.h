/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What protects what, in words that a tool reads.
 *
 *   hak_guarded_by(&lock)	a variable, or a field whose lock is not in the same structure
 *   hak_guarded_by_own(&lock)	a field whose lock is in the same structure
 *   hak_must_hold(&lock)	a function: its caller holds the lock
 *   hak_takes(&lock)		a function: it returns with the lock held
 *   hak_drops(&lock)		a function: its caller holds the lock, and it gives it up
 *   hak_unchecked(why)		a function that is not looked at, and why
 *
 * The protection of a set (struct hak_set) is no lock: hak_set_token stands for it.
 *
 * Who reads them: clang's thread-safety analysis over the core as user space builds it
 * (HAK_CHECK_GUARDS, `make check STAGE=guards`).  Fields with a lock of their own structure need
 * clang 19 for that.  All other compilers read nothing.  At run time a kernel with lockdep
 * asserts the same: hak_assert_held(), hak_assert_set(), hak_lock().
 */
#ifndef _HAK_GUARD_H
#define _HAK_GUARD_H

#if defined(HAK_CHECK_GUARDS) && defined(__clang__)
#define hak_capability(name)	__attribute__((capability(name)))
#define hak_guarded_by(x)	__attribute__((guarded_by(x)))
#define hak_must_hold(x)	__attribute__((requires_capability(x)))
#define hak_takes(x)		__attribute__((acquire_capability(x)))
#define hak_tries(x)		__attribute__((try_acquire_capability(true, x)))
#define hak_drops(x)		__attribute__((release_capability(x)))
#define hak_unchecked(why)	__attribute__((no_thread_safety_analysis))
/* A look from outside, which says so. */
#define hak_look_past(x)							\
({										\
	_Pragma("clang diagnostic push")					\
	_Pragma("clang diagnostic ignored \"-Wthread-safety-analysis\"")	\
	__typeof__(x) __seen = (x);						\
	_Pragma("clang diagnostic pop")						\
	__seen;									\
})
#else
#define hak_capability(name)
#define hak_guarded_by(x)
#define hak_must_hold(x)
#define hak_takes(x)
#define hak_tries(x)
#define hak_drops(x)
#define hak_unchecked(why)
#define hak_look_past(x)	(x)
#endif

#if defined(HAK_CHECK_GUARDS) && defined(__clang__) && __clang_major__ >= 19
#define hak_guarded_by_own(x)	__attribute__((guarded_by(x)))
#else
#define hak_guarded_by_own(x)
#endif

/* Stands for "this CPU's set of a level is protected": see set_enter(). */
struct hak_capability("set") hak_set_token { char unused; };
extern struct hak_set_token hak_set_token;

#endif /* _HAK_GUARD_H */
