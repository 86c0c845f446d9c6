// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs and locks for hak_shim.h: slots of memory, and threads that are bound to them.
 *
 * A slot is given up when its thread ends, and is drained then like a dead CPU.  A
 * thread that frees after its last word, as the C library does, is bound once more.  The
 * next thread that ends sees that it is gone.
 */
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
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
static int free_cpu;			/* [cpu_lock] the first of those nobody has, or 0 */
static int nr_slots = 2;		/* [cpu_lock] of nobody, for those who get none, and used */
static int kept_slot;			/* [cpu_lock] not below, and in use all the same; or 0 */
static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static char *spare_slot;		/* has memory, for those who can get none */
static int spare_cpu;			/* [spare_lock] its number, or 0 */
static int nr_dying;			/* slots whose tid is set */
static int forking;			/* slot of the thread that forks, or 0 */
static int forker;			/* [cpu_lock] and its process */
static int shim_generation = 1;		/* of processes: what one runs, its child does not */

static __thread int thread_id;		/* of the kernel's, or 0: not asked yet */

#define LONGEST_WAIT	10000000L	/* nanoseconds */
#define NSEC_PER_SEC	1000000000L

/* Those of lower priority, too. */
static void let_others_run(void)
{
	struct timespec moment = { 0, 50000 };

	nanosleep(&moment, NULL);
}

