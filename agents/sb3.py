"""Stable-Baselines3's learners behind our `Learner`: their algorithms, our batch and networks.

PPO, A2C and MaskablePPO resume exactly where the environment can be restored exactly. DQN does
not: its replay memory is not kept, so a resumed run fills it anew before it learns on.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.policies import ActorCriticPolicy

from agents.checkpoints import pack, pack_optimiser, unpack, unpack_optimiser
from agents.learner import Learner, rate
from agents.networks.network import Network
from agents.sb3_policy import LegalDqn, action_values, actor_critic
from agents.sb3_vec import BatchVecEnv
from agents.schema import AgentConfig, DqnConfig, OnPolicyConfig
from agents.snapshots import fill, flatten
from agents.tracking import Tally
from envs.core.errors import PolicyError


class _Watch(BaseCallback):
    """Counts what the batch reports."""

    def __init__(self, vec: BatchVecEnv, tally: Tally | None):
        super().__init__()
        self.vec, self.tally = vec, tally

    def _on_step(self) -> bool:
        if self.tally:
            self.tally.add(self.vec.info)
        return True


class _Library(Learner):
    """What on- and off-policy learners of the library share."""

    model: Any

    def _begin(self, config: AgentConfig, env: Any, network: Network, steps: int,
               tally: Tally | None) -> BatchVecEnv:
        scaled = config.gamma if config.scale_reward else None
        self.vec, self.network, self.env = BatchVecEnv(env, scaled), network, env
        self.total, self._tally = steps, tally
        return self.vec

    def _ready(self) -> None:
        self.model.set_logger(Logger(folder=None, output_formats=[]))
        _, self.callback = self.model._setup_learn(self.total, _Watch(self.vec, self._tally))

    @property
    def steps(self) -> int:
        """Environment steps of all replicas so far."""
        return self.model.num_timesteps

    def _report(self) -> dict[str, float]:
        values = dict(self.model.logger.name_to_value)
        self.model.logger.name_to_value.clear()
        ended = self.model.ep_info_buffer
        if ended:
            values["return"] = float(np.mean([e["r"] for e in ended]))
            values["episode_length"] = float(np.mean([e["l"] for e in ended]))
        return {key.removeprefix("train/"): v for key, v in values.items()}

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Weights, moments, environment, generators and counters."""
        model = self.model
        tensors = {
            **pack("network", self.network.state_dict()),
            **pack("optimiser", pack_optimiser(model.policy.optimizer)),
            **pack("vec", {k: torch.as_tensor(v) for k, v in self.vec.state().items()}),
            **pack("env", flatten(self.env.snapshot())),
            "last_obs": torch.as_tensor(model._last_obs),
            "last_starts": torch.as_tensor(model._last_episode_starts),
            "torch_generator": torch.get_rng_state(),
            **pack("numpy_generator", flatten(np.random.get_state()[1:])),
        }
        return tensors, {"steps": model.num_timesteps, "updates": model._n_updates}

    def restore(self, tensors: Mapping[str, Any], numbers: Mapping[str, Any]) -> None:
        """The next update is the one that would have followed."""
        model = self.model
        self.network.load_state_dict(unpack("network", tensors))
        unpack_optimiser(model.policy.optimizer, unpack("optimiser", tensors))
        self.vec.restore({k: v.numpy() for k, v in unpack("vec", tensors).items()})
        self.env.restore(fill(self.env.snapshot(), unpack("env", tensors)))
        model._last_obs = tensors["last_obs"].numpy()
        model._last_episode_starts = tensors["last_starts"].numpy()
        torch.set_rng_state(tensors["torch_generator"])
        saved = unpack("numpy_generator", tensors)
        np.random.set_state(("MT19937", *fill(np.random.get_state()[1:], saved)))
        model.num_timesteps, model._n_updates = numbers["steps"], numbers["updates"]
        model._update_current_progress_remaining(model.num_timesteps, self.total)


class OnPolicy(_Library):
    """PPO, A2C and MaskablePPO."""

    def __init__(self, config: OnPolicyConfig, env: Any, network: Network, *, seed: int,
                 steps: int, tally: Tally | None = None):
        vec = self._begin(config, env, network, steps, tally)
        algorithm, base = algorithm_of(config.name)
        self.model = algorithm(actor_critic(base, network), vec, seed=seed,
                               device=next(network.parameters()).device, **own_settings(config))
        self._ready()

    def update(self) -> dict[str, float]:
        """One rollout of `n_steps` and one round of training."""
        model = self.model
        model.collect_rollouts(model.env, self.callback, model.rollout_buffer, model.n_steps)
        model._update_current_progress_remaining(model.num_timesteps, self.total)
        model.train()
        return self._report()


class QLearning(_Library):
    """DQN; one update is a stretch of steps with their gradient steps."""

    STRETCH = 64        # batch steps of an update

    def __init__(self, config: DqnConfig, env: Any, network: Network, *, seed: int, steps: int,
                 tally: Tally | None = None):
        if not isinstance(env.single_action_space, spaces.Discrete):
            raise PolicyError("dqn needs one discrete action, this environment has several parts",
                              "agent", "use env=blis_accuracy env.action=swap, or another agent")
        vec = self._begin(config, env, network, steps, tally)
        self.model = LegalDqn(action_values(network), vec, seed=seed,
                              device=next(network.parameters()).device, **own_settings(config))
        self._ready()

    def update(self) -> dict[str, float]:
        """`STRETCH` batch steps; gradient steps begin when the memory has its first samples."""
        model = self.model
        for _ in range(max(1, self.STRETCH // model.train_freq.frequency)):
            model.collect_rollouts(model.env, self.callback, model.train_freq, model.replay_buffer,
                                   model.action_noise, model.learning_starts)
            if model.replay_buffer.size() * model.n_envs > model.learning_starts:
                model.train(model.gradient_steps, model.batch_size)
        return self._report()


def algorithm_of(name: str) -> tuple[type, type]:
    """The library's algorithm and the policy class that it insists on."""
    if name == "maskable_ppo":
        from sb3_contrib import MaskablePPO
        from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy

        return MaskablePPO, MaskableActorCriticPolicy
    return {"ppo": PPO, "a2c": A2C}[name], ActorCriticPolicy


def own_settings(config: AgentConfig) -> dict[str, Any]:
    """The fields that carry the library's own names."""
    ours = {f.name for f in fields(AgentConfig)} - {"gamma"} | {"scale_reward"}
    own = {key: value for key, value in asdict(config).items() if key not in ours}
    return {**own, "learning_rate": lambda left: rate(config, left)}
