"""Proteus (Ahmad et al., ASPLOS 2024): the most accurate plan that serves the demand."""
from __future__ import annotations

import numpy as np

from envs.blis.planning.ladder import descend
from envs.blis.planning.programs import Problem, Solution, proteus
from envs.blis.planning.solver import SolverPlanner


class ProteusPlanner(SolverPlanner):
    """Head-room beta, lowered until the demand fits; moves may cost."""

    default_beta = 1.05

    def solve(self, problem: Problem, hosted: np.ndarray) -> Solution:
        """Down the ladder of beta."""
        o = self.options
        return descend(lambda beta: self.run(proteus(problem, beta, o.move_penalty, hosted)),
                       self.beta, o.beta_min)
