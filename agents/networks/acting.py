"""A network that acts: observations in numpy, actions in numpy."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from agents.networks.network import Network
from agents.observations import flat
from agents.policy import Policy


class NetworkPolicy(Policy):
    """A network with its name in the registry; what the learners make and the store keeps."""

    def __init__(self, network: Network, network_name: str, *, name: str = "policy",
                 env: str = "", options: Mapping[str, Any] | None = None):
        self.network, self.network_name = network.eval(), network_name
        self.name, self.env, self.options = name, env, dict(options or {})
        self.generator: torch.Generator | None = None

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device

    def start(self, env: Any) -> None:
        """Bind the network to the environment, `PolicyError` where it cannot fit; draws restart."""
        self.network.start(env)
        self.seed(0)

    def seed(self, seed: int) -> None:
        """Make drawn actions repeatable."""
        self.generator = torch.Generator(self.device).manual_seed(seed)

    @torch.no_grad()
    def act(self, observation: Any, mask: np.ndarray | None,
            deterministic: bool = True) -> np.ndarray:
        """The preferred legal action of each replica, or a draw where that is the network's way."""
        observed = torch.as_tensor(flat(observation), device=self.device)
        legal = None if mask is None else torch.as_tensor(mask, device=self.device).bool()
        distribution, _ = self.network(observed, legal)
        draws = self.network.sampled or not deterministic
        chosen = distribution.sample(self.generator) if draws else distribution.mode()
        return chosen.cpu().numpy()
