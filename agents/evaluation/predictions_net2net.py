"""What fitted curves and recordings say of live runs, beside what was measured."""
from __future__ import annotations

from typing import Any

import numpy as np

from agents.evaluation.report import Table
from agents.evaluation.standings import Comparison, Outcome

SOURCES = ("fitted curve", "recording")


def prediction_table(comparison: Comparison) -> Table:
    """A row per decision and end of every live run: predicted and measured accuracy and clock."""
    live = [o for o in comparison.outcomes if o.digest and o.digest.case.backend == "live"]
    headings = ["contender, case", "at", "action", "measured accuracy",
                *(f"by {name}" for name in SOURCES), "measured ms",
                *(f"ms by {name}" for name in SOURCES), "real s"]
    errors = {name: _errors(live, name) for name in SOURCES}
    told = [f"final accuracy by {name}: {np.mean(found):.4f} off in the mean"
            for name, found in errors.items() if found]
    rows = [row for outcome in live for row in _rows(outcome)]
    return Table("predicted and measured", headings, rows, "; ".join(told))


def _rows(outcome: Outcome) -> list[list[str]]:
    digest = outcome.digest
    count = len(digest.taken)
    rows = []
    for j, state in enumerate(digest.states):
        told = [digest.predictions[s][j] if s in digest.predictions else None for s in SOURCES]
        rows.append([
            f"{outcome.contender}, {outcome.window}" if j == 0 else "",
            f"decision {j}" if j < count else "end", str(digest.taken[j]) if j < count else "",
            _cell(state, "val_accuracy", 4), *(_cell(one, "val_accuracy", 4) for one in told),
            _cell(state, "clock", 1), *(_cell(one, "clock", 1) for one in told),
            f"{digest.real_seconds[j]:.2f}" if len(digest.real_seconds) > j else "-"])
    return rows


def _cell(state: Any, name: str, digits: int) -> str:
    return "-" if state is None or np.isnan(state[name]) else f"{state[name]:.{digits}f}"


def _errors(live: list[Outcome], source: str) -> list[float]:
    """How far the final validation accuracy was told wrong."""
    return [abs(o.digest.predictions[source]["val_accuracy"][-1]
                - o.digest.states["val_accuracy"][-1])
            for o in live if source in o.digest.predictions]
