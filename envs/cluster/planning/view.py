"""What a planner sees of a run."""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from envs.cluster.system import System


@dataclass(frozen=True)
class View:
    """The M active jobs and the GPUs that are up at a decision point."""

    system: System
    now_us: int
    job: np.ndarray             # (M,) numbers, ascending
    left: np.ndarray            # (M,) work left, us of reference time
    planned_left: np.ndarray    # (M,) the same as the scheduler knows it (option `size`)
    gpu_type: np.ndarray        # (M,) held, -1 none
    gpus: np.ndarray            # (M,) held, 0 none
    nodes: np.ndarray           # (M,) number of nodes held
    most: np.ndarray            # (M,) the largest GPU count so far, 0 before the first run
    restarts: np.ndarray        # (M,) launches after the first
    in_overhead: np.ndarray     # (M,) bool: launched, not yet productive
    up_gpus: np.ndarray         # (J,) GPUs of up nodes

    def age_s(self) -> np.ndarray:
        """(M,) seconds since arrival."""
        return (self.now_us - self.system.arrival_us[self.job]) / 1e6
