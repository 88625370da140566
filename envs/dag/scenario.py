"""A scenario: the machine, the options and where graphs come from; validated once.

    scenario = load_scenario("tiled", {"policy": "dmdas", "sigma": 0.3})
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envs.core.configs import beside, load_config, merged, names_in, read_yaml
from envs.core.errors import ScenarioError
from envs.core.options import as_mapping, build
from envs.dag.machine import Machine
from envs.dag.options import Options
from envs.dag.sources import Sources, sources_from

FOLDER = Path(__file__).parent / "scenarios"
APART = ("name", "machine", "workload")


@dataclass(frozen=True)
class Scenario:
    """Everything about a run but its graphs, and where these come from."""

    name: str
    machine: Machine
    options: Options
    workload: Sources
    config: Mapping[str, Any]
    folder: Path | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any], where: str = "",
                    folder: Path | None = None) -> Scenario:
        """Build and check; `where` names the file in errors, `folder` anchors relative paths."""
        config = as_mapping(config, where)
        flat = {key: value for key, value in config.items() if key not in APART}
        options = build(Options, flat, f"{where}:" if where else "")
        machine = _machine(config.get("machine"), where, folder)
        workload = sources_from(config.get("workload"), where)
        name = str(config.get("name", "scenario"))
        return cls(name, machine, options, workload, config, folder)

    def replace(self, **keys: Any) -> Scenario:
        """The scenario with whole top-level values replaced."""
        built = Scenario.from_config({**self.config, **keys}, self.name, self.folder)
        return replace(built, name=self.name)

    def merge(self, overrides: Mapping[str, Any]) -> Scenario:
        """The scenario with nested keys replaced one by one."""
        return self.replace(**merged(self.config, overrides))


def load_scenario(name_or_path: str | Path | Mapping[str, Any],
                  overrides: Mapping[str, Any] | None = None) -> Scenario:
    """A scenario that ships under this name, the scenario file at this path, or what such a file
    would hold."""
    return load_config(Scenario.from_config, name_or_path, FOLDER, overrides)


def scenario_names() -> list[str]:
    """The scenarios that ship with the suite."""
    return names_in(FOLDER)


def _machine(given: Any, where: str, folder: Path | None) -> Machine:
    """The machine, inline or a path."""
    if given is None:
        raise ScenarioError("no machine is given", where, "add `machine: {workers: [...]}`")
    if isinstance(given, str | Path):
        path = beside(given, folder)
        return Machine.from_config(read_yaml(path), str(path))
    return Machine.from_config(given, f"{where}: machine" if where else "")
