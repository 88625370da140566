"""A scenario: the options and the cells that they name; validated once.

    scenario = load_scenario("depth", {"policy": "planner", "profile": "gpu"})
    scenario.cells[0].name              # digits@600/depth
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from envs.core.configs import beside, load_config, merged, names_in
from envs.core.errors import ScenarioError, nearest
from envs.core.options import as_mapping, build
from envs.net2net.cells import Cell, Network, cell_of
from envs.net2net.limits import check_cells
from envs.net2net.manifest import Entry
from envs.net2net.options import TIMES, Options
from envs.net2net.replay import SHIPPED, Table, find_recording, read_entries, read_recording
from envs.net2net.theta import FittedSet, read_thetas

FOLDER = Path(__file__).parent / "scenarios"
SAME_MS = 1e-6          # decision times of a cell and of its table


@dataclass(frozen=True, eq=False)
class Scenario:
    """Everything about a job but its seed."""

    name: str
    options: Options
    cells: tuple[Cell, ...]
    config: Mapping[str, Any]
    folder: Path | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any], where: str = "",
                    folder: Path | None = None) -> Scenario:
        """Build and check; `where` names the file in errors, `folder` anchors relative paths."""
        config, prefix = as_mapping(config, where), f"{where}:" if where else ""
        options = build(Options, {k: v for k, v in config.items() if k != "name"}, prefix)
        try:
            options = _anchored(options, folder)
            cells = resolved(options)
            check_cells(options, cells)
        except ScenarioError as error:
            raise ScenarioError(error.what, f"{prefix} {error.where}".strip(),
                                error.remedy) from None
        return cls(str(config.get("name", "scenario")), options, cells, config, folder)

    def replace(self, **keys: Any) -> Scenario:
        """The scenario with whole top-level values replaced."""
        built = Scenario.from_config({**self.config, **keys}, self.name, self.folder)
        return replace(built, name=self.name)

    def merge(self, overrides: Mapping[str, Any]) -> Scenario:
        """The scenario with nested keys replaced one by one."""
        return self.replace(**merged(self.config, _alone(overrides)))

    @property
    def identity(self) -> str:
        """Everything that decides a run, as text."""
        return repr((self.options, self.cells))

    @cached_property
    def thetas(self) -> Mapping[str, FittedSet]:
        """The parameter sets of the scenario's file, or those that ship."""
        return read_thetas(self.options.theta)

    def table_of(self, cell: Cell) -> Table | None:
        """The recorded table of a cell; None where the tables have none.

        Raises `ScenarioError` where it was recorded with other decision times.
        """
        for path in self.options.tables:
            table = read_recording(path).tables.get(cell.name)
            if table is not None:
                return _same(cell, table)
        return None


def load_scenario(name_or_path: str | Path | Mapping[str, Any],
                  overrides: Mapping[str, Any] | None = None,
                  trace: str | Path | None = None) -> Scenario:
    """A scenario that ships under this name, the scenario file at this path, or what such a file
    would hold; with `trace` on that recording."""
    build = Scenario.from_config if trace is None else partial(_on_trace, trace)
    return load_config(build, name_or_path, FOLDER, _alone(overrides or {}))


def _on_trace(trace: str | Path, config: Mapping[str, Any], where: str = "",
              folder: Path | None = None) -> Scenario:
    """Its tables alone are played, or trained again by a scenario that trains."""
    live = "live" in (config.get("backend"), config.get("evaluated"))
    return Scenario.from_config({**config, "tables": [str(trace)], "evaluated": None,
                                 "backend": "live" if live else "tabular"}, where, folder)


def scenario_names() -> list[str]:
    """The scenarios that ship with the suite."""
    return names_in(FOLDER)


