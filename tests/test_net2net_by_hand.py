"""Situations that can be followed with a pencil, and the examples of the specification."""
from dataclasses import replace

import numpy as np
import pytest

from envs.net2net.cells import PROFILES, Cell, Network
from envs.net2net.model import Setup, play, tree
from envs.net2net.planning.planner import plan
from envs.net2net.theta import Noise, Theta

NETWORK = Network.from_config({"hw": [8, 8], "head": "gap", "classes": 10, "widths": [8, 16]})
THETA = Theta(.9, .2, 50, 1, .05, (.1, .3, 0, 0, 0, 0), (.1, .1, 0, 0, 0, 0))
FLAT = (3.0, 0.0, 0.0, 0.0, 0.0)        # every step takes 3 ms
LAYERS = (0.0, 1.0, 0.0, 1.0, 0.0)      # a step takes a ms per convolution, shared by the GPUs


def job(*limits, actions="depth", profile=LAYERS, timeline=((0.0, 1),), theta=THETA, **options):
    """A job with decisions at these times; the last one is the budget."""
    *decisions, budget = map(float, limits)
    cell = Cell("job", "digits", NETWORK, budget, tuple(decisions), actions)
    return Setup(cell, theta, tuple(timeline), profile, **options)


def clocks(setup, *actions):
    """Clock at every decision and the end."""
    return play(setup, [actions]).clock[0].tolist()


def test_the_example_of_the_budget_clock_and_of_the_model():
    setup = job(60, 240, 420, 600, profile=PROFILES["cpu"])
    run = play(setup, [[3, 0, 0]])
    assert run.clock[0] == pytest.approx([57.888, 238.56216, 414.786, 596.69448], abs=1e-9)
    assert run.steps[0, :2].tolist() == [18, 48]
    assert run.latent[0] == pytest.approx([.720671, .589999, .531485, .510625], abs=1e-6)
    assert 1 - run.observed[0, -1] == pytest.approx(.486613, abs=1e-6)
    made = plan(setup)
    assert made.sequence == (0, 0, 0) and made.accuracy == pytest.approx(.561494, abs=1e-6)


def test_a_step_starts_only_if_it_can_end():
    setup = job(10, 20, 30, profile=FLAT)
    assert clocks(setup, 0, 0) == [9, 18, 30]
    assert play(setup, [[0, 0]]).steps[0].tolist() == [3, 6, 10]


def test_an_edit_takes_one_step_of_the_network_after_it():
    """Base: 2 convolutions. Deepened once 3, twice 4."""
    assert clocks(job(10, 30), 0) == [10, 30]
    assert clocks(job(10, 30), 1) == [10, 10 + 3 + 5 * 3]
    assert clocks(job(10, 30), 3) == [10, 10 + 3 + 4 + 3 * 4]
    assert play(job(10, 30), [[3]]).steps[0].tolist() == [5, 8]


def test_edits_of_close_decisions_add_up_past_the_limits():
    """At 10: +3 and +4, at 17 (of 11): +5 and +6, and at 28 (of 12) nothing is left of 27."""
    run = play(job(10, 11, 12, 27), [[3, 3, 0]])
    assert run.clock[0].tolist() == [10, 17, 28, 28]
    assert run.steps[0].tolist() == [5, 5, 5, 5]


def test_more_gpus_half_way():
    """Three steps of 2 ms end after the change at 5; then steps of 1 ms."""
    assert clocks(job(9, 12, timeline=[(0, 1), (5, 2)]), 0) == [9, 12]
    assert play(job(9, 12, timeline=[(0, 1), (5, 2)]), [[0]]).steps[0].tolist() == [6, 9]


def test_a_segment_does_not_wait_for_a_faster_speed():
    """At 8 no step of 2 ms can end by 9.5, though one of .5 ms could after the change at 9."""
    run = play(job(9.5, 20, timeline=[(0, 1), (9, 4)]), [[0]])
    assert run.clock[0].tolist() == [8, 20]
    assert run.steps[0].tolist() == [4, 4 + 1 + 20]


def test_a_pause_is_waited_for():
    """Steps until 4, none until 7, then steps of 2 ms until 11."""
    run = play(job(12, 20, timeline=[(0, 1), (3, 0), (7, 1)]), [[0]])
    assert run.clock[0].tolist() == [11, 19] and run.steps[0].tolist() == [2 + 2, 8]
    assert run.gpu_seconds[0, -1] == pytest.approx(8 * 2 / 1000)


