"""The optimal schedule of one graph under `comm: none` or `matrix`, by CP-SAT.

    found = optimum(graph, machine, time_limit_s=20)
    print(found.status, found.value, found.bound)

Workers that cannot be told apart are counted, others are scheduled one by one. Where a task takes
no time they stay apart too, since a count would let it run while all of them are busy.
"""
from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from envs.core.errors import ScenarioError
from envs.dag.bounds import lower_bounds
from envs.dag.fitting import check_fit
from envs.dag.graph import Graph
from envs.dag.machine import Machine
from envs.dag.options import Options
from envs.dag.planning import PLANNERS, Plan
from envs.dag.planning.board import Problem

SEED = 1
USUAL = Options()


@dataclass(frozen=True)
class Exact:
    """What is known after `seconds` of at most `limit_s`; times in ticks.

    `value` is the makespan of `plan`, the optimum if `status` is OPTIMAL; `bound` is proved.
    """

    status: str
    value: int
    bound: int
    gap: float              # (value - bound) / value
    seconds: float
    limit_s: float
    plan: Plan


def optimum(graph: Graph, machine: Machine, time_limit_s: float = 20.0,
            hint: Plan | None = None) -> Exact:
    """The best schedule of expected durations; `hint` is a start, else the best planner's plan.

    What is not proved within the limit depends on the speed of the computer.
    """
    if machine.comm == "tiles":
        raise ScenarioError("an optimum needs comm none or matrix, found comm tiles",
                            graph.source or graph.name)
    check_fit(graph, machine, USUAL)
    begin = time.perf_counter()
    problem = Problem(graph, machine)
    hint = hint or min((make(problem) for make in PLANNERS.values()), key=lambda p: p.makespan)
    low = int(lower_bounds(graph, machine, USUAL)["lb"])
    status, found = "OPTIMAL", hint
    if hint.makespan > low:
        model = _Model(problem, hint, low)
        status, low, found = model.solve(time_limit_s)
    value = found.makespan
    low = value if status == "OPTIMAL" else min(low, value)
    return Exact(status, value, low, (value - low) / value if value else 0.0,
                 time.perf_counter() - begin, time_limit_s, found)


def groups(problem: Problem) -> list[list[int]]:
    """Workers of one type that exchange data for free and reach all others at the same cost."""
    ways = problem.ways
    _, same = np.unique(ways.hop, return_inverse=True)
    way = same[ways.way]
    free = way[0, 0]
    found: list[list[int]] = []
    single = bool((problem.duration[~problem.graph.virtual] == 0).any())
    for p in range(problem.workers):
        for group in found:
            r = group[0]
            others = np.arange(problem.workers)
            others = others[(others != p) & (others != r)]
            alike = (problem.cls[p] == problem.cls[r] and way[p, r] == way[r, p] == free
                     and (way[p, others] == way[r, others]).all()
                     and (way[others, p] == way[others, r]).all())
            if alike and not single:
                group.append(p)
                break
        else:
            found.append([p])
    return found


