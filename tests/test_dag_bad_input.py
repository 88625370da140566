"""Every row of what a graph, a machine or options may not be: the message word for word."""
from __future__ import annotations

from typing import Any

import pytest

from envs.core.errors import ScenarioError, SuiteError, TraceError
from envs.core.options import build
from envs.dag.fitting import check_clock, check_fit, check_kinds, check_total
from envs.dag.formats import graph_from
from envs.dag.machine import Machine
from envs.dag.options import Options
from envs.dag.replay import Trace
from envs.dag.scenario import Scenario
from envs.dag.units import LONGEST
from tests.dag_oracles import oracle

CASES = oracle("bad_input")["cases"]
MACHINE = {"unit": "1", "workers": [{"type": "gpu", "memory": 200}, {"type": "cpu"}]}


def open_case(case: dict[str, Any], where: str = "") -> None:
    """All that happens to an input before a run."""
    graph = graph_from(case["graph"], where) if "graph" in case else None
    machine = Machine.from_config(case["machine"], where) if "machine" in case else None
    options = build(Options, case.get("options", {}), where)
    if graph is not None and machine is not None:
        check_fit(graph, machine, options)


def graph(**keys: Any) -> Any:
    tasks = [{"id": "a", "duration": {"cpu": 1}}]
    return graph_from({"format": "dag-1", "name": "mine", "unit": "1", "tasks": tasks, **keys})


@pytest.mark.filterwarnings("ignore:durations on")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["message"])
def test_shared_cases(case):
    with pytest.raises(SuiteError) as error:
        open_case(case)
    assert str(error.value) == case["message"]
    with pytest.raises(SuiteError) as error:
        open_case(case, "my.json")
    assert str(error.value) == f"my.json: {case['message']}"


@pytest.mark.parametrize("case", [case for case in CASES if "graph" not in case],
                         ids=lambda case: case["message"])
def test_mistakes_of_a_machine_are_those_of_a_scenario(case):
    with pytest.raises(ScenarioError) as error:
        Scenario.from_config({"machine": case["machine"]}, "my.yaml")
    assert str(error.value) == f"my.yaml: machine: {case['message']}"


@pytest.mark.parametrize("unit, keys, message", [
    ("us", {}, "graph mine has unit '1', machine has unit 'us'; give both real units or both '1' "
     "with one resolution"),
    ("1", {"resolution": 2}, "graph mine has resolution 2, machine has resolution 1; give both"),
])
def test_units_do_not_mix(unit, keys, message):
    with pytest.raises(ScenarioError) as error:
        check_fit(graph(**keys), Machine.from_config({**MACHINE, "unit": unit}), Options())
    assert message in str(error.value)


def test_real_units_go_together():
    check_fit(graph(unit="ms"), Machine.from_config({**MACHINE, "unit": "us"}), Options())


def test_a_type_that_the_machine_lacks_is_ignored_with_a_warning():
    tasks = [{"id": "a", "duration": {"cpu": 1, "tpu": 2}}]
    with pytest.warns(UserWarning, match="durations on 'tpu' are ignored; the machine has 'cpu', "):
        check_fit(graph(tasks=tasks), Machine.from_config(MACHINE), Options())


def test_payloads_count_in_the_working_set():
    tasks = [{"id": name, "duration": {"gpu": 1}} for name in "ab"]
    big = graph(tasks=tasks, edges=[["a", "b", 300]])
    with pytest.raises(TraceError, match="task 'a': its tiles need 300 bytes, but worker 0"):
        check_fit(big, Machine.from_config(MACHINE), Options())
    for comm in ("none", "matrix"):
        check_fit(big, Machine.from_config({**MACHINE, "comm": comm}), Options())


def test_the_first_task_in_the_file_is_reported():
    tasks = [{"id": "a", "duration": {"cpu": 1}}, {"id": "b", "duration": {"tpu": 1}},
             {"id": "c", "duration": {"npu": 1}}]
    with pytest.raises(TraceError, match="task 'b': no worker can run it"):
        check_fit(graph(tasks=tasks), Machine.from_config(MACHINE), Options())


def test_a_cycle_is_looked_for_last():
    tasks = [{"id": name, "duration": {"cpu": 1}} for name in "ab"]
    with pytest.raises(TraceError, match="edge b -> q: unknown task 'q'"):
        graph(tasks=tasks, edges=[["a", "b"], ["b", "a"], ["b", "q"]])


