# SPDX-License-Identifier: GPL-2.0
"""What the benchmark module said in guests of this machine, read from build/run.

Each result file holds one or more runs.  A run is "# run PARAMETERS", a line that names the
unit ("insn: exact" or times), and a table whose header begins with "row allocator size".
"""

import glob
import os
import re

COLUMNS = ("row", "allocator", "size", "batch", "context", "cpus", "value", "median", "loop",
           "x")
COMMANDS = ("make check-budget", "make bench", "make bench-uml")


def table_line(words, unit, params):
    line = dict(zip(COLUMNS, words))
    for name in ("value", "median", "loop", "x"):
        if name in line:
            line[name] = float(line[name])
    line["unit"] = unit
    line["params"] = params
    return line


def is_figure(words):
    return len(words) in (9, 10) and all(re.fullmatch(r"[\d.]+", w) for w in words[6:])


def parse(lines):
    machine, params, unit, found = "", "", "", []
    for line in lines:
        words = line.split()
        if line.startswith("# Linux"):
            machine = line[2:].strip()
        elif line.startswith("# run "):
            params, unit = line[len("# run "):].strip(), ""
        elif words[:3] == ["row", "allocator", "size"]:
            unit = words[6]
        elif unit and is_figure(words):
            found.append(table_line(words, unit, params))
        elif unit and not words:
            unit = ""
    return machine, found


def results(run_folder):
    """Every run on this machine that has figures: name, machine, date and lines."""
    out = []
    for path in sorted(glob.glob(os.path.join(run_folder, "*bench*", "result"))):
        with open(path, encoding="utf-8", errors="replace") as f:
            machine, lines = parse(f.read().replace("\r", "").splitlines())
        if lines:
            out.append({"name": os.path.basename(os.path.dirname(path)), "machine": machine,
                        "time": os.path.getmtime(path), "lines": lines})
    return out
