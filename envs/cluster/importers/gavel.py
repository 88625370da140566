"""Gavel (Narayanan et al., OSDI 2020; MIT): traces of 10 or 7 fields, durations by throughput."""
from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.cluster.importers.cells import Cells
from envs.cluster.importers.draft import Draft
from envs.cluster.importers.options import ImportOptions
from envs.core.errors import TraceError, nearest
from envs.core.files import read_text

TEN = ("job_type", "command", "working_directory", "num_steps_arg", "needs_data_dir", "total_steps",
       "scale_factor", "priority_weight", "SLO", "arrival_time")
SEVEN = ("job_type", "command", "num_steps_arg", "needs_data_dir", "total_steps", "arrival_time",
         "scale_factor")
SPREAD = "_unconsolidated"      # GPUs of one job on several nodes
KEY = re.compile(r"\('(.*)', (\d+)\)")
Job = tuple[str, int]           # type and number of GPUs


@dataclass(frozen=True)
class Throughputs:
    """Steps per second of each GPU type (and placement) by job."""

    steps: Mapping[str, Mapping[Job, float]]
    reference: str

    def types(self) -> list[str]:
        """The GPU types, the reference first, then by falling mean throughput."""
        names = [name for name in self.steps if not name.endswith(SPREAD)]
        mean = {name: sum(self.steps[name].values()) / len(self.steps[name]) for name in names}
        return sorted(names, key=lambda name: (name != self.reference, -mean[name]))

    def known(self, job: Job) -> bool:
        """Whether a duration can be told."""
        return self.steps[self.reference].get(job, 0.0) > 0

    def job_class(self, job: Job) -> dict[str, Any]:
        """The entry of a cluster file: speeds, and what is left of them on several nodes."""
        base = self.steps[self.reference][job]
        found: dict[str, Any] = {"name": class_name(*job), "speed": [
            round(self.steps[name].get(job, 0.0) / base, 6) for name in self.types()]}
        apart = self.steps.get(self.reference + SPREAD, {}).get(job, 0.0)
        if 0 < apart < base:
            factor = round(apart / base, 6)
            found["locality"] = [1.0, factor, factor]
        return found


def class_name(job_type: str, gpus: int) -> str:
    """`LM (batch size 5) x2`: the throughput table has an entry for each number of GPUs."""
    return f"{job_type} x{gpus}"


def read(path: Path, options: ImportOptions) -> Draft:
    """Jobs of known throughput; commands are ignored."""
    import polars as pl

    fields = read_text(path, TraceError).split("\n", 1)[0].count("\t") + 1
    columns = {10: TEN, 7: SEVEN}.get(fields)
    if columns is None:
        raise TraceError(f"{fields} fields between tabs", f"{path}, line 1", "give 10 or 7")
    cells = Cells.read(path, columns, "\t", header=False)
    table = read_throughputs(options.throughputs or _beside(path), options.reference)
    jobs = [(name, int(gpus)) for name, gpus in zip(
        cells.text("job_type").fill_null(""), cells.number("scale_factor").fill_null(0),
        strict=True)]
    known = pl.Series([table.known(job) for job in jobs])
    rate = pl.Series([table.steps[options.reference].get(job, 1.0) for job in jobs])
    duration = cells.number("total_steps") / rate.set(~known, 1.0)
    arrival = cells.number("arrival_time")
    draft = Draft(cells, arrival_s=arrival, gpus=cells.number("scale_factor"), duration_s=duration,
                  known=known, **{"class": pl.Series([class_name(*job) for job in jobs])},
                  **(_promises(cells, arrival, duration) if fields == 10 else {}))
    draft.drop(~pl.col("known"), f"no throughput on {options.reference} for job type and GPUs")
    used = sorted({job for job in jobs if table.known(job)})
    draft.cluster = {"types": table.types(), "classes": [table.job_class(job) for job in used]}
    return draft


def read_throughputs(path: Path, reference: str) -> Throughputs:
    """The entries for jobs that run alone."""
    try:
        content = json.loads(read_text(path, TraceError))
        steps = {name: dict(_alone(table)) for name, table in content.items()}
    except (json.JSONDecodeError, AttributeError, TypeError, ValueError) as problem:
        raise TraceError(f"is no table of throughputs ({problem})", str(path),
                         "give Gavel's {GPU type: {job: {null: steps per second}}}") from None
    if reference not in steps:
        raise TraceError(f'no GPU type "{reference}"', str(path), nearest(reference, steps))
    return Throughputs(steps, reference)


def _alone(table: Mapping[str, Any]) -> list[tuple[Job, float]]:
    found = []
    for text, rates in table.items():
        match = KEY.fullmatch(text)
        if match and "null" in rates:
            found.append(((match[1], int(match[2])), float(rates["null"])))
    return found


def _promises(cells: Cells, arrival: Any, duration: Any) -> dict[str, Any]:
    """Priorities, and deadlines of jobs with a service-level objective."""
    slo = cells.number("SLO")
    return {"priority": cells.number("priority_weight").round().fill_null(0),
            "deadline_s": arrival + slo.set(slo < 0, None) * duration}


def _beside(path: Path) -> Path:
    found = sorted(path.parent.glob("*throughputs*.json*"))
    if not found:
        raise TraceError("no table of throughputs beside the trace", str(path),
                         "give throughputs=FILE (Gavel's simulation_throughputs.json)")
    return found[0]
