"""A fixed-size perceptron for experiments: its weights fit one size of environment only."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from agents.networks.categorical import Categoricals, Choices
from agents.networks.network import Network, NetworkConfig, compress, layers, setting
from agents.observations import flat_space
from envs.core.errors import PolicyError


@dataclass(frozen=True)
class MlpConfig(NetworkConfig):
    """Sizes of observation and action belong to the weights."""

    depth: int = setting(2, 1, 8)
    inputs: int = setting(1, 1, 1 << 20)
    parts: tuple[int, ...] = setting((2,), 1, 1 << 16)


class Mlp(Network):
    """Separate actor and critic over the flattened observation."""

    Config = MlpConfig

    def __init__(self, config: MlpConfig):
        super().__init__(config)
        trunk = [config.inputs, *[config.hidden] * config.depth]
        self.actor = layers(*trunk, sum(config.parts), last_gain=0.01)
        self.critic = layers(*trunk, 1, last_gain=1.0)
        self.choices: Choices | None = None

    @classmethod
    def settings(cls, env: Any) -> dict[str, Any]:
        """Sizes of this environment's spaces."""
        shape = flat_space(env.single_observation_space).shape
        return {"inputs": int(np.prod(shape)),
                "parts": tuple(Choices(env.single_action_space).sizes)}

    def start(self, env: Any) -> None:
        """Check that the sizes are those of the weights."""
        found = self.settings(env)
        if (found["inputs"], found["parts"]) != (self.config.inputs, tuple(self.config.parts)):
            raise PolicyError(
                f"an mlp for {self.config.inputs} inputs and {sum(self.config.parts)} choices "
                f"meets {found['inputs']} and {sum(found['parts'])}", "network",
                "train with agent.network=set, which fits every size")
        self.choices = Choices(env.single_action_space)

    def scores(self, observation: Tensor) -> Tensor:
        """The actor's output, one number per choice."""
        return self.actor(compress(observation.flatten(1)))

    def forward(self, observation: Tensor, mask: Tensor | None = None
                ) -> tuple[Categoricals, Tensor]:
        """Factored categorical and value."""
        flat = compress(observation.flatten(1))
        value = self.critic(flat).squeeze(-1)
        return self.choices.distribution(self.actor(flat), mask), value
