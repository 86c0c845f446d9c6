// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs and locks for hak_shim.h: slots of memory, and threads that are bound to them.
 *
 * A slot is given up when its thread ends, and is drained then like a dead CPU.  A
 * thread that frees after its last word, as the C library does, is bound once more.  The
 * next thread that ends sees that it is gone.
 */
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hak_shim.h"

const char shim_nowhere[SHIM_DYNAMIC];
__thread const char *shim_base = shim_nowhere;
__thread int shim_cpu_nr, shim_count;
int shim_readers;
__thread bool shim_dying, shim_quiesced;
struct shim_cpu *shim_cpu;
int nr_cpu_ids;
void (*shim_cpu_up)(int cpu), (*shim_drain)(int cpu), (*shim_bound)(void);

static pthread_mutex_t cpu_lock = PTHREAD_MUTEX_INITIALIZER;
static char *slots;
static size_t dynamic_used = PAGE_SIZE;	/* handle 0 is nobody's; its sets stay zero */
static int *free_cpu, nr_free_cpus;	/* [cpu_lock] */
static int nr_dying;			/* slots whose tid is set */
static int forking;			/* slot of the thread that forks, or 0 */
static int forker;			/* [cpu_lock] and its process */
static int shim_generation = 1;		/* of processes: what one runs, its child does not */

/* What was given up, by its place in a slot; the entry lies in slot 0. [cpu_lock] */
struct free_piece {
	size_t next, size;
};

static size_t free_pieces;

static struct free_piece *piece_at(size_t at)
{
	return (struct free_piece *)(slots + at);
}

static size_t take_piece(size_t size)
{
	size_t at, *link = &free_pieces;

	while (*link && piece_at(*link)->size != size)
		link = &piece_at(*link)->next;
	at = *link;
	if (at)
		*link = piece_at(at)->next;
	return at;
}

void *shim_alloc_percpu(size_t size)
{
	size_t at;
	int cpu;

	pthread_mutex_lock(&cpu_lock);
	at = take_piece(size);
	if (!at && dynamic_used + size <= SHIM_DYNAMIC) {
		at = dynamic_used;
		WRITE_ONCE(dynamic_used, at + ALIGN(size, 64));
	}
	pthread_mutex_unlock(&cpu_lock);
	if (at)
		for_each_possible_cpu(cpu)
			memset(shim_cpu[cpu].base + at, 0, size);
	return (void *)at;
}

void shim_free_percpu(size_t at, size_t size)
{
	if (!at)
		return;
	pthread_mutex_lock(&cpu_lock);
	*piece_at(at) = (struct free_piece){ free_pieces, size };
	free_pieces = at;
	pthread_mutex_unlock(&cpu_lock);
}

/*
 * A cache that is being made writes to slot 0 first and then to those that are counted.
 * So a slot is counted first, and copied until it is the same: it misses nothing.
 */
static void cpu_up(int cpu)
{
	size_t used = min(READ_ONCE(dynamic_used), (size_t)SHIM_DYNAMIC);

	shim_cpu[cpu].base = slots + cpu * sizeof(shim_nowhere);
	WRITE_ONCE(nr_cpu_ids, cpu + 1);
	do {
		memcpy(shim_cpu[cpu].base, shim_cpu[0].base, used);
	} while (memcmp(shim_cpu[cpu].base, shim_cpu[0].base, used));
	shim_cpu_up(cpu);
}

char *shim_bind(void)
{
	int cpu, err = errno;

	pthread_mutex_lock(&cpu_lock);
	cpu = nr_free_cpus ? free_cpu[--nr_free_cpus] : nr_cpu_ids;
	if (cpu == SHIM_CPUS)
		panic("hakmem: more than %d threads\n", SHIM_CPUS - 1);
	if (cpu == nr_cpu_ids)
		cpu_up(cpu);
	pthread_mutex_unlock(&cpu_lock);
	shim_cpu_nr = cpu;
	shim_base = shim_cpu[cpu].base;
	if (shim_dying) {
		WRITE_ONCE(shim_cpu[cpu].tid, syscall(SYS_gettid));
		__atomic_fetch_add(&nr_dying, 1, __ATOMIC_RELAXED);
	} else {
		shim_bound();
	}
	errno = err;
	return shim_cpu[cpu].base;
}

static void cpu_down(int cpu)
{
	shim_drain(cpu);
	/* Before it is anybody else's. */
	if (cpu == shim_cpu_nr) {
		shim_base = shim_nowhere;
		shim_cpu_nr = 0;
	}
	pthread_mutex_lock(&cpu_lock);
	free_cpu[nr_free_cpus++] = cpu;
	pthread_mutex_unlock(&cpu_lock);
}

