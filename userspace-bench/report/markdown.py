# SPDX-License-Identifier: GPL-2.0
"""The run as tables for docs/: a row a line, an allocator a column."""

import verdicts

MEASURES = (
    ("Instructions of an operation, callgrind", "instructions", 1),
    ("M ops/s, medians", "mops", 1),
    ("Peak RSS, KiB, medians", "rss_kib", 0),
)


def value(row, name, measure):
    found = verdicts.cell(row, name)
    if not found:
        return None
    figure = found.get(measure)
    return figure["median"] if isinstance(figure, dict) else figure


def absent(row, name):
    """Why there is no figure: what was measured is not valid, or there is nothing to measure."""
    return "INVALID" if name in row["results"] else "-"


def line(cells):
    return "| " + " | ".join(cells) + " |"


def measure_table(run, names, title, measure, digits):
    yield f"### {title}"
    yield ""
    yield line(["row", *names])
    yield line(["---"] * (len(names) + 1))
    for row in run["rows"]:
        known = [value(row, n, measure) for n in names]
        yield line([row["key"]] + [absent(row, n) if v is None else f"{v:.{digits}f}"
                                   for n, v in zip(names, known)])
    yield ""


def ratio_table(run):
    yield "### hakmem's speed over its rivals', medians, 95 % by bootstrap in brackets"
    yield ""
    yield line(["row", "over glibc", "over mimalloc", "over mimalloc3", "inlined over mimalloc"])
    yield line(["---"] * 5)
    for row in run["rows"]:
        cells = [row["key"]]
        for name, rival in (("hakmem", "glibc"), ("hakmem", "mimalloc"), ("hakmem", "mimalloc3"),
                            ("inlined", "mimalloc")):
            found = (verdicts.cell(row, name) or {}).get(f"x_{rival}")
            missing = "INVALID" if {name, rival} <= row["results"].keys() else "-"
            cells.append(f"{found['median']:.2f} ({found['low']:.2f}-{found['high']:.2f})"
                         if found else missing)
        yield line(cells)
    yield ""


def lose_table(run):
    yield "### Where we lose"
    yield ""
    yield line(["row", "allocator", "measure", "ours", "mimalloc", "reason"])
    yield line(["---"] * 6)
    for x in run["lose"]:
        noise = "" if x["sure"] else " (within noise)"
        yield line([x["row"], x["allocator"], x["measure"], f"{x['ours']:.2f}",
                    f"{x['mimalloc']:.2f}", x["reason"] + noise])
    yield ""


def render(run):
    names = [a["name"] for a in run["allocators"]]
    m, s = run["machine"], run["settings"]
    lines = [f"`make bench-user`, commit {run['commit']}, {m['date']}: {m['cpus']} x {m['cpu']}, "
             f"Linux {m['kernel']}; {s['rounds']} rounds of {s['seconds']} s.", ""]
    for title, measure, digits in MEASURES:
        lines += measure_table(run, names, title, measure, digits)
    lines += list(ratio_table(run)) + list(lose_table(run))
    return "\n".join(lines)
