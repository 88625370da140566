"""What the planners with a solver share: demand in, a solve, devices out, a record of it."""
from __future__ import annotations

import numpy as np

from envs.blis.planning import demand
from envs.blis.planning.alike import gather, groups, merge, split
from envs.blis.planning.base import Plan, Planner, View
from envs.blis.planning.placement import place
from envs.blis.planning.programs import Problem, Program, Solution
from envs.blis.planning.static import static_start
from envs.core.program import math_opt


class SolverPlanner(Planner):
    """Solves a program at time 0 and whenever due; `solves` keeps how each of them went."""

    default_beta = 1.0

    def __init__(self, *args) -> None:
        super().__init__(*args)
        math_opt()

    @property
    def beta(self) -> float:
        """Option `beta` or the default of the policy."""
        return self.default_beta if self.options.beta is None else self.options.beta

    def start(self, view: View) -> Plan | None:
        """By option `initial`: solved for the demand of time 0, the static start, or empty."""
        if self.options.initial == "empty":
            return None
        if self.options.initial == "static":
            return static_start(self.system).plan()
        return self.decide(view.window, view.target, self.initial_demand)

    def plan(self, view: View) -> Plan | None:
        """Solved for the demand expected now."""
        rates = demand.expected(view, self.options.demand, self.period)
        return self.decide(view.window, view.target, rates)

    def decide(self, window: int, present: np.ndarray, rates: np.ndarray) -> Plan | None:
        """The plan for these requests per second, None without demand or solution."""
        return self.decide_for(self.problem(rates), window, present)

    def problem(self, rates: np.ndarray, homes: np.ndarray | None = None) -> Problem:
        """The system's figures with this demand."""
        s = self.system
        return Problem(s.count, s.peak, s.variant_family, s.accuracy, rates, homes)

    def decide_for(self, problem: Problem, window: int, present: np.ndarray,
                   home: np.ndarray | None = None) -> Plan | None:
        """Solve, keep the record, place the counts on devices."""
        if problem.total() <= 0:
            return None
        alike, hosted = groups(problem.peak), self.hosted(present)
        solution = self.solve(merge(problem, alike), gather(hosted, alike))
        self.solves.append(solution.record(window))
        if solution.counts is None:
            return None
        counts, served = split(problem, alike, hosted, solution.counts, solution.served)
        target, weight = place(problem, counts, served, self.system.device_type, present,
                               self.options.spare, home)
        return Plan(target, weight=weight)

    def hosted(self, present: np.ndarray) -> np.ndarray:
        """(T, V) devices per pair."""
        counts = np.zeros(self.system.peak.shape, np.int64)
        used = np.asarray(present) >= 0
        np.add.at(counts, (self.system.device_type[used], present[used]), 1)
        return counts

    def solve(self, problem: Problem, hosted: np.ndarray) -> Solution:
        """Solve the policy's program; `hosted` (T, V) devices are what moves are counted from."""
        raise NotImplementedError

    def run(self, program: Program) -> Solution:
        """Solve one program to the gap and within the time of the options."""
        return program.solve(self.options.gap, self.options.time_limit_s)
