"""Share policies inside a run: what they read of a view, what they remember, how they fail."""
from __future__ import annotations

import re

import numpy as np
import pytest

from envs.cluster.planning import make_share
from envs.cluster.planning.shares import PROGRAMS
from envs.cluster.simulate import simulate
from envs.core.errors import PolicyError
from envs.core.lp import Lp, Unsolved
from tests.cluster_views import ONE_TYPE, TWO_TYPES, system, view

ENTITIES = [{"weight": 1, "rule": "fair", "jobs": [0]}, {"weight": 3, "rule": "fifo", "jobs": [1]}]


def planner(of):
    return make_share(of)


def of(policy, jobs=({}, {}), cluster=TWO_TYPES, **more):
    share = {"policy": policy, **more}
    if policy == "hierarchical":
        share.setdefault("entities", ENTITIES)
    return system(list(jobs), cluster, share=share)


def test_isolated_counts_jobs_and_up_gpus():
    made = planner(of("isolated", [{"gpus": 4}, {"gpus": 2}]))
    assert made.shares(view(made.system)) == pytest.approx(np.array([[2, 1], [2, 1]]) / 3)
    both = made.shares(view(made.system, up_gpus=[4, 0]))
    assert both.tolist() == [[0.5, 0], [1, 0]]


def test_fixed_shares_follow_the_lines_of_the_trace():
    rows = [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]
    made = planner(of("fixed", [{"arrival_s": 9}, {"gpu_type": 1}, {"arrival_s": 5}], X=rows))
    assert made.shares(view(made.system)).tolist() == [[0, 0.4], [0.5, 0.6], [0.1, 0.2]]
    assert made.shares(view(made.system, job=[2])).tolist() == [[0.1, 0.2]]


@pytest.mark.parametrize("policy", PROGRAMS)
def test_types_without_gpus_and_jobs_without_types_get_nothing(policy):
    made = planner(of(policy, [{}, {"gpu_type": 1}]))
    x = made.shares(view(made.system, up_gpus=[8, 0]))
    assert x[0, 0] > 0 and x[:, 1].tolist() == [0, 0]
    assert not made.shares(view(made.system, up_gpus=[0, 0])).any()
    assert [s["status"] for s in made.solves] == ["optimal"]


def test_weights_and_prices_come_from_the_options():
    jobs = [{"gpus": 8}, {"gpus": 8}]
    x = planner(of("max-min", jobs, weights=[1, 3])).shares(view(of("max-min", jobs)))
    assert x[1, 0] > x[0, 0]
    cheap = planner(of("throughput", [{}], price=[3, 1]))
    assert cheap.shares(view(cheap.system)).tolist() == [[0, 1]]
    dear = planner(of("throughput", [{}], price=[1, 1]))
    assert dear.shares(view(dear.system)).tolist() == [[1, 0]]


def test_entities_are_found_among_the_active_jobs():
    groups = [{"jobs": [0, 1]}, {"weight": 2, "rule": "fifo", "jobs": [2]}]
    made = planner(of("hierarchical", [{"gpus": 8}] * 3, ONE_TYPE, entities=groups))
    assert made.shares(view(made.system)).ravel() == pytest.approx([1 / 6, 1 / 6, 2 / 3])
    assert made.shares(view(made.system, job=[1, 2]))[0, 0] == pytest.approx(1 / 3)


def test_a_deadline_asks_for_its_rate():
    made = planner(of("throughput", [{"deadline_s": 160}], price=[9, 1]))
    x = made.shares(view(made.system, now_s=10))
    assert x @ [1, 0.5] == pytest.approx(100 / 150)
    made = planner(of("throughput", [{"deadline_s": 160}], price=[9, 1]))
    assert made.shares(view(made.system, now_s=100)).tolist() == [[0, 1]]


def test_the_agnostic_sees_equal_speeds():
    blind = planner(of("max-min", [{"gpus": 8}], agnostic=True))
    blind.shares(view(blind.system))
    seeing = planner(of("max-min", [{"gpus": 8}]))
    seeing.shares(view(seeing.system))
    assert blind.solves[0]["objective"] == pytest.approx(8)
    assert seeing.solves[0]["objective"] == pytest.approx(8 / (10 / 12))


