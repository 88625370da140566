"""Clusters, options and their binding to a trace: figures by hand; what a check says of them."""
from __future__ import annotations

import math

import numpy as np
import pytest
import yaml

from envs.cluster.check import check
from envs.cluster.classes import JobClass, speed_ups
from envs.cluster.cluster import Cluster, Node, read_cluster
from envs.cluster.options import CANDIDATES, SWITCHED, Options
from envs.cluster.replay import Trace, write_trace
from envs.cluster.scenario import Scenario, load_scenario, scenario_names
from envs.cluster.system import bind
from envs.cluster.units import NEVER, seconds, us, us_of
from envs.core.options import defaults
from tests.scripting import run

MIXED = {
    "types": ["v100", "k80", "p100"],
    "nodes": [{"type": "k80", "gpus": 8, "rack": 1}, {"type": 0, "gpus": 4, "count": 2},
              {"type": "v100", "gpus": 2, "rack": 1}],
    "classes": [{"speed": [1, 0.25, 2], "locality": [1, 0.5, 0.25], "launch_s": 1.5},
                {"name": "lm", "speed": [0, 1, 1], "checkpoint_s": math.inf,
                 "curve": {2: 1.5, 4: 2.5}}],
    "events": [{"time_s": 9, "node": 1, "event": "up"}, {"time_s": 5, "node": 0, "event": "fail"},
               {"time_s": 5, "node": 3, "event": "up"}, {"time_s": 5, "node": 3, "event": "drain"}],
}
ROWS = [{"arrival_s": 7.5, "gpus": 4, "duration_s": 100, "class": "lm", "max_gpus": 6},
        {"arrival_s": 0, "gpus": 1, "duration_s": 0.1234567, "gpu_type": "k80", "deadline_s": 3},
        {"arrival_s": 7.5, "gpus": 2, "duration_s": 10, "estimate_s": 20, "gpu_type": 0}]
SMALL = {"types": ["gpu"], "nodes": [{"gpus": 4, "count": 2}]}


def scenario(**keys) -> Scenario:
    return Scenario.from_config({"cluster": MIXED, **keys}, "my.yaml")


def test_times_are_rounded_half_up_to_microseconds():
    assert [us(x) for x in (0, 1.5e-6, 2.4e-6, 1e-7, 300)] == [0, 2, 2, 0, 300_000_000]
    assert us(math.inf) == us(1e14) == NEVER and seconds(NEVER) == math.inf
    values = np.array([0, 1.5e-6, 0.1234567, 7.5, 1e14, math.inf])
    assert us_of(values).tolist() == [us(x) for x in values] and seconds(1_500_000) == 1.5


def test_defaults_are_those_of_the_domain():
    plain = defaults(Options)
    assert (plain["mode"], plain["round_s"], plain["order"]) == ("round", 300.0, "fifo")
    assert plain["queue_limits_gpu_s"] == (3250.0, 7200.0) and plain["promote"] == math.inf
    assert (plain["misfit"], plain["preempt"], plain["evict"]) == ("skip", "off", "safe")
    assert (plain["placement"], plain["admission"], plain["theta"]) == ("packed", "all", 1.0)
    assert plain["env"].reward == {"jct": 1.0} and plain["share"] is plain["track"] is None


def test_infinity_is_written_in_three_ways():
    for value in (None, math.inf, float("inf")):
        assert scenario(quantum_s=value).options.quantum_s == math.inf


def test_nodes_by_name_number_and_count():
    cluster = scenario().cluster
    assert cluster.nodes == (Node(1, 8, 1), Node(0, 4, 0), Node(0, 4, 0), Node(0, 2, 1))
    assert cluster.gpus == 18 and [c.name for c in cluster.classes] == ["0", "lm"]
    assert Cluster.from_config(cluster.to_config()) == cluster
    assert [entry["count"] for entry in cluster.to_config()["nodes"]] == [1, 2, 1]


def test_types_may_have_digits_for_names():
    config = {"types": [1080, 3090], "nodes": [{"type": 3090, "gpus": 1}, {"type": 0, "gpus": 1}]}
    assert [node.type for node in Cluster.from_config(config).nodes] == [1, 0]


def test_a_cluster_without_classes_has_one_with_all_defaults():
    (only,) = Cluster.from_config(SMALL).classes
    assert only == JobClass("0", (1.0,)) and not only.sensitive
    assert (only.restart_s, only.launch_s, only.checkpoint_s) == (30.0, 0.0, 0.0)


