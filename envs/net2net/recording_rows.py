"""Rows of the two tables of a recording: typed, checked, written; errors name file and line."""
from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from envs.core.errors import TraceError
from envs.core.files import read_text, write_whole
from envs.net2net.cells import Cell
from envs.net2net.tree import unmasked

NODE = np.dtype([(name, "f8") for name in (
    "clock", "steps", "val_accuracy", "val_loss", "train_loss")])
LEAF = np.dtype([(name, "f8") for name in (
    "clock", "steps", "macs", "parameters", "val_accuracy", "test_accuracy", "val_loss",
    "test_loss")])
WHOLE = ("steps", "macs", "parameters")
COLUMN_OF = {"clock": "clock_ms"}       # field -> column, where they differ
REQUIRED = ("clock", "val_accuracy")    # of a leaf; all else may be empty: not measured


@dataclass(frozen=True)
class Kind:
    """One of the two tables."""

    name: str           # node | leaf
    dtype: np.dtype
    needed: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """The header."""
        return ["seed", self.name, *(COLUMN_OF.get(field, field) for field in self.dtype.names)]


NODES = Kind("node", NODE, ("clock",))
LEAVES = Kind("leaf", LEAF, REQUIRED)


def read_rows(path: Path, kind: Kind, cell: Cell, seeds: Sequence[int]
              ) -> tuple[np.ndarray, np.ndarray]:
    """Records (n, N or L) of the seeds and the line of each, 0 where there is none."""
    count = cell.nodes if kind is NODES else cell.leaves
    records = np.full((len(seeds), count), np.nan, kind.dtype)
    lines = np.zeros((len(seeds), count), np.int64)
    row_of = {seed: row for row, seed in enumerate(seeds)}
    for line, cells in _cells(path, kind):
        where = f"{path}:{line}"
        seed = _among(cells["seed"], "seed", row_of, where)
        number = _among(cells[kind.name], kind.name, range(count), where)
        place = row_of[seed], number
        if lines[place]:
            raise TraceError(f"seed {seed}, {kind.name} {number} is given twice "
                             f"(line {lines[place]})", where, "remove one")
        lines[place] = line
        if any(cells[column] for column in kind.columns[2:]):
            records[place] = _record(cells, kind, where)
    _check_complete(path, kind, cell, seeds, records, lines)
    return records, lines


