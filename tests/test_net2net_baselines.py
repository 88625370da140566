"""The table of baselines: every player, offered where it makes sense."""
from __future__ import annotations

import pytest

from agents.baselines.net2net import BASELINES, LIVE, NEEDS, baseline, missing
from agents.domains import domain
from agents.evaluation.tuning import tune
from envs.core.errors import PolicyError
from envs.net2net.options import POLICIES
from envs.net2net.players import PLAYERS
from envs.net2net.scenario import load_scenario
from envs.net2net.simulate import simulate
from envs.net2net.workloads import open_workload
from tests.small_net2net import parametric, scenario

BY_HAND = {"fixed"}         # takes the user's own sequence


def cases(told, count=None):
    return [w.trace for w in open_workload(None, told).part("test", count)]


def test_every_player_is_in_the_table():
    listed = {b.overrides["policy"].partition("(")[0] for b in BASELINES.values()}
    assert listed == set(POLICIES) - BY_HAND == set(PLAYERS) - BY_HAND
    assert all(b.name == b.overrides["policy"] for b in BASELINES.values())


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_every_baseline_plays_a_recorded_training(name):
    told = scenario(**baseline(name).overrides)
    run = simulate(told, cases(told)[0])
    assert len(run.taken) == 2 and 0 < run.states["clock"][-1] <= 600


@pytest.mark.parametrize(("name", "given", "reason"), [
    ("start(1)", "small", None),
    ("start(1)", "published", "no action deepens every stage"),
    ("start(1)", "grow", "no action deepens every stage"),
    ("always(2)", "published", None),
    ("convergent", "published", "no accuracies at decisions"),
    ("convergent", "small", None),
    ("planner", "published", "no fitted curve of the cell"),
    ("planner", "model", None),
    ("random_search(16)", "model", "the cell is not recorded"),
    ("held_out_oracle", "published", "one seed"),
    ("held_out_oracle", "small", None),
    ("tree", "long", "too many sequences"),
    ("planner", "long", None),
])
def test_a_baseline_is_offered_where_it_makes_sense(name, given, reason):
    long = {"fractions": [0.05 * j for j in range(1, 10)]}
    grow = {"cells": [{"cell": f"{t}@1500/grow", "fractions": [0.1, 0.4]} for t in (
        "digits_aug", "pair_max")], "fractions": None}
    told = {"small": scenario, "model": parametric, "published": lambda: load_scenario(given),
            "long": lambda: parametric(**long), "grow": lambda: parametric(**grow)}[given]()
    assert missing(name, told, cases(told)) == reason


def test_every_need_is_used():
    assert {n for b in BASELINES.values() for n in b.needs} == set(NEEDS)


def test_live_trainings_are_for_those_that_are_named():
    told = parametric(evaluated="live")
    found, (note,) = domain("net2net").offered(told, open_workload(None, told).part("test"))
    assert {c.name for c in found} == set(LIVE)
    assert "each trains for its budget: name them" in note


def test_who_is_told_what_is_scored_is_a_bound():
    d = domain("net2net")
    bounds = {c.name for c in d.baselines().values() if c.privileged}
    assert bounds == {"tree", "oracle", "held_out_oracle"} and not bounds & set(d.rivals)


def test_a_name_with_arguments_makes_a_contender():
    made = domain("net2net").named("fixed(2,0,1)")
    assert made.overrides == {"policy": "fixed(2,0,1)"} and made.domain == "net2net"
    assert domain("net2net").named("starts(2)") is None and domain("dag").named("fixed(1)") is None


def test_there_is_nothing_to_tune():
    with pytest.raises(PolicyError, match="no baseline has parameters to tune"):
        tune("net2net", None)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(PolicyError, match='did you mean "never"'):
        baseline("nevr")