@pytest.mark.parametrize("name", scenario_names())
def test_named_scenarios_take_their_own_workload(name):
    named = load_scenario(name)
    assert named.name == named.options.trace == name
    assert named.cluster.gpus == int(name.rpartition("-")[2]) or name == "blox-2024"
    report = check(named)
    assert not report.problems and report.trace == name, report.findings
    assert report.verdict.startswith(f"ok: {len(report.jobs)} jobs")


def test_the_benchmark_scenarios():
    philly, mixed = load_scenario("philly-32"), load_scenario("mixed-36")
    assert [(n.gpus, n.rack) for n in philly.cluster.nodes] == [(8, 0), (8, 0), (8, 1), (8, 1)]
    assert [c.locality for c in philly.cluster.classes] == [(1, 1, 1), (1, 0.54, 0.54)]
    assert (philly.options.mode, mixed.options.mode, mixed.options.round_s) == (
        "event", "round", 360.0)
    assert [node.type for node in mixed.cluster.nodes] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [c.speed[0] for c in mixed.cluster.classes] == [1] * 7
    assert [c.speed[1] for c in mixed.cluster.classes] == [.6, .93, .59, .9, 2.22, .79, .54]
    assert [c.speed[2] for c in mixed.cluster.classes] == [.14, .29, .2, .27, 1.4, .48, .11]
    assert [min(c.locality) for c in mixed.cluster.classes] == [1, .4, .54, .3, 1, 1, 1]
    assert load_scenario("elastic-32").cluster.classes[0].curve[16] == 8.5


def test_blox_2024_is_a_preset_of_options():
    options = load_scenario("blox-2024", {"order": "las"}).options
    assert (options.completion, options.misfit, options.preempt, options.evict) == (
        "boundary", "stop", "below", "eager")
    assert (options.placement, options.boost_after_s) == ("scatter-exact", 3_600_000.0)


def test_replace_takes_whole_values_and_merge_leaves():
    base = scenario(env={"slots": 4, "blind": True}, quota={0: 8})
    assert base.replace(env={"slots": 8}).options.env.blind is False
    merged = base.merge({"env": {"slots": 8}, "quota": {"1": 2}})
    assert (merged.options.env.slots, merged.options.env.blind) == (8, True)
    assert merged.options.quota == {"0": 8, "1": 2} and merged.name == base.name
    assert base.merge({"share": {"policy": "ftf"}}).options.share.policy == "ftf"


def test_files(tmp_path):
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(MIXED))
    (tmp_path / "run.yaml").write_text("cluster: mine.yaml\norder: las\n")
    of_file = load_scenario(tmp_path / "run.yaml")
    assert of_file.name == "run" and of_file.cluster == scenario().cluster
    assert of_file.merge({"order": "srtf"}).cluster == of_file.cluster
    alone = load_scenario(tmp_path / "mine.yaml", {"order": "las"})
    assert alone.cluster == read_cluster(tmp_path / "mine.yaml") == of_file.cluster
    assert alone.options == of_file.options


def test_scaling_keeps_proportions_and_sizes_of_racks():
    cluster = load_scenario("philly-32").cluster
    assert [n.rack for n in cluster.scaled(64).nodes] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [(n.gpus, n.rack) for n in cluster.scaled(16).nodes] == [(8, 0), (8, 1)]
    triple = load_scenario("mixed-36").cluster.scaled(108)
    assert np.bincount([n.type for n in triple.nodes]).tolist() == [9, 9, 9]
    failing = load_scenario("failures-64").cluster
    assert failing.scaled(64) == failing
    assert len(failing.scaled(128).events) == 2 * len(failing.events)


def test_candidates_of_look_ahead():
    assert len(CANDIDATES) == 9 and all(set(c) < set(SWITCHED) for c in CANDIDATES)
    chosen = scenario(lookahead={"every_s": 60, "candidates": [{"order": "las", "theta": 2}]})
    assert chosen.options.lookahead.candidates == ({"order": "las", "theta": 2.0},)
    assert scenario(lookahead={}).options.lookahead.candidates == CANDIDATES


