# SPDX-License-Identifier: GPL-2.0
"""How the cost of larson grows with CPUs, caches and live objects: read, judged and drawn.

scale.py RUN_FOLDER OUT reads the "larson" lines of the guests of `make check STAGE=scale`, writes
OUT/scale.tsv and OUT/scale-WHAT.svg, and prints "ok - ..." or "not ok - ..." for each thing that
must be so.
"""

import glob
import os
import re
import sys

import plots

# What varies: its name in a line, how the axis is called, and the settings that then stand still.
KINDS = (("cpus", "CPUs at work, of 64", "icount-bench-scale-cpus"),
         ("caches", "caches", "icount-bench-scale-caches"),
         ("live", "live objects", "icount-bench-scale-live"))
KERNEL = "kernel"
# A magazine of these objects has 50 to 64 of them.  Two exchanges move one from CPU to CPU.
LEAST_IN_MAGAZINE = 48


def read(lines):
    """{hardened: [line]}, each line a dictionary of numbers."""
    out, params = {}, ""
    for text in lines:
        if text.startswith("# run "):
            params = re.search(r"hardened=\d", text).group()
        words = text.split()
        if words[:1] == ["larson"] and len(words) > 6:
            pairs = [w.split("=") for w in words[2:] if "=" in w]
            out.setdefault(params, []).append({k: float(v) for k, v in pairs})
    return out


def load(run_folder, name):
    for path in glob.glob(os.path.join(run_folder, name, "result")):
        with open(path, encoding="utf-8", errors="replace") as f:
            return read(f.read().replace("\r", "").splitlines())
    return {}


def judge(what, found):
    """What must be so: (whether it is, what)."""
    yield len(found) == 2, f"{what}: both hardened=0 and hardened=1 are there"
    for params, lines in found.items():
        counts = [line[what] for line in lines]
        yield (len(counts) > 4 and counts == sorted(set(counts)),
               f"{what}, {params}: {len(counts)} figures, one for each")
        yield (all("insn" in line and line["insn"] < line["kernel"] for line in lines),
               f"{what}, {params}: fewer instructions than the kernel's, everywhere")
        # Each of two operations takes the lock at most once in a magazine of objects.
        most = max(line.get("exchanges", 1e9) for line in lines)
        bound = 2e6 / LEAST_IN_MAGAZINE
        yield (what == "caches" or most <= bound,
               f"{what}, {params}: at most {most:.0f} exchanges in 10^6 pairs, {bound:.0f} may be")


def draw(what, axis, found):
    points = {f"hakmem, {params}": [(int(x[what]), x["insn"]) for x in lines]
              for params, lines in found.items()}
    points[KERNEL] = [(int(x[what]), x["kernel"]) for x in found["hardened=0"]]
    return plots.growth(f"larson churn, by {axis}", "instructions per pair", axis, points)


def main():
    run_folder, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "scale.tsv"), "w", encoding="utf-8") as tsv:
        for what, axis, name in KINDS:
            found = load(run_folder, name)
            good = True
            for so, text in judge(what, found):
                print("ok -" if so else "not ok -", text)
                good &= so
            for params, lines in found.items():
                tsv.writelines(f"{what}\t{params}\t{x[what]:.0f}\t{x['insn']}\t{x['kernel']}\t"
                               f"{x['exchanges']:.0f}\n" for x in lines if "insn" in x)
            if not good:
                continue
            svg = draw(what, axis, found)
            with open(os.path.join(out, f"scale-{what}.svg"), "w", encoding="utf-8") as f:
                f.write(svg)
            drawn = all(f"<title>{n}</title>" in svg for n in (KERNEL, "hakmem, hardened=1"))
            print("ok -" if drawn else "not ok -", f"{what}: the plot has a curve of either side")


if __name__ == "__main__":
    main()