class _Model:
    """Start and end of every task; an optional interval per group that can run it."""

    def __init__(self, problem: Problem, hint: Plan, low: int) -> None:
        from ortools.sat.python import cp_model

        self.problem, self.hint, self.groups = problem, hint, groups(problem)
        self.cls = problem.cls[[group[0] for group in self.groups]]
        costs = [(i, j, dict(self._costs(k))) for k, (i, j) in enumerate(
            zip(problem.graph.src.tolist(), problem.graph.dst.tolist(), strict=True))]
        every = {c for _, _, cost in costs for c in cost.values()}
        times = problem.duration[problem.duration > 0].tolist()
        self.unit = max(1, math.gcd(*every, *times))
        self.model, self.cp = cp_model.CpModel(), cp_model
        self.low = -(-low // self.unit)
        self.high = hint.makespan // self.unit
        self.end_of_all = self.model.new_int_var(self.low, self.high, "")
        self.start = [self.model.new_int_var(0, self.high, "") for _ in range(len(problem))]
        self.end = list(self.start)
        self.on: list[dict[int, Any]] = [{} for _ in range(len(problem))]
        self._add_tasks()
        self._add_edges(costs)
        self.model.minimize(self.end_of_all)

    def _costs(self, edge: int) -> Iterator[tuple[tuple[int, int], int]]:
        """The cost of an edge between every two groups where there is one, ticks."""
        graph = self.problem.graph
        size = int(graph.carried[edge])
        if size == 0 or graph.virtual[graph.src[edge]] or graph.virtual[graph.dst[edge]]:
            return
        for g, first in enumerate(self.groups):
            for h, second in enumerate(self.groups):
                cost = self.problem.ways.cost(first[0], second[0], size) if g != h else 0
                if cost:
                    yield (g, h), cost

    def _add_tasks(self) -> None:
        problem, model = self.problem, self.model
        runs: list[list[Any]] = [[] for _ in self.groups]
        place = {p: g for g, group in enumerate(self.groups) for p in group}
        for i in range(len(problem)):
            model.add_hint(self.start[i], int(self.hint.start[i]) // self.unit)
            if problem.graph.virtual[i]:
                continue
            self.end[i] = model.new_int_var(0, self.high, "")
            for g, cls in enumerate(self.cls):
                if (length := int(problem.duration[i, cls])) < 0:
                    continue
                chosen = self.on[i][g] = model.new_bool_var("")
                runs[g].append(model.new_optional_interval_var(
                    self.start[i], length // self.unit, self.end[i], chosen, ""))
                model.add_hint(chosen, place[int(self.hint.worker[i])] == g)
            model.add_exactly_one(self.on[i].values())
        for group, run in zip(self.groups, runs, strict=True):
            if len(group) == 1:
                model.add_no_overlap(run)
            else:
                model.add_cumulative(run, [1] * len(run), len(group))

    def _add_edges(self, costs: list[tuple[int, int, dict[tuple[int, int], int]]]) -> None:
        for i, j, cost in costs:
            self.model.add(self.start[j] >= self.end[i])
            for (g, h), ticks in cost.items():
                if g in self.on[i] and h in self.on[j]:
                    self.model.add(self.start[j] >= self.end[i] + ticks // self.unit) \
                        .only_enforce_if(self.on[i][g], self.on[j][h])
        for end in self.end:
            self.model.add(self.end_of_all >= end)

    def solve(self, time_limit_s: float) -> tuple[str, int, Plan]:
        """Status, proved bound and the best plan, on one thread with a fixed seed."""
        solver = self.cp.CpSolver()
        solver.parameters.max_time_in_seconds = time_limit_s
        solver.parameters.num_workers, solver.parameters.random_seed = 1, SEED
        status = solver.status_name(solver.solve(self.model))
        bound = max(self.low, math.ceil(solver.best_objective_bound - 1e-6)) * self.unit
        if status not in ("OPTIMAL", "FEASIBLE"):
            return "FEASIBLE", self.low * self.unit, self.hint
        start = np.array([solver.value(v) for v in self.start], np.int64) * self.unit
        finish = np.array([solver.value(v) for v in self.end], np.int64) * self.unit
        group = [next((g for g, v in on.items() if solver.value(v)), -1) for on in self.on]
        return status, bound, Plan(self._workers(start, finish, np.array(group)), start, finish,
                                   int(finish.max()))

    def _workers(self, start: np.ndarray, finish: np.ndarray, group: np.ndarray) -> np.ndarray:
        """Deal the tasks of each group to its workers, the first free one by id."""
        worker = np.full(len(start), -1, np.int32)
        for g, members in enumerate(self.groups):
            free = dict.fromkeys(members, 0)
            mine = np.flatnonzero(group == g)
            for i in mine[np.lexsort((self.problem.graph.pos[mine], finish[mine],
                                      start[mine]))].tolist():
                worker[i] = next(p for p in members if free[p] <= start[i])
                free[int(worker[i])] = int(finish[i])
        return worker
