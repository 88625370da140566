"""The named contenders of `dag`: complete, valid, offered where they make sense."""
from __future__ import annotations

import pytest

from agents.baselines.dag import BASELINES, NEEDS, PLANNERS, baseline, clairvoyant, missing
from agents.domains import domain
from agents.evaluation.tuning import tune
from envs.core.errors import PolicyError
from envs.dag.options import POLICIES
from envs.dag.planning import PLANNERS as KNOWN
from envs.dag.replay import Trace
from envs.dag.simulate import simulate
from envs.dag.workloads import open_workload
from tests.small_dag import CPU, plain, scenario

ALIASES = {"heft_append"}           # of blevel
MADE_BY_HAND = {"user", "env"}      # not policies of the specification


def jobs(count: int = 1, text: str = "cholesky(n=3)") -> list[Trace]:
    return [Trace.from_rows([[10 * j, text] for j in range(count)])]


def test_every_policy_and_planner_is_in_the_table():
    listed = {b.overrides["policy"] for b in BASELINES.values()}
    assert listed == set(POLICIES) - MADE_BY_HAND - {f"static:{n}" for n in ALIASES}
    assert set(PLANNERS) == set(KNOWN) - ALIASES
    assert all(b.name == b.overrides["policy"] for b in BASELINES.values())


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_every_baseline_finishes_a_small_case(name):
    trace, = jobs(3 if "stream" in baseline(name).needs else 1)
    run = simulate(scenario(**baseline(name).overrides), trace, seed=1)
    assert (run.tasks["finish"] <= run.makespan).all()


@pytest.mark.parametrize(("name", "given", "traces", "reason"), [
    ("sjf", scenario(), jobs(), "one job"),
    ("sjf", scenario(), jobs(2), None),
    ("static:heft", scenario(), jobs(2), "several jobs: plans are made for one"),
    ("static:heft", scenario(), jobs(), None),
    ("static:dls", plain(), jobs(text="chain(n=3001)"),
     "more than 3000 tasks: name them to wait for their plans"),
    ("locality", plain(), jobs(), "comm: none moves no data"),
    ("locality", scenario(), jobs(), None),
    ("random_wait", scenario(wait="never"), jobs(), "wait: never"),
    ("random_wait", scenario(), jobs(), None),
])
def test_a_baseline_is_offered_where_it_makes_sense(name, given, traces, reason):
    assert missing(name, given, traces) == reason


def test_every_need_is_used():
    assert {n for b in BASELINES.values() for n in b.needs} == set(NEEDS)


def test_who_reads_hidden_tasks_is_a_bound_where_some_are_hidden():
    hidden = scenario(visible="frontier")
    assert clairvoyant("static:heft", hidden) and clairvoyant("sjf", hidden)
    assert not clairvoyant("mct_wait", hidden) and not clairvoyant("static:heft", scenario())
    windows = open_workload(None, hidden).part("test", 2)
    found, _ = domain("dag").offered(hidden, windows)
    marked = {c.name for c in found if c.privileged}
    assert marked == {f"static:{name}" for name in PLANNERS}
    usual, _ = domain("dag").offered(scenario(), windows)
    assert not any(c.privileged for c in usual)


def test_the_optimum_is_offered_where_it_is_proved():
    d, windows = domain("dag"), open_workload(None, plain()).part("test", 2)
    found, notes = d.offered(plain(), windows)
    assert "optimum" in {c.name for c in found} and d.baselines()["optimum"].privileged
    assert "optimum" not in notes[0]
    for given in (scenario(), plain(noise="lognormal", sigma=0.1), plain(wait="never")):
        found, (note,) = d.offered(given, windows)
        assert "optimum" not in {c.name for c in found}
        assert "optimum (proofs need one small job without noise or tiles)" in note


@pytest.mark.filterwarnings("ignore:durations on 'gpu' are ignored")
def test_a_machine_of_one_type_keeps_every_planner():
    alone = plain(machine={"unit": "1", "comm": "none", "workers": [CPU]})
    found, _ = domain("dag").offered(alone, open_workload(None, alone).part("test", 1))
    assert {f"static:{name}" for name in PLANNERS} <= {c.name for c in found}


def test_there_is_nothing_to_tune():
    with pytest.raises(PolicyError, match="no baseline has parameters to tune"):
        tune("dag", None)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(PolicyError, match='did you mean "mct_wait"'):
        baseline("mct_wai")
