"""Every learner: masters an identity problem, saves what it acts by, repeats itself, resumes."""
import numpy as np
import pytest
import torch

from agents.checkpoints import load_checkpoint, save_checkpoint
from agents.learner import make_learner
from agents.networks import for_environment
from agents.networks.acting import NetworkPolicy
from agents.reinforce import leave_one_out, returns_to_go
from agents.schema import AGENTS
from agents.store import load, save
from agents.tracking import Tally
from envs.core.errors import PolicyError
from tests.toys import Identity, Named, accuracy

SMALL = {
    "reinforce": {"learning_rate": 1e-2, "group": 4},
    "ppo": {"learning_rate": 3e-3, "n_steps": 16, "batch_size": 128},
    "maskable_ppo": {"learning_rate": 3e-3, "n_steps": 16, "batch_size": 128},
    "a2c": {"learning_rate": 3e-3, "n_steps": 8},
    "dqn": {"learning_rate": 3e-3, "learning_starts": 256, "batch_size": 64,
            "target_update_interval": 200, "buffer_size": 4000, "gamma": 0.3, "gradient_steps": 2},
}
STEPS = 6000


def learner(name, parts=1, seed=1, kind=Identity, **changes):
    """A learner on a fresh identity problem with a small network."""
    torch.manual_seed(seed)
    env = kind(16, 1 if name == "dqn" else parts, length=8)
    network = for_environment("mlp", env, {"hidden": 16})
    config = AGENTS[name](**{**SMALL[name], **changes})
    return make_learner(config, env, network, seed=seed, steps=STEPS)


def policy(made):
    """What the learner has learned."""
    return NetworkPolicy(made.network, "mlp", env="toy")


@pytest.mark.parametrize("name", AGENTS)
def test_learns_the_identity(name):
    made = learner(name, parts=2)
    while made.steps < STEPS:
        scalars = made.update()
    assert np.isfinite(list(scalars.values())).all()
    parts = made.env.parts
    assert accuracy(policy(made), parts) > 0.95
    if name in ("maskable_ppo", "reinforce"):
        assert made.env.illegal == 0


@pytest.mark.parametrize("name", AGENTS)
def test_learns_the_identity_from_a_dict(name):
    made = learner(name, kind=Named)
    while made.steps < STEPS:
        made.update()
    assert accuracy(policy(made), kind=Named) > 0.95


