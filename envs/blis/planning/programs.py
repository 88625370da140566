"""The allocation problems as mixed-integer programs: devices n[t, j] and rates y[t, j].

Every program has, per type, at most as many devices as there are (dev) and, per pair, no more
requests than its devices serve at `1/head_room` of their peak rate (cap).
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.core.mip import Mip

INF = float("inf")
LARGEST_RATIO = 1e6     # of capacity to demand in `max_min`


@dataclass(frozen=True)
class Problem:
    """Devices (T,), peak rates (T, V), family and accuracy (V,), demand (K,), all in req/s."""

    devices: np.ndarray
    peak: np.ndarray
    family: np.ndarray
    accuracy: np.ndarray
    demand: np.ndarray
    homes: np.ndarray | None = None       # (T, K) devices that may host the family

    def usable(self) -> np.ndarray:
        """(T, V) pairs that get variables."""
        usable = self.peak > 0
        return usable if self.homes is None else usable & (self.homes[:, self.family] > 0)

    def kept(self) -> np.ndarray:
        """Families with at least one usable pair; the others are left out."""
        return np.unique(self.family[self.usable().any(axis=0)])

    def total(self) -> float:
        """S, the demand of the families that are kept."""
        return float(sum(self.demand[self.kept()].tolist()))


@dataclass(frozen=True)
class Solution:
    """A plan in counts and rates (None if there is none) and how it was found."""

    status: str
    seconds: float
    objective: float | None
    bound: float | None
    beta: float | None
    counts: np.ndarray | None
    served: np.ndarray | None

    def record(self, window: int) -> dict[str, float | int | str | None]:
        """What is kept of every solve."""
        gap = None
        if self.objective is not None and self.bound is not None:
            gap = abs(self.bound - self.objective) / max(abs(self.objective), 1e-12)
        return {"window": window, "status": self.status, "objective": self.objective,
                "bound": self.bound, "gap": gap, "beta": self.beta, "seconds": self.seconds}


class Program:
    """The columns and rows that all programs share, and reading a solution."""

    def __init__(self, problem: Problem, value: np.ndarray | float = 0.0, *,
                 head_room: float = 1.0, rates: bool = True, beta: float | None = None) -> None:
        self.problem, self.beta, self.mip = problem, beta, Mip()
        self.types, self.variants = np.nonzero(problem.usable())
        self.families = problem.kept()
        self.family = np.searchsorted(self.families, problem.family[self.variants])
        self.peak = problem.peak[self.types, self.variants]
        self.demand = problem.demand[self.families]
        self.n = self.mip.columns(problem.devices[self.types], integer=True)
        self.mip.rows(-INF, problem.devices, len(problem.devices), (self.types, self.n, 1))
        if rates:
            value = np.broadcast_to(value, problem.family.shape)[self.variants]
            self.y = self.mip.columns(np.full(len(self.n), INF), value)
            pair = np.arange(len(self.n))
            self.mip.rows(-INF, 0, len(pair), (pair, self.y, head_room), (pair, self.n, -self.peak))

    def serve(self, low: np.ndarray | float, high: np.ndarray | float) -> None:
        """Bounds on the requests served per family."""
        self.mip.rows(low, high, len(self.families), (self.family, self.y, 1))

    def serve_in_all(self, low: float) -> None:
        """At least so many requests served."""
        self.mip.rows(low, INF, 1, (0, self.y, 1))

    def suffice(self, head_room: float) -> None:
        """Peak rates cover the demand: implied, but integer cuts come from it (twice as fast)."""
        self.mip.rows(head_room * self.demand, INF, len(self.families),
                      (self.family, self.n, self.peak))

    def host_all(self) -> None:
        """At least one device per family."""
        self.mip.rows(1, INF, len(self.families), (self.family, self.n, 1))

    def stay_home(self) -> None:
        """No more devices per type and family than have their home there."""
        homes = self.problem.homes[:, self.families]
        row = self.types * len(self.families) + self.family
        self.mip.rows(-INF, homes.ravel(), homes.size, (row, self.n, 1))

    def pay_moves(self, penalty: float, present: np.ndarray) -> None:
        """Every device beyond the (T, V) present ones costs `penalty`/all devices."""
        pair = np.arange(len(self.n))
        moved = self.mip.columns(np.full(len(pair), INF), -penalty / self.problem.devices.sum())
        self.mip.rows(-INF, present[self.types, self.variants], len(pair),
                      (pair, self.n, 1), (pair, moved, -1))

    def solve(self, gap: float, time_limit_s: float) -> Solution:
        """Counts as integers; rates below 1e-9 as 0."""
        outcome = self.mip.solve(gap, time_limit_s)
        counts = served = None
        if outcome.values is not None:
            counts = np.zeros(self.problem.peak.shape, np.int64)
            counts[self.types, self.variants] = np.rint(outcome.values[self.n])
            served = self.read_rates(outcome.values, counts)
        return Solution(outcome.status, outcome.seconds, outcome.objective, outcome.bound,
                        self.beta, counts, served)

    def read_rates(self, values: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """(T, V) requests per second that the plan serves."""
        served = np.zeros(self.problem.peak.shape)
        served[self.types, self.variants] = values[self.y]
        return np.where(served < 1e-9, 0.0, served)


def blis_ilp(problem: Problem, alpha: float, beta: float, accuracy_of: str) -> Program:
    """Accuracy (weight alpha) and requests served; at least the share beta is served."""
    total, routed = problem.total(), accuracy_of == "routed"
    credit = 0.0 if routed else alpha * problem.accuracy / (100 * total)
    program = Program(problem, credit + (1 - alpha) / total, beta=beta)
    if routed:
        _route(program, alpha / (100 * total))
    else:
        program.serve(-INF, program.demand)
    program.host_all()
    program.serve_in_all(beta * total)
    return program


def _route(program: Program, weight: float) -> None:
    """Shares z[j] of a family's requests, credited with accuracy, bound what is served."""
    problem, mip = program.problem, program.mip
    variants, of_pair = np.unique(program.variants, return_inverse=True)
    demand = problem.demand[problem.family[variants]]
    z = mip.columns(np.ones(len(variants)), weight * demand * problem.accuracy[variants])
    family = np.searchsorted(program.families, problem.family[variants])
    mip.rows(-INF, 1, len(program.families), (family, z, 1))
    mip.rows(-INF, 0, len(variants), (of_pair, program.y, 1),
             (np.arange(len(variants)), z, -demand))


