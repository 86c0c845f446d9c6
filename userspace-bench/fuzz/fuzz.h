/* SPDX-License-Identifier: GPL-2.0 */
/* What the operations of the fuzzer share: the shadow, and the input. */
#ifndef _FUZZ_H
#define _FUZZ_H

#include "kunit/hak_kunit.h"

#define OBJECTS	128
#define CACHES	6
#define KEPT	16	/* head of a constructed object, which stays as it is */
#define MAGIC	0x5b

struct object {
	char *p;
	u32 size;
	u8 kind;	/* index of a cache, or CACHES */
	u8 fill;
};

struct cache {
	struct hak_cache *c;
	struct hak_cache_args args;
	u32 size;
};

extern struct cache cache[CACHES];
extern u64 fuzz_bad[HAK_BAD_INTERIOR + 1];	/* bad frees there should have been */

/* Not a failure of the harness: what must hold does not. */
#define MUST(c)									\
do {										\
	if (unlikely(!(c))) {							\
		fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #c); \
		abort();							\
	}									\
} while (0)

u8 byte(void);				/* of the input; 0 behind its end */
struct object *pick(void);
u32 kept(const struct object *o);
bool is_ours(const struct object *o);
void fill(struct object *o);
void op_free(struct object *o, u8 how);	/* a good free, if there is an object */

/* fuzz_bad.c: frees that must be counted, and change nothing else. */
void op_double(u8 how);
void op_interior(u8 how);
void op_wrong(u8 how);
void op_foreign(u8 how);

#endif /* _FUZZ_H */
