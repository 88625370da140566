"""The generator: every law, and the statistics of the published traces."""
from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from envs.blis.generate import config_of, generate, preset, presets
from envs.blis.generator.arrivals import Arrivals, arrival_times
from envs.blis.generator.config import changed
from envs.blis.generator.curve import rates
from envs.blis.generator.measure import describe, measure
from envs.blis.replay import Trace
from envs.core.errors import ScenarioError, TraceError

ORACLE = Path(__file__).parent / "oracles" / "blis" / "trace_presets.json.gz"
PUBLISHED = json.loads(gzip.decompress(ORACLE.read_bytes()))["presets"]


def _rates(duration_s=40, seed=0, **curve):
    config = config_of({"curve": curve, "duration_s": duration_s})
    return rates(config.curve, duration_s, np.random.default_rng(seed))


@pytest.mark.parametrize("name", PUBLISHED)
def test_presets_measure_like_the_published_traces(name):
    published, tolerance = PUBLISHED[name]["published"], PUBLISHED[name]["tolerance"]
    found = [measure(generate(preset(name), seed)) for seed in range(1, 6)]
    for key, value in published.items():
        if key == "shares":
            for family, share in value.items():
                mean = np.mean([f["shares"][family] for f in found])
                assert abs(mean - share) <= tolerance["share_abs"], family
        elif tolerance[key] is not None:
            assert np.mean([f[key] for f in found]) == pytest.approx(value, rel=tolerance[key]), key


def test_presets_have_the_published_parameters():
    assert list(presets()) == list(PUBLISHED)
    for name, entry in PUBLISHED.items():
        assert preset(name) == config_of(entry["generator"])
    with pytest.raises(ScenarioError, match='did you mean "zipf_gamma"'):
        preset("zipf_gama")


def test_curves():
    assert (_rates(kind="constant", rate=7) == 7).all()
    wave = _rates(kind="sine", mean=10, amplitude=4, period_s=8, phase_s=0.5)
    assert wave[[0, 2, 6, 8]] == pytest.approx([10, 14, 6, 10])
    square = _rates(kind="square", low=1, high=5, every_s=10)
    assert square.tolist() == [1.0] * 10 + [5.0] * 10 + [1.0] * 10 + [5.0] * 10
    jitter = _rates(kind="square", low=1, high=5, every_s=10, jitter=2)
    assert (jitter[:10] == 1).all() and (jitter[10:20] >= 5).all() and (jitter[10:20] <= 7).all()
    assert len(set(jitter[10:20])) == 10
    table = _rates(kind="table", every_s=10, rates=[0, 10, 20])
    assert table[[0, 4, 9, 14, 39]] == pytest.approx([0, 0, 4.5, 9.5, 20])


def test_a_table_may_lie_in_a_file(tmp_path):
    (tmp_path / "day.csv").write_text("rate\n0\n10\n20\n")
    curve = {"kind": "table", "every_s": 10}
    assert (_rates(**curve, file=str(tmp_path / "day.csv"))
            == _rates(**curve, rates=[0, 10, 20])).all()
    (tmp_path / "day.csv").write_text("rate\n-1\n")
    with pytest.raises(ScenarioError, match=r"line 2, column rate: .* is negative"):
        _rates(**curve, file=str(tmp_path / "day.csv"))


def test_spike_noise_floor_scale_come_in_this_order():
    spike = {"every_s": 4, "at_s": 1, "add": 8}
    assert _rates(kind="constant", rate=5, spike=spike)[:5].tolist() == [3, 11, 3, 3, 3]
    floored = _rates(kind="constant", rate=5, spike=spike, floor=4, scale=10)
    assert floored[:5].tolist() == [40, 110, 40, 40, 40]
    noise = _rates(4000, kind="constant", rate=50, noise_sd=6)
    assert noise.mean() == pytest.approx(50, abs=0.5) and noise.std() == pytest.approx(6, rel=0.1)


def test_shares():
    def weights(shares):
        return config_of({"families": ["x", "y"], "shares": shares}).weights().tolist()

    assert weights("equal") == [0.5, 0.5]
    assert weights({"exponent": 1}) == pytest.approx([2 / 3, 1 / 3])
    assert weights({"y": 3, "x": 1}) == [0.25, 0.75]


@pytest.mark.parametrize(("law", "variation"), [
    ({"kind": "poisson"}, 1.0), ({"kind": "gamma", "shape": 0.25}, 2.0), ({"kind": "uniform"}, 0.0),
])
def test_continuous_gaps(law, variation):
    times = arrival_times(Arrivals(**law), np.full(2000, 20.0), np.random.default_rng(1))
    gaps = np.diff(times)
    assert gaps.mean() == pytest.approx(50, rel=0.05)
    assert gaps.std() / gaps.mean() == pytest.approx(variation, rel=0.05, abs=1e-9)


