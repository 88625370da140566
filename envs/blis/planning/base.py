"""What a planner sees, what it gives back, and when it is asked."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from envs.blis.options import Allocation
    from envs.blis.replay import Trace
    from envs.blis.system import System


@dataclass(frozen=True)
class View:
    """The state of a run at a decision point; `trace` is there for privileged planners alone."""

    system: System
    window: int                   # the window that just ended, -1 at time 0
    target: np.ndarray            # (D,) variant that the device should host, -1 none
    level: np.ndarray             # (D,) QoS level of the predictor
    busy: np.ndarray              # (D,) a batch runs
    arrivals: np.ndarray          # (windows so far, K) requests per window
    last: Mapping[str, np.ndarray] | np.ndarray   # arrivals, met, late, dropped (K,) of `window`
    trace: Trace | None = None


@dataclass(frozen=True)
class Plan:
    """Target of every device; level None = the highest, weight None = leave the old weights."""

    target: np.ndarray
    level: np.ndarray | None = None
    weight: np.ndarray | None = None


class Planner:
    """Base of every allocation policy: plans at time 0 and at the window ends where it is due."""

    default_period = 10

    def __init__(self, system: System, trace: Trace | None, seed: int,
                 initial_demand: np.ndarray) -> None:
        self.system, self.trace, self.seed = system, trace, seed
        self.initial_demand = np.asarray(initial_demand, float)
        self.solves: list[dict[str, Any]] = []

    @property
    def options(self) -> Allocation:
        """The options of this allocation."""
        return self.system.scenario.options.allocation

    @property
    def period(self) -> int:
        """Windows between two plans, 0 = none after time 0."""
        return self.default_period if self.options.period is None else self.options.period

    @property
    def delay(self) -> int:
        """Windows between a plan and its commit."""
        return self.options.delay_windows

    def due(self, window: int) -> bool:
        """Whether the planner wants to act at the end of this window."""
        regular = self.period > 0 and (window + 1) % self.period == 0
        return regular or window in self.options.also_at

    def start(self, view: View) -> Plan | None:
        """The plan of time 0; None leaves every device without a target."""
        return None

    def plan(self, view: View) -> Plan | None:
        """The plan at the end of `view.window`; None changes nothing."""
        return None
