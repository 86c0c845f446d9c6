# SPDX-License-Identifier: GPL-2.0
"""The parts of the report, each as HTML."""

import html
import itertools
import re
import time

import held
import plots
import rows

OURS = ("hakmem", "inlined")
# Of the plots: a few figures of glibc and jemalloc are far above all others.
TOP_INSTRUCTIONS = 250


def text(value):
    return html.escape(str(value))


def tag(name, inner, attributes=""):
    return f"<{name}{' ' + attributes if attributes else ''}>{inner}</{name}>"


def cell(inner, kind=""):
    return tag("td", inner, f'class="{kind}"' if kind else "")


def table(head, lines):
    """@lines hold ready cells; a heading stands as the cells of the first line do."""
    left = [re.match(r'<td class="[lw]\b', c) for c in lines[0]] if lines else []
    heads = "".join(tag("th", text(h), 'class="l"' if at else "")
                    for h, at in itertools.zip_longest(head, left[:len(head)]))
    body = "".join(tag("tr", "".join(line)) for line in lines)
    return ('<div class="scroll">' +
            tag("table", tag("thead", tag("tr", heads)) + tag("tbody", body)) + "</div>")


def names(run):
    return [a["name"] for a in run["allocators"]]


def figures(row, name):
    found = row["results"].get(name, {"invalid": "not in this run"})
    return None if "invalid" in found else found


def spread(row, name, measure):
    """(median, low, high) of a measure, or None."""
    found = figures(row, name)
    if not found:
        return None
    if measure == "instructions":
        value = found.get("instructions")
        return None if value is None else (value, value, value)
    return tuple(found[measure][k] for k in ("median", "low", "high"))


def plotted(*svgs):
    return '<div class="plots">' + "".join(svgs) + "</div>"


def heading(run):
    m, s = run["machine"], run["settings"]
    links = "".join(f'<a href="#{i}">{t}</a>' for i, t in (
        ("aims", "aims"), ("lose", "where we lose"), ("seeds", "single thread"),
        ("larson", "larson"), ("cross", "across threads"), ("rss", "memory"),
        ("kernel", "in the kernel"), ("provenance", "provenance"), ("all", "every figure")))
    lost = "" if any(n in names(run) for n in OURS) else tag(
        "p", "hakmem was not in this run: the rivals alone.", 'class="bad"')
    return (tag("h1", "hakmem in user space") + tag("nav", links) +
            tag("p", f"{m['cpus']} × {text(m['cpu'])}, Linux {text(m['kernel'])}, "
                f"{m['memory_mib']} MiB, load {m['load']:.2f} at the start; {text(m['date'])}; "
                f"commit {text(run['commit'])}") +
            tag("p", f"{s['rounds']} rounds of {s['seconds']} s a row (several threads: three "
                "times that), each a process of its own, allocators in turn; medians, with the "
                f"interval that holds the median with {s['coverage'] * 100:.1f} %. "
                "One operation is an allocation and its free. Times include the loop's own, "
                "which is in the last table; they are wall clock for larson and across threads, "
                "CPU time for the others. Instructions are callgrind's, objects untouched, loop "
                "and PLT included. A gap in a plot is a row that was INVALID.") + lost)


def aims(run):
    lines = []
    for a in run["aims"]:
        worst = "nothing measured" if a["worst"] is None else f"{a['worst']:.2f}"
        verdict = ("reached", "ok") if a["reached"] else ("not reached", "bad")
        missing = f"{a['missing']} of {a['rows']}" if a["missing"] else ""
        lines.append([cell(text(a["aim"]), "l"),
                      cell(("≥ " if a["at_least"] else "≤ ") + str(a["wanted"])),
                      cell(worst), cell(text(a["row"] or ""), "l"), cell(missing),
                      cell(verdict[0], "l " + verdict[1])])
    if not lines:
        return tag("p", "None of the rows the aims are about is in this run.")
    return table(("aim", "wanted", "worst row", "which", "without a figure", "verdict"), lines)


def lose(run):
    if not any(n in names(run) for n in OURS):
        return tag("p", "hakmem was not in this run.")
    out = ""
    for name, title in (("hakmem", "hakmem by LD_PRELOAD"), ("inlined", "hakmem inlined")):
        lost = [x for x in run["lose"] if x["allocator"] == name]
        out += tag("h3", f"{title} against mimalloc: {len(lost)} figures")
        out += lose_table(lost) if lost else ""
    return out


def lose_table(lost):
    lines = [[cell(text(x["row"]), "l"),
              cell({"time": "ns/op", "rss": "RSS KiB"}.get(x["measure"], x["measure"]), "l"),
              cell(f"{x['ours']:.2f}"), cell(f"{x['mimalloc']:.2f}"),
              cell(f"{x['ours'] / x['mimalloc']:.2f}"),
              cell("" if x["sure"] else "within noise", "l"), cell(text(x["reason"]), "w")]
             for x in lost]
    return table(("row", "measure", "ours", "mimalloc", "ours / mimalloc", "",
                  "reason"), lines)


