"""What is known of a cell's sequences before an evaluation: accuracies on the training seeds."""
from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from envs.core.errors import ScenarioError
from envs.net2net.binding import fitted_of
from envs.net2net.cells import PROFILES, Cell
from envs.net2net.leaves import mean_of
from envs.net2net.model import Setup, tree
from envs.net2net.planning.planner import MOST_SEQUENCES
from envs.net2net.replay import Table
from envs.net2net.system import ALWAYS_ONE

if TYPE_CHECKING:
    from envs.net2net.cases import Case
    from envs.net2net.scenario import Scenario


@dataclass(frozen=True, eq=False)
class Values:
    """Validation accuracies of a cell; nan where a sequence is masked or a node not measured."""

    cell: Cell
    leaf: np.ndarray            # (L,) means over the seeds
    by_seed: np.ndarray         # (n, L)
    node_accuracy: np.ndarray   # (N,) means over the seeds

    def allowed(self) -> np.ndarray:
        """int8 (N, A): 1 where a known sequence goes on."""
        levels, known = [], np.isfinite(self.leaf)
        while known.size > 1:
            levels.append(known.reshape(-1, self.cell.actions))
            known = levels[-1].any(axis=1)
        return np.concatenate(levels[::-1]).astype(np.int8)

    def below(self, j: int) -> np.ndarray:
        """The leaves as (A^j, A, rest): by history, action of decision j, and what follows."""
        return self.leaf.reshape(self.cell.actions**j, self.cell.actions, -1)


def values_of(cell: Cell, scenario: Scenario, table: Table | None = None) -> Values:
    """Of the training seeds of `table`, else of the scenario's recordings, else of the model.

    The model is that of the shipped fit without noise. Raises `ScenarioError` where a cell has
    neither, or too many sequences for the model.
    """
    table = table or scenario.table_of(cell)
    if table is not None:
        return _of_table(table)
    if cell.leaves > MOST_SEQUENCES:
        raise ScenarioError(f"{cell.name} has {cell.leaves} sequences, too many to value each",
                            "policy", "use planner")
    return _of_model(believed(cell, scenario))


def known_of(case: Case, scenario: Scenario) -> Values:
    """What is known of a case's cell; means shown in place of seeds tell nothing beforehand."""
    table = scenario.table_of(case.cell) if case.mean else None
    return values_of(case.cell, scenario, table or case.table)


def believed(cell: Cell, scenario: Scenario, table: Table | None = None) -> Setup:
    """The job as the shipped fit tells it; under a table, on the GPU that it was recorded on."""
    options, theta = scenario.options, fitted_of(scenario, cell).theta
    setup = Setup(cell, theta, options.gpu_timeline, options.profile, options.jump_grow,
                  options.jump_undo, max_parameters=options.max_parameters)
    if table is None:
        return setup
    return replace(setup, timeline=ALWAYS_ONE, profile=PROFILES[table.profile])


@lru_cache(64)
def _of_table(table: Table) -> Values:
    rows = list(table.split["train"])
    leaf = np.where(table.recorded, table.leaves["val_accuracy"], np.nan)[rows]
    return Values(table.cell, mean_of(leaf, 0), leaf,
                  mean_of(table.nodes["val_accuracy"][rows], 0))


@lru_cache(64)
def _of_model(setup: Setup) -> Values:
    leaf, node = tree(setup)
    return Values(setup.cell, leaf, leaf[None], node)
