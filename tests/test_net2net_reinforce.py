"""REINFORCE over episodes of several cells: gradients and baselines by hand, presets, resuming."""
from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from agents.checkpoints import load_checkpoint, save_checkpoint
from agents.learner import make_learner
from agents.networks import for_environment
from agents.networks.categorical import Categoricals
from agents.networks.network import Network, NetworkConfig
from agents.reinforce import Batch
from agents.reinforce_episodes import EpisodeReinforce
from agents.schema import AGENTS, PRESETS, ReinforceConfig, TrainConfig
from envs.core.errors import PolicyError
from envs.core.files import REPOSITORY
from tests.net2net_toy import Growing

MENDED = PRESETS["mended"]


class Table(Network):
    """The same logits everywhere: what REINFORCE does to them can be done by hand."""

    def __init__(self, logits):
        super().__init__(NetworkConfig())
        self.logits = torch.nn.Parameter(torch.tensor(logits))

    def forward(self, observation, mask=None):
        """Logits, and a value that nobody uses."""
        rows = self.logits.expand(len(observation), 1, -1)
        return Categoricals(rows, discrete=True), rows[:, 0, 0]


def learner(network=None, env=None, steps=10_000, seed=0, **changes):
    """A learner on the toy with the shipped settings."""
    torch.manual_seed(seed)
    config = ReinforceConfig(**{**MENDED, **changes})
    env = env or Growing(config.num_envs)
    network = network or for_environment("net2net_layers", env, {"hidden": 16})
    return make_learner(config, env, network, seed=seed, steps=steps)


def batch_of(actions, rewards, cells, alive=None):
    """A batch (T, E) without anything to see."""
    actions = torch.tensor(actions)
    return Batch(torch.zeros(*actions.shape, 1), None, actions, torch.tensor(rewards),
                 torch.ones(actions.shape, dtype=torch.bool) if alive is None
                 else torch.tensor(alive), np.zeros(actions.shape), cell=np.array(cells))


def test_gradient_by_hand():
    """d(-A sum_j ln pi_a)/d theta_k = -A sum_j (1[a = k] - pi_k); dH/d theta_k = -pi_k (ln pi_k +
    H)."""
    made = learner(Table([0.0, math.log(2.0), 0.0]), Growing(3), num_envs=3)
    p = np.array([0.25, 0.5, 0.25])
    actions, advantage = [[0, 1, 2], [1, 1, 0]], np.array([2.0, -1.0, 0.5])
    batch = batch_of(actions, [[0.0] * 3] * 2, [0, 0, 0])
    both = torch.as_tensor(np.stack([advantage] * 2)).float()
    losses = made.losses_of(batch, both, torch.arange(3), beta=0.1)
    losses["loss"].backward()
    entropy = -(p * np.log(p)).sum()
    expected = 0.1 * p * (np.log(p) + entropy)
    for column, a in enumerate(advantage):
        for row in actions:
            expected -= a * (np.eye(3)[row[column]] - p) / 3
    np.testing.assert_allclose(made.network.logits.grad.numpy(), expected, atol=1e-6)
    assert float(losses["entropy"].detach()) == pytest.approx(entropy, abs=1e-6)


def test_a_batch_gives_the_mean_of_the_gradients_of_its_episodes():
    made = learner()
    batch = made.play()
    advantage = made.advantage(batch)

    def gradient(episodes):
        made.optimiser.zero_grad(set_to_none=False)
        made.losses_of(batch, advantage, torch.as_tensor(episodes), 0.02)["loss"].backward()
        return torch.cat([p.grad.flatten().clone() for p in made.network.parameters()
                          if p.grad is not None])

    gradient(range(64))     # now every gradient that there is has its place
    mean = torch.stack([gradient([e]) for e in range(64)]).mean(0)
    torch.testing.assert_close(gradient(range(64)), mean, atol=1e-6, rtol=1e-4)


def test_baselines_by_hand():
    made = learner()
    found = made.follow(["a", "b", "a"], torch.tensor([1.0, 2.0, 3.0]))
    assert found.tolist() == [1.0, 2.0, 1.0]
    assert made.means == pytest.approx({"a": 1.1, "b": 2.0})
    assert made.follow(["b", "a"], torch.tensor([0.0, 0.0])).tolist() == pytest.approx([2.0, 1.1])
    assert made.means == pytest.approx({"a": 1.045, "b": 1.9})


def test_advantages_by_hand():
    batch = batch_of([[0, 0, 0]] * 2, [[0.0, 1.0, 0.0], [0.5, 0.0, 1.0]], [0, 0, 1])
    plain = learner(normalise=False, gamma=0.5)
    plain.means = {"0": 0.5}
    found = plain.advantage(batch)
    returns = torch.tensor([[0.25, 1.0, 0.5], [0.5, 0.0, 1.0]])
    torch.testing.assert_close(found, returns - torch.tensor([0.5, 0.5, 0.5]))
    scaled = learner(gamma=0.5)
    scaled.means = {"0": 0.5}
    deviation = np.std([-0.25, 0.5, 0.0])
    torch.testing.assert_close(scaled.advantage(batch), found / (deviation + 1e-3))


def test_those_who_play_the_same_job_compare():
    made = learner(baseline="window", group=2, normalise=False)
    batch = batch_of([[0] * 4], [[1.0, 3.0, 10.0, 10.0]], [0, 0, 1, 1])
    assert made.advantage(batch).tolist() == [[-2.0, 2.0, 0.0, 0.0]]
    assert len(set(made.window_seeds())) == 32


