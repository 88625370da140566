"""What both environments of the domain share: episodes of a trace, recorded and drawn."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from envs.blis.drawing import screen, timeline
from envs.blis.engine import Engine, Snapshot
from envs.blis.planning import View, make_planner
from envs.blis.recorder import Recorder
from envs.blis.replay import Trace
from envs.blis.rules import steps
from envs.blis.rules.runs import make_log
from envs.blis.scenario import Scenario, load_scenario
from envs.blis.simulate import Run
from envs.blis.state import DUE, NONE, PLANNED, READY, WINDOW
from envs.blis.system import System, bind, bind_trace
from envs.blis.work import make_work
from envs.blis.workloads import open_workload
from envs.core.batch import BatchEnv, check_counts
from envs.core.drawing import draw_timeline
from envs.core.errors import ScenarioError
from envs.core.rng import uniform_host

DEFAULT_SCENARIO = "zipf_exponential_x5"
HIGHEST = 1e6           # bound of every observation
STARTS = 2              # random stream of episode starts
COUNTED = ("arrivals", "met", "late", "dropped", "accuracy_met")


class Episode(NamedTuple):
    """Which requests an episode replays; one value per replica."""

    first: np.ndarray
    last: np.ndarray
    start_ms: np.ndarray


class ServingEnv(BatchEnv):
    """Replicas of one system that replay parts of one trace."""

    def __init__(self, num_envs: int = 1, *,
                 scenario: Scenario | Mapping | str | Path | None = None,
                 trace: Trace | str | Path | None = None, part: str = "train", threads: int = 1,
                 record: bool = False, **kwargs: Any):
        check_counts(num_envs=num_envs, threads=threads)
        self.scenario = _scenario(scenario)
        self.trace, self.system = _trace(self.scenario, trace, part)
        kept = record or kwargs.get("render_mode") is not None
        self.engine = Engine(self.system, make_work(self.system, self.trace, recorded=record),
                             num_envs, threads)
        self.recorder = Recorder(self.engine, self.trace) if kept else None
        super().__init__(num_envs, *self._spaces(), **kwargs)
        options = self.scenario.options
        self.windows = -1 if options.horizon_ms is None else round(
            options.horizon_ms / options.window_ms)
        self._run_seeds = np.zeros(num_envs, np.uint64)
        self._first_plan: Any = None
        self._no_log = make_log(num_envs, 0, self.system.devices, len(self.system.families))

    def _spaces(self) -> tuple[spaces.Space, spaces.Space]:
        """Observation and action space of one replica."""
        raise NotImplementedError

    def _begin(self, chosen: np.ndarray, seeds: np.ndarray, options: Mapping[str, Any]) -> None:
        for key in options:
            if key != "start":
                raise ScenarioError(f'unknown option "{key}"', "reset", "known: start, reset_mask")
        episode = self._episode(seeds, options.get("start"))
        self._run_seeds[chosen] = seeds[chosen]
        self.engine.reset(seeds, episode.first, episode.last, episode.start_ms,
                          np.full(self.num_envs, self.windows), chosen)
        for e in np.flatnonzero(chosen):
            plan = self._plan_of_start(int(seeds[e]))
            self.engine.draft(e, plan.target, plan.level, plan.weight)
            self.engine.plan(e, weighted=True)
        self.engine.run(self._no_log, np.zeros(self.num_envs, np.int64))
        self.engine.restore_plans(chosen)
        if self.recorder is not None:
            self.recorder.begin(chosen)

    def _episode(self, seeds: np.ndarray, start: Any) -> Episode:
        """Where each replica starts: pinned by `start`, at random, or as the scenario says."""
        options, arrival = self.scenario.options, self.trace.arrival_ms
        length = np.inf if options.horizon_ms is None else options.horizon_ms
        if start is not None:
            try:
                valid = (np.asarray(start, float) >= 0) & np.isfinite(np.asarray(start, float))
            except (TypeError, ValueError):
                valid = np.array(False)
            if not valid.all():
                raise ScenarioError(f"{start!r} is no start", "reset, option start",
                                    "give milliseconds from 0 on")
            begin = np.broadcast_to(np.asarray(start, float), (self.num_envs,)).copy()
        elif options.episode.random_start:
            places = max(0, int((arrival[-1] - length) // options.window_ms)) + 1
            begin = np.array([options.window_ms * int(uniform_host(int(s), STARTS, 0) * places)
                              for s in seeds])
        else:
            begin = np.full(self.num_envs, options.episode.start_ms)
        return Episode(np.searchsorted(arrival, begin), np.searchsorted(arrival, begin + length),
                       begin)

    def _plan_of_start(self, seed: int) -> Any:
        """The plan of time 0; only random allocation needs a new one for every seed."""
        from envs.blis.planning import Plan

        if self._first_plan is None or self.scenario.options.allocation.policy == "random":
            system, families = self.system, len(self.system.families)
            nobody = np.full(system.devices, NONE)
            view = View(system, -1, nobody, np.zeros_like(nobody), nobody >= 0,
                        np.zeros((0, families), np.int64), np.zeros(families, WINDOW), self.trace)
            plan = make_planner(system, self.trace, seed).start(view)
            plan = Plan(nobody) if plan is None else plan
            weight = np.zeros(system.devices) if plan.weight is None else plan.weight
            self._first_plan = Plan(plan.target, plan.level, weight)
        return self._first_plan

    def _play(self, actions: np.ndarray) -> tuple:
        reward = self._act(actions)
        over, terminated = np.zeros((2, self.num_envs), bool)
        steps.ended(self.engine.state, over, terminated)
        if self.recorder is not None:
            self.recorder.keep(self.engine.block["run"]["turn"] == 0)
        observation, mask = self._look()
        return observation, reward, terminated, over & ~terminated, mask, self._info()

    def _act(self, actions: np.ndarray) -> np.ndarray:
        """Take the actions, simulate where a window is due; the rewards."""
        raise NotImplementedError

    def _simulate(self, due: np.ndarray) -> None:
        """Commit the pending plans of these replicas and replay one window."""
        run = self.engine.block["run"]
        run["code"] = np.where(due, READY, DUE)
        run["planned"][due] = PLANNED
        self.engine.run(self._no_log, run["window"] + run["closed"] + due)
        run["turn"][due] = 0
        self.engine.restore_plans(due)

    def _info(self) -> dict[str, Any]:
        """The record of the window just simulated, per family, and ignored actions so far."""
        family = self.engine.block["family"]
        info = {name: family[name].copy() for name in COUNTED}
        info["illegal"] = self.engine.block["run"]["illegal"].copy()
        return info

    def _save(self) -> Snapshot:
        return self.engine.snapshot()

    def _load(self, saved: Snapshot) -> None:
        self.engine.restore(saved)

    def run_of(self, e: int) -> Run:
        """The records of the episode of replica `e` so far; needs `record=True`."""
        if self.recorder is None or not self.engine.outcome.shape[1]:
            raise ScenarioError("nothing was recorded", type(self).__name__, "pass record=True")
        return self.recorder.run_of(e, int(self._run_seeds[e]))

    def draw(self, e: int, mode: str) -> np.ndarray | str:
        """Devices against time with the key curves, or one readable screen."""
        if mode == "ansi":
            return screen(self.engine, e)
        return draw_timeline(timeline(self.system, self.recorder.rows[e]))


def _scenario(given: Scenario | Mapping | str | Path | None) -> Scenario:
    if isinstance(given, Scenario):
        return given
    if isinstance(given, Mapping):
        return Scenario.from_config(given)
    return load_scenario(DEFAULT_SCENARIO if given is None else given)


def _trace(scenario: Scenario, given: Trace | str | Path | None, part: str) -> tuple[Trace, System]:
    """The trace to replay, and the system bound to the families of the whole workload."""
    if isinstance(given, Trace):
        return given, bind_trace(scenario, given)
    name = scenario.options.trace if given is None else given
    if name is None:
        raise ScenarioError("no trace is given", scenario.name, "pass trace=NAME or trace=PATH")
    workload = open_workload(name, scenario)
    families = scenario.options.families or tuple(sorted(workload.families))
    trace = (workload.training_trace() if part == "train"
             else workload.part(part, count=1)[0].trace)
    return trace, bind(scenario, families, workload.family_slo_ms)
