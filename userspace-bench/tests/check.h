/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the black-box tests of the malloc family share: cases, expectations, a seed.
 *
 * A program has a table of cases and calls check_main().  Each case runs in a forked
 * child, so that a crash or a hang is the failure of one case by name.  The first
 * expectation that does not hold is the reason printed; it lives in shared memory, so
 * children of a case may expect things too.  Nothing here allocates while a case runs.
 *
 * The programs know hakmem by LD_PRELOAD only: hakmem_stat_read() and hakmem_audit() are looked
 * up by name.  Without them the cases marked NEEDS_HAKMEM are skipped, which is said and counted.
 *
 * Arguments: only=NAME (one case), fork=0 (cases in this process), seed=N, ops=N.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum check_flags { NEEDS_HAKMEM = 1 };

struct check_case {
	const char *name;
	void (*run)(void);
	unsigned int flags;
};

extern uint64_t check_seed, check_ops;	/* as given, or what check_main() was told */

/**
 * check_main() - run the cases the arguments ask for
 * @cases: table ended by a case without a name
 * @seed: default of seed=
 * @ops: default of ops=
 *
 * Return: exit status of the program; 0 if no case failed and at least one passed.
 */
int check_main(int argc, char **argv, const struct check_case *cases, uint64_t seed, uint64_t ops);

/* Record that the case fails, for the reason formatted. */
void check_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define expect(condition, ...)							\
	((condition) ? (void)0 : check_fail(__FILE__, __LINE__, __VA_ARGS__))

/* For what the rest of a function cannot do without. */
#define require(condition, ...)							\
	do {									\
		if (!(condition)) {						\
			check_fail(__FILE__, __LINE__, __VA_ARGS__);		\
			return;							\
		}								\
	} while (0)

bool check_failed(void);	/* has the running case failed? */

/* The running case cannot be had on this machine, for the reason @why: not passed, not failed. */
void check_leave_out(const char *why);

bool under_hakmem(void);
/* A counter of hakmem's; ~0 if it is not kept. */
uint64_t stat_of(const char *name);
/* Allocations hakmem served itself, as far as they are counted. */
uint64_t stat_served(void);
uint64_t stat_bad_frees(void);
uint64_t held_bytes(void);
/* Findings of the audit; @live is the number of live objects, or -1. */
int audit(long live);
void expect_audit_clean(void);

/* Pointer and size the compiler knows nothing about. */
void *hide(void *p);
size_t hide_size(size_t n);

/* Sorts, and says whether no two are equal. */
bool distinct(void **p, size_t n);

struct outcome {
	int status;		/* as of waitpid() */
	size_t length;
	char err[8192];		/* what it wrote to stderr, ended by 0 */
};

/*
 * Run @body in a forked child with its stderr caught.  An expectation of the child
 * counts for the case; how it ended is for the caller to judge.
 */
void run_child(void (*body)(void *), void *arg, struct outcome *o);
bool ended_well(const struct outcome *o);
unsigned int count_text(const char *text, const char *what);

/*
 * Run this program again with the arguments and the environment "NAME=VALUE" or
 * "NAME" (unset), each list ended by NULL.  Its stdout and stderr are both caught.
 */
void run_self(const char *const *args, const char *const *env, struct outcome *o);

#endif /* CHECK_H */
