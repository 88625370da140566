"""The share problem (Gavel; Narayanan et al., OSDI 2020): X[m, j], the time job m holds type j."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from envs.core.lp import Lp
from envs.core.program import Program

INF = float("inf")


@dataclass(frozen=True)
class Entity:
    """A group of jobs (by their place in the problem) that shares as one, rule `fair` or `fifo`."""

    weight: float
    rule: str
    jobs: Sequence[int]


@dataclass(frozen=True)
class ShareProblem:
    """M jobs and J types; times and work in s, `speed` 0 where a job may not run."""

    speed: np.ndarray               # (M, J) T
    gpus: np.ndarray                # (M,) s
    capacity: np.ndarray            # (J,) G, GPUs of up nodes
    weight: np.ndarray              # (M,) w
    left_s: np.ndarray              # (M,) rem
    age_s: np.ndarray               # (M,) t since arrival
    isolated_so_far_s: np.ndarray   # (M,) c
    price: np.ndarray               # (J,)
    time_left_s: np.ndarray         # (M,) to the deadline, inf without
    entities: Sequence[Entity] = ()
    time_limit_s: float = 10.0

    def proportional(self) -> np.ndarray:
        """(M,) equal-split rates prop."""
        return self.speed @ self.capacity / self.capacity.sum()

    def agnostic(self) -> ShareProblem:
        """The problem of somebody who sees all speeds as 1."""
        return replace(self, speed=(self.speed > 0).astype(float))

    def rates(self, shares: np.ndarray) -> np.ndarray:
        """(M,) effective rates eff under (M, J) shares."""
        return (self.speed * shares).sum(axis=1)

    def able(self) -> np.ndarray:
        """(M,) whether a type that the job may use has GPUs at present."""
        return ((self.speed > 0) & (self.capacity > 0)).any(axis=1)

    def among(self, kept: np.ndarray) -> ShareProblem:
        """The problem of the jobs in the mask (M,)."""
        place = np.cumsum(kept) - 1
        entities = [replace(e, jobs=[int(place[m]) for m in e.jobs if kept[m]])
                    for e in self.entities]
        per_job = ("speed", "gpus", "weight", "left_s", "age_s", "isolated_so_far_s",
                   "time_left_s")
        return replace(self, entities=[e for e in entities if e.jobs],
                       **{name: getattr(self, name)[kept] for name in per_job})


@dataclass(frozen=True)
class Shares:
    """X (M, J), the objective, and levels (M,) where the policy is about them."""

    x: np.ndarray
    objective: float | None = None
    levels: np.ndarray | None = None
    detail: dict[str, float | int | bool] = field(default_factory=dict)


Policy = Callable[[ShareProblem], Shares]


class ShareProgram(Program):
    """Shares under the base constraints: a job's sum up to 1, a type's GPUs up to its capacity."""

    def __init__(self, problem: ShareProblem, value: np.ndarray | float = 0.0) -> None:
        super().__init__()
        self.problem = problem
        self.job, self.type = np.nonzero(problem.speed > 0)
        jobs, types = problem.speed.shape
        value = np.broadcast_to(value, problem.speed.shape)[self.job, self.type]
        self.x = self.columns(np.full(len(self.job), INF), value)
        self.rows(-INF, 1, jobs, (self.job, self.x, 1))
        self.rows(-INF, problem.capacity, types, (self.type, self.x, problem.gpus[self.job]))

    def need(self, low: np.ndarray | float, jobs: np.ndarray, scale: np.ndarray,
             *terms: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
        """Rows scale[m] eff[m] + terms >= low for these jobs, ascending; returns their numbers."""
        row = np.full(len(self.problem.gpus), -1)
        row[jobs] = np.arange(len(jobs))
        row = row[self.job]
        mine = row >= 0
        speed = self.problem.speed[self.job[mine], self.type[mine]] * scale[row[mine]]
        return self.rows(low, INF, len(jobs), (row[mine], self.x[mine], speed), *terms)

    def start(self) -> Lp:
        """The program in the solver."""
        return Lp(self, self.problem.time_limit_s)

    def shares(self, values: np.ndarray) -> np.ndarray:
        """(M, J) shares from the values of the columns."""
        x = np.zeros(self.problem.speed.shape)
        x[self.job, self.type] = np.clip(values[self.x], 0.0, 1.0)
        return x


def isolated(problem: ShareProblem) -> Shares:
    """Everybody gets an equal part of every type."""
    x = problem.capacity / (len(problem.gpus) * problem.gpus[:, None])
    total = x.sum(axis=1, keepdims=True)
    x = np.where(total > 1, x / np.where(total > 1, total, 1.0), x)
    return Shares(np.where(problem.speed > 0, x, 0.0))
