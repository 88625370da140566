"""What is kept of a run: how the job stood at every decision and at its end."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from envs.net2net.cells import Architecture, Cell
from envs.net2net.engine import Engine
from envs.net2net.state import MOMENT

if TYPE_CHECKING:
    from envs.net2net.cases import Case
    from envs.net2net.scenario import Scenario


@dataclass
class Run:
    """A whole job; times in ms unless named."""

    case: Case
    scenario: Scenario
    taken: np.ndarray               # (D,) actions that counted
    states: np.ndarray              # (D + 1,) MOMENT: before each decision, then the end
    architecture: Architecture      # at the end
    test_accuracy: float            # nan where it is not known
    # live: what the model and, if the cell is recorded, the table say of the same actions
    predicted: np.ndarray | None = None
    tabled: np.ndarray | None = None
    real_seconds: np.ndarray = field(default_factory=lambda: np.zeros(0))   # (D + 1,) live

    @property
    def cell(self) -> Cell:
        """The job's cell."""
        return self.case.cell

    @property
    def node(self) -> int:
        """Heap number of the leaf."""
        return self.cell.node_of(self.taken)

    @property
    def gpu_seconds(self) -> float:
        """GPU time of steps and edits."""
        return float(self.states["gpu_ms"][-1]) / 1e3

    @property
    def parameters(self) -> int:
        """Of the network at the end."""
        return int(self.states["parameters"][-1])

    @property
    def macs(self) -> int:
        """Of the network at the end, for one sample."""
        return int(self.states["macs"][-1])

    @property
    def steps(self) -> int | None:
        """Trained steps; None where a recording does not tell."""
        trained = self.states["steps"][-1]
        return None if np.isnan(trained) else int(trained)


class Recorder:
    """Keeps the moments of every replica's episode."""

    def __init__(self, engine: Engine):
        decisions = engine.system.first.depth_of_tree
        self.engine = engine
        self.moment = np.zeros((engine.envs, decisions + 1), MOMENT)

    def begin(self, chosen: np.ndarray) -> None:
        """Enter what is past of jobs that were taken up again."""
        for e in np.flatnonzero(chosen):
            for j, moment in enumerate(self.engine.past(e)):
                self.moment[e, j] = moment

    def note(self, chosen: np.ndarray) -> None:
        """How the chosen replicas stand before the decision that they are at, or at the end."""
        rows = np.flatnonzero(chosen)
        self.moment[rows, self.engine.block["run"]["decision"][rows]] = self.engine.note()[rows]

    def states(self, e: int) -> np.ndarray:
        """The moments of replica `e` up to now."""
        return self.moment[e, :int(self.engine.block["run"]["decision"][e]) + 1].copy()


def recorded_steps(case: Case, taken: np.ndarray) -> np.ndarray:
    """What a recording says before and after each action, one more; nan where it says nothing."""
    nodes = [case.cell.node_of(taken[:j]) for j in range(len(taken) + 1)]
    told = np.concatenate([records["steps"][case.row] for records in
                           (case.table.nodes, case.table.leaves)])
    return told[nodes]


def test_accuracy(case: Case, node: int) -> float:
    """What a recording says of a leaf by its heap number; nan without one."""
    if case.backend != "tabular":
        return float("nan")
    return float(case.table.leaves["test_accuracy"][case.row, node - case.cell.nodes])


def test_accuracies(engine: Engine, over: np.ndarray) -> np.ndarray:
    """Test accuracies of the replicas that have ended, in their order; nan without a table."""
    if engine.system.rules.backend == "live":
        return np.array([engine.measured(e)[0] for e in np.flatnonzero(over)])
    if engine.system.rules.backend == "parametric":
        return np.full(over.sum(), np.nan)
    return _of_leaves(engine, over, "test_accuracy")


def trained_steps(engine: Engine, over: np.ndarray) -> np.ndarray:
    """Steps of the replicas that have ended, in their order; nan where a table has none."""
    if engine.system.rules.backend == "tabular":
        return _of_leaves(engine, over, "steps")
    return engine.block["run"]["steps"][over].astype(float)


def _of_leaves(engine: Engine, over: np.ndarray, name: str) -> np.ndarray:
    run, jobs = engine.block["run"][over], engine.system.jobs
    return np.array([jobs[c].table.leaves[name][r, n - jobs[c].cell.nodes]
                     for c, r, n in zip(run["cell"], run["row"], run["node"], strict=True)])
