"""The environment of net2net: seeds, back-ends, rewards, masks, snapshots, what is refused."""
from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401
from envs.core.errors import ActionError, ScenarioError
from envs.core.rng import replica_seed
from envs.net2net.draws import below, h
from envs.net2net.replay import read_recording
from envs.net2net.scenario import load_scenario
from envs.net2net.workloads import open_workload
from tests.net2net_recordings import SMALL, write_recording

ID = "sched/Net2Net-v0"
METRICS = {"val_accuracy", "test_accuracy", "normalised", "regret", "rank", "gpu_seconds",
           "parameters", "macs", "steps"}


def make(num_envs=4, name="depth", options=None, **kwargs):
    kwargs.setdefault("autoreset_mode", "Disabled")
    return gym.make_vec(ID, num_envs=num_envs, scenario=load_scenario(name, options), **kwargs)


def play(env, actions, seed=0, options=None):
    """Observations and rewards of one episode of every replica, and its last info."""
    observation, info = env.reset(seed=seed, options=options)
    seen, rewards = [observation], []
    for action in actions:
        observation, reward, _, _, info = env.step(np.full(env.num_envs, action))
        seen.append(observation)
        rewards.append(reward)
    return np.array(seen), np.array(rewards), info


def test_an_episode_has_as_many_steps_as_decisions():
    env = make()
    _, rewards, info = play(env, (2, 0, 1))
    assert set(info["metrics"]) == METRICS
    np.testing.assert_array_equal(rewards.sum(axis=0), info["metrics"]["val_accuracy"])
    with pytest.raises(ActionError, match="after the end"):
        env.step(np.zeros(4, int))


def test_cell_and_recorded_seed_are_drawn_by_the_seed_of_the_episode():
    env = make(8, autoreset_mode="SameStep")
    for episode in range(3):
        if episode == 0:
            env.reset(seed=5)
        x = np.array([int(h(replica_seed(5 + i), 50, episode)) for i in range(8)], np.uint64)
        np.testing.assert_array_equal(env.engine.block["run"]["seed"], x)
        np.testing.assert_array_equal(env.engine.block["run"]["cell"],
                                      below(len(env.cells), x, 51))
        for _ in range(3):
            env.step(np.zeros(8, int))


@pytest.mark.parametrize("name", ["depth", "grow", "gpus", "long", "published"])
def test_names_bounds_and_masks(name):
    env = make(16, name)
    observation, info = env.reset(seed=1)
    assert len(env.feature_names) == len(set(env.feature_names)) == observation.shape[1]
    random = np.random.default_rng(0)
    for _ in range(env.system.first.depth_of_tree):
        assert env.observation_space.contains(observation)
        assert info["action_mask"][:, 0].all()
        action = np.array([random.choice(np.flatnonzero(m)) for m in info["action_mask"]])
        observation, _, over, _, info = env.step(action)
        assert not info["invalid"].any()
    assert over.all()
    np.testing.assert_array_equal(info["action_mask"].sum(axis=1), 1)


def test_rewards_sum_to_what_they_say():
    found = {name: play(make(options={"env": {"reward": name}}), (1, 2, 0))
             for name in ("final", "delta", "tan", "gain", "cost")}
    final = found["final"][1].sum(axis=0)
    np.testing.assert_allclose(found["delta"][1].sum(axis=0), final)
    np.testing.assert_allclose(found["tan"][1].sum(axis=0),
                               100 * np.tan(np.pi / 2 * np.minimum(final, 0.99)))
    assert (found["cost"][1].sum(axis=0) < final).all()
    metrics = found["gain"][2]["metrics"]
    best = metrics["val_accuracy"] + metrics["regret"]
    never = np.array([found["gain"][1][-1, e] for e in range(4)])
    reached = (metrics["val_accuracy"] - never * best) / (1 - never)
    assert ((reached > 0) & (reached < 1)).all()


def test_gain_of_never_without_noise_is_zero():
    env = make(options={"env": {"reward": "gain"}, "noise": None})
    np.testing.assert_allclose(play(env, (0, 0, 0))[1], 0.0, atol=1e-12)


def test_published_tables_play_exactly():
    env = make(2, "published", record=True)
    _, rewards, info = play(env, (2, 2, 1), options={"cell": "cnn1/early"})
    assert np.isnan(info["metrics"]["steps"]).all()
    assert env.run_of(1).steps is None and np.isnan(env.run_of(1).states["steps"]).all()
    np.testing.assert_array_equal(rewards[-1], 0.7391)
    np.testing.assert_array_equal(info["metrics"]["rank"], 1)
    np.testing.assert_array_equal(info["metrics"]["normalised"], 1)


def test_alone_as_in_a_batch_of_any_size_on_any_threads():
    one = [play(make(1, judged=False), (3, 0, 1), seed=s)[0][:, 0] for s in range(6)]
    many = play(make(6, judged=False, threads=3), (3, 0, 1))[0]
    np.testing.assert_array_equal(np.stack(one, axis=1), many)


def test_parameters_vary_by_episode_and_repeat_with_the_seed():
    pinned = {"cell": "pair_max@1500/depth"}
    env = make(32)
    first = play(env, (0, 0, 0), options=pinned)[1]
    assert len(np.unique(first[-1])) == 32
    np.testing.assert_array_equal(play(env, (0, 0, 0), options=pinned)[1], first)


