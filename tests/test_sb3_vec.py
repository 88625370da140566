"""The batch as Stable-Baselines3 sees it."""
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3.common.vec_env import VecNormalize

from agents.sb3_vec import BatchVecEnv, RewardScale
from envs.core.errors import PolicyError
from tests.toys import Identity, Named


def steps(vec, count):
    """Steps of shown symbols; what each returned."""
    return [vec.step(vec.env.shown[:, 0].copy()) for _ in range(count)]


def test_ends_of_episodes_carry_what_the_library_needs():
    vec = BatchVecEnv(Identity(4, length=5, ends=2))
    vec.seed(10)
    vec.reset()
    seen = steps(vec, 5)
    obs, _, done, infos = seen[3]
    assert done.tolist() == [True, False, True, False]
    assert infos[0]["TimeLimit.truncated"] is False and infos[1] == {}
    assert infos[0]["episode"]["r"] == 4 and infos[0]["episode"]["l"] == 4
    assert not np.array_equal(infos[0]["terminal_observation"], obs[0])
    _, _, done, infos = seen[4]
    assert done.tolist() == [False, True, False, True]
    assert infos[1]["TimeLimit.truncated"] is True and infos[1]["episode"]["l"] == 5
    twin = Identity(1)
    twin.seeds[:], twin.steps[:] = 11, 5
    twin._show()
    assert np.array_equal(infos[1]["terminal_observation"], twin._observe()[0])


def test_a_dict_becomes_a_row_also_at_the_end():
    plain, named = BatchVecEnv(Identity(2, length=3)), BatchVecEnv(Named(2, length=3))
    for vec in (plain, named):
        vec.seed(4)
    assert named.observation_space.shape == (4,)
    assert np.array_equal(plain.reset(), named.reset()[:, 1:])
    for one, two in zip(steps(plain, 6), steps(named, 6), strict=True):
        assert two[0].dtype == np.float32 and np.array_equal(one[0], two[0][:, 1:])
        for a, b in zip(one[3], two[3], strict=True):
            assert a.keys() == b.keys()
            if a:
                end = b["terminal_observation"]
                assert end[0] == 1 and np.array_equal(a["terminal_observation"], end[1:])


def test_episode_sums_start_anew():
    vec = BatchVecEnv(Identity(2, length=3))
    vec.seed(0)
    vec.reset()
    ends = [infos[0]["episode"] for *_, done, infos in steps(vec, 9) if done[0]]
    assert [(e["r"], e["l"]) for e in ends] == [(3.0, 3)] * 3


def test_seeds_reach_each_replica():
    vec = BatchVecEnv(Identity(3))
    vec.seed(7)
    vec.reset()
    assert vec.env.seeds.tolist() == [7, 8, 9]
    vec.reset()
    assert vec.env.seeds.tolist() == [7, 8, 9]


def test_observations_are_not_overwritten():
    vec = BatchVecEnv(Identity(3))
    vec.seed(1)
    first = vec.reset()
    kept = first.copy()
    steps(vec, 3)
    assert np.array_equal(first, kept)


def test_masks_are_those_of_the_present_state():
    vec = BatchVecEnv(Identity(3, parts=2))
    vec.seed(1)
    vec.reset()
    assert is_masking_supported(vec)
    for _ in range(10):
        masks = get_action_masks(vec)
        assert masks.dtype == bool and masks.shape == (3, 6)
        assert np.array_equal(masks, vec.env.action_masks())
        vec.step(np.zeros((3, 2), int))


def test_masks_pass_through_a_wrapper_of_the_library():
    vec = VecNormalize(BatchVecEnv(Identity(3)), norm_obs=False)
    vec.seed(1)
    vec.reset()
    assert np.array_equal(get_action_masks(vec), vec.unwrapped.env.action_masks())


def test_attributes_and_methods_of_the_batch():
    vec = BatchVecEnv(Identity(3))
    assert vec.get_attr("symbols") == [3, 3, 3]
    vec.set_attr("length", 4)
    assert vec.env.length == 4
    assert len(vec.env_method("snapshot", indices=[0, 2])) == 2
    assert vec.env_is_wrapped(VecNormalize) == [False] * 3


def test_another_autoreset_is_refused():
    env = Identity()
    env.metadata["autoreset_mode"] = AutoresetMode.NEXT_STEP
    with pytest.raises(PolicyError, match="same step"):
        BatchVecEnv(env)


def test_rewards_are_scaled_as_the_library_scales_them():
    plain, ours = Identity(4, luck=50.0), BatchVecEnv(Identity(4, luck=50.0), reward_gamma=0.9)
    theirs = VecNormalize(BatchVecEnv(plain), norm_obs=False, gamma=0.9)
    for vec in (ours, theirs):
        vec.seed(3)
        vec.reset()
    for _ in range(30):
        a, b = ours.step(np.zeros(4, int)), theirs.step(np.zeros(4, int))
        np.testing.assert_allclose(a[1], b[1], rtol=1e-5)
    assert ours.reset().shape == (4, 3)


def test_state_of_the_scale_is_exact():
    rng = np.random.default_rng(0)
    one, two = RewardScale(4, 0.9), RewardScale(4, 0.9)
    for _ in range(5):
        one(rng.normal(size=4), rng.random(4) < 0.2)
    two.restore({k: v.copy() for k, v in one.state().items()})
    reward, done = rng.normal(size=4), np.zeros(4, bool)
    assert np.array_equal(one(reward, done), two(reward, done))
