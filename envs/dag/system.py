"""Graphs and a machine as the flat tables that kernels read; everything checked against each other.

    system = bind(scenario, [graph])
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from envs.dag.fitting import check_fit, check_kinds, duration_on
from envs.dag.graph import Graph, with_payload_tiles
from envs.dag.machine import Link, Machine
from envs.dag.rules.paths import paths
from envs.dag.scenario import Scenario
from envs.dag.units import NEVER, ticks
from envs.dag.work import ARC, GRAPH, LINK, NODE_INFO, OPERAND, TASK_INFO, WORKER_INFO

ROOM = 64               # log entries that a step needs beside those of tiles


@dataclass(frozen=True, eq=False)
class System:
    """A scenario bound to a list of graphs: tables of section `Work`, graph after graph."""

    scenario: Scenario
    graphs: tuple[Graph, ...]       # as simulated: with payloads as tiles under `comm: tiles`
    kinds: tuple[str, ...]          # of all graphs, sorted
    worker: np.ndarray
    node: np.ndarray
    link: np.ndarray
    graph: np.ndarray
    task: np.ndarray
    time: np.ndarray                # (T, Y) expected ticks by type of the machine, -1 not able
    arc: np.ndarray
    operand: np.ndarray
    tail: np.ndarray                # (T, w + 1), or (1, 1) where all is visible

    @property
    def machine(self) -> Machine:
        """The hardware."""
        return self.scenario.machine

    @property
    def per_unit(self) -> int:
        """Ticks per unit of the machine's time."""
        return self.machine.ticks_per_unit

    @property
    def tiled(self) -> bool:
        """Whether copies of tiles are simulated."""
        return self.machine.comm == "tiles"

    @cached_property
    def widest(self) -> int:
        """Most operands of a task."""
        return int(self.task["operands"].max(initial=0))

    @property
    def margin(self) -> int:
        """Log entries that a batch or an answer may need."""
        if not self.tiled:
            return ROOM
        tiles = int(self.graph["tiles"].max(initial=0))
        return ROOM + 4 * (self.widest + 1) * len(self.node) * len(self.worker) \
            + 4 * tiles * len(self.node)


def bind(scenario: Scenario, graphs: Sequence[Graph]) -> System:
    """Tables for these graphs; raises `TraceError` or `ScenarioError`."""
    machine, options = scenario.machine, scenario.options
    for graph in graphs:
        check_fit(graph, machine, options)
    if machine.comm == "tiles":
        graphs = [with_payload_tiles(graph) for graph in graphs]
    kinds = tuple(sorted({kind for graph in graphs for kind in graph.kinds}))
    check_kinds(kinds, options, scenario.name)
    time = np.concatenate([duration_on(graph, machine) for graph in graphs])
    task = np.concatenate([_tasks(graph, machine, kinds) for graph in graphs])
    arc, operand = _arcs(graphs, task), _operands(graphs, task)
    tail = _tails(scenario, graphs, task, arc, time)
    task["spread"] = _spread(scenario, kinds)[task["kind"]]
    return System(scenario, tuple(graphs), kinds, _workers(machine), _nodes(machine),
                  _links(machine), _graphs(graphs, task), task, time, arc, operand, tail)


def _workers(machine: Machine) -> np.ndarray:
    out = np.zeros(len(machine), WORKER_INFO)
    out["kind"], out["node"] = machine.type_of, machine.node_of
    return out


def _nodes(machine: Machine) -> np.ndarray:
    out = np.zeros(len(machine.capacity), NODE_INFO)
    out["capacity"] = machine.capacity
    for row, worker in zip(out[1:], machine.node_workers, strict=True):
        row["speed"] = _speed(worker.into), _speed(worker.out)
    return out


def _speed(link: Link) -> float:
    return np.inf if link.bandwidth is None else float(link.bandwidth)


def _links(machine: Machine) -> np.ndarray:
    """Links between nodes and, where given, between workers."""
    own, size = machine.node_workers, max(len(machine.capacity), len(machine))
    out = np.zeros((size, size), LINK)

    def put(m: int, n: int, link: Link) -> None:
        out["lag"][m, n] = ticks(link.latency, machine.ticks_per_unit)
        out["speed"][m, n], out["direct"][m, n] = _speed(link), 1

    for n, worker in enumerate(own, 1):
        put(0, n, worker.into)
        put(n, 0, worker.out)
        for m in range(1, len(own) + 1):
            if machine.peer is not None and m != n:
                put(m, n, machine.peer)
    if machine.matrix is not None:
        lag, speed = machine.matrix.tables(len(machine))
        p = len(machine)
        out["pair_lag"][:p, :p] = np.floor(lag * machine.ticks_per_unit + 0.5)
        out["pair_speed"][:p, :p] = speed
    return out


