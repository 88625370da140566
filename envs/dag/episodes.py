"""Which jobs an episode brings, and the tables they are played from.

Graphs that stay the same are bound once. A pool with calls whose seed is that of the episode gives
every replica tables of its own, which the next episode overwrites.
"""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from envs.core.errors import ScenarioError
from envs.core.philox import uniforms
from envs.dag.graph import Graph
from envs.dag.replay import Trace
from envs.dag.scenario import Scenario
from envs.dag.system import System, bind
from envs.dag.workloads import Pool, open_workload

CHOICES = 8         # stream of the random numbers: which graph an episode gets
SLACK = 1.3         # room for larger graphs in tables that are overwritten


class Jobs(NamedTuple):
    """The jobs of new episodes, one row per replica."""

    count: np.ndarray       # (E,)
    arrival: np.ndarray     # (E, J) ticks
    graph: np.ndarray       # (E, J) number in the system
    weight: np.ndarray      # (E, J)


class Episodes:
    """Draws the traces of episodes and keeps the system that they are bound to."""

    def __init__(self, scenario: Scenario, source: Pool | Sequence[Trace], envs: int):
        self.scenario, self.source, self.envs = scenario, source, envs
        self.fresh = isinstance(source, Pool) and bool(source.templates)
        self.each = len(source.entries) if self.fresh and source.poisson is not None else 1
        self.kinds = {kind for graph in source.examples() for kind in graph.kinds} \
            if self.fresh else set()
        self.traces: list[Trace] = [self._trace(seed) for seed in range(envs)] \
            if self.fresh else []
        self.number: dict[int, int] = {}
        self.system = self._bind(SLACK) if self.fresh else self._bind_fixed()
        self.jobs = max(len(trace) for trace in self.traces or self._possible())

    def _possible(self) -> list[Trace]:
        """Traces that show how many jobs an episode can have."""
        return [self.source.trace(0)] if isinstance(self.source, Pool) else list(self.source)

    def _bind_fixed(self) -> System:
        if isinstance(self.source, Pool) and self.source.recorded is None:
            graphs = self.source.graphs
        else:
            graphs = [job.graph for trace in self._possible() for job in trace.jobs]
        distinct = list({id(graph): graph for graph in graphs}.values())
        self.number = {id(graph): k for k, graph in enumerate(distinct)}
        return bind(self.scenario, distinct)

    def _bind(self, slack: float) -> System:
        graphs = [trace.graphs[min(k, len(trace.graphs) - 1)]
                  for trace in self.traces for k in range(self.each)]
        return bind(self.scenario, graphs, slack, self.kinds)

    def _trace(self, seed: int) -> Trace:
        if isinstance(self.source, Pool):
            return self.source.trace(seed)
        number = int(float(uniforms(np.uint64(seed), CHOICES, 0)) * len(self.source))
        return self.source[number]

    def largest(self) -> tuple[int, int]:
        """Most tasks and tiles of an episode."""
        graph = self.system.graph
        if self.fresh:
            room = int(np.diff(self.system.places[:, 0]).max())
            return room * self.jobs, self.system.tiles * self.jobs
        if isinstance(self.source, Pool) and self.source.recorded is None:
            return tuple(int(graph[name].max()) * self.jobs for name in ("tasks", "tiles"))
        counts = [[self.number[id(job.graph)] for job in trace.jobs] for trace in self._possible()]
        return tuple(max(int(graph[name][row].sum()) for row in counts)
                     for name in ("tasks", "tiles"))

    def draw(self, chosen: np.ndarray, seeds: np.ndarray) -> tuple[Jobs, bool]:
        """The jobs of new episodes, and whether the system had to be built anew for them."""
        shape = (self.envs, self.jobs)
        jobs = Jobs(np.zeros(self.envs, np.int64), np.zeros(shape, np.int64),
                    np.zeros(shape, np.int64), np.ones(shape))
        if len(self.traces) < self.envs:
            self.traces = [self._trace(0)] * self.envs
        rebuilt = False
        for e in np.flatnonzero(chosen):
            self.traces[e] = trace = self._trace(int(seeds[e]))
            rebuilt |= self.fresh and not self._place(e, trace)
            n = len(trace)
            jobs.count[e], jobs.arrival[e, :n] = n, trace.arrival
            jobs.graph[e, :n] = self._numbers(e, trace)
            jobs.weight[e, :n] = trace.weight
        if rebuilt:
            self.system = self._bind(SLACK)
        return jobs, rebuilt

    def restore(self, seeds: np.ndarray) -> bool:
        """Go back to the traces of these episodes; whether the system had to be built anew."""
        self.traces, fits = [self._trace(int(seed)) for seed in seeds], True
        if self.fresh:
            fits = all([self._place(e, trace) for e, trace in enumerate(self.traces)])
            if not fits:
                self.system = self._bind(SLACK)
        return not fits

    def _place(self, e: int, trace: Trace) -> bool:
        """Put the graphs of a trace into the replica's own tables."""
        first = e * self.each
        return all([self.system.put(first + k, graph) for k, graph in enumerate(trace.graphs)])

    def _numbers(self, e: int, trace: Trace) -> list[int]:
        if not self.fresh:
            return [self.number[id(job.graph)] for job in trace.jobs]
        own = {id(graph): e * self.each + k for k, graph in enumerate(trace.graphs)}
        return [own[id(job.graph)] for job in trace.jobs]


def open_episodes(scenario: Scenario, trace: Trace | Graph | Sequence[Trace] | str | Path | None,
                  part: str, envs: int) -> Episodes:
    """What episodes draw from: one trace, one of several, or the part of a workload."""
    if isinstance(trace, Graph):
        trace = Trace.of_graph(trace)
    if isinstance(trace, Trace):
        return Episodes(scenario, [trace], envs)
    if isinstance(trace, Sequence) and not isinstance(trace, str):
        if not trace:
            raise ScenarioError("no traces are given", "trace", "give at least one")
        return Episodes(scenario, list(trace), envs)
    return Episodes(scenario, open_workload(trace, scenario).pool(part), envs)
