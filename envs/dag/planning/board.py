"""A graph on a machine in the flat tables that planners and bounds work on."""
from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from envs.core.jit import records
from envs.dag.fitting import duration_on
from envs.dag.graph import Graph, with_payload_tiles
from envs.dag.machine import Machine
from envs.dag.planning.ways import Ways, ways
from envs.dag.rules.edges import arrange
from envs.dag.rules.planner_board import ARC, BLOCK, UNPLACED, Board, Sheet


class Problem:
    """One graph on one machine, expected durations; what several planners need is made once."""

    def __init__(self, graph: Graph, machine: Machine) -> None:
        self.graph, self.machine = graph, machine
        self.workers = len(machine)
        self.cls, self.duration = durations(graph, machine)
        self.class_size = np.bincount(self.cls)

    def __len__(self) -> int:
        return len(self.graph)

    @cached_property
    def ways(self) -> Ways:
        """Links between workers."""
        return ways(self.machine)

    @cached_property
    def cbar(self) -> np.ndarray:
        """(e,) mean cost of each edge over ordered pairs of distinct workers, ticks."""
        graph = self.graph
        apart = graph.virtual[graph.src] | graph.virtual[graph.dst]
        return np.where(apart, 0.0, self.ways.mean(graph.carried))

    @cached_property
    def wbar(self) -> np.ndarray:
        """(n,) mean duration over able workers, ticks."""
        size = np.where(self.duration >= 0, self.class_size, 0)
        return (self.duration * size).sum(axis=1) / np.maximum(1, size.sum(axis=1))

    @cached_property
    def median(self) -> np.ndarray:
        """(n,) median duration over able workers, ticks; an even count takes the mean of two."""
        times = np.where(self.duration >= 0, self.duration, np.iinfo(np.int64).max)
        by_time = np.argsort(times, axis=1, kind="stable")
        times = np.take_along_axis(times, by_time, 1)
        size = np.where(self.duration >= 0, self.class_size, 0)
        reach = np.cumsum(np.take_along_axis(size, by_time, 1), axis=1)
        count = reach[:, -1:]
        low, high = ((reach > np.maximum(0, place)).argmax(axis=1)
                     for place in ((count - 1) // 2, count // 2))
        task = np.arange(len(times))
        return (times[task, low] + times[task, high]) / 2

    def board(self, key: np.ndarray | None = None) -> Board:
        """The kernels' tables; with `key` the successors of a task are listed in its order."""
        graph, n, e = self.graph, len(self.graph), len(self.graph.src)
        after, before = records(np.empty(e, ARC)), records(np.empty(e, ARC))
        by_dst = np.arange(e)
        if key is not None:
            by_dst = np.lexsort((graph.pos[graph.dst], key[graph.dst], graph.src))
        for field, column in (("task", graph.dst), ("carried", graph.carried), ("cbar", self.cbar)):
            after[field] = column[by_dst]
        place, first_before = np.empty(e, np.int64), np.empty(n + 1, np.int64)
        arrange(graph.dst, np.arange(e), first_before, place)
        for field, column in (("task", graph.src), ("carried", graph.carried), ("cbar", self.cbar)):
            before[field] = column[place]
        return Board(self.duration, graph.virtual, graph.order, graph.pos,
                     firsts(graph.src, n), after, firsts(graph.dst, n), before, self.cls,
                     self.ways.way, records(self.ways.hop), float(self.machine.ticks_per_unit))

    def sheet(self) -> Sheet:
        """An empty plan."""
        n, count = len(self.graph), self.workers
        return Sheet(np.full(n, -1, np.int32), np.zeros(n, np.int64),
                     np.full(n, UNPLACED, np.int64), np.empty((count, n), np.int32),
                     np.zeros(count, np.int32), np.zeros(count, np.int64),
                     np.empty((count, n // BLOCK + 1), np.int64))

    def blockers(self) -> np.ndarray:
        """(n,) i4 number of predecessors."""
        return np.bincount(self.graph.dst, minlength=len(self.graph)).astype(np.int32)


def firsts(task: np.ndarray, n: int) -> np.ndarray:
    """(n + 1,) i8: where the edges of each task begin once they are sorted by task."""
    return np.concatenate([[0], np.cumsum(np.bincount(task, minlength=n))]).astype(np.int64)


def durations(graph: Graph, machine: Machine, times: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """The class (type and memory) of each worker (P,), and durations (n, classes), -1 not able.

    `times` (n, types of the machine) stands for expected durations. Virtual tasks last 0.
    """
    room = np.zeros(len(machine), np.int64)
    if machine.comm == "tiles":
        room = machine.capacity[machine.node_of]
    _, first, cls = np.unique(np.stack([machine.type_of, room]), axis=1, return_index=True,
                              return_inverse=True)
    kind, room = machine.type_of[first], room[first]
    if times is None:
        times = duration_on(graph, machine)
    duration = np.where(graph.virtual[:, None], 0, times[:, kind])
    if machine.comm == "tiles":
        need = with_payload_tiles(graph).operand_bytes
        duration[need[:, None] > room] = -1
    return cls.reshape(-1).astype(np.int32), np.ascontiguousarray(duration)

