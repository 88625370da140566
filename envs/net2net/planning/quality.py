"""Parameter sets from recordings, with how well they foretell the seeds that they did not see."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from envs.core.errors import ScenarioError, TraceError
from envs.net2net.manifest import FEWEST
from envs.net2net.planning.fitting import Points, fit, leaf_values, missed, points
from envs.net2net.replay import Table
from envs.net2net.theta import FittedSet, Noise, Theta

CHOICES = ("train", "even")
DIGITS = 4


def fit_sets(tables: Mapping[str, Table], seeds: str = "train") -> dict[str, FittedSet]:
    """A set per table, and a joint one per task and action set recorded at several budgets.

    `seeds`: fitted to the training seeds, or to those of even number (of fewer than four seeds, to
    all but the last). Published tables have no accuracies at decisions and are left out.
    """
    _check_installed()
    measured = [table for table in tables.values() if table.measured]
    if not measured:
        raise TraceError("no table has accuracies at decisions", "trace",
                         "published tables cannot be fitted; record one")
    single = {table.cell.name: fitted(table.cell.name, [table], seeds) for table in measured}
    groups: dict[str, list[Table]] = {}
    for table in measured:
        groups.setdefault(table.cell.joint, []).append(table)
    return {**single, **{name: fitted(name, group, seeds)
                         for name, group in groups.items() if len(group) > 1}}


def fitted(name: str, tables: Sequence[Table], seeds: str) -> FittedSet:
    """One set for all these tables, which are of one task and action set."""
    halves = [_halves(table, seeds) for table in tables]
    told = [points(table, rows) for table, (rows, _) in zip(tables, halves, strict=True)]
    held = [points(table, rows) for table, (_, rows) in zip(tables, halves, strict=True)]
    theta = fit(told)
    spread = [noise_of(table, rows if seeds == "train" else range(len(table.seeds)))
              for table, (rows, _) in zip(tables, halves, strict=True)]
    noise = Noise(*(round(float(np.mean(part)), DIGITS) for part in
                    ([one.run for one in spread], [one.curve for one in spread])))
    cell, (fit_rows, held_rows) = tables[0].cell, halves[0]
    report = {"fit_seeds": [tables[0].seeds[i] for i in fit_rows],
              "held_out_seeds": [tables[0].seeds[i] for i in held_rows],
              "budgets": [_quality(theta, table, data) for table, data
                          in zip(tables, held, strict=True)]}
    return FittedSet(name, cell.network, cell.action_set, cell.fractions, theta, noise, report)


def noise_of(table: Table, rows: Sequence[int]) -> Noise:
    """Spread of a seed's mean over leaves, and of single leaves beyond it; validation accuracy."""
    values = leaf_values(table)[list(rows)]
    values = values[:, np.isfinite(values).all(axis=0)]
    if len(values) < 2:
        return Noise()
    run = float(values.mean(axis=1).std(ddof=1))
    each = float(values.var(axis=0, ddof=1).mean())
    return Noise(run, max(0.0, each - run**2)**0.5)


def _halves(table: Table, seeds: str) -> tuple[list[int], list[int]]:
    """Positions of the seeds that are fitted, and of those that check."""
    if seeds == "even":
        return _two_halves(table)
    chosen = list(table.split["train"])
    return chosen, [i for i in range(len(table.seeds)) if i not in chosen] or chosen


def _two_halves(table: Table) -> tuple[list[int], list[int]]:
    """Even and odd seeds; of a few, all but the last, and the last."""
    count = len(table.seeds)
    if count < FEWEST:
        return list(range(max(1, count - 1))), [count - 1]
    even, odd = (np.flatnonzero(np.array(table.seeds) % 2 == parity).tolist() for parity in (0, 1))
    return even or odd, odd or even


def _quality(theta: Theta, table: Table, held: Points) -> dict[str, Any]:
    even, odd = _two_halves(table)
    values, missing = leaf_values(table), missed(theta, held)
    return {
        "budget_ms": table.cell.budget_ms,
        "curve_rmse": _rmse(missing), "final_rmse": _rmse(missing[:, -1]),
        "spearman_held_out": _spearman((missing + held.errors)[:, -1], held.leaves),
        "spearman_halves": _spearman(values[even].mean(axis=0), values[odd].mean(axis=0))
        if even != odd else None,
    }


def _check_installed() -> None:
    """scipy comes with the recordings' scikit-learn."""
    try:
        import scipy.optimize  # noqa: F401
    except ImportError:
        raise ScenarioError("fits need scipy", remedy="pip install -e .[net2net]") from None


def _rmse(missing: np.ndarray) -> float:
    return round(float(np.sqrt(np.nanmean(missing**2))), DIGITS)


def _spearman(a: np.ndarray, b: np.ndarray) -> float | None:
    """Rank correlation of the leaves; None where all of either are equal."""
    from scipy.stats import spearmanr

    known = np.isfinite(a) & np.isfinite(b)
    if min(len(np.unique(a[known])), len(np.unique(b[known]))) < 2:
        return None
    return round(float(spearmanr(a[known], b[known]).statistic), DIGITS)
