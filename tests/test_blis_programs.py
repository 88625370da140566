"""The allocation programs against proven optima; runs stop by gap, never by the clock."""
import sys
from dataclasses import replace

import numpy as np
import pytest

from envs.blis.planning import ladder, programs
from envs.blis.planning.programs import Problem
from envs.core.errors import ScenarioError
from envs.core.program import math_opt
from tests.blis_oracles import oracle

GAP, LIMIT_S = 1e-4, 60.0
INSTANCES = oracle("milp")["instances"]
LADDERS = oracle("planning")["ladder"]


def problem_of(case) -> Problem:
    homes = np.array(case["N_family"]) if "N_family" in case else None
    return Problem(np.array(case["N"]), np.array(case["p"], float), np.array(case["family"]),
                   np.array(case["accuracy"], float), np.array(case["demand"], float), homes)


def program_of(case):
    problem = problem_of(case)
    if case["model"] == "blis_ilp":
        return programs.blis_ilp(problem, case["alpha"], case["beta"], case["accuracy_of"])
    if case["model"] == "max_throughput":
        return programs.max_throughput(problem)
    if case["model"] == "max_min":
        return programs.MaxMin(problem)
    return programs.proteus(problem, case["beta"], case.get("move_penalty", 0.0),
                            np.array(case["current"]) if "current" in case else None)


def per_family(problem, table):
    return np.bincount(problem.family, table.sum(axis=0), len(problem.demand))


def check_feasible(case, n, y):
    """Every row of the program, recomputed from counts and rates."""
    problem, tolerance = problem_of(case), 1e-6 * (1 + max(case["demand"]))
    kept, total = problem.kept(), problem.total()
    served, hosts = per_family(problem, y)[kept], per_family(problem, n)[kept]
    head_room = max(1.0, case["beta"]) if case["model"] == "proteus" else 1.0
    assert (n >= 0).all() and (n.sum(axis=1) <= problem.devices).all()
    assert (n[problem.peak == 0] == 0).all()
    if case["model"] == "max_min":
        return
    assert (y >= 0).all() and (head_room * y <= problem.peak * n + tolerance).all()
    assert (served <= problem.demand[kept] + tolerance).all()
    if case["model"] != "max_throughput":
        assert (hosts >= 1).all()
        assert served.sum() >= min(1.0, case["beta"]) * total - tolerance
    if "N_family" in case:
        for k in kept:
            mine = problem.family == k
            assert (n[:, mine].sum(axis=1) <= problem.homes[:, k]).all()


def objective_of(case, n, y):
    """The value of a plan, recomputed; for `routed` the credit of routed shares is the solver's."""
    problem = problem_of(case)
    total = problem.total()
    accuracy = (problem.accuracy * y).sum() / (100 * total)
    if case["model"] == "max_min":
        capacity, demand = per_family(problem, n * problem.peak), problem.demand
        wanted = [k for k in problem.kept() if demand[k] > 0]
        return min(capacity[k] / demand[k] for k in wanted)
    if case["model"] == "max_throughput":
        return y.sum()
    if case["model"] == "blis_ilp":
        return case["alpha"] * accuracy + (1 - case["alpha"]) * y.sum() / total
    moved = np.maximum(0, n - np.array(case.get("current", 0))).sum()
    return accuracy - case.get("move_penalty", 0.0) * moved / problem.devices.sum()


@pytest.mark.parametrize("case", INSTANCES, ids=lambda c: f"{c['name']}-{c['model']}")
def test_optimum_within_the_gap(case):
    solution = program_of(case).solve(GAP, LIMIT_S)
    if case["optimum"] is None:
        assert (solution.status, solution.counts) == ("infeasible", None)
        return
    assert solution.status == "optimal"
    check_feasible(case, solution.counts, solution.served)
    slack = GAP * abs(case["optimum"]) + 1e-6
    assert solution.objective == pytest.approx(case["optimum"], abs=slack)
    assert solution.bound >= case["optimum"] - 1e-6
    if case.get("accuracy_of") != "routed":
        assert objective_of(case, solution.counts, solution.served) == pytest.approx(
            solution.objective, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("case", LADDERS, ids=lambda c: f"from-{c['beta_start']}")
def test_ladder_ends_on_the_first_feasible_rung(case):
    solution = ladder.descend(
        lambda beta: programs.proteus(problem_of(case), beta).solve(GAP, LIMIT_S),
        case["beta_start"], 0.2)
    assert solution.beta == case["beta_used"]
    assert solution.objective == pytest.approx(case["optimum"], rel=GAP)
    check_feasible({**case, "beta": solution.beta}, solution.counts, solution.served)


def test_rungs_are_coarse_above_one_and_a_half():
    rungs, beta = [], 1.7
    while beta > 1.3:
        beta = ladder.lower(beta)
        rungs.append(beta)
    assert rungs == [1.6, 1.5, 1.45, 1.4, 1.35, 1.3]


def test_ladder_stops_at_its_end():
    hopeless = {**LADDERS[0], "demand": [1e6] * len(LADDERS[0]["demand"])}
    tried = []

    def solve(beta):
        tried.append(beta)
        return programs.proteus(problem_of(hopeless), beta).solve(GAP, LIMIT_S)

    solution = ladder.descend(solve, 0.4, 0.25)
    assert (solution.status, solution.counts) == ("infeasible", None)
    assert tried == [0.4, 0.35, 0.3, 0.25] and solution.beta == 0.25


def test_a_solve_can_be_repeated():
    case = next(c for c in INSTANCES if c.get("about", "").endswith("1090 requests/s"))
    first, second = (program_of(case).solve(GAP, LIMIT_S) for _ in range(2))
    assert np.array_equal(first.counts, second.counts)
    assert np.array_equal(first.served, second.served)


def test_record_of_a_solve():
    record = program_of(INSTANCES[0]).solve(GAP, LIMIT_S).record(window=7)
    assert list(record) == ["window", "status", "objective", "bound", "gap", "beta", "seconds"]
    assert record["window"] == 7 and record["beta"] == INSTANCES[0]["beta"]
    assert 0 <= record["gap"] <= GAP and record["seconds"] > 0


def test_families_that_nobody_can_host_are_left_out():
    case = next(c for c in INSTANCES if c["name"] == "milp_04")
    problem = problem_of(case)
    mine = problem.family == 0
    without = replace(problem, peak=np.where(mine, 0.0, problem.peak))
    assert 0 not in without.kept()
    assert without.total() == pytest.approx(sum(case["demand"][1:]))
    solution = programs.proteus(without, 0.5).solve(GAP, LIMIT_S)
    assert solution.counts[:, mine].sum() == 0 and solution.counts.sum() > 0


def test_penalty_keeps_the_present_devices():
    case = next(c for c in INSTANCES if c["name"] == "milp_33")
    problem = problem_of(case)
    present = programs.proteus(problem, 1.05).solve(GAP, LIMIT_S).counts
    more = replace(problem, demand=problem.demand * 1.02)
    moved = {rho: np.maximum(0, programs.proteus(more, 1.05, rho, present)
                             .solve(GAP, LIMIT_S).counts - present).sum() for rho in (0.0, 1.0)}
    assert moved[1.0] <= moved[0.0] and moved[1.0] <= 2


def test_missing_solver_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ortools.math_opt.python", None)
    with pytest.raises(ScenarioError, match="pip install ortools"):
        math_opt()
