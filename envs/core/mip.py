"""Mixed-integer programs, solved by HiGHS through OR-Tools MathOpt."""
from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from envs.core.program import STATUS, Program, math_opt

SEED = 1


@dataclass(frozen=True)
class Outcome:
    """How a solve ended; `feasible` is an incumbent at the time limit."""

    status: str
    seconds: float
    objective: float | None = None
    bound: float | None = None
    values: np.ndarray | None = None


class Mip(Program):
    """A program with integer columns."""

    def solve(self, gap: float, time_limit_s: float) -> Outcome:
        """Solve to a relative gap, on one thread with a fixed seed."""
        mathopt = math_opt()
        model = mathopt.Model.from_model_proto(self.proto())
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
