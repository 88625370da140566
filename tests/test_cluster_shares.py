"""Share policies: recorded optima, properties, the literal water-filling, and failures."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from envs.cluster.planning.completion import finish_time_fairness, makespan, throughput
from envs.cluster.planning.levels import hierarchical, max_min, water_filling
from envs.cluster.planning.problem import ShareProblem, isolated
from envs.cluster.planning.shares import PROGRAMS
from tests.cluster_oracles import oracle
from tests.cluster_shares import levels, one_at_a_time, problem_of, problems

CASES = [oracle("lp/gavel-5x3"), *oracle("lp/random")]
FEW = settings(max_examples=40, deadline=None)


def agree(found, expected):
    assert np.all(np.abs(np.asarray(found) - expected)
                  <= 1e-6 * np.maximum(1, np.abs(expected)))


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_recorded_optima(case):
    problem, expected = problem_of(case), case["expected"]
    plain = replace(problem, time_left_s=np.full(len(problem.gpus), np.inf))
    same_price = replace(plain, price=np.ones(len(problem.price)))
    blind = problem.agnostic()
    agree(isolated(problem).x, expected["isolated"])
    agree(problem.proportional(), expected["proportional"])
    agree(max_min(problem).objective, expected["max_min"])
    agree(max_min(blind).objective, expected["max_min_agnostic"])
    agree(water_filling(problem).levels, expected["water_filling"])
    agree(water_filling(blind).levels, expected["water_filling_agnostic"])
    agree(hierarchical(problem).levels, expected["hierarchical"])
    agree(finish_time_fairness(problem).objective, expected["finish_time_fairness"])
    agree(makespan(problem).objective, expected["makespan_s"])
    agree(throughput(same_price).objective, expected["throughput"])
    agree(throughput(plain).objective, expected["throughput_per_cost"])
    in_time = throughput(problem)
    agree(in_time.objective, expected["throughput_per_cost_slo"])
    if expected["slo_rows_all_dropped"]:
        assert in_time.detail == {"deadlines": 0}


@pytest.mark.parametrize("policy", PROGRAMS)
@FEW
@given(problem=problems)
def test_base_constraints(policy, problem):
    x = PROGRAMS[policy](problem).x
    assert (x >= 0).all() and (x[problem.speed == 0] == 0).all()
    assert (x.sum(axis=1) <= 1 + 1e-9).all()
    assert (problem.gpus @ x <= problem.capacity + 1e-7).all()


@FEW
@given(problem=problems)
def test_max_min_is_no_worse_than_isolation(problem):
    best = max_min(problem)
    assert best.objective >= levels(problem, isolated(problem).x).min() - 1e-9
    assert levels(problem, best.x).min() == pytest.approx(best.objective, rel=1e-7)


@FEW
@given(problem=problems)
def test_water_filling_begins_at_max_min_and_reaches_its_levels(problem):
    filled = water_filling(problem)
    assert filled.levels.min() == pytest.approx(max_min(problem).objective, rel=1e-9)
    assert levels(problem, filled.x) == pytest.approx(filled.levels, rel=1e-7)


@settings(max_examples=15, deadline=None)
@given(problem=problems)
def test_water_filling_freezes_whom_trying_one_at_a_time_would(problem):
    agree(water_filling(problem).levels, one_at_a_time(problem))


@FEW
@given(problem=problems)
def test_equal_speeds_are_what_the_agnostic_sees(problem):
    equal = replace(problem, speed=(problem.speed > 0) * 2.0)
    for policy in (max_min, water_filling):
        assert policy(equal).objective == pytest.approx(policy(equal.agnostic()).objective)


@FEW
@given(problem=problems)
def test_hierarchical_levels_are_reached(problem):
    shares = hierarchical(problem)
    reached = levels(problem, shares.x) * problem.weight
    assert (reached >= shares.levels - 1e-7 * np.maximum(1, reached)).all()


@FEW
@given(problem=problems)
def test_nobody_beats_the_finish_time_fairness(problem):
    """rho is that of its shares, and no other policy's shares have a smaller one."""
    best = finish_time_fairness(problem)
    if (problem.left_s <= 0).any():
        return
    assert lateness(problem, best.x) == pytest.approx(best.objective, rel=1e-6)
    for policy in (isolated, max_min, makespan):
        assert lateness(problem, policy(problem).x) >= best.objective * (1 - 1e-8)


