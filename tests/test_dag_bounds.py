"""Lower bounds: recorded, by hand, and never above a schedule."""
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.core.lp import Unsolved
from envs.dag import bounds as room
from envs.dag.bounds import lb0, lower_bounds
from envs.dag.durations import actual_durations
from envs.dag.generate import open_graph
from envs.dag.machine import Machine
from envs.dag.options import Options
from envs.dag.planning import PLANNERS, plan
from tests.dag_oracles import oracle
from tests.dag_plans import graph, graphs, machine

TILED = oracle("tiled")["plain"]
USUAL = Options()


@pytest.mark.parametrize("case", TILED, ids=lambda c: c["id"])
def test_recorded_bounds(case):
    of, on = open_graph(case["graph"], "case"), Machine.from_config(case["machine"])
    found = lower_bounds(of, on, USUAL)
    assert found["lb"] == case["bounds"]["lb"]
    assert found == pytest.approx(case["bounds"], abs=1e-5)


def test_bounds_by_hand():
    """A CPU takes a share x of task 0 off the GPU: area 8 - 6x = 12x, path 6 + 6x = 8 - 6x."""
    of, on = graph([(6, 12), (2, -1)]), machine("none", 1, 1)
    assert lower_bounds(of, on, USUAL) == pytest.approx(
        {"cp": 6, "area_lp": 16 / 3, "path_lp": 7, "lb": 7})


def test_bounds_of_a_path_by_hand():
    """With a longer path: area 16 - 6x = 12x, path 8 + 6x = 16 - 6x."""
    of, on = graph([(6, 12), (2, -1), (8, -1)], [(0, 1)]), machine("none", 1, 1)
    assert lower_bounds(of, on, USUAL) == pytest.approx(
        {"cp": 8, "area_lp": 32 / 3, "path_lp": 12, "lb": 12})


def test_tasks_that_a_worker_cannot_hold():
    config = {"unit": "1", "workers": [{"type": "gpu", "memory": 10}, {"type": "cpu"}]}
    of, on = graph([(1, 50), (1, 50)], [(0, 1)], [11]), Machine.from_config(config)
    assert lower_bounds(of, on, Options(oversize="exclude"))["lb"] == 100


def test_actual_durations_replace_expected_ones():
    of, on = graph([(100, 400)] * 3, [(0, 1), (1, 2)]), machine("none", 1, 1)
    noisy = Options(noise="lognormal", sigma=0.5)
    drawn = actual_durations(of, on, noisy, 7)
    assert lower_bounds(of, on, noisy, drawn)["cp"] == drawn.min(axis=1).sum() != 300


def test_virtual_tasks_take_no_time():
    of = graph([(4, 9), (-1, -1), (5, 9)], [(0, 1), (1, 2)], virtual=[False, True, False])
    assert lower_bounds(of, machine("none"), USUAL)["lb"] == 9
    none = graph([(-1, -1)], virtual=[True])
    assert set(lower_bounds(none, machine("none"), USUAL).values()) == {0}


def test_many_types_and_tasks():
    """Three types, each three times as good at a third of 3000 tasks: all of them stay busy."""
    times = np.array([[10, 30, 30], [30, 10, 30], [30, 30, 10]])[np.arange(3000) % 3]
    on = Machine.from_config({"unit": "1", "comm": "none",
                              "workers": [{"type": kind} for kind in ("a", "b", "c")]})
    of = graph(times, types=("a", "b", "c"))
    assert lower_bounds(of, on, USUAL)["area_lp"] == pytest.approx(10_000)


def test_large_graphs_leave_the_path_program_out(monkeypatch):
    of, on = open_graph("cholesky(n=6)", "case"), machine("none")
    whole = lower_bounds(of, on, USUAL)
    monkeypatch.setattr(room, "MOST", 100)
    rest = lower_bounds(of, on, USUAL)
    assert rest["path_lp"] == max(rest["cp"], rest["area_lp"]) < whole["path_lp"]
    assert rest["lb"] == 116


def test_without_a_solver_bounds_are_weak_and_right(monkeypatch):
    def fail(program):
        raise Unsolved("abnormal")

    of, on = open_graph("cholesky(n=6)", "case"), machine("none")
    whole = lower_bounds(of, on, USUAL)
    monkeypatch.setattr(room, "_solved", fail)
    rest = lower_bounds(of, on, USUAL)
    assert 0 < rest["area_lp"] <= whole["area_lp"] and rest["lb"] == rest["cp"] == whole["cp"]


def test_reference_of_rewards():
    """The longest path is one task of 9, or 5 + 1; the mean load is (5 + 1 + 9 + 2) / workers."""
    of = graph([(5, 7), (4, 1), (9, -1), (2, 2)], [(0, 1)])
    assert [lb0(of, machine("none", 1, cpus)) for cpus in (1, 3)] == [9, 9]
    assert lb0(graph([(5, 7), (4, 1), (2, 2)], [(0, 1)]), machine("none", 1, 2)) == 6
    assert lb0(graph([(5, 7)] * 5), machine("none", 1, 1)) == 13


@settings(max_examples=40, deadline=None)
@given(of=graphs(), comm=st.sampled_from(["none", "matrix"]), gpus=st.integers(1, 3))
def test_no_plan_beats_a_bound(of, comm, gpus):
    on = machine(comm, gpus, 2)
    found = lower_bounds(of, on, USUAL)
    assert found["cp"] <= found["path_lp"] + 1e-9 and found["area_lp"] <= found["path_lp"] + 1e-9
    assert min(plan(name, of, on).makespan for name in PLANNERS) >= found["lb"]
