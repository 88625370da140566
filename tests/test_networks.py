"""Networks: distributions by hand, other sizes with the same weights, order without meaning."""
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gymnasium import spaces

from agents.networks import REGISTRY, build, network_class, registry_name
from agents.networks.blis import FamilyThenCounts
from agents.networks.categorical import Categoricals, Choices, KeepOrChange
from envs.blis.scenario import Scenario
from envs.blis.system import bind
from envs.core.errors import PolicyError

FAMILIES = ("bert", "gpt2", "resnet", "yolo")


def system(families=FAMILIES[:3], counts=(2, 3), levels=1):
    """A system over the shipped profile."""
    accelerators = [{"name": n, "count": c}
                    for n, c in zip(("cpu", "gpu_ampere"), counts, strict=False)]
    scenario = Scenario.from_config(
        {"accelerators": accelerators, "batch_sizes": [1, 2, 4], "qos": {"levels": levels}}, "t")
    return bind(scenario, families, dict.fromkeys(families, 300.0))


def accuracy_env(bound, action="per_device"):
    """Spaces of BlisAccuracy for a system."""
    k, d, v = len(bound.families), bound.devices, len(bound.variants)
    space = (spaces.MultiDiscrete([v + 1] * d) if action == "per_device"
             else spaces.Discrete(1 + d * (v + 1)))
    box = spaces.Box(0, 1e6, (10 * k + d * (k + 5) + 1,), np.float32)
    return SimpleNamespace(system=bound, single_action_space=space, single_observation_space=box)


def counts_env(bound, levels=1):
    """Spaces of Blis for a system."""
    parts = [int(n) + 1 for n in bound.count] * levels
    shape = (len(bound.families) + 1, 2 * len(parts) + 2 * levels + 2)
    return SimpleNamespace(
        system=bound, single_action_space=spaces.MultiDiscrete([len(bound.families), *parts]),
        single_observation_space=spaces.Box(0, 1e6, shape, np.float32))


def observed(bound, batch=5, seed=0):
    """A plausible flat observation: every device hosts a variant that it can, or nothing."""
    rng = np.random.default_rng(seed)
    k, d = len(bound.families), bound.devices
    family = rng.random((batch, k, 10))
    device, target = np.zeros((batch, d, k + 5)), np.full((batch, d), -1)
    for b in range(batch):
        for i, t in enumerate(bound.device_type):
            v = int(rng.integers(0, len(bound.variants)))
            if not bound.hostable[t, v] or rng.random() < 0.2:
                continue
            target[b, i] = v
            device[b, i, bound.variant_family[v]] = 1
            device[b, i, k:] = [bound.accuracy[v] / 100, bound.peak[t, v] / 100, 1, rng.random(),
                                rng.random()]
    flat = [family.reshape(batch, -1), device.reshape(batch, -1), rng.random((batch, 1))]
    return torch.as_tensor(np.concatenate(flat, 1), dtype=torch.float32), target


def counted(bound, env, batch=5, seed=0):
    """A plausible table: devices dealt to families at random, the rest free."""
    rng = np.random.default_rng(seed)
    rows = rng.random((batch, *env.single_observation_space.shape))
    families, parts = len(bound.families), len(env.single_action_space.nvec) - 1
    for b in range(batch):
        rows[b, :, :parts] = 0
        for t in bound.device_type:
            k = int(rng.integers(0, families + 1))
            rows[b, k, t] += 1 / bound.count[t]
    return torch.as_tensor(rows, dtype=torch.float32)


def weights(name):
    """A network with weights that are not the special ones of the start."""
    network = build(name, {"hidden": 8})
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in network.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * 0.5)
    return network


def brute(logits, sizes, mask):
    """Log-probabilities of every part, one categorical after the other."""
    parts = zip(np.split(logits, np.cumsum(sizes)[:-1]), np.split(mask, np.cumsum(sizes)[:-1]),
                strict=True)
    return [x - np.log(np.exp(x[m]).sum()) for x, m in parts]


@pytest.mark.parametrize("space", [
    spaces.Discrete(4), spaces.MultiDiscrete([3, 3, 3]), spaces.MultiDiscrete([2, 5, 1, 3])])
def test_factored_categorical_equals_one_for_each_part(space):
    choices = Choices(space)
    rng = np.random.default_rng(2)
    logits, mask = rng.normal(size=choices.flat), rng.random(choices.flat) < 0.6
    first = np.cumsum([0, *choices.sizes[:-1]])
    mask[first] = True
    made = choices.distribution(torch.as_tensor(logits)[None], torch.as_tensor(mask)[None])
    parts = brute(logits, choices.sizes, mask)
    allowed = np.split(mask, np.cumsum(choices.sizes)[:-1])
    entropy = -sum((np.exp(p[m]) * p[m]).sum() for p, m in zip(parts, allowed, strict=True))
    assert float(made.entropy()) == pytest.approx(entropy, rel=1e-9)
    action = made.mode()
    picked = [max(np.flatnonzero(m), key=lambda i: p[i])
              for p, m in zip(parts, allowed, strict=True)]
    assert np.atleast_1d(action.numpy()[0]).tolist() == picked
    expected = sum(p[i] for p, i in zip(parts, picked, strict=True))
    assert float(made.log_prob(action)) == pytest.approx(expected, rel=1e-9)


