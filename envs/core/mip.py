"""Mixed-integer programs, solved by HiGHS through OR-Tools MathOpt."""
from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from envs.core.program import STATUS, Program, ending, math_opt, silent

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
        from ortools.math_opt import parameters_pb2
        from ortools.math_opt.core.python import solver

        limits = parameters_pb2.SolveParametersProto(relative_gap_tolerance=gap, random_seed=SEED)
        limits.time_limit.FromMicroseconds(int(time_limit_s * 1e6))
        begin = time.perf_counter()
        result = solver.solve(self.proto(), mathopt.SolverType.HIGHS.value,
                              parameters_pb2.SolverInitializerProto(), limits, *silent())
        seconds = time.perf_counter() - begin
        reason = ending(result)
        status = STATUS.get(reason, reason.lower())
        if reason not in ("OPTIMAL", "FEASIBLE"):
            return Outcome(status, seconds)
        best = result.solutions[0].primal_solution
        return Outcome(status, seconds, best.objective_value,
                       result.termination.objective_bounds.dual_bound,
                       np.array(best.variable_values.values))
