"""What decides in an environment: whole batches of observations to whole batches of actions."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


class Policy:
    """Base of everything that acts.

    `env` is the short name of the environment that it was made for ("" = any), `options` are the
    scenario options under which it acts (batching, routing, the block `env`); a policy that is
    told the future says `privileged = True` and stands in tables as a bound.
    """

    name: str = "policy"
    privileged: bool = False
    env: str = ""
    options: Mapping[str, Any] = {}

    def start(self, env: Any) -> None:
        """Look at the environment before the first action: spaces, `env.system`."""

    def act(self, observation: Any, mask: np.ndarray | None,
            deterministic: bool = True) -> np.ndarray:
        """An action for each replica; `mask` is flat, one row per replica."""
        raise NotImplementedError
