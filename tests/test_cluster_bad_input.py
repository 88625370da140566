"""Every row of what a cluster, its jobs and options may not be: one error that names the place."""
from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from envs.cluster.cluster import read_cluster
from envs.cluster.replay import Trace, read_trace
from envs.cluster.scenario import Scenario, load_scenario
from envs.cluster.system import System, bind, check_window
from envs.core import errors
from envs.core.errors import ScenarioError, TraceError

FILE = Path(__file__).parent / "oracles" / "cluster" / "bad_inputs.json.gz"
ORACLE = json.loads(gzip.decompress(FILE.read_bytes()))
BEFORE_THE_RUN = [c for c in ORACLE["cases"] if c["error"] in ("TraceError", "ScenarioError")]
JOBS = [{"arrival_s": 0, "gpus": 1, "duration_s": 99}, {"arrival_s": 5, "gpus": 4, "duration_s": 9},
        {"arrival_s": 5, "gpus": 2, "duration_s": 9, "tenant": 1}]
TWO_TYPES = {"types": ["v100", "k80"], "nodes": [{"type": 0, "gpus": 4}, {"type": 1, "gpus": 8}]}
SMALL: dict[str, Any] = {"types": ["gpu"], "nodes": [{"gpus": 4, "count": 2}]}


def open_case(given: dict[str, Any], folder: Path) -> System:
    """All that happens to an input before a run."""
    options = dict(given["options"])
    if "window" in given:
        options["env"] = {"window": given["window"]}
    scenario = Scenario.from_config(
        {"cluster": given["cluster"], "classes": given["classes"], **options}, "my.yaml")
    if "trace" in given:
        path = folder / ORACLE["trace_file"]
        path.write_text(given["trace"])
        trace = read_trace(path)
    else:
        trace = Trace.from_rows(given["jobs"])
    check_window(scenario, trace)
    return bind(scenario, trace)


@pytest.mark.parametrize("case", BEFORE_THE_RUN, ids=lambda case: case["name"])
def test_oracle_cases(case, tmp_path):
    with pytest.raises(getattr(errors, case["error"])) as error:
        open_case(case["input"], tmp_path)
    message = str(error.value)
    assert type(error.value).__name__ == case["error"] and "\n" not in message
    assert not [part for part in case["contains"] if part not in message], message


def small(**keys: Any) -> Scenario:
    return Scenario.from_config({"cluster": SMALL, **keys}, "my.yaml")


