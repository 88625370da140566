"""What a player sees at a decision."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from envs.net2net.cells import Architecture

if TYPE_CHECKING:
    from envs.net2net.cases import Case


@dataclass(frozen=True, eq=False)
class View:
    """A job at decision `j`, and what was seen of it before; times in ms."""

    case: Case
    decision: int
    clock: float
    node: int
    taken: tuple[int, ...]              # actions that counted
    mask: np.ndarray                    # (A,) int8
    accuracies: tuple[float, ...]       # validation, at decisions 0..j; nan: not measured
    clocks: tuple[float, ...]
    gpus: int
    architecture: Architecture
    seed: int                           # x, behind a player's own draws
    observation: np.ndarray             # (F,) f8, entries as the environment's docstring says

    def feature(self, i: int) -> float:
        """Entry `i` of the observation."""
        return float(self.observation[i])

    @property
    def legal(self) -> Sequence[int]:
        """The unmasked actions in order."""
        return np.flatnonzero(self.mask).tolist()
