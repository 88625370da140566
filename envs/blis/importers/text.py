"""A folder of text files, one per family: lines `t_ms,flag,slo_ms[,accuracy]`.

An integer flag is the QoS level where there are several levels and is ignored otherwise; a flag
with a decimal point is the asked accuracy, unless a fourth field gives one.
"""
from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from envs.core.errors import TraceError
from envs.core.files import read_text
from envs.core.tables import Table

Row = tuple[int, float, float, int, float]      # line, arrival, allowance, level, accuracy


def read(folder: Path, qos_levels: int = 1) -> list[Table]:
    """One table per family that has requests, in the order of the file names."""
    found = [_read_file(path, qos_levels) for path in sorted(folder.glob("*.txt"))]
    tables = [table for table in found if table is not None]
    if not tables:
        raise TraceError("no file holds a request", str(folder), "give lines t_ms,flag,slo_ms")
    return tables


def _read_file(path: Path, qos_levels: int) -> Table | None:
    rows = [
        _row(line, f"{path}, line {number}", number, qos_levels)
        for number, line in enumerate(read_text(path, TraceError).split("\n"), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not rows:
        return None
    lines, arrival, slo, qos, accuracy = (np.array(column) for column in zip(*rows, strict=True))
    columns = {"arrival_ms": arrival, "family": np.full(len(rows), path.stem, object),
               "slo_ms": slo, "qos": qos, "accuracy": accuracy}
    return Table(path, columns, frozenset(columns), lines)


def _row(line: str, where: str, number: int, qos_levels: int) -> Row:
    fields = [field.strip() for field in line.split(",")]
    if len(fields) not in (3, 4):
        raise TraceError(f"{len(fields)} fields instead of 3 or 4", where,
                         "write t_ms,flag,slo_ms[,accuracy]")
    arrival = _number(fields[0], where, "t_ms")
    level, accuracy = _flag(fields[1], where, qos_levels)
    slo = _number(fields[2], where, "slo_ms") if fields[2] else math.nan
    if len(fields) == 4:
        accuracy = _number(fields[3], where, "accuracy")
    return number, arrival, slo, level, accuracy


def _flag(text: str, where: str, qos_levels: int) -> tuple[int, float]:
    if "." in text:
        return 0, _number(text, where, "flag")
    try:
        level = int(text)
        return (level if qos_levels > 1 else 0), 100.0
    except ValueError:
        raise TraceError(f'"{text}" is not a number', f"{where}, column flag",
                         "write a QoS level or an accuracy like 80.0") from None


def _number(text: str, where: str, column: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise TraceError(f'"{text}" is not a finite number', f"{where}, column {column}")
    return value
