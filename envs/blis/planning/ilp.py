"""The two integer programs that serve as many requests as possible."""
from __future__ import annotations

import numpy as np

from envs.blis.planning.programs import Problem, Solution, blis_ilp, max_throughput
from envs.blis.planning.solver import SolverPlanner


class BlisIlpPlanner(SolverPlanner):
    """Weighs accuracy against throughput, every family hosted."""

    default_beta = 0.8

    def solve(self, problem: Problem, hosted: np.ndarray) -> Solution:
        """One solve; infeasible if the share beta cannot be served."""
        o = self.options
        return self.run(blis_ilp(problem, o.alpha, self.beta, o.accuracy_of))


class MaxThroughputPlanner(SolverPlanner):
    """Accuracy does not count."""

    def solve(self, problem: Problem, hosted: np.ndarray) -> Solution:
        """One solve."""
        return self.run(max_throughput(problem))
