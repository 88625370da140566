"""What must be said beside tables of `net2net`, and further tables: cells, means over seeds."""
from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from agents.evaluation import report
from agents.evaluation.standings import Comparison
from envs.core.errors import SuiteError
from envs.net2net.cases import Case
from envs.net2net.cells import Cell
from envs.net2net.metrics import Reference, of_seeds, reference
from envs.net2net.replay import Table, read_recording
from envs.net2net.scenario import Scenario
from envs.net2net.theta import FittedSet, theta_for

CELLS = ("cell", "back-end", "seeds", "train/validation/test", "accuracy", "never", "mean",
         "oracle", "band of a mean", "fit: rank correlation", "ceiling", "fit: RMSE")
NOTE = ("never, mean of all sequences and best one by the mean over the seeds compared; band: how "
        "far apart two means may lie by chance; fit: Spearman's correlation of leaves with seeds "
        "not fitted, and between halves of the seeds (ceiling); RMSE of final errors")
QUALITY = (("spearman_held_out", 2), ("spearman_halves", 2), ("final_rmse", 4))


def by_cell(comparison: Comparison) -> dict[Cell, list[Case]]:
    """The cases of every cell, in order."""
    found: dict[Cell, list[Case]] = {}
    for window in comparison.windows:
        found.setdefault(window.trace.cell, []).append(window.trace)
    return found


def reported(case: Case) -> str:
    """Which accuracy the scores of a case are of: test where it is recorded."""
    return "val" if case.table is None else "test"


def remarks(comparison: Comparison) -> list[str]:
    """Seeds, whether parts are apart, which accuracy is scored, how well curves fit."""
    cells = by_cell(comparison)
    tables = [cases[0].table for cases in cells.values() if cases[0].table is not None]
    said = []
    if len(tables) < len(cells):
        said.append("cells without a recording are scored by validation accuracy against the "
                    "model without noise, so that noise can lift a score above 1")
    trained = [table for table in tables if table.test_apart]
    if trained:
        said.append(_recorded(trained))
    if len(trained) < len(tables):
        said.append("published tables have one seed and one accuracy, which is that of training, "
                    "validation and test: ranks within the band are not distinguishable")
    return [*said, *_fits(cells, _sets(comparison.scenario))]


def _recorded(tables: list[Table]) -> str:
    """How many seeds, and whether those that are scored were kept apart."""
    seeds = _range([len(table.seeds) for table in tables], 0)
    joined = [table.cell.name for table in tables if not table.apart]
    apart = ("validation and test seeds apart from those of training" if not joined else
             f"too few seeds to keep training, validation and test apart: {', '.join(joined)}")
    return f"recorded: {seeds} seeds a cell, {apart}; scores are of the test accuracy"


def _fits(cells: Iterable[Cell], sets: Mapping[str, FittedSet]) -> list[str]:
    """Rank correlations of the fitted curves, and what two halves of the seeds reach."""
    found = []
    for same, on in ((False, "with seeds not fitted"), (True, "with the very seeds fitted")):
        known = [q for cell in cells if (q := _fit(cell, sets)).get("same") is same
                 and q.get("spearman_held_out") is not None]
        if known:
            ceiling = [q["spearman_halves"] for q in known if q.get("spearman_halves") is not None]
            beside = f" (two halves of the seeds: {_range(ceiling, 2)})" if ceiling else ""
            ranks = _range([q["spearman_held_out"] for q in known], 2)
            found.append(f"fitted curves: rank correlation {ranks} {on}{beside}")
    return found


def _range(numbers: Iterable[float], digits: int) -> str:
    """`8` or `3 to 8`."""
    known = sorted({f"{number:.{digits}f}" for number in numbers}, key=float)
    return known[0] if len(known) == 1 else f"{known[0]} to {known[-1]}"


def mean_reference(cases: list[Case], scenario: Scenario) -> Reference | None:
    """Of the means over the seeds that were compared."""
    found = [reference(case, scenario, reported(case)) for case in cases]
    if any(one is None for one in found):
        return None
    return of_seeds(cases[0].cell, np.stack([one.values for one in found]))


def cell_table(comparison: Comparison) -> report.Table:
    """A row per cell: seeds, what sequences reach in the mean over them, quality of the fit."""
    sets = _sets(comparison.scenario)
    rows = []
    for cell, cases in by_cell(comparison).items():
        table, known = cases[0].table, mean_reference(cases, comparison.scenario)
        split = "-" if table is None else "/".join(
            str(len(table.split[part])) for part in ("train", "validation", "test"))
        values = ["-"] * 4 if known is None else [
            f"{x:.4f}" for x in (known.never, known.mean, known.oracle, known.noise)]
        rows.append([cell.name, cases[0].backend, "-" if table is None else str(len(table.seeds)),
                     split, {"val": "validation", "test": "test"}[reported(cases[0])], *values,
                     *_quality(_fit(cell, sets))])
    return report.Table("cells", CELLS, rows, NOTE)


def _quality(fit: Mapping[str, Any]) -> list[str]:
    """Rank correlation, ceiling and RMSE as the table has them."""
    rank, *rest = (_number(fit.get(key), digits) for key, digits in QUALITY)
    return [f"{rank} (fitted seeds)" if fit.get("same") else rank, *rest]


def _sets(scenario: Scenario) -> Mapping[str, FittedSet]:
    try:
        return scenario.thetas
    except SuiteError:
        return {}


def _fit(cell: Cell, sets: Mapping[str, FittedSet]) -> Mapping[str, Any]:
    """Quality of the set that speaks for a cell at its budget, and whether it was checked on the
    `same` seeds; empty where none is known."""
    try:
        fit = theta_for(cell, sets).fit
    except SuiteError:
        return {}
    same = bool(set(fit.get("fit_seeds", ())) & set(fit.get("held_out_seeds", ())))
    return next(({**b, "same": same} for b in fit.get("budgets", ())
                 if b.get("budget_ms") == cell.budget_ms), {})


def mean_table(comparison: Comparison) -> report.Table:
    """Per contender and cell the mean accuracy over the seeds and its rank with the band."""
    cells = by_cell(comparison)
    known = {cell: mean_reference(cases, comparison.scenario) for cell, cases in cells.items()}
    rows = []
    for standing in comparison.standings():
        mine = comparison.of(standing.contender.name)
        rows.append([standing.contender.name, *(
            _ranked([o.metrics[f"{reported(cases[0])}_accuracy"] for o in mine
                     if o.digest and o.digest.case.cell == cell], known[cell])
            for cell, cases in cells.items())])
    return report.Table("means over seeds", ["contender", *(cell.name for cell in cells)], rows,
                 "accuracy, rank of that mean among the means of all sequences, and its band")


def _ranked(values: list[float | None], known: Reference | None) -> str:
    if not values or any(v is None for v in values):
        return "-"
    mean = float(np.mean(values))
    if known is None:
        return f"{mean:.4f}"
    # Means of equal numbers in another order differ in the last digit.
    close = known.values[np.abs(known.values - mean) < 1e-12]
    at = float(close[0]) if len(close) else mean
    low, high = known.band(at)
    return f"{mean:.4f}, {known.rank(at)} [{low}-{high}]"


def _number(value: Any, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def sources(scenario: Scenario) -> str:
    """Hash of the fitted curves and recordings, which decide what contenders are told."""
    recorded = [read_recording(path).manifest for path in scenario.options.tables]
    return hashlib.sha256(repr((dict(_sets(scenario)), recorded)).encode()).hexdigest()