@pytest.mark.parametrize("name", AGENTS)
def test_equal_seeds_learn_equal_weights(name):
    weights = []
    for seed in (3, 3, 4):
        made = learner(name, seed=seed)
        for _ in range(3):
            made.update()
        weights.append(torch.cat([p.flatten() for p in made.network.parameters()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("name", AGENTS)
def test_saved_policy_acts_as_the_learner(name, tmp_path):
    made = learner(name)
    for _ in range(2):
        made.update()
    env = Identity(64)
    observation, info = env.reset(seed=5)
    here = policy(made)
    there = load(save(tmp_path / "kept", here))
    there.start(env)
    assert np.array_equal(here.act(observation, info["action_mask"]),
                          there.act(observation, info["action_mask"]))
    for p in (here, there):
        p.seed(8)
    assert np.array_equal(here.act(observation, info["action_mask"], deterministic=False),
                          there.act(observation, info["action_mask"], deterministic=False))


@pytest.mark.parametrize("name,changes", [
    ("reinforce", {}), ("reinforce", {"baseline": "value"}), ("reinforce", {"baseline": "moving"}),
    ("ppo", {}), ("maskable_ppo", {}), ("a2c", {})])
def test_resumed_run_equals_an_uninterrupted_one(name, changes, tmp_path):
    whole = learner(name, parts=2, **changes)
    for _ in range(5):
        expected = whole.update()
    first = learner(name, parts=2, **changes)
    for _ in range(2):
        first.update()
    save_checkpoint(tmp_path / "c", *first.state())
    second = learner(name, parts=2, seed=1, **changes)
    torch.manual_seed(99)
    np.random.seed(99)
    second.restore(*load_checkpoint(tmp_path / "c"))
    for _ in range(3):
        found = second.update()
    for a, b in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(a, b)
    assert whole.steps == second.steps
    unlogged = {"return", "episode_length"} if name != "reinforce" else set()
    assert {k: v for k, v in expected.items() if k not in unlogged} == {
        k: v for k, v in found.items() if k not in unlogged}


def test_dqn_goes_on_from_its_weights_with_an_empty_memory(tmp_path):
    made = learner("dqn")
    while made.steps < STEPS:
        made.update()
    save_checkpoint(tmp_path / "c", *made.state())
    again = learner("dqn", seed=1)
    again.restore(*load_checkpoint(tmp_path / "c"))
    assert again.steps == made.steps
    assert accuracy(policy(again)) == accuracy(policy(made))
    again.update()


def test_dqn_says_what_to_do_with_many_parts():
    env = Identity(4, parts=2)
    network = for_environment("mlp", env, {})
    with pytest.raises(PolicyError, match=r"env=blis_accuracy env\.action=swap"):
        make_learner(AGENTS["dqn"](), env, network, seed=0, steps=10)


def test_returns_by_hand():
    reward = torch.tensor([[1.0, 0.0], [2.0, 0.0], [4.0, 8.0]])
    assert torch.equal(returns_to_go(reward, 0.5),
                       torch.tensor([[3.0, 2.0], [4.0, 4.0], [4.0, 8.0]]))


def test_leave_one_out_by_hand():
    returns = torch.tensor([[1.0, 2.0, 6.0, 10.0, 20.0, 30.0]])
    assert torch.equal(leave_one_out(returns, 3),
                       torch.tensor([[4.0, 3.5, 1.5, 25.0, 20.0, 15.0]]))


def test_window_baseline_cancels_what_the_window_decides():
    env = Identity(16, luck=100.0)
    network = for_environment("mlp", env, {"hidden": 8})
    spread = {}
    for baseline in ("window", "none"):
        config = AGENTS["reinforce"](baseline=baseline, group=4, normalise=False)
        made = make_learner(config, env, network, seed=1, steps=10)
        batch = made.play()
        returns = returns_to_go(batch.reward, 0.99)
        spread[baseline] = float(made.advantages(batch, returns)[0].std())
    assert spread["window"] < 0.05 * spread["none"]


def test_groups_meet_the_same_window_and_updates_others():
    made = learner("reinforce")
    first = made.window_seeds()
    assert all(len(set(first[i:i + 4])) == 1 for i in range(0, 16, 4))
    assert len(set(first)) == 4
    made.updates += 1
    assert not set(first) & set(made.window_seeds())


def test_what_follows_an_early_end_does_not_count():
    env = Identity(8, length=6, ends=2)
    network = for_environment("mlp", env, {"hidden": 8})
    made = make_learner(AGENTS["reinforce"](group=2), env, network, seed=4, steps=10)
    batch = made.play()
    even = torch.tensor([s % 2 == 0 for s in made.window_seeds()])
    assert even.any() and not even.all()
    assert (batch.alive.sum(0) == torch.where(even, 5, 6)).all()
    assert (batch.reward[~batch.alive] == 0).all()
    assert made.steps == int(batch.alive.sum())


@pytest.mark.parametrize("changes,what", [
    ({"baseline": "windw"}, 'unknown baseline "windw"'), ({"group": 3}, "groups of 3"),
    ({"group": 1}, "one window")])
def test_impossible_settings_are_refused(changes, what):
    with pytest.raises(PolicyError, match=what):
        learner("reinforce", **changes)


def test_tally_gives_ratios_of_sums():
    tally = Tally({"hit_rate": (["hits"], ["asked"]), "nothing": (["a"], ["b"])})
    tally.add({"hits": np.array([1, 0]), "asked": np.array([2, 2])})
    tally.add({"hits": np.array([2, 0]), "asked": np.array([2, 2])})
    assert tally.take() == {"hit_rate": 3 / 8}
    assert tally.take() == {}


@pytest.mark.parametrize("name", ["reinforce", "ppo"])
def test_learners_count_what_the_batch_reports(name):
    made = learner(name)
    tally = Tally({"hit_rate": (["hits"], ["asked"])})
    env = Identity(16)
    network = for_environment("mlp", env, {"hidden": 8})
    config = AGENTS[name](**SMALL[name])
    made = make_learner(config, env, network, seed=1, steps=10, tally=tally)
    made.update()
    assert 0 < tally.take()["hit_rate"] < 1
