"""The domains by the short names of their environments: `domain("blis")`.

A domain tells the evaluation how to load a scenario, open a workload, simulate, measure and draw.
Its adapter is imported when it is first asked for.
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from envs.core.errors import ScenarioError, nearest
from envs.core.files import REPOSITORY

if TYPE_CHECKING:
    from agents.contenders import Contender

ADAPTERS = {
    "blis": "agents.evaluation.blis:Blis",
    "blis_accuracy": "agents.evaluation.blis:BlisAccuracy",
    "cluster": "agents.evaluation.cluster:ClusterDomain",
    "dag": "agents.evaluation.dag:DagDomain",
    "net2net": "agents.evaluation.net2net:Net2NetDomain",
}


@dataclass(frozen=True)
class Column:
    """A metric in tables: `factor` turns it into the unit of its heading."""

    metric: str
    heading: str
    digits: int = 1
    factor: float = 1.0
    larger_is_better: bool = True
    brief: bool = True              # shown in the printed table too


@dataclass(frozen=True)
class Point:
    """One point of a sweep: arguments of `compare` that it changes, and where it is drawn."""

    change: Mapping[str, Any]
    x: float = 0.0
    group: str = ""                 # points of a group share a picture
    tick: str = ""                  # what the axis says there; empty: x


@dataclass(frozen=True)
class Sweep:
    """Points by label, and the axis on which they lie."""

    points: Mapping[str, Point] = field(default_factory=lambda: {"": Point({})})
    axis: str = ""
    windows: int | None = None      # of each point, when none are asked for


class Domain(ABC):
    """What the evaluation needs to know of a domain."""

    name: str                       # short name, also the folder under saved_models/
    env_id: str
    scenario_name: str              # evaluated when none is given
    windows: int | None             # held-out windows when none are asked for; None: the workload's
    window_length: float | None     # and their length in the domain's unit; None: the workload's
    validation_windows: int = 4     # on which training chooses, when none are asked for
    load_axis: str                  # what the points of a sweep of loads are
    user_forms: str                 # what a user's own contender can be
    own_options: Sequence[str] | None = None    # those that it may bring; None: any
    columns: Sequence[Column]       # shown metrics; the first is the one to rank by
    rivals: Sequence[str]           # baselines that training measures itself against
    grids: Mapping[str, Mapping[str, Sequence[Any]]]    # baseline -> option -> values to try
    tuned_path: Path                # what scripts/tune_baselines.py chose from them
    ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]]   # of sums over `info`, in training
    suites: Mapping[str, str] = {}  # named sweeps: what each of them varies
    picture: str = "trade_off"      # the one that says most
    incomplete: str | None = None   # metric above 0 where a contender left something undone

    @property
    def main(self) -> Column:
        """The metric by which contenders are ranked."""
        return self.columns[0]

    @property
    def second(self) -> Column:
        """The metric that stands beside it where there is room for two."""
        return self.columns[1]

    @property
    def chosen_by(self) -> Column:
        """The metric by which training chooses among its policies on the validation windows."""
        return self.main

    @property
    def saved_models(self) -> Path:
        """Where policies of this environment are kept."""
        return REPOSITORY / "saved_models" / self.name

    @abstractmethod
    def load_scenario(self, name: str | Path, options: Mapping[str, Any] | None = None) -> Any:
        """A scenario by name or path, with options replaced."""

    def load_on(self, trace: Any, name: str | Path,
                options: Mapping[str, Any] | None = None) -> Any:
        """The same, to be played on a trace; None: its own."""
        return self.load_scenario(name, options)

    @abstractmethod
    def open_workload(self, trace: Any, scenario: Any) -> Any:
        """The workload of a trace; None: the one that the scenario names."""

    @abstractmethod
    def prepared(self, scenario: Any, workload: Any) -> Any:
        """The scenario as contenders get it: facts of the training part, no horizon."""

    @abstractmethod
    def configured(self, scenario: Any, own: Mapping[str, Any], extra: Mapping[str, Any],
                   trace: Any) -> Any:
        """The scenario under a baseline's own options and the caller's, which win, on a trace."""

    def identity(self, scenario: Any) -> str:
        """Everything in a scenario that decides a run, as text."""
        return repr((scenario.options, scenario.cluster))

    def on_backend(self, name: str) -> Mapping[str, Any]:
        """The scenario options that play held-out windows on another back-end."""
        raise ScenarioError(f"env={self.name} has one back-end", f"backend={name}",
                            "leave it out")

    def options_of(self, contender: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """The caller's options as one contender gets them."""
        return options

    @abstractmethod
    def at_load(self, scenario: Any, workload: Any, load: float) -> Any:
        """The workload at a load, in the unit of `load_axis`."""

    def suite(self, name: str, scenario: Any, workload: Any) -> Sweep:
        """The points of one of `suites` on a scenario."""
        remedy = nearest(name, self.suites) if self.suites else "sweep loads or devices"
        raise ScenarioError(f"env={self.name} has no such suite", f"suite={name}", remedy)

    @abstractmethod
    def extent(self, length: float | None) -> str:
        """The length of a window in words."""

    @abstractmethod
    def training_env(self, scenario: Any, workload: Any, length: float | None, num_envs: int,
                     threads: int) -> Any:
        """A batch that trains: episodes of this length, drawn from the training part."""

    @abstractmethod
    def with_devices(self, scenario: Any, devices: int) -> Any:
        """The scenario with its cluster scaled to so many devices, in its proportions."""

    @abstractmethod
    def baselines(self) -> Mapping[str, Contender]:
        """The table of named contenders."""

    def named(self, name: str) -> Contender | None:
        """A baseline whose name has arguments of the user's own; None: no such name."""
        return None

    def offered(self, scenario: Any, windows: Sequence[Any]) -> tuple[list[Contender], list[str]]:
        """The baselines that make sense here, and in a line which ones do not and why."""
        return list(self.baselines().values()), []

    def seed_of(self, window: Any, seed: int) -> int:
        """The seed of a run on a window, given that of the comparison."""
        return seed

    @abstractmethod
    def simulate(self, scenario: Any, trace: Any, seed: int) -> Any:
        """A run under the scenario's own rules and planner."""

    @abstractmethod
    def simulate_planned(self, scenario: Any, trace: Any, seed: int, planner: Any,
                         guard: Callable[[], AbstractContextManager]) -> Any:
        """A run under a user's planner: a class, an object or a function."""

    @abstractmethod
    def simulate_compiled(self, scenario: Any, trace: Any, seed: int, policy: Any) -> Any:
        """A run under a user's compiled policy."""

    def warm_up(self) -> None:      # noqa: B027 - most domains need nothing
        """What is done once before several processes run contenders: compile the kernels."""

    def is_compiled(self, thing: Any) -> bool:
        """Whether a user's object is the result of `@policy`."""
        return hasattr(thing, "address") and hasattr(thing, "native_name")

    @abstractmethod
    def is_planned(self, thing: Any) -> bool:
        """Whether a user's object can decide between two calls of the kernel."""

    def make_env(self, scenario: Any, trace: Any) -> Any:
        """One replica over the whole trace, recorded, without autoreset."""
        import gymnasium as gym
        from gymnasium.vector import AutoresetMode

        return gym.make_vec(self.env_id, num_envs=1, scenario=scenario, trace=trace,
                            autoreset_mode=AutoresetMode.DISABLED, record=True)

    def played(self, run: Any, seconds: Sequence[float]) -> Any:
        """The run of a policy that needed so many seconds for each of its actions."""
        return run

    @abstractmethod
    def metrics(self, run: Any) -> dict[str, Any]:
        """Records to metrics."""

    @abstractmethod
    def digest(self, run: Any) -> Any:
        """The little that figures need of a run."""

    @abstractmethod
    def records(self, run: Any) -> Mapping[str, Mapping[str, Sequence[Any]]]:
        """Tables of records by name, their columns with names instead of indices."""

    def related(self, metrics: Mapping[str, dict[str, Any]]) -> None:       # noqa: B027 - most none
        """Add what follows from the metrics of all contenders on one window and seed."""

    def remarks(self, comparison: Any) -> list[str]:
        """What must be said beside every table of a comparison."""
        return []

    def printed(self, comparison: Any) -> list[Any]:
        """Further tables that are printed too."""
        return []

    @abstractmethod
    def facts(self, comparison: Any) -> list[Any]:
        """Further tables of the report."""

    @abstractmethod
    def figures(self, comparison: Any) -> list[tuple[str, str, Any]]:
        """File stem, caption and matplotlib figure of each picture of a comparison."""


def seats(counts: np.ndarray, total: int) -> np.ndarray:
    """So many seats in the proportions of `counts`, by largest remainders."""
    quota = counts * total / counts.sum()
    found = np.floor(quota).astype(int)
    first = np.argsort(-(quota - found), kind="stable")[:total - found.sum()]
    found[first] += 1
    return found


@lru_cache
def domain(name: str) -> Domain:
    """The domain of a short name."""
    if name not in ADAPTERS:
        raise ScenarioError("no such environment", f"env={name}", nearest(name, ADAPTERS))
    module, cls = ADAPTERS[name].split(":")
    return getattr(import_module(module), cls)()
