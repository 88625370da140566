"""Groups of tasks with equal expected durations.

Where thousands of tasks are ready, `mct_wait` need not look at each: if a group as a whole must end
sooner elsewhere, none of its tasks is started here.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from envs.dag.graph import READ, Graph
from envs.dag.links import Link
from envs.dag.machine import Machine

if TYPE_CHECKING:
    from envs.dag.scenario import Scenario
    from envs.dag.tables import Tables

FEWEST_TASKS = 200      # smaller graphs are looked through faster
MOST_GROUPS = 64


def group_tasks(scenario: Scenario, graphs: Sequence[Graph], tables: Sequence[Tables],
                replaced: bool) -> np.ndarray:
    """Fill in the groups of the tables; (C, Y + M) expected ticks by type of the machine, and the
    most that fetching can take by node. No groups where they would not help, or not be sure."""
    machine = scenario.machine
    none = np.zeros((0, len(machine.types) + len(machine.capacity)), np.int64)
    length = max(int(t.task["length"].max(initial=0)) for t in tables)
    if replaced or machine.comm == "matrix" or max(map(len, graphs)) < FEWEST_TASKS:
        return none
    if machine.comm == "tiles" and length > machine.capacity.min():
        return none
    times = np.concatenate([t.time for t in tables])
    rows, group = np.unique(times, axis=0, return_inverse=True)
    if len(rows) > MOST_GROUPS:
        return none
    fetch = np.concatenate([_slowest(graph, machine) for graph in graphs])
    most = np.zeros((len(rows), fetch.shape[1]), np.int64)
    np.maximum.at(most, group.reshape(-1), fetch)
    for part, table in zip(np.split(group.reshape(-1), np.cumsum([len(g) for g in graphs])[:-1]),
                           tables, strict=True):
        table.task["group"] = part
    return np.concatenate([rows, most], axis=1)


def _slowest(graph: Graph, machine: Machine) -> np.ndarray:
    """The most ticks that the operands of each task can take to each node, (n, M)."""
    out = np.zeros((len(graph), len(machine.capacity)), np.int64)
    if machine.comm != "tiles":
        return out
    owner = graph.operand_owner
    reads = (graph.operand_mode & READ) > 0
    sizes, place = np.unique(graph.tile_bytes[graph.operand_tile], return_inverse=True)
    for n in range(out.shape[1]):
        ticks = np.array([_longest_way(machine, n, int(size)) for size in sizes], np.int64)
        np.add.at(out[:, n], owner[reads], ticks[place.reshape(-1)][reads])
    return out


def _longest_way(machine: Machine, n: int, size: int) -> int:
    """The most ticks that a tile can take to node n from wherever it is."""
    unit, own = machine.ticks_per_unit, machine.node_workers

    def ticks(link: Link) -> int:
        return link.ticks(size, unit)

    out = [ticks(worker.out) for m, worker in enumerate(own, 1) if m != n]
    if n == 0:
        return max(out, default=0)
    peer = 0 if machine.peer is None else ticks(machine.peer)
    return max(ticks(own[n - 1].into) + max(out, default=0), peer)
