"""Tables from CSV, CSV.gz, Parquet and JSON as typed numpy columns; errors name line and column.

    table = read_table("my.csv", {"arrival_ms": Column(float), "qos": Column(int, default=0)})
    table.refuse(table["arrival_ms"] < 0, "arrival_ms", "is negative", "start the clock at 0")
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from envs.core.errors import SuiteError, TraceError, nearest
from envs.core.files import FORMATS, Raw, read_raw, suffix_of, write_whole


@dataclass(frozen=True)
class Column:
    """What a column holds; a default stands for empty cells and for a column that is absent."""

    kind: type = float      # float (finite), int or str
    default: Any = None     # None: the column is required and has no empty cell


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length that remember where they were read."""

    path: Path
    columns: dict[str, np.ndarray]
    given: frozenset[str]            # columns of the file, not filled by a default
    lines: np.ndarray | None = None  # line of each row in a text file
    error: type[SuiteError] = TraceError

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def where(self, row: int, column: str = "") -> str:
        """`file.csv, line 3, column slo_ms`."""
        return _where(self.path, self.lines, row, column)

    def refuse(self, bad: np.ndarray, column: str, what: str, remedy: str = "") -> None:
        """Raise the table's error at the first row where `bad` holds, naming the value."""
        if bad.any():
            row = int(np.argmax(bad))
            value = self.columns[column][row]
            raise self.error(f"{value} {what}", self.where(row, column), remedy)

    def coded(self, column: str) -> tuple[tuple[str, ...], np.ndarray]:
        """The distinct texts in code-point order, and the index of each row's text among them."""
        import polars as pl

        texts = pl.Series(self.columns[column], dtype=pl.String)
        codes = texts.rank("dense").to_numpy().astype(np.int32) - np.int32(1)
        return tuple(texts.unique().sort().to_list()), codes


def read_table(
    path: str | Path, columns: Mapping[str, Column], *, error: type[SuiteError] = TraceError,
    needs_rows: bool = True,
) -> Table:
    """The named columns of a table file; anything else in it, or missing, is one clear error."""
    path = Path(path)
    raw = read_raw(path, error)
    _check_header(path, raw, columns, error)
    if needs_rows and raw.frame.height == 0:
        raise error("the table has no rows", str(path), "give it at least one row")
    typed = {
        name: _typed(path, raw, name, column, error)
        if name in raw.frame.columns else _filled(column, raw.frame.height)
        for name, column in columns.items()
    }
    return Table(path, typed, frozenset(raw.frame.columns), raw.lines, error)


def write_table(path: str | Path, columns: Mapping[str, Any]) -> None:
    """Write columns in the format that the file name says, whole or not at all; NaN is empty."""
    import polars as pl

    path = Path(path)
    write = FORMATS[suffix_of(path, TraceError)].write
    frame = pl.DataFrame([_series(name, np.asarray(values)) for name, values in columns.items()])
    frame = frame.with_columns(pl.col(pl.Float64).fill_nan(None))
    write_whole(path, write(frame))


def _series(name: str, values: np.ndarray) -> Any:
    """A column to write; objects are texts or None."""
    import polars as pl

    if values.dtype == object:
        return pl.Series(name, values.tolist(), dtype=pl.String)
    return pl.Series(name, values)


def _where(path: Path, lines: np.ndarray | None, row: int, column: str) -> str:
    place = f"row {row + 1}" if lines is None else f"line {lines[row]}"
    return f"{path}, {place}" + (f", column {column}" if column else "")


def _check_header(
    path: Path, raw: Raw, columns: Mapping[str, Column], error: type[SuiteError]
) -> None:
    found = raw.frame.columns
    for name in found:
        if name not in columns:
            raise error(f'unknown column "{name}"', str(path), nearest(name, columns))
    for name, column in columns.items():
        if column.default is None and name not in found:
            raise error(f'no column "{name}"', str(path), "found: " + ", ".join(found))


def _filled(column: Column, rows: int) -> np.ndarray:
    return np.full(rows, column.default, object if column.kind is str else column.kind)


def _typed(
    path: Path, raw: Raw, name: str, column: Column, error: type[SuiteError]
) -> np.ndarray:
    import polars as pl

    given = raw.frame[name]
    if given.dtype != pl.String and not given.dtype.is_numeric():
        if column.kind is not str:
            raise error(f"the column holds {given.dtype}", f"{path}, column {name}",
                        "write it as numbers")
        given = given.cast(pl.String)
    if given.dtype == pl.String:
        given = given.str.strip_chars()
        given = given.set(given == "", None)
    empty = given.is_null()
    if column.default is None and empty.any():
        raise error("the cell is empty", _where(path, raw.lines, empty.arg_max(), name))
    values, bad = _TYPES[column.kind](given)
    bad = bad & ~empty
    if bad.any():
        row = bad.arg_max()
        wanted = {float: "a finite number", int: "an integer"}[column.kind]
        raise error(f'"{given[row]}" is not {wanted}', _where(path, raw.lines, row, name))
    filled = values if column.default is None else values.fill_null(column.default)
    return filled.to_numpy().astype(object if column.kind is str else column.kind)


def _floats(given: Any) -> tuple[Any, Any]:
    import polars as pl

    values = given.cast(pl.Float64, strict=False)
    return values, ~values.is_finite().fill_null(False)


def _integers(given: Any) -> tuple[Any, Any]:
    import polars as pl

    real = given.cast(pl.Float64, strict=False)
    values = given.cast(pl.Int64, strict=False) if given.dtype == pl.String else given
    values = values.zip_with(values.is_not_null(), real).cast(pl.Int64, strict=False)
    whole = real.is_finite() & (real == real.floor())
    return values, ~(whole & values.is_not_null()).fill_null(False)


def _texts(given: Any) -> tuple[Any, Any]:
    import polars as pl

    values = given.cast(pl.String)
    return values, pl.Series([False]).new_from_index(0, len(values))


_TYPES = {float: _floats, int: _integers, str: _texts}
