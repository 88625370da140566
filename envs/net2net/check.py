"""What will not work, and why, before the first run: cells, budgets, tables, fits, options.

    report = check(load_scenario("my.yaml"), "my_recording/")
    print(report.verdict)
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from envs.core.errors import SuiteError
from envs.core.findings import Checked, Finding, Section
from envs.net2net import findings
from envs.net2net.cells import Cell
from envs.net2net.replay import Recording, Table
from envs.net2net.scenario import Scenario
from envs.net2net.theta import theta_for
from envs.net2net.workloads import Workload, open_workload


@dataclass(frozen=True)
class Report(Checked):
    """Cells, their tables where they are recorded, and the findings."""

    scenario: Scenario
    trace: str
    cells: tuple[Cell, ...]
    tables: tuple[Table | None, ...]
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """One line."""
        options, cell = self.scenario.options, self.cells[0]
        many = f"{len(self.cells)} cell{'s' * (len(self.cells) > 1)}"
        return (f"{self.counted}: {many} of {cell.leaves} sequences; trains {options.backend}, "
                f"held out {options.on_held_out}")

    def sections(self) -> list[Section]:
        """Cells and recordings for a person."""
        return [_cells(self.scenario, self.cells), _tables(self.tables)]


def check(scenario: Scenario, trace: str | Path | Recording | None = None) -> Report:
    """Look at cells and their tables, by default the scenario's own, without playing."""
    workload = open_workload(trace, scenario)
    tables, found = _opened(workload)
    scenario = workload.scenario
    found += findings.of_options(scenario, workload.cells)
    for cell, table in zip(workload.cells, tables, strict=True):
        found += findings.of_cell(scenario, cell)
        found += findings.of_table(scenario, table) if table else []
    return Report(scenario, workload.name if trace else "", workload.cells, tables, tuple(found))


def _opened(workload: Workload) -> tuple[tuple[Table | None, ...], list[Finding]]:
    """The tables of the cells; what keeps one from being played is a problem."""
    options = workload.scenario.options
    if "tabular" not in (options.backend, options.on_held_out):
        return (None,) * len(workload.cells), []
    tables: list[Table | None] = []
    found = []
    for cell in workload.cells:
        try:
            tables.append(workload.table(cell))
        except SuiteError as error:
            tables.append(None)
            found.append(Finding(True, error.where or cell.name, error.what, error.remedy))
    return tuple(tables), list(dict.fromkeys(found))


def _cells(scenario: Scenario, cells: tuple[Cell, ...]) -> Section:
    header = ("cell", "decisions %", "actions", "leaves", "step ms", "steps", "fit")
    rows = []
    for cell in cells:
        step_ms = cell.network.step_ms(cell.network.base, 1, scenario.options.profile)
        rows.append((cell.name, " ".join(f"{100 * part:.3g}" for part in cell.fractions),
                     str(cell.actions), str(cell.leaves), f"{step_ms:.4g}",
                     str(int(cell.budget_ms / step_ms)), _fit(scenario, cell)))
    return Section(header, rows)


def _fit(scenario: Scenario, cell: Cell) -> str:
    try:
        found = theta_for(cell, scenario.thetas).name
    except SuiteError:
        return "none"
    return "own" if found == cell.name else found


def _tables(tables: tuple[Table | None, ...]) -> Section:
    header = ("table", "seeds", "train", "validation", "test", "recorded", "never", "mean", "best")
    return Section(header, [_table(table) for table in tables if table])


def _table(table: Table) -> tuple[str, ...]:
    means = table.leaves["val_accuracy"][:, table.recorded].mean(0)
    split = (" ".join(str(table.seeds[row]) for row in table.split[part])
             for part in ("train", "validation", "test"))
    return (table.cell.name, str(len(table.seeds)), *split, str(table.recorded.sum()),
            f"{means[0]:.3f}", f"{means.mean():.3f}", f"{means.max():.3f}")
