"""Clipper (Crankshaw et al., NSDI 2017): one variant per family, replicas by demand, once."""
from __future__ import annotations

from dataclasses import replace

import numpy as np

from envs.blis.planning.programs import MaxMin, Problem, Solution
from envs.blis.planning.solver import SolverPlanner


def variants(problem: Problem, rule: str) -> list[int]:
    """The variant of every family: feasible ones first, ties to the lower index."""
    best = problem.peak.max(axis=0)
    value = {"most_accurate": problem.accuracy, "least_accurate": -problem.accuracy,
             "throughput": best}[rule]
    order = sorted(range(len(best)), key=lambda j: (best[j] <= 0, -value[j], j))
    chosen: dict[int, int] = {}
    for j in order:
        chosen.setdefault(int(problem.family[j]), j)
    return [chosen[k] for k in sorted(chosen)]


class ClipperHaPlanner(SolverPlanner):
    """High accuracy: the most accurate feasible variant of every family."""

    def due(self, window: int) -> bool:
        """Never: it plans once."""
        return False

    def rule(self) -> str:
        """How the variant is chosen."""
        return "most_accurate"

    def solve(self, problem: Problem, hosted: np.ndarray) -> Solution:
        """Replicas that keep the least ratio of capacity to demand as large as possible."""
        allowed = np.isin(np.arange(len(problem.family)), variants(problem, self.rule()))
        return self.run(MaxMin(replace(problem, peak=np.where(allowed, problem.peak, 0.0))))


class ClipperHtPlanner(ClipperHaPlanner):
    """High throughput: the fastest variant of every family (or the least accurate)."""

    def rule(self) -> str:
        """Option `choice`."""
        return self.options.choice or "throughput"
