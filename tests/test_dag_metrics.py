"""Metrics of runs of `dag` that are put together by hand."""
from __future__ import annotations

import numpy as np
import pytest

from envs.dag.metrics import metrics
from envs.dag.units import NEVER
from tests.dag_runs import machine, run_of

# GPU 0 computes 2 to 6 after a stall of 2, GPU 1 nothing, the CPU 0 to 3 and 5 to 10; a virtual
# task ends the job. Two fetches, a staged tile, a write-back.
TASKS = [(0, 0, 0, 0, 0, 2, 6), (0, 1, 2, 0, 0, 0, 3), (0, 2, 2, 3, 5, 5, 10),
         (0, 3, -1, 10, 10, 10, 10)]
TRANSFERS = [(0, 0, 0, 0, 1, 0, 2, 0, 3), (1, 0, 1, 1, 0, 2, 4, 2, 5), (2, 0, 1, 2, 0, 4, 5, 1, 5),
             (3, 0, 1, 0, 1, 5, 6, 0, 5)]


def by_hand(**more):
    return run_of(TASKS, transfers=TRANSFERS, waits=2,
                  evictions=[(2, 1, 0, 1, 1), (3, 1, 0, 0, 0), (4, 1, 0, 2, 0)], **more)


@pytest.mark.parametrize(("key", "value"), [
    ("jobs", 1), ("tasks", 4), ("unfinished", 0), ("makespan", 10), ("jct_mean", 10),
    ("jct_p95", 10), ("busy", {"gpu": 4 / 20, "cpu": 8 / 10}), ("stall", {"gpu": 2, "cpu": 0}),
    ("fetches", 2), ("stages", 1), ("writebacks", 1), ("bytes_moved", 18),
    ("bytes_in", [10, 8, 0]), ("bytes_out", [8, 5, 5]), ("evictions", 3),
    ("evictions_clean", 2), ("evictions_dirty", 1), ("waits", 2), ("decisions", 6),
    ("over_lb", None), ("over_cp", None),
])
def test_metrics_of_one_job(key, value):
    assert metrics(by_hand())[key] == value


def test_times_are_in_the_unit_of_the_machine():
    found = metrics(by_hand(on=machine(unit="us")))
    assert found["makespan"] == 0.01 and found["stall"]["gpu"] == 0.002
    assert found["busy"] == {"gpu": 0.2, "cpu": 0.8}
    assert metrics(by_hand(on=machine(resolution=4)))["makespan"] == 2.5


def test_ratios_to_bounds():
    bounds = {"cp": 8, "area_lp": 2.5, "path_lp": 8.5, "lb": 9}
    found = metrics(by_hand(), [bounds])
    assert found["over_cp"] == 10 / 8 and found["over_area_lp"] == 4
    assert found["over_path_lp"] == 10 / 8.5 and found["over_lb"] == 10 / 9
    assert metrics(by_hand(), [dict.fromkeys(bounds, 0)])["over_lb"] is None


STREAM = [(0, 0, 0, 0, 0, 0, 4), (1, 0, 2, 1, 1, 1, 9), (2, 0, 1, 5, 5, 5, 11)]
JOBS = [(0, 4), (1, 9), (5, 11)]


def test_completion_times_of_a_stream_are_weighted():
    found = metrics(run_of(STREAM, jobs=JOBS))
    assert found["jct_mean"] == 6 and found["jct_p95"] == pytest.approx(7.8)
    assert found["makespan"] == 11 and found["jobs"] == 3
    assert metrics(run_of(STREAM, jobs=JOBS, weights=[2, 1, 1]))["jct_mean"] == (8 + 8 + 6) / 4


def test_a_stream_is_judged_by_its_objective():
    bounds = [{"cp": c, "area_lp": c, "path_lp": c, "lb": c} for c in (4, 2, 3)]
    last = metrics(run_of(STREAM, jobs=JOBS), bounds)
    assert last["over_lb"] == 11 / 8
    mean = metrics(run_of(STREAM, jobs=JOBS, objective="jct", weights=[2, 1, 1]), bounds)
    assert mean["over_lb"] == pytest.approx((22 / 4) / (13 / 4))


@pytest.mark.parametrize("never", [NEVER, -1])
def test_what_is_unfinished_has_no_times(never):
    tasks = [*TASKS[:2], (0, 2, 2, 3, never, never, never), (0, 3, -1, never, never, never, never)]
    found = metrics(run_of(tasks, jobs=[(0, never)]), [{"cp": 1, "area_lp": 1, "path_lp": 1,
                                                        "lb": 1}])
    assert found["unfinished"] == 2 and found["stall"] == {"gpu": 2, "cpu": 0}
    assert all(found[k] is None for k in ("makespan", "jct_mean", "jct_p95", "over_lb"))
    assert found["busy"] == {"gpu": None, "cpu": None}


def test_metrics_of_a_million_tasks():
    count = 1_000_000
    start = np.arange(count)
    rows = np.zeros(count, run_of(TASKS).tasks.dtype)
    rows["task"], rows["worker"], rows["start"], rows["finish"] = start, 2, start, start + 1
    run = run_of(TASKS)
    run.tasks, run.jobs["finish"] = rows, count
    assert metrics(run)["busy"]["cpu"] == 1
