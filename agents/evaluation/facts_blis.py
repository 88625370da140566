"""How the planners of a `blis` comparison planned: a comparison without solver and gap is void."""
from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np

from agents.evaluation.report import Table
from agents.evaluation.standings import Comparison

HEADINGS = ("contender", "allocation", "period", "delay", "gap asked", "solves", "optimal (%)",
            "worst gap", "mean (ms)", "max (ms)")


def planning_table(comparison: Comparison) -> Table:
    """A row per contender that solved programs."""
    rows = []
    for contender in comparison.contenders:
        digests = [o.digest for o in comparison.of(contender.name) if o.digest]
        solves = [s for d in digests for s in d.solves]
        if solves:
            rows.append([contender.name, *_row(digests[0].system.scenario, solves)])
    note = f"HiGHS through OR-Tools MathOpt, OR-Tools {version('ortools')}; periods and delays " \
           "in control windows"
    return Table("planning", HEADINGS, rows, note)


def _row(scenario: Any, solves: list[dict[str, Any]]) -> list[str]:
    asked = scenario.options.allocation
    seconds = np.array([s["seconds"] for s in solves])
    optimal = np.mean([s["status"] == "optimal" for s in solves])
    gaps = [s["gap"] for s in solves if s["gap"] is not None]
    return [asked.policy, "default" if asked.period is None else str(asked.period),
            str(asked.delay_windows), f"{asked.gap:g}", str(len(solves)), f"{100 * optimal:.1f}",
            f"{max(gaps):.1e}" if gaps else "-", f"{1000 * seconds.mean():.0f}",
            f"{1000 * seconds.max():.0f}"]