def test_continuous_arrivals_follow_the_rate():
    rate = np.array([0.0, 100.0, 400.0, 0.0] * 400)
    times = arrival_times(Arrivals(), rate, np.random.default_rng(2))
    counts = np.bincount((times // 1000).astype(int), minlength=1600)
    assert (counts[rate == 0] == 0).all()
    assert counts[rate == 100].mean() == pytest.approx(100, rel=0.05)
    assert counts[rate == 400].var(ddof=1) == pytest.approx(400, rel=0.2)     # Poisson


def test_per_second_gaps_start_with_the_second():
    law = Arrivals(kind="uniform", mode="per_second")
    times = arrival_times(law, np.array([2.0, 0.4, 4.0]), np.random.default_rng(0))
    assert times.tolist() == [0, 500, 2000, 2250, 2500, 2750]
    shrunk = arrival_times(Arrivals(kind="uniform", mode="per_second", gap_scale=0.1),
                           np.array([2.0]), np.random.default_rng(0))
    assert shrunk.tolist() == [0, 50]
    spilling = arrival_times(Arrivals(mode="per_second"), np.array([300.0] * 20),
                             np.random.default_rng(3))
    assert len(spilling) == 6000 and spilling[-1] > 20_000 - 100


def test_rounding_and_order():
    config = {"families": ["b", "a"], "duration_s": 30, "curve": {"rate": 200},
              "arrivals": {"round_ms": 5}}
    trace = generate(config, 4)
    assert (trace.arrival_ms % 5 == 0).all() and (np.diff(trace.arrival_ms) >= 0).all()
    ties = np.flatnonzero(np.diff(trace.arrival_ms) == 0)
    order = np.array([1, 0])[trace.family]          # place of the family in the configuration
    assert trace.families == ("a", "b") and len(ties) > 50
    assert (np.diff(order)[ties] >= 0).all()


def test_allowances_levels_and_seeds():
    config = {"families": ["a", "b"], "duration_s": 60, "curve": {"rate": 100},
              "slo_ms": {"a": 100, "b": 200}, "qos": [3, 1], "seed": 5}
    trace = generate(config)
    assert trace.family_slo_ms() == {"a": 100.0, "b": 200.0}
    assert trace.qos.mean() == pytest.approx(0.25, abs=0.03)
    assert generate(config, 5).arrival_ms.tolist() == trace.arrival_ms.tolist()
    assert generate(config, 6).arrival_ms.tolist() != trace.arrival_ms.tolist()
    alone = generate({**config, "families": ["a"], "shares": {"a": 1}, "curve": {"rate": 50}})
    assert alone.arrival_ms.tolist() == trace.arrival_ms[trace.family == 0].tolist()


def test_a_recipe_makes_the_same_configuration():
    for config in presets().values():
        text = yaml.safe_dump(changed(config), default_flow_style=None)
        assert config_of(yaml.safe_load(text)) == config
        assert hash(config_of(changed(config))) == hash(config)
    assert config_of(changed(preset("low_load"))).scaled(2) == preset("low_load").scaled(2)


@pytest.mark.parametrize(("config", "message"), [
    ({"duration": 3}, 'duration: unknown key; did you mean "duration_s"'),
    ({"duration_s": 0}, "duration_s"), ({"families": []}, "families"),
    ({"families": ["a", "a"]}, "families"), ({"shares": "zipf"}, "shares"),
    ({"shares": {"b": 1}}, 'shares: nothing is given for family "a"'),
    ({"shares": {"a": 0}}, "shares: the shares sum to 0"), ({"slo_ms": -1}, "slo_ms"),
    ({"slo_ms": {"b": 1}}, "slo_ms"), ({"qos": [0, 0]}, "qos"),
    ({"curve": {"kind": "sinus"}}, "curve.kind"), ({"curve": {"kind": "table"}}, "curve"),
    ({"curve": {"rates": []}}, "curve.rates"), ({"arrivals": {"shape": 0}}, "arrivals.shape"),
    ({"arrivals": {"mode": "batch"}}, "valid: continuous, per_second"), ({"seed": -1}, "seed"),
])
def test_bad_configurations_are_refused(config, message):
    with pytest.raises(ScenarioError) as caught:
        generate(config)
    assert message in str(caught.value)


def test_a_trace_without_requests_is_an_error():
    with pytest.raises(TraceError, match="no request was generated"):
        generate({"curve": {"rate": 0}, "duration_s": 5})


def test_measures_by_hand():
    times = [0, 400, 1000, 1100, 1200, 2000, 20_000]
    found = measure(Trace.from_rows([[t, "a", 300] for t in times]))
    assert found["requests"] == 7 and found["mean_rps"] == pytest.approx(0.35)
    assert found["peak_over_mean_1s"] == pytest.approx(3 / 0.35)
    assert found["peak_over_mean_10s"] == pytest.approx(0.6 / 0.35)
    assert found["shares"] == {"a": 1.0} and np.isnan(found["cv_local_10s"])
    even = measure(Trace.from_rows([[50.0 * i, "a", 300] for i in range(401)]))
    assert even["cv_local_10s"] == pytest.approx(0) and even["idc_1s_in_10s"] == pytest.approx(0)
    counts = [6, 8] * 5
    rows = [[1000.0 * s + i, "a", 1] for s, n in enumerate(counts) for i in range(n)]
    rows.append([1e4, "a", 1])
    assert measure(Trace.from_rows(rows))["idc_1s_in_10s"] == pytest.approx(10 / 9 / 7)
    assert "shares             a 1.000" in describe(Trace.from_rows(rows))