def matrix(run, those, label, measure, digits, lowest_wins):
    """Rows by allocators; the best of each row is set bold."""
    lines = []
    for row in those:
        found = {n: spread(row, n, measure) for n in names(run)}
        known = [v[0] for v in found.values() if v]
        best = (min if lowest_wins else max)(known) if known else None
        line = [cell(text(label(row)), "l")]
        for name, v in found.items():
            if v is None:
                why = row["results"].get(name, {}).get("invalid")
                line.append(tag("td", "INVALID" if why else "-",
                                f'class="bad" title="{text(why)}"' if why else ""))
                continue
            inner = f"{v[0]:.{digits}f}"
            if measure == "mops":
                inner += f' <span class="small">{v[1]:.{digits}f}–{v[2]:.{digits}f}</span>'
            line.append(cell(inner, "best" if v[0] == best else ""))
        lines.append(line)
    return table(("", *names(run)), lines)


def three_tables(run, those, label):
    kinds = (("M ops/s", "mops", 1, False), ("instructions / op", "instructions", 1, True),
             ("peak RSS, KiB", "rss_kib", 0, True))
    return tag("div", "".join(
        tag("div", tag("h4", title) + matrix(run, those, label, measure, digits, lowest))
        for title, measure, digits, lowest in kinds), 'class="tables"')


def bar_pair(run, those, label, title):
    by = {label(r): r for r in those}
    kinds = (("mops", "throughput", "M ops/s", "*"),
             ("instructions", f"instructions, cut off at {TOP_INSTRUCTIONS}",
              "instructions / op", TOP_INSTRUCTIONS))
    return plotted(*(plots.bars(f"{title}: {what}", unit, list(by), names(run),
                                lambda g, n, m=measure: spread(by[g], n, m), top=top)
                     for measure, what, unit, top in kinds))


def seeds(run):
    out = ""
    for workload in rows.SEEDS:
        those = [r for r in run["rows"] if r["workload"] == workload]
        if those:
            out += tag("h3", workload) + bar_pair(run, those, lambda r: r["size"], workload)
            out += three_tables(run, those, lambda r: r["size"])
    return out or tag("p", "Not in this run.")


def larson(run):
    those = [r for r in run["rows"] if r["workload"] == "larson"]
    if not those:
        return tag("p", "Not in this run.")
    drawn = []
    for profile in rows.PROFILES:
        by = {r["threads"]: r for r in those if r["profile"] == profile}
        if by:
            drawn.append(plots.lines(f"larson, {profile}", "M ops/s", "threads", sorted(by),
                                     names(run), lambda t, n, b=by: spread(b[t], n, "mops")))
    return plotted(*drawn) + three_tables(
        run, those, lambda r: f"{r['profile']}, threads: {r['threads']}")


def cross(run):
    those = [r for r in run["rows"] if r["workload"] in ("producer_consumer", "free_only")]
    if not those:
        return tag("p", "Not in this run.")
    def label(row):
        side = f"{row['producers']}:{row['consumers']} " if "producers" in row else "free only "
        return side + row["size"]
    return (bar_pair(run, those, label, "across threads") + three_tables(run, those, label) +
            tag("p", "Producers to consumers, then the size. What waits is not counted in "
                "instructions; with several threads they repeat to about 1 %.", 'class="small"'))


def rss(run):
    shown = [r for r in run["rows"] if r["workload"] != "larson" and r.get("size") in ("64", "mix")]
    shown += [r for r in run["rows"] if r["workload"] == "larson"]
    def short(row):
        return row["key"].replace("producer_consumer", "pc").replace("interleaved", "interl.")
    by = {short(r): r for r in shown}
    keys = list(by)
    half = (len(keys) + 1) // 2
    return plotted(*(plots.bars("peak RSS", "KiB", part, names(run),
                                lambda g, n: spread(by[g], n, "rss_kib"), 1400, 320)
                     for part in (keys[:half], keys[half:]) if part)).replace(
                         "plots", "plots wide", 1)


def guest_table(guest):
    lines = [[cell(text(x["params"]), "l"), cell(text(x["row"]), "l"),
              cell(text(x["allocator"]), "l"), cell(text(x["size"])), cell(text(x["batch"])),
              cell(text(x["context"]), "l"), cell(text(x["cpus"])),
              cell(f"{x['value']:.2f}"), cell(f"{x['median']:.2f}"), cell(f"{x['loop']:.2f}"),
              cell(f"{x['x']:.2f}" if "x" in x else "")] for x in guest["lines"]]
    unit = guest["lines"][0]["unit"]
    return table(("parameters", "row", "allocator", "size", "batch", "context", "CPUs",
                  f"{unit}/op, least", "median", "loop", "× kernel"), lines)


