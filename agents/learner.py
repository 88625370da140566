"""What `training.py` asks of a learner, and the learners by name."""
from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from agents.schema import AgentConfig
from envs.core.errors import PolicyError, nearest

if TYPE_CHECKING:
    from agents.networks.network import Network
    from agents.tracking import Tally

LEARNERS = {
    "reinforce": ("agents.reinforce", "Reinforce"),
    "reinforce_episodes": ("agents.reinforce_episodes", "EpisodeReinforce"),
    "ppo": ("agents.sb3", "OnPolicy"),
    "a2c": ("agents.sb3", "OnPolicy"),
    "maskable_ppo": ("agents.sb3", "OnPolicy"),
    "dqn": ("agents.sb3", "QLearning"),
}


class Learner:
    """Improves `network` in `env`, one `update` after the other.

    After `restore(*state())` in a fresh process the next update is the one that would have
    followed; where a learner cannot promise that, its class says so.
    """

    network: Network
    steps: int = 0      # environment steps of all replicas so far

    def update(self) -> dict[str, float]:
        """Collect one batch of experience, learn from it, say how it went."""
        raise NotImplementedError

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Tensors and JSON values of a checkpoint."""
        raise NotImplementedError

    def restore(self, tensors: Mapping[str, Any], numbers: Mapping[str, Any]) -> None:
        """Put `state` back."""
        raise NotImplementedError


def rate(config: AgentConfig, left: float) -> float:
    """The learning rate when this share of the run is left."""
    return config.learning_rate * (max(0.05, left) if config.decay else 1.0)


def make_learner(config: AgentConfig, env: Any, network: Network, *, seed: int, steps: int,
                 tally: Tally | None = None) -> Learner:
    """The learner of a configuration; `steps` is the length of the run, for schedules."""
    if config.learner not in LEARNERS:
        raise PolicyError(f'unknown agent "{config.name}"', "agent", nearest(config.name, LEARNERS))
    module, attribute = LEARNERS[config.learner]
    return getattr(import_module(module), attribute)(
        config, env, network, seed=seed, steps=steps, tally=tally)
