"""What no schedule can beat: the critical path and linear programs, whatever `comm` is.

    print(lower_bounds(graph, machine, options)["lb"])

The area program shares the work among the device types; the path program also starts every task
after its predecessors. GLOP solves both.
"""
from __future__ import annotations

import math

import numpy as np

from envs.core.lp import Lp, Optimum, Unsolved
from envs.core.program import Program
from envs.dag.fitting import able, duration_on
from envs.dag.graph import Graph
from envs.dag.machine import Machine
from envs.dag.options import Options
from envs.dag.planning.board import firsts
from envs.dag.rules.planner_ranks import tails

INF = float("inf")
GUARD, SHARE = 1e-6, 1e-10  # ticks, and share of an optimum, that rounding may have added to it
MOST = 20_000               # tasks and edges beyond which the path program is left out
ROUNDS = 1000               # cuts of the area program
NEAR, CLOSE = 1e-12, 1e-8   # relative gap that ends it, and where GLOP makes no more progress
SECONDS = 300.0             # a guard: programs of this size take seconds


def lower_bounds(graph: Graph, machine: Machine, options: Options,
                 durations: np.ndarray | None = None) -> dict[str, float]:
    """`cp`, `area_lp`, `path_lp` and `lb`, ticks, with expected or other durations (n, types).

    Above `MOST` tasks and edges, or if GLOP fails, `path_lp` is the larger of `cp` and `area_lp`.
    """
    time = _times(graph, machine, options, durations)
    longest = _longest(graph, time)
    workers = np.bincount(machine.type_of, minlength=len(machine.types))
    area = _area(time, workers)
    path = max(float(longest), area)
    if len(graph) + len(graph.src) <= MOST:
        path = max(path, _path(graph, time, workers))
    return {"cp": longest, "area_lp": area, "path_lp": path,
            "lb": max(longest, math.ceil(path * (1 - SHARE) - GUARD))}


def lb0(graph: Graph, machine: Machine) -> int:
    """The reference of rewards: critical path or mean load with least expected durations, ticks."""
    time = duration_on(graph, machine)
    time[graph.virtual] = 0
    return max(_longest(graph, time), -(-int(_least(time).sum()) // len(machine)))


def _times(graph: Graph, machine: Machine, options: Options,
           durations: np.ndarray | None) -> np.ndarray:
    """(n, types) ticks, -1 where no worker of the type is able; virtual tasks last 0."""
    time = duration_on(graph, machine) if durations is None else durations.copy()
    ables = able(graph, machine, options)
    for y in range(len(machine.types)):
        time[~ables[:, machine.type_of == y].any(axis=1), y] = -1
    time[graph.virtual] = 0
    return time


def _least(time: np.ndarray) -> np.ndarray:
    return np.where(time < 0, np.iinfo(np.int64).max, time).min(axis=1)


def _longest(graph: Graph, time: np.ndarray) -> int:
    """The critical path with least durations, ticks."""
    n = len(graph)
    return int(tails(graph.order, firsts(graph.src, n), graph.dst, _least(time), np.empty(n, "i8")))


def _area(time: np.ndarray, workers: np.ndarray) -> float:
    """The area program by its dual: the work at the cheapest prices of a worker's tick by type.

    Any prices bound it if all workers together cost 1; cutting planes find the best (Kelley 1960).
    """
    sorts, count = np.unique(time, axis=0, return_counts=True)
    price, loads = np.full(len(workers), 1 / workers.sum()), []
    best, last = 0.0, INF
    for _ in range(ROUNDS):
        cost = np.where(sorts < 0, INF, sorts * price)
        kind = cost.argmin(axis=1)
        best = max(best, float(count @ cost.min(axis=1)))
        work = count * sorts[np.arange(len(sorts)), kind]
        loads.append(np.bincount(kind, work, len(workers)))
        try:
            most, price = _prices(np.array(loads), workers)
        except Unsolved:
            break
        if most <= best * (1 + (CLOSE if most >= last else NEAR)):
            break
        last = most
    return best


def _prices(loads: np.ndarray, workers: np.ndarray) -> tuple[float, np.ndarray]:
    """The most that the work can cost if `loads` (shares, types) bound it, and at which prices."""
    scale = max(1.0, loads.max())
    program = Program()
    most = program.columns(np.array([INF]), 1.0)
    price = program.columns(np.full(len(workers), INF))
    share, kind = np.indices(loads.shape).reshape(2, -1)
    program.rows(1, 1, 1, (0, price, workers))
    program.rows(-INF, 0, len(loads), (np.arange(len(loads)), np.repeat(most, len(loads)), 1),
                 (share, price[kind], -loads.ravel() / scale))
    found = _solved(program)
    return found.objective * scale, found.values[1:]


def _path(graph: Graph, time: np.ndarray, workers: np.ndarray) -> float:
    """The path program, ticks; 0 if GLOP fails."""
    scale = max(1.0, float(time.max()))
    program = Program()
    end = program.columns(np.array([INF]), -1.0)
    start = program.columns(np.full(len(graph), INF))
    task, kind = np.nonzero(time >= 0)
    part = program.columns(np.ones(len(task)))
    length = time[task, kind] / scale
    program.rows(1, 1, len(graph), (task, part, 1))
    types = np.arange(len(workers))
    program.rows(-INF, 0, len(types), (types, np.repeat(end, len(types)), -workers),
                 (kind, part, length))
    last = np.setdiff1d(np.arange(len(graph)), graph.src)
    before = np.concatenate([graph.src, last])
    after = np.concatenate([start[graph.dst], np.repeat(end, len(last))])
    row, place = _spread(task, before, len(graph))
    program.rows(0, INF, len(before), (np.arange(len(before)), after, 1),
                 (np.arange(len(before)), start[before], -1), (row, part[place], -length[place]))
    try:
        return -_solved(program).objective * scale
    except Unsolved:
        return 0.0


def _spread(task: np.ndarray, wanted: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """All entries of the wanted tasks: the place in `wanted`, and that in the sorted `task`."""
    first = firsts(task, n)
    count = np.diff(first)[wanted]
    row = np.repeat(np.arange(len(wanted)), count)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(count) - count - first[wanted], count)


def _solved(program: Program) -> Optimum:
    return Lp(program, SECONDS, presolve=True).solve()
