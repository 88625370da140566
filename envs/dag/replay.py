"""The trace of the domain: jobs that arrive, each a graph; read, drawn, cut, written.

    trace = read_trace("my_jobs.csv")           # id,arrival,graph[,weight]
    trace = poisson_trace([lu, qr], rate=0.01, jobs=20, seed=1)

A job's number is its place by (arrival, line of the file).
"""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from envs.core.errors import TraceError
from envs.core.files import path_of
from envs.core.philox import uniforms
from envs.core.tables import Column, Table, read_table, write_table
from envs.core.workloads import TRAIN, VALIDATION
from envs.dag.formats import graph_from
from envs.dag.generate import open_graph
from envs.dag.graph import Graph
from envs.dag.units import LONGEST, factor, ticks, units_of

ARRIVALS = 2        # stream of the random numbers
COLUMNS = {"id": Column(str), "arrival": Column(float), "graph": Column(str),
           "weight": Column(float, default=1.0)}


@dataclass(frozen=True, eq=False)
class Job:
    """A graph that arrives at a tick; `weight` counts in the mean completion time."""

    arrival: int
    graph: Graph
    weight: float = 1.0
    name: str = ""


@dataclass(frozen=True, eq=False)
class Trace:
    """Jobs by number; arrivals do not decrease."""

    name: str
    unit: str
    resolution: int
    jobs: tuple[Job, ...]
    source: str = ""        # the file, for messages

    @classmethod
    def of_graph(cls, graph: Graph) -> Trace:
        """One job that arrives at 0."""
        return cls(graph.name, graph.unit, graph.resolution, (Job(0, graph),), graph.source)

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[Any]], name: str = "jobs") -> Trace:
        """From [arrival tick, graph] or [arrival tick, graph, weight], where a graph is a `Graph`,
        a dag-1 object, a path or a generator call."""
        opened: dict[str, Graph] = {}
        jobs = [Job(int(row[0]), _opened(row[1], name, opened), *map(float, row[2:3]))
                for row in rows]
        return cls._by_arrival(jobs, name, "")

    @classmethod
    def _by_arrival(cls, jobs: list[Job], name: str, source: str) -> Trace:
        if not jobs:
            raise TraceError("the trace is empty", source or name, "give it at least one job")
        jobs.sort(key=lambda job: job.arrival)
        first = jobs[0].graph
        return cls(name, first.unit, first.resolution, tuple(jobs), source)

    def __len__(self) -> int:
        return len(self.jobs)

    @property
    def end(self) -> int:
        """The last arrival, ticks."""
        return self.jobs[-1].arrival if self.jobs else 0

    @cached_property
    def arrival(self) -> np.ndarray:
        """Arrivals in ticks, i8."""
        return np.array([job.arrival for job in self.jobs], np.int64)

    @cached_property
    def weight(self) -> np.ndarray:
        """Weights of the jobs, f8."""
        return np.array([job.weight for job in self.jobs])

    @cached_property
    def graphs(self) -> tuple[Graph, ...]:
        """The distinct graphs in order of first arrival."""
        return tuple({id(job.graph): job.graph for job in self.jobs}.values())

    def window(self, first: int, count: int) -> Trace:
        """`count` consecutive jobs from number `first`, on a clock that starts with the first."""
        chosen = self.jobs[first:first + count]
        start = chosen[0].arrival if chosen else 0
        return replace(self, jobs=tuple(replace(job, arrival=job.arrival - start)
                                        for job in chosen))

    def split(self) -> tuple[Trace, Trace, Trace]:
        """Training, validation and test part: the first 70, next 10 and last 20 % of the time."""
        edges = [TRAIN * self.end, (TRAIN + VALIDATION) * self.end]
        first, second = np.searchsorted(self.arrival, edges).tolist()
        return (self.window(0, first), self.window(first, second - first),
                self.window(second, len(self) - second))

    def at_load(self, load: float) -> Trace:
        """The same jobs arriving `load` times as fast."""
        return replace(self, jobs=tuple(replace(job, arrival=math.floor(job.arrival / load + 0.5))
                                        for job in self.jobs))


