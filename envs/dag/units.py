"""Times: float64 in the unit of a file, integer ticks inside."""
from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from envs.core.errors import ScenarioError, SuiteError

NEVER = 2**62               # ticks
LONGEST = 2**60             # all durations, transfers and the last arrival of a scenario, ticks
UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}     # ticks per unit; "1" has a resolution
KEY = 1024                  # steps per tick of a rounded key


def factor(unit: str, resolution: int = 1) -> int:
    """Ticks per unit of time."""
    return resolution if unit == "1" else UNITS[unit]


def ticks(time: float, per_unit: int) -> int:
    """A time in units as whole ticks, rounded half up."""
    return math.floor(time * per_unit + 0.5)


def ticks_of(times: Any, per_unit: int) -> np.ndarray:
    """`ticks` of an array, int64."""
    return np.floor(np.asarray(times, np.float64) * per_unit + 0.5).astype(np.int64)


def units_of(value: int, per_unit: int) -> float | int:
    """Ticks as a time in units; a whole one stays an integer."""
    whole, rest = divmod(int(value), per_unit)
    return value / per_unit if rest else whole


def q(value: float) -> int:
    """A quantity with fractions as the integer by which it is compared."""
    return math.floor(KEY * value + 0.5)


def quoted(names: Collection[str]) -> str:
    """Names as messages list them: `'cpu', 'gpu'`, sorted."""
    return ", ".join(repr(name) for name in sorted(names))


def is_real(value: Any) -> bool:
    """Whether a value of a file is a finite number."""
    return (isinstance(value, int | float | np.number) and not isinstance(value, bool)
            and abs(value) < math.inf)


def is_whole(value: Any) -> bool:
    """Whether a value of a file is an integer; 2.0 is one."""
    return is_real(value) and value == math.floor(value)


def read_unit(config: Mapping, where: str,
              error: type[SuiteError] = ScenarioError) -> tuple[str, int]:
    """Unit of time and resolution of a machine or a graph."""
    unit = config.get("unit", "s")
    unit = str(unit) if is_whole(unit) else unit
    if unit != "1" and (not isinstance(unit, str) or unit not in UNITS):
        raise error(f"unit: unknown value {unit!r}", where, "use s, ms, us, ns or 1")
    resolution = config.get("resolution", 1)
    if not is_whole(resolution) or resolution < 1:
        raise error(f"resolution: must be an integer >= 1, found {resolution}", where)
    if resolution != 1 and unit != "1":
        raise error(f"resolution: no effect with unit {unit}", where, "remove it")
    return unit, int(resolution)
