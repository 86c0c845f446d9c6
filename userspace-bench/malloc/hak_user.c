// SPDX-License-Identifier: GPL-2.0
/*
 * The life of the library: the user-space twin of hakmem_kmod.c.
 *
 *   parameters -> arena -> CPUs -> directory -> blocks -> deferred frees -> caches
 *
 * It starts at the first call of anybody.  That may come from the dynamic linker before there is
 * an environment, or from dlsym() while it starts.  Such calls are served from a little memory of
 * its own.  It never stops; at exit it tells, if asked, what it did.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "malloc/hak_run.h"

enum { START_NOT, START_GOING, START_DONE };
static int started;
static pthread_key_t thread_key;
int hak_user_perturb;
static char early[64 << 10] __attribute__((aligned(16)));
static size_t early_used;
/* What the environment said of statistics when the program began. */
static struct {
	bool wanted;
	char path[PATH_MAX];		/* or empty: to standard error */
	int fd;				/* a copy of that, which many programs close */
	struct stat file;		/* and what it is, lest it be another's by then */
} stats;

void *hak_user_early(size_t size)
{
	size_t room = ALIGN(size, 16) + 16, at;

	if (size > sizeof(early))
		return NULL;
	at = __atomic_fetch_add(&early_used, room, __ATOMIC_RELAXED);
	if (at + room > sizeof(early))
		return NULL;
	*(size_t *)(early + at) = size + !size;
	return early + at + 16;
}

size_t hak_user_early_size(const void *p)
{
	return (const char *)p > early && (const char *)p < early + sizeof(early) ?
	       *(const size_t *)((const char *)p - 16) : 0;
}

/* As the hotplug callback of the module: nothing else touches the CPU's sets any more. */
static void cpu_dead(int cpu)
{
	struct hak_core *core;

	hak_defer_drain_cpu(cpu);
	mutex_lock(&hak_caches_lock);
	list_for_each_entry(core, &hak_caches, list)
		hak_drain_dead_cpu(core, cpu);
	mutex_unlock(&hak_caches_lock);
}

/* Its value is of no use: that there is one makes thread_ends() run. */
static void thread_bound(void)
{
	pthread_setspecific(thread_key, &thread_key);
}

static void thread_ends(void *unused)
{
	shim_dying = true;
	shim_unbind();
}

static void fork_begins(void)
{
	shim_fork_spare(true);
	mutex_lock(&hak_caches_lock);
	mutex_lock(&hak_grow_lock);
	shim_fork(true);
}

static void fork_ended(void)
{
	shim_fork(false);
	mutex_unlock(&hak_grow_lock);
	mutex_unlock(&hak_caches_lock);
	shim_fork_spare(false);
}

/*
 * The other threads are not here, and may have been in the middle of an exchange: one
 * object in two places.  What they held is left alone, and what they counted is kept.
 */
static void fork_child(void)
{
	struct hak_core *core;

	list_for_each_entry(core, &hak_caches, list) {
		hak_core_events(core, hak_gone_events);
		memset(hak_head_of(cpu_set(core->sets, shim_cpu_nr, HAK_TASK))->ev, 0,
		       sizeof(((struct hak_head *)NULL)->ev));
	}
	shim_alone();
	fork_ended();
}

static unsigned long parameter(const char *name, unsigned long value, unsigned long least,
			       unsigned long most)
{
	const char *text = secure_getenv(name);
	unsigned long v;
	char *end;

	if (!text)
		return value;
	v = strtoul(text, &end, 0);
	if (end != text && !*end && v >= least && v <= most)
		return v;
	pr_err("hakmem: %s=%s is not within %lu..%lu: %lu it is\n", name, text, least, most, value);
	return value;
}

/* A relative path is one of the folder the program begins in. */
static void stats_path(const char *path)
{
	size_t n = 0;

	if (*path != '/' && getcwd(stats.path, sizeof(stats.path) - 1)) {
		n = strlen(stats.path);
		stats.path[n++] = '/';
	}
	strscpy(stats.path + n, path, sizeof(stats.path) - n);
}

