"""The trace of the domain: requests in order; read, checked, cut into windows, written.

    trace = read_trace("my_requests.csv", default_slo_ms=300)
    train, validation, test = trace.split()
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from envs.blis import importers
from envs.core.errors import TraceError
from envs.core.tables import Column, Table, read_table, write_table
from envs.core.workloads import TRAIN, VALIDATION

COLUMNS = {
    "arrival_ms": Column(float),
    "family": Column(str),
    "slo_ms": Column(float, default=float("nan")),
    "qos": Column(int, default=0),
    "accuracy": Column(float, default=100.0),
}
EXTRA = {"context_tokens": Column(int, default=0), "generated_tokens": Column(int, default=0)}


@dataclass(frozen=True, eq=False)
class Trace:
    """Requests in trace order; `family` holds indices into `families`."""

    name: str
    families: tuple[str, ...]
    arrival_ms: np.ndarray      # f8, not decreasing
    family: np.ndarray          # i4
    slo_ms: np.ndarray          # f8
    qos: np.ndarray             # i4
    accuracy: np.ndarray        # f8, asked for, in percent
    extra: dict[str, np.ndarray] = field(default_factory=dict)  # ignored by the simulator

    @classmethod
    def from_rows(
        cls, rows: Iterable[Sequence[Any]], families: Sequence[str] | None = None,
        name: str = "rows", qos_levels: int | None = None,
    ) -> Trace:
        """From rows `[arrival_ms, family, slo_ms[, qos[, accuracy]]]`."""
        filled = [_complete(row, f"{name}, row {i}") for i, row in enumerate(rows, 1)]
        if not filled:
            raise TraceError("the trace is empty", name, "give it at least one request")
        table = Table(Path(name), {}, frozenset(COLUMNS))
        for i, (column, kind) in enumerate(COLUMNS.items()):
            table.columns[column] = _cells([row[i] for row in filled], kind, table, column)
        trace = _merged([_checked(table, None, qos_levels)], name, {})
        return trace if families is None else trace.ordered(families)

    def __len__(self) -> int:
        return len(self.arrival_ms)

    @property
    def end_ms(self) -> float:
        """The last arrival, 0 without requests."""
        return float(self.arrival_ms[-1]) if len(self) else 0.0

    def window(self, start_ms: float, length_ms: float | None = None) -> Trace:
        """Requests with `start <= arrival < start + length`, on a clock that starts there."""
        first = np.searchsorted(self.arrival_ms, start_ms)
        last = None if length_ms is None else np.searchsorted(self.arrival_ms,
                                                              start_ms + length_ms)
        part = self.rows(slice(first, last))
        return replace(part, arrival_ms=part.arrival_ms - start_ms)

    def split(self) -> tuple[Trace, Trace, Trace]:
        """Training, validation and test part: the first 70, next 10 and last 20 % of the time."""
        train = TRAIN * self.end_ms
        test = (TRAIN + VALIDATION) * self.end_ms
        return self.window(0, train), self.window(train, test - train), self.window(test)

    def rows(self, index: Any) -> Trace:
        """The requests of a slice, a mask or an index array."""
        arrays = {name: getattr(self, name)[index] for name in ARRAYS}
        return replace(self, **arrays, extra={k: v[index] for k, v in self.extra.items()})

    def ordered(self, families: Sequence[str]) -> Trace:
        """The same requests with the families in another order, which may name more of them."""
        missing = [name for name in self.families if name not in families]
        if missing:
            raise TraceError(f'family "{missing[0]}" is not in the list', self.name,
                             "add it to the families")
        place = np.array([list(families).index(name) for name in self.families], np.int32)
        return replace(self, families=tuple(families), family=place[self.family])

    def scaled(self, time_scale: float) -> Trace:
        """Arrival times multiplied: 0.1 is ten times the rate."""
        return replace(self, arrival_ms=self.arrival_ms * time_scale)

    def family_slo_ms(self) -> dict[str, float]:
        """The smallest allowance of each family that has requests."""
        slo = np.full(len(self.families), np.inf)
        np.minimum.at(slo, self.family, self.slo_ms)
        return {name: float(s) for name, s in zip(self.families, slo, strict=True) if s < np.inf}

    def mean_demand(self, duration_ms: float | None = None) -> dict[str, float]:
        """Requests per second of each family, by default up to the last arrival."""
        duration_ms = self.end_ms if duration_ms is None else duration_ms
        counts = np.bincount(self.family, minlength=len(self.families))
        rates = counts * 1000 / duration_ms if duration_ms > 0 else counts * 0.0
        return dict(zip(self.families, rates.tolist(), strict=True))


ARRAYS = ("arrival_ms", "family", "slo_ms", "qos", "accuracy")
_DTYPES = {"arrival_ms": np.float64, "slo_ms": np.float64, "qos": np.int32,
           "accuracy": np.float64}


def read_trace(
    path: str | Path, *, default_slo_ms: float | None = None, qos_levels: int = 1,
    rename: Mapping[str, str] | None = None, time_scale: float = 1.0,
) -> Trace:
    """A table of requests, a folder of text files, or Azure files; a mistake is a `TraceError`."""
    path = Path(path)
    if not path.exists():
        raise TraceError("no such file or folder", str(path), "check the path")
    tables = importers.tables(path, qos_levels) or [read_table(path, COLUMNS | EXTRA)]
    checked = [_checked(table, default_slo_ms, qos_levels) for table in tables]
    return _merged(checked, path.name.split(".")[0], rename or {}).scaled(time_scale)


def write_trace(trace: Trace, path: str | Path) -> None:
    """One table (CSV, CSV.gz, Parquet or JSON); columns that hold only defaults are left out."""
    columns = {
        "arrival_ms": trace.arrival_ms,
        "family": np.array(trace.families, object)[trace.family].astype(str),
        "slo_ms": trace.slo_ms,
        **({"qos": trace.qos} if trace.qos.any() else {}),
        **({"accuracy": trace.accuracy} if (trace.accuracy != 100).any() else {}),
        **trace.extra,
    }
    write_table(path, columns)


def join(traces: Sequence[Trace], name: str) -> Trace:
    """Traces of the same families one after the other, times unchanged."""
    joined = {a: np.concatenate([getattr(t, a) for t in traces]) for a in ARRAYS}
    return Trace(name, traces[0].families, **joined)


def _complete(row: Sequence[Any], where: str) -> list[Any]:
    if not 3 <= len(row) <= 5:
        raise TraceError(f"{len(row)} fields instead of 3 to 5", where,
                         "write [arrival_ms, family, slo_ms, qos, accuracy]")
    return [*row, *(0, 100.0)[len(row) - 3:]]


def _cells(values: list[Any], kind: Column, table: Table, column: str) -> np.ndarray:
    if kind.kind is str:
        return np.array([str(v) for v in values], object)
    for row, value in enumerate(values):
        number = isinstance(value, int | float | np.number) and np.isfinite(value)
        if not number or (kind.kind is int and value != int(value)):
            raise TraceError(f"{value!r} is not a finite {kind.kind.__name__}",
                             table.where(row, column))
    return np.array(values, kind.kind)


def _checked(table: Table, default_slo_ms: float | None, qos_levels: int | None) -> Table:
    arrival, slo, qos = table["arrival_ms"], table["slo_ms"], table["qos"]
    table.refuse(arrival < 0, "arrival_ms", "is negative", "the clock starts at 0")
    back = np.append(False, np.diff(arrival) < 0)
    table.refuse(back, "arrival_ms", "goes back in time", "sort the rows by arrival time")
    missing = np.isnan(slo)
    if missing.any() and default_slo_ms is None:
        raise TraceError("no slo_ms", table.where(int(np.argmax(missing))),
                         "give every request one, or set default_slo_ms")
    table.refuse(slo <= 0, "slo_ms", "is not positive", "an allowance is longer than 0 ms")
    if qos_levels is not None:
        table.refuse((qos < 0) | (qos >= qos_levels), "qos",
                     f"is outside 0..{qos_levels - 1}", "set qos.levels to the number of levels")
    accuracy = table["accuracy"]
    table.refuse((accuracy < 0) | (accuracy > 100), "accuracy", "is outside 0..100",
                 "give percent of the best variant")
    if missing.any():
        table.columns["slo_ms"] = np.where(missing, default_slo_ms, slo)
    return table


def _merged(tables: Sequence[Table], name: str, rename: Mapping[str, str]) -> Trace:
    joined = {c: np.concatenate([t[c] for t in tables]) for c in COLUMNS}
    given = frozenset.intersection(*(t.given for t in tables))
    extra = {c: np.concatenate([t[c] for t in tables]) for c in EXTRA if c in given}
    whole = replace(tables[0], columns=joined)
    old, codes = whole.coded("family")
    new = [rename.get(n, n) for n in old]
    families = tuple(sorted(set(new)))
    place = np.array([families.index(n) for n in new], np.int32)
    arrays = {c: joined[c].astype(dtype) for c, dtype in _DTYPES.items()}
    trace = Trace(name, families, family=place[codes], **arrays, extra=extra)
    return trace.rows(np.argsort(trace.arrival_ms, kind="stable")) if len(tables) > 1 else trace
