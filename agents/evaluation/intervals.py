"""Aggregates with stratified bootstrap intervals.

Scores are arrays (unit, repeat): a unit is a window of the workload, its repeats are the seeds.
Units are drawn anew inside their stratum with all their repeats, because the repeats of a window
are not independent. Reference: Agarwal et al., Deep RL at the edge of the statistical precipice.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Statistic = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Interval:
    """A point estimate with its bootstrap limits."""

    value: float
    low: float
    high: float


def mean(scores: np.ndarray) -> np.ndarray:
    """Mean over the last two axes (unit, repeat)."""
    return scores.mean(axis=(-2, -1))


def median(scores: np.ndarray) -> np.ndarray:
    """Median over the last two axes."""
    return np.median(scores, axis=(-2, -1))


def interquartile_mean(scores: np.ndarray) -> np.ndarray:
    """Mean of the middle half: a quarter of the scores is cut at each end, fractions weighted."""
    flat = np.sort(scores.reshape(*scores.shape[:-2], -1), axis=-1)
    n = flat.shape[-1]
    places = np.arange(n)
    weight = np.clip(np.minimum(places + 1, 0.75 * n) - np.maximum(places, 0.25 * n), 0, 1)
    return flat @ (weight / weight.sum())


def share_above(scores: np.ndarray) -> np.ndarray:
    """Share of positive differences, ties count half: the probability of improvement."""
    return mean((scores > 0) + 0.5 * (scores == 0))


def draws(strata: Sequence[object], count: int, seed: int = 0) -> np.ndarray:
    """(count, units) indices: units drawn with replacement inside their stratum."""
    rng = np.random.default_rng(seed)
    labels = np.unique(np.asarray([str(s) for s in strata]), return_inverse=True)[1]
    drawn = np.empty((count, len(labels)), np.int64)
    for label in range(labels.max(initial=-1) + 1):
        members = np.flatnonzero(labels == label)
        drawn[:, members] = members[rng.integers(0, len(members), (count, len(members)))]
    return drawn


def bootstrap(scores: np.ndarray, statistic: Statistic, strata: Sequence[object] | None = None,
              level: float = 0.95, count: int = 2000, seed: int = 0) -> Interval:
    """Percentile interval of `statistic` over (unit, repeat) scores."""
    scores = np.asarray(scores, float)
    strata = [0] * len(scores) if strata is None else strata
    resampled = statistic(scores[draws(strata, count, seed)])
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(statistic(scores)), float(low), float(high))
