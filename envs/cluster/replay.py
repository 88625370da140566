"""The trace of the domain: jobs by number; read, checked, cut into windows, written.

    trace = read_trace("my_jobs.csv")
    train, validation, test = trace.split()

A job's number is its place by (arrival, line of the file); it breaks every tie.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from envs.cluster.units import FARTHEST_S
from envs.core.errors import ScenarioError, TraceError, nearest
from envs.core.tables import Column, Table, read_table, write_table
from envs.core.workloads import TRAIN, VALIDATION

UNSET = int(np.iinfo(np.int64).min)     # stands for an empty cell that gets another column's value
COLUMNS = {
    "arrival_s": Column(float),
    "gpus": Column(int),
    "duration_s": Column(float),
    "class": Column(str, default="0"),
    "tenant": Column(int, default=0),
    "priority": Column(int, default=0),
    "deadline_s": Column(float, default=np.inf),
    "estimate_s": Column(float, default=np.nan),
    "gpu_type": Column(str, default=""),
    "min_gpus": Column(int, default=UNSET),
    "max_gpus": Column(int, default=UNSET),
}
LABELS = {"name": Column(str, default=""), "user": Column(str, default=""),
          "status": Column(str, default="")}
INT4 = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Trace:
    """Jobs by number; `cls` and `gpu_type` are indices into `classes` and `gpu_types`."""

    name: str
    classes: tuple[str, ...]
    gpu_types: tuple[str, ...]
    arrival_s: np.ndarray       # f8, whole microseconds, not decreasing
    gpus: np.ndarray            # i4
    duration_s: np.ndarray      # f8, on `gpus` GPUs of the reference type
    cls: np.ndarray             # i4
    tenant: np.ndarray          # i4
    priority: np.ndarray        # i8
    deadline_s: np.ndarray      # f8, inf without one
    estimate_s: np.ndarray      # f8
    gpu_type: np.ndarray        # i4, -1 for any
    min_gpus: np.ndarray        # i4
    max_gpus: np.ndarray        # i4
    line: np.ndarray            # i4, row of the file, from 0
    labels: dict[str, np.ndarray] = field(default_factory=dict)     # name, user, status as text
    source: str = ""            # the file, for messages
    file_line: np.ndarray | None = None     # line of each job in a text file

    @classmethod
    def from_rows(cls, jobs: Iterable[Mapping[str, Any]], name: str = "jobs") -> Trace:
        """From mappings with the columns as keys; class and GPU type by name or number."""
        rows = [dict(job) for job in jobs]
        if not rows:
            raise ScenarioError("the trace is empty", name, "give it at least one job")
        known = COLUMNS | LABELS
        given = dict.fromkeys(key for row in rows for key in row)
        for key in given:
            if key not in known:
                raise TraceError(f'unknown column "{key}"', name, nearest(key, known))
        table = Table(Path(name), {}, frozenset(given))
        for key, kind in known.items():
            table.columns[key] = _cells([row.get(key) for row in rows], kind, table, key)
        return _trace(_checked(table), name, "")

    @classmethod
    def from_columns(cls, columns: Mapping[str, np.ndarray], name: str, source: str = "",
                     lines: np.ndarray | None = None) -> Trace:
        """From arrays of equal length by column name; what is missing gets its default."""
        rows = len(next(iter(columns.values())))
        if not rows:
            raise ScenarioError("the trace is empty", source or name, "give it at least one job")
        filled = {key: np.asarray(columns[key]) if key in columns
                  else np.full(rows, kind.default, object if kind.kind is str else kind.kind)
                  for key, kind in (COLUMNS | LABELS).items()}
        table = Table(Path(source or name), filled, frozenset(columns), lines)
        return _trace(_checked(table), name, source)

    def __len__(self) -> int:
        return len(self.arrival_s)

    @property
    def end_s(self) -> float:
        """The last arrival, 0 without jobs."""
        return float(self.arrival_s[-1]) if len(self) else 0.0

    def job(self, number: int) -> str:
        """What messages call a job: its name, or `job 3`."""
        name = str(self.labels["name"][number]) if "name" in self.labels else ""
        return name or f"job {number}"

    def where(self, number: int, column: str = "") -> str:
        """`file.csv, line 3, column gpus`; without a file, `jobs, job 3, column gpus`."""
        if self.file_line is not None:
            place = f"{self.source}, line {self.file_line[number]}"
        else:
            place = f"{self.source or self.name}, {self.job(number)}"
        return place + (f", column {column}" if column else "")

    def class_names(self) -> np.ndarray:
        """The class of each job by name."""
        return np.array(self.classes, object)[self.cls]

    def gpu_type_names(self) -> np.ndarray:
        """The only GPU type of each job by name, None for any."""
        return np.array([*self.gpu_types, None], object)[self.gpu_type]

    def rows(self, index: Any) -> Trace:
        """The jobs of a slice, a mask or an index array, in that order."""
        arrays = {name: getattr(self, name)[index] for name in ARRAYS}
        labels = {name: values[index] for name, values in self.labels.items()}
        lines = None if self.file_line is None else self.file_line[index]
        return replace(self, **arrays, labels=labels, file_line=lines)

    def window(self, first: int, count: int) -> Trace:
        """`count` consecutive jobs from number `first`, on a clock that starts with the first."""
        if not 0 <= first <= first + count <= len(self):
            raise ScenarioError(f"a window of {count} jobs from job {first} lies outside the trace",
                                self.name, f"the trace has {len(self)} jobs")
        part = self.rows(slice(first, first + count))
        return part.shifted(float(part.arrival_s[0])) if count else part

    def shifted(self, start_s: float) -> Trace:
        """The same jobs on a clock that starts at `start_s` of this one."""
        return replace(self, arrival_s=_less(self.arrival_s, start_s),
                       deadline_s=_less(self.deadline_s, start_s))

    def split(self) -> tuple[Trace, Trace, Trace]:
        """Training, validation and test part: the first 70, next 10 and last 20 % of the time."""
        edges = [TRAIN * self.end_s, (TRAIN + VALIDATION) * self.end_s]
        first, second = np.searchsorted(self.arrival_s, edges).tolist()
        return (self.window(0, first), self.window(first, second - first),
                self.window(second, len(self) - second))

    def at_load(self, factor: float) -> Trace:
        """The same jobs arriving `factor` times as fast; the time to a deadline is kept."""
        arrival = microseconds(self.arrival_s / factor) / 1e6
        return replace(self, arrival_s=arrival,
                       deadline_s=self.deadline_s - self.arrival_s + arrival)

    def rho(self, gpus: int) -> float:
        """Offered load: GPU time asked for over that of `gpus` GPUs while jobs arrive."""
        span = float(self.arrival_s[-1] - self.arrival_s[0]) if len(self) else 0.0
        work = float((self.gpus * self.duration_s).sum())
        return work / (gpus * span) if span > 0 else float("inf")


ARRAYS = ("arrival_s", "gpus", "duration_s", "cls", "tenant", "priority", "deadline_s",
          "estimate_s", "gpu_type", "min_gpus", "max_gpus", "line")


def read_trace(path: str | Path) -> Trace:
    """The domain's own table (CSV, CSV.gz, Parquet or JSON); a mistake is a `TraceError`."""
    path = Path(path)
    table = read_table(path, COLUMNS | LABELS, needs_rows=False)
    if not len(table):
        raise ScenarioError("the trace is empty", str(path), "give it at least one job")
    return _trace(_checked(table), path.name.split(".")[0], str(path))


