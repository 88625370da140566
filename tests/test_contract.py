"""Every registered environment keeps Gymnasium's contract and ours; a new id is tested unasked."""
from __future__ import annotations

import warnings
from copy import deepcopy

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.env_checker import check_env as sb3_check_env

import envs  # noqa: F401
from envs.core.batch import split_mask
from envs.core.errors import ActionError
from tests.small import SMALL

IDS = sorted(i for i in gym.registry if i.startswith("sched/"))
TABLE = "unconventional shape"      # the one warning that a table of observations earns


def vector(name: str, replicas: int = 3, **kwargs):
    return gym.make_vec(name, num_envs=replicas, **{**SMALL[name], **kwargs})


def single(name: str, **kwargs):
    return gym.make(name, **{**SMALL[name], **kwargs})


def legal(env, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One legal action per replica."""
    space = env.single_action_space
    rows = []
    for row in mask:
        space.seed(int(rng.integers(2**31)))
        discrete = isinstance(space, gym.spaces.Discrete)
        rows.append(space.sample(row if discrete else split_mask(space, row)))
    return np.stack(rows)


def same(a, b) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f")


def rows(observation, which):
    """Some replicas of a batch of observations, arrays or dicts of arrays."""
    if isinstance(observation, dict):
        return {k: v[which] for k, v in observation.items()}
    return observation[which]


def test_there_are_environments():
    assert "sched/Blis-v0" in IDS and set(IDS) == set(SMALL)


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("checker", [check_env, sb3_check_env])
def test_checkers_are_content(name, checker):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        checker(single(name, render_mode="rgb_array").unwrapped)
    unexpected = [str(w.message) for w in seen if TABLE not in str(w.message)]
    assert not unexpected


@pytest.mark.parametrize("name", IDS)
def test_alone_equals_row_of_a_batch(name):
    rng, alone, batch = np.random.default_rng(0), single(name), vector(name)
    first, _ = alone.reset(seed=5 + 1)
    many, infos = batch.reset(seed=5)
    assert same(first, rows(many, 1))
    for _ in range(12):
        action = legal(batch, infos["action_mask"], rng)
        one = alone.step(action[1])
        observation, reward, terminated, truncated, infos = batch.step(action)
        if terminated[1] or truncated[1]:
            observation = infos["final_obs"]
        assert same(one[0], rows(observation, 1))
        assert one[1:4] == (reward[1], terminated[1], truncated[1])
        if one[2] or one[3]:
            alone.reset()


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("envs_, threads", [(7, 1), (7, 2), (64, 2)])
def test_batch_size_and_threads_change_nothing(name, envs_, threads):
    few, many = vector(name, 7), vector(name, envs_, threads=threads)
    rng = np.random.default_rng(1)
    a, info = few.reset(seed=3)
    b, _ = many.reset(seed=3)
    assert same(a, rows(b, slice(7)))
    idle = legal(many, many.action_masks(), rng)
    for _ in range(8):
        action = legal(few, info["action_mask"], rng)
        idle[:7] = action
        *left, info = few.step(action)
        *right, _ = many.step(idle)
        assert all(same(x, rows(y, slice(7))) for x, y in zip(left, right, strict=True))
        idle = legal(many, many.action_masks(), rng)


@pytest.mark.parametrize("name", IDS)
def test_snapshot_is_exact(name):
    env, rng = vector(name), np.random.default_rng(2)
    env.reset(seed=0)
    env.step(legal(env, env.action_masks(), rng))
    saved, actions, seen = env.snapshot(), [], []
    for _ in range(15):
        actions.append(legal(env, env.action_masks(), rng))
        seen.append(env.step(actions[-1]))
    env.restore(saved)
    for action, before in zip(actions, seen, strict=True):
        assert all(same(x, y) for x, y in zip(env.step(action), before, strict=True))


@pytest.mark.parametrize("name", IDS)
def test_autoreset_modes_tell_the_same_story(name):
    """NEXT_STEP is SAME_STEP with one idle step after every end."""
    rng = np.random.default_rng(3)
    at_once = vector(name, max_episode_steps=4)
    later = vector(name, max_episode_steps=4, autoreset_mode=AutoresetMode.NEXT_STEP)
    observation, info = at_once.reset(seed=1)
    assert same(observation, later.reset(seed=1)[0])
    for _ in range(10):
        action = legal(at_once, info["action_mask"], rng)
        observation, reward, terminated, truncated, info = at_once.step(action)
        shown, paid, ended, cut, told = later.step(action)
        assert np.array_equal(reward, paid) and np.array_equal(terminated, ended)
        assert np.array_equal(truncated, cut)
        done = terminated | truncated
        assert done.all() or not done.any()
        if done.all():
            assert same(info["final_obs"], shown)
            assert same(info["final_info"]["episode"], told["episode"])
            shown, paid, ended, cut, _ = later.step(action)
            assert not paid.any() and not ended.any() and not cut.any()
        assert same(observation, shown)


@pytest.mark.parametrize("name", IDS)
def test_next_step_resets_single_replicas(name):
    """Replicas whose episodes end at different times stay in step with themselves alone."""
    env = vector(name, 2, max_episode_steps=3, autoreset_mode=AutoresetMode.NEXT_STEP)
    rng = np.random.default_rng(4)
    env.reset(seed=[1, 2])
    env.step(legal(env, env.action_masks(), rng))
    env.reset(seed=[None, 9], options={"reset_mask": np.array([False, True])})
    lengths = []
    for _ in range(9):
        *_, info = env.step(legal(env, env.action_masks(), rng))
        lengths += [int(v) for v in info["episode"]["l"][info["_episode"]]] if info.get(
            "_episode") is not None else []
    assert len(lengths) >= 4 and set(lengths) == {3}


@pytest.mark.parametrize("name", IDS)
def test_disabled_autoreset_wants_a_reset(name):
    env = vector(name, 2, max_episode_steps=2, autoreset_mode=AutoresetMode.DISABLED)
    rng = np.random.default_rng(5)
    with pytest.raises(ActionError, match="before reset"):
        env.step(np.zeros(env.action_space.shape, np.int64))
    env.reset(seed=0)
    for _ in range(2):
        *_, truncated, info = env.step(legal(env, env.action_masks(), rng))
    assert truncated.all() and info["_episode"].all()
    with pytest.raises(ActionError, match="after the end"):
        env.step(legal(env, env.action_masks(), rng))
    env.reset(options={"reset_mask": np.array([True, True])})
    env.step(legal(env, env.action_masks(), rng))


@pytest.mark.parametrize("name", IDS)
def test_misuse_is_one_error(name):
    env = single(name).unwrapped
    env.reset(seed=0)
    space = env.action_space
    for bad in (np.zeros((3, 5), int), np.full(space.shape, 10**6), np.zeros(space.shape, float)):
        with pytest.raises(ActionError):
            env.step(bad)
    with pytest.raises(ActionError, match="no seed"):
        env.reset(seed="a")
    with pytest.raises(ActionError, match="render_mode"):
        single(name, render_mode="smell")


@pytest.mark.parametrize("name", IDS)
def test_rendering_changes_nothing(name):
    drawn, plain = (single(name, render_mode=m) for m in ("rgb_array", None))
    drawn.reset(seed=1)
    plain.reset(seed=1)
    rng = np.random.default_rng(6)
    for _ in range(4):
        action = legal(plain.unwrapped.batch, plain.unwrapped.action_masks()[None], rng)[0]
        a, b = drawn.step(action), plain.step(action)
        picture = drawn.render()
        assert same(a[0], b[0]) and a[1] == b[1]
    assert picture.dtype == np.uint8 and picture.shape[2] == 3 and picture.std() > 1
    screen = single(name, render_mode="ansi")
    screen.reset(seed=1)
    assert len(screen.render().splitlines()) > 2


@pytest.mark.parametrize("name", IDS)
def test_observations_are_fresh_and_finite(name):
    env, rng = vector(name), np.random.default_rng(7)
    first, info = env.reset(seed=0)
    kept = deepcopy(first)
    assert env.observation_space.contains(first)
    for _ in range(5):
        second, *_, info = env.step(legal(env, info["action_mask"], rng))
        assert same(first, kept) and env.observation_space.contains(second)
        assert info["action_mask"].dtype == np.int8
        first, kept = second, deepcopy(second)
    parts = first if isinstance(first, dict) else {"": first}
    names = env.feature_names if isinstance(first, dict) else {"": env.feature_names}
    assert all(len(names[key]) in part.shape[1:] for key, part in parts.items())
