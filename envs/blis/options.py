"""Every option of a `blis` scenario with its default and its check (units in the names)."""
from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from envs.core.errors import ScenarioError
from envs.core.options import (
    as_integer,
    as_list,
    as_mapping,
    as_number,
    flag,
    integer,
    maybe_one_of,
    nested,
    number,
    one_of,
    option,
)


def _names(value: Any, where: str) -> tuple[str, ...] | None:
    return None if value is None else tuple(str(v) for v in as_list(value, where))


def _allowances(value: Any, where: str) -> dict[str, float]:
    items = as_mapping(value, where).items()
    return {str(k): as_number(v, f"{where}.{k}", above=0) for k, v in items}


def _batch_sizes(value: Any, where: str) -> tuple[int, ...] | None:
    if value is None:
        return None
    sizes = tuple(as_integer(v, where, low=1) for v in as_list(value, where))
    if 1 not in sizes:
        raise ScenarioError("batch size 1 is missing", where, "every list of sizes contains 1")
    if any(a >= b for a, b in itertools.pairwise(sizes)):
        raise ScenarioError(f"{list(sizes)} does not increase", where, "sort the sizes")
    return sizes


def _draws(value: Any, where: str) -> tuple[float, ...] | None:
    if value is None:
        return None
    return tuple(as_number(v, where, low=0, below=1) for v in as_list(value, where))


def _windows(value: Any, where: str) -> tuple[int, ...]:
    return tuple(as_integer(v, where, low=0) for v in as_list(value, where))


def _seed(value: Any, where: str) -> int:
    return as_integer(value, where, low=0, high=2**64 - 1)


def _initial_demand(value: Any, where: str) -> str | dict[str, float]:
    if isinstance(value, Mapping):
        return {str(k): as_number(v, f"{where}.{k}", low=0) for k, v in value.items()}
    if value not in ("trace_mean", "zeros"):
        raise ScenarioError(f'unknown value "{value}"', where,
                            "valid: trace_mean, zeros, {family: requests per second}")
    return value


def _plans(value: Any, where: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(as_mapping(v, f"{where}[{i}]") for i, v in enumerate(as_list(value, where)))


def _rename(value: Any, where: str) -> dict[str, str]:
    return {str(k): str(v) for k, v in as_mapping(value, where).items()}


def _min_cap(value: Any, where: str) -> int:
    return as_integer(value, where, low=0, high=1)


@dataclass(frozen=True)
class Qos:
    """Quality levels of requests and predictors; higher is stricter."""

    levels: int = integer(1, low=1)
    mode: str = one_of("best_effort", "strict")


@dataclass(frozen=True)
class Routing:
    """Which device a request is sent to (rules/routing.py)."""

    policy: str = one_of("eft", "random", "round_robin", "lft", "jseq", "canary", "canary_smooth",
                         "infaas", "user")
    loading: str = one_of("fallback", "always", "never")
    draws: tuple[float, ...] | None = option(None, _draws)
    horizon_ms: float | None = number(None, above=0)
    on_demand: bool = flag(False)


@dataclass(frozen=True)
class Batching:
    """When a device starts and with how many requests (rules/batching.py)."""

    policy: str = one_of("greedy", "single", "early_start", "nexus", "aimd")
    timeout_ms: float | None = number(None, low=0)
    mode: str = one_of("additive", "ladder")
    capped: bool = flag(True)
    start: float = number(1.0, low=1)
    increase: float = number(1.0, low=0)
    decrease: float = number(0.9, above=0, below=1)


@dataclass(frozen=True)
class Dropping:
    """Which queued requests are given up (rules/dropping.py)."""

    policy: str = one_of("never", "expired", "hopeless", "early_drop")
    factor: float = number(1.0, low=0)
    moment: str = one_of("decision", "launch")


@dataclass(frozen=True)
class Demand:
    """How a planner estimates requests per second from the windows so far."""

    kind: str = one_of("last", "mean", "ewma", "future")
    com: float = number(1.6, low=0)
    span: int = integer(20, low=1)
    lag: int = integer(0, low=0)


@dataclass(frozen=True)
class Allocation:
    """Which variant each device hosts (planning/)."""

    policy: str = one_of("static", "none", "schedule", "random", "load_proportional", "lfu",
                         "infaas", "blis_ilp", "max_throughput", "proteus", "sommelier",
                         "clipper_ha", "clipper_ht")
    period: int | None = integer(None, low=0)
    also_at: tuple[int, ...] = option((), _windows)
    delay_windows: int = integer(0, low=0)
    demand: Demand = nested(Demand)
    initial_demand: str | dict[str, float] = option("trace_mean", _initial_demand)
    initial: str | None = maybe_one_of("solve", "static", "empty")
    plans: tuple[Mapping[str, Any], ...] = option((), _plans)
    per_type: int = integer(1, low=0)
    actions_per_window: int = integer(10, low=1)
    slack: float = number(0.95, above=0, high=1)
    down_slack: float = number(0.8, above=0, high=1)
    alpha: float = number(0.1, low=0, high=1)
    beta: float | None = number(None, above=0)
    beta_min: float = number(0.2, above=0)
    accuracy_of: str = one_of("served", "routed")
    move_penalty: float = number(0.0, low=0)
    gap: float = number(1e-4, low=0)
    time_limit_s: float = number(10.0, above=0)
    spare: str = one_of("relieve", "empty", "keep")
    choice: str | None = maybe_one_of("throughput", "least_accurate")
    placement: str = one_of("solve", "static", "load_proportional")


@dataclass(frozen=True)
class Episode:
    """Which part of the trace an episode of an environment replays."""

    start_ms: float = number(0.0, low=0)
    random_start: bool = flag(False)


@dataclass(frozen=True)
class EnvOptions:
    """Action, reward and scaling of the environments (env.py)."""

    actions_per_window: int = integer(10, low=1)
    reward: str | None = maybe_one_of("window", "lookahead", "request")
    lookahead_requests: int = integer(10, low=1)
    normalise: bool = flag(False)
    request_scale: float = number(1000.0, above=0)
    action: str = one_of("per_device", "swap")
    w_slo: float = number(0.5)
    w_acc: float = number(0.5)
    w_move: float = number(0.0)


@dataclass(frozen=True)
class Options:
    """All options but the cluster and the profile."""

    window_ms: float = number(1000.0, above=0)
    horizon_ms: float | None = number(None, above=0)
    seed: int = option(0, _seed)
    families: tuple[str, ...] | None = option(None, _names)
    family_slo_ms: Mapping[str, float] = option({}, _allowances)
    batch_sizes: tuple[int, ...] | None = option(None, _batch_sizes)
    slo_fraction: float = number(0.5, above=0, high=1)
    min_cap: int = option(1, _min_cap)
    fit: str = one_of("exact", "floor", "pad")
    load_scale: float = number(1.0, low=0)
    default_variant: str = one_of("least_accurate", "most_accurate")
    qos: Qos = nested(Qos)
    routing: Routing = nested(Routing)
    admission: str = one_of("none", "feasible")
    batching: Batching = nested(Batching)
    dropping: Dropping = nested(Dropping)
    allocation: Allocation = nested(Allocation)
    accuracy_bin_ms: float = number(10000.0, above=0)
    trace: Any = option(None, lambda value, where: value)
    variants: tuple[str, ...] | None = option(None, _names)
    default_slo_ms: float | None = number(None, above=0)
    rename: Mapping[str, str] = option({}, _rename)
    time_scale: float = number(1.0, above=0)
    episode: Episode = nested(Episode)
    env: EnvOptions = nested(EnvOptions)