static void stats_parameters(void)
{
	const char *text = secure_getenv("HAKMEM_STATS");
	const char *path = secure_getenv("HAKMEM_STATS_FILE");

	if (!text || !*text || !strcmp(text, "0"))
		return;
	hak_conf.stats = !strcmp(text, "1");
	stats.wanted = hak_conf.stats || !strcmp(text, "misses");
	if (!stats.wanted)
		pr_err("hakmem: HAKMEM_STATS=%s is none of 0, 1, misses: 0 it is\n", text);
	else if (path)
		stats_path(path);
	else
		stats.fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);
	if (stats.wanted && !path && fstat(stats.fd, &stats.file))
		stats.wanted = false;
}

static void parameters(void)
{
	hak_conf.hardened = parameter("HAKMEM_HARDENED", SHIM_HARDENED, SHIM_HARDENED,
				      2 * SHIM_HARDENED);
	hak_conf.mag_size = parameter("HAKMEM_MAG_SIZE", HAK_MAG_MAX, 1, HAK_MAG_MAX);
	hak_conf.mag_bytes = parameter("HAKMEM_MAG_BYTES", 128 << 10, 1024, 128 << 10);
	hak_conf.cache_bytes_max = parameter("HAKMEM_CACHE_BYTES", 1 << 20, 1 << 16, 1 << 30);
	hak_conf.superslab = parameter("HAKMEM_SUPERSLAB", 1, 0, 1);
	hak_conf.random_order = parameter("HAKMEM_RANDOM_ORDER", 0, 0, 1);
	hak_user_perturb = parameter("MALLOC_PERTURB_", 0, 0, UCHAR_MAX);
	shim_abort = parameter("HAKMEM_ABORT", 0, 0, 1);
	stats_parameters();
	hak_superslab_enabled = hak_conf.superslab;
}

static struct hak_set *set_on(int cpu, size_t size)
{
	return &per_cpu_ptr(hak_percpu(hak_user_cache(size)), cpu)->task;
}

static struct hak_user_cpu *user_cpu(int cpu)
{
	return (void *)(shim_cpu[cpu].base + HAK_USER_AT);
}

/* Filled allocations leave the inlined path. */
static void set_limit(struct hak_user_cpu *u)
{
	bool inlined = !READ_ONCE(hak_user_perturb);

	WRITE_ONCE(u->limit, inlined ? HAK_MAX_SIZE + 1 : 0);
	WRITE_ONCE(u->last, inlined ? HAK_MAX_SIZE : 0);
	WRITE_ONCE(u->more_limit, inlined ? HAK_MORE_MAX + 1 : 0);
}

void hak_user_set_perturb(int value)
{
	int cpu;

	WRITE_ONCE(hak_user_perturb, value);
	/* Slot 0 is nobody's. */
	for (cpu = 1; cpu < READ_ONCE(nr_cpu_ids); cpu++)
		set_limit(user_cpu(cpu));
}

static void cpu_up(int cpu)
{
	struct hak_user_cpu *u = user_cpu(cpu);
	unsigned int size;

	for (size = 0; size < ARRAY_SIZE(u->set); size++)
		u->set[size] = set_on(cpu, size);
	for (size = HAK_MAX_SIZE + 1; size < HAK_MORE_MAX; size += HAK_MORE_STEP)
		u->more[size / HAK_MORE_STEP] = set_on(cpu, size);
	set_limit(u);
}

static int layers(void)
{
	if (shim_pages_init() || shim_cpus_init() ||
	    shim_alloc_percpu(sizeof(struct hak_user_cpu)) != (void *)HAK_USER_AT)
		return -ENOMEM;
	shim_cpu_up = cpu_up;
	shim_drain = cpu_dead;
	shim_bound = thread_bound;
	return hak_dir_init() ?: hak_block_init() ?: hak_defer_init() ?: hak_caches_init() ?:
	       hak_dense_init() ?: hak_more_init() ?: hak_run_init() ?:
	       pthread_key_create(&thread_key, thread_ends);
}

