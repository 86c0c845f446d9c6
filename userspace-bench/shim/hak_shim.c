// SPDX-License-Identifier: GPL-2.0
/* CPUs, pages, locks and messages for hak_shim.h, on mmap(), pthreads and write(). */
#include <dlfcn.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hak_shim.h"

const char shim_nowhere[SHIM_DYNAMIC + SHIM_STATIC];
__thread const char *shim_base = shim_nowhere;
__thread int shim_count, shim_cpu_nr;
__thread bool shim_quiesced;
struct shim_cpu *shim_cpu;
int nr_cpu_ids;
void (*shim_cpu_up)(int cpu), (*shim_drain)(int cpu);
void (*shim_bound)(void);
__thread bool shim_dying;
struct shim_next shim_next;
char *shim_arena;
unsigned long shim_window __read_mostly = ~0UL;
struct page *shim_pages;

static pthread_mutex_t cpu_lock = PTHREAD_MUTEX_INITIALIZER;
static char *slots;
static size_t dynamic_used = 4096;	/* handle 0 is nobody's, and stays zero */
static int *free_cpu, nr_free_cpus, nr_dying;

/* Address space that is naturally aligned: where it fits by itself, or cut out of more. */
static void *reserve(size_t bytes, size_t align)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	char *p, *base;

	for (base = (char *)(align << 1); align > PAGE_SIZE && base < (char *)(align << 11); base += base - (char *)0) {
		p = mmap(base, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
		if (p == base)
			return p;
		if (p != MAP_FAILED)
			munmap(p, bytes);
	}
	p = mmap(NULL, bytes + align, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	base = (char *)ALIGN((unsigned long)p, align);
	munmap(p, base - p);
	munmap(base + bytes, p + align - base);
	return base;
}

void *shim_alloc_percpu(size_t size)
{
	size_t at = __atomic_fetch_add(&dynamic_used, ALIGN(size, 64), __ATOMIC_RELAXED);

	return at + size > SHIM_DYNAMIC ? NULL : (void *)at;
}

/* Offsets are not used again: caches that come and go belong into a kernel. */
void free_percpu(struct hak_cache *c)
{
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

static void cpu_down(int cpu)
{
	WRITE_ONCE(shim_cpu[cpu].online, false);
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

/*
 * A thread that frees after its last word is bound once more, until it is gone.  The next
 * that ends looks after it: that one holds no lock.
 */
static void bury_dead(void)
{
	int cpu, tid;

	for_each_possible_cpu(cpu) {
		tid = READ_ONCE(shim_cpu[cpu].tid);
		if (tid && syscall(SYS_tgkill, getpid(), tid, 0) &&
		    xchg(&shim_cpu[cpu].tid, 0) == tid) {
			__atomic_fetch_sub(&nr_dying, 1, __ATOMIC_RELAXED);
			cpu_down(cpu);
		}
	}
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
	WRITE_ONCE(shim_cpu[cpu].online, true);
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

void shim_unbind(void)
{
	int cpu = shim_cpu_nr;

	if (!cpu)
		return;
	if (READ_ONCE(nr_dying))
		bury_dead();
	cpu_down(cpu);
}

/* Every other thread leaves its locks and enters none until the fork is done. */
static int forking;			/* CPU of the thread that forks, or 0 */

void shim_fork(bool begin)
{
	int cpu;

	if (!begin) {
		WRITE_ONCE(forking, 0);
		pthread_mutex_unlock(&cpu_lock);
		return;
	}
	shim_slot();
	pthread_mutex_lock(&cpu_lock);
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

void shim_work(struct work_struct *w)
{
	__atomic_fetch_add(&w->running, 1, __ATOMIC_ACQUIRE);
	w->fn(w);
	__atomic_fetch_sub(&w->running, 1, __ATOMIC_RELEASE);
}

void flush_work(struct work_struct *w)
{
	while (smp_load_acquire(&w->running))
		sched_yield();
}

/* Another thread's sets can be looked after only when it is known to keep out. */
void queue_work_on(int cpu, struct workqueue_struct *q, struct work_struct *w)
{
	const char *base = shim_base;
	int nr = shim_cpu_nr;

	if (cpu != nr && !shim_quiesced)
		return;
	shim_base = shim_cpu[cpu].base;
	shim_cpu_nr = cpu;
	shim_work(w);
	shim_base = base;
	shim_cpu_nr = nr;
}

/* Pages: SuperSlabs from the first part of the arena, smaller blocks from the rest. */
static raw_spinlock_t page_lock;
static u32 page_fresh[2] = { 1U << 9, SHIM_SS_BYTES >> PAGE_SHIFT };
static u32 page_free[10];		/* by order, index of the first; 0: none */

struct page *alloc_pages_node(int nid, gfp_t gfp, unsigned int order)
{
	u32 *fresh = &page_fresh[order < 9], i;
	u32 end = (order < 9 ? SHIM_SS_BYTES + SHIM_SMALL_BYTES : SHIM_SS_BYTES) >> PAGE_SHIFT;

	preempt_disable();
	raw_spin_lock(&page_lock);
	i = page_free[order];
	if (i) {
		page_free[order] = shim_pages[i].next;
	} else if (ALIGN(*fresh, 1U << order) + (1U << order) <= end) {
		i = ALIGN(*fresh, 1U << order);
		*fresh = i + (1U << order);
	}
	raw_spin_unlock(&page_lock);
	preempt_enable();
	if (!i)
		return NULL;
	shim_pages[i].refs = 1;
	return &shim_pages[i];
}

/* The memory stays mapped and reads as 0 from now on: whoever still looks sees no SuperSlab. */
void __free_pages(struct page *page, unsigned int order)
{
	int err = errno;

	madvise(page_address(page), PAGE_SIZE << order, MADV_DONTNEED);
	errno = err;
	preempt_disable();
	raw_spin_lock(&page_lock);
	page->next = page_free[order];
	page_free[order] = page - shim_pages;
	raw_spin_unlock(&page_lock);
	preempt_enable();
}

/* One conversion of @spec, which ends in its letter; returns characters written. */
static int print_one(char *to, size_t room, const char *spec, va_list *args)
{
	char end = spec[strlen(spec) - 1];

	if (end == 's' || end == 'p')
		return snprintf(to, room, spec, va_arg(*args, void *));
	if (strchr(spec, 'l'))
		return snprintf(to, room, spec, va_arg(*args, long));
	return snprintf(to, room, spec, va_arg(*args, int));
}

static size_t print_all(char *to, size_t room, const char *fmt, va_list *args)
{
	char spec[16];
	size_t n = 0, len;

	while (*fmt && n + 1 < room) {
		len = *fmt == '%' ? strcspn(fmt + 1, "diuxpsc%") + 2 : 1;
		if (len == 1) {
			to[n++] = *fmt;
		} else if (!strncmp(fmt, "%pV", 3)) {
			struct va_format *v = va_arg(*args, struct va_format *);

			n += print_all(to + n, room - n, v->fmt, v->va);
			len = 3;
		} else {
			snprintf(spec, min(sizeof(spec), len + 1), "%s", fmt);
			n = min(n + print_one(to + n, room - n, spec, args), room - 1);
			len += !strncmp(fmt, "%pS", 3);
		}
		fmt += len;
	}
	to[n] = 0;
	return n;
}

int pr_err(const char *fmt, ...)
{
	char line[512];
	va_list args;
	size_t n;

	va_start(args, fmt);
	n = print_all(line, sizeof(line), fmt, &args);
	va_end(args);
	return write(2, line, n);
}

int shim_init(void)
{
	size_t pages = node_end_pfn(0) * sizeof(struct page);

	shim_next.malloc = dlsym(RTLD_NEXT, "malloc");
	shim_next.calloc = dlsym(RTLD_NEXT, "calloc");
	shim_next.realloc = dlsym(RTLD_NEXT, "realloc");
	shim_next.memalign = dlsym(RTLD_NEXT, "memalign");
	shim_next.free = dlsym(RTLD_NEXT, "free");
	shim_next.usable = dlsym(RTLD_NEXT, "malloc_usable_size");
	shim_cpu = reserve(SHIM_CPUS * sizeof(*shim_cpu), PAGE_SIZE);
	free_cpu = reserve(SHIM_CPUS * sizeof(*free_cpu), PAGE_SIZE);
	slots = reserve(SHIM_CPUS * sizeof(shim_nowhere), PAGE_SIZE);
	shim_pages = reserve(pages, PAGE_SIZE);
	shim_arena = reserve(SHIM_SS_BYTES + SHIM_SMALL_BYTES, SHIM_SS_BYTES);
	if (!shim_cpu || !free_cpu || !slots || !shim_pages || !shim_arena)
		return -ENOMEM;
	shim_window = (unsigned long)shim_arena >> SHIM_WINDOW_SHIFT;
	shim_cpu[0].base = slots;
	nr_cpu_ids = 1;
	return 0;
}
