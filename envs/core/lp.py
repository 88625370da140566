"""Linear programs that are changed a little and solved again, by GLOP through OR-Tools MathOpt.

The solver keeps its basis from one solve to the next, so that a re-solve takes a few pivots.
"""
from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from envs.core.program import STATUS, Program, ending, math_opt, silent


class Unsolved(Exception):
    """A program without a solution: `status` says why, `gap` how far off it was if known."""

    def __init__(self, status: str, gap: float | None = None):
        self.status, self.gap = status, gap
        super().__init__(status)


@dataclass(frozen=True)
class Optimum:
    """Objective, a value per column, and how much a unit of each row's bound is worth."""

    objective: float
    values: np.ndarray
    duals: np.ndarray


class Lp:
    """A program inside the solver; all its solves together may take `time_limit_s`.

    `presolve` pays for a large program that is solved once.
    """

    def __init__(self, program: Program, time_limit_s: float, presolve: bool = False) -> None:
        mathopt = math_opt()
        from ortools.math_opt import parameters_pb2
        from ortools.math_opt.core.python import solver

        self._end = time.perf_counter() + time_limit_s
        self._solver = solver.new(mathopt.SolverType.GLOP.value, program.proto(),
                                  parameters_pb2.SolverInitializerProto())
        self._rest = silent()
        self._limits = parameters_pb2.SolveParametersProto()
        self._limits.glop.use_preprocessing = presolve      # it forgets the basis

    def bound(self, rows: np.ndarray, low: np.ndarray) -> None:
        """New lower bounds of rows, in ascending order of `rows`."""
        update = self._update()
        bounds = update.linear_constraint_updates.lower_bounds
        bounds.ids.extend(rows.tolist())
        bounds.values.extend(low.tolist())
        self._solver.update(update)

    def scale(self, rows: np.ndarray, column: int, coefficients: np.ndarray) -> None:
        """New coefficients of one column, in ascending order of `rows`."""
        update = self._update()
        matrix = update.linear_constraint_matrix_updates
        matrix.row_ids.extend(rows.tolist())
        matrix.column_ids.extend([int(column)] * len(rows))
        matrix.coefficients.extend(coefficients.tolist())
        self._solver.update(update)

    def solve(self) -> Optimum:
        """The optimum; `Unsolved` if there is none in time."""
        left = self._end - time.perf_counter()
        if left <= 0:
            raise Unsolved("timed out")
        self._limits.time_limit.FromMicroseconds(max(1, int(left * 1e6)))
        result = self._solver.solve(self._limits, *self._rest)
        status = ending(result)
        if status != "OPTIMAL":
            late = status in ("FEASIBLE", "NO_SOLUTION_FOUND")
            raise Unsolved("timed out" if late else STATUS.get(status, status.lower()))
        best = result.solutions[0]
        return Optimum(best.primal_solution.objective_value,
                       np.array(best.primal_solution.variable_values.values),
                       np.array(best.dual_solution.dual_values.values))

    def _update(self):
        from ortools.math_opt import model_update_pb2

        return model_update_pb2.ModelUpdateProto()