def read_trace(path: str | Path) -> Trace:
    """The table of a file (CSV, CSV.gz or Parquet); arrivals in the unit of the graph
    that arrives first, paths of graphs relative to the file."""
    path = path_of(path)
    table = read_table(path, COLUMNS)
    table.refuse(table["arrival"] < 0, "arrival", "is negative", "the clock starts at 0")
    table.refuse(table["weight"] < 0, "weight", "is negative", "give a number >= 0")
    if not table["weight"].any():
        raise TraceError("all weights are 0", f"{path}, column weight", "give one a weight > 0")
    opened: dict[str, Graph] = {}
    graphs = [_opened(text, table.where(row, "graph"), opened, path.parent)
              for row, text in enumerate(table["graph"])]
    per_unit = graphs[int(np.argmin(table["arrival"]))].ticks_per_unit
    table.refuse(table["arrival"] * per_unit > LONGEST, "arrival", "is more than 2**60 ticks")
    _check_ids(table)
    jobs = [Job(ticks(arrival, per_unit), graph, weight, name) for arrival, graph, weight, name in
            zip(table["arrival"].tolist(), graphs, table["weight"].tolist(), table["id"],
                strict=True)]
    return Trace._by_arrival(jobs, path.name.split(".")[0], str(path))


def write_trace(trace: Trace, path: str | Path) -> None:
    """Write the table: graphs by the file or call that they came from, arrivals in the unit of the
    graph that arrives first, as `read_trace` takes them."""
    for number, job in enumerate(trace.jobs):
        if not job.graph.source:
            raise TraceError(f"the graph of job {number} has no file", trace.name,
                             "write it with write_graph and read it again")
    per_unit = trace.jobs[0].graph.ticks_per_unit
    columns = {"id": [job.name or str(j) for j, job in enumerate(trace.jobs)],
               "arrival": [units_of(job.arrival, per_unit) for job in trace.jobs],
               "graph": [job.graph.source for job in trace.jobs]}
    if (trace.weight != 1).any():
        columns["weight"] = trace.weight.tolist()
    write_table(path, {name: np.array(values, object if name in ("id", "graph") else float)
                       for name, values in columns.items()})


def poisson_trace(graphs: Sequence[Graph], rate: float, jobs: int, seed: int,
                  weights: Sequence[float] | None = None, unit: str | None = None,
                  resolution: int = 1, name: str = "poisson") -> Trace:
    """`jobs` jobs of these graphs, `rate` of them per unit of time (of the first graph, unless
    given), the first at 0; `weights` are shares of the graphs."""
    if unit is None:
        unit, resolution = graphs[0].unit, graphs[0].resolution
    per_unit, number = factor(unit, resolution), np.arange(jobs)
    gaps = [ticks(-math.log(1 - u) / rate, per_unit)
            for u in uniforms(seed, ARRIVALS, number[1:]).tolist()]
    chosen = _choice(uniforms(seed, ARRIVALS, number, 1), len(graphs), weights)
    arrival = np.concatenate([[0], np.cumsum(gaps, dtype=np.int64)])
    made = tuple(Job(a, graphs[g])
                 for a, g in zip(arrival.tolist(), chosen.tolist(), strict=True))
    return Trace(name, unit, resolution, made)


def _choice(u: np.ndarray, count: int, weights: Sequence[float] | None) -> np.ndarray:
    """The graph of each job: by equal shares, or the first whose cumulated share exceeds u."""
    if weights is None:
        return np.floor(u * count).astype(np.int64)
    share = np.cumsum(weights) / np.sum(weights)
    return np.searchsorted(share[:-1], u, side="right")


def _opened(graph: Any, where: str, opened: dict[str, Graph], folder: Path | None = None) -> Graph:
    if isinstance(graph, Graph):
        return graph
    if isinstance(graph, Mapping):
        return replace(graph_from(graph, where), source="")
    if graph not in opened:
        opened[graph] = open_graph(str(graph), where, folder)
    return opened[graph]


def _check_ids(table: Table) -> None:
    seen: set[str] = set()
    for row, name in enumerate(table["id"]):
        if name in seen:
            raise TraceError(f"{name} is the id of an earlier job", table.where(row, "id"),
                             "give each job an id of its own")
        seen.add(name)
