"""Whole runs: replay a trace under the rules of a scenario and keep every record.

    run = simulate(load_scenario("zipf_exponential"), trace)
"""
from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from envs.blis.engine import Engine
from envs.blis.planning import Plan, Planner, View, make_planner
from envs.blis.replay import Trace
from envs.blis.rules import runs
from envs.blis.scenario import Scenario
from envs.blis.state import NONE, OVER, WINDOW
from envs.blis.system import System, bind_trace
from envs.blis.work import make_work
from envs.core.errors import ScenarioError

LOG_WINDOWS = 64
FAR = 2**62         # no plan is due any more
STANDSTILL = 1_000     # windows after the last arrival in which no request is resolved

RECORD = np.dtype([
    ("request", "i8"), ("family", "i4"), ("arrival_ms", "f8"), ("slo_ms", "f8"), ("qos", "i4"),
    ("device", "i4"), ("variant", "i4"), ("start_ms", "f8"), ("finish_ms", "f8"),
    ("status", "u1"),
])


@dataclass
class Run:
    """What happened: one record per arrived request, one row per window, totals."""

    system: System
    seed: int
    records: np.ndarray             # (n,) RECORD; -1 and nan where there is none
    windows: np.ndarray             # (W, K) state.WINDOW
    window_busy_ms: np.ndarray      # (W, D)
    window_target: np.ndarray       # (W, D) target at the end of the window, -1 none
    window_reallocations: np.ndarray    # (W,)
    t_end_ms: float
    reallocations: int
    loads: int
    qos_missed: int
    solves: list[dict[str, Any]] = field(default_factory=list)


def simulate(scenario: Scenario, trace: Trace, *, seed: int | None = None,
             system: System | None = None, planner: Planner | None = None,
             initial_demand: np.ndarray | Mapping[str, float] | None = None, user: int = 0) -> Run:
    """One run; `seed` defaults to option `seed`. Raises `TraceError` or `ScenarioError`.

    `initial_demand` (req/s per family) is what a planner is told at time 0 in place of the mean
    of this trace; `user` is the address of a compiled routing policy (policy.py).
    """
    seed = scenario.options.seed if seed is None else seed
    planners = None if planner is None else [planner]
    return simulate_batch(scenario, trace, [seed], system=system, planners=planners,
                          initial_demand=initial_demand, user=user)[0]


def simulate_batch(scenario: Scenario, trace: Trace, seeds: Sequence[int], *, threads: int = 1,
                   system: System | None = None, planners: Sequence[Planner] | None = None,
                   initial_demand: np.ndarray | Mapping[str, float] | None = None,
                   user: int = 0) -> list[Run]:
    """One run per seed of the same trace, replayed together."""
    system = bind_trace(scenario, trace) if system is None else system
    if planners is None:
        demand = _demand(system, initial_demand)
        planners = [make_planner(system, trace, s, demand) for s in seeds]
    engine = Engine(system, make_work(system, trace, recorded=True, user=user), len(seeds), threads)
    return _Replay(engine, trace, list(seeds), list(planners)).run()


def _demand(system: System, given) -> np.ndarray | None:
    if isinstance(given, Mapping):
        return np.array([given.get(f, 0.0) for f in system.families])
    return None if given is None else np.asarray(given, float)


