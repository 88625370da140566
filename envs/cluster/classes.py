"""Job classes: how fast a model trains on each GPU type, and what its launches cost."""
from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from envs.cluster.units import FARTHEST_S
from envs.core.errors import ScenarioError, nearest
from envs.core.options import as_integer, as_list, as_mapping, as_number

FIELDS = ("name", "speed", "locality", "launch_s", "restart_s", "checkpoint_s", "curve", "goodput")


@dataclass(frozen=True)
class JobClass:
    """One model, or one model and GPU count."""

    name: str
    speed: tuple[float, ...]                    # rate per GPU type; 0 = cannot run there
    locality: tuple[float, float, float] = (1.0, 1.0, 1.0)
    launch_s: float = 0.0
    restart_s: float = 30.0
    checkpoint_s: float = 0.0                   # inf = a failure loses the whole segment
    curve: Mapping[int, float] | None = None    # GPUs -> speed-up
    goodput: Mapping[str, Any] | None = None    # parameters of a goodput model

    @property
    def sensitive(self) -> bool:
        """Whether it matters how near each other its GPUs are."""
        return min(self.locality) < 1

    def to_config(self) -> dict[str, Any]:
        """The mapping that `job_class` reads."""
        plain = {"name": self.name, "speed": list(self.speed), "locality": list(self.locality),
                 "launch_s": self.launch_s, "restart_s": self.restart_s,
                 "checkpoint_s": self.checkpoint_s}
        curve = {"curve": dict(self.curve)} if self.curve else {}
        return plain | curve | ({"goodput": dict(self.goodput)} if self.goodput else {})


def speed_ups(job_class: JobClass, largest: int) -> np.ndarray:
    """(largest + 1,) s(g): linear between the curve's points, constant beyond; g without one."""
    table = np.arange(largest + 1.0)
    if job_class.curve is None:
        return table
    points = sorted(job_class.curve.items())
    gpus = np.arange(largest + 1)
    for (g0, s0), (g1, s1) in itertools.pairwise(points):
        inside = slice(g0, g1)
        table[inside] = s0 + (s1 - s0) * (gpus[inside] - g0) / (g1 - g0)
    table[:points[0][0]] = points[0][1]
    table[points[-1][0]:] = points[-1][1]
    table[0] = 0
    return table


def job_class(entry: Any, number: int, types: tuple[str, ...], where: str = "") -> JobClass:
    """A checked class; without a name it is called by its number."""
    before = f"{where}: class" if where else "class"
    entry = as_mapping(entry, f"{before} {number}")
    name = str(entry.get("name", number))
    place = f"{before} {name}"
    for key in entry:
        if key not in FIELDS:
            raise ScenarioError("unknown key", f"{place}, {key}", nearest(key, FIELDS))
    return JobClass(
        name, _speed(entry.get("speed"), types, f"{place}, speed"),
        _locality(entry.get("locality", (1, 1, 1)), f"{place}, locality"),
        as_number(entry.get("launch_s", 0.0), f"{place}, launch_s", low=0, high=FARTHEST_S),
        as_number(entry.get("restart_s", 30.0), f"{place}, restart_s", low=0, high=FARTHEST_S),
        _checkpoint(entry.get("checkpoint_s", 0.0), f"{place}, checkpoint_s"),
        _curve(entry.get("curve"), f"{place}, curve"),
        _goodput(entry.get("goodput"), entry.get("curve"), f"{place}, goodput"))


def _speed(value: Any, types: tuple[str, ...], where: str) -> tuple[float, ...]:
    if value is None:
        return (1.0,) * len(types)
    speed = tuple(as_number(v, where, low=0) for v in as_list(value, where))
    if len(speed) != len(types):
        raise ScenarioError(f"{len(speed)} figures for {len(types)} GPU types", where,
                            "give one for each of " + ", ".join(types))
    if not any(speed):
        raise ScenarioError("every speed is 0", where, "a class must run on some type")
    return speed


def _locality(value: Any, where: str) -> tuple[float, float, float]:
    factors = tuple(as_number(v, where, above=0, high=1) for v in as_list(value, where))
    if len(factors) != 3:
        raise ScenarioError(f"{len(factors)} factors", where, "give one for levels 0, 1, 2")
    return factors


def _checkpoint(value: Any, where: str) -> float:
    never = value is None or value == math.inf
    return math.inf if never else as_number(value, where, low=0)


def _curve(value: Any, where: str) -> dict[int, float] | None:
    if value is None:
        return None
    points = sorted((_count(g, where), as_number(s, where, above=0))
                    for g, s in as_mapping(value, where).items())
    if not points:
        raise ScenarioError("the curve has no point", where, "write {1: 1, 2: 1.9, ...}")
    for (g0, s0), (g1, s1) in itertools.pairwise(points):
        if g0 == g1 or s0 >= s1:
            raise ScenarioError(f"the speed-up of {g1} GPUs, {s1:g}, is not above that of {g0}, "
                                f"{s0:g}", where, "it must strictly increase")
    return dict(points)


def _count(value: Any, where: str) -> int:
    text = isinstance(value, str) and value.strip().isdecimal()
    return as_integer(int(value) if text else value, where, low=1)


def _goodput(value: Any, curve: Any, where: str) -> dict[str, Any] | None:
    from envs.cluster.planning.goodput import Goodput

    if value is None:
        return None
    if curve is not None:
        raise ScenarioError("the class has a curve too", where, "give one of them")
    Goodput.from_config(value, where)
    return dict(value)
