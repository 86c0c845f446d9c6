# SPDX-License-Identifier: GPL-2.0
"""Medians, how sure they are, and ratios of medians."""

import math
import random
import statistics

CONFIDENCE = 0.95
RESAMPLES = 2000


def order_rank(n):
    """How many samples to cut off each end for an interval that holds the median.

    From the binomial distribution: no assumption on how the samples are spread.
    Returns (rank, coverage); with few samples the interval is all of them.
    """
    best = (0, 1 - 2 * 0.5 ** n)
    for cut in range(n // 2):
        outside = 2 * sum(math.comb(n, k) for k in range(cut + 1)) * 0.5 ** n
        if 1 - outside < CONFIDENCE:
            break
        best = (cut, 1 - outside)
    return best


def summary(samples):
    """Median and confidence interval of it."""
    ordered = sorted(samples)
    cut, _ = order_rank(len(ordered))
    return {"median": statistics.median(ordered), "low": ordered[cut],
            "high": ordered[len(ordered) - 1 - cut],
            "samples": list(samples)}


def ratio(ours, theirs):
    """Ratio of two medians with a bootstrap interval; the resampling is seeded."""
    rng = random.Random(1)
    drawn = sorted(
        statistics.median(rng.choices(ours, k=len(ours))) /
        statistics.median(rng.choices(theirs, k=len(theirs)))
        for _ in range(RESAMPLES))
    edge = int(RESAMPLES * (1 - CONFIDENCE) / 2)
    return {"median": statistics.median(ours) / statistics.median(theirs),
            "low": drawn[edge], "high": drawn[-1 - edge]}
