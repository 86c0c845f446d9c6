// SPDX-License-Identifier: GPL-2.0
/*
 * bench-user: one workload, measured; LD_PRELOAD decides which allocator serves.
 *
 *   bench-user [options] WORKLOAD [SIZE]
 *
 * Prints one fact a line: what ran, what served it, what the loop alone costs, each
 * round, and the peak of the process's resident memory.  Where the proof fails it
 * prints "INVALID: why" in place of every figure and exits with 3.
 *
 * With --count nothing is timed: bench_counted() surrounds the loops of one round
 * after one like it, for callgrind --toggle-collect=bench_counted.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define COUNT_OPS	20000
#define WARM_PART	0.2	/* of the seconds of a round */
#define EXIT_INVALID	3

static const struct option long_options[] = {
	{ "threads", required_argument, NULL, 't' },
	{ "profile", required_argument, NULL, 'p' },
	{ "producers", required_argument, NULL, 'P' },
	{ "consumers", required_argument, NULL, 'C' },
	{ "rounds", required_argument, NULL, 'r' },
	{ "seconds", required_argument, NULL, 's' },
	{ "ops", required_argument, NULL, 'o' },
	{ "seed", required_argument, NULL, 'S' },
	{ "expect", required_argument, NULL, 'e' },
	{ "library", required_argument, NULL, 'L' },
	{ "count", no_argument, NULL, 'c' },
	{ "list", no_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static const char help_text[] =
"usage: bench-user [options] WORKLOAD [SIZE]\n"
"  SIZE                 16 32 64 128 256 512 1024 or mix (64); larson has its profile's;\n"
"                       single threads: 2048 4096 8192 32768 or large, a mix above 1024\n"
"  --threads N          of larson, 1 to 4 (1)\n"
"  --profile P          of larson: quick steady churn (quick)\n"
"  --producers N, --consumers N   of producer_consumer, 1 to 16 (1)\n"
"  --rounds N           measured rounds (1)\n"
"  --seconds S          length of a round (0.1), or\n"
"  --ops N              operations of a round\n"
"  --seed N             of all random choices (1)\n"
"  --expect NAME        INVALID if another serves: glibc jemalloc tcmalloc mimalloc\n"
"                       hakmem inlined, or any with\n"
"  --library PART       what the path of its object file contains\n"
"  --count              objects untouched, loops inside bench_counted(): for callgrind\n"
"workloads:\n";

static const struct bench_workload *workload_at(unsigned int i)
{
	static const struct bench_workload *const others[] = {
		&bench_larson, &bench_producer_consumer, &bench_free_only,
	};
	unsigned int seeds = 0;

	while (bench_seeds[seeds].name)
		seeds++;
	if (i < seeds)
		return &bench_seeds[i];
	i -= seeds;
	return i < sizeof(others) / sizeof(others[0]) ? others[i] : NULL;
}

static const struct bench_workload *workload_find(const char *name)
{
	const struct bench_workload *w;
	unsigned int i;

	for (i = 0; (w = workload_at(i)); i++)
		if (!strcmp(w->name, name))
			return w;
	bench_die("no workload called \"%s\" (--list)", name);
}

static void list(void)
{
	const struct bench_workload *w;
	unsigned int i;

	for (i = 0; (w = workload_at(i)); i++)
		printf("  %-20s %s\n", w->name, w->what);
}

static unsigned long number(const char *text, unsigned long min, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || end == text || n < min || n > max)
		bench_die("\"%s\" is not a number from %lu to %lu", text, min, max);
	return n;
}

static double duration(const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (*end || end == text || !(s > 0 && s < 3600))
		bench_die("\"%s\" is not a number of seconds", text);
	return s;
}

static void option(struct bench_opts *o, int c, const char *value)
{
	switch (c) {
	case 't': o->threads = (unsigned int)number(value, 1, BENCH_MAX_THREADS); break;
	case 'p': o->profile = value; break;
	case 'P': o->producers = (unsigned int)number(value, 1, BENCH_MAX_SIDE); break;
	case 'C': o->consumers = (unsigned int)number(value, 1, BENCH_MAX_SIDE); break;
	case 'r': o->rounds = (unsigned int)number(value, 1, BENCH_MAX_ROUNDS); break;
	case 's': o->seconds = duration(value); break;
	case 'o': o->ops = number(value, 1, 1UL << 40); break;
	case 'S': o->seed = number(value, 0, ~0UL); break;
	case 'e': o->expect = value; break;
	case 'L': o->library = value; break;
	case 'c': o->count = true; break;
	case 'l': list(); exit(0);
	case 'h': fputs(help_text, stdout); list(); exit(0);
	default: bench_die("see --help");
	}
}

static void parse(struct bench_opts *o, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		option(o, c, optarg);
	if (optind >= argc || argc - optind > 2)
		bench_die("which workload?  See --help");
	o->workload = argv[optind];
	if (argc - optind == 2)
		o->size_name = argv[optind + 1];
	if (!strcmp(o->size_name, "large"))
		o->largest = BENCH_MAX_SIZE;
	else if (strcmp(o->size_name, "mix"))
		o->size = (unsigned int)number(o->size_name, 1, BENCH_MAX_SIZE);
	if (o->count && !o->ops)
		o->ops = COUNT_OPS;
	if (o->count)
		o->rounds = 1;
}

/*
 * Peak resident memory in KiB.  Not from getrusage(): ru_maxrss begins with what the
 * launcher had resident when it called exec(), VmHWM with this image.
 */
static unsigned long peak_rss(void)
{
	static char text[4096];
	const char *line;
	ssize_t n;
	int fd;

	fd = open("/proc/self/status", O_RDONLY);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	line = strstr(text, "VmHWM:");
	return line ? strtoul(line + strlen("VmHWM:"), NULL, 10) : 0;
}

static struct bench_round results[BENCH_MAX_ROUNDS];
static struct bench_round empty;

static void one_round(const struct bench_workload *w, struct bench_round *r,
		      const struct bench_opts *o, enum bench_mode mode, double part)
{
	*r = (struct bench_round){
		.o = o,
		.mode = mode,
		.ops_wanted = (unsigned long)((double)o->ops * part),
		.seconds = o->seconds * part,
	};
	if (o->ops && !r->ops_wanted)
		r->ops_wanted = 1;
	w->round(r);
}

static void measure(const struct bench_workload *w, const struct bench_opts *o)
{
	struct bench_round warm;
	unsigned int i;

	if (o->count) {
		one_round(w, &warm, o, BENCH_PLAIN, 1);
		bench_proof_read(BENCH_AT_ROUNDS);
		results[0] = (struct bench_round){
			.o = o, .mode = BENCH_PLAIN, .counted = true, .ops_wanted = o->ops,
		};
		w->round(&results[0]);
	} else {
		one_round(w, &empty, o, BENCH_EMPTY, WARM_PART);
		one_round(w, &warm, o, BENCH_TOUCH, WARM_PART);
		bench_proof_read(BENCH_AT_ROUNDS);
		for (i = 0; i < o->rounds; i++)
			one_round(w, &results[i], o, BENCH_TOUCH, 1);
	}
	bench_proof_read(BENCH_AT_END);
}

static void print_round(const char *name, const struct bench_round *r)
{
	printf("%s ops=%lu ns=%llu ns_per_op=%.3f mops=%.3f\n", name, r->ops,
	       (unsigned long long)r->ns, (double)r->ns / (double)r->ops,
	       (double)r->ops * 1e3 / (double)r->ns);
}

static void print_results(const struct bench_workload *w, const struct bench_opts *o,
			  unsigned long rss)
{
	unsigned long ops = 0;
	unsigned int i;

	for (i = 0; i < o->rounds; i++)
		ops += results[i].ops;
	bench_proof_print(ops);
	if (o->count) {
		printf("counted ops=%lu\n", ops);
	} else {
		print_round("loop", &empty);
		for (i = 0; i < o->rounds; i++)
			print_round("round", &results[i]);
	}
	printf("live_kib %lu\n", w->live(o) / 1024);
	printf("rss_kib %lu\n", rss);
}

static void print_asked(const struct bench_workload *w, const struct bench_opts *o)
{
	printf("bench %s size=%s threads=%u profile=%s producers=%u consumers=%u", w->name,
	       o->size_name, o->threads, o->profile, o->producers, o->consumers);
	printf(" seed=%llu count=%d\n", (unsigned long long)o->seed, o->count);
}

int main(int argc, char **argv)
{
	static char buffer[8192];	/* stdio must not ask the allocator for one */
	struct bench_opts o = {
		.size_name = "64", .largest = BENCH_MIX_MAX, .profile = "quick", .threads = 1,
		.producers = 1, .consumers = 1, .rounds = 1, .seconds = 0.1, .seed = 1,
	};
	const struct bench_workload *w;
	const char *why;
	unsigned long rss;

	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	parse(&o, argc, argv);
	w = workload_find(o.workload);
	bench_proof_begin(&o);
	bench_proof_read(BENCH_AT_START);
	if (!w->begin(&o))
		bench_die("%s does not go with these options", w->name);
	measure(w, &o);
	rss = peak_rss();
	w->end();
	print_asked(w, &o);
	why = bench_proof_verdict();
	if (why) {
		printf("INVALID: %s\n", why);
		return EXIT_INVALID;
	}
	print_results(w, &o, rss);
	return 0;
}
