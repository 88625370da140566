"""Types with equal peak rates are solved as one and told apart afterwards."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.blis.planning import programs
from envs.blis.planning.alike import gather, groups, merge, split
from envs.blis.planning.programs import Problem
from tests.blis_oracles import oracle

PEAK = np.array([[9.0, 5.0, 4.0], [7.0, 0.0, 4.0], [9.0, 5.0, 4.0]])
FAMILY = np.array([0, 0, 1])


def problem(devices=(3, 2, 3), homes=None):
    homes = None if homes is None else np.array(homes)
    return Problem(np.array(devices), PEAK, FAMILY, np.array([70.0, 90.0, 80.0]),
                   np.array([12.0, 6.0]), homes)


def test_equal_rows_are_one_type():
    alike = groups(PEAK)
    assert alike == [[0, 2], [1]]
    merged = merge(problem(homes=[[2, 1], [1, 0], [0, 3]]), alike)
    assert merged.devices.tolist() == [6, 2] and merged.peak.tolist() == PEAK[:2].tolist()
    assert merged.homes.tolist() == [[2, 4], [1, 0]]


def test_devices_stay_where_they_are():
    hosted = np.array([[0, 2, 0], [0, 0, 1], [1, 1, 1]])
    counts, served = np.array([[2, 2, 2], [0, 0, 1]]), np.array([[9.0, 8, 4], [0, 0, 2]])
    full, rates = split(problem(), groups(PEAK), hosted, counts, served)
    assert full.tolist() == [[1, 2, 0], [0, 0, 1], [1, 0, 2]]
    assert gather(full, groups(PEAK)).tolist() == counts.tolist()
    assert gather(rates, groups(PEAK)) == pytest.approx(served)
    assert np.maximum(0, full - hosted).sum() == 2      # one more of variant 0, one of variant 2


@given(st.lists(st.integers(0, 3), min_size=9, max_size=9), st.data())
def test_a_split_fits_and_moves_as_little_as_the_sum(cells, data):
    hosted = np.array(cells).reshape(3, 3) * (PEAK > 0)
    devices = hosted.sum(axis=1) + data.draw(st.integers(0, 2))
    of, alike = problem(devices), groups(PEAK)
    room = gather(devices, alike).tolist()
    counts = np.zeros((2, 3), int)
    for g, j in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2)):
        counts[g, j] = data.draw(st.integers(0, room[g]))
        room[g] -= counts[g, j]
    full, rates = split(of, alike, hosted, counts, counts * 1.5)
    assert (full >= 0).all() and (full.sum(axis=1) <= devices).all()
    assert np.array_equal(gather(full, alike), counts)
    assert rates == pytest.approx(full * 1.5)
    moved = np.maximum(0, counts - gather(hosted, alike)).sum()
    assert np.maximum(0, full - hosted).sum() == moved


def test_a_split_respects_the_homes():
    homes = [[1, 2], [0, 0], [2, 0]]
    of = problem(homes=homes)
    full, _ = split(of, groups(PEAK), np.zeros((3, 3), int), np.array([[2, 1, 2], [0, 0, 0]]),
                    np.ones((2, 3)))
    assert full[:, :2].sum(axis=1).tolist() == [1, 0, 2] and full[:, 2].tolist() == [2, 0, 0]


@pytest.mark.parametrize("name", ["milp_37", "milp_40", "milp_36"])
def test_the_optimum_is_that_of_the_types_apart(name):
    case = next(c for c in oracle("milp")["instances"] if c["name"] == name)
    peak = np.array(case["p"], float)
    of = Problem(np.array(case["N"]), peak, np.array(case["family"]),
                 np.array(case["accuracy"], float), np.array(case["demand"], float))
    alike = groups(peak)
    assert len(alike) == 3                              # cpu, and vpu with the cpu's figures
    solution = programs.proteus(merge(of, alike), case["beta"]).solve(1e-4, 60.0)
    assert solution.objective == pytest.approx(case["optimum"], rel=1e-4)
    full, rates = split(of, alike, np.zeros(peak.shape, int), solution.counts, solution.served)
    assert (full.sum(axis=1) <= of.devices).all()
    assert (case["beta"] * rates <= peak * full + 1e-6).all()
    assert np.bincount(of.family, rates.sum(axis=0)) == pytest.approx(of.demand)
