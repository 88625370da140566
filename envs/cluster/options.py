"""Every option of a `cluster` scenario with its default and its check (units in the names)."""
from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from envs.cluster.units import FARTHEST_S
from envs.core.errors import ScenarioError, nearest
from envs.core.options import (
    as_integer,
    as_list,
    as_mapping,
    as_number,
    build,
    flag,
    integer,
    limit,
    maybe_nested,
    nested,
    number,
    one_of,
    option,
)

TICK_S = 1e-6               # the shortest time that can pass
SWITCHED = ("order", "misfit", "preempt", "evict", "placement", "admission", "theta")
REWARDS = ("jct", "slowdown", "makespan", "slo")


def _candidates() -> tuple[Mapping[str, Any], ...]:
    stopped = {"misfit": "stop", "preempt": "off"}
    strict = {"misfit": "skip", "preempt": "strict"}
    orders = ({"order": "fifo", **stopped}, {"order": "srtf", **strict}, {"order": "las", **strict})
    bounds = ({"admission": "all", "theta": 1.0}, {"admission": "load", "theta": 1.2},
              {"admission": "load", "theta": 1.4})
    return tuple({**order, **bound} for order in orders for bound in bounds)


CANDIDATES = _candidates()  # FIFO, SRTF, LAS, each with three admission rules


def _seed(value: Any, where: str) -> int:
    return as_integer(value, where, low=0, high=2**64 - 1)


def _ascending(values: tuple, where: str) -> tuple:
    if any(a >= b for a, b in itertools.pairwise(values)):
        raise ScenarioError(f"{list(values)} does not strictly ascend", where, "sort the values")
    return values


def _queue_limits(value: Any, where: str) -> tuple[float, ...]:
    return _ascending(_numbers(value, where, above=0), where)


def _numbers(value: Any, where: str, **limits: float) -> tuple[float, ...]:
    return tuple(as_number(v, where, **limits) for v in as_list(value, where))


def _sample(value: Any, where: str) -> tuple[float, ...] | None:
    if value is None:
        return None
    if not as_list(value, where):
        raise ScenarioError("the sample is empty", where, "give GPU times, or leave it out")
    return _numbers(value, where, low=0)


def _quota(value: Any, where: str) -> dict[str, int]:
    """{tenant number as text: GPUs}."""
    found = {}
    for tenant, gpus in as_mapping(value, where).items():
        if not str(tenant).isdecimal():
            raise ScenarioError(f'"{tenant}" is no tenant', where, "tenants are numbers from 0")
        found[str(int(tenant))] = as_integer(gpus, f"{where}.{tenant}", low=0)
    return found


def _track(value: Any, where: str) -> tuple[int, int] | None:
    if value is None:
        return None
    ends = tuple(as_integer(v, where, low=0) for v in as_list(value, where))
    if len(ends) != 2 or ends[0] > ends[1]:
        raise ScenarioError(f"{list(ends)} is no range", where, "write [first, last] job numbers")
    return ends


def _rows(value: Any, where: str) -> tuple[tuple[float, ...], ...] | None:
    if value is None:
        return None
    rows = as_list(value, where)
    return tuple(_numbers(row, f"{where}[{i}]", low=0) for i, row in enumerate(rows))


def _positive(value: Any, where: str) -> tuple[float, ...] | None:
    return None if value is None else _numbers(value, where, above=0)


def _entities(value: Any, where: str) -> tuple[Entity, ...]:
    found = tuple(build(Entity, v, f"{where}[{i}]") for i, v in enumerate(as_list(value, where)))
    seen: dict[int, int] = {}
    for i, entity in enumerate(found):
        for line in entity.jobs:
            if line in seen:
                raise ScenarioError(f"trace line {line} is in entities {seen[line]} and {i}",
                                    where, "a job belongs to one entity")
            seen[line] = i
    return found


def _lines(value: Any, where: str) -> tuple[int, ...]:
    return tuple(as_integer(v, where, low=0) for v in as_list(value, where))


def _overrides(value: Any, where: str) -> tuple[Mapping[str, Any], ...]:
    """Option overrides between which something switches; all name the same options."""
    entries = as_list(value, where)
    found = tuple(_override(entry, f"{where}[{i}]") for i, entry in enumerate(entries))
    for i, candidate in enumerate(found):
        for key in found[0].keys() ^ candidate.keys():
            raise ScenarioError(f'candidates 0 and {i} do not both name "{key}"', where,
                                "all candidates name the same options")
    return found


def _override(value: Any, where: str) -> Mapping[str, Any]:
    for key in as_mapping(value, where):
        if key not in SWITCHED:
            raise ScenarioError("cannot be switched", f"{where}.{key}", nearest(key, SWITCHED))
    built = build(Options, value, where)
    return {key: getattr(built, key) for key in value}


def _some_overrides(value: Any, where: str) -> tuple[Mapping[str, Any], ...]:
    found = _overrides(value, where)
    if not found:
        raise ScenarioError("there is no candidate", where, "give at least one set of options")
    return found


def _sizes(value: Any, where: str) -> tuple[int, ...]:
    sizes = tuple(as_integer(v, where, low=1) for v in as_list(value, where))
    if not sizes:
        raise ScenarioError("there is no size", where, "give GPU counts")
    return _ascending(sizes, where)


