"""Further tables of a `dag` comparison: what cases can be at best, how devices were used."""
from __future__ import annotations

from typing import Any

import numpy as np

from agents.evaluation.limits_dag import Limits
from agents.evaluation.report import Table
from agents.evaluation.standings import Comparison, Outcome
from envs.dag.units import factor

LIMITS = ("case", "tasks", "edges", "C*", "C* is", "critical path", "area bound", "path bound",
          "solver (s)")
MOST_CASES = 40


def remarks(comparison: Comparison) -> list[str]:
    """Whether C* is an optimum or a bound, and who left tasks unfinished."""
    known = {(o.window, o.seed): o.metrics["proved"] for o in comparison.outcomes}
    proved = int(sum(known.values()))
    told = [f"C* is a proved optimum in {proved} of {len(known)} cases, else a lower bound"
            if proved else "C* is a lower bound"]
    left = {c.name: sum(o.metrics["unfinished"] for o in comparison.of(c.name))
            for c in comparison.contenders}
    named = [f"{name} {count}" for name, count in left.items() if count]
    return [*told, *(["unfinished tasks: " + "; ".join(named)] if named else [])]


def of_cases(comparison: Comparison) -> dict[tuple[str, int], Limits]:
    """The limits of every window and seed whose runs were kept."""
    return {(o.window, o.seed): o.digest.limits for o in comparison.outcomes if o.digest}


def limit_table(comparison: Comparison) -> Table:
    """A row per case: C* and the bounds of its first job, in the machine's unit."""
    machine = comparison.scenario.machine
    unit, known = factor(machine.unit, machine.resolution), of_cases(comparison)
    windows = {w.name: w for w in comparison.windows}
    rows = []
    for (window, seed), found in list(known.items())[:MOST_CASES]:
        jobs = windows[window].trace.jobs
        bounds, best = found.bounds, float(np.mean(found.best()))
        means = [np.mean([b[k] for b in bounds]) / unit for k in ("cp", "area_lp", "path_lp")]
        name = window if len(comparison.seeds) == 1 else f"{window}, seed {seed}"
        rows.append([name, str(sum(len(j.graph) for j in jobs)),
                     str(sum(len(j.graph.src) for j in jobs)), f"{best / unit:.5g}",
                     "optimum" if found.proved else "lower bound", *(f"{m:.5g}" for m in means),
                     f"{found.seconds:.1f}" if found.seconds else "-"])
    note = "means over jobs; with noise the bounds are those of the actual durations"
    if len(known) > MOST_CASES:
        note += f"; the first {MOST_CASES} of {len(known)} cases"
    return Table("what the cases can be at best", LIMITS, rows, note)


def device_table(comparison: Comparison) -> Table:
    """Per contender the busy share and the stalls of each device type, and what was moved."""
    types = comparison.scenario.machine.types
    headings = ["contender", *(f"{t} busy (%)" for t in types), *(f"{t} stall" for t in types),
                "fetches", "stages", "write-backs", "evictions (clean)", "evictions (dirty)"]
    counts = ("fetches", "stages", "writebacks", "evictions_clean", "evictions_dirty")
    rows = []
    for standing in comparison.standings():
        mine = comparison.of(standing.contender.name)
        rows.append([standing.contender.name,
                     *(_mean([_of_type(o, "busy", t) for o in mine], 100, 1) for t in types),
                     *(_mean([_of_type(o, "stall", t) for o in mine], 1, 1) for t in types),
                     *(_mean([o.metrics[k] for o in mine], 1, 1) for k in counts)])
    return Table("devices", headings, rows, "means over cases; stall: time between assignment "
                 "and start, summed over the workers of a type, in the machine's unit")


def _of_type(outcome: Outcome, key: str, device: str) -> float | None:
    return outcome.metrics[key].get(device)


def _mean(values: list[Any], scale: float, digits: int) -> str:
    known = [v for v in values if v is not None]
    return f"{scale * np.mean(known):.{digits}f}" if known else "-"