@pytest.mark.parametrize("options, match", [
    ({"sigma": -0.1}, "sigma.*-0.1"), ({"sigma": {"gemm": -1}}, "sigma.gemm"),
    ({"sigma": float("nan")}, "sigma"), ({"window": 0}, "window.*integer >= 1"),
    ({"visible": "all"}, "valid: full, window, frontier"), ({"wait": "no"}, "allowed, never"),
    ({"noise": "normal"}, "valid: none, lognormal, truncnorm"), ({"seed": -1}, "seed"),
    ({"policy": "mct_wiat"}, 'policy: unknown value "mct_wiat"; did you mean "mct_wait"'),
    ({"policy": "static:hft"}, 'did you mean "static:heft"'),
    ({"env": {"rollout_policy": "dmda"}}, "env.rollout_policy"), ({"env": {"slots": 0}}, "slots"),
    ({"env": {"reward": "regrets"}}, "valid: makespan, jct, regret, final"),
    ({"env": {"horizon": 0}}, "env.horizon"),
    ({"env": {"time_scale": 0.5}}, "env.time_scale"), ({"envs": {}}, 'did you mean "env"'),
    ({"oversize": "skip"}, "valid: error, exclude"), ({"env": {"kinds": "gemm"}}, "kinds"),
    ({"workload": []}, "workload.train"), ({"workload": {"trian": ["a"]}}, 'unknown key "trian"'),
    ({"workload": {"train": ["a"], "poisson": {"jobs": 3}}}, "give either rate or load"),
    ({"workload": {"train": ["a"], "poisson": {"rate": 0}}}, "poisson.rate"),
    ({"workload": {"train": ["a"], "poisson": {"rate": 1, "jobs": 0}}}, "poisson.jobs"),
    ({"workload": {"train": ["a"], "poisson": {"rate": 1, "weights": [1, 2]}}}, "2 weights for 1"),
    ({"workload": {"train": ["a"], "poisson": {"rate": 1, "weights": [0]}}}, "add up to nothing"),
])
def test_options_name_the_key_and_what_is_valid(options, match):
    with pytest.raises(ScenarioError, match=match) as error:
        Scenario.from_config({"machine": MACHINE, **options}, "my.yaml")
    assert str(error.value).startswith("my.yaml: ")


@pytest.mark.parametrize("machine, match", [
    ({"workers": [{"count": 1}]}, r"workers\[0\].type: a device type is missing"),
    ({"workers": [{"type": "cpu", "cuont": 1}]}, r"workers\[0\].cuont: unknown key; did you mean"),
    ({"workers": [{"type": "cpu", "count": 10**6}]}, "workers: more than 4096"),
    ({"wrokers": []}, 'wrokers: unknown key; did you mean "workers"'),
    ({**MACHINE, "peer": {"latency": "x"}}, "peer.latency: must be a finite number >= 0, found x"),
    ({**MACHINE, "peer": 3}, "peer: must be a mapping, found 3"),
    ({**MACHINE, "peer": "k40"}, "k40 is measured in time, the machine has unit '1'"),
    ({**MACHINE, "network": "fair", "bus": {"up": 0}}, "bus.up: must be a number > 0 or null"),
    ({**MACHINE, "comm": "matrix", "matrix": {"latency": [[0]]}}, "number or a table of 2 x 2"),
    ({**MACHINE, "comm": "matrix", "matrix": {"bandwidth": [[1, 1], [0, 1]]}},
     r"matrix.bandwidth\[1\]\[0\]: must be a number > 0 or null, found 0"),
    ({"unit": "us", "workers": [{"type": "gpu", "preset": "k41"}]}, 'did you mean "k40"'),
    ({"workers": [{"type": "gpu", "memory_tiles": 0}]}, "memory_tiles: must be an integer >= 1"),
    ({"workers": [{"type": "gpu", "tile_bytes": 9}]}, "tile_bytes: no effect without memory_tiles"),
    ({"unit": "us", "peer": "v100", "workers": [{"type": "cpu"}]}, "peer: no link is known for"),
])
def test_machines_name_the_key(machine, match):
    with pytest.raises(ScenarioError, match=match):
        Machine.from_config(machine)


def test_sigma_needs_a_known_kind():
    options = build(Options, {"noise": "lognormal", "sigma": {"gem": 0.1}}, "")
    with pytest.raises(ScenarioError, match=r'sigma.gem: no task is of this kind; did you mean "'):
        check_kinds({"gemm", "potrf"}, options, "my.yaml")
    check_kinds({"gem"}, options, "my.yaml")


def test_what_is_longer_than_the_clock_is_refused():
    check_total(LONGEST, "mine")
    with pytest.raises(ScenarioError, match=r"more than 2\*\*60; choose a coarser unit"):
        check_total(LONGEST * 1.01, "mine")
    tasks = [{"id": i, "duration": {"cpu": LONGEST // 2}} for i in range(3)]
    with pytest.raises(ScenarioError, match="durations, transfers and arrivals add up"):
        check_fit(graph(tasks=tasks), Machine.from_config(MACHINE), Options())


def test_the_jobs_of_a_trace_share_one_clock():
    tasks = [{"id": "a", "duration": {"cpu": LONGEST // 3}}]
    trace = Trace.from_rows([[0, graph(tasks=tasks)]] * 3)
    check_clock(trace, Machine.from_config(MACHINE))
    with pytest.raises(ScenarioError, match="jobs: durations, transfers and arrivals add up"):
        check_clock(Trace.from_rows([[0, graph(tasks=tasks)]] * 4), Machine.from_config(MACHINE))
