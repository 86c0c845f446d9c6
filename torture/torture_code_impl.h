/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A byte code of calls of hakmem, and the machine that runs it.
 *
 * The same files run in the kernel, behind a debugfs file that any fuzzer can write to,
 * and under libFuzzer in user space, so that an input found in one is an input of the
 * other.  What the two have in common is the public API; what only one of them has
 * (interrupts, grace periods, a look at the core's inside) is asked of code_env_*(),
 * which each implements in its own way.
 *
 * A program is a sequence of operations: a byte that names the operation (the lower five
 * bits) and the context it runs in (the upper three), a byte `how`, and what operands the
 * operation reads.  Behind the end of the program every byte is 0.  Any sequence of bytes
 * is a program, and what one may hold is bounded: CODE_OBJECTS objects of at most 8 KiB,
 * CODE_CACHES caches.
 *
 * A shadow knows what must be true: who serves each live object, its length, and words made
 * of its address and of a key of its own.  Bad frees are planted on purpose: each must be
 * counted under its own name, once, and change nothing else.
 */
#ifndef _TORTURE_CODE_IMPL_H
#define _TORTURE_CODE_IMPL_H

#include <linux/hakmem.h>
#include <linux/hakmem_stats.h>

#define CODE_MAX	4096	/* bytes of a program that are looked at */
#define CODE_OBJECTS	128
#define CODE_CACHES	6
#define CODE_UNTYPED	CODE_CACHES	/* the kind of an object of hak_alloc() */
#define CODE_RESERVES	3
#define CODE_BULK	40
#define CODE_KEPT	16	/* head of a constructed object, which stays as it is */
#define CODE_BAD_FIRST	HAK_STAT_bad_free_foreign
#define CODE_BAD_KINDS	(HAK_STAT_bad_free_by_kernel - CODE_BAD_FIRST + 1)

enum code_context { CODE_TASK, CODE_BH_OFF, CODE_IRQS_OFF, CODE_SOFTIRQ, CODE_HARDIRQ };

struct code_object {
	u8 *p;			/* NULL: there is none */
	u64 key;		/* no other live object has it */
	u32 size;		/* bytes that may be used */
	u32 asked;		/* bytes that were asked for */
	u8 kind;		/* index of a cache, or CODE_UNTYPED */
};

struct code_cache {
	struct hak_cache *c;	/* NULL: there is none */
	struct hak_cache_args args;
	slab_flags_t flags;
	u32 size;
};

struct code_reserve {
	struct hak_reserve *r;	/* NULL: there is none */
	u32 left;		/* objects in it */
	u8 kind;
};

/* What went wrong first, and where; all 0 after a good program. */
struct code_fault {
	const char *what;
	const char *where;
	unsigned int offset;	/* of the operation in the program */
};

struct code_machine {
	const u8 *begin, *at, *end;
	const u8 *op;				/* where the running operation begins */
	struct code_object object[CODE_OBJECTS];
	struct code_cache cache[CODE_CACHES];
	struct code_reserve reserve[CODE_RESERVES];
	long live;				/* objects of hakmem's that are out */
	u64 bad_base[CODE_BAD_KINDS];		/* counters when the program began */
	u64 bad[CODE_BAD_KINDS];		/* bad frees there should have been since */
	u64 serial;
	gfp_t gfp;
	bool atomic;				/* not at task level: allocations may fail */
	bool settle;				/* a bad free waits in a magazine */
	bool waiting;				/* an object waits for a grace period */
	struct code_fault fault;
};

/* torture_code_machine.c: one program runs at a time. */
extern struct code_machine code;

/* What must hold does not: the first time counts, and ends the program. */
bool code_must(bool holds, const char *where, const char *what);
#define MUST(c) code_must(c, __func__, #c)

u8 code_byte(void);			/* the next one of the program */
struct code_object *code_pick(void);	/* any object, live or not */

/* torture_code_shadow.c */
u32 code_kept(const struct code_object *o);
bool code_ours(const struct code_object *o);
bool code_pristine(const struct code_object *o);
u32 code_class_size(u32 size);
void code_fill(struct code_object *o);
void code_check(const struct code_object *o);
void code_enter(struct code_object *o, u8 kind, u32 asked, void *p, bool zeroed);
void *code_leave(struct code_object *o);
void code_free(struct code_object *o, u8 how);	/* a good free, if there is an object */
void code_bad_check(void);		/* as many bad frees were counted as there were */
void code_ctor(void *p);
void code_built(void *p);		/* a constructor that counts; its destructor: */
void code_torn(void *p);
void code_built_check(void);		/* no cache is left: both have seen as many objects */

/* torture_code.c */
/*
 * Run @len bytes; false if something that must hold did not: code.fault. May sleep.  hakmem has
 * no other user meanwhile: objects and bad frees are counted exactly.
 */
bool code_run(const u8 *program, size_t len);

/* torture_code_bad.c: frees that must be counted, and change nothing else. */
void code_op_double(u8 how);
void code_op_interior(u8 how);
void code_op_wrong(u8 how);
void code_op_foreign(u8 how);

/*
 * What kernel and user space do each in its own way; what one of them does not have, it
 * leaves out.
 */
int code_env_init(void);		/* of the kernel only, like its counterpart */
void code_env_exit(void);
void code_env_begin(void);
void code_env_end(void);
void code_env_run(enum code_context where, void (*op)(u8 how), u8 how);
void code_env_hop(u8 cpu);		/* another CPU from now on */
void code_env_reclaim(u8 how);		/* ways of giving memory back that are not in the API */
bool code_env_fail(u8 nth);		/* may the @nth allocation inside fail? 0: none */
void *code_env_node(struct hak_cache *c, u32 size, gfp_t gfp, u8 how);
void code_env_nested(void (*op)(u8 how), u8 how);	/* as if a lock of the core were held */
unsigned int code_env_free_rcu(void *p, u32 head, bool twice);	/* double frees it must count */
void code_env_rcu_barrier(void);
void code_env_bad(u64 counted[CODE_BAD_KINDS]);	/* the counters of bad frees as they are */

/* NULL, or what is nobody's to free; @which: how that must count. */
void *code_env_foreign(unsigned long v, u8 how, enum hak_stat *which);

/*
 * How a second free of @p must count, whose page has gone meanwhile.  HAK_NR_STATS: not to be
 * tried, because the page may be somebody's by now.
 */
enum hak_stat code_env_gone(const void *p);

#endif /* _TORTURE_CODE_IMPL_H */