def check_clocks(paths: Mapping[str, Path], cell: Cell, nodes: np.ndarray, leaves: np.ndarray,
                 lines: Mapping[str, np.ndarray]) -> None:
    """The clock never falls from a node to its child."""
    for name, records, first in (("node", nodes, 1), ("leaf", leaves, 0)):
        number = np.arange(first, records.shape[1])
        heap = number if name == "node" else number + cell.nodes
        before = nodes["clock"][:, (heap - 1) // cell.actions]
        falls = np.argwhere(records["clock"][:, first:] < before)
        if len(falls):
            row, at = falls[0]
            clock, parent = records["clock"][row, at + first], before[row, at]
            raise TraceError(f"{name} {number[at]}: clock {_brief(clock, parent)} is before its "
                             f"parent's {_brief(parent, clock)}",
                             f"{paths[name]}:{lines[name][row, at + first]}", "record it again")


def write_rows(path: Path, kind: Kind, seeds: Sequence[int], records: np.ndarray) -> None:
    """Write records (n, N or L), by seed, empty ones left out; `.gz` is packed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(kind.columns)
    for seed, row in zip(seeds, records, strict=True):
        for number in np.flatnonzero(~np.isnan(row["clock"])).tolist():
            writer.writerow([seed, number, *map(_text, kind.dtype.names, row[number].tolist())])
    data = text.getvalue().encode()
    write_whole(path, gzip.compress(data, 9, mtime=0) if path.suffix == ".gz" else data)


def _cells(path: Path, kind: Kind):
    """(line, column -> text) of each row."""
    rows = [(number, line) for number, line
            in enumerate(read_text(path, TraceError).splitlines(), 1) if line.strip()]
    if not rows:
        raise TraceError("the file is empty", f"{path}:1", "record it again")
    header = [name.strip() for name in rows[0][1].split(",")]
    for column in kind.columns:
        if column not in header:
            raise TraceError(f"missing column '{column}'", f"{path}:{rows[0][0]}",
                             "the file has " + ", ".join(header))
    for number, line in rows[1:]:
        texts = [text.strip() for text in line.split(",")]
        if len(texts) != len(header):
            raise TraceError(f"{len(texts)} fields instead of {len(header)}", f"{path}:{number}",
                             "every line needs as many fields as the header")
        yield number, dict(zip(header, texts, strict=True))


def _record(cells: Mapping[str, str], kind: Kind, where: str) -> tuple[float, ...]:
    return tuple(_measured(cells[COLUMN_OF.get(field, field)], field, field in kind.needed, where)
                 for field in kind.dtype.names)


def _measured(text: str, field: str, needed: bool, where: str) -> float:
    if not text and not needed:
        return math.nan
    value = number_of(text)
    if field.endswith("accuracy"):
        good, wanted = 0 <= value <= 1, "a number in [0, 1]"
    elif field in WHOLE:
        good, wanted = value >= 0 and value == value // 1, "an integer >= 0"
    else:
        good, wanted = value >= 0, "a number >= 0"
    if not good or math.isinf(value):
        raise TraceError(f"{COLUMN_OF.get(field, field)} must be {wanted}, found '{text}'", where)
    return value


def number_of(text: str) -> float:
    """The number of a text, nan where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _among(text: str, column: str, known: Mapping[int, int] | range, where: str) -> int:
    value = number_of(text)
    if value in known:
        return int(value)
    wanted = f"in 0..{len(known) - 1}" if isinstance(known, range) else \
        "one of " + ", ".join(map(str, known))
    raise TraceError(f"{column} must be {wanted}, found '{text}'", where)


def _check_complete(path: Path, kind: Kind, cell: Cell, seeds: Sequence[int],
                    records: np.ndarray, lines: np.ndarray) -> None:
    """Every sequence without a masked action is there, and no other."""
    expected = unmasked(cell)[0 if kind is NODES else 1]
    for seed, row, at in zip(seeds, records, lines, strict=True):
        if not at.any():
            raise incomplete(cell, seed)
        absent = np.flatnonzero(expected & (at == 0))
        if len(absent):
            line = _line_of_gap(lines, seeds.index(seed), int(absent[0]))
            raise TraceError(f"seed {seed} has no {kind.name} {absent[0]}", f"{path}:{line}",
                             "record it again")
        empty = np.flatnonzero(expected & np.isnan(row["clock"]))
        if len(empty):
            raise TraceError(f"seed {seed}, {kind.name} {empty[0]} is empty",
                             f"{path}:{at[empty[0]]}", "record it again")
        extra = np.flatnonzero(~expected & ~np.isnan(row["clock"]))
        if len(extra):
            raise TraceError(f"{kind.name} {extra[0]} takes a masked action",
                             f"{path}:{at[extra[0]]}", "leave it out")


def incomplete(cell: Cell, seed: int) -> TraceError:
    """A unit that was cut off."""
    return TraceError(f"unit {cell.name} seed {seed} is incomplete", "",
                      "run scripts/record_net2net.py again, it resumes")


def _line_of_gap(lines: np.ndarray, row: int, number: int) -> int:
    """The line of the missing row: that of the next one, or the one after the last."""
    later = np.concatenate([lines[row, number:], lines[row + 1:].ravel()])
    later = later[later > 0]
    return int(later[0]) if len(later) else int(lines.max()) + 1


def _brief(value: float, other: float) -> str:
    return repr(float(value)) if f"{value:.1f}" == f"{other:.1f}" else f"{value:.1f}"


def _text(field: str, value: float) -> str:
    if math.isnan(value):
        return ""
    return str(int(value)) if field in WHOLE else repr(value)
