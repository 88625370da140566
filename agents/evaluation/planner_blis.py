"""A user's own planner of `blis`: a class, an object with `plan(view)`, or a function."""
from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from envs.blis.planning import Plan, Planner, View
from envs.blis.replay import Trace
from envs.blis.state import NONE
from envs.blis.system import System


class UserPlanner(Planner):
    """A user's planner: missing parts filled in, failures blamed on its file."""

    def __init__(self, system: System, trace: Trace | None, seed: int, demand: np.ndarray,
                 own: Any, guard: Callable[[], AbstractContextManager]):
        super().__init__(system, trace, seed, demand)
        self.own, self.guard = own, guard
        self.solves = getattr(own, "solves", self.solves)

    def due(self, window: int) -> bool:
        """When the user's planner says, else by option `allocation.period`."""
        with self.guard():
            return self.own.due(window) if hasattr(self.own, "due") else super().due(window)

    def start(self, view: View) -> Plan | None:
        """The user's plan of time 0; without a `start` its first `plan`."""
        return self._asked(getattr(self.own, "start", self._decide), view)

    def plan(self, view: View) -> Plan | None:
        """The user's plan at a window end."""
        return self._asked(self._decide, view)

    @property
    def _decide(self) -> Callable[[View], Any]:
        return getattr(self.own, "plan", self.own)

    def _asked(self, function: Callable[[View], Any], view: View) -> Plan | None:
        with self.guard():
            plan = function(view)
            return plan if plan is None else checked(plan, view.system)


def checked(plan: Any, system: System) -> Plan:
    """A plan that fits the devices; a mere sequence is taken as the targets."""
    plan = plan if isinstance(plan, Plan) else Plan(np.asarray(plan))
    target = np.asarray(plan.target)
    if target.shape != (system.devices,) or target.dtype.kind not in "iu":
        raise ValueError(f"a plan needs {system.devices} integer targets, one per device")
    if target.min() < NONE or target.max() >= len(system.variants):
        raise ValueError(f"targets are -1 (none) to {len(system.variants) - 1}")
    bad = (target >= 0) & ~system.tabulated[system.device_type, np.maximum(target, 0)]
    if bad.any():
        d = int(np.argmax(bad))
        raise ValueError(f"{system.variants[target[d]]} has no latencies on device {d} "
                         f"({system.types[system.device_type[d]]})")
    weight = None if plan.weight is None else np.asarray(plan.weight, float)
    if weight is not None and not (weight.shape == target.shape and np.isfinite(weight).all()
                                   and (weight >= 0).all()):
        raise ValueError("weights are finite, not negative, one per device")
    level = None if plan.level is None else np.asarray(plan.level)
    return Plan(target, level, weight)


def make(planner: Any, system: System, seed: int, demand: np.ndarray) -> Any:
    """The user's planner; a class is made anew for every run."""
    if not isinstance(planner, type):
        return planner
    return planner(system, None, seed, demand) if issubclass(planner, Planner) else planner()
