"""Sia: recorded optima, configurations and values by hand, failures, and runs."""
from __future__ import annotations

import numpy as np
import pytest

from envs.cluster.planning import make_elastic
from envs.cluster.planning.elastic import configurations
from envs.cluster.planning.sia import SiaProblem, choose_configurations
from envs.cluster.scenario import load_scenario
from envs.cluster.simulate import simulate
from envs.cluster.workloads import open_workload
from envs.core.errors import PolicyError, ScenarioError
from envs.core.lp import Unsolved
from envs.core.mip import Mip, Outcome
from tests.cluster_oracles import oracle
from tests.cluster_views import ONE_TYPE, TWO_TYPES, system, view

CASES = oracle("lp/sia")
CURVE = {"1": 1, "2": 1.9, "4": 3.4, "8": 5.6}


def problem_of(case, **more):
    return SiaProblem(
        np.array(case["goodput"]), np.array(case["config_gpus"]), np.array(case["config_type"]),
        np.array(case["capacity"], float), np.array(case["realloc_factor"]),
        np.array(case["present_config"]), case["p"], case["no_allocation_penalty"], **more)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_recorded_optima(case):
    problem = problem_of(case)
    found = choose_configurations(problem)
    assert found.objective == pytest.approx(case["expected_objective"], abs=1e-6, rel=1e-6)
    assert found.bound == pytest.approx(found.objective, abs=1e-6)
    given = np.flatnonzero(found.config >= 0)
    config = found.config[given]
    used = np.bincount(problem.config_type[config], problem.config_gpus[config],
                       len(problem.capacity))
    assert (used <= problem.capacity).all() and (problem.goodput[given, config] > 0).all()
    cost = problem.cost()[given, config].sum() + 1.1 * (len(problem.goodput) - len(given))
    assert cost == pytest.approx(found.objective, rel=1e-9)


def test_configurations_are_powers_of_two_and_whole_nodes():
    gpus, kind = configurations(np.array([4, 6]), np.array([12, 6]))
    assert gpus.tolist() == [1, 2, 4, 8, 12, 1, 2, 4, 6]
    assert kind.tolist() == [0] * 5 + [1] * 4


def test_costs_by_hand():
    """A stay counts in full, a change by the factor, and 1e4 is the most."""
    problem = SiaProblem(np.array([[2.0, 8.0, 0.0], [1.0, 1.0, 4.0]]), np.array([1, 2, 4]),
                         np.zeros(3, int), np.array([4.0]), np.array([0.25, 0.0]),
                         np.array([0, 2]))
    assert problem.cost().tolist() == [[1, 1, np.inf], [1e4, 1e4, 0.5]]


def elastic(jobs, cluster=ONE_TYPE, **more):
    jobs = [{"min_gpus": 1, "max_gpus": 8, **j} for j in jobs]
    return make_elastic(system(jobs, cluster, elastic={"policy": "sia", **more},
                               classes=[{"speed": [1, 0.5][:len(cluster["types"])],
                                         "curve": CURVE, "restart_s": 30}]))


def test_a_job_begins_on_one_gpu_and_doubles():
    made = elastic([{}, {}])
    assert made.allocate(view(made.system))[1].tolist() == [1, 1]
    grown = made.goodput(np.array([0, 1]), np.array([2, 3]))
    assert (grown > 0).tolist() == [[True, True, True, False], [True, True, True, False]]


def test_a_job_that_needs_more_begins_there():
    made = elastic([{"gpus": 4, "min_gpus": 3}])
    kind, gpus = made.allocate(view(made.system))
    assert (kind.tolist(), gpus.tolist()) == ([0], [4])


def test_allowed_sizes_are_kept():
    odd = elastic([{"gpus": 6, "min_gpus": 3, "max_gpus": 7}])
    assert odd.possible(np.array([0])).tolist() == [[False, False, True, False]]
    three = {"types": ["gpu"], "nodes": [{"type": 0, "gpus": 3, "count": 4}]}
    wide = elastic([{"max_gpus": 12}, {"max_gpus": 6}], three, sizes="pow2")
    assert wide.gpus.tolist() == [1, 2, 3, 6, 9, 12]
    assert wide.possible(np.array([0, 1])).tolist() == [
        [True, True, False, False, False, True], [True, True, False, True, False, False]]


def test_goodput_is_the_rate_of_a_class_without_parameters():
    made = elastic([{"gpus": 2}], TWO_TYPES)
    row = made.goodput(np.array([0]), np.array([8]))[0]
    assert row == pytest.approx([1 / 1.9, 1, 3.4 / 1.9, 5.6 / 1.9, 0.5 / 1.9, 0.5, 1.7 / 1.9])


