"""Scenarios: those that ship, overrides, defaults, and what a check says of them."""
from __future__ import annotations

import pytest

from envs.core.errors import ScenarioError
from envs.core.options import build, defaults
from envs.dag.check import check
from envs.dag.formats import graph_from
from envs.dag.options import Options
from envs.dag.scenario import Scenario, load_scenario, scenario_names
from envs.dag.workloads import PARTS, open_workload
from tests.scripting import run

MACHINE = {"unit": "1", "workers": [{"type": "gpu", "memory": 200}, {"type": "cpu"}]}
NAMES = ("chol8_k40", "chol_readys", "literature", "lu_qr", "memory", "mixed", "noisy", "random",
         "stream", "tiled", "workflows")


def small(**keys) -> Scenario:
    return Scenario.from_config({"machine": MACHINE, **keys}, "my.yaml")


def one(duration: dict, **keys):
    return graph_from({"format": "dag-1", "unit": "1", "tasks": [{"id": "a", "duration": duration}],
                       **keys})


def test_the_scenarios_that_ship():
    assert tuple(scenario_names()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_nothing_stands_in_the_way_of_a_scenario_that_ships(name):
    scenario = load_scenario(name)
    report = check(scenario)
    assert not report.problems, report.findings
    assert report.verdict.startswith("ok: ") and len(report.sections()) == 2
    assert scenario.options.env.kinds is None \
        or set(scenario.options.env.kinds) == {k for g in report.graphs for k in g.kinds}


@pytest.mark.parametrize("name", NAMES)
def test_every_part_of_a_scenario_has_windows(name):
    workload = open_workload(None, load_scenario(name))
    for part in PARTS:
        assert workload.part(part) and workload.pool(part).trace(0).jobs


def test_defaults_are_those_of_the_domain():
    plain = defaults(Options)
    assert (plain["policy"], plain["noise"], plain["sigma"]) == ("mct_wait", "none", 0.0)
    assert (plain["visible"], plain["window"], plain["wait"]) == ("full", 1, "allowed")
    assert (plain["oversize"], plain["objective"], plain["seed"]) == ("error", "makespan", 0)
    env = plain["env"]
    assert (env.reward, env.reward_scale, env.oracle) == ("makespan", "lb", "rollout")
    assert (env.slots, env.view, env.nodes, env.edges) == (32, "slots", 128, 512)
    assert env.slot_order is env.time_scale is env.kinds is env.horizon is env.max_decisions is None


def test_overrides_reach_machine_and_options():
    scenario = load_scenario("tiled", {"machine": {"prefetch": 0}, "env": {"slots": 8}})
    assert scenario.machine.prefetch == 0 and scenario.options.env.slots == 8
    again = scenario.merge({"sigma": {"gemm": 0.3}})
    assert again.machine == scenario.machine and again.name == "tiled"
    assert again.options.sigma_of("gemm") == 0.3 and again.options.sigma_of("potrf") == 0
    assert again.replace(sigma=0.2).options.sigma_of(None) == 0.2


def test_names_in_use_elsewhere_are_understood():
    assert build(Options, {"policy": "eager"}, "").policy == "fifo"
    quiet = build(Options, {"sigma": 0.5}, "")
    assert quiet.greatest_sigma == quiet.sigma_of("gemm") == 0
    assert build(Options, {"sigma": {"a": 1, "b": 2}, "noise": "lognormal"}, "").greatest_sigma == 2


def test_a_machine_may_lie_in_a_file_of_its_own(tmp_path):
    (tmp_path / "machine.yaml").write_text("unit: '1'\nworkers: [{type: cpu, count: 4}]\n")
    (tmp_path / "mine.yaml").write_text("machine: machine.yaml\nworkload: ['chain(n=3)']\n")
    scenario = load_scenario(tmp_path / "mine.yaml")
    assert len(scenario.machine) == 4 and scenario.workload.test == ("chain(n=3)",)
    (tmp_path / "machine.yaml").write_text("workers: []\n")
    with pytest.raises(ScenarioError, match=r"machine\.yaml: workers: a machine needs at least"):
        load_scenario(tmp_path / "mine.yaml")


def test_errors_blame_the_overrides_where_the_file_is_fine():
    with pytest.raises(ScenarioError, match="options: wait: unknown value"):
        load_scenario("tiled", {"wait": "maybe"})
    with pytest.raises(ScenarioError, match="no machine is given"):
        load_scenario({"sigma": 0.1})
    with pytest.raises(ScenarioError, match='did you mean "tiled"'):
        load_scenario("tield")


@pytest.mark.parametrize("keys, graph, problem, about, what", [
    ({}, one({"cpu": 1, "tpu": 2}), False, "durations", "'tpu' are ignored"),
    ({}, one({"cpu": 1}), False, "worker type gpu", "no task can run on it"),
    ({}, one({"tpu": 1}), True, "graph", "no worker can run it"),
    ({"sigma": 0.1}, None, False, "sigma", "no effect with noise none"),
    ({"noise": "lognormal"}, None, False, "noise", "sigma 0 changes nothing"),
    ({"window": 2}, None, False, "window", "no effect with visible full"),
    ({"visible": "frontier", "policy": "static:heft"}, None, False, "policy", "not visible yet"),
    ({}, one({"gpu": 1}, tiles={"A": 10}), False, "memory", "nothing is evicted"),
])
def test_a_check_says_what_has_no_effect(keys, graph, problem, about, what):
    report = check(small(**keys), graph)
    found = [f for f in report.findings if f.about == about]
    assert found and found[0].problem == problem and what in found[0].what, report.findings
    assert bool(report.problems) == problem


def test_a_check_notices_memory_for_hardly_a_task():
    graph = graph_from({"format": "dag-1", "unit": "1", "tiles": {"A": 101, "B": 50}, "tasks": [
        {"id": "a", "duration": {"gpu": 1}, "access": [["A", "R"], ["B", "RW"]]}]})
    found = check(small(), graph).findings
    assert any("hardly two tasks share it" in f.what for f in found)


def test_a_machine_alone_can_be_checked():
    assert check(small()).verdict == "ok: 1 gpu, 1 cpu"


def test_the_script_says_what_does_not_fit(capsys):
    assert run("check_scenario", "env=dag", "scenario=tiled") == 0
    assert "ok: 10 graphs of 20 to 364 tasks on 2 gpu, 2 cpu" in capsys.readouterr().out
    assert run("check_scenario", "env=dag", "scenario=tiled", "trace=topcuoglu") == 1
    assert "problem: " in capsys.readouterr().out
    assert run("check_scenario", "env=dag", "scenario=tiled", "trace=choleski(n=3)") == 2
