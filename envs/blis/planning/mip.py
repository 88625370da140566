"""A mixed-integer program as arrays, solved by HiGHS through OR-Tools MathOpt."""
from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np

from envs.core.errors import ScenarioError

SEED = 1
STATUS = {"OPTIMAL": "optimal", "FEASIBLE": "feasible", "INFEASIBLE": "infeasible",
          "INFEASIBLE_OR_UNBOUNDED": "infeasible", "NO_SOLUTION_FOUND": "no_solution"}


def math_opt() -> Any:
    """The MathOpt module, imported when a solver is first needed."""
    try:
        from ortools.math_opt.python import mathopt
    except ImportError:
        raise ScenarioError("this allocation needs the solver package ortools",
                            "allocation.policy", "pip install ortools") from None
    return mathopt


@dataclass(frozen=True)
class Outcome:
    """How a solve ended; `feasible` is an incumbent at the time limit."""

    status: str
    seconds: float
    objective: float | None = None
    bound: float | None = None
    values: np.ndarray | None = None


@dataclass
class Mip:
    """Maximise over columns that are added in blocks, under rows that are added in blocks."""

    upper: list[float] = field(default_factory=list)
    integer: list[bool] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    entries: list[tuple[np.ndarray, ...]] = field(default_factory=list)

    def columns(self, upper: np.ndarray, value: float | np.ndarray = 0.0,
                integer: bool = False) -> np.ndarray:
        """Variables from 0 to `upper` with their value in the objective; returns their numbers."""
        first = len(self.upper)
        self.upper += np.asarray(upper, float).tolist()
        self.value += np.broadcast_to(value, len(upper)).astype(float).tolist()
        self.integer += [integer] * len(upper)
        return np.arange(first, len(self.upper))

    def rows(self, low: float | np.ndarray, high: float | np.ndarray, count: int,
             *terms: tuple[Any, np.ndarray, Any]) -> None:
        """`count` rows low <= Σ coefficient * column <= high; terms are (row, column, coefficient).

        Rows are numbered from 0 inside the block.
        """
        first = len(self.low)
        self.low += np.broadcast_to(low, count).astype(float).tolist()
        self.high += np.broadcast_to(high, count).astype(float).tolist()
        for row, column, coefficient in terms:
            row, coefficient = (np.broadcast_to(x, len(column)) for x in (row, coefficient))
            self.entries.append((row + first, column, coefficient))

    def solve(self, gap: float, time_limit_s: float) -> Outcome:
        """Solve to a relative gap, on one thread with a fixed seed."""
        mathopt = math_opt()
        model = mathopt.Model.from_model_proto(self._proto())
        limits = mathopt.SolveParameters(
            relative_gap_tolerance=gap, time_limit=timedelta(seconds=time_limit_s),
            random_seed=SEED)
        begin = time.perf_counter()
        result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=limits)
        seconds = time.perf_counter() - begin
        reason = result.termination.reason.name
        status = STATUS.get(reason, reason.lower())
        if not result.has_primal_feasible_solution():
            return Outcome(status, seconds)
        return Outcome(status, seconds, result.objective_value(), result.best_objective_bound(),
                       np.array(result.variable_values(list(model.variables()))))

    def _proto(self) -> Any:
        from ortools.math_opt import model_pb2

        model = model_pb2.ModelProto()
        count = len(self.upper)
        model.variables.ids.extend(range(count))
        model.variables.lower_bounds.extend([0.0] * count)
        model.variables.upper_bounds.extend(self.upper)
        model.variables.integers.extend(self.integer)
        model.objective.maximize = True
        model.objective.linear_coefficients.ids.extend(range(count))
        model.objective.linear_coefficients.values.extend(self.value)
        model.linear_constraints.ids.extend(range(len(self.low)))
        model.linear_constraints.lower_bounds.extend(self.low)
        model.linear_constraints.upper_bounds.extend(self.high)
        row, column, coefficient = (np.concatenate(x) for x in zip(*self.entries, strict=True))
        order = np.lexsort((column, row))    # the format wants rows in order, then columns
        matrix = model.linear_constraint_matrix
        matrix.row_ids.extend(row[order].tolist())
        matrix.column_ids.extend(column[order].tolist())
        matrix.coefficients.extend(coefficient[order].astype(float).tolist())
        return model
