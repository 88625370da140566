"""What every network is: an actor and a critic over batches, tied to no size it need not know."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from agents.networks.categorical import Distribution
from envs.core.errors import PolicyError, nearest

MOST_PARTS = 65536


def setting(default: Any, low: float, high: float) -> Any:
    """A number of a network, or a tuple of integers, within limits."""
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True)
class NetworkConfig:
    """Settings that rebuild a network; bounded numbers, so that a file can carry them."""

    hidden: int = setting(64, 1, 1024)

    @classmethod
    def build(cls, settings: Mapping[str, Any], where: str) -> NetworkConfig:
        """Every key known, every value of its kind and within its limits."""
        known = {f.name: f for f in fields(cls)}
        values = {}
        for key, value in settings.items():
            if key not in known:
                raise PolicyError(f'unknown key "{key}"', where, nearest(key, known))
            values[key] = _checked(known[key], value, f"{where}.{key}")
        return cls(**values)


def _checked(f: Field, value: Any, where: str) -> Any:
    low, high = f.metadata["low"], f.metadata["high"]
    many = isinstance(f.default, tuple)
    items = tuple(value) if many and isinstance(value, list | tuple) else (value,)
    kind = int if many or isinstance(f.default, int) else int | float
    good = many == isinstance(value, list | tuple) and 0 < len(items) <= MOST_PARTS and all(
        isinstance(v, kind) and not isinstance(v, bool) and low <= v <= high for v in items)
    if not good:
        what = "a list of integers" if many else "an integer" if kind is int else "a number"
        raise PolicyError(f"{value!r}"[:60] + " is no valid setting", where,
                          f"give {what} from {low} to {high}")
    return items if many else value


class Network(nn.Module):
    """`start(env)` binds it to an environment, `forward` says what to do and what that is worth.

    Tables that `start` makes are buffers outside the state dict: they belong to the environment.
    """

    Config: ClassVar[type[NetworkConfig]] = NetworkConfig
    sampled: ClassVar[bool] = False     # act by drawing, not by the preferred action

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.config = config

    @classmethod
    def settings(cls, env: Any) -> dict[str, Any]:
        """Settings that follow from the environment; none where weights fit every size."""
        return {}

    def start(self, env: Any) -> None:
        """Bind to spaces and `env.system`; a `PolicyError` if they do not fit."""

    def prepare(self, env: Any) -> None:
        """Look at the environment that a fresh network will learn in, after `start`."""

    def forward(self, observation: Tensor, mask: Tensor | None = None
                ) -> tuple[Distribution, Tensor]:
        """Distribution over actions and the value (B,)."""
        raise NotImplementedError

    def scores(self, observation: Tensor) -> Tensor:
        """One number per choice of a Discrete space, as Q-learning needs them."""
        raise NotImplementedError

    def table(self, name: str, values: Any, dtype: torch.dtype | None = None) -> None:
        """Keep a constant of the environment beside the weights, on their device."""
        device = next(self.parameters()).device
        kind = dtype or (torch.float32 if np.asarray(values).dtype.kind == "f" else torch.long)
        tensor = torch.as_tensor(np.asarray(values), dtype=kind, device=device)
        self.register_buffer(name, tensor, persistent=False)


def layers(*sizes: int, last_gain: float | None = None,
           activation: type[nn.Module] = nn.Tanh) -> nn.Sequential:
    """Linear layers with activations between them; orthogonal start, biases zero."""
    parts: list[nn.Module] = []
    for i, (rows, columns) in enumerate(pairwise(sizes)):
        linear = nn.Linear(rows, columns)
        final = i == len(sizes) - 2
        gain = last_gain if final and last_gain is not None else 2**0.5
        nn.init.orthogonal_(linear.weight, gain)
        nn.init.zeros_(linear.bias)
        parts += [linear] if final else [linear, activation()]
    return nn.Sequential(*parts)


def compress(x: Tensor) -> Tensor:
    """Nearly linear around 0, logarithmic far out: features may span six decades."""
    return x.sign() * x.abs().log1p()
