"""Where a run's graphs come from: windows for comparisons, a pool for training.

    workload = open_workload("cholesky(n=8)", scenario)
    windows = workload.part("test", count=5)
"""
from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from envs.core.configs import beside
from envs.core.errors import ScenarioError, TraceError
from envs.core.files import REPOSITORY
from envs.core.philox import uniforms
from envs.core.workloads import (
    FIRST_SEED,
    GENERATED_COUNT,
    Window,
    of_part,
    part_seeds,
    scaled_name,
    shipped_names,
    split_factor,
    spread,
    trace_path,
)
from envs.dag.fitting import check_kinds, least_work
from envs.dag.formats import read_graph
from envs.dag.generate import GENERATORS, is_call, open_graph, per_episode
from envs.dag.graph import Graph
from envs.dag.machine import Machine
from envs.dag.replay import Trace, poisson_trace, read_trace
from envs.dag.scenario import Scenario
from envs.dag.sources import Poisson, Sources

SHIPPED = REPOSITORY / "traces" / "dag"
PARTS = ("train", "validation", "test")
CHOICES = 8         # stream of the random numbers: which graph an episode gets


@dataclass(frozen=True, eq=False)
class Pool:
    """What episodes draw from: graphs, and calls whose seed is that of the episode; or a trace."""

    entries: tuple[Graph | str, ...]
    machine: Machine
    poisson: Poisson | None = None
    recorded: Trace | None = None

    @property
    def graphs(self) -> list[Graph]:
        """Those that are the same in every episode."""
        return [entry for entry in self.entries if isinstance(entry, Graph)]

    @property
    def templates(self) -> list[str]:
        """Calls with `seed=episode`."""
        return [entry for entry in self.entries if isinstance(entry, str)]

    def examples(self) -> list[Graph]:
        """One graph of every entry."""
        return [self._graph(number, 0) for number in range(len(self.entries))]

    def trace(self, seed: int) -> Trace:
        """The jobs of the episode with this seed."""
        if self.recorded is not None:
            return self.recorded
        if self.poisson is None:
            number = math.floor(float(uniforms(seed, CHOICES, 0)) * len(self.entries))
            return Trace.of_graph(self._graph(number, seed))
        graphs = [self._graph(number, seed) for number in range(len(self.entries))]
        return _stream(graphs, self.poisson, self.machine, seed)

    def _graph(self, number: int, seed: int) -> Graph:
        entry = self.entries[number]
        return entry if isinstance(entry, Graph) else _opened(entry, "workload", None, seed)


class Workload(ABC):
    """A source of windows."""

    name: str

    @abstractmethod
    def part(self, part: str, count: int | None = None, length: int | None = None) -> list[Window]:
        """Windows of "train", "validation" or "test", of at most `length` jobs."""

    @abstractmethod
    def pool(self, part: str) -> Pool:
        """What the episodes of an environment draw from."""

    @abstractmethod
    def graphs(self) -> list[Graph]:
        """Distinct graphs of all parts, for a look at the workload itself; of calls that take the
        episode's seed, the first."""

    @abstractmethod
    def at_load(self, factor: float) -> Workload:
        """The same with jobs arriving `factor` times as fast."""


@dataclass(frozen=True, eq=False)
class ListedWorkload(Workload):
    """Paths and generator calls by part: a graph a window, or a stream of them all."""

    name: str
    sources: Sources
    machine: Machine
    noisy: bool = False
    folder: Path | None = None

    def part(self, part: str, count: int | None = None, length: int | None = None) -> list[Window]:
        """`count` windows that go through the graphs in turn, by default each as often."""
        texts = of_part({p: self.sources.of(p) for p in PARTS}, part)
        if self.sources.poisson is not None:
            return [self._stream(texts, seed, length) for seed in part_seeds(part, count)]
        seeds = part_seeds(part, self._count(part, texts) if count is None else count)
        return [self._window(texts[i % len(texts)], seed) for i, seed in enumerate(seeds)]

    def pool(self, part: str) -> Pool:
        """The graphs and calls of the part."""
        texts = of_part({p: self.sources.of(p) for p in PARTS}, part)
        entries = tuple(text if per_episode(text) else self._open(text, 0) for text in texts)
        return Pool(entries, self.machine, self._poisson(texts))

    def graphs(self) -> list[Graph]:
        """One per text."""
        texts = dict.fromkeys(text for part in PARTS for text in self.sources.of(part))
        return [self._open(text, FIRST_SEED["train"]) for text in texts]

    def at_load(self, factor: float) -> ListedWorkload:
        """The stream at `factor` times its rate."""
        return replace(self, name=scaled_name(self.name, factor),
                       sources=self.sources.at_load(factor))

    def _count(self, part: str, texts: tuple[str, ...]) -> int:
        """Every graph as often, once where a second run would repeat the first."""
        again = self.noisy or any(per_episode(text) for text in texts)
        return len(texts) * (math.ceil(GENERATED_COUNT[part] / len(texts)) if again else 1)

    def _open(self, text: str, seed: int) -> Graph:
        seed = seed if per_episode(text) else 0     # so that a fixed graph is built once
        return _opened(text, self.name, self.folder, seed, self.machine.unit,
                       self.machine.resolution)

    def _window(self, text: str, seed: int) -> Window:
        return Window(f"{text}#{seed}", Trace.of_graph(self._open(text, seed)), seed)

    def _stream(self, texts: tuple[str, ...], seed: int, length: int | None) -> Window:
        graphs = [self._open(text, seed) for text in texts]
        trace = _stream(graphs, self._poisson(texts), self.machine, seed)
        trace = trace if length is None else trace.window(0, int(length))
        return Window(f"{self.name}#{seed}", trace, seed)

    def _poisson(self, texts: tuple[str, ...]) -> Poisson | None:
        """The stream with its rate, which a load leaves to the first graphs."""
        poisson = self.sources.poisson
        if poisson is None or poisson.rate is not None:
            return poisson
        work = [least_work(self._open(text, FIRST_SEED["train"]), self.machine) for text in texts]
        mean = np.average(work, weights=poisson.weights) / self.machine.ticks_per_unit
        return replace(poisson, rate=float(poisson.load * len(self.machine) / mean), load=None)


