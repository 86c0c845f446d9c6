#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Small faults for tiny/ and superslab/: mutants.py SEED list | mutants.py SEED apply NUMBER

Every place where one of the rules applies is a mutant.  They are shuffled by SEED.  The same sources
and the same seed give the same list, and nobody chooses.

"list" prints a line for each: number, file:line, rule, what was there, what is there instead.  The
rules take turns, so that the checks are not lost among the statements.  "apply" changes the file, in
the current directory.  What is no code (comments, strings, directives, annotations for the linker or
lockdep) is left alone.
"""
import glob
import itertools
import random
import re
import sys

FOLDERS = ("tiny", "superslab")
# Statements that generate no code, or none that any test could see.
INERT = re.compile(r"EXPORT|NOKPROBE|static_assert|BUILD_BUG_ON|lockdep_|DEFINE_|DECLARE_|"
                   r"__builtin_unreachable|cond_resched|barrier\(\)|OPTIMIZER")
SWAPS = {
    " < ": " <= ", " <= ": " < ", " > ": " >= ", " >= ": " > ", " == ": " != ", " != ": " == ",
    " && ": " || ", " || ": " && ",
}
STATEMENT = re.compile(r"^(\t+)((?:[a-z_][\w.>\[\]-]*|\*[\w.>()-]+) [-+|&]?= [^;]+;|[a-z_]\w*\([^;]*\);|"
                       r"[a-z_][\w.>\[\]-]*(?:\+\+|--);)( ?\\?)$")
WORDS = {"return true;": "return false;", "return false;": "return true;", ", true)": ", false)",
         ", false)": ", true)", "min(": "max(", "max(": "min(", "min_t(": "max_t(",
         "max_t(": "min_t("}


def masked(text):
    """The text with everything that is no code as blanks, at the same offsets."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    text = re.sub(r"/\*.*?\*/", blank, text, flags=re.S)
    text = re.sub(r'"(?:\\.|[^"\\\n])*"', blank, text)
    return re.sub(r"^#[^\n]*", blank, text, flags=re.M)


def closing(code, start):
    """The offset behind the bracket that closes the one at start."""
    depth = 0
    for i in range(start, len(code)):
        depth += (code[i] == "(") - (code[i] == ")")
        if not depth:
            return i + 1
    return start


def line_mutants(code):
    """(offset, length, rule, replacement) of the rules that look at one line."""
    at = 0
    for line in code.splitlines(keepends=True):
        match = STATEMENT.match(line.rstrip("\n"))
        if match and not INERT.search(line):
            yield at + match.start(2), len(match.group(2)), "statement dropped", ";"
            if re.search(r"(\+\+|--);$", match.group(2)):
                other = "--;" if match.group(2).endswith("++;") else "++;"
                yield at + match.end(2) - 3, 3, "counts the other way", other
        at += len(line)


def token_mutants(code):
    """The same of the rules that look at tokens."""
    for old, new in SWAPS.items():
        for match in re.finditer(re.escape(old), code):
            yield match.start(), len(old), "other operator", new
    for old, new in WORDS.items():
        for match in re.finditer(r"(?<!\w)" + re.escape(old) if old[0].isalpha()
                                 else re.escape(old), code):
            yield match.start(), len(old), "other word", new
    for match in re.finditer(r" [-+] 1\b(?!U?L? ?<<)", code):
        yield match.start(), len(match.group()), "off by one", match.group()[:-1] + "0"


def check_mutants(code):
    """The same of whole conditions: never true, or the other way round."""
    for match in re.finditer(r"\b(?:if|while) (\()", code):
        start = match.start(1)
        end = closing(code, start)
        if "static_branch" in code[start:end] and code[start:end].count("(") == 2:
            continue
        inner = code[start:end]
        if inner == "(0)":
            continue
        if match.group().startswith("if"):
            yield start, end - start, "check dropped", "(0 && " + inner + ")"
        yield start, end - start, "check turned round", "(!" + inner + ")"


def mutants(seed):
    """All of them: (file, line, offset, length, rule, replacement), shuffled, the rules in turn."""
    found = {}
    for path in sorted(f for d in FOLDERS for f in glob.glob(d + "/*.[ch]")):
        text = open(path, encoding="utf-8").read()
        code = masked(text)
        for rule in (line_mutants, token_mutants, check_mutants):
            for at, length, name, new in rule(code):
                line = text[text.rfind("\n", 0, at) + 1:text.find("\n", at)]
                if not INERT.search(line):
                    found.setdefault(name, []).append(
                        (path, text.count("\n", 0, at) + 1, at, length, name, new))
    draw = random.Random(seed)
    for name in sorted(found):
        draw.shuffle(found[name])
    turns = itertools.zip_longest(*(found[name] for name in sorted(found)))
    return [mutant for turn in turns for mutant in turn if mutant]


def main(seed, action, number="0"):
    """As the first lines of this file say."""
    every = mutants(int(seed))
    if action == "list":
        for i, (path, line, at, length, name, new) in enumerate(every):
            old = open(path, encoding="utf-8").read()[at:at + length]
            print(i, f"{path}:{line}", name, " ".join(old.split()), " ".join(new.split()), sep="\t")
        return
    path, _, at, length, _, new = every[int(number)]
    text = open(path, encoding="utf-8").read()
    # A condition may hold text that was masked: what stands there now goes into the new one.
    new = new.replace(masked(text)[at:at + length], text[at:at + length])
    with open(path, "w", encoding="utf-8") as out:
        out.write(text[:at] + new + text[at + length:])


main(*sys.argv[1:])
