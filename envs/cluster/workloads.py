"""Where jobs come from, and which of them serve training, validation and test.

A workload is named by a preset of the generator (`philly-32`), a trace that ships
(`traces/cluster`), `philly` (the table in $SCHED_DATA/cluster) or a path; `name@1.5` has one and a
half times the load. A recorded trace is split by time, a generated one by the generator's seeds.
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from envs.cluster.generate import GeneratorConfig, generate, preset, presets
from envs.cluster.importers import import_trace
from envs.cluster.replay import Trace
from envs.cluster.scenario import Scenario
from envs.core.errors import TraceError
from envs.core.files import REPOSITORY, data_folder
from envs.core.workloads import (
    FIRST_SEED,
    Window,
    of_part,
    part_seeds,
    scaled_name,
    shipped_names,
    split_factor,
    spread,
    trace_path,
)

RECORDED_LENGTH = 500       # jobs of a window, unless asked otherwise
SHIPPED = REPOSITORY / "traces" / "cluster"
PARTS = ("train", "validation", "test")
DOWNLOADED = {"philly": "philly.csv.gz"}    # name -> file in the data folder


class Workload(ABC):
    """A source of windows."""

    name: str

    @abstractmethod
    def part(self, part: str, count: int | None = None, length: int | None = None) -> list[Window]:
        """Windows of "train", "validation" or "test", of at most `length` jobs."""

    @abstractmethod
    def training_traces(self, count: int) -> list[Trace]:
        """What episodes are cut from: at most `count` traces of the training part."""

    @abstractmethod
    def whole(self) -> Trace:
        """All there is, for a look at the workload itself."""

    @abstractmethod
    def at_load(self, factor: float) -> Workload:
        """The same with jobs arriving `factor` times as fast."""


@dataclass(frozen=True, eq=False)
class GeneratedWorkload(Workload):
    """A generator preset; every seed is a window."""

    name: str
    config: GeneratorConfig

    def part(self, part: str, count: int | None = None, length: int | None = None) -> list[Window]:
        """The first `count` seeds of the part, each the first `length` jobs of its trace."""
        found = []
        for seed in part_seeds(part, count, self.config.seeds):
            trace = self._trace(seed)
            if length is not None and length < len(trace):
                trace = trace.window(0, int(length))
            found.append(Window(f"{self.name}#{seed}", trace, seed))
        return found

    def training_traces(self, count: int) -> list[Trace]:
        """One trace per seed of the training part."""
        return [window.trace for window in self.part("train", count)]

    def whole(self) -> Trace:
        """The first training seed."""
        return self._trace(self.config.seeds["train"])

    def at_load(self, factor: float) -> GeneratedWorkload:
        """The generator at `factor` times the load."""
        return GeneratedWorkload(scaled_name(self.name, factor), self.config.scaled(factor))

    def _trace(self, seed: int) -> Trace:
        return _generated(self.config, seed, self.name)


@dataclass(frozen=True, eq=False)
class RecordedWorkload(Workload):
    """One trace, split by time into 70 % training, 10 % validation, 20 % test."""

    trace: Trace

    @property
    def name(self) -> str:
        """The name of the trace."""
        return self.trace.name

    def part(self, part: str, count: int | None = None, length: int | None = None) -> list[Window]:
        """Whole windows that do not overlap, `count` of them spread evenly, at least one."""
        seed = of_part(FIRST_SEED, part)
        trace = self._part(part)
        length = min(int(length or RECORDED_LENGTH), len(trace))
        windows = [Window(f"{self.name}#{part}+{first}", trace.window(first, length), seed + i)
                   for i, first in enumerate(range(0, len(trace) - length + 1, length))]
        return spread(windows, count)

    def training_traces(self, count: int) -> list[Trace]:
        """The first 70 % of the time."""
        return [self._part("train")]

    def whole(self) -> Trace:
        """The trace."""
        return self.trace

    def at_load(self, factor: float) -> RecordedWorkload:
        """The trace with its arrivals pressed together."""
        name = scaled_name(self.name, factor)
        return RecordedWorkload(replace(self.trace.at_load(factor), name=name))

    def empty_parts(self) -> list[str]:
        """Parts without a job."""
        return [p for p, jobs in zip(PARTS, self.trace.split(), strict=True) if not len(jobs)]

    def _part(self, part: str) -> Trace:
        trace = self.trace.split()[PARTS.index(part)]
        if not len(trace):
            raise TraceError(f"no job falls into the {part} part",
                             self.trace.source or self.name,
                             "parts are 70/10/20 % of the time from 0; give a longer trace, or run "
                             "all of it with simulate()")
        return trace


def open_workload(trace: str | Path | Trace | None, scenario: Scenario) -> Workload:
    """The workload of a name, a path or a trace; None: the one that the scenario names."""
    if isinstance(trace, Trace):
        return RecordedWorkload(trace)
    if trace is None:
        trace = scenario.options.trace
        if trace is None:
            raise TraceError("the scenario names no trace", scenario.name, "give trace=...")
    base, factor = split_factor(str(trace))
    found: Workload
    if base in presets():
        found = GeneratedWorkload(base, preset(base))
    else:
        found = RecordedWorkload(_read(base))
    return found if factor == 1.0 else found.at_load(factor)


def workload_names() -> list[str]:
    """The names that need no path."""
    return [*presets(), *shipped_names(SHIPPED), *DOWNLOADED]


def _read(name: str) -> Trace:
    if name in DOWNLOADED:
        path = data_folder("cluster") / DOWNLOADED[name]
        return replace(import_trace(path).trace, name=name)
    return import_trace(trace_path(name, SHIPPED, workload_names)).trace


@lru_cache(16)
def _generated(config: GeneratorConfig, seed: int, name: str) -> Trace:
    return generate(config, seed, name)
