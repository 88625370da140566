"""Share policies inside a run: from a view to X, with memory and failure handling."""
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from envs.cluster.planning.completion import finish_time_fairness, makespan, throughput
from envs.cluster.planning.levels import hierarchical, max_min, water_filling
from envs.cluster.planning.problem import Entity, Policy, ShareProblem, isolated
from envs.cluster.planning.solves import Solves
from envs.cluster.planning.view import View
from envs.cluster.units import NEVER

if TYPE_CHECKING:
    from envs.cluster.system import System

PROGRAMS: dict[str, Policy] = {
    "max-min": max_min,
    "water-filling": water_filling,
    "hierarchical": hierarchical,
    "ftf": finish_time_fairness,
    "makespan": makespan,
    "throughput": throughput,
}
BLIND = ("max-min", "water-filling")    # the policies that `agnostic` is for


def make_share(system: System) -> SharePlanner:
    """The planner of option `share`; one per run, since it remembers."""
    policy = system.scenario.options.share.policy
    return {"isolated": IsolatedShares, "fixed": FixedShares, "ftf": FairShares}.get(
        policy, SharePlanner)(system)


class SharePlanner:
    """Solves the policy's program whenever asked; `solves` keeps how each of them went."""

    def __init__(self, system: System) -> None:
        self.system, self.options = system, system.scenario.options.share
        self.speed = np.where(system.allowed(), system.speed[system.cls], 0.0)
        self.weight = (np.ones(len(system)) if self.options.weights is None
                       else np.array(self.options.weights)[system.line])
        self.price = np.ones(len(system.types)) if self.options.price is None else np.array(
            self.options.price)
        self.solves = Solves(self.options.policy, f"{system.scenario.name}: share",
                             self.options.on_failure)
        self._last: np.ndarray | None = None

    def shares(self, view: View) -> np.ndarray:
        """X (M, J) of the active jobs."""
        problem = self.problem(view)
        able = problem.able()
        if not able.any():
            return np.zeros_like(problem.speed)
        found = self.solves.attempt(
            view.now_us, lambda: self.solve(problem.among(able)),
            lambda s: (s.objective, s.objective), "isolated" if self._last is None else "last X")
        if found is not None:
            x = np.zeros_like(problem.speed)
            x[able] = found.x
        elif self._last is None:
            x = isolated(problem).x
        else:
            return self._last[view.job]
        self._last = np.zeros_like(self.speed)
        self._last[view.job] = x
        return x

    def solve(self, problem: ShareProblem):
        """The policy's program."""
        if self.options.agnostic and self.options.policy in BLIND:
            problem = problem.agnostic()
        return PROGRAMS[self.options.policy](problem)

    def problem(self, view: View) -> ShareProblem:
        """The figures of the active jobs now."""
        job, system = view.job, self.system
        deadline = system.deadline_us[job]
        return ShareProblem(
            speed=self.speed[job], gpus=system.gpus[job].astype(float),
            capacity=np.asarray(view.up_gpus, float), weight=self.weight[job],
            left_s=view.planned_left / 1e6, age_s=view.age_s(),
            isolated_so_far_s=np.zeros(len(job)), price=self.price,
            time_left_s=np.where(deadline < NEVER, (deadline - view.now_us) / 1e6, np.inf),
            entities=self._present(job), time_limit_s=self.options.time_limit_s)

    def _present(self, job: np.ndarray) -> list[Entity]:
        """The entities among the active jobs, by their place in the problem."""
        line = self.system.line[job]
        found = [Entity(e.weight, e.rule, np.flatnonzero(np.isin(line, e.jobs)).tolist())
                 for e in self.options.entities]
        return [entity for entity in found if entity.jobs]


class IsolatedShares(SharePlanner):
    """An equal part of everything; there is no program that could fail."""

    def shares(self, view: View) -> np.ndarray:
        """X (M, J) of the active jobs."""
        return isolated(self.problem(view)).x


class FixedShares(SharePlanner):
    """X from the options, per trace line."""

    def shares(self, view: View) -> np.ndarray:
        """X (M, J) of the active jobs, 0 on types that they may not use."""
        given = np.array(self.options.X, float)[self.system.line[view.job]]
        return np.where(self.speed[view.job] > 0, given, 0.0)


class FairShares(SharePlanner):
    """Finish-time fairness: remembers how long past work would have taken in isolation."""

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self._so_far = np.zeros(len(system))        # c, s
        self._left = system.work.copy()
        self._rate = np.zeros(len(system))          # in isolation since the last call, 0 unknown

    def problem(self, view: View) -> ShareProblem:
        """The figures now, with the time in isolation so far."""
        problem, job = super().problem(view), view.job
        rate = problem.rates(isolated(problem).x)
        then = np.where(self._rate[job] > 0, self._rate[job], rate)
        done = np.maximum(0.0, self._left[job] - view.left) / 1e6
        self._so_far[job] += np.divide(done, then, out=np.zeros_like(done), where=then > 0)
        self._left[job], self._rate[job] = view.left, rate
        return replace(problem, isolated_so_far_s=self._so_far[job])
