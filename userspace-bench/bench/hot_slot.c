// SPDX-License-Identifier: GPL-2.0
/*
 * What a slot in front of the magazine would gain in time: `make -C userspace-bench hot-slot`.
 *
 * Three ways to serve one cache, with real %gs operations, as the inlined paths of the kernel
 * module are laid out on x86-64:
 *
 *   today   preempt count, level test, byte count and slots; hardened: tag and mark
 *   bare    one object in front, exchanged by a single instruction: safe at each level by itself
 *   safe    the same, as it would have to be: preemption is off while tag and mark are read, and
 *           nothing is written to an object before the slot was seen empty
 *
 * They run in turns of 4096 pairs, another one first in each turn.  It prints ns for a pair, the
 * median.  Then come median and middle half of the ratios to today's in the same turn.  Rows with
 * work around the calls have the time of the work alone taken off.
 */
#include <asm/prctl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BLOCK (2UL << 20)
#define MARK (BLOCK - 8)
#define SLOTS 64
#define BATCH 256
#define TURNS 401
#define PAIRS (1 << 12)
#define SOFTIRQ 0x100U
#define inl static inline __attribute__((always_inline))
#define out static __attribute__((noinline, aligned(64)))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

struct set {
	int8_t n;
	uint8_t cap;
	void *hot;
	void *slot[SLOTS];
};

/* Where the linker sees the variables of a CPU; %gs leads from there to what is used. */
struct percpu {
	void *current;
	unsigned int preempt, pad[13];
	char elsewhere[8192];
	struct set *irq;		/* of softirqs; stands before the task's set */
	struct set set;
} hot_slot_pcpu;
static struct percpu *cpu;

/* Magazines that wait between a full set and an empty one. */
static void *depot[16][SLOTS];
static unsigned int depot_n;

#define COUNT "%%gs:hot_slot_pcpu+8(%%rip)"
#define GS(f) "%%gs:%c[" #f "](%[c])"
#define OFFSETS [n] "i" (offsetof(struct set, n)), [cap] "i" (offsetof(struct set, cap)),	\
	[slot] "i" (offsetof(struct set, slot)), [hot] "i" (offsetof(struct set, hot)),		\
	[irq] "i" (offsetof(struct percpu, irq) - offsetof(struct percpu, set))
/* A static key: a nop where it falls through, else a jump. */
#define KEY(on)									\
do {										\
	if (on)									\
		asm volatile("nopl 0(%%rax,%%rax,1)" : : );			\
	else									\
		asm volatile("jmp 1f\n\tnopl 0(%%rax,%%rax,1)\n1:" : : );	\
} while (0)
#define PREEMPT_ON(to) asm goto("decl " COUNT "\n\tje %l[" #to "]" : : : "memory", "cc" : to)
#define AT_LEVEL(to) asm goto("testl $0xff0100, " COUNT "\n\tjne %l[" #to "]"		\
			      : : : "memory", "cc" : to)

out void never(void)
{
	abort();
}

inl void preempt_off(void)
{
	asm volatile("incl " COUNT : : : "memory", "cc");
}

out void *refill(void)
{
	memcpy(cpu->set.slot, depot[--depot_n], sizeof(cpu->set.slot));
	cpu->set.n = SLOTS - 1;
	cpu->preempt--;
	return cpu->set.slot[SLOTS - 1];
}

out void flush(void *p)
{
	memcpy(depot[depot_n++], cpu->set.slot, sizeof(cpu->set.slot));
	cpu->set.slot[0] = p;
	cpu->set.n = 1;
	cpu->preempt--;
}

inl void unmark(void *p, const bool hard)
{
	KEY(hard);
	if (hard)
		asm volatile("movq $0, (%0)" : : "r" (p) : "memory");
	KEY(true);			/* init_on_alloc */
}

inl void *irq_alloc(struct set *c, const bool hard)
{
	struct set *s;
	void *p;

	asm goto("testl $0xff0000, " COUNT "\n\tjne %l[bad]" : : : "memory", "cc" : bad);
	asm volatile("movq " GS(irq) ", %[s]" : [s] "=r" (s) : [c] "r" (c), OFFSETS);
	asm goto("decb (%0)\n\tjs %l[bad]" : : "r" (s) : "memory", "cc" : bad);
	p = s->slot[(uint8_t)s->n];
	unmark(p, hard);
	asm volatile("decl " COUNT : : : "memory", "cc");
	return p;
bad:
	never();
	return NULL;
}

inl void irq_free(struct set *c, void *p, const bool hard)
{
	unsigned long i;
	struct set *s;

	asm goto("testl $0xff0000, " COUNT "\n\tjne %l[bad]" : : : "memory", "cc" : bad);
	asm volatile("movq " GS(irq) ", %[s]" : [s] "=r" (s) : [c] "r" (c), OFFSETS);
	i = (uint8_t)s->n;
	if (unlikely(i >= s->cap))
		goto bad;
	KEY(hard);
	if (hard)
		*(unsigned long *)p = (unsigned long)p | MARK;
	s->slot[i] = p;
	asm volatile("incb (%0)" : : "r" (s) : "memory", "cc");
	asm volatile("decl " COUNT : : : "memory", "cc");
	return;
bad:
	never();
}