@pytest.mark.parametrize("keys, match", [
    ({"round_s": 1e-7}, "round_s"), ({"round_s": float("inf")}, "round_s"),
    ({"round_s": 1e20}, "round_s.*<= 1e"), ({"round_s": None}, "round_s"),
    ({"quantum_s": 0}, "quantum_s"), ({"age_s": 0}, "age_s"),
    ({"boost_after_s": -1}, "boost_after_s"), ({"relax_after_s": -1}, "relax_after_s"),
    ({"until_s": -1}, "until_s"), ({"promote": -1}, "promote"), ({"theta": None}, "theta"),
    ({"theta": float("nan")}, "theta"), ({"seed": -1}, "seed"), ({"seed": 2**64}, "seed"),
    ({"queue_limits_gpu_s": [1, 1]}, "queue_limits_gpu_s.*ascend"),
    ({"queue_limits_gpu_s": 7}, "queue_limits_gpu_s.*no list"),
    ({"gittins_sample_gpu_s": []}, "gittins_sample_gpu_s.*empty"),
    ({"gittins_sample_gpu_s": [-1]}, "gittins_sample_gpu_s"),
    ({"quota": {"ann": 3}}, 'quota.*"ann" is no tenant'), ({"quota": {0: -1}}, r"quota\.0"),
    ({"track": [3, 1]}, "track.*no range"), ({"track": [1]}, "track.*no range"),
    ({"mode": "rounds"}, "mode.*valid: round, event"), ({"completion": "now"}, "exact, boundary"),
    ({"admission": "none"}, "admission.*all, load, quota"), ({"evict": "never"}, "safe, eager"),
    ({"preempt": "on"}, "preempt.*off, strict, below, repack"), ({"size": "true"}, "oracle, est"),
    ({"misfit": "wait"}, "misfit.*skip, stop, reserve"), ({"consolidate": "some"}, "sensitive"),
    ({"type_order": "slow"}, "fastest, listed"), ({"share": {"polcy": 1}}, r"share\.polcy"),
    ({"share": {"rule": "fair"}}, "deficit, ratio"), ({"share": {"realloc_s": -1}}, "realloc_s"),
    ({"share": {"time_limit_s": -1}}, "time_limit_s"), ({"share": {"policy": "fixed"}}, "needs X"),
    ({"share": {"policy": "fixed", "X": [[0.5, 0.5]]}}, "2 figures for 1 GPU types"),
    ({"share": {"policy": "fixed", "X": [[-1]]}}, r"X\[0\]"),
    ({"share": {"price": [1, 2]}}, "2 prices for 1 GPU types"),
    ({"share": {"price": [0]}}, r"share\.price"),
    ({"share": {"weights": [0]}}, "weights"), ({"share": {"on_failure": "x"}}, "raise, fallback"),
    ({"share": {"policy": "hierarchical"}}, "needs entities"),
    ({"share": {"entities": [{"weight": 0}]}}, r"entities\[0\]\.weight"),
    ({"share": {"entities": [{"jobs": [1]}, {"jobs": [0, 1]}]}}, "line 1 is in entities 0 and 1"),
    ({"elastic": {"policy": "pollux"}}, "optimus, sia"), ({"elastic": {"sizes": 4}}, "all, pow2"),
    ({"lookahead": {"candidates": []}}, "no candidate"),
    ({"lookahead": {"horizon_s": 0}}, "horizon_s"),
    ({"lookahead": {"candidates": [{"ordr": "las"}]}}, r"candidates\[0\]\.ordr.*order"),
    ({"lookahead": {"candidates": [{"seed": 3}]}}, r"candidates\[0\]\.seed: cannot be switched"),
    ({"lookahead": {"candidates": [{"order": "last"}]}}, r"candidates\[0\]\.order.*fifo"),
    ({"lookahead": {"candidates": [{"order": "las"}, {"theta": 1}]}}, "the same options"),
    ({"preempt": "strict", "lookahead": {"candidates": [{"misfit": "reserve"}]}},
     r"candidates\[0\]: misfit: reserve does not go with preempt: strict"),
    ({"elastic": {"policy": "sia"}, "mode": "event"}, "sia needs mode: round"),
    ({"env": {"control": "press"}}, "pick, policy, resize"), ({"env": {"slots": 0}}, "slots"),
    ({"env": {"sizes": [2, 1]}}, "sizes"), ({"env": {"sizes": []}}, "no size"),
    ({"env": {"window": 0}}, "window"), ({"env": {"reward": {"jtc": 1}}}, 'did you mean "jct"'),
    ({"env": {"reward": {"jct": 0}}}, "every weight is 0"),
    ({"env": {"control": "policy", "interval_s": 450}}, "450 s is no multiple of round_s"),
    ({"env": {"control": "policy", "candidates": [{"misfit": "reserve", "preempt": "below"}]}},
     r"env\.candidates\[0\]: misfit: reserve"),
])
def test_options(keys, match):
    with pytest.raises(ScenarioError, match=match) as error:
        small(**keys)
    assert "\n" not in str(error.value) and "my.yaml" in str(error.value)


