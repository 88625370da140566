"""From counts to devices, and which variants Clipper takes."""
import numpy as np
import pytest

from envs.blis.planning.clipper import variants
from envs.blis.planning.placement import place
from envs.blis.planning.programs import Problem
from envs.blis.scenario import Scenario
from envs.blis.system import bind
from tests.blis_oracles import oracle

PLANNING = oracle("planning")


def indices(values):
    return np.array([-1 if v is None else v for v in values])


def problem_of(peak, family):
    return Problem(np.zeros(len(peak)), np.array(peak, float), np.array(family), np.zeros(0),
                   np.zeros(0))


@pytest.mark.parametrize("case", PLANNING["placement"], ids=range(len(PLANNING["placement"])))
def test_shared_placements(case):
    device_type = np.repeat(np.arange(len(case["N"])), case["N"])
    home = None if case["home"] is None else indices(case["home"])
    present = indices(case["present"])
    before = present.copy()
    target, weight = place(
        problem_of(case["p"], case["variants_family"]), np.array(case["n"]), np.array(case["y"]),
        device_type, present, case["spare"], home)
    assert target.tolist() == indices(case["target"]).tolist()
    assert weight == pytest.approx(np.array(case["weight"]), rel=1e-9, abs=1e-9)
    assert np.array_equal(present, before)


def test_devices_keep_what_the_plan_still_needs():
    problem = problem_of([[100.0, 50.0]], [0, 0])
    target, weight = place(problem, np.array([[1, 2]]), np.array([[40.0, 60.0]]),
                           np.zeros(4, int), np.array([1, 1, 1, 0]), "keep")
    assert target.tolist() == [1, 1, 1, 0]
    assert weight.tolist() == [30, 30, 0, 40]


def test_idle_devices_relieve_the_fullest():
    problem = problem_of([[100.0, 50.0]], [0, 1])
    target, weight = place(problem, np.array([[1, 1]]), np.array([[40.0, 40.0]]),
                           np.zeros(4, int), np.full(4, -1))
    assert target.tolist() == [0, 0, 1, 1]      # 1 is fuller; then both alike: the lower index
    assert weight.tolist() == [20, 20, 20, 20]


def test_without_work_nobody_is_relieved():
    problem = problem_of([[100.0]], [0])
    target, weight = place(problem, np.array([[1]]), np.array([[0.0]]), np.zeros(3, int),
                           np.array([-1, 0, -1]))
    assert target.tolist() == [-1, 0, -1] and weight.tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", PLANNING["clipper"]["choice"])
def test_clippers_variants(name):
    case = PLANNING["clipper"]
    scenario = Scenario.from_config({"accelerators": case["accelerators"],
                                     "batch_sizes": case["batch_sizes"]})
    system = bind(scenario, case["families"], dict.fromkeys(case["families"], case["slo_ms"]))
    rule = {"clipper_ha": "most_accurate", "clipper_ht": "throughput",
            "clipper_ht least_accurate": "least_accurate"}[name]
    problem = Problem(system.count, system.peak, system.variant_family, system.accuracy,
                      np.ones(len(system.families)))
    chosen = [system.variants[j].split("/")[1] for j in variants(problem, rule)]
    assert chosen == case["choice"][name]


def test_infeasible_variants_are_a_last_resort():
    problem = Problem(np.array([1]), np.array([[0.0, 5.0, 0.0, 0.0]]), np.array([0, 0, 1, 1]),
                      np.array([99.0, 80.0, 70.0, 90.0]), np.ones(2))
    assert variants(problem, "most_accurate") == [1, 3]
    assert variants(problem, "least_accurate") == [1, 2]
