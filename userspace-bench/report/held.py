# SPDX-License-Identifier: GPL-2.0
"""Held memory over time, as tests/guest/heldtime.sh saw it: read, judged and drawn.

held.py RUN_FOLDER OUT writes OUT/held.tsv and OUT/held.svg from the guest's result, and prints
"ok - ..." or "not ok - ..." for each thing that must be so.

What is held is what was free before the client came, less what is free or a process's own now,
less the client's own array.
"""

import os
import sys

import plots

SIDES = ("kernel", "hakmem")
PHASES = ["filling", "thinning", "reaping", "shrink", "pressure", "end"]
# The end of a curve and the table are taken by two rulers; the kernel itself moves so much.
KB_APART = 1536
# Filled is within so much of what the client asked for.
FILLED = 0.05


def read(lines):
    """Of each side: base, phases (name to seconds), table and curve of (seconds, kB held)."""
    out = {s: {"samples": [], "phases": {}, "table": None} for s in SIDES}
    out["setting"] = {}
    for line in lines:
        words = line.split()
        if words[:2] == ["#", "held"]:
            out["setting"] = dict(zip(words[2::2], words[3::2]))
        elif words[:1] == ["sample"]:
            out[words[1]]["samples"].append((float(words[2]), int(words[3])))
        elif words[:2] == ["#", "phase"]:
            out[words[2]]["phases"][words[4]] = float(words[3])
        elif words[:2] == ["#", "table"]:
            out[words[2]]["table"] = int(words[3])
    for side in SIDES:
        out[side]["curve"] = curve(out[side], int(out["setting"].get("array", 0)))
    return out


def curve(side, array):
    """From the client's coming on, beginning at 0."""
    begin = side["phases"].get("filling")
    before = [kb for at, kb in side["samples"] if begin is not None and at < begin]
    if not before:
        return []
    return [(at - begin, before[-1] - kb - array) for at, kb in side["samples"]
            if begin <= at <= side["phases"].get("end", at)]


def last_in(side, name):
    """The last figure of a phase, or None."""
    after = side["phases"].get(PHASES[PHASES.index(name) + 1])
    begin = side["phases"].get("filling")
    if after is None or begin is None:
        return None
    those = [kb for at, kb in side["curve"] if at <= after - begin]
    return those[-1] if those else None


def judge(found):
    """What must be so: (whether it is, what)."""
    asked = int(found["setting"].get("mb", 0)) * 1024
    for name in SIDES:
        side = found[name]
        filled, end = last_in(side, "filling"), last_in(side, "shrink")
        yield list(side["phases"]) == PHASES, f"{name}: each phase was, in its order"
        yield (asked > 0 and filled is not None and abs(filled - asked) <= FILLED * asked,
               f"{name}: filled, {filled} kB are held of {asked} kB")
        yield (end is not None and side["table"] is not None
               and abs(end - side["table"]) <= KB_APART,
               f"{name}: the curve ends at {end} kB, the table says {side['table']} kB")


def draw(found):
    """The plot as SVG; begins of phases are those of hakmem and stand below the curve's end."""
    setting = found["setting"]
    title = (f"{setting['mb']} MiB of {setting['size']} bytes, 1 in {setting['keep']} stays, "
             f"{setting['params']}")
    marks = []
    for name in SIDES:
        side = found[name]
        begin = side["phases"]["filling"]
        marks.append([(side["phases"][p] - begin, p) for p in PHASES if p in side["phases"]])
    return plots.curves(title, "MB held", "seconds since the client came",
                        {name: [(at, kb / 1000) for at, kb in found[name]["curve"]]
                         for name in SIDES}, dict(zip(SIDES, marks)))


def load(run_folder):
    path = os.path.join(run_folder, "stock-heldtime", "result")
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8", errors="replace") as f:
        return read(f.read().replace("\r", "").splitlines())


def main():
    run_folder, out = sys.argv[1:]
    found = load(run_folder)
    if not found:
        raise SystemExit("not ok - no result of tests/guest/heldtime.sh")
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "held.tsv"), "w", encoding="utf-8") as f:
        for name in SIDES:
            f.writelines(f"{name}\t{at:.2f}\t{kb}\n" for at, kb in found[name]["curve"])
    good = True
    for so, what in judge(found):
        print("ok -" if so else "not ok -", what)
        good &= so
    if good:
        svg = draw(found)
        with open(os.path.join(out, "held.svg"), "w", encoding="utf-8") as f:
            f.write(svg)
        drawn = all(plots.drawn_points(svg, name) > 20 for name in SIDES)
        print("ok -" if drawn else "not ok -", "the plot has a curve of either side")


if __name__ == "__main__":
    main()
