"""Windows and pools: parts, seeds, streams at a load, recorded traces, names and paths."""
from __future__ import annotations

import json

import pytest

from envs.core.errors import ScenarioError, TraceError
from envs.core.philox import uniforms
from envs.dag.fitting import least_work
from envs.dag.formats import write_graph
from envs.dag.generate import open_graph
from envs.dag.graph import checksum
from envs.dag.replay import Trace, write_trace
from envs.dag.scenario import Scenario, load_scenario
from envs.dag.workloads import open_workload, workload_names

MACHINE = {"unit": "1", "comm": "none",
           "workers": [{"type": "gpu", "count": 2}, {"type": "cpu", "count": 2}]}
LISTED = {"train": ["cholesky(n=3)", "layered(n=9,seed=episode)"], "test": ["lu(n=3)"]}
STREAM = {"train": ["cholesky(n=3)", "lu(n=2)"], "poisson": {"rate": 0.1, "jobs": 7}}


def workload(trace=None, **keys):
    return open_workload(trace, Scenario.from_config({"machine": MACHINE, **keys}, "my.yaml"))


def checksums(windows) -> list[str]:
    return [checksum(window.trace.jobs[0].graph) for window in windows]


def test_parts_have_their_graphs_and_seeds():
    listed = workload(workload=LISTED)
    train, test = listed.part("train"), listed.part("test")
    assert [w.seed for w in train] == [0, 1, 2, 3]
    assert [w.name for w in train[:2]] == ["cholesky(n=3)#0", "layered(n=9,seed=episode)#1"]
    assert [(w.name, w.seed) for w in test] == [("lu(n=3)#1000000", 1_000_000)]
    assert [w.seed for w in listed.part("validation", 3)] == [500_000, 500_001, 500_002]
    with pytest.raises(TraceError, match='unknown part "tets"; did you mean "test"'):
        listed.part("tets")


def test_calls_with_the_episodes_seed_differ_from_window_to_window():
    train = workload(workload=LISTED).part("train", 6)
    assert train[0].trace.jobs[0].graph is train[2].trace.jobs[0].graph
    drawn = checksums(train[1::2])
    assert len(set(drawn)) == 3
    assert drawn[1] == checksum(open_graph("layered(n=9,seed=3)", "test"))


def test_noise_makes_further_windows_worth_running():
    keys = {"workload": ["cholesky(n=3)", "lu(n=3)"]}
    assert len(workload(**keys).part("test")) == 2
    assert len(workload(**keys, noise="lognormal", sigma=0.1).part("test")) == 6


def test_a_pool_chooses_by_the_episodes_seed():
    pool = workload(workload=LISTED).pool("train")
    assert [g.name for g in pool.graphs] == ["cholesky_3"] and len(pool.templates) == 1
    for seed in range(8):
        graph = pool.trace(seed).jobs[0].graph
        if uniforms(seed, 8, 0) < 0.5:
            assert graph is pool.graphs[0]
        else:
            assert checksum(graph) == checksum(open_graph(f"layered(n=9,seed={seed})", "test"))


def test_streams_are_drawn_by_seed():
    stream = workload(workload=STREAM)
    first, second = stream.part("test", 2)
    assert len(first.trace) == 7 and first.trace.arrival.tolist() != second.trace.arrival.tolist()
    assert len(stream.part("test", 1, length=3)[0].trace) == 3
    again = stream.pool("test").trace(first.seed)
    assert again.arrival.tolist() == first.trace.arrival.tolist()


def test_a_load_is_the_share_of_the_workers_time_on_the_fastest_types():
    poisson = {"load": 0.7, "jobs": 5, "weights": [1, 3]}
    found = workload(workload={**STREAM, "poisson": poisson})
    graphs, machine = found.graphs(), found.machine
    mean = (least_work(graphs[0], machine) + 3 * least_work(graphs[1], machine)) / 4
    assert found.pool("train").poisson.rate * mean / 4 == pytest.approx(0.7)
    assert found.at_load(0.5).pool("train").poisson.rate * mean / 4 == pytest.approx(0.35)


def test_a_factor_in_the_name_scales_the_rate(tmp_path):
    write_trace(Trace.from_rows([[t, "chain(n=2)"] for t in (0, 8, 10)]), tmp_path / "jobs.csv")
    found = workload(f"{tmp_path}/jobs.csv@2")
    assert found.name == "jobs@2" and found.recorded.arrival.tolist() == [0, 4, 5]
    assert workload(workload=STREAM).at_load(2).at_load(2).name == "scenario@4"
    with pytest.raises(ScenarioError, match="the workload is no stream, so it has no load"):
        workload("chain(n=3)@2")


def test_recorded_traces_are_split_by_time():
    trace = Trace.from_rows([[t, "chain(n=2)"] for t in (0, 10, 20, 30, 70, 75, 80, 90, 100)])
    found = workload(trace)
    assert [len(found.part(p)[0].trace) for p in ("train", "validation", "test")] == [4, 2, 3]
    assert [w.name for w in found.part("train", length=2)] == ["jobs#train+0", "jobs#train+2"]
    assert found.pool("test").trace(5).arrival.tolist() == [0, 10, 20]
    assert not found.empty_parts()


def test_parts_without_a_job_say_so():
    found = workload(Trace.from_rows([[0, "chain(n=2)"], [100, "chain(n=2)"]]))
    assert found.empty_parts() == ["validation"]
    with pytest.raises(TraceError, match="no job falls into the validation part"):
        found.part("validation")


def test_one_graph_is_the_same_in_all_parts(tmp_path):
    graph = open_graph("cholesky(n=3)", "test")
    write_graph(graph, tmp_path / "mine.json")
    write_graph(graph, tmp_path / "tables")
    for given in (graph, str(tmp_path / "mine.json"), tmp_path / "tables", "cholesky(n=3)"):
        windows = [w for p in ("train", "test") for w in workload(given).part(p)]
        assert checksums(windows) == [checksum(graph)] * 2
        assert [w.seed for w in windows] == [0, 1_000_000]


def test_graphs_that_ship_go_by_name():
    assert {"topcuoglu", "arabnejad"} <= set(workload_names())
    found = open_workload("topcuoglu", load_scenario("literature"))
    assert len(found.graphs()[0]) == 10
    with pytest.raises(TraceError, match='no such trace; did you mean "topcuoglu"'):
        workload("topcuoglo")


def test_paths_in_a_scenario_are_relative_to_it(tmp_path):
    write_graph(open_graph("chain(n=4)", "test"), tmp_path / "mine.json")
    config = {"machine": MACHINE, "workload": ["mine.json"]}
    (tmp_path / "mine.yaml").write_text(json.dumps(config))
    found = open_workload(None, load_scenario(tmp_path / "mine.yaml"))
    assert len(found.part("test")[0].trace.jobs[0].graph) == 4


def test_a_scenario_without_graphs_needs_a_trace():
    with pytest.raises(TraceError, match="the scenario names no graphs; give trace="):
        workload()


def test_sigmas_by_kind_are_checked_against_the_whole_workload():
    sigma = {"noise": "lognormal", "sigma": {"getrf": 0.1, "potrf": 0.2}}
    assert workload(workload={"train": ["cholesky(n=3)"], "test": ["lu(n=3)"]}, **sigma)
    with pytest.raises(ScenarioError, match=r"sigma\.getrf: no task is of this kind"):
        workload(workload=["cholesky(n=3)"], **sigma)
