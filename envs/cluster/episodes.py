"""Which jobs an episode replays: windows of a trace, or of several laid end to end."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from envs.cluster.options import EnvOptions
from envs.cluster.replay import Trace
from envs.cluster.scenario import Scenario
from envs.cluster.system import check_window
from envs.cluster.workloads import open_workload
from envs.core.errors import ScenarioError
from envs.core.rng import uniform_host

STARTS = 3              # random stream of episode starts
TRAINING_TRACES = 64    # generated traces that episodes are cut from
NUMBERS = ("arrival_s", "gpus", "duration_s", "tenant", "priority", "deadline_s", "estimate_s",
           "min_gpus", "max_gpus")


class Episode(NamedTuple):
    """One value per replica: the first job and how many there are, warm-up included."""

    first: np.ndarray
    jobs: np.ndarray


class Episodes:
    """The windows of traces: `length` counted jobs after `warm_up` others."""

    def __init__(self, trace: Trace, bounds: np.ndarray, options: EnvOptions):
        self.trace, self.warm_up = trace, options.warm_up
        sizes = np.diff(bounds)
        whole = options.window is None
        self.sizes = sizes if whole else np.full(len(sizes), options.window + self.warm_up)
        starts = np.maximum(0, sizes - self.sizes + 1)
        self.before = np.concatenate([[0], np.cumsum(starts)])      # starts in earlier traces
        self.bounds = bounds
        self.largest = int(self.sizes.max())

    def draw(self, seeds: np.ndarray, start: Any = None) -> Episode:
        """An episode per seed, all starts alike; `start` pins the first job instead."""
        if start is not None:
            return self._pinned(start, len(seeds))
        places = int(self.before[-1])
        place = np.array([int(uniform_host(int(s), STARTS, 0) * places) for s in seeds])
        part = np.searchsorted(self.before, place, side="right") - 1
        return Episode(self.bounds[part] + place - self.before[part], self.sizes[part])

    def _pinned(self, start: Any, envs: int) -> Episode:
        try:
            first = np.broadcast_to(np.asarray(start), (envs,))
            valid = first.dtype.kind in "iu" and (first >= 0).all()
        except (TypeError, ValueError):
            valid = False
        length = self.largest
        if not valid or (first + length > len(self.trace)).any():
            raise ScenarioError(f"{start!r} is no start", "reset, option start",
                                f"give a job number from 0 to {len(self.trace) - length}")
        return Episode(first.astype(np.int64), np.full(envs, length))


def open_episodes(scenario: Scenario, given: Any, part: str) -> tuple[Trace, Episodes]:
    """The trace to bind and its episodes, from a trace, several, a name, a path or the default."""
    options = scenario.options.env
    traces = _traces(scenario, given, part)
    check_window(scenario, max(traces, key=len))
    whole = traces[0] if len(traces) == 1 else end_to_end(traces)
    bounds = np.concatenate([[0], np.cumsum([len(t) for t in traces])])
    return whole, Episodes(whole, bounds, options)


def _traces(scenario: Scenario, given: Any, part: str) -> list[Trace]:
    if isinstance(given, Trace):
        return [given]
    if isinstance(given, Sequence) and not isinstance(given, str):
        if not given:
            raise ScenarioError("no trace is given", scenario.name, "give at least one trace")
        return list(given)
    workload = open_workload(scenario.options.trace if given is None else given, scenario)
    if part == "train":
        return workload.training_traces(TRAINING_TRACES)
    return [window.trace for window in workload.part(part)]


def end_to_end(traces: Sequence[Trace]) -> Trace:
    """One trace after the other, each a second after the last arrival of the one before."""
    ends = np.cumsum([0.0, *(t.end_s + 1.0 for t in traces[:-1])])
    columns = {name: np.concatenate([getattr(t, name) for t in traces]) for name in NUMBERS}
    for name in ("arrival_s", "deadline_s"):
        columns[name] = np.concatenate([getattr(t, name) + end
                                        for t, end in zip(traces, ends, strict=True)])
    columns["class"] = np.concatenate([t.class_names() for t in traces])
    columns["gpu_type"] = np.concatenate([np.array([*t.gpu_types, ""], object)[t.gpu_type]
                                          for t in traces])
    return Trace.from_columns(columns, traces[0].name)
