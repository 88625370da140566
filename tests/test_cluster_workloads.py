"""Workloads of jobs: parts of generated and recorded ones, names, loads, shipped traces."""
from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from envs.cluster.generate import config_of, generate, preset, presets
from envs.cluster.replay import ARRAYS, Trace, read_trace
from envs.cluster.scenario import load_scenario
from envs.cluster.system import bind
from envs.cluster.workloads import SHIPPED, open_workload, workload_names
from envs.core.errors import TraceError

DATA = Path(os.environ.get("SCHED_DATA", "nowhere")) / "cluster"


def _recorded(jobs=1000, gap_s=10.0):
    return Trace.from_rows([{"arrival_s": gap_s * i, "gpus": 1 + i % 2, "duration_s": 5 + i}
                            for i in range(jobs)], name="mine")


@pytest.mark.parametrize("name", presets())
def test_every_preset_runs_on_the_scenario_of_its_name(name):
    scenario = load_scenario(name)
    workload = open_workload(None, scenario)
    assert workload.name == scenario.options.trace == name
    window = workload.part("test", 1)[0]
    system = bind(scenario, window.trace)
    assert len(system) == preset(name).jobs
    assert preset(name).gpus == system.total_gpus
    assert set(window.trace.classes) <= set(system.classes) | {"0"}


def test_parts_of_a_generated_workload():
    workload = open_workload("synthetic-64", load_scenario("synthetic-64"))
    windows = workload.part("test", 2)
    assert [w.seed for w in windows] == [1_000_000, 1_000_001]
    assert [w.name for w in windows] == ["synthetic-64#1000000", "synthetic-64#1000001"]
    again = generate(preset("synthetic-64"), 1_000_001)
    assert all((getattr(windows[1].trace, a) == getattr(again, a)).all() for a in ARRAYS)
    assert [w.seed for w in workload.part("train", 2)] == [0, 1]
    assert [w.seed for w in workload.part("validation")] == [500_000, 500_001]
    assert [len(w.trace) for w in workload.part("train", 2, 50)] == [50, 50]
    assert len(workload.part("train", 1, 5000)[0].trace) == 600     # never longer than the trace
    assert [t.duration_s[0] for t in workload.training_traces(3)] == [
        w.trace.duration_s[0] for w in workload.part("train", 3)]
    assert workload.whole().end_s == workload.training_traces(1)[0].end_s


def test_the_published_seed_of_blox_is_the_first_test_window():
    workload = open_workload("blox-2024", load_scenario("blox-2024"))
    assert workload.part("test", 1)[0].trace.duration_s[0] == 35424.3471980879
    seeds = {part: [w.seed for w in workload.part(part, 5, 1)]
             for part in ("train", "validation", "test")}
    assert len({seed for found in seeds.values() for seed in found}) == 15


def test_parts_of_a_recorded_workload():
    workload = open_workload(_recorded(), load_scenario("synthetic-64"))
    assert [len(t) for t in workload.training_traces(9)] == [700]
    windows = workload.part("test", length=60)
    assert [w.name for w in windows] == ["mine#test+0", "mine#test+60", "mine#test+120"]
    assert [len(w.trace) for w in windows] == [60] * 3
    assert all(w.trace.arrival_s[0] == 0 for w in windows)
    lines = np.concatenate([w.trace.line for w in windows])
    assert lines.min() >= 800 and len(set(lines)) == 180
    assert [w.name for w in workload.part("test", 2, 60)] == ["mine#test+0", "mine#test+120"]
    assert [len(w.trace) for w in workload.part("test")] == [200]       # shorter than the default
    assert len({w.seed for part in ("train", "test") for w in workload.part(part, None, 50)}) == 18
    with pytest.raises(TraceError, match='unknown part "tests"; did you mean "test"'):
        workload.part("tests")


def test_a_part_without_jobs_is_an_error():
    workload = open_workload(_recorded(2), load_scenario("synthetic-64"))
    with pytest.raises(TraceError, match="no job falls into the validation part"):
        workload.part("validation")


def test_factors_scale_the_load():
    scenario = load_scenario("synthetic-64")
    once, twice = (open_workload(n, scenario) for n in ("synthetic-64", "synthetic-64@2"))
    assert twice.name == "synthetic-64@2" and twice.at_load(1.5).name == "synthetic-64@3"
    assert twice.whole().rho(64) == pytest.approx(2 * once.whole().rho(64), rel=1e-4)
    assert once.at_load(2).whole().end_s == twice.whole().end_s
    recorded = open_workload(_recorded(), scenario).at_load(4)
    assert recorded.name == "mine@4" and recorded.trace.arrival_s[1] == 2.5
    assert open_workload("rush_hour@2", scenario).whole().rho(64) == pytest.approx(
        2 * open_workload("rush_hour", scenario).whole().rho(64), rel=1e-6)
    with pytest.raises(TraceError, match='"fast" is no factor'):
        open_workload("synthetic-64@fast", scenario)


def test_paths_of_any_format(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("job_id,num_gpu,submit_time,iterations,model_name,duration,interval\n"
                    "0,1,10,606,vgg19,164,30\n1,8,40,133,vgg11,147,23\n")
    workload = open_workload(path, load_scenario("synthetic-64"))
    assert workload.name == "t" and workload.whole().gpus.tolist() == [1, 8]


def test_unknown_names(monkeypatch, tmp_path):
    scenario = load_scenario("synthetic-64")
    with pytest.raises(TraceError, match='did you mean "philly-32"'):
        open_workload("philly-23", scenario)
    with pytest.raises(TraceError, match="the scenario names no trace"):
        open_workload(None, scenario.replace(trace=None))
    monkeypatch.setenv("SCHED_DATA", str(tmp_path))
    with pytest.raises(TraceError, match=r"get_traces\.py env=cluster"):
        open_workload("philly", scenario)
    assert {"philly_small", "rush_hour", "deadlines", "philly", *presets()} == set(workload_names())


@pytest.mark.skipif(not DATA.is_dir(), reason="SCHED_DATA does not name the downloaded data")
def test_the_real_philly_table_by_name():
    workload = open_workload("philly@0.5", load_scenario("philly-128"))
    assert workload.name == "philly@0.5"
    assert workload.whole().rho(128) == pytest.approx(0.5 * 374.24 / 128, rel=1e-3)
    windows = workload.part("test", 3)
    assert [len(w.trace) for w in windows] == [500] * 3


@pytest.mark.parametrize("recipe", sorted(SHIPPED.glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_traces_are_what_their_recipes_make(recipe):
    text = (SHIPPED / "README.md").read_text()
    if recipe.stem == "published":
        assert all(f"`{name}`" in text for name in yaml.safe_load(recipe.read_text()))
        return
    (path,) = [p for p in SHIPPED.glob(f"{recipe.stem}.*") if p != recipe]
    assert path.stat().st_size < 200_000 and f"| `{recipe.stem}` |" in text
    made = generate(config_of(yaml.safe_load(recipe.read_text())), name=recipe.stem)
    found = read_trace(path)
    assert all((getattr(found, a) == getattr(made, a)).all() for a in ARRAYS)
    assert found.classes == made.classes and len(bind(load_scenario("philly-128"), found))
