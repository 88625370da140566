"""Jobs of a foreign source on their way into a trace: what is dropped is counted."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from envs.cluster.importers.cells import Cells
from envs.cluster.replay import COLUMNS, LABELS, Trace
from envs.core.errors import TraceError

if TYPE_CHECKING:
    import polars as pl

SHOWN_TENANTS = 20


@dataclass(frozen=True)
class Imported:
    """A trace, what was done to its source, and what that tells of the cluster."""

    trace: Trace
    notes: tuple[str, ...] = ()
    cluster: Mapping[str, Any] = field(default_factory=dict)    # keys of a cluster file


class Draft:
    """Columns of a source by the names of a trace; times are seconds on the source's clock."""

    def __init__(self, cells: Cells, **columns: pl.Series):
        import polars as pl

        self.path = cells.path
        known = {name: values for name, values in columns.items() if values is not None}
        self.frame = pl.DataFrame({**known, "line": cells.line_numbers()})
        self.has_lines = cells.lines is not None
        self.found = len(self.frame)
        self.notes: list[str] = []
        self.cluster: dict[str, Any] = {}

    def drop(self, bad: pl.Expr, why: str) -> None:
        """Leave out the jobs for which `bad` holds, and note how many."""
        bad = self.frame.select(bad.fill_null(True)).to_series()
        if bad.any():
            self.notes.append(f"{int(bad.sum())} dropped: {why}")
            self.frame = self.frame.filter(~bad)

    def note_shares(self) -> None:
        """Say how many jobs asked for a share of a GPU (column `share`) and got whole ones."""
        count = int(self.frame["share"].sum())
        if count:
            self.notes.append(f"{count} asked for a share of a GPU and have whole ones")

    def imported(self) -> Imported:
        """The trace, with arrivals from 0; jobs without GPUs, times or work are dropped."""
        import polars as pl

        self._check_whole()
        self.drop(pl.col("gpus") < 1, "no GPUs")
        self.drop(pl.col("arrival_s").is_null(), "no time of arrival")
        self.drop(pl.col("duration_s").is_null(), "not started or not ended")
        self.drop(pl.col("duration_s") <= 0, "ran for no time")
        if not len(self.frame):
            raise TraceError(f"none of {self.found} jobs can be used", str(self.path),
                             "; ".join(self.notes))
        trace = self._trace()
        counted = f"{len(trace)} of {self.found} jobs"
        return Imported(trace, (counted, *self.notes), self.cluster)

    def _check_whole(self) -> None:
        bad = (self.frame["gpus"] % 1 != 0).fill_null(False)
        if bad.any():
            row = bad.arg_max()
            raise TraceError(f"{self.frame['gpus'][row]:g} GPUs are no whole number",
                             f"{self.path}, line {self.frame['line'][row]}")

    def _trace(self) -> Trace:
        frame = self.frame
        start = frame["arrival_s"].min()
        columns = {"arrival_s": frame["arrival_s"] - start}
        if "deadline_s" in frame.columns:
            columns["deadline_s"] = (frame["deadline_s"] - start).fill_null(np.inf)
        if "tenant" in frame.columns:
            columns["tenant"] = self._tenants(frame["tenant"])
        for name in COLUMNS | LABELS:
            if name in frame.columns and name not in columns:
                columns[name] = frame[name]
        return Trace.from_columns(
            {name: _array(name, values) for name, values in columns.items()},
            self.path.name.split(".")[0], str(self.path),
            frame["line"].to_numpy() if self.has_lines else None)

    def _tenants(self, names: pl.Series) -> pl.Series:
        """Numbers from 0 in the order of job counts, largest first, then of names."""
        import polars as pl

        names = names.fill_null("(none)")
        counts = names.alias("name").value_counts().sort(["count", "name"],
                                                         descending=[True, False])
        shown = [f"{i} {name} ({count})" for i, (name, count)
                 in enumerate(counts.head(SHOWN_TENANTS).iter_rows())]
        more = len(counts) - len(shown)
        self.notes.append("tenants: " + ", ".join(shown) + (f", and {more} more" if more else ""))
        return names.replace_strict(counts["name"], pl.int_range(len(counts), eager=True))


def _array(name: str, values: pl.Series) -> np.ndarray:
    kind = (COLUMNS | LABELS)[name].kind
    if kind is str:
        return values.fill_null((COLUMNS | LABELS)[name].default).to_numpy().astype(object)
    return values.to_numpy().astype(kind)