static bool lock_at_once(raw_spinlock_t *l)
{
	int nobody = 0;

	if (unlikely(!thread_id))
		thread_id = syscall(SYS_gettid);
	return __atomic_compare_exchange_n(&l->held, &nobody, thread_id, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/* What was given up, in order of its place in a slot; the entry lies in slot 0. [cpu_lock] */
struct free_piece {
	size_t next, size;
};

static size_t free_pieces;

static struct free_piece *piece_at(size_t at)
{
	return (struct free_piece *)(slots + at);
}

/* The smallest that is large enough; what it has beyond @size stays.  0: there is none. */
static size_t take_piece(size_t size)
{
	size_t at, *link, *best = NULL;
	struct free_piece *p;

	for (link = &free_pieces; *link; link = &piece_at(*link)->next)
		if (piece_at(*link)->size >= size &&
		    (!best || piece_at(*link)->size < piece_at(*best)->size))
			best = link;
	if (!best)
		return 0;
	at = *best;
	p = piece_at(at);
	if (p->size == size) {
		*best = p->next;
	} else {
		*piece_at(at + size) = (struct free_piece){ p->next, p->size - size };
		*best = at + size;
	}
	return at;
}

/* Pieces that lie side by side become one: caches come and go in many sizes. */
static void give_piece(size_t at, size_t size)
{
	struct free_piece *p, *before = NULL;
	size_t *link = &free_pieces;

	while (*link && *link < at) {
		before = piece_at(*link);
		link = &before->next;
	}
	p = piece_at(at);
	*p = (struct free_piece){ *link, size };
	*link = at;
	if (p->next == at + size) {
		p->size += piece_at(p->next)->size;
		p->next = piece_at(p->next)->next;
	}
	if (before && (char *)before + before->size == (char *)p) {
		before->size += p->size;
		before->next = p->next;
	}
}

void *shim_alloc_percpu(size_t size)
{
	size_t at;
	int cpu;

	size = ALIGN(size, 64);
	pthread_mutex_lock(&cpu_lock);
	at = take_piece(size);
	if (!at && dynamic_used + size <= SHIM_DYNAMIC) {
		at = dynamic_used;
		WRITE_ONCE(dynamic_used, at + size);
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
	give_piece(at, ALIGN(size, 64));
	pthread_mutex_unlock(&cpu_lock);
}

/*
 * A cache that is being made writes to slot 0 first and then to those that are counted.
 * So a slot is counted first, and copied until it is the same: it misses nothing.
 */
static void cpu_up(int cpu, char *base)
{
	size_t used = min(READ_ONCE(dynamic_used), (size_t)SHIM_DYNAMIC);

	shim_cpu[cpu].base = base;
	WRITE_ONCE(nr_cpu_ids, cpu + 1);
	do {
		memcpy(shim_cpu[cpu].base, shim_cpu[0].base, used);
	} while (memcmp(shim_cpu[cpu].base, shim_cpu[0].base, used));
	shim_cpu_up(cpu);
}

/* A number nobody has, and with one more behind it, in the table of CPUs; or 0.  [cpu_lock] */
static int cpu_number(void)
{
	int cpu = nr_cpu_ids;

	return shim_part_reach(SHIM_PART_CPUS, (cpu + 2) * sizeof(*shim_cpu)) ? cpu : 0;
}

/* [cpu_lock] Or 0: there is no memory for one more. */
static int cpu_take(void)
{
	int cpu = free_cpu;

	if (cpu) {
		free_cpu = shim_cpu[cpu].next;
		return cpu;
	}
	cpu = cpu_number();
	nr_slots += nr_slots == kept_slot;
	if (!cpu || !shim_part_reach(SHIM_PART_SLOTS, (nr_slots + 1UL) * SHIM_SLOT))
		return 0;
	cpu_up(cpu, slots + nr_slots++ * SHIM_SLOT);
	return cpu;
}

static void cpu_enter(int cpu)
{
	shim_cpu_nr = cpu;
	shim_base = shim_cpu[cpu].base;
}

static bool bind(void)
{
	int cpu, err = errno;

	pthread_mutex_lock(&cpu_lock);
	cpu = cpu_take();
	pthread_mutex_unlock(&cpu_lock);
	if (!cpu)
		return false;
	cpu_enter(cpu);
	if (shim_dying) {
		WRITE_ONCE(shim_cpu[cpu].tid, syscall(SYS_gettid));
		__atomic_fetch_add(&nr_dying, 1, __ATOMIC_RELAXED);
	} else {
		shim_bound();
	}
	errno = err;
	return true;
}

char *shim_bind(void)
{
	if (!bind())
		panic("hakmem: no memory for one more thread\n");
	return (char *)shim_base;
}

/* This thread has the spare slot.  [spare_lock] */
static void spare_enter(void)
{
	pthread_mutex_lock(&cpu_lock);
	if (!spare_cpu) {
		/* The table has had room for it since there was the last one. */
		spare_cpu = nr_cpu_ids;
		cpu_up(spare_cpu, spare_slot);
	}
	pthread_mutex_unlock(&cpu_lock);
	cpu_enter(spare_cpu);
}

static void cpu_leave(void)
{
	shim_base = shim_nowhere;
	shim_cpu_nr = 0;
}

bool shim_enter(void)
{
	if (shim_base != shim_nowhere || bind())
		return false;
	pthread_mutex_lock(&spare_lock);
	spare_enter();
	return true;
}

void shim_leave(bool borrowed)
{
	if (!borrowed)
		return;
	cpu_leave();
	pthread_mutex_unlock(&spare_lock);
}

static void cpu_down(int cpu)
{
	shim_drain(cpu);
	/* Before it is anybody else's. */
	if (cpu == shim_cpu_nr)
		cpu_leave();
	pthread_mutex_lock(&cpu_lock);
	shim_cpu[cpu].next = free_cpu;
	free_cpu = cpu;
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

/* The spare slot is this thread's alone, in the child too, and used if it has no other. */
void shim_fork_spare(bool begin)
{
	static bool used;			/* [spare_lock] */

	if (begin) {
		pthread_mutex_lock(&spare_lock);
		used = shim_base == shim_nowhere && !bind();
		if (used)
			spare_enter();
		return;
	}
	if (used)
		cpu_leave();
	pthread_mutex_unlock(&spare_lock);
}

/* Slots that nobody has any more; the next to have one finds nothing in it. */
static void slots_drop(int first, int end)
{
	int err = errno;

	if (first < end)
		madvise(slots + first * (size_t)SHIM_SLOT, (end - first) * (size_t)SHIM_SLOT,
			MADV_DONTNEED);
	errno = err;
}

/*
 * The other threads are not in this process, and what they had in hand is in no known state.  So
 * their slots are not even looked at, which would take a page each.
 */
void shim_alone(void)
{
	bool spare = shim_cpu_nr == spare_cpu, dying = shim_cpu[shim_cpu_nr].tid;
	int mine = (shim_base - slots) / SHIM_SLOT, end = max(nr_slots, kept_slot + 1);

	slots_drop(2, min(mine, end));
	slots_drop(max(mine + 1, 2), end);
	kept_slot = mine;
	nr_slots = 2;
	shim_cpu[1] = (struct shim_cpu){ .base = (char *)shim_base,
					 .tid = dying ? syscall(SYS_gettid) : 0 };
	nr_dying = dying;
	spare_cpu = spare;
	free_cpu = 0;
	shim_cpu_nr = 1;
	nr_cpu_ids = 2;
	WRITE_ONCE(forking, shim_cpu_nr);
}

/* Every other thread leaves its locks and enters none until the fork is done. */
void shim_fork(bool begin)
{
	int cpu;

	if (!begin) {
		if (getpid() != forker) {
			shim_generation++;
			thread_id = 0;
		}
		/* What a thread that is not in this process was about to take is free. */
		for_each_possible_cpu(cpu)
			if (getpid() != forker)
				shim_cpu[cpu].locks = 0;
		WRITE_ONCE(forking, 0);
		pthread_mutex_unlock(&cpu_lock);
		return;
	}
	pthread_mutex_lock(&cpu_lock);
	forker = getpid();
	xchg(&forking, shim_cpu_nr);
	for_each_possible_cpu(cpu)
		while (READ_ONCE(shim_cpu[cpu].locks))
			let_others_run();
}

/*
 * A lock holds the number of its thread.  Who finds it held for long lends its priority to that
 * thread, in the kernel.  The wait has an end, since a child of vfork() or clone() has a number
 * that is not its own, and so cannot pass the lock on.
 */
static bool lock_in_kernel(raw_spinlock_t *l)
{
	struct timespec until;
	int err = errno;
	bool got;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += LONGEST_WAIT;
	until.tv_sec += until.tv_nsec / NSEC_PER_SEC;
	until.tv_nsec %= NSEC_PER_SEC;
	got = !syscall(SYS_futex, &l->held, FUTEX_LOCK_PI_PRIVATE, 0, &until, NULL, 0);
	if (!got && errno != ETIMEDOUT)
		let_others_run();
	errno = err;
	/* Pairs with unlock_in_kernel(). */
	return got && smp_load_acquire(&l->held);
}

static noinline void unlock_in_kernel(raw_spinlock_t *l)
{
	int err = errno;

	__atomic_fetch_or(&l->held, 0, __ATOMIC_RELEASE);
	if (syscall(SYS_futex, &l->held, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0))
		smp_store_release(&l->held, 0);
	errno = err;
}

static noinline void lock_held(raw_spinlock_t *l)
{
	int spins;

	do {
		for (spins = 0; spins < 64 && READ_ONCE(l->held); spins++)
			cpu_relax();
		if (lock_at_once(l))
			return;
	} while (!lock_in_kernel(l));
}

void raw_spin_lock(raw_spinlock_t *l)
{
	int *locks = &shim_cpu[shim_cpu_nr].locks;

	for (;;) {
		__atomic_fetch_add(locks, 1, __ATOMIC_SEQ_CST);
		if (likely(!READ_ONCE(forking) || READ_ONCE(forking) == shim_cpu_nr))
			break;
		__atomic_fetch_sub(locks, 1, __ATOMIC_SEQ_CST);
		let_others_run();
	}
	if (unlikely(!lock_at_once(l)))
		lock_held(l);
}

void raw_spin_unlock(raw_spinlock_t *l)
{
	int mine = thread_id;

	if (unlikely(!__atomic_compare_exchange_n(&l->held, &mine, 0, false, __ATOMIC_RELEASE,
						  __ATOMIC_RELAXED)))
		unlock_in_kernel(l);
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
		let_others_run();
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
	if (__stop_shim_percpu - __start_shim_percpu > PAGE_SIZE - SHIM_STATIC_AT ||
	    !shim_part_reach(SHIM_PART_CPUS, 2 * sizeof(*shim_cpu)) ||
	    !shim_part_reach(SHIM_PART_SLOTS, 2 * SHIM_SLOT))
		return -ENOMEM;
	shim_cpu = (struct shim_cpu *)shim_part(SHIM_PART_CPUS);
	slots = shim_part(SHIM_PART_SLOTS);
	spare_slot = slots + SHIM_SLOT;
	shim_cpu[0].base = slots;
	nr_cpu_ids = 1;
	return 0;
}
