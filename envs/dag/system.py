"""Graphs and a machine as the flat tables that kernels read; everything checked against each other.

    system = bind(scenario, [graph])
"""
from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from envs.dag.fitting import check_fit, check_kinds
from envs.dag.graph import Graph, with_payload_tiles
from envs.dag.groups import group_tasks
from envs.dag.machine import Link, Machine
from envs.dag.scenario import Scenario
from envs.dag.tables import Tables, tables_of
from envs.dag.units import ticks
from envs.dag.work import ARC, GRAPH, LINK, NODE_INFO, OPERAND, TASK_INFO, WORKER_INFO

ROOM = 64               # log entries that a step needs beside those of tiles


@dataclass(frozen=True, eq=False)
class System:
    """A scenario bound to a list of graphs: the tables of `Work`, graph after graph."""

    scenario: Scenario
    graphs: list[Graph]             # as simulated: with payloads as tiles under `comm: tiles`
    kinds: tuple[str, ...]          # of all graphs, sorted
    places: np.ndarray              # (G + 1, 3) where the tasks, arcs, operands of a graph begin
    widest: int                     # most operands of a task that there is room for
    tiles: int                      # most tiles of a graph
    worker: np.ndarray
    node: np.ndarray
    link: np.ndarray
    graph: np.ndarray
    task: np.ndarray
    time: np.ndarray                # (T, Y) expected ticks by type of the machine, -1 not able
    arc: np.ndarray
    operand: np.ndarray
    tail: np.ndarray                # (T, w + 1), or (1, 1) where all is visible
    cost: np.ndarray                # (C, Y + M) of groups of tasks with equal durations

    @property
    def groups(self) -> int:
        """Groups of tasks with equal durations; 0: none are kept."""
        return len(self.cost)

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

    @property
    def margin(self) -> int:
        """Log entries that a batch or an answer may need."""
        if not self.tiled:
            return ROOM
        return ROOM + 4 * len(self.node) * ((self.widest + 1) * len(self.worker) + self.tiles)

    def put(self, number: int, graph: Graph) -> bool:
        """Replace a graph by another one; whether there was room for it."""
        graph = _simulated(self.scenario, graph)
        tables = tables_of(self.scenario, graph, self.kinds)
        room = self.places[number + 1] - self.places[number]
        fits = (room >= tables.lengths).all() and len(graph.tiles) <= self.tiles \
            and tables.widest <= self.widest
        if fits:
            self.graphs[number] = graph
            self._write(number, tables)
        return bool(fits)

    def _write(self, number: int, tables: Tables) -> None:
        task, arc, operand = (int(x) for x in self.places[number])
        n, arcs, operands = (int(x) for x in tables.lengths)
        rows = self.task[task:task + n]
        rows[:] = tables.task
        for name in ("first_succ", "first_pred"):
            rows[name] += arc
        rows["first_operand"] += operand
        self.time[task:task + n] = tables.time
        self.arc[arc:arc + arcs] = tables.arc
        self.operand[operand:operand + operands] = tables.operand
        if len(tables.tail):
            self.tail[task:task + n] = tables.tail
        whole, work = int(tables.task["whole"].max()), int(tables.task["least"].sum())
        self.graph[number] = (task, n, len(self.graphs[number].tiles), work,
                              max(whole, math.ceil(work / len(self.worker))))


def bind(scenario: Scenario, graphs: Sequence[Graph], slack: float = 1.0,
         kinds: Collection[str] = ()) -> System:
    """Tables for these graphs; raises `TraceError` or `ScenarioError`.

    With a `slack` above 1 every graph may be replaced (`put`) by one so much larger than the
    largest; `kinds` are those that such graphs may bring.
    """
    machine, options = scenario.machine, scenario.options
    graphs = [_simulated(scenario, graph) for graph in graphs]
    kinds = tuple(sorted({kind for graph in graphs for kind in graph.kinds} | set(kinds)))
    if not scenario.workload.train:     # else a workload's other graphs may have the kind
        check_kinds(kinds, options, scenario.name)
    tables = [tables_of(scenario, graph, kinds) for graph in graphs]
    lengths = np.array([t.lengths for t in tables], np.int64)
    tiles, widest = max(len(g.tiles) for g in graphs), max(t.widest for t in tables)
    if slack > 1.0:
        lengths[:] = np.ceil(lengths.max(axis=0) * slack)
        tiles, widest = math.ceil(tiles * slack), math.ceil(widest * slack)
    places = np.concatenate([np.zeros((1, 3), np.int64), np.cumsum(lengths, axis=0)])
    n, arcs, operands = (int(x) for x in places[-1])
    window = tables[0].tail.shape[1]
    system = System(
        scenario, graphs, kinds, places, widest, tiles, _workers(machine), _nodes(machine),
        _links(machine), np.zeros(len(graphs), GRAPH), np.zeros(n, TASK_INFO),
        np.zeros((n, len(machine.types)), np.int64), np.zeros(arcs + 1, ARC),
        np.zeros(operands + 1, OPERAND),
        np.zeros((n, window) if len(tables[0].tail) else (1, 1), np.int64),
        group_tasks(scenario, graphs, tables, slack > 1.0))
    for number, part in enumerate(tables):
        system._write(number, part)
    return system


def _simulated(scenario: Scenario, graph: Graph) -> Graph:
    """The graph, checked, in the form that is simulated."""
    check_fit(graph, scenario.machine, scenario.options)
    return with_payload_tiles(graph) if scenario.machine.comm == "tiles" else graph


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