def test_what_follows_an_early_end_does_not_count():
    made = learner(Table([0.0, 0.0]), Growing(2), num_envs=2, normalise=False)
    batch = batch_of([[0, 0], [0, 1]], [[1.0, 0.0], [0.0, 2.0]], [0, 1],
                     [[True, True], [False, True]])
    made.means = {"0": 0.0, "1": 0.0}
    advantage = made.advantage(batch)
    assert advantage.tolist() == [[1.0, 2.0], [0.0, 2.0]]
    made.losses_of(batch, advantage, torch.arange(2), 0.0)["loss"].backward()
    np.testing.assert_allclose(made.network.logits.grad.numpy(), [-0.25, 0.25], atol=1e-6)


def test_the_entropy_coefficient_falls_to_nothing():
    made, seen = learner(steps=4 * 192), []
    losses_of = made.losses_of
    made.losses_of = lambda *given: seen.append(given[-1]) or losses_of(*given)
    for _ in range(5):
        made.update()
    assert seen == pytest.approx([0.02, 0.015, 0.01, 0.005, 0.0])


def test_the_published_preset():
    made = learner(preset="published", env=Growing(1))
    assert isinstance(made, EpisodeReinforce)
    assert (made.config.num_envs, made.config.entropy, made.config.baseline) == (1, 0.0, "none")
    batch = batch_of([[0], [1], [2]], [[0.0], [0.0], [2.0]], [0])
    assert made.advantage(batch).flatten().tolist() == [2.0, 2.0, 2.0]
    rates = []
    for updates in (0, 499, 500, 1000):
        made.updates = updates
        rates.append(made.rate(1.0))
    assert rates == pytest.approx([1e-4, 1e-4, 0.99e-4, 0.9801e-4])


def test_the_published_loss_is_a_mean_over_steps():
    made = learner(Table([0.0, 0.0, 0.0]), Growing(1), preset="published")
    batch = batch_of([[0], [1], [1]], [[0.0], [0.0], [2.0]], [0])
    losses = made.losses_of(batch, made.advantage(batch), torch.arange(1), 0.0)
    assert float(losses["loss"].detach()) == pytest.approx(2 * math.log(3), abs=1e-6)


def test_the_mended_preset_is_that_of_the_page():
    config = ReinforceConfig(preset="mended", learning_rate=7.0)
    assert config.learner == "reinforce_episodes"
    assert (config.num_envs, config.baseline, config.normalise) == (64, "cell", True)
    assert (config.learning_rate, config.entropy, config.clip_norm) == (1e-3, 0.02, 1.0)
    assert (config.gamma, config.minibatches, config.decay) == (1.0, 1, False)


@pytest.mark.parametrize("agent", ["reinforce", "ppo", "maskable_ppo"])
def test_what_the_domain_tells_an_agent(agent):
    place = ConfigStore.instance()
    place.store(name="train_schema", node=TrainConfig)
    place.store(group="agent", name=f"{agent}_schema", node=AGENTS[agent])
    with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
        told = OmegaConf.to_object(compose("train", ["env=net2net", f"agent={agent}"]).agent)
    assert told.gamma == 1.0
    assert told.learner == {"reinforce": "reinforce_episodes"}.get(agent, agent)
    if agent == "reinforce":
        assert (told.num_envs, told.group, told.baseline) == (64, 8, "window")


def test_a_baseline_per_cell_needs_whole_episodes():
    with pytest.raises(PolicyError, match='unknown baseline "cell"'):
        learner(episodes=False)
    with pytest.raises(PolicyError, match="known: cell, window, none"):
        learner(baseline="moving")


def test_an_unknown_preset_is_refused():
    with pytest.raises(PolicyError, match=r"agent\.preset"):
        ReinforceConfig(preset="publshed")


@pytest.mark.parametrize("network", ["net2net_layers", "net2net_blind", "mlp"])
def test_learns_what_to_do_in_one_cell(network):
    env = Growing(64, cells=("pair_max@1500/depth",), best=((3, 2, 2),))
    made = learner(for_environment(network, env, {"hidden": 32}), env, learning_rate=3e-3,
                   steps=20_000)
    while made.steps < 20_000:
        scalars = made.update()
    assert np.isfinite(list(scalars.values())).all()
    assert scalars["return"] > 0.85


@pytest.mark.parametrize("name", ["ppo", "maskable_ppo"])
def test_other_learners_take_the_network(name):
    env = Growing(8)
    network = for_environment("net2net_layers", env, {"hidden": 16})
    made = make_learner(AGENTS[name](n_steps=3, batch_size=24), env, network, seed=0, steps=48)
    before = network.decide[0].weight.clone()
    assert np.isfinite(made.update()["loss"])
    assert not torch.equal(before, network.decide[0].weight)


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    whole = learner()
    for _ in range(4):
        expected = whole.update()
    first = learner()
    for _ in range(2):
        first.update()
    save_checkpoint(tmp_path / "c", *first.state())
    second = learner(seed=0)
    torch.manual_seed(99)
    second.restore(*load_checkpoint(tmp_path / "c"))
    json.dumps(second.state()[1])
    for _ in range(2):
        found = second.update()
    assert found == expected
    assert second.means == whole.means
    for a, b in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(a, b)