def _reward(value: Any, where: str) -> dict[str, float]:
    found = {}
    for name, weight in as_mapping(value, where).items():
        if name not in REWARDS:
            raise ScenarioError(f'unknown reward "{name}"', where, nearest(name, REWARDS))
        found[name] = as_number(weight, f"{where}.{name}", low=0)
    if not any(found.values()):
        raise ScenarioError("every weight is 0", where, "give one of " + ", ".join(REWARDS))
    return found


def _trace(value: Any, where: str) -> str | None:
    return None if value is None else str(value)


@dataclass(frozen=True)
class Entity:
    """A group of jobs (trace lines from 0) that shares its weight by an inner rule."""

    weight: float = number(1.0, above=0)
    rule: str = one_of("fair", "fifo")
    jobs: tuple[int, ...] = option((), _lines)


@dataclass(frozen=True)
class Share:
    """Fractions of time on GPU types, from a linear program (planning/)."""

    policy: str = one_of("isolated", "max-min", "water-filling", "hierarchical", "ftf", "makespan",
                         "throughput", "fixed")
    agnostic: bool = flag(False)
    rule: str = one_of("deficit", "ratio")
    realloc_s: float = number(0.0, low=0)
    X: tuple[tuple[float, ...], ...] | None = option(None, _rows)
    weights: tuple[float, ...] | None = option(None, _positive)
    price: tuple[float, ...] | None = option(None, _positive)
    entities: tuple[Entity, ...] = option((), _entities)
    time_limit_s: float = number(10.0, low=0)
    on_failure: str = one_of("raise", "fallback")


@dataclass(frozen=True)
class Elastic:
    """How many GPUs elastic jobs get."""

    policy: str = one_of("optimus", "sia")
    sizes: str = one_of("all", "pow2")
    time_limit_s: float = number(10.0, low=0)
    on_failure: str = one_of("raise", "fallback")


@dataclass(frozen=True)
class Lookahead:
    """Options that are chosen anew every so often by simulating each candidate."""

    every_s: float = number(3600.0, low=TICK_S)
    horizon_s: float = limit(math.inf, low=TICK_S)
    candidates: tuple[Mapping[str, Any], ...] = option(CANDIDATES, _some_overrides)


@dataclass(frozen=True)
class EnvOptions:
    """Actions, episodes and reward of the environment."""

    control: str = one_of("pick", "policy", "resize")
    slots: int = integer(32, low=1)
    sizes: tuple[int, ...] = option((1, 2, 4, 8), _sizes)
    interval_s: float = number(3600.0, low=TICK_S)
    candidates: tuple[Mapping[str, Any], ...] = option(CANDIDATES, _some_overrides)
    window: int | None = integer(None, low=1)
    warm_up: int = integer(0, low=0)
    horizon_s: float = limit(math.inf, low=TICK_S)
    max_steps: int | None = integer(None, low=1)
    reward: Mapping[str, float] = option({"jct": 1.0}, _reward)
    blind: bool = flag(False)


@dataclass(frozen=True)
class Options:
    """All options but the cluster."""

    mode: str = one_of("round", "event")
    round_s: float = number(300.0, low=TICK_S, high=FARTHEST_S)
    completion: str = one_of("exact", "boundary")
    quantum_s: float = limit(math.inf, low=TICK_S)
    admission: str = one_of("all", "load", "quota")
    theta: float = number(1.0, low=0)
    quota: Mapping[str, int] = option({}, _quota)
    order: str = one_of("fifo", "random", "sjf", "sjf-gpus", "srtf", "srtf-gpu", "las", "las-gpu",
                        "tiresias", "gittins", "priority", "edf", "llf", "hrrn", "user")
    size: str = one_of("oracle", "estimate")
    seed: int = option(0, _seed)
    queue_limits_gpu_s: tuple[float, ...] = option((3250.0, 7200.0), _queue_limits)
    promote: float = limit(math.inf, low=0)
    gittins_delta_gpu_s: float = number(3250.0, low=TICK_S)
    gittins_sample_gpu_s: tuple[float, ...] | None = option(None, _sample)
    age_s: float = limit(math.inf, low=TICK_S)
    boost_after_s: float = limit(math.inf, low=0)
    placement: str = one_of("packed", "consolidated", "first-fit", "scatter", "spread", "random",
                            "rack", "scatter-exact")
    relax_after_s: float = limit(math.inf, low=0)
    consolidate: str = one_of("all", "sensitive")
    type_order: str = one_of("fastest", "listed")
    misfit: str = one_of("skip", "stop", "reserve")
    preempt: str = one_of("off", "strict", "below", "repack")
    evict: str = one_of("safe", "eager")
    share: Share | None = maybe_nested(Share)
    elastic: Elastic | None = maybe_nested(Elastic)
    lookahead: Lookahead | None = maybe_nested(Lookahead)
    track: tuple[int, int] | None = option(None, _track)
    until_s: float = limit(math.inf, low=0)
    trace: str | None = option(None, _trace)
    env: EnvOptions = nested(EnvOptions)
