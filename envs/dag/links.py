"""Links, the workers that they reach, and links between workers by index."""
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from envs.dag.units import ticks


@dataclass(frozen=True)
class Link:
    """A one-way connection; bandwidth None is infinite."""

    latency: float = 0
    bandwidth: float | None = None

    def ticks(self, size: int, per_unit: int) -> int:
        """Time of `size` bytes alone on the link."""
        if size == 0:
            return 0
        flow = 0 if self.bandwidth is None else math.ceil(size * per_unit / self.bandwidth - 1e-6)
        return ticks(self.latency, per_unit) + max(0, flow)


@dataclass(frozen=True)
class Worker:
    """One that runs a task at a time, in host memory or in a memory of its own."""

    type: str
    own: bool = False
    memory: int | None = None       # bytes, None is unbounded
    into: Link = Link()             # host -> own memory
    out: Link = Link()              # own memory -> host


@dataclass(frozen=True)
class Matrix:
    """Links between workers by index, a number or a table for each figure."""

    latency: float | tuple[tuple[float, ...], ...] = 0
    bandwidth: float | tuple[tuple[float | None, ...], ...] | None = None

    def tables(self, workers: int) -> tuple[np.ndarray, np.ndarray]:
        """Latency and bandwidth (inf where infinite), f8 (workers, workers), in units."""
        shape = (workers, workers)
        latency = np.broadcast_to(np.array(self.latency, np.float64), shape)
        bandwidth = np.array(self.bandwidth, np.float64)        # None becomes nan
        return latency, np.broadcast_to(np.where(np.isnan(bandwidth), np.inf, bandwidth), shape)
