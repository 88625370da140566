"""Networks that score one change: what they may choose, what it is worth, and what ships."""
from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch

import envs  # noqa: F401
from agents import store
from agents.domains import domain
from agents.networks import for_environment, registry_name
from agents.networks.marginal import Demand, served
from envs.core.errors import PolicyError
from envs.core.files import REPOSITORY
from envs.net2net.scenario import load_scenario as load_growing
from tests.small import SMALL

SHIPPED = sorted(p.parent for p in (REPOSITORY / "saved_models").glob("*/*/config.yaml"))
IDS = {"blis": "sched/Blis-v0", "blis_accuracy": "sched/BlisAccuracy-v0"}


def small(name: str, replicas: int = 5, **options):
    kept = SMALL[IDS[name]]
    scenario = {**kept["scenario"], **options}
    return gym.make_vec(IDS[name], num_envs=replicas, scenario=scenario, trace=kept["trace"],
                        strict=True)


def bound(name: str, **options):
    env = small(name, **options)
    network = registry_name("auto", name, env.single_action_space)
    torch.manual_seed(0)
    return env, for_environment(network, env, {})


SWAP = {"blis": {}, "blis_accuracy": {"env": {"action": "swap"}}}


@pytest.mark.parametrize("name", IDS)
def test_choices_are_legal_and_have_their_probability(name):
    env, network = bound(name, **SWAP[name])
    generator = torch.Generator().manual_seed(1)
    observation, info = env.reset(seed=0)
    for _ in range(15):
        distribution, value = network(torch.as_tensor(observation),
                                      torch.as_tensor(info["action_mask"]).bool())
        actions = distribution.sample(generator)
        again = distribution.log_prob(actions)
        assert value.shape == again.shape == (env.num_envs,) and (again <= 1e-6).all()
        assert (distribution.log_prob(distribution.mode()) >= again - 1e-5).all()
        assert distribution.entropy().min() >= 0
        observation, *_, info = env.step(actions.numpy())
        assert not info["illegal"].any()


def test_a_count_change_touches_one_column():
    env, network = bound("blis")
    observation, _ = env.reset(seed=0)
    distribution, _ = network(torch.as_tensor(observation))
    for seed in range(20):
        actions = distribution.sample(torch.Generator().manual_seed(seed))
        rows = torch.arange(len(actions))
        differs = actions[:, 1:] != distribution.counts[rows, actions[:, 0]]
        assert (differs.sum(1) <= 1).all()


def test_expected_service_against_sampling():
    rng = np.random.default_rng(0)
    for mean, deviation, capacity in ((100.0, 20.0, 90.0), (50.0, 25.0, 200.0), (80.0, 8.0, 10.0)):
        drawn = np.minimum(rng.normal(mean, deviation, 400_000), capacity).mean()
        demand = Demand(torch.tensor(mean), torch.tensor(deviation))
        amount = served(torch.tensor(capacity), torch.tensor(capacity), demand)
        assert float(amount) == pytest.approx(drawn, rel=5e-3)
    assert float(served(torch.tensor(0.0), torch.tensor(0.0), demand)) == 0.0


def test_one_change_at_a_time_needs_one_choice():
    env = small("blis_accuracy", env={"action": "per_device"})
    assert registry_name("auto", "blis_accuracy", env.single_action_space) == "blis_accuracy_set"
    with pytest.raises(PolicyError, match=r"env\.action=swap"):
        for_environment("blis_accuracy_marginal", env, {})


def test_something_ships_for_every_environment():
    assert {p.parent.name for p in SHIPPED} == {*IDS, "cluster", "dag", "net2net"}


@pytest.mark.parametrize("folder", [p for p in SHIPPED if p.parent.name == "cluster"],
                         ids=lambda p: p.name)
