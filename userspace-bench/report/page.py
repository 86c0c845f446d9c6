# SPDX-License-Identifier: GPL-2.0
"""Writes the report: one HTML page that needs nothing beside itself.

page.py BENCH_JSON RUN_FOLDER OUT

The figures are bench.json's; the in-kernel ones those of the guests under RUN_FOLDER.
"""

import json
import sys

import held
import kernel
import parts
from parts import tag, text


def parts_of(run, guests, over_time):
    yield parts.heading(run)
    yield section("aims", "Aims", parts.aims(run))
    yield section("lose", "Where we lose", parts.lose(run))
    yield section("seeds", "Single-thread workloads", parts.seeds(run))
    yield section("larson", "larson", parts.larson(run))
    yield section("cross", "Objects freed by another thread", parts.cross(run))
    yield section("rss", "Peak resident memory", parts.rss(run))
    yield section("kernel", "In the kernel", parts.in_kernel(guests, kernel.COMMANDS))
    yield section("held", "Held memory over time", parts.held_memory(over_time))
    yield section("provenance", "Provenance and calibration", parts.provenance(run))
    yield section("all", "Every figure", parts.everything(run))


def section(name, title, body):
    return f'<section id="{name}">' + tag("h2", text(title)) + body + "</section>"


STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.45 system-ui, sans-serif; color: #222; background: #fff; margin: 0 auto;
  max-width: 1500px; padding: 0 1.5rem 3rem; }
h1 { margin: 1.2rem 0 .2rem; } h2 { margin: 2.2rem 0 .6rem; border-bottom: 1px solid #ccc; }
h3 { margin: 1.4rem 0 .4rem; }
nav a { margin-right: 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px;
  margin: .5rem 0; }
th, td { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid #eee;
  white-space: nowrap; }
th { color: #555; border-bottom: 1px solid #999; }
td.l, th.l { text-align: left; } td.w { text-align: left; white-space: normal; }
td.best { font-weight: 600; } td.bad, .bad { color: #b00020; font-weight: 600; }
.ok { color: #00695c; font-weight: 600; } .small { color: #666; font-size: 12px; }
.plots { display: flex; flex-wrap: wrap; gap: .6rem; }
.plots svg { flex: 1 1 640px; max-width: 740px; height: auto; }
.plots.wide svg { flex: 1 1 100%; max-width: 1400px; }
.tables { display: flex; flex-wrap: wrap; gap: 0 2rem; } .tables h4 { margin: .6rem 0 0; }
.scroll { overflow-x: auto; }
"""


def main():
    bench, run_folder, out = sys.argv[1:]
    with open(bench, encoding="utf-8") as f:
        run = json.load(f)
    body = "\n".join(parts_of(run, kernel.results(run_folder),
                              held.load(run_folder)))
    page = ("<!DOCTYPE html>\n<!-- SPDX-License-Identifier: GPL-2.0 -->\n"
            '<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>hakmem in user space</title><style>{STYLE}</style></head>\n"
            f"<body>\n{body}\n</body></html>\n")
    with open(out, "w", encoding="utf-8") as f:
        f.write(page)


if __name__ == "__main__":
    main()