def test_edits_do_not_wait_for_gpus():
    """Paused at the decision: it comes at its time, and the edit runs as on one GPU."""
    run = play(job(10, 20, 30, timeline=[(0, 2), (6, 0), (25, 1)]), [[1, 0]])
    assert run.clock[0].tolist() == [10, 20, 25 + 3]
    assert run.gpu_seconds[0].tolist() == pytest.approx([.012, .015, .018])


def test_both_edits_may_run_at_two_speeds():
    """The first takes 3 ms on one GPU, the second 4 / 2 ms on two."""
    assert clocks(job(10, 15, timeline=[(0, 1), (12, 2)]), 3) == [10, 15]
    assert clocks(job(10, 15, timeline=[(0, 1), (13.5, 2)]), 3) == [10, 17]


def test_an_edit_keeps_the_error_and_changes_the_curve():
    run = play(job(30, 30, 60, 90), [[1, 2, 0], [0, 0, 0]])
    assert run.latent[0, 0] == run.latent[0, 1] and run.clock[0, 1] == run.clock[0, 0] + 3
    assert run.latent[0, 2] < run.latent[0, 1] and run.latent[0, 2] != run.latent[1, 2]


def test_jumps_are_of_single_edits_and_end_at_the_first_error():
    """No decision has a step before it, so nothing is learned."""
    setup = job(1, 1, 1, 1.5, jump_grow=.2, theta=replace(THETA, e0=.5))
    assert play(setup, [[1, 0, 0]]).latent[0].tolist() == [.5] * 4
    late = job(100, 100, 100, 101, jump_grow=.02, jump_undo=.01, actions="malleable")
    run = play(late, [[1, 2, 7], [0, 0, 0]])
    e = run.latent[1, 0]
    assert run.latent[0] == pytest.approx([e, e + .02, e + .04, e + .05], abs=1e-15)
    both = play(replace(late, cell=replace(late.cell, action_set="depth")), [[3, 0, 0]])
    assert both.latent[0, 1] == pytest.approx(e + .04, abs=1e-15)


def test_undo_takes_back_what_is_in_force():
    """Deepen, widen, undo, undo, undo: the last has nothing to take back."""
    setup = job(10, 11, 12, 13, 14, 100, actions="malleable")
    run = play(setup, [[1, 3, 7, 7, 7]])
    assert run.taken[0].tolist() == [1, 3, 7, 7, 0]
    assert run.architecture[0].tolist() == [[1, 8, 3], [1, 16, 3]]
    assert run.clock[0].tolist() == [10, 13, 16, 19, 21, 99]
    once = play(setup, [[1, 3, 7, 3, 0]])
    assert once.architecture[0].tolist() == [[2, 12, 3], [1, 16, 3]]


def test_what_is_masked_counts_as_none():
    """Kernels grow to 7 and widths to 128; `both` needs room in both stages."""
    setup = job(*range(10, 60, 10), 60, actions="grow")
    run = play(setup, [[5, 5, 5, 5, 0]])
    assert run.taken[0].tolist() == [5, 5, 0, 0, 0] and run.architecture[0, 0].tolist() == [1, 8, 7]
    deep = replace(NETWORK, depth=(8, 1))
    cell = replace(job(10, 20).cell, network=deep)
    assert play(replace(job(10, 20), cell=cell), [[1], [3], [2]]).taken.tolist() == [[0], [0], [2]]
    small = replace(job(10, 20), max_parameters=NETWORK.parameters(NETWORK.base) + 600)
    assert np.isfinite(tree(small).leaf).tolist() == [True, True, False, False]


def test_no_curve_above_the_present_error_is_entered():
    """A network that would end up worse stays where it is."""
    worse = replace(THETA, kappa=(-9.0, 0, 0, 0, 0, 0))
    run = play(job(50, 100, 150, theta=worse), [[1, 0]])
    assert run.latent[0].tolist() == [run.latent[0, 0]] * 3 and run.latent[0, 0] < .9


def test_what_is_seen_of_the_error():
    """The learning rate's share goes on falling past the budget; the whole is clipped."""
    run = play(job(1, 4, theta=replace(THETA, e0=.9, c=.5)), [[3]])
    assert run.clock[0].tolist() == [0, 7] and run.latent[0].tolist() == [.9, .9]
    assert run.observed[0].tolist() == [1, pytest.approx(.9 + .5 * (1 - .95 * 7 / 4))]


def test_noise_is_added_before_clipping():
    """Most runs of an error of 1 would be seen above it."""
    setup = job(1, 2, theta=replace(THETA, e0=1.0, c=0.0), noise=Noise(.5, 0.0))
    seen = play(setup, np.zeros((400, 1), int), np.arange(400)).noisy[:, 0]
    assert .4 < (seen == 1).mean() < .6 and (seen[seen < 1] < .9999).all()
