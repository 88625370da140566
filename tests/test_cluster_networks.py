"""The network of `cluster`: it fits any size, and acts as the scenario's walk before it learns."""
from __future__ import annotations

from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

import envs  # noqa: F401
from agents.contenders import play
from agents.domains import domain
from agents.networks import build, for_environment, registry_name
from agents.networks.acting import NetworkPolicy
from agents.networks.cluster import PLACEABLE, RUNNING, USED, walk
from agents.observations import flat
from agents.store import load, save
from envs.core.errors import PolicyError
from tests.small import SMALL

ID = "sched/Cluster-v0"
CONTROLS = {"pick": {}, "resize": {"sizes": [1, 2, 4]}, "policy": {}}


def imagined(control="pick", slots=5, types=2, gpus=16, sizes=(1, 2, 4), candidates=3):
    """Spaces of a cluster, and what a network reads of its system."""
    boxes = {"jobs": (slots, 16), "cluster": (12,), "types": (types, 3)}
    actions = {"pick": slots + 1, "policy": candidates, "resize": slots * len(sizes) + 1}
    options = SimpleNamespace(env=SimpleNamespace(control=control, sizes=sizes))
    system = SimpleNamespace(scenario=SimpleNamespace(options=options),
                             node_gpus=np.full(4, gpus // 4))
    space = spaces.Dict({k: spaces.Box(-1, 1, s, np.float32) for k, s in boxes.items()})
    return SimpleNamespace(system=system, single_observation_space=space, num_envs=6,
                           single_action_space=spaces.Discrete(actions[control]))


def shown(env, used=3, seed=0):
    """A plausible observation: the first slots are used, all of their jobs wait."""
    rng = np.random.default_rng(seed)
    found = {k: rng.uniform(0, 1, (6, *s.shape)).astype(np.float32)
             for k, s in env.single_observation_space.items()}
    found["jobs"][:, used:] = 0
    found["jobs"][:, :used, USED] = 1
    found["jobs"][:, :used, PLACEABLE] = rng.random((6, used)) < 0.7
    found["jobs"][..., RUNNING] = 0
    return found


def trained(env, **settings):
    """A network whose weights are not the special ones of the start."""
    network = for_environment("cluster_set", env, {"hidden": 8, **settings})
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in network.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * 0.5)
    return network


def small(control="pick", replicas=3, **options):
    """The small instance of the contract tests under another control."""
    kept = SMALL[ID]
    scenario = domain("cluster").load_scenario("philly-32").from_config(kept["scenario"], "small")
    own = {**options, "env": {**options.get("env", {}), "control": control, **CONTROLS[control]}}
    return gym.make_vec(ID, num_envs=replicas, scenario=scenario.merge(own), trace=kept["trace"],
                        strict=True)


@pytest.mark.parametrize("control", CONTROLS)
def test_default_network_by_control(control):
    env = imagined(control)
    assert registry_name("auto", "cluster", env.single_action_space) == "cluster_set"
    assert registry_name("mlp", "cluster", env.single_action_space) == "mlp"


@pytest.mark.parametrize("control", ["pick", "resize"])
@pytest.mark.parametrize("slots,types,gpus,sizes", [
    (1, 1, 4, (1,)), (5, 2, 16, (1, 2, 4)), (40, 3, 128, (1, 2, 4, 8, 16))])
def test_weights_fit_every_size(control, slots, types, gpus, sizes):
    weights = trained(imagined()).state_dict()
    env = imagined(control, slots, types, gpus, sizes)
    network = for_environment("cluster_set", env, {"hidden": 8})
    network.load_state_dict(weights)
    rows = torch.as_tensor(flat(shown(env, used=max(1, slots // 2))))
    distribution, value = network(rows)
    assert value.shape == (6,) and network.scores(rows).shape == (6, env.single_action_space.n)
    for actions in (distribution.mode(), distribution.sample()):
        assert ((actions >= 0) & (actions < env.single_action_space.n)).all()
        assert distribution.log_prob(actions).isfinite().all()


def test_candidates_belong_to_the_weights():
    network = trained(imagined("policy", candidates=3))
    network.start(imagined("policy", slots=9, types=1, candidates=3))
    for env, what in ((imagined("policy", candidates=4), "3 candidates meets 4 candidates"),
                      (imagined("pick"), "3 candidates meets listed jobs")):
        with pytest.raises(PolicyError, match=what):
            network.start(env)


def test_all_candidates_are_equal_at_first():
    env = imagined("policy")
    network = for_environment("cluster_set", env, {})
    probability = network(torch.as_tensor(flat(shown(env))))[0].logp.exp()
    assert torch.allclose(probability, torch.full((6, 1, 3), 1 / 3), atol=0.02)


def test_the_walk_by_hand():
    legal = torch.tensor([[[False, True, True], [False] * 3, [True] * 3, [True] * 3]])
    waiting = torch.tensor([[True, True, True, False]])
    found = walk(legal, waiting, idle=0.5)[0]
    order = found.argsort(descending=True, stable=True).tolist()
    assert order[:3] == [1, 6, 12]
    assert found[[1, 6, 12]].tolist() == pytest.approx(
        [0, -np.log(2), -np.log(3) - 0.5])
    assert (found[order[3:]] == found[12] - 1).all()


@pytest.mark.parametrize("control", ["pick", "resize"])
def test_empty_slots_have_no_meaning(control):
    """The same jobs in a longer list: the same preferences and the same value."""
    short, long = (imagined(control, slots=k) for k in (4, 11))
    seen = shown(short)
    more = {**seen, "jobs": np.pad(seen["jobs"], ((0, 0), (0, 7), (0, 0)))}
    sizes = 3 if control == "resize" else 1
    masks = [torch.zeros(6, k * sizes + 1, dtype=torch.bool) for k in (4, 11)]
    for mask in masks:
        mask[:, :2 * sizes] = mask[:, -1] = True
    network = trained(short)
    one, value = network(torch.as_tensor(flat(seen)), masks[0])
    network.start(long)
    two, same = network(torch.as_tensor(flat(more)), masks[1])
    assert torch.allclose(value, same, atol=1e-5)
    kept = [*range(2 * sizes), -1]
    assert torch.allclose(one.logp[:, 0, kept], two.logp[:, 0, kept], atol=1e-5)


def test_without_a_mask_the_observation_says_what_fits():
    env = imagined()
    network = trained(env)
    seen = shown(env)
    legal = np.concatenate([seen["jobs"][..., PLACEABLE] > 0, np.ones((6, 1), bool)], 1)
    rows = torch.as_tensor(flat(seen))
    masked = network(rows, torch.as_tensor(legal))[0].logp
    known = network(rows)[0].logp
    shift = torch.where(torch.as_tensor(legal)[:, None], masked - known, torch.nan)
    least, most = shift.nan_to_num(99).amin(-1), shift.nan_to_num(-99).amax(-1)
    assert torch.allclose(least, most, atol=1e-4)


def test_every_weight_learns():
    for control in CONTROLS:
        env = imagined(control)
        network = trained(env)
        distribution, value = network(torch.as_tensor(flat(shown(env))))
        (value.sum() + distribution.entropy().sum()).backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_sizes_are_told_apart():
    env = imagined("resize")
    rows = torch.as_tensor(flat(shown(env)))
    network = trained(env, hidden=32)
    with torch.no_grad():
        network.log_prior.fill_(-20)
    own = network.scores(rows)[:, :-1].unflatten(1, (5, 3))
    assert (own[:, :3].std(-1) > 1e-4).all()


@pytest.mark.parametrize("control", CONTROLS)
def test_choices_in_the_environment_are_legal(control):
    env = small(control)
    network = trained(env)
    generator = torch.Generator().manual_seed(1)
    observation, info = env.reset(seed=0)
    for _ in range(25):
        legal = torch.as_tensor(info["action_mask"]).bool()
        distribution, _ = network(torch.as_tensor(flat(observation)), legal)
        actions = distribution.sample(generator)
        observation, *_, info = env.step(actions.numpy())
        assert not info["illegal"].any()


@pytest.mark.parametrize("order,preempt", [("fifo", "off"), ("srtf-gpu", "strict"),
                                           ("las", "strict")])
def test_untrained_it_acts_as_the_walk(order, preempt):
    d = domain("cluster")
    scenario = d.load_scenario("philly-32", {"order": order, "preempt": preempt,
                                             "env": {"control": "pick", "slots": 16}})
    trace = d.open_workload(None, scenario).part("validation", 1)[0].trace.window(0, 120)
    network = for_environment("cluster_set", d.make_env(scenario, trace), {})
    policy = NetworkPolicy(network, "cluster_set", env="cluster")
    window = SimpleNamespace(trace=trace)
    acted, walked = play(d, policy, scenario, window, 0), d.simulate(scenario, trace, 0)
    assert np.array_equal(acted.jobs["finish_us"], walked.jobs["finish_us"])
    assert acted.jobs["preemptions"].sum() == walked.jobs["preemptions"].sum()
    assert (preempt == "off") == (acted.jobs["preemptions"].sum() == 0)


def test_a_saved_policy_acts_on_another_cluster(tmp_path):
    env = small()
    network = trained(env)
    kept = load(save(tmp_path / "kept", NetworkPolicy(network, "cluster_set", env="cluster")))
    other = small(env={"slots": 3})
    kept.start(other)
    observation, info = other.reset(seed=1)
    chosen = kept.act(observation, info["action_mask"])
    assert (np.take_along_axis(info["action_mask"], chosen[:, None], 1) == 1).all()
    assert build("cluster_set", {"hidden": 8}).config.candidates == 0