class _Replay:
    """Planners and kernels in turn, until every replica is over."""

    def __init__(self, engine: Engine, trace: Trace, seeds: list[int], planners: list[Planner]):
        self.engine, self.trace, self.seeds, self.planners = engine, trace, seeds, planners
        system, envs = engine.system, engine.envs
        self.options = system.scenario.options
        self.log = runs.make_log(envs, LOG_WINDOWS, system.devices, len(system.families))
        self.parts: list[list[tuple[np.ndarray, ...]]] = [[] for _ in range(envs)]
        self.arrivals = [np.zeros((0, len(system.families)), np.int64) for _ in range(envs)]
        self.seen = [0] * envs
        self.stuck, self.since = np.zeros((2, envs), np.int64)
        self.waiting: list[deque[tuple[int, Plan]]] = [deque() for _ in range(envs)]

    def run(self) -> list[Run]:
        self._begin()
        run = self.engine.block["run"]
        while not (run["code"] == OVER).all():
            stop = np.array([self._next_stop(e) for e in range(self.engine.envs)])
            self.engine.run(self.log, stop, self._drain)
            self._plan()
            self._check_progress()
        self._drain()
        return [self._result(e) for e in range(self.engine.envs)]

    def _begin(self) -> None:
        envs, n = self.engine.envs, len(self.trace.arrival_ms)
        horizon = self.options.horizon_ms
        windows = -1 if horizon is None else round(horizon / self.options.window_ms)
        same = np.ones(envs, np.int64)
        self.engine.reset(np.array(self.seeds, np.uint64), 0 * same, n * same, np.zeros(envs),
                          windows * same)
        plans = [p.start(self._view(e)) for e, p in enumerate(self.planners)]
        none = Plan(np.full(self.engine.system.devices, NONE))
        self._commit({e: plan or none for e, plan in enumerate(plans)})

    def _check_progress(self) -> None:
        """Loads that follow each other for ever keep a run alive that has no horizon."""
        run = self.engine.block["run"]
        waiting = self.engine.block["family"]["queued"].sum(1) + self.engine.block["device"][
            "batch"].sum(1)
        moving = (run["cursor"] < run["last"]) | (waiting != self.stuck) | (run["code"] == OVER)
        self.since = np.where(moving, run["window"], self.since)
        self.stuck = waiting
        if (run["windows"] < 0).any() and (run["window"] - self.since > STANDSTILL).any():
            raise ScenarioError(
                f"the run does not end: for {STANDSTILL} windows after the last arrival devices "
                "only load variants", self.engine.system.scenario.name, "set horizon_ms")

    def _next_stop(self, e: int) -> int:
        """The window at whose start replica `e` may get a plan."""
        now = int(self.engine.block["run"]["window"][e])
        if self.engine.block["run"]["closed"][e]:
            now += 1
        last = now + LOG_WINDOWS
        committed = self.waiting[e][0][0] if self.waiting[e] else FAR
        due = next((w + 1 for w in range(now, last) if self.planners[e].due(w)), last)
        return min(due, committed)

    def _plan(self) -> None:
        """Ask every planner that is due, commit every plan whose time has come."""
        run = self.engine.block["run"]
        plans = {}
        for e in np.flatnonzero(run["code"] != OVER):
            ended = int(run["window"][e])
            if self.planners[e].due(ended):
                plan = self.planners[e].plan(self._view(e))
                if plan is not None:
                    when = ended + 1 + self.planners[e].delay
                    self.waiting[e].append((when, plan))
            if self.waiting[e] and self.waiting[e][0][0] == ended + 1:
                plans[e] = self.waiting[e].popleft()[1]
        self._commit(plans)

    def _commit(self, plans: Mapping[int, Plan]) -> None:
        for e, plan in plans.items():
            self.engine.draft(e, plan.target, plan.level, plan.weight)
            self.engine.plan(e, plan.weight is not None)

    def _view(self, e: int) -> View:
        self._drain()
        device, run = self.engine.block["device"][e], self.engine.block["run"][e]
        families, seen = len(self.engine.system.families), self.seen[e]
        last = self.parts[e][-1][0][-1] if seen else np.zeros(families, WINDOW)
        told = self.trace if self.options.allocation.demand.kind == "future" else None
        return View(self.engine.system, int(run["window"]) if seen else -1,
                    device["target"].astype(int), device["level"].astype(int),
                    device["running"] != NONE, self.arrivals[e][:seen], last, told)

    def _drain(self) -> None:
        """Move what the kernels logged to the host."""
        log = self.log
        for e in range(self.engine.envs):
            n = int(log.length[e])
            if n:
                family = np.asarray(log.family[e, :n]).view(WINDOW).copy()
                self.parts[e].append((family, log.busy[e, :n].copy(), log.target[e, :n].copy(),
                                      log.moved[e, :n].copy()))
                self._remember(e, family["arrivals"])
        log.length[:] = 0

    def _remember(self, e: int, arrivals: np.ndarray) -> None:
        """Append to the arrivals that planners see; the room doubles when it is full."""
        seen, n = self.seen[e], len(arrivals)
        if seen + n > len(self.arrivals[e]):
            room = np.zeros((2 * (seen + n), arrivals.shape[1]), np.int64)
            room[:seen] = self.arrivals[e][:seen]
            self.arrivals[e] = room
        self.arrivals[e][seen:seen + n] = arrivals
        self.seen[e] += n

    def _result(self, e: int) -> Run:
        run = self.engine.block["run"][e]
        windows, busy, target, moved = (np.concatenate(p) for p in zip(*self.parts[e], strict=True))
        return Run(self.engine.system, self.seeds[e], records_of(self.engine, self.trace, e),
                   windows, busy, target, moved, float(run["now"]), int(run["reallocations"]),
                   int(run["loads"]), int(run["qos_missed"]), self.planners[e].solves)


def records_of(engine: Engine, trace: Trace, e: int) -> np.ndarray:
    """One record per request that arrived in the run of replica `e`."""
    run = engine.block["run"][e]
    first, count = int(run["first"]), int(run["cursor"] - run["first"])
    rows = slice(first, first + count)
    out, request = engine.outcome[e, :count], np.asarray(engine.work.request)[rows]
    table = np.zeros(count, RECORD)
    table["request"] = np.arange(count)
    table["family"], table["qos"] = request["family"], request["qos"]
    table["arrival_ms"] = request["arrival"] - run["offset"]
    table["slo_ms"] = request["slo"]
    for name, column in (("device", "host"), ("variant", "variant"), ("start_ms", "start"),
                         ("finish_ms", "finish"), ("status", "status")):
        table[name] = out[column]
    return table
