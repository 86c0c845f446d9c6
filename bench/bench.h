/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of hakmem_bench.ko share.
 *
 *   bench_parse   one line of text      -> struct bench_cmd
 *   bench_sets    struct bench_cmd      -> rows to measure
 *   bench_row     one row               -> rounds, minimum, median
 *   bench_larson  what the rounds of larson share: caches, and arrays that change hands
 *   bench_team    bound kthreads, released together, in the wanted context
 *   bench_loops_* the measured loops, compiled once per allocator
 *   bench_proof   what served the operations, and whether a figure may be shown
 *   bench_memory  pages instead of operations
 *   bench_latency each call alone; bench_stretch  how long nobody gets in between
 *   bench_report, bench_json  the finished result, as text and JSON
 *
 * Vocabulary.  A row compares lanes: the same loop over different allocators.
 * Lane 0 is always the loop with no allocator in it; its cost is shown and taken
 * off the others.  A round runs every lane once, in an order that turns round by
 * round, so that whatever changes in the machine meets all lanes alike.
 */
#ifndef HAK_BENCH_H
#define HAK_BENCH_H

#include <linux/types.h>
#include <linux/hakmem.h>
#include <linux/hakmem_stats.h>

#define BENCH_CMD_MAX		256	/* characters of a command */
#define BENCH_MAX_CPUS		64
#define BENCH_MAX_ROUNDS	255
#define BENCH_MAX_LANES		5	/* the empty loop and four to compare */
#define BENCH_MAX_BATCH		4096
#define BENCH_MAX_SLOTS		(1U << 20)	/* of a thread of larson */
#define BENCH_LARSON_SIZE	128	/* the largest of its objects */
#define BENCH_MAX_KINDS		4096	/* caches larson takes its objects from */
#define BENCH_RING		64	/* slots between producer and consumer */
#define BENCH_RING_STEP		8	/* a line of slots: what is made known at once */
#define BENCH_WHY		96	/* characters of a reason */
#define BENCH_MILLI		1000	/* costs are kept in thousandths per operation */

enum bench_alloc {
	BENCH_NONE,		/* the loop alone */
	BENCH_HAKMEM,		/* typed, inlined */
	BENCH_HAKMEM_CALLED,	/* typed, called */
	BENCH_HAKMEM_CONST,	/* hak_alloc(constant) + hak_free(), inlined */
	BENCH_HAKMEM_VAR,	/* hak_alloc(variable) + __hak_free(), called */
	BENCH_KMEM_CACHE,
	BENCH_KMALLOC,		/* kmalloc(constant) */
	BENCH_KMALLOC_VAR,
	BENCH_NR_ALLOCS
};

enum bench_pattern {
	BENCH_LIFO,
	BENCH_FIFO,
	BENCH_RANDOM,
	BENCH_INTERLEAVED,
	BENCH_LONGLIVED,
	BENCH_BATCH,
	BENCH_BULK,
	BENCH_FREE_BULK,
	BENCH_PRODUCER_CONSUMER,
	BENCH_REMOTE,
	BENCH_FREE_RCU,
	BENCH_LARSON,
	BENCH_NR_PATTERNS
};

/* The loops the patterns are made of. */
enum bench_shape {
	SHAPE_PAIR,
	SHAPE_FIFO,
	SHAPE_RANDOM,
	SHAPE_INTERLEAVED,
	SHAPE_LONGLIVED,
	SHAPE_BATCH,
	SHAPE_BULK,
	SHAPE_FREE_MIXED,
	SHAPE_PRODUCE,
	SHAPE_CONSUME,
	SHAPE_ALLOC,
	SHAPE_FREE,
	SHAPE_FREE_RCU,
	SHAPE_LARSON,
	BENCH_NR_SHAPES
};

enum bench_ctx { BENCH_TASK, BENCH_SOFTIRQ, BENCH_HARDIRQ, BENCH_NR_CTXS };
enum bench_set {
	BENCH_SINGLE,
	BENCH_BUDGET,
	BENCH_CROSS,
	BENCH_NODES,
	BENCH_PATTERNS,
	BENCH_TIME,
	BENCH_MEMORY,
	BENCH_LATENCY,
	BENCH_LARSONS,
	BENCH_NR_SETS
};