def test_samples_follow_the_probabilities_and_the_mask():
    logits = torch.tensor([[0.0, 1.0, 5.0, 2.0]]).expand(20_000, -1)
    mask = torch.tensor([[True, True, False, True]]).expand(20_000, -1)
    made = Choices(spaces.Discrete(4)).distribution(logits, mask)
    share = np.bincount(made.sample(torch.Generator().manual_seed(0)).numpy(), minlength=4) / 20_000
    weight = np.exp([0.0, 1.0, -np.inf, 2.0])
    np.testing.assert_allclose(share, weight / weight.sum(), atol=0.015)


def test_masked_choices_leave_gradients_finite():
    logits = torch.zeros(2, 3, requires_grad=True)
    mask = torch.tensor([[True, False, False], [True, True, False]])
    made = Choices(spaces.Discrete(3)).distribution(logits, mask)
    (made.entropy().sum() + made.log_prob(torch.tensor([0, 1])).sum()).backward()
    assert logits.grad.isfinite().all() and logits.grad[1, :2].abs().sum() > 0


def test_family_then_counts_sums_to_one():
    generator = torch.Generator().manual_seed(3)
    family = torch.randn(1, 2, generator=generator)
    counts = torch.randn(2, 2, 3, generator=generator)
    made = FamilyThenCounts(family, Categoricals(counts, discrete=False))
    every = torch.tensor([[f, a, b] for f in range(2) for a in range(3) for b in range(3)])
    many = FamilyThenCounts(family.expand(18, -1), Categoricals(counts.repeat(18, 1, 1), False))
    logp = many.log_prob(every)
    assert float(logp.exp().sum()) == pytest.approx(1, abs=1e-5)
    assert float(made.entropy()) == pytest.approx(float(-(logp.exp() * logp).sum()), abs=1e-5)
    best = int(family.argmax())
    assert made.mode()[0].tolist() == [best, *counts[best].argmax(-1).tolist()]
    share = torch.stack([many.sample(generator)[:, 0] for _ in range(300)]).float().mean()
    assert float(share) == pytest.approx(float(family.softmax(-1)[0, 1]), abs=0.03)


def test_keep_or_change_by_hand():
    scores = torch.tensor([[[0.0, 1.0, 9.0, 3.0]]])
    legal = torch.tensor([[[True, True, False, True]]])
    made = KeepOrChange(scores, legal, torch.tensor([[0]]), torch.tensor([[1.0]]), discrete=False)
    change = 1 / (1 + np.e)
    inner = np.exp([1.0, 3.0]) / np.exp([1.0, 3.0]).sum()
    expected = [1 - change, change * inner[0], 0, change * inner[1]]
    np.testing.assert_allclose(made.logp.exp()[0, 0], expected, atol=1e-6)
    assert made.mode().tolist() == [[0]]


def test_as_many_parts_change_as_are_expected_to():
    scores = torch.tensor([[[0.0, 2.0, 1.0]] * 5])
    odds = torch.tensor([[0.5, 0.4, 0.3, 9.0, 0.2]])       # 4 parts change with almost one half
    legal = torch.ones(1, 5, 3, dtype=torch.bool)
    legal[0, 4, 1:] = False                                 # and one of them cannot
    made = KeepOrChange(scores, legal, torch.zeros(1, 5, dtype=torch.long), odds, discrete=False)
    assert made.mode().tolist() == [[0, 0, 1, 0, 0]]        # .38 + .40 + .43 = 1.2
    swap = KeepOrChange(scores[:, :1], legal[:, :1], torch.zeros(1, 1, dtype=torch.long),
                        torch.tensor([[-0.1]]), discrete=True)
    assert swap.mode().tolist() == [1]


@pytest.mark.parametrize("action", ["per_device", "swap"])
@pytest.mark.parametrize("families,counts", [(FAMILIES[:3], (2, 3)), (FAMILIES, (5, 0)),
                                             (FAMILIES[:1], (1, 9))])
def test_accuracy_weights_fit_every_size(action, families, counts):
    network = weights("blis_accuracy_set")
    bound = system(families, counts)
    env = accuracy_env(bound, action)
    network.start(env)
    distribution, value = network(observed(bound)[0])
    chosen = distribution.sample()
    assert all(env.single_action_space.contains(a.numpy().astype(env.single_action_space.dtype))
               for a in chosen)
    assert value.shape == (5,) and distribution.log_prob(chosen).isfinite().all()