def guest_plot(guest, params):
    """hakmem against the kernel's own in one run of a guest."""
    by = {}
    for x in guest["lines"]:
        if x["params"] == params:
            side = "hakmem" if x["allocator"].startswith("hakmem") else "kernel"
            key = x["row"] + (f" {x['cpus']} CPUs" if x["cpus"] != "1" else "")
            by.setdefault(key, {}).setdefault(side, (x["value"],) * 3)
    unit = {"insn": "instructions"}.get(guest["lines"][0]["unit"], guest["lines"][0]["unit"])
    return plots.bars(f"{guest['name']}, {params}", f"{unit} / op", list(by),
                      ("kernel", "hakmem"), lambda g, n: by[g].get(n), 1400, 320)


def in_kernel(guests, commands):
    if not guests:
        return tag("p", "No result of the benchmark module on this machine. To make one: " +
                   ", ".join(tag("code", c) for c in commands) + ".")
    out = ""
    for g in guests:
        made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(g["time"]))
        # An ablation has many sets of parameters: its table will do.
        params = list(dict.fromkeys(x["params"] for x in g["lines"]))
        out += tag("h3", text(g["name"]))
        out += tag("p", f"{text(g['machine'])}; {made}", 'class="small"')
        drawn = [guest_plot(g, p) for p in params if len(params) <= 2]
        out += plotted(*drawn).replace("plots", "plots wide", 1)
        out += tag("details", tag("summary", "figures") + guest_table(g))
    return out


def held_memory(found):
    if not found:
        return tag("p", "No curves on this machine. To make them: " +
                   tag("code", "make check STAGE=heldtime") + ".")
    lines = [[cell(name, "l"), cell(found[name]["table"])] for name in held.SIDES]
    return (plotted(held.draw(found)).replace("plots", "plots wide", 1) +
            table(("", "kB held after all was asked back"), lines))


def provenance(run):
    lines = [[cell(text(a["name"]), "l"), cell(text(a["program"]), "l"),
              cell(text(a["library"] or "-"), "l"), cell(text(a["version"]), "l")]
             for a in run["allocators"]]
    out = table(("allocator", "program", "LD_PRELOAD", "version"), lines)
    out += tag("p", "Every figure's process proved by dladdr() where malloc and free came from; "
               "hakmem's also that its counters moved and none that must not.")
    if run["calibration"]:
        lines = [[cell(text(c["allocator"]), "l"), cell(c["size"]), cell(c["expected"]),
                  cell(f"{c['measured']:.2f}"),
                  cell(text(c["verdict"]), "ok" if c["verdict"] == "ok" else "bad")]
                 for c in run["calibration"]]
        out += tag("h3", "Calibration: seq_lifo, instructions a pair")
        out += table(("allocator", "size", "known", "measured", "verdict"), lines)
    lines = [[cell(text(r["key"]), "l"), cell(name, "l"),
              cell(text(r["results"][name]["stages"]), "l")]
             for r in run["rows"] for name in OURS if r["results"].get(name, {}).get("stages")]
    if lines:
        out += tag("details", tag("summary", "hakmem's stages in the last round of each row; "
                                  "magazines served the rest") +
                   table(("row", "allocator", "stages"), lines))
    return out


def full_line(row, name, found):
    start = [cell(text(row["key"]), "l"), cell(text(name), "l")]
    if "invalid" in found:
        return start + [tag("td", "INVALID: " + text(found["invalid"]),
                            'class="bad l" colspan="8"')]
    def ratio(rival):
        r = found.get(f"x_{rival}")
        return cell(f"{r['median']:.2f} <span class='small'>{r['low']:.2f}–{r['high']:.2f}</span>"
                    if r else "-")
    m = found["mops"]
    instructions = found.get("instructions")
    return start + [cell(f"{m['median']:.2f}"), cell(f"{m['low']:.2f}–{m['high']:.2f}"),
                    cell(f"{found['ns_per_op']['median']:.2f}"), cell(f"{found['loop_ns']:.2f}"),
                    cell("-" if instructions is None else f"{instructions:.2f}"),
                    cell(f"{found['rss_kib']['median']:.0f}"), ratio("glibc"), ratio("mimalloc")]


def everything(run):
    lines = [full_line(r, n, f) for r in run["rows"] for n, f in r["results"].items()]
    return table(("row", "allocator", "M ops/s", "interval", "ns/op", "loop ns", "insn/op",
                  "RSS KiB", "× glibc", "× mimalloc"), lines)
