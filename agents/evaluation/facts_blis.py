"""How the planners of a `blis` comparison planned: a comparison without solver and gap is void."""
from __future__ import annotations

from importlib.metadata import version
from typing import Any

from agents.evaluation.report import SOLVED, Table, solver_cells
from agents.evaluation.standings import Comparison

HEADINGS = ("contender", "allocation", "period", "delay", "gap asked", *SOLVED)


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
    return [asked.policy, "default" if asked.period is None else str(asked.period),
            str(asked.delay_windows), f"{asked.gap:g}", *solver_cells(solves)]