out void *irq_alloc_plain(struct set *c) { return irq_alloc(c, false); }
out void *irq_alloc_hard(struct set *c) { return irq_alloc(c, true); }
out void irq_free_plain(struct set *c, void *p) { irq_free(c, p, false); }
out void irq_free_hard(struct set *c, void *p) { irq_free(c, p, true); }

inl void *pop(struct set *c, const bool hard)
{
	unsigned long i;
	void *p;

	preempt_off();
	AT_LEVEL(irq);
	asm goto("decb " GS(n) "\n\tjs %l[miss]" : : [c] "r" (c), OFFSETS : "memory", "cc" : miss);
	asm volatile("movzbl " GS(n) ", %k[i]" : [i] "=r" (i) : [c] "r" (c), OFFSETS);
	asm volatile("movq %%gs:%c[slot](%[c],%[i],8), %[p]"
		     : [p] "=r" (p) : [c] "r" (c), [i] "r" (i), OFFSETS);
	PREEMPT_ON(bad);
	unmark(p, hard);
	return p;
irq:
	return hard ? irq_alloc_hard(c) : irq_alloc_plain(c);
bad:
	never();
miss:
	p = refill();
	unmark(p, hard);
	return p;
}

/* Preemption is off, and the checks were made. */
inl void push(struct set *c, void *p, const bool hard)
{
	unsigned long i;

	AT_LEVEL(irq);
	asm volatile("movzbl " GS(n) ", %k[i]" : [i] "=r" (i) : [c] "r" (c), OFFSETS);
	asm goto("cmpb " GS(cap) ", %b[i]\n\tjae %l[miss]"
		 : : [c] "r" (c), [i] "q" (i), OFFSETS : "memory", "cc" : miss);
	if (hard)
		*(unsigned long *)p = (unsigned long)p | MARK;
	asm volatile("movq %[p], %%gs:%c[slot](%[c],%[i],8)\n\tincb " GS(n)
		     : : [p] "r" (p), [c] "r" (c), [i] "r" (i), OFFSETS : "memory", "cc");
	PREEMPT_ON(bad);
	return;
irq:
	if (hard)
		irq_free_hard(c, p);
	else
		irq_free_plain(c, p);
	return;
bad:
	never();
miss:
	if (hard)
		*(unsigned long *)p = (unsigned long)p | MARK;
	flush(p);
}

inl void check(struct set *c, void *p)
{
	unsigned long mark = (unsigned long)p | MARK, tag;

	asm("imull $128, %k1, %k0\n\tshrl $21, %k0" : "=r" (tag) : "r" (p) : "cc");
	asm goto("cmpq %0, %c3(%1,%2,8)\n\tjne %l[bad]"
		 : : "r" (c), "r" (mark), "r" (tag), "i" (-(long)MARK) : "memory", "cc" : bad);
	asm goto("cmpq %0, (%1)\n\tje %l[bad]" : : "r" (mark), "r" (p) : "memory", "cc" : bad);
	return;
bad:
	never();
}

inl void *today_alloc(struct set *c, const bool hard)
{
	return pop(c, hard);
}

inl void today_free(struct set *c, void *p, const bool hard)
{
	KEY(hard);
	preempt_off();
	if (hard)
		check(c, p);
	push(c, p, hard);
}

inl void *bare_alloc(struct set *c, const bool hard)
{
	bool got;
	void *p;

	asm volatile("movq " GS(hot) ", %[p]" : [p] "=a" (p) : [c] "r" (c), OFFSETS);
	if (unlikely(!p))
		return pop(c, hard);
	asm volatile("cmpxchgq %[none], " GS(hot) : [p] "+a" (p), "=@ccz" (got)
		     : [none] "r" (0UL), [c] "r" (c), OFFSETS : "memory");
	if (unlikely(!got))
		return pop(c, hard);
	unmark(p, hard);
	return p;
}

/* Put @p into the slot in front. Returns false when there is one already. */
inl bool put_hot(struct set *c, void *p)
{
	unsigned long none = 0;
	bool got;

	asm volatile("cmpxchgq %[p], " GS(hot) : "+a" (none), "=@ccz" (got)
		     : [p] "r" (p), [c] "r" (c), OFFSETS : "memory");
	return got;
}

inl void bare_free(struct set *c, void *p, const bool hard)
{
	KEY(hard);
	if (hard) {
		check(c, p);
		*(unsigned long *)p = (unsigned long)p | MARK;
	}
	if (likely(put_hot(c, p)))
		return;
	preempt_off();
	push(c, p, hard);
}

inl void *safe_alloc(struct set *c, const bool hard)
{
	return bare_alloc(c, hard);
}

inl void safe_free(struct set *c, void *p, const bool hard)
{
	if (!hard) {
		bare_free(c, p, hard);
		return;
	}
	KEY(hard);
	preempt_off();
	check(c, p);
	asm goto("cmpq $0, " GS(hot) "\n\tjne %l[full]" : : [c] "r" (c), OFFSETS : "cc" : full);
	*(unsigned long *)p = (unsigned long)p | MARK;
	if (unlikely(!put_hot(c, p)))
		goto full;
	PREEMPT_ON(bad);
	return;
bad:
	never();
full:
	push(c, p, hard);
}

