"""Shares chosen by when jobs would end: finish-time fairness, makespan, throughput per cost."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.cluster.planning.problem import INF, ShareProblem, ShareProgram, Shares, isolated
from envs.core.lp import Lp, Unsolved

WIDTH = 1e-9        # relative distance of the bounds on rho
STEPS = 200


def makespan(problem: ShareProblem) -> Shares:
    """The earliest common end of the work left; objective: that time in s."""
    longest = float(problem.left_s.max())
    if longest <= 0:
        return Shares(isolated(problem).x, 0.0)
    program = _CommonRate(problem, problem.left_s / longest)
    best = program.lp.solve()
    return Shares(program.shares(best.values), longest / best.objective)


def throughput(problem: ShareProblem) -> Shares:
    """The most work per unit of price, deadlines met if they can be; objective: that sum.

    Deadlines that even the job's best type would miss are dropped, and all if the rest cannot be
    met together (`rows_dropped`).
    """
    rate = problem.left_s / np.where(problem.time_left_s > 0, problem.time_left_s, np.nan)
    due = np.flatnonzero((rate > 0) & (rate <= problem.speed.max(axis=1)))
    try:
        return _throughput(problem, due, rate)
    except Unsolved as failure:
        if failure.status != "infeasible":
            raise
        return _throughput(problem, due[:0], rate)


def _throughput(problem: ShareProblem, due: np.ndarray, rate: np.ndarray) -> Shares:
    program = ShareProgram(problem, problem.speed / problem.price)
    if len(due):
        program.need(rate[due], due, np.ones(len(due)))
    best = program.start().solve()
    return Shares(program.shares(best.values), best.objective,
                  detail={"deadlines": len(due)})


class _CommonRate(ShareProgram):
    """Maximise y so that eff[m] >= y need[m]."""

    def __init__(self, problem: ShareProblem, need: np.ndarray) -> None:
        super().__init__(problem)
        jobs = np.arange(len(need))
        self.common = self.columns(np.array([INF]), 1.0)[0]
        self.rate_rows = self.need(0.0, jobs, np.ones(len(jobs)),
                                   (jobs, np.full(len(jobs), self.common), -need))
        self.lp: Lp = self.start()

    def set_need(self, need: np.ndarray) -> None:
        """Other needs."""
        self.lp.scale(self.rate_rows, self.common, -need)


def finish_time_fairness(problem: ShareProblem) -> Shares:
    """The least rho so that nobody ends later than rho times an end in isolation; objective: rho.

    For a given rho a job needs the rate n(rho) = rem/(rho D - t), D = c + rem/iso, and the largest
    y with eff >= y n(rho) is 1 at the least rho. The prices of a solution with y < 1 show that
    every feasible rho has sum(price n(rho)) <= y: the rho where this holds is the next one. Each
    step rises and takes another set of prices, so a few suffice.
    """
    iso = problem.rates(isolated(problem).x)
    ideal = problem.isolated_so_far_s + problem.left_s / iso
    busy = np.flatnonzero(problem.left_s > 0)
    done = (problem.left_s <= 0) & (ideal > 0)
    past = float((problem.age_s[done] / ideal[done]).max(initial=0.0))
    if not len(busy):
        return Shares(isolated(problem).x, past)
    late = _Lateness(problem.left_s[busy], problem.age_s[busy], ideal[busy])
    rho = late.of(problem.speed.max(axis=1)[busy])
    program = _CommonRate(problem, late.spread(rho, busy, len(iso)))
    for passes in range(1, STEPS + 1):
        best = program.lp.solve()
        shares = program.shares(best.values)
        reached = late.of(problem.rates(shares)[busy])
        price = np.abs(best.duals[program.rate_rows])[busy]
        rho = late.cut(price, best.objective, rho)
        if reached - rho <= WIDTH * reached:
            return Shares(shares, max(reached, past), detail={"passes": passes})
        program.set_need(late.spread(rho, busy, len(iso)))
    raise Unsolved("not converged", (reached - rho) / reached)


@dataclass(frozen=True)
class _Lateness:
    """Jobs with work left: rem, age and the end in isolation, s."""

    left: np.ndarray
    age: np.ndarray
    ideal: np.ndarray

    def of(self, rates: np.ndarray) -> float:
        """rho under these rates."""
        with np.errstate(divide="ignore"):
            return float(((self.age + self.left / rates) / self.ideal).max())

    def need(self, rho: float) -> np.ndarray:
        """The rates that rho asks for."""
        return self.left / (rho * self.ideal - self.age)

    def spread(self, rho: float, jobs: np.ndarray, count: int) -> np.ndarray:
        """The needed rates of all jobs, 0 without work; the largest is 1."""
        need = np.zeros(count)
        need[jobs] = self.need(rho)
        return need / need.max()

    def cut(self, price: np.ndarray, most: float, rho: float) -> float:
        """The least rho from here on with sum(price need) <= most (Newton's method, convex)."""
        for _ in range(STEPS):
            need = self.need(rho)
            excess = float(price @ need) - most
            if excess <= 0:
                break
            step = excess / float(price @ (need * self.ideal / (rho * self.ideal - self.age)))
            rho += step
            if step <= 1e-15 * rho:
                break
        return rho