def _tasks(graph: Graph, machine: Machine, kinds: tuple[str, ...]) -> np.ndarray:
    """What a task is by itself; places in the other tables come later."""
    n = len(graph)
    out = np.zeros(n, TASK_INFO)
    time = duration_on(graph, machine)
    least = np.where(time < 0, NEVER, time).min(axis=1)
    out["least"] = np.where(graph.virtual, 0, least)
    out["length"] = graph.operand_bytes
    out["reads"] = graph.sum_operands((graph.operand_mode & 1) > 0)
    out["carried"] = _sums(graph.dst, graph.carried, n)
    out["preds"], out["succs"] = np.bincount(graph.dst, minlength=n), np.bincount(graph.src,
                                                                                   minlength=n)
    out["operands"] = np.diff(graph.operand_first)
    names = np.array([kinds.index(kind) for kind in graph.kinds] + [-1], np.int32)
    out["kind"], out["virtual"], out["order"] = names[graph.kind], graph.virtual, graph.order
    return out


def _sums(index: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Exact sums of values by index."""
    order = np.argsort(index, kind="stable")
    total = np.concatenate([[0], np.cumsum(values[order], dtype=np.int64)])
    edge = np.searchsorted(index[order], np.arange(n + 1))
    return total[edge[1:]] - total[edge[:-1]]


def _graphs(graphs: Sequence[Graph], task: np.ndarray) -> np.ndarray:
    out = np.zeros(len(graphs), GRAPH)
    out["tasks"], out["tiles"] = [len(g) for g in graphs], [len(g.tiles) for g in graphs]
    for name, count in (("first_task", "tasks"), ("first_tile", "tiles")):
        out[name] = np.cumsum(out[count]) - out[count]
    parts = np.split(task["least"], np.cumsum(out["tasks"])[:-1])
    out["work"] = [int(part.sum()) for part in parts]
    return out


def _arcs(graphs: Sequence[Graph], task: np.ndarray) -> np.ndarray:
    """Successors of every task of a graph, then predecessors, graph after graph."""
    parts, place, first = [], 0, 0
    for graph in graphs:
        n, e = len(graph), len(graph.src)
        rows = task[first:first + n]
        succ, pred = np.zeros(e, ARC), np.zeros(e, ARC)
        by_dst = np.argsort(graph.dst, kind="stable")
        succ["task"], succ["length"] = graph.dst, graph.carried
        pred["task"], pred["length"] = graph.src[by_dst], graph.carried[by_dst]
        rows["first_succ"] = place + np.cumsum(rows["succs"], dtype=np.int64) - rows["succs"]
        rows["first_pred"] = place + e + np.cumsum(rows["preds"], dtype=np.int64) - rows["preds"]
        parts += [succ, pred]
        place, first = place + 2 * e, first + n
    return np.concatenate([*parts, np.zeros(1, ARC)])


def _operands(graphs: Sequence[Graph], task: np.ndarray) -> np.ndarray:
    out = np.zeros(sum(len(g.operand_tile) for g in graphs) + 1, OPERAND)
    out["tile"][:-1] = np.concatenate([g.operand_tile for g in graphs])
    out["mode"][:-1] = np.concatenate([g.operand_mode for g in graphs])
    out["length"][:-1] = np.concatenate([g.tile_bytes[g.operand_tile] for g in graphs])
    task["first_operand"] = np.cumsum(task["operands"], dtype=np.int64) - task["operands"]
    return out


def _tails(scenario: Scenario, graphs: Sequence[Graph], task: np.ndarray, arc: np.ndarray,
           time: np.ndarray) -> np.ndarray:
    """B for every number of edges ahead; ranks by the B of ready tasks."""
    options = scenario.options
    window = {"full": -1, "frontier": 0, "window": options.window}[options.visible]
    table = np.zeros((len(task) if window >= 0 else 1, max(window, 0) + 1), np.int64)
    first = 0
    for graph in graphs:
        rows = task[first:first + len(graph)]
        whole = np.zeros(len(graph), np.int64)
        part = table[first:first + len(graph)] if window >= 0 else table
        paths(rows, arc, whole, part, max(window, 0) if window >= 0 else -1)
        rows["whole"] = whole
        rows["tail"] = whole if window < 0 else part[:, -1]
        rows["rank"][np.argsort(-rows["tail"], kind="stable")] = np.arange(len(graph))
        first += len(graph)
    return table


def _spread(scenario: Scenario, kinds: tuple[str, ...]) -> np.ndarray:
    """Spread of the durations by kind, last that of tasks without one."""
    options = scenario.options
    sigma = np.array([options.sigma_of(kind) for kind in (*kinds, None)], np.float64)
    return np.sqrt(np.log1p(sigma**2)) if options.noise == "lognormal" else sigma
