"""Cells of foreign tables as polars columns: numbers and times, empty where the source has none."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from envs.core.errors import TraceError
from envs.core.files import Raw, read_csv

if TYPE_CHECKING:
    import polars as pl

EMPTY = ("", "None", "none", "NULL", "null", "NaN", "nan", "N/A", "Unknown")
CLOCK = "%Y-%m-%d %H:%M:%S"
ISO_CLOCK = "%Y-%m-%dT%H:%M:%S"


class Cells:
    """The text cells of a source by column name; what stands for nothing is null."""

    def __init__(self, path: Path, raw: Raw):
        self.path, self.frame, self.lines = path, raw.frame, raw.lines

    @classmethod
    def read(cls, path: Path, columns: Sequence[str], separator: str = ",",
             header: bool = True) -> Cells:
        """The table of a file, which must have these columns (all of them, without a header)."""
        raw = read_csv(path, TraceError, separator, None if header else columns)
        missing = [name for name in columns if name not in raw.frame.columns]
        if missing:
            raise TraceError(f'no column "{missing[0]}"', str(path),
                             "found: " + ", ".join(raw.frame.columns))
        return cls(path, raw)

    def text(self, column: str) -> pl.Series:
        """The cells without surrounding blanks."""
        import polars as pl

        cells = self.frame[column].cast(pl.String).str.strip_chars()
        return cells.set(cells.is_in(list(EMPTY)), None)

    def number(self, column: str) -> pl.Series:
        """The cells as finite floats; other text is a `TraceError`."""
        import polars as pl

        cells = self.text(column)
        values = cells.cast(pl.Float64, strict=False)
        return self._checked(cells, values.set(~values.is_finite(), None), column, "a number")

    def clock(self, column: str, form: str = CLOCK) -> pl.Series:
        """The cells as seconds since 1970; other text is a `TraceError`."""
        import polars as pl

        cells = self.text(column)
        stamps = cells.str.to_datetime(form, time_unit="us", strict=False)
        values = stamps.cast(pl.Int64).cast(pl.Float64) / 1e6
        return self._checked(cells, values, column, f"a time like {form}")

    def _checked(self, cells: pl.Series, values: pl.Series, column: str, what: str) -> pl.Series:
        bad = values.is_null() & cells.is_not_null()
        if bad.any():
            row = bad.arg_max()
            place = f"line {self.lines[row]}" if self.lines is not None else f"row {row + 1}"
            raise TraceError(f'"{cells[row]}" is not {what}', f"{self.path}, {place}, "
                             f"column {column}")
        return values

    def line_numbers(self) -> np.ndarray:
        """The line of each row, from 1; its place where the source has no lines."""
        return np.arange(1, len(self.frame) + 1) if self.lines is None else self.lines
