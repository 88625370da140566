"""Options of a scenario and of the environment, checked when they are read; times in ms."""
from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from envs.core.errors import ScenarioError, ranked
from envs.core.options import (
    as_integer,
    as_list,
    as_number,
    flag,
    integer,
    maybe_one_of,
    nested,
    number,
    option,
)
from envs.net2net.cells import MOST_DECISIONS, PROFILES, Profile
from envs.net2net.theta import Noise
from envs.net2net.work import BACKENDS, REWARDS

PARTS = ("train", "validation", "test")
CLOCKS = ("virtual", "cpu", "wall")
POLICIES = (
    "never", "always", "fixed", "start", "late", "random", "periodic", "convergent", "best_fixed",
    "best_constant", "greedy_marginal", "greedy_uniform", "greedy_none", "linear",
    "tabular_reinforce", "tabular_q", "planner", "planner_online", "random_search",
    "held_out_oracle", "tree", "oracle",
)
CELL_KEYS = ("cell", "fractions", "opening", "every", "n", "events", "network", "theta")
MOST_GPUS, STEEPEST = 10**6, 2.0       # of a timeline, and of the speed with g GPUs: g^alpha
TIMES = {"fractions": "fractions", "opening": "opening", "every": "opening", "n": "opening",
         "events": "events"}           # key -> the way of saying decision times that it belongs to

ALPHA = 3               # its place in a profile

Timeline = tuple[tuple[float, int], ...]


def _named(*known: str, default: str | None = None) -> Any:
    """One of these names; where it is null, `default` is None."""

    def check(value: Any, where: str) -> str | None:
        if value is None and default is None:
            return None
        if value not in known:
            raise ScenarioError(f'unknown value "{value}"', where, ranked(value, known))
        return value

    return option(default, check)


def _policy(value: Any, where: str) -> str:
    if not isinstance(value, str) or value.partition("(")[0] not in POLICIES:
        raise ScenarioError(f'unknown value "{value}"', where, ranked(value, POLICIES))
    return value


def _profile(value: Any, where: str) -> Profile:
    if isinstance(value, str):
        if value not in PROFILES:
            raise ScenarioError(f'unknown value "{value}"', where, ranked(value, PROFILES))
        return PROFILES[value]
    numbers = as_list(value, where)
    if len(numbers) != len(PROFILES["cpu"]):
        raise ScenarioError(f"need 5 numbers (o, l, m, alpha, gamma), found {len(numbers)}", where)
    return tuple(as_number(x, f"{where}[{i}]", low=0, high=STEEPEST if i == ALPHA else None)
                 for i, x in enumerate(numbers))


def as_timeline(value: Any, where: str) -> Timeline:
    """Rows [time in ms, GPUs]: from 0, ascending, somewhere above 0 GPUs."""
    rows = tuple(_row(row, f"{where}[{i}]") for i, row in enumerate(as_list(value, where)))
    if not rows or rows[0][0] != 0:
        raise ScenarioError("must start at time 0", f"{where}[0]", "write [[0, 1], ...]")
    for i, (before, after) in enumerate(itertools.pairwise(rows), 1):
        if after[0] < before[0]:
            raise ScenarioError(f"time {after[0]:g} is before the entry above ({before[0]:g})",
                                f"{where}[{i}]", "sort the entries by time")
    if not any(gpus for _, gpus in rows):
        raise ScenarioError("never has a GPU", where, "give an entry more than 0")
    return rows


def _row(value: Any, where: str) -> tuple[float, int]:
    row = as_list(value, where)
    if len(row) != 2:
        raise ScenarioError(f"has {len(row)} entries", where, "write [time in ms, GPUs]")
    return as_number(row[0], where, low=0), as_integer(row[1], where, low=0, high=MOST_GPUS)


def _noise(value: Any, where: str) -> Noise | str:
    if value is None or isinstance(value, Noise):
        return value or Noise()
    return value if value == "shipped" else Noise.from_config(value, where)


