"""A run beside all sequences of its cell: normalised score, regret, rank with its noise band.

What is undefined is None: test accuracies of the parametric back-end, scores where every sequence
is equally good, everything relative where there are too many sequences to know.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from envs.net2net.cells import Cell, edits_of
from envs.net2net.leaves import TIE

if TYPE_CHECKING:
    from envs.net2net.cases import Case
    from envs.net2net.model import Setup
    from envs.net2net.recorder import Run
    from envs.net2net.replay import Table
    from envs.net2net.scenario import Scenario

MOST_LEAVES = 100_000       # sequences up to which a cell without a table is searched
PARTS = ("val", "test")


@dataclass(frozen=True, eq=False)
class Reference:
    """What the sequences of a cell reach under one seed, fractions."""

    never: float
    mean: float
    oracle: float
    values: np.ndarray          # (L,), nan where masked or not recorded
    noise: float                # half width of the band: sequences this close are one

    @classmethod
    def of(cls, values: np.ndarray, noise: float) -> Reference:
        """From the accuracies of all leaves."""
        known = values[np.isfinite(values)]
        return cls(float(values[0]), float(known.mean()), float(known.max()), values, noise)

    def normalised(self, accuracy: float) -> float | None:
        """0 for the mean of all sequences, 1 for the best; None if these are equal."""
        span = self.oracle - self.mean
        return (accuracy - self.mean) / span if span > TIE else None

    def rank(self, accuracy: float) -> int:
        """1 and the number of sequences above."""
        return 1 + int((self.values > accuracy).sum())

    def band(self, accuracy: float) -> tuple[int, int]:
        """The ranks that noise could have given."""
        above = int((self.values > accuracy + self.noise).sum())
        return 1 + above, max(1, int((self.values >= accuracy - self.noise).sum()))


def reference(case: Case, scenario: Scenario, accuracy: str = "val") -> Reference | None:
    """Of the recorded seed, else of the model without noise; None where neither is known.

    `accuracy` is val or test; the model has no test accuracy.
    """
    if case.mean:
        table = scenario.table_of(case.cell)
        return _of_table(table, tuple(table.split[scenario.options.split or "test"]), accuracy)
    if case.table is not None:
        return _of_table(case.table, (case.row,), accuracy)
    if accuracy == "test" or case.cell.leaves > MOST_LEAVES:
        return None
    from envs.net2net.binding import setup_of

    return _of_model(setup_of(scenario, case), case.seed)


@lru_cache(maxsize=1024)
def _of_table(table: Table, rows: tuple[int, ...], accuracy: str) -> Reference:
    found = table.leaves[f"{accuracy}_accuracy"][list(rows)]
    return of_seeds(table.cell, np.where(table.recorded, found, np.nan))


@lru_cache(maxsize=4096)
def _of_model(setup: Setup, seed: int) -> Reference:
    from envs.net2net.model import tree

    values = tree(setup, seed).leaf
    return Reference.of(values, order_noise(setup.cell, values))


def of_seeds(cell: Cell, values: np.ndarray) -> Reference:
    """Reference of the means of `values` (n, L) over seeds."""
    noise = order_noise(cell, values[0]) if len(values) == 1 else seed_noise(values)
    return Reference.of(values.mean(axis=0), noise)


def order_noise(cell: Cell, values: np.ndarray) -> float:
    """How far sequences with the same actions in another order lie apart, one seed.

    Root mean of the variances (n - 1) of the groups of more than one sequence.
    """
    label = _multisets(cell.actions, cell.depth_of_tree)
    known = np.isfinite(values)
    groups = [values[known & (label == g)] for g in range(label.max() + 1)]
    spread = [group.var(ddof=1) for group in groups if len(group) > 1]
    return float(np.sqrt(np.mean(spread))) if spread else 0.0


def seed_noise(values: np.ndarray) -> float:
    """Standard error of a leaf's mean over n seeds: (n, L) values, n >= 2."""
    return float(np.sqrt(np.nanmean(values.var(axis=0, ddof=1)) / len(values)))


@lru_cache
def _multisets(actions: int, decisions: int) -> np.ndarray:
    """(L,) number of the multiset of actions of every sequence."""
    digits = np.stack(np.unravel_index(np.arange(actions**decisions), (actions,) * decisions), 1)
    return np.unique(np.sort(digits, axis=1), axis=0, return_inverse=True)[1].ravel()


def edit_count(cell: Cell, sequence: Sequence[int]) -> int:
    """Single edits of a sequence."""
    return sum(len(edits_of(cell.action_set, int(a), cell.stages)) for a in sequence)


def metrics(run: Run) -> dict[str, Any]:
    """Every metric of a run; `normalised`, `regret`, `rank` are of the test accuracy where the
    cell is recorded, else of the validation accuracy; those ending in `_val` of the latter."""
    reported = "test" if run.case.table is not None else "val"
    values = {"val": known(run.states["val_accuracy"][-1]), "test": known(run.test_accuracy)}
    return {
        "val_accuracy": values["val"], "test_accuracy": values["test"],
        **_relative(run, reported, values[reported]),
        **{f"{name}_val": value for name, value in _relative(run, "val", values["val"]).items()
           if name in ("normalised", "regret")},
        "gpu_seconds": run.gpu_seconds, "parameters": run.parameters, "macs": run.macs,
        "steps": run.steps, "edits": edit_count(run.case.cell, run.taken),
        "clock_ms": float(run.states["clock"][-1]), **_missed(run),
    }


def _relative(run: Run, accuracy: str, value: float | None) -> dict[str, float | None]:
    known_ = reference(run.case, run.scenario, accuracy)
    if known_ is None or value is None:
        return dict.fromkeys(("normalised", "regret", "rank", "rank_low", "rank_high", "p_better"))
    low, high = known_.band(value)
    return {"normalised": known_.normalised(value), "regret": known_.oracle - value,
            "rank": known_.rank(value), "rank_low": low, "rank_high": high,
            "p_better": float(value > _never(run, known_))}


def _never(run: Run, known_: Reference) -> float:
    """What no edit gives in the very case: on the model with its noise, as the run has it."""
    if run.case.backend != "parametric":
        return known_.never
    from envs.net2net.binding import fitted_of, noise_of, setup_of

    noise = noise_of(run.scenario, fitted_of(run.scenario, run.case.cell))
    return _played_never(replace(setup_of(run.scenario, run.case), noise=noise), run.case.seed)


@lru_cache(maxsize=4096)
def _played_never(setup: Setup, seed: int) -> float:
    from envs.net2net.model import accuracy

    return accuracy(setup, [0] * setup.cell.depth_of_tree, seed)


def _missed(run: Run) -> dict[str, float | None]:
    """How far the final accuracy was predicted wrong; None without a prediction."""
    if run.predicted is None:
        return {"predicted": None, "prediction_error": None}
    told = known(run.predicted["val_accuracy"][-1])
    actual = known(run.states["val_accuracy"][-1])
    error = None if told is None or actual is None else abs(told - actual)
    return {"predicted": told, "prediction_error": error}


def known(value: float) -> float | None:
    """None for what was not measured."""
    return None if np.isnan(value) else float(value)
