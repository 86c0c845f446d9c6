# SPDX-License-Identifier: GPL-2.0
"""What follows from the figures: ratios, calibration, aims, and where we lose.

A figure that is not there (an INVALID cell) never counts as reached and never as lost.
"""

import fnmatch

import rows
import stats

OURS = ("hakmem", "inlined")
RIVALS = ("glibc", "mimalloc", "mimalloc3")
LARSON_TIME_AIM = 1.0
TIME_AIMS = {"glibc": 1.7, "mimalloc": 1.1}
TIME_AIM_SIZES = ("16", "64")
INSTRUCTION_AIMS = {"hakmem": 48, "inlined": 28}
RSS_AIM_SEEDS, RSS_AIM_ROWS = 1.1, 1.25


def cell(row, name):
    """The figures of an allocator in a row, or None."""
    found = row["results"].get(name)
    return None if found is None or "invalid" in found else found


def add_ratios(row):
    for name in row["results"]:
        ours = cell(row, name)
        if not ours:
            continue
        for rival in RIVALS:
            theirs = cell(row, rival)
            if theirs:
                ours[f"x_{rival}"] = stats.ratio(ours["mops"]["samples"],
                                                 theirs["mops"]["samples"])


def calibration(run):
    """The known instruction counts beside those of this run."""
    versions = {a["name"]: a["version"] for a in run["allocators"]}
    found = []
    for name, (version, known) in rows.KNOWN_INSTRUCTIONS.items():
        for size, expected in known.items():
            row = next((r for r in run["rows"] if r["key"] == f"seq_lifo/{size}"), None)
            figures = row and cell(row, name)
            if not figures or "instructions" not in figures:
                continue
            off = abs(figures["instructions"] - expected) > rows.KNOWN_TOLERANCE
            same = versions.get(name, "").startswith(version)
            found.append({"allocator": name, "size": size, "expected": expected,
                          "measured": figures["instructions"],
                          "verdict": "another version" if not same else
                          "OFF" if off else "ok"})
    return found


def reasons(path):
    """Lines "ROW-PATTERN MEASURE reason" of lose.txt; the first that fits counts."""
    known = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            words = line.split(None, 2)
            if len(words) == 3 and not line.startswith("#"):
                known.append((words[0], words[1], words[2].strip()))
    return known


def reason_for(known, key, measure):
    for pattern, what, text in known:
        if fnmatch.fnmatchcase(key, pattern) and what in (measure, "*"):
            return text
    return "no reason recorded"


def losses_of(row, name):
    """(measure, ours, mimalloc's, whether the intervals exclude a tie)"""
    ours, theirs = cell(row, name), cell(row, "mimalloc")
    if not ours or not theirs:
        return
    if ours["mops"]["median"] < theirs["mops"]["median"]:
        yield ("time", ours["ns_per_op"]["median"], theirs["ns_per_op"]["median"],
               ours["x_mimalloc"]["high"] < 1)
    mine, other = ours.get("instructions"), theirs.get("instructions")
    if mine and other and mine > other:
        yield "instructions", mine, other, True
    if ours["rss_kib"]["median"] > theirs["rss_kib"]["median"]:
        yield ("rss", ours["rss_kib"]["median"], theirs["rss_kib"]["median"],
               ours["rss_kib"]["low"] > theirs["rss_kib"]["high"])


def where_we_lose(run, path):
    known = reasons(path)
    return [{"row": row["key"], "allocator": name, "measure": measure, "ours": ours,
             "mimalloc": theirs, "sure": sure, "reason": reason_for(known, row["key"], measure)}
            for row in run["rows"] for name in OURS
            for measure, ours, theirs, sure in losses_of(row, name)]


def aim(name, wanted, values, at_least):
    """The worst of (key, value) against what is wanted; None where nothing was measured."""
    known = [(k, v) for k, v in values if v is not None]
    out = {"aim": name, "wanted": wanted, "at_least": at_least, "rows": len(values),
           "missing": len(values) - len(known), "worst": None, "row": None, "reached": False}
    if known:
        out["row"], out["worst"] = (min if at_least else max)(known, key=lambda kv: kv[1])
        enough = out["worst"] >= wanted if at_least else out["worst"] <= wanted
        out["reached"] = enough and not out["missing"]
    return out


def over(row, name, measure, rival):
    """Ours over the rival's, or None."""
    ours, theirs = cell(row, name), cell(row, rival)
    if not ours or not theirs:
        return None
    return ours[measure]["median"] / theirs[measure]["median"]


def aims(run):
    seeds = [r for r in run["rows"] if r["workload"] in rows.SEEDS]
    larson = [r for r in run["rows"] if r["workload"] == "larson"]
    small = [r for r in seeds if r["size"] in TIME_AIM_SIZES]
    two = [r for r in larson if r["threads"] == 2]
    found = []
    for name, wanted in INSTRUCTION_AIMS.items():
        values = [(r["key"], (cell(r, name) or {}).get("instructions"))
                  for r in seeds if name in r["results"]
                  and r["size"] not in rows.LARGE_SIZES
                  and (r["size"] != "mix" or name == "hakmem")]
        found.append(aim(f"instructions, {name}, seed workloads", wanted, values, False))
    for rival, wanted in TIME_AIMS.items():
        found.append(aim(f"speed over {rival}, seed workloads of 16 and 64 bytes", wanted,
                         [(r["key"], over(r, "hakmem", "mops", rival)) for r in small], True))
    found.append(aim("speed over mimalloc, larson, 2 threads", LARSON_TIME_AIM,
                     [(r["key"], over(r, "hakmem", "mops", "mimalloc")) for r in two], True))
    for text, those, wanted in (("seed workloads and larson", seeds + larson, RSS_AIM_SEEDS),
                                ("every row", run["rows"], RSS_AIM_ROWS)):
        found.append(aim(f"peak RSS over mimalloc's, {text}", wanted,
                         [(r["key"], over(r, "hakmem", "rss_kib", "mimalloc"))
                          for r in those], False))
    return [a for a in found if a["rows"]]
