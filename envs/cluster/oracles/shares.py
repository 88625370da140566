"""Share problems: objective values and levels, and shares that keep every constraint."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from envs.cluster.planning.completion import finish_time_fairness, makespan, throughput
from envs.cluster.planning.levels import hierarchical, max_min, water_filling
from envs.cluster.planning.problem import Entity, ShareProblem, Shares, isolated
from envs.core.lp import Unsolved
from envs.core.oracles import Outcome, differences, outcome

TOLERANCE = 1e-6


def check_shares(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """One problem under every policy that it has an answer for."""
    problem, expected = problem_of(content), content["expected"]
    for key, want in expected.items():
        yield outcome(f"{name}, {key}", lambda key=key, want=want: _compare(problem, key, want))


def problem_of(content: Mapping[str, Any]) -> ShareProblem:
    """The problem of a file; times without a deadline are infinite."""
    entities = [Entity(e["weight"], e["rule"], e["jobs"]) for e in content["entities"]]
    columns = {"speed": "speed", "gpus": "gpus", "capacity": "capacity", "weight": "weight",
               "left_s": "work_left_s", "age_s": "age_s", "price": "price",
               "isolated_so_far_s": "isolated_so_far_s"}
    return ShareProblem(
        **{field: np.array(content[key], float) for field, key in columns.items()},
        time_left_s=_or_infinite(content["time_left_s"]), entities=entities)


def _or_infinite(times: Sequence[float | None]) -> np.ndarray:
    return np.array([np.inf if t is None else t for t in times], float)


def _compare(problem: ShareProblem, key: str, want: Any) -> list[str]:
    if key == "proportional":
        return differences(want, problem.proportional().tolist(), key, TOLERANCE)
    try:
        found = solve(problem, key)
    except Unsolved as failure:
        return [f"{key}: expected {want!r}, got {failure.status}"]
    got = {"isolated": lambda: found.x.tolist(), "slo_rows_all_dropped": lambda: dropped(
        problem, found)}.get(key, lambda: found.objective if isinstance(want, float)
                             else found.levels.tolist())()
    return [*differences(want, got, key, TOLERANCE),
            *(f"{key}: {rule} is broken" for rule in broken(problem, found.x))]


def solve(problem: ShareProblem, key: str) -> Shares:
    """The shares that an answer of this name is about."""
    agnostic, priceless = problem.agnostic(), replace(problem, price=np.ones_like(problem.price))
    endless = np.full_like(problem.time_left_s, np.inf)
    return {
        "isolated": lambda: isolated(problem),
        "max_min": lambda: max_min(problem), "max_min_agnostic": lambda: max_min(agnostic),
        "water_filling": lambda: water_filling(problem),
        "water_filling_agnostic": lambda: water_filling(agnostic),
        "hierarchical": lambda: hierarchical(problem),
        "finish_time_fairness": lambda: finish_time_fairness(problem),
        "makespan_s": lambda: makespan(problem),
        "throughput": lambda: throughput(replace(priceless, time_left_s=endless)),
        "throughput_per_cost": lambda: throughput(replace(problem, time_left_s=endless)),
        "throughput_per_cost_slo": lambda: throughput(problem),
        "slo_rows_all_dropped": lambda: throughput(problem),
    }[key]()


def dropped(problem: ShareProblem, found: Shares) -> bool:
    """Whether deadlines that could be met one by one were given up together."""
    best = problem.speed.max(axis=1) * problem.time_left_s
    due = np.isfinite(problem.time_left_s) & (problem.left_s > 0) & (problem.left_s <= best)
    return bool(due.any()) and found.detail["deadlines"] == 0


def broken(problem: ShareProblem, x: np.ndarray) -> list[str]:
    """The base constraints that shares break."""
    rules = {
        "X >= 0": (x >= -TOLERANCE).all(),
        "sum of a job <= 1": (x.sum(axis=1) <= 1 + TOLERANCE).all(),
        "capacity": (problem.gpus @ x <= problem.capacity * (1 + TOLERANCE) + TOLERANCE).all(),
        "X = 0 where speed = 0": (x[problem.speed == 0] == 0).all(),
    }
    return [rule for rule, kept in rules.items() if not kept]