def lateness(problem, x):
    with np.errstate(divide="ignore"):
        end = problem.age_s + problem.left_s / problem.rates(x)
    alone = problem.isolated_so_far_s + problem.left_s / problem.rates(isolated(problem).x)
    return (end / alone).max()


def alike(jobs, gpus=1, capacity=(4.0,), **more):
    """Jobs that differ in nothing, by default on one type."""
    ones = np.ones(jobs)
    figures = {"weight": ones, "left_s": 100 * ones, "age_s": 0 * ones,
               "isolated_so_far_s": 0 * ones, "price": np.ones(len(capacity)),
               "time_left_s": np.full(jobs, np.inf)}
    return ShareProblem(np.ones((jobs, len(capacity))), gpus * ones, np.array(capacity),
                        **{**figures, **more})


@pytest.mark.parametrize("policy", [max_min, water_filling, finish_time_fairness, makespan])
def test_equal_jobs_get_equal_shares(policy):
    assert policy(alike(8)).x.ravel() == pytest.approx(np.full(8, 0.5))
    assert policy(alike(3)).x.ravel() == pytest.approx(np.ones(3))


def test_weights_divide_what_is_scarce():
    shares = max_min(alike(2, capacity=(1.0,), weight=np.array([1.0, 3.0])))
    assert shares.x.ravel() == pytest.approx([0.25, 0.75])


def test_makespan_by_hand():
    shares = makespan(alike(2, capacity=(1.0,), left_s=np.array([100.0, 300.0])))
    assert shares.objective == pytest.approx(400)
    assert shares.x.ravel() == pytest.approx([0.25, 0.75])


def test_without_work_left_there_is_no_makespan():
    problem = alike(2, left_s=np.zeros(2))
    assert makespan(problem).objective == 0
    assert finish_time_fairness(problem).x.tolist() == isolated(problem).x.tolist()


def test_fairness_moves_shares_to_the_late():
    """Alone each would need 200 s; the older one has waited 100 s for nothing."""
    late = alike(2, capacity=(1.0,), age_s=np.array([100.0, 0.0]))
    best = finish_time_fairness(late)
    assert best.x[0, 0] > best.x[1, 0]
    rates = best.x.ravel()
    assert 100 + 100 / rates[0] == pytest.approx(100 / rates[1], rel=1e-6)


def test_cheap_types_are_used_first():
    problem = alike(1, capacity=(1.0, 1.0), price=np.array([4.0, 1.0]))
    problem = replace(problem, speed=np.array([[2.0, 1.0]]))
    assert throughput(problem).x.tolist() == [[0, 1]]
    hurried = replace(problem, time_left_s=np.array([60.0]))     # needs 100/60 of the slow type
    shares = throughput(hurried)
    assert problem.rates(shares.x)[0] == pytest.approx(100 / 60)
    assert shares.detail == {"deadlines": 1}


def test_hopeless_deadlines_are_dropped():
    passed = alike(2, capacity=(1.0,), time_left_s=np.array([-5.0, 200.0]))
    assert throughput(passed).detail == {"deadlines": 1}
    together = alike(2, capacity=(1.0,), time_left_s=np.array([110.0, 110.0]))
    assert throughput(together).detail == {"deadlines": 0}


def test_a_solve_can_be_repeated():
    for policy in PROGRAMS.values():
        first, second = (policy(problem_of(CASES[1])) for _ in range(2))
        assert np.array_equal(first.x, second.x)
