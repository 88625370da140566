"""What it costs to move data between workers, as planners see it: latency and bandwidth alone."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.dag.links import Link
from envs.dag.machine import Machine
from envs.dag.rules.planner_board import HOP
from envs.dag.units import ticks, ticks_of

NOTHING = (0, np.inf, 0, np.inf)        # a hop that takes no time


@dataclass(frozen=True)
class Ways:
    """The hop between every two of P workers."""

    way: np.ndarray         # (P, P) i4 row of `hop`
    hop: np.ndarray         # (K,) HOP
    side: np.ndarray        # (P,) i4: workers of one side exchange data for free
    per_unit: int

    def cost(self, p: int, r: int, size: int) -> int:
        """c of section 4.2 of the specification, ticks."""
        return int(_times(self.hop[self.way[p, r]], np.array([size]), self.per_unit)[0])

    def mean(self, size: np.ndarray) -> np.ndarray:
        """Mean cost of moves of `size` (e,) bytes over ordered pairs of distinct workers."""
        pairs = np.bincount(self.way.ravel(), minlength=len(self.hop))
        pairs[self.way[0, 0]] -= len(self.way)
        total = np.zeros(len(size))
        for hop, count in zip(self.hop, pairs.tolist(), strict=True):
            if count:
                total += count * _times(hop, size, self.per_unit)
        return total / max(1, len(self.way) * (len(self.way) - 1))


def ways(machine: Machine) -> Ways:
    """The hops of a machine; all are `NOTHING` under `comm: none`."""
    count = len(machine)
    way, rows = np.zeros((count, count), np.int32), [NOTHING]
    side = np.arange(count, dtype=np.int32)
    if machine.comm != "none" and machine.matrix is not None:
        way, rows = _by_worker(machine)
    elif machine.comm != "none":
        side = machine.node_of
        way, rows = _by_node(machine)
    return Ways(way, np.array(rows, HOP), side, machine.ticks_per_unit)


def _times(hop: np.void, size: np.ndarray, per_unit: int) -> np.ndarray:
    flow = sum(np.maximum(0, np.ceil(size.astype(np.float64) * per_unit / hop[speed] - 1e-6))
               for speed in ("speed", "second_speed"))
    return np.where(size > 0, hop["lag"] + hop["second_lag"] + flow, 0)


def _by_worker(machine: Machine) -> tuple[np.ndarray, list[tuple]]:
    latency, bandwidth = machine.matrix.tables(len(machine))
    lag = ticks_of(latency, machine.ticks_per_unit)
    pairs, number = np.unique(np.stack([lag.ravel(), bandwidth.ravel()]), axis=1,
                              return_inverse=True)
    way = number.reshape(lag.shape).astype(np.int32) + 1
    np.fill_diagonal(way, 0)
    return way, [NOTHING, *((int(lag), speed, 0, np.inf) for lag, speed in pairs.T.tolist())]


def _by_node(machine: Machine) -> tuple[np.ndarray, list[tuple]]:
    """Equal links are told apart once, so that thousands of workers are no burden."""
    links = [(w.into, w.out) if w.own else None for w in machine.workers]
    kinds = list(dict.fromkeys(links))
    kind = np.array([kinds.index(link) for link in links])
    rows = [NOTHING, *(_between(a, b, machine) for a in kinds for b in kinds)]
    way = kind[:, None] * len(kinds) + kind + 1
    way[machine.node_of[:, None] == machine.node_of] = 0
    return way.astype(np.int32), rows


def _between(a: tuple[Link, Link] | None, b: tuple[Link, Link] | None, machine: Machine) -> tuple:
    """The hop from a memory with these links to another; None is the host."""
    if a is not None and b is not None and machine.peer is not None:
        links = [machine.peer]
    else:
        links = [link for link in (a and a[1], b and b[0]) if link is not None]
    figures = [(ticks(link.latency, machine.ticks_per_unit),
                np.inf if link.bandwidth is None else link.bandwidth) for link in links]
    return sum([*figures, *[(0, np.inf)] * 2][:2], ())
