"""Model soups: weighted means of parameters (M. Wortsman et al., *Model soups*, ICML 2022)."""
from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from agents.library.generality import at_most
from envs.core.errors import PolicyError

if TYPE_CHECKING:
    from torch import Tensor

    from agents.networks.acting import NetworkPolicy

State = Mapping[str, "Tensor"]


def mean(parents: Sequence[State], weights: Sequence[float] | None = None) -> dict[str, Tensor]:
    """Σ w_i θ_i in float64 in the order given, cast back; uniform weights by default."""
    import torch

    shares = checked(weights, len(parents))
    found = {}
    for name, first in parents[0].items():
        total = torch.zeros(first.shape, dtype=torch.float64)
        for share, state in zip(shares, parents, strict=True):
            total += share * state[name].to("cpu", torch.float64)
        found[name] = total.to(first.dtype)
    return found


def checked(weights: Sequence[float] | None, count: int) -> list[float]:
    """Weights that are a mean's: one per parent, none negative, sum 1."""
    if weights is None:
        return [1 / count] * count
    good = len(weights) == count and all(w >= 0 for w in weights)
    if not good or not math.isclose(sum(weights), 1, rel_tol=1e-9):
        raise PolicyError(f"{list(weights)} are no weights of {count} parents", "weights",
                          "give one per version, none below 0, with sum 1")
    return list(weights)


def stirred(parents: Sequence[NetworkPolicy], weights: Sequence[float] | None = None
            ) -> NetworkPolicy:
    """A policy like the first one with the mean of all parameters."""
    from copy import deepcopy

    found = deepcopy(parents[0])
    found.network.load_state_dict(mean([p.network.state_dict() for p in parents], weights))
    return found


def greedy(order: Sequence[int], error: Callable[[Sequence[int]], float]) -> list[int]:
    """From the best parent on, each further one is kept if `error` of the soup does not grow."""
    kept, least = [order[0]], error([order[0]])
    for version in order[1:]:
        value = error(sorted([*kept, version]))
        if at_most(value, least):
            kept, least = sorted([*kept, version]), value
    return kept
