"""Max-min fairness over levels: one common level, water-filling, and entities of jobs.

The filling freezes jobs whose level cannot rise while nobody's falls. The optimum of a pass tells
who they are: a job whose level has a price (a positive dual value) keeps the common level down in
every optimum. Their weighted prices sum to 1, so each pass freezes somebody; one that is stuck but
has no price yet is frozen by a later pass, which then adds nothing. The levels are those of trying
every job on its own.
"""
from __future__ import annotations

import numpy as np

from envs.cluster.planning.problem import INF, ShareProblem, ShareProgram, Shares
from envs.core.lp import Optimum

PRICE = 1e-9    # of a total of 1: below it a dual value is rounding


class LevelProgram(ShareProgram):
    """Maximise L so that level[m] - weight[m] L >= floor[m]; level[m] = gpus eff / prop."""

    def __init__(self, problem: ShareProblem, weight: np.ndarray) -> None:
        super().__init__(problem)
        jobs = len(problem.gpus)
        self.common = self.columns(np.array([INF]), 1.0)[0]
        self.level_rows = self.need(
            0.0, np.arange(jobs), problem.gpus / problem.proportional(),
            (np.arange(jobs), np.full(jobs, self.common), -weight))
        self.lp = self.start()

    def priced(self, best: Optimum, weight: np.ndarray) -> np.ndarray:
        """(M,) who keeps the level down."""
        price = np.abs(best.duals[self.level_rows]) * weight
        return price > PRICE * price.sum()

    def set_floor(self, jobs: np.ndarray, floor: np.ndarray) -> None:
        """New floors of the jobs in the mask."""
        self.lp.bound(self.level_rows[jobs], floor[jobs])

    def set_weight(self, jobs: np.ndarray, weight: np.ndarray) -> None:
        """New weights of the jobs in the mask."""
        self.lp.scale(self.level_rows[jobs], self.common, -weight[jobs])


def max_min(problem: ShareProblem) -> Shares:
    """The greatest common level; objective: that level."""
    program = LevelProgram(problem, problem.weight)
    best = program.lp.solve()
    return Shares(program.shares(best.values), best.objective)


def water_filling(problem: ShareProblem) -> Shares:
    """The lexicographically greatest ascending vector of levels; objective: the lowest."""
    weight = problem.weight.astype(float)
    program = LevelProgram(problem, weight)
    levels = np.zeros(len(weight))
    lowest, passes = None, 0
    while (weight > 0).any():
        best = program.lp.solve()
        lowest = best.objective if lowest is None else lowest
        frozen = program.priced(best, weight)
        levels[frozen] = best.objective
        weight[frozen] = 0.0
        program.set_floor(frozen, levels * problem.weight)
        program.set_weight(frozen, weight)
        passes += 1
    return Shares(program.shares(best.values), lowest, levels, {"passes": passes})


def hierarchical(problem: ShareProblem) -> Shares:
    """Levels rise by entity: `fair` to all its jobs, `fifo` to its first; objective: the lowest.

    A level is a job's floor plus its weight times a common height; when the weight changes, the
    floor takes over what was reached.
    """
    free = np.zeros(len(problem.gpus), bool)
    free[[m for group in problem.entities for m in group.jobs]] = True
    weight, floor, passes = _weights(problem, free), np.zeros(len(free)), 0
    program = LevelProgram(problem, weight)
    while free.any():
        best = program.lp.solve()
        free &= ~program.priced(best, weight)
        before, weight = weight, _weights(problem, free)
        changed = weight != before
        floor += best.objective * (before - weight)
        program.set_floor(changed, floor)
        program.set_weight(changed, weight)
        passes += 1
    return Shares(program.shares(best.values), float(floor.min()), floor, {"passes": passes})


def _weights(problem: ShareProblem, free: np.ndarray) -> np.ndarray:
    """(M,) how fast levels rise: an entity's weight over its jobs that are still free."""
    weight = np.zeros(len(free))
    for group in problem.entities:
        mine = [m for m in group.jobs if free[m]]
        if mine and group.rule == "fifo":
            weight[min(mine)] = group.weight
        elif mine:
            weight[mine] = group.weight * problem.weight[mine] / problem.weight[mine].sum()
    return weight
