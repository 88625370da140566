"""What workloads of every domain share: parts, seeds, windows, names with a load factor."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from envs.core.errors import TraceError, nearest
from envs.core.files import FORMATS, path_of

TRAIN, VALIDATION = 0.7, 0.1    # shares of the time of a trace; the rest is for the test
SHARE = {"train": (0.0, TRAIN), "validation": (TRAIN, TRAIN + VALIDATION),
         "test": (TRAIN + VALIDATION, 1.0)}
FIRST_SEED = {"train": 0, "validation": 500_000, "test": 1_000_000}
GENERATED_COUNT = {"train": 4, "validation": 2, "test": 5}      # windows unless asked for more


@dataclass(frozen=True, eq=False)
class Window:
    """One piece of workload to run a contender on; its clock starts at 0."""

    name: str
    trace: Any
    seed: int


def of_part(values: Mapping[str, Any], part: str) -> Any:
    """What belongs to a part, which must be a known one."""
    if part not in values:
        raise TraceError(f'unknown part "{part}"', "workload", nearest(part, values))
    return values[part]


def part_seeds(part: str, count: int | None, first: Mapping[str, int] = FIRST_SEED) -> range:
    """The generator's seeds of the first `count` windows of a part."""
    start = of_part(first, part)
    return range(start, start + (GENERATED_COUNT[part] if count is None else count))


def spread(windows: Sequence[Window], count: int | None) -> list[Window]:
    """`count` of the windows, evenly spaced; all of them where there are not more."""
    if count is None or count >= len(windows):
        return list(windows)
    index = np.linspace(0, len(windows) - 1, count).round().astype(int)
    return [windows[i] for i in index]


def split_factor(name: str) -> tuple[str, float]:
    """`zipf_exponential@5` -> its base name and 5; a path may contain the sign."""
    base, sign, text = name.rpartition("@")
    if not sign or path_of(name).exists():
        return name, 1.0
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise TraceError(f'"{text}" is no factor', name, "write name@2.5 for 2.5 times the rate")
    return base, factor


def scaled_name(name: str, factor: float) -> str:
    """The name with `factor` times the rate that it says."""
    base, before = split_factor(name)
    return f"{base}@{before * factor:g}"


def shipped_names(folder: Path) -> list[str]:
    """The names of the trace files in a folder."""
    suffixes = tuple(FORMATS)
    return sorted(p.name.split(".")[0] for p in folder.glob("*") if p.name.endswith(suffixes))


def trace_path(name: str, shipped: Path, known: Callable[[], Sequence[str]]) -> Path:
    """The file or folder of a path or of the name of a shipped trace; `known` for the error."""
    path = path_of(name)
    if path.exists():
        return path
    for suffix in FORMATS:
        if (shipped / f"{name}{suffix}").is_file():
            return shipped / f"{name}{suffix}"
    raise TraceError("no such trace", name,
                     nearest(name, known()) + " (or give the path of a file or folder)")
