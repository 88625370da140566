"""Whole runs: replay a trace under the options of a scenario and keep every record.

    run = simulate(load_scenario("philly-32"), trace)
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from envs.cluster.decision_view import view_of
from envs.cluster.engine import Engine
from envs.cluster.lookahead import Lookahead
from envs.cluster.planning import make_elastic, make_share
from envs.cluster.recorder import Recorder, Run
from envs.cluster.replay import Trace
from envs.cluster.rules import hosts
from envs.cluster.scenario import Scenario
from envs.cluster.state import ALLOCATE, LOG_FULL, MILLION, OVER, SWITCH
from envs.cluster.system import System, bind
from envs.cluster.units import us
from envs.cluster.work import make_work


def simulate(scenario: Scenario, trace: Trace, *, seed: int | None = None,
             system: System | None = None, user: int = 0) -> Run:
    """One run; `seed` defaults to option `seed`. Raises `TraceError` or `ScenarioError`.

    `user` is the address of a compiled order policy (policy.py).
    """
    seed = scenario.options.seed if seed is None else seed
    return simulate_batch(scenario, trace, [seed], system=system, user=user)[0]


def simulate_batch(scenario: Scenario, trace: Trace, seeds: Sequence[int], *, threads: int = 1,
                   system: System | None = None, user: int = 0,
                   planners: Sequence[Any] | None = None) -> list[Run]:
    """One run per seed of the same trace, replayed together.

    `planners` replace the solvers of `share` or `elastic`: one object per seed.
    """
    system = bind(scenario, trace) if system is None else system
    options = system.scenario.options
    candidates = () if options.lookahead is None else options.lookahead.candidates
    work = make_work(system, recorded=True, user=user, candidates=candidates)
    engine = Engine(system, work, len(seeds), threads=threads)
    replay = _Replay(engine, list(seeds), planners)
    return replay.run()


class _Replay:
    """Kernels and host in turn, until every replica is over."""

    def __init__(self, engine: Engine, seeds: list[int], planners: Sequence[Any] | None):
        self.engine, self.seeds, self.recorder = engine, seeds, Recorder(engine)
        system = engine.system
        options, envs = system.scenario.options, engine.envs
        make = make_share if options.share is not None else make_elastic
        solving = options.share is not None or (options.elastic is not None
                                                and options.elastic.policy != "optimus")
        self.planners = list(planners or ([make(system) for _ in seeds] if solving else ()))
        self.lookahead = None if options.lookahead is None else Lookahead(engine)
        self.choices: list[list[tuple[int, int]]] = [[] for _ in range(envs)]

    def run(self) -> list[Run]:
        self._begin()
        while True:
            codes = self.engine.run().copy()
            for e in np.flatnonzero(codes == LOG_FULL):
                self.recorder.drain(e)
            for e in np.flatnonzero(codes == SWITCH):
                self.choices[e].append(self.lookahead.switch(e))
            for e in np.flatnonzero(codes == ALLOCATE):
                self._allocate(e)
            if (codes == OVER).all():
                return [self._result(e) for e in range(self.engine.envs)]

    def _begin(self) -> None:
        envs, n = self.engine.envs, len(self.engine.system.work)
        options, one = self.engine.system.scenario.options, np.ones(envs, np.int64)
        first, last = options.track or (0, n - 1)
        self.engine.reset(np.ones(envs, bool), np.array(self.seeds, np.uint64), 0 * one, n * one,
                          track=(first * one, last * one), until=us(options.until_s) * one)
        if self.lookahead is not None:
            self.engine.block["run"]["next_switch"] = 0

    def _allocate(self, e: int) -> None:
        """Shares, or types and sizes, from a solver."""
        view, planner = view_of(self.engine, e), self.planners[e]
        state = self.engine.state
        if self.engine.system.scenario.options.share is not None:
            shares = np.floor(MILLION * planner.shares(view) + 0.5).astype(np.int64)
            self.engine.block["pair"]["share"][e, view.job] = shares
            hosts.accept_shares(state, e)
            return
        gpu_type, gpus = planner.allocate(view)
        hosts.accept_sizes(state, e, np.asarray(view.job, np.int64),
                           np.asarray(gpu_type, np.int64), np.asarray(gpus, np.int64))

    def _result(self, e: int) -> Run:
        solves = self.planners[e].solves if self.planners else []
        return self.recorder.run_of(e, self.seeds[e], choices=self.choices[e], solves=solves)