bool hak_user_start(void)
{
	static __thread bool here;
	int was = START_NOT;

	if (likely(smp_load_acquire(&started) == START_DONE))
		return true;
	if (here || !environ)
		return false;
	if (!try_cmpxchg(&started, &was, START_GOING)) {
		while (smp_load_acquire(&started) != START_DONE)
			usleep(50);
		return true;
	}
	here = true;
	parameters();
	if (layers()) {
		shim_window = (struct shim_window){ 0, 1 };
		pr_err("hakmem: cannot start, everything goes to the next allocator\n");
	} else {
		pthread_atfork(fork_begins, fork_ended, fork_child);
	}
	smp_store_release(&started, START_DONE);
	here = false;
	return true;
}

bool hak_user_serves(void)
{
	return hak_user_start() && hak_class[0];
}

/* For programs that inline the calls, whose first may be of any of them. */
static __attribute__((constructor)) void start_at_load(void)
{
	hak_user_start();
}

/* The core's, and those of what only malloc() has. */
#define NR_USER_STATS (HAK_NR_STATS + 2)

static const char *stat_name(int i)
{
	return i < HAK_NR_STATS ? hak_stat_name[i] : i == HAK_NR_STATS ? "alloc_run" : "free_run";
}

static void stats_read(u64 v[NR_USER_STATS])
{
	struct hak_run_stats runs;

	hak_stats_read(v);
	hak_run_stats(&runs);
	v[HAK_STAT_pages_held] = hak_user_held();
	v[HAK_NR_STATS] = runs.allocs;
	v[HAK_NR_STATS + 1] = runs.frees;
}

HAK_PUBLIC unsigned long long hakmem_stat_read(const char *name)
{
	u64 v[NR_USER_STATS];
	int i;

	if (!hak_user_start())
		return HAK_STAT_UNKEPT;
	stats_read(v);
	for (i = 0; i < NR_USER_STATS; i++)
		if (!strcmp(name, stat_name(i)))
			return v[i];
	return HAK_STAT_UNKEPT;
}

HAK_PUBLIC int hakmem_audit(long live)
{
	struct hak_run_stats runs;
	bool borrowed;
	int found;

	if (!hak_user_serves())
		return 0;
	borrowed = shim_enter();
	hak_user_trim();
	hak_run_stats(&runs);
	found = hak_audit(live < 0 ? live : live - (long)(runs.allocs - runs.frees)) +
		hak_run_verify();
	shim_leave(borrowed);
	return found;
}

static bool is_standard_error(int fd)
{
	struct stat now;

	return !fstat(fd, &now) && now.st_dev == stats.file.st_dev &&
	       now.st_ino == stats.file.st_ino;
}

/* Where to tell them, or -1.  Who closed our copy may have opened a file of its own there. */
static int stats_file(void)
{
	const char *pid = strstr(stats.path, "%p");
	char name[PATH_MAX + 16];

	if (!stats.path[0])
		return is_standard_error(stats.fd) ? stats.fd :
		       is_standard_error(STDERR_FILENO) ? STDERR_FILENO : -1;
	if (pid)
		snprintf(name, sizeof(name), "%.*s%d%s", (int)(pid - stats.path), stats.path,
			 getpid(), pid + 2);
	return open(pid ? name : stats.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

static __attribute__((destructor)) void tell_stats(void)
{
	u64 v[NR_USER_STATS];
	int i, fd;

	if (!stats.wanted || READ_ONCE(started) != START_DONE)
		return;
	fd = stats_file();
	if (fd < 0)
		return;
	stats_read(v);
	for (i = 0; i < NR_USER_STATS; i++)
		if (v[i] == HAK_STAT_UNKEPT)
			dprintf(fd, "hakmem: %s -\n", stat_name(i));
		else
			dprintf(fd, "hakmem: %s %lu\n", stat_name(i), (unsigned long)v[i]);
	if (stats.path[0])
		close(fd);
}