def max_throughput(problem: Problem) -> Program:
    """As many requests as possible."""
    program = Program(problem, 1.0)
    program.serve(-INF, program.demand)
    return program


def proteus(problem: Problem, beta: float, move_penalty: float = 0.0,
            present: np.ndarray | None = None) -> Program:
    """The most accurate plan with head-room beta (>= 1), or serving the share beta (< 1).

    With homes in the problem it is Sommelier's; `present` (T, V) is what moves are counted from.
    """
    total = problem.total()
    program = Program(problem, problem.accuracy / (100 * total), head_room=max(1.0, beta),
                      beta=beta)
    if beta >= 1:
        program.serve(program.demand, program.demand)
        program.suffice(beta)
    else:
        program.serve(-INF, program.demand)
        program.serve_in_all(beta * total)
    program.host_all()
    if problem.homes is not None:
        program.stay_home()
    if move_penalty > 0:
        program.pay_moves(move_penalty, present)
    return program


class MaxMin(Program):
    """Clipper's replicas: the largest ratio of capacity to demand over the families."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem, rates=False)
        wanted = np.flatnonzero(self.demand > 0)
        ratio = self.mip.columns(np.array([LARGEST_RATIO]), 1.0)
        mine = np.isin(self.family, wanted)
        row = np.searchsorted(wanted, self.family[mine])
        self.mip.rows(0, INF, len(wanted), (row, self.n[mine], self.peak[mine]),
                      (np.arange(len(wanted)), np.repeat(ratio, len(wanted)),
                       -self.demand[wanted]))

    def read_rates(self, values: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Demand in proportion to capacity."""
        capacity = counts * self.problem.peak
        family = self.problem.family
        per_family = np.bincount(family, capacity.sum(axis=0), len(self.problem.demand))[family]
        rate = self.problem.demand[family] * capacity
        return np.divide(rate, per_family, out=np.zeros_like(rate),
                         where=np.broadcast_to(per_family > 0, rate.shape))
