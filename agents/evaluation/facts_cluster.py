"""Further tables of a `cluster` comparison: bounds, tenants, solvers."""
from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np

from agents.evaluation.report import SOLVED, Table, solver_cells
from agents.evaluation.standings import Comparison

SOLVERS = ("contender", "policy", *SOLVED)
MOST_TENANTS = 8


def bound_table(comparison: Comparison) -> Table:
    """Mean JCT that no policy can beat, and how far above it each contender is, per window."""
    windows = [w.name for w in comparison.windows]
    least = {o.window: o.digest.bounds for o in comparison.outcomes if o.digest}
    sizes = {w.name: len(w.trace) for w in comparison.windows}
    rows = []
    for kind, label in (("sum_jct_alone", "bound: alone"), ("sum_jct_area", "bound: area"),
                        ("sum_jct", "bound")):
        rows.append([label, *(f"{least[w][kind] / sizes[w] / 3600:.3f}" if w in least else "-"
                              for w in windows)])
    for standing in comparison.standings():
        mine = comparison.of(standing.contender.name)
        rows.append([standing.contender.name, *(_ratio(mine, w) for w in windows)])
    return Table("lower bounds", ["", *windows], rows,
                 "bounds of rigid jobs: mean JCT in hours; contenders: their mean JCT over the "
                 "bound (elastic ones: over that of elastic jobs), where every job finished")


def _ratio(outcomes: list[Any], window: str) -> str:
    found = [o.metrics.get("jct_over_bound") for o in outcomes if o.window == window]
    known = [r for r in found if r is not None]
    return f"{np.mean(known):.3f}" if known else "-"


def tenant_table(comparison: Comparison) -> Table:
    """Mean JCT of the tenants with the most jobs, over all windows; empty for one tenant."""
    jobs: dict[int, int] = {}
    for outcome in comparison.of(comparison.contenders[0].name):
        for tenant, figures in _tenants(outcome):
            jobs[tenant] = jobs.get(tenant, 0) + figures["jobs"]
    shown = sorted(jobs, key=lambda t: -jobs[t])[:MOST_TENANTS]
    headings = ["contender", *(f"tenant {t} ({jobs[t]} jobs)" for t in shown)]
    rows = [[s.contender.name, *(_of_tenant(comparison.of(s.contender.name), t) for t in shown)]
            for s in comparison.standings()] if len(jobs) > 1 else []
    return Table("tenants", headings, rows, "mean JCT in hours over the finished jobs")


def _tenants(outcome: Any) -> list[tuple[int, dict[str, Any]]]:
    """Tenant and its metrics; numbers are text where they went through a file."""
    return [(int(t), m) for t, m in outcome.metrics.get("per_tenant", {}).items()]


def _of_tenant(outcomes: list[Any], tenant: int) -> str:
    found = [m for o in outcomes for t, m in _tenants(o) if t == tenant and m["finished"]]
    done = sum(m["finished"] for m in found)
    return f"{sum(m['jct_mean'] * m['finished'] for m in found) / done / 3600:.2f}" if done else "-"


def planning_table(comparison: Comparison) -> Table:
    """A row per contender that solved programs: a comparison without solver and gap is void."""
    rows = []
    for contender in comparison.contenders:
        digests = [o.digest for o in comparison.of(contender.name) if o.digest]
        solves = [s for d in digests for s in d.solves]
        if solves:
            rows.append([contender.name, solves[0]["policy"], *solver_cells(solves)])
    note = f"programs solved through OR-Tools {version('ortools')}"
    return Table("planning", SOLVERS, rows, note)
