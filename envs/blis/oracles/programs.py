"""Allocation programs: the optimum within the gap, and a solution that keeps every constraint."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from envs.blis.planning import programs
from envs.blis.planning.programs import Problem, Program, Solution
from envs.core.oracles import Outcome, outcome

GAP = 1e-4
TIME_LIMIT_S = 60.0
ROUNDING = 1e-6         # relative, of a solver's feasibility and of the published optima


def check_programs(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Every program of a file."""
    for case in content["instances"]:
        yield outcome(f"{name}, {case['name']}", lambda case=case: compare_solution(
            case, program_of(case).solve(GAP, TIME_LIMIT_S)))


def problem_of(case: Mapping) -> Problem:
    """The data of an instance."""
    homes = np.array(case["N_family"]) if "N_family" in case else None
    return Problem(np.array(case["N"]), np.array(case["p"], float), np.array(case["family"]),
                   np.array(case["accuracy"], float), np.array(case["demand"], float), homes)


def program_of(case: Mapping) -> Program:
    """The program of an instance."""
    problem = problem_of(case)
    if case["model"] == "blis_ilp":
        return programs.blis_ilp(problem, case["alpha"], case["beta"], case["accuracy_of"])
    if case["model"] == "max_throughput":
        return programs.max_throughput(problem)
    if case["model"] == "max_min":
        return programs.MaxMin(problem)
    present = np.array(case["current"]) if "current" in case else None
    return programs.proteus(problem, case["beta"], case.get("move_penalty", 0.0), present)


def compare_solution(case: Mapping, found: Solution) -> list[str]:
    """Where a solution is worse, or better, than the optimum, or breaks a constraint."""
    optimum = case["optimum"]
    if optimum is None or found.counts is None:
        agree = optimum is None and found.status == "infeasible"
        return [] if agree else [f"optimum: expected {optimum or 'infeasible'}, got {found.status}"]
    value = objective(case, found.counts, found.served)
    slack = (GAP + ROUNDING) * max(1.0, abs(optimum))
    lines = [f"constraint: {broken}" for broken in violations(case, found.counts, found.served)]
    for name, got in (("objective", found.objective), ("value of the plan", value)):
        if not abs(got - optimum) <= slack:
            lines.append(f"{name}: expected {optimum!r} within {GAP:g}, got {got!r}")
    return lines


def violations(case: Mapping, n: np.ndarray, y: np.ndarray) -> list[str]:
    """The constraints that counts `n` and rates `y` break, recomputed from the data."""
    problem = problem_of(case)
    slack = ROUNDING * (1 + problem.demand.max(initial=0))
    rules = {
        "counts are not negative": (n >= 0).all(),
        "devices of a type": (n.sum(axis=1) <= problem.devices).all(),
        "devices without a peak rate": (n[problem.peak == 0] == 0).all(),
        **(_rate_rules(case, problem, n, y, slack) if case["model"] != "max_min" else {}),
    }
    return [name for name, kept in rules.items() if not kept]


def _rate_rules(case: Mapping, problem: Problem, n: np.ndarray, y: np.ndarray, slack: float):
    kept, beta = problem.kept(), case.get("beta", 0.0)
    served = per_family(problem, y)[kept]
    head_room = max(1.0, beta) if case["model"] == "proteus" else 1.0
    rules = {
        "rates are not negative": (y >= 0).all(),
        "peak rates": (head_room * y <= problem.peak * n + slack).all(),
        "demand": (served <= problem.demand[kept] + slack).all(),
    }
    if case["model"] != "max_throughput":
        rules["a device per family"] = (per_family(problem, n)[kept] >= 1).all()
        rules["share to serve"] = served.sum() >= min(1.0, beta) * problem.total() - slack
    if problem.homes is not None:
        used = np.array([[row[problem.family == k].sum() for k in kept] for row in n])
        rules["homes"] = (used <= problem.homes[:, kept]).all()
    return rules


def per_family(problem: Problem, table: np.ndarray) -> np.ndarray:
    """Sums over the types and the variants of each family."""
    return np.bincount(problem.family, table.sum(axis=0), len(problem.demand))


def objective(case: Mapping, n: np.ndarray, y: np.ndarray) -> float:
    """The value of counts and rates, recomputed from the data."""
    problem, model = problem_of(case), case["model"]
    if model == "max_throughput":
        return float(y.sum())
    if model == "max_min":
        capacity, demand = per_family(problem, n * problem.peak), problem.demand
        return float(min(capacity[k] / demand[k] for k in problem.kept() if demand[k] > 0))
    total = problem.total()
    accuracy = (problem.accuracy * y).sum() / (100 * total)
    if model == "blis_ilp":
        if case["accuracy_of"] == "routed":
            accuracy = _routed(problem, y) / (100 * total)
        return float(case["alpha"] * accuracy + (1 - case["alpha"]) * y.sum() / total)
    moved = np.maximum(0, n - np.array(case["current"])).sum() if "current" in case else 0
    return float(accuracy - case.get("move_penalty", 0.0) * moved / problem.devices.sum())


def _routed(problem: Problem, y: np.ndarray) -> float:
    """Accuracy of the requests routed: what is not served is credited to the best variant."""
    credit = (problem.accuracy * y).sum()
    best = np.where(problem.usable().any(axis=0), problem.accuracy, 0.0)
    rest = problem.demand - per_family(problem, y)
    return float(credit + sum(rest[k] * best[problem.family == k].max() for k in problem.kept()))
