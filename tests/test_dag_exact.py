"""Optimal schedules: recorded ones, by hand, and how what is not proved is told."""
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.core.errors import ScenarioError
from envs.dag.bounds import lower_bounds
from envs.dag.exact import groups, optimum
from envs.dag.formats import graph_from
from envs.dag.generate import open_graph
from envs.dag.machine import Machine
from envs.dag.options import Options
from envs.dag.planning import PLANNERS, plan
from envs.dag.planning.board import Problem
from tests.dag_oracles import oracle
from tests.dag_plans import check_schedule, graph, graphs, machine

STATIC = oracle("static")["instances"]
SMALL = [case for case in oracle("tiled")["plain"] if "_4_" in case["id"]]


@pytest.mark.parametrize("case", STATIC, ids=lambda c: c["name"])
def test_recorded_optima_with_communication(case):
    of, on = graph_from(case["graph"], case["name"]), Machine.from_config(case["machine"])
    found = optimum(of, on)
    assert (found.status, found.value, found.bound) == ("OPTIMAL", case["optimum"], case["optimum"])
    check_schedule(found.plan, of, on)


@pytest.mark.parametrize("case", SMALL, ids=lambda c: c["id"])
@pytest.mark.filterwarnings("ignore:durations on")
def test_recorded_optima_of_tiled_linear_algebra(case):
    of, on = open_graph(case["graph"], "case"), Machine.from_config(case["machine"])
    found = optimum(of, on)
    assert (found.status, found.value) == ("OPTIMAL", case["exact"]["value"])
    check_schedule(found.plan, of, on)


def test_without_time_the_hint_is_what_is_known():
    of, on = open_graph("cholesky(n=8)", "case"), machine()
    best = min((plan(name, of, on) for name in PLANNERS), key=lambda p: p.makespan)
    found = optimum(of, on, 0.0)
    assert (found.status, found.value, found.bound) == ("FEASIBLE", best.makespan, 208)
    assert found.gap == pytest.approx((best.makespan - 208) / best.makespan)
    assert found.limit_s == 0 <= found.seconds
    worse = plan("etf", of, on)
    assert optimum(of, on, 0.0, worse).plan is worse


def test_a_hint_at_the_bound_needs_no_solver():
    of, on = graph([(3, 9), (4, 9)], [(0, 1)]), machine()
    hint = plan("heft", of, on)
    assert optimum(of, on, 0.0, hint).plan is hint
    assert optimum(graph([(-1, -1)], virtual=[True]), on).value == 0


def test_waiting_pays():
    """Three tasks; the CPU is free but ten times slower, so the GPU runs all of them."""
    found = optimum(graph([(4, 40)] * 3), machine("none", 1, 1))
    assert (found.status, found.value, found.plan.worker.tolist()) == ("OPTIMAL", 12, [0, 0, 0])


def test_a_task_that_takes_no_time_still_needs_an_idle_worker():
    """Task 3 at time 3 on a GPU: if both were just counted it would run there, and all end at 9."""
    of = graph([(9, -1), (9, -1), (-1, 3), (0, -1), (-1, 6)], [(2, 3), (3, 4)])
    found = optimum(of, machine("none", 2, 1))
    check_schedule(found.plan, of, machine("none", 2, 1))
    assert (found.status, found.value) == ("OPTIMAL", 12)


def test_times_with_a_common_divisor():
    of = graph([(6_000_000, 9_000_000)] * 3, [(0, 2)], [30_000_000])
    found = optimum(of, machine("matrix", 1, 1))
    assert (found.status, found.value) == ("OPTIMAL", 12_000_000)


def test_workers_that_are_counted():
    of = graph([(3, 4)] * 2, [(0, 1)], [5])
    assert groups(Problem(of, machine("none", 2, 3))) == [[0, 1], [2, 3, 4]]
    assert groups(Problem(of, machine("matrix", 2, 3))) == [[0], [1], [2, 3, 4]]
    assert groups(Problem(graph([(0, 4)]), machine("none", 2, 2))) == [[0], [1], [2], [3]]


def test_unlike_costs_keep_workers_apart():
    table = [[0, 0, 1], [0, 0, 2], [1, 2, 0]]
    on = Machine.from_config({"unit": "1", "comm": "matrix", "matrix": {"latency": table},
                              "workers": [{"type": "gpu", "count": 2}, {"type": "cpu"}]})
    assert groups(Problem(graph([(3, 4)]), on)) == [[0], [1], [2]]


def test_tiles_have_no_optimum():
    on = Machine.from_config({"unit": "1", "workers": [{"type": "cpu"}]})
    with pytest.raises(ScenarioError, match="comm none or matrix, found comm tiles"):
        optimum(graph([(1, 1)]), on)


@settings(max_examples=40, deadline=None)
@given(of=graphs(7), comm=st.sampled_from(["none", "matrix"]), gpus=st.integers(1, 2))
def test_an_optimum_is_a_schedule_between_bound_and_plans(of, comm, gpus):
    on = machine(comm, gpus, 2)
    found = optimum(of, on)
    check_schedule(found.plan, of, on)
    assert found.status == "OPTIMAL" and found.value == found.plan.makespan
    assert lower_bounds(of, on, Options())["lb"] <= found.value
    assert found.value <= min(plan(name, of, on).makespan for name in PLANNERS)
