"""Laws of single jobs: GPUs, durations, tenants; figures of section 16 of the cluster's semantics.

The quantiles are those of the Philly trace (Jeon et al., ATC 2019; CC-BY 4.0).
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SYNTHETIC_GPUS = {1: 0.70, 2: 0.10, 4: 0.15, 8: 0.05}
PHILLY_GPUS = {1: 0.9317, 2: 0.0221, 4: 0.0227, 8: 0.0200, 16: 0.0035}
LEVELS = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1)
PHILLY_LOG10_S = {
    1: (0, 1.48, 1.72, 1.79, 2.09, 3.05, 3.43, 3.93, 4.28, 5.13, 5.94, 6.51),
    2: (0.30, 0.70, 0.95, 1.04, 1.20, 1.32, 1.88, 4.86, 5.29, 5.72, 6.17, 6.41),
    4: (0.48, 1.55, 1.88, 2.14, 2.89, 4.24, 4.95, 5.27, 5.44, 5.96, 6.39, 6.44),
    8: (0, 1.52, 2.10, 2.33, 3.27, 4.37, 5.24, 5.55, 5.72, 6.03, 6.42, 6.67),
    16: (0.30, 1.30, 1.60, 1.79, 2.59, 4.57, 5.21, 5.53, 5.70, 6.06, 6.21, 6.23),
}
PHILLY_SHORTEST_S = 60.0


def drawn(weights: Sequence[float], count: int, rng: np.random.Generator) -> np.ndarray:
    """Indices 0, 1, ... drawn with these weights; one weight needs no draw."""
    if len(weights) == 1:
        return np.zeros(count, np.int32)
    share = np.array(weights) / sum(weights)
    return rng.choice(len(share), count, p=share).astype(np.int32)


def drawn_gpus(shares: dict[int, float], count: int, rng: np.random.Generator) -> np.ndarray:
    """GPU counts with these shares."""
    return np.array(list(shares), np.int32)[drawn(list(shares.values()), count, rng)]


def synthetic_durations(count: int, rng: np.random.Generator) -> np.ndarray:
    """Seconds: minutes of 10^U(1.5, 3) with probability 0.8, else of 10^U(3, 4)."""
    short = rng.random(count) < 0.8
    exponent = np.where(short, rng.uniform(1.5, 3, count), rng.uniform(3, 4, count))
    return 60 * 10**exponent


def philly_durations(gpus: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Seconds, by the quantiles of jobs of the same size (or the next smaller listed one)."""
    sizes = np.array(list(PHILLY_LOG10_S))
    column = np.searchsorted(sizes, gpus, side="right") - 1
    level = rng.random(len(gpus))
    seconds = np.empty(len(gpus))
    for k, size in enumerate(sizes):
        mine = column == k
        seconds[mine] = 10 ** np.interp(level[mine], LEVELS, PHILLY_LOG10_S[int(size)])
    return np.maximum(seconds, PHILLY_SHORTEST_S)
