"""The workload of the Blox simulator (Agarwal et al., EuroSys 2024), draw for draw."""
from __future__ import annotations

import math
import random

import numpy as np

ENTRIES = 6000      # durations repeat after these


def blox_jobs(count: int, jobs_per_hour: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Arrival and duration of each job in seconds, as CPython's `random` gives them."""
    kinds = np.array(_durations(min(count, ENTRIES), seed))
    return np.array(_arrivals(count, jobs_per_hour, seed)), kinds[np.arange(count) % ENTRIES]


def _durations(count: int, seed: int) -> list[float]:
    draw = random.Random(seed)
    return [60 * 10 ** (draw.uniform(3, 4) if draw.random() >= 0.8 else draw.uniform(1.5, 3))
            for _ in range(count)]


def _arrivals(count: int, jobs_per_hour: float, seed: int) -> list[float]:
    draw = random.Random(seed)
    now, arrivals = 0, []
    for _ in range(count):
        now += math.ceil(-math.log(1.0 - draw.random()) / jobs_per_hour * 3600)
        draw.randint(0, 8)      # the simulator draws a model here
        arrivals.append(float(now))
    return arrivals
