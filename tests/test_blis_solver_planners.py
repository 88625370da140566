"""Planners with a solver: what they commit, what they report, when they stand still."""
from dataclasses import replace

import numpy as np
import pytest

from envs.blis.scenario import Scenario
from envs.blis.system import bind
from envs.core.mip import Mip, Outcome
from tests.planning_cases import AL, AS, BS, NONE, planner, requests, system, view

SOLVERS = ("blis_ilp", "max_throughput", "proteus", "sommelier", "clipper_ha", "clipper_ht")


def start(of, demand, **more):
    made = planner(of, demand, **more)
    return made, made.start(view(of, window=-1, arrivals=np.zeros((0, 2))))


@pytest.mark.parametrize("policy", SOLVERS)
def test_weights_are_the_rates_to_serve(policy):
    of = system(policy=policy)
    made, plan = start(of, (60, 50))
    family = np.where(plan.target >= 0, of.variant_family[plan.target], -1)
    for k, rate in enumerate((60, 50)):
        assert plan.weight[family == k].sum() == pytest.approx(rate)
    assert made.solves[0]["status"] == "optimal" and made.solves[0]["window"] == -1
    assert made.solves[0]["gap"] <= 1e-4


@pytest.mark.parametrize("policy", SOLVERS)
def test_without_demand_nothing_is_done(policy):
    made, plan = start(system(policy=policy), (0, 0))
    assert plan is None and made.solves == []


def test_proteus_takes_the_most_accurate_plan_that_fits():
    _, plan = start(system(policy="proteus"), (150, 50))
    assert sorted(plan.target.tolist()[:3]) == [AL, AL, BS]     # head-room: 2 * 100/1.05
    _, plan = start(system(policy="proteus"), (400, 50))
    assert sorted(plan.target.tolist()[:3]) == [AS, AL, BS]
    assert plan.target.tolist()[3:] == [AS, AS]


def test_proteus_lowers_its_head_room():
    made, plan = start(system(policy="proteus"), (690, 50))     # 250 + 250 + 100 + 100
    assert made.solves[0]["beta"] == 1.0 and plan is not None
    made, _ = start(system(policy="proteus"), (1400, 50))
    assert made.solves[0]["beta"] < 0.55


def test_an_infeasible_program_leaves_the_plan_alone():
    made, plan = start(system(policy="blis_ilp", beta=1.0), (5000, 50))
    assert plan is None
    assert (made.solves[0]["status"], made.solves[0]["objective"]) == ("infeasible", None)


def test_an_incumbent_at_the_time_limit_is_used_and_reported(monkeypatch):
    exact = Mip.solve

    def hurried(self, gap, time_limit_s):
        return replace(exact(self, gap, time_limit_s), status="feasible", bound=2.0)

    monkeypatch.setattr(Mip, "solve", hurried)
    made, plan = start(system(policy="proteus"), (60, 50))
    assert plan is not None
    assert made.solves[0]["status"] == "feasible" and made.solves[0]["gap"] > 1


def test_without_an_incumbent_the_plan_stays(monkeypatch):
    monkeypatch.setattr(Mip, "solve", lambda *_: Outcome("no_solution", 10.0))
    made, plan = start(system(policy="proteus"), (60, 50))
    assert plan is None and [s["status"] for s in made.solves] == ["no_solution"]


def test_later_plans_follow_the_demand_and_keep_devices():
    of = system(policy="proteus", demand={"kind": "last"})
    made, first = start(of, (60, 50))
    quiet = made.plan(view(of, first.target, window=9, arrivals=[[30, 25]]))
    assert quiet.target.tolist() == first.target.tolist()
    busy = made.plan(view(of, first.target, window=19, arrivals=[[0, 0], [175, 25]]))
    assert busy.weight.sum() == pytest.approx(400)
    assert [s["window"] for s in made.solves] == [-1, 9, 19]


def test_the_penalty_counts_moves_from_the_present_devices():
    hosted, seen = [AS, NONE, BS, AS, AS], {"arrivals": [[125, 25]], "window": 9}
    options = {"policy": "proteus", "demand": {"kind": "last"}, "spare": "keep"}
    free, tied = system(**options), system(**options, move_penalty=1)
    assert sorted(planner(free).plan(view(free, hosted, **seen)).target.tolist()[:3]) == [
        AL, AL, BS]
    assert planner(tied).plan(view(tied, hosted, **seen)).target.tolist() == hosted


def test_future_demand_is_read_from_the_trace():
    of = system(policy="proteus", period=2, demand={"kind": "future"})
    trace = requests([0, *range(501, 601), 700], [0] + [0] * 100 + [1])
    plan = planner(of, (1, 1), trace=trace).plan(view(of, window=0, trace=trace))
    assert plan.weight.sum() == pytest.approx(101)      # per second, over two windows


@pytest.mark.parametrize("policy", ["blis_ilp", "max_throughput", "proteus"])
def test_the_start_may_be_static(policy):
    made, plan = start(system(policy=policy, initial="static"), (60, 50))
    assert plan.target.tolist() == [AS, BS, NONE, AS, NONE]
    assert plan.weight is None and made.solves == []


def families(of, plan):
    return [int(of.variant_family[j]) if j >= 0 else -1 for j in plan.target]


def test_sommelier_never_gives_a_device_to_another_family():
    of = system(policy="sommelier", demand={"kind": "last"})
    made, first = start(of, (60, 50))
    assert len(made.solves) == 2                        # the homes, then inside them
    home = families(of, first)
    later = made.plan(view(of, first.target, window=9, arrivals=[[1, 300]]))
    assert families(of, later) == home
    assert made.solves[-1]["beta"] < 1                  # b's homes cannot serve 600 req/s


@pytest.mark.parametrize("placement", ["static", "load_proportional"])
def test_sommeliers_homes_may_come_from_a_heuristic(placement):
    of = system(policy="sommelier", placement=placement)
    made, plan = start(of, (60, 50))
    assert len(made.solves) == 1
    homes = {"static": [0, 1, -1, 0, -1], "load_proportional": [0, 0, 1, 0, -1]}[placement]
    assert families(of, plan) == homes


def test_sommelier_may_stay_with_its_placement():
    made, plan = start(system(policy="sommelier", placement="static", initial="static"), (60, 50))
    assert plan.target.tolist() == [AS, BS, NONE, AS, NONE] and made.solves == []


def test_clipper_hosts_one_variant_per_family():
    _, accurate = start(system(policy="clipper_ha"), (150, 50))
    assert set(accurate.target.tolist()) - {NONE} == {AL, BS}
    _, fast = start(system(policy="clipper_ht"), (150, 50))
    assert set(fast.target.tolist()) - {NONE} == {AS, BS}


def test_the_shipped_profile_is_planned_exactly():
    """At Zipf shares and 700 req/s nearly everybody gets the most accurate variant."""
    names = ("bert", "densenet", "efficientnet", "gpt2", "mobilenet", "resnest", "resnet", "t5",
             "yolo")
    scenario = Scenario.from_config({
        "batch_sizes": [1, 2, 4, 8], "allocation": {"policy": "proteus"},
        "accelerators": [{"name": "cpu", "count": 10}, {"name": "gpu_ampere", "count": 10},
                         {"name": "vpu", "profile": "cpu", "count": 10},
                         {"name": "gpu_pascal", "count": 10}]})
    of = bind(scenario, names, dict.fromkeys(names, 300))
    made = planner(of, np.full(9, 700 / 9))
    plan = made.start(view(of, window=-1, arrivals=np.zeros((0, 2))))
    assert made.solves[0]["objective"] > 0.97
    assert plan.weight.sum() == pytest.approx(700)