def write_trace(trace: Trace, path: str | Path) -> None:
    """One table in the order of job numbers; columns that hold only defaults are left out."""
    columns = {"arrival_s": trace.arrival_s, "gpus": trace.gpus, "duration_s": trace.duration_s}
    optional = {
        "class": (trace.class_names(), trace.classes != ("0",)),
        "tenant": (trace.tenant, trace.tenant.any()),
        "priority": (trace.priority, trace.priority.any()),
        "deadline_s": (np.where(trace.deadline_s < np.inf, trace.deadline_s, np.nan),
                       (trace.deadline_s < np.inf).any()),
        "estimate_s": (trace.estimate_s, (trace.estimate_s != trace.duration_s).any()),
        "gpu_type": (trace.gpu_type_names(), (trace.gpu_type >= 0).any()),
        "min_gpus": (trace.min_gpus, (trace.min_gpus != trace.gpus).any()),
        "max_gpus": (trace.max_gpus, (trace.max_gpus != trace.gpus).any()),
    }
    columns |= {name: values for name, (values, wanted) in optional.items() if wanted}
    write_table(path, columns | trace.labels)


def microseconds(seconds: np.ndarray) -> np.ndarray:
    """Seconds as whole microseconds, still floats."""
    return np.floor(seconds * 1e6 + 0.5)


