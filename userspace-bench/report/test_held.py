# SPDX-License-Identifier: GPL-2.0
"""Tests of what is made of a guest's figures of held memory."""

import unittest

import held


def said(table=3000, end=3000, peak=204800, phases=held.PHASES, side="hakmem"):
    """What a guest says: of @side as wanted, of the other as it should be."""
    lines = ["# held mb 200 size 256 keep 1000 array 6400 params hardened=1"]
    for name in held.SIDES:
        mine = name == side
        free = [500000] * 2 + [500000 - 6400 - (peak if mine else 204800)] * 10 + \
               [500000 - 6400 - (end if mine else 3000)] * 30
        lines += [f"sample {name} {at}.00 {kb}" for at, kb in enumerate(free)]
        for at, phase in zip((1.5, 5.5, 11.5, 15.5, 20.5, 30.5), phases if mine else held.PHASES):
            lines.append(f"# phase {name} {at} {phase}")
        lines.append(f"# table {name} {table if mine else 3000}")
    return lines


def wrong(lines):
    return [what for so, what in held.judge(held.read(lines)) if not so]


class Held(unittest.TestCase):
    def test_as_it_should_be(self):
        self.assertEqual(wrong(said()), [])

    def test_the_array_is_not_held(self):
        found = held.read(said())
        self.assertEqual(found["kernel"]["curve"][0], (0.5, 204800))
        self.assertEqual(found["kernel"]["curve"][-1][1], 3000)

    def test_a_curve_that_ends_elsewhere(self):
        for side in held.SIDES:
            self.assertEqual(len(wrong(said(end=3000 + held.KB_APART + 1, side=side))), 1)
            self.assertEqual(len(wrong(said(table=3000 - held.KB_APART - 1, side=side))), 1)
            self.assertEqual(wrong(said(end=3000 + held.KB_APART, side=side)), [])

    def test_a_curve_that_was_never_full(self):
        self.assertEqual(len(wrong(said(peak=204800 * 9 // 10))), 1)

    def test_no_samples(self):
        lines = [x for x in said() if not x.startswith("sample hakmem")]
        self.assertEqual(len(wrong(lines)), 2)

    def test_a_phase_that_was_not(self):
        self.assertTrue(wrong(said(phases=held.PHASES[:-1])))
        self.assertTrue(wrong(said(phases=held.PHASES[1:])))

    def test_nothing(self):
        self.assertEqual(len(wrong([])), 6)


if __name__ == "__main__":
    unittest.main()
