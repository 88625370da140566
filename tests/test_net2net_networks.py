"""The reference network of `net2net`: what it reads of an observation, each layer once."""
from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gymnasium import spaces

from agents.networks import build, for_environment, network_class, registry_name
from agents.networks.acting import NetworkPolicy
from agents.networks.net2net import SLOT, Encoder, layout_of, reversal, tokens_of, turned, waves
from agents.store import load, save
from envs.core.errors import PolicyError
from envs.net2net.cells import LADDER, cell_of
from tests.net2net_toy import Growing, layer_rows

NETWORKS = ("net2net_layers", "net2net_blind")


def imagined(cell="digits@600/depth", shown=0, action=None, width=None):
    """Spaces of an environment of one cell."""
    found = cell_of(cell)
    entries = 20 + 76 * found.stages + 2 * found.actions + shown
    return SimpleNamespace(
        system=SimpleNamespace(first=found),
        single_observation_space=spaces.Box(-1, 4, (width or entries,), np.float32),
        single_action_space=action or spaces.Discrete(found.actions))


def bound(name, env):
    """A network on imagined spaces, which nobody can play."""
    network = build(name, network_class(name).settings(env))
    network.start(env)
    return network


def observed(env, rows=6, seed=0):
    """Random entries around the layers of a base network."""
    layout, cell = layout_of(env), env.system.first
    generator = torch.Generator().manual_seed(seed)
    seen = torch.rand((rows, layout.width), generator=generator)
    seen[:, layout.slots] = torch.as_tensor(layer_rows(cell, cell.network.base)).flatten()
    return seen


def test_the_layout_is_the_documented_one():
    layout = layout_of(imagined())
    assert (layout.per_action, layout.slots) == (slice(28, 36), slice(36, 180))
    assert (layout.width, layout.shown) == (180, 0)
    layout = layout_of(imagined("pair_max@1500/grow", shown=5))
    assert (layout.per_action, layout.slots) == (slice(28, 42), slice(42, 186))
    assert layout.shown == 5
    assert layout_of(imagined("cnn1/early")).slots == slice(40, 256)


def test_an_observation_of_something_else_is_refused():
    with pytest.raises(PolicyError, match="2 stages and 4 actions"):
        layout_of(imagined(width=100))


def test_tokens_of_a_base_network_by_hand():
    cell = cell_of("pair_max@600/depth")
    tokens = tokens_of(torch.as_tensor(layer_rows(cell, cell.network.base))[None])[0]
    half = [round(2 * math.log2(n)) for n in (1, 8, 16, 10)]
    assert cell.network.features(cell.network.base) == 16 * 4 * 8
    assert tokens[:5].tolist() == [
        [1, 0, half[0], half[1], 3], [1, 1, half[1], half[1], 2], [1, 0, half[1], half[2], 3],
        [1, 2, 18, half[3], 0], [0, 0, 0, 0, 0]]


def test_every_width_of_the_ladder_has_its_own_place():
    slots = torch.zeros(len(LADDER), 1, SLOT)
    slots[:, 0, 4] = torch.tensor([math.log2(width) / 8 for width in LADDER])
    assert tokens_of(slots)[:, 0, 3].tolist() == list(range(4, 15))


def test_rows_turn_round_within_their_length():
    x = torch.arange(8.0).reshape(2, 4, 1)
    assert turned(x, reversal(torch.tensor([3, 4]), 4))[..., 0].tolist() == [
        [2, 1, 0, 3], [7, 6, 5, 4]]


def test_the_encoder_is_a_bidirectional_lstm_over_the_used_slots():
    torch.manual_seed(0)
    encoder = Encoder().eval()
    library = torch.nn.LSTM(16, 50, batch_first=True, bidirectional=True)
    for name, p in encoder.forwards.named_parameters():
        getattr(library, name).data.copy_(p)
    for name, p in encoder.backwards.named_parameters():
        getattr(library, f"{name}_reverse").data.copy_(p)
    tokens = torch.randint(0, 3, (5, 9, 5))
    lengths = torch.tensor([4, 9, 6, 1, 5])
    tokens[..., 0] = torch.arange(9) < lengths[:, None]
    x = sum(table(tokens[..., i + 1]) for i, table in enumerate(encoder.tables))
    for row, length in enumerate(lengths.tolist()):
        read, _ = library(x[row:row + 1, :length])
        expected = encoder.summary(read)[0][0, -1]
        torch.testing.assert_close(encoder(tokens)[row], expected, atol=1e-6, rtol=1e-5)


