"""The domain of task graphs in a comparison: paired, related, swept by suites."""
from __future__ import annotations

import csv

import numpy as np
import polars as pl
import pytest

from agents.contenders import Contender
from agents.domains import domain
from agents.evaluation import cache, protocol, report
from agents.evaluation.command import evaluate
from agents.evaluation.limits_dag import limits
from agents.evaluation.protocol import BASELINES, RIVALS
from agents.evaluation.settings import TestConfig
from agents.evaluation.standings import joined
from envs.core.errors import PolicyError, ScenarioError, TraceError
from envs.core.files import REPOSITORY
from envs.dag.durations import actual_durations
from envs.dag.replay import Trace
from envs.dag.simulate import simulate
from envs.dag.workloads import open_workload
from tests import scripting
from tests.small_dag import NAMES, plain, scenario, small, usual


def test_less_is_better_and_cases_are_graphs_with_seeds_of_their_own():
    found = usual()
    means = {name: found.scores(name).mean() for name in NAMES}
    assert [s.contender.name for s in found.standings()] == sorted(means, key=means.get)
    assert found.strongest == min(means, key=means.get) and found.bound is None
    seeds = [found.domain.seed_of(w, s) for w in found.windows for s in found.seeds]
    assert seeds == [1_000_000, 1_001_000, 1_000_001, 1_001_001]
    assert "2 test windows, 2 seeds" in report.title(found)


def test_no_contender_beats_the_bound_and_the_note_says_what_it_is():
    found = usual()
    assert all(found.scores(name).min() >= 1 for name in NAMES)
    assert "C* is a lower bound" in report.standings_table(found).note
    table = next(t for t in found.domain.facts(found) if t.title.startswith("what the cases"))
    assert [row[4] for row in table.rows] == ["lower bound"] * 4
    for row in table.rows:
        assert max(float(x) for x in row[5:8]) == pytest.approx(float(row[3]), rel=0.02)


def test_contenders_are_related_case_by_case():
    found = usual()
    for window in found.windows:
        for seed in found.seeds:
            at = {o.contender: o.metrics for o in found.outcomes
                  if (o.window, o.seed) == (window.name, seed)}
            for name, mine in at.items():
                base = at["static:heft"]["makespan"]
                assert mine["over_heft"] == mine["makespan"] / base
                assert mine["wins_heft"] == (
                    0.5 if mine["makespan"] == base else float(mine["makespan"] < base)), name
            assert at["mct_wait"]["over_mct_wait"] == 1 and at["mct_wait"]["wins_mct_wait"] == 0.5


def test_who_is_compared_without_its_rivals_has_no_ratio():
    metrics = small(["fifo"], windows=1).outcomes[0].metrics
    assert metrics["over_heft"] is None and metrics["wins_peft"] is None and metrics["ratio"] > 1


def test_the_optimum_is_a_bound_that_nobody_beats():
    found = small([*NAMES, "optimum"], scenario=plain())
    assert found.bound == "optimum" and (found.scores("optimum") == 1).all()
    assert all(found.scores(name).min() >= 1 for name in NAMES)
    assert "C* is a proved optimum in 2 of 2 cases" in report.standings_table(found).note
    with pytest.raises(PolicyError, match="no schedule is proved"):
        small(["optimum"], windows=1)


def test_limits_are_those_of_the_actual_durations():
    trace = open_workload(None, scenario()).part("test", 1)[0].trace
    one, two = (limits(scenario(), trace, seed).best()[0] for seed in (1, 2))
    assert one != two
    run = simulate(scenario(), trace, seed=1, policy="mct_wait")
    drawn = actual_durations(trace.jobs[0].graph, scenario().machine, scenario().options, 1)
    kind = scenario().machine.type_of[run.tasks["worker"]]
    lasted = run.tasks["finish"] - run.tasks["start"]
    assert (drawn[np.arange(len(drawn)), kind] == lasted).all()
    exact = plain()
    assert limits(exact, trace, 1) == limits(exact, trace, 2)


@pytest.mark.parametrize("noise", ["lognormal", "truncnorm"])
def test_durations_are_those_of_the_simulator_in_every_job(noise):
    given = scenario(noise=noise, sigma={"gemm": 1.5, "trsm": 0.1})
    trace = Trace.from_rows([[0, "cholesky(n=4)"], [5, "cholesky(n=3)"]])
    run = simulate(given, trace, seed=9, policy="random")
    for j, job in enumerate(trace.jobs):
        mine = run.tasks[run.tasks["job"] == j]
        drawn = actual_durations(job.graph, given.machine, given.options, 9, j)
        kind = given.machine.type_of[mine["worker"]]
        assert (drawn[mine["task"], kind] == mine["finish"] - mine["start"]).all()