/* How larson is played: bench_larson.c. */
enum bench_profile { BENCH_QUICK, BENCH_STEADY, BENCH_CHURN, BENCH_NR_PROFILES };

struct bench_profile_info {
	const char *name;
	unsigned int slots;		/* objects a thread has: a power of two */
	unsigned int burst;		/* freed one after the other before as many are allocated */
	unsigned int ops;		/* replaced before the slots change hands */
};

/* How the costs of the CPUs of one lane become one figure. */
enum bench_combine {
	BENCH_MEAN,	/* each CPU does the whole operation */
	BENCH_SLOWEST,	/* both ends of one pipe */
	BENCH_SUM,	/* one half of the operation each */
};

struct bench_pattern_info {
	const char *name;
	enum bench_shape shape;
	enum bench_shape peer;		/* of the second CPU, where it differs */
	enum bench_combine combine;
	unsigned int batch;		/* default */
	bool two_cpus;
	bool any_ctx;			/* also in softirq and hardirq */
	bool gross;			/* overhead shown, but not taken off */
};

/*
 * Between two CPUs: a ring (each side keeps the other's index as last seen) or, for
 * remote, one batch that changes hands.
 */
struct bench_ring {
	unsigned int head ____cacheline_aligned_in_smp;	/* [producer] */
	bool stop;					/* [producer] it gave up */
	unsigned int tail ____cacheline_aligned_in_smp;	/* [consumer] */
	unsigned int turn ____cacheline_aligned_in_smp;	/* of remote: whose batch it is */
	void *slot[BENCH_RING] ____cacheline_aligned_in_smp;
};

/* What one CPU needs to run a measured loop, and what the loop hands back. */
struct bench_env {
	struct hak_cache *hc;
	struct kmem_cache *kc;
	size_t size;
	unsigned int ops;
	unsigned int batch;
	void **slot;
	const u32 *perm;		/* permutation of 0..batch - 1 */
	const u16 *mixed;		/* batch sizes, of many classes */
	struct bench_ring *ring;
	void *const *kinds;		/* of larson: the caches, or NULL */
	const u16 *sizes;		/* and the size of each */
	u16 *kind;			/* which one each slot's object is of */
	unsigned int nr_kinds, burst;
	u64 seed;

	u64 tick0, ns0;
	u64 ticks, ns;
	u64 allocs, frees, fails;
	bool switched;			/* another task ran meanwhile */
	bool wrong_ctx;			/* ran, but not where it should */
	bool wrong_cpu;
};

typedef void (*bench_fn)(struct bench_env *e);

struct bench_cost { u64 min, median; };

struct bench_lane {
	enum bench_alloc alloc;
	unsigned int cpus;
	unsigned int ops;		/* per CPU and round */
	struct bench_cost ticks, ns;	/* lane 0: of the loop; others: without it */
	struct bench_cost over_ticks, over_ns;
	u64 allocs, frees;		/* in the measured rounds */
	u64 fails;
	unsigned int left_out;		/* rounds in which another task ran */
	bool woke;			/* in some one did that is the row's own */
	u64 d[HAK_NR_STATS];		/* what hakmem's counters moved by meanwhile */
	char why[BENCH_WHY];		/* no figure, because */
};

struct bench_row {
	char name[24];
	enum bench_pattern pattern;
	enum bench_ctx ctx;
	unsigned int size, batch, ops, rounds, cpus;
	unsigned int kinds, burst;	/* of larson */
	bool ctor;			/* the caches have a constructor */
	bool grouped;			/* mixed sizes: one after the other, not shuffled */
	u64 round_ns;			/* length of a round; 0: ops decides */
	unsigned int nr;		/* lanes in use, the empty loop included */
	struct bench_lane lane[BENCH_MAX_LANES];
	char why[BENCH_WHY];		/* not measured, because */
};

struct bench_fact {
	char name[40];
	char value[96];
};

