"""What the environments of the domain do beyond the contract that every id keeps."""
from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401
from envs.blis.simulate import simulate
from envs.core.errors import ActionError, ScenarioError
from tests.small import SMALL

ACCURACY = "sched/BlisAccuracy-v0"


def make(name: str, envs_: int = 2, **kwargs):
    scenario = {**SMALL[name]["scenario"], **kwargs.pop("options", {})}
    return gym.make_vec(name, num_envs=envs_, scenario=scenario,
                        trace=kwargs.pop("trace", SMALL[name]["trace"]), **kwargs)


def keep(env) -> np.ndarray:
    target = env.engine.block["device"]["target"]
    return np.where(target < 0, len(env.system.variants), target)


def unhostable(env) -> tuple[int, int]:
    """A device and a variant that its type cannot host."""
    t, j = np.argwhere(~env.system.hostable)[0]
    return int(np.flatnonzero(env.system.device_type == t)[0]), int(j)


def test_strict_mode_names_device_and_variant():
    env = make(ACCURACY, strict=True)
    env.reset(seed=0)
    device, variant = unhostable(env)
    action = keep(env)
    action[1, device] = variant
    with pytest.raises(ActionError, match=rf"device {device} .*{env.system.variants[variant]}"):
        env.step(action)
    env.step(keep(env))


def test_illegal_choices_are_ignored_and_counted():
    env = make(ACCURACY)
    env.reset(seed=0)
    device, variant = unhostable(env)
    action = keep(env)
    before = action[1, device]
    action[1, device] = variant
    *_, info = env.step(action)
    assert list(info["illegal"]) == [0, 1] and keep(env)[1, device] == before


def test_a_swap_that_changes_nothing_is_no_error():
    env = make(ACCURACY, strict=True, options={"env": {"action": "swap"}})
    env.reset(seed=0)
    values, place = len(env.system.variants) + 1, 1 + int(keep(env)[0, 0])
    assert env.action_masks()[0, place] == 0 and place < values
    *_, info = env.step(np.full(2, place))
    assert not info["illegal"].any()


def test_recorded_episode_is_the_whole_run():
    """Keeping the first plan is the run of the same scenario without a later plan."""
    options = {"horizon_ms": 400, "episode": {}, "allocation": {"policy": "static"}}
    env = make(ACCURACY, 1, record=True, autoreset_mode="Disabled", options=options)
    env.reset(seed=3)
    over = False
    while not over:
        _, _, terminated, truncated, _ = env.step(keep(env))
        over = bool(terminated[0] or truncated[0])
    run = env.run_of(0)
    trace = SMALL[ACCURACY]["trace"].window(0, 400)
    whole = simulate(env.scenario, trace, seed=run.seed)
    for name in run.records.dtype.names:
        assert np.array_equal(run.records[name], whole.records[name],
                              equal_nan=run.records[name].dtype.kind == "f"), name
    assert np.array_equal(run.windows, whole.windows)
    assert run.window_busy_ms == pytest.approx(whole.window_busy_ms)
    assert np.array_equal(run.window_target, whole.window_target)


def test_rewards_sum_to_the_metrics():
    options = {"horizon_ms": 400, "episode": {},
               "env": {"w_slo": 1.0, "w_acc": 0.0, "request_scale": 1.0}}
    env = make(ACCURACY, 1, record=True, autoreset_mode="Disabled", options=options)
    rng, total, over = np.random.default_rng(0), 0.0, False
    env.reset(seed=1)
    while not over:
        mask = env.action_masks()[0].reshape(env.system.devices, -1)
        action = np.array([rng.choice(np.flatnonzero(row)) for row in mask])
        _, reward, terminated, truncated, _ = env.step(action[None])
        total += reward[0]
        over = bool(terminated[0] or truncated[0])
    assert total == (env.run_of(0).records["status"] == 0).sum() > 0


def test_counts_pay_for_every_failure():
    options = {"horizon_ms": 400, "episode": {}, "env": {"actions_per_window": 3}}
    env = make("sched/Blis-v0", 1, record=True, autoreset_mode="Disabled", options=options)
    env.action_space.seed(0)
    env.reset(seed=1)
    rewards, over = [], False
    while not over:
        _, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        rewards.append(reward[0])
        over = bool(terminated[0] or truncated[0])
    windows = env.run_of(0).windows
    assert -sum(rewards) == (windows["late"] + windows["dropped"]).sum() > 0
    assert not any(r for i, r in enumerate(rewards) if (i + 1) % 3)


def test_a_pinned_start_beats_the_scenario():
    env = make(ACCURACY, 3)
    env.reset(seed=0, options={"start": [0.0, 100.0, 200.0]})
    assert list(env.engine.block["run"]["offset"]) == [0.0, 100.0, 200.0]
    with pytest.raises(ScenarioError, match="start"):
        env.reset(options={"begin": 3})


def test_starts_are_whole_windows_inside_the_trace():
    env = make(ACCURACY, 64)
    env.reset(seed=0)
    offset = env.engine.block["run"]["offset"]
    last = SMALL[ACCURACY]["trace"].arrival_ms[-1]
    assert not (offset % 50).any() and len(np.unique(offset)) > 5 and offset.max() + 400 <= last


def test_an_empty_plan_is_a_legal_start():
    env = make(ACCURACY, options={"allocation": {"policy": "none"}})
    env.reset(seed=0)
    *_, info = env.step(keep(env))
    assert (info["dropped"].sum(1) == info["arrivals"].sum(1)).all()


def test_a_batch_needs_record_to_tell_its_run():
    env = make(ACCURACY)
    env.reset(seed=0)
    with pytest.raises(ScenarioError, match="record=True"):
        env.run_of(0)


def test_ids_work_without_importing_the_package_first():
    env = gym.make("envs:sched/Blis-v0", **SMALL["sched/Blis-v0"])
    assert env.reset(seed=0)[0].shape == env.observation_space.shape
