"""Sia's allocation (Jayaram Subramanya et al., SOSP 2023): one configuration per job, as a MILP."""
from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from envs.core.lp import Lp, Unsolved
from envs.core.mip import Mip, Outcome
from envs.core.program import Program

GAP = 1e-9          # relative, of the integer program
POWER = -0.5        # p
PENALTY = 1.1       # lambda, of a job without GPUs
LARGEST = 1e4       # value of an entry
INF = float("inf")
Kind = TypeVar("Kind", bound=Program)


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
    """The cheapest choice that fits; `Unsolved` if it is not proven in time.

    The linear relaxation often has a whole optimum, which costs a tenth of the integer program.
    """
    choice = _Columns(problem)
    relaxed = Lp(choice.program(Program), problem.time_limit_s).solve()
    chosen = choice.round(relaxed.values)
    value = float(choice.value[chosen].sum())
    if relaxed.objective - value <= GAP * max(1.0, value):
        return choice.read(chosen, value, relaxed.objective)
    outcome = choice.program(Mip).solve(GAP, problem.time_limit_s)
    if outcome.status != "optimal":
        late = outcome.status in ("feasible", "no_solution")
        raise Unsolved("timed out" if late else outcome.status, _gap(outcome))
    return choice.read(outcome.values > 0.5, outcome.objective, outcome.bound)


class _Columns:
    """The possible pairs (job, configuration) and what each saves."""

    def __init__(self, problem: SiaProblem) -> None:
        self.problem, cost = problem, problem.cost()
        self.job, self.config = np.nonzero(np.isfinite(cost))
        self.value = problem.penalty - cost[self.job, self.config]
        self.type, self.gpus = (x[self.config] for x in (problem.config_type, problem.config_gpus))

    def program(self, kind: type[Kind]) -> Kind:
        """At most one configuration per job, GPUs per type."""
        program = kind()
        x = program.columns(np.ones(len(self.job)), self.value, integer=kind is Mip)
        program.rows(-INF, 1, len(self.problem.goodput), (self.job, x, 1))
        program.rows(-INF, self.problem.capacity, len(self.problem.capacity),
                     (self.type, x, self.gpus))
        return program

    def round(self, parts: np.ndarray) -> np.ndarray:
        """Columns taken by the largest part, as far as they fit."""
        left, idle = self.problem.capacity.copy(), np.ones(len(self.problem.goodput), bool)
        chosen = np.zeros(len(self.job), bool)
        for k in np.argsort(-parts.round(9), kind="stable").tolist():
            job, kind, gpus = self.job[k], self.type[k], self.gpus[k]
            if idle[job] and gpus <= left[kind] and self.value[k] > 0:
                chosen[k], idle[job] = True, False
                left[kind] -= gpus
        return chosen

    def read(self, chosen: np.ndarray, value: float, bound: float) -> Choice:
        """The choice of a mask of columns."""
        found = np.full(len(self.problem.goodput), -1)
        found[self.job[chosen]] = self.config[chosen]
        none = self.problem.penalty * len(found)
        return Choice(found, none - value, none - bound)


def _gap(outcome: Outcome) -> float | None:
    if outcome.objective is None:
        return None
    return abs(outcome.bound - outcome.objective) / max(abs(outcome.objective), 1e-12)