@pytest.mark.parametrize("keys, match", [
    ({"types": []}, "no GPU type"), ({"types": ["a", "a"]}, 'two types are named "a"'),
    ({"nodes": []}, "no GPU"), ({"nodes": [{"gpus": 4, "count": 0}]}, "no GPU"),
    ({"nodes": [{"type": 0}]}, 'node 0: "gpus" is missing'),
    ({"nodes": [{"gpus": 1}, {"gpus": 1.5}]}, "node 1, gpus"),
    ({"nodes": [{"gpus": 4, "type": "h100"}]}, 'node 0, type: unknown type "h100"; known: gpu'),
    ({"nodes": [{"gpus": 4, "type": -1}]}, 'unknown type "-1"'),
    ({"nodes": [{"gpus": 4, "count": -1}]}, "node 0, count"),
    ({"nodes": [{"gpus": 4, "rack": -1}]}, "node 0, rack"),
    ({"nodes": [{"gpus": 4, "cuont": 2}]}, 'node 0.*"cuont".*did you mean "count"'),
    ({"classes": [{"launch_s": 1e18}]}, "class 0, launch_s: .*<= 1e"),
    ({"events": [{"time_s": 1e18, "node": 0, "event": "up"}]}, "event 0, time_s"),
    ({"nodse": []}, 'unknown key "nodse".*nodes'), ({"classes": []}, "no job class"),
    ({"classes": [{}, {"name": 0}]}, 'classes 0 and 1 are both named "0"'),
    ({"classes": [{"name": "lm", "speed": [float("nan")]}]}, "class lm, speed"),
    ({"classes": [{"name": "lm", "locality": [1, 1]}]}, "class lm, locality: 2 factors"),
    ({"classes": [{"curve": {}}]}, "class 0, curve: the curve has no point"),
    ({"classes": [{"curve": {0: 1}}]}, "class 0, curve"),
    ({"classes": [{"curve": {1: 1, "1": 2}}]}, "class 0, curve"),
    ({"classes": [{"curve": {1: 1, 2: 1}}]}, "must strictly increase"),
    ({"classes": [{"goodput": {"batch0": 1}}]}, "class 0, goodput"),
    ({"classes": [{"goodput": {}, "curve": {1: 1}}]}, "a curve too"),
    ({"classes": [{"restarts": 3}]}, 'class 0, restarts.*did you mean "restart_s"'),
    ({"events": [{"time_s": -1, "node": 0, "event": "up"}]}, "event 0, time_s"),
    ({"events": [{"time_s": 1, "event": "up"}]}, 'event 0: "node" is missing'),
])
def test_clusters(keys, match):
    with pytest.raises(ScenarioError, match=match) as error:
        Scenario.from_config({"cluster": {**SMALL, **keys}}, "my.yaml")
    assert "\n" not in str(error.value) and "my.yaml" in str(error.value)


@pytest.mark.parametrize("text, match", [
    ("a: [1", "no valid YAML"), ("- 1\n", "no mapping"), ("", "no mapping"),
    ("mode: event\nmode: round\n", "line 2.*given twice"), ("mode: event\n", "no cluster"),
    ("cluster: none.yaml\n", "none.yaml: cannot be read"),
    ("cluster: {types: [a], nodes: [{gpus: 1}]}\ntypes: [b]\n", "in the cluster and beside it"),
])
def test_files(tmp_path, text, match):
    path = tmp_path / "my.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=match):
        load_scenario(path)


def test_a_scenario_or_cluster_that_is_not_there():
    with pytest.raises(ScenarioError, match='did you mean "philly-32"'):
        load_scenario("phily-32")
    with pytest.raises(ScenarioError, match=r"none\.yaml"):
        read_cluster("none.yaml")


@pytest.mark.parametrize("job, match", [
    ({"class": "lm"}, 'job 3, column class: unknown class "lm"; known: 0'),
    ({"class": 1}, 'unknown class "1"'), ({"gpu_type": "h100"}, 'unknown gpu_type "h100"'),
    ({"gpus": 9}, "job 3 wants 9 GPUs of one type, the largest possible request is 8"),
    ({"name": "wide", "gpus": 9}, "wide wants 9 GPUs"),
])
def test_jobs_that_do_not_fit_the_cluster(job, match):
    rows = [*JOBS, {"arrival_s": 9, "gpus": 1, "duration_s": 1, **job}]
    with pytest.raises(TraceError, match=match):
        bind(small(), Trace.from_rows(rows))


