"""Every row of what a cluster, a profile and options may not be: one error that names the place."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from envs.blis.replay import Trace
from envs.blis.scenario import Scenario, load_scenario
from envs.blis.system import bind, bind_trace, latency_at
from envs.core.errors import ScenarioError, SuiteError, TraceError
from tests.small import SMALL

SMALL_CONFIG = {k: v for k, v in SMALL["sched/Blis-v0"]["scenario"].items() if k != "env"}
HEAD = "family,variant,accelerator,batch_size,latency_ms,accuracy,size_mb\n"
GOOD = "a,s,g,1,4,70,10\n"


def refused(match: str, **keys: Any) -> None:
    with pytest.raises(ScenarioError, match=match) as error:
        Scenario.from_config({**SMALL_CONFIG, **keys}, "my.yaml")
    assert "\n" not in str(error.value) and "my.yaml" in str(error.value)


@pytest.mark.parametrize("keys, match", [
    ({"routin": {}}, 'routin: unknown key; did you mean "routing"'),
    ({"routing": {"polcy": "eft"}}, r"routing\.polcy.*policy"),
    ({"routing": {"policy": "jsq"}}, r"routing\.policy.*valid: eft"),
    ({"batching": {"policy": "gredy"}}, r"batching\.policy.*valid: greedy"),
    ({"dropping": {"moment": "later"}}, r"dropping\.moment.*decision, launch"),
    ({"allocation": {"policy": "protus"}}, r"allocation\.policy.*proteus"),
    ({"window_ms": 0}, "window_ms"), ({"window_ms": float("nan")}, "window_ms"),
    ({"window_ms": "fast"}, "window_ms"), ({"horizon_ms": 75}, "multiple of window_ms"),
    ({"horizon_ms": -50}, "horizon_ms"), ({"slo_fraction": 0}, "slo_fraction"),
    ({"slo_fraction": 1.1}, "slo_fraction"), ({"min_cap": 2}, "min_cap"),
    ({"batch_sizes": [2, 4]}, "batch size 1 is missing"),
    ({"batch_sizes": [1, 4, 2]}, "does not increase"), ({"batch_sizes": [0, 1]}, "batch_sizes"),
    ({"batch_sizes": "1,2"}, "no list"), ({"dropping": {"factor": -1}}, r"dropping\.factor"),
    ({"batching": {"timeout_ms": -1}}, r"batching\.timeout_ms"),
    ({"load_scale": -0.5}, "load_scale"), ({"allocation": {"period": -1}}, "period"),
    ({"allocation": {"period": 1.5}}, "period"),
    ({"allocation": {"delay_windows": -1}}, "delay_windows"),
    ({"allocation": {"demand": {"lag": -1}}}, r"demand\.lag"),
    ({"batching": {"decrease": 1}}, "decrease"), ({"batching": {"decrease": 0}}, "decrease"),
    ({"allocation": {"alpha": 1.5}}, "alpha"), ({"allocation": {"beta": 0}}, "beta"),
    ({"allocation": {"gap": -1}}, "gap"), ({"allocation": {"time_limit_s": 0}}, "time_limit_s"),
    ({"allocation": {"slack": 0}}, "slack"), ({"allocation": {"down_slack": 1.2}}, "down_slack"),
    ({"routing": {"draws": [0.5, 1.0]}}, "draws"), ({"routing": {"draws": [-0.1]}}, "draws"),
    ({"horizon_ms": None}, "random_start needs a horizon"), ({"seed": -1}, "seed"),
    ({"seed": 2**64}, "seed"), ({"qos": {"levels": 0}}, "levels"), ({"routing": 3}, "no mapping"),
    ({"routing": {"on_demand": "yes"}}, "no truth value"), ({"variants": ["nope"]}, "variants"),
])
def test_options(keys, match):
    refused(match, **keys)


def device(**keys: Any) -> dict[str, Any]:
    return {"accelerators": [{"name": "g", "count": 4, **keys}]}


@pytest.mark.parametrize("keys, match", [
    (device(count=0), "no device"), (device(count=-1), "count"), (device(count=1.5), "count"),
    (device(count=10**9), "count"), (device(profile="h"), 'no column "h"'),
    (device(load_mb_per_s=0), "load_mb_per_s"), (device(load_fixed_ms=-1), "load_fixed_ms"),
    (device(colour="red"), "unknown key"), ({"accelerators": [{"count": 1}]}, "name"),
    ({"accelerators": [{"name": "g", "count": 1}] * 2}, 'two accelerators are named "g"'),
    ({"accelerators": []}, "no device"), ({"accelerators": 7}, "no list"),
])
def test_cluster(keys, match):
    refused(match, **keys)


@pytest.mark.parametrize("rows, match", [
    (GOOD + "a,s,g,1,5,70,10\n", "line 3.*second row"), ("a,s,g,0,4,70,10\n", "line 2.*integer"),
    ("a,s,g,1.5,4,70,10\n", "integer"), ("a,s,g,x,4,70,10\n", "integer"),
    ("a,s,g,99999999999999999999,4,70,10\n", "integer"), ("a,s,g,1,0,70,10\n", "latency_ms"),
    ("a,s,g,1,-4,70,10\n", "latency_ms"), ("a,s,g,1,nan,70,10\n", "latency_ms"),
    ("a,s,g,1,inf,70,10\n", "latency_ms"), ("a,s,g,1,,70,10\n", "latency_ms"),
    (GOOD + "a,s,g,2,6,71,10\n", "line 3.*accuracy or size"),
    (GOOD + "a,s,g,2,6,70,11\n", "accuracy or size"), ("a,s,g,2,6,70,10\n", "no batch size 1"),
    ("a,s,g,1,4,101,10\n", "accuracy"), ("a,s,g,1,4,-1,10\n", "accuracy"),
    ("a,s,g,1,4,70,-1\n", "size_mb"), ("a,s,g,1,4,70\n", "line 2.*number of columns"),
    ("a,s,g,1,4,70,\n", "neither load_ms nor size_mb"), ("", "empty"),
])
def test_profile(tmp_path: Path, rows, match):
    (tmp_path / "mine.csv").write_text(HEAD + rows)
    with pytest.raises(ScenarioError, match=match):
        Scenario.from_config({**SMALL_CONFIG, "accelerators": [{"name": "g", "count": 2}],
                              "profile": "mine.csv"}, "my.yaml", tmp_path)


def test_profile_columns_and_loads(tmp_path: Path):
    for head, match in ((HEAD.replace("latency_ms", "latency"), "latency_ms.*missing"),
                        (HEAD.replace("size_mb", "sise_mb"), 'sise_mb.*did you mean "size_mb"')):
        (tmp_path / "mine.csv").write_text(head + GOOD)
        with pytest.raises(ScenarioError, match=match):
            Scenario.from_config({**SMALL_CONFIG, "profile": "mine.csv"}, "", tmp_path)
    loads = HEAD.replace("size_mb", "load_ms")
    for rows in ("a,s,g,1,4,70,10\na,s,g,2,6,70,11\n", "a,s,g,1,4,70,-1\n"):
        (tmp_path / "mine.csv").write_text(loads + rows)
        with pytest.raises(ScenarioError, match="load_ms"):
            Scenario.from_config({**SMALL_CONFIG, "profile": "mine.csv"}, "", tmp_path)
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ScenarioError, match="Parquet"):
        Scenario.from_config({**SMALL_CONFIG, "profile": "cut.parquet"}, "", tmp_path)


@pytest.mark.parametrize("text, match", [
    ("a: [1", "line 2.*no valid YAML|no valid YAML"), ("- 1\n", "no mapping"),
    ("window_ms: 1000\nwindow_ms: 500\n", "line 2.*given twice"), ("", "no mapping"),
    ("window_ms: 1000\n", "no cluster"),
])
def test_scenario_files(tmp_path: Path, text, match):
    path = tmp_path / "my.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=match):
        load_scenario(path)


def test_a_scenario_that_is_not_there_names_those_that_are():
    with pytest.raises(ScenarioError, match="zipf_exponential"):
        load_scenario("zipf_exponentail")


def test_families():
    scenario = Scenario.from_config(SMALL_CONFIG)
    trace = SMALL["sched/Blis-v0"]["trace"]
    with pytest.raises(ScenarioError, match='lacks "b"'):
        bind_trace(scenario.replace(families=["a", "c"]), trace)
    with pytest.raises(ScenarioError, match="no requests and no allowance"):
        bind(scenario, ["a"], {})
    with pytest.raises(TraceError, match="no variant"):
        bind(scenario, ["z"], {"z": 60.0})
    for keys in ({"family_slo_ms": {"nope": 1}},
                 {"allocation": {"initial_demand": {"nope": 1}}}):
        with pytest.raises(ScenarioError, match='unknown family "nope"'):
            bind_trace(scenario.replace(**keys), trace)


def test_a_batch_size_outside_the_table_names_pair_and_range():
    system = bind_trace(Scenario.from_config(SMALL_CONFIG), SMALL["sched/Blis-v0"]["trace"])
    assert latency_at(system, 0, 0, 3) == pytest.approx(8.0)
    for size in (0, 5):
        with pytest.raises(ScenarioError, match=rf"{size} is outside the table 1\.\.4"):
            latency_at(system, 0, 0, size)


def test_a_trace_beyond_the_quality_levels():
    trace = Trace.from_rows([[0, "a", 60, 2]])
    from envs.blis.simulate import simulate

    with pytest.raises(SuiteError, match="QoS level 2"):
        simulate(Scenario.from_config({k: v for k, v in SMALL_CONFIG.items()
                                       if k not in ("horizon_ms", "episode")}), trace)