def test_the_printed_tables_have_every_metric_of_interest():
    first, second = report.printed_tables(usual())
    assert "P(better)" in first.headings and len(first.rows) == len(second.rows) == len(NAMES)
    words = " ".join(second.headings)
    for word in ("C/C*", "C/C(heft)", "C/C(mct_wait)", "wins on peft", "moved (MB)", "evictions",
                 "waits", "decision (us)", "p99 decision"):
        assert word in words


def test_what_makes_no_sense_is_left_out_with_its_reason():
    found = small([BASELINES], windows=1)
    names = {c.name for c in found.contenders}
    assert {"fifo", "static:heft", "dmdas"} <= names and not names & {"sjf", "optimum"}
    note, = (n for n in found.notes if n.startswith("left out: "))
    assert "job_fifo, sjf, fair (one job)" in note


def test_a_stream_is_judged_by_mean_completion_time():
    given = scenario(objective="jct", workload={
        "train": ["cholesky(n=2)", "cholesky(n=3)"], "poisson": {"load": 0.7, "jobs": 5}})
    found = small(["mct_wait", "sjf", "fair"], scenario=given, windows=2)
    for o in found.outcomes:
        assert o.metrics["cost"] == o.metrics["jct_mean"] and o.metrics["ratio"] >= 1
        assert o.metrics["jobs"] == 5
    with pytest.raises(ScenarioError, match="plans one job"):
        small(["static:heft"], scenario=given, windows=1)


def test_the_rivals_of_training_are_those_that_make_sense():
    streaming = scenario(objective="jct", workload={
        "train": ["cholesky(n=2)"], "poisson": {"load": 0.7, "jobs": 3}})
    for given, names in (
            (scenario(), ["mct_wait", "dmdas", "static:heft", "static:peft", "dmdar"]),
            (streaming, ["mct_wait", "dmdas", "dmdar", "sjf"]),
            (scenario(visible="frontier"), ["mct_wait", "dmdas", "dmdar"])):
        found = small([RIVALS], scenario=given, windows=1)
        assert [c.name for c in found.contenders] == names


def test_rivals_are_those_of_the_windows_they_run_on():
    """One job in the validation part, three in the test part: plans are for the first alone."""
    jobs = Trace.from_rows([[t, "cholesky(n=2)"] for t in (0, 10, 20, 75, 85, 90, 100)])
    told = {part: [c.name for c in small([RIVALS], trace=jobs, part=part, windows=1).contenders]
            for part in ("validation", "test")}
    assert "static:heft" in told["validation"] and "static:heft" not in told["test"]


def test_a_load_is_least_work_times_rate_over_workers():
    d, given = domain("dag"), scenario(workload={
        "train": ["cholesky(n=3)"], "poisson": {"load": 0.2, "jobs": 400}})
    for load in (0.5, 1.5):
        workload = d.at_load(given, d.open_workload(None, given), load)
        trace = workload.part("test", 1)[0].trace
        graph = trace.jobs[0].graph
        least = graph.duration.min(axis=1).sum()
        assert least * 400 / trace.end / 4 == pytest.approx(load, rel=0.1)
    recorded = d.at_load(given, open_workload(trace, given), 0.8)
    pressed = recorded.part("test", 1)[0].trace
    assert least * len(pressed) / pressed.end / 4 == pytest.approx(0.8, rel=0.01)
    with pytest.raises(ScenarioError, match="no stream"):
        d.at_load(scenario(), d.open_workload(None, scenario()), 0.5)


def points(name: str, given=None) -> dict:
    given = given or scenario()
    return dict(domain("dag").suite(name, given, open_workload(None, given)).points)


def test_the_noise_suite_varies_sigma_alone():
    found = points("noise")
    assert [p.x for p in found.values()] == [0, 0.1, 0.2, 0.3, 0.5]
    options = [p.change["scenario"].options for p in found.values()]
    assert [o.greatest_sigma for o in options] == [0, 0.1, 0.2, 0.3, 0.5]
    assert options[0].noise == "none" and options[1].noise == "lognormal"


def test_the_size_suite_has_a_curve_for_every_generator():
    found = points("size", scenario(workload=["cholesky(n=3)", "lu(n=2)"]))
    assert [(p.group, p.x) for p in found.values()][4:8] == [
        ("cholesky", 12), ("cholesky", 16), ("lu", 4), ("lu", 6)]
    assert found["lu n=12"].change == {"trace": "lu(n=12)"}
    twice = points("size", scenario(workload=["lu(n=2)", "lu(n=2,table=flops_lu)"]))
    assert list(twice)[5:7] == ["lu(n=16)", "lu(n=4,table=flops_lu)"]
    with pytest.raises(ScenarioError, match="no graph of the workload has a parameter n"):
        points("size", scenario(workload=["montage(w=3)"]))


