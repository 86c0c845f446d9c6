# SPDX-License-Identifier: GPL-2.0
"""Runs bench-user once, timed or under callgrind, and reads what it prints."""

import os
import re
import subprocess

COUNT_SECONDS = 120
TIMED_SECONDS = 10
PAIR = re.compile(r"(\w+)=(\S+)")


class Invalid(Exception):
    """This run has no figure, and why."""


class Allocator:
    """A competitor: its library, or the program that has it inside."""

    def __init__(self, name, program, library=None, version=""):
        self.name = name
        self.program = program
        self.library = library
        self.version = version

    def environment(self):
        env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
        if self.library:
            env["LD_PRELOAD"] = self.library
        return env

    def expected(self):
        """What bench-user is told of who has to serve."""
        part = ["--library", os.path.basename(self.library)] if self.library else []
        return ["--expect", self.name, *part]

    def describe(self):
        return {"name": self.name, "program": os.path.basename(self.program),
                "library": os.path.basename(self.library or ""), "version": self.version}


def run(command, env, seconds):
    try:
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise Invalid(f"did not end within {seconds:.0f} s") from None
    for line in done.stdout.splitlines():
        if line.startswith("INVALID: "):
            raise Invalid(line[len("INVALID: "):])
    if done.returncode < 0:
        raise Invalid(f"killed by signal {-done.returncode}")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
        raise Invalid(f"ended with status {done.returncode}: {last}")
    return done


def facts(line):
    return {k: float(v) for k, v in PAIR.findall(line)}


def parse(text):
    out = {"stages": None}
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word in ("round", "loop", "counted"):
            out[word] = facts(rest)
        elif word in ("rss_kib", "live_kib"):
            out[word] = int(rest)
        elif word in ("malloc", "free"):
            out[word] = rest
        elif word == "stages":
            out[word] = rest
    return out


def timed(allocator, row, seconds, seed):
    seconds *= row.stretch
    command = [allocator.program, *allocator.expected(), "--seconds", str(seconds),
               "--seed", str(seed), *row.arguments]
    out = parse(run(command, allocator.environment(), TIMED_SECONDS + 20 * seconds).stdout)
    if "round" not in out or not out.get("rss_kib"):
        raise Invalid("no figure in what it printed")
    return out


def counted(allocator, row):
    """Instructions per operation, exact for one thread, of a round after one like it."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
               "--collect-atstart=no", "--toggle-collect=bench_counted",
               allocator.program, *allocator.expected(), "--count",
               "--ops", str(row.count_ops), *row.arguments]
    done = run(command, allocator.environment(), COUNT_SECONDS)
    found = re.search(r"Collected : (\d+)", done.stderr)
    ops = parse(done.stdout).get("counted", {}).get("ops")
    if not found or not ops or found.group(1) == "0":
        raise Invalid("callgrind counted nothing")
    return int(found.group(1)) / ops
