"""The cluster domain in a comparison: fair, complete, and told apart by load."""
from __future__ import annotations

import csv

import numpy as np
import polars as pl
import pytest
import yaml

from agents.contenders import RulesContender
from agents.domains import domain
from agents.evaluation import cache, report
from agents.evaluation.command import evaluate
from agents.evaluation.protocol import BASELINES
from agents.evaluation.settings import TestConfig
from envs.cluster.replay import write_trace
from envs.core.errors import PolicyError
from tests import scripting
from tests.small_cluster import NAMES, scenario, small, trace, usual


def test_less_is_better_and_the_strongest_is_told_no_durations():
    found = usual()
    means = {name: found.scores(name).mean() for name in NAMES}
    assert [s.contender.name for s in found.standings()] == sorted(means, key=means.get)
    assert found.strongest == min(set(NAMES) - {"srtf"}, key=means.get)
    assert found.bound == "srtf"
    for s in found.standings():
        assert s.gap == pytest.approx(means[s.contender.name] - means["srtf"])
        if s.difference is not None:
            assert s.difference.value == pytest.approx(
                means[found.strongest] - means[s.contender.name])


def test_windows_are_numbers_of_jobs_of_the_test_part():
    found, last = usual(), trace().split()[2]
    assert [len(w.trace) for w in found.windows] == [24, 24, 24]
    assert found.windows[0].trace.duration_s.tolist() == last.duration_s[:24].tolist()
    assert "3 test windows of 24 jobs" in report.title(found)


def test_who_leaves_jobs_unfinished_stands_behind_and_is_named():
    hasty = RulesContender("hasty", "cluster", overrides={"order": "srtf", "until_s": 1500})
    found = small([hasty, "fifo"])
    assert found.scores("hasty").mean() < found.scores("fifo").mean()
    assert [s.contender.name for s in found.standings()] == ["fifo", "hasty"]
    left = sum(o.metrics["unfinished"] for o in found.of("hasty"))
    assert found.strongest == "fifo" and left > 0
    assert f"unfinished jobs: hasty {left}" in report.standings_table(found).note
    assert "unfinished jobs: none" in report.standings_table(usual()).note


def test_a_stalled_run_says_why():
    gone = scenario(cluster={
        "types": ["a"], "nodes": [{"gpus": 4}], "classes": [{"name": "a"}, {"name": "b"}],
        "events": [{"time_s": 600, "node": 0, "event": "fail"}]})
    found = small(["las"], scenario=gone, windows=1)
    assert "0 GPUs are up" in report.standings_table(found).note


def test_what_makes_no_sense_is_left_out_with_its_reason():
    found = small([BASELINES], windows=1)
    names = {c.name for c in found.contenders}
    assert {"fifo", "max_min", "hierarchical", "srtf_gpu_repack"} <= names
    assert not names & {"edf", "optimus", "sia", "srtf_estimate", "priority"}
    note, = [n for n in found.notes if n.startswith("left out: ")]
    assert "edf, llf, throughput_slo (no deadlines)" in note
    assert not usual().notes
    solved = {row[0] for t in found.domain.facts(found) if t.title == "planning" for row in t.rows}
    assert {"max_min", "water_filling", "ftf", "makespan", "throughput"} <= solved


@pytest.mark.parametrize("load", [0.5, 1.5])
def test_a_load_is_the_gpu_time_asked_for_over_that_at_hand(load):
    found = small(["fifo"], load=load)
    for stretched, as_it_was in zip(found.windows, usual().windows, strict=True):
        t = stretched.trace
        assert (t.gpus * t.duration_s).sum() / (12 * np.ptp(t.arrival_s)) == pytest.approx(load)
        assert t.duration_s.tolist() == as_it_was.trace.duration_s.tolist()


def test_more_load_means_longer_completion_times():
    means = [small(["fifo_backfill"], load=x).scores("fifo_backfill").mean() for x in (0.3, 3.0)]
    assert means[1] > 1.5 * means[0]


def test_gittins_knows_the_training_part_only():
    d = domain("cluster")
    told = d.prepared(scenario(), d.open_workload(trace(), scenario()))
    train = trace().split()[0]
    sample = np.array(told.options.gittins_sample_gpu_s)
    assert sample.tolist() == pytest.approx(sorted(train.gpus * train.duration_s))
    own = d.prepared(scenario(gittins_sample_gpu_s=[5, 6]), d.open_workload(trace(), scenario()))
    assert own.options.gittins_sample_gpu_s == (5, 6)


def test_no_contender_beats_the_bound():
    for outcome in usual().outcomes:
        assert outcome.metrics["jct_over_bound"] >= 1
    table = next(t for t in usual().domain.facts(usual()) if t.title == "lower bounds")
    assert [row[0] for row in table.rows[:3]] == ["bound: alone", "bound: area", "bound"]
    assert float(table.rows[2][1]) == max(float(row[1]) for row in table.rows[:2])


def test_tenants_are_told_apart():
    table = next(t for t in usual().domain.facts(usual()) if t.title == "tenants")
    assert len(table.headings) == 4 and len(table.rows) == len(NAMES)


def test_the_printed_tables_have_every_metric_of_interest():
    first, second = report.printed_tables(usual())
    assert "P(better)" in first.headings and len(first.rows) == len(second.rows) == len(NAMES)
    words = " ".join(second.headings)
    for word in ("mean JCT", "median JCT", "p90", "p99", "wait", "makespan", "held",
                 "preemptions", "unfairness", "unfinished"):
        assert word in words