def test_the_memory_suite_counts_tiles():
    found = points("memory")
    room = [p.change["scenario"].machine.workers[0].memory for p in found.values()]
    assert room == [4 * 3_686_400, 12 * 3_686_400, 32 * 3_686_400, None]
    assert [p.tick for p in found.values()][-1] == "unbounded"
    assert all(p.change["scenario"].machine.workers[3].own is False for p in found.values())
    with pytest.raises(ScenarioError, match="no memory is simulated"):
        points("memory", plain())


def test_a_stream_of_one_call_is_refused_with_the_way_out():
    with pytest.raises(ScenarioError, match=r"trace=cholesky\(n=3\): .* leave trace= out"):
        domain("dag").suite("stream", scenario(), open_workload("cholesky(n=3)", scenario()))


def test_the_unfolding_and_stream_suites():
    shown = [p.change["scenario"].options for p in points("unfolding").values()]
    assert [(o.visible, o.window) for o in shown] == [("full", 1), ("window", 2), ("frontier", 1)]
    found = points("stream")
    assert [p.change["load"] for p in found.values()] == [0.5, 0.7, 0.9]
    first = found["load 0.5"].change["scenario"]
    assert first.options.objective == "jct" and first.workload.poisson.jobs == 20
    with pytest.raises(ScenarioError, match='did you mean "noise"'):
        points("nois")


def test_who_sees_what_is_hidden_at_one_point_is_a_bound_of_the_sweep():
    names = ["mct_wait", "static:heft"]
    found = {visible: small(names, scenario=scenario(visible=visible), windows=1)
             for visible in ("full", "frontier")}
    assert [c.bound for c in found.values()] == [None, "static:heft"]
    assert joined(found).bound == "static:heft" and joined(found).strongest == "mct_wait"


def test_records_have_names_and_nulls(tmp_path):
    found = small(["mct_wait"], windows=1, records=tmp_path)
    tables = {p.stem.rpartition("_")[2]: pl.read_parquet(p) for p in tmp_path.rglob("*.parquet")}
    assert set(tables) == {"tasks", "jobs", "transfers", "evictions", "choices"}
    tasks, metrics = tables["tasks"], found.outcomes[0].metrics
    assert tasks.columns == ["job", "task", "name", "kind", "worker", "ready", "assigned", "start",
                             "finish"]
    assert tasks["finish"].max() == metrics["makespan"]
    assert set(tasks["kind"]) == {"potrf", "trsm", "syrk", "gemm"}
    assert set(tasks["worker"]) <= {"gpu 0", "gpu 1", "cpu 2", "cpu 3"}
    moved = tables["transfers"]
    assert moved["bytes"].sum() == metrics["bytes_moved"]
    assert (moved["kind"] == "fetch").sum() == metrics["fetches"]
    assert tables["choices"]["task"].len() == metrics["decisions"]


