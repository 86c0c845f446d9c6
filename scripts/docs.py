#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Do the documents and the comments of the sources still say what is there?

For scripts/check-docs: docs.py | docs.py --self-test.  Prints an "ok - " line for each check that found
nothing and a "not ok - " line for each finding.  It looks at *.md files, and at the comments of sources,
scripts and makefiles.  --self-test breaks a copy in memory in one way after the other.  Each must be found.
"""
import os
import re
import subprocess
import sys
from collections import namedtuple

# Sentences of more than SENTENCE words that each part of the tree still has.  The numbers only go down.
SENTENCE = 25
ALLOWED = {"documents": 0, "tiny/ and superslab/": 0, "other sources": 44}
COLUMNS = 120

CODE = re.compile(r"\.(c|h|py|awk|sh|rules|mk)$|^(scripts|\.ci|tests/guest)/[^.]*$|(^|/)(Makefile|Kbuild|Kconfig)$")
# A name in capitals stands for any, as in tests/guest/NAME.c.
PLACEHOLDER = re.compile(r"[A-Z]+(_\w+)?\.(?!md)")
Piece = namedtuple("Piece", "path line text prose")


class Tree:
    """The files of the repository as text, and what is asked of them again and again."""

    def __init__(self, files):
        self.files = files
        self.names = {os.path.basename(path) for path in files}
        self.folders = {path.rsplit("/", n)[0] for path in files for n in range(1, path.count("/") + 1)}
        self.top = {path.split("/")[0] for path in files if "/" in path}
        names = re.findall(r"(?m)^(file|name) (.*)$", files.get("tests/docs-names.txt", ""))
        self.others = {kind: set(" ".join(n for k, n in names if k == kind).split()) for kind in ("file", "name")}
        self.words = set()
        for path, text in files.items():
            # This file has names in it that are not to be found.
            if CODE.search(path) and path != "scripts/docs.py":
                self.words.update(re.findall(r"\w+", uncommented(path, text)))

    def exists(self, path):
        """Whether the path, with * and {a,b} in it, names something here."""
        path = path.rstrip("/")
        if path in self.files or path in self.folders:
            return True
        wild = re.escape(path).replace(r"\*", "[^/]*").replace(r"\{", "(").replace(r"\}", ")").replace(",", "|")
        return any(re.fullmatch(wild, other) for other in [*self.files, *self.folders])

    def get(self, path):
        """The text of a file, empty if there is none."""
        return self.files.get(path, "")


def load():
    """The tree of this clone."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, text=True, check=False).stdout.split("\n")
    if not any(listed):
        listed = [os.path.relpath(os.path.join(d, f)) for d, _, names in os.walk(".") for f in names]
        listed = [path for path in listed if not path.startswith(("build/", ".git/"))]
    files = {}
    for path in listed:
        if path and os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                # Programs of bytes, for fuzzers.
                files[path] = "" if path.startswith("tests/fuzz-corpus/") else file.read()
    return Tree(files)


