"""Options of a scenario and of the environment, checked when they are read."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from envs.core.errors import ScenarioError, nearest
from envs.core.options import (
    as_list,
    as_number,
    flag,
    integer,
    maybe_one_of,
    nested,
    number,
    one_of,
    option,
)

PLANNER_NAMES = ("heft", "blevel", "heft_append", "cpop", "peft", "lookahead", "dls", "etf", "mcp",
                 "tlevel", "min_min", "max_min", "sufferage")
PLAIN = ("fifo", "random", "random_wait", "prio", "locality", "mct_wait", "mct_wait_loc",
         "job_fifo", "sjf", "fair")
PUSHING = ("dm", "dmda", "dmdar", "dmdas", "ws")        # policies with queues of their own
POLICIES = (*PLAIN, *PUSHING, *(f"static:{name}" for name in PLANNER_NAMES), "user", "env")
ALIASES = {"eager": "fifo"}
ROLLOUTS = PLAIN
CLAIRVOYANT = ("sjf",)      # and every planner: they read tasks that are not visible yet


def _policy(known: tuple[str, ...]) -> Any:
    def check(value: Any, where: str) -> str:
        value = ALIASES.get(value, value) if isinstance(value, str) else value
        if value not in known:
            raise ScenarioError(f'unknown value "{value}"', where, nearest(value, known))
        return value

    return check


def _sigma(value: Any, where: str) -> float | dict[str, float]:
    if isinstance(value, Mapping):
        return {str(kind): as_number(x, f"{where}.{kind}", low=0) for kind, x in value.items()}
    return as_number(value, where, low=0)


def _kinds(value: Any, where: str) -> tuple[str, ...] | None:
    return None if value is None else tuple(str(kind) for kind in as_list(value, where))


def _seed(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**64:
        raise ScenarioError(f"{value!r} is no seed", where, "give an integer from 0 to 2**64 - 1")
    return value


@dataclass(frozen=True)
class EnvOptions:
    """Observation, reward and length of an episode."""

    reward: str = one_of("makespan", "jct", "regret", "final")
    reward_scale: str = one_of("lb", "unit")
    oracle: str = one_of("rollout", "exact", "bound")
    rollout_policy: str = option("mct_wait", _policy(ROLLOUTS))
    slots: int = integer(32, low=1)
    view: str = one_of("slots", "graph")
    nodes: int = integer(128, low=1)
    edges: int = integer(512, low=1)
    slot_order: str | None = maybe_one_of("priority", "fifo")
    time_scale: float | None = number(None, low=1)          # ticks
    kinds: tuple[str, ...] | None = option(None, _kinds)
    horizon: float | None = number(None, above=0)           # units of the machine
    max_decisions: int | None = integer(None, low=1)
    strict: bool = flag(False)


@dataclass(frozen=True)
class Options:
    """All options but the machine and the workload."""

    policy: str = option("mct_wait", _policy(POLICIES))
    noise: str = one_of("none", "lognormal", "truncnorm")
    sigma: float | Mapping[str, float] = option(0.0, _sigma)    # for all, or by kind
    visible: str = one_of("full", "window", "frontier")
    window: int = integer(1, low=1)
    wait: str = one_of("allowed", "never")
    oversize: str = one_of("error", "exclude")
    seed: int = option(0, _seed)
    objective: str = one_of("makespan", "jct")
    env: EnvOptions = nested(EnvOptions)

    def sigma_of(self, kind: str | None) -> float:
        """Coefficient of variation of the durations of a kind."""
        if self.noise == "none":
            return 0.0
        return self.sigma.get(kind, 0.0) if isinstance(self.sigma, Mapping) else self.sigma

    @property
    def greatest_sigma(self) -> float:
        """The figure that features and signatures take; 0 without noise."""
        if self.noise == "none":
            return 0.0
        return max(self.sigma.values(), default=0.0) if isinstance(self.sigma, Mapping) \
            else self.sigma
