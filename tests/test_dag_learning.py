"""Networks for task graphs fit every size; lessons from a heuristic and from looking ahead."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.networks import build, for_environment
from agents.observations import flat
from agents.reinforce import Reinforce
from agents.schema import ReinforceConfig
from envs.core.errors import PolicyError, ScenarioError
from envs.dag.env import DagEnv

VIEWS = {"dag_set": "slots", "dag_graph": "graph"}
SMALL = {"num_envs": 4, "group": 2, "learning_rate": 3e-3, "decay": False, "minibatches": 4}


def make(envs: int = 4, cpus: int = 2, trace: str = "cholesky(n=4)", **env) -> DagEnv:
    machine = {"unit": "1", "comm": "none",
               "workers": [{"type": "gpu"}, {"type": "cpu", "count": cpus}]}
    return DagEnv(envs, scenario={"machine": machine, "noise": "lognormal", "sigma": 0.2,
                                  "env": {"slots": 6, **env}}, trace=trace)


def seen(env: DagEnv, steps: int = 6) -> tuple[dict, np.ndarray]:
    """An observation with several eligible tasks, and its mask."""
    observation, info = env.reset(seed=0)
    for _ in range(steps):
        observation, *_, info = env.step(env.advice("prio"))
    return observation, info["action_mask"]


def tensors(observation: dict, mask: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.as_tensor(flat(observation)), torch.as_tensor(mask).bool()


@pytest.mark.parametrize("name", VIEWS)
def test_weights_fit_every_number_of_slots_workers_and_tasks(name):
    network = build(name, {})
    for slots, cpus, trace in ((3, 1, "cholesky(n=3)"), (20, 5, "lu(n=4)"), (1, 2, "chain(n=3)")):
        env = make(2, cpus, trace, slots=slots, view=VIEWS[name], nodes=12, edges=20)
        network.start(env)
        observation, info = env.reset(seed=0)
        distribution, value = network(*tensors(observation, info["action_mask"]))
        assert distribution.probabilities().shape == (2, slots + 1) and value.shape == (2,)
        assert torch.allclose(distribution.probabilities().sum(1), torch.ones(2))


@pytest.mark.parametrize("name", VIEWS)
def test_slots_are_scored_by_the_same_function(name):
    env = make(view=VIEWS[name], nodes=12, edges=30)
    network = for_environment(name, env, {})
    observation, mask = seen(env)
    order = np.array([3, 1, 5, 0, 2, 4])
    moved = {**observation, "slots": observation["slots"][:, order]}
    if name == "dag_graph":     # slot k is node k
        whole = np.concatenate([order, np.arange(6, 12)])
        place = np.append(np.argsort(whole), -1)        # the last is padding
        moved["nodes"] = observation["nodes"][:, whole]
        moved["edges"] = place[observation["edges"]].astype(np.int32)
    shuffled = np.concatenate([mask[:, :-1][:, order], mask[:, -1:]], axis=1)
    moved["action_mask"] = shuffled
    before = network(*tensors(observation, mask))[0].probabilities()
    after = network(*tensors(moved, shuffled))[0].probabilities()
    assert torch.allclose(after[:, :-1], before[:, :-1][:, order], atol=1e-5)
    assert torch.allclose(after[:, -1], before[:, -1], atol=1e-5)


def test_the_mask_is_read_from_the_observation():
    env = make()
    network = for_environment("dag_set", env, {})
    rows, mask = tensors(*seen(env))
    told, read = (network(rows, m)[0].probabilities() for m in (mask, None))
    assert torch.equal(told, read) and (told[~mask] == 0).all()


def test_an_untrained_network_follows_the_waiting_rule():
    env = make(8, trace="cholesky(n=5)")
    network = for_environment("dag_set", env, {"prior": 10.0})
    _, info = env.reset(seed=0)
    observation, agreed, asked = env._look()[0], 0, 0
    for _ in range(60):
        advice = env.advice("mct_wait")
        chosen = network(*tensors(observation, info["action_mask"]))[0].mode().numpy()
        agreed, asked = agreed + (chosen == advice).sum(), asked + len(advice)
        observation, *_, info = env.step(advice)
    assert agreed / asked > 0.9


def test_a_graph_network_wants_the_graph():
    with pytest.raises(PolicyError, match="view=graph"):
        for_environment("dag_graph", make(), {})


def agreement(network, env: DagEnv, policy: str) -> float:
    """How often the network prefers what a policy answers."""
    observation, info = env.reset(seed=3)
    same = []
    for _ in range(25):
        advice = env.advice(policy)
        chosen = network(*tensors(observation, info["action_mask"]))[0].mode().numpy()
        same.append((chosen == advice).mean())
        observation, *_, info = env.step(advice)
    return float(np.mean(same))


def test_imitation_copies_a_heuristic():
    torch.manual_seed(0)
    env = make()
    network = for_environment("dag_set", env, {"prior": 0.0001})
    before = agreement(network, make(), "prio")
    learner = Reinforce(ReinforceConfig(**SMALL, imitate="prio", imitate_steps=10**6), env, network,
                        seed=0, steps=10**6)
    for _ in range(12):
        learner.update()
    after = agreement(network, make(), "prio")
    assert after > 0.8 and after > before


def test_looking_ahead_lowers_the_expected_regret():
    torch.manual_seed(0)
    env = make(reward="regret")
    network = for_environment("dag_set", env, {"prior": 0.0001})
    learner = Reinforce(ReinforceConfig(**SMALL, imitate="lookahead", imitate_steps=10**6), env,
                        network, seed=0, steps=10**6)
    regret = [learner.update()["expected_regret"] for _ in range(12)]
    assert np.mean(regret[-3:]) < 0.8 * np.mean(regret[:3])


def test_what_actions_lead_to_is_what_is_paid():
    env = make(reward="regret")
    env.reset(seed=5)
    for _ in range(30):
        values, before = env.action_values(), env._value / env._ref
        assert np.isfinite(values).sum() == env.action_masks().sum()
        action = values.argmin(1)
        _, reward, ended, *_ = env.step(action)
        paid = before - values[np.arange(4), action]
        assert np.allclose(reward[~ended], paid[~ended])


def test_looking_ahead_needs_regret():
    env = make()
    learner = Reinforce(ReinforceConfig(**SMALL, imitate="lookahead"), env,
                        for_environment("dag_set", env, {}), seed=0, steps=100)
    with pytest.raises(ScenarioError, match="say env"):
        learner.update()


def test_only_task_graphs_have_something_to_imitate():
    class Other:
        num_envs = 4

    with pytest.raises(PolicyError, match="no policy to imitate"):
        Reinforce(ReinforceConfig(**SMALL, imitate="prio"), Other(), build("dag_set", {}), seed=0,
                  steps=1)