def test_each_distinct_architecture_is_encoded_once():
    env = Growing(64)
    network = for_environment("net2net_layers", env, {})
    seen = torch.as_tensor(env.rows.reshape(-1, env.rows.shape[-1]))
    counted = []
    network.encode.register_forward_hook(lambda module, given, code: counted.append(len(code)))
    together = network(seen)[0].logp
    assert counted == [2 * 4 * 4]       # cells, and depths 1 to 4 of both stages
    alone = torch.cat([network(row[None])[0].logp for row in seen[::7]])
    torch.testing.assert_close(together[::7], alone, atol=1e-5, rtol=1e-5)


def test_a_fresh_network_takes_its_units_from_random_episodes():
    env = Growing(64, show_task=True)
    network = for_environment("net2net_layers", env, {})
    for key in ("centre", "spread"):
        same = getattr(for_environment("net2net_layers", env, {}), key)[16:]     # but the code's
        assert torch.equal(getattr(network, key)[16:], same)
    env.reset(seed=9)
    for j in range(env.depth):
        seen = network.state(torch.as_tensor(env.rows[env.cell, env.node]))
        assert seen.abs().max() < 5.0
        hot = seen[:, -2:]
        torch.testing.assert_close(hot.abs(), torch.ones_like(hot), atol=0.05, rtol=0)
        env.step(np.full(64, j))
    assert (network.spread > 0).all()


def test_the_clock_is_one_to_one():
    clock = torch.linspace(0, 1, 101)
    codes = waves(clock)
    assert codes.shape == (101, 8)
    torch.testing.assert_close(codes[50, 0], torch.tensor(1.0))
    distance = torch.cdist(codes, codes) + 9 * torch.eye(101)
    assert distance.min() > 0.05


@pytest.mark.parametrize("name", NETWORKS)
def test_what_a_network_looks_at(name):
    env = imagined(shown=3)
    network = bound(name, env)
    seen = observed(env).requires_grad_()
    network(seen)[0].logp[:, 0, 0].sum().backward()
    looked = seen.grad.abs().sum(0) > 0
    entries = [*range(1, 20), *range(28, 36), *range(180, 183)]
    assert looked[0]
    assert looked[entries].all() == (name == "net2net_layers")
    assert looked[entries].any() == (name == "net2net_layers")
    assert not looked[36:180].any()     # the layers come in as whole numbers


@pytest.mark.parametrize("name", NETWORKS)
def test_masked_actions_are_never_chosen(name):
    env = imagined("pair_max@1500/grow")
    network = bound(name, env)
    mask = torch.ones(6, 7, dtype=torch.bool)
    mask[:, 3:] = False
    distribution, value = network(observed(env), mask)
    assert (distribution.probabilities()[:, 3:] == 0).all()
    assert value.shape == (6,)
    assert network.scores(observed(env)).shape == (6, 7)


def test_factored_actions():
    env = imagined("pair_max@1500/grow", action=spaces.MultiDiscrete([4, 2]))
    network = bound("net2net_layers", env)
    mask = torch.ones(6, 6, dtype=torch.bool)
    assert network(observed(env), mask)[0].mode().shape == (6, 2)


def test_weights_fit_more_stages_but_no_other_actions():
    network = bound("net2net_layers", imagined())
    network.start(imagined("cnn1/early"))
    assert network(observed(imagined("cnn1/early")))[0].logp.shape == (6, 1, 4)
    with pytest.raises(PolicyError, match="made for 4 actions, not 7"):
        network.start(imagined("pair_max@1500/grow"))
    with pytest.raises(PolicyError, match="0 tasks to tell apart, not 2"):
        network.start(imagined(shown=2))


def test_names():
    assert registry_name("auto", "net2net") == "net2net_layers"
    assert registry_name("blind", "net2net") == "net2net_blind"
    assert registry_name("mlp", "net2net") == "mlp"
    with pytest.raises(PolicyError, match="is no valid setting"):
        build("net2net_layers", {"actions": 1})


def test_a_saved_policy_acts_as_before(tmp_path):
    env = Growing(32)
    network = for_environment("net2net_layers", env, {})
    observation, info = env.reset(seed=1)
    here = NetworkPolicy(network, "net2net_layers", env="net2net")
    there = load(save(tmp_path / "kept", here))
    for policy in (here, there):
        policy.start(env)
        policy.seed(3)
    for deterministic in (True, False):
        assert np.array_equal(here.act(observation, info["action_mask"], deterministic),
                              there.act(observation, info["action_mask"], deterministic))