/* Work alone. */
static long one[8];

inl void *none_alloc(struct set *c, const bool hard)
{
	void *p = one;

	asm volatile("" : "+r" (p));
	return p;
}

inl void none_free(struct set *c, void *p, const bool hard)
{
}

/* 80 sums that depend on nothing. */
inl void sums(void)
{
	asm volatile(".rept 20\n\tleaq 1(%%rsi), %%rax\n\tleaq 1(%%rsi), %%rdx\n\t"
		     "leaq 1(%%rsi), %%rcx\n\tleaq 1(%%rsi), %%r8\n\t.endr"
		     : : : "rax", "rdx", "rcx", "r8");
}

/* An object that is written and read, each word of it. */
inl void use(volatile long *p, long x)
{
	int i;

	for (i = 0; i < 8; i++)
		p[i] = x + i;
	for (i = 0; i < 8; i++)
		x += p[i];
	asm volatile("" : : "r" (x));
}

#include "hot_slot_loops.h"

static double sorted[TURNS];

static int compare(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return d < 0 ? -1 : d > 0;
}

static const double *sort(const double *v)
{
	memcpy(sorted, v, sizeof(sorted));
	qsort(sorted, TURNS, sizeof(*sorted), compare);
	return sorted;
}

static double ns[2][NR_ROWS][NR_WAYS][TURNS];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void turn(int t, int hard, int row)
{
	struct set *c = &hot_slot_pcpu.set;
	double begin;
	int i, way;

	for (i = 0; i < NR_WAYS; i++) {
		way = (i + t) % NR_WAYS;
		rows[hard][row].way[way](c, PAIRS / 8);
		begin = now();
		rows[hard][row].way[way](c, PAIRS);
		ns[hard][row][way][t] = (now() - begin) / PAIRS;
	}
}

static void report(int hard, int row)
{
	double (*v)[TURNS] = ns[hard][row], ratio[TURNS];
	const double *r;
	int t, way;

	for (way = TODAY; way < NONE; way++)
		for (t = 0; t < TURNS && rows[hard][row].worked; t++)
			v[way][t] -= v[NONE][t];
	printf("%-10s hardened=%d  today %5.2f", rows[hard][row].name, hard,
	       sort(v[TODAY])[TURNS / 2]);
	for (way = BARE; way < NONE; way++) {
		printf("  %s %5.2f", way_names[way], sort(v[way])[TURNS / 2]);
		for (t = 0; t < TURNS; t++)
			ratio[t] = v[way][t] / v[TODAY][t];
		r = sort(ratio);
		printf(" ratio %.2f (%.2f-%.2f)", r[TURNS / 2], r[TURNS / 4],
		       r[TURNS - 1 - TURNS / 4]);
	}
	putchar('\n');
}

/* Objects of a SuperSlab in random order: a depot, a set, and one for softirqs. */
static void fill(char *block)
{
	static struct set softirq = { .cap = SLOTS };
	void *all[10 * SLOTS], **tags = (void **)block, *p;
	unsigned int i, k;

	for (i = 0; i < 2048; i++)
		tags[i] = &hot_slot_pcpu.set;
	for (i = 0; i < 10 * SLOTS; i++)
		all[i] = block + (1 << 14) + i * 64;
	srandom(7);
	for (i = 10 * SLOTS - 1; i; i--) {
		k = random() % (i + 1);
		p = all[i];
		all[i] = all[k];
		all[k] = p;
	}
	memcpy(depot, all, 8 * sizeof(depot[0]));
	depot_n = 8;
	cpu->set.cap = SLOTS;
	cpu->set.n = SLOTS;
	memcpy(cpu->set.slot, all + 8 * SLOTS, sizeof(cpu->set.slot));
	softirq.n = SLOTS / 2;
	memcpy(softirq.slot, all + 9 * SLOTS, sizeof(softirq.slot));
	cpu->irq = &softirq;
}

int main(void)
{
	int both = PROT_READ | PROT_WRITE, how = MAP_PRIVATE | MAP_ANONYMOUS, t, row;
	char *block = mmap(NULL, 2 * BLOCK, both, how, -1, 0);

	cpu = mmap(NULL, sizeof(*cpu), both, how, -1, 0);
	if (block == MAP_FAILED || cpu == MAP_FAILED ||
	    syscall(SYS_arch_prctl, ARCH_SET_GS, (char *)cpu - (char *)&hot_slot_pcpu)) {
		perror("hot_slot");
		return 1;
	}
	fill((char *)(((unsigned long)block + BLOCK - 1) & -BLOCK));
	cpu->preempt = 1U << 31;
	for (t = 0; t < TURNS; t++)
		for (row = 0; row < NR_ROWS; row++) {
			turn(t, 0, row);
			turn(t, 1, row);
		}
	for (row = 0; row < NR_ROWS; row++) {
		report(0, row);
		report(1, row);
	}
	return 0;
}