def test_records_are_the_jobs_and_segments(tmp_path):
    found = small(["las"], windows=1, records=tmp_path)
    tables = {p.stem.rpartition("_")[2]: pl.read_parquet(p) for p in tmp_path.rglob("*.parquet")}
    jobs, segments = tables["jobs"], tables["segments"]
    assert jobs.columns == [
        "job", "tenant", "class", "gpus", "arrival_s", "admitted_s", "first_start_s", "finish_s",
        "status", "preemptions", "evictions", "wall_s", "gpu_s", "overhead_s", "lost_s",
        "deadline_s"]
    assert segments.columns == ["job", "start_s", "end_s", "gpu_type", "nodes", "level", "reason"]
    metrics = found.outcomes[0].metrics
    assert (jobs["finish_s"] - jobs["arrival_s"]).mean() == pytest.approx(metrics["jct_mean"])
    assert jobs["deadline_s"].null_count() == len(jobs) == 24
    assert (segments["reason"] == "finish").sum() == metrics["finished"]
    held = sum((end - start) * sum(int(p.split(":")[1]) for p in nodes.split(";"))
               for start, end, nodes in segments[["start_s", "end_s", "nodes"]].iter_rows())
    assert held == pytest.approx(jobs["gpu_s"].sum())
    assert set(segments["gpu_type"]) <= {"fast", "slow"} and set(jobs["class"]) == {"a", "b"}


def test_a_cluster_of_another_size_has_the_same_proportions():
    d = domain("cluster")
    wide = d.with_devices(scenario(), 24)
    assert wide.cluster.gpus == 24 and wide.options == scenario().options
    assert sorted(n.gpus for n in wide.cluster.nodes) == [2] * 4 + [4] * 4


def test_two_processes_find_what_one_finds():
    together = small(["las", "srtf"], workers=2)
    alone = {(o.contender, o.window): o.metrics for o in usual().outcomes}
    assert all(o.metrics == alone[o.contender, o.window] for o in together.outcomes)


def test_the_key_of_a_score_knows_cluster_and_options():
    found = usual()
    who, window = found.contenders[0], found.windows[0]
    keys = {cache.key(who, s, window, 0) for s in (
        found.scenario, found.scenario.merge({"placement": "spread"}),
        found.domain.with_devices(found.scenario, 24))}
    assert len(keys) == 3


def test_all_pictures_have_axes_with_units():
    found = usual().domain.figures(usual())
    stems = [stem for stem, _, _ in found]
    assert {"ranking", "jct_cdf", "over_time", "trade_off"} <= set(stems)
    assert {f"timeline_{name}" for name in NAMES} <= set(stems)
    for stem, caption, figure in found:
        labels = " ".join(ax.get_xlabel() + ax.get_ylabel() for ax in figure.axes)
        assert caption and any(unit in labels for unit in ("(h)", "(%)")), stem


def test_curves_agree_with_the_metrics():
    digest = usual().of("fifo")[0].digest
    until = digest.timeline.until
    assert digest.curves["jobs"]["waiting"].min() >= 0
    spent = (digest.timeline.end - digest.timeline.begin).sum()
    assert spent == pytest.approx(12 * until * digest.curves["GPUs (%)"]["held"].mean() / 100)
    hours, count = digest.jct_h
    assert count == 24 and hours[-1] == pytest.approx(usual().of("fifo")[0].metrics["jct_max"]
                                                      / 3600)


@pytest.fixture
def files(tmp_path):
    """Scenario and trace as files of a user."""
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(dict(scenario().config)))
    write_trace(trace(), tmp_path / "mine.csv")
    return {"scenario": str(tmp_path / "mine.yaml"), "trace": str(tmp_path / "mine.csv")}


def test_the_command_draws_completion_times_against_load(files, tmp_path, capsys):
    out = tmp_path / "run"
    evaluate(TestConfig(env={"name": "cluster"}, workers=1, windows=2, window_length=10,
                        contenders=["fifo", "las", "srtf"], loads=[1.1, 0.5], **files), out)
    printed = capsys.readouterr().out
    assert printed.index("load 0.5") < printed.index("load 1.1")
    assert "mean JCT (h)" in printed and "unfinished jobs: none" in printed
    assert (out / "sweep.png").exists() and (out / "timeline_las.png").exists()
    rows = list(csv.DictReader((out / "results.csv").open()))
    assert len(rows) == 3 * 2 * 2 and {r["point"] for r in rows} == {"load 0.5", "load 1.1"}
    assert "lower bounds" in (out / "report.html").read_text()


def test_a_baseline_that_needs_something_else_is_an_error_when_it_is_named():
    with pytest.raises(PolicyError, match='did you mean "max_min"'):
        small(["maxmin"])


def test_the_readme_has_the_best_first_and_everybody(tmp_path, monkeypatch):
    script = scripting.load("update_readme")
    monkeypatch.setattr(script, "MEASURED", tmp_path)
    (tmp_path / "cluster").mkdir()
    other = small(["las_gpu", "fifo"], windows=1)
    for name, found in (("philly-32", usual()), ("small", other)):
        (tmp_path / "cluster" / f"{name}.csv").write_text(report.results_csv({"": found}))
    lines = script.comparison_table(domain("cluster")).splitlines()
    names = [line.split("|")[1].strip(" *").removesuffix("* (bound)") for line in lines[2:]]
    assert names == [s.contender.name for s in usual().standings()] + ["las_gpu"]
    assert "philly-32: mean JCT (h) | philly-32: p99 JCT (h) | small:" in lines[0]
