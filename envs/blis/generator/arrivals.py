"""Arrival processes of one family whose rate is piecewise constant per second."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.core.options import number, one_of


@dataclass(frozen=True)
class Arrivals:
    """Law of the gaps (mean 1) and how they are laid out in time."""

    kind: str = one_of("poisson", "gamma", "uniform")
    shape: float = number(1.0, above=0)             # gamma: 1/shape is the squared variation
    mode: str = one_of("continuous", "per_second")
    gap_scale: float = number(1.0, above=0)         # per_second: mean gap over 1000/n
    round_ms: float = number(0.0, low=0)            # 0: times are not rounded


def arrival_times(law: Arrivals, rate: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sorted arrival times in ms for `rate` requests per second in each second."""
    times = (_continuous if law.mode == "continuous" else _per_second)(law, rate, rng)
    if law.round_ms:
        times = np.rint(times / law.round_ms) * law.round_ms
    return np.sort(times)


def _gaps(law: Arrivals, count: int, rng: np.random.Generator) -> np.ndarray:
    if law.kind == "poisson":
        return rng.exponential(1.0, count)
    if law.kind == "gamma":
        return rng.gamma(law.shape, 1.0 / law.shape, count)
    return np.ones(count)


def _continuous(law: Arrivals, rate: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A renewal stream mapped through the inverse of the cumulative rate."""
    cumulative = np.append(0.0, np.cumsum(rate))
    places = np.zeros(0)
    while not len(places) or places[-1] < cumulative[-1]:
        last = places[-1] if len(places) else 0.0
        more = int(cumulative[-1] - last) + 100
        places = np.append(places, last + np.cumsum(_gaps(law, more, rng)))
    places = places[places < cumulative[-1]]
    return np.interp(places, cumulative, np.arange(len(cumulative)) * 1000.0)


def _per_second(law: Arrivals, rate: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`n = round(rate)` gaps laid from the start of every second, spilling over its end."""
    counts = np.rint(rate).astype(np.int64)
    gaps = _gaps(law, int(counts.sum()), rng)
    total = np.append(0.0, np.cumsum(gaps))
    first = np.repeat(np.cumsum(counts) - counts, counts)   # index of the second's first gap
    place = total[1:] - total[first]
    if law.kind == "uniform":
        place -= 1.0                                        # its first arrival is at the start
    n = np.repeat(counts, counts)
    start = np.repeat(np.arange(len(counts)) * 1000.0, counts)
    return start + place * (law.gap_scale * 1000.0 / n)
