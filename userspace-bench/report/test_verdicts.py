# SPDX-License-Identifier: GPL-2.0
"""Tests of medians, ratios, and what is made of them."""

import tempfile
import unittest

import stats
import table
import verdicts


def figures(mops, rss=1000, instructions=50.0):
    return {"mops": stats.summary(mops), "ns_per_op": stats.summary([1e3 / m for m in mops]),
            "loop_ns": 1.0, "rss_kib": stats.summary([rss]), "instructions": instructions,
            "stages": None}


def row(key="seq_lifo/64", **results):
    out = {"key": key, "workload": key.split("/")[0], "size": key.split("/")[1], "threads": 1,
           "results": results}
    verdicts.add_ratios(out)
    return out


def losses(rows, lose=""):
    with tempfile.NamedTemporaryFile("w") as f:
        f.write(lose)
        f.flush()
        return verdicts.where_we_lose({"rows": rows}, f.name)


class Medians(unittest.TestCase):
    def test_nine_samples_cut_one(self):
        cut, coverage = stats.order_rank(9)
        self.assertEqual(cut, 1)
        self.assertAlmostEqual(coverage, 0.9609, 4)

    def test_three_samples_are_the_interval(self):
        self.assertEqual(stats.order_rank(3), (0, 0.75))

    def test_summary(self):
        s = stats.summary([9, 1, 5, 4, 6, 3, 7, 2, 8])
        self.assertEqual((s["median"], s["low"], s["high"]), (5, 2, 8))

    def test_ratio_repeats(self):
        self.assertEqual(stats.ratio([2, 4, 6], [1, 2, 3]), stats.ratio([2, 4, 6], [1, 2, 3]))
        self.assertEqual(stats.ratio([2, 4, 6], [1, 2, 3])["median"], 2)


class Losses(unittest.TestCase):
    def test_each_measure_behind_is_listed(self):
        behind = row(hakmem=figures([90] * 9, 1100, 60), mimalloc=figures([100] * 9, 1000, 58))
        self.assertEqual([x["measure"] for x in losses([behind])],
                         ["time", "instructions", "rss"])

    def test_ahead_is_not_listed(self):
        ahead = row(hakmem=figures([110] * 9, 900, 48), mimalloc=figures([100] * 9, 1000, 58))
        self.assertEqual(losses([ahead]), [])

    def test_invalid_is_neither_lost_nor_reached(self):
        bad = row(hakmem={"invalid": "served by another"}, mimalloc=figures([100] * 9))
        self.assertEqual(losses([bad]), [])
        for a in verdicts.aims({"rows": [bad]}):
            self.assertFalse(a["reached"], a)

    def test_reason_by_pattern_and_measure(self):
        behind = row(hakmem=figures([90] * 9), mimalloc=figures([100] * 9))
        found = losses([behind], "seq_*/64 rss wrong\nseq_*/64 time because of that\n")
        self.assertEqual(found[0]["reason"], "because of that")
        self.assertEqual(losses([behind])[0]["reason"], "no reason recorded")


class Text(unittest.TestCase):
    def test_invalid_cell_has_no_figure(self):
        bad = row(hakmem={"invalid": "why not"}, mimalloc=figures([100] * 9))
        line = next(x for x in table.row_lines(bad) if "hakmem" in x)
        self.assertTrue(line.endswith("INVALID: why not"))


if __name__ == "__main__":
    unittest.main()