def test_nodes_and_events_by_hand():
    system = bind(scenario(), Trace.from_rows(ROWS))
    assert system.node_type.tolist() == [1, 0, 0, 0] and system.node_rack.tolist() == [1, 0, 0, 1]
    assert system.g_max.tolist() == [4, 8, 1] and system.type_gpus.tolist() == [10, 8, 0]
    assert system.event_us.tolist() == [5_000_000] * 3 + [9_000_000]
    assert system.event_node.tolist() == [0, 3, 3, 1]
    assert system.event_kind.tolist() == [2, 0, 1, 0]
    assert system.starts_up.tolist() == [True, False, True, False] and system.total_gpus == 18


def test_classes_by_hand():
    system = bind(scenario(), Trace.from_rows(ROWS))
    assert system.classes == ("0", "lm") and system.sensitive.tolist() == [True, False]
    assert system.type_order.tolist() == [[2, 0, 1], [1, 2, -1]]
    listed = bind(scenario(type_order="listed"), Trace.from_rows(ROWS))
    assert listed.type_order.tolist() == [[0, 1, 2], [1, 2, -1]]
    assert system.launch_us.tolist() == [1_500_000, 0]
    assert system.restart_us.tolist() == [30_000_000] * 2
    assert system.checkpoint_us.tolist() == [0, NEVER]
    assert system.curve.tolist() == [[0, 1, 2, 3, 4, 5, 6], [0, 1.5, 1.5, 2, 2.5, 2.5, 2.5]]
    assert not system.has_goodput.any() and not system.goodput_rate.any()


def test_jobs_by_hand():
    system = bind(scenario(), Trace.from_rows(ROWS))
    assert len(system) == 3 and system.line.tolist() == [1, 0, 2]
    assert system.arrival_us.tolist() == [0, 7_500_000, 7_500_000]
    assert system.work.tolist() == [123_457, 1e8, 1e7]
    assert system.estimate.tolist() == [123_457, 1e8, 2e7]
    assert system.deadline_us.tolist() == [3_000_000, NEVER, NEVER]
    assert system.cls.tolist() == [0, 1, 0] and system.gpu_type.tolist() == [1, -1, 0]
    assert system.min_gpus.tolist() == [1, 4, 2] and system.max_gpus.tolist() == [1, 6, 2]
    assert system.allowed().tolist() == [[False, True, False], [False, True, True],
                                         [True, False, False]]


def test_curves_are_linear_between_points_and_constant_beyond():
    curve = JobClass("0", (1.0,), curve={2: 1.0, 4: 2.0, 8: 3.0})
    assert speed_ups(curve, 9).tolist() == [0, 1, 1, 1.5, 2, 2.25, 2.5, 2.75, 3, 3]
    assert speed_ups(curve, 1).tolist() == [0, 1]
    assert speed_ups(JobClass("0", (1.0,)), 3).tolist() == [0, 1, 2, 3]


def test_goodput_classes_have_rates_relative_to_one_gpu():
    params = {"alpha_c": 0.1, "beta_c": 0.01, "alpha_r": 0.05, "beta_r": 0.001, "alpha_n": 0.2,
              "beta_n": 0.01, "gamma": 2}
    model = {"params": params, "batch0": 64, "batch_max": 1024, "atomic_min": 8, "atomic_max": 128,
             "grad_sqr": 0.1, "grad_var": 1.0}
    config = {"cluster": {**SMALL, "classes": [{"goodput": model}, {}]}}
    rows = [{"arrival_s": 0, "gpus": 1, "duration_s": 9, "max_gpus": 8}]
    system = bind(Scenario.from_config(config), Trace.from_rows(rows))
    rate = system.goodput_rate
    assert system.has_goodput.tolist() == [True, False] and rate.shape == (2, 9, 2)
    assert rate[0, 1, 0] == 1.0 and (rate[0, 2:, 0] > rate[0, 2:, 1]).all() and not rate[1].any()


def _problems(report) -> list[str]:
    return [f"{f.about}: {f.what}" for f in report.findings if f.problem]


def _notes(report) -> str:
    return "\n".join(f"{f.about}: {f.what}" for f in report.findings if not f.problem)


def test_a_check_of_a_cluster_alone():
    report = check(scenario())
    assert not report.problems and report.verdict == "ok: 18 GPUs on 4 nodes"
    assert "type p100: no node has it" in _notes(report)
    assert "nodes: 0, 3 leave for good, the first at 5 s" in _notes(report)
    useless = {**MIXED, "classes": [{"name": "tpu", "speed": [0, 0, 1]}]}
    report = check(Scenario.from_config({"cluster": useless}))
    assert _problems(report) == ["class tpu: no node has a GPU type that it can run on"]
    assert "type v100: no class can run on it" in _notes(report)