struct bench_cmd {
	char text[BENCH_CMD_MAX + 1];
	enum bench_set set;
	enum bench_pattern pattern;
	enum bench_ctx ctx;
	enum bench_profile profile;
	unsigned int size, batch, cpus, rounds, ops, kinds;
	unsigned int nr_allocs;
	enum bench_alloc alloc[BENCH_MAX_LANES - 1];
	bool ctor;			/* the caches have a constructor */
	bool force;
};

struct lat_result;

#define BENCH_MAX_ROWS	96
#define BENCH_MAX_FACTS	24

struct bench_result {
	struct bench_cmd cmd;
	bool exact, cycles;
	char debug[BENCH_WHY];		/* debugging this kernel has on, or "" */
	struct bench_fact fair[BENCH_MAX_FACTS];
	unsigned int nr_fair;
	struct bench_fact memory[BENCH_MAX_FACTS];
	unsigned int nr_memory;
	unsigned int nr_rows;
	struct lat_result *lat;		/* of set=latency, or NULL */
	struct bench_row row[BENCH_MAX_ROWS];
};

extern const struct bench_pattern_info bench_patterns[BENCH_NR_PATTERNS];
extern const char *const bench_alloc_names[BENCH_NR_ALLOCS];
extern const char *const bench_ctx_names[BENCH_NR_CTXS];
extern const struct bench_profile_info bench_profiles[BENCH_NR_PROFILES];

static inline bool bench_is_hakmem(enum bench_alloc a)
{
	return a >= BENCH_HAKMEM && a <= BENCH_HAKMEM_VAR;
}

/* bench_parse.c: -EINVAL and one line in the log for anything that is not a command. */
int bench_parse(struct bench_cmd *cmd, char *line);

/* bench_loops.c: the loop, or NULL if @a is not compiled for @size or @shape. */
bench_fn bench_loop(enum bench_alloc a, enum bench_shape shape, size_t size, bool atomic);
bool bench_size_folds(size_t size);

/* bench_row.c, bench_sets.c, bench_memory.c, bench_latency.c: 0, -ENOMEM or -EINTR. */
int bench_row_run(struct bench_row *row, const struct bench_result *res);
int bench_run(struct bench_result *res);
int bench_memory_run(struct bench_result *res);
int bench_latency_run(struct bench_result *res);

/* bench_larson.c */
struct bench_larson;
struct bench_team;
struct bench_larson *bench_larson_start(const struct bench_row *row);	/* NULL: no memory */
void bench_larson_stop(struct bench_larson *l);
/* The next round of lane @lane: its arrays go round, and fresh threads of @team have them. */
int bench_larson_turn(struct bench_larson *l, unsigned int lane, struct bench_team *team);

/* bench_proof.c */
void bench_debug_names(char *buf, size_t len);
void bench_fairness(struct bench_result *res);
void bench_proof_begin(u64 before[HAK_NR_STATS]);
void bench_proof_end(struct bench_lane *lane, const u64 before[HAK_NR_STATS]);
void bench_proof_judge(struct bench_lane *lane);
void bench_proof_text(const struct bench_lane *lane, char *buf, size_t len);

/* bench_figures.c: what becomes of rounds, and what the reports derive from a row. */
struct bench_cost bench_cost_of_rounds(u64 *v, unsigned int n);	/* sorts them */
struct bench_cost bench_cost_net(struct bench_cost gross, struct bench_cost over);
const struct bench_lane *bench_rival(const struct bench_row *row, const struct bench_lane *lane);
u64 bench_cost_of(const struct bench_result *res, const struct bench_lane *lane);
u64 bench_ratio(const struct bench_result *res, const struct bench_row *row,
		const struct bench_lane *lane);
bool bench_shown(const struct bench_row *row, const struct bench_lane *lane);

struct seq_file;
void bench_report(struct seq_file *m, const struct bench_result *res);
void bench_latency_lines(struct seq_file *m, const struct bench_result *res);
void bench_latency_json(struct seq_file *m, const struct bench_result *res);
void bench_lines(struct seq_file *m, const struct bench_result *res);
void bench_json(struct seq_file *m, const struct bench_result *res);

#endif /* HAK_BENCH_H */
