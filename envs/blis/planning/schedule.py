"""Plans given in the scenario, checked before the run."""
from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from envs.blis.planning.base import Plan, Planner, View
from envs.core.errors import ScenarioError, nearest
from envs.core.options import as_integer, as_list

if TYPE_CHECKING:
    from envs.blis.system import System

KEYS = ("window", "assign", "qos", "weights")


class SchedulePlanner(Planner):
    """Commits plan `window` at time window * W."""

    delay = 0       # its windows are those of the commits

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.plans = read_plans(self.system)

    def due(self, window: int) -> bool:
        """Whether a plan starts with the next window."""
        return window + 1 in self.plans

    def start(self, view: View) -> Plan | None:
        """The plan of window 0, if there is one."""
        return self.plans.get(0)

    def plan(self, view: View) -> Plan | None:
        """The plan of the next window."""
        return self.plans.get(view.window + 1)


def read_plans(system: System) -> dict[int, Plan]:
    """Window -> plan of option `allocation.plans`; anything wrong is a `ScenarioError`."""
    found: dict[int, Plan] = {}
    for i, entry in enumerate(system.scenario.options.allocation.plans):
        where = f"allocation.plans[{i}]"
        window = _window(entry, where)
        if window in found:
            raise ScenarioError(f"a second plan for window {window}", where, "merge the two")
        found[window] = _plan(system, entry, where)
    return found


def _window(entry: Mapping[str, Any], where: str) -> int:
    for key in entry:
        if key not in KEYS:
            raise ScenarioError("unknown key", f"{where}.{key}", nearest(key, KEYS))
    for key in ("window", "assign"):
        if key not in entry:
            raise ScenarioError(f'"{key}" is missing', where, f"add `{key}: ...`")
    return as_integer(entry["window"], f"{where}.window", low=0)


def _plan(system: System, entry: Mapping[str, Any], where: str) -> Plan:
    names = _per_device(system, entry["assign"], f"{where}.assign")
    target = [_variant(system, d, name, f"{where}.assign[{d}]") for d, name in enumerate(names)]
    level = weight = None
    if entry.get("qos") is not None:
        top = system.scenario.options.qos.levels - 1
        given = _per_device(system, entry["qos"], f"{where}.qos")
        level = np.array([as_integer(q, f"{where}.qos[{d}]", low=0, high=top)
                          for d, q in enumerate(given)])
    if entry.get("weights") is not None:
        given = _per_device(system, entry["weights"], f"{where}.weights")
        weight = np.array([_weight(w, f"{where}.weights[{d}]") for d, w in enumerate(given)])
    return Plan(np.array(target), level, weight)


def _per_device(system: System, value: Any, where: str) -> list[Any]:
    values = list(as_list(value, where))
    if len(values) != system.devices:
        raise ScenarioError(f"{len(values)} values for {system.devices} devices", where,
                            "give one per device, type by type")
    return values


def _variant(system: System, device: int, name: Any, where: str) -> int:
    if name is None:
        return -1
    if name not in system.variants:
        raise ScenarioError(f'unknown variant "{name}"', where, nearest(name, system.variants))
    j, t = system.variants.index(name), system.device_type[device]
    if not system.tabulated[t, j]:
        raise ScenarioError(f'"{name}" has no latencies on {system.types[t]} (device {device})',
                            where, "choose another variant or extend the profile")
    return j


def _weight(value: Any, where: str) -> float:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    if not real or not math.isfinite(value) or value < 0:
        raise ScenarioError(f"{value!r} is no valid weight", where, "give a finite number >= 0")
    return float(value)
