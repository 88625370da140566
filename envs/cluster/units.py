"""Times: seconds in files and records, integer microseconds inside."""
from __future__ import annotations

import math

import numpy as np

MICRO = 1_000_000
NEVER = 2**62               # us
FARTHEST_S = 1e11           # longer times are no times of a cluster or a trace


def us(seconds: float) -> int:
    """Seconds as whole microseconds, rounded half up; infinity and what is beyond are `NEVER`."""
    scaled = seconds * 1e6 + 0.5
    return math.floor(scaled) if scaled < NEVER else NEVER


def us_of(seconds: np.ndarray) -> np.ndarray:
    """`us` of an array, int64."""
    scaled = np.floor(np.asarray(seconds, np.float64) * 1e6 + 0.5)
    return np.minimum(scaled, float(NEVER)).astype(np.int64)


def seconds(time_us: int) -> float:
    """Microseconds as seconds; `NEVER` is infinity."""
    return math.inf if time_us >= NEVER else time_us / MICRO