def resolved(options: Options) -> tuple[Cell, ...]:
    """The cells that the options name, or all of the tables."""
    if options.cells is None:
        if not options.tables:
            raise ScenarioError("names no cell", "cells",
                                "write cells: [pair_max@1500/depth], or tables: [recorded]")
        entries = [entry for path in options.tables for entry in read_entries(path).values()]
        return tuple({entry.cell.name: entry.cell for entry in entries}.values())
    rows = [(row if isinstance(row, Mapping) else {"cell": row}, f"cells[{i}]")
            for i, row in enumerate(options.cells)]
    cells = tuple(_cell(row, where, options) for row, where in rows)
    twice = {cell.name for cell in cells if [c.name for c in cells].count(cell.name) > 1}
    if twice:
        raise ScenarioError(f"{min(twice)} is named twice", "cells", "name each cell once")
    return cells


def _anchored(options: Options, folder: Path | None) -> Options:
    """Paths are relative to the scenario's file, else to the working folder."""
    tables = tuple(path if (SHIPPED / path).is_dir() else str(beside(path, folder))
                   for path in options.tables)
    theta = None if options.theta is None else str(beside(options.theta, folder))
    return replace(options, tables=tables, theta=theta)


def _given(times: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that say decision times."""
    return {key: value for key in TIMES
            if (value := times.get(key)) is not None and value is not False}


def _alone(overrides: Mapping[str, Any]) -> Mapping[str, Any]:
    """Overrides that say decision times take those away that are said in another way."""
    ways = {TIMES[key] for key in _given(overrides)}
    others = {key: False if key == "events" else None for key, way in TIMES.items()
              if ways and way not in ways}
    return {**others, **overrides}


def _cell(row: Mapping[str, Any], where: str, options: Options) -> Cell:
    """A cell as its row says, else as the scenario, else as it was recorded, else by default."""
    own = {key: row[key] for key in TIMES if row.get(key) is not None}
    given = _given(own or vars(options))
    ways = list(dict.fromkeys(TIMES[key] for key in given))
    if len(ways) > 1:
        raise ScenarioError(f"{' and '.join(ways)} are given together", where if own else ways[-1],
                            "say decision times in one way")
    if not given and "tabular" in (options.backend, options.evaluated):
        entry = _entry(str(row["cell"]), options)
        given = {"fractions": list(entry.cell.fractions)} if entry else {}
    network = row.get("network")
    cell = _timed(row, where, options, given,
                  None if network is None else Network.from_config(network, f"{where}.network"))
    return replace(cell, prior=str(row["theta"])) if row.get("theta") else cell


def _timed(row: Mapping[str, Any], where: str, options: Options, times: Mapping[str, Any],
           network: Network | None) -> Cell:
    """With `events`: decisions at the changes of the timeline within the budget."""
    if not times.get("events"):
        return cell_of(row["cell"], where, **times, network=network)
    budget_ms = cell_of(row["cell"], where, network=network).budget_ms
    changes = tuple(time for time, _ in options.gpu_timeline[1:] if time < budget_ms)
    return cell_of(row["cell"], where, events=changes, network=network)


def _entry(name: str, options: Options) -> Entry | None:
    """How the tables record a cell; tables that are not there yet are asked for when played."""
    for path in options.tables:
        try:
            find_recording(path)
        except ValueError:
            continue
        found = read_entries(path).get(name)
        if found is not None:
            return found
    return None


def _same(cell: Cell, table: Table) -> Table:
    pairs = zip(cell.decisions, table.cell.decisions, strict=False)
    if len(cell.decisions) != len(table.cell.decisions) or any(
            abs(a - b) > SAME_MS for a, b in pairs):
        raise ScenarioError(f"{cell.name} was recorded with fractions "
                            f"{list(table.cell.fractions)}, not {list(cell.fractions)}", "cells",
                            "leave the decision times out, or record it anew")
    return table


def needed_table(scenario: Scenario, cell: Cell) -> Table:
    """The table of a cell that is played; `ScenarioError` where none is recorded."""
    table = scenario.table_of(cell)
    if table is None:
        known = [name for path in scenario.options.tables for name in read_entries(path)]
        raise ScenarioError(f"{cell.name} is not recorded", "cells", nearest(cell.name, known))
    return table
