"""The comparison: paired, honest about rivals and bounds, saved whole."""
from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from agents.contenders import RulesContender
from agents.domains import domain
from agents.evaluation import cache, report, tuning
from agents.evaluation.command import evaluate
from agents.evaluation.protocol import compare
from agents.evaluation.settings import TestConfig
from agents.evaluation.standings import joined
from envs.blis.replay import write_trace
from envs.core.errors import PolicyError, ScenarioError, TraceError
from tests.small_comparison import NAMES, scenario, small, trace, usual

ROOT = Path(__file__).parents[1]


def test_all_contenders_meet_the_same_windows_and_seeds():
    found = usual()
    units = {name: [(o.window, o.seed) for o in found.of(name)] for name in NAMES}
    assert len(set(map(tuple, units.values()))) == 1
    assert len(units["nexus"]) == len(found.windows) * 2
    arrivals = {name: [o.metrics["arrivals"] for o in found.of(name)] for name in NAMES}
    assert len(set(map(tuple, arrivals.values()))) == 1


def test_windows_lie_in_the_test_part():
    found, whole = usual(), trace()
    first = whole.arrival_ms >= 0.8 * whole.end_ms
    assert sum(len(w.trace) for w in found.windows) <= first.sum()
    start = np.searchsorted(whole.arrival_ms, 0.8 * whole.end_ms)
    assert found.windows[0].trace.arrival_ms[0] == pytest.approx(
        whole.arrival_ms[start] - 0.8 * whole.end_ms)


def test_contenders_are_told_the_demand_of_the_training_part():
    found, whole = usual(), trace()
    told = found.scenario.options.allocation.initial_demand
    train = whole.arrival_ms < 0.7 * whole.end_ms
    c = whole.families.index("c")
    expected = 1000 * (whole.family[train] == c).sum() / (0.7 * whole.end_ms)
    assert told["c"] == pytest.approx(expected)
    assert told["c"] < 5 < 1000 * (whole.family == c).sum() / whole.end_ms


def test_the_strongest_baseline_is_told_nothing_of_the_future():
    found = usual()
    means = {name: found.scores(name).mean() for name in NAMES}
    honest = [n for n in NAMES if n != "clairvoyant"]
    assert found.strongest == max(honest, key=means.get)
    assert found.bound == "clairvoyant"
    standings = {s.contender.name: s for s in found.standings()}
    assert [s.mean["accuracy_per_request"] for s in found.standings()] == sorted(
        means.values(), reverse=True)
    for name, s in standings.items():
        assert s.gap == pytest.approx(means["clairvoyant"] - means[name])
        assert s.iqm.low <= s.iqm.value <= s.iqm.high
    assert standings[found.strongest].improvement is None


def test_probability_and_difference_are_paired():
    found = usual()
    gain = found.scores("random_wc") - found.scores(found.strongest)
    standing = next(s for s in found.standings() if s.contender.name == "random_wc")
    assert standing.difference.value == pytest.approx(gain.mean())
    assert standing.improvement.value == pytest.approx(
        np.mean(gain > 0) + 0.5 * np.mean(gain == 0))


def test_options_of_the_caller_win_over_those_of_a_contender():
    usually = usual().of("random_wc")[0].digest.system.scenario.options
    found = small(["random_wc"], options={"routing": {"policy": "eft"}})
    options = found.of("random_wc")[0].digest.system.scenario.options
    assert (usually.routing.policy, options.routing.policy) == ("jseq", "eft")
    assert options.allocation.policy == usually.allocation.policy == "random"
    assert options.allocation.initial_demand == usual().scenario.options.allocation.initial_demand


def test_two_processes_find_what_one_finds():
    names = ["random_wc", "nexus"]
    alone, together = small(names), small(names, workers=2)
    assert [o.metrics for o in alone.outcomes] == [o.metrics for o in together.outcomes]


