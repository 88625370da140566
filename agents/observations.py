"""Observations as networks read them: a dict of arrays becomes one row of numbers per replica.

The parts of a dict stand side by side in the order of their names. An array stays as it is. A
user's own policy gets the dict itself.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces


def flat(observation: Any) -> np.ndarray:
    """A batch of dicts of arrays (E, ...) as float32 (E, W)."""
    if not isinstance(observation, Mapping):
        return observation
    parts = [np.asarray(observation[name]) for name in sorted(observation)]
    return np.concatenate([p.reshape(len(p), -1) for p in parts], axis=1, dtype=np.float32)


def flat_space(space: spaces.Space) -> spaces.Space:
    """The space of one replica's row."""
    if not isinstance(space, spaces.Dict):
        return space
    low, high = (np.concatenate([getattr(space[name], end).ravel() for name in sorted(space)])
                 for end in ("low", "high"))
    return spaces.Box(low, high, dtype=np.float32)


def places(space: spaces.Dict) -> dict[str, tuple[slice, tuple[int, ...]]]:
    """Where each part lies in a row, and its shape."""
    found, first = {}, 0
    for name in sorted(space):
        shape = space[name].shape
        last = first + int(np.prod(shape))
        found[name], first = (slice(first, last), shape), last
    return found
