"""Slurm accounting: `sacct -P -o JobID,Submit,Start,End,State,AllocTRES,ReqTRES,...`."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from envs.cluster.importers.cells import ISO_CLOCK, Cells
from envs.cluster.importers.draft import Draft
from envs.cluster.importers.options import ImportOptions
from envs.core.errors import TraceError

if TYPE_CHECKING:
    import polars as pl

COLUMNS = ("JobID", "Submit", "Start", "End", "State")
TRES = ("AllocTRES", "ReqTRES")
TENANT = ("Account", "Partition", "User")       # the first one that the file has
GPUS = r"(?:^|,)gres/gpu=(\d+)"


def read(path: Path, _options: ImportOptions) -> Draft:
    """Jobs with GPUs; steps (`123.batch`) are skipped, the tenant is the account."""
    import polars as pl

    cells = Cells.read(path, COLUMNS, "|")
    start = cells.clock("Start", ISO_CLOCK)
    step = cells.text("JobID").str.contains(".", literal=True).fill_null(False)
    draft = Draft(
        cells, arrival_s=cells.clock("Submit", ISO_CLOCK), gpus=_gpus(cells),
        duration_s=cells.clock("End", ISO_CLOCK) - start, name=cells.text("JobID"), step=step,
        user=_first(cells, ("User",)), status=cells.text("State").str.split(" ").list.first(),
        tenant=_first(cells, TENANT))
    draft.drop(pl.col("step"), "steps of jobs")
    return draft


def _gpus(cells: Cells) -> pl.Series:
    """GPUs that were allocated, else those that were asked for."""
    import polars as pl

    found = [cells.text(name).str.extract(GPUS).cast(pl.Float64) for name in TRES
             if name in cells.frame.columns]
    if not found:
        raise TraceError("no column AllocTRES or ReqTRES", str(cells.path),
                         "run sacct with -o ...,AllocTRES,ReqTRES")
    gpus = found[0] if len(found) == 1 else found[0].fill_null(found[1])
    return gpus.fill_null(0.0)


def _first(cells: Cells, names: tuple[str, ...]) -> pl.Series | None:
    found = [name for name in names if name in cells.frame.columns]
    return cells.text(found[0]) if found else None