void shim_bury(void)
{
	int cpu, tid;

	if (!READ_ONCE(nr_dying))
		return;
	for_each_possible_cpu(cpu) {
		tid = READ_ONCE(shim_cpu[cpu].tid);
		if (!tid || !syscall(SYS_tgkill, getpid(), tid, 0) ||
		    xchg(&shim_cpu[cpu].tid, 0) != tid)
			continue;
		__atomic_fetch_sub(&nr_dying, 1, __ATOMIC_RELAXED);
		cpu_down(cpu);
	}
}

void shim_unbind(void)
{
	if (!shim_cpu_nr)
		return;
	shim_bury();
	cpu_down(shim_cpu_nr);
}

/* Every other thread leaves its locks and enters none until the fork is done. */
void shim_fork(bool begin)
{
	int cpu;

	if (!begin) {
		if (getpid() != forker)
			shim_generation++;
		/* What a thread that is not in this process was about to take is free. */
		for_each_possible_cpu(cpu)
			if (getpid() != forker)
				shim_cpu[cpu].locks = 0;
		WRITE_ONCE(forking, 0);
		pthread_mutex_unlock(&cpu_lock);
		return;
	}
	shim_slot();
	pthread_mutex_lock(&cpu_lock);
	forker = getpid();
	xchg(&forking, shim_cpu_nr);
	for_each_possible_cpu(cpu)
		while (READ_ONCE(shim_cpu[cpu].locks))
			sched_yield();
}

void raw_spin_lock(raw_spinlock_t *l)
{
	int *locks = &shim_cpu[shim_cpu_nr].locks, spins = 0;

	for (;;) {
		__atomic_fetch_add(locks, 1, __ATOMIC_SEQ_CST);
		if (likely(!READ_ONCE(forking) || READ_ONCE(forking) == shim_cpu_nr))
			break;
		__atomic_fetch_sub(locks, 1, __ATOMIC_SEQ_CST);
		sched_yield();
	}
	while (xchg(&l->held, 1))
		while (READ_ONCE(l->held))
			if (++spins % 64)
				__builtin_ia32_pause();
			else
				sched_yield();
}

void raw_spin_unlock(raw_spinlock_t *l)
{
	smp_store_release(&l->held, 0);
	__atomic_fetch_sub(&shim_cpu[shim_cpu_nr].locks, 1, __ATOMIC_RELEASE);
}

__thread struct work_struct *shim_working;

bool shim_work_busy(struct work_struct *w)
{
	return smp_load_acquire(&w->running) == shim_generation;
}

/*
 * One thread at a time runs it, as in the kernel: who is told by its end that something was done
 * relies on that.  One who comes meanwhile leaves it to the thread that runs it.
 */
void shim_work(struct work_struct *w)
{
	struct work_struct *outer = shim_working;
	int seen;

	__atomic_store_n(&w->pending, true, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&w->pending, __ATOMIC_SEQ_CST)) {
		seen = __atomic_load_n(&w->running, __ATOMIC_SEQ_CST);
		if (seen == shim_generation)
			return;
		if (!__atomic_compare_exchange_n(&w->running, &seen, shim_generation, false,
						 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			continue;
		__atomic_store_n(&w->pending, false, __ATOMIC_SEQ_CST);
		shim_working = w;
		w->fn(w);
		shim_working = outer;
		__atomic_store_n(&w->running, 0, __ATOMIC_SEQ_CST);
	}
}

void flush_work(struct work_struct *w)
{
	while (shim_work_busy(w))
		sched_yield();
}

/*
 * Another thread's sets can be looked after only when it is known to keep out.  Work that
 * is bound to a CPU stays there.
 */
void queue_work_on(int cpu, struct workqueue_struct *q, struct work_struct *w)
{
	const char *base;
	int nr;

	if (cpu != shim_cpu_nr && !shim_quiesced)
		return;
	preempt_disable();
	base = shim_base;
	nr = shim_cpu_nr;
	shim_base = shim_cpu[cpu].base;
	shim_cpu_nr = cpu;
	shim_work(w);
	shim_base = base;
	shim_cpu_nr = nr;
	preempt_enable();
}

int shim_cpus_init(void)
{
	shim_cpu = shim_reserve(SHIM_CPUS * sizeof(*shim_cpu), PAGE_SIZE);
	free_cpu = shim_reserve(SHIM_CPUS * sizeof(*free_cpu), PAGE_SIZE);
	slots = shim_reserve(SHIM_CPUS * sizeof(shim_nowhere), PAGE_SIZE);
	if (!shim_cpu || !free_cpu || !slots)
		return -ENOMEM;
	shim_cpu[0].base = slots;
	if (__stop_shim_percpu - __start_shim_percpu > PAGE_SIZE - SHIM_STATIC_AT)
		return -ENOMEM;
	nr_cpu_ids = 1;
	return 0;
}
