"""Sixteen figures of a graph on a machine, by which a policy library finds the nearest families."""
from __future__ import annotations

import math
from collections import Counter
from itertools import permutations

import numpy as np

from envs.dag.fitting import able, duration_on
from envs.dag.graph import Graph, with_payload_tiles
from envs.dag.layout import layers
from envs.dag.machine import Link, Machine
from envs.dag.options import Options
from envs.dag.units import NEVER

NAMES = (
    "ln_tasks", "edges_per_task", "ln_depth", "ln_width", "ln_critical_share", "kind_entropy",
    "ln_ratio_mean", "ln_ratio_min", "ln_ratio_max", "ln_communication", "largest_task_of_memory",
    "tiles_of_memory", "ln_workers_1", "ln_workers_2", "sigma", "window")
MOST_OF_MEMORY, MOST_WINDOW = 4.0, 10


def features(graph: Graph, machine: Machine, options: Options) -> np.ndarray:
    """z of a graph, f8 (16,); virtual tasks count in edges, depth and levels only."""
    real, level = ~graph.virtual, layers(graph)
    times = duration_on(graph, machine)[real]
    least = np.where(times >= 0, times, NEVER).min(1, initial=NEVER)
    weight = np.zeros(len(graph), np.int64)
    weight[real] = least
    total = float(least.sum(dtype=float))
    share = critical_path(graph, weight) * len(machine) / total if total else 0.0
    return np.array([
        _ln(int(real.sum())), len(graph.src) / len(graph), _ln(int(level.max()) + 1),
        _ln(int(np.bincount(level).max())), _ln(share), _entropy(graph.kind[real]),
        *_ratios(times), _communication(graph, machine, options), *_memory(graph, machine),
        *(math.log1p(int((machine.type_of == y).sum())) for y in (0, 1)),
        options.greatest_sigma, _window(options)])


def critical_path(graph: Graph, weight: np.ndarray) -> int:
    """The greatest sum of task weights, i8 (n,), along a path."""
    level = layers(graph)
    place = np.argsort(level[graph.src], kind="stable")
    ends = np.cumsum(np.bincount(level[graph.src], minlength=int(level.max()) + 1))
    total = weight.copy()
    for edges in np.split(place, ends[:-1]):
        src, dst = graph.src[edges], graph.dst[edges]
        np.maximum.at(total, dst, total[src] + weight[dst])
    return int(total.max())


def mean_cost(sizes: np.ndarray, machine: Machine) -> np.ndarray:
    """Ticks that edges of so many bytes cost, mean over ordered pairs of distinct workers."""
    if machine.comm == "none" or len(machine) == 1:
        return np.zeros(len(sizes))
    distinct, place = np.unique(sizes, return_inverse=True)
    routes = Counter(_route(machine, p, r) for p, r in permutations(range(len(machine)), 2))
    link_time = {link: np.array([link.ticks(b, machine.ticks_per_unit) for b in distinct.tolist()])
                 for link in {link for route in routes for link in route}}
    total = sum((count * link_time[link] for route, count in routes.items() for link in route),
                np.zeros(len(distinct)))
    return (total / routes.total())[place]


def _route(machine: Machine, p: int, r: int) -> tuple[Link, ...]:
    """The links that data passes from worker p to worker r."""
    if machine.matrix is not None:
        latency, bandwidth = (table[p, r] for table in machine.matrix.tables(len(machine)))
        return (Link(float(latency), None if np.isinf(bandwidth) else float(bandwidth)),)
    source, target = machine.workers[p], machine.workers[r]
    if source.own and target.own and machine.peer is not None:
        return (machine.peer,)
    return (source.out,) * source.own + (target.into,) * target.own


def _communication(graph: Graph, machine: Machine, options: Options) -> float:
    """ln(1 + mean cost of an edge / mean duration of a task)."""
    times = duration_on(graph, machine)[:, machine.type_of]
    runs = able(graph, machine, options) & ~graph.virtual[:, None]
    count = runs.sum(1)
    mean = np.where(runs, times, 0).sum(1, dtype=float)[count > 0] / count[count > 0]
    between = ~(graph.virtual[graph.src] | graph.virtual[graph.dst])
    if not between.any() or not mean.sum():
        return 0.0
    return math.log1p(float(mean_cost(graph.carried[between], machine).mean() / mean.mean()))


def _memory(graph: Graph, machine: Machine) -> tuple[float, float]:
    """The largest task of the least memory, all tiles of all memory; finite memories only."""
    finite = machine.capacity[machine.capacity < NEVER]
    if not len(finite):
        return 0.0, 0.0
    graph = with_payload_tiles(graph) if machine.comm == "tiles" else graph
    everything = float(graph.tile_bytes.sum(dtype=float))
    return (float(graph.operand_bytes.max() / finite.min()),
            min(MOST_OF_MEMORY, everything / float(finite.sum(dtype=float))))


def _ratios(times: np.ndarray) -> tuple[float, float, float]:
    """Mean, least and greatest ln of the first type's time over the second's."""
    if times.shape[1] < 2:
        return 0.0, 0.0, 0.0
    both = times[(times[:, :2] >= 0).all(1), :2].clip(1)
    if not len(both):
        return 0.0, 0.0, 0.0
    ratio = np.log(both[:, 0] / both[:, 1])
    return float(ratio.mean()), float(ratio.min()), float(ratio.max())


def _entropy(kind: np.ndarray) -> float:
    """Of the kinds of tasks, in nats; no kind is a kind."""
    share = np.bincount(kind + 1)
    share = share[share > 0] / max(1, len(kind))
    return float(-(share * np.log(share)).sum())


def _window(options: Options) -> float:
    if options.visible == "full":
        return 1.0
    return 0.0 if options.visible == "frontier" else min(options.window, MOST_WINDOW) / MOST_WINDOW


def _ln(value: float) -> float:
    return math.log(value) if value > 0 else 0.0
