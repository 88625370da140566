"""The picture and the screen of a run, whole and under way."""
from __future__ import annotations

from dataclasses import replace

import gymnasium as gym
import numpy as np

import envs  # noqa: F401
from envs.core.drawing import draw_timeline
from envs.net2net.drawing import architectures, screen, told
from envs.net2net.drawing import timeline as timeline_of
from envs.net2net.scenario import load_scenario
from envs.net2net.simulate import simulate
from envs.net2net.workloads import open_workload
from tests.small_net2net import parametric

UNDOING = {"cells": [{"cell": "pair_max@1500/malleable", "theta": "pair_max@1500/grow"}],
           "fractions": [0.1, 0.3, 0.5, 0.6]}


def played(sequence, given=None):
    given = given or parametric(noise=None)
    return simulate(given, open_workload(None, given).part("test", 1)[0].trace, sequence=sequence)


def test_stages_are_drawn_from_edit_to_edit():
    run = played((2, 1))
    drawn, clock = timeline_of(run), run.states["clock"]
    spans = [(drawn.rows[r], b, e, drawn.kinds[k].partition(": ")[2]) for r, b, e, k in zip(
        drawn.row, drawn.begin, drawn.end, drawn.kind, strict=True)]
    assert spans == [
        ("stage 0", 0, clock[0], "1x8 k3"), ("stage 1", 0, clock[0], "1x16 k3"),
        ("stage 0", clock[0], clock[1], "1x8 k3"), ("stage 1", clock[0], clock[1], "2x16 k3"),
        ("stage 0", clock[1], clock[2], "2x8 k3"), ("stage 1", clock[1], clock[2], "2x16 k3")]
    assert drawn.until == 600 and drawn.unit == "ms" and "deepen 1, deepen 0" in drawn.title
    assert draw_timeline(drawn, 500, 400).shape == (400, 500, 3)


def test_curves_meet_the_states():
    run = played((3, 0))
    drawn = timeline_of(run)
    accuracy = drawn.curves["accuracy"]["validation"]
    assert np.array_equal(accuracy[1::2], run.states["val_accuracy"])
    assert np.array_equal(drawn.times[1::2], run.states["clock"])
    step = drawn.curves["ms of a step"]["present network"]
    assert (step[0::2] == step[1::2]).all() and (step[::2] == run.states["step_ms"]).all()


def test_published_trainings_have_no_curve_of_accuracy():
    given = load_scenario("published")
    case = open_workload(None, given).part("test", 1)[0].trace
    assert "accuracy" not in timeline_of(simulate(given, case, sequence=(1, 2, 3))).curves


def test_an_undo_takes_the_network_back():
    given = parametric(noise=None, **UNDOING)
    cell = given.cells[0]
    nets = architectures(cell, (4, 7, 0, 1))
    assert nets[0] == nets[2] == nets[3] and nets[1] == ((1, 8, 3), (1, 24, 3))
    run = played((4, 7, 0, 1), given)
    assert run.architecture == nets[-1]
    assert told(cell, run.taken) == ["widen 1", "undo", "none", "deepen 0"]


def test_the_screen_has_a_line_per_decision():
    lines = screen(played((2, 1))).splitlines()
    assert [line.split("  ")[0].strip() for line in lines[3:]] == ["decision 0", "decision 1",
                                                                 "end"]
    assert lines[3].rstrip().endswith("deepen 1") and "[2x8 k3] [2x16 k3]" in lines[5]


def test_a_run_under_way_shows_what_is_known():
    run = played((2, 1))
    begun = replace(run, states=run.states[:2])
    drawn = timeline_of(begun)
    assert drawn.end.max() == run.states["clock"][1] and "deepen 0" not in drawn.title
    assert len(screen(begun).splitlines()) == 5


def test_the_environment_draws_itself():
    env = gym.make("sched/Net2Net-v0", scenario=parametric(), render_mode="rgb_array")
    env.reset(seed=1)
    first = env.render()
    env.step(3)
    assert first.shape[2] == 3 and not np.array_equal(first, env.render())