def test_a_check_of_events_and_quotas():
    events = [{"time_s": t, "node": 0, "event": e} for t, e in ((1, "fail"), (2, "drain"),
                                                                (3, "up"), (4, "up"))]
    report = check(Scenario.from_config({"cluster": {**SMALL, "events": events},
                                         "quota": {0: 9, 1: 8}}))
    assert "events: 1, 3 of the list find their node in that state" in _notes(report)
    assert "quotas are not used" in _notes(report)
    assert "tenant 0: its quota of 9 GPUs is larger than the cluster (8)" in _notes(report)


def _trace(duration_s=(500.0, 900.0), arrival_s=(0.0, 100.0), gpus=(8, 8), **columns) -> Trace:
    rows = [{"arrival_s": a, "gpus": g, "duration_s": d, **columns}
            for a, g, d in zip(arrival_s, gpus, duration_s, strict=True)]
    return Trace.from_rows(rows)


@pytest.mark.parametrize("trace, problem", [
    (_trace(duration_s=(5, 9)), "duration_s: half of the jobs take less than 7 s"),
    (_trace(duration_s=(9e6, 9e6)), "duration_s: half of the jobs take more than"),
    (_trace(arrival_s=(1.6e9, 1.6e9 + 60)), "arrival_s: the first job arrives at 1.6e+09 s"),
    (_trace(gpus=(8, 9)), "jobs, job 1: job 1 wants 9 GPUs"),
    (_trace(tenant=3), "scenario: quota: tenant 3 of job 0 has no quota"),
])
def test_problems_of_a_trace(trace, problem):
    report = check(Scenario.from_config({"cluster": SMALL, "admission": "quota",
                                         "quota": {"0": 99}}), trace)
    assert any(found.startswith(problem) for found in _problems(report)), report.findings
    assert report.verdict.startswith("1 problem: 2 jobs")


@pytest.mark.parametrize("options, trace, note", [
    ({}, _trace(duration_s=(70, 80)), "round_s: half of the jobs take less than 75 s"),
    ({"mode": "event", "completion": "boundary"}, _trace(), "boundary has no effect"),
    ({"order": "edf"}, _trace(), "deadline_s: order edf has nothing to go by"),
    ({"order": "priority"}, _trace(priority=3), "priority: order priority has nothing"),
    ({"size": "estimate"}, _trace(), "every estimate is exact"),
    ({"elastic": {}}, _trace(), "elastic: no job has a range of GPUs"),
    ({}, _trace(arrival_s=(0, 1e5)), "load: the jobs ask for 0.014 of the GPU time"),
    ({}, _trace(gpus=(1, 1), duration_s=(500, 100)), "load: every job has one GPU, and below"),
    ({"admission": "quota", "quota": {"0": 8, "5": 8}}, _trace(), "tenants: 5 have a quota and no"),
])
def test_notes_on_a_trace(options, trace, note):
    report = check(Scenario.from_config({"cluster": SMALL, **options}), trace)
    assert note in _notes(report) and not report.problems


def test_the_script(tmp_path, capsys):
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(MIXED))
    write_trace(Trace.from_rows(ROWS), tmp_path / "mine.csv")
    argv = ["env=cluster", f"scenario={tmp_path / 'mine.yaml'}"]
    assert run("check_scenario", *argv) == 0
    printed = capsys.readouterr().out
    assert printed.strip().endswith("ok: 18 GPUs on 4 nodes") and "checkpoint s" in printed
    trace = f"trace={tmp_path / 'mine.csv'}"
    assert run("check_scenario", *argv, trace) == 0
    printed = capsys.readouterr().out
    assert "note: round_s: half of the jobs take less than 10 s" in printed
    assert printed.strip().endswith("ok: 3 jobs within 7.5 s, a load of 3.11 on 18 GPUs")
    write_trace(Trace.from_rows([{**row, "gpus": 12, "max_gpus": 12} for row in ROWS]),
                tmp_path / "mine.csv")
    assert run("check_scenario", *argv, trace) == 1
    assert "mine.csv, line 2: job 0 wants 12 GPUs of one type" in capsys.readouterr().out
    assert run("check_scenario", "env=cluster", "scenario=mixed-63") == 2
    assert 'did you mean "mixed-36"' in capsys.readouterr().err