@pytest.mark.parametrize("keys, match", [
    ({"admission": "quota", "quota": {"0": 8}}, 'tenant 1 of job 2 has no quota; add "1": GPUs'),
    ({"admission": "quota", "quota": {"0": 3, "1": 8}}, "job 1 wants 4 GPUs, the quota of ten"),
    ({"lookahead": {"candidates": [{"admission": "quota"}]}}, "tenant 0 of job 0 has no quota"),
    ({"track": [0, 3]}, "jobs 0 to 3 lie outside the trace; jobs has 3 jobs"),
    ({"share": {"policy": "fixed", "X": [[1], [1]]}}, "X has 2 rows, the trace has line 2"),
    ({"share": {"weights": [1, 1]}}, "weights has 2 rows"),
    ({"share": {"policy": "hierarchical", "entities": [{"jobs": [0, 1]}]}}, "line 2 is in no ent"),
])
def test_options_that_do_not_fit_the_trace(keys, match):
    with pytest.raises(ScenarioError, match=match):
        bind(small(**keys), Trace.from_rows(JOBS))


@pytest.mark.parametrize("keys, match", [
    ({"quantum_s": 1e-6}, "quantum_s: 1e-06 makes about 1e.08 decisions.*at least 1.2e-06"),
    ({"order": "priority", "age_s": 1e-6}, "my: age_s"),
    ({"order": "gittins", "gittins_delta_gpu_s": 1e-6}, "my: gittins_delta_gpu_s"),
    ({"mode": "round", "round_s": 1e-6}, "my: round_s"),
    ({"lookahead": {"every_s": 1e-6}}, r"my: lookahead\.every_s"),
])
def test_options_that_would_never_let_a_run_end(keys, match):
    with pytest.raises(ScenarioError, match=match):
        bind(small(name="my", **{"mode": "event", **keys}), Trace.from_rows(JOBS))
    order = {key: value for key, value in keys.items() if key == "order"}
    bind(small(mode="event", **order), Trace.from_rows(JOBS))


@pytest.mark.parametrize("own", [{"speed": [1e-30]}, {"locality": [1, 1, 1e-30]},
                                 {"launch_s": 1e11}, {"curve": {1: 1e-30, 4: 1}}])
def test_times_beyond_the_clock(own):
    scenario = Scenario.from_config({"name": "my", "cluster": {**SMALL, "classes": [own]}})
    rows = [{**JOBS[1], "min_gpus": 1}] * 11
    with pytest.raises(ScenarioError, match=r"class 0: job 0 may take .* s, too long for the"):
        bind(scenario, Trace.from_rows(rows))


def test_a_range_without_a_limit_is_no_endless_table():
    rows = [{**job, "max_gpus": 2_000_000_000} for job in JOBS]
    system = bind(small(), Trace.from_rows(rows))
    assert system.max_gpus.tolist() == [1024] * 3 and system.curve.shape == (1, 1025)
    with pytest.raises(TraceError, match="job 0 wants 2000000000 GPUs"):
        bind(small(), Trace.from_rows([{**rows[0], "gpus": 2_000_000_000}]))


def test_episodes_longer_than_the_trace():
    trace = Trace.from_rows(JOBS)
    for env, fits in (({"window": 3}, True), ({"window": 4}, False), ({"warm_up": 3}, False),
                      ({"window": 2, "warm_up": 1}, True), ({"window": 2, "warm_up": 2}, False)):
        if fits:
            check_window(small(env=env), trace)
            continue
        with pytest.raises(ScenarioError, match="jobs has 3 jobs"):
            check_window(small(env=env), trace)


def test_an_empty_trace():
    with pytest.raises(ScenarioError, match="the trace is empty"):
        bind(small(), Trace.from_rows(JOBS).window(0, 0))


def test_optimus_on_several_types_names_them():
    with pytest.raises(ScenarioError, match="the cluster has 2: v100, k80"):
        Scenario.from_config({"cluster": TWO_TYPES, "elastic": {"policy": "optimus"}})


def test_clusters_that_cannot_be_scaled():
    with pytest.raises(ScenarioError, match="10 GPUs are no whole number of nodes"):
        small().cluster.scaled(10)
    with pytest.raises(ScenarioError, match="take a multiple of 8"):
        small().cluster.scaled(0)