def test_a_snapshot_goes_on_exactly():
    env = make()
    env.reset(seed=2)
    env.step(np.array([1, 2, 3, 0]))
    saved = env.snapshot()
    once = env.step(np.array([1, 2, 3, 0]))
    env.step(np.array([0, 0, 0, 1]))
    env.restore(saved)
    again = env.step(np.array([1, 2, 3, 0]))
    np.testing.assert_array_equal(once[0], again[0])
    np.testing.assert_array_equal(once[1], again[1])


def test_a_snapshot_of_another_batch_is_refused():
    two, four = make(2), make(4)
    two.reset(seed=0)
    with pytest.raises(ActionError, match="a snapshot of 2 replicas; this batch has 4"):
        four.restore(two.snapshot())


def test_next_step_mode_clears_the_metrics_of_the_reset():
    env = make(2, autoreset_mode="NextStep")
    env.reset(seed=0)
    for _ in range(3):
        _, _, over, _, info = env.step(np.zeros(2, int))
    assert over.all() and info["metrics"]["steps"].all()
    _, reward, over, _, info = env.step(np.zeros(2, int))
    assert not over.any() and not reward.any() and not info.get("metrics")


def test_masked_actions_count_as_none():
    env = make(1, "grow", {"max_parameters": 1500})
    _, info = env.reset(seed=0, options={"cell": "digits_aug@1500/grow"})
    assert info["action_mask"][0].tolist() == [1, 0, 0, 0, 0, 0, 0]
    _, _, _, _, info = env.step(np.array([3]))
    assert info["invalid"][0] and info["node"][0] == 1
    env = make(1, "grow", {"max_parameters": 1500, "env": {"strict": True}})
    env.reset(seed=0, options={"cell": "digits_aug@1500/grow"})
    with pytest.raises(ActionError, match="masked"):
        env.step(np.array([3]))


def test_factored_actions():
    env = make(1, "gpus", {"env": {"factored": True}})
    assert env.single_action_space.nvec.tolist() == [5, 2]
    _, info = env.reset(seed=0)
    assert info["action_mask"][0].tolist() == [1, 1, 1, 1, 0, 1, 1]     # nothing to undo yet
    _, _, _, _, info = env.step(np.array([[2, 1]]))                      # widen stage 1
    assert info["node"][0] == 1 + 4 and info["action_mask"][0, 4] == 1
    _, _, _, _, info = env.step(np.array([[4, 1]]))
    assert env.engine.taken[0].tolist()[:2] == [4, 7]
    with pytest.raises(ScenarioError, match="several stages at once"):
        make(1, options={"env": {"factored": True}})


def test_the_task_can_be_shown():
    env = make(5, options={"env": {"show_task": True}})
    observation, _ = env.reset(seed=0)
    shown = observation[:, -5:].argmax(axis=1)
    np.testing.assert_array_equal(shown, env.engine.block["run"]["cell"])
    assert env.feature_names[-1] == f"cell.{env.cells[-1]}"


@pytest.mark.parametrize("backend", ["parametric", "tabular"])
def test_the_task_of_a_single_case_is_shown_among_those_of_the_scenario(backend):
    scenario = load_scenario("depth", {"backend": backend, "env": {"show_task": True}})
    window = open_workload(None, scenario).part("test")[-1]
    env = gym.make("sched/Net2Net-v0", scenario=scenario, trace=window.trace)
    observation, _ = env.reset(seed=3)
    assert observation[-5:].argmax() == scenario.cells.index(window.trace.cell)
    plain = gym.make("sched/Net2Net-v0", scenario=scenario.merge({"env": {"show_task": False}}),
                     trace=window.trace)
    np.testing.assert_array_equal(plain.reset(seed=3)[0], observation[:-5])


@pytest.mark.parametrize(("options", "text"), [
    ({"cell": "pair_mx@1500/depth"}, "unknown cell"), ({"seed": "x"}, "no seed"),
    ({"sed": 1}, "unknown option"), ({"cell": 99}, "unknown cell"),
    ({"seed": 2**64}, "18446744073709551616 is no seed"), ({"seed": -1}, "-1 is no seed")])
def test_what_cannot_be_pinned(options, text):
    with pytest.raises(ScenarioError, match=text):
        make().reset(seed=0, options=options)
    with pytest.raises(ScenarioError, match="has no seed"):
        make(1, "published").reset(seed=0, options={"seed": 7})


def test_a_recording_may_be_given_beside_the_scenario(tmp_path):
    folder = write_recording(tmp_path)
    env = gym.make_vec(ID, num_envs=2, trace=folder,
                       scenario={"backend": "tabular", "cells": [SMALL.name]})
    info = play(env.unwrapped, (0, 0))[2]
    assert set(info["metrics"]["val_accuracy"]) <= set(
        read_recording(folder).tables[SMALL.name].leaves["val_accuracy"][:, 0])


def test_a_negative_seed_is_no_seed():
    with pytest.raises(ActionError, match="reset: -1 is no seed; give integers from 0 on"):
        make().reset(seed=-1)


def test_an_unknown_back_end_is_told():
    with pytest.raises(ScenarioError, match='backend: unknown value "lve"; known: live, '):
        make(backend="lve")


def test_pictures_and_screens():
    env = make(2, render_mode="ansi")
    play(env, (1, 0, 2))
    assert "pair_max" in env.render()[0] or "digits" in env.render()[0]
    env = make(1, render_mode="rgb_array")
    env.reset(seed=0)
    assert env.render()[0].ndim == 3
    env = make(1, "published", render_mode="ansi")
    env.reset(seed=0)
    env.step(np.zeros(1, int))
    assert "cnn1" in env.render()[0]