def _fractions(value: Any, where: str) -> tuple[float, ...] | None:
    return None if value is None else tuple(as_list(value, where))


def _cells(value: Any, where: str) -> tuple[str | Mapping[str, Any], ...] | None:
    """Names, or mappings with the name under `cell`; the scenario resolves them."""
    if value is None:
        return None
    rows = as_list([value] if isinstance(value, str | Mapping) else value, where)
    if not rows:
        raise ScenarioError("names no cell", where, "write [pair_max@1500/depth, ...]")
    return tuple(_cell(row, f"{where}[{i}]") for i, row in enumerate(rows))


def _cell(row: Any, where: str) -> str | Mapping[str, Any]:
    if isinstance(row, str):
        return row
    if not isinstance(row, Mapping) or "cell" not in row:
        raise ScenarioError(f"{row!r} is no cell", where,
                            "write task@budget/set or {cell: task@budget/set, ...}")
    for key in row:
        if key not in CELL_KEYS:
            raise ScenarioError("unknown key", f"{where}.{key}", ranked(key, CELL_KEYS))
    if not isinstance(row.get("events"), bool | None):
        raise ScenarioError(f"{row['events']!r} is no truth value", f"{where}.events",
                            "write true or false")
    return row


def _paths(value: Any, where: str) -> tuple[str, ...]:
    rows: Sequence[Any] = [value] if isinstance(value, str) else as_list(value or [], where)
    return tuple(str(row) for row in rows)


def _path(value: Any, where: str) -> str | None:
    return None if value is None else str(value)


@dataclass(frozen=True)
class EnvOptions:
    """Observation, reward and actions of the environment."""

    reward: str = _named(*REWARDS, default="final")
    gpu_cost: float = number(0.05, low=0)       # per GPU-second, reward `cost`
    show_task: bool = flag(False)
    factored: bool = flag(False)                # MultiDiscrete actions: operator and stage
    strict: bool = flag(False)                  # a masked action is an error


@dataclass(frozen=True)
class Options:
    """All options of a scenario."""

    backend: str = _named(*BACKENDS, default="parametric")
    evaluated: str | None = _named(*BACKENDS)       # of held-out windows; null: as `backend`
    cells: tuple | None = option(None, _cells)      # null: all of the tables
    tables: tuple[str, ...] = option((), _paths)    # recordings, names or folders
    theta: str | None = option(None, _path)         # file of parameter sets; null: those shipped
    split: str | None = _named(*PARTS)              # of the seeds; null: that of the part played
    fractions: tuple | None = option(None, _fractions)      # decision times, parts of the budget
    opening: float | None = number(None, low=0)     # ms; or: the first decision,
    every: float | None = number(None, low=0)       # ms between two
    n: int | None = integer(None, low=1, high=MOST_DECISIONS)            # and how many
    events: bool = flag(False)                      # or: at the changes of the timeline
    profile: Profile = option(PROFILES["cpu"], _profile)
    gpu_timeline: Timeline = option(((0.0, 1),), as_timeline)
    noise: Noise | str = option(Noise(), _noise)    # or "shipped": that of the parameter set
    vary: float = number(0.0, low=0)                # spread of the parameters over episodes
    jump_grow: float = number(0.0, low=0)           # error that a growth edit adds
    jump_undo: float = number(0.02, low=0)
    max_parameters: int | None = integer(None, low=1)
    seed: str | None = maybe_one_of("mean")         # tabular: show means over the seeds
    clock: str = _named(*CLOCKS, default="virtual")     # live
    keep: str | None = option(None, _path)          # live: folder from which a killed run goes on
    policy: str = option("never", _policy)
    env: EnvOptions = nested(EnvOptions)

    @property
    def on_held_out(self) -> str:
        """The back-end on which validation and test windows are played."""
        return self.evaluated or self.backend
