#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Adds up what gcov says of several objects, a row a file: coverage.py REASONS TREE JSON...

A header's code is in many objects: a line counts as reached if it was in any of them.  Branches are
counted where gcov tells them apart.  A branch of a header counts once for each number of branches that
objects made of its line, and is taken if it was in any of those objects.

What is not reached must be listed in REASONS (tests/coverage-missed.txt), as often as that function has
that code unreached.  A "not ok - " line names what is not.
"""
import json
import os
import sys
from collections import Counter

FOLDERS = ("tiny/", "superslab/", "debugfs/", "hakmem_kmod.c")


def read(tree, names):
    """{file: {line: count}}, {file: {(line, branches, index): count}}, {(file, line): function}"""
    lines, branches, functions = {}, {}, {}
    for name in names:
        with open(name, encoding="utf-8") as file:
            data = json.load(file)
        for part in data["files"]:
            path = os.path.realpath(os.path.join(data["current_working_directory"], part["file"]))
            path = os.path.relpath(path, tree)
            if not path.startswith(FOLDERS):
                continue
            for line in part["lines"]:
                at = line["line_number"]
                counts = lines.setdefault(path, {})
                counts[at] = counts.get(at, 0) + line["count"]
                # Of the functions that a header's code is inlined into, the first by name.
                name = line.get("function_name", "-")
                functions[path, at] = min(name, functions.get((path, at), name))
                counts = branches.setdefault(path, {})
                for i, branch in enumerate(line["branches"]):
                    key = at, len(line["branches"]), i
                    counts[key] = counts.get(key, 0) + branch["count"]
    return lines, branches, functions


def listed(name):
    """{(file, function, code): times} of a file like tests/coverage-missed.txt, which says how it is read."""
    known, why = Counter(), ""
    with open(name, encoding="utf-8") as file:
        for n, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if line.startswith("why "):
                why = line[4:].strip()
            elif line and not line.startswith("#"):
                what = tuple(line.split("\t"))
                if len(what) != 3 or not all(what) or not why:
                    sys.exit(f"{name}:{n}: not FILE, FUNCTION and CODE between tabs, below a reason")
                known[what] += 1
    return known


def percent(some, of):
    """With one digit, cut and not rounded: 94.99 is not 95."""
    return f"{some * 1000 // of / 10:.1f}" if of else "-"


def main(reasons, tree, names):
    """As the first lines of this file say."""
    tree = os.path.realpath(tree)
    lines, branches, functions = read(tree, names)
    known = listed(reasons)
    total = [0, 0, 0, 0]
    print(f"# {'file':28} {'lines':>6} {'reached':>8} {'%':>6} {'branches':>9} {'taken':>6} {'%':>6}")
    rows, missing = [], []
    for path in sorted(lines):
        with open(os.path.join(tree, path), encoding="utf-8") as file:
            text = file.read().splitlines()
        row = [len(lines[path]), sum(map(bool, lines[path].values())),
               len(branches[path]), sum(map(bool, branches[path].values()))]
        rows.append((path, row))
        total = [a + b for a, b in zip(total, row)]
        missing += [(n, path, functions[path, n], text[n - 1].strip())
                    for n, c in sorted(lines[path].items()) if not c]
    for path, row in rows + [("all", total)]:
        print(f"# {path:28} {row[0]:6} {row[1]:8} {percent(row[1], row[0]):>6}"
              f" {row[2]:9} {row[3]:6} {percent(row[3], row[2]):>6}")
    for n, *what in missing:
        named = known[tuple(what)] > 0
        known[tuple(what)] -= 1
        print(f"{'# listed' if named else 'not ok'} - not reached: {what[0]}:{n}: {what[1]}: {what[2]}")
    for what in sorted(what for what, left in known.items() if left > 0):
        print(f"# listed in {os.path.basename(reasons)}, but reached: {', '.join(what)}")
    for what, some, of, aim in (("lines", total[1], total[0], 95), ("branches", total[3], total[2], 85)):
        state = "ok" if of and some * 100 >= of * aim else "not ok"
        print(f"{state} - {percent(some, of)} % of the {what} ({some} of {of}), aim {aim} %")


main(sys.argv[1], sys.argv[2], sys.argv[3:])
