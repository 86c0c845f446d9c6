# SPDX-License-Identifier: GPL-2.0
"""Measures every row for every allocator, interleaved, and writes bench.json, .txt and .md.

measure.py OUT --allocator NAME PROGRAM LIBRARY VERSION [--allocator ...]

Rounds alternate over the allocators, so that what disturbs the machine disturbs all of them.
The first of them changes from round to round, and each round is a process of its own.
Instructions are counted apart from that, under callgrind.
"""

import argparse
import concurrent.futures
import datetime
import json
import os
import platform
import sys

import markdown
import rows
import sample
import stats
import table
import verdicts


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--allocator", nargs=4, action="append", required=True,
                        metavar=("NAME", "PROGRAM", "LIBRARY", "VERSION"))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.06)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", help="rows whose key has this in it")
    parser.add_argument("--lose", required=True, help="file with the reasons of lost rows")
    parser.add_argument("--commit", default="")
    return parser.parse_args()


def say(text):
    print(f"--> {text}", file=sys.stderr, flush=True)


def cpu_model():
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
            for line in f:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()


def machine():
    return {"cpu": cpu_model(), "cpus": os.cpu_count(), "kernel": platform.release(),
            "load": os.getloadavg()[0], "memory_mib":
            os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20,
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "environment": {k: v for k, v in os.environ.items() if k.startswith("HAKMEM_")}}


def time_row(row, allocators, opts):
    """The samples of each allocator; one that fails once has no figure in this row."""
    samples = {a.name: [] for a in allocators}
    invalid = {}
    for i in range(opts.rounds):
        start = i % len(allocators)
        for a in allocators[start:] + allocators[:start]:
            if a.name in invalid:
                continue
            try:
                samples[a.name].append(sample.timed(a, row, opts.seconds, opts.seed + i))
            except sample.Invalid as why:
                invalid[a.name] = str(why)
    return samples, invalid


def figures(taken):
    mops = [s["round"]["mops"] for s in taken]
    rss = [s["rss_kib"] for s in taken]
    return {"mops": stats.summary(mops),
            "ns_per_op": stats.summary([s["round"]["ns_per_op"] for s in taken]),
            "loop_ns": stats.summary([s["loop"]["ns_per_op"] for s in taken])["median"],
            "rss_kib": stats.summary(rss), "live_kib": taken[0]["live_kib"],
            "served_by": os.path.basename(taken[0]["malloc"]), "stages": taken[-1]["stages"]}


def count_rows(table_rows, allocators, by_key):
    """Instructions of every valid cell, on all CPUs at once: counts do not mind company."""
    def one(job):
        row, a = job
        try:
            return row.key, a.name, sample.counted(a, row), None
        except sample.Invalid as why:
            return row.key, a.name, None, str(why)

    jobs = [(r, a) for r in table_rows for a in allocators
            if "invalid" not in by_key[r.key].get(a.name, {"invalid": "not in this row"})]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(one, jobs))


def measure(table_rows, allocators, opts):
    results = []
    for i, row in enumerate(table_rows):
        say(f"{i + 1} of {len(table_rows)}: {row.key}")
        competing = [a for a in allocators if row.is_for(a.name)]
        samples, invalid = time_row(row, competing, opts)
        entry = row.describe()
        entry["results"] = {
            a.name: {"invalid": invalid[a.name]} if a.name in invalid
            else figures(samples[a.name]) for a in competing}
        results.append(entry)
    say("instructions, under callgrind")
    by_key = {r["key"]: r["results"] for r in results}
    for key, name, count, why in count_rows(table_rows, allocators, by_key):
        if why:
            by_key[key][name] = {"invalid": f"under callgrind: {why}"}
        else:
            by_key[key][name]["instructions"] = count
    for row in results:
        verdicts.add_ratios(row)
    return results


def main():
    opts = arguments()
    allocators = [sample.Allocator(n, p, lib or None, v) for n, p, lib, v in opts.allocator]
    wanted = [r for r in rows.all_rows(opts.quick) if opts.only in r.key]
    if not wanted:
        sys.exit(f"no row has \"{opts.only}\" in its key")
    run = {"format": 1, "machine": machine(), "commit": opts.commit,
           "settings": {"rounds": opts.rounds, "seconds": opts.seconds, "seed": opts.seed,
                        "quick": opts.quick,
                        "coverage": round(stats.order_rank(opts.rounds)[1], 4)},
           "allocators": [a.describe() for a in allocators],
           "rows": measure(wanted, allocators, opts)}
    run["calibration"] = verdicts.calibration(run)
    run["lose"] = verdicts.where_we_lose(run, opts.lose)
    run["aims"] = verdicts.aims(run)
    with open(os.path.join(opts.out, "bench.json"), "w", encoding="utf-8") as f:
        json.dump(run, f, indent=1)
    for name, text in (("bench.md", markdown.render(run)), ("bench.txt", table.render(run))):
        with open(os.path.join(opts.out, name), "w", encoding="utf-8") as f:
            f.write(text)
    print(text, end="")


if __name__ == "__main__":
    main()
