"""What an engineer is told before the first run: hosting, load, units; and the script's status."""
from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from envs.blis.check import check
from envs.blis.generate import generate
from envs.blis.replay import write_trace
from envs.blis.scenario import Scenario
from tests.scripting import run

PROFILE = [
    {"family": "a", "variant": "small", "accuracy": 90, "size_mb": 1,
     "latency_ms": {"cpu": {1: 20, 2: 30}, "gpu": {1: 10, 2: 12}}},
    {"family": "a", "variant": "large", "accuracy": 100, "size_mb": 1,
     "latency_ms": {"cpu": {1: 400}, "gpu": {1: 50}}},
    {"family": "b", "variant": "only", "accuracy": 100, "size_mb": 1,
     "latency_ms": {"cpu": {1: 100}, "gpu": {1: 40}}},
]
ACCELERATORS = [{"name": "cpu", "count": 4}, {"name": "gpu", "count": 4}]


def _scenario(accelerators=ACCELERATORS, profile=PROFILE, **options):
    return Scenario.from_config({"accelerators": accelerators, "profile": profile, **options})


def _profile(factor):
    return [{**v, "latency_ms": {t: {b: ms * factor for b, ms in table.items()}
                                 for t, table in v["latency_ms"].items()}} for v in PROFILE]


def _trace(rate=100.0, duration_s=120, families=("a", "b"), slo_ms=300.0):
    return generate({"families": list(families), "curve": {"rate": rate}, "slo_ms": slo_ms,
                     "duration_s": duration_s}, 1)


def _problems(report):
    return [(f.about, f.what) for f in report.findings if f.problem]


def test_a_sound_scenario_has_no_problem():
    report = check(_scenario(), _trace())
    a, b = report.rows
    assert not report.problems and report.verdict.startswith("ok: the cluster carries")
    assert (a.hostable, a.variants, a.best_accuracy) == (2, 2, 100.0)
    assert a.capacity_rps == pytest.approx(4 * 2000 / 30 + 4 * 2000 / 12)
    assert b.capacity_rps == pytest.approx(4 * 1000 / 100 + 4 * 1000 / 40)
    assert a.mean_rps == pytest.approx(50, rel=0.1) and a.busiest_rps > a.mean_rps
    assert report.accurate_ratio <= report.busiest_ratio < report.mean_ratio
    assert report.mean_ratio <= b.capacity_rps / b.mean_rps


def test_the_ratio_is_the_best_share_of_devices():
    report = check(_scenario([{"name": "gpu", "count": 3}]), _trace())
    demand = {row.family: row.mean_rps for row in report.rows}
    best = max(min(n * 2000 / 12 / demand["a"], (3 - n) * 25 / demand["b"]) for n in (1, 2))
    assert report.mean_ratio == pytest.approx(best, rel=0.02)


def test_a_family_that_no_device_can_host():
    report = check(_scenario([{"name": "cpu", "count": 4}]), _trace(slo_ms={"a": 300, "b": 150}))
    (what,) = [what for about, what in _problems(report) if about == "b"]
    assert "takes 100 ms alone" in what and "leaves 75 ms" in what
    assert report.rows[1].hostable == 0 and report.rows[1].capacity_rps == 0


def test_a_family_without_a_table_or_a_variant():
    profile = [PROFILE[0], {**PROFILE[2], "latency_ms": {"tpu": {1: 5}}}]
    report = check(_scenario(profile=profile), _trace(families=("a", "b", "c")))
    assert ("b", "no device of the cluster has a latency for it") in _problems(report)
    assert ("c", "the profile has no variant of this family") in _problems(report)
    assert [row.family for row in report.rows] == ["a", "b"]
    nothing = check(_scenario(), _trace(families=("x", "y")))
    assert nothing.problems == 2 and "nothing can be served" in nothing.verdict


