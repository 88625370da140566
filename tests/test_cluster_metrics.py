"""Metrics of a run that is put together by hand, and of the oracles' records."""
from __future__ import annotations

import copy

import pytest

from envs.cluster.metrics import ideal_s, metrics
from envs.core.oracles import same
from tests.cluster_oracles import instances
from tests.cluster_runs import run_of

# Node 1 joins at 3 s. Job 0 holds node 0 for 10 s, job 1 three GPUs of node 1 from 4 to 8 s, then
# job 2 one of them beyond the end of the run.
BY_HAND = {
    "cluster": {"types": ["a"], "nodes": [{"type": 0, "gpus": 2}, {"type": 0, "gpus": 4}],
                "events": [{"time_s": 3, "node": 1, "event": "up"}]},
    "classes": [{"speed": [1.0], "launch_s": 0}],
    "options": {"mode": "event"},
    "jobs": [{"arrival_s": 2, "gpus": 3, "duration_s": 4, "deadline_s": 7, "tenant": 1},
             {"arrival_s": 0, "gpus": 2, "duration_s": 10, "deadline_s": 12},
             {"arrival_s": 4, "gpus": 1, "duration_s": 6}],
    "expected": {
        "order": [1, 0, 2],
        "jobs": [[0, 0, 10, 0, 0, 10, 20, 0, 0], [2, 4, 8, 2, 1, 4, 12, 1, 0.5],
                 [4, 8, None, 3, 0, 0, 0, 0, 0]],
        "segments": [[0, 0, 10, 0, [[0, 2]], 0, "finish"], [1, 4, 8, 0, [[1, 3]], 0, "finish"],
                     [2, 8, None, 0, [[1, 1]], 0, "open"]],
    },
}


def changed(**options) -> dict:
    return {**BY_HAND, "options": {**BY_HAND["options"], **options}}


@pytest.fixture(scope="module")
def found() -> dict:
    return metrics(run_of(BY_HAND))


@pytest.mark.parametrize(("key", "value"), [
    ("jobs", 3), ("finished", 2), ("unfinished", 1), ("jct_mean", 8), ("jct_median", 8),
    ("jct_p90", 9.6), ("jct_p99", 9.96), ("jct_max", 10), ("makespan", 10),
    ("responsiveness_mean", 1), ("preemptions", 5), ("evictions", 1), ("overhead_s", 1),
    ("lost_s", 0.5), ("gpu_hours", 32 / 3600), ("slowdown_mean", 1.25), ("slowdown_p99", 1.495),
    ("jain", 25 / 26), ("slo_jobs", 2), ("slo_misses", 1), ("tardiness_s", 1),
])
def test_metrics_of_jobs(found, key, value):
    assert found[key] == pytest.approx(value, rel=1e-12)


def test_finish_time_fairness_counts_everybody_who_is_present(found):
    shared = 6 / (4 * (3 * (6 + 6 + 4) / 6 / 6))        # job 1; job 0 has what it wants
    assert found["rho_mean"] == pytest.approx((1 + shared) / 2)
    assert found["rho_max"] == pytest.approx(shared) and found["rho_unfair"] == 0.5


def test_utilisation_counts_nodes_while_they_are_up(found):
    assert found["utilisation"] == pytest.approx((20 + 12 + 2) / (2 * 10 + 4 * 7))


def test_fragmentation_is_the_share_of_free_gpus_too_few_for_a_job(found):
    """From 4 to 8 s the free GPU of node 1 is too few for two of three jobs."""
    assert found["fragmentation"] == pytest.approx(4 * (2 / 3) / 7)


def test_in_round_mode_a_node_joins_at_the_boundary():
    found = metrics(run_of(changed(mode="round", round_s=2)))
    assert found["utilisation"] == pytest.approx(34 / (2 * 10 + 4 * 6))


def test_tracked_jobs_decide_the_span():
    found = metrics(run_of(changed(track=[1, 1])))
    assert found["jobs"] == 1 and found["jct_max"] == 6 and found["makespan"] == 6
    assert found["utilisation"] == pytest.approx((2 * 6 + 3 * 4) / (2 * 6 + 4 * 5))


def test_nothing_finished_leaves_the_counts():
    assert metrics(run_of(changed(track=[2, 2]))) == {"jobs": 1, "finished": 0, "unfinished": 1}


def test_tenants_share_the_sums(found):
    tenants = found["per_tenant"]
    assert set(tenants) == {0, 1} and tenants[1]["jct_mean"] == 6
    for key in ("jobs", "finished", "preemptions", "gpu_hours", "slo_misses"):
        assert sum(t[key] for t in tenants.values()) == pytest.approx(found[key])
    assert tenants[0]["rho_max"] == 1


def test_the_ideal_time_takes_the_best_type_that_is_there_and_allowed():
    instance = copy.deepcopy(BY_HAND)
    instance["cluster"]["types"] = ["a", "b", "absent"]
    instance["cluster"]["nodes"][0]["type"] = 1
    instance["classes"] = [{"speed": [1.0, 4.0, 9.0], "launch_s": 3}]
    instance["jobs"][0]["gpu_type"] = 0
    assert ideal_s(run_of(instance).system).tolist() == [3 + 10 / 4, 3 + 4, 3 + 6 / 4]
    found = metrics(run_of(instance))
    pace = (1 * 4 + 4 * 2) / 6          # the fair share is of all types, allowed or not
    assert found["rho_max"] == pytest.approx(pace * 6 / (4 * (3 * (6 + 6 + 4) / 6 / 6)))


@pytest.mark.parametrize("instance", instances(), ids=lambda i: i["name"])
def test_metrics_of_recorded_runs(instance):
    found = metrics(run_of(instance))
    for key, value in instance["expected"]["metrics"].items():
        assert same(value, found[key]), key