@dataclass(frozen=True, eq=False)
class RecordedWorkload(Workload):
    """One trace, split by time into 70 % training, 10 % validation, 20 % test."""

    recorded: Trace
    machine: Machine
    noisy: bool = False

    @property
    def name(self) -> str:
        """The name of the trace."""
        return self.recorded.name

    def part(self, part: str, count: int | None = None, length: int | None = None) -> list[Window]:
        """The part as one window, under several seeds where durations vary; with `length`, windows
        that do not overlap, `count` of them spread evenly."""
        seed, trace = of_part(FIRST_SEED, part), self._part(part)
        if length is None or length >= len(trace):
            times = (count or GENERATED_COUNT[part]) if self.noisy else 1
            return [Window(f"{self.name}#{part}#{seed + i}", trace, seed + i)
                    for i in range(times)]
        firsts = range(0, len(trace) - length + 1, length)
        windows = [Window(f"{self.name}#{part}+{first}", trace.window(first, length), seed + i)
                   for i, first in enumerate(firsts)]
        return spread(windows, count)

    def pool(self, part: str) -> Pool:
        """The jobs of the part."""
        return Pool((), self.machine, recorded=self._part(part))

    def graphs(self) -> list[Graph]:
        """Those of the jobs."""
        return list(self.recorded.graphs)

    def at_load(self, factor: float) -> RecordedWorkload:
        """The trace with its arrivals pressed together."""
        name = scaled_name(self.name, factor)
        return replace(self, recorded=replace(self.recorded.at_load(factor), name=name))

    def empty_parts(self) -> list[str]:
        """Parts without a job."""
        if self._at_once:
            return []
        return [p for p, jobs in zip(PARTS, self.recorded.split(), strict=True) if not len(jobs)]

    @property
    def _at_once(self) -> bool:
        return self.recorded.end == self.recorded.jobs[0].arrival

    def _part(self, part: str) -> Trace:
        of_part(FIRST_SEED, part)
        if self._at_once:       # nothing to split
            return self.recorded
        trace = self.recorded.split()[PARTS.index(part)]
        if not len(trace):
            raise TraceError(f"no job falls into the {part} part",
                             self.recorded.source or self.name,
                             "parts are 70/10/20 % of the time from 0; give a longer trace, or run "
                             "all of it with simulate()")
        return trace


def open_workload(trace: str | Path | Trace | Graph | Workload | None,
                  scenario: Scenario) -> Workload:
    """The workload of a trace, a graph, their file or name, a generator call; None: the
    scenario's own. One that is open stays as it is."""
    if isinstance(trace, Workload):
        return trace
    if isinstance(trace, Graph):
        trace = Trace.of_graph(trace)
    if isinstance(trace, str):
        base, factor = split_factor(trace)
        if factor != 1:
            return open_workload(base or None, scenario).at_load(factor)
    noisy = scenario.options.noise != "none"
    if trace is None or (isinstance(trace, str) and _is_text(trace)):
        sources = scenario.workload if trace is None else Sources(*[(trace,)] * len(PARTS))
        if not sources.train:
            raise TraceError("the scenario names no graphs", scenario.name,
                             "give trace=..., a file or a call such as cholesky(n=8)")
        name = scenario.name if trace is None else trace
        found: Workload = ListedWorkload(name, sources, scenario.machine, noisy, scenario.folder)
    else:
        found = RecordedWorkload(_read(trace, scenario.machine), scenario.machine, noisy)
    if isinstance(scenario.options.sigma, dict):
        kinds = {kind for graph in found.graphs() for kind in graph.kinds}
        check_kinds(kinds, scenario.options, scenario.name)
    return found


def workload_names() -> list[str]:
    """The names that need no path."""
    return shipped_names(SHIPPED)


def _is_text(trace: str) -> bool:
    return is_call(trace) or trace in GENERATORS


def _read(trace: str | Path | Trace, machine: Machine) -> Trace:
    if isinstance(trace, Trace):
        return trace
    path = trace_path(str(trace), SHIPPED, workload_names)
    if path.is_dir() or path.name.lower().endswith((".json", ".json.gz")):
        return Trace.of_graph(read_graph(path, machine.unit, machine.resolution))
    return read_trace(path)


@lru_cache(64)
def _opened(text: str, where: str, folder: Path | None, seed: int, unit: str = "s",
            resolution: int = 1) -> Graph:
    """The graph of a text; tables without a unit have the machine's."""
    if _is_text(text):
        return open_graph(text, where, folder, seed)
    return read_graph(beside(text, folder), unit, resolution)


def _stream(graphs: list[Graph], poisson: Poisson, machine: Machine, seed: int) -> Trace:
    if poisson.rate is None:
        raise ScenarioError("a stream needs a rate", "poisson", "open it through a workload")
    return poisson_trace(graphs, poisson.rate, poisson.jobs, seed, poisson.weights,
                         machine.unit, machine.resolution)
