"""The domains by the short names of their environments: `domain("blis")`.

A domain tells the evaluation how to load a scenario, open a workload, simulate, measure and draw.
Its adapter is imported when it is first asked for.
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envs.core.errors import ScenarioError, nearest
from envs.core.files import REPOSITORY

if TYPE_CHECKING:
    from agents.contenders import Contender

ADAPTERS = {
    "blis": "agents.evaluation.blis:Blis",
    "blis_accuracy": "agents.evaluation.blis:BlisAccuracy",
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


class Domain(ABC):
    """What the evaluation needs to know of a domain."""

    name: str                       # short name, also the folder under saved_models/
    env_id: str
    scenario_name: str              # evaluated when none is given
    windows: int                    # held-out windows when none are asked for
    window_ms: float                # and their length
    columns: Sequence[Column]       # shown metrics; the first is the one to rank by
    rivals: Sequence[str]           # baselines that training measures itself against
    grids: Mapping[str, Mapping[str, Sequence[Any]]]    # baseline -> option -> values to try
    tuned_path: Path                # what scripts/tune_baselines.py chose from them
    ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]]   # of sums over `info`, in training

    @property
    def main(self) -> Column:
        """The metric by which contenders are ranked."""
        return self.columns[0]

    @property
    def saved_models(self) -> Path:
        """Where policies of this environment are kept."""
        return REPOSITORY / "saved_models" / self.name

    @abstractmethod
    def load_scenario(self, name: str | Path, options: Mapping[str, Any] | None = None) -> Any:
        """A scenario by name or path, with options replaced."""

    @abstractmethod
    def open_workload(self, trace: Any, scenario: Any) -> Any:
        """The workload of a trace; None: the one that the scenario names."""

    @abstractmethod
    def prepared(self, scenario: Any, workload: Any) -> Any:
        """The scenario as contenders get it: facts of the training part, no horizon."""

    @abstractmethod
    def configured(self, scenario: Any, own: Mapping[str, Any], extra: Mapping[str, Any]) -> Any:
        """The scenario under a baseline's own options and the caller's, which win."""

    @abstractmethod
    def at_load(self, workload: Any, factor: float) -> Any:
        """The workload with its arrival rate multiplied."""

    @abstractmethod
    def with_devices(self, scenario: Any, devices: int) -> Any:
        """The scenario with its cluster scaled to so many devices, in its proportions."""

    @abstractmethod
    def baselines(self) -> Mapping[str, Contender]:
        """The table of named contenders."""

    @abstractmethod
    def simulate(self, scenario: Any, trace: Any, seed: int) -> Any:
        """A run under the scenario's own rules and planner."""

    @abstractmethod
    def simulate_planned(self, scenario: Any, trace: Any, seed: int, planner: Any,
                         guard: Callable[[], AbstractContextManager]) -> Any:
        """A run under a user's planner: a class, an object with `plan`, or a function."""

    @abstractmethod
    def simulate_compiled(self, scenario: Any, trace: Any, seed: int, policy: Any) -> Any:
        """A run under a user's compiled policy."""

    def warm_up(self) -> None:      # noqa: B027 - most domains need nothing
        """What is done once before several processes run contenders: compile the kernels."""

    @abstractmethod
    def is_compiled(self, thing: Any) -> bool:
        """Whether a user's object is a compiled policy."""

    @abstractmethod
    def make_env(self, scenario: Any, trace: Any) -> Any:
        """One replica over the whole trace, recorded, without autoreset."""

    @abstractmethod
    def metrics(self, run: Any) -> dict[str, Any]:
        """Records to metrics."""

    @abstractmethod
    def digest(self, run: Any) -> Any:
        """The little that figures need of a run."""

    @abstractmethod
    def records(self, run: Any) -> Mapping[str, Sequence[Any]]:
        """Columns of the per-request records, names instead of indices."""

    @abstractmethod
    def facts(self, comparison: Any) -> list[Any]:
        """Further tables of the report."""

    @abstractmethod
    def figures(self, comparison: Any) -> list[tuple[str, str, Any]]:
        """File stem, caption and matplotlib figure of each picture of a comparison."""


@lru_cache
def domain(name: str) -> Domain:
    """The domain of a short name."""
    if name not in ADAPTERS:
        raise ScenarioError("no such environment", f"env={name}", nearest(name, ADAPTERS))
    module, cls = ADAPTERS[name].split(":")
    return getattr(import_module(module), cls)()