def test_an_error_in_a_worker_process_is_the_same_error(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def broken(view):\n    return 1 / 0\n")
    with pytest.raises(PolicyError, match=r"mine\.py, line 2: ZeroDivisionError"):
        small([f"{path}:broken"], workers=2)


def test_records_are_kept_as_parquet(tmp_path):
    found = small(["nexus"], windows=1, records=tmp_path)
    file, = tmp_path.rglob("*.parquet")
    table, metrics = pl.read_parquet(file), found.outcomes[0].metrics
    assert file.parent.name == "nexus" and len(table) == metrics["arrivals"]
    assert (table["status"] == "met").sum() == metrics["met"]
    assert table["start_ms"].null_count() == metrics["arrivals"] - metrics["met"] - metrics["late"]
    answered = table.filter(pl.col("status") == "met")
    assert answered["variant"].null_count() == 0
    assert all(v.startswith(f + "/") for f, v in answered[["family", "variant"]].iter_rows())


def test_load_multiplies_the_rate_and_devices_scale_the_cluster():
    heavy = small(["random_wc"], load=2.0, window_length=250.0)
    assert heavy.windows[0].trace.arrival_ms[:50].tolist() == pytest.approx(
        (usual().windows[0].trace.arrival_ms[:50] / 2).tolist())
    wide = small(["random_wc"], devices=12)
    assert [a.count for a in wide.scenario.accelerators] == [8, 4]


def test_points_of_a_sweep_are_strata_of_the_whole():
    points = {"load 1": small(["nexus", "random_wc"]),
              "load 3": small(["nexus", "random_wc"], load=3.0, windows=1)}
    whole = joined(points)
    assert len(whole.windows) == len(whole.strata) == len(points["load 1"].windows) + 1
    assert whole.scores("nexus")[-1] == points["load 3"].scores("nexus")[0]
    table = report.sweep_table(points)
    assert table.headings == ["contender", "load 1", "load 3"] and len(table.rows) == 2


def test_cached_scores_are_read_and_not_run_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    fresh = small(["random_wc"], cached=True)
    assert len(list(tmp_path.rglob("*.json"))) == len(fresh.outcomes)
    monkeypatch.setattr(RulesContender, "run_one", None)
    again = small(["random_wc"], cached=True)
    assert [o.metrics["met"] for o in again.outcomes] == [o.metrics["met"] for o in fresh.outcomes]
    for file in tmp_path.rglob("*.json"):
        file.write_text("{")
    with pytest.raises(TypeError):      # a damaged file counts as missing, so it must run
        small(["random_wc"], cached=True)


def test_the_key_of_a_score_knows_everything_that_decides_it():
    found = usual()
    who, window = found.contenders[0], found.windows[0]
    usually = cache.key(who, found.scenario, window, 0)
    others = [
        cache.key(found.contenders[1], found.scenario, window, 0),
        cache.key(who.with_options({"fit": "pad"}), found.scenario, window, 0),
        cache.key(who, found.scenario.merge({"window_ms": 25}), window, 0),
        cache.key(who, found.scenario, found.windows[1], 0),
        cache.key(who, found.scenario, window, 1),
    ]
    assert usually not in others and len(set(others)) == len(others)
    assert usually == cache.key(who, found.scenario, window, 0)


def config(**given) -> TestConfig:
    return TestConfig(**{"env": {"name": "blis"}, "workers": 1, "windows": 2,
                         "window_length": 500.0, **given})


@pytest.fixture
def files(tmp_path):
    """Scenario and trace as files of a user."""
    content = dict(scenario().config)
    content["profile"] = "profile.csv"
    rows = ["family,variant,accelerator,batch_size,latency_ms,accuracy,load_ms"]
    for v in scenario().profile:
        for column, table in v.latency_ms.items():
            rows += [f"{v.family},{v.name},{column},{b},{ms},{v.accuracy},{v.load_ms[column]}"
                     for b, ms in table.items()]
    (tmp_path / "profile.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    write_trace(trace(), tmp_path / "mine.csv")
    return {"scenario": str(tmp_path / "mine.yaml"), "trace": str(tmp_path / "mine.csv")}


def test_the_command_writes_table_results_report_and_pictures(files, tmp_path, capsys):
    out = tmp_path / "run"
    evaluate(config(contenders=["nexus", "random_wc"], **files), out)
    printed = capsys.readouterr().out
    assert "2 test windows of 0.5 s" in printed and "nexus" in printed
    rows = list(csv.DictReader((out / "results.csv").open()))
    assert len(rows) == 4 and {r["contender"] for r in rows} == {"nexus", "random_wc"}
    assert all(0 < float(r["accuracy_per_request"]) < 100 for r in rows)
    assert "dropped_hopeless" in rows[0]
    page = (out / "report.html").read_text()
    assert page.count("<img") == len(list(out.glob("*.png"))) >= 6
    for outside in ("http:", "https:", "<script", "<link"):
        assert outside not in page


def test_the_command_sweeps(files, tmp_path, capsys):
    out = tmp_path / "run"
    evaluate(config(contenders=["nexus", "random_wc"], loads=[2, 0.5], **files), out)
    printed = capsys.readouterr().out
    assert "load 0.5" in printed and printed.index("load 0.5") < printed.index("load 2")
    assert (out / "sweep.png").exists()
    points = {r["point"] for r in csv.DictReader((out / "results.csv").open())}
    assert points == {"load 0.5", "load 2"}


@pytest.mark.parametrize(("given", "message"), [
    ({"policy": "nothing"}, "no such saved policy"),
    ({"contender": "nothing"}, "no such contender"),
    ({"contenders": ["infas"]}, 'did you mean "infaas"'),
    ({"loads": [1.0, 1.0]}, "different numbers above 0"),
    ({"devices": [0]}, "different numbers above 0"),
    ({"loads": [1.0], "devices": [4]}, "one at a time"),
    ({"options": {"routing": {"polcy": "eft"}}}, 'did you mean "policy"'),
    ({"seeds": []}, "are no seeds"),
    ({"seeds": [1, 1]}, "are no seeds"),
    ({"windows": 0}, "windows: 0 is not above 0"),
    ({"window_length": -1.0}, "window_length: -1.0 is not above 0"),
    ({"part": "tset"}, 'did you mean "test"'),
])
def test_mistakes_are_one_error(files, tmp_path, given, message):
    with pytest.raises((PolicyError, ScenarioError, TraceError), match=message):
        evaluate(config(**{"contenders": ["random_wc"], **files, **given}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_mistyped_key_ends_with_one_line_and_status_2(tmp_path):
    ended = subprocess.run(
        [sys.executable, "test.py", "windws=3", f"hydra.run.dir={tmp_path}"], cwd=ROOT,
        capture_output=True, text=True)
    assert ended.returncode == 2 and ended.stdout == ""
    assert ended.stderr.splitlines() == ['windws: unknown key; did you mean "windows"?']


def test_tuning_keeps_what_is_better_on_the_validation_windows(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    d = domain("blis")
    monkeypatch.setattr(d, "grids", {"infaas": {"allocation.period": (1, 20)}}, raising=False)
    said = []
    found, = tuning.tune("blis", None, said.append, scenario=scenario(), trace=trace(), windows=2,
                         window_length=400.0)
    assert found.name == "infaas" and found.after >= found.before and len(said) == 1
    path = tmp_path / "tuned.yaml"
    tuning.write(path, "python x", "2 windows", [found])
    tuning.write(path, "python y", "2 windows", [tuning.Tuned("nexus", {"fit": "pad"}, 1.0, 2.0)])
    assert path.read_text().startswith("# Last written by: python y\n")
    expected = {"infaas": found.choice, "nexus": {"fit": "pad"}}
    assert tuning.read(path) == {name: c for name, c in expected.items() if c}
    with pytest.raises(PolicyError, match="no parameters"):
        tuning.tune("blis", ["random_wc"])


def test_choices_go_into_the_blocks_of_options():
    base = {"routing": {"policy": "jseq"}, "admission": "none"}
    assert tuning.with_choice(base, {"routing.horizon_ms": 5, "allocation.demand.com": 2.0}) == {
        "routing": {"policy": "jseq", "horizon_ms": 5}, "admission": "none",
        "allocation": {"demand": {"com": 2.0}}}
    assert base == {"routing": {"policy": "jseq"}, "admission": "none"}


def test_names_must_differ():
    again = RulesContender("infaas", "blis", overrides={})
    with pytest.raises(PolicyError, match="two contenders"):
        compare(["infaas", again], scenario(), trace=trace())
