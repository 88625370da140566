"""Our networks as Stable-Baselines3 policies: the library keeps the loop, we keep the network."""
from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.dqn.policies import DQNPolicy
from torch import Tensor

from agents.networks.categorical import NEVER, Distribution
from agents.networks.network import Network


class _ActorCritic:
    """What PPO, A2C and MaskablePPO ask of a policy, answered by `self.network`."""

    network: Network

    def _ask(self, obs: Tensor, masks: Any) -> tuple[Distribution, Tensor]:
        if masks is None:
            return self.network(obs)
        legal = torch.as_tensor(masks, device=obs.device).reshape(len(obs), -1).bool()
        return self.network(obs, legal)

    def forward(self, obs: Tensor, deterministic: bool = False, action_masks: Any = None
                ) -> tuple[Tensor, Tensor, Tensor]:
        """Actions, values, log-probabilities."""
        distribution, value = self._ask(obs, action_masks)
        actions = distribution.mode() if deterministic else distribution.sample()
        return actions, value[:, None], distribution.log_prob(actions)

    def evaluate_actions(self, obs: Tensor, actions: Tensor, action_masks: Any = None
                         ) -> tuple[Tensor, Tensor, Tensor]:
        """Values, log-probabilities and entropies of given actions."""
        distribution, value = self._ask(obs, action_masks)
        return value[:, None], distribution.log_prob(actions), distribution.entropy()

    def predict_values(self, obs: Tensor) -> Tensor:
        """The critic alone."""
        return self.network(obs)[1][:, None]

    def get_distribution(self, obs: Tensor, action_masks: Any = None) -> Distribution:
        """The actor alone."""
        return self._ask(obs, action_masks)[0]

    def _predict(self, observation: Tensor, deterministic: bool = False, action_masks: Any = None
                 ) -> Tensor:
        distribution = self.get_distribution(observation, action_masks)
        return distribution.mode() if deterministic else distribution.sample()


def actor_critic(base: type[BasePolicy], network: Network) -> type[BasePolicy]:
    """A policy class of the library around a network that exists already."""

    class Bound(_ActorCritic, base):
        """The library makes the optimiser's parameters, nothing else."""

        def _build(self, lr_schedule: Callable[[float], float]) -> None:
            self.network = network
            self.optimizer = self.optimizer_class(
                network.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)

    return Bound


class ActionValues(BasePolicy):
    """The scores of a network as action values."""

    def __init__(self, observation_space: Any, action_space: Any, network: Network):
        super().__init__(observation_space, action_space, normalize_images=False)
        self.network = network

    def forward(self, obs: Tensor) -> Tensor:
        """One value per action."""
        return self.network.scores(obs)

    def _predict(self, observation: Tensor, deterministic: bool = True) -> Tensor:
        return self(observation).argmax(1)


def action_values(network: Network) -> type[DQNPolicy]:
    """DQN's policy class around a network; the target network starts as its copy."""
    networks = iter((network, deepcopy(network)))

    class Bound(DQNPolicy):
        """Both networks are ours."""

        def make_q_net(self) -> ActionValues:
            return ActionValues(self.observation_space, self.action_space, next(networks))

    return Bound


class LegalDqn(DQN):
    """DQN that acts among legal actions and tosses its exploration coin for each replica."""

    def predict(self, observation: np.ndarray, state: Any = None, episode_start: Any = None,
                deterministic: bool = False) -> tuple[np.ndarray, Any]:
        """Greedy or, with probability `exploration_rate`, any legal action."""
        legal = self.get_env().env_method("action_masks")
        with torch.no_grad():
            scores = self.q_net(torch.as_tensor(observation, device=self.device)).cpu().numpy()
        greedy = np.where(legal, scores, NEVER).argmax(1)
        if deterministic:
            return greedy, state
        chance = np.where(legal, np.random.random(legal.shape), -1).argmax(1)
        explore = np.random.random(len(greedy)) < self.exploration_rate
        return np.where(explore, chance, greedy), state
