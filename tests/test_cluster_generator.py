"""The generator: laws, load, bursts, the workload of Blox, and the figures of published traces."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.cluster.generate import config_of, generate, preset, presets
from envs.cluster.generator.arrivals import DAY_SHARES, HOUR_SHARES, weekly_profile
from envs.cluster.generator.blox import blox_jobs
from envs.cluster.generator.config import changed
from envs.cluster.generator.laws import (
    LEVELS,
    PHILLY_GPUS,
    PHILLY_LOG10_S,
    SYNTHETIC_GPUS,
    philly_durations,
    synthetic_durations,
)
from envs.cluster.generator.measure import describe, gpu_shares, measure
from envs.cluster.replay import ARRAYS, Trace
from envs.core.errors import ScenarioError, TraceError
from envs.core.files import read_raw, read_text

RATED = [name for name, config in presets().items() if config.rho and not config.phases
         and config.law != "blox"]
ORACLES = Path(__file__).parent / "oracles" / "cluster" / "blox"
RECORDED = json.loads(read_text(ORACLES / "index.json.gz", TraceError))
configs = st.fixed_dictionaries({
    "law": st.sampled_from(["synthetic", "philly"]), "jobs": st.integers(2, 60),
    "gpus": st.integers(1, 64), "rho": st.floats(0.2, 3),
    "class_per": st.sampled_from(["job", "burst"]), "classes": st.sampled_from([["a"], ["b", "a"]]),
    "tenants": st.sampled_from([[1], [3, 1]]), "seed": st.integers(0, 99)})


@settings(max_examples=60, deadline=None)
@given(config=configs)
def test_every_trace_is_a_trace(config):
    trace = generate(config)
    assert len(trace) == config["jobs"]
    assert trace.arrival_s[0] == 0 and (np.diff(trace.arrival_s) >= 0).all()
    assert (trace.arrival_s % 1 == 0).all() and (trace.duration_s % 1 == 0).all()
    assert trace.duration_s.min() >= 1 and trace.gpus.min() >= 1
    asked = (trace.gpus * trace.duration_s).sum() / (config["rho"] * config["gpus"])
    assert abs(trace.end_s - asked) <= 0.5 + 1e-6   # but for the rounding to seconds, rho is met
    rows = [{"arrival_s": a, "gpus": g, "duration_s": d} for a, g, d
            in zip(trace.arrival_s.tolist(), trace.gpus.tolist(), trace.duration_s.tolist(),
                   strict=True)]
    assert Trace.from_rows(rows).line.tolist() == list(range(len(rows)))


@settings(max_examples=20, deadline=None)
@given(config=configs)
def test_the_same_seed_is_the_same_trace(config):
    one, two = generate(config), generate(config)
    assert all((getattr(one, name) == getattr(two, name)).all() for name in ARRAYS)
    other = generate(config, config["seed"] + 1)
    assert (one.duration_s != other.duration_s).any() or len(one) < 5


def test_properties_do_not_disturb_each_other():
    plain = generate({"jobs": 50})
    rich = generate({"jobs": 50, "classes": ["a", "b"], "tenants": [1, 1], "slack": [2, 3],
                     "estimate_sigma": 1, "elastic": {}, "priorities": [1, 1]})
    for name in ("arrival_s", "gpus", "duration_s"):
        assert (getattr(plain, name) == getattr(rich, name)).all()


@pytest.mark.parametrize("name", RATED)
def test_presets_meet_their_load(name):
    config = preset(name)
    for seed in (0, 500_000, 1_000_000):
        assert generate(config, seed).rho(config.gpus) == pytest.approx(config.rho, rel=1e-4)
    assert generate(config.scaled(1.7), 3).rho(config.gpus) == pytest.approx(
        1.7 * config.rho, rel=1e-4)


def test_the_load_shifts_within_a_trace():
    config = preset("load-shift-64")
    trace = generate(config, 4)
    edges = [0, 120, 240, 360, 480, 600]
    for phase, first, last in zip(config.phases, edges, edges[1:], strict=False):
        start = trace.arrival_s[max(first - 1, 0)]
        span = trace.arrival_s[last - 1] - start
        work = (trace.gpus * trace.duration_s)[first:last].sum()
        assert work / (64 * span) == pytest.approx(phase.rho, rel=1e-3)
    faster = generate(config.scaled(2), 4)
    assert faster.end_s == pytest.approx(trace.end_s / 2, abs=3)


def test_the_synthetic_law():
    seconds = synthetic_durations(200_000, np.random.default_rng(1))
    assert seconds.mean() == pytest.approx(60_361, rel=0.02)
    assert seconds.min() >= 60 * 10**1.5 and seconds.max() <= 60 * 10**4
    assert (seconds > 60_000).mean() == pytest.approx(0.2, abs=0.005)
    shares = gpu_shares(generate({"jobs": 40_000}, 2))
    assert {g: s[0] for g, s in shares.items()} == pytest.approx(SYNTHETIC_GPUS, abs=0.01)


@pytest.mark.parametrize("gpus", PHILLY_LOG10_S)
def test_the_philly_law_has_its_quantiles(gpus):
    seconds = philly_durations(np.full(200_000, gpus), np.random.default_rng(gpus))
    for level, power in zip(LEVELS, PHILLY_LOG10_S[gpus], strict=True):
        if 0.05 <= level <= 0.99:
            assert np.quantile(seconds, level) == pytest.approx(max(60, 10**power), rel=0.12)
    assert seconds.min() >= 60 and seconds.max() <= 10 ** PHILLY_LOG10_S[gpus][-1]


def test_the_profile_is_that_of_a_week():
    profile = weekly_profile().reshape(7, 24)
    assert profile.mean() == pytest.approx(1)
    assert profile.sum(0) / profile.sum() == pytest.approx(HOUR_SHARES / HOUR_SHARES.sum())
    assert profile.sum(1) / profile.sum() == pytest.approx(DAY_SHARES / DAY_SHARES.sum())


def test_bursts_are_as_bursty_as_they_were_measured():
    found = [measure(generate({"law": "philly", "jobs": 82_247, "rho": None}, seed))
             for seed in (1, 2, 3)]
    mean = {key: np.mean([f[key] for f in found]) for key in found[0]}
    expected = {"gap_mean": (114, 0.1), "gap_p50": (9, 0.12), "gap_p75": (23, 0.12),
                "gap_p90": (320, 0.12), "hourly_p50": (16, 0.1), "hourly_p95": (107, 0.1),
                "duration_p50": (1144, 0.05), "offered_gpus": (374, 0.25)}
    for key, (value, tolerance) in expected.items():
        assert mean[key] == pytest.approx(value, rel=tolerance), key
    assert 55 < mean["hourly_variance_over_mean"] < 90


def test_a_burst_shares_what_it_should():
    config = config_of({"law": "philly", "jobs": 4000, "rho": None, "class_per": "burst",
                        "classes": ["a", "b"], "tenants": [1, 1, 1]})
    trace = generate(config, 5)
    near = np.diff(trace.arrival_s) <= 1        # nearly always in one burst
    for values, chance in ((trace.cls, 0.5), (trace.tenant, 1 / 3)):
        assert (np.diff(values) == 0)[near].mean() > chance + 0.6 * (1 - chance)
    several = near & (trace.gpus[:-1] > 1)
    assert (np.diff(trace.gpus) == 0)[several].mean() > 0.6     # of independent ones 1 in 50
    apart = generate({**changed(config), "class_per": "job"}, 5)
    assert (np.diff(apart.cls) == 0).mean() == pytest.approx(0.5, abs=0.05)
    assert set(np.unique(trace.gpus)) <= set(PHILLY_GPUS)


def test_mixed_keeps_large_jobs_to_the_first_classes():
    traces = [generate(preset("mixed-36"), seed) for seed in range(20)]
    names = np.concatenate([t.class_names() for t in traces])
    gpus = np.concatenate([t.gpus for t in traces])
    first = ["resnet50", "resnet18", "transformer", "lm"]
    assert set(names[gpus > 1]) == set(first) and len(set(names)) == 7
    for name in set(names):
        assert (names[gpus == 1] == name).mean() == pytest.approx(1 / 7, abs=0.02)
    assert all((names[gpus > 1] == n).mean() == pytest.approx(1 / 4, abs=0.04) for n in first)


def test_elastic_ranges():
    trace = generate(preset("elastic-32"))
    assert (trace.min_gpus == 1).all()
    assert (trace.max_gpus == np.minimum(16, 4 * trace.gpus)).all()


def test_deadlines_estimates_priorities():
    config = {"jobs": 4000, "slack": [1.5, 4], "estimate_sigma": 0.5, "priorities": [3, 1]}
    trace = generate(config)
    slack = (trace.deadline_s - trace.arrival_s) / trace.duration_s
    assert slack.min() > 1.49 and slack.max() < 4.01 and slack.mean() == pytest.approx(2.75, abs=.1)
    error = np.log(trace.estimate_s / trace.duration_s)
    assert error.mean() == pytest.approx(0, abs=0.03) and error.std() == pytest.approx(.5, abs=.03)
    assert trace.priority.mean() == pytest.approx(0.25, abs=0.03)


def test_blox_draws_as_published():
    arrival, duration = blox_jobs(2, 8.0, 1)
    assert arrival.tolist() == [65, 198]
    assert duration.tolist() == [35424.3471980879, 4578.832840173429]
    again = blox_jobs(6002, 8.0, 1)[1]
    assert again[6000:].tolist() == duration.tolist()       # entries repeat
    trace = generate(preset("blox-2024"))
    assert trace.arrival_s[:2].tolist() == [65, 198] and (trace.gpus == 1).all()
    assert trace.duration_s[:2].tolist() == duration.tolist()
    assert generate(preset("blox-2024").scaled(0.5)).arrival_s[0] == 130


@pytest.mark.parametrize("name", RECORDED)
def test_blox_draws_the_recorded_workloads(name):
    recorded = read_raw(ORACLES / f"{name}.gz", TraceError).frame
    arrival, duration = blox_jobs(len(recorded), RECORDED[name]["load_jobs_per_hour"], 1)
    assert recorded["arrival_s"].cast(float).to_list() == arrival.tolist()
    assert recorded["duration_s"].cast(float).to_list() == duration.tolist()


@pytest.mark.parametrize(("config", "message"), [
    ({"law": "poisson"}, "law: unknown value"), ({"job": 3}, 'did you mean "jobs"'),
    ({"jobs": 0}, "jobs: 0 is no valid"), ({"rho": 0}, "rho: 0 is no valid"),
    ({"rho": None}, "no rate of its own"), ({"classes": ["a", "a"]}, "different names"),
    ({"tenants": [0, 0]}, "sum to 0"), ({"gpu_shares": {0: 1}}, "gpu_shares"),
    ({"slack": [3, 2]}, "is no range"), ({"multi_gpu_classes": 2}, "2 of 1 classes"),
    ({"phases": [{"rho": -1}]}, r"phases\[0\].rho"), ({"seeds": {"train": 0}}, "every part"),
])
def test_bad_configurations_are_refused(config, message):
    with pytest.raises(ScenarioError, match=message):
        generate(config)


def test_unknown_presets_are_refused():
    with pytest.raises(ScenarioError, match='did you mean "philly-32"'):
        preset("philly-23")


@pytest.mark.parametrize("name", presets())
def test_a_configuration_is_made_again_from_its_changes(name):
    text = yaml.safe_dump(changed(preset(name)))
    assert config_of(yaml.safe_load(text)) == preset(name)


def test_descriptions_tell_the_figures():
    trace = generate({"jobs": 30, "classes": list("abcdefghijklmnop")})
    text = describe(trace)
    assert text.startswith("generated: 30 jobs in") and "and 4 more" in text
    assert "hourly_variance_over_mean" in text
    assert measure(trace.window(0, 1))["jobs"] == 1
