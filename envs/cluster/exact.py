"""The best schedule without preemption, exact, for up to about 15 jobs (CP-SAT)."""
from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from envs.cluster.system import System

SEED = 1
GUARD = 1e-3        # us, as in the simulator's rounding of run times


@dataclass(frozen=True)
class Exact:
    """Sum of JCT in s (None without a schedule), its proven bound, and where and when jobs run."""

    status: str
    seconds: float
    sum_jct: float | None
    bound: float
    start_us: np.ndarray        # (n,)
    gpu_type: np.ndarray        # (n,)


def exact(system: System, time_limit_s: float) -> Exact:
    """The least sum of JCT of gangs that are never stopped, on GPUs that are only counted.

    A bound for policies without preemption, and the optimum where its schedule can be placed.
    """
    from ortools.sat.python import cp_model

    span = _run_times(system)
    unit = _unit(system, span)
    arrival, span = system.arrival_us // unit, span // unit
    model = cp_model.CpModel()
    horizon = int(arrival[-1] + np.where(span > 0, span, 0).max(axis=1).sum())
    options = [_options(model, system, m, arrival, span, horizon) for m in range(len(system))]
    for kind, total in enumerate(system.type_gpus.tolist()):
        mine = [(o, int(system.gpus[m])) for m, row in enumerate(options) for o in row
                if o.kind == kind]
        if mine:
            model.add_cumulative([o.run for o, _ in mine], [g for _, g in mine], total)
    model.minimize(sum(row[0].end for row in options))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = time_limit_s
    solver.parameters.num_workers, solver.parameters.random_seed = 1, SEED
    begin = time.perf_counter()
    status = solver.status_name(solver.solve(model)).lower()
    return _read(solver, status, time.perf_counter() - begin, options,
                 unit, int(arrival.sum()))


@dataclass(frozen=True)
class _Option:
    """A job on one type: whether it is taken, when it starts, when the job ends."""

    kind: int
    taken: Any
    start: Any
    end: Any
    run: Any


def _options(model: Any, system: System, m: int, arrival: np.ndarray, span: np.ndarray,
             horizon: int) -> list[_Option]:
    start = model.new_int_var(int(arrival[m]), horizon, f"start {m}")
    end = model.new_int_var(int(arrival[m]), horizon, f"end {m}")
    found = []
    for kind in np.flatnonzero(span[m] > 0).tolist():
        taken = model.new_bool_var(f"job {m} on {kind}")
        run = model.new_optional_interval_var(start, int(span[m, kind]), end, taken,
                                              f"run {m} on {kind}")
        found.append(_Option(kind, taken, start, end, run))
    model.add_exactly_one(o.taken for o in found)
    return found


def _run_times(system: System) -> np.ndarray:
    """(n, J) us from launch to finish at locality level 0, 0 where a job cannot run."""
    fits = system.allowed() & (system.gpus[:, None] <= system.type_gpus)
    rate = system.speed[system.cls] * system.locality[system.cls, :1]
    rate = rate * np.where(system.has_goodput[system.cls],
                           system.goodput_rate[system.cls, system.gpus].max(axis=1), 1.0)[:, None]
    need = np.ceil(np.divide(system.work[:, None], rate, out=np.zeros_like(rate), where=fits)
                   - GUARD)
    return np.where(fits, system.launch_us[system.cls, None] + np.maximum(1, need), 0).astype(
        np.int64)


def _unit(system: System, span: np.ndarray) -> int:
    """The longest time of which all arrivals and run times are multiples, us."""
    return max(1, math.gcd(*system.arrival_us.tolist(), *span.ravel().tolist()))


def _read(solver: Any, status: str, seconds: float, options: list[list[_Option]], unit: int,
          arrivals: int) -> Exact:
    bound = (solver.best_objective_bound - arrivals) * unit / 1e6
    if status not in ("optimal", "feasible"):
        none = np.full(len(options), -1)
        return Exact(status, seconds, None, bound, none, none)
    start = np.array([solver.value(row[0].start) for row in options]) * unit
    kind = np.array([next(o.kind for o in row if solver.value(o.taken)) for row in options])
    return Exact(status, seconds, (solver.objective_value - arrivals) * unit / 1e6, bound, start,
                 kind)
