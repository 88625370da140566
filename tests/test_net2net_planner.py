"""Plans: the shared answers, the beam beside the whole tree, plans that learn from the run."""
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from envs.net2net.model import leaf_accuracies, play
from envs.net2net.oracles.model import setup_of
from envs.net2net.planning import planner
from envs.net2net.planning.online import FACTORS, adjusted, plan_on
from envs.net2net.planning.planner import plan, quiet
from envs.net2net.planning.segments import observed_errors, segments_of
from tests.net2net_kernel import repeatable
from tests.net2net_oracles import oracle
from tests.reference.net2net.instances import instances

CASES = oracle("parametric")["planner_cases"]
SETUPS = [setup_of(case) for case in CASES]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_shared_plans(number):
    made, want = plan(SETUPS[number]), CASES[number]["expect"]
    assert made.sequence == tuple(want["sequence"]) and made.exact
    assert made.accuracy == pytest.approx(want["accuracy"], abs=1e-12)
    assert made.never == pytest.approx(want["never_accuracy"], abs=1e-12)
    assert made.evaluated == want["sequences_evaluated"]


@pytest.mark.parametrize("setup", SETUPS)
def test_a_beam_that_holds_everything_is_exact(setup, monkeypatch):
    whole = plan(setup)
    monkeypatch.setattr(planner, "MOST_SEQUENCES", 1)
    monkeypatch.setattr(planner, "BEAM", setup.cell.leaves)
    found = plan(setup)
    assert found == replace(whole, exact=False)


def test_a_narrow_beam_says_that_it_is_not_exact(monkeypatch):
    whole = [plan(setup) for setup in SETUPS]
    monkeypatch.setattr(planner, "MOST_SEQUENCES", 1)
    monkeypatch.setattr(planner, "BEAM", 3)
    for setup, best in zip(SETUPS, whole, strict=True):
        found = plan(setup)
        assert not found.exact and found.evaluated <= 3
        assert found.accuracy <= best.accuracy + 1e-12
        assert found.accuracy == pytest.approx(1 - play(setup, found.sequence).observed[0, -1])


@pytest.mark.parametrize("setup", SETUPS)
def test_going_on_after_a_beginning(setup):
    cell, leaves = setup.cell, leaf_accuracies(setup)
    for action in range(cell.actions):
        below = leaves.reshape(cell.actions, -1)[action]
        if np.isfinite(below).any():
            found = plan(setup, (action,))
            assert found.sequence[0] == action
            assert found.accuracy == pytest.approx(np.nanmax(below), abs=1e-12)


@repeatable(80)
@given(instances(vary=0.0))
def test_segments_give_the_errors_of_the_kernel(case):
    setup, sequence = quiet(setup_of(case)), [case["sequence"]]
    found = observed_errors(segments_of(setup, np.array(sequence)), setup.theta)
    assert found == pytest.approx(play(setup, sequence).observed, abs=1e-9)


@pytest.mark.parametrize("setup", SETUPS)
def test_level_and_pace_are_found_again(setup):
    theta = replace(setup.theta, einf=setup.theta.einf * FACTORS[17],
                    tau0=setup.theta.tau0 * FACTORS[24])
    true = replace(setup, theta=theta)
    taken = plan(setup).sequence[:-1]
    seen = 1.0 - play(true, (*taken, 0)).observed[0, :-1]
    found = adjusted(setup, taken, seen)
    again = 1.0 - play(replace(setup, theta=found), (*taken, 0)).observed[0, :-1]
    assert again == pytest.approx(seen, abs=1e-9)
    assert plan_on(setup, taken, seen).sequence[:len(taken)] == taken


def test_without_measurements_the_fit_stands():
    setup = SETUPS[0]
    assert adjusted(setup, (), [np.nan]) == setup.theta
    assert plan_on(setup, (), [np.nan]).sequence == plan(setup).sequence