@pytest.mark.parametrize("families,counts,levels", [
    (FAMILIES[:3], (2, 3), 1), (FAMILIES, (7, 0), 1), (FAMILIES[:2], (1, 4), 3)])
def test_count_weights_fit_every_size(families, counts, levels):
    network = weights("blis_set")
    bound = system(families, counts, levels)
    env = counts_env(bound, levels)
    network.start(env)
    rows = counted(bound, env)
    distribution, value = network(rows)
    for actions in (distribution.mode(), distribution.sample()):
        assert all(env.single_action_space.contains(a.numpy()) for a in actions)
        assert distribution.log_prob(actions).isfinite().all()
    assert value.shape == (5,)


def test_order_of_devices_has_no_meaning():
    network, bound = weights("blis_accuracy_set"), system()
    network.start(accuracy_env(bound))
    obs, _ = observed(bound)
    k, d = len(bound.families), bound.devices
    order = np.array([1, 0, 4, 2, 3])       # within each type
    device = obs[:, 10 * k:-1].reshape(-1, d, k + 5)
    device[..., k] += 0.01 * torch.rand(device[..., k].shape)       # ties go by place
    obs = torch.cat([obs[:, :10 * k], device.flatten(1), obs[:, -1:]], 1)
    moved = torch.cat([obs[:, :10 * k], device[:, order].flatten(1), obs[:, -1:]], 1)
    (one, value), (two, same) = network(obs), network(moved)
    assert torch.allclose(one.logp[:, order], two.logp, atol=1e-5)
    assert torch.allclose(value, same, atol=1e-5)


def test_order_of_families_has_no_meaning():
    network = weights("blis_accuracy_set")
    forward, backward = system(FAMILIES[:3]), system(FAMILIES[:3][::-1])
    obs, _ = observed(forward)
    k, d = 3, forward.devices
    device = obs[:, 10 * k:-1].reshape(-1, d, k + 5)
    device = torch.cat([device[..., :k].flip(-1), device[..., k:]], -1)
    family = obs[:, :10 * k].reshape(-1, k, 10).flip(1)
    moved = torch.cat([family.flatten(1), device.flatten(1), obs[:, -1:]], 1)
    place = [backward.variants.index(v) for v in forward.variants]
    network.start(accuracy_env(forward))
    one, value = network(obs)
    network.start(accuracy_env(backward))
    two, same = network(moved)
    v = len(forward.variants)
    assert torch.allclose(one.logp[..., :v], two.logp[..., :v][..., place], atol=1e-5)
    assert torch.allclose(one.logp[..., v], two.logp[..., v], atol=1e-5)
    assert torch.allclose(value, same, atol=1e-5)


def test_present_target_is_recognised_and_kept():
    bound = system()
    network = build("blis_accuracy_set", {"keep": 20.0})
    network.start(accuracy_env(bound))
    obs, target = observed(bound, batch=40)
    expected = np.where(target < 0, len(bound.variants), target)
    assert (network.present(network.split(obs)).numpy() == expected).all()
    assert (network(obs)[0].mode().numpy() == expected).all()


def test_order_of_families_has_no_meaning_for_counts():
    network = weights("blis_set")
    forward, backward = system(FAMILIES[:3]), system(FAMILIES[:3][::-1])
    env = counts_env(forward)
    rows = counted(forward, env)
    network.start(env)
    one, value = network(rows)
    network.start(counts_env(backward))
    two, same = network(torch.cat([rows[:, :3].flip(1), rows[:, 3:]], 1))
    assert torch.allclose(one.family, two.family.flip(1), atol=1e-5)
    assert torch.allclose(one.counts.exp(), two.counts.flip(1).exp(), atol=1e-5)
    assert torch.allclose(value, same, atol=1e-5)


def test_actor_and_critic_read_what_they_are_given():
    bound = system()
    obs, _ = observed(bound)
    network = weights("blis_accuracy_set")
    network.start(accuracy_env(bound))
    (distribution, value), other = network(obs), network(obs + 0.1 * torch.rand_like(obs))
    assert not torch.allclose(distribution.logp, other[0].logp)
    assert not torch.allclose(value, other[1])
    (value.sum() + distribution.entropy().sum()).backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None]
    assert all(n.startswith("keep_all") for n in idle)


def test_registry_knows_every_network():
    for name in REGISTRY:
        assert network_class(name).Config().hidden > 0
    assert registry_name("set", "blis") == "blis_set"
    with pytest.raises(PolicyError, match="blis_accuracy_set"):
        registry_name("sett", "blis")


def test_one_categorical_keeps_its_shape():
    assert Categoricals(torch.zeros(3, 1, 4), discrete=True).mode().shape == (3,)
    assert Categoricals(torch.zeros(3, 2, 4), discrete=False).mode().shape == (3, 2)
