"""Sequences chosen when a job begins: constants, across cells, by plan, by search, by hindsight."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from envs.core.errors import ScenarioError
from envs.net2net.binding import fitted_of, setup_of
from envs.net2net.cells import Cell
from envs.net2net.draws import STREAMS, below, perm
from envs.net2net.leaves import best_leaf, best_together, mean_of, normalised
from envs.net2net.model import tree as model_tree
from envs.net2net.planning.planner import plan
from envs.net2net.players.player import usual_action
from envs.net2net.players.values import believed, known_of, values_of

if TYPE_CHECKING:
    from envs.net2net.cases import Case
    from envs.net2net.scenario import Scenario

PARTS = ("test", "validation", "train")


def at_decisions(cell: Cell, chosen: Callable[[int], bool], action: int | None) -> list[int]:
    """An action at some decisions, none at the others."""
    action = usual_action(cell) if action is None else action
    return [action if chosen(j) else 0 for j in range(cell.depth_of_tree)]


def best_fixed(case: Case, scenario: Scenario) -> tuple[int, ...]:
    """The sequence with the best mean over the scenario's cells of the same budget."""
    leaves = [leaf for cell, leaf in _leaves(case, scenario) if
              cell.budget_ms == case.cell.budget_ms]
    return case.cell.sequence_of(best_together(leaves))


def best_constant(case: Case, scenario: Scenario) -> tuple[int, ...]:
    """The sequence with the best mean normalised score over all cells of the scenario."""
    leaves = [normalised(leaf) for _, leaf in _leaves(case, scenario)]
    return case.cell.sequence_of(best_together(leaves))


def _leaves(case: Case, scenario: Scenario) -> list[tuple[Cell, np.ndarray]]:
    """Values of the leaves of every cell, that of the case among them."""
    others = [cell for cell in scenario.cells if cell != case.cell]
    return [(case.cell, known_of(case, scenario).leaf),
            *((cell, values_of(cell, scenario).leaf) for cell in others)]


def planner(case: Case, scenario: Scenario) -> tuple[int, ...]:
    """The plan on the shipped fit of the cell."""
    table = case.table if case.backend == "tabular" else None
    return plan(believed(case.cell, scenario, table)).sequence


def random_search(case: Case, scenario: Scenario, count: int) -> tuple[int, ...]:
    """The best of some sequences by one training seed, both drawn from the case's seed."""
    values = known_of(case, scenario)
    row = values.by_seed[below(len(values.by_seed), case.seed, STREAMS["random"])]
    order = perm(len(row), case.seed, STREAMS["random"])
    tried = np.zeros(len(row), bool)
    tried[order[np.isfinite(row[order])][:count]] = True
    return case.cell.sequence_of(best_leaf(np.where(tried, row, np.nan)))


def held_out_oracle(case: Case, scenario: Scenario) -> tuple[int, ...]:
    """The best mean validation accuracy of the other recorded seeds; else of the model."""
    if case.table is None:
        return _best(case, values_of(case.cell, scenario).leaf)
    others = [row for row in range(len(case.table.seeds)) if row != case.row]
    if not others:
        raise ScenarioError(f"{case.cell.name} has one seed, and there is no other to choose by",
                            "policy", "leave held_out_oracle out")
    return _best(case, _recorded(case, others, "val_accuracy"))


def tree(case: Case, scenario: Scenario) -> tuple[int, ...]:
    """The best mean of the reported accuracy over the seeds of the case's part.

    Actions see nothing of the seed, so backward induction ends at the best leaf of the means.
    """
    if case.table is None:
        return _best(case, values_of(case.cell, scenario).leaf)
    split = case.table.split
    part = next((p for p in PARTS if case.row in split[p]), PARTS[0])
    return _best(case, _recorded(case, split[part], "test_accuracy"))


def oracle(case: Case, scenario: Scenario) -> tuple[int, ...]:
    """The best reported accuracy of the very seed, with its noise."""
    if case.table is not None and case.row >= 0:
        return _best(case, _recorded(case, [case.row], "test_accuracy"))
    noise = scenario.options.noise
    noise = fitted_of(scenario, case.cell).noise if noise == "shipped" else noise
    return _best(case, model_tree(replace(setup_of(scenario, case), noise=noise), case.seed).leaf)


def _recorded(case: Case, rows: Sequence[int], accuracy: str) -> np.ndarray:
    """Mean accuracies of all leaves over some seeds, (L,)."""
    return np.where(case.table.recorded, mean_of(case.table.leaves[accuracy][list(rows)], 0),
                    np.nan)


def _best(case: Case, leaf: np.ndarray) -> tuple[int, ...]:
    return case.cell.sequence_of(best_leaf(leaf))
