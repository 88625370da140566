"""Which jobs serve training, validation and test: the cells of a scenario under seeds.

    workload = open_workload(None, scenario)
    windows = workload.part("test", count=5)        # cells in turn, on the held-out back-end
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from envs.core.errors import ScenarioError, nearest
from envs.core.workloads import FIRST_SEED, GENERATED_COUNT, Window, of_part, spread
from envs.net2net.binding import mean_table
from envs.net2net.cases import Case
from envs.net2net.cells import Cell
from envs.net2net.limits import check_cells
from envs.net2net.replay import Recording, Table, read_recording, recording_names
from envs.net2net.scenario import Scenario, needed_table


@dataclass(frozen=True, eq=False)
class Pool:
    """What episodes draw from: a cell, then one of its recorded seeds."""

    cells: tuple[Cell, ...]
    tables: tuple[Table | None, ...]
    rows: tuple[tuple[int, ...], ...]       # positions of the split's seeds in each table


@dataclass(frozen=True, eq=False)
class Workload:
    """Cells, and the tables of those that are recorded."""

    name: str
    scenario: Scenario
    cells: tuple[Cell, ...]
    recorded: Mapping[str, Table] | None = None     # by cell; None: the scenario's tables

    def part(self, part: str, count: int | None = None, length: int | None = None) -> list[Window]:
        """Windows of "train", "validation" or "test"; a job has no other length than its own.

        Recorded seeds come whole, `count` of them spread evenly; seeds of the model and of live
        trainings go through the cells in turn.
        """
        of_part(FIRST_SEED, part)
        backend = self.backend(part)
        if backend == "tabular":
            cases = spread([case for cell in self.cells for case in self._recorded(cell, part)],
                           count)
        elif backend == "parametric":
            cases = self._drawn(part, count)
        else:
            cases = self._trained(part, count)
        return [Window(case.name, case, case.seed) for case in cases]

    def pool(self, part: str, backend: str | None = None) -> Pool:
        """What the episodes of an environment draw from."""
        of_part(FIRST_SEED, part)
        backend = backend or self.backend(part)
        find = {"tabular": self.table, "live": self._maybe_table}.get(backend, lambda cell: None)
        tables = tuple(find(cell) for cell in self.cells)
        rows = tuple(self._rows(table, part) if table else () for table in tables)
        return Pool(self.cells, tables, rows)

    def backend(self, part: str) -> str:
        """The back-end that plays a part: another one may play what is held out."""
        options = self.scenario.options
        return options.backend if part == "train" else options.on_held_out

    def _recorded(self, cell: Cell, part: str) -> list[Case]:
        """The seeds of the split, or their means as one."""
        table = self.table(cell)
        if self.scenario.options.seed == "mean":
            table = mean_table(table, self.scenario.options.split or part)
            return [Case(cell, "tabular", table, 0)]
        return [Case(cell, "tabular", table, row, table.seeds[row])
                for row in self._rows(table, part)]

    def _drawn(self, part: str, count: int | None) -> list[Case]:
        """The same seeds for every cell."""
        total = GENERATED_COUNT[part] * len(self.cells) if count is None else count
        return [Case(self.cells[i % len(self.cells)], "parametric",
                     seed=FIRST_SEED[part] + i // len(self.cells)) for i in range(total)]

    def _trained(self, part: str, count: int | None) -> list[Case]:
        """One per cell unless asked for more; of the recorded seeds where there are some."""
        total = len(self.cells) if count is None else count
        chosen = [self._live(self.cells[i % len(self.cells)], part, i // len(self.cells))
                  for i in range(total)]
        return [case for case in chosen if case is not None]

    def _live(self, cell: Cell, part: str, i: int) -> Case | None:
        table = self._maybe_table(cell)
        if table is None:
            return Case(cell, "live", seed=FIRST_SEED[part] + i)
        rows = self._rows(table, part)
        return Case(cell, "live", table, rows[i], table.seeds[rows[i]]) if i < len(rows) else None

    def _rows(self, table: Table, part: str) -> tuple[int, ...]:
        return table.split[self.scenario.options.split or part]

    def table(self, cell: Cell) -> Table:
        """The table of a cell; `ScenarioError` where it is not recorded."""
        return needed_table(self.scenario, cell) if self.recorded is None \
            else self.recorded[cell.name]

    def _maybe_table(self, cell: Cell) -> Table | None:
        return self.scenario.table_of(cell) if self.recorded is None \
            else self.recorded[cell.name]


def open_workload(trace: str | Path | Recording | Workload | None, scenario: Scenario) -> Workload:
    """The workload of a recording, its folder or name; None: the one of the scenario.

    A recording that is given is played itself, unless the scenario trains live.
    """
    if isinstance(trace, Workload):
        return trace
    if trace is None:
        return Workload(scenario.name, scenario, scenario.cells)
    recording = trace if isinstance(trace, Recording) else read_recording(trace)
    live = scenario.options.backend == "live"
    options = replace(scenario.options, tables=(str(recording.folder),), evaluated=None,
                      backend="live" if live else "tabular")
    tables = _chosen(recording, scenario)
    cells = tuple(table.cell for table in tables.values())
    check_cells(options, cells)
    return Workload(recording.name, replace(scenario, options=options, cells=cells), cells, tables)


def workload_names() -> list[str]:
    """The names that need no path."""
    return recording_names()


def _chosen(recording: Recording, scenario: Scenario) -> Mapping[str, Table]:
    """The tables of the scenario's cells, where it names some."""
    if scenario.options.cells is None:
        return recording.tables
    for cell in scenario.cells:
        if cell.name not in recording.tables:
            raise ScenarioError(f"{recording.name} has no table of {cell.name}", "trace",
                                nearest(cell.name, recording.tables)
                                + " (options.cells names others, null all of it)")
    return {cell.name: recording.tables[cell.name] for cell in scenario.cells}
