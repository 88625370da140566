"""When jobs arrive: Poisson, bursts under a daily and weekly profile, an exact offered load."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from envs.cluster.generator.config import Phase

HOUR_SHARES = np.array([5.3, 4.1, 4.7, 4.6, 2.9, 4.8, 7.0, 8.7, 4.6, 4.2, 4.3, 3.6, 3.1, 2.9, 2.7,
                        2.7, 3.7, 2.8, 3.3, 3.0, 4.2, 3.8, 4.7, 4.2])
DAY_SHARES = np.array([0.123, 0.152, 0.163, 0.184, 0.206, 0.087, 0.085])    # Monday first
HOURS = 168
BURST_MU, BURST_SIGMA, GAP_S = -0.5, 2.0, 10.0      # sizes are lognormal, gaps exponential


@dataclass(frozen=True, eq=False)
class Bursts:
    """Jobs by arrival and the burst that each belongs to."""

    arrival_s: np.ndarray
    burst: np.ndarray


def poisson(count: int, rng: np.random.Generator) -> np.ndarray:
    """Arrivals with mean gap 1, the first at 0."""
    return np.append(0.0, np.cumsum(rng.exponential(1.0, count - 1)))


def weekly_profile() -> np.ndarray:
    """Relative rate of each hour of a week from Monday 0:00, mean 1."""
    rate = np.outer(DAY_SHARES, HOUR_SHARES).ravel()
    return rate / rate.mean()


def bursts(count: int, gap_s: float, rng: np.random.Generator) -> Bursts:
    """The first `count` jobs of bursts that start `gap_s` apart on the mean, from a random hour."""
    profile = weekly_profile()
    first_hour = int(rng.integers(HOURS))
    starts, sizes = np.zeros(0), np.zeros(0, np.int64)
    while True:
        starts = np.append(starts, _starts(starts, gap_s, profile, first_hour, rng))
        new = len(starts) - len(sizes)
        sizes = np.append(sizes, np.ceil(rng.lognormal(BURST_MU, BURST_SIGMA, new)).astype(int))
        if sizes[starts < starts[-1]].sum() >= 2 * count:
            break
    burst = np.repeat(np.arange(len(starts)), sizes)
    arrival = starts[burst] + _inside(sizes, rng)
    order = np.argsort(arrival, kind="stable")[:count]
    return Bursts(arrival[order] - arrival[order[0]], burst[order])


def stretched(arrival_s: np.ndarray, gpu_s: np.ndarray, gpus: int, rho: float) -> np.ndarray:
    """The arrivals from 0, multiplied so that the offered load is `rho`."""
    since = arrival_s - arrival_s[0]
    return since * (gpu_s.sum() / (rho * gpus * since[-1])) if since[-1] > 0 else since


def shifted_load(
    arrival_s: np.ndarray, gpu_s: np.ndarray, gpus: int, phases: Sequence[Phase]
) -> np.ndarray:
    """The same phase by phase: a phase lasts from the arrival before its first job to its last."""
    shares = np.array([phase.share for phase in phases])
    edges = np.rint(np.cumsum(shares) / shares.sum() * len(arrival_s)).astype(int)
    gaps = np.diff(arrival_s, prepend=arrival_s[0])
    for phase, first, last in zip(phases, [0, *edges[:-1]], edges, strict=True):
        span = gaps[first:last].sum()
        if span > 0:
            gaps[first:last] *= gpu_s[first:last].sum() / (phase.rho * gpus * span)
    return np.cumsum(gaps)


def _starts(so_far: np.ndarray, gap_s: float, profile: np.ndarray, first_hour: int,
            rng: np.random.Generator, block: int = 1024) -> np.ndarray:
    """Further starts of a Poisson stream of the greatest rate, thinned by the profile."""
    last = so_far[-1] if len(so_far) else 0.0
    times = last + np.cumsum(rng.exponential(gap_s / profile.max(), block))
    hour = (first_hour + times // 3600).astype(np.int64) % HOURS
    return times[rng.random(block) * profile.max() < profile[hour]]


def _inside(sizes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Time of each job after the start of its burst, the first at 0."""
    total = np.cumsum(rng.exponential(GAP_S, int(sizes.sum())))
    first = np.cumsum(sizes) - sizes
    return total - np.repeat(total[first], sizes)
