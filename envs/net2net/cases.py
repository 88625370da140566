"""One job to play: a cell under one seed on one back-end."""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from envs.net2net.cells import Cell

if TYPE_CHECKING:
    from envs.net2net.replay import Table


@dataclass(frozen=True, eq=False)
class Case:
    """A training job; `row` is the position of its recorded seed in the table, -1 without."""

    cell: Cell
    backend: str                    # parametric | tabular | live
    table: Table | None = None      # None on the parametric back-end
    row: int = -1
    seed: int = 0                   # the recorded seed; parametric and unrecorded: x

    @property
    def mean(self) -> bool:
        """Whether the table shows means over seeds."""
        return self.table is not None and self.table.averaged

    @property
    def name(self) -> str:
        """`pair_max@1500/depth seed 5`."""
        return f"{self.cell.name} " + ("means" if self.mean else f"seed {self.seed}")
