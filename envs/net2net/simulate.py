"""Whole jobs: play a case under the baseline of a scenario, a player or given actions.

    run = simulate(load_scenario("depth"), case, sequence=(2, 0, 0))
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from envs.core.files import path_of
from envs.net2net.binding import bind_cells, maybe_fitted, setup_of
from envs.net2net.cases import Case
from envs.net2net.draws import STREAMS, h
from envs.net2net.engine import Engine
from envs.net2net.recorder import Recorder, Run, recorded_steps, test_accuracy
from envs.net2net.scenario import Scenario
from envs.net2net.system import System
from envs.net2net.view import View

if TYPE_CHECKING:
    from envs.net2net.live import LiveEngine


class Plays(Protocol):
    """What decides for a job."""

    def begin(self, case: Case) -> None:
        """A new job begins."""

    def act(self, view: View) -> int:
        """The action at a decision."""


class Sequenced:
    """Takes given actions."""

    def __init__(self, sequence: Sequence[int]):
        self.sequence = [int(a) for a in sequence]

    def begin(self, case: Case) -> None:
        """Nothing to prepare."""

    def act(self, view: View) -> int:
        """The next of them."""
        return self.sequence[view.decision]


def simulate(scenario: Scenario, case: Case, *, player: Plays | None = None,
             sequence: Sequence[int] | None = None, seed: int = 0) -> Run:
    """One job; `player` defaults to the scenario's `policy`, `seed` is behind its own draws.

    Raises `ScenarioError` where the back-end cannot play the case.
    """
    if sequence is not None:
        player = Sequenced(sequence)
    elif player is None:
        from envs.net2net.players import make_player

        player = make_player(scenario.options.policy, scenario)
    system = bind_cells(scenario, case.backend, [case.cell], [case.table])
    engine = make_engine(system, scenario)
    recorder, one = Recorder(engine), np.ones(1, bool)
    engine.begin(one, np.zeros(1), np.array([max(0, case.row)]), np.array([case.seed], np.uint64))
    recorder.begin(one)
    player.begin(case)
    x = seed_of_draws(case, seed)
    while engine.block["run"]["decision"][0] < case.cell.depth_of_tree:
        view = look(engine, recorder, case, x)
        engine.play(one, np.array([player.act(view)]))
    recorder.note(one)
    run = run_of(engine, recorder, scenario, case, 0)
    engine.close()
    return run


def make_engine(system: System, scenario: Scenario, envs: int = 1, threads: int = 1
                ) -> Engine | LiveEngine:
    """The engine of a back-end; that of `live` needs torch and scikit-learn."""
    if system.rules.backend != "live":
        return Engine(system, envs, threads=threads)
    from envs.net2net.live import LiveEngine

    keep = scenario.options.keep
    return LiveEngine(system, envs, clock=scenario.options.clock,
                      folder=None if keep is None else path_of(keep))


def seed_of_draws(case: Case, seed: int) -> int:
    """x: what is behind a player's own draws in a case."""
    return case.seed if case.backend == "parametric" and seed == 0 else int(
        h(case.seed, STREAMS["episode"], seed))


def look(engine: Engine, recorder: Recorder, case: Case, x: int, e: int = 0) -> View:
    """What a player sees of replica `e`; it is recorded."""
    active = np.arange(engine.envs) == e
    observation, mask = engine.look(active)
    recorder.note(active)
    run, states = engine.block["run"][e], recorder.states(e)
    j = int(run["decision"])
    accuracies, clocks = (tuple(states[name].tolist()) for name in ("val_accuracy", "clock"))
    return View(case, j, float(run["clock"]), int(run["node"]),
                tuple(engine.taken[e, :j].tolist()), mask[e], accuracies, clocks,
                int(states["gpus"][-1]),
                tuple(tuple(stage) for stage in engine.architecture[e].tolist()), x,
                observation[e])


def run_of(engine: Engine, recorder: Recorder, scenario: Scenario, case: Case, e: int) -> Run:
    """The run of replica `e`, whose job has ended."""
    taken, states = engine.taken[e], recorder.states(e)
    if case.backend == "tabular":
        states["steps"] = recorded_steps(case, taken[:len(states) - 1])
    architecture = tuple(tuple(stage) for stage in engine.architecture[e].tolist())
    run = Run(case, scenario, taken, states, architecture,
              test_accuracy(case, case.cell.node_of(taken)))
    if case.backend == "live":
        run.test_accuracy, run.real_seconds = engine.measured(e)
        run.predicted, run.tabled = predicted(scenario, case, taken), tabled(scenario, case, taken)
    return run


def predicted(scenario: Scenario, case: Case, taken: np.ndarray) -> np.ndarray | None:
    """What the fitted model says of these actions; None without a fit of the cell."""
    if maybe_fitted(scenario, case.cell) is None:
        return None
    return _replayed(setup_of(scenario, case).system(), taken, 0)


def tabled(scenario: Scenario, case: Case, taken: np.ndarray) -> np.ndarray | None:
    """What the recording of the cell and seed says; None without one."""
    if case.table is None or case.row < 0:
        return None
    if not case.table.recorded[case.cell.leaf_of(taken)]:
        return None
    return _replayed(bind_cells(scenario, "tabular", [case.cell], [case.table]), taken, case.row)


def _replayed(system: System, taken: np.ndarray, row: int) -> np.ndarray:
    engine = Engine(system)
    engine.begin(np.ones(1, bool), np.zeros(1), np.array([row]), np.zeros(1))
    return engine.replay(taken[None])[0]
