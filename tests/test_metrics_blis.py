"""Metrics of a run written by hand, and what must hold on simulated ones."""
from __future__ import annotations

import numpy as np
import pytest

from envs.blis.metrics import metrics
from envs.blis.replay import Trace
from envs.blis.scenario import Scenario
from envs.blis.simulate import RECORD, Run, simulate
from envs.blis.state import EXPIRED, LATE, MET, NO_PREDICTOR, QUEUED, STARTED, WINDOW
from envs.blis.system import bind
from tests.blis_oracles import oracle

PROFILE = [
    {"family": "a", "variant": "s", "accuracy": 70, "latency_ms": {"g": {1: 4, 2: 6}}},
    {"family": "a", "variant": "l", "accuracy": 100, "latency_ms": {"g": {1: 8, 2: 12}}},
    {"family": "b", "variant": "s", "accuracy": 80, "latency_ms": {"g": {1: 10}}},
]


def scenario(**options):
    return Scenario.from_config({"accelerators": [{"name": "g", "count": 3}], "profile": PROFILE,
                                 "load_scale": 0, "accuracy_bin_ms": 20, **options})


def run_by_hand(horizon_ms=None) -> Run:
    """Six requests of a on devices 0 and 1, two of b without a predictor, two unfinished."""
    nan = np.nan
    rows = [    # family, arrival, slo, qos, device, variant, start, finish, status
        (0, 0, 50, 0, 0, 1, 0, 12, MET),            # a batch of two, accuracy 100
        (0, 1, 50, 0, 0, 1, 0, 12, MET),
        (0, 5, 10, 0, 1, 0, 12, 18, LATE),          # a batch of two, one late, accuracy 70
        (0, 9, 50, 0, 1, 0, 12, 18, MET),
        (0, 10, 9, 0, 1, -1, nan, 30, EXPIRED),
        (1, 11, 50, 0, -1, -1, nan, 11, NO_PREDICTOR),
        (0, 30, 50, 0, 0, 0, 36, nan, STARTED),     # runs until the end at 40
        (0, 34, 2, 0, 1, -1, nan, nan, QUEUED),
    ]
    records = np.array([(i, *row) for i, row in enumerate(rows)], RECORD)
    system = bind(scenario(horizon_ms=horizon_ms, window_ms=40), ["a", "b"], {"a": 50, "b": 50})
    windows = np.zeros((1, 2), WINDOW)
    windows["missed"] = [[2, 1]]
    return Run(system, 0, records, windows, np.zeros((1, 3)), np.zeros((1, 3), int),
               np.zeros(1, int), 40.0, reallocations=1, loads=2, qos_missed=3)


def test_counts_and_ratios_by_hand():
    found = metrics(run_by_hand())
    assert [found[k] for k in ("arrivals", "met", "late", "dropped", "unfinished", "pending")] == [
        8, 3, 1, 2, 2, 0]
    assert found["dropped_by"] == {"no_predictor": 1, "rejected": 0, "qos": 0, "expired": 1,
                                   "hopeless": 0}
    assert found["slo_attainment"] == pytest.approx(3 / 8)
    assert found["slo_violation"] == pytest.approx(5 / 8)
    assert found["effective_accuracy"] == pytest.approx(85)
    assert found["effective_accuracy_met"] == pytest.approx(90)
    assert found["accuracy_per_request"] == pytest.approx(270 / 8)
    assert found["throughput_rps"] == pytest.approx(100)
    assert found["goodput_rps"] == pytest.approx(75)
    assert (found["reallocations"], found["loads"], found["qos_missed"]) == (1, 2, 3)


def test_the_horizon_makes_unfinished_requests_pending():
    found = metrics(run_by_hand(horizon_ms=40))
    assert found["pending"] == 1                    # the queued one is due before the horizon
    assert found["slo_attainment"] == pytest.approx(3 / 7)


def test_latencies_by_hand():
    found = metrics(run_by_hand())
    latencies = sorted([12, 11, 13, 9])
    assert found["latency_mean_ms"] == pytest.approx(45 / 4)
    assert found["latency_p50_ms"] == pytest.approx(11.5)
    assert found["latency_p90_ms"] == pytest.approx(12 + 0.7 * 1)
    assert found["latency_max_ms"] == latencies[-1]
    assert found["wait_mean_ms"] == pytest.approx((0 - 1 + 7 + 3) / 4)


def test_batches_and_busy_time_by_hand():
    found = metrics(run_by_hand())
    assert found["batches"] == 3 and found["batch_histogram"] == {1: 1, 2: 2}
    assert found["mean_batch"] == pytest.approx(5 / 3)
    assert found["busy_ms"] == [12 + 4, 6, 0]       # the running batch counts up to the end
    assert found["utilisation"] == pytest.approx(22 / 120)


def test_the_worst_bin_decides_the_accuracy_drop():
    run = run_by_hand()
    assert metrics(run)["max_accuracy_drop"] == pytest.approx(15)      # all answers in one bin
    run.records["finish_ms"][:2] = 20.5
    assert metrics(run)["max_accuracy_drop"] == pytest.approx(30)
    run.records["finish_ms"][2:4] = 20.0            # a bin includes its right end
    assert metrics(run)["max_accuracy_drop"] == pytest.approx(30)


def test_families_have_their_own_metrics_and_nothing_gives_none():
    found = metrics(run_by_hand())["per_family"]
    assert found["a"]["met"] == 3 and found["a"]["qos_missed"] == 2
    assert found["b"]["slo_attainment"] == 0 and found["b"]["qos_missed"] == 1
    assert found["b"]["effective_accuracy"] is None and found["b"]["latency_p99_ms"] is None
    assert found["b"]["max_accuracy_drop"] is None


def test_an_empty_run_has_no_ratio():
    run = run_by_hand()
    run.records, run.t_end_ms = run.records[:0], 0.0
    found = metrics(run)
    assert found["slo_attainment"] is None and found["utilisation"] is None
    assert found["mean_batch"] is None and found["throughput_rps"] is None


def close(a, b) -> bool:
    if isinstance(b, dict):
        a = {str(k): v for k, v in a.items()}
        return all(close(a[k], v) for k, v in b.items())
    if isinstance(b, list):
        return len(a) == len(b) and all(close(x, y) for x, y in zip(a, b, strict=True))
    if b is None or isinstance(b, str):
        return a == b
    return abs(a - b) <= 1e-9 * max(1, abs(a), abs(b))


@pytest.mark.parametrize("name", ["special_qos", "special_horizon_500_greedy", "world_16"])
def test_simulated_runs_give_the_metrics_of_the_oracles(name):
    found = oracle(f"instances/{name}")
    for case in found["cases"]:
        system = Scenario.from_config({**found["config"], **case.get("options", {})})
        levels = system.options.qos.levels
        result = metrics(simulate(system, Trace.from_rows(found["trace"], qos_levels=levels)))
        assert close(result, case["expect"]["metrics"]), case["name"]
