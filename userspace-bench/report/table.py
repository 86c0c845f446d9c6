# SPDX-License-Identifier: GPL-2.0
"""The run as text."""

HEAD = ("row", "allocator", "M ops/s", "interval", "ns/op", "loop ns", "insn/op",
        "RSS KiB", "x glibc", "x mimalloc")
SHAPE = "{:<27} {:<9} {:>8} {:>17} {:>8} {:>8} {:>8} {:>8} {:>8} {:>10}"


def number(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


def ratio(figures, rival):
    found = figures.get(f"x_{rival}")
    return number(found and found["median"])


def row_lines(row):
    key = row["key"]
    for name, figures in row["results"].items():
        if "invalid" in figures:
            yield f"{key:<27} {name:<9} INVALID: {figures['invalid']}"
        else:
            mops = figures["mops"]
            yield SHAPE.format(
                key, name, number(mops["median"]),
                f"{mops['low']:.2f}-{mops['high']:.2f}",
                number(figures["ns_per_op"]["median"]), number(figures["loop_ns"]),
                number(figures.get("instructions"), 1),
                f"{figures['rss_kib']['median']:.0f}",
                ratio(figures, "glibc"), ratio(figures, "mimalloc"))
        key = ""


def heading(run):
    m, s = run["machine"], run["settings"]
    yield f"bench-user of {run['commit'] or 'no commit'}, {m['date']}"
    yield f"{m['cpus']} x {m['cpu']}, Linux {m['kernel']}, load {m['load']:.2f} at the start"
    yield (f"{s['rounds']} rounds of {s['seconds']} s (several threads: three times that), each a "
           f"process of its own, allocators in turn; seeds from {s['seed']}")
    yield "one operation: an allocation and its free; medians; times include the loop's own"
    yield "times: wall clock for larson and across threads, CPU time for the others"
    yield "insn/op: callgrind, objects untouched, loop and PLT included; exact with one thread"
    yield (f"interval: holds the median with {s['coverage'] * 100:.1f} %, by the binomial "
           "distribution over the rounds")
    yield "RSS: VmHWM of the process; x: M ops/s over the rival's, medians"
    for name, value in m["environment"].items():
        yield f"environment: {name}={value}"
    yield ""
    for a in run["allocators"]:
        yield f"{a['name']:<9} {a['program']:<14} {a['library'] or '-':<28} {a['version']}"


def served(run):
    yield "hakmem's stages in the last round of each row; magazines served the rest"
    for row in run["rows"]:
        for name in ("hakmem", "inlined"):
            stages = row["results"].get(name, {}).get("stages")
            if stages:
                yield f"{row['key']:<27} {name:<9} {stages}"


def calibration(run):
    yield "calibration: seq_lifo, instructions a pair, against what is known of these versions"
    for c in run["calibration"]:
        yield (f"{c['allocator']:<9} {c['size']:>5}  known {c['expected']:>4}  "
               f"measured {c['measured']:7.2f}  {c['verdict']}")


def aims(run):
    yield "aims (the worst row decides; a row without a figure is not reached)"
    for a in run["aims"]:
        sign = ">=" if a["at_least"] else "<="
        worst = "nothing measured" if a["worst"] is None else f"{a['worst']:.2f} in {a['row']}"
        missing = f", {a['missing']} of {a['rows']} rows without a figure" if a["missing"] else ""
        verdict = "reached" if a["reached"] else "NOT REACHED"
        yield f"{verdict:<12} {a['aim']:<58} {sign} {a['wanted']:<5} worst: {worst}{missing}"


def lose(run):
    yield "where we lose (to mimalloc)"
    if not any("hakmem" in r["results"] for r in run["rows"]):
        yield "  hakmem was not in this run"
    elif not run["lose"]:
        yield "  nowhere in this run"
    for x in run["lose"]:
        sure = "" if x["sure"] else "  (within noise)"
        yield (f"{x['row']:<27} {x['allocator']:<9} {x['measure']:<13} {x['ours']:>10.2f} "
               f"against {x['mimalloc']:>10.2f}  {x['reason']}{sure}")


def render(run):
    lines = list(heading(run)) + ["", SHAPE.format(*HEAD)]
    for row in run["rows"]:
        lines += row_lines(row)
    for part in (calibration, aims, lose, served):
        lines += ["", *part(run)]
    return "\n".join(lines) + "\n"