def test_shipped_policies_schedule_jobs_on_another_cluster(folder):
    """Trained on 32 GPUs of one type, they act on twelve of two types."""
    policy, kept = store.load(folder), SMALL["sched/Cluster-v0"]
    scenario = domain("cluster").load_scenario("philly-32").from_config(kept["scenario"])
    env = gym.make_vec("sched/Cluster-v0", num_envs=2, trace=kept["trace"], strict=True,
                       scenario=scenario.merge(policy.options))
    policy.start(env)
    observation, info = env.reset(seed=0)
    finished = 0
    for _ in range(60):
        observation, *_, info = env.step(policy.act(observation, info["action_mask"]))
        finished += int(info["finished"].sum())
    assert finished > 0


@pytest.mark.parametrize("folder", [p for p in SHIPPED if p.parent.name == "dag"],
                         ids=lambda p: p.name)
def test_shipped_policies_schedule_tasks_on_another_machine(folder):
    """Trained with four workers and sixteen slots, they act on three and six, with hidden tasks."""
    policy = store.load(folder)
    scenario = domain("dag").load_scenario(SMALL["sched/Dag-v0"]["scenario"])
    env = gym.make_vec("sched/Dag-v0", num_envs=2, strict=True,
                       scenario=scenario.merge(policy.options).merge({"env": {"slots": 6}}))
    policy.start(env)
    observation, info = env.reset(seed=0)
    ended = 0
    for _ in range(80):
        observation, _, over, _, info = env.step(policy.act(observation, info["action_mask"]))
        ended += int(over.sum())
    assert ended > 0


@pytest.mark.parametrize("folder", [p for p in SHIPPED if p.parent.name in IDS],
                         ids=lambda p: f"{p.parent.name}/{p.name}")
def test_shipped_policies_fit_another_cluster(folder):
    """Trained on 40 devices and nine families, they act on six devices and three."""
    policy = store.load(folder)
    d, name = domain(folder.parent.name), folder.parent.name
    kept = SMALL[IDS[name]]
    scenario = d.load_scenario("zipf_exponential").from_config(
        {k: v for k, v in kept["scenario"].items() if k not in ("horizon_ms", "episode")})
    env = gym.make_vec(IDS[name], num_envs=2, trace=kept["trace"], strict=True,
                       scenario=scenario.merge(policy.options).merge({"window_ms": 50}))
    policy.start(env)
    observation, info = env.reset(seed=0)
    met = 0
    for _ in range(40):
        observation, *_, info = env.step(policy.act(observation, info["action_mask"]))
        met += int(info["met"].sum())
    assert met > 0


GROWING = {"ppo_tables": "pairs", "reinforce_model": "pairs", "reinforce_gpus": "gpus"}


@pytest.mark.parametrize("folder", [p for p in SHIPPED if p.parent.name == "net2net"],
                         ids=lambda p: p.name)
def test_shipped_policies_grow_other_networks(folder):
    """They act on networks of other widths and depths than those that they were trained on."""
    policy, name = store.load(folder), GROWING[folder.name]
    cell = load_growing(name).cells[0]
    network = {**cell.network.to_config(), "widths": [12, 32], "depth": [2, 3]}
    fit = cell.prior or f"{cell.task}@1500/grow"
    scenario = load_growing(name, {"cells": [
        {"cell": cell.name, "network": network, "theta": fit}]})
    env = gym.make_vec("sched/Net2Net-v0", num_envs=8, strict=True,
                       scenario=scenario.merge(policy.options), autoreset_mode="Disabled")
    policy.start(env)
    observation, info = env.reset(seed=0)
    for _ in range(cell.depth_of_tree):
        observation, *_, info = env.step(policy.act(observation, info["action_mask"]))
    assert (info["metrics"]["val_accuracy"] > 0.2).all()


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_shipped_policies_say_how_they_were_made(folder):
    card = (folder / "card.md").read_text()
    command = next(line for line in card.splitlines() if "python train.py" in line).split()
    assert {f"env={folder.parent.name}", f"save={folder.name}"} <= set(command)
    assert "Where it fails" in card and (folder / "results.csv").stat().st_size > 200