def _less(seconds: np.ndarray, start_s: float) -> np.ndarray:
    """A difference of times that stays a decimal of whole microseconds."""
    return (microseconds(seconds) - microseconds(np.float64(start_s))) / 1e6


def _cells(values: Sequence[Any], kind: Column, table: Table, column: str) -> np.ndarray:
    filled = [kind.default if value is None else value for value in values]
    if kind.kind is str:
        return np.array([str(value) for value in filled], object)
    for row, value in enumerate(values):
        missing = value is None and kind.default is not None
        if not missing and not _is_number(value, kind.kind):
            raise TraceError(f"{value!r} is not a finite {kind.kind.__name__}",
                             table.where(row, column))
    return np.array(filled, kind.kind)


def _is_number(value: Any, kind: type) -> bool:
    if not isinstance(value, int | float | np.number) or not np.isfinite(value):
        return False
    return kind is float or (abs(value) < 2**63 and value == int(value))


def _checked(table: Table) -> Table:
    gpus = table["gpus"]
    table.refuse(table["arrival_s"] < 0, "arrival_s", "is negative", "the clock starts at 0")
    table.refuse(microseconds(table["duration_s"]) < 1, "duration_s", "is not positive",
                 "a job takes at least a microsecond")
    for column in ("arrival_s", "duration_s"):
        table.refuse(table[column] > FARTHEST_S, column, f"is more than {FARTHEST_S:g} s")
    table.refuse(gpus < 1, "gpus", "is less than 1", "a job needs at least one GPU")
    for column in ("gpus", "tenant"):
        table.refuse(table[column] > INT4, column, f"is more than {INT4}")
    table.refuse(table["tenant"] < 0, "tenant", "is negative", "tenants count from 0")
    for column in ("min_gpus", "max_gpus"):
        table.columns[column] = np.where(table[column] == UNSET, gpus, table[column])
    low, high = table["min_gpus"], table["max_gpus"]
    table.refuse(low < 1, "min_gpus", "is less than 1", "a job needs at least one GPU")
    table.refuse(low > gpus, "min_gpus", "is more than gpus", "keep min_gpus <= gpus <= max_gpus")
    table.refuse(high < gpus, "max_gpus", "is less than gpus", "keep min_gpus <= gpus <= max_gpus")
    table.refuse(high > INT4, "max_gpus", f"is more than {INT4}")
    estimate = table["estimate_s"]
    table.refuse(estimate <= 0, "estimate_s", "is not positive", "leave it out if it is not known")
    table.columns["estimate_s"] = np.where(np.isnan(estimate), table["duration_s"], estimate)
    _check_names(table)
    return table


def _check_names(table: Table) -> None:
    if "name" not in table.given:
        return
    names = table["name"].astype(str)
    order = np.argsort(names, kind="stable")
    again = np.zeros(len(names), bool)
    again[order[1:]] = (names[order][1:] == names[order][:-1]) & (names[order][1:] != "")
    table.refuse(again, "name", "is the name of an earlier job", "give each job a name of its own")


def _trace(table: Table, name: str, source: str) -> Trace:
    """The jobs of a checked table, by number."""
    classes, cls = table.coded("class")
    types, gpu_type = table.coded("gpu_type")
    if types[0] == "":
        types, gpu_type = types[1:], gpu_type - np.int32(1)
    small = {c: table[c].astype(np.int32) for c in ("gpus", "tenant", "min_gpus", "max_gpus")}
    same = {c: table[c] for c in ("duration_s", "priority", "deadline_s", "estimate_s")}
    trace = Trace(
        name, classes, types, arrival_s=microseconds(table["arrival_s"]) / 1e6, cls=cls,
        gpu_type=gpu_type, line=np.arange(len(table), dtype=np.int32), **small, **same,
        labels={c: table[c] for c in LABELS if c in table.given}, source=source,
        file_line=table.lines)
    return trace.rows(np.argsort(trace.arrival_s, kind="stable"))