def uncommented(path, text):
    """The text of a source without its comments, lines kept."""
    if re.search(r"\.[ch]$", path):
        return re.sub(r"/\*.*?\*/|//[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)
    return re.sub(r"(?m)(^|\s)#(?![!{]).*$", r"\1", text) if CODE.search(path) else text


def comments(path, text):
    """The comments of a source, as pieces: one a block of lines."""
    if re.search(r"\.[ch]$", path):
        for match in re.finditer(r"/\*(.*?)\*/", text, re.S):
            line = text.count("\n", 0, match.start()) + 1
            body = re.sub(r"(?m)^[ \t]*\*", "", match.group(1).lstrip("*"))
            yield Piece(path, line, body, [part.strip("\n") for part in body.split("\n")])
        return
    if path.endswith(".py"):
        for match in re.finditer(r'^[ \t]*"""(.*?)"""', text, re.S | re.M):
            yield Piece(path, text.count("\n", 0, match.start()) + 1, match.group(1), match.group(1).split("\n"))
    block, first = [], 0
    for n, line in enumerate(text.split("\n") + [""], 1):
        match = re.match(r"\s*#(?!!)(?! SPDX| shellcheck| pylint)(.*)", line)
        if match:
            first = first or n
            block.append(match.group(1))
        elif block:
            yield Piece(path, first, "\n".join(block), block)
            block, first = [], 0


def document(path, text):
    """An *.md file as pieces: prose line by line in paragraphs, and the text of tables and code apart."""
    code, prose, first = False, [], 0
    for n, line in enumerate(text.split("\n") + [""], 1):
        fence = line.startswith("```")
        item = re.match(r"\s*([-*]|\d+\.) ", line)
        aside = fence or code or line.startswith(("|", "#")) or not line.strip()
        if prose and (aside or item):
            yield Piece(path, first, "\n".join(prose), prose)
            prose = []
        if aside:
            if line.strip() and not fence:
                yield Piece(path, n, line, None)
        else:
            first = first if prose else n
            prose.append(re.sub(r"^\s*([-*]|\d+\.) ", "", line).strip())
        code ^= fence


def pieces(tree):
    """All that people read: (piece, whether it is a document's)."""
    for path, text in sorted(tree.files.items()):
        if path.endswith(".md"):
            for piece in document(path, text):
                yield piece, True
        elif CODE.search(path):
            for piece in comments(path, text):
                yield piece, False


def at(piece, offset=0):
    """Where: FILE:LINE."""
    return f"{piece.path}:{piece.line + piece.text.count(chr(10), 0, offset)}"


def slug(heading):
    """The anchor of a heading, as GitHub and others make it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def headings(text):
    """The headings of a document."""
    return [re.sub(r"[`*]", "", h) for h in re.findall(r"(?m)^#+ (.*)$", re.sub(r"(?ms)^```.*?^```", "", text))]


def check_paths(tree):
    """paths and file names exist"""
    roots = "|".join(sorted(map(re.escape, tree.top)))
    path = re.compile(rf"(?<![\w/.~*$}}-])(?:{roots})/[\w./*{{}},-]*[\w*}}]")
    name = re.compile(r"(?<![\w/.*<>$%}-])[\w-]+\.(?:md|c|h|sh|awk|py|txt|patch)\b(?![\w(/])")
    for piece, _ in pieces(tree):
        text = re.sub(r"https?://\S+", "", piece.text)
        for match in path.finditer(text):
            found = match.group().rstrip(".")
            beside = os.path.join(os.path.dirname(piece.path), found)
            if not (tree.exists(found) or tree.exists(beside) or found in tree.others["file"] or
                    PLACEHOLDER.match(os.path.basename(found))):
                yield f"{at(piece, match.start())}: no {found} here"
        for match in name.finditer(text):
            if match.group() not in tree.names | tree.others["file"] and not PLACEHOLDER.match(match.group()):
                yield f"{at(piece, match.start())}: no file {match.group()} here"


def check_links(tree):
    """links, anchors and quoted section titles resolve"""
    for piece, is_document in pieces(tree):
        for match in re.finditer(r"\]\(([^)\s]+)\)(?:,\s+\"([^\"]+)\")?", piece.text if is_document else ""):
            target, _, anchor = match.group(1).partition("#")
            if target.startswith(("http:", "https:", "mailto:")):
                continue
            path = os.path.normpath(os.path.join(os.path.dirname(piece.path), target)) if target else piece.path
            title = " ".join((match.group(2) or "").rstrip(".").split())
            titles = headings(tree.get(path))
            if not tree.exists(path):
                yield f"{at(piece, match.start())}: the link to {target} leads nowhere"
            elif anchor and anchor not in map(slug, titles):
                yield f"{at(piece, match.start())}: {path} has no anchor #{anchor}"
            elif not any(t.startswith(title) for t in titles) and title:
                yield f"{at(piece, match.start())}: {path} has no section \"{title}\""
        for match in re.finditer(r"(docs/[\w-]+\.md),\s+\"([^\"]+)\"", "" if is_document else piece.text):
            if not any(t.startswith(match[2].rstrip(".")) for t in headings(tree.get(match[1]))):
                yield f"{at(piece, match.start())}: {match[1]} has no section \"{match[2]}\""


def targets(tree):
    """The targets of the makefile, and the stages of `make check`."""
    makefile = tree.get("Makefile").replace("\\\n", " ")
    stages = set(",".join(re.findall(r"(?m)^stage +(\S+)", tree.get("tests/stages.txt"))).split(","))
    found = set(" ".join(re.findall(r"(?m)^(?:STAGES = )?([a-z][\w -]*?)(?:$|:(?!=))", makefile)).split())
    if "check-%:" in makefile:
        found |= stages | {f"check-{name}" for name in stages}
    return found, stages | {"help"}


def check_targets(tree):
    """make targets and stages exist"""
    known, stages = targets(tree)
    for piece, is_document in pieces(tree):
        commands = [(m.start(1), m.group(1)) for m in re.finditer(r"`(?:sudo )?make ([^`]+)`", piece.text)]
        if is_document and piece.prose is None:
            commands += [(m.start(1), m.group(1)) for m in re.finditer(r"^(?:sudo )?make +([^#&|]+)", piece.text)]
        for offset, words in commands:
            words = "" if words.startswith("-") else re.sub(r"\w+=('[^']*'|\"[^\"]*\")", "", words)
            for word in words.split():
                if re.fullmatch(r"[a-z][a-z0-9-]*", word) and word not in known:
                    yield f"{at(piece, offset)}: no target `make {word}`"
        for match in re.finditer(r"\bSTAGE=[\"']?([a-z][a-z0-9 -]*)", piece.text):
            for word in match.group(1).split():
                if word not in stages:
                    yield f"{at(piece, match.start())}: no stage {word}"


def check_names(tree):
    """names of functions, structures, parameters and counters exist in the code"""
    ours = re.compile(r"\b(?:_*(?:hak|HAK|ss|HAKMEM)_\w+|hakmem_\w+)\*?")
    quoted_name = re.compile(r"\b_*[a-z][a-z0-9]*_\w+\*?")
    for piece, is_document in pieces(tree):
        spans = [(m.start(1), m.group(1)) for m in re.finditer(r"`([^`]+)`", piece.text)]
        if is_document and piece.prose is None and not piece.text.startswith(("|", "#")):
            spans.append((0, piece.text))
        elif not is_document:
            spans.append((0, piece.text))
        for offset, span in spans:
            quoted = span != piece.text and is_document
            for match in (quoted_name if quoted else ours).finditer(span):
                name = match.group()
                known = (name.rstrip("*_") in tree.words | tree.others["name"] or
                         name[-1] in "*_" and any(w.startswith(name.rstrip("*")) for w in tree.words) or
                         any(name in path for path in tree.files))
                if not known and not re.search(r"_v\d+$", name):
                    yield f"{at(piece, offset + match.start())}: nothing is called {name}"


def number(text):
    """A default as a number, from C or from the table: 1UL << 20, true, HAK_MAG_MAX, 1 MiB."""
    text = re.sub(r"\b(\d+)UL\b", r"\1", text.strip())
    match = re.fullmatch(r"(-?\d+)(?: (KiB|MiB))?(?: << (\d+))?", text)
    if match:
        return int(match[1]) * {None: 1, "KiB": 1 << 10, "MiB": 1 << 20}[match[2]] << int(match[3] or 0)
    return {"true": 1, "false": 0, '""': ""}.get(text, text)


def rows(tree, path, title):
    """The cells of the table below a heading."""
    part = re.split(rf"(?m)^#+ {re.escape(title)}.*$", tree.get(path))
    table = re.findall(r"(?m)^\|(.*)\|$", re.split(r"(?m)^#", part[1])[0]) if len(part) > 1 else []
    return [[cell.strip().strip("`") for cell in row.split("|")] for row in table[2:]]


# A file or folder in debugfs, made by a call of its own or named in a table of files with its mode.
MADE = re.compile(r"(?:debugfs_create_\w+\(\s*\"|\{ \"(?=\w+\", 0[0-7]{3},))(\w+)\"")


def check_tables(tree):
    """tables of parameters and files in debugfs agree with the code"""
    module = tree.get("hakmem_kmod.c")
    slots = re.search(r"define HAK_MAG_MAX\s+(\d+)", tree.get("include/linux/hakmem_fast.h"))
    code = {}
    for name in re.findall(r"module_param(?:_cb)?\((\w+),", module):
        match = re.search(rf"(?m)^static [\w ]+[ *]{name}(?: = (.*?))?;", module)
        code[name] = number((match and match[1] or "0").replace("HAK_MAG_MAX", slots[1] if slots else ""))
    table = {row[0]: number(row[1]) for row in rows(tree, "docs/parameters.md", "Module parameters")}
    for name in sorted(code.keys() | table.keys()):
        if code.get(name) != table.get(name):
            yield f"docs/parameters.md: {name} is {table.get(name)!r} there, {code.get(name)!r} in hakmem_kmod.c"
    made = set(MADE.findall(tree.get("debugfs/hak_debugfs.c"))) - {"hakmem"}
    table = {row[0] for row in rows(tree, "docs/parameters.md", "Files in")}
    for name in sorted(made ^ table):
        yield f"docs/parameters.md: the file {name} is {'not in the table' if name in made else 'not made'}"
    made = {n for t in tree.files.values() for n in MADE.findall(t)}
    for piece, _ in pieces(tree):
        for match in re.finditer(r"/(?:sys/kernel/debug|proc)/hakmem/([\w/]*\w)", piece.text):
            for name in match.group(1).split("/"):
                if name not in made:
                    yield f"{at(piece, match.start())}: debugfs has no {name}"


def check_counts(tree):
    """counts agree with the code"""
    suites = len({s for path, t in tree.files.items() if path.startswith("kunit/")
                  for s in re.findall(r"\.name = \"(hakmem_\w+)\"", t)})
    classes = re.search(r"define HAK_NR_CLASSES\s+(\d+)", tree.get("include/linux/hakmem_fast.h"))
    busted = len([path for path in tree.files if path.startswith("tests/busted/")])
    oldest, newest = (re.findall(r"(?m)^range (\S+) (\S+)", tree.get("kernels.txt")) or [("", "")])[0]
    counts = ((r"(\d+) suites", suites), (r"(\d+) (?:size )?classes", classes and int(classes[1])),
              (r"(\d+) bugs planted", busted))
    for piece, is_document in pieces(tree):
        for pattern, count in counts if is_document else ():
            for match in re.finditer(pattern, piece.text):
                if int(match[1]) != count:
                    yield f"{at(piece, match.start())}: {match.group()}, but there are {count}"
        for match in re.finditer(r"\b(\d\.\d+) to (\d\.\d+)\b", piece.text if is_document else ""):
            if match.groups() != (oldest, newest):
                yield f"{at(piece, match.start())}: {match.group()}, but kernels.txt says {oldest} to {newest}"
    listed = {name.split("-")[0] for name in tree.names if re.match(r"\d\d-.*\.patch", name)}
    for name in re.findall(r"(?m)^\| (\d\d)-", tree.get("docs/torture.md")):
        if name not in listed:
            yield f"docs/torture.md: no planted bug {name}"


def check_double_frees(tree):
    """exceptions of the matrix of double frees are those of docs/safety.md"""
    outcome = dict(re.findall(r'\[(AT_CALL|LATER|SILENT)\] = "([\w ]+)"', tree.get("kunit/double_kunit.c")))
    code = [[cells, outcome.get(name), why] for cells, name, why in re.findall(
        r'\{ "([^"]+)",\n[^"]*?(AT_CALL|LATER|SILENT),\n\t  "([^"]+)"', tree.get("kunit/double_kunit.c"))]
    table = [[cell.replace("`", "") for cell in row] for row in rows(tree, "docs/safety.md", "Double frees")]
    for row in code + table:
        if row not in code or row not in table:
            yield f"docs/safety.md and kunit/double_kunit.c: only one has {row}"
    if not code or code != table:
        yield f"docs/safety.md: {len(table)} exceptions, kunit/double_kunit.c has {len(code)}, or in another order"


def check_lists(tree):
    """lines in tests/coverage-missed.txt and tests/mutants.txt are still in the sources"""
    for path, file, code in (("tests/coverage-missed.txt", 0, 2), ("tests/mutants.txt", 0, 3)):
        for n, line in enumerate(tree.get(path).split("\n"), 1):
            cells = line.split("\t")
            if line.startswith(("#", "why ")) or not line:
                continue
            if len(cells) != code + 1:
                yield f"{path}:{n}: not {code + 1} cells"
            elif cells[code] not in map(str.strip, tree.get(cells[file]).split("\n")):
                yield f"{path}:{n}: {cells[file]} has no line {cells[code]}"


def check_columns(tree):
    """prose is at most 120 columns wide"""
    for path, text in sorted(tree.files.items()):
        code = False
        for n, line in enumerate(text.split("\n"), 1):
            code ^= line.startswith("```")
            if path.endswith(".md"):
                # A link may be as long as it is.
                prose = not code and not line.startswith("|") and len(re.sub(r"\]\(\S+\)", "]", line)) > COLUMNS
            else:
                prose = CODE.search(path) and re.match(r"\s*(\*|/\*)" if re.search(r"\.[ch]$", path) else r"\s*#", line)
            if prose and len(line.expandtabs(8)) > COLUMNS:
                yield f"{path}:{n}: {len(line.expandtabs(8))} columns"


def sentences(prose):
    """The sentences of some lines; drawings, tables and code in a comment are none."""
    head = r"\s*(@\w+:|Context:|Return:|\w+\(\) - )"
    part = []
    for line in prose + [""]:
        aside = not line.strip() or re.match(r"\s{2,}|\t", line) or re.search(r"\S( {3,}|\t)\S", line)
        if aside or re.match(head, line):
            yield from re.split(r"(?<=[.!?])[\"')*]*\s+", " ".join(part))
            part = []
        if not aside:
            part.append(re.sub(head, "", line).strip())


def check_sentences(tree):
    """sentences are at most 25 words long"""
    found = {part: [] for part in ALLOWED}
    for piece, is_document in pieces(tree):
        if piece.prose is None:
            continue
        core = piece.path.startswith(("tiny/", "superslab/"))
        part = "documents" if is_document else "tiny/ and superslab/" if core else "other sources"
        for text in sentences(piece.prose):
            text = re.sub(r"`[^`]*`", "X", re.sub(r"\]\([^)]*\)", "]", text))
            words = len([w for w in text.split() if re.search(r"\w", w)])
            if words > SENTENCE:
                found[part].append(f"{at(piece)}: a sentence of {words} words: {text[:60]}")
    for part, long in found.items():
        if len(long) > ALLOWED[part]:
            yield from long
            yield f"{part}: {len(long)} sentences over {SENTENCE} words, {ALLOWED[part]} allowed (scripts/docs.py)"


CHECKS = (check_paths, check_links, check_targets, check_names, check_tables, check_counts, check_lists,
          check_double_frees, check_columns, check_sentences)

# What --self-test breaks: the check that must see it, the file, and text that replaces text, or follows the end.
PLANTED = (
    (check_paths, "README.md", None, "See `tiny/nothing.c`."),
    (check_paths, "docs/memory.md", None, "See DESIGN.md."),
    (check_paths, "tiny/tiny_core.h", None, "/* As scripts/nothing says. */"),
    (check_paths, "scripts/guest", None, "# As docs/nothing.md says."),
    (check_links, "docs/memory.md", None, "See [there](nothing.md)."),
    (check_links, "docs/memory.md", None, "See [there](locks.md#nothing)."),
    (check_links, "docs/memory.md", None, "See [there](locks.md), \"Nothing\"."),
    (check_targets, "README.md", None, "Run `make nothing`."),
    (check_targets, "README.md", None, "```\nmake nothing\n```"),
    (check_targets, "README.md", None, "Run `make check STAGE=nothing`."),
    (check_names, "docs/memory.md", None, "Then `hak_nothing()` runs."),
    (check_names, "docs/memory.md", None, "It counts `bad_free_nothing`."),
    (check_names, "debugfs/hak_debugfs.c", None, "/* As hak_nothing() does. */"),
    (check_tables, "docs/parameters.md", "| 2000 |", "| 1000 |"),
    (check_tables, "hakmem_kmod.c", "module_param(stats,", "module_param(statistics,"),
    (check_tables, "debugfs/hak_debugfs.c", '"superslabs"', '"blocks"'),
    (check_counts, "docs/testing.md", " suites", "0 suites"),
    (check_counts, "README.md", "Linux 6.1 to", "Linux 5.1 to"),
    (check_counts, "docs/torture.md", " bugs planted", "0 bugs planted"),
    (check_lists, "tests/coverage-missed.txt", None, "tiny/tiny_set.h\t-\tnothing();"),
    (check_lists, "tests/mutants.txt", None, "tiny/tiny_set.h\tother word\t1\tnothing();"),
    (check_double_frees, "docs/safety.md", "| not reported |", "| at the call |"),
    (check_double_frees, "kunit/double_kunit.c", "leaves it as it was", "changes it"),
    (check_columns, "docs/memory.md", None, "word " * 30),
    (check_columns, "scripts/guest", None, "# " + "word " * 30),
    (check_sentences, "docs/memory.md", None, "It is\n" + "so and\n" * 12 + "long."),
    (check_sentences, "hakmem_kmod.c", None, "/*\n * It is\n" + " * so and\n" * 12 + " * long.\n */"),
)


def self_test(tree):
    """Each thing planted must add a finding to its check."""
    before = {check: len(list(check(tree))) for check in CHECKS}
    for check, path, old, new in PLANTED:
        text = tree.get(path)
        broken = text.replace(old, new, 1) if old else f"{text}\n{new}\n"
        found = list(check(Tree({**tree.files, path: broken})))
        state = "ok" if broken != text and len(found) > before[check] else "not ok"
        print(f"{state} - {check.__doc__}: seen when it is not so: {new.split(chr(10))[0][:50].strip()}")


def main():
    """As the first lines of this file say."""
    tree = load()
    if sys.argv[1:] == ["--self-test"]:
        self_test(tree)
        return
    for check in CHECKS:
        found = list(check(tree))
        for finding in found:
            print(f"not ok - {finding}")
        if not found:
            print(f"ok - {check.__doc__}")


main()
