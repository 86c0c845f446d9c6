# SPDX-License-Identifier: GPL-2.0
"""Plots by gnuplot, as SVG to put into the page."""

import re
import subprocess

# Colours that also differ for colour-blind eyes (Okabe and Ito).
COLOURS = {"glibc": "#999999", "jemalloc": "#e69f00", "tcmalloc": "#56b4e9",
           "mimalloc": "#009e73", "hakmem": "#d55e00", "inlined": "#7b3294",
           "kernel": "#999999", "hakmem, hardened=0": "#d55e00", "hakmem, hardened=1": "#7b3294"}
WIDTH, HEIGHT = 720, 300

STYLE = """
set terminal svg size {width},{height} dynamic font 'sans-serif,12' background '#ffffff'
set datafile missing '?'
set datafile separator '\\t'
set border 3 lc rgb '#888888'
set grid ytics lc rgb '#dddddd' lt 1 lw 0.5
set xtics nomirror scale 0
set ytics nomirror scale 0.5
set yrange [0:{top}]
set offsets 0, 0, graph 0.04, 0
set key outside top center horizontal samplen 1
set ylabel '{ylabel}'
set title '{title}' noenhanced
"""

_drawn = 0


def unique_ids(svg):
    """One page holds many plots, and gnuplot gives all of them the same ids."""
    global _drawn
    _drawn += 1
    prefix = f"p{_drawn}_"
    svg = re.sub(r"""(\bid=['"])""", rf"\g<1>{prefix}", svg)
    svg = re.sub(r"""(xlink:href=['"]#)""", rf"\g<1>{prefix}", svg)
    return re.sub(r"url\(#", f"url(#{prefix}", svg)


def gnuplot(script):
    done = subprocess.run(["gnuplot"], input=script, capture_output=True, text=True, check=False)
    if done.returncode or "<svg" not in done.stdout:
        raise SystemExit(f"gnuplot: {done.stderr.strip() or 'drew nothing'}")
    # An allocator may be INVALID in all rows of a plot.
    said = [x for x in done.stderr.splitlines() if x.strip() and "no valid points" not in x]
    if said:
        raise SystemExit("gnuplot: " + "\n".join(said))
    return unique_ids(done.stdout[done.stdout.index("<svg"):])


def style(title, ylabel, width, height, top="*"):
    return STYLE.format(title=title, ylabel=ylabel, width=width, height=height, top=top)


def field(value):
    return "?" if value is None else f"{value:.6g}"


def block(lines):
    """Inline data of gnuplot."""
    return "$data << END\n" + "".join("\t".join(line) + "\n" for line in lines) + "END\n"


def bars(title, ylabel, groups, names, value, width=WIDTH, height=HEIGHT, top="*"):
    """A cluster of bars for each of groups; value(group, name) is (value, low, high) or None.

    A missing bar is a gap: an INVALID row.  @top cuts off what is higher.
    """
    cells = {(g, n): value(g, n) or (None, None, None) for g in groups for n in names}
    exact = all(low == high for _, low, high in cells.values())
    script = style(title, ylabel, width, height, top)
    script += block([[f'"{g}"'] + [field(v) for n in names for v in cells[g, n]]
                     for g in groups])
    script += ("set style data histograms\nset style fill solid 0.9 noborder\n"
               "set xtics noenhanced\nset errorbars 0.6 lc rgb '#444444' lw 0.8\n")
    script += f"set style histogram {'clustered' if exact else 'errorbars'} gap 1.5\n"
    parts = []
    for i, name in enumerate(names):
        at = 2 + 3 * i
        columns = f"{at}" if exact else f"{at}:{at + 1}:{at + 2}"
        tics = ":xtic(1)" if not parts else ""
        parts.append(f"$data using {columns}{tics} title '{name}' lc rgb '{COLOURS[name]}'")
    return gnuplot(script + "plot " + ", ".join(parts) + "\n")


def lines(title, ylabel, xlabel, points, names, value, width=WIDTH, height=HEIGHT):
    """A line for each name over points; value as for bars()."""
    rows = []
    for x in points:
        row = [str(x)]
        for name in names:
            row += [field(v) for v in value(x, name) or (None, None, None)]
        rows.append(row)
    script = style(title, ylabel, width, height) + block(rows)
    script += f"set xlabel '{xlabel}'\nset xrange [{min(points) - 0.3}:{max(points) + 0.3}]\n"
    script += "set xtics (" + ", ".join(str(p) for p in points) + ")\n"
    parts = []
    for i, name in enumerate(names):
        at = 2 + 3 * i
        # Beside each other, so that intervals do not hide each other.
        shift = (i - (len(names) - 1) / 2) * 0.03
        columns = f"($1+{shift:.3f}):{at}:{at + 1}:{at + 2}"
        parts.append(f"$data using {columns} with yerrorlines title '{name}' "
                     f"lc rgb '{COLOURS[name]}' lw 2 pt 7 ps 0.5")
    return gnuplot(script + "plot " + ", ".join(parts) + "\n")


def growth(title, ylabel, xlabel, points, width=WIDTH, height=HEIGHT):
    """A curve for each name of @points, which has (x, y) of each; x by its logarithm."""
    script = style(title, ylabel, width, height) + "unset offsets\nset logscale x 2\n"
    parts = []
    for i, (name, those) in enumerate(points.items()):
        script += f"$d{i} << END\n" + "".join(f"{x}\t{y:.6g}\n" for x, y in those) + "END\n"
        parts.append(f"$d{i} using 1:2 with linespoints title '{name}' noenhanced "
                     f"lc rgb '{COLOURS[name]}' lw 2 pt 7 ps 0.5")
    ticks = sorted({x for those in points.values() for x, _ in those})
    script += f"set xlabel '{xlabel}'\nset xtics ({', '.join(str(x) for x in ticks)})\n"
    return gnuplot(script + "plot " + ", ".join(parts) + "\n")


def drawn_points(svg, name):
    """How many points the curve of @name has in a plot of curves()."""
    at = svg.find(f"<title>{name}</title>")
    path = re.search(r"<path[^>]* d='(M[^']*)'", svg[at:]) if at >= 0 else None
    return len(re.findall(r"[ML\d][^ ,]*,", path.group(1))) if path else 0


def curves(title, ylabel, xlabel, points, marks, width=2 * WIDTH, height=HEIGHT + 60):
    """A curve for each name of @points, which has (x, y) of each; @marks are its (x, text)."""
    script = style(title, ylabel, width, height) + "unset offsets\n"
    parts = []
    for i, (name, those) in enumerate(points.items()):
        script += f"${name} << END\n" + "".join(f"{x:.6g}\t{y:.6g}\n" for x, y in those)
        script += "END\n"
        for x, what in marks[name]:
            script += (f"set arrow from first {x:.6g}, graph 0 to first {x:.6g}, graph 1 nohead "
                       f"lc rgb '{COLOURS[name]}' dt 3\n"
                       f"set label '{what}' at first {x:.6g}, graph {0.97 - 0.06 * i:.2f} "
                       f"offset 0.3,0 textcolor rgb '{COLOURS[name]}' font ',10'\n")
        parts.append(f"${name} using 1:2 with lines title '{name}' lc rgb '{COLOURS[name]}' lw 2")
    script += f"set xlabel '{xlabel}'\nset xtics auto\n"
    return gnuplot(script + "plot " + ", ".join(parts) + "\n")
