"""Bounds: recorded, by hand, against each other, and against what policies reach."""
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.cluster.bounds import bounds, lp_bound
from envs.cluster.exact import exact
from envs.cluster.replay import Trace
from envs.cluster.rules.srpt import srpt_flow
from envs.cluster.scenario import Scenario
from envs.cluster.simulate import simulate
from envs.cluster.system import bind
from envs.core.errors import PolicyError
from tests.cluster_oracles import instances
from tests.cluster_views import ONE_TYPE, TWO_TYPES, system

RECORDED = [case for case in instances() if "bounds" in case["expected"]]
GANGS = [case for case in RECORDED if len(case["jobs"]) <= 14 and not (
    case["options"].get("elastic") or case["options"].get("share")
    or case["options"].get("preempt", "off") != "off")]


def bound_of(case):
    options = {k: v for k, v in case["options"].items() if v is not None}
    config = {"cluster": {**case["cluster"], "classes": case["classes"]}, **options}
    return bind(Scenario.from_config(config, case["name"]), Trace.from_rows(case["jobs"]))


def reached(case):
    """The recorded sum of JCT."""
    finish = sum(job[2] for job in case["expected"]["jobs"])
    return finish - sum(job["arrival_s"] for job in case["jobs"])


@pytest.mark.parametrize("case", RECORDED, ids=lambda c: c["name"])
def test_recorded_bounds(case):
    of = bound_of(case)
    elastic = of.scenario.options.elastic is not None
    assert bounds(of, elastic) == pytest.approx(case["expected"]["bounds"], rel=1e-9)
    assert lp_bound(of, elastic, intervals=50) <= reached(case)


@pytest.mark.parametrize("case", GANGS, ids=lambda c: c["name"])
def test_no_recorded_schedule_beats_the_exact_one(case):
    best = exact(bound_of(case), 2.0)
    assert best.bound <= reached(case)
    if best.status == "optimal":
        assert best.bound == pytest.approx(best.sum_jct)


def naive_flow(release, length):
    """Shortest remaining time first in steps of 1."""
    left, flow, now = list(length), 0, 0
    while any(left):
        present = [i for i, rest in enumerate(left) if rest and release[i] <= now]
        flow += len(present)
        if present:
            left[min(present, key=lambda i: left[i])] -= 1
        now += 1
    return flow


@settings(max_examples=60, deadline=None)
@given(jobs=st.lists(st.tuples(st.integers(0, 15), st.integers(1, 8)), min_size=1, max_size=12))
def test_flow_of_one_machine(jobs):
    release, length = (np.array(x, float) for x in zip(*sorted(jobs), strict=True))
    assert srpt_flow(release, length, np.empty(len(jobs))) == naive_flow(release, length)


def test_bounds_by_hand():
    """8 GPUs; areas 800, 200, 100 at 0, 50, 50; the second has to wait for 12.5 s of the third."""
    of = system([{"gpus": 8}, {"arrival_s": 50, "gpus": 2}, {"arrival_s": 50}], ONE_TYPE,
                [{"launch_s": 5}])
    assert bounds(of) == pytest.approx({
        "sum_jct_alone": 315, "sum_jct_area": 100 + 37.5 + 12.5 + 37.5, "sum_jct": 315,
        "makespan": 155})


def test_a_type_is_worth_its_fastest_job():
    of = system([{"gpu_type": 1}, {}], TWO_TYPES, [{"speed": [1, 0.5]}])
    found = bounds(of)
    assert found["sum_jct_alone"] == 200 + 100
    assert found["sum_jct_area"] == pytest.approx((100 + 200) / (8 + 2))


def test_elastic_jobs_take_their_quickest_and_their_most_frugal_size():
    jobs = [{"gpus": 2, "min_gpus": 1, "max_gpus": 8}]
    of = system(jobs, ONE_TYPE, [{"curve": {"1": 1, "2": 1.5, "4": 3, "8": 3.5}}])
    found = bounds(of, elastic=True)
    assert found["sum_jct_alone"] == pytest.approx(100 * 1.5 / 3.5)
    assert found["sum_jct_area"] == pytest.approx(100 * 1.5 / 1 / 8)


def test_the_linear_bound_sees_that_jobs_wait():
    """Eight jobs that fill the cluster for 100 s each: 100 + 200 + ... + 800."""
    of = system([{"gpus": 8}] * 8, ONE_TYPE)
    assert bounds(of)["sum_jct"] == pytest.approx(3600)
    assert 3580 < lp_bound(of) <= 3600
    spread = system([{"gpus": 8, "duration_s": 100 * k} for k in (1, 1, 1, 9)], ONE_TYPE)
    assert lp_bound(spread) <= exact(spread, 10).sum_jct
    with pytest.raises(PolicyError, match="linear bound timed out"):
        lp_bound(of, time_limit_s=0)


def test_exact_by_hand():
    """Short before long; the third has to wait for whole gangs."""
    of = system([{"gpus": 8, "duration_s": 90}, {"gpus": 8, "duration_s": 10}, {"gpus": 5}],
                ONE_TYPE, [{"launch_s": 2}])
    best = exact(of, 10)
    assert (best.status, best.sum_jct, best.bound) == ("optimal", 12 + 104 + 206, 322)
    assert best.start_us.tolist() == [12_000_000, 0, 104_000_000]


def test_exact_chooses_types():
    best = exact(system([{"gpus": 8}, {"gpus": 4}], TWO_TYPES, [{"speed": [1, 0.8]}]), 10)
    assert (best.gpu_type.tolist(), best.sum_jct) == ([0, 1], 100 + 125)
    best = exact(system([{"gpus": 8}, {"gpus": 4}], TWO_TYPES, [{"speed": [1, 0.1]}]), 10)
    assert (best.gpu_type.tolist(), best.sum_jct) == ([0, 0], 100 + 200)


def test_exact_without_time_has_no_schedule():
    of = system([{"gpus": 1 + i % 5, "duration_s": 50 + 7 * i} for i in range(30)], ONE_TYPE)
    best = exact(of, 0.0)
    assert best.sum_jct is None and best.status == "unknown" and set(best.start_us) == {-1}


@settings(max_examples=15, deadline=None)
@given(jobs=st.lists(st.tuples(st.integers(0, 300), st.sampled_from([1, 2, 4, 8]),
                               st.integers(20, 400)), min_size=1, max_size=7),
       order=st.sampled_from(["fifo", "srtf-gpu", "sjf"]), strict=st.booleans())
def test_no_policy_beats_a_bound(jobs, order, strict):
    rows = [{"arrival_s": a, "gpus": g, "duration_s": d} for a, g, d in jobs]
    of = system(rows, TWO_TYPES, [{"speed": [1, 0.5]}], mode="event", order=order,
                preempt="strict" if strict else "off")
    run = simulate(of.scenario, of.trace, system=of)
    jct = (run.jobs["finish_us"] - of.arrival_us).sum() / 1e6
    least = bounds(of)
    assert jct >= max(least["sum_jct"], lp_bound(of)) * (1 - 1e-9)
    assert run.jobs["finish_us"].max() - of.arrival_us[0] >= 1e6 * least["makespan"] * (1 - 1e-9)
    if not strict:
        assert jct >= exact(of, 1.0).bound - 1e-6
