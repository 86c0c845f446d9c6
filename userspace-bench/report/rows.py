# SPDX-License-Identifier: GPL-2.0
"""What is measured: the rows of the table and the allocators that compete in them.

A row's key names it in lose.txt, in the JSON and in the report.
"""

ALLOCATORS = ("glibc", "jemalloc", "tcmalloc", "mimalloc", "mimalloc3", "hakmem", "inlined")
SEEDS = ("seq_lifo", "seq_fifo", "random", "interleaved", "longlived")
SIZES = ("16", "32", "64", "128", "256", "512", "1024", "mix")
QUICK_SIZES = ("16", "64", "1024", "mix")
# Beyond what hakmem inlines: the preloaded libraries alone compete there.
LARGE_SIZES = ("2048", "4096", "8192", "32768", "large")
QUICK_LARGE_SIZES = ("2048",)
PROFILES = ("quick", "steady", "churn")
THREADS = (1, 2, 4)

# Operations counted under callgrind: enough that slow paths take their share.
COUNT_OPS = {"larson": 200000, "producer_consumer": 100000, "free_only": 100000}
SEED_COUNT_OPS = 20000

# Instructions of a pair of seq_lifo as measured apart from this program, for these packages.
KNOWN_INSTRUCTIONS = {
    "glibc": ("2.36", {"16": 191, "64": 191, "1024": 549}),
    "jemalloc": ("5.3.0", {"16": 81, "64": 82, "1024": 610}),
    "tcmalloc": ("2.10", {"16": 81, "64": 81, "1024": 81}),
    "mimalloc": ("2.0.9", {"16": 57, "64": 58, "1024": 132}),
}
KNOWN_TOLERANCE = 1.5


class Row:
    """One line of the table: how bench-user is asked, without the allocator."""

    def __init__(self, workload, key, arguments, **facts):
        self.workload = workload
        self.key = key
        self.arguments = arguments
        self.facts = facts

    @property
    def is_seed(self):
        return self.workload in SEEDS

    def is_for(self, allocator):
        return allocator != "inlined" or self.facts.get("size") not in LARGE_SIZES

    @property
    def threads(self):
        return self.facts.get("threads", 1)

    @property
    def count_ops(self):
        return COUNT_OPS.get(self.workload, SEED_COUNT_OPS)

    @property
    def stretch(self):
        """Rounds of several threads last longer: they have to outlast the scheduler's slices."""
        return 3 if self.threads > 1 else 1

    def describe(self):
        return {"key": self.key, "workload": self.workload, "arguments": self.arguments,
                **self.facts}


def seed_row(workload, size):
    return Row(workload, f"{workload}/{size}", [workload, size], size=size)


def larson_row(profile, threads):
    return Row("larson", f"larson/{profile}/{threads}",
               ["--profile", profile, "--threads", str(threads), "larson"],
               profile=profile, threads=threads)


def pipe_row(producers, consumers, size):
    return Row("producer_consumer", f"producer_consumer/{producers}:{consumers}/{size}",
               ["--producers", str(producers), "--consumers", str(consumers),
                "producer_consumer", size],
               size=size, producers=producers, consumers=consumers,
               threads=producers + consumers)


def free_only_row(size):
    return Row("free_only", f"free_only/{size}", ["free_only", size], size=size, threads=2)


def all_rows(quick):
    sizes = QUICK_SIZES + QUICK_LARGE_SIZES if quick else SIZES + LARGE_SIZES
    rows = [seed_row(w, s) for w in SEEDS for s in sizes]
    if quick:
        rows += [larson_row("quick", t) for t in (1, 2)] + [larson_row("churn", 2)]
    else:
        rows += [larson_row(p, t) for p in PROFILES for t in THREADS]
    rows += [pipe_row(1, 1, "64")]
    if not quick:
        rows += [pipe_row(1, 1, "mix")]
    rows += [pipe_row(16, 1, "64"), pipe_row(1, 16, "64"), free_only_row("64")]
    if not quick:
        rows += [free_only_row("mix")]
    return rows
