"""The budget clock of a training: which steps fit before a limit while GPUs come and go."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

TOLERANCE = 1e-9
Timeline = Sequence[tuple[float, int]]      # (ms, GPUs) from 0 on, ascending
ONE_GPU: Timeline = ((0.0, 1),)


@dataclass(frozen=True)
class Stretch:
    """Steps of one speed: clock at the first of them (ms), number, GPUs, ms of each."""

    start: float
    steps: int
    gpus: int
    step_ms: float


def gpus_at(timeline: Timeline, time: float) -> int:
    """GPUs in force: the last entry at or before `time` (ms)."""
    return [gpus for start, gpus in timeline if start <= time + TOLERANCE][-1]


def next_change(timeline: Timeline, time: float) -> float:
    """Time of the next entry after `time`, infinite if there is none."""
    return next((start for start, _ in timeline if start > time + TOLERANCE), math.inf)


def stretch(time: float, limit: float, timeline: Timeline,
            cost: Callable[[int], float]) -> Stretch | None:
    """The next run of equal steps before `limit`; None where the segment is over.

    A step starts only if it can end by the limit; one that starts before a change of GPUs ends at
    the old speed. Without GPUs time passes to the change or the limit. `cost` is the ms of a step
    on so many GPUs.
    """
    gpus, change = gpus_at(timeline, time), next_change(timeline, time)
    if gpus == 0:
        return Stretch(min(change, limit), 0, 0, 0.0) if time < limit else None
    step = cost(gpus)
    count = max(0, math.floor((limit - time) / step + TOLERANCE))
    if change < limit:
        count = min(count, max(1, math.ceil((change - time) / step - TOLERANCE)))
    return Stretch(time, count, gpus, step) if count else None