def test_kernels_are_loaded_before_anything_is_timed(monkeypatch, tmp_path):
    """Also where scores may be known, once; and not at all where all of them are."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    order, run = [], Contender.run
    monkeypatch.setattr(type(domain("dag")), "warm_up", lambda self: order.append("load"))
    monkeypatch.setattr(Contender, "run", lambda *a: order.append("run") or run(*a))
    for expected in (["load", "run", "run"], []):
        protocol.warm_up.cache_clear()
        small(["fifo", "mct_wait"], windows=1, cached=True)
        assert order == expected
        order.clear()


def test_the_key_of_a_score_knows_graph_seed_and_machine():
    found = usual()
    who, (first, second) = found.contenders[0], found.windows
    d = found.domain
    keys = {cache.key(who, found.scenario, first, 0), cache.key(who, found.scenario, first, 1),
            cache.key(who, found.scenario, second, 0),
            cache.key(who, d.with_devices(found.scenario, 6), first, 0),
            cache.key(who, found.scenario.merge({"sigma": 0.3}), first, 0)}
    assert len(keys) == 5
    again = open_workload(None, scenario()).part("test", 2)[0]
    assert cache.key(who, found.scenario, again, 0) in keys


def test_kinds_mean_the_same_on_every_graph():
    d = domain("dag")
    told = [d.prepared(scenario(), d.open_workload(text, scenario())).options.env.kinds
            for text in (None, "lu(n=2)", "erdos(n=5,p=0.5)")]
    own = ("gemm", "potrf", "syrk", "trsm")
    assert told == [own, (*own, "getrf", "trsm_l", "trsm_u"), own]
    given = scenario(env={"kinds": ["gemm"], "horizon": 5})
    kept = d.prepared(given, d.open_workload(None, given)).options.env
    assert kept.kinds == ("gemm",) and kept.horizon is None


def test_a_machine_of_another_size_has_the_same_proportions():
    wide = domain("dag").with_devices(scenario(), 6)
    assert wide.machine.type_of.tolist() == [0, 0, 0, 1, 1, 1]
    assert domain("dag").with_devices(scenario(), 1).machine.types == ("gpu",)


def test_two_processes_find_what_one_finds():
    def same(metrics):
        return {k: v for k, v in metrics.items() if not k.startswith("decision_us")}

    together = small(["fifo", "mct_wait", "static:heft", "static:peft"], windows=2, seeds=(0, 1),
                     workers=2)
    alone = {(o.contender, o.window, o.seed): same(o.metrics) for o in usual().outcomes}
    for o in together.outcomes:
        assert same(o.metrics) == alone[o.contender, o.window, o.seed]


def test_all_pictures_have_axes():
    found = usual().domain.figures(usual())
    stems = [stem for stem, _, _ in found]
    assert {"ranking", "boxes", "win_rates", "trade_off", "graph", "timeline_static_heft"} <= set(
        stems)
    for stem, caption, figure in found:
        assert caption and any(ax.get_xlabel() or ax.get_ylabel() for ax in figure.axes), stem


def test_the_command_draws_a_suite(tmp_path, capsys, monkeypatch):
    from agents.evaluation import suites_dag

    monkeypatch.setattr(suites_dag, "SIZES", (2, 3))
    out = tmp_path / "run"
    evaluate(TestConfig(env={"name": "dag"}, scenario="lu_qr", workers=1, windows=1, suite="size",
                        contenders=["fifo", "mct_wait"]), out)
    printed = capsys.readouterr().out
    assert "cholesky n=2" in printed and "C/C* [95 %]" in printed
    assert "scenario lu_qr, several traces, all points, 6 test windows" in printed
    assert {"sweep_cholesky.png", "sweep_lu.png", "sweep_qr.png", "graph.png"} <= {
        p.name for p in out.iterdir()}
    rows = list(csv.DictReader((out / "results.csv").open()))
    assert len(rows) == 2 * 6 and {"ratio", "wins_heft", "proved"} <= set(rows[0])


def test_a_call_that_is_wrong_is_one_error():
    with pytest.raises((ScenarioError, TraceError), match="cholesky"):
        small(["fifo"], trace="choleski(n=3)")


def test_the_readme_has_the_noise_suite(tmp_path, monkeypatch):
    script = scripting.load("update_readme")
    monkeypatch.setattr(script, "MEASURED", tmp_path)
    (tmp_path / "dag").mkdir()
    d, swept = domain("dag"), {"sigma 0": usual(), "sigma 0.1": usual()}
    (tmp_path / "dag" / "tiled.csv").write_text(report.results_csv({"": usual()}))
    (tmp_path / "dag" / "tiled_noise.csv").write_text(report.results_csv(swept))
    assert [p.stem for p in script.files(d)] == ["tiled"]
    text = "<!-- dag: noise -->\nold\n<!-- end -->"
    lines = script.rendered(text).splitlines()
    assert lines[1] == "| C/C* | sigma 0 | sigma 0.1 |" and len(lines) == 3 + len(NAMES) + 1
    names = [line.split("|")[1].strip() for line in lines[3:-1]]
    assert names == [s.contender.name for s in usual().standings()]


@pytest.mark.parametrize(("sigma", "means"), [
    (0.2, {"static:heft": 290.0, "static:peft": 266.0, "mct_wait": 276.8, "dmda": 276.6}),
    (0.5, {"static:heft": 318.6, "static:peft": 292.8, "mct_wait": 277.3, "dmda": 287.4}),
])
def test_plans_degrade_with_noise_as_the_specification_says(sigma, means):
    found = small(list(means), scenario="noisy", trace="cholesky(n=8)", windows=40,
                  options={"sigma": sigma})
    for name, value in means.items():
        assert np.mean([o.metrics["makespan"] for o in found.of(name)]) == pytest.approx(
            value, abs=0.06)


@pytest.mark.parametrize("name", ["mct_wait", "dmdas", "static:heft"])
def test_measured_figures_still_come_out(name):
    """Of the first window of the default scenario."""
    path = REPOSITORY / "docs" / "results" / "dag" / "tiled.csv"
    if not path.is_file():
        pytest.skip("not measured yet")
    kept = scripting.load("update_readme").read(path)[name]
    found = small([name], scenario="tiled", windows=1)
    for metric in ("makespan", "ratio", "bytes_moved", "evictions", "waits", "decisions"):
        now = np.array([o.metrics[metric] for o in found.of(name)], float)
        assert now == pytest.approx(kept[metric][0, :1], rel=1e-9), metric
