"""Sia's allocation (Jayaram Subramanya et al., SOSP 2023): one configuration per job, as a MILP."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.core.lp import Unsolved
from envs.core.mip import Mip

GAP = 1e-9          # relative, of the integer program
POWER = -0.5        # p
PENALTY = 1.1       # lambda, of a job without GPUs
LARGEST = 1e4       # value of an entry
INF = float("inf")


@dataclass(frozen=True)
class SiaProblem:
    """M jobs, C configurations (GPUs of one type), J types."""

    goodput: np.ndarray         # (M, C), 0 not possible; a row's unit is its smallest entry
    config_gpus: np.ndarray     # (C,)
    config_type: np.ndarray     # (C,)
    capacity: np.ndarray        # (J,)
    factor: np.ndarray          # (M,) realloc factor, on all but the present configuration
    present: np.ndarray         # (M,) present configuration, -1 none
    power: float = POWER
    penalty: float = PENALTY
    time_limit_s: float = 10.0

    def cost(self) -> np.ndarray:
        """(M, C) U, infinite where a configuration is not possible."""
        possible = self.goodput > 0
        unit = np.where(possible, self.goodput, INF).min(axis=1, keepdims=True)
        value = np.divide(self.goodput, unit, out=np.ones_like(self.goodput), where=possible)
        stays = np.arange(len(self.config_gpus)) == self.present[:, None]
        with np.errstate(divide="ignore"):
            cost = (value * np.where(stays, 1.0, self.factor[:, None]))**self.power
        return np.where(possible, np.minimum(cost, LARGEST), INF)


@dataclass(frozen=True)
class Choice:
    """(M,) a configuration or -1; the objective and its proven bound."""

    config: np.ndarray
    objective: float
    bound: float


def choose_configurations(problem: SiaProblem) -> Choice:
    """The cheapest choice that fits; `Unsolved` if it is not proven in time."""
    if problem.time_limit_s <= 0:
        raise Unsolved("timed out")
    cost, jobs = problem.cost(), len(problem.goodput)
    job, config = np.nonzero(np.isfinite(cost))
    program = Mip()
    x = program.columns(np.ones(len(job)), problem.penalty - cost[job, config], integer=True)
    program.rows(-INF, 1, jobs, (job, x, 1))
    program.rows(-INF, problem.capacity, len(problem.capacity),
                 (problem.config_type[config], x, problem.config_gpus[config]))
    outcome = program.solve(GAP, problem.time_limit_s)
    if outcome.status != "optimal":
        late = outcome.status in ("feasible", "no_solution")
        raise Unsolved("timed out" if late else outcome.status, _gap(outcome))
    chosen = outcome.values > 0.5
    found = np.full(jobs, -1)
    found[job[chosen]] = config[chosen]
    none = problem.penalty * jobs
    return Choice(found, none - outcome.objective, none - outcome.bound)


def _gap(outcome) -> float | None:
    if outcome.objective is None:
        return None
    return abs(outcome.bound - outcome.objective) / max(abs(outcome.objective), 1e-12)