def test_goodput_of_a_class_with_parameters():
    case = {k: v for k, v in oracle("goodput")[0].items() if k != "expected"}
    made = make_elastic(system([{"min_gpus": 1, "max_gpus": 8}], elastic={"policy": "sia"},
                               classes=[{"speed": [1, 0.5], "goodput": case}]))
    row = {(e["nodes"], e["replicas"]): e["goodput"] for e in oracle("goodput")[0]["expected"]}
    relative = [row[a, r] / row[1, 1] for a, r in ((1, 1), (1, 2), (1, 4), (2, 8))]
    found = made.goodput(np.array([0]), np.array([8]))[0]
    assert found == pytest.approx([*relative, *(0.5 * np.array(relative[:3]))])


def test_the_factor_of_a_restart():
    made = elastic([{}] * 3)
    seen = view(made.system, now_s=170, restarts=[0, 2, 9])
    assert made.factor(seen) == pytest.approx([170 / 200, 110 / 200, 0])
    assert made.factor(view(made.system, now_s=29, restarts=[0, 2, 9])).tolist() == [1, 1, 1]


def test_jobs_inside_their_restart_keep_theirs():
    made = elastic([{}, {}])
    held = view(made.system, now_s=1000, gpu_type=[0, -1], gpus=[8, 0], nodes=[2, 0],
                most=[8, 0], in_overhead=[True, False])
    kind, gpus = made.allocate(held)
    assert (kind.tolist(), gpus.tolist()) == ([0, -1], [8, 0])
    kind, gpus = made.allocate(view(made.system, gpu_type=[0, 0], gpus=[4, 4],
                                    in_overhead=[True, True]))
    assert (gpus.tolist(), len(made.solves)) == ([4, 4], 1)


def test_types_and_up_gpus_limit_the_choice():
    made = elastic([{}, {"gpu_type": 1}, {"gpu_type": 1}], TWO_TYPES)
    kind, gpus = made.allocate(view(made.system, up_gpus=[8, 1]))
    assert kind[0] == 0 and gpus[0] == 1 and sorted(gpus[1:].tolist()) == [0, 1]


def test_a_job_without_a_configuration_is_an_error():
    with pytest.raises(ScenarioError, match=r"job 1 has no configuration of sia .* from 3 to 3"):
        elastic([{}, {"gpus": 3, "min_gpus": 3, "max_gpus": 3}])


def test_no_time_is_an_error_with_its_fallback():
    made = elastic([{}], time_limit_s=0)
    with pytest.raises(PolicyError, match=r"elastic: sia timed out \(gap .*what jobs hold"):
        made.allocate(view(made.system))


def test_the_fallback_keeps_what_jobs_hold():
    made = elastic([{}, {}], time_limit_s=0, on_failure="fallback")
    with pytest.warns(UserWarning, match="sia timed out"):
        kind, gpus = made.allocate(view(made.system, gpu_type=[0, -1], gpus=[2, 0]))
    assert (kind.tolist(), gpus.tolist()) == ([0, -1], [2, 0])
    assert made.solves[0]["status"] == "timed out"


def test_an_unproven_choice_says_its_gap(monkeypatch):
    exact = Mip.solve

    def early(self, gap, time_limit_s):
        outcome = exact(self, gap, time_limit_s)
        return Outcome("feasible", outcome.seconds, outcome.objective, 1.5 * outcome.objective,
                       outcome.values)

    monkeypatch.setattr(Mip, "solve", early)
    with pytest.raises(Unsolved) as failure:
        choose_configurations(problem_of(CASES[0]))
    assert failure.value.status == "timed out" and failure.value.gap == pytest.approx(0.5)


def test_a_run_grows_jobs_and_can_be_repeated():
    jobs = [{"arrival_s": 40 * i, "duration_s": 900, "min_gpus": 1, "max_gpus": 8}
            for i in range(5)]
    of = system(jobs, ONE_TYPE, [{"curve": CURVE}], round_s=60, elastic={"policy": "sia"})
    first, second = (simulate(of.scenario, of.trace) for _ in range(2))
    assert (first.jobs["finish_us"] > 0).all()
    assert np.array_equal(first.segments, second.segments)
    nodes = first.pieces["gpus"]
    widths = [int(nodes[s["first"]:s["first"] + s["count"]].sum()) for s in first.segments]
    assert widths[0] == 1 and max(widths) >= 4 and set(widths) <= {1, 2, 4, 8}
    assert all(s["status"] == "optimal" for s in first.solves)


def test_elastic_jobs_end_sooner_than_rigid_ones():
    scenario = load_scenario("elastic-32", {"elastic": {"policy": "sia"}, "round_s": 600})
    trace = open_workload(scenario.options.trace, scenario).part("test", 1)[0].trace.window(0, 30)
    rigid = simulate(load_scenario("elastic-32", {"round_s": 600}), trace)
    grown = simulate(scenario, trace)
    assert grown.jobs["finish_us"].mean() < rigid.jobs["finish_us"].mean()
