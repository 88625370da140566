"""Where requests come from, and which of them serve training, validation and test.

A workload is named by a preset of the generator (`zipf_exponential`), a trace that ships
(`traces/blis`), `azure` (the files in $SCHED_DATA/blis) or a path; `name@5` has five times the
rate. A recorded trace is split by time, a generated one by the seeds of the generator.
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import NoReturn

import numpy as np

from envs.blis.generate import GeneratorConfig, generate, preset, presets
from envs.blis.replay import Trace, join, read_trace
from envs.blis.scenario import Scenario
from envs.core.errors import TraceError
from envs.core.files import REPOSITORY, data_folder
from envs.core.workloads import (
    FIRST_SEED,
    GENERATED_COUNT,
    SHARE,
    TRAIN,
    Window,
    of_part,
    part_seeds,
    shipped_names,
    split_factor,
    spread,
    trace_path,
)

RECORDED_LENGTH_MS = 120_000.0
AZURE_NAMES = {"code": "t5", "conv": "gpt2"}
SHIPPED = REPOSITORY / "traces" / "blis"


class Workload(ABC):
    """A source of windows; allowances are those of the whole workload."""

    name: str
    families: tuple[str, ...]
    family_slo_ms: Mapping[str, float]

    @abstractmethod
    def part(
        self, part: str, count: int | None = None, length_ms: float | None = None
    ) -> list[Window]:
        """Windows of "train", "validation" or "test"."""

    @abstractmethod
    def training_trace(self) -> Trace:
        """The training part as one long trace."""

    @abstractmethod
    def mean_demand(self) -> dict[str, float]:
        """Requests per second of each family in the training part."""

    @abstractmethod
    def whole(self) -> Trace:
        """All there is, for a look at the workload itself."""


@dataclass(frozen=True, eq=False)
class GeneratedWorkload(Workload):
    """A generator preset; every seed is a window."""

    name: str
    config: GeneratorConfig
    families: tuple[str, ...] = field(init=False)
    family_slo_ms: Mapping[str, float] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "families", tuple(sorted(self.config.families)))
        object.__setattr__(self, "family_slo_ms", self.config.family_slo_ms())

    def part(
        self, part: str, count: int | None = None, length_ms: float | None = None
    ) -> list[Window]:
        """The first `count` seeds of the part, each the first `length_ms` of its trace."""
        return [Window(f"{self.name}#{s}", self._trace(s).window(0, length_ms), s)
                for s in part_seeds(part, count)]

    def training_trace(self, seeds: int = GENERATED_COUNT["train"]) -> Trace:
        """The first training seeds laid one after the other in time."""
        parts, start = [], 0.0
        for seed in range(seeds):
            trace = self._trace(FIRST_SEED["train"] + seed)
            parts.append(replace(trace, arrival_ms=trace.arrival_ms + start))
            start += max(self.config.duration_s * 1000.0, np.ceil(trace.end_ms / 1000) * 1000)
        return join(parts, self.name)

    def mean_demand(self) -> dict[str, float]:
        """The mean over the training seeds."""
        return self.training_trace().mean_demand()

    def whole(self) -> Trace:
        """The first training seed."""
        return self._trace(FIRST_SEED["train"])

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

    @property
    def families(self) -> tuple[str, ...]:
        """The families of the trace."""
        return self.trace.families

    @property
    def family_slo_ms(self) -> dict[str, float]:
        """The smallest allowance of each family in the whole trace."""
        return self.trace.family_slo_ms()

    def part(
        self, part: str, count: int | None = None, length_ms: float | None = None
    ) -> list[Window]:
        """Whole windows that do not overlap, `count` of them spread evenly, at least one."""
        start, end = self._bounds(part)
        length = min(length_ms or RECORDED_LENGTH_MS, end - start)
        whole = max(1, int((end - start) // length)) if length > 0 else 1
        places = [start + i * length for i in range(whole)]
        last = part == "test" and whole == 1    # the last request has no later boundary
        windows = [
            Window(f"{self.name}#{p / 1000:.6g}s", self.trace.window(p, None if last else length),
                   FIRST_SEED[part] + i)
            for i, p in enumerate(places)
        ]
        return spread([w for w in windows if len(w.trace)] or self._none(part), count)

    def training_trace(self) -> Trace:
        """The first 70 % of the time."""
        train = self.trace.split()[0]
        return train if len(train) else self._none("train")

    def mean_demand(self) -> dict[str, float]:
        """Requests over the time of the training part."""
        return self.training_trace().mean_demand(TRAIN * self.trace.end_ms)

    def whole(self) -> Trace:
        """The trace."""
        return self.trace

    def _bounds(self, part: str) -> tuple[float, float]:
        start, end = of_part(SHARE, part)
        return start * self.trace.end_ms, end * self.trace.end_ms

    def _none(self, part: str) -> NoReturn:
        raise TraceError(f"no request falls into the {part} part", self.name,
                         "parts are 70/10/20 % of the time from 0; give a longer trace, or "
                         "subtract the first arrival from all times")


def open_workload(trace: str | Path | Trace, scenario: Scenario) -> Workload:
    """The workload of a name, a path or a trace, with the import options of the scenario."""
    workload = find_workload(trace, scenario)
    strange = strange_families(workload, scenario)
    if strange:
        known = sorted({variant.family for variant in scenario.profile})
        raise TraceError(f"no variant in the profile for the families {', '.join(strange)}",
                         str(workload.name), "rename them with the option rename (profile: "
                         f"{', '.join(known)})")
    return workload


def find_workload(trace: str | Path | Trace, scenario: Scenario) -> Workload:
    """`open_workload` without a look at its families."""
    if isinstance(trace, Trace):
        return RecordedWorkload(trace)
    base, factor = split_factor(str(trace))
    if base in presets():
        return GeneratedWorkload(str(trace), preset(base).scaled(factor))
    found = _read(base, scenario)
    if factor != 1.0:
        found = replace(found.scaled(1.0 / factor), name=f"{found.name}@{factor:g}")
    return RecordedWorkload(found)


def strange_families(workload: Workload, scenario: Scenario) -> list[str]:
    """Families of the workload that the profile does not have."""
    known = {variant.family for variant in scenario.profile}
    return [family for family in workload.families if family not in known]


def workload_names() -> list[str]:
    """The names that need no path."""
    return [*presets(), *shipped_names(SHIPPED), "azure"]


@lru_cache(8)
def _generated(config: GeneratorConfig, seed: int, name: str) -> Trace:
    return generate(config, seed, name)


def _read(name: str, scenario: Scenario) -> Trace:
    options = scenario.options
    rename = dict(options.rename)
    if name == "azure":
        known = {variant.family for variant in scenario.profile}
        rename = {old: new for old, new in AZURE_NAMES.items() if old not in known} | rename
    trace = read_trace(
        data_folder("blis") if name == "azure" else trace_path(name, SHIPPED, workload_names),
        default_slo_ms=options.default_slo_ms, qos_levels=options.qos.levels,
        rename=rename, time_scale=options.time_scale)
    return replace(trace, name="azure") if name == "azure" else trace
