#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Who calls whom among the objects of a module, as the linker sees it: object_graph.py [--map] KBUILD BUILD MODULE

An include says what a file may see; only its undefined symbols say what it uses.  Reads the list
of MODULE's objects in the file KBUILD, asks nm about each below the folder BUILD, and fails where
objects use each other in a circle, or where one uses another of a layer above its own.

Prints "ok - " and "not ok - " lines; with --map the objects from the lowest to the highest.
"""
import re
import subprocess
import sys

# From below; a folder that is not named here is a layer of its own at the bottom.
LAYERS = ("superslab", "tiny", "dropin", "debugfs", "")


def objects_of(kbuild, module):
    """Objects that KBUILD lists for MODULE, whatever their condition."""
    text = re.sub(r"\\\n", " ", open(kbuild, encoding="ascii").read())
    found = re.findall(rf"^{module}-\S+ *[:+]= *(.*)$", text, re.M)
    return [name for line in found for name in line.split()]


def symbols(path):
    """(defined, used) global symbols of an object file; None if it was not built."""
    out = subprocess.run(["nm", "-g", path], capture_output=True, text=True, check=False)
    if out.returncode:
        return None
    defined, used = set(), set()
    for line in out.stdout.splitlines():
        kind, name = line.split()[-2:]
        (used if kind in "UvVwW" else defined).add(name)
    return defined, used - defined


def graph_of(kbuild, build, module):
    """{object: {object it uses: [symbols]}} of what was built."""
    seen = {name: symbols(f"{build}/{name}") for name in objects_of(kbuild, module)}
    seen = {name: both for name, both in seen.items() if both}
    home = {symbol: name for name, (defined, _) in seen.items() for symbol in defined}
    graph = {name: {} for name in seen}
    for name, (_, used) in seen.items():
        for symbol in sorted(used & home.keys()):
            graph[name].setdefault(home[symbol], []).append(symbol)
    return graph


def rounds(graph):
    """Objects in rounds from below, and what is left when no more can be taken: the circles."""
    left, order = dict(graph), []
    while True:
        free = sorted(name for name, uses in left.items() if not uses.keys() & left.keys() - {name})
        if not free:
            break
        order.append(free)
        for name in free:
            del left[name]
    # What only stands above a circle is not part of it.
    while True:
        used = {other for name, uses in left.items() for other in uses if other != name}
        above = [name for name in left if name not in used]
        if not above:
            return order, left
        for name in above:
            del left[name]


def layer(name):
    """Height of the layer an object belongs to."""
    folder = name.rpartition("/")[0]
    return LAYERS.index(folder) if folder in LAYERS else -1


def main():
    args = [word for word in sys.argv[1:] if word != "--map"]
    graph = graph_of(*args)
    module = args[2]
    order, circles = rounds(graph)
    if "--map" in sys.argv:
        for number, names in enumerate(order):
            print(f"{number:3}  {' '.join(names)}")
    bad = 0
    for name, uses in sorted(circles.items()):
        for other in sorted(uses.keys() & circles.keys()):
            bad += 1
            print(f"not ok - {module}: {name} and {other} use each other in a circle: {' '.join(uses[other])}")
    for name, uses in sorted(graph.items()):
        for other in sorted(uses):
            if layer(other) > layer(name):
                bad += 1
                print(f"not ok - {module}: {name} uses {other}, which is above it: {' '.join(uses[other])}")
    if not graph:
        bad = 1
        print(f"not ok - {module}: none of its objects is in {args[1]}")
    if not bad:
        print(f"ok - {module}: no circle and no call upwards among {len(graph)} objects")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
