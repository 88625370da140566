"""Requests per second that planners expect, from the windows so far or from the trace."""
import numpy as np
import pytest

from envs.blis.options import Demand
from envs.blis.planning.demand import ewma, expected, initial_demand
from envs.core.errors import ScenarioError
from envs.core.options import build
from tests.planning_cases import requests, system, view

WINDOWS = [[10, 0], [20, 4], [30, 8], [40, 0]]      # of half a second


@pytest.mark.parametrize(("options", "rates"), [
    ({}, [80, 0]),
    ({"lag": 1}, [60, 16]),
    ({"kind": "mean"}, [50, 6]),
    ({"kind": "mean", "span": 2, "lag": 1}, [50, 12]),
    ({"kind": "ewma", "com": 1, "span": 2}, [2 * (0.5 * 30 + 40) / 1.5, 2 * (0.5 * 8) / 1.5]),
    ({"lag": 4}, [0, 0]),
])
def test_expected_demand(options, rates):
    at = view(system(), arrivals=WINDOWS)
    assert expected(at, build(Demand, options, ""), 10) == pytest.approx(rates)


def test_weights_of_the_moving_average():
    keep = 1 - 1 / 2.6
    weights = np.array([keep**2, keep, 1.0])
    rows = np.array([[3.0], [5.0], [11.0]])
    assert ewma(rows, 1.6) == pytest.approx((weights @ rows) / weights.sum())


def test_before_the_first_window_nothing_is_known():
    at = view(system(), window=-1, arrivals=np.zeros((0, 2)))
    assert expected(at, Demand(), 10).tolist() == [0, 0]


def test_future_demand_counts_the_next_windows():
    trace = requests([0, 500, 500.5, 1000, 1500, 1501], [0, 0, 1, 1, 0, 0], ("b", "a"))
    at = view(system(), window=0, trace=trace)          # next: (500, 1000] and (1000, 1500]
    assert expected(at, Demand(kind="future"), 2).tolist() == [2, 1]
    with pytest.raises(ScenarioError, match="needs the trace"):
        expected(view(system()), Demand(kind="future"), 2)


def test_demand_of_time_0():
    trace = requests([0, 100, 150, 400], [0, 1, 1, 1])
    assert initial_demand(system(), trace).tolist() == [2.5, 7.5]
    assert initial_demand(system(initial_demand="zeros"), trace).tolist() == [0, 0]
    assert initial_demand(system(initial_demand={"b": 3, "a": 1}), trace).tolist() == [1, 3]
    with pytest.raises(ScenarioError, match='unknown family "x"'):
        initial_demand(system(initial_demand={"x": 3}), trace)
    with pytest.raises(ScenarioError, match='family "b" is missing'):
        initial_demand(system(initial_demand={"a": 3}), trace)