def test_fairness_remembers_what_isolation_would_have_taken():
    """100 s of work on all GPUs: alone it runs at rate 1, so c is the work done."""
    made = planner(of("ftf", [{"gpus": 8}], ONE_TYPE))
    made.shares(view(made.system))
    assert made.solves[0]["objective"] == pytest.approx(1)
    made.shares(view(made.system, now_s=50, left=[90e6], planned_left=[90e6]))
    assert made.solves[1]["objective"] == pytest.approx((50 + 90) / (10 + 90))
    made.shares(view(made.system, now_s=60, left=[95e6], planned_left=[95e6]))   # work was lost
    assert made.solves[2]["objective"] == pytest.approx((60 + 95) / (10 + 95))


@pytest.mark.parametrize("policy", PROGRAMS)
def test_no_time_is_an_error_with_its_fallback(policy):
    made = planner(of(policy, time_limit_s=0))
    with pytest.raises(PolicyError, match=rf"share: {policy} timed out \(gap .*isolated.*on_fail"):
        made.shares(view(made.system))


def test_the_fallback_is_isolated_first_and_then_the_last_shares():
    made = planner(of("max-min", [{}, {}, {}], time_limit_s=0, on_failure="fallback"))
    two = view(made.system, job=[0, 1])
    with pytest.warns(UserWarning, match="max-min timed out .*fallback: isolated"):
        x = made.shares(two)
    assert x.tolist() == planner(of("isolated", [{}, {}, {}])).shares(two).tolist()
    with pytest.warns(UserWarning, match="fallback: last X"):
        assert made.shares(view(made.system)).tolist() == [*x.tolist(), [0, 0]]
    assert [(s["status"], s["objective"], s["gap"]) for s in made.solves] == [
        ("timed out", None, None)] * 2


def test_an_infeasible_program_is_named(monkeypatch):
    def fail(self):
        raise Unsolved("infeasible", 0.25)

    monkeypatch.setattr(Lp, "solve", fail)
    made = planner(of("makespan"))
    with pytest.raises(PolicyError, match=re.escape("makespan infeasible (gap 0.25")):
        made.shares(view(made.system))


def test_solves_say_how_they_went():
    made = planner(of("max-min"))
    made.shares(view(made.system, now_s=7))
    (solve,) = made.solves
    assert list(solve) == ["policy", "time_us", "status", "objective", "bound", "gap", "seconds"]
    assert solve["policy"] == "max-min" and solve["time_us"] == 7_000_000
    assert solve["gap"] == 0 and solve["seconds"] > 0


JOBS = [{"arrival_s": 20 * i, "gpus": 1 + i % 3, "duration_s": 300 + 10 * i} for i in range(9)]


@pytest.mark.parametrize("policy", ["isolated", *PROGRAMS])
def test_a_run_ends_and_can_be_repeated(policy):
    entities = [{"weight": 1, "rule": "fair", "jobs": list(range(9))}]
    bound = system(JOBS, share={"policy": policy, "entities": entities}, round_s=60)
    first, second = (simulate(bound.scenario, bound.trace) for _ in range(2))
    assert (first.jobs["finish_us"] > 0).all()
    assert np.array_equal(first.segments, second.segments)
    assert all(s["status"] == "optimal" for s in first.solves)
    assert len(first.solves) == 0 if policy == "isolated" else len(first.solves) >= 9


def test_a_run_goes_on_without_solutions():
    late = {"policy": "max-min", "time_limit_s": 0, "on_failure": "fallback"}
    bound = system(JOBS, cluster=ONE_TYPE, share=late, round_s=60)
    with pytest.warns(UserWarning, match="timed out"):
        run = simulate(bound.scenario, bound.trace)
    assert (run.jobs["finish_us"] > 0).all()
    bound = system(JOBS, cluster=ONE_TYPE, share={**late, "on_failure": "raise"})
    with pytest.raises(PolicyError, match="timed out"):
        simulate(bound.scenario, bound.trace)