def test_overload_and_too_few_devices():
    over = check(_scenario(), _trace(rate=4000))
    ((about, what),) = _problems(over)
    assert about == "load" and "overload" in what and over.mean_ratio < 1
    few = check(_scenario([{"name": "gpu", "count": 1}]), _trace(rate=2))
    assert any("2 families share 1 devices" in what for _, what in _problems(few))


def test_notes_are_no_problems():
    slow = {**PROFILE[2], "latency_ms": {**PROFILE[2]["latency_ms"], "tpu": {1: 1000}}}
    idle = check(_scenario([*ACCELERATORS, {"name": "tpu", "count": 1}], [PROFILE[0], slow]),
                 _trace())
    easy = check(_scenario(), _trace(rate=5))
    wave = {"kind": "square", "low": 10, "high": 400, "every_s": 20}
    bursts = check(_scenario(), generate({"families": ["a", "b"], "curve": wave}, 1))
    for report, about, what in ((idle, "tpu", "host nothing"), (easy, "load", "little to decide"),
                                (bursts, "load", "busiest 10 s exceed")):
        assert not report.problems
        assert any(f.about == about and what in f.what for f in report.findings)


def test_units_that_look_wrong():
    good = _trace()
    cases = {
        ("slo_ms", "seconds"): check(_scenario(), _trace(slo_ms=0.3)),
        ("slo_ms", "microseconds"): check(_scenario(), _trace(slo_ms=300_000.0)),
        ("arrival_ms", "seconds"): check(_scenario(), good.scaled(1e-3)),
        ("arrival_ms", "microseconds"): check(_scenario(), good.scaled(1e3)),
        ("arrival_ms", "clock"): check(
            _scenario(), replace(good, arrival_ms=good.arrival_ms + 1.7e12)),
        ("latency_ms", "seconds"): check(_scenario(profile=_profile(1e-3)), good),
        ("latency_ms", "microseconds"): check(_scenario(profile=_profile(1e3)), good),
        ("window_ms", "seconds"): check(_scenario(window_ms=1), good),
        ("accuracy of the profile", "fractions"): check(
            _scenario(profile=[{**v, "accuracy": v["accuracy"] / 100} for v in PROFILE]), good),
        ("accuracy of the trace", "fractions"): check(
            _scenario(), replace(good, accuracy=good.accuracy / 100)),
    }
    for (about, word), report in cases.items():
        assert any(a == about and word in what for a, what in _problems(report)), (about, word)


@pytest.fixture
def files(tmp_path):
    """A scenario file and a trace file that fit."""
    config = {"accelerators": ACCELERATORS, "profile": PROFILE}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(config))
    write_trace(_trace(), tmp_path / "mine.csv")
    return tmp_path


def test_the_script_says_it_in_a_table_and_a_status(files, capsys):
    argv = ["env=blis", f"scenario={files / 'mine.yaml'}", f"trace={files / 'mine.csv'}"]
    assert run("check_scenario", *argv) == 0
    printed = capsys.readouterr().out.strip().split("\n")
    assert "busiest 10 s" in "".join(printed) and printed[-1].startswith("ok: the cluster")
    write_trace(_trace(slo_ms=0.3), files / "mine.csv")
    assert run("check_scenario", *argv) == 1
    printed = capsys.readouterr().out
    assert "problem: slo_ms: the allowances of a, b look like seconds" in printed
    assert "problems: " in printed.strip().split("\n")[-1]


def test_the_script_refuses_in_one_line(files, capsys):
    (files / "bad.csv").write_text("arrival_ms,family,slo_ms\n1,a,x\n")
    for argv, message in (
        (["env=blos", "scenario=x"], 'did you mean "blis"'), ([], "scenario=...: is needed"),
        ([f"scenario={files / 'none.yaml'}"], "none.yaml"),
        ([f"scenario={files / 'mine.yaml'}"], "the scenario names no trace"),
        ([f"scenario={files / 'mine.yaml'}", f"trace={files / 'bad.csv'}"], "bad.csv, line 2"),
    ):
        assert run("check_scenario", *argv) == 2
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1

