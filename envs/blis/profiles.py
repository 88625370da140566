"""Profiles: the measured latency of every variant on every accelerator, read and checked."""
from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envs.core.errors import ScenarioError, nearest
from envs.core.options import as_mapping, as_number

REQUIRED = ("family", "variant", "accelerator", "batch_size", "latency_ms", "accuracy")
OPTIONAL = ("load_ms", "size_mb", "params_million")
IGNORED = ("params_source", "derived")
BYTES_PER_PARAMETER = 4     # float32 weights
LARGEST_BATCH = 65_536


@dataclass
class Variant:
    """One trained model of a family; latencies and load times in ms by profile column."""

    family: str
    name: str
    accuracy: float
    size_mb: float | None = None
    latency_ms: dict[str, dict[int, float]] = field(default_factory=dict)
    load_ms: dict[str, float] = field(default_factory=dict)


def read_profile(path: Path) -> tuple[Variant, ...]:
    """The variants of a CSV or Parquet file, one row per measurement."""
    found: dict[tuple[str, str], Variant] = {}
    for where, row in _rows(path):
        _add_row(found, row, where)
    if not found:
        raise ScenarioError("the profile is empty", str(path), "add one row per measurement")
    for variant in found.values():
        _check_sizes(variant, str(path))
    return tuple(found.values())


def from_entries(entries: Sequence[Mapping[str, Any]], where: str) -> tuple[Variant, ...]:
    """Variants written inline: one object each, `latency_ms[column][batch size]`."""
    found: dict[tuple[str, str], Variant] = {}
    for i, entry in enumerate(entries):
        place = f"{where}[{i}]"
        for row in _flatten(as_mapping(entry, place), place):
            _add_row(found, row, place)
    for variant in found.values():
        _check_sizes(variant, where)
    return tuple(found.values())


def _flatten(entry: Mapping[str, Any], where: str) -> Iterator[dict[str, Any]]:
    """The rows that an inline variant stands for."""
    known = ("family", "variant", "accuracy", "latency_ms", "load_ms", "size_mb", "params_million")
    for key in entry:
        if key not in known:
            raise ScenarioError("unknown key", f"{where}.{key}", nearest(key, known))
    shared = {k: entry[k] for k in ("family", "variant", "accuracy", "size_mb", "params_million")
              if k in entry}
    loads = as_mapping(entry.get("load_ms", {}), f"{where}.load_ms")
    for column, table in as_mapping(entry.get("latency_ms", {}), f"{where}.latency_ms").items():
        load = {"load_ms": loads[column]} if column in loads else {}
        for batch, latency in as_mapping(table, f"{where}.latency_ms.{column}").items():
            yield {**shared, **load, "accelerator": column, "batch_size": batch,
                   "latency_ms": latency}


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, row) of every measurement; columns are checked first."""
    if not path.is_file():
        raise ScenarioError("no such profile", str(path), "give a CSV or Parquet file")
    if path.suffix == ".parquet":
        yield from _parquet_rows(path)
        return
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            _check_columns(reader.fieldnames or [], f"{path}, line 1")
            for row in reader:
                where = f"{path}, line {reader.line_num}"
                if None in row or None in row.values():
                    raise ScenarioError("wrong number of columns", where,
                                        f"give {len(reader.fieldnames)} values")
                yield where, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise ScenarioError("is no CSV file", str(path), str(error)) from None


def _parquet_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    import polars

    try:
        frame = polars.read_parquet(path)
    except (polars.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ScenarioError("is no complete Parquet file", str(path), reason) from None
    _check_columns(frame.columns, str(path))
    for i, row in enumerate(frame.iter_rows(named=True), start=1):
        yield f"{path}, row {i}", row


def _check_columns(columns: Sequence[str], where: str) -> None:
    for name in REQUIRED:
        if name not in columns:
            raise ScenarioError(f'column "{name}" is missing', where,
                                "needed: " + ", ".join(REQUIRED))
    known = (*REQUIRED, *OPTIONAL, *IGNORED)
    for name in columns:
        if name not in known:
            raise ScenarioError(f'unknown column "{name}"', where, nearest(name, known))


def _add_row(found: dict[tuple[str, str], Variant], row: Mapping[str, Any], where: str) -> None:
    for name in REQUIRED:
        if row.get(name) in (None, ""):
            raise ScenarioError(f'"{name}" is missing', where, "fill it in")
    family, name, column = (str(row[k]) for k in ("family", "variant", "accelerator"))
    accuracy = _real(row, "accuracy", where, low=0, high=100)
    size = _size_mb(row, where)
    variant = found.setdefault((family, name), Variant(family, name, accuracy, size))
    label = f"{family}/{name}"
    if (variant.accuracy, variant.size_mb) != (accuracy, size):
        raise ScenarioError(f"accuracy or size of {label} differs from an earlier row", where,
                            "a variant has one accuracy and one size")
    _add_load(variant, column, row, where)
    table = variant.latency_ms.setdefault(column, {})
    batch = _batch_size(row["batch_size"], where)
    if batch in table:
        raise ScenarioError(f"second row for {label} on {column} at batch size {batch}", where,
                            "keep one")
    table[batch] = _real(row, "latency_ms", where, above=0)


def _add_load(variant: Variant, column: str, row: Mapping[str, Any], where: str) -> None:
    given = row.get("load_ms") not in (None, "")
    load = _real(row, "load_ms", where, low=0) if given else None
    before = variant.load_ms.get(column) if column in variant.latency_ms else load
    if before != load:
        raise ScenarioError(f"load_ms of {variant.family}/{variant.name} on {column} differs from "
                            "an earlier row", where, "a pair has one load time")
    if load is not None:
        variant.load_ms[column] = load


def _real(row: Mapping[str, Any], key: str, where: str, **limits: float) -> float:
    try:
        value = float(row[key])
    except (TypeError, ValueError):
        value = math.nan
    return as_number(value if math.isfinite(value) else row[key], f"{where}, {key}", **limits)


def _size_mb(row: Mapping[str, Any], where: str) -> float | None:
    if row.get("size_mb") not in (None, ""):
        return _real(row, "size_mb", where, low=0)
    if row.get("params_million") not in (None, ""):
        return BYTES_PER_PARAMETER * _real(row, "params_million", where, low=0)
    return None


def _batch_size(value: Any, where: str) -> int:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (1 <= number <= LARGEST_BATCH and number == int(number)):
        raise ScenarioError(f"batch size {value!r} is no positive integer", where,
                            f"write 1, 2, ... up to {LARGEST_BATCH}")
    return int(number)


def _check_sizes(variant: Variant, where: str) -> None:
    for column, table in variant.latency_ms.items():
        if 1 not in table:
            raise ScenarioError(f"{variant.family}/{variant.name} on {column} has no batch size 1",
                                where, "measure batch size 1")
