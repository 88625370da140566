"""Share problems of `cluster`: from the oracles, at random, and solved in the slow, literal way."""
from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from envs.cluster.planning.problem import INF, Entity, ShareProblem, ShareProgram


def problem_of(case: dict[str, Any]) -> ShareProblem:
    """The problem of an oracle."""
    def column(name: str) -> np.ndarray:
        return np.array([np.inf if x is None else x for x in case[name]], float)

    return ShareProblem(
        np.array(case["speed"], float), column("gpus"), column("capacity"), column("weight"),
        column("work_left_s"), column("age_s"), column("isolated_so_far_s"), column("price"),
        column("time_left_s"), [Entity(**e) for e in case["entities"]])


def random_problem(seed: int) -> ShareProblem:
    """Up to a dozen jobs on up to four types; every second one has small whole speeds (ties)."""
    draw = np.random.default_rng(seed)
    jobs, types = int(draw.integers(1, 13)), int(draw.integers(1, 5))
    speed = (draw.integers(0, 4, (jobs, types)).astype(float) if seed % 2 else
             draw.uniform(0.1, 4, (jobs, types)).round(3) * (draw.random((jobs, types)) < 0.8))
    capacity = np.append(draw.integers(0, 20, types - 1), draw.integers(1, 20)).astype(float)
    age = draw.uniform(0, 3e4, jobs).round()
    groups = [Entity(float(k + 1), rule, [m for m in range(jobs) if m % 3 == k])
              for k, rule in enumerate(("fair", "fifo", "fair"))]
    problem = ShareProblem(
        speed, draw.choice([1.0, 2, 4, 8], jobs), capacity, draw.choice([1.0, 1, 2, 5], jobs),
        draw.choice([0, 1, 1, 1], jobs) * (60 * 10 ** draw.uniform(0.5, 4, jobs)).round(), age,
        (age * draw.uniform(0, 1.5, jobs)).round(), draw.uniform(0.5, 3, types),
        np.where(draw.random(jobs) < 0.5, draw.uniform(-100, 1e5, jobs), np.inf), groups)
    return problem.among(problem.able())


problems = st.integers(0, 10_000).map(random_problem).filter(lambda p: len(p.gpus) > 0)


def levels(problem: ShareProblem, x: np.ndarray) -> np.ndarray:
    """(M,) N under shares (M, J)."""
    return problem.gpus * problem.rates(x) / (problem.weight * problem.proportional())


def one_at_a_time(problem: ShareProblem) -> np.ndarray:
    """Water-filling whose freezing test maximises every job's level on its own."""
    free, found = np.ones(len(problem.gpus), bool), np.zeros(len(problem.gpus))
    while free.any():
        common = _rise(problem, np.flatnonzero(free), np.flatnonzero(~free), found)
        width, stuck = 1e-7, []
        floor, everybody = np.where(free, common, found), np.arange(len(free))
        while not stuck:
            stuck = [m for m in np.flatnonzero(free)
                     if _rise(problem, np.array([m]), everybody, floor)
                     <= common + width * max(1, common)]
            width *= 10
        found[stuck], free[stuck] = common, False
    return found


def _rise(problem: ShareProblem, rising: np.ndarray, held: np.ndarray, at: np.ndarray) -> float:
    """The greatest common level of some jobs while others are held at theirs."""
    program = ShareProgram(problem)
    scale = problem.gpus / (problem.weight * problem.proportional())
    common = np.repeat(program.columns(np.array([INF]), 1.0), len(rising))
    program.need(at[held] - 1e-12, held, scale[held])
    program.need(0.0, rising, scale[rising],
                 (np.arange(len(rising)), common, -np.ones(len(rising))))
    return program.start().solve().objective
