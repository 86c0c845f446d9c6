// SPDX-License-Identifier: GPL-2.0
/*
 * Is a tick of get_cycles() an instruction on this machine?
 *
 * Two loops of 100,000 rounds are timed, of two and of three instructions each.
 * Only a clock that counts instructions reads 200,000 and 300,000 for them: a
 * processor runs both at one round per cycle.  The best of five tries, so that an
 * interrupt in one of them does not matter.
 */
#include <linux/kernel.h>
#include <linux/preempt.h>

#include "bench_clock.h"

struct bench_clock bench_clock;

#define CLOCK_ROUNDS 100000UL
#define CLOCK_TRIES 5

/* Takes one off %0, and goes back to 1 unless that gives 0: two instructions. */
#if defined(CONFIG_X86_64)
#define CLOCK_ROUND "decq %0\n\tjnz 1b"
#elif defined(CONFIG_ARM64)
#define CLOCK_ROUND "subs %0, %0, #1\n\tb.ne 1b"
#endif

#ifdef CLOCK_ROUND
static u64 clock_loop_two(void)
{
	unsigned long n = CLOCK_ROUNDS;
	u64 t = get_cycles();

	asm volatile("1: " CLOCK_ROUND : "+r" (n) : : "cc");
	return get_cycles() - t;
}

static u64 clock_loop_three(void)
{
	unsigned long n = CLOCK_ROUNDS;
	u64 t = get_cycles();

	asm volatile("1: nop\n\t" CLOCK_ROUND : "+r" (n) : : "cc");
	return get_cycles() - t;
}
#else
static u64 clock_loop_two(void)
{
	return 0;
}

static u64 clock_loop_three(void)
{
	return 0;
}
#endif

static bool clock_near(u64 got, u64 want)
{
	return got >= want && got - want <= want / 1000;
}

void bench_clock_init(void)
{
	u64 two = U64_MAX, three = U64_MAX;
	unsigned int i;

	for (i = 0; i < CLOCK_TRIES; i++) {
		preempt_disable();
		two = min(two, clock_loop_two());
		three = min(three, clock_loop_three());
		preempt_enable();
	}
	bench_clock.cycles = get_cycles() != 0;
	bench_clock.exact = clock_near(two, 2 * CLOCK_ROUNDS) &&
			    clock_near(three, 3 * CLOCK_ROUNDS);
}
