"""Which job an episode plays: drawn by its seed, or pinned."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from envs.core.errors import ScenarioError, nearest, ranked
from envs.net2net.binding import bind_cells, mean_table
from envs.net2net.cases import Case
from envs.net2net.cells import Cell
from envs.net2net.draws import STREAMS, below
from envs.net2net.scenario import Scenario
from envs.net2net.system import System
from envs.net2net.work import BACKENDS
from envs.net2net.workloads import open_workload

LIVE_SEEDS = 2**31      # seeds of trainings that are not recorded lie below
SEEDS = 2**64           # and those of the model


class Drawn(NamedTuple):
    """The jobs of new episodes, (E,) each."""

    cell: np.ndarray        # number of the cell
    row: np.ndarray         # position of the recorded seed, 0 without a table
    seed: np.ndarray        # u8: x, or the seed of a live training


class Episodes:
    """The cells of an environment, their tables, and the draw of a job."""

    def __init__(self, scenario: Scenario, trace: Any, part: str, backend: str | None = None):
        if backend not in (None, *BACKENDS):
            raise ScenarioError(f'unknown value "{backend}"', "backend", ranked(backend, BACKENDS))
        self.case: Case | None = trace if isinstance(trace, Case) else None
        if self.case is not None:
            self.backend = self.case.backend
            self.cells = _shown(scenario, self.case.cell)
            self.tables = [self.case.table] * len(self.cells)
            self.rows = [[max(0, self.case.row)]] * len(self.cells)
        else:
            self.backend = backend or scenario.options.backend
            pool = open_workload(trace, scenario).pool(part, self.backend)
            self.cells, self.tables = list(pool.cells), list(pool.tables)
            self.rows = [list(rows) for rows in pool.rows]
            self._average(scenario, part)
        self.names = [cell.name for cell in self.cells]
        self.system: System = bind_cells(scenario, self.backend, self.cells, self._bound())

    def _average(self, scenario: Scenario, part: str) -> None:
        """Seed means in place of seeds, where they are asked for."""
        if scenario.options.seed == "mean" and self.backend == "tabular":
            part = scenario.options.split or part
            self.tables = [mean_table(table, part) for table in self.tables]
            self.rows = [[0] for _ in self.tables]

    def _bound(self) -> Sequence[Any]:
        """The model plays without tables."""
        return [None] * len(self.cells) if self.backend == "parametric" else self.tables

    def draw(self, seeds: np.ndarray, pinned: Mapping[str, Any]) -> Drawn:
        """Jobs by episode seeds x (E,); `pinned` may name `cell` and `seed`."""
        cell = below(len(self.cells), seeds, STREAMS["cell"])
        if "cell" in pinned:
            cell = np.full(len(seeds), self._number(pinned["cell"]))
        if self.case is not None:
            cell = np.full(len(seeds), self.cells.index(self.case.cell))
        if self.case is not None and self.backend != "tabular":
            return Drawn(cell, np.full_like(cell, self.rows[0][0]),
                         np.full(len(seeds), self.case.seed, np.uint64))
        wanted = pinned.get("seed")
        if self.backend == "parametric":
            x = seeds if wanted is None else np.full(len(seeds), _whole(wanted), np.uint64)
            return Drawn(cell, np.zeros_like(cell), x)
        row = self._rows(cell, seeds) if wanted is None or self.backend == "live" \
            else np.array([self._row_of(c, wanted) for c in cell])
        if self.backend == "tabular":
            return Drawn(cell, row, seeds)
        return Drawn(cell, row, np.array([self._trained(*one, wanted) for one in zip(
            cell, row, seeds, strict=True)], np.uint64))

    def _number(self, name: Any) -> int:
        """The place of a cell that was asked for."""
        if isinstance(name, int | np.integer) and 0 <= name < len(self.names):
            return int(name)
        if name not in self.names:
            raise ScenarioError(f"unknown cell {name!r}", "reset: cell",
                                nearest(str(name), self.names))
        return self.names.index(name)

    def _rows(self, cell: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        """The recorded seeds that episodes play, by position; 0 without a table."""
        count = np.array([max(1, len(rows)) for rows in self.rows])
        table = np.zeros((len(self.rows), count.max()), np.int64)
        for c, rows in enumerate(self.rows):
            table[c, :len(rows)] = rows
        return table[cell, below(count[cell], seeds, STREAMS["recorded"])]

    def _row_of(self, cell: int, wanted: Any) -> int:
        """The position of a recorded seed that was asked for."""
        seeds = self.tables[cell].seeds
        if wanted not in seeds:
            raise ScenarioError(f"{self.names[cell]} has no seed {wanted!r}", "reset: seed",
                                f"recorded: {', '.join(map(str, seeds))}")
        return seeds.index(wanted)

    def _trained(self, cell: int, row: int, x: int, wanted: Any) -> int:
        """The seed of a live training: that of the recording, or one of its own."""
        if wanted is not None:
            return _whole(wanted)
        table = self.tables[cell]
        return int(x) % LIVE_SEEDS if table is None else table.seeds[row]

    def seeds_of(self, drawn: Drawn) -> np.ndarray:
        """The seeds as users know them: recorded ones, or those that were drawn; (E,)."""
        if self.backend != "tabular":
            return drawn.seed
        return np.array([self.tables[c].seeds[r] for c, r in zip(
            drawn.cell, drawn.row, strict=True)], np.int64).astype(np.uint64)

    def case_of(self, cell: int, row: int, seed: int) -> Case:
        """The case that a replica plays."""
        if self.case is not None:
            return self.case
        table = None if self.backend == "parametric" else self.tables[cell]
        return Case(self.cells[cell], self.backend, table, -1 if table is None else row, seed)


def _shown(scenario: Scenario, cell: Cell) -> list[Cell]:
    """The cell of a case; where the one-hot tells cells apart, among those of the scenario."""
    some = scenario.options.env.show_task and cell in scenario.cells
    return list(scenario.cells) if some else [cell]


def _whole(seed: Any) -> int:
    """A seed that was asked for."""
    if not isinstance(seed, int | np.integer) or not 0 <= seed < SEEDS:
        raise ScenarioError(f"{seed!r} is no seed", "reset: seed",
                            "give an integer from 0 on, below 2**64")
    return int(seed)
